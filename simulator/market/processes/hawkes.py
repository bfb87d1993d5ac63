"""Jumps that bring on more jumps: a Hawkes process of log-normal jumps, with diffusion between them.

Jumps come at the rate

    l(t) = base + the sum over earlier jumps of branching b e^(-b age),  b = ln 2 / half-life of the excitement

which is a population (Hawkes and Oakes, 1974): jumps that come by themselves at the base rate, each of which brings on
a Poisson number of others, `branching` on average, after exponential times, and so on. It is drawn like that, a
generation at a time, so exactly and without a walk through time. The price is compensated along the path by the rate
there is, not by its average: what jumps add in expectation is taken off as e^(-k integral of l), so that the expected
price grows by `drift` exactly, and after a burst of falls the price drifts up between them.
"""

import math

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.signal import lfilter

from simulator.market.processes.base import Draw, Floats, from_gains
from simulator.market.processes.jumps import Tally, Tilted
from simulator.settings import ANNUAL, HOURS, USD
from simulator.units import YEAR_SECONDS

_YEAR_HOURS = YEAR_SECONDS / 3600


class Hawkes(Tilted):
    """Jump diffusion whose jumps excite further jumps."""

    name = "hawkes"
    price: float = Field(gt=0, description="the first price", json_schema_extra=USD)
    drift: float = Field(
        0.0, ge=-1000, le=1000, description="of the expected price, jumps included", json_schema_extra=ANNUAL
    )
    volatility: float = Field(
        0.6, ge=0, le=100, description="sd of the log price between jumps", json_schema_extra=ANNUAL
    )
    jump_rate: float = Field(
        20.0,
        ge=0,
        le=1e5,
        description="expected jumps that come by themselves; all of them are 1 / (1 - branching) times as many",
        json_schema_extra=ANNUAL,
    )
    branching: float = Field(0.6, ge=0, lt=1, description="expected jumps that one jump brings on directly")
    half_life_hours: float = Field(
        2.0, gt=0, description="time in which half the excitement goes", json_schema_extra=HOURS
    )
    excess_rate: float = Field(
        0.0,
        ge=0,
        le=1e7,
        description="rate of jumps above jump_rate at the start, from jumps before it",
        json_schema_extra=ANNUAL,
    )
    jump_mean: float = Field(-0.02, ge=-10, le=10, description="mean of a jump of the log price")
    jump_deviation: float = Field(0.03, ge=0, le=10, description="sd of a jump of the log price")

    @property
    def forgetting(self) -> float:
        """b: how fast excitement goes [a year]."""
        return math.log(2) * _YEAR_HOURS / self.half_life_hours

    def paths(self, draw: Draw) -> Floats:
        """See `Process.paths`: log S gains (drift - volatility²/2) dt + volatility dW + jumps - k expected jumps."""
        gains = draw.shocks * (self.volatility * np.sqrt(draw.step))
        gains += (self.drift - self.volatility**2 / 2) * draw.step
        if draw.shape[1] and (self.jump_rate or self.excess_rate):
            jumps = Jumps(self, draw)
            gains += jumps.summed(jumps.sizes)
            gains -= math.expm1(self.jump_mean + self.jump_deviation**2 / 2) * jumps.expected()
        return from_gains(self.price, gains)

    @property
    def jump_law(self) -> tuple[float, float]:
        """See `Tilted.jump_law`."""
        return self.jump_mean, self.jump_deviation

    def tally(self, draw: Draw) -> Tally:
        """See `Tilted.tally`: only jumps that come by themselves have a rate of their own to be drawn at."""
        paths, steps = draw.shape
        if not steps:
            return Tally(np.zeros(paths), 0.0, np.zeros(paths), np.zeros(paths))
        jumps = Jumps(self, draw)
        own, expected = jumps.own.astype(float), self.jump_rate * draw.step * steps
        return Tally(own, expected, jumps.summed().sum(axis=1), jumps.summed(jumps.sizes).sum(axis=1))


