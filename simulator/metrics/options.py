"""What options cost against what moved, how much risk pools and vaults carried in them, and what margin they took."""

import numpy as np
import pandas as pd

from simulator.metrics.observations import Observations
from simulator.metrics.registry import metric


@metric(unit="share a year", worse=None)
def implied_volatility_mean(seen: Observations) -> float | None:
    """Mean over samples of the volatility at the money, a week ahead, of the surfaces that option markets quote by; the
    highest over assets."""
    means = seen.measure("quoted_volatility_7d").mean()
    return None if means.empty else float(means.max())


@metric(unit="share a year", worse=None, source="realised variance in Andersen and Bollerslev 1998")
def realised_volatility(seen: Observations) -> float | None:
    """A year's volatility of the reference price over the run, of the squares of its steps; the highest over assets
    that have options."""
    whole = seen.measure("realised_volatility_run")
    return None if whole.empty else float(whole.iloc[-1].max())


@metric(unit="share a year", worse=None, source="volatility risk premium in Bakshi and Kapadia 2003")
def volatility_premium_mean(seen: Observations) -> float | None:
    """Mean over samples of the quoted volatility, at the money a week ahead, less that realised over the last day
    (exponentially); the lowest over assets."""
    implied, realised = seen.measure("quoted_volatility_7d"), seen.measure("realised_volatility")
    if implied.empty or realised.empty:
        return None
    gaps = (implied - realised.reindex(index=implied.index, columns=implied.columns)).mean()
    return float(gaps.min()) if gaps.notna().any() else None


def _greatest(seen: Observations, name: str) -> float | None:
    """The greatest size of a measure of a pool or a vault; accounts of traders bear their own risk."""
    wide = _entrusted(seen, name)
    return float(np.nanmax(np.abs(wide.to_numpy()))) if wide.size and wide.notna().any(axis=None) else None


def _entrusted(seen: Observations, name: str) -> pd.DataFrame:
    wide = seen.measure(name)
    return wide[[column for column in wide.columns if not column[1].startswith("0x")]]


@metric(unit="usd", worse="higher", source="dollar delta")
def net_delta_usd_max(seen: Observations) -> float | None:
    """Greatest |net delta| times spot of a pool or vault with options, at any sample."""
    return _greatest(seen, "net_delta_usd")


@metric(unit="usd", worse="higher", source="dollar gamma")
def net_gamma_usd_max(seen: Observations) -> float | None:
    """Greatest change of delta times spot for one per cent of the price, either way, of a pool or vault with options,
    at any sample."""
    return _greatest(seen, "net_gamma_usd")


@metric(unit="usd", worse="higher", source="vega of one volatility point")
def net_vega_usd_max(seen: Observations) -> float | None:
    """Greatest gain or loss of a pool or vault with options for one point of volatility, at any sample."""
    return _greatest(seen, "net_vega_usd")


@metric(unit="usd", worse="higher", source="theta of one day")
def net_theta_usd_max(seen: Observations) -> float | None:
    """Greatest gain or loss of a pool or vault with options from a day that passes, at any sample."""
    return _greatest(seen, "net_theta_usd")


@metric(unit="usd", worse="higher", source="rho of one point")
def net_rho_usd_max(seen: Observations) -> float | None:
    """Greatest gain or loss of a pool or vault with options for one point of the rate, at any sample."""
    return _greatest(seen, "net_rho_usd")


@metric(unit="usd", worse="higher")
def delta_drift_usd_max(seen: Observations) -> float | None:
    """Greatest change, from one sample to the next, of delta times spot of what a pool or vault held in options at the
    first: by price, time and volatility, not by trades."""
    return _greatest(seen, "delta_drift_usd")


@metric(unit="usd", worse="higher")
def option_premiums_usd(seen: Observations) -> float | None:
    """Premiums and fees that vaults paid for options, less what they got for those sold."""
    return _at_end(seen, "option_premiums_usd")


@metric(unit="usd", worse="lower")
def option_payoffs_usd(seen: Observations) -> float | None:
    """What options of vaults paid at expiry, less what those that they had written cost there."""
    return _at_end(seen, "option_payoffs_usd")


@metric(unit="usd", worse="higher", source="cost of carry of the hedge")
def hedge_carry_usd(seen: Observations) -> float | None:
    """What hedges of vaults cost: premiums and fees of their options, less what these paid out and are worth at the
    end, and funding paid; below zero where the hedge paid. Null where no vault had options."""
    paid = _at_end(seen, "option_premiums_usd")
    if paid is None:
        return None
    brought = (_at_end(seen, "option_payoffs_usd") or 0.0) + (_at_end(seen, "option_marks_usd") or 0.0)
    return paid - brought + float(seen.measure_at_end("hedge_funding_paid_usd").sum())


def _at_end(seen: Observations, name: str) -> float | None:
    last = seen.measure_at_end(name)
    return None if last.empty else float(last.sum())


@metric(unit="usd", worse="higher")
def margin_used_usd_max(seen: Observations) -> float | None:
    """Highest collateral, over option markets and margin accounts together, of what was written or held on margin, at
    any sample."""
    return _highest_sum(seen, "margin_used_usd")


@metric(unit="usd", worse="lower")
def margin_freed_usd_max(seen: Observations) -> float | None:
    """Most margin that cover by the underlying and models of the whole portfolio spared at any sample, against what
    each position would need by itself."""
    return _highest_sum(seen, "margin_freed_usd")


def _highest_sum(seen: Observations, name: str) -> float | None:
    total = seen.measure(name).sum(axis="columns")
    return None if total.empty else float(total.max())
