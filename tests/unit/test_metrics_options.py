"""Volatility quoted and realised, Greeks of pools and vaults, cost and margin of options, each by hand."""

import pytest
from metric_samples import Run

GREEKS = ("net_delta_usd", "net_gamma_usd", "net_vega_usd", "net_theta_usd", "net_rho_usd", "delta_drift_usd")
NAMES = (
    *(f"{name}_max" for name in GREEKS),
    "implied_volatility_mean",
    "realised_volatility",
    "volatility_premium_mean",
    "option_premiums_usd",
    "hedge_carry_usd",
    "margin_used_usd_max",
    "margin_freed_usd_max",
)


def test_without_options_there_is_no_answer():
    metrics = Run().measures(10, "debt_usd", cdp_ETH=5.0).metrics()
    assert [metrics[name] for name in NAMES] == [None] * len(NAMES)


def test_implied_volatility_is_the_mean_over_samples_and_the_highest_over_assets():
    run = Run().measures(10, "quoted_volatility_7d", options_ETH=0.5, options_BTC=0.4)
    run.measures(20, "quoted_volatility_7d", options_ETH=0.7)
    assert run.metric("implied_volatility_mean") == pytest.approx(0.6)


def test_realised_volatility_is_that_of_the_whole_run():
    run = Run().measures(10, "realised_volatility_run", options_ETH=0.9, options_BTC=0.2)
    run.measures(20, "realised_volatility_run", options_ETH=0.55)
    assert run.metric("realised_volatility") == 0.55


def test_the_premium_compares_samples_of_both_and_the_lowest_asset_counts():
    run = Run().measures(10, "quoted_volatility_7d", options_ETH=0.6, options_BTC=0.6)
    run.measures(10, "realised_volatility", options_BTC=0.1)
    run.measures(20, "quoted_volatility_7d", options_ETH=0.8).measures(20, "realised_volatility", options_ETH=0.5)
    # Of ether only the second sample has both; of bitcoin each.
    assert run.metric("volatility_premium_mean") == pytest.approx(0.3)


def test_without_a_realised_volatility_there_is_no_premium():
    assert Run().measures(10, "quoted_volatility_7d", options_ETH=0.6).metric("volatility_premium_mean") is None


@pytest.mark.parametrize("name", GREEKS)
def test_the_greatest_greek_is_that_of_a_pool_or_vault_either_way(name):
    values = {"options_options/ETH/pool": -70.0, "options_vault/USDC": 60.0, "options_0xabc": 900.0}
    run = Run().measures(10, name, **values).measures(20, name, **{"options_options/ETH/pool": 10.0})
    assert run.metric(f"{name}_max") == 70.0


def test_greeks_of_traders_alone_are_no_answer():
    assert Run().measures(10, "net_vega_usd", options_0xabc=900.0).metric("net_vega_usd_max") is None


def test_the_carry_of_a_hedge_is_premiums_less_what_came_back_and_is_left_and_funding():
    run = Run().measures(10, "option_premiums_usd", options_a=100.0, options_b=50.0)
    run.measures(10, "option_payoffs_usd", options_a=0.0).measures(10, "option_marks_usd", options_a=90.0)
    run.measures(20, "option_premiums_usd", options_a=130.0).measures(20, "option_payoffs_usd", options_a=40.0)
    run.measures(20, "option_marks_usd", options_a=25.0).measures(20, "hedge_funding_paid_usd", perps_ETH=-7.0)
    assert run.metric("option_premiums_usd") == 180.0
    assert run.metric("option_payoffs_usd") == 40.0
    assert run.metric("hedge_carry_usd") == 180.0 - 40.0 - 25.0 - 7.0


def test_funding_alone_is_no_carry_of_options():
    assert Run().measures(10, "hedge_funding_paid_usd", perps_ETH=7.0).metric("hedge_carry_usd") is None


def test_margin_is_summed_over_markets_and_accounts_and_the_highest_sample_counts():
    run = Run().measures(10, "margin_used_usd", options_ETH=100.0, clearing_x=30.0)
    run.measures(10, "margin_freed_usd", options_ETH=5.0, clearing_x=70.0)
    run.measures(20, "margin_used_usd", options_ETH=60.0).measures(20, "margin_freed_usd", options_ETH=0.0)
    assert (run.metric("margin_used_usd_max"), run.metric("margin_freed_usd_max")) == (130.0, 75.0)


def test_options_count_as_what_could_be_lost_and_their_pools_as_who_bears_it():
    run = Run().measures(10, "option_interest_usd", options_ETH=400.0).measures(10, "bad_debt_usd", options_ETH=8.0)
    assert run.metric("bad_debt_ratio") == pytest.approx(0.02)
    assert (run.metric("liquidations"), run.metric("socialised_loss_usd")) == (0, 0.0)
    assert run.metric("adl_notional_usd") is None
