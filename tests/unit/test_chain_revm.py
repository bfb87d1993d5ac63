"""The embedded chain: transactions by Ethereum's rules, whatever ran before them."""

import pytest

from simulator.chain.abi import keccak256
from simulator.chain.accounts import account, created_address
from simulator.chain.base import CallReverted
from simulator.chain.revm import RevmChain
from simulator.chain.rules import intrinsic_gas
from simulator.chain.types import (
    Address,
    BlockEnv,
    Bundle,
    BundleReceipt,
    Filled,
    Receipt,
    Skipped,
    Transaction,
    Virtual,
)
from simulator.errors import ChainError, UnsupportedOpcode

GWEI = 10**9
ALICE = account(1, "alice").address
BOB = account(1, "bob").address
COINBASE = Address("0x" + "c0" * 20)

# Adds one to slot `calldata[0:32]`, logs topic 0xaa with the new value, stops.
COUNTER = bytes.fromhex("5f358054600101809155" + "5f5260aa60205fa1" + "00")
# Reverts with the 32 bytes of its calldata.
REVERTER = bytes.fromhex("5f355f5260205ffd")


def init_code(runtime: bytes) -> bytes:
    return bytes([0x60, len(runtime), 0x80, 0x60, 0x09, 0x5F, 0x39, 0x5F, 0xF3]) + runtime


class Bench:
    """A chain with two funded accounts and a block counter."""

    def __init__(self, gas_mode: str) -> None:
        self.chain = RevmChain(gas_mode, coinbase=COINBASE)
        self.number = 0
        for address in (ALICE, BOB):
            self.chain.fund(address, 10**18)

    def block(self, *candidates, base_fee=0, gas_limit=30_000_000):
        self.number += 1
        return self.chain.execute(BlockEnv(self.number, 1000 + self.number, base_fee, gas_limit), candidates)

    def tx(self, to, data=b"", *, sender=ALICE, ahead=0, **fields):
        defaults = {"value": 0, "gas": 200_000, "max_fee": 0, "max_tip": 0}
        return Transaction(sender, self.chain.nonce(sender) + ahead, to, data, **(defaults | fields))

    def deploy(self, runtime: bytes) -> Address:
        (receipt,) = self.block(self.tx(None, init_code(runtime)))
        assert receipt.status
        return receipt.created


@pytest.fixture(params=["exact", "fast"])
def bench(request):
    return Bench(request.param)


@pytest.fixture
def exact():
    return Bench("exact")


def slot(n: int) -> bytes:
    return n.to_bytes(32, "big")


def test_a_created_contract_has_the_address_of_its_sender_and_nonce(bench):
    bench.block(bench.tx(BOB))
    nonce = bench.chain.nonce(ALICE)
    counter = bench.deploy(COUNTER)
    assert counter == created_address(ALICE, nonce)
    assert bench.chain.code(counter) == COUNTER


def test_code_stays_analysed_however_its_account_is_written(bench):
    counter = bench.deploy(COUNTER)
    bench.chain.fund(counter, 5)
    bench.block(bench.tx(counter, bytes(32)))
    if bench.chain.gas_mode == "fast":
        bench.chain._compact()
    mark = bench.chain._evm.snapshot()
    held = bytes(bench.chain._evm.get_code(counter))
    bench.chain._evm.revert(mark)
    assert held == COUNTER + bytes(33)  # the analysis pads it; without, every call would begin with one
    assert (bench.chain.code(counter), bench.chain.balance(counter)) == (COUNTER, 5)


def test_code_keeps_its_trailing_zero_bytes(bench):
    assert bench.chain.code(bench.deploy(COUNTER + b"\0\0")) == COUNTER + b"\0\0"


def test_exact_gas_is_that_of_a_cold_first_and_second_write(exact):
    counter = exact.deploy(COUNTER)
    # 21,000 + calldata + cold SLOAD 2,100 + SSTORE (20,000 new, then 2,900 changed) + log 375 + 375 + 256 + 21 words...
    first, second, third = (exact.block(exact.tx(counter, slot(7)))[0].gas_used for _ in range(3))
    assert first - second == 20_000 - 2_900
    assert second == third


def test_fast_gas_reads_low_once_warm_and_statuses_agree():
    fast, exact = Bench("fast"), Bench("exact")
    gas = {}
    for bench in (fast, exact):
        counter = bench.deploy(COUNTER)
        outcomes = [bench.block(bench.tx(counter, slot(7)))[0] for _ in range(3)]
        assert all(o.status for o in outcomes)
        gas[bench.chain.gas_mode] = outcomes[-1].gas_used
        assert bench.chain.storage(counter, 7) == 3
    assert gas["fast"] < gas["exact"]


