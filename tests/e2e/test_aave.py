"""Aave V3's own bytecode in our storms: its market deployed, borrowed from, liquidated, and mirrored to the digit."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from nodes import need_anvil
from npm_parts import aave, uniswap  # noqa: F401

from simulator import load, run
from simulator.chain.base import CallReverted
from simulator.chain.revm import RevmChain
from simulator.chain.types import Address
from simulator.digest import Digest
from simulator.errors import ConfigError
from simulator.observer import Observer
from simulator.protocols.base import Lending, Quote
from simulator.results import RunResult
from simulator.units import WAD
from simulator.world import World

pytestmark = pytest.mark.usefixtures("aave")
STORM = str(Path(__file__).with_name("aave.toml"))
# The reporter is silent while ether falls by a third: nobody can be liquidated until it is too late.
SILENT = {"oracle.ETH.outages": [[1.9, 2.4]], "borrowers.ratio": 1.5, "borrowers.ratio_sigma": 0.2}
BOTH = {
    "cdp.protocol": "aave-v3", "cdp.collateral.ETH.ltv": 0.8, "borrowers.ratio": 1.6, "world.hours": 4,
    "pool.protocol": "uniswap-v3", "pool.liquidity_usd": 2_000_000,
}  # fmt: skip
SHORT = {"world.hours": 2.6, "borrowers.count": 60, "borrowers.ratio": 1.6, "world.sample_minutes": 30}


@pytest.fixture(scope="module")
def storm() -> RunResult:
    return run(load(STORM))


@pytest.fixture(scope="module")
def silent() -> RunResult:
    return run(load(STORM, **SILENT))


@pytest.fixture(scope="module")
def both(uniswap: None) -> RunResult:  # noqa: F811
    return run(load("flash-crash", **BOTH))


def pool_events(result: RunResult, name: str) -> list[dict]:
    events = result.events
    return [json.loads(args) for args in events[(events["protocol"] == "cdp") & (events["name"] == name)]["args"]]


def world_of(storm: str = STORM, **changes: object) -> World:
    scenario = load(storm, **changes)
    chain = scenario.chain
    engine = RevmChain("exact", chain_id=chain.id, gas_limit=chain.gas_limit, coinbase=Address(chain.coinbase))
    return World(scenario, 7, engine, Observer(None, Digest()))


def steps(world: World, every: int) -> Iterator[int]:
    for step in range(every, world.steps + 1, every):
        world.run_to(step)
        yield step


# ------------------------------------------------------------------ in a storm


def test_borrowers_and_liquidators_act_through_the_pool(storm):
    transactions = storm.transactions
    done = transactions[transactions["status"] == "included"].groupby(["agent", "action"]).size()
    for acted in (("borrowers", "supply"), ("borrowers", "repay"), ("liquidators", "liquidate")):
        assert done[acted] > 0, acted
    assert storm.metrics["liquidations"] == len(pool_events(storm, "LiquidationCall")) > 10
    assert storm.metrics["unexpected_reverts"] == 0
    lost = transactions[(transactions["status"] == "reverted") & (transactions["action"] == "liquidate")]
    assert set(lost["reason"]) <= {"Error: 45", "Error: 46", "Error: 47"}


def test_a_silent_oracle_leaves_bad_debt_that_a_reporting_one_does_not(storm, silent):
    assert storm.metrics["bad_debt_usd"] == 0
    assert silent.metrics["bad_debt_usd"] > 0
    assert silent.metrics["health_factor_min"] < storm.metrics["health_factor_min"] < 1


def test_liquidated_debt_is_what_the_pool_says_was_repaid(storm):
    repaid = sum(int(each["debtToCover"]) for each in pool_events(storm, "LiquidationCall")) / WAD
    assert storm.metrics["liquidated_debt_usd"] == pytest.approx(repaid, rel=0.02)  # a dollar trades about one


def test_a_price_too_old_is_used_unless_the_table_refuses_it():
    aged = SILENT | {"oracle.ETH.max_age_seconds": 600, "oracle.ETH.heartbeat_seconds": 300, "world.hours": 2.3}
    taken, refused = (run(load(STORM, **aged, **{"cdp.refuse_stale": choice})) for choice in (False, True))
    reasons = [set(result.transactions["reason"].dropna()) for result in (taken, refused)]
    assert "StalePrice" not in reasons[0]
    assert refused.metrics["unexpected_reverts"] == taken.metrics["unexpected_reverts"] == 0
    assert refused.digest != taken.digest


# ------------------------------------------------------------------- the mirror


@pytest.mark.parametrize("changes", [SILENT, {"cdp.base_rate": 0.5, "cdp.slope": 2.0}], ids=["silent", "dear"])
def test_the_mirror_is_the_pools_own_account_to_the_digit(changes):
    world = world_of(**changes)
    (lending,) = world.capabilities(Lending)
    seen = set()
    for _ in steps(world, 120):
        for held in lending.book:
            account = lending.account(held.owner)
            mine = lending.health(held.id)
            assert mine == (account.health if account.debt else None), held
            seen.add((held.id, account.health < WAD))
    assert len({name for name, _ in seen}) > 100
    assert any(unsafe for _, unsafe in seen)


def test_the_index_is_the_pools_own():
    world = world_of(**{"cdp.base_rate": 0.5, "cdp.slope": 2.0, "world.hours": 3})
    (lending,) = world.capabilities(Lending)
    grown = 1.0
    for _ in steps(world, 100):
        its = lending.market.pool.read(world.chain, "getReserveNormalizedVariableDebt", lending.debt_token)
        assert lending.index(world._block_time) == pytest.approx(its / 10**27, rel=1e-9)
        assert lending.index(world._block_time) >= grown
        grown = lending.index(world._block_time)
    assert grown > 1.0001


def test_a_quote_is_what_the_pool_then_does():
    world = world_of(**SILENT)
    (lending,) = world.capabilities(Lending)
    quoted: dict[str, tuple[int, Quote]] = {}
    told, compared = world.subscribe(["liquidation"]), 0
    for _ in steps(world, 1):
        for notice in told.items:
            args = notice.args
            if notice.subject in quoted and quoted[notice.subject][0] == world.number - 1:
                quote = quoted[notice.subject][1]
                if args["debt"] == quote.repay:  # as it stood, without a second behind it and without interest between
                    assert args["collateral"] == quote.reward
                    compared += 1
        told.items.clear()
        quoted = {}
        for position in world.unsafe(lending.id):
            if (quote := lending.quote(position, 2**255)) is not None:
                quoted[position] = (world.number, quote)
        if compared > 5:
            break
    assert compared > 5


# -------------------------------------------------------------------- flash


def test_liquidators_without_capital_borrow_from_the_market_and_sell_to_the_pool(both):
    done = both.transactions[both.transactions["status"] == "included"].groupby(["agent", "action"]).size()
    assert done["flash-liquidators", "liquidate"] > 10
    assert done["liquidators", "liquidate"] > 10
    assert done["arbitrageurs", "swap"] > 10
    assert both.metrics["unexpected_reverts"] == 0
    lent = pool_events(both, "FlashLoan")
    assert len(lent) == done["flash-liquidators", "liquidate"]
    assert all(int(each["premium"]) > 0 for each in lent)


def test_only_the_market_calls_the_flash_liquidator_back():
    world = world_of("flash-crash", **BOTH | {"pool.protocol": "pool"})
    (lending,) = world.capabilities(Lending)
    ours = next(each for each in world.genesis.deployed if each.name == "AaveFlashLiquidator")
    stranger = world.genesis.account("stranger").address
    data = (lending.debt_token, WAD, 0, ours.address, b"")
    with pytest.raises(CallReverted) as direct:
        world.chain.call(ours.address, ours.encode("executeOperation", *data), stranger)
    loan = lending.market.pool.encode("flashLoanSimple", ours.address, lending.debt_token, WAD, b"", 0)
    with pytest.raises(CallReverted) as lent:
        world.chain.call(lending.spender, loan, stranger)
    for fault, caller in ((direct, stranger), (lent, lending.spender)):
        revert = ours.abi.decode_revert(fault.value.output)
        assert (revert.name, revert.values[0]) == ("NotLender", caller)


# ---------------------------------------------------------------- whole runs


def test_what_an_account_does_in_two_steps_is_two_transactions_in_a_row(both):
    """A panicking owner repays, then takes the collateral out."""
    own = both.transactions[both.transactions["agent"] == "borrowers"]
    withdrawn = own[own["action"] == "withdraw"]
    assert len(withdrawn) > 0
    for _, row in withdrawn.iterrows():
        before = own[(own["sender"] == row["sender"]) & (own["nonce"] == row["nonce"] - 1)]
        assert before["action"].tolist() == ["repay"]


def test_the_treasury_earns_interest_and_its_part_of_bonuses():
    result = run(load(STORM, **{"cdp.base_rate": 0.5}))
    rows = result.measures[(result.measures["protocol"] == "cdp") & (result.measures["name"] == "reserve_usd")]
    reserve = rows.set_index("block")["value"]
    assert reserve.iloc[-1] > reserve.iloc[0] >= 0
    debt = result.measures[(result.measures["name"] == "debt_usd")]["value"].max()
    earned = debt * 0.5 * 6 / 8760 * 0.1  # interest of six hours, the reserve factor's share; bonuses come on top
    assert reserve.iloc[-1] > 0.3 * earned


@pytest.mark.anvil
@pytest.mark.parametrize("storm", [STORM, "flash-crash"], ids=["alone", "with-uniswap"])
def test_an_embedded_chain_and_a_node_give_one_digest(storm, uniswap):  # noqa: F811
    need_anvil()
    changes = SHORT if storm == STORM else BOTH | SHORT
    here, there = (run(load(storm, **changes), chain=name) for name in ("revm", "anvil"))
    assert here.metrics["liquidations"] > 3
    assert here.digest == there.digest
    assert here.metrics == there.metrics


def test_positions_and_measures_tell_the_same(storm):
    rows = storm.positions[storm.positions["protocol"] == "cdp"]
    measures = storm.measures[(storm.measures["protocol"] == "cdp") & (storm.measures["name"] == "debt_usd")]
    debt = rows["required_usd"].groupby(rows["block"]).sum() / (1 / 0.825 - 1)
    np.testing.assert_allclose(debt, measures.set_index("block")["value"])


def test_the_manifest_has_a_hash_of_each_contract(storm):
    bytecode = storm.manifest["bytecode"]
    assert {"Pool", "PoolConfigurator", "LiquidationLogic", "AToken", "AaveOracle"} <= set(bytecode)
    assert len({bytecode[name] for name in ("Pool", "LiquidationLogic", "AToken")}) == 3
    assert run(load(STORM, **SHORT), seed=8).manifest["bytecode"]["Pool"] == bytecode["Pool"]


def test_several_collaterals_are_several_markets():
    wide = {
        "market.BTC.process": "constant", "market.BTC.price": 40_000, "oracle.BTC.heartbeat_seconds": 3600,
        "cdp.collateral.BTC.ltv": 0.7, "cdp.collateral.BTC.liquidation_threshold": 0.75,
        "borrowers.market": "cdp/ETH", "liquidators.market": "cdp/ETH",
        "others.agent": "borrower", "others.market": "cdp/BTC", "others.count": 5, "others.ratio": 2.5,
    }  # fmt: skip
    result = run(load(STORM, **SHORT, **wide))
    markets = result.positions["position"].str.rsplit("/", n=1).str[0]
    assert set(markets) == {"cdp/ETH", "cdp/BTC"}
    assert (markets == "cdp/BTC").sum() / len(set(result.positions["block"])) == 5


def test_without_npm_the_run_says_in_one_line_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("WAVETANK_TOOLCHAIN", str(tmp_path))
    with pytest.raises(ConfigError, match=r"@aave/core-v3 is not installed \(run `npm install .*core-v3@1.19.3`\)"):
        run(load(STORM))
