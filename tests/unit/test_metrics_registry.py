"""The registry of metrics: names, directions, and null for no data."""

import json

import pytest
from metric_samples import Run

from simulator.metrics import METRICS, compute, describe
from simulator.metrics.registry import metric
from simulator.record import Recorder

NAMES = """
    transactions blocks gas_used base_fee_gwei_max reverts unexpected_reverts bad_debt_usd bad_debt_ratio insolvent
    liquidations liquidated_debt_usd liquidation_delay_blocks_max zero_bid_share profitable_liquidation_share
    liquidator_profit_usd collateral_ratio_min margin_ratio_min health_factor_min health_factor_p01
    oracle_lag_seconds_max oracle_gap_max cascade_amplification
    hedge_effectiveness delta_abs_p99 tracking_error rebalances rebalance_cost_usd rebalance_delay_seconds_max
    withdrawal_wait_seconds_max max_drawdown net_apy
    funding_paid_usd insurance_fund_usd_min adl_notional_usd socialised_loss_usd
    bad_debt_less_reserve_usd hedge_effectiveness_downside
    implied_volatility_mean realised_volatility volatility_premium_mean net_delta_usd_max net_gamma_usd_max
    net_vega_usd_max net_theta_usd_max net_rho_usd_max delta_drift_usd_max option_premiums_usd hedge_carry_usd
    option_payoffs_usd margin_used_usd_max margin_freed_usd_max
"""
PROBED = """
    stale_answers_used wild_answers_used limits_passed round_trip_gain self_liquidation_gain_usd liquidation_harm
    close_factor_excess liquidation_toxicity unliquidatable_debt_usd stuck_lots accrual_gap share_price_push
    adl_losers_usd adl_past_floor_usd rebalance_excess_loss queue_jumps books_gap_usd manipulation_cost_ratio
    stale_hour_loss_usd greek_gap expiry_price_moves quote_arbitrage_usd waterfall_skips_usd margin_gap_usd
"""
NEITHER = {"transactions", "blocks", "gas_used", "rebalances"}
NEITHER |= {"implied_volatility_mean", "realised_volatility", "volatility_premium_mean"}
LOWER = {"profitable_liquidation_share", "liquidator_profit_usd", "collateral_ratio_min", "margin_ratio_min"}
LOWER |= {"health_factor_min", "health_factor_p01", "hedge_effectiveness", "net_apy", "insurance_fund_usd_min"}
LOWER |= {"manipulation_cost_ratio", "hedge_effectiveness_downside", "margin_freed_usd_max", "option_payoffs_usd"}
OPTIONS = """
    option_interest_usd quoted_volatility_7d realised_volatility realised_volatility_run net_delta_usd net_gamma_usd
    net_vega_usd net_theta_usd net_rho_usd delta_drift_usd option_premiums_usd option_payoffs_usd option_marks_usd
    margin_used_usd margin_freed_usd
"""


def storm(folder=None):
    run = Run(folder).block(1, base_fee=5).block(2, gas_used=7).transaction().transaction("reverted", unexpected=True)
    run.liquidation(debt=10.0, collateral=12.0, profit=1.0).lot(1.0, 12.0).position(1.2, equity=3.0, required=2.0)
    for name in ("debt_usd", "shortfall_usd", "bad_debt_usd", "reserve_usd", "collateral_ratio_min"):
        run.measures(2, name, cdp_ETH=2.0)
    for hour in range(25):
        run.measures(hour, "nav_per_share", vault_v=1.0).measures(hour, "target_per_share", vault_v=1.0)
        run.measures(hour, "hedge_profit_per_share", vault_v=0.1 * (hour % 2)).measures(hour, "delta", vault_v=0.0)
    for name in ("rebalance_cost_usd", "rebalance_delay_seconds", "withdrawal_pending_seconds"):
        run.measures(9, name, vault_v=1.0)
    for name in ("open_interest_usd", "insurance_fund_lowest_usd", "hedge_funding_paid_usd"):
        run.measures(2, name, perps_ETH=2.0)
    for name in OPTIONS.split():
        run.measures(2, name, options_x=2.0)
    for name in PROBED.split():
        run.measures(3, name, prober_x=0.0)
    return run.price(1, 100.0, oracle=99.0, seen=0).price(2, 50.0, oracle=99.0, seen=0)


def test_every_metric_of_this_family_is_registered():
    assert set(METRICS) == {*NAMES.split(), *PROBED.split()}


def test_a_run_without_rows_answers_nothing_but_its_zero_blocks():
    assert compute(Recorder().tables()) == dict.fromkeys(METRICS) | {"blocks": 0}


def test_a_run_with_all_kinds_of_rows_answers_everything():
    assert [name for name, value in storm().metrics().items() if value is None] == []


def test_a_run_on_disk_has_the_metrics_of_one_in_memory(tmp_path):
    assert storm(tmp_path).metrics() == storm().metrics()


def test_values_are_plain_numbers_of_json():
    values = storm().metrics()
    assert {type(value) for value in values.values()} <= {int, float, type(None)}
    assert json.loads(json.dumps(values, allow_nan=False)) == values


def test_which_direction_is_worse():
    directions = {name: each.worse for name, each in METRICS.items()}
    assert {name for name, worse in directions.items() if worse is None} == NEITHER
    assert {name for name, worse in directions.items() if worse == "lower"} == LOWER
    assert set(directions.values()) == {"higher", "lower", None}


def test_every_metric_is_described_with_its_unit():
    rows = describe()
    assert [row["name"] for row in rows] == list(METRICS)
    assert all(row["unit"] and row["description"].endswith(".") for row in rows)


def test_a_description_names_the_source_of_a_definition_that_is_not_ours():
    described = {row["name"]: row["description"] for row in describe()}
    assert described["health_factor_min"].endswith("1 is the edge of unsafe. Source: Aave's health factor.")
    assert described["oracle_gap_max"].endswith("the reference price.")


@pytest.mark.parametrize("suffix", ["usd", "gwei", "blocks", "seconds"])
def test_a_unit_in_the_name_is_the_unit(suffix):
    units = {each.unit for name, each in METRICS.items() if f"_{suffix}" in name}
    assert units == {suffix}


def test_a_metric_without_a_definition_is_refused():
    def unspoken(seen):
        return 1

    with pytest.raises(ValueError, match="unspoken has no definition"):
        metric("count", None)(unspoken)
    assert "unspoken" not in METRICS
