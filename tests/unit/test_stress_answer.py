"""What is made of the runs of a sweep: verdicts, the recommended set, what rules cost, and the edge."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stress_samples import BONUS, RATIO, grid, table

from simulator.errors import ConfigError
from simulator.stress.answer import answer, value_of
from simulator.stress.efficiency import choose_efficiency
from simulator.stress.require import parse_rule

RUNS = 100


def steady(value):
    return [value] * RUNS


def answered(points, results, *rules, named=None):
    efficiency = choose_efficiency(named, list(points[0][1]))
    return answer(results, points, [parse_rule(rule) for rule in rules], efficiency=efficiency)


def test_the_most_efficient_set_that_keeps_every_rule_is_recommended():
    points = grid(ratio=[1.1, 1.2, 1.3, 1.4])
    results = table(points, lambda c: steady(max(0.0, 1.25 - c[RATIO])))
    found = answered(points, results, "mean(bad_debt_ratio) <= 0.1%").as_dict()["recommendation"]
    assert found["status"] == "found"
    assert found["changes"] == {RATIO: 1.3}
    assert found["value"]["value"] == pytest.approx(1 / 1.3)


def test_a_rule_costs_the_efficiency_that_is_gained_without_it():
    points = grid(ratio=[1.1, 1.2, 1.3, 1.4])
    results = table(points, lambda c: steady(1.5 - c[RATIO]))
    results["zero_bid_share"] = [0.0 if p[1][RATIO] > 1.15 else 1.0 for p in points for _ in range(RUNS)]
    rules = ("mean(bad_debt_ratio) <= 22%", "mean(zero_bid_share) <= 10%")
    kept = answered(points, results, *rules).as_dict()["recommendation"]["constraints"]
    assert kept[0]["cost"] == pytest.approx(1 / 1.2 - 1 / 1.3)
    assert kept[0]["cost_point"] == 1
    assert kept[1]["cost"] == 0
    assert kept[1]["cost_point"] is None


def test_slack_is_in_the_unit_of_the_rule_and_steps_are_those_of_the_grid():
    points = grid(ratio=[1.1, 1.2, 1.3], bonus=[0.0, 0.1, 0.2])
    results = table(points, lambda c: steady(1.3 - c[RATIO] + max(0.0, c[BONUS] - 0.15)))
    (kept,) = answered(points, results, "mean(bad_debt_ratio) <= 12%").as_dict()["recommendation"]["constraints"]
    assert kept["slack"] == pytest.approx(0.02)
    assert kept["steps"] == 1
    edges = {(edge["key"], edge["way"]): (edge["steps"], edge["value"]) for edge in kept["edges"]}
    assert edges[RATIO, "down"] == (1, 1.1)
    assert edges[RATIO, "up"] == (None, None)
    assert edges[BONUS, "up"] == (2, 0.2)


def test_an_estimate_that_keeps_a_limit_which_its_bound_breaks_is_not_recommended():
    points = grid(ratio=[1.2, 1.3])
    noisy, calm = [0.0] * 99 + [0.25], [0.0] * 100
    results = table(points, lambda c: noisy if c[RATIO] < 1.25 else calm)
    found = answered(points, results, "mean(bad_debt_ratio) <= 0.5%")
    assert found.points[0].verdicts[0].estimate.value < 0.005
    assert found.points[0].verdicts[0].standing == "inconclusive"
    assert found.recommendation.chosen.changes == {RATIO: 1.3}


def test_no_data_is_never_a_pass():
    points = grid(ratio=[1.2])
    found = answered(points, table(points, lambda _: steady(math.nan)), "max(bad_debt_ratio) <= 100%")
    assert found.points[0].verdicts[0].standing == "no_data"
    assert found.recommendation.chosen is None
    assert found.as_dict()["recommendation"]["nearest"]["verdict"] == "no_data"


def test_a_point_none_of_whose_runs_are_there_is_never_a_pass():
    points = grid(ratio=[1.2, 1.3])
    results = table(points, lambda _: steady(0.0))
    found = answered(points, results[results["point"] == 1], "max(bad_debt_ratio) <= 1%")
    assert [point.qualifies for point in found.points] == [False, True]


def test_a_failed_run_is_counted_and_keeps_its_point_from_being_recommended():
    points = grid(ratio=[1.2, 1.3])
    results = table(points, lambda c: [*steady(0.0), None] if c[RATIO] < 1.25 else steady(0.0))
    found = answered(points, results, "mean(bad_debt_ratio) <= 1%")
    assert (found.points[0].runs, found.points[0].failed) == (RUNS, 1)
    assert found.points[0].verdicts[0].standing == "inconclusive"
    assert found.recommendation.chosen.changes == {RATIO: 1.3}


def test_where_nothing_qualifies_the_rule_that_fails_nearest_is_named_with_its_excess():
    points = grid(ratio=[1.2, 1.3])
    results = table(points, lambda c: steady(1.5 - c[RATIO]))
    nearest = answered(points, results, "mean(bad_debt_ratio) <= 10%").as_dict()["recommendation"]["nearest"]
    assert nearest["changes"] == {RATIO: 1.3}
    assert nearest["rule"] == "mean(bad_debt_ratio) <= 10%"
    assert nearest["excess"] == pytest.approx(0.1)


def test_without_a_rule_nothing_is_recommended():
    points = grid(ratio=[1.2])
    found = answered(points, table(points, lambda _: steady(0.0))).as_dict()
    assert found["recommendation"]["status"] == "not_asked"
    assert found["points"][0]["qualifies"] is None


def test_where_nothing_says_what_is_efficient_the_set_with_most_room_is_recommended():
    points = grid(**{"oracle.ETH.delay_seconds": [0, 60, 120]})
    results = table(points, lambda c: steady(0.001 + abs(c["oracle.ETH.delay_seconds"] - 60) / 1e5))
    found = answered(points, results, "mean(bad_debt_ratio) <= 1%").as_dict()["recommendation"]
    assert found["efficiency"] is None
    assert found["changes"] == {"oracle.ETH.delay_seconds": 60}
    assert found["constraints"][0]["cost"] is None


def test_a_rule_on_a_parameter_reads_it_where_it_is_varied_and_where_it_is_not():
    points = grid(ratio=[1.2, 1.4])
    rules = [parse_rule(f"param({RATIO}) >= 130%"), parse_rule(f"param({BONUS}) < 20%")]
    resolved = {"cdp": {"collateral": {"ETH": {"liquidation_bonus": 0.1}}}}
    found = answer(table(points, lambda _: steady(0.0)), points, rules, resolved=resolved)
    assert [point.qualifies for point in found.points] == [False, True]
    with pytest.raises(ConfigError, match="no key"):
        value_of(resolved, "cdp.nothing")


def test_the_answer_is_plain_json_without_numbers_that_json_has_not():
    points = grid(ratio=[1.2, 1.3])
    results = table(points, lambda c: [math.inf if c[RATIO] < 1.25 else 0.0] * 3, zero_bid_share=0.0)
    found = answered(points, results, "max(bad_debt_ratio) <= 1%", "p99(zero_bid_share) <= 1%").as_dict()
    first, second = json.loads(json.dumps(found, allow_nan=False))["points"][0]["rules"]
    assert (first["verdict"], first["value"], first["slack"]) == ("fail", None, None)
    assert (second["verdict"], second["high"], second["needed"]) == ("inconclusive", None, 299)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=8))
def test_a_point_is_on_the_frontier_exactly_when_no_other_is_better_in_one_and_as_good_in_both(pairs):
    points = [(n, {RATIO: 1 + pair[0] / 10, "x": n}) for n, pair in enumerate(pairs)]
    losses = dict(enumerate(pair[1] / 10 for pair in pairs))
    found = answered(points, table(points, lambda c: [losses[c["x"]]] * 2), "max(bad_debt_ratio) <= 1%")
    for number, (ratio, loss) in enumerate(pairs):
        beaten = any(r <= ratio and s <= loss and (r, s) != (ratio, loss) for r, s in pairs)
        twin_before = (ratio, loss) in pairs[:number]
        assert (number in found.frontiers[0]) == (not beaten and not twin_before)


def test_efficiency_is_of_what_is_varied_or_of_what_is_named():
    assert choose_efficiency(None, [BONUS, RATIO]).keys == (RATIO,)
    two = choose_efficiency(None, ["cdp.collateral.A.minimum_ratio", "cdp.collateral.B.minimum_ratio", RATIO])
    settings = {"cdp.collateral.A.minimum_ratio": 1.25, "cdp.collateral.B.minimum_ratio": 2.0, RATIO: 1.1}
    assert two.of_settings(settings) == pytest.approx(0.65)
    assert choose_efficiency(f"param({BONUS})", [BONUS]).of_settings({BONUS: 0.1}) == 0.1
    assert choose_efficiency("rebalance_cost_usd", [BONUS]).sign == -1
    assert choose_efficiency(None, [BONUS], ["vault"]).metric == "net_apy"
    assert choose_efficiency(None, [BONUS]) is None


@pytest.mark.parametrize(
    ("name", "mend"),
    [("net_api", "net_apy"), (f"param({RATIO}x)", "liquidation_ratio"), ("2/param(x)", "metric")],
)
def test_an_efficiency_that_is_nothing_is_refused_with_the_nearest_that_is(name, mend):
    with pytest.raises(ConfigError, match=mend):
        choose_efficiency(name, [RATIO])


def test_one_over_a_key_that_is_zero_is_refused():
    with pytest.raises(ConfigError, match="no number"):
        choose_efficiency(f"1/param({BONUS})", [BONUS]).of_settings({BONUS: 0.0})
