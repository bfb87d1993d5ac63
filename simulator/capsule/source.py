"""The scenario of a capsule as one that can be run and changed again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.capsule.content import Capsule
from simulator.errors import ConfigError
from simulator.scenario import Scenario
from simulator.scenario.build import build, where
from simulator.scenario.files import SCHEMA, Source, rebased, shipped
from simulator.scenario.overrides import overridden, parse_key
from simulator.scenario.problems import dotted, toml


@dataclass(frozen=True)
class Rebuilt:
    """What a scenario says, without the files that it came from."""

    file: Path  # where it is going to be; paths in it are relative to its folder
    data: Mapping[str, Any]

    def scenario(self, changes: Mapping[str, Any]) -> Scenario:
        """With dotted keys changed. Raises ConfigError."""
        sources = (Source(self.file, self.data),)
        found, problems = build(self.file.stem, sources, overridden(self.data, changes), dict(changes))
        if found is None:
            raise problems[0].error(where(problems[0], sources, [parse_key(key) for key in changes]))
        return found

    def write(self, path: Path, changes: Mapping[str, Any]) -> None:
        """Write it as a scenario file of its own. Raises ConfigError."""
        lines = [f"schema = {SCHEMA}", *_table((), overridden(self.data, changes))]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        except OSError as fault:
            what = f"cannot be written: {fault.strerror or fault}"
            raise ConfigError(what, where=str(path), mend="choose another folder with --out") from fault


def rebuilt(capsule: Capsule, folder: Path, file: Path) -> Rebuilt:
    """The scenario of a capsule as it is to be at `file`.

    What it names by path (prices, a user's own code) is looked for where the scenario was, else in the capsule's
    `folder`.
    """
    data = {key: value for key, value in capsule.scenario.items() if key not in ("schema", "name")}
    source = shipped().get(capsule.source) or Path(capsule.source)
    home = source.parent if source.is_file() else folder
    return Rebuilt(file, rebased(data, home, file.parent))


def _table(path: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[str]:
    """A table as TOML: its own values, then the tables in it."""
    for key, value in table.items():
        if not isinstance(value, Mapping):
            yield f"{dotted((key,))} = {toml(value)}"
    for key, value in table.items():
        if isinstance(value, Mapping):
            below = (*path, key)
            yield from ("", f"[{dotted(below)}]")
            yield from _table(below, value)
