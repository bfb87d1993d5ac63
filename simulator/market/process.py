"""Exogenous price processes: what the world would do if nobody in the simulation traded.

A process turns its settings, a grid of times and a random stream into one price for each time. All work is vectorised
and in log space; the first price is that of the first time.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from simulator.errors import ConfigError
from simulator.market.history import read_prices
from simulator.settings import ANNUAL, HOURS, USD, Settings
from simulator.units import YEAR_SECONDS

Floats = NDArray[np.float64]
Knot = tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(gt=0)]]


class Process(Settings, ABC):
    """A price process; its fields are its keys in `[market.<ASSET>]`."""

    name: ClassVar[str]
    Settings: ClassVar["type[Process]"]

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """A process is its own settings model, under the name that registries look for."""
        super().__pydantic_init_subclass__(**options)
        cls.Settings = cls

    @abstractmethod
    def path(self, times: Floats, start: float, folder: Path, random: Generator) -> Floats:
        """Prices [usd] at `times` [s] since `start` [unix s], the shape of `times`; files are relative to `folder`."""


class Constant(Process):
    """One price for ever."""

    name = "constant"
    price: float = Field(gt=0, description="the price", json_schema_extra=USD)

    def path(self, times: Floats, start: float, folder: Path, random: Generator) -> Floats:
        """See `Process.path`."""
        del start, folder, random
        return np.full(times.shape, self.price)


class Gbm(Process):
    """Geometric Brownian motion, by exact log-normal steps."""

    name = "gbm"
    price: float = Field(gt=0, description="the first price", json_schema_extra=USD)
    drift: float = Field(0.0, ge=-100, le=100, description="of the expected price", json_schema_extra=ANNUAL)
    volatility: float = Field(0.8, ge=0, le=100, description="sd of the log price", json_schema_extra=ANNUAL)

    def path(self, times: Floats, start: float, folder: Path, random: Generator) -> Floats:
        """See `Process.path`: log S gains (drift - volatility² / 2) dt + volatility dW."""
        del start, folder
        steps = np.diff(times) / YEAR_SECONDS
        noise = random.standard_normal(steps.shape) * np.sqrt(steps)
        gains = (self.drift - self.volatility**2 / 2) * steps + self.volatility * noise
        path: Floats = self.price * np.exp(np.concatenate([[0.0], np.cumsum(gains)]))
        return path


class Peg(Process):
    """A price held near one value: an Ornstein-Uhlenbeck process of its logarithm, by exact steps."""

    name = "peg"
    price: float = Field(1.0, gt=0, description="the value it is held at", json_schema_extra=USD)
    half_life_hours: float = Field(6.0, gt=0, description="time in which half a gap closes", json_schema_extra=HOURS)
    deviation: float = Field(0.003, ge=0, le=1, description="long-run sd of the log price")

    def path(self, times: Floats, start: float, folder: Path, random: Generator) -> Floats:
        """See `Process.path`: x gains -x (1 - e^-kdt) and noise of variance deviation² (1 - e^-2kdt)."""
        del start, folder
        keep = np.exp(-math.log(2) / (self.half_life_hours * 3600) * np.diff(times))
        shocks = self.deviation * np.sqrt(1 - keep**2) * random.standard_normal(keep.shape)
        log_price, gap = np.zeros(times.shape), 0.0
        for step, (factor, shock) in enumerate(zip(keep.tolist(), shocks.tolist(), strict=True), start=1):
            gap = gap * factor + shock
            log_price[step] = gap
        return np.asarray(self.price * np.exp(log_price))


class Replay(Process):
    """A recorded path: knots, or a CSV file, with a seeded Brownian bridge between them."""

    name = "replay"
    knots: tuple[Knot, ...] = Field(
        (), description="[hour, price] in order of time; the last price holds afterwards", json_schema_extra=USD
    )
    csv: str = Field("", description="instead of knots: a file with columns time_utc and price")
    column: str = Field("price", description="the column of the file that holds the price")
    bridge_volatility: float = Field(
        0.0, ge=0, le=100, description="sd of the log price around the line between knots", json_schema_extra=ANNUAL
    )

    @field_validator("knots")
    @classmethod
    def _in_order(cls, knots: tuple[Knot, ...]) -> tuple[Knot, ...]:
        for (earlier, _), (later, _) in pairwise(knots):
            if later <= earlier:
                raise ValueError(f"hour {later:g} follows hour {earlier:g}; must be in order of time")
        return knots

    @model_validator(mode="after")
    def _one_source(self) -> "Replay":
        if bool(self.knots) == bool(self.csv):
            raise ValueError("must have either knots or csv")
        return self

    def path(self, times: Floats, start: float, folder: Path, random: Generator) -> Floats:
        """See `Process.path`. Every knot on the grid is hit exactly. Raises ConfigError for a file it cannot use."""
        hours, prices = self._knots(start, start + float(times[-1]), folder)
        # A decimal hour times 3600 may miss its second by a bit, and with it the block of that second.
        at = np.round(np.asarray(hours) * 3600.0, 6)
        if at[0] > times[0]:
            raise ConfigError(
                f"the first price is at hour {hours[0]:g}", where=self.csv or "knots", mend="begin at hour 0 or before"
            )
        log_prices = np.log(np.asarray(prices))
        line = np.interp(times, at, log_prices)
        path: Floats = np.exp(line + bridge(times, at, self.bridge_volatility, random))
        # exp(log p) may miss p by a bit: what stands in the scenario is what is seen.
        exact = dict(zip(at.tolist(), prices, strict=True))
        for index in np.flatnonzero(np.isin(times, at)).tolist():
            path[index] = exact[float(times[index])]
        return path

    def _knots(self, start: float, end: float, folder: Path) -> tuple[Sequence[float], Sequence[float]]:
        if self.csv:
            return read_prices(folder / self.csv, self.column, start, end)
        return [hour for hour, _ in self.knots], [price for _, price in self.knots]


def bridge(times: Floats, knots: Floats, volatility: float, random: Generator) -> Floats:
    """A Brownian bridge at `times` [s] that is zero at every knot [s] and after the last; sd by `volatility` a year.

    A walk over the union of times and knots, less the line between its values at the knots around each time.
    """
    if not volatility:
        return np.zeros(times.shape)
    grid = np.union1d(times, knots)
    steps = np.diff(grid) / YEAR_SECONDS
    walk = np.concatenate([[0.0], np.cumsum(volatility * np.sqrt(steps) * random.standard_normal(steps.shape))])
    line = np.interp(grid, knots, walk[np.searchsorted(grid, knots)])
    gap = np.where(grid < knots[-1], walk - line, 0.0)
    gap[np.searchsorted(grid, knots)] = 0.0
    return np.asarray(gap[np.searchsorted(grid, times)])


PROCESSES: Final[dict[str, type[Process]]] = {process.name: process for process in (Replay, Gbm, Constant, Peg)}
