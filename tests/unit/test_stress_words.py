"""How an answer is told: in sentences, in a table of the worst paths, in charts."""

import math
import shlex

import numpy as np
import pytest
from stress_samples import BONUS, RATIO, grid, table

from simulator.cli import main
from simulator.scenario import load_scenario
from simulator.scenario.overrides import parse_overrides
from simulator.stress.answer import answer
from simulator.stress.charts import draw_charts
from simulator.stress.efficiency import choose_efficiency
from simulator.stress.require import parse_rule
from simulator.stress.wording import labels, setting
from simulator.stress.words import constraint, headline, lines, reason
from simulator.stress.worst import measured, replay_command, worst_paths


def answered(points, results, *rules):
    return answer(
        results, points, [parse_rule(rule) for rule in rules], efficiency=choose_efficiency(None, list(points[0][1]))
    )


def sloped(points, runs=100):
    return table(points, lambda c: [max(0.0, 1.45 - c[RATIO] + 0.0002 * n) for n in range(runs)])


def test_the_recommendation_says_what_how_sure_and_how_far_from_the_edge():
    points = grid(ratio=[1.3, 1.4, 1.5], bonus=[0.1])
    found = answered(points, sloped(points), "mean(bad_debt_ratio) <= 10%")
    assert headline(found) == "Recommended: liquidation ratio 1.4, liquidation bonus 0.1"
    assert reason(found).startswith("Of 3 points 2 keep the constraint with the worse 95 % bound.")
    assert "0.714" in reason(found)
    (kept,) = found.recommendation.kept
    room, edge, cost = constraint(kept, found)
    assert room.endswith("% of room")
    assert edge == "no longer kept 1 step down in liquidation ratio, at 1.3"
    assert cost == "without it efficiency would be higher by 0.0549"
    assert lines(found)[0] == headline(found)


@pytest.mark.parametrize(
    ("losses", "rule", "words"),
    [
        ([0.3] * 100, "mean(bad_debt_ratio) <= 10%", "the worse 95 % bound is 30 %, 20 % beyond the limit"),
        ([math.nan] * 100, "mean(bad_debt_ratio) <= 10%", "no run has data"),
        ([0.0] * 20, "p99(bad_debt_ratio) <= 10%", "20 runs are too few to say"),
        ([0.0] * 100 + [None], "mean(bad_debt_ratio) <= 10%", "1 run of it failed"),
    ],
)
def test_where_nothing_qualifies_it_says_why(losses, rule, words):
    points = grid(ratio=[1.3])
    found = answered(points, table(points, lambda _: losses), rule)
    assert headline(found) == "No point keeps the constraint"
    assert words in reason(found).replace("\u00a0", " ")


def test_keys_are_named_by_as_many_of_their_last_parts_as_tell_them_apart():
    assert labels([RATIO, BONUS]) == {RATIO: "liquidation ratio", BONUS: "liquidation bonus"}
    other = RATIO.replace("ETH", "WBTC")
    assert labels([RATIO, other]) == {RATIO: "liquidation ratio of ETH", other: "liquidation ratio of WBTC"}
    assert labels([]) == {}
    assert [setting(value) for value in (True, 1_000_000, 0.1, "dutch")] == ["on", "1e+06", "0.1", "dutch"]


@pytest.mark.parametrize(
    ("rule", "high"),
    [
        ("p99(bad_debt_ratio) <= 1%", True),
        ("p01(health_factor_min) >= 1", False),
        ("rate(health_factor_min < 1) <= 1%", False),
        ("rate(bad_debt_usd > 0) <= 1%", True),
        ("rate(health_factor_min > 1) >= 99%", False),
    ],
)
def test_the_worst_paths_are_those_that_a_rule_minds(rule, high):
    points = grid(ratio=[1.3])
    assert measured(answered(points, sloped(points), rule))[1] is high


def test_the_worst_paths_are_of_the_recommended_set_and_are_replayed_by_their_commands(capsys, tmp_path):
    points = grid(ratio=[1.3, 1.5])
    found = answered(points, sloped(points), "mean(bad_debt_ratio) <= 10%")
    paths = worst_paths(sloped(points), found)
    assert [path.point for path in paths] == [1] * 10
    assert [path.value for path in paths] == sorted((path.value for path in paths), reverse=True)
    short = load_scenario("calm", parse_overrides(["world.hours=0.1"]))
    command = replay_command(short, points[1][1], paths[0].seed, "fast")
    assert main([*shlex.split(command)[1:], "--out", str(tmp_path / "run"), "--json"]) == 0
    assert '"liquidation_ratio": 1.5' in capsys.readouterr().out


