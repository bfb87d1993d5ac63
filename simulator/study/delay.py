"""How long does a vault stay outside its bounds before a keeper rebalances it, by the tip?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from simulator.report.chart import Chart, Key, Panel, curve, empty_chart
from simulator.report.wording import duration
from simulator.study.design import Figure, Point, Row, Study, Summary, keeper_table, summarise, vault_table

if TYPE_CHECKING:
    from simulator.results import RunResult
    from simulator.scenario import Scenario

_KEEPERS = (1, 2, 5)
_TIPS = (0.0, 5.0, 10.0, 20.0, 40.0, 80.0)  # [usd]
_COLOURS = ("market", "pool", "oracle")
MEDIAN, LONGEST = "delay_seconds_median", "delay_seconds_max"
_TITLE = "From breach to rebalance"


def _points(scenario: "Scenario") -> list[Point]:
    vault, keepers = vault_table(scenario), keeper_table(scenario)
    return [
        Point(
            _series(count),
            f"tip {tip:g} USD",
            tip,
            {f"{keepers}.count": count, f"{vault}.execution.tip_usd": tip},
        )
        for count in _KEEPERS
        for tip in _TIPS
    ]


def _series(count: int) -> str:
    return f"{count} keeper{'s' if count > 1 else ''}"


def _median(result: "RunResult") -> Figure:
    """Of rebalances that were done [s]."""
    rows = result.measures
    delays = rows[rows["name"] == "rebalance_delay_seconds"]["value"].astype(float)
    return None if delays.empty else float(np.median(delays))


def _longest(result: "RunResult") -> Figure:
    return result.metrics["rebalance_delay_seconds_max"]  # type: ignore[no-any-return]


def _charts(rows: Sequence[Row]) -> list[Chart]:
    found = [s for s in summarise(rows, [MEDIAN, LONGEST]) if s.mean[LONGEST] is not None]
    if not found:
        return [empty_chart("delay", _TITLE, "Nothing was ever due in any run.")]
    names = [name for name in map(_series, _KEEPERS) if any(s.point.series == name for s in found)]
    colours = dict(zip(map(_series, _KEEPERS), _COLOURS, strict=False))
    of = {name: [s for s in found if s.point.series == name] for name in names}
    return [
        Chart(
            key="delay",
            title=_TITLE,
            summary=_words(found),
            keys=tuple(Key(name, "line", colours[name], name) for name in names),
            panels=(
                Panel("Longest, minutes", 0.5, {"rangemode": "tozero"}),
                Panel("Median, minutes", 0.5, {"rangemode": "tozero"}),
            ),
            traces=tuple(
                _curve(name, of[name], figure, colours[name]) | {"yaxis": axis}
                for name in names
                for figure, axis in ((LONGEST, "y"), (MEDIAN, "y2"))
            ),
            hover="closest",
            across={"type": "linear", "hoverformat": ".3~r", "showgrid": True,
                    "title": {"text": "Tip for a rebalance, USD"}},
        )
    ]  # fmt: skip


def _curve(name: str, points: Sequence[Summary], figure: str, colour: str) -> dict[str, object]:
    known = [s for s in points if s.mean[figure] is not None]
    return curve(
        name,
        [s.point.place for s in known],
        [_minutes(s, "mean", figure) for s in known],
        colour,
        low=[_minutes(s, "low", figure) for s in known],
        high=[_minutes(s, "high", figure) for s in known],
        hover="tip %{x:.3~r} USD: %{y:,.3~r} min",
    )


def _minutes(summary: Summary, which: str, figure: str) -> float:
    return float(getattr(summary, which)[figure]) / 60


def _words(found: Sequence[Summary]) -> str:
    def longest(summary: Summary) -> float:
        return 60 * _minutes(summary, "mean", LONGEST)

    worst, best = max(found, key=longest), min(found, key=longest)
    return (
        f"The longest wait of a run is between {duration(longest(best))} ({_named(best)}) and "
        f"{duration(longest(worst))} ({_named(worst)}), means over seeds; bars reach from the least to the greatest."
    )


def _named(summary: Summary) -> str:
    return f"{summary.point.series}, {summary.point.label}"


DELAY = Study(
    name="delay",
    title="Time from breach to rebalance",
    question="How long is the vault outside its bounds before a keeper rebalances it, by the tip?",
    seeds=3,
    figures={MEDIAN: _median, LONGEST: _longest},
    points=_points,
    charts=_charts,
)
