"""From the runs of a point to a number with its uncertainty: one-sided 95 % bounds each way.

`low` and `high` each hold with 95 % by themselves, so that both hold with 90 %. A bound that so few runs cannot give is
None, and `needed` says how many would do. max, min and count say what came of these runs and bound nothing beyond them.

A rate has the exact bounds of Clopper and Pearson (1934), a percentile two order statistics, which hold whatever the
distribution. The mean and the expected shortfall have no such bounds, for what was not seen may count most. Theirs are
those of `tail.py`, and of the mean also those of Hall (1992). With the least runs that they are given for, both held in
93 to 97 % of 2,000 samples of normal, lognormal and t(3) losses, and in 93 % and more where 5 % lose: the slow tests of
test_stress_coverage.py. The share of 200 samples of heavier losses in which the upper bound held, and the lower one:

    runs                              100        300        1000       3000                 Student's upper, of the mean
    mean, lognormal of sigma 1        .97 .96    .96 .95    .96 .96    .96 .97              .90 to .94
    mean, lognormal of sigma 1.5      .95 .97    .95 .96    .98 .96    .97 .96              .81 to .93
    mean, Pareto of index 3           .97 .96    .96 .96    .97 .96    .96 .97              .88 to .93
    mean, Pareto of index 2           .94 .98    .93 .97    .96 .97    .95 .97              .79 to .90
    mean, 5 % lose, lognormal 1       .98 .96    .96 .94    .97 .96    .99 .93              .74 to .95
    mean, 5 % lose, Pareto 3          .94 .96    .96 .93    .97 .97    .99 .94              .70 to .93
    mean, 20 % lose, lognormal 1      .96 .96    .96 .96    .97 .94    .96 .95              .85 to .94
    mean, uniform                     .96 .95    .96 .94    .98 .94    .95 .95              .95 to .98
    es95, lognormal 1.5                          .95 .98    .99 .97    .97 .98
    es95, Pareto 2                               .94 .98    .97 .97    .95 .98
    es95, 5 % lose, Pareto 3                     .96 .93    .97 .97    .99 .94
    es95, uniform                                .98 1      .97 1      .95 1
    es99, lognormal 1.5                                     .98 .98    .97 .97
    es99, Pareto 2                                          .98 .99    .96 .98
    es99, 5 % lose, Pareto 3                                .94 .98    .98 .95

Of fewer than 100 runs in which 5 % lose, too many lack any loss for the upper bound of a mean to hold. Samples in which
nobody lost are left out of this table. A profile likelihood of the same law held in .62 to .87 of samples of 100 and
300, Hall's bounds alone in .68 to .94, a bootstrap in .21 to .85.

Runs that all agree bound nothing: what they agree on is then the estimate and its bounds, and what is rarer than one
in a third of the runs goes unseen. `rate` says how rare.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, binom, t

from simulator.stress.tail import CONFIDENCE, SHARE, Bounds, fit_tail

Floats = NDArray[np.float64]
Numbers = Sequence[float] | Floats
Side = Literal["low", "high", "both"]
AS_OBSERVED: Final = ("max", "min", "count")
_LEAST_OF: Final = {"mean": 100, "es": 300}  # runs, by test_stress_coverage.py
_LEAST_IN_TAIL: Final = 10  # runs that an expected shortfall is the mean of
_LEAST: Final = 10  # runs of unequal weight
_IN_TAIL: Final = 50  # runs that a law is fitted to; more of them are less like a tail
_ROOM: Final = 1.5  # times the worst: a tail that begins just where they do says too little of where that is
_LEAST_EFFECTIVE: Final = 10  # runs of equal weight that do as much as those of a rare event


@dataclass(frozen=True)
class Estimate:
    """A statistic of runs: what it is, and one-sided 95 % bounds each way."""

    value: float | None  # None where no run has data
    low: float | None  # the statistic is at least this, with 95 %; None where there are too few runs to say
    high: float | None  # at most this
    runs: int  # that had data
    needed: int | None = None  # runs that would do, where there are too few


def estimate(aggregate: str, values: Numbers, weights: Numbers | None = None) -> Estimate:
    """A statistic by its name: max, min, mean, pNN, esNN, and of flags (0 or 1) count and rate.

    NaN is a run without data and is left out. esNN is the mean of the greatest 1 - NN % of values, so of losses.
    `weights` are likelihood ratios of importance-sampled runs.
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
    return _plain(aggregate, x) if (w == 1).all() else _weighted(aggregate, x, w)