def charts(points, results, *rules):
    groups = draw_charts(results, answered(points, results, *rules))
    return {chart.key: chart for _, _, drawn in groups for chart in drawn}


def test_a_heat_map_has_a_cell_for_each_pair_and_a_line_where_the_limit_is():
    points = grid(ratio=[1.1, 1.2, 1.3], bonus=[0.0, 0.1])
    drawn = charts(points, sloped(points), "mean(bad_debt_ratio) <= 20%")["rule-0"]
    heat, *contours, _ = drawn.traces
    assert np.shape(heat["z"]) == (2, 3)
    assert heat["z"][0][0] > heat["z"][0][2]
    assert {trace["type"] for trace in contours} == {"contour"}
    assert contours[0]["contours"]["start"] == 20


def test_points_that_are_no_grid_are_marks_over_each_key():
    points = [(n, {RATIO: 1.1 + n / 10, BONUS: 0.1 / (n + 1)}) for n in range(5)]
    drawn = charts(points, sloped(points), "mean(bad_debt_ratio) <= 20%")
    assert {"rule-0-0", "rule-0-1"} <= set(drawn)
    assert drawn["rule-0-1"].traces[0]["mode"] == "markers"


def test_a_metric_of_a_sample_is_drawn_over_the_key_that_it_goes_with():
    rng = np.random.default_rng(2)
    points = [(n, {BONUS: float(rng.random()), RATIO: 1.1 + float(rng.random())}) for n in range(20)]
    drawn = charts(points, table(points, lambda c: [c[RATIO] ** 3] * 100), "mean(bad_debt_ratio) <= 20%")
    (metric,) = [chart for key, chart in drawn.items() if key.startswith("metric-bad_debt_ratio")]
    assert metric.title == "Bad debt ratio over liquidation ratio"


def test_a_tail_is_drawn_only_where_there_are_runs_for_one():
    points = grid(ratio=[1.3])
    rng = np.random.default_rng(1)
    heavy = table(points, lambda _: list(rng.pareto(3, 400)))
    few = table(points, lambda _: list(rng.pareto(3, 20)))
    rule = "mean(bad_debt_ratio) <= 20%"
    assert len(charts(points, heavy, rule)["tail"].traces) == 4
    assert "too few" in charts(points, few, rule)["tail"].empty
    assert "have the same" in charts(points, table(points, lambda _: [0.0] * 60), rule)["tail"].empty


def test_no_chart_holds_a_number_that_json_has_not():
    import json

    points = grid(ratio=[1.1, 1.2, 1.3], bonus=[0.0, 0.1])
    results = table(points, lambda c: [math.nan if c[RATIO] > 1.25 else 0.1 + 0.001 * n for n in range(100)])
    for chart in charts(points, results, "mean(bad_debt_ratio) <= 20%", "p99(bad_debt_ratio) <= 20%").values():
        json.dumps([chart.traces, chart.layout((0, 1))], allow_nan=False)


def test_what_is_the_same_at_every_point_is_said_and_not_drawn():
    points = grid(ratio=[1.1, 1.2], bonus=[0.0, 0.1])
    drawn = charts(points, table(points, lambda _: [0.0] * 100), "mean(bad_debt_ratio) <= 20%")
    assert drawn["rule-0"].empty.replace("\u00a0", " ") == "It is 0 % at every point."
    assert not drawn["rule-0"].traces


@pytest.mark.parametrize(
    ("rule", "told"), [("mean(bad_debt_ratio) <= 10%", True), ("p90(bad_debt_ratio) <= 10%", False)]
)
def test_an_average_of_runs_that_all_agree_says_how_rare_a_loss_it_may_not_have_seen(rule, told):
    points = grid(ratio=[1.3])
    found = answered(points, table(points, lambda _: [0.0] * 100), rule)
    words = " ".join(constraint(found.recommendation.kept[0], found)).replace("\u00a0", " ")
    assert ("all 100 runs agree, so what comes in fewer than 2.95 % of runs may be unseen" in words) == told
