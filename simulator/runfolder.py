"""The folder of a run: built beside its place, renamed when it is whole, never overwriting what is not a run."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from simulator.errors import ConfigError

MANIFEST = "manifest.json"


class RunFolder:
    """A place for results. Write into `work`; `finish` moves it to `place`."""

    def __init__(self, place: Path) -> None:
        self.place = place
        _refuse_foreign(place)
        self.work = place.parent / f".{place.name}.unfinished-{os.getpid()}"
        try:
            shutil.rmtree(self.work, ignore_errors=True)
            self.work.mkdir(parents=True)
        except OSError as fault:
            raise ConfigError(
                f"cannot write results: {fault.strerror}", where=str(place), mend="choose another --out"
            ) from fault

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Write the manifest: sorted keys, no NaN."""
        (self.work / MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True, allow_nan=False) + "\n")

    def finish(self) -> Path:
        """Move the folder to its place; an earlier run there is replaced."""
        _refuse_foreign(self.place)
        if self.place.exists():
            shutil.rmtree(self.place)
        self.work.rename(self.place)
        return self.place

    def discard(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self.work, ignore_errors=True)


def _refuse_foreign(place: Path) -> None:
    if not place.exists():
        return
    if not place.is_dir():
        raise ConfigError("is a file", where=str(place), mend="choose another --out")
    if any(place.iterdir()) and not (place / MANIFEST).is_file():
        raise ConfigError("is a folder without a manifest, so no run", where=str(place), mend="choose another --out")
