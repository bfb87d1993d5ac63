"""The laws of stress tests hold, and fail where what they are about is done wrongly."""

import math

import numpy as np
import pytest
from laws import verdict

from simulator.stress import tail
from simulator.stress.require import parse_rule
from simulator.stress.sensitivity import saltelli_shares, sensitivities
from simulator.validation import stress
from simulator.validation.catalogue import chosen


@pytest.mark.parametrize("name", [law.name for law in chosen(["stress"]) if law.name != "stress/tail"])
def test_the_law_holds(name):
    assert verdict(name).verdict == "holds"


def test_the_tail_of_student_losses_is_told_better_by_its_law_than_by_the_worst_draws(monkeypatch):
    monkeypatch.setattr(stress, "REPETITIONS", 120)
    fitted, empirical = stress.tail_errors()
    assert fitted < 0.85 * empirical


def test_a_tail_of_two_draws_is_no_better_than_these(monkeypatch):
    monkeypatch.setattr(stress, "REPETITIONS", 60)
    fitted, empirical = stress.tail_errors(share=3 / 2000)
    assert fitted > 0.85 * empirical


def test_the_shortfall_of_student_losses_is_the_mean_of_the_worst():
    losses = np.sort(np.random.default_rng(1).standard_t(4, 4_000_000))
    assert stress.shortfall_of_student(0.99, 4) == pytest.approx(losses[-40_000:].mean(), rel=0.01)


def test_the_probability_of_the_crash_is_the_one_that_is_told():
    assert stress.event_probability() == pytest.approx(3e-4, rel=0.01)


def test_weights_that_forget_the_size_of_jumps_miss_the_probability():
    returns, weights = stress.tilted_days()
    counted = (returns < stress.EVENT) * 1.0
    error = 3 * np.std(weights * counted) / math.sqrt(len(returns))
    assert abs(np.mean(weights * counted) - stress.event_probability()) < error
    for wrong in (np.ones_like(weights), np.minimum(weights, 1e-3), weights**0.9):
        assert abs(np.mean(wrong * counted) - stress.event_probability()) > error


def test_runs_as_they_are_do_not_cut_the_variance():
    plain = stress.daily_returns(stress.daily_jumps(), range(2000)) < stress.EVENT
    probability = stress.event_probability()
    assert plain.mean() < 0.01
    # So rare that most such samples have not one: their variance is p (1 - p) or seems to be nothing.
    assert plain.var() == 0 or plain.var() > probability / 3


def test_points_in_another_order_than_the_one_that_is_read_miss_the_indices():
    import pandas as pd

    shares = saltelli_shares(3, 5 * 1024, np.random.default_rng(1))
    found = []
    for rows in (shares, np.random.default_rng(2).permutation(shares)):
        values = stress.ishigami((2 * rows - 1) * math.pi)
        table = pd.DataFrame({"point": range(len(rows)), "weight": 1.0, "status": "complete", "made_up": values})
        (each,) = sensitivities(table, ["a", "b", "c"], "saltelli", [parse_rule("mean(made_up) <= 0")])
        found.append([index["total"]["value"] for index in each["indices"]])
    assert found[0] == pytest.approx([0.558, 0.442, 0.244], abs=0.05)
    assert max(abs(a - b) for a, b in zip(found[1], [0.558, 0.442, 0.244], strict=True)) > 0.2


@pytest.mark.slow
def test_the_law_of_the_tail_holds():
    assert verdict("stress/tail").verdict == "holds"


def test_a_tail_is_fitted_to_the_greatest_tenth():
    fitted = tail.fit_tail(np.arange(2000.0))
    assert len(fitted.excesses) == 200
    assert fitted.threshold == 1799
