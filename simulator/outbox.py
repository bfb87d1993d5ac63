"""From a decision to a block: signing with the right nonce and fee, latency, and what became of each transaction."""

import heapq
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import simpy

from simulator.agents.base import Desk, Fate
from simulator.chain.base import Chain
from simulator.chain.types import Address, Bundle, Transaction
from simulator.gas_price import GasPrice
from simulator.mempool import Admission, Mempool
from simulator.protocols.base import Call


class Sent(NamedTuple):
    """A transaction on its way, with who waits for it."""

    desk: Desk
    call: Call
    submitted: int  # [unix s]
    answer: simpy.Event | None
    transaction: Transaction  # as first signed


class Outbox:
    """Carries the calls of agents to the mempool and their fates back."""

    def __init__(
        self,
        clock: simpy.Environment,
        chain: Chain,
        pool: Mempool,
        prices: GasPrice,
        start: int,
        show: Callable[[Transaction, Call], None],
        refuse: Callable[[Transaction, str], None],
    ) -> None:
        self._clock, self._chain, self._pool, self._prices = clock, chain, pool, prices
        self._show = show  # told of everything that reaches the pool
        self._refuse = refuse  # and of what the pool does not take, with the reason
        self._start = start
        self._nonces: dict[Address, int] = {}
        self._gaps: dict[Address, list[int]] = {}  # nonces of what was dropped, to be used again
        self._waiting: dict[tuple[Address, int], Sent] = {}
        # What waits, by action and subject: the fee cap of each transaction by sender and nonce.
        self._rivals: dict[tuple[str, str], dict[tuple[Address, int], int]] = {}
        self._to_bump: deque[tuple[int, Transaction]] = deque()  # with the block after which it has waited too long
        self.block = 0  # the latest
        self.watched = False  # whether anybody looks at what reaches the pool

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

    def unsettled(self) -> list[Sent]:
        """Everything that was sent and has no fate yet, in order of sending."""
        return list(self._waiting.values())

    def sent(self, tx: Transaction) -> Sent | None:
        """Who sent a transaction that still waits."""
        return self._waiting.get((tx.sender, tx.nonce))

    def _submit(self, desk: Desk, call: Call, answer: simpy.Event | None) -> None:
        if call.after is not None:
            self._submit(desk, call.after, None)
        rule = desk.settings.gas
        tx = self._sign(desk, call, *self._prices.offer(rule))
        self._keep(tx, desk, call, answer)
        admission = self._pool.add(tx)
        if not admission.accepted:
            self._refuse(tx, admission.reason)
            return
        if rule.bump_blocks:
            self._watch(tx, desk)
        if self.watched:
            self._show(tx, call)

    def send_bundle(self, desk: Desk, before: Transaction, call: Call, tip: int, answer: simpy.Event) -> None:
        """Offer the next block a bundle of `before` and, right behind it, `call` at a tip [wei per gas]."""
        tx = self._sign(desk, call, self._prices.base_fee + tip, tip)
        self._keep(tx, desk, call, answer)
        admission = self._pool.add_bundle(Bundle((before, tx)))
        if not admission.accepted:
            self._refuse(tx, admission.reason)

    def _sign(self, desk: Desk, call: Call, max_fee: int, max_tip: int) -> Transaction:
        sender = desk.address
        to, data, gas, _, _, _, value, _ = call
        return Transaction(sender, self._next_nonce(sender), to, data, value, gas, max_fee, max_tip)

    def _keep(self, tx: Transaction, desk: Desk, call: Call, answer: simpy.Event | None) -> None:
        key = (tx.sender, tx.nonce)
        self._waiting[key] = Sent(desk, call, self._start + int(self._clock.now), answer, tx)
        if call.subject:
            self._rivals.setdefault((call.action, call.subject), {})[key] = tx.max_fee

    def adopt(self, tx: Transaction, desk: Desk, call: Call) -> Admission:
        """Take a transaction that somebody outside of the scenario has signed."""
        admission = self._pool.add(tx)
        if admission.accepted:
            if tx.sender in self._nonces:  # somebody has the key of one of ours
                self._nonces[tx.sender] = max(self._nonces[tx.sender], tx.nonce + 1)
            if admission.replaced is not None:
                self._give_way((tx.sender, tx.nonce))
            self._keep(tx, desk, call, None)
            if self.watched:
                self._show(tx, call)
        return admission

    def _give_way(self, key: tuple[Address, int]) -> None:
        """Forget what an outsider's transaction has replaced, and tell its sender."""
        former = self._waiting.pop(key, None)
        if former is None:
            return
        if former.call.subject:
            self._forget_rival(former.call, key)
        if former.answer is not None:
            former.answer.succeed(Fate("replaced", "", None))

    def _watch(self, tx: Transaction, desk: Desk) -> None:
        self._to_bump.append((self.block + desk.settings.gas.bump_blocks, tx))

    def bump(self, block: int) -> list[tuple[Transaction, Sent]]:
        """Replace what its sender has let wait too long, where block space has become dearer; what was replaced."""
        self.block = block
        if not self._to_bump:
            return []
        replaced: list[tuple[Transaction, Sent]] = []
        for _ in range(len(self._to_bump)):
            due, tx = self._to_bump.popleft()
            sent = self.sent(tx)
            if sent is None:
                continue
            if due > block:
                self._to_bump.append((due, tx))
                continue
            fees = self._prices.offer(sent.desk.settings.gas)
            dearer = tx._replace(max_fee=fees.max_fee, max_tip=fees.max_tip)
            if self._pool.add(dearer).accepted:
                if sent.call.subject:
                    self._rivals[sent.call.action, sent.call.subject][tx.sender, tx.nonce] = fees.max_fee
                replaced.append((tx, sent))
                tx = dearer
            self._watch(tx, sent.desk)
        return replaced

    def _next_nonce(self, sender: Address) -> int:
        if self._gaps and (gaps := self._gaps.get(sender)):
            return heapq.heappop(gaps)
        nonce = self._nonces.get(sender)
        if nonce is None:
            nonce = self._chain.nonce(sender)
        self._nonces[sender] = nonce + 1
        return nonce

    def _forget_rival(self, call: Call, key: tuple[Address, int]) -> None:
        rivals = self._rivals[call.action, call.subject]
        del rivals[key]
        if not rivals:
            del self._rivals[call.action, call.subject]

    def settle(self, tx: Transaction, fate: Fate) -> Sent | None:
        """Tell the sender; the record of what was sent, None for a transaction of nobody here."""
        sent = self._waiting.pop((tx.sender, tx.nonce), None)
        if sent is None:
            return None
        if fate.receipt is None and tx.nonce >= self._chain.nonce(tx.sender):
            # The nonce is free again, and what follows it waits for it to be used.
            heapq.heappush(self._gaps.setdefault(tx.sender, []), tx.nonce)
        if sent.call.subject:
            self._forget_rival(sent.call, (tx.sender, tx.nonce))
        if sent.answer is not None:
            sent.answer.succeed(fate)
        return sent
