"""A pending pool and a block builder as plain as they can be, to hold the fast ones against.

Base fee, effective tip, validity and the order of equal tips are the text of EIP-1559. Replacement is geth's rule, a
bundle's place is the one that the design gives it. Nothing here is fast: every choice looks at everything again.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from math import floor
from typing import Any, NamedTuple

from model_chain import ModelChain, gas_of

from simulator.chain.types import (
    Address,
    BlockEnv,
    Bundle,
    BundleReceipt,
    Candidate,
    Filled,
    Outcome,
    Receipt,
    Skipped,
    Transaction,
    Virtual,
)

ELASTICITY_MULTIPLIER = 2
BASE_FEE_MAX_CHANGE_DENOMINATOR = 8


def next_base_fee(parent_base_fee: int, parent_gas_used: int, parent_gas_limit: int) -> int:
    """What EIP-1559 demands of a header, given its parent's."""
    target = parent_gas_limit // ELASTICITY_MULTIPLIER
    if parent_gas_used == target:
        return parent_base_fee
    change = parent_base_fee * abs(parent_gas_used - target) // target // BASE_FEE_MAX_CHANGE_DENOMINATOR
    if parent_gas_used > target:
        return parent_base_fee + max(change, 1)
    return parent_base_fee - change


def priority_fee(tx: Transaction, base_fee: int) -> int:
    """What is left for the builder after the base fee, at most what the sender wants to give."""
    return min(tx.max_tip, tx.max_fee - base_fee)


def may_replace(new: Transaction, old: Transaction) -> bool:
    """Both fees must rise, and by ten per cent, where a part of a wei does not count."""
    pairs = ((new.max_fee, old.max_fee), (new.max_tip, old.max_tip))
    return all(high > low and high >= floor(low * Fraction(11, 10)) for high, low in pairs)


@dataclass(frozen=True)
class Sent:
    """A public transaction and when it was received."""

    transaction: Transaction
    time: int
    expires: float


@dataclass(frozen=True)
class Offered:
    """A private bundle."""

    bundle: Bundle
    time: int
    blocks_left: int


class Choice(NamedTuple):
    """A candidate, how good it is, and the list element that stands for it."""

    merit: tuple[int, int, int, int]
    candidate: Candidate
    source: list[Any]
    item: object


@dataclass
class Block:
    """What was taken, in order, and what became of each transaction that is known no longer."""

    taken: list[Outcome] = field(default_factory=list)
    included: list[Receipt] = field(default_factory=list)
    dropped: list[Transaction] = field(default_factory=list)

    @property
    def gas_used(self) -> int:
        return sum(map(gas_of, self.taken))


