"""Volatility that follows its own shocks: GARCH(1,1) with Student's t innovations, and the asymmetric term of GJR.

Of each bar of `bar_minutes`, with z a t variable scaled to variance one:

    gain of log S = drift bar + e,  e = s z,  next s² = omega + (alpha + gamma [e < 0]) e² + beta s²

Bollerslev (1987); Glosten, Jagannathan and Runkle (1993). omega is what makes the long-run volatility the given one.
"""

from functools import lru_cache
from itertools import accumulate

import numpy as np
from pydantic import Field, model_validator
from scipy.interpolate import CubicSpline
from scipy.special import ndtr, stdtrit

from simulator.market.processes.bars import bars_of
from simulator.market.processes.base import Draw, Floats, Process
from simulator.settings import ANNUAL, MINUTES, USD
from simulator.units import YEAR_SECONDS

_FARTHEST = 9.5  # normal quantile up to which quantiles are tabled; beyond lie 2e-21 of all draws
_KNOTS = 4097  # the spline through these is within 1e-9 of the quantile
_FEW = 8  # paths


class Garch(Process):
    """GARCH(1,1) with t innovations on bars of its own, a Brownian bridge within them."""

    name = "garch"
    price: float = Field(gt=0, description="the first price", json_schema_extra=USD)
    drift: float = Field(
        0.0,
        ge=-100,
        le=100,
        description="mean gain of the log price; with t innovations the price itself has no expectation",
        json_schema_extra=ANNUAL,
    )
    volatility: float = Field(0.8, gt=0, le=100, description="in the first bar", json_schema_extra=ANNUAL)
    long_run_volatility: float = Field(0.8, gt=0, le=100, description="that it returns to", json_schema_extra=ANNUAL)
    bar_minutes: float = Field(60.0, gt=0, description="length of a bar", json_schema_extra=MINUTES)
    alpha: float = Field(0.1, ge=0, lt=1, description="of a bar's squared gain that the next variance takes up")
    beta: float = Field(0.88, ge=0, lt=1, description="of a bar's variance that the next one keeps")
    gamma: float = Field(0.0, ge=-1, le=2, description="added to alpha after a fall")
    degrees_of_freedom: float = Field(
        3.5, gt=2, le=1e6, description="of the innovations: the index of their power-law tails"
    )

    @model_validator(mode="after")
    def _has_a_variance(self) -> "Garch":
        kept = self.alpha + self.beta + self.gamma / 2
        if kept >= 1:
            raise ValueError(
                f"alpha + beta + gamma / 2 = {kept:g}: must be < 1, else the variance has no long-run value"
            )
        if self.alpha + self.gamma < 0:
            raise ValueError(f"alpha + gamma = {self.alpha + self.gamma:g}: must be >= 0, else a variance is negative")
        return self

    def paths(self, draw: Draw) -> Floats:
        """See `Process.paths`: a bar's normal gives its innovation, quantile for quantile."""
        seconds = round(self.bar_minutes * 60, 6)
        bars = bars_of(draw, seconds)
        innovations = t_quantiles(bars.normals, self.degrees_of_freedom)
        deviations = np.sqrt(self._variances(innovations, seconds / YEAR_SECONDS))
        gains = deviations * innovations
        gains += self.drift * seconds / YEAR_SECONDS
        return np.asarray(self.price * np.exp(bars.filled(gains, deviations)))

    def _variances(self, innovations: Floats, bar: float) -> Floats:
        """Of each bar's gain, shape (paths, bars): s² times a factor of its own innovation, and omega."""
        factors = np.where(innovations < 0, self.alpha + self.gamma, self.alpha)
        factors *= np.square(innovations)
        factors += self.beta
        omega = self.long_run_volatility**2 * bar * (1 - self.alpha - self.beta - self.gamma / 2)
        first = self.volatility**2 * bar
        # Time first: each step of the recursion reads and writes whole rows.
        return recursion(np.ascontiguousarray(factors.T), omega, first).T


def recursion(factors: Floats, omega: float, first: float) -> Floats:
    """Of x' = factor x + omega, from `first`, the values before each factor, shape (times, paths) as the factors'."""
    if factors.shape[1] <= _FEW:  # the same numbers by Python's own floats, which start sooner
        rows = [
            list(accumulate(path[:-1], lambda x, factor: factor * x + omega, initial=first))
            for path in factors.T.tolist()
        ]
        return np.array(rows).T[: len(factors)]
    found = np.empty_like(factors)
    found[:1] = first
    for factor, value, after in zip(factors[:-1], found[:-1], found[1:], strict=True):
        np.multiply(factor, value, out=after)
        np.add(after, omega, out=after)
    return found


def t_quantiles(normals: Floats, freedom: float) -> Floats:
    """Of standard normals, t variables of variance one with the same probabilities below them."""
    return np.asarray(_quantile(freedom)(normals))


@lru_cache(maxsize=16)
def _quantile(freedom: float) -> CubicSpline:
    """The scaled t quantile of a normal's probability, as a function of the normal: 5 times faster than exactly."""
    below = np.linspace(-_FARTHEST, 0.0, _KNOTS // 2 + 1)
    lower = stdtrit(freedom, ndtr(below)) * np.sqrt((freedom - 2) / freedom)
    lower[-1] = 0.0
    return CubicSpline(np.concatenate([below, -below[-2::-1]]), np.concatenate([lower, -lower[-2::-1]]))
