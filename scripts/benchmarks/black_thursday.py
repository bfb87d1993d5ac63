"""The shipped storm in seconds of the machine that the README quotes: world and run, no imports and no report.

Every run stands between two measurements of the raw engine in this process; their mean over the reference rate says how
fast this machine is just now, and scales the seconds.
"""

import gc
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks import vaults
from benchmarks.raw import REFERENCE_RATE, RawEngine, new_engine
from benchmarks.timing import spread
from benchmarks.verdict import Limit, Verdict
from simulator.digest import Digest
from simulator.observer import Observer
from simulator.record import Recorder
from simulator.scenario import Scenario, load_scenario
from simulator.world import World

MOST_SECONDS: Final = {"exact": 10.0, "fast": 5.0}


def measure(small: bool) -> Verdict:
    """Seconds in both gas modes, which alternate."""
    rounds, calls = (1, 10_000) if small else (3, 20_000)
    scenario, engine = load_scenario("black-thursday"), new_engine()
    runs: dict[str, list[tuple[float, float]]] = {gas: [] for gas in MOST_SECONDS}
    for number in range(rounds):
        modes = list(MOST_SECONDS)
        for gas in modes if number % 2 == 0 else reversed(modes):
            runs[gas].append(timed(scenario, gas, engine, calls))
    figures: dict[str, Any] = {"reference_rate": REFERENCE_RATE}
    for gas, found in runs.items():
        figures |= figures_of(gas, found)
    return Verdict(figures, [Limit(f"{gas}_seconds", "<=", most) for gas, most in MOST_SECONDS.items()])


def timed(scenario: Scenario, gas: str, engine: RawEngine, calls: int) -> tuple[float, float]:
    """Processor seconds of one storm, and the engine's rate around it."""
    before = engine.rate(calls)
    gc.collect()
    began = time.process_time()
    storm(scenario, gas)
    took = time.process_time() - began
    return took, (before + engine.rate(calls)) / 2


def storm(scenario: Scenario, gas: str) -> None:
    """Set-up, run and what they write down."""
    with tempfile.TemporaryDirectory() as folder, Recorder(Path(folder)) as recorder:
        world = World(scenario, scenario.world.seed, vaults.new_chain(scenario, gas), Observer(recorder, Digest()))
        world.run()
        world.finish()
        world.seal()


def figures_of(gas: str, found: list[tuple[float, float]]) -> dict[str, Any]:
    """Scaled and plain seconds of one mode."""
    scaled = [took * rate / REFERENCE_RATE for took, rate in found]
    return {
        f"{gas}_seconds": round(median(scaled), 3),
        f"{gas}_seconds_spread": spread(scaled, 3),
        f"{gas}_seconds_here": round(median(took for took, _ in found), 3),
        f"{gas}_raw_rate_here": round(median(rate for _, rate in found)),
    }
