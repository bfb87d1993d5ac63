"""Laws of what an option market quotes: on random surfaces without arbitrage, before and after it has traded."""

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cache, partial
from itertools import product
from random import Random
from typing import NamedTuple

from simulator.units import WAD, to_wad
from simulator.validation.law import Measured, NoData, add_law
from simulator.validation.options_bench import CALL, DAY, PUT, SPOT, MarketTerms, OptionBench, SliceWords
from simulator.validation.options_exact import YEAR

_SURFACES = 12
_FEWEST = 5_000  # quotes
_SLICE_DAYS = (3, 14, 60, 200)
_EXPIRY_DAYS = (0.5, 7, 30, 300)  # before, between and beyond the slices
_MONEYNESS = (-3, -1.5, -0.7, -0.2, 0.2, 0.7, 1.5, 3)  # in deviations of a month
_SIZES = (WAD // 100, 30 * WAD)
_CREDIT = 10**9 * WAD
_ROUNDING = 1e-15  # of the strike


class Rates(NamedTuple):
    """[per year]"""

    rate: float
    carry: float


def surface_without_arbitrage(rng: Random) -> list[SliceWords]:
    """Slices of an SSVI surface within the bounds of Gatheral and Jacquier 2014, theorems 4.1 and 4.2."""
    rho, gamma, level = rng.uniform(-0.8, 0.5), rng.uniform(0.1, 0.5), rng.uniform(0.2, 1.5)
    eta = rng.uniform(0.3, 0.99) * 2 / (1 + abs(rho))
    slices, theta = [], 0.0
    for days in _SLICE_DAYS:
        theta = max(theta * 1.02, (level * rng.uniform(0.85, 1.15)) ** 2 * days / 365)
        phi = eta / (theta**gamma * (1 + theta) ** (1 - gamma))
        width = math.sqrt(1 - rho * rho)
        raw = (theta / 2 * width**2, theta * phi / 2, rho, -rho / phi, width / phi)
        a, b, lean, middle, sigma = map(to_wad, raw)
        slices.append((a, b, lean, middle, sigma, days * DAY))
    return slices


class QuotedMarket:
    """A market of 64 series on a random surface, and whoever trades with it on their word."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = Random(seed)
        self.bench = OptionBench(MarketTerms(depth=200.0, capital_ratio=0.0))
        self.rates = Rates(rng.uniform(-0.02, 0.3), rng.uniform(0, 0.2))
        slices = surface_without_arbitrage(rng)
        self.bench.report(slices, *self.rates)
        deviation = math.sqrt(slices[1][0] / WAD * 4)
        self.strikes = [to_wad(round(SPOT * math.exp(deviation * each), 6)) for each in _MONEYNESS]
        self.expiries = [self.bench.lab.now + int(days * DAY) for days in _EXPIRY_DAYS]
        self.series = {each: self.bench.list(*each) for each in product(self.expiries, self.strikes, (CALL, PUT))}
        self.trader = self.bench.lab.person("trader")
        self.bench.lab.do(self.bench.lab.owner, self.bench.market, "setGuarantor", self.trader, True, _CREDIT)

    def trade(self, count: int) -> None:
        """At random, so that the market holds some of most strikes."""
        for _ in range(count):
            series = self.rng.choice(list(self.series.values()))
            self.bench.trade(self.trader, series, self.rng.choice((-1, 1)) * self.rng.randrange(WAD, 20 * WAD))

    def quote(self, expiry: int, strike: int, kind: int, size: int) -> int:
        """[wad]"""
        return self.bench.quote(self.series[expiry, strike, kind], size)

    def today(self, strike: int, expiry: int) -> tuple[Decimal, Decimal]:
        """[wad] what the underlying at expiry and the strike are worth now."""
        years = Decimal(expiry - self.bench.lab.now) / YEAR
        rate, carry = (Decimal(to_wad(each)) / WAD for each in self.rates)
        return to_wad(SPOT) * (-carry * years).exp(), strike * (-rate * years).exp()


class Off(NamedTuple):
    """The largest violations of each law, over the strike, and how many quotes were looked at."""

    parity: float = 0.0
    bounds: float = 0.0
    convexity: float = 0.0
    quotes: int = 0

    def and_(self, other: "Off") -> "Off":
        """The worse of each."""
        parity, bounds, convexity = (max(pair) for pair in zip(self[:3], other[:3], strict=True))
        return Off(parity, bounds, convexity, self.quotes + other.quotes)


def quotes_off(market: QuotedMarket) -> Off:
    """Parity of every pair of quotes of one side and size, and bounds of each."""
    found = Off()
    for (expiry, strike), size, side in product(product(market.expiries, market.strikes), _SIZES, (-1, 1)):
        call, put = (Decimal(market.quote(expiry, strike, kind, side * size)) for kind in (CALL, PUT))
        forward, worth = market.today(strike, expiry)
        beyond = max(call - forward, put - worth, forward - worth - call, worth - forward - put, -call, -put)
        parity = abs(call - put - forward + worth)
        found = found.and_(Off(float(parity / strike), max(0.0, float(beyond / strike)), quotes=2))
    return found


def dent(strikes: Sequence[int], wings: Sequence[int], body: int) -> float:
    """How much less than nothing a butterfly of three strikes costs, over its middle strike."""
    low, middle, high = strikes
    cost = Fraction((high - middle) * wings[0] + (middle - low) * wings[1], high - low) - body
    return float(max(Fraction(0), -cost) / middle)


def spread_off(market: QuotedMarket) -> Off:
    """Convexity of what butterflies cost who buys their wings and sells their body, in a market that holds nothing."""
    found, size = Off(), _SIZES[0]
    for expiry, kind in product(market.expiries, (CALL, PUT)):
        for at in range(len(market.strikes) - 2):
            strikes = market.strikes[at : at + 3]
            wings = [market.quote(expiry, strikes[place], kind, size) for place in (0, 2)]
            body = market.quote(expiry, strikes[1], kind, -size)
            found = found.and_(Off(convexity=dent(strikes, wings, body), quotes=3))
    return found


def surface_off(market: QuotedMarket, count: int = 41) -> Off:
    """Convexity of the surface's prices without spread, at strikes near one another and far."""
    found, edge = Off(), max(market.strikes) / to_wad(SPOT)
    for expiry, reach in product(market.expiries, (0.2, 1.0)):
        ladder = [to_wad(round(SPOT * edge ** (reach * (2 * at / (count - 1) - 1)), 9)) for at in range(count)]
        for prices in zip(*(market.bench.prices(strike, expiry) for strike in ladder), strict=True):
            triples = (dent(ladder[at : at + 3], prices[at : at + 3 : 2], prices[at + 1]) for at in range(count - 2))
            found = found.and_(Off(convexity=max(triples), quotes=count))
    return found


def all_off(markets: Iterable[QuotedMarket]) -> Off:
    """Before and after each has traded."""
    found = Off()
    for market in markets:
        found = found.and_(spread_off(market)).and_(surface_off(market)).and_(quotes_off(market))
        market.trade(80)
        found = found.and_(quotes_off(market))
    return found


@cache
def _off() -> Off:
    found = all_off(QuotedMarket(seed) for seed in range(_SURFACES))
    if found.quotes < _FEWEST:
        raise NoData(f"{found.quotes} quotes, {_FEWEST} are needed")
    return found


def _largest(name: str) -> Measured:
    return Measured(0.0, float(getattr(_off(), name)), _ROUNDING)


_WHERE = "on OptionMarket, 64 series on each of 12 random surfaces without arbitrage, rates and carry"
_LAWS = (
    (
        "parity",
        "A call less a put of one strike, side and size is the underlying less the strike, both as of today, in every "
        "quote before and after trades",
        "put-call parity (Stoll 1969); contracts/INVARIANTS.md, 47",
    ),
    (
        "bounds",
        "No quote, before or after trades, is below what exercise is worth or above the underlying for a call and the "
        "strike for a put",
        "Merton 1973; contracts/INVARIANTS.md, 47",
    ),
    (
        "convexity",
        "No butterfly costs less than nothing, at the surface's prices without spread, and at the quotes of a market "
        "that holds nothing",
        "Merton 1973; contracts/INVARIANTS.md, 47",
    ),
)
for _name, _statement, _source in _LAWS:
    add_law(
        f"option-quotes/{_name}",
        f"{_statement}, {_WHERE}: the largest violation over the strike.",
        _source,
        partial(_largest, _name),
    )
