"""What a change did to every metric of every scenario: the same seeds before and after, compared pair by pair.

A pair's worsening is its relative difference, 2 (after - before) / (|after| + |before|), turned so that worse is
positive: it lies in -2 to 2, is 0 where both are equal, and where a change did nothing but noise it is as likely as
its negative. So under no change S = sum(worsening) / sqrt(sum(worsening²)) is a sum of random signs with weights, and
P(S >= s) <= 3.18 (1 - Φ(s)) whatever the runs are like, ties and zeros too (Bentkus and Dzindzalieta 2015). Over all
metrics and scenarios together Holm's procedure (1979) keeps false alarms under 1 % of audits.

A worsening fails if it is beyond noise so, and if the mean over runs is worse by half a per cent of what it was: what
costs a few gas more in each liquidation is beyond noise too, but no risk.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from simulator.audit.conduct import AuditPlan
from simulator.audit.config import LEAST_PAIRS, Case
from simulator.audit.verdict import CaseRuns, number
from simulator.errors import ConfigError
from simulator.manifest import versions
from simulator.metrics import METRICS
from simulator.stress.estimate import mean_of
from simulator.stress.plan import digest_of

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
VERSION: Final = 1
FALSE_ALARMS: Final = 0.01  # of audits of unchanged risk
LEAST_CHANGE: Final = 0.005  # of the mean before
_SIGNS: Final = 0.25 / float(norm.sf(math.sqrt(2)))  # how much likelier a sum of signs is in its tail than a normal one
_DIGITS: Final = 6  # significant ones that are kept


@dataclass(frozen=True)
class Baseline:
    """The runs that a change is compared with."""

    path: Path
    values: Mapping[str, Mapping[str, Floats]]  # by scenario and metric, in the order of seeds, NaN without data


@dataclass(frozen=True)
class _Pairs:
    """A metric of a scenario before and after, run by run."""

    scenario: str
    metric: str
    before: Floats
    after: Floats
    seeds: Sequence[int]


def worsening(metric: str, before: Floats, after: Floats) -> Floats:
    """Of each pair: relative, in -2 to 2, positive for worse."""
    size = np.abs(before) + np.abs(after)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(size > 0, _sign(metric) * 2 * (after - before) / size, 0.0)


def matters(metric: str, before: Floats, after: Floats) -> bool:
    """Whether the mean is worse by so much that somebody would care."""
    change = _sign(metric) * float((after - before).mean())
    return change > 0 and change >= LEAST_CHANGE * abs(float(before.mean()))


def _sign(metric: str) -> int:
    return 1 if METRICS[metric].worse == "higher" else -1


def likelihood(worse: Floats) -> float:
    """At most how likely pairs as bad as these are where nothing changed."""
    squares = float(np.sum(worse**2))
    if not squares:
        return 1.0
    return min(1.0, _SIGNS * float(norm.sf(float(np.sum(worse)) / math.sqrt(squares))))


def beyond_noise(likelihoods: Sequence[float], together: float = FALSE_ALARMS) -> list[bool]:
    """Which of many are beyond noise, with a probability of at most `together` that any is wrongly so (Holm)."""
    found = [False] * len(likelihoods)
    for rank, at in enumerate(sorted(range(len(likelihoods)), key=lambda index: likelihoods[index])):
        if likelihoods[at] > together / (len(likelihoods) - rank):
            break
        found[at] = True
    return found


# ------------------------------------------------------------------------------------ comparing


def compare(baseline: Baseline, cases: Sequence[CaseRuns], plan: AuditPlan) -> list[dict[str, Any]]:
    """The findings of every metric that has a worse direction and data, by scenario and metric."""
    pairs: list[_Pairs] = []
    other: list[dict[str, Any]] = []
    for case in cases:
        if case.broken is not None:
            continue  # its fault says so
        known = baseline.values.get(case.name, {})
        for metric, after in values_of(case, plan).items():
            before = known.get(metric)
            if before is None:
                if np.isfinite(after).any():
                    other.append(_told(case.name, metric, "new", "The baseline does not have it."))
                continue
            both = np.isfinite(before) & np.isfinite(after)
            if both.any():
                seeds = [plan.seed + int(index) for index in np.flatnonzero(both)]
                pairs.append(_Pairs(case.name, metric, before[both], after[both], seeds))
            else:
                reason = f"{int(np.isfinite(before).sum()):,} runs had data before, and none of them has now."
                other.append(_told(case.name, metric, "inconclusive", reason))
    sound = {case.name: case for case in cases}
    findings = [*other, *_judged(pairs, sound)]
    return sorted(findings, key=lambda finding: (finding["scenario"], finding["metric"]))


def _judged(pairs: Sequence[_Pairs], cases: Mapping[str, CaseRuns]) -> Iterator[dict[str, Any]]:
    changes = [worsening(each.metric, each.before, each.after) for each in pairs]
    chances = [likelihood(change) for change in changes]
    for each, change, chance, beyond in zip(pairs, changes, chances, beyond_noise(chances), strict=True):
        case = cases[each.scenario]
        worse, better = int(np.sum(change > 0)), int(np.sum(change < 0))
        told = f"worse in {worse:,} and better in {better:,} of {len(change):,} runs"
        material = matters(each.metric, each.before, each.after)
        if beyond and material:
            verdict = "fail"
            reason = f"Beyond noise: {told} (p < {chance:.1g}; over all metrics together under {FALSE_ALARMS:.0%})."
        elif not case.sound:
            verdict, reason = "inconclusive", f"No worsening in the runs that are there, but not all are: {told}."
        else:
            verdict, reason = "pass", f"{'Too small to matter' if beyond else 'Within noise'}: {told}."
        bounds = mean_of(each.after - each.before) if len(change) >= LEAST_PAIRS else None
        yield {
            **_told(each.scenario, each.metric, verdict, reason),
            "before": float(each.before.mean()),
            "after": float(each.after.mean()),
            "change": float((each.after - each.before).mean()),
            "low": None if bounds is None else number(bounds.low),
            "high": None if bounds is None else number(bounds.high),
            "runs": len(change),
            "replay": case.command(each.seeds[int(np.argmax(change))]) if worse else None,
        }


def _told(scenario: str, metric: str, verdict: str, reason: str) -> dict[str, Any]:
    """A finding without numbers."""
    worse = METRICS[metric].worse
    empty = dict.fromkeys(("before", "after", "change", "low", "high", "replay"))
    head = {"metric": metric, "scenario": scenario, "verdict": verdict, "worse": worse, "reason": reason}
    return {**head, **empty, "runs": 0}


def values_of(case: CaseRuns, plan: AuditPlan) -> dict[str, Floats]:
    """The metrics that have a worse direction, at the first `seeds` seeds, rounded as the file keeps them."""
    wanted = range(plan.seed, plan.seed + plan.config.seeds)
    runs: pd.DataFrame = case.complete.set_index("seed").reindex(wanted)
    names = [name for name, metric in METRICS.items() if metric.worse is not None]
    return {name: _rounded(runs[name].to_numpy(dtype=float)) for name in names}


def _rounded(values: Floats) -> Floats:
    return np.array([float(f"{value:.{_DIGITS}g}") for value in values])


# ------------------------------------------------------------------------------------- the file


def storm(case: Case) -> str:
    """A hash of what a scenario does to its protocols. What these are like is what may change."""
    left_out = {"title", "story", "stress", "target", *case.scenario.protocols}
    return digest_of({key: value for key, value in case.scenario.resolved.items() if key not in left_out})


def write_baseline(path: Path, plan: AuditPlan, cases: Sequence[CaseRuns]) -> None:
    """Write the baseline of an audit whose runs are all there; at once or not at all. Raises OSError."""
    by_name = {case.name: case for case in plan.cases}
    scenarios = {case.name: _kept(case, plan, storm(by_name[case.name])) for case in cases}
    data = {
        "gas": plan.gas or "exact", "scenarios": scenarios, "seed": plan.seed, "seeds": plan.config.seeds,
        "version": VERSION, "versions": versions(), "wavetank": "baseline",
    }  # fmt: skip
    beside = path.with_name(f"{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(_text(data), encoding="utf-8")
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def _kept(case: CaseRuns, plan: AuditPlan, told: str) -> dict[str, Any]:
    """The metrics with data enough for a comparison; of one that is the same in all runs that value alone."""
    kept: dict[str, Any] = {}
    for name, values in values_of(case, plan).items():
        if np.isfinite(values).sum() >= LEAST_PAIRS:
            listed = [_plain(value) for value in values]
            kept[name] = listed[0] if len(set(listed)) == 1 else listed
    return {"metrics": kept, "storm": told}


def _plain(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < 1e15 else float(value)


def _text(data: Mapping[str, Any], indent: str = "") -> str:
    """Sorted JSON with a line for each list: a change of one metric is a change of one line."""
    inner = indent + "  "
    lines = [
        f"{inner}{json.dumps(key)}: {_text(value, inner) if isinstance(value, Mapping) else json.dumps(value)}"
        for key, value in sorted(data.items())
    ]
    body = ",\n".join(lines)
    text = f"{{\n{body}\n{indent}}}" if lines else "{}"
    return text if indent else f"{text}\n"


def read_baseline(plan: AuditPlan) -> Baseline:
    """The baseline of an audit. Raises ConfigError, with the command that mends, for one that does not fit its runs."""
    path = plan.config.baseline
    assert path is not None
    mend = f"`wavetank audit {plan.config.shown} --update-baseline` writes it anew"
    if not path.is_file():
        raise ConfigError("there is no baseline yet", where=str(path), mend=mend.removesuffix(" anew"))
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict) or data.get("wavetank") != "baseline":
            raise ConfigError("this is no baseline", where=str(path), mend="name another file in `baseline`")
        what = _unlike(data, plan)
        if what:
            raise ConfigError(what, where=str(path), mend=mend)
        values = {
            name: {metric: _listed(kept, plan.config.seeds) for metric, kept in scenario["metrics"].items()}
            for name, scenario in data["scenarios"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"cannot be read: {type(error).__name__}: {error}", where=str(path), mend=mend) from None
    return Baseline(path, values)


def _unlike(data: Mapping[str, Any], plan: AuditPlan) -> str:
    """In what a baseline is of other runs, empty where it is of the same."""
    if data["version"] != VERSION:
        return f"a baseline of version {data['version']}, and this is {VERSION}"
    wanted = {"seed": plan.seed, "seeds": plan.config.seeds, "gas": plan.gas or "exact"}
    for key, value in wanted.items():
        if data[key] != value:
            return f"the baseline has {key} = {data[key]}, the audit {value}"
    for case in plan.cases:
        known = data["scenarios"].get(case.name)
        if known is not None and known["storm"] != storm(case):
            return f'the baseline is of another storm "{case.name}": what is beside its protocols has changed'
    return ""


def _listed(kept: Any, seeds: int) -> Floats:
    values = kept if isinstance(kept, list) else [kept] * seeds
    if len(values) != seeds:
        raise ValueError(f"{len(values)} values for {seeds} seeds")
    return np.array([math.nan if value is None else float(value) for value in values])
