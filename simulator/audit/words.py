"""What an audit says on a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from simulator.audit.document import findings_worst_first, rules_worst_first
from simulator.terminal import columns, figure

_MARKS = {"pass": "pass", "fail": "FAIL", "inconclusive": "inconclusive", "new": "new"}


def lines(document: Mapping[str, Any], out: Path) -> Iterator[str]:
    """The verdict, every rule, what did not pass with the command that makes its worst run again, and the baseline."""
    yield f"{document['config']}: {document['verdict']}"
    yield ""
    if document["scenarios"]:
        head = ("scenario", "runs", "failed")
        yield from columns([head, *((each["name"], each["runs"], each["failed"]) for each in document["scenarios"])])
    rules = rules_worst_first(document)
    if rules:
        yield ""
        yield from columns([("rule", "scenario", "verdict", "estimate", "bound", "limit", "runs"), *map(_rule, rules)])
    for rule in rules:
        if rule["verdict"] != "pass":
            yield from ("", f"{rule['id']} in {rule['scenario']}: {rule['reason']}")
            yield from _further(rule["why"], rule["replay"])
            if rule["capsule"]:
                yield f"  or: wavetank replay {out / rule['capsule']}"
    yield from _baseline(document)
    yield from ("", f"results in {out}")


def _rule(rule: Mapping[str, Any]) -> Sequence[Any]:
    mark = _MARKS[rule["verdict"]] + (" (warn)" if rule["level"] == "warn" else "")
    limit = f"{rule['op']} {figure(rule['limit'])}"
    return (rule["id"], rule["scenario"], mark, figure(rule["estimate"]), figure(rule["bound"]), limit, rule["runs"])


def _further(why: str, replay: str | None) -> Iterator[str]:
    if why:
        yield f"  why: {why}"
    if replay:
        yield f"  worst run: {replay}"


def _baseline(document: Mapping[str, Any]) -> Iterator[str]:
    if document["baseline"] is None:
        return
    findings = findings_worst_first(document)
    yield ""
    if not findings:
        yield f"baseline {document['baseline']['file']}: nothing to compare"
        return
    counted = {verdict: sum(each["verdict"] == verdict for each in findings) for verdict in _MARKS}
    told = ", ".join(f"{count:,} {_MARKS[verdict]}" for verdict, count in counted.items() if count)
    yield f"baseline {document['baseline']['file']}: {told}"
    for each in findings:
        if each["verdict"] in ("fail", "inconclusive"):
            change = f"{figure(each['before'])} to {figure(each['after'])}"
            yield f"{each['metric']} in {each['scenario']}, {change}: {each['reason']}"
            yield from _further("", each["replay"])
