"""Made-up results of sweeps, for the tests of what is made of them."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from simulator.metrics import METRICS

RATIO, BONUS = "cdp.collateral.ETH.liquidation_ratio", "cdp.collateral.ETH.liquidation_bonus"
Points = list[tuple[int, dict[str, Any]]]


def grid(**levels: Sequence[Any]) -> Points:
    """The points of a grid, `ratio` and `bonus` standing for their keys."""
    keys = [{"ratio": RATIO, "bonus": BONUS}.get(name, name) for name in levels]
    return [(n, dict(zip(keys, values, strict=True))) for n, values in enumerate(product(*levels.values()))]


def table(
    points: Points, loss: Callable[[Mapping[str, Any]], Sequence[float]], metric: str = "bad_debt_ratio", **more: Any
) -> pd.DataFrame:
    """A row a run: the losses of each point in the order of seeds, NaN a run without data, None one that failed."""
    rows = []
    for number, changes in points:
        for seed, value in enumerate(loss(changes)):
            failed = value is None
            head = {"point": number, "seed": seed, "weight": 1.0, "status": "failed" if failed else "complete"}
            figures = {**dict.fromkeys(METRICS, np.nan), metric: np.nan if failed else value, **more}
            rows.append({**head, "fault": "x" if failed else "", "digest": "", **changes, **figures})
    return pd.DataFrame(rows)
