"""Capsules that no simulation made: a counter that is created and called, by bundles too."""

from collections.abc import Sequence

import pyarrow as pa

from simulator.capsule.content import MARK_BYTES, Capsule, Expected, Held, Page
from simulator.capsule.tape import Funding, Opening, Tape
from simulator.chain.accounts import account, created_address
from simulator.chain.revm import RevmChain
from simulator.chain.types import Address, BlockEnv, Bundle, BundleReceipt, Filled, Receipt, Transaction, Virtual
from simulator.digest import VERSION, Digest, included, receipt_hash

SEED = 11
LIMIT = 30_000_000
COINBASE = Address("0x" + "c0" * 20)
ALICE, BOB = account(SEED, "alice"), account(SEED, "bob")
GWEI = 10**9

# CALLDATASIZE ISZERO PUSH1 10 JUMPI REVERT; 10: JUMPDEST, slot 0 += 1, LOG0 of nothing, STOP.
RUNTIME = bytes.fromhex("3615600a57" + "60006000fd" + "5b" + "600054600101600055" + "60006000a0" + "00")
INIT = bytes.fromhex(f"60{len(RUNTIME):02x}600c60003960{len(RUNTIME):02x}6000f3") + RUNTIME
COUNTER = created_address(ALICE.address, 0)


def call(who, nonce, data=b"", value=0, tip=GWEI):
    return Transaction(who.address, nonce, COUNTER, data, value, 100_000, 10 * GWEI, tip)


def creation():
    return Transaction(ALICE.address, 0, None, INIT, 0, 1_000_000, 10 * GWEI, GWEI)


def header(number, base_fee=GWEI):
    return BlockEnv(number, 1_600_000_000 + 12 * number, base_fee, LIMIT)


def act(tape: Tape) -> None:
    """A little of everything."""
    tape.open_account(ALICE, 10**19)
    tape.execute(header(1, 0), [creation()])
    tape.open_account(BOB, 10**19)
    tape.fund(Address("0x" + "ab" * 20), 2**200)
    tape.execute(header(2), [call(ALICE, 1), Virtual(3_000_000, GWEI), Bundle((call(BOB, 0), call(ALICE, 2)))])
    tape.execute(header(3), [])
    tape.execute(header(4), [call(BOB, 7), call(BOB, 1, b"\1"), Bundle((call(ALICE, 3), call(BOB, 2, b"\1")))])


def sample(gas: str = "exact") -> Capsule:
    """The capsule of `act`."""
    tape = Tape(RevmChain(gas, gas_limit=LIMIT, coinbase=COINBASE))
    act(tape)
    digest = Digest()
    steps: list[Opening | Funding | Page] = []
    for step in tape.steps:
        if isinstance(step, Opening | Funding):
            steps.append(step)
            continue
        virtual = sum(outcome.gas_used for outcome in step.outcomes if isinstance(outcome, Filled))
        receipts = list(included(step.outcomes))
        digest.block(step.env, virtual + sum(receipt.gas_used for receipt in receipts), step.outcomes)
        steps.append(Page(step.env, kept(step.outcomes), virtual, [expected(receipt) for receipt in receipts]))
    held = [
        Held(each, tape.balance(each), tape.nonce(each)) for each in (ALICE.address, BOB.address, COUNTER, COINBASE)
    ]
    digest.finish(held)
    return Capsule(
        scenario={"title": "A counter", "name": "counter", "chain": {}},
        source="counter.toml",
        seed=SEED,
        chain={"name": "revm", "gas": gas, "id": 31337, "gas_limit": LIMIT, "coinbase": COINBASE},
        fork=None,
        digest=digest.hexdigest(),
        digest_version=VERSION,
        rule="max(reverts) <= 0",
        metrics={
            "transactions": 4, "blocks": 3, "gas_used": gas_of(steps[1:]), "base_fee_gwei_max": 1.0, "reverts": 1,
            "bad_debt_usd": None,
        },
        versions={"wavetank": "0.1.0"},
        user_code={},
        setup=1,
        steps=steps,
        held=held,
        prices=pa.table({"time": [1], "asset": ["ETH"], "exogenous": [10**20], "market": [10**20]}, schema=PRICES),
    )  # fmt: skip


PRICES = pa.schema(
    [
        ("time", pa.int64()),
        ("asset", pa.dictionary(pa.int32(), pa.string())),
        ("exogenous", pa.decimal128(38, 0)),
        ("market", pa.decimal128(38, 0)),
    ]
)


def kept(outcomes) -> Sequence[Transaction | Bundle]:
    found = []
    for outcome in outcomes:
        if isinstance(outcome, Receipt):
            found.append(outcome.transaction)
        elif isinstance(outcome, BundleReceipt):
            found.append(outcome.candidate)
    return found


def expected(receipt: Receipt) -> Expected:
    return Expected(receipt.status, receipt.gas_used, receipt_hash(receipt)[:MARK_BYTES], "", "")


def gas_of(steps) -> int:
    pages = [step for step in steps if isinstance(step, Page)]
    return sum(each.gas_used for page in pages[1:] for each in page.expected)
