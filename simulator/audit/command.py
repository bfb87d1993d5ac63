"""`wavetank audit`: the runs, the verdicts, every file that they leave, and then the exit code.

Exit 1 where a rule of level error is broken or the baseline shows a worsening; else 3 where such a rule is not decided,
or where anything kept the audit from being whole: runs that failed or are missing, a scenario that cannot be run, a
file that cannot be written. `--warn-only` takes the first kind of each to 0, never the machinery's.
"""

import errno
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulator.audit.baseline import Baseline, compare, read_baseline, write_baseline
from simulator.audit.capsules import with_capsules
from simulator.audit.conduct import AuditPlan, enough, has_stopped, make_plan
from simulator.audit.config import AuditConfig, Case, load_audit
from simulator.audit.outputs import remove_outputs, write_outputs
from simulator.audit.verdict import CaseRuns, judge_rule
from simulator.errors import ConfigError, WavetankError
from simulator.manifest import versions
from simulator.registry import UserCode
from simulator.stress.conduct import Progress, Runs, make_runs, without_numbers
from simulator.stress.executors import Engine, ExecutorName, check_engine, open_engine
from simulator.stress.store import PLAN, SweepFolder, results_schema
from simulator.stress.worst import replay_command

if TYPE_CHECKING:
    import pandas as pd

SCHEMA: Final = 1
SWEEP: Final = "sweep"  # the folder of the runs, which --resume takes up
BREACHED, INCOMPLETE, INTERRUPTED = 1, 3, 130
_AUDIT: Final = "audit.json"
_MOST_FAULTS: Final = 20
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)  # a disk that takes no more


@dataclass(frozen=True)
class Audit:
    """What an audit came to."""

    document: dict[str, Any]
    out: Path
    notes: tuple[str, ...]  # for standard error

    @property
    def exit_code(self) -> int:
        """0, 1, 3, or 130 after Ctrl-C."""
        return int(self.document["exit_code"])


def run_audit(
    path: str | Path,
    *,
    out: Path | None = None,
    update_baseline: bool = False,
    warn_only: bool = False,
    seed: int | None = None,
    gas: str | None = None,
    executor: ExecutorName = "local",
    jobs: int | None = None,
    scheduler: str | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    announce: Callable[[UserCode], None] | None = None,
) -> Audit:
    """An audit from its configuration to its files. Raises ConfigError before anything runs."""
    check_engine(executor, jobs, scheduler)
    config = load_audit(path)
    _check_update(config, update_baseline)
    plan = make_plan(config, seed=seed, gas=gas, announce=announce)
    baseline = None if update_baseline or config.baseline is None else read_baseline(plan)
    place = out if out is not None else default_out(config)
    folder, faults = _claim(place, plan, resume=resume)

    def engine() -> AbstractContextManager[Engine]:
        return open_engine(executor, jobs=jobs, scheduler=scheduler)

    whether, read = enough(plan)
    runs = make_runs(plan, engine, folder, whether, read, progress) if plan.cases and folder is not None else None
    frame = _frame(plan, folder)
    cases = [_case_runs(case, config, plan, frame, runs) for case in config.cases]
    faults += [] if runs is None or runs.fault is None else [runs.fault]
    if update_baseline:
        faults += _updated(plan, cases, faults)
    if runs is not None and runs.table is not None:
        faults += _finished(runs.folder)
    made = _document(plan, cases, runs, baseline, faults, warn_only=warn_only)
    told: list[str] = []
    if made["exit_code"] != INTERRUPTED:
        made["rules"], told = with_capsules(made["rules"], plan, place)
    return _written(made, frame, place, runs, told)


def default_out(config: AuditConfig) -> Path:
    """Where the files of an audit go unless told otherwise."""
    return Path("runs") / f"{config.path.stem}-audit"


def _check_update(config: AuditConfig, update: bool) -> None:
    if update and config.baseline is None:
        raise ConfigError(
            "names no baseline to update", where=config.shown, mend='write baseline = "audit-baseline.json" in [audit]'
        )


