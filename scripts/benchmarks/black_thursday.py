"""The shipped storm in both gas modes, in seconds of the machine that the README quotes."""

from typing import Any, Final

from benchmarks.raw import REFERENCE_RATE, new_engine
from benchmarks.storms import Timed, figures_of, timed
from benchmarks.verdict import Limit, Verdict
from simulator.scenario import load_scenario

MOST_SECONDS: Final = {"exact": 10.0, "fast": 5.0}


def measure(small: bool) -> Verdict:
    """Seconds in both gas modes, which alternate."""
    rounds, calls = (1, 10_000) if small else (3, 20_000)
    scenario, engine = load_scenario("black-thursday"), new_engine()
    runs: dict[str, list[Timed]] = {gas: [] for gas in MOST_SECONDS}
    for number in range(rounds):
        modes = list(MOST_SECONDS)
        for gas in modes if number % 2 == 0 else reversed(modes):
            runs[gas].append(timed(scenario, gas, engine, calls))
    figures: dict[str, Any] = {"reference_rate": REFERENCE_RATE}
    for gas, found in runs.items():
        figures |= figures_of(gas, found)
    return Verdict(figures, [Limit(f"{gas}_seconds", "<=", most) for gas, most in MOST_SECONDS.items()])
