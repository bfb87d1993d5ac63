"""What lenders lost and how close they came to it."""

import numpy as np
import pandas as pd

from simulator.metrics.observations import Observations
from simulator.metrics.registry import metric
from simulator.tables import field


def _bad_debt_at_end(seen: Observations) -> "pd.Series | None":
    """Open shortfall and recorded bad debt of each protocol at the end [usd]; None where none was measured."""
    lost = seen.measure_at_end("shortfall_usd").add(seen.measure_at_end("bad_debt_usd"), fill_value=0.0)
    return None if lost.empty else lost


@metric(unit="usd", worse="higher", source="net insolvent debt in Gauntlet's FAQ and Aave governance 11986")
def bad_debt_usd(seen: Observations) -> float | None:
    """Debt that nothing covers at the end of the run: sum of (debt - collateral)+ over open positions and lots at
    auction at the reference price, and the bad debt recorded and not yet settled; of a perpetual market what accounts
    owe beyond their margin, the shortfall recorded, and what its pool owes beyond its capital."""
    by_protocol = _bad_debt_at_end(seen)
    return None if by_protocol is None else float(by_protocol.sum())


@metric(unit="ratio", worse="higher", source="bad debt share in crvUSDrisk")
def bad_debt_ratio(seen: Observations) -> float | None:
    """bad_debt_usd over the highest debt outstanding, open interest of perpetuals and options included, at any sample;
    null where nothing was ever owed."""
    lost = bad_debt_usd(seen)
    debt, perpetuals, options = (
        seen.measure(name).sum(axis="columns") for name in ("debt_usd", "open_interest_usd", "option_interest_usd")
    )
    owed = debt.add(perpetuals, fill_value=0.0).add(options, fill_value=0.0)
    if lost is None or owed.empty or not owed.max() > 0:
        return None
    return lost / float(owed.max())


@metric(unit="flag", worse="higher", source="its mean over runs is the insolvency probability of crvUSDrisk")
def insolvent(seen: Observations) -> int | None:
    """1 when the bad debt of any protocol at the end exceeds that protocol's reserve, else 0; a protocol that records
    no reserve has none."""
    by_protocol = _bad_debt_at_end(seen)
    if by_protocol is None:
        return None
    uncovered = by_protocol.sub(seen.measure_at_end("reserve_usd").reindex(by_protocol.index), fill_value=0.0)
    return int((uncovered > 0).any())


@metric(unit="usd", worse="higher", source="capital at risk in Block Analitica 2022")
def bad_debt_less_reserve_usd(seen: Observations) -> float | None:
    """Bad debt at the end less what was put by against it, over all protocols; negative while reserves reach."""
    by_protocol = _bad_debt_at_end(seen)
    return None if by_protocol is None else float(by_protocol.sum() - seen.measure_at_end("reserve_usd").sum())


@metric(unit="ratio", worse="lower", source="Maker's liquidation ratio")
def collateral_ratio_min(seen: Observations) -> float | None:
    """Lowest collateral over debt, at the reference price, of any position at any sample."""
    ratios = seen.measure("collateral_ratio_min").to_numpy(dtype=float)
    return float(np.nanmin(ratios)) if ratios.size else None


@metric(unit="ratio", worse="lower", source="equity over maintenance margin in Derive v2")
def margin_ratio_min(seen: Observations) -> float | None:
    """Lowest equity over required equity of any position at any sample; 1 is the edge of unsafe."""
    table = seen.tables.read("positions", ["equity_usd", "required_usd"], field("required_usd") > 0)
    if not table.num_rows:
        return None
    ratios = table["equity_usd"].to_numpy() / table["required_usd"].to_numpy()
    return float(np.nanmin(ratios)) if np.isfinite(ratios).any() else None


@metric(unit="ratio", worse="lower", source="Aave's health factor")
def health_factor_min(seen: Observations) -> float | None:
    """Lowest health of any position that owes something, at any sample; 1 is the edge of unsafe."""
    health = seen.column("positions", "health")
    return float(health.min()) if health.size else None


@metric(unit="ratio", worse="lower", source="Aave's health factor")
def health_factor_p01(seen: Observations) -> float | None:
    """First percentile of the health of positions that owe something, over samples and positions together,
    linear between order statistics."""
    health = seen.column("positions", "health")
    return float(np.percentile(health, 1)) if health.size else None