def _claim(out: Path, plan: AuditPlan, *, resume: bool) -> tuple[SweepFolder | None, list[WavetankError]]:
    """The folder of the runs inside that of the audit; none, and why, on a disk that is full.

    Raises ConfigError where something else is there.
    """
    ours = (out / _AUDIT).is_file() or (out / SWEEP / PLAN).is_file()
    if out.exists() and not ours and (not out.is_dir() or any(out.iterdir())):
        kind = "this folder holds no audit" if out.is_dir() else "this is no folder"
        raise ConfigError(
            f"{kind}, so it is not overwritten", where=str(out), mend="choose another with --out, or remove it"
        )
    try:
        folder = SweepFolder(out / SWEEP, plan.identity(), results_schema((), ()), resume=resume)
    except ConfigError as error:
        cause = error.__cause__
        if not isinstance(cause, OSError) or cause.errno not in _FULL:
            raise
        return None, [WavetankError(error.what, where=error.where, mend="make room")]
    remove_outputs(out)  # whoever kills this audit finds no verdict, rather than the former one
    return folder, []


# ------------------------------------------------------------------------------------- the runs


def _frame(plan: AuditPlan, folder: SweepFolder | None) -> "pd.DataFrame":
    """Every run that ended, under the name of its scenario."""
    table = results_schema((), ()).empty_table() if folder is None else folder.table()
    frame: pd.DataFrame = table.to_pandas()
    names = {number: case.name for number, case in enumerate(plan.cases)}
    frame.insert(0, "scenario", frame.pop("point").map(names).astype(str))
    return frame.sort_values(["scenario", "seed"], kind="stable").reset_index(drop=True)


def _case_runs(asked: Case, config: AuditConfig, plan: AuditPlan, frame: "pd.DataFrame", runs: Runs | None) -> CaseRuns:
    ready = next((case for case in plan.cases if case.name == asked.name), asked)
    own = frame[frame["scenario"] == asked.name]
    cut_short = runs is None or runs.table is None

    def command(seed: int) -> str:
        return replay_command(ready.scenario, {}, seed, plan.gas)

    return CaseRuns(
        asked.name,
        asked.scenario.title,
        ready.scenario.resolved,
        own,
        cut_short and not has_stopped(plan, len(own)),
        plan.broken.get(asked.name),
        command,
    )


def _updated(plan: AuditPlan, cases: Sequence[CaseRuns], faults: Sequence[WavetankError]) -> list[WavetankError]:
    """Write the baseline. One of an audit that is not whole would let the next change through."""
    path = plan.config.baseline
    assert path is not None
    if faults or not all(case.sound for case in cases):
        mend = "mend what is said above, then update it"
        return [WavetankError("the baseline is left as it was: not every run is sound", where=str(path), mend=mend)]
    try:
        write_baseline(path, plan, cases)
    except OSError as error:
        return [WavetankError(f"cannot be written: {error.strerror or error}", where=str(path), mend="make room")]
    return []


def _finished(folder: SweepFolder) -> list[WavetankError]:
    """Mark the runs as whole, so that the next audit may take their place."""
    try:
        folder.finish({"status": "complete"})
    except OSError as error:
        return [WavetankError(f"cannot be written: {error.strerror or error}", where=str(folder.out), mend="make room")]
    return []


# --------------------------------------------------------------------------------- the document


def _document(
    plan: AuditPlan,
    cases: Sequence[CaseRuns],
    runs: Runs | None,
    baseline: Baseline | None,
    faults: Sequence[WavetankError],
    *,
    warn_only: bool,
) -> dict[str, Any]:
    config = plan.config
    whole = not faults and runs is not None and not runs.interrupted and all(case.sound for case in cases)
    document = {
        "schema": SCHEMA,
        "status": "complete" if whole else "partial",
        "config": config.shown,
        "seed": plan.seed,
        "seeds": config.seeds,
        "max_seeds": config.max_seeds,
        "warn_only": warn_only,
        "scenarios": [_scenario(case) for case in cases],
        "rules": [judge_rule(rule, case) for rule in config.rules for case in cases if case.name in rule.scenarios],
        "baseline": _baseline(plan, baseline, cases),
        "faults": [fault.as_dict() for fault in [*faults, *_of_cases(cases)]],
        "versions": versions(),
    }
    return concluded(document, interrupted=runs is not None and runs.interrupted)


