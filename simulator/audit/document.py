"""The document that `wavetank audit --json` prints and `audit.json` holds, and how its verdicts are read.

    {"schema": 1, "verdict": "pass"|"fail"|"inconclusive", "exit_code": 0|1|3, "status": "complete"|"partial",
     "config": path as given, "seed", "seeds", "max_seeds", "warn_only",
     "scenarios": [{"name", "title", "runs", "failed", "digest", "faults": [{"fault", "runs", "seed", "replay"}]}],
     "rules": [{"id", "require", "level", "why", "line", "scenario", "verdict", "estimate", "bound", "low", "high",
                "op", "limit", "runs", "needed", "reason", "worst": {"seed", "value"}, "replay", "capsule"}],
     "baseline": {"file", "findings": [{"metric", "scenario", "verdict", "before", "after", "change", "low", "high",
                                        "runs", "worse", "reason", "replay"}]},
     "faults": [{"what", "where", "mend"}], "versions"}

Every output is a function of it, of the frame of runs, and of nothing else: the same inputs give the same bytes.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

Document = Mapping[str, Any]
Entry = Mapping[str, Any]  # one of its rules, or of its baseline's findings
Concern = Literal["none", "failure", "error", "warning"]

_CONCERNS: Final[Mapping[str, Concern]] = {"pass": "none", "fail": "failure", "inconclusive": "error", "new": "warning"}
_ORDER: Final = ("fail", "inconclusive", "new", "pass")


def concern(document: Document, entry: Entry) -> Concern:
    """What an entry asks of CI: failure and error stop it, a warning is only shown. No verdict but pass is none."""
    found = _CONCERNS[entry["verdict"]]
    gentle = document["warn_only"] or entry.get("level") == "warn"
    return "warning" if gentle and found != "none" else found


def rules_worst_first(document: Document) -> list[Entry]:
    """The rules, those that fail first; among equals those of level error, then as they were written."""
    return sorted(document["rules"], key=lambda rule: (_ORDER.index(rule["verdict"]), rule["level"] != "error"))


def findings_worst_first(document: Document) -> list[Entry]:
    """The findings of the baseline, those that fail first; none without a baseline."""
    found: list[Entry] = (document["baseline"] or {}).get("findings", [])
    return sorted(found, key=lambda finding: _ORDER.index(finding["verdict"]))


def unfinished(document: Document) -> bool:
    """Whether something kept the audit from coming to its end, so that it must not look green."""
    return document["status"] != "complete" or bool(document["faults"])
