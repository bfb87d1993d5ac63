"""Metrics by name: each is one function of what was observed, with its unit, its worse direction and its source."""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

from simulator.metrics.observations import Observations
from simulator.tables import Tables

Worse = Literal["higher", "lower"]
Value = float | int | None
Function = Callable[[Observations], Value]
OURS = "Wavetank"


@dataclass(frozen=True)
class Metric:
    """A named number of a run. `worse` is None where neither direction is."""

    name: str
    unit: str
    worse: Worse | None
    definition: str  # a sentence or two
    source: str  # who defined it
    function: Function

    @property
    def description(self) -> str:
        """The definition with its source where it is not ours."""
        return self.definition if self.source == OURS else f"{self.definition} Source: {self.source}."


METRICS: dict[str, Metric] = {}


def metric(unit: str, worse: Worse | None, source: str = OURS) -> Callable[[Function], Function]:
    """Register a function as the metric of its name; its docstring is the definition.

    The function gives None where a run has no data for it: no data is never a pass.
    """

    def register(function: Function) -> Function:
        if not function.__doc__:
            raise ValueError(f"the metric {function.__name__} has no definition")
        definition = " ".join(function.__doc__.split())
        METRICS[function.__name__] = Metric(function.__name__, unit, worse, definition, source, function)
        return function

    return register


def compute(tables: Tables, names: Collection[str] | None = None) -> dict[str, Value]:
    """Every registered metric of a run, or those of `names`; None where it does not apply."""
    seen = Observations(tables)
    wanted = METRICS if names is None else {name: METRICS[name] for name in names}
    return {name: _plain(each.function(seen)) for name, each in wanted.items()}


def describe() -> list[dict[str, str | None]]:
    """A row for each metric: name, unit, worse, description."""
    return [
        {"name": each.name, "unit": each.unit, "worse": each.worse, "description": each.description}
        for each in METRICS.values()
    ]


def _plain(value: Value) -> Value:
    """A Python number for JSON; None for one that is not finite."""
    if value is None or isinstance(value, int):
        return value
    return float(value) if math.isfinite(value) else None
