"""`--set key.path=value`: one change to a scenario, in a file or not.

The key is dotted, with quotes as in TOML where a name needs them, `[0]` for a place in a list, or the id of a table in
a list. The value is TOML; what is not TOML is taken as text. A change acts as a scenario would that extends this one.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from simulator.errors import ConfigError
from simulator.scenario.files import display, shipped
from simulator.scenario.merge import KINDS, merged
from simulator.scenario.problems import Key, Path, shown, toml

if TYPE_CHECKING:
    from simulator.scenario.models import Scenario

_SEGMENT = re.compile(r"""\[(?P<index>\d+)\]|(?:^|\.)(?:(?P<bare>[A-Za-z0-9_-]+)|"(?P<quoted>[^"]*)")""")


def parse_overrides(assignments: Iterable[str]) -> dict[str, Any]:
    """`key.path=value` texts as keys and values; of two at one key the later stays. Raises `ConfigError`."""
    found = {}
    for assignment in assignments:
        key, sign, text = assignment.partition("=")
        if not sign or not key.strip():
            raise ConfigError(f'"{assignment}" sets nothing', where="--set", mend="write --set key.path=value")
        found[key.strip()] = parse_value(text.strip())
    return found


def parse_value(text: str) -> Any:
    """A TOML value, or the text itself where it is none."""
    try:
        document = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return document["value"] if document.keys() == {"value"} else text


def parse_key(key: str) -> Path:
    """The path that a dotted key names. Raises `ConfigError` for one that is malformed."""
    path: list[Key] = []
    end = 0
    while (match := _SEGMENT.match(key, end)) and match.end() > end:
        index, bare, quoted = match.group("index", "bare", "quoted")
        path.append(int(index) if index is not None else bare if bare is not None else quoted)
        end = match.end()
    if end != len(key) or not path or key.startswith("."):
        raise ConfigError(f'"{key}" is no key', where="--set", mend="write it as key.path or key[0].path")
    return tuple(path)


def run_command(scenario: "Scenario", seed: int) -> list[str]:
    """The words of the command that runs a scenario again as it is."""
    is_shipped = scenario.source in shipped().values()
    name = scenario.name if is_shipped else display(scenario.source)
    changes = [word for key, value in scenario.changes.items() for word in ("--set", f"{key}={toml(value)}")]
    return ["wavetank", "run", name, "--seed", str(seed), *changes]


def overridden(data: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """`data` with every override in it. Whether a key exists is for the validation to say."""
    paths = [(parse_key(key), value) for key, value in overrides.items()]
    paths.sort(key=lambda change: change[0][-1] not in KINDS)  # a new kind starts its table afresh, so it goes first
    result = dict(data)
    for path, value in paths:
        result = _changed(result, path, value)
    return result


def _changed(data: Any, path: Path, value: Any) -> Any:
    key, rest = path[0], path[1:]
    if isinstance(data, Sequence) and not isinstance(data, str):
        return _changed_list(data, key, rest, value)
    if isinstance(key, int):
        raise ConfigError(f"[{key}] of something that is no list", where="--set", mend="write key.path")
    table = data if isinstance(data, Mapping) else {}
    if rest:
        return {**table, key: _changed(table.get(key), rest, value)}
    return merged(table, {key: value})


def _changed_list(items: Sequence[Any], key: Key, rest: Path, value: Any) -> list[Any]:
    index = key if isinstance(key, int) else _index_of(items, key)
    if index is None or index >= len(items):
        raise ConfigError(f"{shown(key)} is not in the list of {len(items)}", where="--set", mend="[0] is the first")
    changed = list(items)
    changed[index] = _changed(items[index], rest, value) if rest else value
    return changed


def _index_of(items: Sequence[Any], name: str) -> int | None:
    return next((at for at, item in enumerate(items) if isinstance(item, Mapping) and item.get("id") == name), None)
