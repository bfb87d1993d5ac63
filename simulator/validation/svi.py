"""Laws of implied volatility: arbitrage is found where it is known to be, and the level obeys its own formulas."""

import math

import numpy as np
from pydantic import ValidationError

from simulator.market.surface import Floats, SliceSettings, VolatilitySettings, level_path
from simulator.market.svi import Svi, durrleman, lowest_density
from simulator.streams import Streams
from simulator.validation.law import Measured, by_mean, law

_SOURCE = "Gatheral and Jacquier 2014, Arbitrage-free SVI volatility surfaces, example 3.1 (by Axel Vogt)"
_VOGT = Svi(a=-0.041, b=0.1331, rho=0.306, m=0.3586, sigma=0.4153)


def _refused() -> bool:
    """Whether a scenario with this smile is turned away, for this reason."""
    try:
        SliceSettings(days=365, a=_VOGT.a, b=_VOGT.b, rho=_VOGT.rho, m=_VOGT.m, sigma=_VOGT.sigma)
    except ValidationError as error:
        return "butterfly" in str(error)
    return False


@law("svi/butterfly", _SOURCE)
def density_at_the_known_place() -> Measured:
    """A smile whose density is negative is refused as a scenario's, and there g = -.033 at k = .88."""
    measured = float(durrleman(_VOGT, np.array([0.88]))[0]) if _refused() else math.nan
    return Measured(-0.033, measured, 0.0005)


@law("svi/lowest", _SOURCE)
def place_of_the_lowest_density() -> Measured:
    """The search over all k finds the lowest g of that smile at k = .88."""
    return Measured(0.88, lowest_density(_VOGT).k, 0.005)


_LEVEL = VolatilitySettings(slices={"flat": SliceSettings(days=30, a=0.05, b=0, rho=0, m=0, sigma=1)})
_FORMULA = "Ornstein-Uhlenbeck process of the log level, its long-run {}"
_CAP = 0.06  # 3 SE with SE at most 2 % of the value


@law("moments/volatility-deviation", _FORMULA.format("variance"))
def variance_of_the_level() -> Measured:
    """The variance of the log level is the one set."""
    level = _level(10 * _LEVEL.half_life_hours, 200_000)
    return by_mean(_LEVEL.deviation**2, level**2, _CAP)


@law("moments/volatility-autocorrelation", _FORMULA.format("autocorrelation, 2^(-lag / half-life)"))
def autocorrelation_of_the_level() -> Measured:
    """A week later, the part 2^(-168 / half-life) of a change of the level is left."""
    level = _level(168.0, 1_000_000) / _LEVEL.deviation
    products = level[1:] * level[:-1]
    batches = products[: len(products) // 1000 * 1000].reshape(1000, -1).mean(axis=1)
    return by_mean(2 ** (-168 / _LEVEL.half_life_hours), batches, _CAP)


def _level(hours: float, steps: int) -> Floats:
    """The log level at times some hours apart, as a market draws it, less its beginning, which is set."""
    settled = 50
    path = level_path(_LEVEL, 3600 * hours, np.zeros(steps + settled), Streams(20_240_101).generator("level"))
    return path[settled:]
