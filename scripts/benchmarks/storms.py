"""Whole runs in seconds of the machine that the README quotes: world and run, no imports and no report.

Every run stands between two measurements of the raw engine in this process; their mean over the reference rate says how
fast this machine is just now, and scales the seconds.
"""

import gc
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks import vaults
from benchmarks.raw import REFERENCE_RATE, RawEngine
from benchmarks.timing import spread
from simulator.digest import Digest
from simulator.observer import Observer
from simulator.record import Recorder
from simulator.scenario import Scenario
from simulator.world import World


class Timed(NamedTuple):
    """Processor seconds of one run, and the engine's rate around it."""

    setup: float
    run: float
    rate: float

    def scaled(self, share: float) -> float:
        """Seconds of the whole on the quoted machine, where the run was a share of it."""
        return (self.setup + self.run / share) * self.rate / REFERENCE_RATE


def timed(scenario: Scenario, gas: str, engine: RawEngine, calls: int) -> Timed:
    """One run."""
    before = engine.rate(calls)
    gc.collect()
    setup, run = _storm(scenario, gas)
    return Timed(setup, run, (before + engine.rate(calls)) / 2)


def _storm(scenario: Scenario, gas: str) -> tuple[float, float]:
    """Seconds of set-up, and of the run and what it writes down."""
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder, Recorder(Path(folder)) as recorder:
        world = World(scenario, scenario.world.seed, vaults.new_chain(scenario, gas), Observer(recorder, Digest()))
        ready = time.process_time()
        world.run()
        world.finish()
        world.seal()
    return ready - began, time.process_time() - ready


def figures_of(gas: str, found: list[Timed], share: float = 1.0) -> dict[str, Any]:
    """Scaled and plain seconds of one mode; runs that are a share of the whole count as it."""
    scaled = [each.scaled(share) for each in found]
    return {
        f"{gas}_seconds": round(median(scaled), 3),
        f"{gas}_seconds_spread": spread(scaled, 3),
        f"{gas}_seconds_here": round(median(each.setup + each.run for each in found), 3),
        f"{gas}_raw_rate_here": round(median(each.rate for each in found)),
    }
