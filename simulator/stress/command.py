"""`wavetank stress`: flags over the scenario's `[stress]` table, the runs, the answer, the exit code."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulator.scenario import Scenario
from simulator.scenario.build import Draft
from simulator.stress.conduct import Progress, Runs, conduct, document
from simulator.stress.executors import Engine, ExecutorName, check_engine, open_engine
from simulator.stress.plan import make_plan
from simulator.stress.settings import StressSettings
from simulator.stress.space import parse_vary
from simulator.terminal import columns


@dataclass(frozen=True)
class Flags:
    """What the command line says instead of `[stress]`; None leaves it to that."""

    vary: list[str] | None = None
    sampling: str | None = None
    points: int | None = None
    seeds: int | None = None
    require: list[str] | None = None
    until: str | None = None

    def over(self, settings: StressSettings | None) -> StressSettings:
        """The table with what is given here in its place. Raises ConfigError."""
        given: dict[str, Any] = {name: value for name, value in vars(self).items() if value is not None}
        if self.vary is not None:
            given["vary"] = parse_vary(self.vary)
        base = {} if settings is None else settings.model_dump(mode="json", exclude_none=True)
        draft = Draft({}, Path())
        made = draft.model(StressSettings, {**base, **given}, ("stress",))
        if made is None:
            raise draft.problems[0].error("stress")
        return made  # type: ignore[no-any-return]


@dataclass(frozen=True)
class StressAnswer:
    """What is printed."""

    document: dict[str, Any]
    folder: Path
    notes: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """The answer for a terminal."""
        data = self.document
        head = [(name, data[name]) for name in ("status", "digest", "runs_total", "runs_failed", "runs_resumed")]
        yield from columns(head)
        yield ""
        keys = list(data["vary"])
        yield from columns([("point", *keys), *((p["point"], *p["changes"].values()) for p in data["points"])])
        yield ""
        yield f"results in {self.folder}"


def run_stress(
    scenario: Scenario,
    flags: Flags,
    *,
    seed: int,
    gas: str | None,
    executor: ExecutorName,
    jobs: int | None,
    scheduler: str | None,
    out: Path,
    resume: bool,
    progress: Progress | None = None,
) -> tuple[StressAnswer, int]:
    """A sweep from its flags to its answer and exit code. Raises ConfigError before anything runs."""
    check_engine(executor, jobs, scheduler)
    plan = make_plan(scenario, flags.over(scenario.stress), seed=seed, gas=gas)

    def engine() -> AbstractContextManager[Engine]:
        return open_engine(executor, jobs=jobs, scheduler=scheduler)

    runs = conduct(plan, engine, out, resume=resume, progress=progress)
    found = document(plan, runs, {})
    if runs.table is not None:
        runs.folder.finish(found)
    return StressAnswer(found, runs.folder.out, _notes(runs)), runs.exit_code


def _notes(runs: Runs) -> list[str]:
    notes = []
    if runs.fault is not None:
        notes.append(f"error: {runs.fault}")
    if runs.interrupted:
        notes.append("error: interrupted")
    if runs.table is None:
        notes.append(f"{runs.done} of {runs.total} runs are done: --resume continues in {runs.folder.out}")
    if runs.failed:
        notes.append(f"{runs.failed} of {runs.done} runs failed; they count nowhere but as failed")
    return notes
