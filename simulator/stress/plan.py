"""Everything that the runs of a sweep depend on, checked before the first of them."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from simulator.errors import ConfigError
from simulator.manifest import versions
from simulator.metrics import METRICS
from simulator.scenario import Scenario, import_user_code, load_scenario
from simulator.scenario.files import shipped
from simulator.scenario.overrides import parse_key
from simulator.scenario.problems import lookup
from simulator.stress.settings import StressSettings
from simulator.stress.space import Dimension, Point, dimensions_of, make_points, with_whole_numbers
from simulator.stress.work import Task, fingerprint

BATCH = 50  # seeds between two looks at whether a point has runs enough: fixed, so that every executor stops alike


@dataclass(frozen=True)
class Plan:
    """The runs of a sweep: every point at the same seeds, which follow each other from `seed` on."""

    scenario: Scenario  # without the changes of any point
    gas: str | None
    seed: int
    settings: StressSettings
    dimensions: tuple[Dimension, ...]
    points: tuple[Point, ...]
    prints: tuple[str, ...]  # of the scenario at each point
    batch: int
    drawn: Mapping[str, Any] | None = None  # how rare losses are made common, of which the scenario has the keys

    @property
    def seeds(self) -> int:
        """Runs of each point, at most."""
        return self.settings.seeds

    @property
    def reckoned(self) -> int:
        """Runs of a point to reckon with before it is known to have enough."""
        return self.seeds

    def batch_end(self, start: int) -> int:
        """Where a batch that begins at a seed of a number ends."""
        return min(self.seeds, start + self.batch)

    @property
    def varied(self) -> tuple[str, ...]:
        """The keys that differ from point to point."""
        return tuple(each.key for each in self.dimensions)

    def task(self, point: int, index: int) -> Task:
        """The run of a point at its seed of a number, from 0 on."""
        changes = {**self.scenario.changes, **self.points[point].changes}
        return Task(point, self.seed + index, self.source, changes, self.gas, self.prints[point])

    @cached_property
    def source(self) -> str:
        """What a worker loads, wherever it runs: the name of a shipped scenario, or a whole path."""
        return source_of(self.scenario)

    def identity(self) -> dict[str, Any]:
        """Plain JSON data that two plans have alike exactly if their runs are the same."""
        scenario = {key: value for key, value in self.scenario.resolved.items() if key != "stress"}
        return {
            "scenario": scenario,
            "files": file_hashes(self.scenario),
            "gas": self.gas or "exact",
            "seed": self.seed,
            "seeds": self.seeds,
            "until": self.settings.until,
            "batch": self.batch,
            "points": [point.changes for point in self.points],
            "drawn": self.drawn,
            "metrics": list(METRICS),
            "versions": versions(),
        }


def source_of(scenario: Scenario) -> str:
    """The name of a shipped scenario, or the whole path of a file."""
    return scenario.name if scenario.source in shipped().values() else str(scenario.source.resolve())


def make_plan(scenario: Scenario, settings: StressSettings, *, seed: int, gas: str | None = None) -> Plan:
    """The plan of a sweep of a loaded scenario. Raises ConfigError where any of its points cannot run."""
    source = source_of(scenario)
    dimensions = tuple(
        with_whole_numbers(each, _takes_whole_numbers_only(scenario, source, each))
        for each in dimensions_of(settings.vary)
    )
    points = make_points(dimensions, settings.sampling, settings.points, seed)
    prints = tuple(fingerprint(_at(scenario, source, point.changes)) for point in points)
    return Plan(scenario, gas, seed, settings, dimensions, points, prints, BATCH)


def changed(plan: Plan, changes: Mapping[str, Any]) -> Scenario:
    """The scenario of a plan with changes. Raises ConfigError where it cannot run so."""
    return _at(plan.scenario, plan.source, changes)


def drawn_by(plan: Plan, drawn: Mapping[str, Any]) -> Plan:
    """The plan with its jumps drawn by `changes` of `drawn`."""
    scenario = changed(plan, drawn["changes"])
    return replace(make_plan(scenario, plan.settings, seed=plan.seed, gas=plan.gas), drawn=drawn)


def with_points(plan: Plan, points: Sequence[Point]) -> Plan:
    """The plan with other points. Raises ConfigError where one of them cannot run."""
    prints = tuple(fingerprint(_at(plan.scenario, plan.source, point.changes)) for point in points)
    return replace(plan, points=tuple(points), prints=prints)


def _at(scenario: Scenario, source: str, changes: Mapping[str, Any]) -> Scenario:
    """The scenario with the changes of a point. Its faults are those of what is varied, and say so."""
    try:
        return import_user_code(load_scenario(source, {**scenario.changes, **changes}))
    except ConfigError as error:
        raise ConfigError(error.what, where="--vary", mend=error.mend) from None


def _takes_whole_numbers_only(scenario: Scenario, source: str, dimension: Dimension) -> bool:
    """Whether a key refuses fractions: as its value tells, or where it has none, whether it takes one."""
    if dimension.choices:
        return False
    value = lookup(scenario.resolved, parse_key(dimension.key))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return isinstance(value, int)
    try:
        _at(scenario, source, {dimension.key: dimension.low + 0.5 * min(1, dimension.high - dimension.low)})
    except ConfigError:
        return True  # or it takes no numbers at all, which the points will tell
    return False


def file_hashes(scenario: Scenario) -> dict[str, str]:
    """Hashes of the files that a scenario names: price histories, deployments, a user's own code."""
    folder = scenario.source.parent
    files = sorted(set(_named_files(scenario.resolved)))
    found = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files if _is_file(folder / name)
    }
    return found | {code.name: code.sha256 for code in scenario.user_code}


def _named_files(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in {"csv", "deployment"} and isinstance(item, str) and item:
                yield item
            else:
                yield from _named_files(item)


def _is_file(path: Path) -> bool:
    return path.is_file()


def digest_of(data: Any) -> str:
    """A hash of plain JSON data."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
