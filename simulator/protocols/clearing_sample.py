"""What a clearinghouse looks like at a moment: rows of accounts, measures, and whether its books hold."""

import math
from collections.abc import Callable, Iterator

import numpy as np

from simulator.chain.base import Chain
from simulator.protocols.base import Measure, Sample
from simulator.protocols.clearing_house import ClearingHouse
from simulator.protocols.genesis import Contract
from simulator.units import from_wad

_GREEKS = ("net_delta", "net_gamma", "net_vega", "net_theta", "net_rho")


def sample_of(house: ClearingHouse, price: Callable[[str], float]) -> Sample:
    """Accounts with legs, at the prices of the feeds, and the totals. An account without a price has no row."""
    usd = price(house.margin_asset)
    margins = {id: house.margin_of(id, initial=False) for id, account in house.accounts.items() if account.legs}
    known = {id: margin for id, margin in margins.items() if margin is not None}
    equity = np.array([from_wad(each[0]) * usd for each in known.values()], dtype=np.float64)
    required = np.array([from_wad(each[1]) * usd for each in known.values()], dtype=np.float64)
    health = np.array([e / r if r else math.inf for e, r in zip(equity.tolist(), required.tolist(), strict=True)])
    owners = [str(house.accounts[id].owner) for id in known]
    missing = float(np.maximum(-equity, 0).sum())
    measures = [Measure(house.asset, name, value) for name, value in _totals(house, missing, usd)]
    return Sample(list(known), owners, equity, required, health, [*measures, *_greeks(house, known)])


def _totals(house: ClearingHouse, missing: float, usd: float) -> Iterator[tuple[str, float]]:
    fund = house.house_fund + house.members_fund
    yield "house_fund_usd", from_wad(house.house_fund) * usd
    yield "members_fund_usd", from_wad(house.members_fund) * usd
    yield "insurance_fund_lowest_usd", from_wad(fund if house.lowest_fund is None else house.lowest_fund) * usd
    yield "reserve_usd", from_wad(fund) * usd
    yield "bad_debt_usd", from_wad(house.shortfall) * usd
    yield "shortfall_usd", missing
    yield "absorbed_usd", from_wad(house.absorbed) * usd
    yield "auctions_open", float(len(house.auctions()))
    yield "open_interest_usd", sum(house.notional(id) for id, account in house.accounts.items() if account.legs)
    used, freed = _margin_used(house)
    yield "margin_used_usd", from_wad(used) * usd
    yield "margin_freed_usd", from_wad(freed) * usd


def _margin_used(house: ClearingHouse) -> tuple[int, int]:
    """Initial margin of all accounts, and what standard margin would ask beyond it of those with portfolio margin."""
    used = freed = 0
    for id, account in house.accounts.items():
        margin = house.margin_of(id, initial=True) if account.legs else None
        if margin is None:
            continue
        used += margin[1]
        if account.model == "portfolio":
            alone = house.margin_of(id, initial=True, model="standard")
            freed += alone[1] - margin[1] if alone else 0
    return used, freed


def _greeks(house: ClearingHouse, accounts: dict[str, tuple[int, int]]) -> Iterator[Measure]:
    for id in accounts:
        greeks = house.greeks(id)
        if greeks is not None:
            for name, value in zip(_GREEKS, greeks, strict=True):
                yield Measure(id, name, value)


def books_gap(house: ClearingHouse, token: Contract, chain: Chain) -> int:
    """[margin wad] that accounts and funds claim beyond what is there, at the venues and recorded as missing.

    Of a venue counts what was paid in, not what it is worth: the rest is in the accounts' legs.
    """
    claims = house.house_fund + house.members_fund - house.shortfall
    for account in house.accounts.values():
        claims += house.house.read(chain, "bookOf", account.number)[0]
    held = token.read(chain, "balanceOf", house.spender) * house.house.read(chain, "moneyUnit")
    venues, instruments = house.venues, house.parts.instruments
    if venues.perp is not None:
        _, margin, entry, due, _ = venues.perp.read(chain, "positionOf", instruments["perp"].address)
        held += margin - entry - due
    if venues.power is not None:
        held += venues.power.read(chain, "positionOf", instruments["power"].address)[0]
    return max(0, int(claims - held))
