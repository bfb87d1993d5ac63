"""The embedded chain and a real node agree on random transactions against everything that ships.

`WAVETANK_PARITY_TRANSACTIONS` says how many (2,000, in CI 20,000), `WAVETANK_PARITY_SEED` which (a difference names
its seed, so that it can be run again alone).
"""

import gzip
import json
import os

import pytest
from parity_makers import INSIDE, MAKERS, writers
from parity_runner import Coverage, Parity
from parity_system import KINDS, new_revm

from simulator.chain.artifacts import load_artifact
from simulator.chain.compare import first_state_difference
from simulator.chain.rpc import ask
from simulator.chain.types import Address
from simulator.paths import artifact_folder

IN_CI = os.environ.get("CI") == "true"
COUNT = int(os.environ.get("WAVETANK_PARITY_TRANSACTIONS", "20000" if IN_CI else "2000"))
SEED = int(os.environ.get("WAVETANK_PARITY_SEED", "1"))
EACH = 2_000  # on one deployment: later ones find its pools and positions worn out
SEEDS = range(SEED, SEED + -(-COUNT // EACH))

LEAST_ERRORS = 100  # of those with a name
MOST_SEEDS = 90  # in which all must have been reached
FREE_SEEDS = 40  # after which what is missing is tried more often

# These act on contracts from npm: tests/e2e/test_aave.py and test_uniswap.py compare them on both chains.
AROUND_THEIRS = {"AaveFlashLiquidator", "AnswerFeed", "RouterVenue"}


def is_legacy(seed: int) -> bool:
    return seed % 2 == 0


def named(reached: Coverage) -> list[str]:
    """The errors that were met and that an ABI declares."""
    return sorted(error for error in reached.errors if not error.startswith("0x"))


def all_state(anvil) -> tuple[list[Address], list[tuple[Address, int]]]:
    """Every account that a node has, and every slot that is not zero."""
    packed = bytes.fromhex(ask(anvil._connection, "anvil_dumpState")[2:])
    accounts = {Address(name): account for name, account in json.loads(gzip.decompress(packed))["accounts"].items()}
    slots = [(address, int(slot, 16)) for address, account in accounts.items() for slot in account["storage"]]
    assert len(slots) > 300
    return list(accounts), slots


@pytest.mark.anvil
@pytest.mark.parametrize("seed", SEEDS)
def test_revm_and_anvil_agree_on_random_blocks(seed, new_anvil):
    revm, anvil = new_revm(), new_anvil()
    parity = Parity(revm, anvil, seed, legacy=is_legacy(seed))
    difference = parity.run(min(EACH, COUNT))
    assert difference is None, f"WAVETANK_PARITY_SEED={seed}: {difference}"
    accounts, slots = all_state(anvil)
    difference = first_state_difference(revm, anvil, accounts, slots, parity.system.decoder, parity.sides)
    assert difference is None, f"WAVETANK_PARITY_SEED={seed}, at the end: {difference}"


def test_every_state_changing_function_that_ships_is_called():
    names = [path.stem for path in artifact_folder().glob("*.json")]
    shipped = {name for name in names if load_artifact(name).bytecode}  # the others are interfaces
    assert set(KINDS) == shipped - AROUND_THEIRS
    assert set(MAKERS) == {(kind, name) for kind in KINDS for name in writers(kind)}
    assert set(INSIDE) <= set(MAKERS)


@pytest.mark.slow
def test_random_blocks_reach_every_function_and_most_errors():
    """Two chains of one kind: what is drawn depends on nothing but the seed and the first chain's state."""
    reached = Coverage()
    for seed in range(1, MOST_SEEDS + 1):
        parity = Parity(new_revm(), new_revm(), seed, legacy=is_legacy(seed))
        if seed > FREE_SEEDS:
            parity.blocks.calls.favour(reached.missing())
        assert parity.run(EACH) is None
        reached.add(parity.coverage)
        if not reached.missing() and len(named(reached)) >= LEAST_ERRORS:
            break
    assert reached.missing() == []
    assert len(named(reached)) >= LEAST_ERRORS, named(reached)
    assert 0.4 < reached.share < 0.8
    pool_rules = {
        "gas limit does not fit", "nonce gap", "nonce too low", "fee cap below base fee", "insufficient funds",
        "intrinsic gas too low", "init code too large", "bundle reverted",
    }  # fmt: skip
    assert pool_rules <= set(reached.fates)


def test_a_chain_whose_gas_reads_low_is_found_out():
    parity = Parity(new_revm(), new_revm("fast"), 1, legacy=False)
    difference = parity.run(500)
    assert difference is not None
    assert "differs in gas used" in difference
    assert "revm fast" in difference
