"""Load a scenario by the name of a shipped one or by path."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulator.errors import ConfigError
from simulator.scenario.build import build, where
from simulator.scenario.files import find_scenario, merge_chain, read_chain
from simulator.scenario.models import Scenario
from simulator.scenario.overrides import overridden, parse_key
from simulator.scenario.target import from_here, is_of_target, with_target


def load_scenario(name: str | Path, overrides: Mapping[str, Any] | None = None) -> Scenario:
    """The scenario `name`, a shipped name or a path, with dotted keys changed. Raises the first `ConfigError`."""
    scenario, errors = _load(str(name), overrides or {})
    if scenario is None:
        raise errors[0]
    return scenario


def check_scenario(name: str | Path) -> list[ConfigError]:
    """Everything that is wrong with a scenario; nothing of a user's own code is imported."""
    try:
        return _load(str(name), {})[1]
    except ConfigError as error:
        return [error]


def _load(name: str, overrides: Mapping[str, Any]) -> tuple[Scenario | None, list[ConfigError]]:
    path = find_scenario(name)
    sources = read_chain(path)
    of_target = {key: value for key, value in overrides.items() if is_of_target(key)}
    others = {key: value for key, value in overrides.items() if key not in of_target}
    data = with_target(overridden(merge_chain(sources), from_here(of_target, path.parent)))
    data = overridden(data, others)
    scenario, problems = build(path.stem, sources, data, dict(overrides))
    changed = [parse_key(key) for key in overrides]
    return scenario, [problem.error(where(problem, sources, changed)) for problem in problems]
