"""`wavetank stress`: flags over the scenario's `[stress]` table, the runs, the answer, the exit code."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.report.wording import count
from simulator.scenario import Scenario
from simulator.scenario.build import Draft
from simulator.stress.answer import Answer, answer, value_of
from simulator.stress.caps import caps_of
from simulator.stress.conduct import Progress, Runs, conduct, document
from simulator.stress.efficiency import Efficiency, choose_efficiency
from simulator.stress.executors import Engine, ExecutorName, check_engine, open_engine
from simulator.stress.further import Judging, further
from simulator.stress.judge import Judged, judge
from simulator.stress.page import write_page
from simulator.stress.plan import Plan, changed, drawn_by, make_plan
from simulator.stress.rare import drawn_for
from simulator.stress.require import Rule, check_rules, parse_rule
from simulator.stress.search import check_search
from simulator.stress.sensitivity import need_salib, sensitivities
from simulator.stress.settings import StressSettings
from simulator.stress.space import Point, parse_vary
from simulator.stress.words import lines as said
from simulator.stress.worst import replay_command
from simulator.terminal import columns, figure

if TYPE_CHECKING:
    import pandas as pd

BREACHED, INCONCLUSIVE = 1, 3
_FAULTS_SHOWN = 5


@dataclass(frozen=True)
class Flags:
    """What the command line says instead of `[stress]`; None leaves it to that."""

    vary: list[str] | None = None
    sampling: str | None = None
    points: int | None = None
    seeds: int | None = None
    require: list[str] | None = None
    until: str | None = None
    efficiency: str | None = None
    search: int | None = None
    importance: int | None = None

    def over(self, settings: StressSettings | None) -> StressSettings:
        """The table with what is given here in its place. Raises ConfigError."""
        given: dict[str, Any] = {name: value for name, value in vars(self).items() if value is not None}
        if self.vary is not None:
            given["vary"] = parse_vary(self.vary)
        base = {} if settings is None else settings.model_dump(mode="json", exclude_none=True)
        draft = Draft({}, Path())
        made: StressSettings | None = draft.model(StressSettings, {**base, **given}, ("stress",))
        if made is None:
            raise draft.problems[0].error("")
        return made


@dataclass(frozen=True)
class Asked:
    """What is asked of a sweep."""

    rules: tuple[Rule, ...]
    efficiency: Efficiency | None


def asked(plan: Plan) -> Asked:
    """The rules and the efficiency of a plan. Raises ConfigError for those that its runs could not answer."""
    rules = tuple(parse_rule(text) for text in plan.settings.require)
    check_rules(rules, plan.seeds)
    if plan.settings.search:
        check_search(plan.dimensions, rules)
    if plan.settings.sampling == "saltelli":
        need_salib()
    for rule in rules:
        if rule.is_parameter and str(rule.expression) not in plan.varied:
            value_of(plan.scenario.resolved, str(rule.expression))
    protocols = [component.name for component in plan.scenario.protocols.values()]
    return Asked(rules, choose_efficiency(plan.settings.efficiency or None, plan.varied, protocols))


@dataclass(frozen=True)
class Sweep:
    """What a sweep came to."""

    plan: Plan
    runs: Runs
    found: Answer | None  # None where runs are missing
    document: dict[str, Any]

    @property
    def exit_code(self) -> int:
        """0; 1 where no point keeps the rules; 3 where runs are missing or failed, or are too few to say; 130."""
        if self.runs.exit_code or self.found is None:
            return self.runs.exit_code
        if self.found.recommendation.nearest is None:
            return 0
        broken = (any(verdict.standing == "fail" for verdict in point.verdicts) for point in self.found.points)
        return BREACHED if all(broken) else INCONCLUSIVE

    def lines(self) -> Iterator[str]:
        """The answer for a terminal."""
        yield self.plan.scenario.title
        yield ""
        head = ("status", "digest", "runs_total", "runs_failed", "runs_resumed")
        yield from columns([(name, figure(self.document[name])) for name in head])
        if self.found is not None:
            yield from ("", *said(self.found), "", *columns(self._table(self.found)))
        yield from ("", f"results in {self.runs.folder.out}")

    def _table(self, found: Answer) -> list[Sequence[Any]]:
        names = [name for rule in found.rules for name in (str(rule), "bound", "")]
        rows: list[Sequence[Any]] = [("point", *self.plan.varied, "runs", "failed", *names)]
        for point in found.points:
            told = [
                cell
                for verdict in point.verdicts
                for cell in (figure(verdict.estimate.value), figure(verdict.bound), verdict.standing)
            ]
            rows.append((point.number, *map(figure, point.changes.values()), point.runs, point.failed, *told))
        return rows

    def notes(self) -> Iterator[str]:
        """What goes to standard error beside it."""
        runs = self.runs
        if runs.fault is not None:
            yield f"error: {runs.fault}"
        if runs.interrupted:
            yield "error: interrupted"
        if runs.table is None:
            yield f"{runs.done:,} of {runs.total:,} runs are done: --resume continues in {runs.folder.out}"
        if runs.failed:
            yield f"{runs.failed:,} of {runs.done:,} runs failed; they count as nothing else:"
        for fault in self.document["faults"][:_FAULTS_SHOWN]:
            changes = self.plan.points[fault["point"]].changes
            again = replay_command(self.plan.scenario, changes, fault["seed"], self.plan.gas)
            yield f"  {count(fault['runs'], 'time')}: {fault['fault']}; the first is {again}"


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
    tell: Callable[[str], None] = lambda note: None,
) -> Sweep:
    """A sweep from its flags to its answer. Raises ConfigError before anything runs."""
    check_engine(executor, jobs, scheduler)
    plan = make_plan(scenario, flags.over(scenario.stress), seed=seed, gas=gas)
    wanted = asked(plan)
    if plan.settings.importance:
        plan = drawn_by(plan, drawn_for(plan, wanted.rules, jobs=jobs, out=out, tell=tell).as_dict())

    def engine() -> AbstractContextManager[Engine]:
        return open_engine(executor, jobs=jobs, scheduler=scheduler)

    runs = conduct(plan, engine, out, resume=resume, progress=progress)
    designed = len(plan.points)
    if runs.table is not None and plan.settings.search:
        plan, runs = further(plan, runs, _judging(plan, wanted), engine, progress)
    if runs.table is None:
        return Sweep(plan, runs, None, document(plan, runs, {}))
    return _concluded(plan, runs, wanted, designed)


def _judging(plan: Plan, wanted: Asked) -> Judging:
    def judging(frame: "pd.DataFrame", points: Sequence[Point]) -> list[Judged]:
        return judge(
            frame,
            [(point.number, point.changes) for point in points],
            wanted.rules,
            efficiency=wanted.efficiency,
            lookup=lambda changes, key: changes[key] if key in changes else value_of(plan.scenario.resolved, key),
        )

    return judging


def _concluded(plan: Plan, runs: Runs, wanted: Asked, designed: int) -> Sweep:
    """The answer of runs that are all there, in the folder too."""
    frame = runs.frame()
    found = answer(
        frame,
        [(point.number, point.changes) for point in plan.points],
        wanted.rules,
        efficiency=wanted.efficiency,
        resolved=plan.scenario.resolved,
        designed=designed,
    )
    design = frame[frame["point"] < designed]
    matters = sensitivities(design, plan.varied, plan.settings.sampling, wanted.rules, plan.seed)
    looked_at = found.recommendation.looked_at
    caps = caps_of(changed(plan, {} if looked_at is None else looked_at.changes))
    parts = {**found.as_dict(), "sensitivity": matters, "caps": {name: cap.as_dict() for name, cap in caps.items()}}
    written = document(plan, runs, parts)
    runs.folder.finish(written)

    def command(changes: Mapping[str, Any], seed: int) -> str:
        return replay_command(plan.scenario, changes, seed, plan.gas)

    write_page(written, frame, found, runs.folder.out, command, matters)
    return Sweep(plan, runs, found, written)
