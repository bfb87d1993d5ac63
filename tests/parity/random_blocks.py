"""Blocks of random candidates, good and bad by the pool's rules, drawn from the state of one chain.

Nothing here looks at a second chain: what is drawn depends on the seed and on what the first chain says alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from parity_calls import Calls, Shot
from parity_system import GAS_LIMIT, Instance, System

from simulator.chain.accounts import account, created_address
from simulator.chain.artifacts import load_artifact
from simulator.chain.rules import intrinsic_gas
from simulator.chain.types import (
    Address,
    BlockEnv,
    Bundle,
    BundleReceipt,
    Candidate,
    Filled,
    Outcome,
    Receipt,
    Transaction,
    Virtual,
)
from simulator.mempool import Eip1559, Mempool
from simulator.units import GWEI, WAD

_PAUPERS = 6


def receipts_of(outcome: Outcome) -> Sequence[Receipt]:
    """The transactions that an outcome put into the block."""
    if isinstance(outcome, BundleReceipt):
        return outcome.receipts
    return (outcome,) if isinstance(outcome, Receipt) else ()


@dataclass(frozen=True)
class Block:
    """A header and its candidates in a builder's order."""

    env: BlockEnv
    candidates: list[Candidate]


class Blocks:
    """One block after the other: `draw`, execute it on every chain, `learn` from what the first one said."""

    def __init__(self, system: System, seed: int, *, legacy: bool) -> None:
        self.system, self.rng = system, Random(seed)
        self.calls = Calls(system, self.rng)
        self.fees = None if legacy else Eip1559(20 * GWEI, GAS_LIMIT)
        self._created: dict[Transaction, str] = {}
        self._nonces: dict[Address, int] = {}
        self._fund_paupers()

    def _fund_paupers(self) -> None:
        """Accounts with next to nothing; those with nothing at all may be given some in the same block."""
        self.paupers = []
        for number in range(_PAUPERS):
            made = account(self.system.seed, f"pauper{number}")
            self.system.decoder.add(made.address, made.name)
            self.paupers.append(made.address)

    @property
    def base_fee(self) -> int:
        return self.fees.base_fee if self.fees else 0

    # ---------------------------------------------------------------------- draw

    def draw(self) -> Block:
        """The next block."""
        rng, system = self.rng, self.system
        system.new_block()
        system.number += 1
        system.time += self._pause()
        self._nonces.clear()
        env = BlockEnv(system.number, system.time, self.base_fee, GAS_LIMIT)
        size = rng.choices((0, 3, 12, 25, 45), (4, 2, 4, 10, 6))[0]
        candidates: list[Candidate] = []
        while len(candidates) < size:
            candidates += self._some()
        return Block(env, self._ordered(candidates, env))

    def _pause(self) -> int:
        """A slot, missed slots, or a long silence."""
        return self.rng.choices((12, 24, 36, 300, 1200, 4000, 86_400), (60, 8, 4, 3, 3, 1, 1))[0]

    def _some(self) -> list[Candidate]:
        """One candidate, or several that belong together."""
        rng = self.rng
        draw = rng.random()
        if draw < 0.03:
            return [self._bundle()]
        if draw < 0.06:
            return self._rescued()
        if draw < 0.08:
            return [self._poor()]
        return [self._transaction(self._shot())]

    def _shot(self) -> Shot | tuple[Shot, str]:
        calls = self.calls
        kinds = [calls.call, calls.by_wallet, calls.program, calls.transfer, calls.precompile, calls.creation]
        return self.rng.choices(kinds, [66, 8, 9, 6, 3, 6])[0]()

    def _transaction(self, drawn: Shot | tuple[Shot, str]) -> Transaction:
        """With a nonce, fees and a limit that are mostly right."""
        shot, kind = drawn if isinstance(drawn[0], Shot) else (drawn, "")
        max_fee, max_tip = self._offer()
        nonce, meant = self._nonce(shot.sender)
        tx = Transaction(shot.sender, nonce, shot.to, shot.data, shot.value, 0, max_fee, max_tip)
        tx = tx._replace(gas=self._limit(shot, tx))
        if meant and self._can_be_included(tx):
            self._nonces[tx.sender] = nonce + 1
        if tx.to is None:
            self._created[tx] = kind
        return tx

    def _can_be_included(self, tx: Transaction) -> bool:
        """As far as its terms say; it may still not fit."""
        return tx.max_fee >= self.base_fee and tx.gas >= intrinsic_gas(tx)

    def _next_nonce(self, sender: Address) -> int:
        if sender not in self._nonces:
            self._nonces[sender] = self.system.chain.nonce(sender)
        return self._nonces[sender]

    def _nonce(self, sender: Address) -> tuple[int, bool]:
        """The next, or (False) one that is used or leaves a gap."""
        expected, draw = self._next_nonce(sender), self.rng.random()
        if draw < 0.02 and expected:
            return expected - 1, False
        if draw < 0.04:
            return expected + self.rng.choice((1, 2, 1000)), False
        return expected, True

    def _offer(self) -> tuple[int, int]:
        """Fee cap and tip [wei per gas]."""
        rng, base = self.rng, self.base_fee
        if self.fees is None:
            price = rng.choice((0, 1, GWEI, 30 * GWEI, rng.randrange(100 * GWEI)))
            return price, price
        tip = rng.choice((0, 1, GWEI, 2 * GWEI, rng.randrange(50 * GWEI)))
        cap = rng.choices((2 * base + tip, base + tip, base, base + tip // 2, base - 1), (60, 15, 6, 10, 3))[0]
        cap = max(cap, 0)
        return cap, min(tip, cap)

    def _limit(self, shot: Shot, tx: Transaction) -> int:
        rng, least = self.rng, intrinsic_gas(tx)
        draw = rng.random()
        if draw < 0.84:
            return max(shot.gas or rng.choice((900_000, 1_200_000)), least)
        if draw < 0.94:
            return least + rng.choice((rng.randrange(3000), rng.randrange(60_000), rng.randrange(300_000)))
        if draw < 0.98:
            return least + rng.choice((-1, 0, 0, 1, -21_000))
        return rng.choice((GAS_LIMIT, GAS_LIMIT + 1, GAS_LIMIT // 2))

    def _bundle(self) -> Bundle:
        """Of one sender or several; one that cannot be included or reverts spoils it."""
        before = dict(self._nonces)
        bundle = Bundle(tuple(self._transaction(self._shot()) for _ in range(self.rng.randint(1, 4))))
        if self.rng.random() < 0.6:
            self._nonces = before  # for all that its senders know, it fails
        return bundle

    def _rescued(self) -> list[Candidate]:
        """A gift to somebody who has nothing, what he does with it, and what he cannot pay for any more."""
        rng, pauper = self.rng, self.rng.choice(self.paupers)
        fee, tip = max(2 * self.base_fee, 10 * GWEI), 0 if self.fees else max(2 * self.base_fee, 10 * GWEI)
        gift = self._transaction(Shot(self.calls.user(), pauper, b"", fee * 21_000 * rng.randint(1, 3), 21_000))
        own: list[Candidate] = [gift]
        for _ in range(rng.randint(1, 4)):
            nonce = self._next_nonce(pauper)
            value = rng.choice((0, 1, fee))
            own.append(Transaction(pauper, nonce, self.calls.user(), b"", value, 21_000, fee, tip))
            self._nonces[pauper] = nonce + 1
        return own

    def _poor(self) -> Transaction:
        """One whose sender has too little: for its value, for its limit at the cap, or by a single wei."""
        rng = self.rng
        sender = rng.choice((rng.choice(self.paupers), self.calls.user()))
        max_fee, max_tip = self._offer()
        gas = rng.choice((20_999, 21_000, 21_000, 100_000))
        spare = self.system.chain.balance(sender) - gas * max_fee
        # All that he has, to the wei, is what a rich one rarely sends: he would have nothing left to act with.
        exact = sender in self.paupers or rng.random() < 0.05
        value = max(0, rng.choice((spare - 1, spare, spare + 1) if exact else (spare + 1, spare + WAD, 10**30)))
        return Transaction(sender, self._next_nonce(sender), self.calls.user(), b"", value, gas, max_fee, max_tip)

    # --------------------------------------------------------------------- order

    def _ordered(self, candidates: list[Candidate], env: BlockEnv) -> list[Candidate]:
        """As drawn, as the pool's builder would order them, or in no order; with background demand between them."""
        rng = self.rng
        demand = self._demand(env)
        draw = rng.random()
        if draw < 0.25:
            pool = Mempool()
            for candidate in candidates:
                if isinstance(candidate, Transaction):
                    pool.add(candidate)
                elif isinstance(candidate, Bundle):
                    pool.add_bundle(candidate)
            return pool.candidates(env.base_fee, demand)
        if draw < 0.35:
            rng.shuffle(candidates)
        for virtual in demand:
            candidates.insert(rng.randint(0, len(candidates)), virtual)
        return candidates

    def _demand(self, env: BlockEnv) -> list[Virtual]:
        """Nothing, a little, or nearly all of a block."""
        rng = self.rng
        if rng.random() < 0.4:
            return []
        whole = round(env.gas_limit * rng.choice((0.1, 0.5, 0.9, 0.99, 1.5)))
        parts = rng.randint(1, 5)
        cuts = sorted(rng.randrange(whole + 1) for _ in range(parts - 1))
        sizes = [b - a for a, b in zip([0, *cuts], [*cuts, whole], strict=True)]
        return [Virtual(size, rng.randrange(50 * GWEI)) for size in sizes]

    # --------------------------------------------------------------------- learn

    def learn(self, outcomes: list[Outcome]) -> None:
        """Take note of what the first chain made of the block: new contracts, and the next base fee."""
        gas_used = sum(outcome.gas_used for outcome in outcomes if isinstance(outcome, Filled))
        for outcome in outcomes:
            gas_used += sum(receipt.gas_used for receipt in receipts_of(outcome))
            for receipt in receipts_of(outcome):
                if receipt.created is not None:
                    self._meet(receipt.created, self._created.get(receipt.transaction, ""))
        self._created.clear()
        if self.fees:
            self.fees.advance(gas_used)
            # Full blocks without end would price everybody out.
            self.fees.base_fee = min(self.fees.base_fee, 200 * GWEI)

    def _meet(self, created: Address, kind: str) -> None:
        system = self.system
        if kind:
            artifact = load_artifact(kind)
            system.instances.append(Instance(kind, created, artifact.abi, main=False))
            system.decoder.add(created, f"{kind}@{created[2:8]}", artifact.abi)
        else:
            system.programs.append(created)
            system.decoder.add(created, f"Program@{created[2:8]}")

    def involved(self) -> list[Address]:
        """Accounts whose ether, nonce and code tell a difference early."""
        system = self.system
        made = [created_address(program, 1) for program in system.programs[-10:]]
        return [*system.users, *self.paupers, *system.lookable(), *system.programs[-10:], *made]
