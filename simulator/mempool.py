"""The pending pool, the fee market and the block builder, by Ethereum's rules.

The builder puts every waiting candidate in one order: by effective tip, each sender's nonces in sequence, ties by
arrival. It does not cut the list at the gas limit, as nobody knows what a transaction uses before it has run: the chain
walks the list and decides while executing (see `Chain.execute`). `settle` then takes out what left the pool.

A transaction leaves in one of four ways, and whoever caused it is told: `add` returns what it replaced, `expire` what
its sender gave up, `settle` what was included and what was dropped.
"""

import heapq
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Final, NamedTuple, Protocol

from simulator.chain.types import (
    Address,
    Bundle,
    BundleReceipt,
    Candidate,
    Outcome,
    Receipt,
    Skipped,
    Transaction,
    Virtual,
)

_ELASTICITY: Final = 2  # EIP-1559: the limit over the target
_CHANGE_DENOMINATOR: Final = 8  # EIP-1559: at most an eighth a block
_BUMP_PERCENT: Final = 10  # geth's txpool.pricebump: by what a replacement raises both fees
_NEVER: Final = float("inf")


# ------------------------------------------------------------------ the fee market


class FeeMarket(Protocol):
    """How the price floor of blocks moves."""

    base_fee: int  # [wei per gas] of the next block

    def advance(self, gas_used: int) -> None:
        """Take note of a block's gas, virtual gas included."""
        ...


