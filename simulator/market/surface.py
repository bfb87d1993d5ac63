"""Implied volatility by strike and expiry: SVI smiles at constant times to expiry, moving with the market.

Between two expiries total variance is interpolated at constant moneyness; before the first, its smile keeps its shape
in standard deviations. The forward is the spot price: there is no carry. The level is a mean-reverting log volatility
X, 0 at the start: the smiles are scaled to exp(2 X) of their variance, which leaves them free of arbitrage up to a
level that is known at load.
"""

import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from simulator.market.reverting import correlated_shocks, reverting, speed
from simulator.market.svi import Blend, Smile, Svi, butterfly, calendar, highest_scale, lowest_density
from simulator.settings import HOURS, Knots, Settings, in_order_of_time

Floats = NDArray[np.float64]

_YEAR_DAYS = 365
_DEVIATIONS = 4.0  # of the level for which smiles must stay free of arbitrage; beyond, the level is held
_BETWEEN = np.linspace(0, 1, 9)[1:-1]  # shares of the way between two expiries that are checked


class SliceSettings(Settings):
    """One expiry's smile as raw SVI: w(k) = a + b (rho (k - m) + sqrt((k - m)² + sigma²)), k = ln(strike / spot)."""

    days: float = Field(gt=0, le=36_500, description="time to expiry", json_schema_extra={"unit": "days"})
    a: float = Field(ge=-100, le=100, description="level of the total variance")
    b: float = Field(ge=0, le=2, description="how steeply its wings rise")
    rho: float = Field(gt=-1, lt=1, description="lean: below 0 low strikes are dearer")
    m: float = Field(ge=-100, le=100, description="log moneyness of its middle")
    sigma: float = Field(gt=0, le=100, description="how round it is in the middle")

    @model_validator(mode="after")
    def _free_of_arbitrage(self) -> "SliceSettings":
        if fault := butterfly(self.smile):
            raise ValueError(f"at {self.days:g} days has {fault}")
        return self

    @property
    def smile(self) -> Svi:
        """The smile itself."""
        return Svi(self.a, self.b, self.rho, self.m, self.sigma)


class VolatilitySettings(Settings):
    """An asset's implied volatility. The level is as steady as Deribit's DVOL of bitcoin from 2022 to 2025."""

    slices: dict[str, SliceSettings] = Field(min_length=1, description="smiles by a name of each expiry")
    sticky: Literal["strike", "delta"] = Field(
        "delta", description="what keeps its volatility when spot moves: a strike, or a moneyness"
    )
    deviation: float = Field(0.2, ge=0, le=2, description="long-run sd of the logarithm of the level")
    half_life_hours: float = Field(
        620.0, gt=0, description="time in which half of a change of the level goes", json_schema_extra=HOURS
    )
    spot_correlation: float = Field(
        0.0, ge=-1, le=1, description="of the log level's steps with those of the asset's log price"
    )
    levels: Knots = Field(
        (), description="declared [hour, times the stated volatility], geometric between them; the level is around it"
    )

    @field_validator("slices")
    @classmethod
    def _consistent(cls, slices: dict[str, SliceSettings]) -> dict[str, SliceSettings]:
        for near, far in pairwise(_in_order(slices)):
            check_neighbours(near, far)
        return slices

    @field_validator("levels")
    @classmethod
    def _levels_in_order(cls, levels: Knots) -> Knots:
        for hour, times in levels:
            if not times > 0:
                raise ValueError(f"{times:g} times at hour {hour:g}: must be > 0")
        return in_order_of_time(levels)

    @model_validator(mode="after")
    def _room_for_levels(self) -> "VolatilitySettings":
        highest, where = self._highest_scale
        for hour, times in self.levels:
            if times**2 > highest:
                raise ValueError(
                    f"levels has butterfly arbitrage at {where} at hour {hour:g}: {times:g} must be <= "
                    f"{math.sqrt(highest):.3g}, or the smiles flatter"
                )
        return self

    @model_validator(mode="after")
    def _room_for_the_level(self) -> "VolatilitySettings":
        highest, where = self._highest_scale
        needed = math.exp(2 * _DEVIATIONS * self.deviation)
        if highest < needed:
            raise ValueError(
                f"deviation = {self.deviation:g} has butterfly arbitrage at {where} once volatility is "
                f"{math.sqrt(highest):.3g} times itself; must be <= {math.log(highest) / 2 / _DEVIATIONS:.3g}, a "
                f"quarter of the logarithm of that"
            )
        return self

    @property
    def highest_level(self) -> float:
        """The log level up to which all smiles are free of arbitrage; infinite for flat ones."""
        return math.log(self._highest_scale[0]) / 2

    @cached_property
    def _highest_scale(self) -> tuple[float, str]:
        """Of the variance of all smiles, and the place of the one that bounds it."""
        return min((highest_scale(smile), where) for where, smile in _smiles(self.slices))


def _in_order(slices: Mapping[str, SliceSettings]) -> list[SliceSettings]:
    return sorted(slices.values(), key=lambda item: item.days)


