"""An audit's verdict and its figures as a reader sees them, each in the unit of its rule's limit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from simulator.audit.document import Concern, Document, Entry, concern, findings_worst_first, unfinished
from simulator.report.wording import MISSING, count, number
from simulator.stress.require import Rule, parse_rule
from simulator.stress.wording import amount

VERDICTS: Final = {"pass": "Pass", "fail": "Fail", "inconclusive": "Inconclusive", "new": "New"}


@dataclass(frozen=True)
class Figures:
    """What a rule found in one scenario, in words."""

    estimate: str
    bound: str  # with 95 % the statistic is at most, or at least, this
    limit: str
    runs: str


def figures(entry: Entry) -> Figures:
    """The figures of a rule of the document."""
    rule = parse_rule(entry["require"])
    return Figures(
        estimate=amount(rule, entry["estimate"]),
        bound=_bound(rule, entry),
        limit=f"{entry['op']} {rule.limit}",
        runs=f"{entry['runs']:,}" + (f" of {entry['needed']:,}" if entry["needed"] else ""),
    )


def _bound(rule: Rule, entry: Entry) -> str:
    """The bound that decided and its side; of what is judged as observed the value alone."""
    bound, low, high = entry["bound"], entry["low"], entry["high"]
    text = amount(rule, bound)
    if bound is None or low == high:
        return text
    return f"at most {text}" if bound == high else f"at least {text}"


def sentence(entry: Entry) -> str:
    """A rule's finding in one line: what was found, by which bound, against which limit, and why."""
    found = figures(entry)
    return (
        f"{VERDICTS[entry['verdict']]}: {entry['require']} in {entry['scenario']}. Estimate {found.estimate}, "
        f"95 % bound {found.bound}, limit {found.limit}, {count(entry['runs'], 'run')}. {entry['reason']}"
    )


def finding_sentence(entry: Entry) -> str:
    """A finding of the baseline in one line."""
    return f"{VERDICTS[entry['verdict']]}: {entry['metric']} in {entry['scenario']}, {step(entry)}. {entry['reason']}"


def fault_sentence(fault: Entry) -> str:
    """A fault of the machinery in one line."""
    place, mend = (fault[part] and form.format(fault[part]) for part, form in (("where", "{}: "), ("mend", " ({})")))
    return f"{place}{fault['what']}{mend}"


def step(entry: Entry) -> str:
    """From what to what a metric went since the baseline."""
    return f"{value(entry['before'])} before, {value(entry['after'])} now"


def change(entry: Entry) -> str:
    """The mean paired change of a metric, with its sign."""
    found = entry["change"]
    return MISSING if found is None else f"{'+' if found > 0 else ''}{value(found)}"


def between(entry: Entry) -> str:
    """The bounds of that change."""
    low, high = entry["low"], entry["high"]
    return MISSING if low is None and high is None else f"{value(low)} to {value(high)}"


def value(found: float | None) -> str:
    """A number, or that there is none."""
    return MISSING if found is None else number(found)


def headline(document: Document) -> str:
    """The verdict and what it rests on, in one line."""
    return f"{VERDICTS[document['verdict']]}: {', '.join(grounds(document))}"


def grounds(document: Document) -> list[str]:
    """What the verdict rests on, the weightiest first: 3 of 24 checks broken."""
    rules = [concern(document, entry) for entry in document["rules"]]
    findings = [concern(document, entry) for entry in findings_worst_first(document)]
    parts = [
        *_shares(rules, {"failure": "broken", "error": "undecided"}),
        _metrics(findings, "failure", "worse than the baseline"),
        _metrics(findings, "error", "not compared with the baseline"),
        "the audit is not whole" if unfinished(document) else "",
        count(warnings, "warning") if (warnings := [*rules, *findings].count("warning")) else "",
    ]
    told = [part for part in parts if part]
    if not rules:
        told.append("no rule was judged")
    elif len(told) == bool(warnings):
        told.insert(0, f"{rules.count('none')} of {count(len(rules), 'check')} kept")
    return told


def _shares(concerns: Sequence[Concern], words: Mapping[Concern, str]) -> list[str]:
    """3 of 24 checks broken, 2 undecided."""
    found = [(concerns.count(which), word) for which, word in words.items() if which in concerns]
    total = f" of {count(len(concerns), 'check')}"
    return [f"{many}{'' if place else total} {word}" for place, (many, word) in enumerate(found)]


def _metrics(concerns: Sequence[Concern], which: Concern, word: str) -> str:
    found = concerns.count(which)
    return f"{count(found, 'metric')} {word}" if found else ""
