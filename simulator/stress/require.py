"""What is asked of a set of parameters: `AGG(EXPR) OP LIMIT`, or `param(KEY) OP LIMIT`.

    p99(bad_debt_ratio) <= 0.5%              a percentile over runs; es99.9, mean, max and min likewise
    mean(gas_used / transactions) < 200000   EXPR may be a ratio of two metrics, taken run by run
    rate(bad_debt_usd > 1000 usd) <= 1%      the share of runs in which a comparison holds; count, their number
    param(cdp.collateral.ETH.liquidation_ratio) >= 130%

A limit is a number, with %, bps or usd behind it or nothing. A rule about runs passes when the worse 95 % bound of its
statistic keeps the limit, fails when even the better bound breaks it, and is inconclusive between.
"""

import math
import operator
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from simulator.errors import ConfigError
from simulator.registry import nearest
from simulator.stress.estimate import Estimate, Side, estimate, runs_needed
from simulator.stress.tail import CONFIDENCE

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Verdict = Literal["pass", "fail", "inconclusive"]
Compare = Callable[[Any, Any], Any]

COMPARISONS: Final[Mapping[str, Compare]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
    "==": operator.eq,
    "!=": operator.ne,
}
UNITS: Final[Mapping[str, Decimal]] = {
    "": Decimal(1),
    "%": Decimal("0.01"),
    "bps": Decimal("0.0001"),
    "usd": Decimal(1),
}
PARAMETER: Final = "param"
_WORDS: Final = ("max", "min", "mean", "count", "rate", PARAMETER)
_FLAGS: Final = ("count", "rate")  # they are taken of a comparison

_RULE = re.compile(
    r"\s*(?P<aggregate>[\w.]+)\s*\((?P<inside>.*)\)\s*(?P<comparison><=|>=|==|!=|<|>)\s*(?P<limit>.*?)\s*"
)
_INSIDE = re.compile(r"(?P<ratio>[^<>=!]*?)\s*(?:(?P<comparison><=|>=|==|!=|<|>)\s*(?P<limit>.*))?")
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_LEVEL = re.compile(r"(?P<kind>p|es)(?P<level>\d{1,2}(?:\.\d+)?)")
_LIMIT = re.compile(r"(?P<number>[+-]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*(?P<unit>%|bps|usd|)")


@dataclass(frozen=True)
class Limit:
    """A number as it was written, with its unit."""

    number: Decimal
    unit: str = ""

    @property
    def value(self) -> float:
        """What is compared: .005 of 0.5% and of 50bps."""
        return float(self.number * UNITS[self.unit])

    def __str__(self) -> str:
        space = " " if self.unit == "usd" else ""
        return f"{self.number}{space}{self.unit}"


@dataclass(frozen=True)
class Expression:
    """What is read off each run: a metric, a ratio of two, or whether one of these keeps a comparison."""

    metric: str
    over: str = ""  # the metric that it is divided by
    comparison: str = ""
    limit: Limit | None = None

    def __str__(self) -> str:
        ratio = f"{self.metric} / {self.over}" if self.over else self.metric
        return f"{ratio} {self.comparison} {self.limit}" if self.limit is not None else ratio

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of the metrics in it."""
        return (self.metric, self.over) if self.over else (self.metric,)

    def values(self, runs: "pd.DataFrame") -> Floats:
        """One number a run, 0 or 1 for a comparison; NaN for a run without data, so for 0 / 0."""
        found = runs[self.metric].to_numpy(dtype=float)
        if self.over:
            with np.errstate(divide="ignore", invalid="ignore"):
                found = found / runs[self.over].to_numpy(dtype=float)
        if self.limit is None:
            return found
        kept = COMPARISONS[self.comparison](found, self.limit.value).astype(float)
        return np.where(np.isnan(found), np.nan, kept)


@dataclass(frozen=True)
class Rule:
    """A constraint as it was written; `str` prints it so that `parse_rule` reads it back."""

    aggregate: str  # max, min, mean, pNN, esNN, count, rate, or param
    expression: Expression | str  # for param the dotted key
    comparison: str
    limit: Limit

    def __str__(self) -> str:
        return f"{self.aggregate}({self.expression}) {self.comparison} {self.limit}"

    @property
    def is_parameter(self) -> bool:
        """Whether it is about a key of the scenario and not about runs."""
        return self.aggregate == PARAMETER

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of the metrics it reads."""
        return self.expression.metrics if isinstance(self.expression, Expression) else ()

    def statistic(self, values: Sequence[float] | Floats, weights: Sequence[float] | Floats | None = None) -> Estimate:
        """Its aggregate of one number a run, with bounds."""
        return estimate(self.aggregate, values, weights)

    def evaluate(self, runs: "pd.DataFrame") -> Estimate:
        """Its statistic of the complete runs of one point, by the columns of the table of results."""
        if not isinstance(self.expression, Expression):
            raise TypeError(f"{self} is about a parameter")
        sound = runs[runs["status"] == "complete"] if "status" in runs else runs
        weights = sound["weight"].to_numpy(dtype=float) if "weight" in sound else None
        return self.statistic(self.expression.values(sound), weights)

    def verdict(self, found: Estimate) -> Verdict:
        """Whether the worse bound of its statistic keeps the limit."""
        low = -math.inf if found.low is None else found.low
        high = math.inf if found.high is None else found.high
        if found.value is None:
            return "inconclusive"
        return _verdict(self.comparison, low, high, self.limit.value)

    def holds_for(self, value: Any) -> bool:
        """Whether the value of a parameter keeps the limit."""
        return bool(COMPARISONS[self.comparison](float(value), self.limit.value))

    def seeds_needed(self) -> int:
        """The least runs of a point with which it can pass. Raises ConfigError where no number would do."""
        if self.is_parameter:
            return 1
        if self.aggregate == "rate":
            return self._runs_of_rate()
        side: Side = "high" if self.comparison in ("<=", "<") else "low" if self.comparison in (">=", ">") else "both"
        return runs_needed(self.aggregate, side)

    def _runs_of_rate(self) -> int:
        """With no event in so many runs the upper bound of the rate keeps the limit; or with nothing but events."""
        if self.comparison == "!=":
            return 1
        below = self.comparison in ("<=", "<")
        most = 1 - self.limit.value if below else self.limit.value
        if most >= 1 or self.comparison == "==":
            mend = f"write count({self.expression}) {self.comparison} N, of the runs as they are, or leave some room"
            raise _refused(str(self), "no number of runs shows that a rate is exactly so", mend)
        return max(1, math.ceil(math.log(1 - CONFIDENCE) / math.log(most))) if most > 0 else 1


