"""Background demand with a memory: what was wanted and not mined waits.

New demand is the load times a power of the market's realised volatility over a normal one, where it is above. Newcomers
bid around what gas has cost lately, pulled towards the price of calm hours; those who are not mined raise their bids by
the tenth that pools ask of a replacement, now and then, or give up. So a price is not declared: it climbs while more is
wanted than fits and the waiting outbid each other, and falls when the backlog is eaten. In the legacy market the
dearest of all who wait are mined; under EIP-1559 those below the base fee wait, and meet it again in later blocks.

The volatility is that of the realised price and not of the exogenous path: people rush for what they see, and what
liquidations do to the price makes the rush worse. It is measured by how far the price is from its own mean over the
memory, not by squared returns from block to block: a recorded path has lines between its points, on which block returns
say how dense the record is and not how wild the day was. For a random walk of variance s² a second the distance to an
exponential mean of memory T has variance s² T / 2 (the stationary variance of an Ornstein-Uhlenbeck process).

The defaults of `BacklogSettings` are a fit to 12 March 2020, with a calm price of 10 gwei, a load of 0.9 and a price
sigma of 0.35: from that day's ether prices alone the hourly mean price of mined gas comes out within a root mean square
log error of .23, rank correlation .98 (`simulator.validation.gas` measures it). A price that is any power of the same
volatility, without a backlog, reaches .69 and .65; with a memory of eight hours for half an hour, .25 and .96. It is a
fit to one day: in the still wilder night that follows the price climbs to several times the day's highest, and no
record here says whether it did.
"""

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from simulator.chain.types import Virtual
from simulator.market.demand import MOST_WEI, BacklogSettings, DemandSettings, Floats, bids, line
from simulator.mempool import Eip1559
from simulator.streams import Streams
from simulator.units import YEAR_SECONDS

_CHUNK: Final = 512  # blocks drawn at once
_RAISE: Final = math.log(1.1)  # by what a waiting bid rises at once: a replacement's least raise
_DEAREST: Final = math.log(1e6)  # log of the dearest bid that is told from others, over the level
_BINS: Final = math.ceil(math.log(1e9) / _RAISE)  # from there down to a thousandth of the level
_MOST_LOAD: Final = 1000.0
_CALM_BLOCKS: Final = 200  # looked at together when the calm is sought
_CALM_ROUNDS: Final = 100
_CALM_ENOUGH: Final = 1e-4  # relative change of the mean price from one look to the next


class Swing:
    """How wildly a price moves: its distance from its own exponential mean, as a volatility a year."""

    def __init__(self, price: float, memory: float, normal: float) -> None:
        """From the first price; `memory` in seconds, `normal` a year is what it starts with."""
        self._memory = memory
        self._mean = math.log(price)
        self._variance = normal**2

    def see(self, price: float, seconds: float) -> float:
        """The volatility [a year] with a price that is `seconds` later than the last."""
        keep = math.exp(-seconds / self._memory)
        log_price = math.log(price)
        self._mean = keep * self._mean + (1 - keep) * log_price
        found = 2 * (log_price - self._mean) ** 2 / self._memory * YEAR_SECONDS
        self._variance = keep * self._variance + (1 - keep) * found
        return math.sqrt(self._variance)


