"""Positions mirrored from events, and who of them is unsafe at a price."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from simulator.chain.types import Address


@dataclass(slots=True)
class Position:
    """One position as its last event left it."""

    id: str
    owner: Address
    collateral: int  # [wad]
    normalized_debt: int  # [wad], debt over the index
    version: int  # never used twice in a book, also not by a position that comes back

    @property
    def critical(self) -> float:
        """Debt per collateral, index aside: the position's ratio is price / index over this.

        It changes only when the position acts, so it can key a heap.
        """
        if not self.normalized_debt:
            return 0.0
        return self.normalized_debt / self.collateral if self.collateral else float("inf")


_SLACK = 256  # stale entries that are not worth clearing out
_NONE: tuple[list[str], list[str]] = ([], [])  # the common answer, made once


class PositionBook:
    """Every position that has collateral or debt."""

    def __init__(self) -> None:
        self.positions: dict[str, Position] = {}
        self._watches: list[SafetyWatch] = []
        self._changes = 0

    def __len__(self) -> int:
        return len(self.positions)

    def __iter__(self) -> Iterator[Position]:
        return iter(self.positions.values())

    def get(self, id: str) -> Position | None:
        """The position, None once it is empty."""
        return self.positions.get(id)

    def update(self, id: str, owner: Address, collateral: int, normalized_debt: int) -> Position:
        """Take over what an event says is left in a position."""
        self._changes += 1
        position = self.positions.get(id)
        if position is None:
            position = self.positions[id] = Position(id, owner, collateral, normalized_debt, self._changes)
        else:
            position.collateral, position.normalized_debt = collateral, normalized_debt
            position.version = self._changes
        if not collateral and not normalized_debt:
            del self.positions[id]
        for watch in self._watches:
            watch.changed(position)
        return position

    def watch(self, ratio: float) -> "SafetyWatch":
        """A watch on positions whose collateral ratio falls below `ratio`."""
        watch = SafetyWatch(self, lambda p: ratio * p.critical if p.normalized_debt else None)
        self._watches.append(watch)
        return watch


class Book(Protocol):
    """Positions by id, each with an `id` and a `version` that changes whenever the position does."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...

    def get(self, id: str, /) -> Any:
        """The position of an id, None where there is none."""


class SafetyWatch:
    """Positions whose threshold is above a level, kept by two heaps: nothing is scanned while nothing happens.

    A threshold changes only when its position does. In lending it is ratio * critical and the level is price / index,
    so that those above it are below the collateral ratio.
    """

    def __init__(self, book: Book, threshold: Callable[[Any], float | None]) -> None:
        self._book = book
        self._threshold = threshold  # None: never below
        self.below: dict[str, float] = {}  # position -> its threshold level, in order of falling below
        self._safe: list[tuple[float, str, int]] = []  # the highest threshold first
        self._unsafe: list[tuple[float, str, int]] = []  # the lowest first
        for position in book:
            self.changed(position)

    def changed(self, position: Any) -> None:
        """File a position anew; its old entry becomes stale."""
        self.below.pop(position.id, None)
        threshold = self._threshold(position)
        if threshold is not None:
            heapq.heappush(self._safe, (-threshold, position.id, position.version))
        if len(self._safe) + len(self._unsafe) > 4 * len(self._book) + _SLACK:
            self._safe = self._fresh(self._safe)
            self._unsafe = [entry for entry in self._fresh(self._unsafe) if entry[1] in self.below]
            heapq.heapify(self._unsafe)

    def _fresh(self, heap: list[tuple[float, str, int]]) -> list[tuple[float, str, int]]:
        """A heap without the entries of positions that have changed since."""
        fresh = [entry for entry in heap if self._current(entry[1], entry[2])]
        heapq.heapify(fresh)
        return fresh

    def advance(self, level: float) -> tuple[list[str], list[str]]:
        """Move to a new level: the positions that have fallen below, most critical first, and those that recovered."""
        safe, unsafe = self._safe, self._unsafe
        if (not safe or -safe[0][0] <= level) and (not unsafe or unsafe[0][0] > level):
            return _NONE
        fallen: list[str] = []
        recovered: list[str] = []
        while safe and -safe[0][0] > level:
            threshold, id, version = heapq.heappop(safe)
            if self._current(id, version):
                fallen.append(id)
                self.below[id] = -threshold
                heapq.heappush(unsafe, (-threshold, id, version))
        while unsafe and unsafe[0][0] <= level:
            threshold, id, version = heapq.heappop(unsafe)
            if self._current(id, version) and id in self.below:
                recovered.append(id)
                del self.below[id]
                heapq.heappush(safe, (-threshold, id, version))
        return fallen, recovered

    def next_to_fall(self, count: int) -> list[str]:
        """The safe positions with the highest thresholds, highest first."""
        fresh = (id for _, id, version in heapq.nsmallest(4 * count, self._safe) if self._current(id, version))
        return list(islice(fresh, count))

    def _current(self, id: str, version: int) -> bool:
        position = self._book.get(id)
        return position is not None and position.version == version
