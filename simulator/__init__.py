"""Wavetank: real contract bytecode in made-up storms.

`run(load("black-thursday"), seed=7)` gives an object with `metrics`, `digest` and each table as a DataFrame.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulator.results import RunResult
    from simulator.scenario import Scenario

__version__ = "0.1.0"
__all__ = ["load", "run"]


def load(scenario: str, **overrides: Any) -> "Scenario":
    """Load a shipped scenario by name, or a TOML file by path.

    `overrides` are dotted keys, as in `load("calm", **{"world.hours": 2})`. Raises `ConfigError`.
    """
    from simulator.scenario import load_scenario

    return load_scenario(scenario, overrides)


def run(scenario: "Scenario", seed: int | None = None, **options: Any) -> "RunResult":
    """Run a scenario in memory or, with `out=`, into a folder. See `simulator.results.run_scenario`."""
    from simulator.results import run_scenario

    return run_scenario(scenario, seed=seed, **options)
