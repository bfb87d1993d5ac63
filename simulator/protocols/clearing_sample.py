"""What a clearinghouse looks like at a moment: rows of accounts, measures, and whether its books hold."""

import math
from collections.abc import Callable, Iterator

import numpy as np

from simulator.chain.base import Chain
from simulator.protocols.base import Measure, Sample
from simulator.protocols.clearing_house import ClearingHouse
from simulator.protocols.genesis import Contract
from simulator.protocols.margin_capability import Leg
from simulator.units import WAD, from_wad

_POINT, _DAYS = 0.01, 365


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
    freed = _freed(house, known)
    totals = {"margin_used_usd": float(required.sum()), "margin_freed_usd": freed * usd, "shortfall_usd": missing}
    measures = [Measure(house.asset, name, value) for name, value in (*totals.items(), *_totals(house, usd))]
    return Sample(list(known), owners, equity, required, health, [*measures, *_greeks(house, known)])


def _totals(house: ClearingHouse, usd: float) -> Iterator[tuple[str, float]]:
    fund = house.house_fund + house.members_fund
    yield "house_fund_usd", from_wad(house.house_fund) * usd
    yield "members_fund_usd", from_wad(house.members_fund) * usd
    yield "insurance_fund_lowest_usd", from_wad(fund if house.lowest_fund is None else house.lowest_fund) * usd
    yield "reserve_usd", from_wad(fund) * usd
    yield "bad_debt_usd", from_wad(house.shortfall) * usd
    yield "absorbed_usd", from_wad(house.absorbed) * usd
    yield "auctions_open", float(len(house.auctions()))
    yield "clearing_interest_usd", sum(house.notional(id) for id, account in house.accounts.items() if account.legs)


def _freed(house: ClearingHouse, margins: dict[str, tuple[int, int]]) -> float:
    """[margin tokens] What standard margin would require of those with portfolio margin beyond theirs."""
    freed = 0
    for id, (_, required) in margins.items():
        if house.accounts[id].model == "portfolio":
            alone = house.margin_of(id, initial=False, model="standard")
            freed += alone[1] - required if alone else 0
    return from_wad(freed)


def _greeks(house: ClearingHouse, accounts: dict[str, tuple[int, int]]) -> Iterator[Measure]:
    """As of any portfolio with options (`simulator/portfolios.py`), each account's with all that it holds."""
    spot = house.oracle.price
    for id in accounts:
        greeks = house.greeks(id)
        if greeks is None:
            continue
        values = {
            "net_delta_usd": greeks.delta * spot,
            "net_gamma_usd": greeks.gamma * spot**2 * _POINT,
            "net_vega_usd": greeks.vega * _POINT,
            "net_theta_usd": greeks.theta / _DAYS,
            "net_rho_usd": greeks.rho * _POINT,
        }
        account = house.accounts[id]
        for name, value in values.items():
            yield Measure(f"{account.owner}/{account.number}", name, value)


def books_balance(house: ClearingHouse, token: Contract, chain: Chain) -> int:
    """[margin wad] that is here, at the venues and recorded as missing, less what accounts and funds claim.

    Of a venue counts what was paid in, not what it is worth: the rest is in the accounts' legs. Legs whose venue has
    paid already count with what they will get.
    """
    claims = house.house_fund + house.members_fund - house.shortfall
    for account in house.accounts.values():
        claims += house.house.read(chain, "bookOf", account.number)[0]
        claims += sum(_outcome(house, leg, size, chain) for leg, size in account.legs.items())
    holders = [house.spender, *house.instruments.values()]
    unit = house.house.read(chain, "moneyUnit")
    held = sum(token.read(chain, "balanceOf", holder) for holder in holders) * unit
    venues, instruments = house.venues, house.parts.instruments
    if venues.perp is not None:
        _, margin, entry, due, _ = venues.perp.read(chain, "positionOf", instruments["perp"].address)
        held += margin - entry - due
    if venues.power is not None:
        held += venues.power.read(chain, "positionOf", instruments["power"].address)[0]
    return int(held - claims)


def _outcome(house: ClearingHouse, leg: Leg, size: int, chain: Chain) -> int:
    """[margin wad] that an account will get for a leg whose venue has settled; nothing for others."""
    if leg.instrument == "option":
        closed, payoff = house.parts.instruments["option"].read(chain, "outcomeOf", leg.id)
        return int(size * payoff // WAD) if closed else 0
    swaps = house.venues.swaps
    if leg.instrument != "swap" or swaps is None or not swaps.read(chain, "isSettled", leg.id):
        return 0
    return int(swaps.read(chain, "outcomeOf", leg.id)[0 if size > 0 else 1])
