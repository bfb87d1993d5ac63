"""The answer of a stress test: every point with bounds and verdicts, the frontier, break-evens and what to choose."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.errors import ConfigError
from simulator.metrics import METRICS
from simulator.scenario.overrides import parse_key
from simulator.scenario.problems import ABSENT, lookup
from simulator.stress.break_even import BreakEven, break_even
from simulator.stress.efficiency import Efficiency
from simulator.stress.estimate import Estimate
from simulator.stress.judge import Judged, Verdict, judge
from simulator.stress.recommend import Kept, Nearest, Recommendation, on_frontier, recommend
from simulator.stress.require import Rule

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Answer:
    """What the runs of a sweep say."""

    rules: tuple[Rule, ...]
    efficiency: Efficiency | None
    points: tuple[Judged, ...]
    frontiers: tuple[frozenset[int], ...]  # of each rule the points that no other beats
    crossings: tuple[BreakEven, ...]
    recommendation: Recommendation
    designed: int  # points that a search did not add

    @property
    def design(self) -> tuple[Judged, ...]:
        """The points that a search did not add."""
        return self.points[: self.designed]

    def point(self, number: int) -> Judged:
        """The point of a number."""
        return next(point for point in self.points if point.number == number)

    def as_dict(self) -> dict[str, Any]:
        """`recommendation`, `points` and `break_even` as plain JSON data; what there is no number for is null."""
        return {
            "recommendation": _recommendation(self),
            "designed": self.designed,
            "points": [_point(point, self) for point in self.points],
            "break_even": [_crossing(each, self.rules) for each in self.crossings],
        }


def answer(
    results: "pd.DataFrame",
    points: Iterable[tuple[int, Mapping[str, Any]]],
    rules: Sequence[Rule],
    *,
    metrics: Sequence[str] | None = None,
    efficiency: Efficiency | None = None,
    resolved: Mapping[str, Any] | None = None,
    designed: int | None = None,
) -> Answer:
    """Answer from the table of results, for points (number, changes).

    `metrics` are those whose means are wanted, by default all that any run has data for. The first `designed` points,
    by default all, are the design, on which charts and steps rest; a search added the others. `resolved` is the
    scenario as it is without changes, in which `param` rules find keys that are not varied.
    """
    settings = resolved or {}
    known = [name for name in METRICS if name in results and results[name].notna().any()]
    judged = judge(
        results,
        points,
        rules,
        metrics=known if metrics is None else metrics,
        efficiency=efficiency,
        lookup=lambda changes, key: changes[key] if key in changes else value_of(settings, key),
    )
    size = len(judged) if designed is None else designed
    return Answer(
        tuple(rules),
        efficiency,
        tuple(judged),
        tuple(frozenset(on_frontier(judged, rule)) for rule in range(len(rules))),
        tuple(break_even(judged[:size])),
        recommend(judged, size),
        size,
    )


def value_of(resolved: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key of a scenario. Raises ConfigError where there is none."""
    found = lookup(resolved, parse_key(key))
    if found is ABSENT:
        raise ConfigError(f"there is no key {key}", where="--require", mend="see `wavetank list parameters SCENARIO`")
    return found


def _recommendation(found: Answer) -> dict[str, Any]:
    recommendation, efficiency = found.recommendation, found.efficiency
    chosen, nearest = recommendation.chosen, recommendation.nearest
    return {
        "status": "found" if chosen else "none" if nearest else "not_asked",
        "efficiency": None if efficiency is None else {"name": efficiency.text, "meaning": efficiency.meaning},
        "point": None if chosen is None else chosen.number,
        "changes": None if chosen is None else dict(chosen.changes),
        "value": None if chosen is None else _estimate(chosen.efficiency),
        "constraints": [_kept(kept) for kept in recommendation.kept],
        "nearest": None if nearest is None else _nearest(nearest),
    }


def _kept(kept: Kept) -> dict[str, Any]:
    return {
        **_verdict(kept.verdict),
        "steps": kept.steps,
        "cost": _number(kept.cost),
        "cost_point": kept.cost_point,
        "edges": [{"key": e.key, "way": e.way, "steps": e.steps, "value": e.value} for e in kept.edges],
    }


def _nearest(nearest: Nearest) -> dict[str, Any]:
    point = nearest.point
    return {
        "point": point.number,
        "changes": dict(point.changes),
        "runs_failed": point.failed,
        "excess": _number(nearest.excess),
        **_verdict(nearest.verdict),
    }


def _point(point: Judged, found: Answer) -> dict[str, Any]:
    return {
        "point": point.number,
        "changes": dict(point.changes),
        "runs": point.runs,
        "runs_failed": point.failed,
        "efficiency": _estimate(point.efficiency),
        "metrics": {name: _estimate(mean) for name, mean in point.means.items()},
        "rules": [
            {**_verdict(verdict), "frontier": point.number in frontier}
            for verdict, frontier in zip(point.verdicts, found.frontiers, strict=True)
        ],
        "qualifies": point.qualifies if point.verdicts else None,
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "rule": str(verdict.rule),
        "verdict": verdict.standing,
        **(_estimate(verdict.estimate) or {}),
        "slack": _number(verdict.slack),
    }


def _estimate(estimate: Estimate | None) -> dict[str, Any] | None:
    if estimate is None:
        return None
    bounds = {name: _number(getattr(estimate, name)) for name in ("value", "low", "high")}
    return {**bounds, "runs": estimate.runs, "needed": estimate.needed}


def _crossing(crossing: BreakEven, rules: Sequence[Rule]) -> dict[str, Any]:
    return {
        "rule": str(rules[crossing.rule]),
        "key": crossing.key,
        "at": dict(crossing.at),
        "value": _number(crossing.value),
        "low": _number(crossing.low),
        "high": _number(crossing.high),
    }


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
