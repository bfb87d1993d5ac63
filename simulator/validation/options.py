"""Laws of option prices and Greeks, on the bytecode of the contracts' mathematics."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import cache, partial
from itertools import product
from typing import NamedTuple

from simulator.units import WAD
from simulator.validation.law import Measured, NoData, add_law, law
from simulator.validation.options_exact import YEAR, Side, Terms, both_sides
from simulator.validation.options_paths import Sheet, Words

HOUR, DAY = 3_600, 86_400
POINTS = 5_000


def grid() -> Iterator[Terms]:
    """5,000 points: S/K .2 to 5, volatility 10 to 300 %, an hour to a year, rates and carry."""
    ratios = [Decimal(x) for x in ("0.2", "0.5", "0.8", "0.93", "0.99", "1", "1.02", "1.2", "2.1", "5")]
    volatilities = [Decimal(x) for x in ("0.1", "0.15", "0.22", "0.33", "0.5", "0.75", "1.1", "1.6", "2.3", "3")]
    times = [HOUR, 4 * HOUR, DAY, 3 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY, 180 * DAY, YEAR]
    rates = [("0", "0"), ("0.05", "0"), ("0.1", "0.03"), ("-0.02", "0.2"), ("0.3", "-0.15")]
    strikes = [Decimal(x) for x in ("1", "2000", "64123.4567", "0.37", "1000000")]
    for place, (ratio, volatility, time, (rate, carry)) in enumerate(product(ratios, volatilities, times, rates)):
        strike = strikes[place * 7 % 5]
        yield Terms(ratio * strike, strike, volatility, time, Decimal(rate), Decimal(carry))


def wad(value: Decimal) -> int:
    """Raises ValueError where the contract would not see the same number."""
    scaled = value * WAD
    if scaled != int(scaled):
        raise ValueError(f"{value} has more than 18 decimals")
    return int(scaled)


def words(t: Terms) -> Words:
    """As the contract takes them."""
    return (wad(t.spot), wad(t.strike), wad(t.volatility), t.time, wad(t.rate), wad(t.carry))


def price_error(t: Terms, got: int, expected: Side) -> Decimal:
    """Over the strike."""
    return abs(Decimal(got) / WAD - expected.price) / t.strike


def greek_errors(t: Terms, got: Sequence[int], expected: Side) -> list[Decimal]:
    """Each over its natural scale: 1 for delta, 1 / strike for gamma, the strike for the others.

    Two units of the last digit of a gamma are left out: they are all that there is of it where strikes are large.
    """
    scales = (Decimal(1), 1 / t.strike, t.strike, t.strike, t.strike)
    errors = [
        abs(Decimal(seen) / WAD - true) / scale for seen, true, scale in zip(got, expected[1:], scales, strict=True)
    ]
    errors[1] -= Decimal(2) * t.strike / WAD
    return errors


class Worst(NamedTuple):
    """Of a number of points."""

    price: float
    greek: float
    points: int


def worst_of(sheet: Sheet, terms: Iterable[Terms]) -> Worst:
    """The largest errors of both sides, against arithmetic of fifty digits."""
    price, greek, points = Decimal(0), Decimal(0), 0
    for t in terms:
        seen = sheet.greeks(words(t))
        for place, true in enumerate(both_sides(t)):
            price = max(price, price_error(t, seen[place], true))
            greek = max(greek, *greek_errors(t, seen[2 + 5 * place : 7 + 5 * place], true))
        points += 1
    return Worst(float(price), float(greek), points)


@cache
def _over_the_grid() -> Worst:
    found = worst_of(Sheet(), grid())
    if found.points != POINTS:
        raise NoData(f"{found.points} points, {POINTS} are needed")
    return found


_EXACT = "closed formulas of Merton 1973 in decimal arithmetic of fifty digits"


@law("option-prices/price", _EXACT)
def prices() -> Measured:
    """Largest error of a call's or a put's price over the strike, at 5,000 points: spot .2 to 5 times the strike,
    volatility 10 to 300 %, an hour to a year, rates and carry."""
    return Measured(0.0, _over_the_grid().price, 1e-15)


@law("option-prices/greeks", _EXACT)
def greeks() -> Measured:
    """Largest error of a delta, gamma, vega, theta or rho, over 1, 1/strike, strike, strike and strike, at the same
    points."""
    return Measured(0.0, _over_the_grid().greek, 1e-12)


# ---------------------------------------------------------------------- Hull

_EXAMPLE: Words = (42 * WAD, 40 * WAD, WAD // 5, YEAR // 2, WAD // 10, 0)
_HEDGED: Words = (49 * WAD, 50 * WAD, WAD // 5, 12_129_231, WAD // 20, 0)  # 20/52 year
_PLACES = ("call", "put", "delta", "gamma", "vega", "theta", "rho")


def _hull(terms: Words, place: str, expected: float, half_digit: float) -> Measured:
    return Measured(expected, Sheet().greeks(terms)[_PLACES.index(place)] / WAD, half_digit)


_FIRST = "spot 42, strike 40, rate 10 %, volatility 20 %, half a year"
_SECOND = "spot 49, strike 50, rate 5 %, volatility 20 %, twenty weeks"
for _name, _terms, _said, _place, _expected, _digits in (
    ("call", _EXAMPLE, _FIRST, "call", 4.76, 2),
    ("put", _EXAMPLE, _FIRST, "put", 0.81, 2),
    ("price", _HEDGED, _SECOND, "call", 2.4005, 4),
    ("delta", _HEDGED, _SECOND, "delta", 0.522, 3),
    ("gamma", _HEDGED, _SECOND, "gamma", 0.0655, 4),
    ("vega", _HEDGED, _SECOND, "vega", 12.11, 2),
    ("theta", _HEDGED, _SECOND, "theta", -4.305, 3),
    ("rho", _HEDGED, _SECOND, "rho", 8.907, 3),
):
    add_law(
        f"hull/{_name}",
        f"The textbook's {_place}, to the digits that are printed: {_said}.",
        "Hull, Options, Futures, and Other Derivatives: examples of Black-Scholes-Merton and of the Greek letters",
        partial(_hull, _terms, _place, _expected, 0.5 * 10.0**-_digits),
    )
