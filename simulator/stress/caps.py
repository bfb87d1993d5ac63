"""Caps by the largest liquidation that a liquidator can still sell at a profit (a method of LlamaRisk, Chaos Labs).

A liquidator repays a debt of d, gets collateral worth d (1 + bonus), leaves the protocol its share of the bonus, and
sells the rest in one order on the reference market, as deep as the scenario's own shock leaves it. Where it holds no
Dollars it buys them first, at the price to which its own order lifts them. What comes back must be more than d and its
gas. The depth and the way orders fill are those that the simulation trades at (`simulator/market/impact.py`).
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from simulator.errors import ConfigError
from simulator.market.impact import Impact, ImpactSettings

if TYPE_CHECKING:
    from simulator.scenario import Scenario

METHOD = "largest that a liquidator can still sell at a profit"
_UNBOUNDED = 1e15  # [usd] more than any market is worth
_NEAR = 1e-9  # relative


@dataclass(frozen=True)
class Cap:
    """The largest liquidation that pays, and what it was reckoned from."""

    debt_usd: float  # infinite where the market moves for nothing
    collateral_usd: float  # sold at the oracle's price
    depth_usd: float  # that moves the collateral by 1 %, after the shock
    bonus: float  # of the debt, the liquidator's
    slippage: float  # lost by selling, as a share of the collateral's worth

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON data under the method's name; null for what is without bound."""
        finite = {name: value if math.isfinite(value) else None for name, value in asdict(self).items()}
        return {"method": METHOD, **finite}


def caps_of(scenario: "Scenario") -> dict[str, Cap]:
    """The cap of every collateral of the scenario's debt protocols, by id as in cdp/ETH."""
    return {
        f"{protocol}/{asset}": profitable_cap(scenario, asset, protocol=protocol)
        for protocol, component in scenario.protocols.items()
        if component.name == "cdp"
        for asset in scenario.resolved[protocol].get("collateral", {})
    }


def profitable_cap(
    scenario: "Scenario", asset: str, *, protocol: str = "cdp", depth: float | None = None, gas_usd: float = 0.0,
    own_dollars: bool = False,
) -> Cap:  # fmt: skip
    """The cap of a collateral of a debt protocol.

    `depth` is the share of the stated depth that is left: by default what the scenario's shock leaves (`shock_depth`,
    all of it where it declares no shock). Raises ConfigError where there is no such collateral.
    """
    terms = _terms(scenario, protocol, asset)
    dollar = str(scenario.resolved[protocol].get("dollar", "DOLLAR"))
    market, source = _market(scenario, asset, depth), None if own_dollars else _market(scenario, dollar, depth)
    share = float(terms.get("protocol_fee", 0.0)) if terms.get("liquidation", "fixed") == "fixed" else 0.0
    bonus = float(terms["liquidation_bonus"]) * (1 - share)

    def profit(debt: float) -> float:
        return _sold(market, debt * (1 + bonus)) - _bought(source, debt) - gas_usd

    debt = _largest(profit)
    if not math.isfinite(debt):
        return Cap(math.inf, math.inf, math.inf if market is None else _depth(scenario, asset, depth), bonus, 0.0)
    collateral = debt * (1 + bonus)
    slippage = 1 - _sold(market, collateral) / collateral if collateral else 0.0
    return Cap(debt, collateral, _depth(scenario, asset, depth), bonus, slippage)


def _terms(scenario: "Scenario", protocol: str, asset: str) -> dict[str, Any]:
    collateral = scenario.resolved.get(protocol, {}).get("collateral", {})
    if asset not in collateral:
        known = ", ".join(collateral) or "none"
        raise ConfigError(f"{protocol} has no collateral {asset}", where=scenario.name, mend=f"it has: {known}")
    return dict(collateral[asset])


def _settings(scenario: "Scenario", asset: str) -> ImpactSettings | None:
    table = scenario.resolved["market"].get(asset, {}).get("impact")
    return None if table is None else ImpactSettings.model_validate(table)


def _left(settings: ImpactSettings, depth: float | None) -> float:
    return depth if depth is not None else settings.shock_depth if settings.shock_move else 1.0


def _depth(scenario: "Scenario", asset: str, depth: float | None) -> float:
    settings = _settings(scenario, asset)
    return math.inf if settings is None else settings.depth_usd * _left(settings, depth)


def _market(scenario: "Scenario", asset: str, depth: float | None) -> Impact | None:
    """A market as deep as is left, of tokens of one dollar; None where trades move nothing."""
    settings = _settings(scenario, asset)
    if settings is None:
        return None
    left = {"depth_usd": settings.depth_usd * _left(settings, depth), "thinning": 0.0, "shock_move": 0.0}
    return Impact(settings.model_copy(update=left), 1.0)


def _sold(market: Impact | None, usd: float) -> float:
    return usd if market is None else market.quote(-usd, 1.0)


def _bought(market: Impact | None, dollars: float) -> float:
    return dollars if market is None else market.quote(dollars, 1.0)


def _largest(profit: Callable[[float], float]) -> float:
    """The largest debt with a profit that is not negative, 0 where even the best has none.

    Profit rises first (over the gas) and falls then, because every further dollar sells for less.
    """
    top = 1.0
    while top < _UNBOUNDED and profit(2 * top) > profit(top):
        top *= 2
    if top >= _UNBOUNDED:
        return math.inf
    best = _peak(profit, 0.0, 2 * top)
    if profit(best) < 0:
        return 0.0
    low, high = best, 2 * top
    while profit(high) >= 0:
        low, high = high, 2 * high
        if high > _UNBOUNDED:
            return math.inf
    while high - low > _NEAR * high:
        middle = (low + high) / 2
        low, high = (middle, high) if profit(middle) >= 0 else (low, middle)
    return low


def _peak(profit: Callable[[float], float], low: float, high: float) -> float:
    while high - low > _NEAR * high:
        third = (high - low) / 3
        if profit(low + third) < profit(high - third):
            low += third
        else:
            high -= third
    return (low + high) / 2
