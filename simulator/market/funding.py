"""What holders of a perpetual pay each other: its premium over spot, and the funding rate that follows from it.

The premium is an Ornstein-Uhlenbeck process around its calm mean, plus a faster one that stress moves: while it lasts,
the mean of that is the stressed mean less the calm one, and zero otherwise, and so is its noise. Stress comes at
declared hours or by chance (exponential stays). This is the premium if nobody in the simulation held any perpetual.

The rate is Hyperliquid's, and over eight hours nearly Binance's: the plain time average of the premium over an
interval, plus interest less premium clamped to 5 bp. (Binance weighs later premia more.) Premium and interest are
shares of price for 8 hours, rates for one hour.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from simulator.market.reverting import approach, correlated_shocks, reverting, speed
from simulator.settings import HOURS, Settings
from simulator.streams import Streams

Floats = NDArray[np.float64]
Spans = tuple[tuple[float, float], ...]

PREMIUM: Mapping[str, str] = MappingProxyType({"unit": "share of price for 8 h"})
_HOUR = 3600.0  # [s]
_PREMIUM_HOURS = 8.0  # that a premium and the interest are quoted for
_SETTLED = 40.0  # half-lives after which nothing is left of where a process began


class StressedFunding(Settings):
    """When a premium is stressed, and what it is like then.

    The mean is the worst of Binance's funding (-30 bp, 15 September 2022) and near Hyperliquid's worst hour (-36 bp, 10
    October 2025), which came and went within about an hour.
    """

    mean: float = Field(-0.003, ge=-1, le=1, description="what the premium goes to", json_schema_extra={**PREMIUM})
    deviation: float = Field(
        0.0005, ge=0, le=1, description="sd of the noise that stress adds", json_schema_extra={**PREMIUM}
    )
    half_life_hours: float = Field(
        1.0, gt=0, description="time in which stress is half there, and half gone", json_schema_extra=HOURS
    )
    spans: Spans = Field((), description="[from, to] in which it holds, in order of time", json_schema_extra=HOURS)
    every_hours: float = Field(
        0.0, ge=0, description="instead of spans: mean time from its end to its return", json_schema_extra=HOURS
    )
    lasting_hours: float = Field(3.0, gt=0, description="then, mean time that it lasts", json_schema_extra=HOURS)

    @field_validator("spans")
    @classmethod
    def _in_order(cls, spans: Spans) -> Spans:
        for start, end in spans:
            if not 0 <= start <= end:
                raise ValueError(f"[{start:g}, {end:g}] must be [from, to] with 0 <= from <= to")
        for (_, end), (start, _) in pairwise(spans):
            if start < end:
                raise ValueError(f"the span from hour {start:g} begins before hour {end:g}; must be in order of time")
        return spans

    @model_validator(mode="after")
    def _one_way_to_begin(self) -> "StressedFunding":
        if bool(self.spans) == bool(self.every_hours):
            raise ValueError("must have either spans or every_hours > 0")
        return self


class FundingSettings(Settings):
    """A perpetual's premium, and the venue's rule for its funding rate.

    The mean and sd are those of Hyperliquid's hourly ETH premium in 2024 and 2025. The half-life is the one with which
    eight hours' rates have an autocorrelation of .79, as on both Binance (2022 to 2025) and Hyperliquid.
    """

    mean: float = Field(0.00007, ge=-1, le=1, description="what the premium returns to", json_schema_extra={**PREMIUM})
    deviation: float = Field(
        0.00056, ge=0, le=1, description="long-run sd of the premium", json_schema_extra={**PREMIUM}
    )
    half_life_hours: float = Field(26.0, gt=0, description="time in which half a gap closes", json_schema_extra=HOURS)
    spot_correlation: float = Field(
        0.0, ge=-1, le=1, description="of the premium's steps with those of the asset's log price"
    )
    interest: float = Field(0.0001, ge=-1, le=1, description="the venue's interest", json_schema_extra={**PREMIUM})
    clamp: float = Field(
        0.0005,
        ge=0,
        le=1,
        description="interest less premium counts up to this much, up or down",
        json_schema_extra={**PREMIUM},
    )
    interval_hours: float = Field(
        1.0, gt=0, description="time over which the premium is averaged for one rate", json_schema_extra=HOURS
    )
    stressed: StressedFunding | None = Field(None, description="another regime; absent: always calm")


def hourly_rate(premium: Floats, interest: float = 0.0001, clamp: float = 0.0005) -> Floats:
    """What longs pay shorts, as a share of price for one hour, at average premia: (P + clamp(r - P)) / 8."""
    return np.asarray((premium + np.clip(interest - premium, -clamp, clamp)) / _PREMIUM_HOURS)


@dataclass(frozen=True)
class Funding:
    """Premium and rate of one asset at each step of a grid."""

    premium: list[float]  # for 8 hours
    rate: list[float]  # an hour, of the last whole interval; in the first one, of what has passed of it

    @staticmethod
    def drawn(settings: FundingSettings, times: Floats, prices: Floats, streams: Streams, name: str) -> "Funding":
        """Along exogenous prices at `times` [s, evenly spaced from 0]; `name` is that of the random streams."""
        random, stress = streams.generator(name), streams.generator(f"{name}/stress")
        premium = premium_path(settings, times, np.log(prices), random, stress)
        averages = interval_averages(premium, times, settings.interval_hours * _HOUR)
        rates = hourly_rate(averages, settings.interest, settings.clamp)
        return Funding(premium.tolist(), rates.tolist())


def premium_path(
    settings: FundingSettings, times: Floats, log_prices: Floats, random: Generator, stress: Generator
) -> Floats:
    """The premium at `times` [s, evenly spaced from 0], begun from its long-run law, by exact steps.

    `random` is for what is always there, `stress` for the rest, so that one does not disturb the other.
    """
    premium = settings.mean + _noise(
        settings, settings.half_life_hours, np.full(times.shape, settings.deviation**2), times, log_prices, random
    )
    if settings.stressed is None:
        return premium
    other = settings.stressed
    rate = speed(other.half_life_hours)
    starts, stressed = _spells(other, float(times[-1]), stress)
    mean = approach(starts, np.where(stressed, other.mean - settings.mean, 0.0), rate, times)
    variance = approach(starts, np.where(stressed, other.deviation**2, 0.0), 2 * rate, times)
    return premium + mean + _noise(settings, other.half_life_hours, variance, times, log_prices, stress)


def _noise(
    settings: FundingSettings, half_life: float, variance: Floats, times: Floats, log_prices: Floats, random: Generator
) -> Floats:
    seconds = float(times[1] - times[0]) if len(times) > 1 else 0.0
    first = math.sqrt(variance[0]) * random.standard_normal()
    shocks = correlated_shocks(settings.spot_correlation, log_prices, seconds, random)
    return reverting(variance, math.exp(-speed(half_life) * seconds), first, shocks)


def _spells(stressed: StressedFunding, end: float, random: Generator) -> tuple[Floats, NDArray[np.bool_]]:
    """When calm and stress begin [s], in turn from long before 0 to the end, and which of them is stress."""
    before = -_SETTLED * stressed.half_life_hours * _HOUR
    if stressed.spans:
        edges = [edge * _HOUR for span in stressed.spans for edge in span]
        return np.array([before, *edges]), np.arange(1 + len(edges)) % 2 == 1
    stays = np.array([stressed.every_hours, stressed.lasting_hours]) * _HOUR
    now = int(random.random() < stays[1] / stays.sum())
    starts = [before]
    while starts[-1] <= end:  # a chunk at a time
        chunk = random.standard_exponential((256, 2)) * (stays[::-1] if now else stays)
        starts += (starts[-1] + np.cumsum(chunk.ravel())).tolist()
    return np.array(starts), (np.arange(len(starts)) + now) % 2 == 1


def interval_averages(values: Floats, times: Floats, interval: float) -> Floats:
    """The plain time average of the last whole interval [s] before each time; in the first one, of what has passed.

    Between times the values are joined by lines.
    """
    if len(times) < 2:
        return values.copy()
    whole = np.floor(times / interval + 1e-9).astype(np.int64)  # intervals that are over
    until = _integral(values, times, interval * np.arange(whole[-1] + 1))
    over = np.concatenate([[0.0], np.diff(until)]) / interval
    averages = over[whole]
    first = int(np.searchsorted(whole, 1))
    averages[:first] = _integral(values, times, times[:first]) / np.maximum(times[:first], times[1])
    averages[0] = values[0]
    return averages


def _integral(values: Floats, times: Floats, until: Floats) -> Floats:
    """Of the lines through values at times, from the first time until others."""
    areas = np.diff(times) * (values[1:] + values[:-1]) / 2
    total = np.concatenate([[0.0], np.cumsum(areas)])
    place = np.clip(np.searchsorted(times, until, side="right") - 1, 0, len(times) - 2)
    within = until - times[place]
    slope = (values[place + 1] - values[place]) / (times[place + 1] - times[place])
    return np.asarray(total[place] + within * (values[place] + slope * within / 2))