class Jumps:
    """All jumps of all paths: when each comes, by its step and the time from there to the step's end."""

    def __init__(self, model: Hawkes, draw: Draw) -> None:
        self.model, self.draw = model, draw
        cell, left = self._uncaused()
        cells, lefts, sizes, generation = [], [], [], 0
        # Jumps beyond the end have children too: a longer path begins as a shorter one, and so with later generations.
        while len(cell):
            size = draw.stream(f"jump sizes/{generation}").standard_normal(len(cell))
            path, step = np.divmod(cell, self._width)
            inside = step < draw.shape[1]
            cells.append(path[inside] * draw.shape[1] + step[inside])
            lefts.append(left[inside])
            sizes.append(size[inside])
            generation += 1
            cell, left = self._children(cell, left, generation)
        none = np.empty(0)
        self.cell: NDArray[np.intp] = np.concatenate(cells) if cells else none.astype(np.intp)
        self.left = np.concatenate(lefts) if lefts else none  # [years]
        mean = model.jump_mean + model.jump_mean_shift
        self.sizes = mean + model.jump_deviation * (np.concatenate(sizes) if sizes else none)

    @property
    def _width(self) -> int:
        """Steps of a path and one for all that comes later."""
        return self.draw.shape[1] + 1

    def _uncaused(self) -> tuple[NDArray[np.intp], Floats]:
        """The first generation: at the base rate, and from what had excited it before the start."""
        paths, steps = self.draw.shape
        b, dt = self.model.forgetting, self.draw.step
        rate = self.model.jump_rate * self.model.jump_rate_factor
        counts = self.draw.stream("jumps").poisson(rate * dt, (paths, steps))
        self.own = counts.sum(axis=1)  # at the base rate, on each path
        cell = _cells(counts, self._width)
        left = dt * (1 - self.draw.stream("jump times").random(len(cell)))
        if self.model.excess_rate:
            mean = self.model.excess_rate / b * np.exp(-b * dt * np.arange(steps)) * -math.expm1(-b * dt)
            more = _cells(self.draw.stream("early jumps").poisson(mean, (paths, steps)), self._width)
            into = -np.log1p(self.draw.stream("early jump times").random(len(more)) * math.expm1(-b * dt)) / b
            cell, left = np.concatenate([cell, more]), np.concatenate([left, dt - into])
        return cell, left

    def _children(self, cell: NDArray[np.intp], left: Floats, generation: int) -> tuple[NDArray[np.intp], Floats]:
        """What a generation brings on directly."""
        counts = self.draw.stream(f"children/{generation}").poisson(self.model.branching, len(cell))
        age = self.draw.stream(f"ages/{generation}").standard_exponential(int(counts.sum())) / self.model.forgetting
        path, step = np.divmod(np.repeat(cell, counts), self._width)
        after = age - np.repeat(left, counts)  # the end of the parent's step
        later = np.maximum(np.ceil(after / self.draw.step), 0)
        left = later * self.draw.step - after
        step = np.minimum(step + later, self._width - 1).astype(np.intp)
        return path * self._width + step, left

    def summed(self, values: Floats | None = None) -> Floats:
        """The sum of a value of each jump, or their number, in each step, shape (paths, steps)."""
        return np.bincount(self.cell, values, self.draw.shocks.size).reshape(self.draw.shape).astype(float)

    def expected(self) -> Floats:
        """The integral of the rate over each step, given the jumps until then, shape (paths, steps)."""
        b, dt, n = self.model.forgetting, self.draw.step, self.model.branching
        # Of the children that a jump will have, n in all, those not yet expected: n e^(-b age).
        fresh = self.summed(np.exp(-b * self.left))
        excited = np.asarray(lfilter([1.0], [1.0, -math.exp(-b * dt)], fresh, axis=1))
        found = self.summed() - excited
        found[:, 1:] += excited[:, :-1]
        found *= n
        found += self.model.jump_rate * dt
        if self.model.excess_rate:
            left = np.exp(-b * dt * np.arange(self.draw.shape[1] + 1))
            found -= self.model.excess_rate / b * np.diff(left)
        return found


def _cells(counts: NDArray[np.int64], width: int) -> NDArray[np.intp]:
    """The place of every jump, path * width + step, from how many there are in each step."""
    path, step = np.nonzero(counts)
    return np.repeat(path * width + step, counts[path, step])
