"""From a decision to a block: signing with the right nonce and fee, latency, and what became of each transaction."""

import heapq
from typing import NamedTuple

import simpy

from simulator.agents.base import Desk, Fate
from simulator.chain.base import Chain
from simulator.chain.types import Address, Transaction
from simulator.gas_price import GasPrice
from simulator.mempool import Mempool
from simulator.protocols.base import Call


class Sent(NamedTuple):
    """A transaction on its way, with who waits for it."""

    desk: Desk
    call: Call
    submitted: int  # [unix s]
    answer: simpy.Event | None


class Outbox:
    """Carries the calls of agents to the mempool and their fates back."""

    def __init__(self, clock: simpy.Environment, chain: Chain, pool: Mempool, prices: GasPrice, start: int) -> None:
        self._clock, self._chain, self._pool, self._prices = clock, chain, pool, prices
        self._start = start
        self._nonces: dict[Address, int] = {}
        self._gaps: dict[Address, list[int]] = {}  # nonces of what was dropped, to be used again
        self._waiting: dict[tuple[Address, int], Sent] = {}
        # What waits, by action and subject: the fee cap of each transaction by sender and nonce.
        self._rivals: dict[tuple[str, str], dict[tuple[Address, int], int]] = {}

    def send(self, desk: Desk, call: Call, answer: simpy.Event | None = None) -> None:
        """Send after the desk's latency; `answer` is given the Fate."""
        latency = desk.settings.latency_seconds
        if not latency:
            self._submit(desk, call, answer)
            return
        arrival = self._clock.timeout(latency)
        arrival.callbacks.append(lambda _: self._submit(desk, call, answer))

    def is_contested(self, desk: Desk, call: Call) -> bool:
        """Whether the pool shows somebody doing the same at no lower a price, or the desk itself at any."""
        rivals = self._rivals.get((call.action, call.subject))
        if not rivals:
            return False
        offer = self._prices.offer(desk.settings.gas).max_fee
        return any(fee >= offer or sender == desk.address for (sender, _), fee in rivals.items())

    def sent(self, tx: Transaction) -> Sent | None:
        """Who sent a transaction that still waits."""
        return self._waiting.get((tx.sender, tx.nonce))

    def _submit(self, desk: Desk, call: Call, answer: simpy.Event | None) -> None:
        max_fee, max_tip = self._prices.offer(desk.settings.gas)
        nonce = self._next_nonce(desk.address)
        tx = Transaction(desk.address, nonce, call.to, call.data, call.value, call.gas, max_fee, max_tip)
        self._waiting[desk.address, nonce] = Sent(desk, call, self._start + int(self._clock.now), answer)
        self._rivals.setdefault((call.action, call.subject), {})[desk.address, nonce] = max_fee
        self._pool.add(tx)

    def _next_nonce(self, sender: Address) -> int:
        gaps = self._gaps.get(sender)
        if gaps:
            return heapq.heappop(gaps)
        nonce = self._nonces.get(sender)
        if nonce is None:
            nonce = self._chain.nonce(sender)
        self._nonces[sender] = nonce + 1
        return nonce

    def settle(self, tx: Transaction, fate: Fate) -> Sent | None:
        """Tell the sender; the record of what was sent, None for a transaction of nobody here."""
        sent = self._waiting.pop((tx.sender, tx.nonce), None)
        if sent is None:
            return None
        if fate.receipt is None:
            # The nonce is free again, and what follows it waits for it to be used.
            heapq.heappush(self._gaps.setdefault(tx.sender, []), tx.nonce)
        rivals = self._rivals[sent.call.action, sent.call.subject]
        del rivals[tx.sender, tx.nonce]
        if not rivals:
            del self._rivals[sent.call.action, sent.call.subject]
        if sent.answer is not None:
            sent.answer.succeed(fate)
        return sent
