"""Capsules of an audit: the worst run of each rule that is broken, in a file that `wavetank replay` makes again."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from simulator.audit.conduct import AuditPlan
from simulator.errors import WavetankError

FOLDER: Final = "capsules"
_SUFFIX: Final = ".capsule"
_MOST: Final = 10  # of an audit: each takes a run and its replay


def with_capsules(
    rules: Sequence[Mapping[str, Any]], plan: AuditPlan, out: Path
) -> tuple[list[dict[str, Any]], list[str]]:
    """The entries of rules with the capsules that were written, and what is to be said of those that were not.

    A capsule is help for whoever mends, and no part of the verdict: one that cannot be made changes nothing.
    """
    _clear(out / FOLDER)
    told: list[str] = []
    found: list[dict[str, Any]] = []
    made = 0
    for rule in rules:
        entry = dict(rule)
        if rule["verdict"] == "fail" and rule["worst"] is not None and made < _MOST:
            made += 1
            try:
                entry["capsule"] = _write(rule, plan, out)
            except (WavetankError, OSError) as error:
                told.append(f"no capsule of {rule['id']} in {rule['scenario']}: {error}")
        found.append(entry)
    return found, told


def _write(rule: Mapping[str, Any], plan: AuditPlan, out: Path) -> str:
    from simulator.capsule.make import write_capsule

    scenario = next(case.scenario for case in plan.cases if case.name == rule["scenario"])
    name = f"{FOLDER}/{rule['id']}-{rule['scenario'].replace('/', '-')}-{rule['worst']['seed']}{_SUFFIX}"
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    write_capsule(scenario, rule["worst"]["seed"], plan.gas, rule["require"], out / name)
    return name


def _clear(folder: Path) -> None:
    """Remove the capsules of an earlier audit."""
    for former in sorted(folder.glob(f"*{_SUFFIX}")):
        former.unlink(missing_ok=True)
