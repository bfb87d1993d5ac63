"""What an option market looks like at a moment: rows of positions, and measures."""

import math
from collections.abc import Callable, Iterator

import numpy as np

from simulator.protocols.base import Measure, Sample
from simulator.protocols.option_capability import OptionPosition
from simulator.protocols.options_market import OptionVenue
from simulator.units import WAD, from_wad


def sample_of(venue: OptionVenue, now: int, price: Callable[[str], float]) -> Sample:
    """Positions at the marks of the surface, and the totals; positions only while there are prices."""
    venue.now = now
    usd = price(venue.margin_asset)
    places = sorted(venue.positions)
    rows = [_row(venue, venue.positions[place], usd) for place in places]
    known = [(place, row) for place, row in zip(places, rows, strict=True) if row is not None]
    equity, required, health = (np.array([row[i] for _, row in known], dtype=np.float64) for i in range(3))
    measures = [Measure(venue.asset, name, value) for name, value in _totals(venue, price)]
    return Sample(
        [venue.position_name(*place) for place, _ in known],
        [place[0] for place, _ in known],
        equity,
        required,
        health,
        measures,
    )


def _row(venue: OptionVenue, position: OptionPosition, usd: float) -> tuple[float, float, float] | None:
    """Equity [usd], margin that it requires beside its value [usd], and collateral over what it must be.

    A guarantor needs none here, and cannot fail here.
    """
    is_guarantor = position.owner in venue.guarantors
    mark, bare = venue.mark(position.series), 0.0 if is_guarantor else from_wad(venue.uncovered(position))
    unit = venue.maintenance(position.series) if bare else 0.0
    spot = venue.spot() or 0.0
    if mark is None or unit is None:
        return None
    collateral = from_wad(position.collateral) + from_wad(position.base) * spot
    equity = collateral + from_wad(position.size) * mark
    frozen = venue.series[position.series].payoff is not None
    needed = 0.0 if frozen else bare * unit
    health = from_wad(position.collateral) / needed if needed else math.inf
    return equity * usd, (max(0.0, needed - bare * mark)) * usd, health


def _totals(venue: OptionVenue, price: Callable[[str], float]) -> Iterator[tuple[str, float]]:
    usd, spot = price(venue.margin_asset), price(venue.asset)
    longs = sum(series.longs for series in venue.series.values())
    shorts = sum(series.shorts for series in venue.series.values())
    yield "option_longs_usd", longs / WAD * spot
    yield "option_shorts_usd", shorts / WAD * spot
    yield "option_interest_usd", max(longs, shorts) / WAD * spot
    used, freed = _margin(venue)
    yield "margin_used_usd", used * usd
    yield "margin_freed_usd", freed * usd
    yield "insurance_fund_usd", from_wad(venue.fund) * usd
    yield "reserve_usd", from_wad(venue.fund) * usd
    yield "bad_debt_usd", from_wad(venue.unpaid) * usd
    capital = venue.pool_capital()
    if capital is not None:
        yield "pool_capital_usd", from_wad(capital) * usd
        yield "shortfall_usd", max(0.0, -from_wad(capital)) * usd
    if venue.is_fresh():
        for days in (7, 30):
            yield f"quoted_volatility_{days}d", venue.surface.at_the_money(days * 86_400)


def _margin(venue: OptionVenue) -> tuple[float, float]:
    """Collateral of what is written, base with it, and the margin that base spares [margin tokens].

    What base spares counts only while there are prices. Who writes on a guarantee has its margin elsewhere.
    """
    used = freed = 0.0
    for (owner, id), position in venue.positions.items():
        if position.size < 0 and owner not in venue.guarantors:
            used += from_wad(position.collateral) + from_wad(position.base) * (venue.spot() or 0.0)
            unit = venue.initial(id) if venue.series[id].payoff is None else None
            freed += from_wad(-position.size - venue.uncovered(position)) * (unit or 0.0)
    return used, freed
