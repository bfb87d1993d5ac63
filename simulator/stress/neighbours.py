"""The grid that points lie on: for each key its levels, and for each point those one step away."""

from collections.abc import Mapping, Sequence
from typing import Any

Changes = Mapping[str, Any]


class Grid:
    """Points by their levels. Levels of numbers are in order of size, of anything else in order of appearance."""

    def __init__(self, points: Sequence[Changes]) -> None:
        self.keys = list(points[0]) if points else []
        self.levels = {key: _levels([point[key] for point in points]) for key in self.keys}
        self._ordered = {key: all(map(is_number, levels)) for key, levels in self.levels.items()}
        self._ranks = {key: {level: rank for rank, level in enumerate(self.levels[key])} for key in self.keys}
        self._places = [self._place(point) for point in points]
        self._at = {place: number for number, place in enumerate(self._places)}

    @property
    def size(self) -> int:
        """How many points it has."""
        return len(self._places)

    def ordered(self, key: str) -> bool:
        """Whether a key's levels are numbers, so that a step along it means something."""
        return self._ordered[key]

    def rank(self, point: Changes, key: str) -> int:
        """The place of a point's level among those of a key."""
        return self._ranks[key][point[key]]

    def line(self, number: int, key: str) -> list[int]:
        """The points that differ from one in a key alone, itself among them, in order of that key."""
        place, axis = self._places[number], self.keys.index(key)
        beside = ((*place[:axis], level, *place[axis + 1 :]) for level in range(len(self.levels[key])))
        return [self._at[other] for other in beside if other in self._at]

    def lines(self, key: str) -> list[list[int]]:
        """Every line of two points and more along a key, each once."""
        seen: dict[int, list[int]] = {}
        for number in range(len(self._places)):
            line = self.line(number, key)
            if len(line) > 1:
                seen.setdefault(line[0], line)
        return list(seen.values())

    @property
    def full(self) -> bool:
        """Whether every combination of levels is there, as in a grid and not in a sample."""
        size = 1
        for levels in self.levels.values():
            size *= len(levels)
        return len(self._at) == size

    def _place(self, point: Changes) -> tuple[int, ...]:
        return tuple(self.rank(point, key) for key in self.keys)


def is_number(value: Any) -> bool:
    """Whether a setting is a number that may be compared and interpolated."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _levels(values: list[Any]) -> list[Any]:
    distinct = list(dict.fromkeys(values))
    return sorted(distinct) if all(map(is_number, distinct)) else distinct
