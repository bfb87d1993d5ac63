"""What options are worth by a surface as it was reported, in floats: for agents and tables, never for a settlement.

Prices by Black, Scholes and Merton; the smile as in Svi.sol: between slices total variance is interpolated at constant
k = ln(strike / forward), before the first the smile keeps its shape in standard deviations, beyond the last its
volatility stays. The down-and-out put by Reiner and Rubinstein 1991.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from simulator.market.svi import Svi
from simulator.units import YEAR_SECONDS, from_wad, to_wad

_ROOT_TWO = math.sqrt(2.0)
_DENSITY = 1 / math.sqrt(2 * math.pi)


class Greeks(NamedTuple):
    """Sensitivities [usd] to spot [usd], its square, 1.00 of volatility, a year that passes, and 1.00 of the rate."""

    delta: float = 0.0
    gamma: float = 0.0
    vega: float = 0.0
    theta: float = 0.0
    rho: float = 0.0

    def __add__(self, other: "Greeks") -> "Greeks":  # type: ignore[override]
        """Of both together."""
        return Greeks(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def times(self, amount: float) -> "Greeks":
        """Of so many."""
        return Greeks(*(each * amount for each in self))


class Terms(NamedTuple):
    """What a price is computed from; rates are continuously compounded."""

    spot: float  # [usd]
    strike: float  # [usd]
    volatility: float  # a year's
    years: float
    rate: float = 0.0  # a year
    carry: float = 0.0  # a year


class Slice(NamedTuple):
    """A smile at a time to expiry."""

    seconds: int
    smile: Svi


class SurfaceState(NamedTuple):
    """A surface as it is reported."""

    slices: Sequence[Slice]  # in order of time; none: never reported
    rate: float = 0.0  # a year
    carry: float = 0.0  # a year
    time: int = 0  # [unix s] of the report
    lowest: float = 0.0  # bounds of a year's volatility
    highest: float = math.inf

    def volatility(self, spot: float, strike: float, seconds: float) -> float:
        """A year's, within the bounds, `seconds` ahead of an expiry."""
        drift = (self.rate - self.carry) * seconds / YEAR_SECONDS
        variance = max(0.0, self._variance(math.log(strike / spot) - drift, seconds))
        return min(max(math.sqrt(variance * YEAR_SECONDS / seconds), self.lowest), self.highest)

    def at_the_money(self, seconds: float) -> float:
        """A year's volatility of the forward as a strike."""
        return self.volatility(1.0, math.exp((self.rate - self.carry) * seconds / YEAR_SECONDS), seconds)

    def _variance(self, k: float, seconds: float) -> float:
        first = self.slices[0]
        if seconds <= first.seconds:
            return first.smile.variance_at(k * math.sqrt(first.seconds / seconds)) * seconds / first.seconds
        place = next((i for i, item in enumerate(self.slices) if item.seconds >= seconds), len(self.slices))
        near = self.slices[place - 1]
        before = near.smile.variance_at(k)
        if place == len(self.slices):
            return before * seconds / near.seconds
        far = self.slices[place]
        share = (seconds - near.seconds) / (far.seconds - near.seconds)
        return (1 - share) * before + share * far.smile.variance_at(k)

    def terms(self, spot: float, strike: float, expiry: int, now: float, factor: float = 1.0) -> Terms:
        """Those of an option, at a factor of its volatility."""
        seconds = max(expiry - now, 1e-9)
        volatility = self.volatility(spot, strike, seconds) * factor
        return Terms(spot, strike, volatility, seconds / YEAR_SECONDS, self.rate, self.carry)

    def encoded(self) -> list[tuple[int, int, int, int, int, int]]:
        """The slices as the contract takes them."""
        return [(*map(to_wad, (s.a, s.b, s.rho, s.m, s.sigma)), seconds) for seconds, s in self.slices]  # type: ignore[misc]


def decoded(slices: Sequence[Sequence[int]]) -> list[Slice]:
    """Slices as the contract gives them."""
    return [Slice(int(one[5]), Svi(*map(from_wad, one[:5]))) for one in slices]


