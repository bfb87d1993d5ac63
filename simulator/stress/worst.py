"""The worst paths of a sweep, and the command that makes each again."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from simulator.scenario.overrides import run_command
from simulator.stress.answer import Answer
from simulator.stress.require import Expression, Rule

if TYPE_CHECKING:
    import pandas as pd

    from simulator.scenario import Scenario

SHOWN = 10
_LOSS = Expression("bad_debt_ratio")


@dataclass(frozen=True)
class Path:
    """One run among the worst."""

    point: int
    seed: int
    value: float
    digest: str


def measured(answer: Answer) -> tuple[Expression, bool]:
    """What paths are ordered by, that of the first rule about runs, and whether a higher value is the worse."""
    return next((found for rule in answer.rules if (found := measured_by(rule))), (_LOSS, True))


def measured_by(rule: Rule) -> tuple[Expression, bool] | None:
    """What a rule orders runs by, and whether a higher value is the worse; None of a parameter."""
    if not isinstance(rule.expression, Expression):
        return None
    inner = rule.expression.comparison in ("<", "<=")  # rate(health < 1) <= 1 %: low health is bad
    return Expression(rule.expression.metric, rule.expression.over), (rule.comparison in ("<", "<=")) != inner


def worst_paths(results: "pd.DataFrame", answer: Answer, shown: int = SHOWN) -> list[Path]:
    """The worst complete runs of the chosen or the nearest point, or of all; equals in order of point and seed."""
    expression, high = measured(answer)
    runs = results[results["status"] == "complete"]
    if point := answer.recommendation.looked_at:
        runs = runs[runs["point"] == point.number]
    found = runs.assign(value=expression.values(runs)).dropna(subset="value")
    found = found.sort_values(["value", "point", "seed"], ascending=[not high, True, True])[:shown]
    return [
        Path(int(row["point"]), int(row["seed"]), float(row["value"]), str(row["digest"]))
        for row in found[["point", "seed", "value", "digest"]].to_dict("records")
    ]


def replay_command(scenario: "Scenario", changes: Mapping[str, Any], seed: int, gas: str | None = None) -> str:
    """The command that runs a point of a scenario again, alone, at one seed."""
    there = replace(scenario, changes={**scenario.changes, **changes})
    return shlex.join([*run_command(there, seed), *(["--gas", gas] if gas else [])])
