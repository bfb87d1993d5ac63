"""Funding, insurance, deleveraging and socialised loss, each by hand."""

import pytest
from metric_samples import Run


def market():
    return Run().measures(10, "open_interest_usd", perps_ETH=1_000.0)


def test_funding_paid_is_the_sum_over_markets_at_the_end():
    run = market().measures(10, "hedge_funding_paid_usd", perps_ETH=5.0, coin_ETH=1.0)
    run.measures(20, "hedge_funding_paid_usd", perps_ETH=-40.0)
    assert run.metric("funding_paid_usd") == -39.0


def test_without_hedge_legs_no_funding_was_paid_by_them():
    assert market().metric("funding_paid_usd") is None


def test_the_lowest_fund_is_summed_over_markets():
    run = market().measures(10, "insurance_fund_lowest_usd", perps_ETH=90.0, coin_ETH=70.0)
    run.measures(20, "insurance_fund_lowest_usd", perps_ETH=20.0)
    assert run.metric("insurance_fund_usd_min") == 90.0


def test_deleveraged_notional_is_counted_and_raw_events_of_that_name_are_not():
    run = market().deleveraged(300.0, haircut=20.0).deleveraged(50.0).deleveraged(7_000.0, index=3)
    assert run.metric("adl_notional_usd") == 350.0


def test_socialised_loss_is_the_sum_of_what_pools_took():
    assert market().socialised(30.0).socialised(12.0).metric("socialised_loss_usd") == 42.0


def test_a_market_in_which_nothing_happened_lost_nothing():
    metrics = market().metrics()
    assert [metrics[name] for name in ("adl_notional_usd", "socialised_loss_usd", "liquidations")] == [0, 0, 0]


def test_without_a_market_there_is_no_answer():
    metrics = Run().measures(10, "debt_usd", cdp_ETH=5.0).metrics()
    names = ("adl_notional_usd", "socialised_loss_usd", "insurance_fund_usd_min", "funding_paid_usd")
    assert [metrics[name] for name in names] == [None] * 4


def test_open_interest_counts_as_what_could_be_lost():
    run = Run().measures(10, "debt_usd", cdp_ETH=100.0).measures(10, "open_interest_usd", perps_ETH=300.0)
    run.measures(20, "debt_usd", cdp_ETH=50.0).measures(20, "open_interest_usd", perps_ETH=100.0)
    run.measures(20, "bad_debt_usd", perps_ETH=8.0)
    assert run.metric("bad_debt_ratio") == pytest.approx(0.02)
    assert market().measures(10, "bad_debt_usd", perps_ETH=5.0).metric("bad_debt_ratio") == pytest.approx(0.005)