def _smiles(slices: Mapping[str, SliceSettings]) -> Iterator[tuple[str, Smile]]:
    """Every smile that is looked at, with its place in words: the stated ones and some between them."""
    ordered = _in_order(slices)
    for item in ordered:
        yield f"{item.days:g} days", item.smile
    for near, far in pairwise(ordered):
        for share in _BETWEEN.tolist():
            days = (1 - share) * near.days + share * far.days
            yield f"{days:g} days, between two slices,", Blend(near.smile, far.smile, share)


def check_neighbours(near: SliceSettings, far: SliceSettings) -> None:
    """Raise ValueError where prices between two expiries admit arbitrage, or from one to the other."""
    if near.days == far.days:
        raise ValueError(f"two slices are of {near.days:g} days; each must have an expiry of its own")
    if fall := calendar(near.smile, far.smile):
        raise ValueError(
            f"calendar arbitrage: from {near.days:g} to {far.days:g} days total variance falls by {-fall.value:.3g} at "
            f"k = {fall.k:.3g}; must not fall with expiry at any k"
        )
    for share in _BETWEEN.tolist():
        if fault := butterfly(Blend(near.smile, far.smile, share)):
            days = (1 - share) * near.days + share * far.days
            raise ValueError(f"between {near.days:g} and {far.days:g} days, at {days:.3g}, there is {fault}")


def level_path(settings: VolatilitySettings, seconds: float, log_prices: Floats, random: Generator) -> Floats:
    """The logarithm of the level at each time, `seconds` apart."""
    shocks = correlated_shocks(settings.spot_correlation, log_prices, seconds, random)
    rate = speed(settings.half_life_hours)
    elapsed: Floats = seconds * np.arange(len(log_prices), dtype=np.float64)
    variance = settings.deviation**2 * -np.expm1(-2 * rate * elapsed)
    level = np.add(reverting(variance, math.exp(-rate * seconds), 0.0, shocks), _declared(settings.levels, elapsed))
    return np.minimum(level, settings.highest_level)


def _declared(levels: Knots, elapsed: Floats) -> Floats:
    """The logarithm of the declared level at each time [s]; none is 0."""
    if not levels:
        return np.zeros(len(elapsed))
    hours, times = np.array(levels, dtype=np.float64).T
    return np.asarray(np.interp(elapsed / 3600, hours, np.log(times)))


class Surface:
    """The surface of one asset along a grid of times."""

    def __init__(self, settings: VolatilitySettings, level: Floats, first_price: float) -> None:
        ordered = _in_order(settings.slices)
        self._days = [item.days for item in ordered]
        self._smiles = [item.smile for item in ordered]
        self._level: list[float] = level.tolist()
        self._anchor = first_price if settings.sticky == "strike" else None

    @staticmethod
    def drawn(settings: VolatilitySettings, times: Floats, prices: Floats, random: Generator) -> "Surface":
        """Along exogenous prices at `times` [s, evenly spaced]."""
        seconds = float(times[1] - times[0]) if len(times) > 1 else 0.0
        level = level_path(settings, seconds, np.log(prices), random)
        return Surface(settings, level, float(prices[0]))

    @property
    def longest_days(self) -> float:
        """The last expiry that the slices reach."""
        return self._days[-1]

    def implied_volatility(self, step: int, price: float, strike: float, days: float) -> float:
        """A year's, of a strike [usd] `days` ahead of its expiry. Raises ValueError for an expiry out of reach."""
        if not strike > 0:
            raise ValueError(f"strike = {strike}: must be > 0")
        if not 0 < days <= self.longest_days:
            raise ValueError(f"an expiry {days:g} days ahead: must be > 0 and <= {self.longest_days:g}, the last slice")
        scale = math.exp(2 * self._level[step])
        early = min(1.0, days / self._days[0])
        k = math.log(strike / (self._anchor or price)) / math.sqrt(scale * early)
        variance = scale * early * self._variance(k, days)
        return math.sqrt(variance * _YEAR_DAYS / days)

    def _variance(self, k: float, days: float) -> float:
        """Total variance of the stated surface; before the first slice that of the first."""
        far = next(place for place, reach in enumerate(self._days) if days <= reach)
        later = self._smiles[far].variance_at(k)
        if not far:
            return later
        share = (days - self._days[far - 1]) / (self._days[far] - self._days[far - 1])
        return (1 - share) * self._smiles[far - 1].variance_at(k) + share * later

    def smiles(self, step: int, price: float) -> list[tuple[float, Svi]]:
        """The slices as they have moved: days to expiry, and total variance by k = ln(strike / price).

        A sticky strike's smile stays where it was while spot leaves it, so it may have butterfly arbitrage after a
        large move; `svi.butterfly` says so.
        """
        scale = math.exp(2 * self._level[step])
        moved = math.log(price / self._anchor) if self._anchor else 0.0
        found = [smile.scaled(scale).shifted(moved) for smile in self._smiles]
        return list(zip(self._days, found, strict=True))

    def measures(self, step: int, price: float) -> Iterator[tuple[str, float]]:
        """What is recorded: each slice's volatility at the money, and the least g of all, below 0 for arbitrage."""
        for days, smile in self.smiles(step, price):
            yield f"implied_volatility_{days:g}d", math.sqrt(smile.variance_at(0.0) * _YEAR_DAYS / days)
        yield "butterfly_g_min", min(lowest_density(smile).value for _, smile in self.smiles(step, price))
