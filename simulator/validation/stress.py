"""What a stress test says of rare losses and of keys, against formulas: tails, importance sampling, Sobol indices."""

import math
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, poisson, t

from simulator.market.paths import drawn_paths
from simulator.market.processes.jumps import Merton
from simulator.streams import Streams
from simulator.stress.estimate import Estimate, estimate
from simulator.stress.importance import Pilot, find_tilt
from simulator.stress.sensitivity import sensitivities
from simulator.stress.space import dimensions_of, make_points
from simulator.stress.tail import fit_tail
from simulator.units import YEAR_SECONDS
from simulator.validation.law import Measured, add_law, law

Floats = NDArray[np.float64]

# --------------------------------------------------------------------------- tails

_FREEDOM, _DRAWS, _LEVEL = 4.0, 2000, 0.999
REPETITIONS = 500
_MOST: Final = 0.85  # of the empirical error


def shortfall_of_student(level: float, freedom: float) -> float:
    """The mean of the worst 1 - level of a Student t (McNeil, Frey and Embrechts 2005, example 2.19)."""
    quantile = float(t.ppf(level, freedom))
    return float(t.pdf(quantile, freedom)) / (1 - level) * (freedom + quantile**2) / (freedom - 1)


def tail_errors(share: float = 0.1) -> tuple[float, float]:
    """Root mean square errors of ES99.9 of Student losses: from the law of the tail, and of the two worst draws."""
    random = np.random.default_rng(6)
    truth, count = shortfall_of_student(_LEVEL, _FREEDOM), round(_DRAWS * (1 - _LEVEL))
    fitted, empirical = [], []
    for _ in range(REPETITIONS):
        losses = random.standard_t(_FREEDOM, _DRAWS)
        tail = fit_tail(losses, share)
        fitted.append(tail.shortfall(_LEVEL).value if tail else math.nan)
        empirical.append(float(np.mean(np.sort(losses)[-count:])))
    fitted_error, empirical_error = (math.sqrt(np.mean((np.array(each) - truth) ** 2)) for each in (fitted, empirical))
    return fitted_error, empirical_error


@law("stress/tail", "generalised Pareto: Pickands 1975, McNeil and Frey 2000")
def _tail() -> Measured:
    """A law of the worst tenth of 2,000 Student losses tells ES99.9 with at most .85 of the error of the two worst."""
    fitted, empirical = tail_errors()
    return Measured(0.0, fitted / empirical, _MOST)


# ------------------------------------------------------------------- importance sampling

EVENT, _DAY = -0.2978, 86_400.0  # log return of a day, which is [s]
_DEVIATION, _JUMPS, _MEAN, _SPREAD = 0.03, 0.01, -0.1, 0.1  # of a day's log return
_RUNS: Final = 2000
_GAIN: Final = 100.0  # in variance


def event_probability() -> float:
    """Of the day's return below the event: normal given each number of jumps."""
    jumps = np.arange(40)
    spread = np.sqrt(_DEVIATION**2 + jumps * _SPREAD**2)
    return float(np.sum(poisson.pmf(jumps, _JUMPS) * norm.cdf((EVENT - jumps * _MEAN) / spread)))


def daily_jumps() -> Merton:
    """The process whose daily log return is N(0, .03²) and Poisson(.01) jumps N(-.1, .1²)."""
    days = YEAR_SECONDS / _DAY
    plain = Merton(
        price=100.0,
        volatility=_DEVIATION * math.sqrt(days),
        jump_rate=_JUMPS * days,
        jump_mean=_MEAN,
        jump_deviation=_SPREAD,
    )
    return plain.model_copy(update={"drift": plain.volatility**2 / 2 + plain.compensator})


def daily_returns(process: Merton, seeds: range) -> Floats:
    """The log return of a day of each seed, by the path that a world draws."""
    times = np.array([0.0, _DAY])
    paths = [drawn_paths({"ETH": process}, times, Streams(seed))["ETH"][0] for seed in seeds]
    return np.array([math.log(path[-1] / path[0]) for path in paths])


