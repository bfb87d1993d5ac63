"""What a study is: the points at which a scenario is run, what is read off each run, and the charts of the answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any

from simulator.errors import ConfigError
from simulator.report.chart import Chart

if TYPE_CHECKING:
    from simulator.results import RunResult
    from simulator.scenario import Scenario

Figure = float | None


@dataclass(frozen=True)
class Point:
    """One setting of a scenario, run at every seed."""

    series: str  # the curve it lies on
    label: str
    place: float  # along the curve
    changes: Mapping[str, Any] = field(default_factory=dict)
    scenario: str = ""  # another than the one that is studied


@dataclass(frozen=True)
class Row:
    """One run of a point. Figures are None where the run has no data for them."""

    point: Point
    seed: int
    digest: str
    figures: Mapping[str, Figure]
    fault: str = ""  # what ended it early; its figures do not count


@dataclass(frozen=True)
class Study:
    """A question and how it is answered."""

    name: str
    title: str
    question: str
    seeds: int  # runs of each point, with seeds that follow each other
    figures: Mapping[str, Callable[["RunResult"], Figure]]  # by name, with the unit in it
    points: Callable[["Scenario"], list[Point]]
    charts: Callable[[Sequence[Row]], list[Chart]]


@dataclass(frozen=True)
class Summary:
    """The runs of one point together."""

    point: Point
    runs: int
    faults: int
    mean: Mapping[str, Figure]
    low: Mapping[str, Figure]
    high: Mapping[str, Figure]


def summarise(rows: Sequence[Row], figures: Sequence[str]) -> list[Summary]:
    """A summary of each point, in their order; a figure that no run has is None."""
    by_point: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        by_point.setdefault((row.point.series, row.point.label), []).append(row)
    return [_summary(members, figures) for members in by_point.values()]


def _summary(rows: Sequence[Row], figures: Sequence[str]) -> Summary:
    sound = [row for row in rows if not row.fault]
    known = {name: [v for row in sound if (v := row.figures[name]) is not None] for name in figures}

    def each(fold: Callable[[list[float]], float]) -> dict[str, Figure]:
        return {name: fold(values) if values else None for name, values in known.items()}

    return Summary(rows[0].point, len(sound), len(rows) - len(sound), each(fmean), each(min), each(max))


def vault_table(scenario: "Scenario") -> str:
    """The id of the scenario's first vault. Raises ConfigError where it has none."""
    for id, settings in scenario.resolved.items():
        if isinstance(settings, Mapping) and settings.get("protocol") == "vault":
            return id
    raise ConfigError(
        "there is no vault in it to study",
        where=scenario.name,
        mend="name a scenario with a table whose protocol is vault, such as whipsaw",
    )


def keeper_table(scenario: "Scenario") -> str:
    """The id of the agents who rebalance. Raises ConfigError where there are none."""
    for id, settings in scenario.resolved.items():
        if isinstance(settings, Mapping) and settings.get("agent") == "hedge-keeper":
            return id
    raise ConfigError("nobody rebalances in it", where=scenario.name, mend='add a table with agent = "hedge-keeper"')
