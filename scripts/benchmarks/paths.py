"""A million path-steps of every price process, and of a pair of assets by both copulas, in seconds.

A process draws 1,000 paths of 1,000 steps, each step as long as a bar of the process where it has bars of its own. What
a process is made of besides is drawn too and counts: the driving normals, another asset, the reading of a file. Each
measurement stands between two of the raw engine, as in the benchmark of Black Thursday, and is scaled by them.
"""

import gc
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

import numpy as np

from benchmarks.raw import REFERENCE_RATE, RawEngine, new_engine
from benchmarks.timing import spread
from benchmarks.verdict import Limit, Verdict
from simulator.market.correlation import CorrelationSettings
from simulator.market.paths import drawn_paths
from simulator.market.processes import PROCESSES, Process
from simulator.streams import Streams

MOST_SECONDS: Final = 1.0
_PATHS, _STEPS = 1_000, 1_000
_BLOCK, _HOUR, _DAY = 12.0, 3600.0, 86_400.0
_ROWS = 20_000  # of the file


class Case(NamedTuple):
    """What is drawn at once; the last asset is the one that is measured, but all of them count."""

    name: str
    assets: Mapping[str, Process]
    step: float  # [s]
    correlation: CorrelationSettings | None = None
    paths: int = _PATHS
    steps: int = _STEPS


def measure(small: bool) -> Verdict:
    """Seconds of every case, in turns."""
    rounds, calls = (1, 5_000) if small else (5, 10_000)
    engine = new_engine()
    with tempfile.TemporaryDirectory() as folder:
        every = cases()
        write_history(Path(folder))
        found: dict[str, list[tuple[float, float]]] = {case.name: [] for case in every}
        for _ in range(rounds):
            for case in every:
                found[case.name].append(timed(case, Path(folder), engine, calls))
        day = {case.name: timed(day_of(case), Path(folder), engine, calls) for case in every}
    figures: dict[str, Any] = {"reference_rate": REFERENCE_RATE}
    for name, runs in found.items():
        figures |= figures_of(name, runs)
    took = {name: seconds * rate / REFERENCE_RATE for name, (seconds, rate) in day.items()}
    slowest = max(took, key=lambda name: took[name])
    figures |= {"day_of_blocks_milliseconds_most": round(1e3 * took[slowest], 2), "day_of_blocks_slowest": slowest}
    return Verdict(figures, [Limit(f"{case.name}_seconds", "<=", MOST_SECONDS) for case in every])


def cases() -> list[Case]:
    """Every registered process, and both copulas."""
    gbm = PROCESSES["gbm"](price=200.0)
    settings: dict[str, tuple[dict[str, Any], float]] = {
        "replay": ({"csv": "history.csv", "bridge_volatility": 0.8}, _BLOCK),
        "bootstrap": ({"csv": "history.csv"}, _HOUR),
        "garch": ({}, _HOUR),
        "regimes": ({}, _DAY),
        "peg": ({"price": 1.0, "depeg_rate": 100.0}, _BLOCK),
        "yield-bearing": ({"of": "ETH", "drop_rate": 100.0}, _BLOCK),
    }
    found = []
    for name, process in PROCESSES.items():
        keys, step = settings.get(name, ({}, _BLOCK))
        if "price" in process.model_fields and name not in ("replay", "peg"):
            keys = {"price": 200.0, **keys}
        assets = {"ETH": gbm, "X": process(**keys)} if name == "yield-bearing" else {"X": process(**keys)}
        found.append(Case(name.replace("-", "_"), assets, step))
    for copula in ("gaussian", "t"):
        together = CorrelationSettings(copula=copula, pairs={"ETH": {"BTC": 0.8}})
        # Half as many paths of two assets: a million path-steps in all.
        found.append(Case(f"{copula}_copula", {"BTC": gbm, "ETH": gbm}, _BLOCK, together, _PATHS // 2))
    return found


def day_of(case: Case) -> Case:
    """One path of the 7,200 blocks of a day, as a run draws it."""
    return case._replace(paths=1, steps=7_200, step=_BLOCK)


def write_history(folder: Path) -> None:
    """A file of hourly prices."""
    start = datetime(2020, 1, 1, tzinfo=UTC)
    gains = 0.008 * Streams(1).generator("history").standard_t(3.2, _ROWS)
    prices = 200 * np.exp(np.cumsum(gains - gains.mean()))
    rows = (f"{(start + timedelta(hours=hour)).isoformat()},{price:.6f}" for hour, price in enumerate(prices))
    (folder / "history.csv").write_text("\n".join(["time_utc,price", *rows]) + "\n", encoding="utf-8")


def timed(case: Case, folder: Path, engine: RawEngine, calls: int) -> tuple[float, float]:
    """Processor seconds of one case, and the engine's rate around it."""
    before = engine.rate(calls)
    times = np.arange(case.steps + 1) * case.step
    start = datetime(2020, 1, 1, tzinfo=UTC).timestamp()
    gc.collect()
    began = time.process_time()
    drawn_paths(
        case.assets, times, Streams(1), paths=case.paths, start=start, folder=folder, correlation=case.correlation
    )
    took = time.process_time() - began
    return took, (before + engine.rate(calls)) / 2


def figures_of(name: str, found: list[tuple[float, float]]) -> dict[str, Any]:
    """Scaled and plain seconds of one case."""
    scaled = [took * rate / REFERENCE_RATE for took, rate in found]
    return {
        f"{name}_seconds": round(median(scaled), 4),
        f"{name}_seconds_spread": spread(scaled, 4),
        f"{name}_seconds_here": round(median(took for took, _ in found), 4),
    }
