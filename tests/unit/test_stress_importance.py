"""Importance sampling of jumps: exact weights, paths that stay as they are between jumps, and tilts that are found."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from simulator.errors import ConfigError
from simulator.market.paths import drawn_paths, unseen_draw
from simulator.market.processes.diffusion import Gbm
from simulator.market.processes.hawkes import Hawkes
from simulator.market.processes.heston import Bates
from simulator.market.processes.jumps import Merton
from simulator.metrics import METRICS
from simulator.scenario import load_scenario
from simulator.streams import Streams
from simulator.stress import work
from simulator.stress.importance import Pilot, find_tilt, run_weight, tilt_for, weight_of
from simulator.stress.require import parse_rule

HOURS = np.arange(25) * 3600.0
JUMPS = {"price": 100.0, "jump_rate": 400.0, "jump_mean": -0.02, "jump_deviation": 0.03}
KINDS = [Merton(**JUMPS), Bates(**JUMPS), Hawkes(**JUMPS, branching=0.5, excess_rate=300.0)]
TILT = {"jump_rate_factor": 2.5, "jump_mean_shift": -0.02}


def tilted(process, **tilt):
    return process.model_copy(update=tilt or TILT)


def path(process, seed):
    return drawn_paths({"ETH": process}, HOURS, Streams(seed))["ETH"][0]


@pytest.mark.parametrize("process", KINDS, ids=lambda process: process.name)
def test_without_a_tilt_every_run_weighs_one(process):
    assert [weight_of({"ETH": process}, HOURS, seed) for seed in range(20)] == [1.0] * 20


@pytest.mark.parametrize("process", KINDS, ids=lambda process: process.name)
def test_weighted_means_of_tilted_paths_are_those_of_paths_as_they_are(process):
    runs, other = 800, tilted(process)
    plain = np.array([math.log(path(process, seed)[-1] / 100) for seed in range(runs)])
    drawn = np.array([math.log(path(other, seed)[-1] / 100) for seed in range(runs, 2 * runs)])
    weights = np.array([weight_of({"ETH": other}, HOURS, seed) for seed in range(runs, 2 * runs)])
    assert drawn.mean() < plain.mean() - 5 * plain.std() / math.sqrt(runs)
    for read in (np.ones_like, lambda x: x, np.square, lambda x: x < -0.1, np.exp):
        one, two = read(plain) * 1.0, read(drawn) * weights
        error = math.hypot(one.std(), two.std()) / math.sqrt(runs)
        assert two.mean() == pytest.approx(one.mean(), abs=3.5 * error)


@given(st.integers(0, 50), st.floats(0.2, 5), st.floats(-0.05, 0.05))
@settings(max_examples=40)
def test_a_weight_is_the_ratio_of_the_densities_of_what_was_drawn(seed, factor, shift):
    process = tilted(Merton(**JUMPS), jump_rate_factor=factor, jump_mean_shift=shift)
    jumps = process.tally(unseen_draw("ETH", HOURS, Streams(seed)))
    n, total, expected = int(jumps.counts[0]), float(jumps.sums[0]), 400 / 365

    def log_density(rate, mean):
        spread = n * 0.03**2
        size = -((total - n * mean) ** 2) / (2 * spread) if n else 0.0
        return n * math.log(rate) - rate + size

    found = log_density(expected, -0.02) - log_density(expected * factor, -0.02 + shift)
    assert weight_of({"ETH": process}, HOURS, seed) == pytest.approx(math.exp(found), rel=1e-9)


def test_between_jumps_the_price_drifts_as_it_does_without_a_tilt():
    process = Merton(price=100.0, volatility=0.0, jump_rate=50.0, jump_mean=-0.05, jump_deviation=0.01)
    drift = -process.compensator * 3600 / (365 * 86_400)
    gains = np.diff(np.log(path(tilted(process, jump_rate_factor=20.0, jump_mean_shift=-0.1), 3)))
    still = np.isclose(gains, drift, rtol=1e-9)
    assert still.sum() > 10
    assert (gains[~still] < -0.05).all()
    assert not still.all()


def test_the_weights_of_several_assets_multiply():
    one, other = tilted(Merton(**JUMPS)), tilted(Hawkes(**JUMPS))
    both = weight_of({"A": one, "B": other, "C": Gbm(price=1.0)}, HOURS, 5)
    assert both == pytest.approx(weight_of({"A": one}, HOURS, 5) * weight_of({"B": other}, HOURS, 5))
    assert both != 1


def test_a_shift_of_jumps_that_are_all_alike_is_refused():
    with pytest.raises(ValidationError, match="jump_deviation is 0"):
        Merton(price=1.0, jump_deviation=0.0, jump_mean_shift=-0.1)
    Merton(price=1.0, jump_deviation=0.0, jump_rate_factor=3.0)


def test_the_weight_of_a_run_is_that_of_the_path_its_world_draws():
    changes = {"market.ETH.process": "merton", "market.ETH.price": 2000.0, "market.ETH.jump_rate": 2000.0}
    scenario = load_scenario("calm", {**changes, "market.ETH.jump_rate_factor": 2.0})
    process, seed = scenario.market["ETH"].settings, 4
    drawn = drawn_paths({"ETH": process}, scenario.times, Streams(seed))["ETH"][0]
    # A jump stands out by far from a block's noise, so that the path itself says how many there were.
    count = int(process.tally(unseen_draw("ETH", scenario.times, Streams(seed))).counts[0])
    assert np.sum(np.abs(np.diff(np.log(drawn))) > 0.005) == pytest.approx(count, abs=0.35 * count)
    expected = 2000.0 * scenario.times[-1] / (365 * 86_400)
    assert run_weight(scenario, seed) == pytest.approx(math.exp(expected - count * math.log(2.0)))
    assert run_weight(load_scenario("calm", changes), seed) == 1.0


# ------------------------------------------------------------------ finding a tilt


def crash(process, day=HOURS):
    """Losses of a day under changed keys."""

    def losses(changes, seeds):
        own = process.model_copy(update={key.rpartition(".")[2]: value for key, value in changes.items()})
        return np.array([-math.log(path(own, seed)[-1] / 100) for seed in seeds])

    return losses, Pilot({"ETH": process}, day)


RARE = Merton(price=100.0, volatility=0.5, jump_rate=3.65, jump_mean=-0.1, jump_deviation=0.1)


def test_a_tilt_that_is_found_makes_what_is_rare_common_and_cuts_the_variance():
    losses, start = crash(RARE)
    found = find_tilt(start, losses, 0.9997, seed=10_000)
    assert set(found.changes) == {"market.ETH.jump_rate_factor", "market.ETH.jump_mean_shift"}
    assert found.changes["market.ETH.jump_rate_factor"] > 30
    assert found.changes["market.ETH.jump_mean_shift"] < -0.1
    seeds = range(1000)
    event = losses(found.changes, seeds) > 0.2978
    assert event.mean() > 0.1
    counted = event * found.weights(seeds)
    assert counted.mean() == pytest.approx(3e-4, rel=0.3)
    assert counted.var() < counted.mean() / 100


def test_runs_that_failed_show_no_way():
    losses, start = crash(RARE)

    def half(changes, seeds):
        return np.where(np.arange(len(seeds)) % 2, losses(changes, seeds), np.nan)

    assert find_tilt(start, half, 0.99, seed=1).changes["market.ETH.jump_rate_factor"] > 3


def test_pilot_runs_that_all_lose_alike_are_refused():
    _, start = crash(RARE)
    with pytest.raises(ConfigError, match="none of 50 pilot runs"):
        find_tilt(start, lambda _, seeds: np.zeros(len(seeds)), 0.999, runs=50)


def test_a_scenario_without_jumps_is_refused_with_the_processes_that_have_some():
    with pytest.raises(ConfigError, match="merton"):
        Pilot.of(load_scenario("calm", {"market.ETH.process": "gbm", "market.ETH.price": 2000.0}))


CRASHES = {
    "world.hours": 24,
    "market.ETH.process": "merton",
    "market.ETH.price": 100.0,
    "market.ETH.volatility": 0.5,
    "market.ETH.jump_rate": 3.65,
    "market.ETH.jump_mean": -0.1,
    "market.ETH.jump_deviation": 0.1,
}


def by_price_alone(task):
    """In place of a run: its collateral ratio is that of the last price, and everything else is without data."""
    scenario = load_scenario(task.source, task.changes)
    last = drawn_paths({"ETH": scenario.market["ETH"].settings}, HOURS, Streams(task.seed))["ETH"][0, -1]
    metrics = tuple(last / 50 if name == "collateral_ratio_min" else math.nan for name in METRICS)
    return work.Answer(work.Outcome(work.COMPLETE, "", "", metrics), ())


@pytest.mark.parametrize("rule", ["p0.1(collateral_ratio_min) >= 120%", "rate(collateral_ratio_min < 150%) <= 0.1%"])
def test_a_rule_about_falls_is_met_with_more_and_deeper_ones(monkeypatch, rule):
    monkeypatch.setattr(work, "perform", by_price_alone)
    monkeypatch.setattr(type(load_scenario("calm")), "times", HOURS)
    found = tilt_for(load_scenario("calm", CRASHES), parse_rule(rule), runs=100, jobs=1)
    assert found["market.ETH.jump_rate_factor"] > 10
    assert found["market.ETH.jump_mean_shift"] < 0
    load_scenario("calm", {**CRASHES, **found})  # they are keys of the scenario


@pytest.mark.parametrize("rule", ["max(bad_debt_ratio) <= 1%", "count(insolvent > 0) == 0", "param(a.b) >= 1"])
def test_a_rule_of_no_probability_has_nothing_to_be_drawn_for(rule):
    with pytest.raises(ConfigError, match="asks for no probability"):
        tilt_for(load_scenario("calm", CRASHES), parse_rule(rule))


def test_a_run_of_a_sweep_carries_its_weight():
    changes = {**CRASHES, "world.hours": 0.1, "market.ETH.price": 2000.0, "market.ETH.jump_rate_factor": 5.0}
    scenario = load_scenario("calm", changes)
    task = work.Task(0, 3, "calm", changes, "fast", work.fingerprint(scenario))
    outcome = work.perform(task).outcome
    assert outcome.status == work.COMPLETE
    assert outcome.weight == run_weight(scenario, 3) != 1.0
