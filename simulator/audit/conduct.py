"""The runs of an audit: every scenario at the same seeds, and more of them while a rule of it is not decided.

Whether it is decided is looked at after `seeds` runs, after twice and four times as many, and so on up to
`max_seeds`: always of whole batches in the order of seeds, so that neither the executor nor a kill changes what is
found. Batches double because every look is another chance to be wrong: a rule that lies exactly on its limit is
passed wrongly by one look in 20, and by the at most four of the default sizes in 9 (test_audit_conduct.py).
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from simulator.audit.config import AuditConfig, Case, with_cases
from simulator.errors import ConfigError, UserCodeError, WavetankError
from simulator.manifest import versions
from simulator.metrics import METRICS
from simulator.paths import artifact_folder
from simulator.registry import UserCode
from simulator.scenario import import_user_code
from simulator.stress.agenda import Columns, Enough
from simulator.stress.answer import value_of
from simulator.stress.plan import file_hashes, source_of
from simulator.stress.require import Rule
from simulator.stress.space import Point
from simulator.stress.work import Task, fingerprint

FAILED: Final = "failed"  # the column of runs that came to no end


@dataclass(frozen=True)
class AuditPlan:
    """The runs of an audit; its scenarios are points without changes."""

    config: AuditConfig  # with the cases that can be run, a user's own code imported
    broken: Mapping[str, WavetankError]  # the others, with what is wrong with them
    seed: int
    gas: str | None

    @property
    def cases(self) -> tuple[Case, ...]:
        """The scenarios that are run, by their number."""
        return self.config.cases

    @property
    def points(self) -> tuple[Point, ...]:
        """The same for the agenda of a sweep."""
        return tuple(Point(number, {}) for number in range(len(self.cases)))

    @property
    def seeds(self) -> int:
        """Runs of each scenario, at most."""
        return self.config.max_seeds

    @property
    def reckoned(self) -> int:
        """Runs of a scenario to reckon with: most are decided by their first batch."""
        return self.config.seeds

    def batch_end(self, start: int) -> int:
        """Where a batch ends that begins at a seed of a number: each is as large as all before it."""
        return min(self.seeds, max(2 * start, self.config.seeds))

    def task(self, point: int, index: int) -> Task:
        """The run of a scenario at its seed of a number."""
        scenario = self.cases[point].scenario
        source = source_of(scenario)
        return Task(point, self.seed + index, source, scenario.changes, self.gas, fingerprint(scenario))

    def identity(self) -> dict[str, Any]:
        """Plain JSON data that two audits have alike exactly if their runs are the same."""
        return {
            "scenarios": [
                {"name": case.name, "settings": dict(case.scenario.resolved), "files": file_hashes(case.scenario)}
                for case in self.cases
            ],
            "rules": [[str(rule.rule), *rule.scenarios] for rule in self.config.rules],
            "gas": self.gas or "exact",
            "seed": self.seed,
            "seeds": self.config.seeds,
            "max_seeds": self.config.max_seeds,
            "contracts": _contracts(self.cases),
            "metrics": list(METRICS),
            "versions": versions(),
        }


def make_plan(
    config: AuditConfig, *, seed: int | None, gas: str | None, announce: Callable[[UserCode], None] | None = None
) -> AuditPlan:
    """Import the code that the scenarios name, and look up what rules ask of their parameters.

    A scenario whose code raises is set aside with that: it is no fault of the configuration, and the others can be
    run. Raises ConfigError.
    """
    told: set[UserCode] = set()

    def announce_once(code: UserCode) -> None:
        if announce is not None and code not in told:
            told.add(code)
            announce(code)

    ready: list[Case] = []
    broken: dict[str, WavetankError] = {}
    for case in config.cases:
        try:
            ready.append(Case(case.name, import_user_code(case.scenario, announce_once)))
        except UserCodeError as error:
            broken[case.name] = error
    plan = AuditPlan(with_cases(config, ready), broken, config.seed if seed is None else seed, gas)
    for case in ready:
        _check_parameters(plan, case)
    return plan


def _check_parameters(plan: AuditPlan, case: Case) -> None:
    for rule in plan.config.rules_of(case.name):
        if rule.rule.is_parameter:
            key, what = str(rule.rule.expression), ""
            try:
                found = value_of(case.scenario.resolved, key)
            except ConfigError as error:
                what = error.what
            else:
                if isinstance(found, bool) or not isinstance(found, int | float):
                    what = f"{key} is no number"
            if what:
                raise ConfigError(
                    f"rule {rule.id}: {what} in {case.name}",
                    where=plan.config.place(rule),
                    mend=f"`wavetank list parameters {source_of(case.scenario)}` prints them; `scenarios` of a rule "
                    "says which it is for",
                )


def enough(plan: AuditPlan) -> tuple[Enough, tuple[str, ...]]:
    """Whether a scenario has runs enough to decide its rules, and the columns that this is read from."""
    rules = [
        [each.rule for each in plan.config.rules_of(case.name) if not each.rule.is_parameter] for case in plan.cases
    ]
    names = sorted({name for listed in rules for rule in listed for name in rule.metrics})

    def decided(point: int, columns: Columns) -> bool:
        # Of a scenario with a failed run no rule can pass any more, and of one that is all right it does not matter.
        return bool(columns[FAILED].any()) or all(_is_settled(rule, columns, plan.seeds) for rule in rules[point])

    return decided, (*names, "weight", FAILED)


def _is_settled(rule: Rule, columns: Columns, most: int) -> bool:
    """Whether more runs would not change the verdict: it is there, or no run has data, or `most` are too few."""
    import pandas as pd

    found = rule.evaluate(pd.DataFrame({name: columns[name] for name in (*rule.metrics, "weight")}))
    return found.value is None or rule.verdict(found) != "inconclusive" or rule.seeds_needed() > most


def _contracts(cases: Sequence[Case]) -> str:
    """A hash of the compiled contracts, which runs depend on and scenarios do not say."""
    targets = [(case.scenario.source.parent, case.scenario.target) for case in cases]
    theirs = {(folder / target.artifacts).resolve() for folder, target in targets if target and target.artifacts}
    found = hashlib.sha256()
    for folder in [artifact_folder(), *sorted(theirs)]:
        for file in sorted(folder.rglob("*.json")):
            found.update(f"{file.relative_to(folder)}\0".encode() + file.read_bytes())
    return found.hexdigest()


def has_stopped(plan: AuditPlan, runs: int) -> bool:
    """Whether a scenario of so many runs is at the end of a batch."""
    end = 0
    while end < min(runs, plan.seeds):
        end = plan.batch_end(end)
    return end == runs > 0
