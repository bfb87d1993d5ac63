"""Real market windows that some laws are measured on; the project ships none of them."""

import os
from pathlib import Path

from simulator.validation.law import NoData


def market_data(name: str) -> Path:
    """A file of the folder that `WAVETANK_DATA` names, else `../shared/data`. Raises NoData where it is missing."""
    path = Path(os.environ.get("WAVETANK_DATA") or Path("..", "shared", "data")) / name
    if not path.is_file():
        raise NoData(f"no {name} in {path.parent}: set WAVETANK_DATA to the folder of market data")
    return path
