"""The pending pool, the fee market and the block builder, by Ethereum's rules.

Order is by effective tip, a sender's nonces in sequence, ties by arrival. The builder lists candidates; the chain walks
the list and decides while executing what still fits (see `Chain.execute`), then `settle` takes out what left the pool.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
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
_BUMP_PERCENT: Final = 10  # by which a replacement must raise both fees


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


class Admission(NamedTuple):
    """What the pool did with a transaction that was sent to it."""

    accepted: bool
    reason: str = ""  # of a refusal
    replaced: Transaction | None = None


class Departure(NamedTuple):
    """A transaction that left the pool in a block."""

    transaction: Transaction
    receipt: Receipt | None
    reason: str  # where it was dropped


class _Entry(NamedTuple):
    transaction: Transaction
    arrival: int  # running number
    expires: float


class _Offer(NamedTuple):
    bundle: Bundle
    arrival: int
    blocks_left: int


_NEVER: Final = float("inf")
# The lower the earlier: tip offered (negated), kind (bundle, transaction, virtual), own tip (negated), arrival.
_Rank = tuple[int, int, int, int]


class Mempool:
    """Transactions that wait for a block, by sender and nonce."""

    def __init__(self) -> None:
        self._senders: dict[Address, dict[int, _Entry]] = {}
        self._bundles: list[_Offer] = []
        self._arrivals = 0
        self._expiring = False

    def __len__(self) -> int:
        return sum(map(len, self._senders.values()))

    def pending(self) -> Iterator[Transaction]:
        """What anybody can see waiting, by order of arrival."""
        entries = sorted((e for queue in self._senders.values() for e in queue.values()), key=lambda e: e.arrival)
        return (entry.transaction for entry in entries)

    # --------------------------------------------------------------- coming in

    def add(self, tx: Transaction, expires: float = _NEVER) -> Admission:
        """Take a transaction. One of the same sender and nonce is replaced if both fees are 10 % higher."""
        queue = self._senders.setdefault(tx.sender, {})
        old = queue.get(tx.nonce)
        self._arrivals += 1
        if expires != _NEVER:
            self._expiring = True
        if old is None:
            queue[tx.nonce] = _Entry(tx, self._arrivals, expires)
            return _ACCEPTED
        if not _outbids(tx, old.transaction):
            return Admission(False, "replacement needs 10 % more of both fees")
        queue[tx.nonce] = _Entry(tx, self._arrivals, expires)
        return Admission(True, replaced=old.transaction)

    def add_bundle(self, bundle: Bundle, blocks: int = 1) -> None:
        """Offer a bundle to the builders of the next `blocks` blocks."""
        self._arrivals += 1
        self._bundles.append(_Offer(bundle, self._arrivals, blocks))

    def expire(self, now: float) -> list[Transaction]:
        """Take out what its sender gave up at or before `now`."""
        if not self._expiring:
            return []
        gone = [e.transaction for queue in self._senders.values() for e in queue.values() if e.expires <= now]
        for tx in gone:
            self._remove(tx)
        return gone

    # ----------------------------------------------------------------- the builder

    def candidates(self, base_fee: int, demand: Sequence[Virtual] = ()) -> list[Candidate]:
        """The next block's candidates in a builder's order; `demand` in any order of tips.

        A heap holds what each sender, bundle and virtual candidate has to offer next; the best is taken until all are.
        """
        senders = self._senders
        if len(senders) <= 1 and not demand and not self._bundles:
            return [tx for queue in senders.values() for _, tx in _ready(queue, base_fee)]
        heads: list[tuple[_Rank, Candidate, Iterator[tuple[_Rank, Transaction]] | None]] = []
        for queue in senders.values():
            coming = _ready(queue, base_fee)
            for rank, tx in coming:
                heads.append((rank, tx, coming))
                break
        heads += [((-v.tip, 2, 0, number), v, None) for number, v in enumerate(demand)]
        heads += [(self._bundle_rank(offer, base_fee), offer.bundle, None) for offer in self._bundles]
        heapq.heapify(heads)
        ordered: list[Candidate] = []
        while heads:
            _, candidate, following = heads[0]
            ordered.append(candidate)
            successor = next(following, None) if following else None
            if successor is None:
                heapq.heappop(heads)
            else:
                heapq.heapreplace(heads, (*successor, following))
        return ordered

    def _bundle_rank(self, offer: _Offer, base_fee: int) -> _Rank:
        """A bundle stands where the block would earn as much without it.

        That is at its mean tip by gas limits or, if that is higher, just before a waiting transaction it contains.
        """
        transactions = offer.bundle.transactions
        gas = sum(tx.gas for tx in transactions)
        mean = sum(tx.effective_tip(base_fee) * tx.gas for tx in transactions) // gas if gas else 0
        place = max([mean, *(tx.effective_tip(base_fee) for tx in transactions if self._is_pending(tx))])
        return (-place, 0, -mean, offer.arrival)

    def _is_pending(self, tx: Transaction) -> bool:
        queue = self._senders.get(tx.sender)
        entry = queue.get(tx.nonce) if queue else None
        return entry is not None and entry.transaction == tx

    # ------------------------------------------------------------------ going out

    def settle(self, outcomes: Iterable[Outcome]) -> list[Departure]:
        """Take out what a block included or dropped; what was passed over stays."""
        departures = []
        for outcome in outcomes:
            kind = type(outcome)
            if kind is Receipt:
                if self._remove(outcome.transaction):  # type: ignore[union-attr]
                    departures.append(Departure(outcome.transaction, outcome, ""))  # type: ignore[union-attr,arg-type]
            elif kind is BundleReceipt:
                for receipt in outcome.receipts:  # type: ignore[union-attr]
                    self._remove(receipt.transaction)
                    departures.append(Departure(receipt.transaction, receipt, ""))
            elif kind is Skipped and outcome.dropped:  # type: ignore[union-attr]
                tx = outcome.candidate  # type: ignore[union-attr]
                if isinstance(tx, Transaction) and self._remove(tx):
                    departures.append(Departure(tx, None, outcome.reason))  # type: ignore[union-attr]
        if self._bundles:
            self._age_bundles(outcomes)
        return departures

    def _age_bundles(self, outcomes: Iterable[Outcome]) -> None:
        included = {outcome.candidate for outcome in outcomes if isinstance(outcome, BundleReceipt)}
        self._bundles = [
            offer._replace(blocks_left=offer.blocks_left - 1)
            for offer in self._bundles
            if offer.blocks_left > 1 and offer.bundle not in included
        ]

    def _remove(self, tx: Transaction) -> bool:
        queue = self._senders.get(tx.sender)
        if queue is None or tx.nonce not in queue or queue[tx.nonce].transaction is not tx:
            return False
        del queue[tx.nonce]
        if not queue:
            del self._senders[tx.sender]
        return True


_ACCEPTED: Final = Admission(True)


def _outbids(tx: Transaction, old: Transaction) -> bool:
    factor = 100 + _BUMP_PERCENT
    return tx.max_fee * 100 >= old.max_fee * factor and tx.max_tip * 100 >= old.max_tip * factor


def _ready(queue: dict[int, _Entry], base_fee: int) -> Iterator[tuple[_Rank, Transaction]]:
    """A sender's transactions in sequence, up to the first gap or fee cap below the base fee."""
    nonces = sorted(queue) if len(queue) > 1 else queue
    expected = None
    for nonce in nonces:
        tx, arrival, _ = queue[nonce]
        if tx.max_fee < base_fee or (expected is not None and nonce != expected):
            return
        expected = nonce + 1
        tip = -tx.effective_tip(base_fee)
        yield (tip, 1, tip, arrival), tx
