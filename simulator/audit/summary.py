"""The audit as Markdown: the verdict first, a table of the rules, and for each that is no pass how to see why."""

import re
from collections.abc import Iterable, Sequence

from simulator.audit.document import Document, Entry, findings_worst_first, rules_worst_first
from simulator.audit.wording import VERDICTS, between, change, fault_sentence, figures, headline, step
from simulator.report.wording import count

_MARKS = {"pass": "✅", "fail": "❌", "inconclusive": "❔", "new": "➕"}
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#&$])")
_RULES = ("Verdict", "Rule", "Scenario", "Estimate", "95 % bound", "Limit", "Runs")
_FINDINGS = ("Verdict", "Metric", "Scenario", "Before and now", "Change", "95 % bounds", "Runs")
_NUMBERS_FROM = 3  # the columns from here on are set to the right


def summary_text(document: Document) -> str:
    """The document as Markdown for the page of a pull request or of a run of CI."""
    rules = rules_worst_first(document)
    parts = [f"## {_MARKS[document['verdict']]} {_plain(headline(document))}", _facts(document), *_faults(document)]
    if rules:
        parts.append(_table(_RULES, (_rule(entry) for entry in rules)))
    parts += [_story(entry["id"], entry) for entry in rules if entry["verdict"] != "pass"]
    if document["baseline"] is not None:
        parts += _baseline(document)
    return "\n\n".join(parts) + "\n"


def _facts(document: Document) -> str:
    runs = sum(scenario["runs"] for scenario in document["scenarios"])
    facts = [_code(document["config"]), count(len(document["scenarios"]), "scenario"), count(runs, "run")]
    facts.append(f"seeds from {document['seed']}")
    if document["warn_only"]:
        facts.append("warnings only: no rule stops this pipeline")
    return " · ".join(facts)


def _faults(document: Document) -> list[str]:
    """What kept the audit from its end, and what ended runs."""
    told = [f"- {_plain(fault_sentence(fault))}" for fault in document["faults"]]
    for scenario in document["scenarios"]:
        told += [
            f"- **{_plain(scenario['name'])}**, {count(fault['runs'], 'run')} of {scenario['runs']:,}: "
            f"{_plain(fault['fault'])}\n\n{_fence(fault['replay'], indent='  ')}"
            for fault in scenario["faults"]
        ]
    return ["### Faults", "\n".join(told)] if told else []


def _rule(entry: Entry) -> Sequence[str]:
    found = figures(entry)
    level = "" if entry["level"] == "error" else " (warning)"
    cells = (found.estimate, found.bound, found.limit, found.runs)
    return (_verdict(entry, level), _code(entry["id"]), _plain(entry["scenario"]), *map(_plain, cells))


def _finding(entry: Entry) -> Sequence[str]:
    cells = (entry["scenario"], step(entry), change(entry), between(entry), f"{entry['runs']:,}")
    return (_verdict(entry), _code(entry["metric"]), *map(_plain, cells))


def _verdict(entry: Entry, level: str = "") -> str:
    return f"{_MARKS[entry['verdict']]} {VERDICTS[entry['verdict']]}{level}"


def _story(name: str, entry: Entry) -> str:
    """Why an entry is no pass, and the command that shows it."""
    why = f" {_plain(entry['why'])}" if entry.get("why") else ""
    told = f"**{_plain(name)}** in {_plain(entry['scenario'])}: {_plain(entry['reason'])}{why}"
    if entry.get("capsule"):
        told += f" Capsule: {_code(entry['capsule'])}."
    return f"{told}\n\n{_fence(entry['replay'])}" if entry["replay"] else told


def _baseline(document: Document) -> list[str]:
    """What differs from the baseline; the metrics that do not are only counted."""
    findings = findings_worst_first(document)
    shown = [entry for entry in findings if entry["verdict"] != "pass"]
    same = f"{count(len(findings) - len(shown), 'metric')} no worse than in {_code(document['baseline']['file'])}."
    parts = ["### Baseline", same]
    if shown:
        parts.append(_table(_FINDINGS, (_finding(entry) for entry in shown)))
        parts += [_story(entry["metric"], entry) for entry in shown if entry["verdict"] != "new"]
    return parts


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = ["---" if place < _NUMBERS_FROM else "--:" for place in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def _plain(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", re.sub(r"[\r\n]+", " ", text))


def _code(text: str) -> str:
    """A name on a grey ground; one with a backtick or a bar in it as plain text."""
    return _plain(text) if "`" in text or "|" in text or "\n" in text else f"`{text}`"


def _fence(command: str, indent: str = "") -> str:
    """A command in a block of its own, which GitHub gives a button to copy."""
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", command)), default=0))
    return "\n".join(f"{indent}{line}" for line in (f"{ticks}sh", command, ticks))
