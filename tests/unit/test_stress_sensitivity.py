"""Sobol indices of what a sweep found."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.errors import ConfigError
from simulator.stress.require import parse_rule
from simulator.stress.sensitivity import saltelli_shares, sensitivities, statistic_by_point
from simulator.stress.space import dimensions_of, make_points

MEAN = parse_rule("mean(loss) <= 0")


def swept(vary, sampling, loss, points=None, seeds=(0.0,)):
    """Results of a made-up loss of each point's values, and of each seed what is added."""
    chosen = make_points(dimensions_of(vary), sampling, points, 1)
    rows = [
        {"point": point.number, "seed": seed, "weight": 1.0, "status": "complete", **point.changes,
         "loss": loss(*point.changes.values()) + extra}
        for point in chosen
        for seed, extra in enumerate(seeds)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def indices(results, sampling, rule=MEAN):
    keys = [key for key in results if key.startswith("k.")]
    (found,) = sensitivities(results, keys, sampling, [rule])
    return {each["key"]: (each["first"]["value"], each["total"]["value"]) for each in found["indices"]}


RANGES = {"k.a": "0..1", "k.b": "0..1", "k.c": "0..1"}


def test_a_sum_of_keys_has_indices_in_proportion_to_the_squares_of_their_slopes():
    found = indices(swept(RANGES, "saltelli", lambda a, b, _: 3 * a + b, 2560), "saltelli")
    for key, share in (("k.a", 0.9), ("k.b", 0.1), ("k.c", 0.0)):
        assert found[key] == (pytest.approx(share, abs=0.02), pytest.approx(share, abs=0.02))


def test_a_product_of_centred_keys_is_all_interaction():
    found = indices(swept(RANGES, "saltelli", lambda a, b, _: (a - 0.5) * (b - 0.5), 5120), "saltelli")
    assert found["k.a"] == (pytest.approx(0, abs=0.06), pytest.approx(1, abs=0.06))
    assert found["k.c"] == (pytest.approx(0, abs=0.02), pytest.approx(0, abs=0.02))


def test_bounds_hold_the_index_between_them_and_narrow_with_points():
    reach = []
    for points in (320, 5120):
        results = swept(RANGES, "saltelli", lambda a, b, _: 3 * a + b, points)
        (found,) = sensitivities(results, list(RANGES), "saltelli", [MEAN])
        first = found["indices"][0]["first"]
        assert first["low"] <= 0.9 <= first["high"]
        reach.append(first["high"] - first["low"])
    assert reach[1] < reach[0] / 2


def test_on_a_grid_indices_are_those_of_the_analysis_of_variance():
    vary = {"k.a": "-1..1:3", "k.b": "-1..1:3", "k.c": "0..1:4"}
    found = indices(swept(vary, "grid", lambda a, b, _: 2 * a + a * b), "grid")
    # Variances of the parts: 4 * 2/3 and 2/3 * 2/3.
    parts = 4 * 2 / 3, 4 / 9
    assert found["k.a"] == (pytest.approx(parts[0] / sum(parts)), pytest.approx(1))
    assert found["k.b"] == (pytest.approx(0), pytest.approx(parts[1] / sum(parts)))
    assert found["k.c"] == (pytest.approx(0), pytest.approx(0))


def test_both_ways_agree_where_the_grid_is_fine():
    def loss(a, b, c):
        return np.sin(3 * a) + b**2 + a * c

    fine = dict.fromkeys(RANGES, "0.0125..0.9875:40")  # the middles of forty cells
    one = indices(swept(RANGES, "saltelli", loss, 5120), "saltelli")
    other = indices(swept(fine, "grid", loss), "grid")
    for key in RANGES:
        assert other[key] == pytest.approx(one[key], abs=0.03)


@given(st.permutations(list(range(8))))
@settings(max_examples=20)
def test_the_order_of_rows_does_not_matter(order):
    results = swept({"k.a": "0..1:4", "k.b": "0..1:2"}, "grid", lambda a, b: a + 2 * b * a)
    assert indices(results.iloc[order], "grid") == pytest.approx(indices(results, "grid"))


@pytest.mark.parametrize("points", [10, 11, 100, 1000])
def test_points_are_at_most_as_many_as_asked_for_and_each_differs_from_its_pair_in_one_key(points):
    shares = saltelli_shares(3, points, np.random.default_rng(0))
    assert len(shares) <= points < 2 * len(shares) + 10
    assert ((shares >= 0) & (shares < 1)).all()
    block = shares[:5]
    for key in range(3):
        assert list(block[key + 1] != block[0]) == [each == key for each in range(3)]
        assert block[key + 1, key] == block[4, key]


def test_too_few_points_are_refused_with_the_number_that_would_do():
    with pytest.raises(ConfigError, match="10 would do"):
        saltelli_shares(3, 9, np.random.default_rng(0))


def test_what_does_not_vary_or_has_no_data_or_was_drawn_otherwise_has_no_indices():
    flat = swept(RANGES, "saltelli", lambda *_: 1.0, 40)
    assert indices(flat, "saltelli") == {}
    gap = swept(RANGES, "saltelli", lambda a, *_: a, 40)
    gap.loc[3, "loss"] = np.nan
    assert indices(gap, "saltelli") == {}
    drawn = swept(RANGES, "sobol", lambda a, *_: a, 16)
    assert indices(drawn, "sobol") == {}
    assert indices(drawn, "grid") == {}  # no full grid either


def test_the_quick_mean_by_point_is_the_mean_of_the_statistic():
    results = swept({"k.a": "0..1:5"}, "grid", lambda a: a, seeds=range(12))
    results["weight"] = np.where(results["seed"] % 2, 0.5, 1.5)
    failed = results.copy()
    failed.loc[failed["seed"] == 11, "status"] = "failed"
    one = statistic_by_point(results, MEAN)
    other = [MEAN.evaluate(runs).value for _, runs in results.groupby("point")]
    assert one == pytest.approx(other)
    assert not np.allclose(statistic_by_point(failed, MEAN), one)


def test_a_statistic_comes_once_and_a_parameter_not_at_all():
    results = swept({"k.a": "0..1:5"}, "grid", lambda a: a)
    rules = [MEAN, parse_rule("mean(loss) <= 5"), parse_rule("param(k.a) <= 1"), parse_rule("max(loss) <= 1")]
    assert [each["output"] for each in sensitivities(results, ["k.a"], "grid", rules)] == ["mean(loss)", "max(loss)"]
