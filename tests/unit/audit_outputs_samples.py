"""A made-up audit with every verdict in it, and a frame of its runs."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

DOCUMENT = Path(__file__).with_name("audit_document.json")
FAULT = {"what": "the chain is gone: <anvil> ended", "where": "luna, seed 11", "mend": "see whether it runs"}


def audit_document(**changes: Any) -> dict[str, Any]:
    """The sample, with some of its keys replaced."""
    document: dict[str, Any] = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    return {**document, **changes}


def kept(document: dict[str, Any]) -> dict[str, Any]:
    """The document with nothing but passes in it."""
    passing = [rule for rule in document["rules"] if rule["verdict"] == "pass"]
    findings = [each for each in document["baseline"]["findings"] if each["verdict"] == "pass"]
    baseline = {**document["baseline"], "findings": findings}
    return {**document, "verdict": "pass", "exit_code": 0, "rules": passing, "baseline": baseline}


def cut_short(document: dict[str, Any]) -> dict[str, Any]:
    """The document with a chain that died and runs that ended early."""
    fault = {
        "fault": "agent bots-0: LookupError: lost | way",
        "runs": 3,
        "seed": 11,
        "replay": "wavetank run luna --seed 11",
    }
    scenarios = [
        {**each, "failed": 3, "faults": [fault]} if each["name"] == "luna" else each for each in document["scenarios"]
    ]
    return {**document, "status": "partial", "scenarios": scenarios, "faults": [FAULT]}


def runs_frame() -> pd.DataFrame:
    """Two runs in each of two scenarios, not in order."""
    rows = [
        {"scenario": name, "seed": seed, "weight": 1.0, "status": "complete", "fault": "", "digest": f"{seed:064x}",
         "bad_debt_ratio": 0.01 * seed}
        for name in ("luna", "calm") for seed in (8, 7)
    ]  # fmt: skip
    return pd.DataFrame(rows)
