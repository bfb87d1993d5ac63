"""What a perp market looks like at a moment: rows of positions, and measures."""

from collections.abc import Callable

import numpy as np

from simulator.protocols.base import Measure, Sample
from simulator.protocols.perps_book import equity, funding_due, price_of, required
from simulator.protocols.perps_market import PerpVenue
from simulator.units import WAD, from_wad, to_wad


def sample_of(venue: PerpVenue, now: int, price: Callable[[str], float]) -> Sample:
    """Accounts with a position at the reference price of the asset, and the totals."""
    frame = venue.frame(now, price(venue.asset))
    if frame is None:
        return Sample()
    usd = price(venue.margin_asset)
    table = venue.book.table()
    owned = equity(table, frame).astype(np.float64) / WAD * usd
    needed = required(table, frame, to_wad(venue.maintenance_ratio)).astype(np.float64) / WAD * usd
    health = owned / needed
    capital = venue.capital_at(frame)
    long, short = venue.open_interest()
    unit = 1.0 if venue.inverse else price(venue.asset)  # dollars of one unit of size
    values = {
        "mark_price_usd": from_wad(price_of(frame.mark, inverse=venue.inverse)),
        "premium": venue.premium(),
        "funding_rate": venue.funding_rate(now),
        "long_usd": from_wad(long) * unit,
        "short_usd": from_wad(short) * unit,
        "open_interest_usd": from_wad(max(long, short)) * unit,
        "skew_usd": from_wad(venue.skew) * unit,
        "pool_capital_usd": from_wad(capital) * usd,
        "insurance_fund_usd": from_wad(venue.fund) * usd,
        "insurance_fund_lowest_usd": from_wad(venue.fund if venue.lowest_fund is None else venue.lowest_fund) * usd,
        "reserve_usd": from_wad(venue.fund) * usd,
        "bad_debt_usd": from_wad(venue.shortfall + max(0, -capital)) * usd,
        "shortfall_usd": float(np.maximum(-owned, 0).sum()),
    }
    hedges = [account for account in venue.book if venue.is_contract(account)]
    if hedges:
        due = sum(funding_due(account, frame) + account.funding_paid for account in hedges)
        values["hedge_funding_paid_usd"] = from_wad(due) * usd
    measures = [Measure(venue.asset, name, value) for name, value in values.items()]
    return Sample(table.ids, table.owners, owned, needed, health, measures)
