"""Scenario files: finding them, reading TOML, and following `extends`."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from simulator.errors import ConfigError
from simulator.paths import scenario_folder
from simulator.registry import nearest
from simulator.scenario.merge import merged

SCHEMA = 1
_PATHS = ("csv", "deployment", "artifacts")  # keys that hold one


@dataclass(frozen=True)
class Source:
    """One file and what it says itself."""

    path: Path
    data: Mapping[str, Any]

    @property
    def shown(self) -> str:
        """The path as a message has it: short where the file is below the current folder."""
        return display(self.path)


def display(path: Path) -> str:
    """A path relative to the current folder if it is below it."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)


def shipped() -> dict[str, Path]:
    """The scenarios that come with Wavetank, by name."""
    return {path.stem: path for path in sorted(scenario_folder().glob("*.toml"))}


def find_scenario(name: str, folder: Path | None = None) -> Path:
    """The file of a scenario: a path (relative to `folder`), or the name of a shipped one. Raises `ConfigError`."""
    path = (folder or Path()) / Path(name).expanduser()
    if name.endswith(".toml") or "/" in name or os.sep in name:
        if not path.is_file():
            raise ConfigError("no such scenario file", where=display(path), mend="give a path or a shipped name")
        return path
    names = shipped()
    if name not in names:
        near = nearest(name, names)
        mend = f'the nearest that exists is "{near}"' if near else "give the path of a TOML file"
        raise ConfigError(f'no scenario "{name}"', mend=mend)
    return names[name]


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as it stands. Raises `ConfigError` naming the place of a fault."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not TOML: {error}", where=display(path), mend="mend that line") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"not UTF-8: {error}", where=display(path), mend="save the file as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=display(path), mend="check the path") from None


def read_chain(path: Path) -> tuple[Source, ...]:
    """A scenario and what it extends, nearest first. Raises `ConfigError` for a cycle or an unknown schema."""
    chain: list[Source] = []
    while True:
        if any(path.samefile(source.path) for source in chain):
            route = " -> ".join(source.path.stem for source in [*chain, Source(path, {})])
            raise ConfigError(
                f"extends itself: {route}", where=chain[-1].shown, mend="take one `extends` out of the cycle"
            )
        source = Source(path, read_toml(path))
        check_schema(source)
        chain.append(source)
        parent = source.data.get("extends")
        if parent is None:
            return tuple(chain)
        path = _parent_of(source, parent)


def check_schema(source: Source) -> None:
    """Refuse a file whose `schema` is not the one that is read here."""
    schema = source.data.get("schema")
    if schema is None:
        raise ConfigError("schema: is missing", where=source.shown, mend=f"write schema = {SCHEMA} on the first line")
    if schema is True or schema != SCHEMA:
        raise ConfigError(
            f"schema = {schema!r}: unknown schema", where=source.shown, mend=f"this version reads schema {SCHEMA}"
        )


def _parent_of(source: Source, parent: Any) -> Path:
    if not isinstance(parent, str):
        raise ConfigError(f"extends = {parent!r}: must be text", where=source.shown, mend="name one scenario or file")
    try:
        return find_scenario(parent, source.path.parent)
    except ConfigError as error:
        raise ConfigError(f'extends = "{parent}": {error.what}', where=source.shown, mend=error.mend) from None


def merge_chain(chain: tuple[Source, ...]) -> dict[str, Any]:
    """The scenario that a chain of files gives, without `schema` and `extends`; its paths start from the first file."""
    home = chain[0].path.parent
    layers = [rebased(source.data, source.path.parent, home) for source in reversed(chain)]
    together = reduce(merged, layers)
    return {key: value for key, value in together.items() if key not in {"schema", "extends"}}


def rebased(data: Mapping[str, Any], folder: Path, home: Path) -> dict[str, Any]:
    """The data of a file in `folder` with its paths as seen from `home`."""
    if folder.resolve() == home.resolve():
        return dict(data)

    return {key: moved(key, value, folder, home) for key, value in data.items()}


def moved(key: str, value: Any, folder: Path, home: Path) -> Any:
    """What stands at `key` in a file of `folder`, with the paths in it as seen from `home`."""
    if isinstance(value, Mapping):
        return {inner: moved(inner, item, folder, home) for inner, item in value.items()}
    if key in _PATHS and isinstance(value, str) and value:
        return _seen_from(home, folder / value)
    if key in {"protocol", "agent"} and isinstance(value, str) and ".py:" in value:
        file, _, name = value.rpartition(":")
        return f"{_seen_from(home, folder / file)}:{name}"
    return value


def _seen_from(home: Path, path: Path) -> str:
    return Path(os.path.relpath(path.parent.resolve() / path.name, home.resolve())).as_posix()
