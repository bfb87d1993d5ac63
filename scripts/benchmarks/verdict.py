"""What a benchmark found, against what it must show."""

import operator
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

_HOLDS = {"<=": operator.le, ">=": operator.ge}


class Limit(NamedTuple):
    """The bound on one figure."""

    figure: str
    sense: Literal["<=", ">="]
    value: float

    def holds(self, figures: Mapping[str, Any]) -> bool:
        """Whether the figure is on the right side."""
        return bool(_HOLDS[self.sense](figures[self.figure], self.value))


class Verdict(NamedTuple):
    """Figures by name, units in the names; a list is a spread, least and most."""

    figures: dict[str, Any]
    limits: Sequence[Limit]

    @property
    def holds(self) -> bool:
        """Whether every limit does."""
        return all(limit.holds(self.figures) for limit in self.limits)
