"""Feeds that are not a reporter's: the mean of a pool, an exchange rate, a sequencer guard; and stale liquidations."""

from functools import cache

import pytest
from nodes import need_anvil

from simulator import load, run
from simulator.chain.revm import RevmChain
from simulator.observer import Observer
from simulator.protocols.base import Lending, Oracle
from simulator.scenario import load_scenario
from simulator.units import from_wad
from simulator.world import World

SMALL = {"borrowers.count": 100, "pool.liquidity_usd": 200_000, "liquidators.capital_usd": 20_000}
TWAP = {"world.hours": 3, "oracle.ETH.source": "twap", "oracle.ETH.pool": "pool"} | SMALL
STAKED = """schema = 1
extends = "flash-crash"
title = "A staked token"
story = "A test: it is slashed by a tenth after an hour."

[world]
hours = 2

[market.LST]
process = "yield-bearing"
of = "ETH"
exchange_rate = 1.15
growth = 0.04
accrual_hours = 0.5
slashings = [[1.0, 0.1]]

[oracle.LST]
source = "rate"
underlying = "ETH"
max_growth = 0.05
heartbeat_seconds = 900
max_age_seconds = 3600

[cdp.collateral.LST]

[pool]
base = "LST"
liquidity_usd = 200_000

[borrowers]
market = "cdp/LST"
count = 100

[liquidators]
market = "cdp/LST"
capital_usd = 20_000

[flash-liquidators]
market = "cdp/LST"
"""


@cache
def twap():
    return run(load("flash-crash", **TWAP), seed=3)


def prices(result, asset="ETH"):
    table = result.prices
    return table[table["asset"] == asset].set_index("time")


def lagging(table, window=1800):
    """The pool's price, second by second, averaged over the window that ends at each observation."""
    pool = table["pool"]
    by_second = pool.reindex(range(pool.index[0], pool.index[-1] + 1)).ffill()
    return by_second.rolling(window).mean()


def test_the_mean_of_a_pool_is_what_the_protocol_uses():
    result = twap()
    table = prices(result)
    seen = table[table["oracle_time"] > table.index[0] + 1800].drop_duplicates("oracle_time")
    assert len(seen) > 20
    # Its window begins between two pokes, on their line, and a block's trades count from the block's end.
    expected = lagging(table).shift(1)[seen["oracle_time"]].to_numpy()
    assert seen["oracle"].to_numpy() == pytest.approx(expected, rel=0.02)
    assert (table["oracle"] / table["market"] - 1).abs().max() > 0.2, "it lags"
    assert result.metrics["liquidations"] > 10
    assert result.metrics["unexpected_reverts"] == 0
    assert (result.transactions["action"] == "poke").sum() > 30
    assert (result.transactions["action"] == "report").sum() == 0


def test_a_mean_that_nobody_renews_turns_stale_and_freezes_the_protocol():
    changes = {"housekeeper.count": 0, "oracle.ETH.max_age_seconds": 1200}
    result = run(load("flash-crash", **TWAP | changes), seed=3)
    table = prices(result)
    silent = table.index > table.index[0] - 1 + 1200
    assert table["oracle"][silent].isna().all()
    assert table["oracle"][~silent].notna().all()
    assert result.metrics["liquidations"] == 0


@pytest.fixture
def staked(tmp_path):
    (tmp_path / "staked.toml").write_text(STAKED)
    return str(tmp_path / "staked.toml")


def test_a_rate_feed_is_the_underlyings_price_times_the_reported_rate(staked):
    result = run(load(staked), seed=3)
    token, ether = prices(result, "LST"), prices(result)
    start = token.index[0]
    ratio = token["oracle"] / ether["oracle"]
    assert ratio.loc[: start + 3600].between(1.1499, 1.1501).all()
    assert ratio.loc[start + 3600 + 900 + 60 :].between(1.0349, 1.0351).all(), "the slashing, a heartbeat later"
    assert result.metrics["unexpected_reverts"] == 0


def test_a_rate_counts_at_its_cap_where_it_grows_faster(staked):
    changes = {"market.LST.growth": 5.0, "market.LST.slashings": [], "oracle.LST.max_growth": 0.0}
    result = run(load(staked, **changes), seed=3)
    ratio = prices(result, "LST")["oracle"] / prices(result)["oracle"]
    assert ratio.to_numpy() == pytest.approx(1.15, rel=1e-12)
    assert (prices(result, "LST")["market"] / prices(result)["market"]).iloc[-1] > 1.1502