def concluded(document: Mapping[str, Any], *, interrupted: bool = False) -> dict[str, Any]:
    """The document with its verdict and its exit code."""
    findings = (document["baseline"] or {}).get("findings", [])
    found = {rule["verdict"] for rule in document["rules"] if rule["level"] == "error"}
    found |= {finding["verdict"] for finding in findings}
    whole = document["status"] == "complete"
    verdict = "fail" if "fail" in found else "inconclusive" if "inconclusive" in found or not whole else "pass"
    code = {"fail": BREACHED, "inconclusive": INCOMPLETE, "pass": 0}[verdict]
    if document["warn_only"]:
        code = 0 if whole else INCOMPLETE
    return {**document, "verdict": verdict, "exit_code": INTERRUPTED if interrupted else code}


def _scenario(case: CaseRuns) -> dict[str, Any]:
    return {
        "name": case.name,
        "title": case.title,
        "runs": len(case.runs),
        "failed": case.failed,
        "digest": sha256("".join(case.runs["digest"]).encode()).hexdigest(),
        "faults": _faults(case),
    }


def _faults(case: CaseRuns) -> list[dict[str, Any]]:
    """What ended runs, the most frequent first, each with the first run that it ended."""
    failed = case.runs[case.runs["status"] != "complete"]
    found: dict[str, dict[str, Any]] = {}
    for fault, seed in zip(failed["fault"], failed["seed"], strict=True):
        first = {"fault": str(fault), "runs": 0, "seed": int(seed), "replay": case.command(int(seed))}
        found.setdefault(without_numbers(fault), first)["runs"] += 1
    return sorted(found.values(), key=lambda fault: -int(fault["runs"]))[:_MOST_FAULTS]


def _of_cases(cases: Sequence[CaseRuns]) -> list[WavetankError]:
    """What keeps scenarios from being whole."""
    found: list[WavetankError] = []
    for case in cases:
        if case.broken is not None:
            found.append(WavetankError(str(case.broken), where=case.name, mend="mend it: the scenario was not run"))
        elif case.failed:
            first = _faults(case)[0]
            what = f"{case.failed:,} of {len(case.runs):,} runs failed, {first['runs']:,} of them so: {first['fault']}"
            found.append(WavetankError(what, where=case.name, mend=f"the first is {first['replay']}"))
        elif case.missing:
            found.append(WavetankError("runs are missing", where=case.name, mend="--resume continues"))
    return found


def _baseline(plan: AuditPlan, baseline: Baseline | None, cases: Sequence[CaseRuns]) -> dict[str, Any] | None:
    if plan.config.baseline is None:
        return None
    findings = [] if baseline is None else compare(baseline, cases, plan)
    return {"file": str(plan.config.baseline), "findings": findings}


def _written(
    document: dict[str, Any], frame: "pd.DataFrame", out: Path, runs: Runs | None, told: Sequence[str]
) -> Audit:
    """Write every file. What cannot be written ends the audit as one that is not whole, and its files say so."""
    interrupted = runs is not None and runs.interrupted
    try:
        write_outputs(document, frame, out)
    except WavetankError as fault:
        partial = {**document, "status": "partial", "faults": [*document["faults"], fault.as_dict()]}
        document = concluded(partial, interrupted=interrupted)
        _write_again(document, frame, out)
    return Audit(document, out, (*told, *_notes(document, runs, out)))


def _write_again(document: dict[str, Any], frame: "pd.DataFrame", out: Path) -> None:
    """What fits of the files, now that they know of the fault."""
    try:
        write_outputs(document, frame, out)
    except WavetankError:
        return  # it is in the document already


def _notes(document: Mapping[str, Any], runs: Runs | None, out: Path) -> list[str]:
    notes = [f"error: {WavetankError(**fault)}" for fault in document["faults"]]
    if runs is not None and runs.interrupted:
        notes.append("error: interrupted")
    if runs is not None and runs.table is None:
        notes.append(f"{runs.done:,} of {runs.total:,} runs are done: --resume continues in {out}")
    return notes
