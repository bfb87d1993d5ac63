"""Who is in a block, where only a node can execute it.

A node knows nothing of virtual gas and bundles, and nobody knows what a transaction uses before it has run. So the
list of candidates is settled by guessing: everything that may be included is mined, and the receipts are walked as the
embedded chain walks its candidates. At the first candidate that should not have been mined (or should have been) the
block is taken back, what is known by then stays known, and the rest is guessed again. Most blocks have room for
everything, and their first guess is certain.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from simulator.chain.rules import most_it_costs, refusal, skipped
from simulator.chain.types import (
    Address,
    BlockEnv,
    Bundle,
    BundleReceipt,
    Candidate,
    Filled,
    Outcome,
    Reason,
    Receipt,
    Skipped,
    Transaction,
    Virtual,
)

_LEAST_GAS = 16_800  # of any transaction: 21,000 less the largest refund, a fifth (EIP-3529)


class Guess(NamedTuple):
    """What to mine, in order."""

    transactions: list[Transaction]
    costs: dict[Address, int]  # [wei] that each sender must have for all of his to be affordable
    certain: bool  # as long as every sender can pay: the walk will not refuse what is in it


def _transactions(candidate: Candidate) -> Sequence[Transaction]:
    if isinstance(candidate, Bundle):
        return candidate.transactions
    return (candidate,) if isinstance(candidate, Transaction) else ()


class Inclusion:
    """The settlement of one block: `guess`, mine, `judge`, until the judgement is not None."""

    def __init__(self, env: BlockEnv, candidates: Sequence[Candidate], nonce_of: Callable[[Address], int]) -> None:
        self._env, self._candidates = env, candidates
        # Asked before anything is mined: the walk counts from there.
        senders = dict.fromkeys(tx.sender for candidate in candidates for tx in _transactions(candidate))
        self._nonce_of = {sender: nonce_of(sender) for sender in senders}.__getitem__
        self._known: dict[int, Skipped] = {}  # by place among the candidates
        self._sent: dict[int, int] = {}  # how many transactions of the candidate at a place were mined in the guess

    # ------------------------------------------------------------------ guessing

    def guess(self) -> Guess:
        """Everything that may still be included, earlier ones taken as included."""
        base_fee = self._env.base_fee
        lowest = highest = self._env.gas_limit  # bounds of the gas left
        nonces: dict[Address, int] = {}
        costs: dict[Address, int] = {}
        chosen: list[Transaction] = []
        certain = True
        self._sent = {}
        for place, candidate in enumerate(self._candidates):
            if place in self._known:
                continue
            if isinstance(candidate, Virtual):
                lowest, highest = max(0, lowest - candidate.gas), max(0, highest - candidate.gas)
                continue
            members = _transactions(candidate)
            certain = certain and not isinstance(candidate, Bundle)
            self._sent[place] = 0
            for tx in members:
                sender = tx.sender
                if refusal(tx, self._next_nonce(nonces, sender), highest, base_fee) is not None:
                    break  # of a bundle, what comes before it still tells for which reason it fails
                nonces[sender] = tx.nonce + 1
                costs[sender] = costs.get(sender, 0) + most_it_costs(tx)
                certain = certain and tx.gas <= lowest
                lowest, highest = max(0, lowest - tx.gas), max(0, highest - _LEAST_GAS)
                self._sent[place] += 1
                chosen.append(tx)
        return Guess(chosen, costs, certain)

    def _next_nonce(self, nonces: dict[Address, int], sender: Address) -> int:
        nonce = nonces.get(sender)
        return self._nonce_of(sender) if nonce is None else nonce

    # ------------------------------------------------------------------- judging

    def judge(self, mined: Sequence[Receipt]) -> list[Outcome] | None:
        """The outcome of every candidate; None where the guess was wrong, and the block must be taken back."""
        walk = _Walk(self._env, mined, self._nonce_of)
        outcomes: list[Outcome] = []
        for place, candidate in enumerate(self._candidates):
            outcome: Outcome | None
            if place in self._known:
                outcome = self._known[place]
            elif isinstance(candidate, Virtual):
                outcome = walk.fill(candidate)
            elif isinstance(candidate, Bundle):
                outcome = walk.take_bundle(candidate, self._sent[place])
            else:
                outcome = walk.take(candidate, self._sent[place])
            if isinstance(outcome, Skipped):
                self._known[place] = outcome
            if outcome is None or walk.wrong:
                return None
            outcomes.append(outcome)
        return outcomes if walk.at_end else None


class _Walk:
    """The rules of a block over receipts that are already there."""

    def __init__(self, env: BlockEnv, mined: Sequence[Receipt], nonce_of: Callable[[Address], int]) -> None:
        self.wrong = False  # the block has something that does not belong there
        self._gas_left, self._base_fee = env.gas_limit, env.base_fee
        self._mined, self._next = mined, 0
        self._nonce_of = nonce_of
        self._nonces: dict[Address, int] = {}

    @property
    def at_end(self) -> bool:
        """Whether every receipt was accounted for."""
        return self._next == len(self._mined)

    def fill(self, virtual: Virtual) -> Filled:
        used = min(virtual.gas, self._gas_left)
        self._gas_left -= used
        return Filled(virtual, used)

    def take(self, tx: Transaction, sent: int) -> Receipt | Skipped | None:
        """The receipt of a transaction or why it has none; None where it should have been mined and was not."""
        found = self._found(tx, sent > 0)
        if isinstance(found, Receipt):
            return found
        self.wrong = self._is_next(tx)
        return None if found is None else skipped(tx, found)

    def take_bundle(self, bundle: Bundle, sent: int) -> BundleReceipt | Skipped | None:
        """As `take`, all or nothing."""
        receipts: list[Receipt] = []
        for index, tx in enumerate(bundle.transactions):
            found = self._found(tx, index < sent)
            if isinstance(found, Receipt):
                receipts.append(found)
                if found.status:
                    continue
                found = "bundle reverted"
            # A node does not stop at the one that fails: what comes behind it may have been mined.
            self.wrong = bool(receipts) or any(map(self._is_next, bundle.transactions))
            return None if found is None else Skipped(bundle, found, True)
        return BundleReceipt(bundle, tuple(receipts))

    def _found(self, tx: Transaction, sent: bool) -> Receipt | Reason | None:
        nonce = self._nonces.get(tx.sender)
        reason = refusal(tx, self._nonce_of(tx.sender) if nonce is None else nonce, self._gas_left, self._base_fee)
        if reason is not None:
            return reason
        if not sent:
            return None
        if not self._is_next(tx):
            return "insufficient funds"  # the only thing that a node sees and `refusal` does not
        receipt = self._mined[self._next]
        self._next += 1
        self._gas_left -= receipt.gas_used
        self._nonces[tx.sender] = tx.nonce + 1
        return receipt

    def _is_next(self, tx: Transaction) -> bool:
        return self._next < len(self._mined) and self._mined[self._next].transaction is tx
