"""Laws of portfolio margin, by the risk models' bytecode on random books of options, perpetuals and collateral."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from random import Random
from typing import NamedTuple

from simulator.units import WAD, to_wad
from simulator.validation.law import Measured, NoData, law
from simulator.validation.options_bench import CALL, DAY, PUT, SPOT, MarketTerms, SliceWords, flat
from simulator.validation.options_house import Holding, HouseBench

_STRIKES = [to_wad(SPOT * percent / 100) for percent in range(84, 117, 2)][1:]  # 16, a fiftieth of the index apart
_DAYS = (20, 80)
_WIDEST = 5  # steps between strikes of a spread, a tenth of the index
_BOOKS = 600
_FEWEST = 500
_ROUNDING = 1e-12  # [usd]
_SMILE: list[SliceWords] = [
    (3 * WAD // 1000, 3 * WAD // 100, -4 * WAD // 10, WAD // 100, WAD // 10, 7 * DAY),
    (3 * WAD // 100, 8 * WAD // 100, -35 * WAD // 100, 2 * WAD // 100, 15 * WAD // 100, 60 * DAY),
]

Legs = Counter[Holding]


class Book(NamedTuple):
    """Sizes [wad] by leg, and base [wad] as collateral."""

    legs: Legs
    base: int = 0

    def and_(self, other: "Book") -> "Book":
        """Both in one."""
        legs = Legs(self.legs)
        legs.update(other.legs)
        return Book(legs, self.base + other.base)


class MarginBench(HouseBench):
    """64 series at two times."""

    def __init__(self) -> None:
        super().__init__(MarketTerms())
        now = self.options.lab.now
        self.options.report(flat(0.6))
        self.series = {
            (time, strike, kind): (self.by_options, self.options.list(now + _DAYS[time] * DAY, _STRIKES[strike], kind))
            for time, strike, kind in product(range(2), range(len(_STRIKES)), (CALL, PUT))
        }
        self.perp: Holding = (self.by_perps, 0)

    def legs(self, *sized: tuple[tuple[int, int, int], int]) -> Book:
        """Of options, by place of time and strike, and kind."""
        made = Legs()
        for place, size in sized:
            made[self.series[place]] += size
        return Book(made)

    def change_surface(self, rng: Random) -> None:
        """Flat at some height, or a smile."""
        self.options.report(_SMILE if rng.random() < 0.3 else flat(rng.uniform(0.3, 0.9)))

    def excess(self, book: Book, *, initial: bool) -> float:
        """[usd] by which the portfolio model requires more than the standard one."""
        models = (self.portfolio, self.standard)
        ours, theirs = (self.margin_of_book(m, book.legs, base=book.base, initial=initial).required for m in models)
        return (ours - theirs) / WAD

    def taken(self, book: Book, bought: Holding, size: int, *, portfolio: bool) -> float:
        """[usd] more than its premium that an option takes from equity less requirement."""
        model = self.portfolio if portfolio else self.standard
        paid = -int(self.lab.read(bought[0], "previewTrade", bought[1], size))
        then = book.and_(Book(Legs({bought: size})))
        before = self.margin_of_book(model, book.legs, base=book.base).room
        after = self.margin_of_book(model, then.legs, cash=-paid, base=then.base).room
        return (before - paid - after) / WAD


# -------------------------------------------------------------------- hedged


def _size(rng: Random) -> int:
    return rng.randrange(WAD // 100, 30 * WAD)


def _strike(rng: Random, low: int = 0, room: int = 0) -> int:
    return rng.randrange(low, len(_STRIKES) - room)


def protective_put(bench: MarginBench, rng: Random) -> Book:
    """Base and as many puts."""
    size = _size(rng)
    return bench.legs(((rng.randrange(2), _strike(rng), PUT), size))._replace(base=size)


def collar(bench: MarginBench, rng: Random) -> Book:
    """Base, as many puts, and as many calls written."""
    size, time, low = _size(rng), rng.randrange(2), _strike(rng, 0, 1)
    high = _strike(rng, low + 1)
    return bench.legs(((time, low, PUT), size), ((time, high, CALL), -size))._replace(base=size)


def spread(bench: MarginBench, rng: Random) -> Book:
    """One written, one held, near one another, of one kind."""
    size, time, kind, step = _size(rng), rng.randrange(2), rng.choice((CALL, PUT)), rng.randint(1, _WIDEST)
    low, side = _strike(rng, 0, step), rng.choice((-1, 1))
    return bench.legs(((time, low, kind), side * size), ((time, low + step, kind), -side * size))


def butterfly(bench: MarginBench, rng: Random) -> Book:
    """Two written between two held."""
    size, time, kind, step = _size(rng), rng.randrange(2), rng.choice((CALL, PUT)), rng.randint(1, _WIDEST)
    low = _strike(rng, 0, 2 * step)
    wings = [((time, low + 2 * step * end, kind), size) for end in (0, 1)]
    return bench.legs(*wings, ((time, low + step, kind), -2 * size))


def conversion(bench: MarginBench, rng: Random) -> Book:
    """A call against a put, which together are the underlying, and the perpetual the other way."""
    size, time, strike = rng.choice((-1, 1)) * _size(rng), rng.randrange(2), _strike(rng)
    book = bench.legs(((time, strike, CALL), size), ((time, strike, PUT), -size))
    book.legs[bench.perp] -= size
    return book


def calendar(bench: MarginBench, rng: Random) -> Book:
    """The nearer one written, the farther one held."""
    size, strike, kind = _size(rng), _strike(rng), rng.choice((CALL, PUT))
    return bench.legs(((0, strike, kind), -size), ((1, strike, kind), size))


HEDGED: tuple[Callable[[MarginBench, Random], Book], ...] = (
    protective_put,
    collar,
    spread,
    butterfly,
    conversion,
    calendar,
)


def hedged_books(bench: MarginBench, count: int, seed: int) -> Iterator[Book]:
    """Each of up to three hedges, under a surface that changes."""
    rng = Random(seed)
    for at in range(count):
        if at % 10 == 0:
            bench.change_surface(rng)
        book = HEDGED[at % len(HEDGED)](bench, rng)
        for _ in range(rng.randrange(3)):
            book = book.and_(rng.choice(HEDGED)(bench, rng))
        yield book


@cache
def _bench() -> MarginBench:
    return MarginBench()


@law("portfolio-margin/hedged", "contracts/INVARIANTS.md, 59")
def hedged() -> Measured:
    """Protective puts, collars, spreads of up to a tenth of the index, butterflies, conversions, calendars and sums of
    these need no more by PortfolioRisk than by StandardRisk, to begin and to stay, at volatilities of 30 to 90 %: the
    largest excess in Dollars."""
    found = [
        _bench().excess(book, initial=initial)
        for book in hedged_books(_bench(), _BOOKS, seed=1)
        for initial in (True, False)
    ]
    if len(found) < _FEWEST or min(found) >= 0:
        raise NoData(f"{len(found)} books, {_FEWEST} are needed, and some that need less")
    return Measured(0.0, max(0.0, *found), 0.0)


# -------------------------------------------------------------- long options


def any_book(bench: MarginBench, rng: Random) -> Book:
    """Up to eight legs of either sign, a perpetual and collateral."""
    sized = [(rng.choice(list(bench.series)), rng.choice((-1, 1)) * _size(rng)) for _ in range(rng.randint(1, 8))]
    book = bench.legs(*sized)._replace(base=rng.choice((0, _size(rng))))
    book.legs[bench.perp] += rng.choice((-1, 0, 1)) * _size(rng)
    return book


def premiums_off(bench: MarginBench, count: int, seed: int) -> Iterator[float]:
    """[usd] more than its premium that an option took, by each model in turn."""
    rng = Random(seed)
    for at in range(count):
        if at % 10 == 0:
            bench.change_surface(rng)
        book, bought = any_book(bench, rng), rng.choice(list(bench.series.values()))
        yield bench.taken(book, bought, _size(rng), portfolio=at % 2 == 0)


@law("portfolio-margin/long-option", "contracts/INVARIANTS.md, 59")
def long_option() -> Measured:
    """An option that is bought at the market's quote takes no more than its premium and fee from equity less
    requirement, whatever the book, by PortfolioRisk and by StandardRisk: the largest excess in Dollars."""
    found = list(premiums_off(_bench(), _BOOKS, seed=2))
    if len(found) < _FEWEST:
        raise NoData(f"{len(found)} trades, {_FEWEST} are needed")
    return Measured(0.0, max(0.0, *found), _ROUNDING)
