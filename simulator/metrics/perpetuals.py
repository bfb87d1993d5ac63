"""Who paid whom in perpetual markets, and who bore their losses."""

from simulator.metrics.observations import Observations
from simulator.metrics.registry import metric


@metric(unit="usd", worse="higher")
def funding_paid_usd(seen: Observations) -> float | None:
    """Funding paid, less received, by the hedge legs of vaults: by every account of a perpetual market that is a
    contract, what is due and not yet settled included, at the margin token's price of the end; null without such
    accounts."""
    paid = seen.measure_at_end("hedge_funding_paid_usd")
    return None if paid.empty else float(paid.sum())


@metric(unit="usd", worse="lower")
def insurance_fund_usd_min(seen: Observations) -> float | None:
    """Lowest insurance fund at any moment, summed over perpetual markets, at the margin token's price of the end."""
    lowest = seen.measure_at_end("insurance_fund_lowest_usd")
    return None if lowest.empty else float(lowest.sum())


@metric(unit="usd", worse="higher", source="auto-deleveraging in GMX")
def adl_notional_usd(seen: Observations) -> float | None:
    """Notional of profitable perpetual positions closed by auto-deleveraging."""
    return seen.total("deleveraged", "notional_usd") if seen.has_perpetuals else None


@metric(unit="usd", worse="higher")
def socialised_loss_usd(seen: Observations) -> float | None:
    """Losses of bankrupt perpetual accounts and writers of options that fell on the depositors of a pool, or on those
    whom it owed."""
    return seen.total("socialised", "loss_usd") if seen.has_derivatives else None