class Eip1559:
    """The base fee of EIP-1559, in its integer arithmetic."""

    def __init__(self, base_fee: int, gas_limit: int) -> None:
        self.base_fee = base_fee
        self._target = gas_limit // _ELASTICITY

    def advance(self, gas_used: int) -> None:
        """Move towards the price at which blocks are half full."""
        fee, target = self.base_fee, self._target
        if not target or gas_used == target:
            return
        if gas_used > target:
            self.base_fee = fee + max(fee * (gas_used - target) // target // _CHANGE_DENOMINATOR, 1)
        else:
            self.base_fee = fee - fee * (target - gas_used) // target // _CHANGE_DENOMINATOR


class Legacy:
    """The first-price auction before August 2021: no base fee, the whole gas price is the tip."""

    base_fee = 0

    def advance(self, gas_used: int) -> None:
        """Nothing moves."""


# ------------------------------------------------------------------------ the pool


class Admission(NamedTuple):
    """What the pool did with a transaction that was sent to it."""

    accepted: bool
    reason: str = ""  # of a refusal
    replaced: Transaction | None = None


class Dropped(NamedTuple):
    """A transaction that a block made impossible."""

    transaction: Transaction
    reason: str


class _Offer(NamedTuple):
    bundle: Bundle
    arrival: int
    blocks_left: int


_Entry = tuple[Transaction, int]  # the second is its arrival, a running number
_Queue = dict[int, _Entry]  # of one sender, by nonce
# The lower the earlier: tip (negated), kind (bundle 0, transaction 1, virtual 2), a bundle's mean (negated), arrival.
_Rank = tuple[int, ...]

_ACCEPTED: Final = Admission(True)


class Mempool:
    """Transactions that wait for a block, by sender and nonce, and bundles that only builders see."""

    def __init__(self) -> None:
        self._senders: dict[Address, _Queue] = {}
        self._bundles: list[_Offer] = []
        self._deadlines: list[tuple[float, int, Transaction]] = []  # a heap; what left before stays until its time
        self._next_nonces: dict[Address, int] = {}  # after the last one seen in a block
        self._arrivals = 0

    def __len__(self) -> int:
        return sum(map(len, self._senders.values()))

    def pending(self) -> Iterator[Transaction]:
        """What anybody can see waiting, by order of arrival. Bundles are private."""
        entries = [entry for queue in self._senders.values() for entry in queue.values()]
        entries.sort(key=itemgetter(1))
        return (tx for tx, _ in entries)

    # --------------------------------------------------------------- coming in

    def add(self, tx: Transaction, expires: float = _NEVER) -> Admission:
        """Take a transaction, which waits until `expires` [same clock as `expire`].

        One of the same sender and nonce is replaced if both fees are 10 % higher.
        """
        sender, nonce = tx.sender, tx.nonce
        if tx.max_tip > tx.max_fee:
            return Admission(False, "tip above fee cap")
        if nonce < self._next_nonces.get(sender, 0):
            return Admission(False, "nonce too low")
        queue = self._senders.get(sender)
        old = queue.get(nonce) if queue is not None else None
        if old is not None and not _outbids(tx, old[0]):
            return Admission(False, "replacement needs 10 % more of both fees")
        self._arrivals += 1
        entry = (tx, self._arrivals)
        if queue is None:
            self._senders[sender] = {nonce: entry}
        else:
            queue[nonce] = entry
        if expires != _NEVER:
            heapq.heappush(self._deadlines, (expires, self._arrivals, tx))
        return _ACCEPTED if old is None else Admission(True, replaced=old[0])

    def add_bundle(self, bundle: Bundle, blocks: int = 1) -> Admission:
        """Offer a bundle to the builders of the next `blocks` blocks. Raises ValueError."""
        if blocks < 1 or not bundle.transactions:
            raise ValueError(f"a bundle of {len(bundle.transactions)} transactions for {blocks} blocks")
        if self._is_stale(bundle):
            return Admission(False, "nonce too low")
        self._arrivals += 1
        self._bundles.append(_Offer(bundle, self._arrivals, blocks))
        return _ACCEPTED

    # ------------------------------------------------------------- the builder

    def candidates(self, base_fee: int, demand: Sequence[Virtual] = ()) -> list[Candidate]:
        """The next block's candidates in a builder's order; `demand` in any order of tips.

        A builder takes the best of what each sender has next, again and again. So a transaction that pays more than one
        before it of its sender follows that one at once: each stands at the worst place of its sequence so far, and one
        stable sort does the builder's work.
        """
        if not demand and not self._bundles and len(self._senders) <= 1:
            return self._of_one_sender(base_fee)
        ranked: list[tuple[_Rank, Candidate]] = []
        for queue in self._senders.values():
            place: _Rank = ()  # before every other
            for tip, tx, arrival in _ready(queue, base_fee):
                place = max(place, (-tip, 1, 0, arrival))
                ranked.append((place, tx))
        ranked += [((-virtual.tip, 2, 0, number), virtual) for number, virtual in enumerate(demand)]
        ranked += [(self._bundle_rank(offer, base_fee), offer.bundle) for offer in self._bundles]
        ranked.sort(key=itemgetter(0))
        return [candidate for _, candidate in ranked]

    def _of_one_sender(self, base_fee: int) -> list[Candidate]:
        for queue in self._senders.values():
            if len(queue) > 1:
                return [tx for _, tx, _ in _ready(queue, base_fee)]
            # The common block of a quiet time: an oracle's report and nothing else.
            return [tx for tx, _ in queue.values() if tx.max_fee >= base_fee]
        return []

    def _bundle_rank(self, offer: _Offer, base_fee: int) -> _Rank:
        """At its mean tip by gas limits or, if that is earlier, just before a waiting transaction that it contains.

        There the builder would earn as much without it, so one that back-runs a transaction comes no later than that.
        """
        transactions = offer.bundle.transactions
        gas = sum(tx.gas for tx in transactions)
        mean = sum(tx.effective_tip(base_fee) * tx.gas for tx in transactions) // gas if gas else 0
        place = max([mean, *(tx.effective_tip(base_fee) for tx in transactions if self._is_waiting(tx))])
        return (-place, 0, -mean, offer.arrival)

    # --------------------------------------------------------------- going out

    def expire(self, now: float) -> list[Transaction]:
        """Take out what its sender gave up at or before `now`."""
        deadlines = self._deadlines
        gone = []
        while deadlines and deadlines[0][0] <= now:
            _, arrival, tx = heapq.heappop(deadlines)
            queue = self._senders.get(tx.sender, {})
            if tx.nonce in queue and queue[tx.nonce][1] == arrival:
                self._remove(tx)
                gone.append(tx)
        return gone

    def settle(self, outcomes: Sequence[Outcome]) -> list[Dropped]:
        """Take out what a block included or dropped, and say what was dropped, each once; what was passed over stays.

        A transaction that a bundle offers is dropped only when no bundle offers it any more.
        """
        dropped: list[Dropped] = []
        for outcome in outcomes:
            if type(outcome) is Receipt:
                self._include(outcome.transaction, dropped)
            elif type(outcome) is BundleReceipt:
                for receipt in outcome.receipts:
                    self._include(receipt.transaction, dropped)
            elif type(outcome) is Skipped and outcome.dropped:
                tx = outcome.candidate
                # One that a bundle took along is tried once more in its own place: that is no second departure.
                if type(tx) is Transaction and self._is_waiting(tx):
                    self._remove(tx)
                    if not self._is_offered(tx):
                        dropped.append(Dropped(tx, outcome.reason))
        if self._bundles:
            self._age_bundles(outcomes, dropped)
        return dropped

    def _include(self, tx: Transaction, dropped: list[Dropped]) -> None:
        """Note a used nonce; whatever else waited with it or a lower one never can be included."""
        sender, used = tx.sender, tx.nonce
        self._next_nonces[sender] = used + 1
        queue = self._senders.get(sender)
        if queue is None:
            return
        for nonce in [nonce for nonce in queue if nonce <= used]:
            waiting, _ = queue.pop(nonce)
            if waiting is not tx and waiting != tx:
                dropped.append(Dropped(waiting, "nonce too low"))
        if not queue:
            del self._senders[sender]

    def _remove(self, tx: Transaction) -> None:
        queue = self._senders[tx.sender]
        del queue[tx.nonce]
        if not queue:
            del self._senders[tx.sender]

    def _age_bundles(self, outcomes: Sequence[Outcome], dropped: list[Dropped]) -> None:
        """Keep the bundles that can still happen; drop what only the others offered."""
        failures = {o.candidate: o.reason for o in outcomes if type(o) is Skipped and type(o.candidate) is Bundle}
        kept, lapsed = [], []
        for offer in self._bundles:
            blocks_left = offer.blocks_left - (offer.bundle in failures)
            if blocks_left and not self._is_stale(offer.bundle):
                kept.append(offer._replace(blocks_left=blocks_left))
            else:
                lapsed.append(offer.bundle)
        self._bundles = kept
        accounted = {each.transaction for each in dropped}
        accounted.update(_included(outcomes))
        accounted.update(tx for offer in kept for tx in offer.bundle.transactions)
        for bundle in lapsed:
            for tx in bundle.transactions:
                if tx not in accounted and not self._is_waiting(tx):
                    accounted.add(tx)
                    dropped.append(Dropped(tx, failures.get(bundle, "nonce too low")))

    # ----------------------------------------------------------------- looking

    def _is_waiting(self, tx: Transaction) -> bool:
        queue = self._senders.get(tx.sender)
        entry = queue.get(tx.nonce) if queue is not None else None
        return entry is not None and entry[0] == tx

    def _is_offered(self, tx: Transaction) -> bool:
        return any(tx in offer.bundle.transactions for offer in self._bundles)

    def _is_stale(self, bundle: Bundle) -> bool:
        """Whether a nonce of it was used, so that it can never happen."""
        return any(tx.nonce < self._next_nonces.get(tx.sender, 0) for tx in bundle.transactions)


def _included(outcomes: Sequence[Outcome]) -> Iterator[Transaction]:
    for outcome in outcomes:
        if type(outcome) is Receipt:
            yield outcome.transaction
        elif type(outcome) is BundleReceipt:
            yield from (receipt.transaction for receipt in outcome.receipts)


def _outbids(tx: Transaction, old: Transaction) -> bool:
    """Geth's rule: both fees higher by 10 %, rounded down to the wei, and in any case higher."""
    return _raises(tx.max_fee, old.max_fee) and _raises(tx.max_tip, old.max_tip)


def _raises(fee: int, old: int) -> bool:
    return fee > old and fee >= old * (100 + _BUMP_PERCENT) // 100


def _ready(queue: _Queue, base_fee: int) -> Iterator[tuple[int, Transaction, int]]:
    """A sender's transactions in sequence, up to the first gap or fee cap below the base fee: tip, itself, arrival."""
    expected = None
    for nonce in sorted(queue) if len(queue) > 1 else queue:
        tx, arrival = queue[nonce]
        tip, room = tx.max_tip, tx.max_fee - base_fee
        if room < 0 or (expected is not None and nonce != expected):
            return
        expected = nonce + 1
        yield (tip if tip < room else room), tx, arrival
