"""Options by arithmetic of fifty digits: the oracle that the contracts' mathematics is held against."""

from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import cache
from typing import NamedTuple

DIGITS = 50
YEAR = 31_536_000  # [s]
_FAR = 14  # the tail beyond is below 1e-44
_HALF = Decimal("0.5")


class Side(NamedTuple):
    """What one option is worth and how that moves."""

    price: Decimal
    delta: Decimal
    gamma: Decimal
    vega: Decimal
    theta: Decimal
    rho: Decimal


@dataclass(frozen=True)
class Terms:
    """Numbers are exact: volatility and rates of a year, time in seconds."""

    spot: Decimal
    strike: Decimal
    volatility: Decimal
    time: int
    rate: Decimal
    carry: Decimal


@cache
def root_two_pi() -> Decimal:
    """By Machin's formula."""
    with localcontext() as context:
        context.prec = DIGITS + 10
        pi = 4 * (4 * _arctan_inverse(5) - _arctan_inverse(239))
        return (2 * pi).sqrt()


def _arctan_inverse(n: int) -> Decimal:
    total = term = Decimal(1) / n
    for odd in range(3, 120, 2):
        term = -term / (n * n)
        total += term / odd
    return total


def density(x: Decimal) -> Decimal:
    """Of the standard normal distribution."""
    return (-x * x / 2).exp() / root_two_pi()


def probability(x: Decimal) -> Decimal:
    """Of less than x: a half and the density times x + x³/3 + x⁵/15 + ..., all of one sign."""
    if abs(x) > _FAR:
        return Decimal(int(x > 0))
    total = term = x
    odd = 1
    while abs(term) > Decimal(10) ** -(DIGITS + 40):
        odd += 2
        term = term * x * x / odd
        total += term
    return _HALF + density(x) * total


def both_sides(t: Terms) -> tuple[Side, Side]:
    """A call and a put. Source: Merton 1973, with a continuous yield of the underlying."""
    with localcontext() as context:
        context.prec = DIGITS + 40  # so that tails keep their digits
        years = Decimal(t.time) / YEAR
        deviation = t.volatility * years.sqrt()
        drift = (t.rate - t.carry + t.volatility**2 / 2) * years
        d1 = ((t.spot / t.strike).ln() + drift) / deviation
        return _side(t, years, d1, d1 - deviation, 1), _side(t, years, d1, d1 - deviation, -1)


def _side(t: Terms, years: Decimal, d1: Decimal, d2: Decimal, sign: int) -> Side:
    growth, discount = (-t.carry * years).exp(), (-t.rate * years).exp()
    n1, n2 = probability(sign * d1), probability(sign * d2)
    forward, strike = t.spot * growth, t.strike * discount
    bell = density(d1)
    decay = -forward * bell * t.volatility / (2 * years.sqrt())
    return Side(
        price=sign * (forward * n1 - strike * n2),
        delta=sign * growth * n1,
        gamma=growth * bell / (t.spot * t.volatility * years.sqrt()),
        vega=forward * bell * years.sqrt(),
        theta=decay + sign * (t.carry * forward * n1 - t.rate * strike * n2),
        rho=sign * strike * years * n2,
    )


def total_variance(slice_: tuple[Decimal, ...], k: Decimal) -> Decimal:
    """Raw SVI of (a, b, rho, m, sigma)."""
    a, b, rho, m, sigma = slice_
    with localcontext() as context:
        context.prec = DIGITS
        return a + b * (rho * (k - m) + ((k - m) ** 2 + sigma**2).sqrt())
