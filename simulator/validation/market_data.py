"""Real market windows that some laws are measured on; the project ships none of them."""

import os
from pathlib import Path

from simulator.paths import PACKAGE
from simulator.validation.law import NoData


def data_folder() -> Path:
    """The folder of market data; without the variable beside the current folder, else beside the checkout."""
    named = os.environ.get("WAVETANK_DATA")
    if named:
        return Path(named)
    here, beside = Path("..", "shared", "data"), PACKAGE.parents[1] / "shared" / "data"
    return beside if beside.is_dir() and not here.is_dir() else here


def market_data(name: str) -> Path:
    """A file of the folder that `WAVETANK_DATA` names, else `../shared/data`. Raises NoData where it is missing."""
    path = data_folder() / name
    if not path.is_file():
        raise NoData(f"no {name} in {path.parent}: set WAVETANK_DATA to the folder of market data")
    return path
