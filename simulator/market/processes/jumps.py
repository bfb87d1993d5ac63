"""Jumps of the log price that come by themselves: Merton's, and what other processes share with it.

For importance sampling jumps can be drawn more often and greater than they are (`jump_rate_factor`, `jump_mean_shift`).
The price between them does not change: it drifts by what jumps are, not by how they are drawn. What so many jumps of
such a sum have for likelihood as described, over that as drawn, is the weight of the path: means over weighted paths
are those of paths as described.
"""

import math
from abc import abstractmethod
from typing import NamedTuple, Self

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import Field, model_validator

from simulator.market.processes.base import Draw, Floats, Process, from_gains
from simulator.settings import ANNUAL, RATIO, USD


class Tally(NamedTuple):
    """The jumps of each path."""

    own: Floats  # that came by themselves
    expected: float  # of these, as described
    counts: Floats  # of all
    sums: Floats  # of their sizes


class Tilted(Process):
    """A process whose jumps can be drawn otherwise than they are."""

    jump_rate_factor: float = Field(
        1.0,
        gt=0,
        le=1e6,
        description="for importance sampling: jumps are drawn at this many times their rate, and the run weighs less",
        json_schema_extra=RATIO,
    )
    jump_mean_shift: float = Field(
        0.0, ge=-10, le=10, description="for importance sampling: what is added to the mean of jumps that are drawn"
    )

    @model_validator(mode="after")
    def _can_be_weighed(self) -> Self:
        if self.jump_mean_shift and not self.jump_law[1]:
            raise ValueError(
                f"jump_mean_shift = {self.jump_mean_shift:g}: must be 0 where jump_deviation is 0, for no jump as "
                "described is like those drawn"
            )
        return self

    @property
    @abstractmethod
    def jump_law(self) -> tuple[float, float]:
        """Mean and standard deviation of a jump, as described."""

    @abstractmethod
    def tally(self, draw: Draw) -> Tally:
        """The jumps of the paths that `paths` draws, drawn once more."""

    @property
    def tilted(self) -> bool:
        """Whether jumps are drawn otherwise than they are."""
        return self.jump_rate_factor != 1 or self.jump_mean_shift != 0

    def log_weight(self, draw: Draw) -> Floats:
        """See `Process.log_weight`: of Poisson numbers of jumps, and of the sums of normal ones."""
        found = super().log_weight(draw)
        if not self.tilted:
            return found
        jumps, (mean, deviation) = self.tally(draw), self.jump_law
        found += (self.jump_rate_factor - 1) * jumps.expected - jumps.own * math.log(self.jump_rate_factor)
        if shift := self.jump_mean_shift:
            found -= shift / deviation**2 * (jumps.sums - jumps.counts * (mean + shift / 2))
        return found


class JumpSettings(Tilted):
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
        return self._drawn(draw)[1]

    @property
    def jump_law(self) -> tuple[float, float]:
        """See `Tilted.jump_law`."""
        return self.jump_mean, self.jump_deviation

    def tally(self, draw: Draw) -> Tally:
        """See `Tilted.tally`."""
        counts, sums = (each.sum(axis=1).astype(float) for each in self._drawn(draw))
        return Tally(counts, self.jump_rate * draw.step * draw.shape[1], counts, sums)

    def _drawn(self, draw: Draw) -> tuple[NDArray[np.int64], Floats]:
        rate, mean = self.jump_rate * self.jump_rate_factor, self.jump_mean + self.jump_mean_shift
        return counts_and_sums(draw, rate, mean, self.jump_deviation)


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
    """Sums of normal jumps in each step of a Poisson process of `rate` a year, shape (paths, steps)."""
    return counts_and_sums(draw, rate, mean, deviation)[1]


def counts_and_sums(draw: Draw, rate: float, mean: float, deviation: float) -> tuple[NDArray[np.int64], Floats]:
    """Numbers and sums of normal jumps in each step of a Poisson process of `rate` a year, shape (paths, steps).

    Of n jumps the sum is normal with mean n m and variance n d²; most steps have none and cost nothing.
    """
    counts = draw.stream("jumps").poisson(rate * draw.step, draw.shape)
    return counts, sums_of(counts, mean, deviation, draw.stream("jump sizes"))


def sums_of(counts: np.ndarray, mean: float, deviation: float, random: Generator) -> Floats:
    """The sum of `counts` normal jumps, elementwise."""
    sums = np.zeros(counts.shape)
    there = np.nonzero(counts)
    n = counts[there]
    sums[there] = n * mean + np.sqrt(n) * deviation * random.standard_normal(len(n))
    return sums