def runs_needed(aggregate: str, side: Side = "both") -> int:
    """The least runs with which the bounds of a statistic are there, or that of one side."""
    if aggregate in AS_OBSERVED or aggregate == "rate":
        return 1
    if aggregate == "mean":
        return _LEAST_OF["mean"]
    level = level_of(aggregate)
    if aggregate.startswith("es"):
        return max(_LEAST_OF["es"], math.ceil(_LEAST_IN_TAIL / (1 - level) - 1e-6))
    beyond = {"low": 1 - level, "high": level, "both": max(level, 1 - level)}[side]
    return math.ceil(math.log(1 - CONFIDENCE) / math.log(beyond))


def level_of(aggregate: str) -> float:
    """The level that pNN and esNN name: .99 of p99."""
    return float(aggregate.lstrip("pes")) / 100


def rate(events: int, runs: int) -> Estimate:
    """The probability of an event that came in so many runs."""
    low = float(beta.ppf(1 - CONFIDENCE, events, runs - events + 1)) if events else 0.0
    high = float(beta.ppf(CONFIDENCE, events + 1, runs - events)) if events < runs else 1.0
    return Estimate(events / runs, low, high, runs)


# ------------------------------------------------------------------------ runs of equal weight


def _plain(aggregate: str, x: Floats) -> Estimate:
    if aggregate == "rate":
        return rate(int(np.sum(x != 0)), len(x))
    if aggregate.startswith("p"):
        return _quantile(np.sort(x), level_of(aggregate), aggregate)
    found = mean_of(x) if aggregate == "mean" else _shortfall(x, level_of(aggregate))
    if len(x) < runs_needed(aggregate):
        return Estimate(found.value, None, None, len(x), runs_needed(aggregate))
    return Estimate(*found, len(x))


def _quantile(ordered: Floats, level: float, aggregate: str) -> Estimate:
    """The least value that a share `level` of runs does not exceed, and the order statistics that bound it."""
    n = len(ordered)
    # The k-th least is below the quantile as often as at least k of n values are.
    above = int(binom.ppf(CONFIDENCE, n, level)) + 1
    below = int(binom.ppf(1 - CONFIDENCE, n, level))
    low = float(ordered[below - 1]) if below >= 1 else None
    high = float(ordered[above - 1]) if above <= n else None
    needed = runs_needed(aggregate) if low is None or high is None else None
    value = float(ordered[max(math.ceil(n * level - 1e-9), 1) - 1])
    return Estimate(value, low, high, n, needed)


def mean_of(x: Floats) -> Bounds:
    """The mean, with the tails above and below by their laws; without end where a value has none."""
    value = float(np.mean(x))
    if not np.isfinite(x).all():
        return Bounds(value, -math.inf, math.inf)
    above, below, all_of_them = fit_tail(x), fit_tail(-x), _by_moments(x)
    if above is None and below is None:
        return all_of_them
    if above and below:
        low, high = -below.mean().high, above.mean().high
        # One loss that dwarfs all others is beyond every law that has a mean: then that of all reaches farther.
        return Bounds(value, min(low, all_of_them.low), max(high, all_of_them.high))
    # Where many share the least value, only the other tail moves the mean, up as down; and so with the greatest.
    if above:
        found = above.mean()
        return Bounds(value, min(found.low, max(all_of_them.low, float(x.min()))), max(found.high, all_of_them.high))
    return mean_of(-x).mirrored()