def test_reading_state_does_not_warm_it(exact):
    counter = exact.deploy(COUNTER)
    before = exact.block(exact.tx(counter, slot(7)), exact.tx(counter, slot(7), ahead=1))[1].gas_used
    exact.chain.storage(counter, 7)
    exact.chain.balance(counter)
    exact.chain.code(counter)
    exact.chain.call(counter, slot(7))
    assert exact.block(exact.tx(counter, slot(7)))[0].gas_used == before


def test_a_view_leaves_no_trace(bench):
    counter = bench.deploy(COUNTER)
    bench.chain.call(counter, slot(1))
    assert bench.chain.storage(counter, 1) == 0


def test_a_reverting_view_carries_its_revert_data(bench):
    reverter = bench.deploy(REVERTER)
    with pytest.raises(CallReverted) as caught:
        bench.chain.call(reverter, slot(0xBEEF))
    assert caught.value.output == slot(0xBEEF)


def test_a_revert_pays_for_its_gas_and_uses_its_nonce(bench):
    reverter = bench.deploy(REVERTER)
    before = bench.chain.balance(ALICE)
    (receipt,) = bench.block(bench.tx(reverter, slot(1), max_fee=GWEI, max_tip=GWEI))
    assert not receipt.status
    assert receipt.output == slot(1)
    assert receipt.logs == ()
    assert bench.chain.balance(ALICE) == before - receipt.gas_used * GWEI
    assert bench.chain.nonce(ALICE) == receipt.transaction.nonce + 1


def test_fees_split_into_a_burned_base_and_a_tip_for_the_coinbase(bench):
    alice, coinbase = bench.chain.balance(ALICE), bench.chain.balance(COINBASE)
    (receipt,) = bench.block(bench.tx(BOB, value=5, gas=21_000, max_fee=10 * GWEI, max_tip=2 * GWEI), base_fee=3 * GWEI)
    assert receipt.gas_used == 21_000
    assert receipt.effective_price == 5 * GWEI
    assert bench.chain.balance(ALICE) == alice - 5 - 21_000 * 5 * GWEI
    assert bench.chain.balance(BOB) == 10**18 + 5
    assert bench.chain.balance(COINBASE) == coinbase + 21_000 * 2 * GWEI


def test_a_tight_fee_cap_gives_the_builder_what_is_left_of_it(bench):
    (receipt,) = bench.block(bench.tx(BOB, gas=21_000, max_fee=4 * GWEI, max_tip=2 * GWEI), base_fee=3 * GWEI)
    assert receipt.effective_price == 4 * GWEI


@pytest.mark.parametrize(
    ("fields", "reason", "dropped"),
    [
        ({"ahead": 1}, "nonce gap", False),
        ({"ahead": -1}, "nonce too low", True),
        ({"gas": 30_000_001}, "gas limit does not fit", False),
        ({"max_fee": GWEI - 1}, "fee cap below base fee", False),
        ({"value": 10**18 + 1, "max_fee": GWEI}, "insufficient funds", True),
        ({"gas": 20_999, "max_fee": GWEI}, "intrinsic gas too low", True),
    ],
)
def test_what_cannot_be_included_says_why(bench, fields, reason, dropped):
    bench.block(bench.tx(BOB))
    tx = bench.tx(BOB, **({"max_fee": GWEI} | fields))
    assert bench.block(tx, base_fee=GWEI) == [Skipped(tx, reason, dropped)]


def test_room_is_counted_by_gas_used_not_by_the_limit(bench):
    first = bench.tx(BOB, gas=90_000)
    second = bench.tx(BOB, gas=79_000, ahead=1)
    third = bench.tx(BOB, gas=58_001, ahead=2)
    included, also, not_any_more = bench.block(first, second, third, gas_limit=100_000)
    assert isinstance(included, Receipt)
    assert isinstance(also, Receipt)
    assert not_any_more == Skipped(third, "gas limit does not fit", False)


def test_virtual_gas_takes_the_room_that_is_left(bench):
    virtual = Virtual(80_000, GWEI)
    filled, tx = bench.block(virtual, bench.tx(BOB, gas=21_000), gas_limit=100_000)
    assert filled == Filled(virtual, 80_000)
    assert tx.reason == "gas limit does not fit"
    assert bench.block(virtual, gas_limit=50_000) == [Filled(virtual, 50_000)]


def test_a_passed_over_transaction_holds_back_its_senders_later_ones(bench):
    big, small = bench.tx(BOB, gas=200_000), bench.tx(BOB, gas=21_000, ahead=1)
    outcomes = bench.block(big, small, gas_limit=100_000)
    assert [o.reason for o in outcomes] == ["gas limit does not fit", "nonce gap"]


def test_a_bundle_is_included_whole(bench):
    counter = bench.deploy(COUNTER)
    bundle = Bundle((bench.tx(counter, slot(1)), bench.tx(counter, slot(2), sender=BOB)))
    (outcome,) = bench.block(bundle)
    assert isinstance(outcome, BundleReceipt)
    assert [len(receipt.logs) for receipt in outcome.receipts] == [1, 1]
    assert bench.chain.storage(counter, 1) == bench.chain.storage(counter, 2) == 1


