"""The folder of a sweep, which grows as runs end and survives a kill at any moment.

    plan.json         what the runs depend on: --resume continues only the same
    runs/*.parquet    a file for every run that ended, gathered into larger ones from time to time
    results.parquet   all of them, sorted by point and seed, without times: written when the last run is in
    manifest.json     the answer, written last

Every file gets its name when it is whole. A file that is read twice, because a kill came between gathering and
removing, changes nothing: a run is kept once.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from simulator.errors import ConfigError
from simulator.metrics import METRICS
from simulator.runfolder import MANIFEST
from simulator.stress.space import Dimension, Point
from simulator.stress.work import Outcome, Task

PLAN, PARTS, RESULTS = "plan.json", "runs", "results.parquet"
_SCHEMA = 1
_GATHERED = 256  # files of one run each, before they become one


def results_schema(dimensions: Sequence[Dimension], points: Sequence[Point]) -> pa.Schema:
    """The columns of results: point, seed, weight, status, fault, digest, the varied keys, the metrics."""
    varied = [(each.key, _type_of([point.changes[each.key] for point in points])) for each in dimensions]
    return pa.schema(
        [
            ("point", pa.int64()), ("seed", pa.int64()), ("weight", pa.float64()),
            ("status", pa.string()), ("fault", pa.string()), ("digest", pa.string()),
            *varied, *((name, pa.float64()) for name in METRICS),
        ]
    )  # fmt: skip


def _type_of(values: list[Any]) -> pa.DataType:
    kinds = {type(value) for value in values}
    if kinds <= {bool}:
        return pa.bool_()
    if kinds <= {int}:
        return pa.int64()
    return pa.float64() if kinds <= {int, float} else pa.string()


class SweepFolder:
    """The folder at `out`. Raises ConfigError where something else is there, or `resume` asks for another sweep."""

    def __init__(self, out: Path, identity: Mapping[str, Any], schema: pa.Schema, *, resume: bool) -> None:
        self.out, self._schema = out.resolve(), schema
        self._parts = self.out / PARTS
        try:
            self._claim(json.loads(json.dumps(identity)), resume=resume)
        except OSError as error:
            raise ConfigError(
                f"cannot be written: {error.strerror or error}", where=str(out), mend="choose another with --out"
            ) from error
        self._singles = [path for path in self._files() if not path.name.startswith("gathered-")]

    def _claim(self, identity: Mapping[str, Any], *, resume: bool) -> None:
        found = self._plan()
        if found is not None:
            if resume:
                _refuse_other(found, identity, self.out)
            else:
                self._clear()
        for leftover in self.out.glob("**/*.tmp"):
            leftover.unlink()
        self._parts.mkdir(parents=True, exist_ok=True)
        self._write(self.out / PLAN, _json({"wavetank": "stress", "schema": _SCHEMA, **identity}))

    def _plan(self) -> dict[str, Any] | None:
        """The plan that is there, None where nothing is."""
        if not os.path.lexists(self.out) or (self.out.is_dir() and not _names(self.out)):
            return None
        try:
            plan = json.loads((self.out / PLAN).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            plan = None
        if not isinstance(plan, dict) or plan.get("wavetank") != "stress":
            kind = "this folder holds no sweep" if self.out.is_dir() else "this is no folder"
            raise ConfigError(
                f"{kind}, so it is not overwritten", where=str(self.out), mend="choose another with --out, or remove it"
            )
        return plan

    def _clear(self) -> None:
        """Make room for another sweep. Raises ConfigError where that would lose one that is not finished."""
        if self._files() and not (self.out / MANIFEST).is_file():
            raise ConfigError(
                "an unfinished sweep is there", where=str(self.out), mend="continue it with --resume, or remove it"
            )
        shutil.rmtree(self.out)

    def _files(self) -> list[Path]:
        return sorted(self._parts.glob("*.parquet"))

    def keep(self, task: Task, changes: Mapping[str, Any], outcome: Outcome) -> None:
        """Write a run down."""
        row = [task.point, task.seed, outcome.weight, outcome.status, outcome.fault, outcome.digest,
               *changes.values(), *outcome.metrics]  # fmt: skip
        table = pa.table([pa.array([v], t) for v, t in zip(row, self._schema.types, strict=True)], schema=self._schema)
        path = self._parts / f"{task.point}-{task.seed}.parquet"
        self._write_table(path, table)
        self._singles.append(path)
        if len(self._singles) >= _GATHERED:
            self._gather()

    def _gather(self) -> None:
        """Make one file of many."""
        singles, self._singles = self._singles, []
        table = pa.concat_tables(pq.read_table(path, schema=self._schema) for path in singles)
        path = next(p for n in count() if not (p := self._parts / f"gathered-{n}.parquet").exists())
        self._write_table(path, table)
        for single in singles:
            single.unlink(missing_ok=True)

    def rows(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """What is kept, file by file, a run perhaps twice."""
        for path in self._files():
            yield from pq.read_table(path, columns=list(columns)).to_batches()

    def forget(self, tasks: Sequence[tuple[int, int]]) -> None:
        """Take runs out that are to be made again."""
        gone = set(tasks)
        for path in self._files():
            table = pq.read_table(path, schema=self._schema)
            keys = zip(table["point"].to_pylist(), table["seed"].to_pylist(), strict=True)
            kept = table.filter(pa.array([key not in gone for key in keys], pa.bool_()))
            if kept.num_rows < table.num_rows:
                self._write_table(path, kept)

    def write_results(self, further: Sequence[pa.Table] = ()) -> pa.Table:
        """Every run, sorted, in one file; `further` tables are of points that follow those of the plan, in order."""
        table = pa.concat_tables([self.table(), *further]).combine_chunks()
        self._write_table(self.out / RESULTS, table)
        return table

    def table(self) -> pa.Table:
        """Every run that is kept, sorted by point and seed."""
        table = pa.concat_tables(
            [self._schema.empty_table(), *(pq.read_table(p, schema=self._schema) for p in self._files())]
        )
        table = table.sort_by([("point", "ascending"), ("seed", "ascending")]).combine_chunks()
        if table.num_rows < 2:
            return table
        twice = pc.and_(
            *(pc.equal(table[name].slice(1), table[name].slice(0, table.num_rows - 1)) for name in ("point", "seed"))
        )
        kept = pa.chunked_array([pa.array([True]), *pc.invert(twice).chunks])
        return table.filter(kept).combine_chunks()

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Write the answer."""
        self._write(self.out / MANIFEST, _json(manifest))

    def _write_table(self, path: Path, table: pa.Table) -> None:
        self._write(path, lambda temporary: pq.write_table(table, temporary))

    def _write(self, path: Path, write: Callable[[Path], object]) -> None:
        temporary = path.with_name(f"{path.name}.tmp")
        write(temporary)
        temporary.replace(path)


def _json(data: Mapping[str, Any]) -> Callable[[Path], object]:
    text = json.dumps(data, sort_keys=True, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    return lambda path: path.write_text(text, encoding="utf-8")


def _names(folder: Path) -> list[str]:
    """What is in a folder, but for files that a kill left half written."""
    return [path.name for path in folder.iterdir() if path.suffix != ".tmp"]


def _refuse_other(found: Mapping[str, Any], identity: Mapping[str, Any], out: Path) -> None:
    for key, wanted in identity.items():
        if found.get(key) != wanted:
            raise ConfigError(
                f"--resume of a sweep with {_differing(key, found.get(key), wanted)}",
                where=str(out),
                mend="give the settings it was begun with, or another --out",
            )


def _differing(key: str, before: Any, now: Any) -> str:
    """The first place at which two plans differ, in a few words."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        inner = next(name for name in sorted({*before, *now}) if before.get(name) != now.get(name))
        return _differing(f"{key}.{inner}", before.get(inner), now.get(inner))
    shown = [json.dumps(value, ensure_ascii=False) for value in (before, now)]
    if max(map(len, shown)) > 60:
        return f"other {key}"
    return f"{key} = {shown[0]} instead of {shown[1]}"
