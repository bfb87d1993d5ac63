"""Statistics of runs and their bounds. How often these hold is in test_stress_coverage.py."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binom, norm

from simulator.stress.estimate import effective_runs, estimate, mean_of, rate, runs_needed

ALL = ("max", "min", "mean", "p99", "p50", "p1", "es99", "es50", "es99.9")
values = arrays(float, st.integers(1, 60), elements=st.floats(-1e6, 1e6))


@given(values, st.sampled_from(ALL))
@settings(deadline=None)
def test_a_statistic_lies_between_its_bounds_and_both_in_the_data_where_they_are_percentiles(x, aggregate):
    found = estimate(aggregate, x)
    assert found.runs == len(x)
    slack = 1e-9 * (1 + np.abs(x).max())
    assert found.low is None or found.low <= found.value + slack
    assert found.high is None or found.value <= found.high + slack
    assert (found.needed is not None) == (found.low is None or found.high is None)
    if aggregate.startswith("p"):
        assert {found.low, found.high} - {None} <= set(x)


wholes = arrays(float, st.integers(1, 60), elements=st.integers(-1000, 1000).map(float))  # sums of them are exact


@given(wholes, st.sampled_from(ALL), st.sampled_from([0.25, 1.0, 8.0]), st.integers(-1000, 1000))
@settings(deadline=None)
def test_a_statistic_moves_and_scales_with_what_it_is_of(x, aggregate, slope, start):
    found, moved = estimate(aggregate, x), estimate(aggregate, start + slope * x)
    for one, other in zip((found.value, found.low, found.high), (moved.value, moved.low, moved.high), strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            assert other == pytest.approx(start + slope * one, rel=1e-6, abs=1e-6)


@given(values)
@settings(deadline=None)
def test_the_order_of_runs_and_runs_without_data_do_not_matter(x):
    shuffled = np.random.default_rng(0).permutation(np.append(x, [math.nan, math.nan]))
    assert estimate("p90", shuffled) == estimate("p90", x)
    assert estimate("es90", shuffled).runs == len(x)


@pytest.mark.parametrize(("aggregate", "runs"), [("p99", 299), ("p95", 59), ("p90", 29), ("p99.9", 2995), ("p1", 299)])
def test_a_percentile_has_both_bounds_from_the_number_of_runs_on_that_it_asks_for(aggregate, runs):
    assert runs_needed(aggregate) == runs
    enough, few = estimate(aggregate, np.arange(runs)), estimate(aggregate, np.arange(runs - 1))
    assert enough.low is not None
    assert enough.high is not None
    assert few.needed == runs
    assert None in (few.low, few.high)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("runs", [299, 300, 1000])
def test_bounds_of_a_percentile_hold_with_95_percent_and_the_next_closer_ones_do_not(level, runs):
    found = estimate(f"p{100 * level:g}", np.arange(1, runs + 1))
    # The k-th least exceeds the quantile when fewer than k values lie below it.
    assert binom.cdf(found.high - 1, runs, level) >= 0.95 > binom.cdf(found.high - 2, runs, level)
    assert binom.sf(found.low - 1, runs, level) >= 0.95 > binom.sf(found.low, runs, level)


@given(st.integers(1, 400), st.data())
def test_bounds_of_a_rate_are_those_at_which_what_came_has_5_percent(runs, data):
    events = data.draw(st.integers(0, runs))
    found = rate(events, runs)
    if events < runs:
        assert binom.cdf(events, runs, found.high) == pytest.approx(0.05, rel=1e-6)
    if events:
        assert binom.sf(events - 1, runs, found.low) == pytest.approx(0.05, rel=1e-6)
    assert estimate("rate", [1.0] * events + [0.0] * (runs - events)) == found


def test_the_greatest_the_least_and_a_number_are_as_observed():
    for aggregate, seen in (("max", 3.0), ("min", 0.0), ("count", 4.0)):
        found = estimate(aggregate, [0.0, 3.0, 1.0])
        assert (found.value, found.low, found.high, found.needed) == (seen, seen, seen, None)


def test_runs_that_all_agree_are_their_own_bounds():
    for aggregate in ("mean", "es99", "es50", "p99"):
        found = estimate(aggregate, np.full(1000, 7.0))
        assert (found.value, found.low, found.high) == (7.0, 7.0, 7.0)


def test_without_data_there_is_no_value_and_no_bound():
    found = estimate("p99", [math.nan])
    assert (found.value, found.low, found.high, found.runs, found.needed) == (None, None, None, 0, 299)


def test_a_loss_without_end_leaves_no_bound_that_ends():
    for aggregate in ("mean", "es99", "es50"):
        found = estimate(aggregate, [*range(999), math.inf])
        assert found.value == math.inf
        assert (found.low, found.high) == (-math.inf, math.inf)


def test_the_mean_of_a_rare_loss_reaches_further_up_than_down_and_beyond_what_was_seen():
    x = np.zeros(300)
    x[:15] = np.random.default_rng(1).pareto(2, 15)
    found = mean_of(x)
    assert found.value == x.mean()
    assert found.high - found.value > 1.3 * (found.value - found.low) > 0
    # A worst loss ten times as great makes the bound more careful than Student's.
    x[0] = 10 * x.max()
    assert mean_of(x).high > x.mean() + 1.65 * x.std() / math.sqrt(300)


@pytest.mark.parametrize("share", [0.02, 0.05, 0.1, 0.3])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.98])
def test_where_there_are_data_a_shortfall_is_near_the_mean_of_the_worst_however_few_lose(share, level):
    random = np.random.default_rng(5)
    x = np.where(random.random(3000) < share, random.lognormal(0, 0.5, 3000), 0.0)
    worst = np.sort(x)[-round(3000 * (1 - level)) :].mean()
    found = estimate(f"es{100 * level:g}", x)
    assert found.value == pytest.approx(worst, rel=0.06)
    assert found.low < worst < found.high


# ------------------------------------------------------------------------- weights

SHIFT = 2.5


def tilted_normals(runs, seed=0):
    """Standard normals drawn with a mean of 2.5, and their weights."""
    x = np.random.default_rng(seed).standard_normal(runs) + SHIFT
    return x, np.exp(SHIFT**2 / 2 - SHIFT * x)


def test_weighted_runs_tell_a_tail_that_as_many_plain_ones_never_see():
    quantile = norm.ppf(0.9999)
    x, w = tilted_normals(4000)
    for aggregate, truth, seen in (
        ("p99.99", quantile, x),
        ("es99.99", norm.pdf(quantile) / 1e-4, x),
        ("rate", 1e-4, x > quantile),
    ):
        found = estimate(aggregate, seen, w)
        assert found.value == pytest.approx(truth, rel=0.1)
        assert found.low <= truth <= found.high
        assert found.needed is None


def test_a_low_percentile_of_losses_is_the_high_one_of_what_is_gained():
    x, w = tilted_normals(2000)
    high, low = estimate("p99", x, w), estimate("p1", -x, w)
    assert (low.value, low.low, low.high) == (-high.value, -high.high, -high.low)


def test_weights_of_one_change_nothing():
    x = np.random.default_rng(2).lognormal(size=400)
    for aggregate in ("mean", "p99", "es99"):
        assert estimate(aggregate, x, np.ones(400)) == estimate(aggregate, x)


def test_weights_that_a_few_runs_carry_give_no_bound_but_a_number_of_runs():
    x, w = tilted_normals(200)
    body = estimate("rate", x < 0, w)  # away from where was drawn
    assert (body.low, body.high) == (None, None)
    assert body.needed > 200
    assert estimate("mean", x, w).high is None


def test_no_event_among_weighted_runs_bounds_no_rate():
    found = estimate("rate", np.zeros(1000), np.full(1000, 0.5))
    assert (found.value, found.high) == (0.0, None)
    assert found.needed == 10_000


@given(st.integers(1, 50), st.floats(0.1, 10))
def test_runs_of_equal_weight_are_all_effective(runs, weight):
    assert effective_runs(np.full(runs, weight)) == pytest.approx(runs)
    assert effective_runs(np.append(np.zeros(runs), weight)) == pytest.approx(1)