@pytest.mark.anvil
@pytest.mark.parametrize("kind", ["twap", "rate", "sequencer"])
def test_both_chains_give_one_digest(kind, staked):
    need_anvil()
    scenario = {
        "twap": load("flash-crash", **TWAP | {"world.hours": 0.7}),
        "rate": load(staked, **{"world.hours": 1.5, "oracle.ETH.delay_seconds": 300}),
        "sequencer": load("flash-crash", **SMALL | {"world.hours": 0.2, "oracle.ETH.sequencer_grace_seconds": 600}),
    }[kind]
    one, other = (run(scenario, seed=3, chain=chain) for chain in ("revm", "anvil"))
    assert one.digest == other.digest
    assert one.metrics == other.metrics


# ---------------------------------------------------------- liquidations at an old price

# Ether falls just before the reporter does.
FALL = {"market.ETH.knots": [[0, 2550.0], [1.6, 2540.0], [1.95, 1950.0], [8, 1950.0]], "market.ETH.impact": False}
STALL = {"world.hours": 5.2, "borrowers.count": 60, "pool.liquidity_usd": 200_000} | FALL
STALL |= {"borrowers.ratio": 1.7, "borrowers.ratio_sigma": 0.2}
STALL |= {f"borrowers.habits.{habit}": 0.0 for habit in ("top_up", "repay", "panic", "lever")}


@cache
def stalled(when_stale: bool):
    changes = {"cdp.collateral.ETH.liquidation": "fixed", "cdp.collateral.ETH.liquidate_when_stale": when_stale}
    # The fall comes before the silence, so that what it made unsafe is still there when the price is too old.
    late = {"liquidators.thinking_seconds": 8_000, "liquidators.count": 30, "liquidators.capital_usd": 2_000}
    late |= {"flash-liquidators.count": 0}
    return run(load("oracle-stall", **STALL | late | changes), seed=5)


def test_only_where_a_collateral_says_so_is_anybody_sold_at_an_old_price():
    def sold_while_frozen(result):
        frozen = set(prices(result).reset_index().loc[lambda t: t["oracle"].isna(), "block"])
        sent = result.transactions
        sold = sent[(sent["action"] == "liquidate") & (sent["status"] == "included")]
        return len(set(sold["block"]) & frozen), frozen

    without, frozen = sold_while_frozen(stalled(False))
    assert without == 0
    assert len(frozen) > 100
    assert sold_while_frozen(stalled(True))[0] > 0
    assert stalled(True).metrics["unexpected_reverts"] == 0


@pytest.mark.parametrize("kind", ["fixed", "english", "dutch"])
def test_the_mirror_and_the_preview_of_a_stale_price_agree_with_the_engine(kind):
    changes = {"cdp.collateral.ETH.liquidation": kind, "cdp.collateral.ETH.liquidate_when_stale": True}
    scenario = load_scenario("oracle-stall", STALL | changes | {"liquidators.count": 0, "flash-liquidators.count": 0})
    world = World(scenario, 5, RevmChain("exact", gas_limit=scenario.chain.gas_limit), Observer(None, None))
    world.run_to(int(4.5 * 3600 / world.block_seconds))
    lending = world.capabilities(Lending)[0]
    assert lending.oracle.usable_price() is None
    there = lending.engine.read(world.chain, "liquidationPriceOf", lending.symbol)
    assert lending.oracle.price == from_wad(there)
    unsafe = list(world.unsafe(lending.id))
    assert unsafe
    assert all(lending.quote(position, 2**255) is not None for position in unsafe)
    assert lending.quote(lending.id + "/" + "0x" + "00" * 20, 2**255) is None


def test_the_recorded_price_is_what_consumers_get_in_every_block(monkeypatch):
    """A guard is asked once for each answer only; what is remembered must be what its view says."""
    wrong, asked, recorded = [], [], Observer.prices

    def compared(self, world):
        for oracle in world.capabilities(Oracle):
            said = oracle.usable_price(world.now)
            asked.append(said)
            if said != oracle.usable_price():
                wrong.append((world.number, oracle.asset, said))
        recorded(self, world)

    monkeypatch.setattr(Observer, "prices", compared)
    changes = {"oracle.ETH.max_age_seconds": 300, "oracle.ETH.heartbeat_seconds": 600}
    run(load("neutral-calm", **{"world.hours": 3, **changes}), gas="fast")
    assert wrong == []
    assert None in asked
    assert len(set(asked)) > 10
