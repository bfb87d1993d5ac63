"""Cases in which a backend once differed from Ethereum's rules, each as small as it could be made.

They run on the embedded chain and, where it is installed, on a node.
"""

import pytest
from evm_programs import asm, init_code, to_memory
from parity_system import COINBASE, GAS_LIMIT, new_revm

from simulator.chain.accounts import account, created_address
from simulator.chain.compare import Decoder, first_difference, first_state_difference
from simulator.chain.rules import LARGEST_INIT_CODE
from simulator.chain.types import Address, BlockEnv, Bundle, Receipt, Skipped, Transaction

ALICE = account(1, "alice").address
KEEPS_SEVEN = asm(7, 0, "SSTORE STOP")
RICH = 10**20


class Bench:
    """One chain with one sender."""

    def __init__(self, chain):
        self.chain, self.number = chain, 0
        chain.fund(ALICE, RICH)
        chain.fund(COINBASE, 1)

    def block(self, *candidates):
        self.number += 1
        return self.chain.execute(BlockEnv(self.number, 1_700_000_000 + self.number, 0, GAS_LIMIT), candidates)

    def tx(self, to, data=b"", *, ahead=0, gas=1_000_000, value=0):
        return Transaction(ALICE, self.chain.nonce(ALICE) + ahead, to, data, value, gas, 0, 0)

    def deploy(self, runtime):
        (receipt,) = self.block(self.tx(None, init_code(runtime)))
        assert receipt.status
        return receipt.created

    def word(self, address, slot=0):
        return self.chain.storage(address, slot)


@pytest.fixture
def revm():
    return Bench(new_revm())


@pytest.fixture(params=["revm", pytest.param("anvil", marks=pytest.mark.anvil)])
def bench(request):
    return Bench(new_revm() if request.param == "revm" else request.getfixturevalue("new_anvil")())


def create2(child_init, salt=0):
    """Code that leaves the address of a new contract on the stack."""
    return to_memory(child_init) + asm(salt, len(child_init), 0, 0, "CREATE2")


def call_top():
    """Code that calls the address on the stack."""
    return asm("PUSH0 PUSH0 PUSH0 PUSH0 PUSH0", b"\x94", "GAS CALL POP")


def test_nothing_stays_of_a_contract_that_goes_in_the_transaction_that_made_it(bench):
    heir = account(1, "heir").address
    child = init_code(asm(7, 0, "SSTORE", int(heir, 16), "SELFDESTRUCT"))
    maker = bench.deploy(asm(create2(child), "DUP1 PUSH0 SSTORE", call_top(), "STOP"))
    for _ in range(2):  # the second time it can be made again where it was
        (receipt,) = bench.block(bench.tx(maker))
        assert receipt.status
        made = Address(bench.word(maker).to_bytes(20, "big"))
        assert made != Address(bytes(20))
        assert (bench.chain.nonce(made), bench.chain.code(made), bench.word(made)) == (0, b"", 0)


def test_a_creation_that_destroys_itself_hands_on_its_ether_and_leaves_nothing(bench):
    heir = account(1, "heir").address
    (receipt,) = bench.block(bench.tx(None, asm(7, 0, "SSTORE", int(heir, 16), "SELFDESTRUCT"), value=5))
    made = created_address(ALICE, 0)
    assert receipt.status
    state = (bench.chain.balance(made), bench.chain.nonce(made), bench.chain.code(made), bench.word(made))
    assert state == (0, 0, b"", 0)
    assert bench.chain.balance(heir) == 5


def test_a_contract_that_destroys_itself_later_only_hands_on_its_ether(bench):
    heir = account(1, "heir").address
    code = asm(int(heir, 16), "SELFDESTRUCT")
    contract = bench.deploy(code)
    bench.block(bench.tx(contract, value=5))
    assert bench.chain.code(contract) == code
    assert (bench.chain.balance(contract), bench.chain.balance(heir)) == (0, 5)


def test_a_contract_has_the_nonce_of_what_it_has_created(bench):
    maker = bench.deploy(asm(create2(init_code(KEEPS_SEVEN)), "POP STOP"))
    assert bench.chain.nonce(maker) == 1
    bench.block(bench.tx(maker))
    assert bench.chain.nonce(maker) == 2


@pytest.mark.parametrize("excess", [0, 1])
def test_a_creation_may_carry_so_much_init_code_and_no_more(bench, excess):
    tx = bench.tx(None, bytes(LARGEST_INIT_CODE + excess))
    (outcome,) = bench.block(tx)
    if excess:
        assert outcome == Skipped(tx, "init code too large", True)
    else:
        assert isinstance(outcome, Receipt)
    assert bench.chain.nonce(ALICE) == 1 - excess


