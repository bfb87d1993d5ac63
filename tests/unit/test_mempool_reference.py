"""The pool and the builder against a slow plain reference, over random mempools; and their chain against the real one.

`WAVETANK_MEMPOOLS` sets how many random mempools are built twice (300, in CI 10,000), `WAVETANK_MEMPOOL_SEED` the first
of their seeds.
"""

import os
from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_chain import ModelChain, gas_of
from reference_builder import ReferencePool, next_base_fee

from simulator.chain.revm import RevmChain
from simulator.chain.types import (
    Address,
    BlockEnv,
    Bundle,
    BundleReceipt,
    Candidate,
    Outcome,
    Receipt,
    Skipped,
    Transaction,
    Virtual,
)
from simulator.mempool import Eip1559, Legacy, Mempool

MEMPOOLS = int(os.environ.get("WAVETANK_MEMPOOLS", "10000" if os.environ.get("CI") == "true" else "300"))
FIRST_SEED = int(os.environ.get("WAVETANK_MEMPOOL_SEED", "0"))
SINK = Address("0x" + "ee" * 20)
SENDERS = [Address(f"0x{number:040x}") for number in range(0xA1, 0xA6)]


def facts(outcome: Outcome) -> object:
    """What two chains must agree on."""
    if isinstance(outcome, Receipt):
        return outcome.transaction, outcome.status, outcome.gas_used, outcome.effective_price
    if isinstance(outcome, BundleReceipt):
        return [facts(receipt) for receipt in outcome.receipts]
    return outcome


