"""The command that makes a run again."""

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from simulator.errors import ConfigError

_DIFFERS = object()


def rerun_command(manifest: Mapping[str, Any]) -> str:
    """The command of a run: the scenario, what was changed in it, seed, chain and gas mode.

    What was changed in a scenario that ships with Wavetank is found by comparison with it.
    """
    scenario, chain = manifest["scenario"], manifest["chain"]
    shipped = _shipped(scenario.get("name", ""))
    words = ["wavetank", "run", scenario.get("name") or "SCENARIO"]
    if shipped is None:
        words[-1] += ".toml"
    words += ["--seed", str(manifest["seed"]), "--chain", str(chain["name"])]
    words += ["--gas", str(chain["gas"])] if chain.get("gas") else []
    for key, value in _changes(scenario, shipped or scenario):
        words += ["--set", f"{key}={value}"]
    return shlex.join(words)


def _shipped(name: str) -> Mapping[str, Any] | None:
    """The settings of the shipped scenario of this name as they are now."""
    from simulator.scenario.files import shipped
    from simulator.scenario.load import load_scenario

    if name not in shipped():
        return None
    try:
        resolved: Mapping[str, Any] = json.loads(json.dumps(load_scenario(name).resolved))
    except ConfigError:
        return None
    return resolved


def _changes(now: Mapping[str, Any], before: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in now.items():
        old = before.get(key, _DIFFERS)
        if isinstance(value, Mapping):
            yield from _changes(value, old if isinstance(old, Mapping) else {}, f"{prefix}{key}.")
        elif value != old and f"{prefix}{key}" not in ("world.seed", "name"):
            yield f"{prefix}{key}", _as_toml(value)


def _as_toml(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
