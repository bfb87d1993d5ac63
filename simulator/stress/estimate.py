"""From the runs of a point to a number with its uncertainty: one-sided 95 % bounds each way.

`low` and `high` each hold with 95 % by themselves, so that both hold with 90 %. A bound that so few runs cannot give is
None, and `needed` says how many would do.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, binom, t

Floats = NDArray[np.float64]
CONFIDENCE: Final = 0.95
AS_OBSERVED = ("max", "min", "count")  # what came of these runs: they bound nothing beyond them
_LEAST_MEAN, _LEAST_TAIL = 10, 100  # runs for a mean, and for an expected shortfall


@dataclass(frozen=True)
class Estimate:
    """A statistic of runs: what it is, and one-sided 95 % bounds each way."""

    value: float | None  # None where no run has data
    low: float | None  # the statistic is at least this, with 95 %; None where there are too few runs to say
    high: float | None  # at most this
    runs: int  # that had data
    needed: int | None = None  # runs that would do, where there are too few


def estimate(
    aggregate: str, values: Sequence[float] | Floats, weights: Sequence[float] | Floats | None = None
) -> Estimate:
    """A statistic by its name: max, min, mean, pNN, esNN, and of flags (0 or 1) count and rate.

    NaN is a run without data and is left out. `weights` are likelihood ratios of importance-sampled runs. esNN is the
    mean of the greatest 1 - NN % of values, so of losses.
    """
    x = np.asarray(values, dtype=float)
    w = np.ones_like(x) if weights is None else np.asarray(weights, dtype=float)
    there = ~np.isnan(x)
    x, w = x[there], w[there]
    if not len(x):
        return Estimate(None, None, None, 0, runs_needed(aggregate))
    if aggregate in AS_OBSERVED:
        seen = float(x.max() if aggregate == "max" else x.min() if aggregate == "min" else x.sum())
        return Estimate(seen, seen, seen, len(x))
    return _bounded(aggregate, x)


def runs_needed(aggregate: str) -> int:
    """The least runs with which both bounds of a statistic are there."""
    if aggregate.startswith("p"):
        level = level_of(aggregate)
        return math.ceil(math.log(1 - CONFIDENCE) / math.log(max(level, 1 - level)))
    return _LEAST_TAIL if aggregate.startswith("es") else _LEAST_MEAN if aggregate == "mean" else 1


def level_of(aggregate: str) -> float:
    """The level that pNN and esNN name: .99 of p99."""
    return float(aggregate.lstrip("pes")) / 100


def _bounded(aggregate: str, x: Floats) -> Estimate:
    if aggregate == "rate":
        return rate(int(np.sum(x != 0)), len(x))
    if aggregate == "mean":
        return _mean(x)
    if aggregate.startswith("es"):
        return _shortfall(x, level_of(aggregate), aggregate)
    return _quantile(np.sort(x), level_of(aggregate), aggregate)


def rate(events: int, runs: int) -> Estimate:
    """The probability of an event, by the exact bounds of Clopper and Pearson (1934)."""
    low = float(beta.ppf(1 - CONFIDENCE, events, runs - events + 1)) if events else 0.0
    high = float(beta.ppf(CONFIDENCE, events + 1, runs - events)) if events < runs else 1.0
    return Estimate(events / runs, low, high, runs)


def _quantile(ordered: Floats, level: float, aggregate: str) -> Estimate:
    """Linear between order statistics, bounded by two of them whatever the distribution."""
    n = len(ordered)
    # P(the k-th least is at least the quantile) = P(fewer than k values lie below it).
    above = int(binom.ppf(CONFIDENCE, n, level)) + 1
    below = int(binom.ppf(1 - CONFIDENCE, n, level))
    low = float(ordered[below - 1]) if below >= 1 else None
    high = float(ordered[above - 1]) if above <= n else None
    needed = runs_needed(aggregate) if low is None or high is None else None
    return Estimate(float(np.quantile(ordered, level)), low, high, n, needed)


def _mean(x: Floats) -> Estimate:
    n, mean = len(x), float(np.mean(x))
    if n < _LEAST_MEAN:
        return Estimate(mean, None, None, n, _LEAST_MEAN)
    reach = float(t.ppf(CONFIDENCE, n - 1) * np.std(x, ddof=1) / math.sqrt(n))
    return Estimate(mean, mean - reach, mean + reach, n)


def _shortfall(x: Floats, level: float, aggregate: str) -> Estimate:
    n = len(x)
    worst = np.sort(x)[::-1][: max(1, round(n * (1 - level)))]
    value = float(np.mean(worst))
    if n < runs_needed(aggregate):
        return Estimate(value, None, None, n, runs_needed(aggregate))
    reach = float(t.ppf(CONFIDENCE, len(worst)) * np.std(x) / math.sqrt(len(worst)))
    return Estimate(value, value - reach, value + reach, n)
