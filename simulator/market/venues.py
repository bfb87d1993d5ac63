"""Several venues of one asset: what each is declared to be, how an order is routed, and what arbitrage does to gaps.

Each venue is a `Book` of its own. An order that names none is routed so that the prices at its margin are equal
everywhere; then venues of together the depth D cost exactly what one of depth D does. Arbitrage between venues is
trades of others, who buy where it is cheap and sell as much where it is dear, as far as gaps close in the time given:
it moves no reference price, which is weighted by depth, and what it earns nobody else can.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from pydantic import ConfigDict, Field, field_validator, model_validator

from simulator.market.book import Book
from simulator.settings import HOURS, RATIO, SHARE, Settings


class Trouble(Settings):
    """A span in which a venue is not itself."""

    model_config = ConfigDict(serialize_by_alias=True)

    id: str = Field(min_length=1, description="its name, by which a scenario that extends this one changes it")
    start: float = Field(0.0, alias="from", ge=0, description="when it begins", json_schema_extra=HOURS)
    end: float | None = Field(
        None, alias="to", ge=0, description="when it is over; absent: never", json_schema_extra=HOURS
    )
    depth: float = Field(1.0, gt=0, le=1, description="share of its depth that is left", json_schema_extra=SHARE)
    wick: float = Field(
        1.0,
        gt=0,
        le=1e6,
        description="factor on its price; unless it is 1, orders without a venue and arbitrage pass it by",
        json_schema_extra=RATIO,
    )

    @property
    def over(self) -> float:
        """The hour at which it is over, infinity for never."""
        return math.inf if self.end is None else self.end

    @model_validator(mode="after")
    def _in_order(self) -> "Trouble":
        if not self.start < self.over:
            raise ValueError(f"from = {self.start:g}, to = {self.over:g}: must be from < to")
        return self


class VenueSettings(Settings):
    """One of the venues that an asset trades at."""

    share: float = Field(gt=0, le=1, description="of the depth; all venues' add up to 1", json_schema_extra=SHARE)
    troubles: tuple[Trouble, ...] = Field((), description="spans in which its depth is gone or its price is off")

    @field_validator("troubles")
    @classmethod
    def _one_at_a_time(cls, troubles: tuple[Trouble, ...]) -> tuple[Trouble, ...]:
        for earlier, later in pairwise(sorted(troubles, key=lambda trouble: trouble.start)):
            if later.start < earlier.over:
                raise ValueError(f"{later.id} begins before {earlier.id} is over; must be one after the other")
        return troubles


class Venue:
    """A book and what is declared of its venue."""

    __slots__ = ("_troubles", "book", "left", "wick")

    def __init__(self, book: Book, troubles: Sequence[Trouble]) -> None:
        self.book = book
        self._troubles = [(_seconds(t.start), _seconds(t.over), t.depth, t.wick) for t in troubles]
        self.left = self.wick = 1.0
        self.advance(0.0)

    def advance(self, now: float) -> None:
        """To a time [s] since the start."""
        self.left = self.wick = 1.0
        for start, end, left, wick in self._troubles:
            if start <= now < end:
                self.left, self.wick = left, wick


def _seconds(hours: float) -> float:
    """A decimal hour times 3600 may miss its second by a bit, and with it the block of that second."""
    return round(hours * 3600, 6) if hours < math.inf else hours


def reference_level(books: Sequence[Book]) -> float:
    """The displacement that the reference price shows: the mean by depth, which arbitrage does not move."""
    return sum(book.depth * book.level for book in books) / sum(book.depth for book in books)


def routed(books: Sequence[Book], quantity: float, unit: float) -> list[float]:
    """The parts of an order (tokens, sold when negative) that leave equal prices at every venue that gets one.

    A token moves the displacement of a book by unit / depth. Buying begins where it is cheapest and fills up to a
    common level; selling is its mirror image.
    """
    side = 1.0 if quantity > 0 else -1.0
    levels = [side * book.level for book in books]
    wanted = abs(quantity) * unit
    order = sorted(range(len(books)), key=levels.__getitem__)
    depth = filled = 0.0
    level = levels[order[0]]
    for place, index in enumerate(order):
        depth += books[index].depth
        filled += books[index].depth * levels[index]
        level = (wanted + filled) / depth
        if place + 1 == len(order) or level <= levels[order[place + 1]]:
            break
    parts = [max(0.0, level - own) * book.depth for own, book in zip(levels, books, strict=True)]
    # Rounded sums may miss the order by a bit, and one too small to be seen beside the level all of it.
    total = sum(parts)
    if not total:
        parts[order[0]] = total = 1.0
    return [part * (quantity / total) for part in parts]


def arbitrage(books: Sequence[Book], closed: float) -> None:
    """Close a share of every gap between books by trades that add up to none."""
    level = reference_level(books)
    for book in books:
        if gap := level - book.level:
            book.shift(gap * closed)