class Book:
    """The gas that waits by what it bids, in bins that are a raise wide; prices are over a level, dearest first."""

    edges: Final = _DEAREST - _RAISE * np.arange(_BINS + 1)  # logs of price, falling
    _middles: Final = edges[:-1] - _RAISE / 2

    def __init__(self) -> None:
        self.gas = np.zeros(_BINS)
        self.up_to = np.zeros(_BINS + 1)  # gas above each edge, as of the last `count`

    def wait(self, staying: float, raising: float) -> None:
        """A share of those who wait stays, and of these a share raises its bid once."""
        self.gas *= staying
        rising = self.gas * raising
        rising[0] = 0.0  # nobody outbids the dearest
        self.gas -= rising
        self.gas[:-1] += rising[1:]

    def arrive(self, gas: float, centre: float, sigma: float) -> None:
        """New bids, lognormal around `centre` [log]."""
        centre = min(max(centre, float(self.edges[-1])), float(self.edges[0]))
        weights = np.exp(-0.5 * ((self._middles - centre) / max(sigma, _RAISE / 4)) ** 2)
        self.gas += weights * (gas / weights.sum())

    def count(self) -> None:
        """Add up what waits, for `above`, `price_at` and `take`."""
        np.cumsum(self.gas, out=self.up_to[1:])

    def above(self, log_price: float) -> float:
        """Gas that bids at least a price."""
        place = min(max((_DEAREST - log_price) / _RAISE, 0.0), float(_BINS))
        whole = min(int(place), _BINS - 1)
        return float(self.up_to[whole] + (place - whole) * self.gas[whole])

    def prices_at(self, gas: Floats) -> Floats:
        """Logs of the prices above which so much gas waits."""
        return np.asarray(np.interp(gas, self.up_to, self.edges))

    def take(self, gas: float) -> None:
        """Take out the dearest."""
        whole = min(int(np.searchsorted(self.up_to, gas, side="right")) - 1, _BINS - 1)
        left = float(self.up_to[whole + 1]) - gas
        self.gas[:whole] = 0.0
        self.gas[whole] = max(left, 0.0)


class Crowd:
    """What waits, what comes, and the going price; no randomness of its own."""

    def __init__(
        self, demand: DemandSettings, *, gas_limit: int, block_seconds: float, legacy: bool, level: float = 1.0
    ) -> None:
        assert demand.backlog is not None
        settings: BacklogSettings = demand.backlog
        self._settings, self._limit, self._legacy = settings, gas_limit, legacy
        self._block_seconds = block_seconds
        self._sigma, self._tranches = demand.price_sigma, demand.tranches
        self._shares = (np.arange(self._tranches) + 0.5) / self._tranches
        self.book = Book()
        self.going = 0.0  # log of the price that newcomers are told, over the level
        self.level = level  # [gwei] of calm hours
        self._offered: list[int] = []  # what each candidate pays in all [wei per gas], the dearest first
        self._slice = 0.0  # gas of each
        self._seconds = 0.0  # since the block before

    def candidates(self, blocks: int, load: float, shift: float, base_fee: int) -> list[Virtual]:
        """The dearest of all who wait, up to a block's limit, in equal slices; `blocks` after the block before."""
        settings, book = self._settings, self.book
        self._seconds = blocks * self._block_seconds
        staying = math.exp(-self._seconds / (settings.patience_minutes * 60))
        book.wait(staying, -math.expm1(-settings.raises_per_hour * self._seconds / 3600))
        book.arrive(load * self._limit * blocks, settings.follow * self.going + shift, self._sigma)
        book.count()
        total = min(book.up_to[-1] if self._legacy else self._able(base_fee), self._limit)
        self._slice = float(total) / self._tranches
        if self._slice < 1:
            self._offered = []
            return []
        prices = np.exp(book.prices_at(total * self._shares)) * (self.level * 1e9)
        ready = np.rint(np.minimum(prices, MOST_WEI)).astype(np.int64).tolist()
        found = bids(math.ceil(self._slice), ready, None if self._legacy else base_fee)
        self._offered = [base_fee + each.tip for each in found]
        return found

    def _able(self, base_fee: int) -> float:
        """Gas of those who are ready to pay a base fee."""
        if base_fee <= 0:
            return float(self.book.up_to[-1])
        return self.book.above(math.log(base_fee / (self.level * 1e9)))

    def mined(self, gas: float) -> None:
        """Take the dearest `gas` out, and tell newcomers what it paid."""
        gas = min(gas, float(self.book.up_to[-1]))
        if gas <= 0 or not self._offered:
            return
        self.book.take(gas)
        paid = self.mean_paid(gas)
        if paid > 0:
            keep = math.exp(-self._seconds / (self._settings.advice_minutes * 60))
            self.going = keep * self.going + (1 - keep) * math.log(paid / (self.level * 1e9))

    def mean_paid(self, gas: float) -> float:
        """Mean price [wei per gas] of the dearest `gas` of the last candidates."""
        slices = min(gas / self._slice, float(len(self._offered)))
        whole = int(slices)
        paid = float(sum(self._offered[:whole]))
        if whole < len(self._offered):
            paid += (slices - whole) * self._offered[whole]
        return paid / slices if slices else 0.0


