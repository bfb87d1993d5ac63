"""Positions of an Aave V3 market, as agents see them.

Aave keeps accounts, with any number of collaterals and debts. Our agents each use one collateral and owe the one asset
that is lent. Where an account pledges several, its debt counts in the first market of the table that has some of it;
what may be liquidated is the pool's own word, by all of them.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from simulator.chain.abi import DecodedEvent
from simulator.chain.artifacts import load_artifact
from simulator.chain.base import CallReverted, Chain
from simulator.chain.types import Address
from simulator.market import Market
from simulator.protocols.aave_market import BASIS_POINTS, AaveMarket
from simulator.protocols.aave_settings import AaveCollateralSettings
from simulator.protocols.base import REPAY_ALL, TAKE_ALL, Call, Lending, Measure, Notice, Oracle, Quote, Sample
from simulator.protocols.cdp_auctions import FLASH_FAILS
from simulator.protocols.feeds import FEED_REFUSES
from simulator.protocols.genesis import Genesis
from simulator.protocols.positions import PositionBook
from simulator.units import RAY, WAD, YEAR_SECONDS

_ALL = 2**256 - 1
_VARIABLE = 2  # the kind of interest
_FULL_CLOSE_HEALTH = 95 * WAD // 100  # below it the whole debt may be repaid
_SHORT = {"InsufficientBalance": "the token was spent meanwhile"}
_OWNERS_LUCK = {
    **_SHORT,
    **FEED_REFUSES,
    "Error: 32": "a liquidation came first",
    "Error: 34": "a liquidation took the collateral first",
    "Error: 35": "the price moved while it waited",
    "Error: 36": "the price moved while it waited",
    "Error: 39": "a liquidation came first",
    "Error: 43": "a liquidation took the collateral first",
}
_EMPTIED = _OWNERS_LUCK | {"Error: 26": "a liquidation took all of the collateral first"}
_LIQUIDATORS_LUCK = {
    **_SHORT,
    **FEED_REFUSES,
    "Error: 45": "a rival was first, or the price recovered",
    "Error: 46": "a rival took the last of this collateral",
    "Error: 47": "a rival repaid the last of the debt",
}
_FLASH_FAILS = {
    **FLASH_FAILS,
    "Error: 26": "a rival repaid the last of the debt",
    "Error: Too little received": "the pool moved while it waited",
}


class RelativeOracle(Oracle):
    """The price of one asset in units of another, both by their feeds."""

    def __init__(self, of: Oracle, to: Oracle) -> None:
        self.id, self.asset, self.source = of.id, of.asset, of.source
        self._of, self._to = of, to

    @property
    def price(self) -> float:  # type: ignore[override]
        """What consumers would use."""
        return self._of.price / self._to.price if self._to.price else 0.0

    @property
    def price_time(self) -> int:  # type: ignore[override]
        """Of the older of the two."""
        return min(self._of.price_time, self._to.price_time)

    def usable_price(self, now: int | None = None) -> float | None:
        """See `Oracle.usable_price`."""
        of, to = self._of.usable_price(now), self._to.usable_price(now)
        return of / to if of is not None and to else None

    def observed(self, market: Market) -> float | None:
        """See `Oracle.observed`."""
        return self._of.observed(market)

    def report(self, price: float) -> Call:
        """See `Oracle.report`, of the first."""
        return self._of.report(price)

    def poke(self) -> Call | None:
        """See `Oracle.poke`, of the first."""
        return self._of.poke()

    def next_poke(self) -> int | None:
        """See `Oracle.next_poke`, of the first."""
        return self._of.next_poke()


class Account(NamedTuple):
    """What the pool says of an account, in its own units."""

    collateral: int  # [1e-8 usd]
    debt: int  # [1e-8 usd]
    available: int  # [1e-8 usd]
    threshold: int  # [basis points]
    ltv: int  # [basis points]
    health: int  # [wad]


class DebtIndex:
    """What a unit of scaled debt owes, which grows by the rate that the last change has left."""

    def __init__(self) -> None:
        self._index, self._rate, self._since = 1.0, 0.0, 0
        self._at = (-1, 1.0)  # the latest answer and its time

    def update(self, args: Mapping[str, Any], now: int) -> None:
        """Take over what an event of the reserve says."""
        self._index, self._rate = args["variableBorrowIndex"] / RAY, args["variableBorrowRate"] / RAY
        self._since, self._at = now, (-1, 1.0)

    def at(self, now: int) -> float:
        """Debt per scaled debt at `now` [unix s]."""
        if self._at[0] != now:
            growth = (1 + self._rate / YEAR_SECONDS) ** max(0, now - self._since)
            self._at = (now, self._index * growth)
        return self._at[1]


class AaveLending(Lending):
    """Accounts that pledge one collateral."""

    immediate = True
    pulls_debt = True
    debt_floor = 0.0

    def __init__(
        self,
        id: str,
        assets: tuple[str, str],
        settings: AaveCollateralSettings,
        market: AaveMarket,
        chain: Chain,
        index: DebtIndex,
        oracle: Oracle,
    ) -> None:
        self.id = id
        self.asset, self.debt_asset = assets
        self.settings = settings
        self.market = market
        self.oracle = oracle
        self.book = PositionBook()
        self.minimum_ratio, self.liquidation_ratio = 1 / settings.ltv, 1 / settings.liquidation_threshold
        self._pledged, self._lent = market.reserves[self.asset], market.reserves[self.debt_asset]
        self.token, self.debt_token = self._pledged.asset, self._lent.asset
        self.spender = market.pool.address
        self._chain = chain
        self._index = index

    def index(self, now: int) -> float:
        """See `Lending.index`."""
        return self._index.at(now)

    # ------------------------------------------------------------------- calls

    def open(self, owner: Address, collateral: int, debt: int) -> Call:
        """See `Lending.open`: two transactions, for the pool has no verb for both."""
        return self._adjust(owner, collateral, debt, "open")

    def adjust(self, position: str, collateral_delta: int, debt_delta: int) -> Call:
        """See `Lending.adjust`: one transaction for each of the two that changes."""
        return self._adjust(self.owner_of(position), collateral_delta, debt_delta, "")

    def _adjust(self, owner: Address, collateral: int, debt: int, action: str) -> Call:
        steps: list[tuple[str, tuple[Any, ...], int]] = []
        if debt < 0:
            repaid = _ALL if debt == REPAY_ALL else -debt
            steps.append(("repay", (self.debt_token, repaid, _VARIABLE, owner), 400_000))
        if collateral > 0:
            steps.append(("supply", (self.token, collateral, owner, 0), 400_000))
        if collateral < 0:
            taken = _ALL if collateral == TAKE_ALL else -collateral
            steps.append(("withdraw", (self.token, taken, owner), 500_000))
        if debt > 0:
            steps.append(("borrow", (self.debt_token, debt, _VARIABLE, 0, owner), 600_000))
        if not steps:
            raise ValueError(f"{self.id}: nothing to adjust")
        call: Call | None = None
        for verb, arguments, gas in steps:
            luck = _EMPTIED if verb == "withdraw" else _OWNERS_LUCK
            step = self._call(action or verb, self.position_id(owner), luck, gas, verb, *arguments)
            call = step._replace(after=call)
        assert call is not None
        return call

    def liquidate(self, position: str, max_repay: int) -> Call:
        """See `Lending.liquidate`."""
        arguments = (self.token, self.debt_token, self.owner_of(position), max_repay, False)
        return self._call("liquidate", position, _LIQUIDATORS_LUCK, 700_000, "liquidationCall", *arguments)

    def deploy_flash(self, genesis: Genesis, owner: Address) -> Address | None:
        """See `Lending.deploy_flash`: it borrows from the market itself and sells on the pool of the two assets."""
        pool = genesis.pools.get((self.asset, self.debt_asset))
        if pool is None:
            return None
        parts = (self.token, self.debt_token, self._lent.debt.address)
        contract = genesis.deploy("AaveFlashLiquidator", self.spender, pool.address, *parts)
        genesis.call(contract, "transferOwnership", owner)
        return contract.address

    def flash_liquidate(self, borrower: Address, position: str, max_repay: int, min_profit: int) -> Call:
        """See `Lending.flash_liquidate`."""
        liquidate = load_artifact("AaveFlashLiquidator").abi.functions["liquidate"]
        data = liquidate.encode(self.owner_of(position), max_repay, min_profit)
        return Call(borrower, data, 1_500_000, "liquidate", position, _LIQUIDATORS_LUCK | _FLASH_FAILS)

    def _call(self, action: str, subject: str, accepts: Mapping[str, str], gas: int, verb: str, *args: Any) -> Call:
        pool = self.market.pool
        return Call(pool.address, pool.encode(verb, *args), gas, action, subject, accepts)

    # ------------------------------------------------------------------- views

    def account(self, owner: Address) -> Account:
        """What the pool says now. Raises CallReverted where its oracle has no answer."""
        return Account(*self.market.pool.read(self._chain, "getUserAccountData", owner))

    def quote(self, position: str, max_repay: int) -> Quote | None:
        """See `Lending.quote`: by the pool's rules from its own views, for it has none that says."""
        owner = self.owner_of(position)
        try:
            health = self.account(owner).health
            if health >= WAD:
                return None
            prices = [self._asset_price(token) for token in (self.token, self.debt_token)]
            owed = int(self._lent.debt.read(self._chain, "balanceOf", owner))
            pledged = int(self._pledged.receipt.read(self._chain, "balanceOf", owner))
        except CallReverted:
            return None
        closes = owed if health <= _FULL_CLOSE_HEALTH else percent(owed, BASIS_POINTS // 2)
        return self._split(min(max_repay, closes), pledged, *prices)

    def _split(self, repay: int, pledged: int, price: int, debt_price: int) -> Quote:
        """What a repayment takes out of what is pledged, and what of that the treasury leaves."""
        bonus = BASIS_POINTS + round(self.settings.liquidation_bonus * BASIS_POINTS)
        taken = percent(repay * debt_price // price, bonus)
        if taken > pledged:
            taken, repay = pledged, per_percent(pledged * price // debt_price, bonus)
        fee = percent(taken - per_percent(taken, bonus), round(self.settings.protocol_fee * BASIS_POINTS))
        return Quote(repay, taken - fee)

    def _asset_price(self, token: Address) -> int:
        return int(self.market.oracle.read(self._chain, "getAssetPrice", token))

    def health(self, position: str) -> int | None:
        """By the mirror's amounts and the pool's index and prices [wad]; None without debt."""
        held = self.book.get(position)
        if held is None or not held.normalized_debt:
            return None
        index = int(self.market.pool.read(self._chain, "getReserveNormalizedVariableDebt", self.debt_token))
        owed = _half_up(held.normalized_debt * index, RAY) * self._asset_price(self.debt_token) // WAD
        worth = held.collateral * self._asset_price(self.token) // WAD
        threshold = round(self.settings.liquidation_threshold * BASIS_POINTS)
        return _half_up(percent(worth, threshold) * WAD, owed)

    # -------------------------------------------------------------------- mirror

    def position_id(self, owner: Address) -> str:
        """Its name in tables and notices."""
        return f"{self.id}/{owner}"

    def owner_of(self, position: str) -> Address:
        """Whose it is."""
        return Address(position.rpartition("/")[2])

    def pledged_by(self, owner: Address) -> int:
        """Collateral of an account [wad]; none of it is lent, so that it earns nothing."""
        return int(self._pledged.receipt.read(self._chain, "balanceOf", owner))

    def keep(self, owner: Address, collateral: int, scaled_debt: int, protocol: str) -> Iterable[Notice]:
        """Take over what the pool says of an account, and tell of it where it changed."""
        name = self.position_id(owner)
        before = self.book.get(name)
        if (
            (before.collateral, before.normalized_debt) == (collateral, scaled_debt)
            if before
            else not (collateral or scaled_debt)
        ):
            return
        self.book.update(name, owner, collateral, scaled_debt)
        yield Notice("position", protocol, name, {"capability": self.id})

    def liquidated(self, event: DecodedEvent, protocol: str) -> Notice:
        """The notice of a liquidation."""
        args = event.args
        taken = {
            "capability": self.id,
            "liquidator": args["liquidator"],
            "debt": args["debtToCover"],
            "collateral": args["liquidatedCollateralAmount"],
            "lot": "",
        }
        return Notice("liquidation", protocol, self.position_id(args["user"]), taken)

    def sample(self, now: int, price: Callable[[str], float]) -> Sample:
        """Positions and totals at reference prices."""
        open_positions = list(self.book)
        collateral = np.array([p.collateral for p in open_positions], dtype=float) / WAD * price(self.asset)
        scaled = np.array([p.normalized_debt for p in open_positions], dtype=float) / WAD
        debt = scaled * self.index(now) * price(self.debt_asset)
        owing = debt > 0
        ratio = np.divide(collateral, debt, out=np.full_like(collateral, np.inf), where=owing)
        totals = {
            "debt_usd": float(debt.sum()),
            "collateral_usd": float(collateral.sum()),
            "shortfall_usd": float(np.maximum(debt - collateral, 0).sum()),
        }
        if owing.any():
            totals["collateral_ratio_min"] = float(ratio.min())
        return Sample(
            [p.id for p in open_positions],
            [p.owner for p in open_positions],
            collateral - debt,
            (self.liquidation_ratio - 1) * debt,
            ratio / self.liquidation_ratio,
            [Measure(self.asset, name, value) for name, value in totals.items()],
        )


def _half_up(numerator: int, denominator: int) -> int:
    return (numerator + denominator // 2) // denominator


def percent(value: int, points: int) -> int:
    """`points` [basis points] of a value, rounded to the nearest."""
    return _half_up(value * points, BASIS_POINTS)


def per_percent(value: int, points: int) -> int:
    """The value of which `points` [basis points] are the given one, rounded to the nearest."""
    return _half_up(value * BASIS_POINTS, points)
