"""Those around a vault: depositors who come and run, keepers who count, borrowers who freeze a lending pool."""

import json
import re

import pytest
from vault_storms import CARRY, CROSS, DEPOSITORS, LOANS, NEUTRAL, events, measured, sent, storm

from simulator import run
from simulator.chain.revm import RevmChain
from simulator.errors import ConfigError
from simulator.observer import Observer
from simulator.protocols.base import Vault
from simulator.protocols.vault_book import Prices
from simulator.scenario import import_user_code
from simulator.units import from_wad
from simulator.world import World


def outcome(args):
    return json.loads(args)["outcome"]


def world_of(scenario):
    scenario = import_user_code(scenario)
    return World(scenario, scenario.world.seed, RevmChain("exact", gas_limit=30_000_000), Observer(None, None))


PANIC = f"""{DEPOSITORS}
run = [{{ id = "panic", from = 1.0, to = 4.0, share = 0.7 }}]
"""


LATE = NEUTRAL.replace(
    "pool = { liquidity_usd = 1_000_000 }",
    'pool = { liquidity_usd = 1_000_000 }\ndelays = [{ id = "late", from = 1.5, to = 4.0, delay_seconds = 900 }]',
)


@pytest.mark.parametrize(
    "text", [CARRY + PANIC, NEUTRAL + PANIC, CROSS, LATE], ids=["carry", "neutral", "cross", "late"]
)
def test_the_mirror_says_what_the_contract_says(tmp_path, text):
    world = world_of(storm(tmp_path, text))
    (vault,) = world.capabilities(Vault)
    plug_in = vault._protocol
    looked = 0
    for step in range(0, world.steps, 7):
        world.run_to(step)
        book, seen = plug_in.book, Prices(*(oracle.price for oracle in plug_in._oracles))
        if not book.current:
            continue
        looked += 1
        nav, deviation, _, margin = book.at(seen, world.now)
        # Funding, interest and fees of less than an hour are not mirrored.
        assert nav == pytest.approx(from_wad(vault.read("totalAssets")), rel=2e-5)
        assert deviation == pytest.approx(from_wad(vault.read("relativeDelta")), abs=2e-5)
        assert margin == pytest.approx(from_wad(vault.strategy.read(world.chain, "marginRatio")), rel=2e-4)
        due, reason = vault.read("rebalanceDue")
        if due and reason != 2:
            assert vault.may_be_due()
    assert looked > 100


def test_depositors_run_when_it_is_declared_and_get_what_is_liquid(tmp_path):
    panic = [{"id": "panic", "from": 1.0, "to": 2.0, "share": 1.0}]
    result = run(storm(tmp_path, NEUTRAL + DEPOSITORS, depositors__run=panic, depositors__invested=1.0))
    assert result.metrics["unexpected_reverts"] == 0
    left = sent(result, "vault-withdraw")
    assert len(left) == 12
    hours = (left["submitted"] - result.blocks["time"].min()) / 3600
    assert hours.between(0.99, 2.01).all()
    assert hours.max() - hours.min() > 0.5
    assert measured(result, "nav_usd").iloc[-1] < 0.65 * measured(result, "nav_usd").iloc[0]


def test_those_whose_assets_are_lent_out_wait_until_the_loans_are_repaid(tmp_path):
    panic = [{"id": "panic", "from": 1.5, "to": 2.0, "share": 1.0}]
    text = CARRY + DEPOSITORS.replace("assets_usd = 500", "assets_usd = 5000") + LOANS
    result = run(storm(tmp_path, text, depositors__run=panic, depositors__invested=1.0))
    assert result.metrics["unexpected_reverts"] == 0
    assert measured(result, "lending_utilisation").max() == pytest.approx(1.0, abs=1e-6)
    requests, settled = events(result, "RedeemRequested"), events(result, "RedeemSettled")
    assert 0 < len(requests) <= 12
    assert len(settled) >= len(requests)
    assert set(sent(result, "vault-claim")["account"]) == set(sent(result, "vault-requestRedeem")["account"])
    # Frozen until hour 3.5, asked for from 1.5 to 2.
    assert 1.4 * 3600 < result.metrics["withdrawal_wait_seconds_max"] < 2.6 * 3600


@pytest.mark.parametrize(
    ("fear", "flee"),
    [
        ("price_fall = 0.05, drawdown = 0.0, queue = 0.0", True),
        ("price_fall = 0.0, drawdown = 0.0, queue = 0.0", False),
    ],
)
def test_a_price_that_falls_frightens_those_who_fear_it(tmp_path, fear, flee):
    text = NEUTRAL + DEPOSITORS.replace("price_fall = 0.0, drawdown = 0.0, queue = 0.0", fear).replace(
        "look_hours = 1", "look_hours = 0"
    )
    result = run(storm(tmp_path, text))
    assert (len(sent(result, "vault-withdraw")) > 0) is flee


def test_a_queue_frightens_others(tmp_path):
    first = DEPOSITORS.replace("assets_usd = 500", "assets_usd = 4000")
    second = DEPOSITORS.replace("[depositors]", "[others]").replace("queue = 0.0", "queue = 0.1, sigma = 0.0")
    text = CARRY + first + second + LOANS
    panic = [{"id": "panic", "from": 1.5, "to": 1.6, "share": 1.0}]
    calm = run(storm(tmp_path, text))
    result = run(storm(tmp_path, text, depositors__run=panic))
    asked = sent(result, "vault-requestRedeem")
    assert (asked["agent"] == "others").any()
    assert len(sent(calm, "vault-requestRedeem")) == 0


