"""Bad debt, insolvency and how close positions came."""

import pytest
from metric_samples import Run


def test_bad_debt_is_open_shortfall_and_recorded_bad_debt_at_the_end():
    run = Run().measures(10, "shortfall_usd", cdp_ETH=900.0, cdp_BTC=0.0).measures(10, "bad_debt_usd", cdp=0.0)
    run.measures(20, "shortfall_usd", cdp_ETH=100.0, cdp_BTC=20.0, lender=3.0).measures(20, "bad_debt_usd", cdp=400.0)
    assert run.metric("bad_debt_usd") == 523.0


def test_of_two_samples_in_one_block_the_later_counts():
    run = Run().measures(10, "shortfall_usd", cdp_ETH=100.0).measures(10, "shortfall_usd", cdp_ETH=70.0)
    assert run.metric("bad_debt_usd") == 70.0


def test_the_order_of_rows_does_not_decide_which_sample_is_last():
    run = Run().measures(20, "shortfall_usd", cdp_ETH=5.0).measures(10, "shortfall_usd", cdp_ETH=100.0)
    assert run.metric("bad_debt_usd") == 5.0


def test_a_measure_stands_until_the_next():
    run = Run().measures(10, "shortfall_usd", cdp_ETH=100.0).measures(20, "shortfall_usd", cdp_BTC=1.0)
    assert run.metric("bad_debt_usd") == 101.0


def test_recorded_bad_debt_alone_is_bad_debt():
    assert Run().measures(10, "bad_debt_usd", cdp=7.0).metric("bad_debt_usd") == 7.0


def test_the_ratio_is_over_the_highest_debt_of_all_protocols_together():
    run = Run().measures(10, "debt_usd", cdp_ETH=600.0, cdp_BTC=100.0, lender=100.0)
    run.measures(20, "debt_usd", cdp_ETH=900.0, cdp_BTC=50.0, lender=50.0).measures(30, "debt_usd", cdp_ETH=10.0)
    run.measures(30, "shortfall_usd", cdp_ETH=5.0)
    assert run.metric("bad_debt_ratio") == pytest.approx(0.005)


def test_no_bad_debt_of_some_debt_is_a_ratio_of_zero():
    run = Run().measures(10, "debt_usd", cdp_ETH=600.0).measures(10, "shortfall_usd", cdp_ETH=0.0)
    assert run.metric("bad_debt_ratio") == 0.0


def test_without_debt_there_is_no_ratio():
    run = Run().measures(10, "debt_usd", cdp_ETH=0.0).measures(10, "shortfall_usd", cdp_ETH=0.0)
    assert run.metric("bad_debt_ratio") is None


@pytest.mark.parametrize(("reserve", "expected"), [(99.0, 1), (100.0, 0), (101.0, 0)])
def test_insolvent_is_bad_debt_above_the_reserve(reserve, expected):
    run = Run().measures(9, "shortfall_usd", cdp_ETH=40.0).measures(9, "bad_debt_usd", cdp=60.0)
    assert run.measures(9, "reserve_usd", cdp=reserve).metric("insolvent") == expected


def test_one_protocols_reserve_does_not_cover_another():
    run = Run().measures(9, "shortfall_usd", cdp_ETH=0.0, lender=1.0).measures(9, "reserve_usd", cdp=100.0)
    assert run.metric("insolvent") == 1


def test_a_protocol_without_a_reserve_is_insolvent_with_any_bad_debt():
    assert Run().measures(9, "shortfall_usd", cdp_ETH=0.5).metric("insolvent") == 1
    assert Run().measures(9, "shortfall_usd", cdp_ETH=0.0).metric("insolvent") == 0


def test_the_lowest_collateral_ratio_is_over_samples_and_collaterals():
    run = Run().measures(10, "collateral_ratio_min", cdp_ETH=1.7).measures(20, "collateral_ratio_min", cdp_ETH=1.2)
    run.measures(30, "collateral_ratio_min", cdp_ETH=1.9, cdp_BTC=1.3)
    assert run.metric("collateral_ratio_min") == 1.2


def test_the_margin_ratio_is_equity_over_requirement():
    run = Run().position(1.1, equity=30.0, required=20.0).position(0.8, equity=-5.0, required=10.0)
    run.position(None, equity=-100.0, required=0.0)
    assert run.metric("margin_ratio_min") == -0.5


def test_health_is_over_positions_that_owe_something():
    run = Run().position(1.25).position(None).position(0.75).position(float("inf"))
    assert run.metric("health_factor_min") == 0.75


def test_the_first_percentile_of_health_is_linear_between_order_statistics():
    run = Run()
    for number in range(201):
        run.position(1.0 + number / 100)
    assert run.metric("health_factor_p01") == pytest.approx(1.02)


def test_without_debt_no_health_is_reported():
    metrics = Run().position(None, equity=5.0).metrics()
    assert [metrics[name] for name in ("health_factor_min", "health_factor_p01", "margin_ratio_min")] == [None] * 3
