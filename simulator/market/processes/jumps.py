"""Jumps of the log price that come by themselves: Merton's, and what other processes share with it."""

import math

import numpy as np
from numpy.random import Generator
from pydantic import Field

from simulator.market.processes.base import Draw, Floats, Process, from_gains
from simulator.settings import ANNUAL, USD


class JumpSettings(Process):
    """The keys of log-normal jumps at a constant rate."""

    jump_rate: float = Field(10.0, ge=0, le=1e5, description="expected jumps", json_schema_extra=ANNUAL)
    jump_mean: float = Field(-0.03, ge=-10, le=10, description="mean of a jump of the log price")
    jump_deviation: float = Field(0.05, ge=0, le=10, description="sd of a jump of the log price")

    @property
    def compensator(self) -> float:
        """What jumps add to the growth of the expected price a year, k = E[e^J] - 1 a jump."""
        return self.jump_rate * math.expm1(self.jump_mean + self.jump_deviation**2 / 2)

    def jumps(self, draw: Draw) -> Floats:
        """The sum of each step's jumps, shape (paths, steps)."""
        return summed_jumps(draw, self.jump_rate, self.jump_mean, self.jump_deviation)


class Merton(JumpSettings):
    """Merton's jump diffusion (1976): Brownian motion with log-normal jumps, by exact steps."""

    name = "merton"
    price: float = Field(gt=0, description="the first price", json_schema_extra=USD)
    drift: float = Field(
        0.0, ge=-1000, le=1000, description="of the expected price, jumps included", json_schema_extra=ANNUAL
    )
    volatility: float = Field(
        0.7, ge=0, le=100, description="sd of the log price between jumps", json_schema_extra=ANNUAL
    )

    def paths(self, draw: Draw) -> Floats:
        """See `Process.paths`: log S gains (drift - volatility²/2 - rate k) dt + volatility dW + jumps."""
        gains = draw.shocks * (self.volatility * np.sqrt(draw.step))
        gains += (self.drift - self.volatility**2 / 2 - self.compensator) * draw.step
        gains += self.jumps(draw)
        return from_gains(self.price, gains)


def summed_jumps(draw: Draw, rate: float, mean: float, deviation: float) -> Floats:
    """Sums of normal jumps in each step of a Poisson process of `rate` a year, shape (paths, steps).

    Of n jumps the sum is normal with mean n m and variance n d²; most steps have none and cost nothing.
    """
    counts = draw.stream("jumps").poisson(rate * draw.step, draw.shape)
    return sums_of(counts, mean, deviation, draw.stream("jump sizes"))


def sums_of(counts: np.ndarray, mean: float, deviation: float, random: Generator) -> Floats:
    """The sum of `counts` normal jumps, elementwise."""
    sums = np.zeros(counts.shape)
    there = np.nonzero(counts)
    n = counts[there]
    sums[there] = n * mean + np.sqrt(n) * deviation * random.standard_normal(len(n))
    return sums
