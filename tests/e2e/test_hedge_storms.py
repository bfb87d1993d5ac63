"""The hedged storms that ship tell their stories, and their perpetual markets' books balance in every block."""

import pytest
from perp_books import BooksObserver

from simulator import load, run
from simulator.agents.hedge_keeper import HedgeKeeperSettings
from simulator.chain.revm import RevmChain
from simulator.chain.types import Address
from simulator.digest import Digest
from simulator.protocols.base import Perp
from simulator.record import Recorder
from simulator.scenario.files import shipped
from simulator.world import World

SEED = 7
PERPETUALS = sorted(name for name in shipped() if "perps" in load(name).protocols)
FEWER = {"chain.block_seconds": 120, "world.sample_minutes": 240}


def storm(name, seed=SEED, **changes):
    result = run(load(name, **changes), seed=seed, gas="fast")
    assert result.manifest["status"] == "complete"
    assert result.metrics["unexpected_reverts"] == 0
    return result


def measured(result, name, protocol="vault"):
    rows = result.measures
    return rows[(rows["protocol"] == protocol) & (rows["name"] == name)]["value"].astype(float)


def balanced(name, **changes):
    scenario = load(name, **changes)
    with Recorder(None) as recorder:
        observer = BooksObserver(recorder, Digest())
        chain = RevmChain("fast", gas_limit=scenario.chain.gas_limit, coinbase=Address(scenario.chain.coinbase))
        world = World(scenario, SEED, chain, observer)
        world.run()
        world.finish()
        world.seal()
    assert observer.checked >= 0.9 * world.steps * len(world.capabilities(Perp)) > 10  # some slots are missed
    return observer


@pytest.mark.parametrize("name", PERPETUALS)
def test_books_balance_after_every_block(name):
    balanced(name, **FEWER)


@pytest.mark.slow
@pytest.mark.parametrize("name", PERPETUALS)
def test_books_balance_after_every_block_at_full_size(name):
    balanced(name)


@pytest.mark.parametrize(
    ("name", "effectiveness", "delta", "drawdown"),
    [("neutral-calm", 0.99, 1e-9, 0.001), ("cross-calm", 0.5, 0.04, 0.05), ("carry-calm", None, 0.045, 0.02)],
)
def test_nothing_goes_wrong_in_calm(name, effectiveness, delta, drawdown):
    result = storm(name, **{"world.hours": 30})
    found = result.metrics
    if effectiveness is None:
        assert found["hedge_effectiveness"] is None
    else:
        assert found["hedge_effectiveness"] > effectiveness
    assert found["delta_abs_p99"] <= delta
    assert found["max_drawdown"] < drawdown
    assert found["bad_debt_usd"] == 0
    assert (found["adl_notional_usd"] or 0) == (found["socialised_loss_usd"] or 0) == 0
    # What a first round leaves over waits for a second: each may try a keeper's patience, the cooldown lies between.
    execution = load(name).resolved["vault"]["execution"]
    patience = HedgeKeeperSettings().patience_looks * HedgeKeeperSettings().look_minutes
    assert found["withdrawal_wait_seconds_max"] < 60 * (2 * patience + execution["cooldown_minutes"])


def test_the_basis_trade_earns_its_funding_in_calm():
    found = storm("neutral-calm").metrics
    assert found["funding_paid_usd"] < 0
    assert 0.02 < found["net_apy"] < 0.2


def test_negative_funding_eats_the_reserve_and_depositors_leave():
    result = storm("neutral-dollar")
    nav = measured(result, "nav_usd")
    assert result.metrics["funding_paid_usd"] > 5_000
    assert measured(result, "idle_usd").iloc[-1] < 0.2 * measured(result, "idle_usd").iloc[0]
    assert nav.iloc[-1] < 0.5 * nav.iloc[0]
    assert measured(result, "premium", "perps").min() < -0.003
    assert result.metrics["hedge_effectiveness"] > 0.9  # it hedges as well as ever, and loses money


def test_winners_are_deleveraged_on_october_10_and_the_vault_among_them():
    result = storm("october-10-hedge")
    found = result.metrics
    assert found["adl_notional_usd"] > 500_000
    assert found["insurance_fund_usd_min"] == 0
    assert found["delta_abs_p99"] > 0.1
    events = result.events
    closed = events[events["name"] == "Deleveraged"]
    assert len(closed) > 0
    calm = storm("neutral-calm").metrics
    assert found["hedge_effectiveness"] < calm["hedge_effectiveness"] - 0.01
    assert found["max_drawdown"] > 5 * calm["max_drawdown"]


def test_a_larger_fund_spares_the_winners():
    result = storm("october-10-hedge", **{"perps.backstop.fund_usd": 2_000_000})
    assert result.metrics["adl_notional_usd"] == 0
    assert result.metrics["delta_abs_p99"] < 0.01


def test_a_flash_crash_swings_the_margin_and_not_the_worth():
    result = storm("flash-crash-hedge")
    ratio = measured(result, "margin_ratio")
    assert ratio.max() > 0.4
    assert ratio.min() < 0.18
    assert result.metrics["rebalances"] >= 2
    assert result.metrics["hedge_effectiveness"] > 0.99
    assert result.metrics["max_drawdown"] < 0.01


def test_nobody_leaves_through_a_closed_venue():
    closed, open_ = storm("venue-outage"), storm("venue-outage", **{"perps.pauses": [], "perps.delays": []})
    assert closed.metrics["withdrawal_wait_seconds_max"] > 2 * 3600
    assert open_.metrics["withdrawal_wait_seconds_max"] < 1800
    assert closed.metrics["rebalance_delay_seconds_max"] > 3600 > open_.metrics["rebalance_delay_seconds_max"]
    assert measured(closed, "queued_usd").max() > 100_000


def test_bands_bleed_in_a_whipsaw_more_when_they_are_narrow():
    narrow, wide = (storm("whipsaw", **{"vault.triggers.band": band}).metrics for band in (0.01, 0.08))
    assert narrow["rebalances"] > 2 * wide["rebalances"]
    assert narrow["rebalance_cost_usd"] > 2 * wide["rebalance_cost_usd"]
    assert narrow["tracking_error"] < wide["tracking_error"]


def test_frozen_loans_keep_depositors_waiting_and_delta_off():
    frozen, free = storm("carry-unwind"), storm("carry-unwind", **{"loan-demand.demand": []})
    assert measured(frozen, "lending_utilisation").max() == pytest.approx(1, abs=1e-3)
    assert frozen.metrics["withdrawal_wait_seconds_max"] > 3 * 3600
    assert free.metrics["withdrawal_wait_seconds_max"] < 3600
    assert frozen.metrics["delta_abs_p99"] > 2 * free.metrics["delta_abs_p99"]
