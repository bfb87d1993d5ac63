"""What the runs of each point say: its metrics with bounds, and whether it keeps each rule."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from simulator.stress.efficiency import Efficiency
from simulator.stress.estimate import Estimate, estimate
from simulator.stress.require import Rule

if TYPE_CHECKING:
    import pandas as pd

Standing = Literal["pass", "inconclusive", "fail", "no_data"]
Lookup = Callable[[Mapping[str, Any], str], Any]  # from a point's changes and a key to the key's value there


@dataclass(frozen=True)
class Verdict:
    """Whether a point keeps a rule.

    It passes where the worse of the two 95 % bounds keeps the limit, fails where even the better one breaks it, and is
    inconclusive between, without a bound for want of runs, and where runs failed that may be those that break it.
    """

    rule: Rule
    estimate: Estimate
    standing: Standing

    @property
    def bound(self) -> float | None:
        """The worse of the 95 % bounds; None where there is none."""
        low, high = self.estimate.low, self.estimate.high
        if self.rule.comparison in ("<", "<="):
            return high
        if self.rule.comparison in (">", ">="):
            return low
        if low is None or high is None:
            return None
        return max(low, high, key=lambda bound: abs(bound - self.rule.limit.value))

    @property
    def slack(self) -> float | None:
        """From the bound to the limit, as the rule counts; negative beyond it, None without a bound."""
        if self.bound is None or not math.isfinite(self.bound):
            return None
        past = self.bound - self.rule.limit.value
        if self.rule.comparison in ("<", "<="):
            return -past
        if self.rule.comparison in (">", ">="):
            return past
        return -abs(past) if self.rule.comparison == "==" else abs(past)


@dataclass(frozen=True)
class Judged:
    """A point with what came of it."""

    number: int
    changes: Mapping[str, Any]
    runs: int  # complete ones
    failed: int
    efficiency: Estimate | None
    rank: float  # by efficiency, the higher the better; lowest where there is none
    means: Mapping[str, Estimate]  # of metrics
    verdicts: tuple[Verdict, ...]  # in the order of the rules

    @property
    def qualifies(self) -> bool:
        """Whether every rule passes. No data is never a pass."""
        return self.sound and all(verdict.standing == "pass" for verdict in self.verdicts)

    @property
    def sound(self) -> bool:
        """Whether it ran, and every run came to its end."""
        return self.runs > 0 and not self.failed


def judge(
    results: "pd.DataFrame",
    points: Iterable[tuple[int, Mapping[str, Any]]],
    rules: Sequence[Rule],
    *,
    metrics: Sequence[str] = (),
    efficiency: Efficiency | None = None,
    lookup: Lookup = lambda changes, key: changes[key],
) -> list[Judged]:
    """Every point (number, changes) with the means of these metrics and its verdicts.

    `results` has a row a run: point, weight, status, and a column per metric, NaN where a run has no data for it.
    `lookup` finds the keys that `param` rules name also where they are not varied.
    """
    by_point = dict(list(results.groupby("point", sort=False)))
    none = results.iloc[:0]

    def one(number: int, changes: Mapping[str, Any]) -> Judged:
        runs = by_point.get(number, none)
        complete = runs[runs["status"] == "complete"]
        failed = len(runs) - len(complete)
        means = {name: _mean(name, complete) for name in metrics}
        verdicts = tuple(_verdict(rule, complete, failed, changes, lookup) for rule in rules)
        reached, rank = _efficiency(efficiency, changes, complete)
        return Judged(number, changes, len(complete), failed, reached, rank, means, verdicts)

    return [one(number, changes) for number, changes in points]


def _mean(name: str, runs: "pd.DataFrame") -> Estimate:
    return estimate("mean", runs[name].to_numpy(dtype=float), runs["weight"].to_numpy(dtype=float))


def _efficiency(
    efficiency: Efficiency | None, changes: Mapping[str, Any], runs: "pd.DataFrame"
) -> tuple[Estimate | None, float]:
    if efficiency is None:
        return None, -math.inf
    if efficiency.metric:
        found = _mean(efficiency.metric, runs)
    else:
        value = efficiency.of_settings(changes)
        found = Estimate(value, value, value, len(runs))
    return found, -math.inf if found.value is None else efficiency.sign * found.value


def _verdict(rule: Rule, complete: "pd.DataFrame", failed: int, changes: Mapping[str, Any], lookup: Lookup) -> Verdict:
    if rule.is_parameter:
        value = float(lookup(changes, str(rule.expression)))
        found = Estimate(value, value, value, len(complete))
        return Verdict(rule, found, "pass" if rule.holds_for(value) else "fail")
    found = rule.evaluate(complete)
    if found.value is None:
        return Verdict(rule, found, "no_data")
    standing = rule.verdict(found)
    return Verdict(rule, found, "inconclusive" if failed and standing == "pass" else standing)
