"""Which point to choose: the most efficient that keeps every rule, what each rule costs, and how far the edge is."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from simulator.stress.judge import Judged, Verdict
from simulator.stress.neighbours import Grid

_SIGNS = {"<": 1, "<=": 1, ">": -1, ">=": -1}


@dataclass(frozen=True)
class Edge:
    """How far a key can be moved from the chosen point, the others as they are, until a rule no longer holds."""

    key: str
    way: Literal["up", "down"]
    steps: int | None  # of the grid; None where the rule holds as far as the grid reaches
    value: Any  # of the key where it first does not; None as for steps


@dataclass(frozen=True)
class Kept:
    """A rule at the chosen point."""

    verdict: Verdict
    cost: float | None  # efficiency that would be gained without this rule; 0: it does not bind; None: unmeasured
    cost_point: int | None  # the point that would be chosen then
    edges: tuple[Edge, ...]

    @property
    def steps(self) -> int | None:
        """Steps to the nearest edge; None where there is none on the grid."""
        return min((edge.steps for edge in self.edges if edge.steps is not None), default=None)


@dataclass(frozen=True)
class Nearest:
    """Where no point qualifies: the one that comes nearest, and the rule that it fails by most."""

    point: Judged
    verdict: Verdict
    excess: float | None  # of the bound over the limit, in the rule's unit; None where there is no bound


@dataclass(frozen=True)
class Recommendation:
    """What comes of the points. Exactly one of `chosen` and `nearest` is there; neither where no rule was stated."""

    chosen: Judged | None = None
    kept: tuple[Kept, ...] = ()
    nearest: Nearest | None = None

    @property
    def looked_at(self) -> Judged | None:
        """The point to look at: the chosen, or else the one that comes nearest."""
        return self.chosen or (self.nearest.point if self.nearest else None)


def recommend(points: Sequence[Judged], designed: int | None = None) -> Recommendation:
    """Choose among judged points; of equally efficient ones that which keeps its rules by most.

    The first `designed` points, by default all, are those of the grid that steps are counted on.
    """
    if not points or not points[0].verdicts:
        return Recommendation()
    scales = scales_of(points)
    chosen = _best([point for point in points if point.qualifies], scales)
    if chosen is None:
        return Recommendation(nearest=_nearest(points, scales))
    grid = Grid([point.changes for point in points[:designed]])
    kept = tuple(_kept(points, grid, chosen, rule, scales) for rule in range(len(scales)))
    return Recommendation(chosen, kept)


def on_frontier(points: Sequence[Judged], rule: int) -> set[int]:
    """The numbers of the points that no other beats in efficiency and in a rule's statistic at once.

    None for a rule that wants neither less nor more.
    """
    known = [p for p in points if math.isfinite(p.rank) and p.verdicts[rule].estimate.value is not None]
    sign = _SIGNS.get(points[0].verdicts[rule].rule.comparison, 0) if points else 0
    if not sign:
        return set()
    ordered = sorted(known, key=lambda p: (-p.rank, sign * _value(p, rule)))
    best, frontier = math.inf, set()
    for point in ordered:
        loss = sign * _value(point, rule)
        if loss < best:
            best = loss
            frontier.add(point.number)
    return frontier


def _value(point: Judged, rule: int) -> float:
    value = point.verdicts[rule].estimate.value
    assert value is not None
    return value


def _best(points: Sequence[Judged], scales: Sequence[float]) -> Judged | None:
    return max(points, key=lambda p: (p.rank, -_excess(p, scales), -p.number), default=None)


def scales_of(points: Sequence[Judged]) -> list[float]:
    """What the excess of each rule is measured against."""
    return [_scale([point.verdicts[rule] for point in points]) for rule in range(len(points[0].verdicts))]


def _scale(verdicts: Sequence[Verdict]) -> float:
    """What a rule's excess is measured against: its limit, or the spread of its bounds where that is zero."""
    if limit := abs(verdicts[0].rule.limit.value):
        return limit
    bounds = [verdict.bound for verdict in verdicts if verdict.bound is not None]
    return max(bounds, default=0.0) - min(bounds, default=0.0) or 1.0


def excesses(point: Judged, scales: Sequence[float]) -> list[float]:
    """By how much each rule's worse bound is beyond its limit, in scales; negative within, infinite without a bound."""
    return [_excess_of(v, scale) for v, scale in zip(point.verdicts, scales, strict=True)]


def _excess(point: Judged, scales: Sequence[float]) -> float:
    return max(excesses(point, scales))


def _excess_of(verdict: Verdict, scale: float) -> float:
    return math.inf if verdict.slack is None else -verdict.slack / scale


def _nearest(points: Sequence[Judged], scales: Sequence[float]) -> Nearest:
    """Points without bounds or with failed runs come after those whose bounds are only beyond a limit."""
    point = min(points, key=lambda p: (p.failed > 0, _excess(p, scales), p.number))
    failing = [pair for pair in zip(point.verdicts, scales, strict=True) if pair[0].standing != "pass"]
    verdict, _ = max(failing or zip(point.verdicts, scales, strict=True), key=lambda pair: _excess_of(*pair))
    return Nearest(point, verdict, None if verdict.slack is None else -verdict.slack)


def _kept(points: Sequence[Judged], grid: Grid, chosen: Judged, rule: int, scales: Sequence[float]) -> Kept:
    free = [p for p in points if _passes_without(p, rule)]
    best = _best(free, [scale if n != rule else math.inf for n, scale in enumerate(scales)])
    assert best is not None, "the chosen point keeps every rule"
    measured = math.isfinite(chosen.rank)
    place = points.index(chosen)
    edges = tuple(_edges(points, grid, place, rule)) if place < grid.size else ()
    return Kept(
        chosen.verdicts[rule],
        best.rank - chosen.rank if measured else None,
        best.number if measured and best.rank > chosen.rank else None,
        edges,
    )


def _passes_without(point: Judged, rule: int) -> bool:
    others = (v.standing == "pass" for n, v in enumerate(point.verdicts) if n != rule)
    return point.sound and all(others)


def _edges(points: Sequence[Judged], grid: Grid, chosen: int, rule: int) -> Iterator[Edge]:
    for key in grid.keys:
        line = grid.line(chosen, key)
        if len(line) < 2 or not grid.ordered(key):
            continue
        place = line.index(chosen)
        ways: tuple[tuple[Literal["up", "down"], list[int]], ...] = (
            ("up", line[place + 1 :]),
            ("down", line[:place][::-1]),
        )
        for way, beyond in ways:
            if beyond:
                yield _edge(points, key, way, beyond, rule)


def _edge(points: Sequence[Judged], key: str, way: Literal["up", "down"], beyond: Sequence[int], rule: int) -> Edge:
    for step, number in enumerate(beyond, start=1):
        if points[number].verdicts[rule].standing != "pass":
            return Edge(key, way, step, points[number].changes[key])
    return Edge(key, way, None, None)
