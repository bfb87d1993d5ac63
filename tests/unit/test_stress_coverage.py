"""Bounds of means and expected shortfalls hold about as often as they say, over losses as users have them."""

import numpy as np
import pytest
from coverage_study import LEAST_RUNS, LOSSES, by_student, covered, held

from simulator.stress.estimate import rate, runs_needed

BY_NAME = {losses.name: losses for losses in LOSSES}
LEAST = 0.87  # of .95, where so few runs see so heavy a tail


@pytest.mark.parametrize("losses", LOSSES, ids=lambda losses: losses.name)
def test_the_formula_of_a_shortfall_is_the_mean_of_the_worst_draws(losses):
    drawn = np.sort(losses.draw(np.random.default_rng(0), 2_000_000))
    if losses.name != "Pareto 2":  # its mean of draws has no variance to go by
        assert losses.shortfall(0.0) == pytest.approx(drawn.mean(), rel=0.02)
        assert losses.shortfall(0.99) == pytest.approx(drawn[-20_000:].mean(), rel=0.05)


def test_bounds_of_a_rare_loss_hold_where_those_of_student_do_not():
    rare = BY_NAME["5 % lognormal 1"]
    assert by_student(rare, 100, 2000) < 0.8
    assert covered(rare, "mean", 100, 150)[1] > 0.88


@pytest.mark.slow
@pytest.mark.parametrize("losses", LOSSES, ids=lambda losses: losses.name)
@pytest.mark.parametrize(("aggregate", "runs"), [("mean", 100), ("mean", 300), ("es99", 1000)])
def test_both_bounds_hold_of_heavy_and_rare_losses(losses, aggregate, runs):
    repetitions = 150
    slack = 3 * np.sqrt(LEAST * (1 - LEAST) / repetitions)
    assert min(covered(losses, aggregate, runs, repetitions)) > LEAST - slack


@pytest.mark.slow
@pytest.mark.parametrize("losses", LEAST_RUNS, ids=lambda losses: losses.name)
@pytest.mark.parametrize("aggregate", ["mean", "es90", "es95", "es99", "es99.9"])
def test_with_the_least_runs_bounds_of_a_mean_hold_in_93_to_97_percent(losses, aggregate):
    shares = held(losses, aggregate, runs_needed(aggregate), 2000)
    assert min(shares) >= 0.93
    if not losses.atom:
        assert max(shares) <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("losses", LEAST_RUNS, ids=lambda losses: losses.name)
@pytest.mark.parametrize("aggregate", ["p1", "p50", "p90", "p95", "p99", "p99.9"])
def test_with_the_least_runs_bounds_of_a_percentile_hold_in_93_percent_and_more(losses, aggregate):
    assert min(held(losses, aggregate, runs_needed(aggregate), 2000)) >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize("probability", [0.001, 0.05, 0.3, 0.5, 0.99])
@pytest.mark.parametrize("runs", [1, 10, 59, 300])
def test_bounds_of_a_rate_hold_in_93_percent_and_more(probability, runs):
    events = np.random.default_rng([7, runs]).binomial(runs, probability, 2000)
    bounds = {count: rate(count, runs) for count in set(events.tolist())}
    assert np.mean([bounds[count].low <= probability for count in events.tolist()]) >= 0.93
    assert np.mean([bounds[count].high >= probability for count in events.tolist()]) >= 0.93