def test_a_limit_that_is_too_low_counts_before_funds_that_are_too_small(bench):
    tx = bench.tx(ALICE, gas=20_999, value=RICH + 1)
    assert bench.block(tx) == [Skipped(tx, "intrinsic gas too low", True)]


def test_a_bundle_that_reverts_leaves_nothing_of_what_it_created(bench):
    refuses = bench.deploy(asm("PUSH0 PUSH0 REVERT"))
    nonce = bench.chain.nonce(ALICE)
    bundle = Bundle((bench.tx(None, init_code(KEEPS_SEVEN)), bench.tx(refuses, ahead=1)))
    assert bench.block(bundle) == [Skipped(bundle, "bundle reverted", True)]
    made = created_address(ALICE, nonce)
    assert (bench.chain.code(made), bench.chain.nonce(made), bench.chain.nonce(ALICE)) == (b"", 0, nonce)
    bench.block(bench.tx(made))  # nobody there
    assert bench.word(made) == 0


def test_what_stands_behind_a_bundle_that_nobody_can_pay_for_is_still_included(bench):
    poor, bob = account(1, "poor").address, account(1, "bob").address
    bench.chain.fund(bob, RICH)
    bundle = Bundle((bench.tx(ALICE)._replace(sender=poor, value=1), bench.tx(ALICE)._replace(sender=bob)))
    dropped, receipt = bench.block(bundle, bench.tx(bob))
    assert dropped == Skipped(bundle, "insufficient funds", True)
    assert isinstance(receipt, Receipt)
    assert bench.chain.nonce(bob) == 0


def test_a_revert_takes_back_what_a_contract_created_and_its_nonce(bench):
    child = init_code(KEEPS_SEVEN)
    maker = bench.deploy(asm(create2(child), "PUSH0 SSTORE STOP"))
    mark = bench.chain.snapshot()
    bench.block(bench.tx(maker))
    made = Address(bench.word(maker).to_bytes(20, "big"))
    assert bench.chain.code(made) == KEEPS_SEVEN
    bench.chain.revert(mark)
    assert (bench.chain.code(made), bench.chain.nonce(made), bench.chain.nonce(maker)) == (b"", 0, 1)


def test_a_revert_takes_back_the_bundle_that_was_taken_back_inside_it(bench):
    refuses, counter = (
        bench.deploy(asm("PUSH0 PUSH0 REVERT")),
        bench.deploy(asm("PUSH0 SLOAD", 1, "ADD PUSH0 SSTORE STOP")),
    )
    mark = bench.chain.snapshot()
    bundle = Bundle((bench.tx(counter), bench.tx(refuses, ahead=1)))
    assert bench.block(bundle) == [Skipped(bundle, "bundle reverted", True)]
    bench.chain.revert(mark)
    assert bench.word(counter) == 0


def test_a_revert_takes_back_the_block_that_views_run_under(bench):
    clock = bench.deploy(asm("TIMESTAMP PUSH0 MSTORE NUMBER", 32, "MSTORE", 64, "PUSH0 RETURN"))
    before = bench.chain.call(clock, b"")
    mark = bench.chain.snapshot()
    bench.block()
    assert bench.chain.call(clock, b"") != before
    bench.chain.revert(mark)
    assert bench.chain.call(clock, b"") == before


def test_fast_mode_keeps_what_a_call_has_created():
    bench = Bench(new_revm("fast"))
    maker = bench.deploy(asm(create2(init_code(KEEPS_SEVEN)), "PUSH0 SSTORE STOP"))
    bench.block(bench.tx(maker))
    made = Address(bench.word(maker).to_bytes(20, "big"))
    assert bench.chain.code(made) == KEEPS_SEVEN
    bench.deploy(KEEPS_SEVEN)  # moves all that is in the journal to the database
    assert bench.chain.code(made) == KEEPS_SEVEN
    bench.block(bench.tx(made))
    assert bench.word(made) == 7


@pytest.mark.anvil
def test_a_node_reads_a_blob_base_fee_and_no_blobs_as_the_embedded_chain_does(revm, new_anvil):
    other = Bench(new_anvil())
    code = asm("BLOBBASEFEE PUSH0 SSTORE", 0, "BLOBHASH", 1, "SSTORE STOP")
    contract = revm.deploy(code)
    assert other.deploy(code) == contract
    a, b = revm.block(revm.tx(contract)), other.block(other.tx(contract))
    assert first_difference(a, b, Decoder()) is None
    assert first_state_difference(revm.chain, other.chain, [contract], [(contract, 0), (contract, 1)]) is None