class BacklogDemand:
    """Virtual candidates for each block of a world, from the weather."""

    def __init__(
        self,
        settings: DemandSettings,
        streams: Streams,
        price: Callable[[], float],
        *,
        gas_limit: int,
        steps: int,
        step_seconds: float,
        legacy: bool,
    ) -> None:
        """`price` gives the market's realised price [usd] now."""
        assert settings.backlog is not None
        self._settings, self._backlog, self._price = settings, settings.backlog, price
        self._step_seconds = step_seconds
        self._random = streams.generator("chain/demand")
        hours = np.arange(steps + 1) * step_seconds / 3600
        self._loads = line(settings.load, hours).tolist()
        self._crowd, per_level = calm(settings, gas_limit=gas_limit, block_seconds=step_seconds, legacy=legacy)
        self._levels = (line(settings.gas_price_gwei, hours) / per_level).tolist()
        memory = settings.backlog.volatility_minutes * 60
        self._swing = Swing(price(), memory, settings.backlog.normal_volatility)
        self._swings: list[float] = []
        self._shifts: list[float] = []
        self._first = self._next = self._last = 0

    def block(self, step: int, base_fee: int) -> Sequence[Virtual]:
        """See `Demand.block`. Slots without a block let demand gather."""
        while step >= self._next:
            self._draw()
        blocks, self._last = step - self._last, step
        volatility = self._swing.see(self._price(), blocks * self._step_seconds)
        rush = max(1.0, volatility / self._backlog.normal_volatility) ** self._backlog.elasticity
        load = min(self._loads[step] * rush, _MOST_LOAD) * self._swings[step - self._first]
        self._crowd.level = self._levels[step]
        return self._crowd.candidates(blocks, load, self._shifts[step - self._first], base_fee)

    def mined(self, gas: int) -> None:
        """See `Demand.mined`."""
        self._crowd.mined(gas)

    def _draw(self) -> None:
        """A chunk of blocks' noise: of the amount, and of the mean bid of as many newcomers as there are tranches."""
        sigma = self._settings.load_sigma
        self._first, self._next = self._next, self._next + _CHUNK
        noise = self._random.standard_normal((_CHUNK, 2))
        self._swings = np.exp(sigma * noise[:, 0] - sigma**2 / 2).tolist()
        self._shifts = (self._settings.price_sigma / math.sqrt(self._settings.tranches) * noise[:, 1]).tolist()


def calm(settings: DemandSettings, *, gas_limit: int, block_seconds: float, legacy: bool) -> tuple[Crowd, float]:
    """The crowd of a long calm at the first load, and the price of gas in it over the level.

    Found by letting the calm blow, at the mean load, until the price stays: mean of mined gas, or the base fee.
    """
    load = float(line(settings.load, np.zeros(1))[0])
    crowd = Crowd(settings, gas_limit=gas_limit, block_seconds=block_seconds, legacy=legacy)
    fees = Eip1559(0 if legacy else 10**9, gas_limit)
    before = 0.0
    for _ in range(_CALM_ROUNDS):
        total = 0.0
        for _ in range(_CALM_BLOCKS):
            offered = sum(each.gas for each in crowd.candidates(1, load, 0.0, fees.base_fee))
            gas = min(offered, gas_limit)
            total += crowd.mean_paid(gas) if legacy and gas else fees.base_fee
            crowd.mined(gas)
            if not legacy:
                fees.advance(gas)
        price = total / _CALM_BLOCKS / 1e9
        if abs(price - before) <= _CALM_ENOUGH * price:
            break
        before = price
    return crowd, price or 1.0
