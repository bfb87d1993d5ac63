"""The tail of a loss beyond what was seen: generalised Pareto excesses over a high threshold.

Above a threshold u that a share p of runs exceeds, losses less u have the law 1 - (1 + shape x / scale)^(-1 / shape)
(Pickands 1975; Balkema and de Haan 1974), and with it quantile and expected shortfall are formulas also where there
are no data (McNeil and Frey 2000). All laws that fit are kept, each with its weight: its likelihood times the penalty
of Coles and Dixon (1999) on shapes above zero, at a fifth of its strength, times Jeffreys' weights of scale and p. A
bound is a quantile of the statistic over them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, t

Floats = NDArray[np.float64]
SHARE: Final = 0.1  # of runs whose losses are the tail
CONFIDENCE: Final = 0.95
_LEAST: Final = 20  # excesses that a fit is glad of
_PENALTY: Final = 0.2
_SHAPES: Final = (-0.5, 0.95)  # beyond them likelihood is greatest at the worst that was seen, or the mean has no end
_GRID: Final = (30, 31)  # shapes and scales at which the likelihood is taken; no shape is 0
_LIGHT: Final = 1e-4  # of the greatest weight: what is lighter is left out
# Quantiles over the laws that bound with 95 %, by test_stress_coverage.py. With the least runs those at 5 and 95 % held
# in .97 of samples for a mean; for an expected shortfall, since where a tail begins is itself drawn, in .92 and .97.
_OF_MEAN: Final = (0.06, 0.94)
_OF_SHORTFALL: Final = (0.03, 0.94)
_SHARES: Final = (np.arange(8) + 0.5) / 8  # quantiles of what is not on the grid
_BODIES: Final = (np.arange(5) + 0.5) / 5


class Bounds(NamedTuple):
    """A statistic and its one-sided 95 % bounds each way."""

    value: float
    low: float
    high: float

    def mirrored(self) -> "Bounds":
        """Of the negative."""
        return Bounds(-self.value, -self.high, -self.low)


@dataclass(frozen=True)
class Tail:
    """Excesses over a threshold, and the laws that fit them."""

    threshold: float
    excesses: Floats  # > 0, at least one
    runs: int  # all of them
    body: Floats  # the other values

    @property
    def share(self) -> float:
        """Of runs that exceed the threshold."""
        return len(self.excesses) / self.runs

    @property
    def best(self) -> tuple[float, float]:
        """The shape and the scale that fit best."""
        shape, scale, weight = self._laws
        at = int(np.argmax(weight))
        return float(shape[at]), float(scale[at])

    def quantile(self, level: float) -> Bounds:
        """The quantile of a level of 1 - share or above."""
        return self._bounded(lambda shape, scale, share: _quantile(shape, scale, share / (1 - level)))

    def shortfall(self, level: float) -> Bounds:
        """The mean of the worst 1 - level, at most the share."""
        return self._bounded(lambda shape, scale, share: _shortfall(shape, scale, share / (1 - level)))

    def mean(self) -> Bounds:
        """The mean of all: of the others as they are, of the tail by its laws."""
        shape, scale, weight = self._laws
        share = self._shares(_SHARES)[:, None, None]
        n = len(self.body)
        spread = float(np.std(self.body, ddof=1)) / math.sqrt(n) if n > 1 else 0.0
        others = float(np.mean(self.body)) + spread * t.ppf(_BODIES, max(n - 1, 1))[None, :, None]
        values = (1 - share) * others + share * (self.threshold + (scale / (1 - shape))[None, None, :])
        low, high = _bounds(values, np.broadcast_to(weight, values.shape), _OF_MEAN)
        value = (self.body.sum() + self.excesses.sum() + self.threshold * len(self.excesses)) / self.runs
        return Bounds(float(value), min(low, float(value)), max(high, float(value)))

    def _bounded(self, excess: Callable[[Floats, Floats, Floats], Floats]) -> Bounds:
        shape, scale, weight = self._laws
        at = int(np.argmax(weight))
        likely = self._shares(_SHARES)
        values = excess(shape, scale, likely[:, None])
        low, high = _bounds(values, np.broadcast_to(weight, values.shape), _OF_SHORTFALL)
        value = float(excess(shape[at], scale[at], np.asarray(self.share)))
        return Bounds(*(self.threshold + each for each in (value, min(low, value), max(high, value))))

    def _shares(self, quantiles: Floats) -> Floats:
        """Shares of all runs that may lie beyond the threshold."""
        count = len(self.excesses)
        return np.asarray(beta.ppf(quantiles, count + 0.5, self.runs - count + 0.5))

    @cached_property
    def _laws(self) -> tuple[Floats, Floats, Floats]:
        """Shapes, scales and weights of the laws that fit."""
        # No one loss sets it, unless all others are nothing beside it.
        unit = max(float(np.median(self.excesses)), 1e-9 * float(self.excesses.max()))
        x = self.excesses / unit
        shapes = np.linspace(*_SHAPES, _GRID[0])
        logs = np.linspace(math.log(0.02), math.log(50.0), _GRID[1])
        for _ in range(2):  # then where it matters, more finely
            weight = _weights(x, shapes, np.exp(logs))
            shapes, logs = _around(shapes, weight.max(axis=1)), _around(logs, weight.max(axis=0))
        weight = _weights(x, shapes, np.exp(logs))
        shape, scale = np.meshgrid(shapes, np.exp(logs) * unit, indexing="ij")
        near = weight > _LIGHT
        return shape[near], scale[near], weight[near]


def fit_tail(values: Floats, share: float = SHARE) -> Tail | None:
    """The greatest `share` of values over the next one; None where none is greater than all others.

    Where most runs agree, as in having no loss at all, the tail is what exceeds them: its greater half, where that is
    enough, for what is just above is of another kind.
    """
    ordered = np.sort(values)
    n = len(ordered)
    if n < 2:
        return None
    count = max(1, round(share * n))
    common = ordered[-count - 1]
    if common == ordered[n // 2] and common < ordered[-1]:
        above = int(np.sum(ordered > common))
        count = above // 2 if above >= 2 * _LEAST else above
    threshold = float(ordered[-count - 1])
    beyond = ordered[ordered > threshold]
    if not len(beyond):
        return None
    return Tail(threshold, beyond - threshold, n, ordered[ordered <= threshold])


def _quantile(shape: Floats, scale: Floats, odds: Floats) -> Floats:
    """The excess that one in `odds` excesses exceeds; below the threshold for odds under 1."""
    log = np.log(odds)
    flat = np.abs(shape) < 1e-9
    safe = np.where(flat, 1.0, shape)
    return np.asarray(scale * np.where(flat, log, np.expm1(safe * log) / safe))


def _shortfall(shape: Floats, scale: Floats, odds: Floats) -> Floats:
    """The mean excess of the greatest of `odds` excesses, where these are one in so many of the losses asked for."""
    beyond = _quantile(shape, scale, np.maximum(odds, 1.0))
    # Where the tail is less than what is asked for, the rest of this is at the threshold.
    return np.asarray(np.minimum(odds, 1.0) * (beyond + (scale + shape * beyond) / (1 - shape)))


def _weights(x: Floats, shapes: Floats, scales: Floats) -> Floats:
    """Penalised likelihood over its greatest, shape (shapes, scales)."""
    found = np.empty((len(shapes), len(scales)))
    with np.errstate(divide="ignore", invalid="ignore"):
        for row, shape in enumerate(shapes):
            if abs(shape) < 1e-9:
                logs = x.sum() / scales
            else:
                logs = (1 + 1 / shape) * np.log1p(shape * x[None, :] / scales[:, None]).sum(axis=1)
            found[row] = -len(x) * np.log(scales) - logs - _PENALTY * max(shape, 0.0) / (1 - shape)
    found = np.where(np.isfinite(found), found, -np.inf)
    return np.asarray(np.exp(found - found.max()))


def _around(grid: Floats, weights: Floats) -> Floats:
    at = np.flatnonzero(weights > _LIGHT)
    return np.linspace(grid[max(at[0] - 1, 0)], grid[min(at[-1] + 1, len(grid) - 1)], len(grid))


def _bounds(values: Floats, weights: Floats, levels: tuple[float, float]) -> tuple[float, float]:
    """Two weighted quantiles."""
    values, weights = values.ravel(), weights.ravel()
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    low, high = np.searchsorted(total, np.array(levels) * total[-1])
    return float(values[order[low]]), float(values[order[high]])
