"""Measure what the design promises of speed and memory.

    python scripts/bench.py                         the names
    python scripts/bench.py NAME [--small] [--json] one benchmark; exit 1 where its bound does not hold

`--small` is for the direction only: less of everything, more noise. The JSON has `name`, `figures`, `bound`, `holds`.
"""

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.verdict import Verdict

from simulator.errors import WavetankError

BENCHMARKS = {  # name -> module of `measure(small) -> Verdict`
    "overhead": "benchmarks.overhead",
    "backends": "benchmarks.backends",
    "month": "benchmarks.month",
    "soak": "benchmarks.soak",
    "black-thursday": "benchmarks.black_thursday",
    "hedge": "benchmarks.hedge",
    "margin": "benchmarks.margin",
    "paths": "benchmarks.paths",
    "scale": "benchmarks.scale",
    "peer": "benchmarks.peer",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 the bound holds, 1 it does not, 2 and more what the benchmark needs is not there."""
    parser = argparse.ArgumentParser(prog="bench.py", description="Measure what the design promises of speed.")
    parser.add_argument("name", nargs="?", default="list", choices=["list", *BENCHMARKS], metavar="NAME")
    parser.add_argument("--small", action="store_true", help="less of everything, for the direction only")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    options = parser.parse_args(arguments)
    if options.name == "list":
        print(json.dumps({"benchmarks": list(BENCHMARKS)}) if options.json else "\n".join(BENCHMARKS))
        return 0
    try:
        verdict: Verdict = importlib.import_module(BENCHMARKS[options.name]).measure(options.small)
    except WavetankError as fault:
        print(f"{options.name}: {fault}", file=sys.stderr)
        return fault.exit_code
    print(json.dumps(as_json(options.name, verdict)) if options.json else as_text(options.name, verdict))
    return 0 if verdict.holds else 1


def as_json(name: str, verdict: Verdict) -> dict[str, Any]:
    """What `--json` prints."""
    bound = {limit.figure: f"{limit.sense} {limit.value:g}" for limit in verdict.limits}
    return {"name": name, "figures": verdict.figures, "bound": bound, "holds": verdict.holds}


def as_text(name: str, verdict: Verdict) -> str:
    """A line for each figure, with its limit beside it."""
    limits = {limit.figure: limit for limit in verdict.limits}
    lines = [f"{name}: {'holds' if verdict.holds else 'DOES NOT HOLD'}"]
    for figure, value in verdict.figures.items():
        limit = limits.get(figure)
        against = f"  must be {limit.sense} {limit.value:g}" if limit else ""
        lines.append(f"  {figure:<32} {shown(value)}{against}")
    return "\n".join(lines)


def shown(value: Any) -> str:
    """A number, a word, or a spread as from .. to."""
    if isinstance(value, list):
        return " .. ".join(map(shown, value))
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


if __name__ == "__main__":
    sys.exit(main())
