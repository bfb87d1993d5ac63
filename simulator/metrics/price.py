"""How well oracles followed the market, and how far agents moved it."""

import numpy as np

from simulator.metrics.observations import Floats, Observations, PricePath
from simulator.metrics.registry import metric

_NEGLIGIBLE_DRAWDOWN = 0.01


@metric(unit="seconds", worse="higher")
def oracle_lag_seconds_max(seen: Observations) -> float | None:
    """Greatest age of an answer that was in use, from when it was observed; a feed that reverts is not in use."""
    ages = [_finite((path.time - path.oracle_time)[np.isfinite(path.oracle)]) for path in seen.paths]
    return _greatest(ages)


@metric(unit="share", worse="higher")
def oracle_gap_max(seen: Observations) -> float | None:
    """Greatest |oracle - market| / market while the oracle answered, market being the reference price."""
    gaps = []
    for path in seen.paths:
        priced = path.market > 0
        gaps.append(_finite(np.abs(path.oracle[priced] / path.market[priced] - 1)))
    return _greatest(gaps)


@metric(unit="ratio", worse="higher")
def cascade_amplification(seen: Observations) -> float | None:
    """Maximum drawdown of the reference price over that of the exogenous path of the same run; 1 is no cascade. The
    greatest over assets that an oracle prices; null where no exogenous drawdown reaches 1 %."""
    found = [ratio for path in seen.paths if (ratio := _amplification(path)) is not None]
    return max(found, default=None)


def _amplification(path: PricePath) -> float | None:
    known = np.isfinite(path.exogenous) & np.isfinite(path.market)
    without = max_drawdown(path.exogenous[known])
    if without < _NEGLIGIBLE_DRAWDOWN:
        return None
    return max_drawdown(path.market[known]) / without


def max_drawdown(prices: Floats) -> float:
    """The greatest fall from a peak to a later low as a share of the peak: 0.5 is a halving, 0 without a fall."""
    if not prices.size:
        return 0.0
    return float(np.max(1 - prices / np.maximum.accumulate(prices)))


def _finite(values: Floats) -> Floats:
    return values[np.isfinite(values)]


def _greatest(groups: list[Floats]) -> float | None:
    tops = [float(group.max()) for group in groups if group.size]
    return max(tops, default=None)
