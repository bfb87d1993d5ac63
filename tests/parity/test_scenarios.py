"""Every shipped scenario gives the same on the embedded chain and on a node: outcomes, views, balances and digest."""

import pytest
from twin_chain import Twins

from simulator.chain.anvil import AnvilChain
from simulator.chain.revm import RevmChain
from simulator.chain.types import Address
from simulator.digest import Digest
from simulator.metrics import compute
from simulator.observer import Observer
from simulator.record import Recorder
from simulator.results import run_scenario
from simulator.scenario import Scenario, load_scenario
from simulator.scenario.files import shipped
from simulator.world import World

_OVERLAY: dict[str, object] = {"chain.block_seconds": 300, "world.sample_minutes": 240, "depositors.count": 10}
# What makes each small, and what of its story must still come about.
REDUCED: dict[str, dict[str, object]] = {
    "black-thursday": {
        "chain.block_seconds": 60, "borrowers.count": 200, "pool.liquidity_usd": 60_000,
        "keepers.capital_usd": 60_000, "world.sample_minutes": 60,
    },
    "calm": {"world.hours": 1},
    "carry-calm": {"chain.block_seconds": 120, "world.sample_minutes": 240, "borrowers.count": 60,
                   "borrowers.collateral_usd": 600_000},
    "carry-unwind": {"chain.block_seconds": 120, "world.sample_minutes": 240, "borrowers.count": 60,
                     "borrowers.collateral_usd": 600_000},
    "collar-grind": _OVERLAY,
    "covered-call-melt-up": _OVERLAY,
    "cross-calm": {"chain.block_seconds": 300, "world.sample_minutes": 240, "traders.count": 30},
    "flash-crash": {"world.sample_minutes": 60},
    "flash-crash-hedge": {"chain.block_seconds": 36, "world.sample_minutes": 60, "traders.count": 60},
    "gamma-squeeze": {"chain.block_seconds": 120, "world.sample_minutes": 240, "chasers.count": 60},
    "lst-discount": {
        "chain.block_seconds": 300, "world.sample_minutes": 240, "oracle.STETH.source": "push",
        "oracle.STETH.heartbeat_seconds": 3600,
    },
    "luna": {
        "chain.block_seconds": 300, "borrowers.count": 100, "pool.liquidity_usd": 100_000, "world.sample_minutes": 240,
        "liquidators.capital_usd": 50_000,
    },
    "may-19": {"chain.block_seconds": 60, "borrowers.count": 200, "world.sample_minutes": 60},
    "neutral-calm": {"chain.block_seconds": 300, "world.sample_minutes": 240, "traders.count": 30},
    "neutral-dollar": {"chain.block_seconds": 300, "world.sample_minutes": 240, "depositors.count": 40},
    "october-10": {"chain.block_seconds": 36, "world.sample_minutes": 60},
    "october-10-hedge": {"chain.block_seconds": 36, "world.hours": 4, "world.sample_minutes": 60},
    "options-calm": {"chain.block_seconds": 120, "world.hours": 26, "world.sample_minutes": 240},
    "oracle-stall": {"chain.block_seconds": 36, "world.sample_minutes": 60},
    "portfolio-margin-unwind": {"chain.block_seconds": 120, "world.sample_minutes": 240},
    **{f"probe-{what}": {"world.hours": 0.2} for what in ("carry", "hedge", "lending", "options")},
    "protective-put-crash": _OVERLAY,
    "put-seller-gap": {"chain.block_seconds": 120, "world.sample_minutes": 240, "holders.count": 30},
    "tail-hedge-decade": {"world.hours": 2016},  # three rolls
    "thin-token": {"chain.block_seconds": 36, "world.sample_minutes": 60},
    "usdc-weekend": {"chain.block_seconds": 120, "world.sample_minutes": 240},
    "venue-outage": {"chain.block_seconds": 120, "world.sample_minutes": 240},
    "vol-spike-august-5": {"chain.block_seconds": 120, "world.sample_minutes": 240, "holders.count": 30},
    "whipsaw": {"chain.block_seconds": 120, "world.sample_minutes": 240, "borrowers.count": 60,
                "borrowers.collateral_usd": 600_000},
}  # fmt: skip
SEED = 7


def reduced(name: str) -> Scenario:
    return load_scenario(name, REDUCED[name])


def constants(scenario: Scenario) -> dict[str, object]:
    chain = scenario.chain
    return {"chain_id": chain.id, "gas_limit": chain.gas_limit, "coinbase": Address(chain.coinbase)}


def run_on_twins(scenario: Scenario, anvil: AnvilChain) -> tuple[Twins, dict[str, object]]:
    """To the end; with the metrics."""
    twins, recorder = Twins(RevmChain("exact", **constants(scenario)), anvil), Recorder(None)
    world = World(scenario, SEED, twins, Observer(recorder, Digest()))
    for contract in world.genesis.deployed:
        twins.decoder.add(contract.address, contract.name, contract.abi)
    world.run()
    world.finish()
    world.seal()
    recorder.close()
    return twins, compute(recorder.tables())


def test_every_shipped_scenario_is_compared():
    assert set(REDUCED) == set(shipped())


# One of each kind; the others are slow studies.
QUICK = {
    "black-thursday", "calm", "carry-unwind", "flash-crash", "flash-crash-hedge", "lst-discount", "october-10",
    "portfolio-margin-unwind", "probe-carry", "probe-hedge", "probe-lending", "probe-options", "protective-put-crash",
    "put-seller-gap",
}  # fmt: skip


@pytest.mark.anvil
@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in sorted(REDUCED)]
)
def test_a_shipped_scenario_is_the_same_on_both_chains(name, new_anvil):
    scenario = reduced(name)
    twins, metrics = run_on_twins(scenario, new_anvil(**constants(scenario)))
    assert {"Receipt", "Filled", "status True"} <= set(twins.met)
    if name == "black-thursday":
        assert twins.met["Skipped"] > 100  # in full blocks
    if name == "flash-crash":
        assert twins.met["BundleReceipt"] > 0
    if name.startswith("probe-"):
        assert metrics["limits_passed"] == 0  # and something was tried
    elif name == "usdc-weekend":
        assert metrics["oracle_gap_max"] > 0.1
    elif metrics["rebalances"] is not None:
        assert metrics["rebalances"] > 0 or name.endswith("-calm")
    elif name == "gamma-squeeze":
        assert metrics["cascade_amplification"] > 1
    elif name not in ("calm", "options-calm"):
        assert metrics["liquidations"] > 0


@pytest.mark.anvil
def test_a_run_on_anvil_has_the_digest_of_the_embedded_chain():
    one, other = (run_scenario(reduced("calm"), seed=SEED, chain=chain) for chain in ("revm", "anvil"))
    assert one.digest == other.digest
    assert one.metrics == other.metrics
    for name, table in one.tables.items():
        assert table.equals(other.tables[name]), name


def test_a_difference_names_block_and_transaction():
    scenario = reduced("flash-crash")
    one, other = (RevmChain("exact", **constants(scenario)) for _ in range(2))
    twins = Twins(one, other)
    world = World(scenario, SEED, twins, Observer(None, Digest()))
    for contract in world.genesis.deployed:
        twins.decoder.add(contract.address, contract.name, contract.abi)
    for account in world.genesis.accounts:
        other.fund(account.address, 0)
    with pytest.raises(
        AssertionError, match=r"block \d+, base fee \d+: candidate \d+ of \d+ differs in outcome\n  \w+\.\w+\("
    ):
        world.run()
