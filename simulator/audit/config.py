"""The configuration of an audit: a TOML file with `[audit]`, `[[rule]]` and, for contracts not ours, `[target]`.

    [audit]
    scenarios = ["black-thursday", { name = "calm", id = "calm-day", set = { "world.hours" = 24 } }]
    seeds = 300                       # runs of each scenario at first
    max_seeds = 2000                  # and at most, while a rule is not decided
    seed = 1                          # the first of them; they follow each other
    baseline = "audit-baseline.json"  # what is compared with, seed by seed

    [[rule]]
    id = "BAD-DEBT"
    require = "p99(bad_debt_ratio) <= 0.5%"
    level = "error"                   # or "warn", which never decides the exit code
    why = "The insurance fund covers 0.5 % of debt."
    scenarios = ["black-thursday"]    # all of them where it is left out

Paths start from the folder of the file. Nothing of a user's own code is imported here.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, Field

from simulator.errors import ConfigError
from simulator.registry import nearest
from simulator.scenario import Scenario, load_scenario
from simulator.scenario.build import Draft, plain
from simulator.scenario.files import display, find_scenario, read_toml
from simulator.scenario.problems import unknown_key
from simulator.scenario.target import TargetSettings, target_changes
from simulator.settings import COUNT, Settings
from simulator.stress.require import Rule, check_rules, parse_rule

Level = Literal["error", "warn"]
LEAST_PAIRS: Final = 20  # seeds without which no worsening could be told from noise
_MOST_SEEDS: Final = 2000
_HEADER = re.compile(r"\s*\[\[\s*(rule|\"rule\"|'rule')\s*\]\]\s*(#.*)?")
_PLAIN = re.compile(r"\s*(rule|\"rule\"|'rule')\s*=")


class CaseTable(Settings):
    """A scenario of an audit that is changed, or that needs a name of its own."""

    name: str = Field(description="a shipped scenario, or the path of a TOML file")
    id: str = Field("", description="what it is called in results; its name, where left out")
    set: dict[str, Any] = Field(default_factory=dict, description='changes by dotted key, as { "world.hours" = 2 }')


class AuditTable(Settings):
    """What is run."""

    scenarios: tuple[str | CaseTable, ...] = Field(min_length=1, description="shipped names, paths, or tables of them")
    seeds: int = Field(300, ge=1, le=1_000_000, description="runs of each scenario at first", json_schema_extra=COUNT)
    max_seeds: int | None = Field(
        None, ge=1, le=1_000_000, description="runs of each, at most, while rules are open", json_schema_extra=COUNT
    )
    seed: int = Field(1, ge=0, lt=2**63, description="the first seed; the others follow it")
    baseline: str = Field("", description="the file that `--update-baseline` writes and others compare with")


class RuleTable(Settings):
    """What must hold."""

    id: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="letters, digits, dots, - and _, as in BAD-DEBT"
    )
    require: str = Field(description='the rule, as in "p99(bad_debt_ratio) <= 0.5%"')
    level: Level = Field("error", description="whether breaking it fails the audit or only warns")
    why: str = Field("", description="why it is asked for, for whoever breaks it")
    scenarios: tuple[str, ...] | None = Field(None, min_length=1, description="those it is for; all where left out")


@dataclass(frozen=True)
class AuditRule:
    """A rule with what is said about it."""

    id: str
    rule: Rule
    level: Level
    why: str
    line: int  # of its [[rule]] in the file
    scenarios: tuple[str, ...]  # names of the cases it is for


@dataclass(frozen=True)
class Case:
    """A scenario of an audit under its name there."""

    name: str
    scenario: Scenario


@dataclass(frozen=True)
class AuditConfig:
    """An audit as it was asked for."""

    path: Path
    shown: str  # the path as it was given
    cases: tuple[Case, ...]
    seeds: int
    max_seeds: int
    seed: int
    baseline: Path | None
    rules: tuple[AuditRule, ...]
    target: TargetSettings | None

    def place(self, rule: AuditRule) -> str:
        """Where a rule stands, as errors say it."""
        return f"{self.shown}:{rule.line}"

    def rules_of(self, case: str) -> tuple[AuditRule, ...]:
        """The rules that are for a case."""
        return tuple(rule for rule in self.rules if case in rule.scenarios)


def load_audit(path: str | Path) -> AuditConfig:
    """Read the configuration of an audit. Raises the first ConfigError, with file, rule and line."""
    file = Path(path)
    if not file.is_file():
        raise ConfigError("no such file", where=str(path), mend="`wavetank new audit NAME` writes one to start from")
    shown = display(file)
    data = plain(read_toml(file))
    _refuse_unknown_tables(data, shown)
    audit = _model(AuditTable, data.get("audit", {}), "audit", shown)
    target = _model(TargetSettings, data["target"], "target", shown) if "target" in data else None
    changes = _changes_of(target, file.parent.resolve(), shown)
    cases = _cases(audit.scenarios, file.parent, changes, shown)
    most = audit.max_seeds if audit.max_seeds is not None else max(audit.seeds, _MOST_SEEDS)
    if most < audit.seeds:
        raise _wrong(
            f"audit.max_seeds = {most}: is less than seeds = {audit.seeds}", shown, "raise it to that at least"
        )
    rules = _rules(data.get("rule", []), _lines_of_rules(file), [case.name for case in cases], shown)
    config = AuditConfig(
        file,
        str(path),
        cases,
        audit.seeds,
        most,
        audit.seed,
        file.parent / audit.baseline if audit.baseline else None,
        rules,
        target,
    )
    _check_whole(config)
    return config


def _check_whole(config: AuditConfig) -> None:
    """Refuse an audit that would pass for want of questions."""
    if config.baseline is not None:
        if config.seeds < LEAST_PAIRS:
            raise _wrong(
                f"audit.seeds = {config.seeds}: too few to compare with a baseline",
                config.shown,
                f"{LEAST_PAIRS} would do, 300 tell more; or take `baseline` out",
            )
        return
    for case in config.cases:
        if not config.rules_of(case.name):
            mend = "add a [[rule]]" if not config.rules else "add a [[rule]] for it, or take it out"
            raise _wrong(f'no rule judges the scenario "{case.name}"', config.shown, mend)


def _refuse_unknown_tables(data: Mapping[str, Any], shown: str) -> None:
    known = ("audit", "rule", "target")
    for key in data:
        if key not in known:
            raise unknown_key((key,), known).error(shown)
    if "audit" not in data:
        raise _wrong("has no table [audit]", shown, "`wavetank new audit NAME` writes one to start from")


def _wrong(what: str, shown: str, mend: str) -> ConfigError:
    return ConfigError(what, where=shown, mend=mend)


def _model(model: type[BaseModel], data: Any, key: str, shown: str) -> Any:
    """A table as its model. Raises ConfigError for the first thing that is wrong in it."""
    draft = Draft({}, Path())
    found = draft.model(model, data, (key,) if key else ())
    if found is None:
        raise draft.problems[0].error(shown)
    return found


# ------------------------------------------------------------------------------------ scenarios


def _changes_of(target: TargetSettings | None, folder: Path, shown: str) -> dict[str, Any]:
    """What a target changes in every scenario."""
    if target is None:
        return {}
    if target.artifacts and not (folder / target.artifacts).is_dir():
        mend = "compile first, and name the folder that Foundry (out), Hardhat (artifacts) or Brownie (build) writes"
        raise _wrong(f'target.artifacts = "{target.artifacts}": no such folder', shown, mend)
    return target_changes(target, folder)


def _cases(tables: Sequence[str | CaseTable], folder: Path, changes: Mapping[str, Any], shown: str) -> tuple[Case, ...]:
    cases: list[Case] = []
    for number, table in enumerate(tables):
        asked = CaseTable(name=table) if isinstance(table, str) else table
        key = f"audit.scenarios[{number}]"
        case = _case(asked, folder, changes, f"{shown}: {key}")
        if any(case.name == other.name for other in cases):
            mend = f'give one an id of its own: {{ name = "{asked.name}", id = "{case.name}-2" }}'
            raise _wrong(f'{key}: another scenario is called "{case.name}"', shown, mend)
        cases.append(case)
    return tuple(cases)


def _case(asked: CaseTable, folder: Path, changes: Mapping[str, Any], where: str) -> Case:
    try:
        file = find_scenario(asked.name, folder)
        scenario = load_scenario(file, {**changes, **asked.set})
    except ConfigError as error:
        place = "" if error.where in ("", "--set") else f"{error.where}: "
        raise ConfigError(f"{place}{error.what}", where=where, mend=error.mend) from None
    return Case(asked.id or scenario.name, scenario)


# ---------------------------------------------------------------------------------------- rules


def _rules(tables: Any, lines: Sequence[int], cases: Sequence[str], shown: str) -> tuple[AuditRule, ...]:
    if not isinstance(tables, list):
        raise _wrong("rule: must be a list of tables", shown, "write [[rule]] with two brackets")
    found: dict[str, AuditRule] = {}
    for number, table in enumerate(tables):
        line = lines[number] if number < len(lines) else 1
        rule = _rule(table, number, line, cases, f"{shown}:{line}")
        if rule.id in found:
            mend = f"line {found[rule.id].line} has it too: give each its own"
            raise _wrong(f"rule {rule.id}: the id is taken", f"{shown}:{line}", mend)
        found[rule.id] = rule
    return tuple(found.values())


def _rule(table: Any, number: int, line: int, cases: Sequence[str], where: str) -> AuditRule:
    """One rule. Its errors say which one by its id, or by its number where that is missing."""
    name = table.get("id") if isinstance(table, Mapping) else None
    called = f"rule {name}" if isinstance(name, str) and name else f"rule {number + 1}"
    try:
        asked = _model(RuleTable, table, "", where)
        rule = parse_rule(asked.require)
        check_rules([rule], sys.maxsize)
    except ConfigError as error:
        raise ConfigError(f"{called}: {error.what}", where=where, mend=error.mend) from None
    for scenario in asked.scenarios or ():
        if scenario not in cases:
            near = nearest(scenario, cases)
            mend = f'the nearest of the audit is "{near}"' if near else f"it has {', '.join(cases)}"
            raise ConfigError(f'{called}: scenarios: no "{scenario}" in this audit', where=where, mend=mend)
    return AuditRule(asked.id, rule, asked.level, asked.why, line, asked.scenarios or tuple(cases))


def _lines_of_rules(file: Path) -> list[int]:
    """The line of each [[rule]]: TOML's reader does not say. A header inside a text of many lines is none."""
    lines = file.read_text(encoding="utf-8").splitlines()
    found = [n for n, line in enumerate(lines, start=1) if _HEADER.fullmatch(line) and _is_toml(lines[: n - 1])]
    if not found:
        found = [n for n, line in enumerate(lines, start=1) if _PLAIN.match(line)] * len(lines)
    return found


def _is_toml(lines: Iterable[str]) -> bool:
    try:
        tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError:
        return False
    return True


def with_cases(config: AuditConfig, cases: Iterable[Case]) -> AuditConfig:
    """The audit with its scenarios in another state."""
    return replace(config, cases=tuple(cases))
