"""What depositors of vaults got, and how well and how dearly their hedge was kept."""

from collections.abc import Callable

import numpy as np

from simulator.metrics.observations import Floats, Observations, VaultPath
from simulator.metrics.price import max_drawdown as _drawdown
from simulator.metrics.registry import metric

_HOURS_A_YEAR = 8760
_NEGLIGIBLE_VARIANCE = 1e-10  # of hourly returns: a standard deviation of a tenth of a basis point
_LEAST_HOURS = 24  # that a yield a year can be told from


@metric(unit="share", worse="lower", source="hedge accounting")
def hedge_effectiveness(seen: Observations) -> float | None:
    """1 - Var(hedged) / Var(unhedged) of hourly returns of net assets per share; unhedged is the same run less the
    hedge leg's profit and costs. The lowest over vaults; null without a hedge leg, or where the unhedged variance is
    negligible."""
    return _over(seen, min, _effectiveness)


@metric(unit="share", worse="lower", source="semivariance in Markowitz 1959")
def hedge_effectiveness_downside(seen: Observations) -> float | None:
    """As hedge_effectiveness with semivariance, the mean square of returns below zero: what options are bought for. The
    lowest over vaults; null without a hedge leg, or where unhedged returns are hardly ever below zero."""
    return _over(seen, min, lambda path: _effectiveness(path, _semivariance))


@metric(unit="share", worse="higher")
def delta_abs_p99(seen: Observations) -> float | None:
    """99th percentile, over all blocks, of |net delta - target| / net assets at the reference prices, linear between
    order statistics. The highest over vaults."""
    return _over(seen, max, lambda path: float(np.percentile(np.abs(path.delta), 99)) if path.delta.size else None)


@metric(unit="share a year", worse="higher", source="standard deviation of active returns")
def tracking_error(seen: Observations) -> float | None:
    """Standard deviation of the hourly return of net assets per share less that of exactly the wanted delta, times the
    square root of the hours in a year; of the returns from block to block where blocks are longer than an hour. The
    highest over vaults; null under three of them."""
    return _over(seen, max, _tracking_error)


@metric(unit="count", worse=None)
def rebalances(seen: Observations) -> int | None:
    """Rebalances of vaults that went through."""
    return len(seen.vault_rows("rebalance_cost_usd")) if seen.vaults else None


@metric(unit="usd", worse="higher", source="implementation shortfall in Perold 1988")
def rebalance_cost_usd(seen: Observations) -> float | None:
    """What rebalances cost together: value lost against the mid when their keepers decided, fees of markets among it,
    and their gas. Tips only pass from vaults to keepers."""
    return sum(seen.vault_rows("rebalance_cost_usd")) if seen.vaults else None


@metric(unit="seconds", worse="higher")
def rebalance_delay_seconds_max(seen: Observations) -> float | None:
    """Longest time for which a rebalance was due at the reference prices, cooldown included: from the block in which it
    became due to that which did it, or in which the market took it back; one that nobody did counts to the end."""
    return _longest(seen, "rebalance_delay_seconds", "rebalance_due_seconds")


@metric(unit="seconds", worse="higher")
def withdrawal_wait_seconds_max(seen: Observations) -> float | None:
    """Longest time from the request of a withdrawal to the settlement of all of it; what is not settled counts to the
    end. 0 where nobody had to wait."""
    return _longest(seen, "withdrawal_wait_seconds", "withdrawal_pending_seconds")


@metric(unit="share", worse="higher")
def max_drawdown(seen: Observations) -> float | None:
    """Greatest fall of a vault's net assets per share from a peak to a later low, over all blocks, in its own asset, as
    a share of the peak. The greatest over vaults."""
    return _over(seen, max, lambda path: _drawdown(path.nav) if path.nav.size else None)


@metric(unit="share a year", worse="lower", source="annual percentage yield")
def net_apy(seen: Observations) -> float | None:
    """Growth of net assets per share in the vault's asset, fees taken off, from the first to the last full hour,
    compounded to a year. The lowest over vaults; null under a day."""
    return _over(seen, min, _apy)


def _over(
    seen: Observations, worst: Callable[[list[float]], float], of: Callable[[VaultPath], float | None]
) -> float | None:
    found = [value for path in seen.vaults if (value := of(path)) is not None]
    return worst(found) if found else None


def _returns(levels: Floats) -> Floats:
    return levels[1:] / levels[:-1] - 1


def _semivariance(returns: Floats) -> float:
    return float(np.mean(np.minimum(returns, 0.0) ** 2))


def _variance(returns: Floats) -> float:
    return float(np.var(returns))


def _effectiveness(path: VaultPath, spread: Callable[[Floats], float] = _variance) -> float | None:
    if path.hedge_hourly.size < 3:
        return None
    hedged = _returns(path.nav_hourly)
    unhedged = hedged - np.diff(path.hedge_hourly) / path.nav_hourly[:-1]
    bare = spread(unhedged)
    return 1 - spread(hedged) / bare if bare > _NEGLIGIBLE_VARIANCE else None


def _tracking_error(path: VaultPath) -> float | None:
    if path.nav_hourly.size < 3:
        return None
    missed = _returns(path.nav_hourly) - _returns(path.target_hourly)
    return float(np.std(missed, ddof=1) * np.sqrt(_HOURS_A_YEAR / path.step))


def _apy(path: VaultPath) -> float | None:
    hours = (path.nav_hourly.size - 1) * path.step
    if hours < _LEAST_HOURS or path.nav_hourly[0] <= 0:
        return None
    return float((path.nav_hourly[-1] / path.nav_hourly[0]) ** (_HOURS_A_YEAR / hours) - 1)


def _longest(seen: Observations, *names: str) -> float | None:
    waits = [value for name in names for value in seen.vault_rows(name)]
    return float(max(waits)) if waits else None