def test_a_bundle_with_one_revert_leaves_nothing_and_pays_nothing(bench):
    counter, reverter = bench.deploy(COUNTER), bench.deploy(REVERTER)
    fees = {"max_fee": GWEI, "max_tip": GWEI}
    good = bench.tx(counter, slot(1), value=3, **fees)
    bundle = Bundle((good, bench.tx(reverter, slot(2), sender=BOB, **fees)))
    state = [(bench.chain.balance(a), bench.chain.nonce(a)) for a in (ALICE, BOB, counter, COINBASE)]
    assert bench.block(bundle) == [Skipped(bundle, "bundle reverted", True)]
    assert [(bench.chain.balance(a), bench.chain.nonce(a)) for a in (ALICE, BOB, counter, COINBASE)] == state
    assert bench.chain.storage(counter, 1) == 0
    assert bench.block(good)[0].status


def test_snapshots_restore_storage_ether_and_nonces_in_strict_order(bench):
    counter = bench.deploy(COUNTER)
    outer = bench.chain.snapshot()
    bench.block(bench.tx(counter, slot(1), max_fee=GWEI, max_tip=GWEI))
    middle = (bench.chain.balance(ALICE), bench.chain.nonce(ALICE), bench.chain.balance(COINBASE))
    inner = bench.chain.snapshot()
    bench.block(bench.tx(counter, slot(1), value=9, max_fee=GWEI, max_tip=GWEI))
    with pytest.raises(ChainError, match="last in, first out"):
        bench.chain.revert(outer)
    bench.chain.revert(inner)
    assert (bench.chain.balance(ALICE), bench.chain.nonce(ALICE), bench.chain.balance(COINBASE)) == middle
    assert bench.chain.storage(counter, 1) == 1
    bench.chain.revert(outer)
    assert bench.chain.storage(counter, 1) == 0
    assert bench.chain.balance(ALICE) == 10**18


def test_logs_are_those_of_their_own_transaction(bench):
    counter = bench.deploy(COUNTER)
    outcomes = bench.block(*(bench.tx(counter, slot(n), ahead=n) for n in range(3)))
    for outcome in outcomes:
        (log,) = outcome.logs
        assert log.address == counter
        assert log.topics == (slot(0xAA),)
        assert log.data == slot(1)


def test_logs_read_late_are_those_of_their_own_transaction(bench):
    counter = bench.deploy(COUNTER)
    (first,) = bench.block(bench.tx(counter, slot(3)))
    (second,) = bench.block(bench.tx(counter, slot(3)))
    for _ in range(3):
        bench.block(bench.tx(BOB), bench.tx(counter, slot(3), ahead=1))
    bench.chain.close()
    assert [outcome.logs[0].data for outcome in (first, second)] == [slot(1), slot(2)]
    assert len(first.logs) == len(second.logs) == 1


def test_compaction_changes_nothing(monkeypatch):
    monkeypatch.setattr("simulator.chain.revm._COMPACT_GAS", 1)
    monkeypatch.setattr("simulator.chain.revm._COMPACT_GAS_MOST", 1)
    compacted, exact = Bench("fast"), Bench("exact")
    for bench in (compacted, exact):
        counter = bench.deploy(COUNTER)
        for n in range(5):
            bench.block(bench.tx(counter, slot(n % 2), value=1, max_fee=7, max_tip=7))
    assert [compacted.chain.storage(counter, n) for n in range(3)] == [3, 2, 0]
    assert compacted.chain.balance(counter) == exact.chain.balance(counter) == 5


def test_the_block_number_and_time_reach_the_code(bench):
    clock = bench.deploy(bytes.fromhex("435f52426020524660405260605ff3"))
    bench.block()
    words = bench.chain.call(clock, b"")
    assert [int.from_bytes(words[i : i + 32], "big") for i in (0, 32, 64)] == [bench.number, 1000 + bench.number, 31337]


def test_code_that_reads_the_base_fee_is_refused_by_name(exact):
    with pytest.raises(UnsupportedOpcode, match="BASEFEE"):
        exact.deploy(bytes.fromhex("485f5260205ff3"))


def test_an_opcode_inside_pushed_data_is_no_opcode(exact):
    exact.deploy(bytes.fromhex("61404848" + "00")[:3] + b"\0")


def test_intrinsic_gas_counts_bytes_and_creation():
    tx = Transaction(ALICE, 0, BOB, b"\0\x01", 0, 0, 0, 0)
    assert intrinsic_gas(tx) == 21_000 + 4 + 16
    assert intrinsic_gas(tx._replace(to=None)) == 21_000 + 4 + 16 + 32_000 + 2


def test_keccak_is_ethereums():
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
