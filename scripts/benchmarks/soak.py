"""Whether a long run stays as small and as fast as it was: two million transactions with everything recorded.

Each gas mode runs in a process of its own, so that neither hides in memory that the other has left behind.
"""

import gc
import multiprocessing
import os
import subprocess
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from benchmarks import vaults
from benchmarks.verdict import Limit, Verdict
from simulator.digest import Digest
from simulator.observer import Observer
from simulator.record import Recorder
from simulator.world import World

MOST_GROWTH_MB: Final = 64
LEAST_SPEED: Final = 0.9  # of the last tenth, over the first
_MODES: Final = ("exact", "fast")
_BLOCK_SIZE: Final = 50
_SCENARIO: Final = Path(__file__).with_name("soak.toml")


def measure(small: bool) -> Verdict:
    """Growth and speed in both gas modes."""
    transactions = 100_000 if small else 2_000_000
    figures: dict[str, Any] = {}
    for gas in _MODES:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found = pool.apply(soak, (gas, transactions))
        figures |= {f"{gas}_{name}": value for name, value in found.items()}
    growth = [Limit(f"{gas}_growth_mb", "<=", MOST_GROWTH_MB) for gas in _MODES]
    speed = [Limit(f"{gas}_last_over_first", ">=", LEAST_SPEED) for gas in _MODES]
    return Verdict(figures, [*growth, *speed])


def soak(gas: str, transactions: int) -> dict[str, Any]:
    """One run; the growth is that of the largest reading over the one before the first block."""
    blocks = transactions // _BLOCK_SIZE
    changes = {"world.hours": blocks * 12 / 3600}
    scenario = vaults.load(_SCENARIO, changes)
    with tempfile.TemporaryDirectory() as folder, Recorder(Path(folder)) as recorder:
        world = World(scenario, scenario.world.seed, vaults.new_chain(scenario, gas), Observer(recorder, Digest()))
        gc.collect()
        watch = _Watch(resident_mb())
        world.run(watch)
        recorder.close()
        rows = recorder.tables().count("transactions")
    return {"transactions": rows, **watch.figures(rows)}


class _Watch:
    """Reads the clock and the memory as the run goes on."""

    def __init__(self, at_start: float) -> None:
        self._memory = [at_start]
        self._clock = [(0, time.process_time())]
        self._steps = 0

    def __call__(self, step: int, steps: int) -> None:
        """The progress callback of a run."""
        self._steps = steps
        self._memory.append(resident_mb())
        if step * 10 >= len(self._clock) * steps:
            self._clock.append((step, time.process_time()))

    def figures(self, transactions: int) -> dict[str, Any]:
        """Speeds are by processor time: others may hold the core."""
        speeds = [(b[0] - a[0]) / (b[1] - a[1]) for a, b in pairwise(self._clock)]
        took = self._clock[-1][1] - self._clock[0][1]
        return {
            "growth_mb": round(max(self._memory) - self._memory[0], 1),
            "at_end_mb": round(self._memory[-1] - self._memory[0], 1),
            "last_over_first": round(speeds[-1] / speeds[0], 3),
            "transactions_per_second": round(transactions / took),
            "tenths_per_second": [round(speed * transactions / self._steps) for speed in speeds],
        }


def resident_mb() -> float:
    """Resident memory of this process [MB]."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    # macOS has no /proc; ps answers in KiB.
    words = ["ps", "-o", "rss=", "-p", str(os.getpid())]
    return int(subprocess.run(words, capture_output=True, check=True, text=True).stdout) * 1024 / 1e6
