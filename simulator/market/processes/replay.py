"""A recorded path: knots or a CSV file, stretched and coarsened at will, with a Brownian bridge between."""

from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AwareDatetime, Field, field_validator, model_validator

from simulator.errors import ConfigError
from simulator.market.history import read_prices
from simulator.market.processes.base import Draw, Floats, Process
from simulator.settings import ANNUAL, MINUTES, USD, in_order_of_time
from simulator.units import YEAR_SECONDS

Knot = tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(gt=0)]]


class Replay(Process):
    """A recorded path: knots, or a CSV file, with a seeded Brownian bridge between them."""

    name = "replay"
    knots: tuple[Knot, ...] = Field(
        (), description="[hour, price] in order of time; the last price holds afterwards", json_schema_extra=USD
    )
    csv: str = Field("", description="instead of knots: a file with columns time_utc and price")
    column: str = Field("price", description="the column of the file that holds the price")
    csv_start: AwareDatetime | None = Field(
        None,
        description="the file's time that is hour 0; absent: the start of the run",
        json_schema_extra={"unit": "utc"},
    )
    resample_minutes: float = Field(
        0.0,
        ge=0,
        description="keep of the record one price in each span of this length, the first; 0: all",
        json_schema_extra=MINUTES,
    )
    time_scale: float = Field(
        1.0, gt=0, le=1e6, description="hours that an hour of the record takes; below 1 it goes faster"
    )
    price: float = Field(
        0.0, ge=0, description="the first price, to which all others are scaled; 0: as recorded", json_schema_extra=USD
    )
    bridge_volatility: float = Field(
        0.0, ge=0, le=100, description="sd of the log price around the line between knots", json_schema_extra=ANNUAL
    )

    @field_validator("knots")
    @classmethod
    def _in_order(cls, knots: tuple[Knot, ...]) -> tuple[Knot, ...]:
        return in_order_of_time(knots)

    @model_validator(mode="after")
    def _one_source(self) -> "Replay":
        if bool(self.knots) == bool(self.csv):
            raise ValueError("must have either knots or csv")
        if self.csv_start is not None and not self.csv:
            raise ValueError("csv_start is for a csv")
        return self

    def check(self, start: float, end: float, folder: Path) -> None:
        """See `Process.check`."""
        self._record(start, end, folder)

    def paths(self, draw: Draw) -> Floats:
        """See `Process.paths`. Every knot on the grid is hit exactly. Raises ConfigError for a file it cannot use."""
        times = draw.times
        at, prices = self._record(draw.start, draw.start + float(times[-1]), draw.folder)
        path = np.exp(np.interp(times, at, np.log(prices)) + bridge(draw.shocks, times, at, self.bridge_volatility))
        # exp(log p) may miss p by a bit: what stands in the scenario is what is seen.
        exact = dict(zip(at.tolist(), prices.tolist(), strict=True))
        for index in np.flatnonzero(np.isin(times, at)).tolist():
            path[:, index] = exact[float(times[index])]
        return path * (self.price / path[:, :1]) if self.price else path

    def _record(self, start: float, end: float, folder: Path) -> tuple[Floats, Floats]:
        """Times [s] since the start of the run and prices. Raises ConfigError."""
        hours, prices = self._knots(start, end, folder)
        # A decimal hour times 3600 may miss its second by a bit, and with it the block of that second.
        at = np.round(np.asarray(hours) * 3600.0 * self.time_scale, 6)
        if at[0] > 0:
            raise ConfigError(
                f"the first price is at hour {hours[0]:g}",
                where="csv" if self.csv else "knots",
                mend="begin at hour 0 or before",
            )
        kept = _first_of_each(at, self.resample_minutes * 60 * self.time_scale)
        return at[kept], np.asarray(prices)[kept]

    def _knots(self, start: float, end: float, folder: Path) -> tuple[Sequence[float], Sequence[float]]:
        if not self.csv:
            return [hour for hour, _ in self.knots], [price for _, price in self.knots]
        first = start if self.csv_start is None else self.csv_start.astimezone(UTC).timestamp()
        return read_prices(folder / self.csv, self.column, first, first + (end - start) / self.time_scale)


def _first_of_each(at: Floats, span: float) -> NDArray[np.intp]:
    """Which times are the first in their span of seconds, counted from 0; all of them for no span."""
    if not span:
        return np.arange(len(at))
    return np.unique(np.floor(at / span + 1e-9), return_index=True)[1]


def bridge(shocks: Floats, times: Floats, knots: Floats, volatility: float) -> Floats:
    """Brownian bridges at `times` [s], zero at every knot [s] and after the last; sd by `volatility` a year.

    A walk on the grid, less the line between its values at the knots around each time. At a knot between two times the
    walk is taken to be on the line between them.
    """
    if not volatility or shocks.shape[1] == 0:
        return np.zeros((shocks.shape[0], len(times)))
    walk = np.zeros((shocks.shape[0], len(times)))
    np.cumsum(shocks * (volatility * np.sqrt(np.diff(times) / YEAR_SECONDS)), axis=1, out=walk[:, 1:])
    within = np.clip(knots, times[0], times[-1])
    lines = np.stack([np.interp(times, within, np.interp(within, times, row)) for row in walk])
    gaps = np.where(times < knots[-1], walk - lines, 0.0)
    gaps[:, np.isin(times, knots)] = 0.0
    return gaps
