"""Statistics over the parameters: curves over one key, heat maps over two, marks where points are no grid."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata

from simulator.metrics import METRICS
from simulator.report.chart import Chart, Key, Panel, Shape, curve, empty_chart, level
from simulator.report.wording import number
from simulator.stress.answer import Answer
from simulator.stress.break_even import grows_by_factor
from simulator.stress.estimate import Estimate
from simulator.stress.judge import Judged
from simulator.stress.neighbours import Grid
from simulator.stress.wording import (
    interval,
    labels,
    metric_title,
    scale,
    setting,
    settings,
    statistic_name,
    within,
)

_LIMITS = {
    "value": Key("limit, by the estimate", "line", "lowest"),
    "low": Key("by the lower bound", "dot", "lowest"),
    "high": Key("by the upper bound", "dash", "lowest"),
}
_PURE = ("ratio", "count", "flag", "share")  # units that say nothing behind a number
_MOST_KEYS = 4  # that each get a chart of marks where points are no grid


@dataclass(frozen=True)
class Shown:
    """A number that every point has."""

    key: str
    title: str
    unit: str
    factor: float
    of: Callable[[Judged], Estimate]
    words: Callable[[Estimate], str]
    limit: float | None = None


def rule_charts(answer: Answer) -> list[Chart]:
    """Charts of the statistics that rules limit."""
    grid = _grid(answer)
    return [
        chart
        for place, rule in enumerate(answer.rules)
        if not rule.is_parameter
        for chart in _charts(answer, grid, _of_rule(answer, place))
    ]


def metric_charts(answer: Answer) -> list[Chart]:
    """Charts of the means of all metrics that differ from point to point."""
    names = list(answer.design[0].means) if answer.design else []
    differing = [name for name in names if len({point.means[name].value for point in answer.design}) > 1]
    grid = _grid(answer)
    return [chart for name in differing for chart in _charts(answer, grid, _of_metric(name), most=1)]


def _grid(answer: Answer) -> Grid:
    return Grid([point.changes for point in answer.design])


def _of_rule(answer: Answer, place: int) -> Shown:
    rule = answer.rules[place]
    factor, unit = scale(rule)
    return Shown(
        f"rule-{place}",
        statistic_name(rule),
        unit.strip(),
        factor,
        lambda point: point.verdicts[place].estimate,
        lambda found: interval(rule, found),
        rule.limit.value,
    )


def _of_metric(name: str) -> Shown:
    unit = "" if METRICS[name].unit in _PURE else METRICS[name].unit
    return Shown(f"metric-{name}", metric_title(name), unit, 1.0, lambda point: point.means[name], within)


def _charts(answer: Answer, grid: Grid, shown: Shown, most: int = _MOST_KEYS) -> list[Chart]:
    keys = [key for key in grid.keys if len(grid.levels[key]) > 1]
    if all(shown.of(point).value is None for point in answer.design):
        return [empty_chart(shown.key, shown.title, "No run has data for it.")]
    if not keys:
        return []
    if len({(shown.of(p).value, shown.of(p).low, shown.of(p).high) for p in answer.design}) == 1:
        return [empty_chart(shown.key, shown.title, _extremes(answer.design, shown, labels(grid.keys)))]
    if len(keys) == 1 or not grid.full:
        several = len(keys) > 1
        return [_over_one(answer, shown, grid, key, several) for key in _by_influence(answer, shown, grid, keys)[:most]]
    return [_over_two(answer, shown, grid, keys[0], keys[1])]


def _by_influence(answer: Answer, shown: Shown, grid: Grid, keys: list[str]) -> list[str]:
    """Keys by how closely the number goes with each: by rank, the closest first."""
    if len(keys) < 2:
        return keys
    known = [point for point in answer.design if shown.of(point).value is not None]
    values = rankdata([_value(shown.of(point)) for point in known])
    if len(known) < 3 or np.ptp(values) == 0:
        return keys

    def closeness(key: str) -> float:
        places = rankdata([grid.rank(point.changes, key) for point in known])
        return abs(float(np.corrcoef(values, places)[0, 1])) if grid.ordered(key) and np.ptp(places) else 0.0

    return sorted(keys, key=closeness, reverse=True)


# ------------------------------------------------------------------- one key


def _over_one(answer: Answer, shown: Shown, grid: Grid, key: str, several: bool) -> Chart:
    names = labels(grid.keys)
    points = [p for p in answer.design if shown.of(p).value is not None]
    if grid.ordered(key):
        points = sorted(points, key=lambda p: float(p.changes[key]))
    chosen = answer.recommendation.chosen
    traces = [_marks(grid, points, shown, key, names, several)]
    keys = [Key("points" if several else "estimate", "circle", "market")]
    if chosen in points:
        traces.append(_chosen([_place(grid, key, chosen)], [shown.factor * _value(shown.of(chosen))]))
        keys.append(Key("recommended", "diamond", "oracle"))
    shapes: tuple[Shape, ...] = ()
    if shown.limit is not None:
        shapes = (level(shown.factor * shown.limit, "limit"),)
        keys.append(Key("limit", "dash", "limit"))
    return Chart(
        key=f"{shown.key}-{grid.keys.index(key)}" if several else shown.key,
        title=f"{shown.title} over {names[key]}",
        summary=_extremes(points, shown, names),
        keys=tuple(keys),
        panels=(Panel(f"{shown.title}{f', {shown.unit}' if shown.unit else ''}", 1.0, {"hoverformat": ".4~r"}),),
        traces=tuple(traces),
        shapes=shapes,
        hover="closest",
        across=_across(grid, key, names),
    )


def _marks(
    grid: Grid, points: Sequence[Judged], shown: Shown, key: str, names: dict[str, str], several: bool
) -> dict[str, Any]:
    found = [shown.of(point) for point in points]
    values = [shown.factor * _value(each) for each in found]
    return curve(
        "points",
        [_place(grid, key, point) for point in points],
        values,
        "market",
        labels=[f"{settings(p.changes, names)}<br>{shown.words(e)}" for p, e in zip(points, found, strict=True)],
        low=[value if e.low is None else shown.factor * e.low for e, value in zip(found, values, strict=True)],
        high=[value if e.high is None else shown.factor * e.high for e, value in zip(found, values, strict=True)],
        mode="markers" if several else "lines+markers",
        hover="",
    )


def _across(grid: Grid, key: str, names: dict[str, str]) -> dict[str, Any]:
    axis: dict[str, Any] = {"title": {"text": names[key]}, "showgrid": True, "hoverformat": ".6~r"}
    if not grid.ordered(key):
        return {**axis, "type": "category"}
    levels = [float(each) for each in grid.levels[key]]
    return {**axis, "type": "log" if grows_by_factor(levels) else "linear"}


def _place(grid: Grid, key: str, point: Judged) -> Any:
    return point.changes[key] if grid.ordered(key) else setting(point.changes[key])


# ------------------------------------------------------------------ two keys


def _over_two(answer: Answer, shown: Shown, grid: Grid, across: str, up: str) -> Chart:
    names = labels(grid.keys)
    base = answer.recommendation.looked_at or answer.design[0]
    others = {key: base.changes[key] for key in grid.keys if key not in (across, up)}
    slice_ = [p for p in answer.design if all(p.changes[key] == value for key, value in others.items())]
    at = {(p.changes[across], p.changes[up]): shown.of(p) for p in slice_}
    columns, rows = grid.levels[across], grid.levels[up]
    cells = [[at[column, row] for column in columns] for row in rows]
    x, y = [setting(value) for value in columns], [setting(value) for value in rows]
    traces = [_map(cells, x, y, shown, names[across], names[up])]
    keys = []
    if shown.limit is not None:
        limits = _contours(cells, x, y, shown)
        traces += limits.values()
        keys = [key for name, key in _LIMITS.items() if name in limits]
    chosen = answer.recommendation.chosen
    if chosen in slice_:
        traces.append(_chosen([setting(chosen.changes[across])], [setting(chosen.changes[up])]))
        keys.append(Key("recommended", "diamond", "oracle"))
    held = f" {settings(others, names)} throughout." if others else ""
    return Chart(
        key=shown.key,
        title=f"{shown.title} over {names[across]} and {names[up]}",
        summary=_extremes(slice_, shown, names) + held,
        keys=tuple(keys),
        panels=(Panel(names[up], 1.0, {"type": "category", "categoryorder": "array", "categoryarray": y}),),
        traces=tuple(traces),
        hover="closest",
        across={"type": "category", "categoryorder": "array", "categoryarray": x, "title": {"text": names[across]}},
    )


def _map(
    cells: Sequence[Sequence[Estimate]], x: list[str], y: list[str], shown: Shown, across: str, up: str
) -> dict[str, Any]:
    text = [
        [f"{across} {column}, {up} {row}<br>{shown.words(cell)}" for column, cell in zip(x, line, strict=True)]
        for row, line in zip(y, cells, strict=True)
    ]
    return {
        "type": "heatmap", "x": x, "y": y, "z": _values(cells, "value", shown.factor), "text": text,
        "hovertemplate": "%{text}<extra></extra>", "hoverongaps": False, "xgap": 1, "ygap": 1,
        "colorscale": [[0, "@heat-low"], [0.5, "@heat-middle"], [1, "@heat-high"]],
        "colorbar": {"thickness": 10, "outlinewidth": 0, "tickfont": {"color": "@soft"}, "len": 1, "xpad": 4,
                     "title": {"text": shown.unit, "font": {"color": "@soft"}}},
    }  # fmt: skip


def _contours(
    cells: Sequence[Sequence[Estimate]], x: list[str], y: list[str], shown: Shown
) -> dict[str, dict[str, Any]]:
    assert shown.limit is not None
    at = shown.factor * shown.limit
    found = {}
    for bound, width, dash in (("value", 2.5, "solid"), ("low", 1.5, "dot"), ("high", 1.5, "dash")):
        z = _values(cells, bound, shown.factor)
        known = [value for line in z for value in line if value is not None]
        if known and min(known) <= at <= max(known):
            found[bound] = {
                "type": "contour", "x": x, "y": y, "z": z, "showscale": False, "hoverinfo": "skip",
                "autocontour": False, "contours": {"start": at, "end": at, "size": 1, "coloring": "none"},
                "line": {"color": "@lowest", "width": width, "dash": dash, "smoothing": 0}, "connectgaps": False,
            }  # fmt: skip
    return found


def _values(cells: Sequence[Sequence[Estimate]], name: str, factor: float) -> list[list[float | None]]:
    found = [[getattr(cell, name) for cell in line] for line in cells]
    return [[None if value is None else float(f"{factor * value:.6g}") for value in line] for line in found]


# ---------------------------------------------------------------------- both


def _chosen(x: list[Any], y: list[Any]) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "markers", "name": "recommended", "x": x, "y": y, "hoverinfo": "skip",
        "marker": {"color": "@oracle", "size": 13, "symbol": "diamond", "line": {"color": "@card", "width": 1.5}},
    }  # fmt: skip


def _value(found: Estimate) -> float:
    return float("nan") if found.value is None else found.value


def _extremes(points: Sequence[Judged], shown: Shown, names: dict[str, str]) -> str:
    known = [point for point in points if shown.of(point).value is not None]
    if not known:
        return "No run has data for it."
    least, most = (fold(known, key=lambda p: _value(shown.of(p))) for fold in (min, max))
    unit = f" {shown.unit}" if shown.unit else ""
    if _value(shown.of(least)) == _value(shown.of(most)):
        return f"It is {number(shown.factor * _value(shown.of(least)), 4)}{unit} at every point."
    missing = len(points) - len(known)
    gaps = f" {missing:,} of {len(points):,} points have no data." if missing else ""
    return (
        f"Least {number(shown.factor * _value(shown.of(least)), 4)}{unit} ({settings(least.changes, names)}), greatest "
        f"{number(shown.factor * _value(shown.of(most)), 4)}{unit} ({settings(most.changes, names)}).{gaps}"
    )
