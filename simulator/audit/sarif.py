"""SARIF 2.1.0 (OASIS, 2020): a result for whatever is not a pass, at the rule's own line of the audit's file.

An inconclusive rule of level error is a result of level error, too. SARIF has a kind "open" for what could not be
decided, but allows it no level, and code scanning shows by level: such a gate would look green.
"""

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import PurePath, PurePosixPath
from typing import Any, Final
from urllib.parse import quote

from simulator import __version__
from simulator.audit.document import Concern, Document, Entry, concern, unfinished
from simulator.audit.wording import fault_sentence, finding_sentence, headline, sentence

Sarif = dict[str, Any]
_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final[Mapping[Concern, str]] = {"failure": "error", "error": "error", "warning": "warning"}
_INCOMPLETE: Final = "INCOMPLETE"
_WHOLE: Final = "audit"


def sarif_text(document: Document) -> str:
    """The document as SARIF."""
    results = [*_rules(document), *_findings(document), *_faults(document)]
    descriptors = _descriptors(document)
    places = {descriptor["id"]: place for place, descriptor in enumerate(descriptors)}
    for result in results:
        result["ruleIndex"] = places[result["ruleId"]]
    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "wavetank", "version": __version__, "rules": descriptors}},
                "automationDetails": {"id": f"wavetank-audit/{document['config']}/"},
                "invocations": [_invocation(document)],
                "originalUriBaseIds": {
                    "%SRCROOT%": {"description": {"text": "The root of the checked-out repository."}}
                },
                "results": results,
                "columnKind": "unicodeCodePoints",
                "properties": {"verdict": document["verdict"], "exitCode": document["exit_code"]},
            }
        ],
    }
    return json.dumps(log, sort_keys=True, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _descriptors(document: Document) -> list[Sarif]:
    """What results refer to: each rule once, each metric of the baseline, and that an audit must be whole."""
    found: dict[str, Sarif] = {}
    for rule in document["rules"]:
        help_text = f"{rule['why']}\n\n{rule['require']}".strip()
        found[rule["id"]] = _descriptor(rule["id"], rule["require"], help_text, rule["level"] == "warn")
    for finding in _of_baseline(document):
        name = _metric_id(finding)
        found[name] = _descriptor(name, f"{finding['metric']} is no worse than in the baseline", _BASELINE_HELP, False)
    found[_INCOMPLETE] = _descriptor(_INCOMPLETE, "An audit is complete", _INCOMPLETE_HELP, False)
    return [found[name] for name in sorted(found)]


_BASELINE_HELP: Final = "The same seeds, before and after: a worsening beyond noise fails even inside a rule's limit."
_INCOMPLETE_HELP: Final = "Runs that are missing might be the bad ones, so an audit without them never passes."


def _descriptor(name: str, short: str, help_text: str, gentle: bool) -> Sarif:
    return {
        "id": name,
        "shortDescription": {"text": short},
        "help": {"text": help_text},
        "defaultConfiguration": {"level": "warning" if gentle else "error"},
    }


def _rules(document: Document) -> Iterable[Sarif]:
    for rule in document["rules"]:
        found = concern(document, rule)
        if found != "none":
            yield _result(rule["id"], found, sentence(rule), document["config"], rule["line"], rule)


def _findings(document: Document) -> Iterable[Sarif]:
    for finding in _of_baseline(document):
        found = concern(document, finding)
        if found != "none":
            file = document["baseline"]["file"]
            yield _result(_metric_id(finding), found, finding_sentence(finding), file, 1, finding)


def _faults(document: Document) -> Iterable[Sarif]:
    """An audit that was cut short is a result of its own: missing results alone would look like a pass."""
    if unfinished(document):
        whole = {"scenario": _WHOLE, "verdict": "inconclusive", "replay": None}
        told = " ".join([f"{headline(document)}.", *map(fault_sentence, document["faults"])])
        yield _result(_INCOMPLETE, "error", told, document["config"], 1, whole)


def _result(name: str, found: Concern, message: str, file: str, line: int, entry: Entry) -> Sarif:
    replay = f"\n\nReplay: {entry['replay']}" if entry["replay"] else ""
    kept = ("scenario", "verdict", "estimate", "bound", "limit", "change", "runs", "replay", "capsule")
    return {
        "ruleId": name,
        "level": _LEVELS[found],
        "message": {"text": f"{message}{replay}"},
        "locations": [
            {"physicalLocation": {"artifactLocation": _artifact(file), "region": {"startLine": max(1, line)}}}
        ],
        # By rule and scenario: one line stands for several results, which must not become one alert.
        "partialFingerprints": {"primaryLocationLineHash": f"{_hash(name, entry['scenario'])}:1"},
        "properties": {key: entry[key] for key in kept if entry.get(key) is not None},
    }


def _invocation(document: Document) -> Sarif:
    faults = [*map(fault_sentence, document["faults"])]
    for scenario in document["scenarios"]:
        name = scenario["name"]
        faults += [f"{name}, {x['runs']} runs: {x['fault']}. Replay: {x['replay']}" for x in scenario["faults"]]
    notes = [{"level": "error", "message": {"text": text}} for text in faults]
    return {
        "executionSuccessful": not unfinished(document),
        "exitCode": document["exit_code"],
        "toolExecutionNotifications": notes,
    }


def _of_baseline(document: Document) -> list[Entry]:
    return (document["baseline"] or {}).get("findings", [])  # type: ignore[no-any-return]


def _metric_id(finding: Entry) -> str:
    return f"baseline/{finding['metric']}"


def _artifact(file: str) -> Sarif:
    """A file of the repository, or one beside it by its whole path."""
    path = PurePath(file)
    if path.is_absolute():
        return {"uri": path.as_uri()}
    return {"uri": quote(PurePosixPath(path.as_posix()).as_posix()), "uriBaseId": "%SRCROOT%"}


def _hash(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()[:16]