class Story:
    """A mempool and its reference, told the same things for a few blocks."""

    def __init__(self, rng: Random, *, plain: bool = False) -> None:
        self.rng, self.plain = rng, plain
        self.unit = rng.choice([1, 10, 10**9])
        self.legacy = rng.random() < 0.3
        self.gas_limit = rng.choice([60_000, 200_000, 1_000_001])
        # 7 wei is where an eighth rounds to nothing: the floor that the base fee cannot leave downwards.
        base_fee = 0 if self.legacy else rng.choice([0, 1, 7, 8, rng.randrange(1, 12) * self.unit])
        self.fees = Legacy() if self.legacy else Eip1559(base_fee, self.gas_limit)
        self.senders = SENDERS[: rng.randint(1, len(SENDERS))]
        self.chain = self._chain()
        self.mirror = self.chain.copy()
        self.pool, self.reference = Mempool(), ReferencePool()
        self.known: list[Transaction] = []
        self.met: Counter[str] = Counter()

    def _chain(self) -> ModelChain:
        rng, salt = self.rng, self.rng.randrange(2**32)
        rich = 10**6 * 200 * self.unit
        balances = {sender: rng.choice([rich, rich, rng.randrange(10**6) * self.unit]) for sender in self.senders}
        nonces = {sender: 0 if self.plain else rng.choice([0, 0, 3]) for sender in self.senders}

        def behaviour(tx: Transaction) -> tuple[int, bool]:
            if self.plain:
                return 21_000, True
            fate = Random(f"{salt} {tx.sender} {tx.nonce} {tx.gas}")
            return fate.choice([tx.gas, fate.randint(21_000, tx.gas)]), fate.random() < 0.8

        return ModelChain({**balances, SINK: 0}, nonces, behaviour)

    # ------------------------------------------------------------ what happens

    def tell(self) -> None:
        """A few blocks; after each, both know the same."""
        for now in range(1, self.rng.randint(2, 6)):
            for _ in range(self.rng.choice([0, 1, 3, 10, 40])):
                self.send()
            for _ in range(self.rng.choice([0, 0, 1, 6])):
                self.offer()
            expired = self.pool.expire(now)
            assert Counter(expired) == Counter(self.reference.expire(now))
            self.met["expired"] += len(expired)
            if self.rng.random() < 0.1:
                continue  # a missed slot
            self.block(now)
            assert list(self.pool.pending()) == [sent.transaction for sent in self.reference.public]
            assert len(self.pool) == len(self.reference.public)

    def send(self) -> None:
        rng = self.rng
        tx = self.transaction()
        expires = rng.choice([float("inf"), float("inf"), rng.randint(1, 5)])
        admission = self.pool.add(tx, expires)
        assert (admission.accepted, admission.replaced) == self.reference.add(tx, expires)
        self.met["replaced"] += admission.replaced is not None
        self.met["refused"] += not admission.accepted
        self.known.append(tx)

    def offer(self) -> None:
        """A bundle: of anything, or behind a transaction that waits, by one who could be next."""
        rng = self.rng
        waiting = list(self.pool.pending())
        if waiting and rng.random() < 0.6:
            behind = self.transaction()
            target = rng.choice(waiting)._replace()  # equal, and not the same object
            members = [target, behind._replace(nonce=self.chain.nonces[behind.sender])]
        else:
            members = [
                rng.choice(self.known) if self.known and rng.random() < 0.5 else self.transaction()
                for _ in range(rng.randint(1, 3))
            ]
        blocks = rng.choice([1, 1, 2, 3])
        bundle = Bundle(tuple(members))
        assert self.pool.add_bundle(bundle, blocks).accepted == self.reference.add_bundle(bundle, blocks)

    def transaction(self) -> Transaction:
        rng, sender = self.rng, self.rng.choice(self.senders)
        gas = rng.choice([21_000, 21_000, 30_000, 50_000, 90_000, self.gas_limit + 1, 20_999])
        max_fee, max_tip = self.two_fees()
        nonce = max(0, self.chain.nonces[sender] + rng.choice([-1, 0, 0, 0, 1, 1, 2, 3]))
        waiting = [tx for tx in self.pool.pending() if tx.sender == sender]
        if waiting and rng.random() < 0.3:
            old = rng.choice(waiting)
            nonce = old.nonce
            max_fee, max_tip = (max(0, fee * 11 // 10 + rng.choice([-1, 0, 1])) for fee in (old.max_fee, old.max_tip))
        elif waiting and rng.random() < 0.5:
            nonce = max(tx.nonce for tx in waiting) + 1
        return Transaction(sender, nonce, SINK, b"", rng.choice([0, 0, 5 * self.unit]), gas, max_fee, max_tip)

    def two_fees(self) -> tuple[int, int]:
        """Few different ones, so that ties are many; some cannot pay the base fee, some contradict themselves."""
        tip = self.rng.randrange(6) * self.unit
        if self.legacy:
            return tip, tip
        return max(0, self.fees.base_fee + self.rng.choice([-1, 0, 1, 2, 4, 8, 8, 8]) * self.unit), tip

    def demand(self) -> list[Virtual]:
        rng = self.rng
        return [
            Virtual(rng.randrange(self.gas_limit), rng.randrange(8) * self.unit)
            for _ in range(rng.choice([0, 0, 2, 6]))
        ]

    def block(self, number: int) -> tuple[BlockEnv, list[Candidate], list[Outcome]]:
        """Build and settle one block on both sides."""
        env, demand = BlockEnv(number, number, self.fees.base_fee, self.gas_limit), self.demand()
        candidates = self.pool.candidates(env.base_fee, demand)
        outcomes = self.chain.execute(env, candidates)
        dropped = [each.transaction for each in self.pool.settle(outcomes)]
        gas_used = sum(map(gas_of, outcomes))
        self.fees.advance(gas_used)
        expected = self.reference.build(self.mirror, env, demand)

        taken = [outcome for outcome in outcomes if not isinstance(outcome, Skipped)]
        assert [facts(outcome) for outcome in taken] == [facts(outcome) for outcome in expected.taken]
        included = [receipt for each in taken for receipt in receipts_of(each)]
        assert [facts(receipt) for receipt in included] == [facts(receipt) for receipt in expected.included]
        assert Counter(dropped) == Counter(expected.dropped)
        assert (self.chain.balances, self.chain.nonces) == (self.mirror.balances, self.mirror.nonces)
        if not self.legacy:
            assert self.fees.base_fee == next_base_fee(env.base_fee, gas_used, self.gas_limit)

        self.met.update(outcome.reason for outcome in outcomes if isinstance(outcome, Skipped))
        self.met["bundles"] += sum(isinstance(outcome, BundleReceipt) for outcome in outcomes)
        self.met["full"] += self.gas_limit - gas_used < 21_000
        self.met["floor"] += not self.legacy and gas_used < self.gas_limit // 2 and self.fees.base_fee == env.base_fee
        return env, candidates, outcomes


def receipts_of(outcome: Outcome) -> Sequence[Receipt]:
    if isinstance(outcome, BundleReceipt):
        return outcome.receipts
    return [outcome] if isinstance(outcome, Receipt) else []


@pytest.fixture(scope="module")
def seeds() -> range:
    return range(FIRST_SEED, FIRST_SEED + MEMPOOLS)


def test_random_mempools_give_the_blocks_and_fates_of_the_plain_reference(seeds: range) -> None:
    met: Counter[str] = Counter()
    for seed in seeds:
        story = Story(Random(seed))
        try:
            story.tell()
        except AssertionError as difference:
            difference.add_note(f"seed {seed}")
            raise
        met.update(story.met)
    # The comparison says something only where these things do happen.
    rare = {"replaced", "refused", "expired", "bundles", "full", "floor"}
    reasons = {"gas limit does not fit", "nonce gap", "nonce too low", "insufficient funds", "bundle reverted"}
    assert {*rare, *reasons, "intrinsic gas too low"} <= set(+met)


@settings(max_examples=50, deadline=None)
@given(st.randoms(use_true_random=False))
def test_no_mempool_that_hypothesis_finds_differs_from_the_plain_reference(rng: Random) -> None:
    Story(rng).tell()


@pytest.mark.parametrize("gas_mode", ["exact", "fast"])
@pytest.mark.parametrize("seed", range(20))
def test_the_embedded_chain_decides_like_the_model_chain(seed: int, gas_mode: str) -> None:
    story = Story(Random(seed), plain=True)
    chain = RevmChain(gas_mode, gas_limit=story.gas_limit)
    for sender in story.senders:
        chain.fund(sender, story.chain.balances[sender])
    for number in range(1, 4):
        for _ in range(10):
            story.send()
            story.offer()
        env, candidates, outcomes = story.block(number)
        assert [facts(outcome) for outcome in chain.execute(env, candidates)] == [facts(o) for o in outcomes]
