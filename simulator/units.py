"""Fixed point, and the one crossing between market floats and chain integers.

The chain keeps integers: wad (1e18 = 1.0) for prices, amounts and ratios, ray (1e27 = 1.0) for rates and indices, wei
for fees. The market and the metrics keep floats. Only these functions carry a number across.
"""

import math
from decimal import Decimal

WAD = 10**18
RAY = 10**27
GWEI = 10**9
YEAR_SECONDS = 365 * 24 * 3600
_EXACT = 2.0**50  # an eighth of a unit is the most that a float below it is off


def to_fixed(value: float, one: int) -> int:
    """A float as an integer in units of 1/`one`, a power of ten, rounded to the nearest.

    It is the decimal that the float is written as: a ratio of 1.13 is 1.13 on chain, to the last digit. Raises
    ValueError on NaN and infinity.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} has no fixed-point form")
    scaled = value * one
    if -_EXACT < scaled < _EXACT:  # then the product of floats is near enough, and five times as fast
        return round(scaled)
    return round(Decimal(float.__repr__(float(value))) * one)


def from_fixed(value: int, one: int) -> float:
    """An integer in units of 1/`one` as the nearest float."""
    return value / one


def to_wad(value: float) -> int:
    """A float as a wad integer."""
    return to_fixed(value, WAD)


def from_wad(value: int) -> float:
    """A wad integer as a float."""
    return value / WAD


def to_wei_per_gas(gwei: float) -> int:
    """A gas price in gwei as wei."""
    return to_fixed(gwei, GWEI)


def annual_rate(per_second: int) -> float:
    """The rate a year that `per_second` [ray] compounds to over 365 days."""
    return math.expm1(YEAR_SECONDS * math.log1p(per_second / RAY))


def per_second_ray(annual_rate: float) -> int:
    """The per-second rate [ray] whose compounding gives `annual_rate` (0.05 = 5 %) over 365 days."""
    return to_fixed(math.expm1(math.log1p(annual_rate) / YEAR_SECONDS), RAY)
