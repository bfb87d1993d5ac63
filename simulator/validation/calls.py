"""Prices of European calls, as the mean discounted payoff on drawn paths, against closed forms of their models."""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from simulator.market.processes import draw_alone
from simulator.market.processes.heston import Heston
from simulator.market.processes.jumps import Merton
from simulator.units import YEAR_SECONDS
from simulator.validation.law import Measured, add_law, by_mean

Floats = NDArray[np.float64]
_SEED = 20_081_030
_CAP = 0.005  # of the value, for three standard errors
_STRIKE = 100.0

_MERTON = Merton(price=1.0, drift=0.05, volatility=0.15, jump_rate=0.1, jump_mean=-0.9, jump_deviation=0.45)
_QUARTER = 0.25  # [years]
_MERTON_PATHS = 4_000_000  # in one step each, which is exact

_HESTON = Heston(
    price=_STRIKE,
    volatility=math.sqrt(0.0175),
    long_run_volatility=math.sqrt(0.0398),
    reversion=1.5768,
    vol_of_vol=0.5751,
    leverage=-0.5711,
    variance_minutes=0,
)
_HESTON_STEPS, _HESTON_PATHS, _BATCHES = 100, 50_000, 12


@cache
def _merton_growth() -> Floats:
    """Draws of S(T) / S(0)."""
    times = np.array([0.0, _QUARTER * YEAR_SECONDS])
    return draw_alone(_MERTON, times, _MERTON_PATHS, _SEED)[:, 1]


def _merton_call(spot: float, expected: float) -> Measured:
    growth = _merton_growth()
    discount = math.exp(-_MERTON.drift * _QUARTER)
    payoff = discount * np.maximum(spot * growth - _STRIKE, 0)
    return by_mean(expected, controlled(payoff, discount * spot * growth, spot), _CAP)


def controlled(payoff: Floats, control: Floats, mean: float) -> Floats:
    """Payoffs less what of their scatter a control variable of known mean explains; the mean stays what it is."""
    covariance = np.cov(payoff, control)
    return np.asarray(payoff - covariance[0, 1] / covariance[1, 1] * (control - mean))


def _heston_call() -> Measured:
    times = np.linspace(0, YEAR_SECONDS, _HESTON_STEPS + 1)
    batches = []
    for batch in range(_BATCHES):
        final = draw_alone(_HESTON, times, _HESTON_PATHS, _SEED + batch)[:, -1]
        batches.append(controlled(np.maximum(final - _STRIKE, 0), final, _STRIKE))
    return by_mean(5.785155, np.concatenate(batches), _CAP)


for _spot, _price in ((90, 0.527638), (100, 4.391246), (110, 12.643406)):
    add_law(
        f"merton-call/{_spot}",
        f"A call on a Merton price, strike 100 at spot {_spot}: rate 5 %, volatility 15 %, a quarter of a year, a jump "
        "in ten years of log mean -.9 and sd .45.",
        "Merton 1976, series over the number of jumps",
        lambda spot=float(_spot), price=_price: _merton_call(spot, price),  # type: ignore[misc]
    )
add_law(
    "heston-call",
    "A call on a Heston price at the money, a year: v .0175, reversion 1.5768, long-run v .0398, vol of vol .5751, "
    "correlation -.5711, in 100 steps.",
    "Heston 1993, by inversion of the characteristic function",
    _heston_call,
)
