"""Background demand by declaration: a stated price of gas, block by block, and no memory.

Each block a lognormal amount of gas is wanted, in tranches whose prices are lognormal around a level.

A scenario gives the price of gas that was mined, as explorers report it, and the level follows from it. Legacy: what is
mined is the dearest share of what is wanted, so the level is the stated mean over that of the dearest share
(`mined_premium`). EIP-1559: the base fee settles where half a block is wanted at it, so the level puts the stated price
at that quantile (`base_fee_premium`).
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

from simulator.chain.types import Virtual
from simulator.market.demand import MOST_WEI, DemandSettings, Floats, bids, line
from simulator.streams import Streams

_CHUNK = 512  # blocks drawn at once
_MOST_SHARE = 0.9  # of what is wanted that a base fee lets in
_LEAST_LOAD, _MOST_LOAD = 1e-12, 1e6  # beyond which shares of a block are not told from nothing
# Nodes and weights that average over a standard normal variable.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(32)


def mined_premium(load: Floats, settings: DemandSettings) -> Floats:
    """Mean price of mined gas over the median price of wanted gas, at mean loads `load`.

    A block of load L mines the dearest 1/L of what is wanted, above the quantile q = e^(sigma z), z = N^-1(1 - 1/L),
    and E[P | P > q] = e^(sigma²/2) N(sigma - z) L for a lognormal P of median 1. Of n drawn tranches the dearest share
    falls short of that by (1 - 1/L) / (2 n f(q)), f the density of P (second order in 1/n; the sample's expected
    shortfall is a minimum over q, Rockafellar and Uryasev 2000). With room for all (L <= 1) it is the plain mean. The
    mean over blocks is weighted by the gas that each mines, min(L, 1).
    """
    distinct, where = np.unique(load, return_inverse=True)
    swings = np.exp(settings.load_sigma * _NODES - settings.load_sigma**2 / 2)
    loads = distinct[:, None] * swings
    mined = np.clip(loads, _LEAST_LOAD, 1.0) * _WEIGHTS
    prices = _mean_of_dearest(np.minimum(loads, _MOST_LOAD), settings.price_sigma, settings.tranches)
    mean = np.sum(mined * prices, axis=1) / np.sum(mined, axis=1)
    return np.asarray(mean[where])


def _mean_of_dearest(load: Floats, sigma: float, tranches: int) -> Floats:
    plain = math.exp(sigma**2 / 2)
    crowded = load > 1
    cut = 1 - 1 / np.where(crowded, load, 2.0)
    z = norm.ppf(cut)
    missing = cut * sigma * np.exp(sigma * z) / (2 * tranches * norm.pdf(z))
    # Whatever is drawn, the dearest are at least as dear as all.
    dearest = np.maximum(plain * norm.cdf(sigma - z) * load - missing, plain)
    return np.where(crowded, dearest, plain)


def base_fee_premium(load: Floats, settings: DemandSettings) -> Floats:
    """The base fee at which half a block is wanted, over the median price, at a `load` of gas wanted.

    Half the limit is the target of EIP-1559, and load * (1 - N(ln p / sigma)) = 1/2 at the price p. A load of about a
    half or less never fills that much at any price; then it is the price that nine in ten would pay.
    """
    share = 0.5 / np.maximum(load, 0.5 / _MOST_SHARE)
    return np.asarray(np.exp(settings.price_sigma * norm.ppf(1 - share)))


class DeclaredDemand:
    """Virtual candidates for each block of a world, at the declared price."""

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
        self._loads = line(settings.load, hours)
        premium = mined_premium if legacy else base_fee_premium
        self._levels = line(settings.gas_price_gwei, hours) / premium(self._loads, settings)
        self._gas: list[int] = []
        self._prices: list[list[int]] = []
        self._first = 0
        self._next = 0

    def block(self, step: int, base_fee: int) -> Sequence[Virtual]:
        """What others bid for in the block of a step at a base fee [wei per gas]; steps in rising order."""
        while step >= self._next:
            self._draw()
        gas, prices = self._gas[step - self._first], self._prices[step - self._first]
        return bids(gas, prices, None if self._legacy else base_fee)

    def mined(self, gas: int) -> None:
        """See `Demand.mined`: what a block does not take is not waiting in the next."""

    def _draw(self) -> None:
        settings = self._settings
        self._first, self._next = self._next, self._next + _CHUNK
        span = slice(self._first, self._next)
        sigma, loads = settings.load_sigma, self._loads[span]
        # A whole chunk even at the end: a longer run begins as the shorter one.
        swings = np.exp(sigma * self._random.standard_normal(_CHUNK) - sigma**2 / 2)[: len(loads)]
        noise = self._random.standard_normal((_CHUNK, settings.tranches))[: len(loads)]
        gas = loads * swings * self._gas_limit / settings.tranches
        prices = self._levels[span, None] * np.exp(settings.price_sigma * noise) * 1e9
        self._prices = np.rint(np.minimum(prices, MOST_WEI)).astype(np.int64).tolist()
        self._gas = np.rint(gas).astype(np.int64).tolist()
