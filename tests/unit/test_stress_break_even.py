"""Where a rule's statistic crosses its limit, and the largest liquidation that pays."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stress_samples import BONUS, RATIO, grid, table

from simulator.errors import ConfigError
from simulator.scenario import load_scenario
from simulator.stress.answer import answer
from simulator.stress.break_even import break_even, crossings, grows_by_factor
from simulator.stress.caps import METHOD, caps_of, profitable_cap
from simulator.stress.require import parse_rule


def crossed(points, results, rule):
    return break_even(answer(results, points, [parse_rule(rule)]).points)


def test_a_plane_crosses_its_limit_where_algebra_says_along_both_keys():
    points = grid(ratio=[1.1, 1.2, 1.3, 1.4], bonus=[0.0, 0.1, 0.2])
    results = table(points, lambda c: [1.4 - c[RATIO] + c[BONUS]] * 100)
    found = crossed(points, results, "mean(bad_debt_ratio) <= 25%")
    assert {each.key for each in found} == {RATIO, BONUS}
    for each in found:
        ratio, bonus = {**each.at, each.key: each.value}[RATIO], {**each.at, each.key: each.value}[BONUS]
        assert 1.4 - ratio + bonus == pytest.approx(0.25)
        assert each.low == pytest.approx(each.value)
        assert each.high == pytest.approx(each.value)


def test_the_band_holds_where_the_bounds_cross():
    points = grid(ratio=[1.0, 2.0])
    spread = [-0.1, 0.1] * 50
    results = table(points, lambda c: [2.0 - c[RATIO] + s for s in spread])
    (found,) = crossed(points, results, "mean(bad_debt_ratio) <= 50%")
    reach = answer(results, points, [parse_rule("mean(bad_debt_ratio) <= 50%")]).points[0].verdicts[0].estimate
    assert found.value == pytest.approx(1.5)
    assert found.low == pytest.approx(1.5 - (reach.value - reach.low))
    assert found.high == pytest.approx(1.5 + (reach.high - reach.value))


def test_a_bound_that_never_crosses_leaves_its_end_of_the_band_open():
    points = grid(ratio=[1.0, 2.0])
    results = table(points, lambda c: [2.0 - c[RATIO] + s for s in [-1.0, 1.0] * 50])
    (found,) = crossed(points, results, "mean(bad_debt_ratio) <= 10%")
    assert found.low == pytest.approx(1.9 - 0.1669, abs=1e-3)
    assert found.high is None


def test_a_sample_that_is_no_grid_has_no_break_even():
    points = [(0, {RATIO: 1.1, BONUS: 0.1}), (1, {RATIO: 1.3, BONUS: 0.2})]
    assert crossed(points, table(points, lambda c: [1.4 - c[RATIO]] * 100), "mean(bad_debt_ratio) <= 20%") == []


def test_levels_that_grow_by_a_factor_are_interpolated_by_their_logarithm():
    assert crossings([1, 10, 100], [0, 0, 2], 1, grows_by_factor([1, 10, 100])) == [pytest.approx(math.sqrt(1000))]
    assert crossings([1, 2, 3], [0, 0, 2], 1, grows_by_factor([1, 2, 3])) == [pytest.approx(2.5)]
    assert crossings([1, 2, 3], [0, None, 2], 1) == []


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=9))
def test_a_curve_crosses_as_often_as_it_changes_sides(values):
    found = crossings(range(len(values)), values, 0.0)
    sides = [value > 0 for value in values]
    assert len(found) == sum(a != b for a, b in pairwise(sides))
    assert all(0 <= each <= len(values) - 1 for each in found)
    assert found == sorted(found)


def scenario(depth, bonus, **more):
    changes = {"cdp.collateral.ETH.liquidation": "fixed", "cdp.collateral.ETH.liquidation_bonus": bonus}
    return load_scenario("calm", {**changes, "market.ETH.impact.depth_usd": depth, **more})


def test_the_cap_is_where_the_integral_of_the_impact_eats_the_bonus():
    cap = profitable_cap(scenario(1e6, 0.1), "ETH", own_dollars=True)
    slope = math.log(1.01) / 1e6
    assert -math.expm1(-slope * cap.collateral_usd) / slope == pytest.approx(cap.debt_usd, rel=1e-6)
    assert cap.collateral_usd == pytest.approx(1.1 * cap.debt_usd)
    assert cap.slippage == pytest.approx(1 - 1 / 1.1, rel=1e-6)


def test_the_cap_is_in_proportion_to_depth_and_falls_with_what_eats_the_bonus():
    base = profitable_cap(scenario(1e6, 0.1), "ETH", own_dollars=True).debt_usd
    assert profitable_cap(scenario(3e6, 0.1), "ETH", own_dollars=True).debt_usd == pytest.approx(3 * base)
    assert profitable_cap(scenario(1e6, 0.1), "ETH", own_dollars=True, depth=0.2).debt_usd == pytest.approx(base / 5)
    assert profitable_cap(scenario(1e6, 0.1), "ETH").debt_usd < base
    assert profitable_cap(scenario(1e6, 0.1), "ETH", own_dollars=True, gas_usd=5000).debt_usd < base
    fee = {"cdp.collateral.ETH.protocol_fee": 0.5}
    half = profitable_cap(scenario(1e6, 0.05), "ETH", own_dollars=True).debt_usd
    assert profitable_cap(scenario(1e6, 0.1, **fee), "ETH", own_dollars=True).debt_usd == pytest.approx(half)


def test_a_shock_that_the_scenario_declares_leaves_less_to_sell_into():
    shock = {"market.ETH.impact.shock_move": 0.05, "market.ETH.impact.shock_depth": 0.25}
    base = profitable_cap(scenario(1e6, 0.1), "ETH", own_dollars=True).debt_usd
    assert profitable_cap(scenario(1e6, 0.1, **shock), "ETH", own_dollars=True).debt_usd == pytest.approx(base / 4)


def test_there_is_no_cap_without_a_bonus_and_none_is_too_large_without_impact():
    assert profitable_cap(scenario(1e6, 0.0), "ETH", own_dollars=True).debt_usd == pytest.approx(0, abs=1e-3)
    assert profitable_cap(scenario(1e6, 0.1), "ETH", gas_usd=1e9).debt_usd == 0
    assert profitable_cap(scenario(1e300, 0.1), "ETH", own_dollars=True).debt_usd == math.inf


def test_a_collateral_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(ConfigError, match="ETH"):
        profitable_cap(scenario(1e6, 0.1), "BTC")


def test_every_collateral_of_a_scenario_has_its_cap():
    (name, cap), *others = caps_of(scenario(1e6, 0.1)).items()
    assert (name, others) == ("cdp/ETH", [])
    assert cap == profitable_cap(scenario(1e6, 0.1), "ETH")
    found = cap.as_dict()
    assert (found["method"], found["debt_usd"]) == (METHOD, cap.debt_usd)
    endless = scenario(1e300, 0.1, **{"market.DOLLAR.impact.depth_usd": 1e300})
    assert caps_of(endless)["cdp/ETH"].as_dict()["debt_usd"] is None
