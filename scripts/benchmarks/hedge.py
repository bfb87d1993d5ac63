"""A month of one-minute steps with one hedged vault, 200 perpetual accounts, hourly funding and five keepers."""

from pathlib import Path
from typing import Final

from benchmarks import vaults
from benchmarks.raw import REFERENCE_RATE, new_engine
from benchmarks.storms import figures_of, timed
from benchmarks.verdict import Limit, Verdict

HEDGE: Final = Path(__file__).with_name("hedge.toml")
HOURS: Final = 720
MOST_SECONDS: Final = 10.0


def measure(small: bool) -> Verdict:
    """Seconds in fast mode; a small one runs three days and counts ten times as many."""
    rounds, calls, hours = (1, 10_000, 72) if small else (3, 20_000, HOURS)
    scenario, engine = vaults.load(HEDGE, {"world.hours": hours}), new_engine()
    found = [timed(scenario, "fast", engine, calls) for _ in range(rounds)]
    figures = {"reference_rate": REFERENCE_RATE, "steps": 60 * hours, **figures_of("fast", found, hours / HOURS)}
    return Verdict(figures, [Limit("fast_seconds", "<=", MOST_SECONDS)])
