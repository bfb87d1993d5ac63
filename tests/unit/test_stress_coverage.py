"""Bounds of means and expected shortfalls hold about as often as they say, over losses as users have them."""

import numpy as np
import pytest
from coverage_study import LOSSES, by_student, covered

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
@pytest.mark.parametrize(("aggregate", "runs"), [("mean", 30), ("mean", 300), ("es99", 100), ("es99", 1000)])
def test_both_bounds_hold(losses, aggregate, runs):
    repetitions = 400
    slack = 3 * np.sqrt(LEAST * (1 - LEAST) / repetitions)
    assert min(covered(losses, aggregate, runs, repetitions)) > LEAST - slack