def test_depositors_come_where_the_yield_is_better_than_elsewhere_and_leave_where_it_is_not(tmp_path):
    flat = "knots = [[0, 2550.0], [5, 2550.0]]\nbridge_volatility = 0.0"
    text = re.sub(r"knots = .*\nbridge_volatility = 0.4", flat, NEUTRAL) + DEPOSITORS
    text += "memory_hours = 2\ninvested = 0.5\n"
    better = run(storm(tmp_path, text, depositors__reference_apy=-1.0, depositors__yield_gap=0.0))
    worse = run(storm(tmp_path, text, depositors__reference_apy=10.0, depositors__yield_gap=0.0))
    assert len(sent(better, "vault-deposit")) >= 2
    assert len(sent(worse, "vault-withdraw")) >= 2
    assert len(sent(worse, "vault-deposit")) == 0


def test_the_vaults_own_keeper_counts_drift_against_gas(tmp_path):
    # A looped carry's delta grows as the price falls.
    unpaid = {"vault__deposit_usd": 20_000, "vault__triggers__band": 0.01, "vault__execution__tip_usd": 0.0}
    unpaid |= {"hedgers__patience_looks": 10**6, "vault__triggers__margin_floor": 0.0}
    text = CARRY.replace("carry = { ratio = 2.2 }", "carry = { ratio = 2.2, loop_share = 0.5 }")
    alone = run(storm(tmp_path, text, **unpaid))
    careless = run(storm(tmp_path, text, **unpaid, hedgers__owner=True, hedgers__risk_aversion=0.0))
    own = run(storm(tmp_path, text, **unpaid, hedgers__owner=True, hedgers__risk_aversion=1000.0))
    assert (alone.metrics["rebalances"], careless.metrics["rebalances"]) == (0, 0)
    assert own.metrics["rebalances"] > 0
    assert own.metrics["delta_abs_p99"] < alone.metrics["delta_abs_p99"]


def test_observations_move_the_hedge_ratio(tmp_path):
    result = run(storm(tmp_path, CROSS))
    assert result.metrics["unexpected_reverts"] == 0
    assert len(events(result, "Observed")) >= 5
    assert result.metrics["hedge_effectiveness"] > 0.99  # the same asset but for its yield


LOOPED = CARRY.replace("carry = { ratio = 2.2 }", "carry = { ratio = 2.2, loop_share = 0.8 }")


def test_slices_move_delta_by_no_more_than_one_at_a_time(tmp_path):
    style = {"vault__execution__style": "sliced", "vault__execution__max_trade": 0.004}
    style |= {"vault__execution__cooldown_minutes": 1.0, "vault__triggers__band": 0.01}
    result = run(storm(tmp_path, LOOPED, **style))
    moved = [(int(out[2]) - int(out[1])) / int(out[4]) for out in map(outcome, events(result, "RebalanceDone")["args"])]
    assert result.metrics["unexpected_reverts"] == 0
    assert len(moved) > 3
    assert max(map(abs, moved)) < 0.0045


# The first ratio is too low: once the estimate counts, a fifth of the short is missing.
DRIFT = CROSS.replace("max_ratio = 1.5", "max_ratio = 1.5, ratio = 0.8")


def test_a_route_costs_no_more_than_one_order(tmp_path):
    # The perpetual market is dear and the pool cheap, so that corrections belong in spot.
    dear = {"perps__fees__trade": 0.01, "vault__execution__max_slippage": 0.05}
    one = run(storm(tmp_path, DRIFT, **dear))
    routed = run(storm(tmp_path, DRIFT, **dear, vault__execution__style="routed"))
    assert one.metrics["unexpected_reverts"] == routed.metrics["unexpected_reverts"] == 0
    slippage = [measured(result, "rebalance_slippage_usd").iloc[0] for result in (one, routed)]
    assert slippage[1] < slippage[0]


def test_a_run_ends_no_sooner_than_it_begins(tmp_path):
    with pytest.raises(ConfigError, match="must be >= from"):
        storm(tmp_path, NEUTRAL + DEPOSITORS, depositors__run=[{"id": "a", "from": 3, "to": 2, "share": 1}])


def test_the_same_seed_gives_the_same_digest_with_depositors(tmp_path):
    scenario = storm(tmp_path, CARRY + DEPOSITORS + LOANS)
    assert run(scenario).digest == run(scenario).digest


def test_without_trades_profit_is_what_each_leg_moved(tmp_path):
    world = world_of(storm(tmp_path, NEUTRAL, hedgers__count=0))
    (vault,) = world.capabilities(Vault)
    plug_in = vault._protocol
    first = Prices(*(world.market.price("ETH"),) * 2)
    world.run_to(world.steps)
    last = Prices(*(world.market.price("ETH"),) * 2)
    spot, size = plug_in.book.holdings.spot, plug_in.book.holdings.size
    parts = plug_in._record.sample(last, world.now)
    assert parts["pnl_spot"] == pytest.approx(spot * (last.base - first.base), rel=1e-6)
    assert parts["pnl_hedge"] == pytest.approx(size * (last.hedge - first.hedge), rel=1e-6)
    assert parts["pnl_funding"] > 0  # shorts are paid
    assert parts["pnl_trading"] == parts["pnl_fees"] == 0