def cdf(x: float) -> float:
    """Of the standard normal distribution."""
    return 0.5 * math.erfc(-x / _ROOT_TWO)


def pdf(x: float) -> float:
    """Its density."""
    return _DENSITY * math.exp(-x * x / 2)


class _Place(NamedTuple):
    forward: float  # present value of the underlying
    strike: float  # present value
    deviation: float
    d1: float
    d2: float


def _place(t: Terms) -> _Place:
    forward, strike = t.spot * math.exp(-t.carry * t.years), t.strike * math.exp(-t.rate * t.years)
    deviation = max(t.volatility * math.sqrt(t.years), 1e-12)
    d1 = math.log(forward / strike) / deviation + deviation / 2
    return _Place(forward, strike, deviation, d1, d1 - deviation)


def price(t: Terms, *, is_call: bool) -> float:
    """What one plain option is worth [usd]."""
    p = _place(t)
    if is_call:
        return max(0.0, p.forward * cdf(p.d1) - p.strike * cdf(p.d2))
    return max(0.0, p.strike * cdf(-p.d2) - p.forward * cdf(-p.d1))


def greeks(t: Terms, *, is_call: bool) -> Greeks:
    """Of one plain option [usd]."""
    p, off = _place(t), 0.0 if is_call else 1.0
    growth, density = p.forward / t.spot, pdf(p.d1)
    n1, n2 = cdf(p.d1) - off, cdf(p.d2) - off
    root = math.sqrt(t.years)
    decay = -p.forward * density * t.volatility / (2 * root)
    return Greeks(
        growth * n1,
        growth * density / (t.spot * p.deviation),
        p.forward * density * root,
        decay + t.carry * p.forward * n1 - t.rate * p.strike * n2,
        p.strike * n2 * t.years,
    )


def barrier_price(t: Terms, barrier: float) -> float:
    """What one put is worth that dies at a barrier below its strike, watched without pause [usd]."""
    if t.spot <= barrier:
        return 0.0
    p = _place(t)
    deviation = p.deviation
    drift = (t.rate - t.carry) / t.volatility**2 + 0.5
    drifted, log_barrier = drift * deviation, math.log(barrier / t.spot)
    image = math.exp(min(2 * drift * log_barrier, 40.0))
    at_barrier = -log_barrier / deviation + drifted
    to_strike = (log_barrier + math.log(barrier / t.strike)) / deviation + drifted
    to_barrier = log_barrier / deviation + drifted
    plain = p.strike * cdf(deviation - at_barrier) - p.forward * cdf(-at_barrier)
    mirrored = p.forward * image * (cdf(to_strike) - cdf(to_barrier))
    second = image * (t.spot / barrier) ** 2
    of_strike = p.strike * second * (cdf(to_strike - deviation) - cdf(to_barrier - deviation))
    put = price(t, is_call=False)
    return min(max(put - plain - mirrored + of_strike, 0.0), put)


def barrier_greeks(t: Terms, barrier: float) -> Greeks:
    """Of such a put [usd], by central differences of its price."""
    step = 1e-4 * t.spot

    def worth(**changed: float) -> float:
        return barrier_price(t._replace(**changed), barrier)

    low, middle, high = worth(spot=t.spot - step), worth(), worth(spot=t.spot + step)
    wide = 1e-4 * max(t.volatility, 1e-3)
    years = min(1e-4, t.years / 2)
    by_volatility = worth(volatility=t.volatility + wide) - worth(volatility=t.volatility - wide)
    by_time = worth(years=t.years - years) - worth(years=t.years + years)
    by_rate = worth(rate=t.rate + 1e-4) - worth(rate=t.rate - 1e-4)
    return Greeks(
        (high - low) / (2 * step),
        (high - 2 * middle + low) / step**2,
        by_volatility / (2 * wide),
        by_time / (2 * years),
        by_rate / 2e-4,
    )