def _by_moments(x: Floats) -> Bounds:
    """Student's bounds, with Hall's cubic (1992) that takes their skewness away: of losses that lean, one side is else
    too far and the other too near."""
    value, n = float(np.mean(x)), len(x)
    error = float(np.std(x, ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    if error <= 1e-12 * abs(value):  # they agree, but for rounding
        return Bounds(value, value, value)
    lean = float(np.mean(((x - value) / (error * math.sqrt(n))) ** 3)) / math.sqrt(n)
    reach = float(t.ppf(CONFIDENCE, n - 1))
    return Bounds(value, value - error * _unlean(reach, lean), value - error * _unlean(-reach, lean))


def _unlean(quantile: float, lean: float) -> float:
    """The quantile of a studentised mean whose skewness, over the root of the runs, is `lean`."""
    if abs(lean) < 1e-9:
        return quantile
    return 3 / lean * (float(np.cbrt(1 + lean * (quantile - lean / 6))) - 1)


def _shortfall(x: Floats, level: float) -> Bounds:
    """From the law of a tail in which the worst 1 - level lie well; else their excess over the quantile is a mean."""
    worst = 1 - level
    share = max(_ROOM * worst, min(_IN_TAIL / len(x), _ROOM * SHARE))
    quantile = float(np.quantile(x, level, method="inverted_cdf"))
    excess = np.maximum(x - quantile, 0.0) if math.isfinite(quantile) else np.maximum(x, 0.0)
    tail = fit_tail(x, share) if np.isfinite(x).all() and worst <= SHARE + 1e-9 else None
    if tail is None or worst > tail.share + 1e-9:
        return Bounds(*(quantile + each / worst for each in mean_of(excess)))
    found = tail.shortfall(level)
    # Where losses have an end that many come near, the law sees it too soon.
    reach = float(t.ppf(CONFIDENCE, len(x) - 1) * np.std(excess, ddof=1)) / math.sqrt(len(x))
    return found._replace(high=max(found.high, quantile + (float(np.mean(excess)) + reach) / worst))


# ----------------------------------------------------------------------- importance-sampled runs


def _weighted(aggregate: str, x: Floats, w: Floats) -> Estimate:
    """As means of weight times something, each with the check that enough runs carry it."""
    if aggregate == "mean":
        found = _carried(x * w)
        # Of a mean every run is a part, so also those that few were drawn like.
        effective = effective_runs(w)
        if effective < 3 * _LEAST_EFFECTIVE and found.needed is None:
            return Estimate(found.value, None, None, len(x), math.ceil(len(x) * 3 * _LEAST_EFFECTIVE / effective))
        return found
    if aggregate == "rate":
        return _clipped(_carried((x != 0) * w), 0.0, 1.0)
    level = level_of(aggregate)
    if aggregate.startswith("es"):
        quantile = _weighted_quantile(x, w, level)
        return _mapped(_carried(np.maximum(x - quantile, 0.0) * w), quantile, 1 / (1 - level))
    if level < 0.5:
        return _mapped(_weighted_percentile(-x, w, 1 - level), 0.0, -1.0)
    return _weighted_percentile(x, w, level)


def effective_runs(contributions: Floats) -> float:
    """Runs of equal weight that would tell a sum as well as these (Kish 1965): (sum)² over sum of squares."""
    squares = float(np.sum(contributions**2))
    return float(np.sum(np.abs(contributions))) ** 2 / squares if squares else 0.0


def _carried(contributions: Floats) -> Estimate:
    n, effective = len(contributions), effective_runs(contributions)
    found = mean_of(contributions)
    if effective < _LEAST_EFFECTIVE or n < _LEAST:
        more = math.ceil(n * _LEAST_EFFECTIVE / max(effective, 1.0))
        return Estimate(found.value, None, None, n, max(more, _LEAST))
    return Estimate(*found, n)


def _weighted_quantile(x: Floats, w: Floats, level: float) -> float:
    """The least value that runs of a share of at most 1 - level exceed, by their weights."""
    order = np.argsort(x)[::-1]
    above = np.cumsum(w[order]) / len(x)  # the weight of this value and those above
    last = int(np.searchsorted(above, 1 - level, side="right"))
    return float(x[order][min(last, len(x) - 1)])


def _weighted_percentile(x: Floats, w: Floats, level: float) -> Estimate:
    """The values at which the bounds of the probability beyond are 1 - level."""
    value = _weighted_quantile(x, w, level)
    at = _carried((x >= value) * w)
    if at.low is None:
        return Estimate(value, None, None, len(x), at.needed)
    distinct = np.unique(x)
    # The greater a value, the less likely it is to be exceeded: bisect for where a bound of that passes 1 - level.
    first = bisect_left(distinct[:-1], True, key=lambda v: mean_of((x > v) * w).high <= 1 - level)
    last = bisect_left(distinct, True, key=lambda v: mean_of((x >= v) * w).low <= 1 - level) - 1
    high = float(distinct[first]) if first < len(distinct) - 1 else None
    low = float(distinct[last]) if last >= 0 else None
    return Estimate(value, low, high, len(x), 2 * len(x) if high is None or low is None else None)


def _mapped(found: Estimate, start: float, slope: float) -> Estimate:
    """Of start + slope times what was estimated."""

    def at(value: float | None) -> float | None:
        return None if value is None else start + slope * value

    ends = (at(found.low), at(found.high)) if slope > 0 else (at(found.high), at(found.low))
    return Estimate(at(found.value), *ends, found.runs, found.needed)


def _clipped(found: Estimate, least: float, most: float) -> Estimate:
    value, low, high = (
        None if each is None else min(max(each, least), most) for each in (found.value, found.low, found.high)
    )
    return Estimate(value, low, high, found.runs, found.needed)
