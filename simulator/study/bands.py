"""What does it cost to hold a vault closer to its target? Rebalance bands of delta, and fixed times, side by side."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from simulator.report.chart import Chart, Key, Panel, curve, empty_chart
from simulator.report.wording import number
from simulator.study.design import Figure, Point, Row, Study, Summary, summarise, vault_table

if TYPE_CHECKING:
    from simulator.results import RunResult
    from simulator.scenario import Scenario

_BANDS = (0.0025, 0.005, 0.01, 0.02, 0.04, 0.08)  # of net assets
_HOURS = (0.5, 1.0, 2.0, 4.0, 8.0, 24.0)
_WIDEST = 1.0  # a band that is never left
_SERIES = {"to the target": "target", "to the edge": "edge"}
_TIMED = "at fixed times"
_COLOURS = {"to the target": "market", "to the edge": "pool", _TIMED: "oracle"}
_SYMBOLS = {"to the target": "circle", "to the edge": "diamond", _TIMED: "square"}
TRACKING, COST = "tracking_error", "cost_bp_a_year"
_FIGURES = (TRACKING, COST)


def _points(scenario: "Scenario") -> list[Point]:
    vault = vault_table(scenario)
    quick = {f"{vault}.execution.cooldown_minutes": 0.0, f"{vault}.triggers.price_move": 0.0}
    points = [
        Point(
            series,
            f"band {100 * band:g} %",
            band,
            quick
            | {
                f"{vault}.triggers.band": band,
                f"{vault}.triggers.interval_hours": 0.0,
                f"{vault}.execution.rebalance_to": to,
            },
        )
        for series, to in _SERIES.items()
        for band in _BANDS
    ]
    return points + [
        Point(
            _TIMED,
            f"every {hours:g} h",
            hours,
            quick | {f"{vault}.triggers.band": _WIDEST, f"{vault}.triggers.interval_hours": hours},
        )
        for hours in _HOURS
    ]


def _tracking(result: "RunResult") -> Figure:
    return result.metrics[TRACKING]  # type: ignore[no-any-return]


def _cost(result: "RunResult") -> Figure:
    """What rebalances cost over mean net assets [bp a year]."""
    rows = result.measures
    nav = rows[rows["name"] == "nav_usd"]["value"].astype(float)
    cost, hours = result.metrics["rebalance_cost_usd"], _hours(result)
    return None if cost is None or nav.empty or not hours else 1e4 * cost / float(nav.mean()) * 8760 / hours


def _hours(result: "RunResult") -> float:
    world: dict[str, Any] = result.manifest["scenario"]["world"]
    return float(world["hours"])


def _charts(rows: Sequence[Row]) -> list[Chart]:
    found = [s for s in summarise(rows, _FIGURES) if s.mean[TRACKING] is not None and s.mean[COST] is not None]
    if not found:
        return [empty_chart("frontier", _TITLE, "No run had both a tracking error and a cost.")]
    series = [name for name in (*_SERIES, _TIMED) if any(s.point.series == name for s in found)]
    traces = [_curve(name, [s for s in found if s.point.series == name]) for name in series]
    return [
        Chart(
            key="frontier",
            title=_TITLE,
            summary=_words(found),
            keys=tuple(Key(name, "line", _COLOURS[name], name) for name in series),
            panels=(Panel("Cost of rebalancing, bp of net assets a year", 1.0, {"rangemode": "tozero"}),),
            traces=tuple(traces),
            hover="closest",
            across={"type": "linear", "rangemode": "tozero", "showgrid": True, "hoverformat": ".3~r",
                    "title": {"text": "Tracking error, % a year"}},
        )
    ]  # fmt: skip


def _curve(name: str, points: Sequence[Summary]) -> dict[str, Any]:
    ordered = sorted(points, key=lambda s: s.point.place)
    costs = [_known(s.mean[COST]) for s in ordered]
    return curve(
        name,
        [100 * _known(s.mean[TRACKING]) for s in ordered],
        costs,
        _COLOURS[name],
        labels=[s.point.label for s in ordered],
        low=[_known(s.low[COST]) for s in ordered],
        high=[_known(s.high[COST]) for s in ordered],
        symbol=_SYMBOLS[name],
        hover="tracking %{x:.3~r} % a year, cost %{y:,.3~r} bp a year",
    )


def _known(value: Figure) -> float:
    return float("nan") if value is None else value


def _words(found: Sequence[Summary]) -> str:
    cheapest = min(found, key=lambda s: _known(s.mean[COST]))
    closest = min(found, key=lambda s: _known(s.mean[TRACKING]))
    return (
        f"Closest to its target is {_named(closest)}: {number(100 * _known(closest.mean[TRACKING]))} % a year for "
        f"{number(_known(closest.mean[COST]))} bp. Cheapest is {_named(cheapest)}: "
        f"{number(100 * _known(cheapest.mean[TRACKING]))} % for {number(_known(cheapest.mean[COST]))} bp. Marks are "
        "means over seeds, bars reach from the least to the greatest cost; a curve that lies lower and further left is "
        "better."
    )


def _named(summary: Summary) -> str:
    point = summary.point
    return point.label if point.series == _TIMED else f"{point.label} {point.series}"


_TITLE = "Cost against tracking error"

BANDS = Study(
    name="bands",
    title="Rebalance bands",
    question="What does it cost to hold the vault closer to its target, by bands of delta and by fixed times?",
    seeds=3,
    figures={TRACKING: _tracking, COST: _cost},
    points=_points,
    charts=_charts,
)