@cache
def tilted_days() -> tuple[Floats, Floats]:
    """Returns and weights of days with jumps drawn as pilot runs say."""
    process = daily_jumps()

    def losses(changes: object, seeds: range) -> Floats:
        assert isinstance(changes, dict)
        keys = {key.removeprefix("market.ETH."): value for key, value in changes.items()}
        return -daily_returns(process.model_copy(update=keys), seeds)

    start = Pilot({"ETH": process}, np.array([0.0, _DAY]))
    found = find_tilt(start, losses, 1 - event_probability(), seed=100_000)
    seeds = range(_RUNS)
    return -losses(found.changes, seeds), found.weights(seeds)


def tilted_probability() -> Estimate:
    """The probability of the event from weighted runs."""
    returns, weights = tilted_days()
    return estimate("rate", (returns < EVENT).astype(float), weights)


@law("stress/importance-mean", "Poisson mixture of normal laws")
def _importance_mean() -> Measured:
    """Weighted runs of tilted jumps give a crash of probability 3e-4 within 3 standard errors of its formula."""
    returns, weights = tilted_days()
    counted = weights * (returns < EVENT)
    error = float(np.std(counted, ddof=1)) / math.sqrt(_RUNS)
    return Measured(event_probability(), float(np.mean(counted)), min(3 * error, 0.3 * event_probability()))


@law("stress/importance-variance", "p (1 - p) of plain runs")
def _importance_variance() -> Measured:
    """Tilted by pilot runs, a run's variance is at most a hundredth of what it is with jumps as they are."""
    returns, weights = tilted_days()
    probability = event_probability()
    variance = float(np.var(weights * (returns < EVENT), ddof=1))
    return Measured(0.0, variance / (probability * (1 - probability)), 1 / _GAIN)


# ---------------------------------------------------------------------------- Sobol indices

_A, _B = 7.0, 0.1
_BASE: Final = 8192
_KEYS = ("x.one", "x.two", "x.three")
_NAMES = {"first": "first-order", "total": "total"}
_ISHIGAMI = {"first": (0.314, 0.442, 0.0), "total": (0.558, 0.442, 0.244)}


def ishigami(x: Floats) -> Floats:
    """sin x1 + a sin² x2 + b x3⁴ sin x1, of rows of three numbers."""
    return np.sin(x[:, 0]) + _A * np.sin(x[:, 1]) ** 2 + _B * x[:, 2] ** 4 * np.sin(x[:, 0])


@cache
def ishigami_indices() -> dict[str, tuple[float, ...]]:
    """First-order and total indices by the points and the table of a sweep, the function in place of a run."""
    import pandas as pd

    from simulator.stress.require import parse_rule

    reach = f"{-math.pi}..{math.pi}"
    points = make_points(dimensions_of(dict.fromkeys(_KEYS, reach)), "saltelli", _BASE * 5, seed=4)
    table = pd.DataFrame([{"point": point.number, "seed": 0, **point.changes} for point in points])
    table["weight"], table["status"] = 1.0, "complete"
    table["made_up"] = ishigami(table[list(_KEYS)].to_numpy(dtype=float))
    (found,) = sensitivities(table, _KEYS, "saltelli", [parse_rule("mean(made_up) <= 0")])
    return {kind: tuple(each[kind]["value"] for each in found["indices"]) for kind in _ISHIGAMI}


for _kind, _values in _ISHIGAMI.items():
    for _place, _value in enumerate(_values):
        add_law(
            f"stress/sobol-{_kind}-{_place + 1}",
            f"Ishigami's function has this Sobol index of x{_place + 1}: {_NAMES[_kind]}.",
            "Ishigami and Homma 1990; Saltelli and others 2008",
            lambda kind=_kind, place=_place, value=_value: Measured(  # type: ignore[misc]
                value, ishigami_indices()[kind][place], 0.02
            ),
        )
