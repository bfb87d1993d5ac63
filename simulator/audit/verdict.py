"""Whether a scenario keeps a rule: by the worse of the two 95 % bounds, and never for want of data.

A rule passes where the worse bound of its statistic keeps the limit, fails where even the better one breaks it, and is
inconclusive between, as it is without a run with data, with fewer runs than a bound takes, and with runs that failed
or are missing, for these may be the ones that break it. Maximum, minimum and count are judged as observed, and
parameters as they are.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from simulator.audit.config import AuditRule
from simulator.errors import WavetankError
from simulator.stress.answer import value_of
from simulator.stress.estimate import AS_OBSERVED, Estimate
from simulator.stress.require import Verdict
from simulator.stress.wording import amount, statistic_name
from simulator.stress.worst import measured_by

if TYPE_CHECKING:
    import pandas as pd

_ORDERED: Final = ("<", "<=", ">", ">=")


@dataclass(frozen=True)
class CaseRuns:
    """What is known of a scenario."""

    name: str
    title: str
    settings: Mapping[str, Any]  # the resolved scenario; empty where it is broken
    runs: "pd.DataFrame"  # every run that ended, sorted by seed
    missing: bool  # whether more were asked for
    broken: WavetankError | None  # why it could not be run at all
    command: Callable[[int], str]  # that makes the run of a seed again

    @property
    def complete(self) -> "pd.DataFrame":
        """The runs that came to their end."""
        return self.runs[self.runs["status"] == "complete"]

    @property
    def failed(self) -> int:
        """How many did not."""
        return len(self.runs) - len(self.complete)

    @property
    def sound(self) -> bool:
        """Whether every run is there and came to its end."""
        return self.broken is None and not self.missing and not self.failed


def judge_rule(asked: AuditRule, case: CaseRuns) -> dict[str, Any]:
    """The entry of a rule in the document of an audit, for one scenario."""
    found, verdict, reason, needed = _judged(asked, case)
    worst = _worst(asked, case)
    return {
        "id": asked.id,
        "require": str(asked.rule),
        "level": asked.level,
        "why": asked.why,
        "line": asked.line,
        "scenario": case.name,
        "verdict": verdict,
        "estimate": number(found.value),
        "bound": number(_bound(asked, found, verdict)),
        "low": number(found.low),
        "high": number(found.high),
        "op": asked.rule.comparison,
        "limit": asked.rule.limit.value,
        "runs": found.runs,
        "needed": needed,
        "reason": reason,
        "worst": worst,
        "replay": None if worst is None else case.command(worst["seed"]),
        "capsule": None,
    }


def _judged(asked: AuditRule, case: CaseRuns) -> tuple[Estimate, Verdict, str, int | None]:
    """The statistic, the verdict, why, and how many runs would do where these are too few."""
    rule = asked.rule
    if case.broken is not None:
        return Estimate(None, None, None, 0), "inconclusive", f"There is no run: {case.broken.what}.", None
    if rule.is_parameter:
        value = float(value_of(case.settings, str(rule.expression)))
        kept: Verdict = "pass" if rule.holds_for(value) else "fail"
        return Estimate(value, value, value, len(case.runs)), kept, _as_observed("Its value", asked, value, kept), None
    found = rule.evaluate(case.complete)
    verdict = rule.verdict(found)
    if found.value is None:
        return found, verdict, _without_data(asked, case), None
    if verdict == "pass" and not case.sound:
        return found, "inconclusive", _unsound(case), None
    if verdict == "inconclusive":
        return found, verdict, *_open(asked, found)
    return found, verdict, _decided(asked, found, verdict), None


def _as_observed(what: str, asked: AuditRule, value: float, verdict: Verdict) -> str:
    does = "keeps" if verdict == "pass" else "breaks"
    return f"{what}, {amount(asked.rule, value)}, {does} the limit of {_limit(asked)}."


def _decided(asked: AuditRule, found: Estimate, verdict: Verdict) -> str:
    if asked.rule.aggregate in AS_OBSERVED and found.value is not None:
        return _as_observed(f"Of {found.runs:,} runs the {asked.rule.aggregate}", asked, found.value, verdict)
    bound = amount(asked.rule, _bound(asked, found, verdict))
    if verdict == "pass":
        return f"The 95 % bound of {statistic_name(asked.rule)}, {bound}, keeps the limit of {_limit(asked)}."
    return f"Even the better 95 % bound of {statistic_name(asked.rule)}, {bound}, breaks the limit of {_limit(asked)}."


def _without_data(asked: AuditRule, case: CaseRuns) -> str:
    if not len(case.complete):
        return f"All {case.failed:,} runs failed." if case.failed else "No run was made."
    return (
        f"No run has data for {asked.rule.expression}: where it does not apply, say in `scenarios` of the rule which it"
        " is for."
    )


def _unsound(case: CaseRuns) -> str:
    what = f"{case.failed:,} of {len(case.runs):,} runs failed" if case.failed else "runs are missing"
    return f"Those that are there keep the limit, but {what}, and may be the ones that break it."


def _open(asked: AuditRule, found: Estimate) -> tuple[str, int | None]:
    rule = asked.rule
    needed = max(rule.seeds_needed(), found.needed or 0)
    if needed > found.runs:
        enough = f"{needed:,} would do" if rule.aggregate != "rate" else f"{needed:,} without an event would do"
        return (
            f"{found.runs:,} runs with data are too few for a 95 % bound of {statistic_name(rule)} that could keep the "
            f"limit of {_limit(asked)}: {enough}.",
            needed,
        )
    low, high = (amount(rule, each) for each in (found.low, found.high))
    return (
        f"After {found.runs:,} runs the limit of {_limit(asked)} lies between the 95 % bounds, {low} and {high}.",
        None,
    )


def _limit(asked: AuditRule) -> str:
    return amount(asked.rule, asked.rule.limit.value)


def _bound(asked: AuditRule, found: Estimate, verdict: Verdict) -> float | None:
    """The bound that decided: the worse one, or of a rule that fails the better one."""
    rule = asked.rule
    if rule.comparison in _ORDERED:
        return found.high if (rule.comparison in ("<", "<=")) == (verdict != "fail") else found.low
    ends = [end for end in (found.low, found.high) if end is not None]
    return min(ends, key=lambda end: abs(end - rule.limit.value)) if ends else None


def _worst(asked: AuditRule, case: CaseRuns) -> dict[str, Any] | None:
    """The run that the rule likes least, the first of equals."""
    measured = measured_by(asked.rule)
    if measured is None or not len(case.complete):
        return None
    expression, high = measured
    found = case.complete.assign(value=expression.values(case.complete)).dropna(subset="value")
    if not len(found):
        return None
    row = found.sort_values(["value", "seed"], ascending=[not high, True]).iloc[0]
    return {"seed": int(row["seed"]), "value": number(float(row["value"]))}


def number(value: float | None) -> float | None:
    """As JSON has it: null for what is not finite."""
    return value if value is not None and math.isfinite(value) else None
