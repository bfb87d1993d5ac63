"""How fast unsafe debt was sold off, at what price, and whether that was worth the while."""

from simulator.metrics.observations import Observations
from simulator.metrics.registry import metric

_ZERO_BID = 0.01  # of the collateral's value


@metric(unit="count", worse="higher")
def liquidations(seen: Observations) -> int | None:
    """Sales of seized collateral, immediate or by auction, and liquidations of perpetual positions."""
    return len(seen.fills) if seen.lends else None


@metric(
    unit="usd",
    worse="higher",
    source="its upper percentile over runs is the liquidations at risk of Gauntlet and Chainrisk",
)
def liquidated_debt_usd(seen: Observations) -> float | None:
    """Debt repaid by liquidators, and notional of perpetual positions that they closed."""
    return float(sum(each.debt_usd for each in seen.fills)) if seen.lends else None


@metric(unit="blocks", worse="higher")
def liquidation_delay_blocks_max(seen: Observations) -> int | None:
    """Most blocks from unsafe at the reference price to the sale, what is never sold counting to the end; null where
    nothing was unsafe."""
    last = seen.last_block
    if last is None or not seen.liquidations:
        return None
    return max((last if each.fill_block is None else each.fill_block) - each.unsafe_block for each in seen.liquidations)


@metric(unit="share", worse="higher", source="Maker's zero bids of 12 March 2020")
def zero_bid_share(seen: Observations) -> float | None:
    """Share of settled auctions that paid less than 1 % of the collateral's value."""
    lots = seen.settled_lots
    if not lots:
        return None
    return sum(lot.paid_usd < _ZERO_BID * lot.collateral_usd for lot in lots) / len(lots)


@metric(unit="share", worse="lower", source="Chaos Labs and LlamaRisk")
def profitable_liquidation_share(seen: Observations) -> float | None:
    """Share of liquidations with a profit, by the value of the collateral sold."""
    value = sum(each.collateral_usd for each in seen.fills)
    if not value > 0:
        return None
    return sum(each.collateral_usd for each in seen.fills if each.profit_usd > 0) / value


@metric(unit="usd", worse="lower", source="Chaos Labs and LlamaRisk")
def liquidator_profit_usd(seen: Observations) -> float | None:
    """What liquidators earned by their sales: bonus less slippage, gas and tips; null where nothing was sold."""
    return float(sum(each.profit_usd for each in seen.fills)) if seen.fills else None
