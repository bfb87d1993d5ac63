"""What a worker does: one run, wherever it is, from a task that says everything.

The deployed state is made anew for every run. It depends on the seed: accounts are hashes of the seed and a name, and
addresses follow from them. So only the runs of several points at one seed could share it, and only where no point
changes what is deployed or who owns it. There, forking a process with a deployed world gave the same digest and saved
4 % of the processor time (a day of `calm`, 200 positions, medians of 5 in turn: 1.21 s against 1.26 s of which set-up
is .13 s; the copied pages cost most of what is saved). A scenario is read once for each point by each worker.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from simulator.collector import set_aside_for_good
from simulator.errors import ConfigError, WavetankError

if TYPE_CHECKING:
    from simulator.scenario import Scenario

COMPLETE, FAILED = "complete", "failed"
MOST_DEATHS = 2  # of workers, before a run counts as failed
DIED = f"its worker died {MOST_DEATHS} times"
Versions = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Task:
    """One run of one point."""

    point: int
    seed: int
    source: str = field(compare=False)  # the scenario: a shipped name or a path
    changes: Mapping[str, Any] = field(compare=False)
    gas: str | None = field(compare=False)
    fingerprint: str = field(compare=False)  # of the scenario as it must be there


class Outcome(NamedTuple):
    """What became of a run. The metrics are in the order of the registry, NaN for null."""

    status: str
    fault: str
    digest: str
    metrics: tuple[float, ...]
    weight: float = 1.0


class Answer(NamedTuple):
    """An outcome, and what the numbers of the worker that found it depend on."""

    outcome: Outcome
    versions: Versions


def perform(task: Task) -> Answer:
    """Run a task. Raises ConfigError where this worker has another scenario than the one that was planned."""
    answer = Answer(_run(_scenario(task), task), dependencies())
    set_aside_for_good()
    return answer


def failure(fault: str) -> Outcome:
    """A run that has no metrics."""
    from simulator.metrics import METRICS

    return Outcome(FAILED, fault, "", (float("nan"),) * len(METRICS))


def _run(scenario: "Scenario", task: Task) -> Outcome:
    from simulator.results import run_scenario
    from simulator.stress.importance import run_weight

    try:
        result = run_scenario(scenario, seed=task.seed, gas=task.gas)
    except WavetankError as error:
        return failure(str(error))
    except Exception as error:  # a fault of ours costs this run, is shown, and does not end a sweep of thousands
        return failure(f"internal error: {type(error).__name__}: {error}")
    if result.exit_code:
        return failure(str(result.fault or "interrupted"))
    found = tuple(float("nan") if v is None else float(v) for v in result.metrics.values())
    return Outcome(COMPLETE, "", result.digest, found, run_weight(scenario, task.seed))


_read: dict[str, "Scenario"] = {}  # by fingerprint: a worker reads the scenario of a point once
_MOST_READ = 256


def _scenario(task: Task) -> "Scenario":
    from simulator.scenario import import_user_code, load_scenario

    if task.fingerprint not in _read:
        scenario = import_user_code(load_scenario(task.source, task.changes))
        if fingerprint(scenario) != task.fingerprint:
            raise ConfigError(
                "a worker reads another scenario there", where=task.source, mend="give every worker the same file"
            )
        if len(_read) >= _MOST_READ:
            _read.clear()
        _read[task.fingerprint] = scenario
    return _read[task.fingerprint]


def fingerprint(scenario: "Scenario") -> str:
    """A hash of a scenario with all its defaults."""
    return hashlib.sha256(json.dumps(scenario.resolved, sort_keys=True).encode()).hexdigest()


@cache
def dependencies() -> Versions:
    """What the numbers of this process depend on."""
    from simulator.manifest import versions
    from simulator.metrics import METRICS

    return (*versions().items(), ("metrics", str(len(METRICS))))
