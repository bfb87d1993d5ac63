"""Background demand: the rest of Ethereum, which wants block space too. Its settings, and what any kind of it can do.

A price is what its sender is ready to pay in all. In the legacy market that is also what he bids; under EIP-1559 he
waits while the base fee is above it, and tips a tenth of it as far as the base fee leaves room.

Without `backlog` the price of gas is declared (`simulator.market.declared`); with it, it comes of the market's
volatility and of what waits (`simulator.market.backlog`).
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator

from simulator.chain.types import Virtual
from simulator.settings import ANNUAL, GWEI, MINUTES, Settings, in_order_of_time

Floats = NDArray[np.float64]

MOST_WEI = 2.0**62  # that a price can be
_TIP_SHARE = 10  # the part of a price that is offered as a tip under EIP-1559
_Hour = Annotated[float, Field(ge=0)]
_Gwei = Annotated[float, Field(ge=0, le=1e6)]
_Load = Annotated[float, Field(ge=0, le=1000)]
Knots = float | tuple[tuple[float, float], ...]


class BacklogSettings(Settings):
    """Demand with a memory. The defaults are a fit to 12 March 2020: see `simulator.market.backlog`."""

    asset: str = Field("ETH", description="the market whose volatility drives demand, as in market.ETH")
    elasticity: float = Field(
        0.16, ge=0, le=10, description="demand is load * (realised / normal volatility) to this power, if above"
    )
    normal_volatility: float = Field(
        0.33,
        ge=0.001,
        le=100,
        description="realised volatility up to which demand is as stated",
        json_schema_extra=ANNUAL,
    )
    volatility_minutes: float = Field(
        30.0, ge=0.1, le=1e5, description="memory of the realised volatility (exponential)", json_schema_extra=MINUTES
    )
    patience_minutes: float = Field(
        130.0, ge=0.1, le=1e5, description="mean time after which one who waits gives up", json_schema_extra=MINUTES
    )
    raises_per_hour: float = Field(
        28.0,
        ge=0,
        le=1000,
        description="how often one who waits raises his bid by 10 %",
        json_schema_extra={"unit": "/h"},
    )
    follow: float = Field(
        0.4, ge=0, le=0.95, description="weight of the going price in newcomers' bids, the rest is the calm price's"
    )
    advice_minutes: float = Field(
        50.0, ge=0.1, le=1e5, description="memory of the going price that newcomers look at", json_schema_extra=MINUTES
    )


class DemandSettings(Settings):
    """How much gas others want, and at what price."""

    gas_price_gwei: _Gwei | tuple[tuple[_Hour, _Gwei], ...] = Field(
        20.0,
        description="mean price of mined gas, with a backlog that of calm hours: one number, or [hour, price] "
        "with lines between",
        json_schema_extra=GWEI,
    )
    load: _Load | tuple[tuple[_Hour, _Load], ...] = Field(
        1.2,
        description="gas wanted over the block's limit, with a backlog at normal volatility: one number, or "
        "[hour, load]",
        json_schema_extra={"unit": "x"},
    )
    price_sigma: float = Field(0.5, ge=0, le=5, description="lognormal sd of prices within a block")
    load_sigma: float = Field(0.2, ge=0, le=5, description="lognormal sd of the load from block to block")
    tranches: int = Field(
        24, ge=1, le=1000, description="virtual candidates a block", json_schema_extra={"unit": "count"}
    )
    backlog: BacklogSettings | None = Field(
        None, description="what is not mined waits, and volatility makes demand; absent: prices are declared"
    )

    @field_validator("gas_price_gwei", "load")
    @classmethod
    def _in_order(cls, value: Knots) -> Knots:
        if isinstance(value, (int, float)):
            return value
        if not value:
            raise ValueError("must have at least one knot")
        return in_order_of_time(value)

    @field_validator("backlog")
    @classmethod
    def _has_a_price(cls, backlog: BacklogSettings | None, info: ValidationInfo) -> BacklogSettings | None:
        price: Knots = info.data.get("gas_price_gwei", 1.0)
        if backlog is not None and least(price) <= 0:
            raise ValueError(f"gas_price_gwei = {least(price):g}; must be > 0 where bids follow it")
        return backlog


class Demand(Protocol):
    """Virtual candidates for each block of a world."""

    def block(self, step: int, base_fee: int) -> Sequence[Virtual]:
        """What others bid for in the block of a step at a base fee [wei per gas]; steps in rising order."""
        ...

    def mined(self, gas: int) -> None:
        """Take note of how much of that the block took: the dearest."""
        ...


def bids(gas: int, prices: Iterable[int], base_fee: int | None) -> list[Virtual]:
    """Candidates of `gas` each from what senders are ready to pay [wei per gas]; no base fee in the legacy market."""
    if base_fee is None:
        return [Virtual(gas, price) for price in prices]
    return [Virtual(gas, min(price // _TIP_SHARE, price - base_fee)) for price in prices if price >= base_fee]


def least(value: Knots) -> float:
    """The lowest of a number or of knots."""
    return float(value) if isinstance(value, (int, float)) else min(level for _, level in value)


def line(value: Knots, hours: Floats) -> Floats:
    """A number, or knots with lines between, at `hours`."""
    if isinstance(value, (int, float)):
        return np.full(hours.shape, float(value))
    return np.interp(hours, [hour for hour, _ in value], [level for _, level in value])