def _verdict(comparison: str, low: float, high: float, limit: float) -> Verdict:
    """Of a statistic somewhere in [low, high]: whether the comparison holds for all of it, or for none."""
    if comparison in ("==", "!="):
        within = low <= limit <= high
        equal: bool | None = True if low == high == limit else None if within else False
        return "inconclusive" if equal is None else "pass" if equal == (comparison == "==") else "fail"
    worse, better = (high, low) if comparison in ("<=", "<") else (low, high)
    keeps = COMPARISONS[comparison]
    return "pass" if keeps(worse, limit) else "inconclusive" if keeps(better, limit) else "fail"


def parse_rule(text: str) -> Rule:
    """Read a rule. Raises ConfigError with what is wrong in it."""
    match = _RULE.fullmatch(text)
    if match is None:
        raise _refused(text, "is no rule", "write AGG(EXPR) OP LIMIT, such as p99(bad_debt_ratio) <= 0.5%")
    aggregate, inside = match["aggregate"], match["inside"].strip()
    _check_aggregate(text, aggregate)
    if aggregate == PARAMETER:
        if not inside:
            raise _refused(text, "names no key", "write param(key.path) OP LIMIT")
        return Rule(aggregate, inside, match["comparison"], _limit(text, match["limit"]))
    expression = _expression(text, inside)
    if (expression.limit is not None) != (aggregate in _FLAGS):
        if aggregate in _FLAGS:
            raise _refused(text, f"{aggregate} is taken of a comparison", f"write {aggregate}({inside} > 0)")
        raise _refused(text, f"{aggregate} is not taken of a comparison", f"write rate({inside})")
    return Rule(aggregate, expression, match["comparison"], _limit(text, match["limit"]))


def _check_aggregate(text: str, aggregate: str) -> None:
    if aggregate in _WORDS:
        return
    level = _LEVEL.fullmatch(aggregate)
    if level is None:
        near = nearest(aggregate, [*_WORDS, "p99", "es99"])
        raise _refused(
            text, f"no statistic {aggregate}", f"one of max, min, mean, pNN, esNN, count, rate; the nearest is {near}"
        )
    if not float(level["level"]):
        raise _refused(text, f"{aggregate} has no level", "write it as p99 or p99.9, above 0 and below 100")


def _expression(text: str, inside: str) -> Expression:
    match = _INSIDE.fullmatch(inside)
    if match is None:
        raise _refused(text, f"{inside} is no expression", "write a metric, METRIC / METRIC, or METRIC OP LIMIT")
    names = [name.strip() for name in match["ratio"].split("/")]
    if len(names) > 2 or not all(_NAME.fullmatch(name) for name in names):
        raise _refused(text, f"{match['ratio'] or 'nothing'} is no metric", "write a metric, or METRIC / METRIC")
    limit = _limit(text, match["limit"]) if match["comparison"] else None
    return Expression(names[0], names[1] if len(names) == 2 else "", match["comparison"] or "", limit)


def _limit(text: str, written: str) -> Limit:
    match = _LIMIT.fullmatch(written.strip())
    if match is None:
        raise _refused(text, f'"{written}" is no limit', "write a number, or one with %, bps or usd")
    return Limit(Decimal(match["number"]), match["unit"])


def _refused(text: str, what: str, mend: str) -> ConfigError:
    return ConfigError(f'"{text.strip()}": {what}', where="--require", mend=mend)


def check_rules(rules: Collection[Rule], seeds: int, metrics: Collection[str] | None = None) -> None:
    """Refuse, before anything runs, what no run could answer.

    Raises ConfigError for a metric that is not among `metrics` (all registered ones), with the nearest that is, and
    for fewer `seeds` a point than a statistic needs, with the number that would do.
    """
    if metrics is None:
        from simulator.metrics import METRICS

        metrics = METRICS
    for rule in rules:
        for name in rule.metrics:
            if name not in metrics:
                near = nearest(name, metrics)
                raise _refused(str(rule), f"no metric {name}", f"the nearest that exists is {near}")
    for rule in sorted(rules, key=Rule.seeds_needed, reverse=True):
        needed = rule.seeds_needed()
        if needed > seeds:  # of several the one that asks for most
            raise _refused(str(rule), f"{seeds} seeds are too few for it", f"{needed} would do: --seeds {needed}")
