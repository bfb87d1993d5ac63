"""A yield-bearing token: it grows in units of another asset, at an exchange rate, and trades at a discount to it."""

import math
from typing import Annotated

import numpy as np
from pydantic import Field, field_validator

from simulator.market.processes.base import Draw, Floats, Process
from simulator.market.processes.jumps import summed_jumps
from simulator.market.processes.peg import fading, reverting
from simulator.settings import ANNUAL, HOURS, SHARE, in_order_of_time
from simulator.units import YEAR_SECONDS

_YEAR_HOURS = YEAR_SECONDS / 3600
_Hour = Annotated[float, Field(ge=0)]
_Discount = Annotated[float, Field(gt=-1, lt=1)]
_Loss = Annotated[float, Field(ge=0, lt=1)]


class YieldBearing(Process):
    """A staked or saved token: the price of what it stands for, times its exchange rate, less the market's discount."""

    name = "yield-bearing"
    of: str = Field(description="the asset that it is made of, as in ETH")
    exchange_rate: float = Field(1.0, gt=0, le=1e9, description="of these for one token at the start")
    growth: float = Field(0.03, gt=-1, le=10, description="of the exchange rate", json_schema_extra=ANNUAL)
    accrual_hours: float = Field(
        24.0, gt=0, description="time between two updates of the exchange rate", json_schema_extra=HOURS
    )
    slashings: tuple[tuple[_Hour, _Loss], ...] = Field(
        (), description="[hour, share of the exchange rate that is lost]", json_schema_extra=SHARE
    )
    discount: tuple[tuple[_Hour, _Discount], ...] = Field(
        ((0.0, 0.0),), description="[hour, discount of the market] with lines between", json_schema_extra=SHARE
    )
    deviation: float = Field(0.001, ge=0, le=1, description="long-run sd of the log discount around these lines")
    half_life_hours: float = Field(
        12.0, gt=0, description="time in which half of that noise goes", json_schema_extra=HOURS
    )
    drop_rate: float = Field(
        0.0, ge=0, le=1e5, description="expected sudden drops of the market", json_schema_extra=ANNUAL
    )
    drop_mean: float = Field(0.03, ge=0, le=10, description="mean of a drop of the log price")
    drop_deviation: float = Field(0.02, ge=0, le=10, description="sd of a drop of the log price")
    drop_half_life_hours: float = Field(
        48.0, gt=0, description="time in which half a drop heals", json_schema_extra=HOURS
    )

    @field_validator("slashings", "discount")
    @classmethod
    def _in_order(cls, knots: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        return in_order_of_time(knots)

    @property
    def needs(self) -> tuple[str, ...]:
        """See `Process.needs`."""
        return (self.of,)

    def exchange_rates(self, times: Floats) -> Floats:
        """See `Process.exchange_rates`: compound growth by whole accruals, slashings at once."""
        accruals = np.floor(times / (self.accrual_hours * 3600) + 1e-9)
        rates = self.exchange_rate * np.exp(accruals * math.log1p(self.growth) * self.accrual_hours / _YEAR_HOURS)
        for hour, loss in self.slashings:
            rates = np.where(times >= round(hour * 3600, 6), rates * (1 - loss), rates)
        return np.asarray(rates)

    def paths(self, draw: Draw) -> Floats:
        """See `Process.paths`."""
        hours, levels = zip(*(self.discount or ((0.0, 0.0),)), strict=True)
        lines = np.log1p(-np.interp(draw.times / 3600, hours, levels))
        noise = reverting(draw.shocks, self.half_life_hours / _YEAR_HOURS, self.deviation, draw.step)
        if self.drop_rate and draw.shape[1]:
            drops = summed_jumps(draw, self.drop_rate, -self.drop_mean, self.drop_deviation)
            noise = noise + fading(drops, self.drop_half_life_hours / _YEAR_HOURS, draw.step)
        worth = draw.price(self.of) * self.exchange_rates(draw.times)
        return np.asarray(worth * np.exp(lines + np.pad(noise, ((0, 0), (1, 0)))))
