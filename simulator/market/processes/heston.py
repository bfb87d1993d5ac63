"""Stochastic volatility: Heston's model, and Bates' with jumps.

    dS/S = drift dt + sqrt(v) dW1,  dv = reversion (long_run² - v) dt + vol_of_vol sqrt(v) dW2,  d<W1, W2> = leverage dt

The variance moves by Andersen's quadratic-exponential scheme (2008, "Simple and efficient simulation of the Heston
stochastic volatility model") on a grid of its own, no finer than `variance_minutes`: it is what costs, and a variance
that forgets in days need not be drawn anew each block. Between, it is a line, and the price moves exactly given that
line. The scheme's martingale correction is applied where it exists, so the expected price grows by `drift`.
"""

import math
from typing import NamedTuple

import numpy as np
from pydantic import Field
from scipy.special import ndtr

from simulator.market.processes.base import Draw, Floats, Process, from_gains
from simulator.market.processes.jumps import JumpSettings
from simulator.settings import ANNUAL, MINUTES, USD
from simulator.units import YEAR_SECONDS

_SWITCH = 1.5  # of variance over squared mean, between the scheme's two laws; Andersen's choice
_LEAST_VARIANCE = 1e-12  # below which a mean is taken for this


class Heston(Process):
    """Heston's stochastic volatility by the quadratic-exponential scheme."""

    name = "heston"
    price: float = Field(gt=0, description="the first price", json_schema_extra=USD)
    drift: float = Field(0.0, ge=-1000, le=1000, description="of the expected price", json_schema_extra=ANNUAL)
    volatility: float = Field(0.8, ge=0, le=20, description="at the start", json_schema_extra=ANNUAL)
    long_run_volatility: float = Field(0.8, ge=0, le=20, description="that it returns to", json_schema_extra=ANNUAL)
    reversion: float = Field(20.0, gt=0, le=1e5, description="speed at which it returns", json_schema_extra=ANNUAL)
    vol_of_vol: float = Field(4.0, gt=0, le=1000, description="sd of variance over its root", json_schema_extra=ANNUAL)
    leverage: float = Field(
        0.0,
        ge=-1,
        le=1,
        description="correlation of price and variance; what is left of the price's own noise is "
        "what other assets can be correlated with",
    )
    variance_minutes: float = Field(
        5.0, ge=0, description="shortest step of the variance; 0: the price's own", json_schema_extra=MINUTES
    )

    def paths(self, draw: Draw) -> Floats:
        """See `Process.paths`."""
        return from_gains(self.price, self.gains(draw))

    def gains(self, draw: Draw) -> Floats:
        """Gains of the log price in each step, shape (paths, steps)."""
        each = self._steps_a_bar(draw.step)
        bars = -(-draw.shape[1] // each)
        # Time first: each step of the recursion reads and writes whole rows.
        variance, correction = self._variance(draw, bars, each * draw.step)
        start, end = variance[:-1], variance[1:]
        if each > 1:
            inside = (np.arange(each) / each)[None, :, None]
            slope = (end - start)[:, None, :]
            start = (start[:, None, :] + inside * slope).reshape(bars * each, -1)
            end = start + np.repeat((variance[1:] - variance[:-1]) / each, each, axis=0)
            correction = np.repeat(correction / each, each, axis=0)
        steps = draw.shape[1]
        start, end, correction = start[:steps], end[:steps], correction[:steps]
        return self._log_gains(start, end, correction, draw).T

    def _steps_a_bar(self, step: float) -> int:
        if step == 0:
            return 1
        return max(1, math.floor(self.variance_minutes * 60 / (step * YEAR_SECONDS) + 1e-9))

    def _variance(self, draw: Draw, bars: int, dt: float) -> tuple[Floats, Floats]:
        """Variances at the bars, shape (bars + 1, paths), and the martingale correction of each bar."""
        law = _QuadraticExponential.of(self, dt)
        paths = draw.shape[0]
        noise = draw.stream("variance").standard_normal((bars, paths))
        variance, correction = np.empty((bars + 1, paths)), np.empty((bars, paths))
        variance[0] = self.volatility**2
        for bar in range(bars):
            law.step(variance[bar], noise[bar], variance[bar + 1], correction[bar])
        return variance, correction

    def _log_gains(self, start: Floats, end: Floats, correction: Floats, draw: Draw) -> Floats:
        """Given the variance as a line in each step: Broadie and Kaya's split of the price's noise."""
        tilt = self.leverage / self.vol_of_vol
        held = (start + end) * (draw.step / 2)  # integrated variance
        gains = self.drift * draw.step + correction
        gains += tilt * (end - start)
        gains += (tilt * self.reversion - 0.5) * held
        gains += np.sqrt((1 - self.leverage**2) * held) * draw.shocks.T
        gains -= tilt * self.reversion * self.long_run_volatility**2 * draw.step
        return gains


class Bates(Heston, JumpSettings):
    """Bates' model: Heston's stochastic volatility with Merton's jumps."""

    name = "bates"

    def gains(self, draw: Draw) -> Floats:
        """See `Heston.gains`; the expected price grows by `drift`, jumps included."""
        return super().gains(draw) + (self.jumps(draw) - self.compensator * draw.step)


class _QuadraticExponential(NamedTuple):
    """One step of the scheme: it matches mean and variance of the next variance, and keeps the price a martingale."""

    keep: float  # e^(-reversion dt)
    target: float  # long_run² (1 - keep)
    spread: float  # the conditional variance is spread * v + base
    base: float
    ahead: float  # A: what the log price's expectation has of the next variance
    behind: float  # and of this one
    plain: float  # the uncorrected constant, negative

    @classmethod
    def of(cls, model: Heston, dt: float) -> "_QuadraticExponential":
        """The constants of a step of `dt` years; the integral of variance is its mean of both ends."""
        kappa, theta, sigma = model.reversion, model.long_run_volatility**2, model.vol_of_vol
        tilt = model.leverage / sigma
        keep = math.exp(-kappa * dt)
        each = dt / 2 * (tilt * kappa - 0.5) + dt / 4 * (1 - model.leverage**2)
        return cls(
            keep,
            theta * (1 - keep),
            sigma**2 * keep * (1 - keep) / kappa,
            theta * sigma**2 * (1 - keep) ** 2 / (2 * kappa),
            each + tilt,
            each - tilt,
            tilt * kappa * theta * dt,
        )

    def step(self, variance: Floats, noise: Floats, after: Floats, correction: Floats) -> None:
        """Write the next variance, and what the log price is corrected by."""
        with np.errstate(invalid="ignore", divide="ignore"):
            self._step(variance, noise, after, correction)

    def _step(self, variance: Floats, noise: Floats, after: Floats, correction: Floats) -> None:
        mean = np.maximum(self.keep * variance + self.target, _LEAST_VARIANCE)
        ratio = (self.spread * variance + self.base) / mean**2
        calm = ratio <= _SWITCH
        moment = np.empty_like(variance)  # ln E[e^(A v')]
        everywhere = bool(calm.all())
        if everywhere or calm.any():
            at = slice(None) if everywhere else calm
            after[at], moment[at] = self._squared_normal(mean[at], ratio[at], noise[at])
        if not everywhere:
            at = ~calm
            after[at], moment[at] = self._with_zero(mean[at], ratio[at], noise[at])
        np.subtract(self.plain - self.behind * variance, moment, out=correction)
        # Where the expectation has no end, the scheme goes uncorrected.
        correction[~np.isfinite(correction)] = 0.0

    def _squared_normal(self, mean: Floats, ratio: Floats, noise: Floats) -> tuple[Floats, Floats]:
        """v' = a (b + Z)², far from zero."""
        inverse = 2 / np.maximum(ratio, 1e-300)
        b2 = inverse - 1 + np.sqrt(inverse * (inverse - 1))
        a = mean / (1 + b2)
        room = 1 - 2 * self.ahead * a
        return a * (np.sqrt(b2) + noise) ** 2, self.ahead * b2 * a / room - np.log(room) / 2

    def _with_zero(self, mean: Floats, ratio: Floats, noise: Floats) -> tuple[Floats, Floats]:
        """v' is 0 with probability p, else exponential."""
        p = (ratio - 1) / (ratio + 1)
        beta = (1 - p) / mean
        survival = ndtr(-noise)  # 1 - u
        after = np.where(survival >= 1 - p, 0.0, np.log((1 - p) / survival) / beta)
        return after, np.log(p + beta * (1 - p) / (beta - self.ahead))
