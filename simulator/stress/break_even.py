"""Where a rule's statistic crosses its limit: along each varied key, at every setting of the others.

Between two points of the grid the statistic and its bounds are taken as straight lines, over the logarithm of the key
where its levels grow by a factor. The band reaches from where one bound crosses the limit to where the other does. The
crossings along both keys of a grid of two are those of its contour with the grid's lines.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from simulator.stress.judge import Judged
from simulator.stress.neighbours import Grid

_EVEN = 1e-6  # relative: steps that differ by less are equal


@dataclass(frozen=True)
class BreakEven:
    """One crossing. `low` and `high` are the ends of its band, None where a bound does not cross on the line."""

    rule: int
    key: str  # along which it lies
    at: Mapping[str, Any]  # the other keys
    value: float
    low: float | None
    high: float | None


def break_even(points: Sequence[Judged]) -> list[BreakEven]:
    """Every crossing of every rule about runs, by rule and key. None where points make no lines, as in a sample."""
    if not points:
        return []
    grid = Grid([point.changes for point in points])
    return [
        crossing
        for rule, verdict in enumerate(points[0].verdicts)
        if not verdict.rule.is_parameter
        for key in grid.keys
        if grid.ordered(key)
        for line in grid.lines(key)
        for crossing in _along([points[number] for number in line], rule, key)
    ]


def _along(line: Sequence[Judged], rule: int, key: str) -> Iterator[BreakEven]:
    places = [float(point.changes[key]) for point in line]
    verdicts = [point.verdicts[rule] for point in line]
    limit, logarithmic = verdicts[0].rule.limit.value, grows_by_factor(places)
    found = [verdict.estimate for verdict in verdicts]
    bounds = [
        crossings(places, [getattr(each, name) for each in found], limit, logarithmic) for name in ("low", "high")
    ]
    others = {other: value for other, value in line[0].changes.items() if other != key}
    for value in crossings(places, [each.value for each in found], limit, logarithmic):
        ends = [min(ends, key=lambda end: abs(end - value), default=None) for ends in bounds]
        known = [end for end in ends if end is not None]
        below = min(known) if known and min(known) <= value else None
        above = max(known) if known and max(known) >= value else None
        yield BreakEven(rule, key, others, value, below, above)


def crossings(
    places: Sequence[float], values: Sequence[float | None], limit: float, logarithmic: bool = False
) -> list[float]:
    """Where a curve through these points crosses a limit. Reaching it and turning back is none; gaps are left out."""
    found: list[float] = []
    for (left, first), (right, second) in pairwise(zip(places, values, strict=True)):
        if first is None or second is None:
            continue
        before, after = first - limit, second - limit
        if (before > 0) == (after > 0):
            continue
        share = before / (before - after)
        found.append(_between(left, right, share, logarithmic))
    return found


def grows_by_factor(places: Sequence[float]) -> bool:
    """Whether levels lie evenly on a logarithmic axis: three and more, by equal factors."""
    if len(places) < 3 or min(places) <= 0:
        return False
    factors = [b / a for a, b in pairwise(places)]
    return factors[0] != 1 and max(factors) / min(factors) - 1 < _EVEN


def _between(left: float, right: float, share: float, logarithmic: bool) -> float:
    if logarithmic:
        return math.exp(math.log(left) + share * (math.log(right) - math.log(left)))
    return left + share * (right - left)
