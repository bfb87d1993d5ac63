"""Background demand: the rest of Ethereum, which wants block space too.

Each block a lognormal amount of gas is wanted, in tranches whose prices are lognormal around a level. A price is what
its sender is ready to pay in all. In the legacy market that is also what he bids; under EIP-1559 he waits while the
base fee is above it, and tips a tenth of it as far as the base fee leaves room.

A scenario gives the price of gas that was mined, as explorers report it, and the level follows from it. Legacy: what is
mined is the dearest share of what is wanted, so the level is the mean over the expectation of the truncated lognormal
(`mined_premium`). EIP-1559: the base fee settles where half a block is wanted at it, so the level puts the stated price
at that quantile (`base_fee_premium`).
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator
from scipy.stats import norm

from simulator.chain.types import Virtual
from simulator.settings import GWEI, Settings
from simulator.streams import Streams

_CHUNK = 512  # blocks drawn at once
_Knots = tuple[tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]], ...]


class DemandSettings(Settings):
    """How much gas others want, and at what price."""

    gas_price_gwei: float | _Knots = Field(
        20.0,
        description="mean price of mined gas: one number, or [hour, price] with lines between",
        json_schema_extra=GWEI,
    )
    load: float | _Knots = Field(
        1.2,
        description="gas wanted over the block's limit: one number, or [hour, load]",
        json_schema_extra={"unit": "x"},
    )
    price_sigma: float = Field(0.5, ge=0, le=5, description="lognormal sd of prices within a block")
    load_sigma: float = Field(0.2, ge=0, le=5, description="lognormal sd of the load from block to block")
    tranches: int = Field(
        24, ge=1, le=1000, description="virtual candidates a block", json_schema_extra={"unit": "count"}
    )

    @field_validator("gas_price_gwei", "load")
    @classmethod
    def _sensible(cls, value: float | _Knots) -> float | _Knots:
        if isinstance(value, (int, float)):
            if value < 0:
                raise ValueError(f"{value:g}; must be >= 0")
            return value
        if not value:
            raise ValueError("must have at least one knot")
        for (earlier, _), (later, _) in pairwise(value):
            if later <= earlier:
                raise ValueError(f"hour {later:g} follows hour {earlier:g}; must be in order of time")
        return value


def mined_premium(load: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Mean price of the gas that fits a block, over the median of what is wanted, at a `load` of gas wanted.

    Prices are lognormal with sd `sigma` of the logarithm and the dearest 1/load of them is mined, above the quantile
    z = N^-1(1 - 1/load): E[P | P > q] = e^(sigma²/2) N(sigma - z) load. With room for all (load <= 1) it is the mean.
    """
    share = 1 / np.maximum(load, 1.0)
    z = norm.ppf(1 - share)
    return np.asarray(np.exp(sigma**2 / 2) * norm.cdf(sigma - z) / share)


def base_fee_premium(load: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """The base fee at which half a block is wanted, over the median price, at a `load` of gas wanted.

    Half the limit is the target of EIP-1559, and load * (1 - N(ln p / sigma)) = 1/2 at the price p. A load up to a half
    never fills that much at any price; then the stated price is taken as the median.
    """
    share = np.minimum(0.5 / np.maximum(load, 1e-12), 0.5)
    return np.asarray(np.exp(sigma * norm.ppf(1 - share)))


_TIP_SHARE = 10  # the part of a price that is offered as a tip under EIP-1559


class GasDemand:
    """Virtual candidates for each block of a world."""

    def __init__(
        self,
        settings: DemandSettings,
        streams: Streams,
        *,
        gas_limit: int,
        steps: int,
        step_seconds: float,
        legacy: bool,
    ) -> None:
        self._settings = settings
        self._gas_limit = gas_limit
        self._legacy = legacy
        self._random = streams.generator("chain/demand")
        hours = np.arange(steps + 1) * step_seconds / 3600
        self._loads = _line(settings.load, hours)
        premium = mined_premium if legacy else base_fee_premium
        self._levels = _line(settings.gas_price_gwei, hours) / premium(self._loads, settings.price_sigma)
        self._gas: list[int] = []
        self._prices: list[list[int]] = []
        self._first = 0
        self._next = 0

    def block(self, step: int, base_fee: int) -> Sequence[Virtual]:
        """What others bid for in the block of a step at a base fee [wei per gas]; steps in rising order."""
        while step >= self._next:
            self._draw()
        gas, prices = self._gas[step - self._first], self._prices[step - self._first]
        if self._legacy:
            return [Virtual(gas, price) for price in prices]
        return [Virtual(gas, min(price // _TIP_SHARE, price - base_fee)) for price in prices if price >= base_fee]

    def _draw(self) -> None:
        settings, count = self._settings, min(_CHUNK, len(self._loads) - self._next)
        self._first, self._next = self._next, self._next + count
        span = slice(self._first, self._next)
        sigma = settings.load_sigma
        swings = np.exp(sigma * self._random.standard_normal(count) - sigma**2 / 2)
        gas = self._loads[span] * swings * self._gas_limit / settings.tranches
        noise = self._random.standard_normal((count, settings.tranches))
        prices = self._levels[span, None] * np.exp(settings.price_sigma * noise) * 1e9
        self._prices = np.rint(prices).astype(np.int64).tolist()
        self._gas = np.rint(gas).astype(np.int64).tolist()


def _line(value: float | _Knots, hours: NDArray[np.float64]) -> NDArray[np.float64]:
    if isinstance(value, (int, float)):
        return np.full(hours.shape, float(value))
    return np.interp(hours, [hour for hour, _ in value], [level for _, level in value])
