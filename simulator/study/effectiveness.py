"""How much of the asset's risk does the hedge take away, in calm and in storms?"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from simulator.report.chart import Chart, Key, Panel, curve, empty_chart, level
from simulator.report.wording import number
from simulator.study.design import Figure, Point, Row, Study, Summary, summarise, vault_table

if TYPE_CHECKING:
    from simulator.results import RunResult
    from simulator.scenario import Scenario

EFFECTIVENESS = "hedge_effectiveness"
_NEED = {"calm": 0.9, "storm": 0.7}  # gates of an audit by default
_COLOURS = {"calm": "pool", "storm": "market"}
_SYMBOLS = {"calm": "diamond", "storm": "circle"}
_TITLE = "Hedge effectiveness by scenario"


def _points(scenario: "Scenario") -> list[Point]:
    """The scenario as it is, and every shipped one whose vault has the same strategy as it is shipped."""
    from simulator.scenario.files import shipped
    from simulator.scenario.load import load_scenario

    strategy = scenario.resolved[vault_table(scenario)]["strategy"]
    points = [Point(_weather(scenario.name), scenario.name, 0.0)]
    for name in shipped():
        if name != scenario.name and strategy in _strategies(load_scenario(name)):
            points.append(Point(_weather(name), name, len(points), scenario=name))
    return points


def _weather(name: str) -> str:
    return "calm" if "calm" in name else "storm"


def _strategies(scenario: "Scenario") -> set[str]:
    tables = (table for table in scenario.resolved.values() if isinstance(table, Mapping))
    return {table["strategy"] for table in tables if table.get("protocol") == "vault"}


def _effectiveness(result: "RunResult") -> Figure:
    return result.metrics[EFFECTIVENESS]  # type: ignore[no-any-return]


def _charts(rows: Sequence[Row]) -> list[Chart]:
    found = [s for s in summarise(rows, [EFFECTIVENESS]) if s.mean[EFFECTIVENESS] is not None]
    if not found:
        return [empty_chart("effectiveness", _TITLE, "No run had a hedge whose effectiveness could be told.")]
    names = [s.point.label for s in found]
    lowest = min(_value(s, "low") for s in found)
    return [
        Chart(
            key="effectiveness",
            title=_TITLE,
            summary=_words(found),
            keys=(
                *(Key(name, "diamond" if name == "calm" else "circle", _COLOURS[name], name) for name in _NEED),
                *(Key(f"asked for in {name}", "dash", _COLOURS[name]) for name in _NEED),
            ),
            panels=(Panel("1 − Var(hedged) / Var(unhedged)", 1.0, {"range": [min(lowest - 0.05, 0.6), 1.02]}),),
            traces=tuple(_marks(name, [s for s in found if s.point.series == name]) for name in _NEED),
            shapes=tuple(level(need, _COLOURS[name]) for name, need in _NEED.items()),
            hover="closest",
            across={"type": "category", "categoryorder": "array", "categoryarray": names, "hoverformat": ""},
        )
    ]


def _marks(name: str, points: Sequence[Summary]) -> dict[str, object]:
    return curve(
        name,
        [s.point.label for s in points],
        [_value(s, "mean") for s in points],
        _COLOURS[name],
        low=[_value(s, "low") for s in points],
        high=[_value(s, "high") for s in points],
        mode="markers",
        symbol=_SYMBOLS[name],
        hover="%{x}: %{y:.4~f}",
    )


def _value(summary: Summary, which: str) -> float:
    value = getattr(summary, which)[EFFECTIVENESS]
    return float("nan") if value is None else float(value)


def _words(found: Sequence[Summary]) -> str:
    worst = min(found, key=lambda s: _value(s, "mean"))
    short = [s.point.label for s in found if _value(s, "mean") < _NEED[s.point.series]]
    tail = f"Below what is asked for: {', '.join(short)}." if short else "Each is above what is asked for."
    return (
        f"Lowest in {worst.point.label}, {number(_value(worst, 'mean'))} on average. {tail} Asked for are "
        f"{_NEED['calm']:g} in calm and {_NEED['storm']:g} in storms; bars reach from the least to the greatest seed."
    )


EFFECTIVENESS_STUDY = Study(
    name="effectiveness",
    title="Hedge effectiveness",
    question="How much of the asset's risk does the hedge take away, here and in other scenarios of the strategy?",
    seeds=3,
    figures={EFFECTIVENESS: _effectiveness},
    points=_points,
    charts=_charts,
)
