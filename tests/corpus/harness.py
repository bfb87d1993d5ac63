"""Compile a variant of the contracts, run a scenario on it, and say which default rules it breaks."""

import hashlib
import importlib.util
import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
from variants import Edit, Variant

from simulator import load, run
from simulator.audit.defaults import PROBE_RULES, RISK_RULES, DefaultRule
from simulator.chain.artifacts import artifacts_from
from simulator.stress.require import parse_rule

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LIBRARIES = ROOT / "scripts" / "toolchain" / "node_modules"
CACHE = Path(tempfile.gettempdir()) / f"wavetank-corpus-{os.getuid()}"
_CONTRACT = re.compile(r"contract (\w+)(?: is ([^{]+))? \{")
# Those that are judged as observed. The others are about many runs of storms.
RULES = (*(rule for rule in RISK_RULES if rule.require.startswith(("max", "min"))), *PROBE_RULES)


@cache
def compiler() -> ModuleType:
    """scripts/compile.py."""
    spec = importlib.util.spec_from_file_location("wavetank_compile", ROOT / "scripts" / "compile.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def sources() -> Mapping[str, str]:
    """The sound sources by their import names."""
    found: dict[str, str] = compiler().read_sources()
    return found


def patched(edits: Iterable[Edit]) -> dict[str, str]:
    """All sources with the edits. Raises ValueError where a text is not there exactly once."""
    texts = dict(sources())
    for edit in edits:
        name = f"contracts/{edit.file}"
        if texts[name].count(edit.old) != 1:
            raise ValueError(f"{name} has {texts[name].count(edit.old)} times: {edit.old}")
        texts[name] = texts[name].replace(edit.old, edit.new)
    return texts


def closure(name: str, texts: Mapping[str, str]) -> set[str]:
    """A source and all it imports."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += compiler().imports_of(each, texts[each])
    return found


@cache
def ancestry() -> Mapping[str, set[str]]:
    """For each contract that ships, the names of all it inherits from, itself included."""
    bases = {m[1]: re.findall(r"\w+", m[2] or "") for text in sources().values() for m in _CONTRACT.finditer(text)}

    def above(name: str) -> set[str]:
        return {name}.union(*(above(base) for base in bases.get(name, ())))

    shipped = [json.loads(path.read_text()) for path in (ROOT / "simulator" / "artifacts").glob("*.json")]
    return {each["source"]: above(each["contract"]) for each in shipped if each["bytecode"] != "0x"}


def artifacts(variant: Variant) -> Path:
    """The folder of the contracts that the variant changes, compiled once for a content."""
    texts = patched(variant.edits)
    changed = {Path(edit.file).stem for edit in variant.edits}
    wanted = {source for source, names in ancestry().items() if names & changed}
    used = {name: texts[name] for each in wanted for name in closure(each, texts)}
    key = hashlib.sha256(json.dumps([sorted(used.items()), sorted(wanted)]).encode()).hexdigest()[:24]
    folder = CACHE / key
    if not folder.is_dir():
        compile_into(folder, used, wanted)
    return folder


def compile_into(folder: Path, texts: dict[str, str], wanted: set[str]) -> None:
    """Compile, and move the artifacts to their place when all are there."""
    output = compiler().run_solc(dict(sorted(texts.items())))
    errors = [fault["formattedMessage"] for fault in output.get("errors", []) if fault["severity"] == "error"]
    if errors:
        raise ValueError("\n".join(errors))
    CACHE.mkdir(exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=CACHE))
    for source in sorted(wanted):
        for name, contract in output["contracts"][source].items():
            if contract["evm"]["bytecode"]["object"]:
                (made / f"{name}.json").write_text(compiler().artifact_text(name, source, contract, texts))
    try:
        made.rename(folder)
    except OSError:  # another process was first
        assert folder.is_dir()


def metrics_of(
    scenario: str, seed: int, variant: Variant | None = None, changes: Mapping[str, Any] | None = None
) -> dict[str, float | int | None]:
    """The metrics of one run, on sound contracts or on a variant."""
    here = HERE / f"{scenario}.toml"
    wanted = load(str(here) if here.is_file() else scenario, **dict(changes or (variant.changes if variant else {})))
    with artifacts_from(artifacts(variant)) if variant else nullcontext():
        return dict(run(wanted, seed=seed).metrics)


def broken(runs: Iterable[Mapping[str, Any]], rules: Iterable[DefaultRule] = RULES) -> dict[str, float]:
    """The rules that the runs break as observed, each with the statistic; metrics without data break nothing."""
    frame = pd.DataFrame(list(runs)).astype(float)
    found = {}
    for default in rules:
        rule = parse_rule(default.require)
        if frame[list(rule.metrics)].isna().all(axis=None):
            continue
        estimate = rule.evaluate(frame)
        if rule.verdict(estimate) == "fail" and estimate.value is not None:
            found[default.id] = estimate.value
    return found
