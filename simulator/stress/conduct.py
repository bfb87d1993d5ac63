"""Run a plan on workers, keep every run as it ends, and say what they found."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from simulator.errors import WavetankError
from simulator.manifest import SCHEMA, versions
from simulator.metrics import METRICS
from simulator.stress.agenda import Agenda, Enough, Schedule
from simulator.stress.executors import Engine, outcomes
from simulator.stress.plan import Plan
from simulator.stress.stopping import is_close, parse_until
from simulator.stress.store import SweepFolder, results_schema
from simulator.stress.work import DIED, FAILED, Outcome, Task

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Progress = Callable[[int, int, int], None]  # runs done, in all, failed
INTERRUPTED, PARTIAL = 130, 3


@dataclass(frozen=True)
class Runs:
    """What a sweep found: the table of results where it is whole, and how it came to its end."""

    folder: SweepFolder
    table: "pa.Table | None"  # None where runs are missing
    done: int
    total: int
    failed: int
    resumed: int
    fault: WavetankError | None = None
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """0 where every run is there and none failed."""
        if self.interrupted:
            return INTERRUPTED
        return PARTIAL if self.table is None or self.failed else 0

    def frame(self) -> "pd.DataFrame":
        """The results as DataFrame: one row a run, sorted by point and seed."""
        if self.table is None:
            raise ValueError("runs are missing")
        frame: pd.DataFrame = self.table.to_pandas()
        return frame


def conduct(
    plan: Plan,
    engine: Callable[[], AbstractContextManager[Engine]],
    out: Path,
    *,
    resume: bool = False,
    progress: Progress | None = None,
) -> Runs:
    """Make the runs of a plan that `out` does not have yet.

    Ctrl-C and a cluster that is gone keep what was done; `--resume` continues there. Raises ConfigError before
    anything runs.
    """
    rule = parse_until(plan.settings.until, plan.seeds) if plan.settings.until else None
    read = (*rule.metrics, "weight") if rule else ()
    folder = SweepFolder(out, plan.identity(), results_schema(plan.dimensions, plan.points), resume=resume)
    return make_runs(plan, engine, folder, is_close(rule) if rule else None, read, progress)


def make_runs(
    plan: Schedule,
    engine: Callable[[], AbstractContextManager[Engine]],
    folder: SweepFolder,
    enough: Enough | None = None,
    read: tuple[str, ...] = (),
    progress: Progress | None = None,
) -> Runs:
    """The runs of a plan that its folder does not have yet, until each point has enough.

    `read` are the columns that `enough` looks at: metrics, weight, and `failed`, which is 1 of a run that failed.
    """
    sweep = _Sweep(plan, folder, Agenda(plan, enough, read), read, progress)
    sweep.take_up()
    return sweep.finish(*sweep.run(engine))


class _Sweep:
    """The runs of one plan on their way into a folder."""

    def __init__(
        self, plan: Schedule, folder: SweepFolder, agenda: Agenda, read: Sequence[str], progress: Progress | None
    ) -> None:
        self._plan, self._folder, self._agenda, self._read, self._progress = plan, folder, agenda, read, progress
        self._failed = self._resumed = 0

    def take_up(self) -> None:
        """Note what a former sweep left; a run whose worker died is made again."""
        dead = []
        kept = [name for name in self._read if name != "failed"]
        for batch in self._folder.rows(["point", "seed", "status", "fault"]):
            dead += [(row["point"], row["seed"]) for row in batch.filter(pc.equal(batch["fault"], DIED)).to_pylist()]
        if dead:
            self._folder.forget(dead)
        for batch in self._folder.rows(["point", "seed", "status", *kept]):
            for row in batch.to_pylist():
                before, failed = self._agenda.done, row["status"] == FAILED
                self._agenda.note(row["point"], row["seed"], {**row, "failed": float(failed)})
                self._failed += failed and self._agenda.done > before
        self._resumed = self._agenda.done
        self._agenda.begin()

    def run(self, engine: Callable[[], AbstractContextManager[Engine]]) -> tuple[WavetankError | None, bool]:
        """Every run that is left: what ended it early, and whether that was Ctrl-C."""
        self._tell()
        if self._agenda.done == self._agenda.total:
            return None, False
        try:
            with engine() as opened:
                for task, outcome in outcomes(opened, self._agenda.next):
                    self._keep(task, outcome)
        except KeyboardInterrupt:
            return None, True
        except WavetankError as fault:
            if fault.exit_code == 2 and self._agenda.done == 0:
                raise
            return fault, False
        return None, False

    def _keep(self, task: Task, outcome: Outcome) -> None:
        try:
            self._folder.keep(task, self._plan.points[task.point].changes, outcome)
        except OSError as error:  # a disk that is full, above all
            raise _unwritten(error, self._folder.out) from error
        rest = {"weight": outcome.weight, "failed": float(outcome.status == FAILED)}
        known = {**dict(zip(METRICS, outcome.metrics, strict=True)), **rest}
        self._agenda.note(task.point, task.seed, {name: known[name] for name in self._read})
        self._failed += outcome.status == FAILED
        self._tell()

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self._agenda.done, self._agenda.total, self._failed)

    def finish(self, fault: WavetankError | None, interrupted: bool) -> Runs:
        """Write the results where all are there."""
        done, total, table = self._agenda.done, self._agenda.total, None
        if done == total:
            try:
                table = self._folder.write_results()
            except OSError as error:
                fault = _unwritten(error, self._folder.out)
        return Runs(self._folder, table, done, total, self._failed, self._resumed, fault, interrupted)


def document(plan: Plan, runs: Runs, found: Mapping[str, Any]) -> dict[str, Any]:
    """What `--json` prints: the plan, what became of its runs, and of the answer what was found."""
    digests = runs.table["digest"].to_pylist() if runs.table is not None else []
    whole = runs.table is not None and not runs.failed
    settings = plan.settings
    return {
        "schema": SCHEMA,
        "scenario": {key: value for key, value in plan.scenario.resolved.items() if key != "stress"},
        "chain": {"name": "revm", "gas": plan.gas or "exact"},
        "seed": plan.seed,
        "seeds": plan.seeds,
        "vary": {key: what if isinstance(what, str) else list(what) for key, what in settings.vary.items()},
        "sampling": settings.sampling,
        "require": list(settings.require),
        "until": settings.until,
        "drawn": plan.drawn,
        "status": "complete" if whole else "partial",
        "digest": sha256("".join(digests).encode()).hexdigest(),
        "runs_total": runs.total,
        "runs_done": runs.done,
        "runs_failed": runs.failed,
        "runs_resumed": runs.resumed,
        "faults": faults(runs),
        "recommendation": None,
        "points": [{"point": point.number, "changes": point.changes} for point in plan.points],
        "sensitivity": None,
        "versions": versions(),
        **found,
        **({"fault": runs.fault.as_dict()} if runs.fault else {}),
    }


def _unwritten(error: OSError, out: Path) -> WavetankError:
    return WavetankError(
        f"cannot be written: {error.strerror or error}", where=str(out), mend="make room, then continue with --resume"
    )


_MOST_FAULTS = 20
_NUMBER = re.compile(r"\d[\d,._]*(?:e[+-]?\d+)?")


def faults(runs: Runs) -> list[dict[str, Any]]:
    """What ended runs, the most frequent first, each with how often and with the first run that it ended.

    Faults that differ in their numbers alone are one.
    """
    if runs.table is None:
        return []
    failed = runs.table.filter(pc.equal(runs.table["status"], FAILED)).select(["fault", "point", "seed"])
    found: dict[str, dict[str, Any]] = {}
    for row in failed.to_pylist():
        found.setdefault(without_numbers(row["fault"]), {**row, "runs": 0})["runs"] += 1
    return sorted(found.values(), key=lambda fault: -fault["runs"])[:_MOST_FAULTS]


def without_numbers(fault: str) -> str:
    """What faults that are one have alike."""
    return _NUMBER.sub("#", fault)
