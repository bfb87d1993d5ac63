"""Oracles against the market, and the market with agents against the market without."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metric_samples import Run

from simulator.metrics.price import max_drawdown


def test_the_lag_is_the_age_of_the_oldest_answer_in_use():
    run = Run().price(1000, 10.0, oracle=10.0, seen=990).price(2000, 10.0, oracle=10.0, seen=1400)
    run.price(3000, 10.0, oracle=10.0, seen=2999)
    assert run.metric("oracle_lag_seconds_max") == 600.0


def test_an_answer_that_reverts_is_not_in_use():
    run = Run().price(1000, 10.0, oracle=10.0, seen=990).price(9000, 20.0, oracle=None, seen=990)
    metrics = run.metrics()
    assert (metrics["oracle_lag_seconds_max"], metrics["oracle_gap_max"]) == (10.0, 0.0)


def test_the_gap_is_relative_to_the_market_on_either_side():
    run = Run().price(1, 100.0, oracle=110.0, seen=1).price(2, 80.0, oracle=100.0, seen=1)
    run.price(3, 100.0, oracle=78.0, seen=1, asset="BTC")
    assert run.metric("oracle_gap_max") == pytest.approx(0.25)


def test_without_an_oracle_there_is_neither_lag_nor_gap():
    metrics = Run().price(1, 100.0).price(2, 90.0).metrics()
    assert metrics["oracle_lag_seconds_max"] is None
    assert metrics["oracle_gap_max"] is None


def paths(run, exogenous, market, asset="ETH", oracle=1.0):
    for time, (without, price) in enumerate(zip(exogenous, market, strict=True)):
        run.price(time, price, exogenous=without, oracle=oracle, seen=time, asset=asset)
    return run


def test_amplification_is_drawdown_over_drawdown_without_agents():
    # 200 to 150 is a fall of 25 %, 200 to 120 one of 40 %.
    run = paths(Run(), [180.0, 200.0, 150.0, 190.0], [180.0, 200.0, 120.0, 170.0])
    assert run.metric("cascade_amplification") == pytest.approx(1.6)


def test_equal_paths_amplify_by_exactly_one():
    path = [194.6, 171.3, 176.1, 86.0, 110.9]
    assert paths(Run(), path, path).metric("cascade_amplification") == 1.0


@pytest.mark.parametrize(("low", "expected"), [(99.01, None), (98.99, pytest.approx(10 / 1.01))])
def test_a_drawdown_under_one_per_cent_has_no_amplification(low, expected):
    assert paths(Run(), [100.0, low], [100.0, 90.0]).metric("cascade_amplification") == expected


def test_the_worst_amplified_asset_counts():
    run = paths(Run(), [100.0, 50.0], [100.0, 45.0])
    assert paths(run, [10.0, 9.0], [10.0, 8.0], asset="BTC").metric("cascade_amplification") == pytest.approx(2.0)


def test_an_asset_that_no_oracle_prices_is_no_cascade():
    run = paths(Run(), [100.0, 50.0], [100.0, 45.0])
    paths(run, [1.0, 0.98], [1.0, 0.8], asset="DOLLAR", oracle=None)
    assert run.metric("cascade_amplification") == pytest.approx(1.1)


prices = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=30)


@given(prices)
def test_a_drawdown_is_the_worst_of_all_pairs(path):
    worst = max(1 - path[low] / path[peak] for peak in range(len(path)) for low in range(peak, len(path)))
    assert max_drawdown(np.array(path)) == pytest.approx(worst, abs=1e-12)