class ReferencePool:
    """Two lists."""

    def __init__(self) -> None:
        self.public: list[Sent] = []
        self.private: list[Offered] = []
        self.used: set[tuple[Address, int]] = set()
        self.time = 0

    # ------------------------------------------------------------ coming in

    def add(self, tx: Transaction, expires: float) -> tuple[bool, Transaction | None]:
        """Whether it is taken, and what it replaced."""
        if tx.max_tip > tx.max_fee or self._is_used(tx):
            return False, None
        same = [sent for sent in self.public if _slot(sent.transaction) == _slot(tx)]
        if any(not may_replace(tx, sent.transaction) for sent in same):
            return False, None
        self.time += 1
        self.public = [sent for sent in self.public if sent not in same] + [Sent(tx, self.time, expires)]
        return True, same[0].transaction if same else None

    def add_bundle(self, bundle: Bundle, blocks: int) -> bool:
        if any(self._is_used(tx) for tx in bundle.transactions):
            return False
        self.time += 1
        self.private.append(Offered(bundle, self.time, blocks))
        return True

    def expire(self, now: float) -> list[Transaction]:
        gone = [sent for sent in self.public if sent.expires <= now]
        self.public = [sent for sent in self.public if sent not in gone]
        return [sent.transaction for sent in gone]

    # ------------------------------------------------------------- the block

    def build(self, chain: ModelChain, env: BlockEnv, demand: list[Virtual]) -> Block:
        """Take the best of what can come next, try it, and look again."""
        block, lost = Block(), set()
        senders = {sent.transaction.sender for sent in self.public}
        queues = [queue for queue in (self._sequence(sender, env.base_fee) for sender in senders) if queue]
        bundles, virtual = list(self.private), list(enumerate(demand))
        while queues or bundles or virtual:
            choices: list[Choice] = []
            choices += [Choice(self._merit(q[0], env.base_fee), q[0].transaction, q, q[0]) for q in queues]
            choices += [Choice(self._bundle_merit(o, env.base_fee), o.bundle, bundles, o) for o in bundles]
            choices += [Choice((v.tip, 0, 0, -number), v, virtual, (number, v)) for number, v in virtual]
            _, best, source, item = max(choices, key=lambda choice: choice.merit)
            source.remove(item)
            queues = [queue for queue in queues if queue]
            outcome = chain.attempt(best, env.base_fee, env.gas_limit - block.gas_used)
            if not isinstance(outcome, Skipped):
                block.taken.append(outcome)
            elif outcome.dropped and isinstance(best, Transaction):
                lost.add(best)
        self._settle(block, lost)
        return block

    def _sequence(self, sender: Address, base_fee: int) -> list[Sent]:
        """What a builder sees of a sender: consecutive nonces that all can pay the base fee."""
        queue = sorted((s for s in self.public if s.transaction.sender == sender), key=lambda s: s.transaction.nonce)
        ready: list[Sent] = []
        for sent in queue:
            tx = sent.transaction
            if tx.max_fee < base_fee or (ready and tx.nonce != ready[-1].transaction.nonce + 1):
                break
            ready.append(sent)
        return ready

    def _merit(self, sent: Sent, base_fee: int) -> tuple[int, int, int, int]:
        """The higher the better: fee per gas, then bundles before transactions before the rest, then the earlier."""
        return (priority_fee(sent.transaction, base_fee), 1, 0, -sent.time)

    def _bundle_merit(self, offered: Offered, base_fee: int) -> tuple[int, int, int, int]:
        """The mean of its fees, or as good as the best public transaction in it."""
        transactions = offered.bundle.transactions
        mean = sum(tx.gas * priority_fee(tx, base_fee) for tx in transactions) // sum(tx.gas for tx in transactions)
        public = {sent.transaction for sent in self.public}
        best = max([mean] + [priority_fee(tx, base_fee) for tx in transactions if tx in public])
        return (best, 2, mean, -offered.time)

    # --------------------------------------------------------------- after it

    def _settle(self, block: Block, lost: set[Transaction]) -> None:
        """What was known before, is in no list now and not in the block, was dropped."""
        before = self._known()
        for outcome in block.taken:
            if isinstance(outcome, BundleReceipt):
                block.included += outcome.receipts
            elif not isinstance(outcome, Filled):
                block.included.append(outcome)
        self.used |= {_slot(receipt.transaction) for receipt in block.included}
        self.public = [s for s in self.public if s.transaction not in lost and not self._is_used(s.transaction)]
        self.private = [
            Offered(offered.bundle, offered.time, offered.blocks_left - 1)
            for offered in self.private
            if offered.blocks_left > 1 and not any(self._is_used(tx) for tx in offered.bundle.transactions)
        ]
        included = {receipt.transaction for receipt in block.included}
        block.dropped = [tx for tx in before if tx not in included and tx not in self._known()]

    def _known(self) -> dict[Transaction, None]:
        public = [sent.transaction for sent in self.public]
        private = [tx for offered in self.private for tx in offered.bundle.transactions]
        return dict.fromkeys(public + private)

    def _is_used(self, tx: Transaction) -> bool:
        """Whether the sender was seen to use this nonce or a later one."""
        return any(sender == tx.sender and nonce >= tx.nonce for sender, nonce in self.used)


def _slot(tx: Transaction) -> tuple[Address, int]:
    return tx.sender, tx.nonce
