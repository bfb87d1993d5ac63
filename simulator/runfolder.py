"""The folder of a run: built beside its place and moved there whole, so that nobody sees half of one."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulator.errors import ConfigError

MANIFEST = "manifest.json"
_MARKS = ("schema", "digest", "scenario")  # what tells our manifest from that of something else


class RunFolder:
    """Everything is written into `work` until `finish` moves it to `out`.

    A folder at `out` that holds a run is replaced; anything else there is refused with `ConfigError`, at once and
    again at the end, and so is a place that cannot be written to.
    """

    def __init__(self, out: Path) -> None:
        self.out = out.resolve()
        refuse_foreign(self.out)
        self.work = _make_beside(self.out)
        self._finished = False

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write `manifest.json`, keys sorted. Raises ValueError on NaN or infinity."""
        text = json.dumps(manifest, sort_keys=True, indent=2, allow_nan=False, ensure_ascii=False)
        (self.work / MANIFEST).write_text(text + "\n", encoding="utf-8")

    def discard(self) -> None:
        """Remove what was written. A run that was finished stays, even one that could not be moved."""
        if not self._finished:
            shutil.rmtree(self.work, ignore_errors=True)

    def finish(self) -> Path:
        """Move the folder to its place, which it gives. Raises ValueError without a manifest in it."""
        if not (self.work / MANIFEST).is_file():
            raise ValueError("a run is finished by its manifest, and there is none")
        self._finished = True
        try:
            refuse_foreign(self.out)
            self._move()
        except (OSError, ConfigError) as error:
            what = error.what if isinstance(error, ConfigError) else f"cannot be written: {error.strerror or error}"
            raise ConfigError(what, where=str(self.out), mend=f"the run is in {self.work}: move it by hand") from error
        return self.out

    def _move(self) -> None:
        if not self.out.exists():
            self.work.rename(self.out)
            return
        # A folder cannot be renamed over a full one: the old run steps aside first, and is lost last.
        former = _free_name(self.out, "replaced")
        self.out.rename(former)
        try:
            self.work.rename(self.out)
        except OSError:
            former.rename(self.out)
            raise
        shutil.rmtree(former, ignore_errors=True)


def refuse_foreign(out: Path) -> None:
    """Raise `ConfigError` if something other than a run is at `out`."""
    if os.path.lexists(out) and not _is_run(out):
        kind = "this folder holds no run" if out.is_dir() else "this is no folder"
        raise ConfigError(
            f"{kind}, so it is not overwritten", where=str(out), mend="choose another with --out, or remove it"
        )


def _is_run(out: Path) -> bool:
    try:
        manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and all(mark in manifest for mark in _MARKS)


def _make_beside(out: Path) -> Path:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        work = _free_name(out, "partial")
        work.mkdir()
    except OSError as error:
        raise ConfigError(
            f"cannot be written: {error.strerror or error}", where=str(out), mend="choose another folder with --out"
        ) from error
    return work


def _free_name(out: Path, word: str) -> Path:
    """A name beside `out` that nothing has; the process is in it, so that runs at one time do not meet."""
    number = 0
    while (path := out.with_name(f"{out.name}.{word}-{os.getpid()}-{number}")).exists():
        number += 1
    return path
