"""What the report reads of a run folder: the manifest, and columns of the Parquet tables when they are asked for."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from simulator.errors import ConfigError
from simulator.tables import Tables

MANIFEST_SCHEMA = 1

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


_OTHERS = [  # folders that have a page of their own, by a key of their manifests
    ("study", "a study", "its page is written with it: run the study again"),
    ("recommendation", "a stress test", "`wavetank stress` with --resume writes its page again"),
]


@dataclass(frozen=True)
class RunTables:
    """A finished run on disk. Tables are read a few columns at a time, so that a long run stays small in memory."""

    folder: Path
    manifest: dict[str, Any]

    def read(self, table: str, columns: list[str], where: Any = None) -> pa.Table:
        """Columns of one table. See `Tables.read`."""
        return Tables(self.folder).read(table, columns, where)

    @property
    def scenario(self) -> dict[str, Any]:
        """The resolved settings."""
        settings: dict[str, Any] = self.manifest["scenario"]
        return settings

    @cached_property
    def _clock(self) -> tuple[Ints, Ints]:
        table = self.read("blocks", ["block", "time"])
        return integers(table, "block"), integers(table, "time")

    @property
    def blocks(self) -> Ints:
        """Block numbers, ascending."""
        return self._clock[0]

    @property
    def times(self) -> Ints:
        """Their times [s since 1970]."""
        return self._clock[1]

    def time_of(self, blocks: Ints) -> Ints:
        """The time [s since 1970] of each block; blocks before or after the record take its ends."""
        if not len(self.blocks):
            return np.zeros(len(blocks), dtype=np.int64)
        places = np.searchsorted(self.blocks, blocks).clip(0, len(self.blocks) - 1)
        return np.asarray(self.times[places], dtype=np.int64)


def open_run(folder: Path) -> RunTables:
    """The run in `folder`. Raises `ConfigError` where there is none, or one of another schema."""
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            "no manifest.json here, so no run", where=str(folder), mend="give the folder that `wavetank run` wrote"
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"the manifest cannot be read: {error}", where=str(path), mend="run the scenario again"
        ) from error
    if not isinstance(manifest, dict) or manifest.get("schema") != MANIFEST_SCHEMA:
        seen = manifest.get("schema") if isinstance(manifest, dict) else manifest
        raise ConfigError(
            f"schema = {seen!r}: this version reads {MANIFEST_SCHEMA}", where=str(path), mend="run the scenario again"
        )
    for mark, what, mend in _OTHERS:
        if mark in manifest:
            raise ConfigError(f"the folder of {what}, not of one run", where=str(folder), mend=mend)
    missing = [key for key in ("scenario", "seed", "chain", "status", "digest", "metrics") if key not in manifest]
    if missing:
        raise ConfigError(f"no {', '.join(missing)} in the manifest", where=str(path), mend="run the scenario again")
    return RunTables(folder, manifest)


def integers(table: pa.Table, column: str) -> Ints:
    """A column without nulls as int64."""
    return np.asarray(table[column].to_numpy(), dtype=np.int64)


def floats(table: pa.Table, column: str) -> Floats:
    """A column as float64; null is NaN, decimals lose what a float cannot hold."""
    return np.array(table[column].cast(pa.float64()).to_numpy(), dtype=np.float64)


def texts(table: pa.Table, column: str) -> list[str]:
    """A string column, dictionary-encoded or not; null is the empty string."""
    return [text or "" for text in table[column].to_pylist()]
