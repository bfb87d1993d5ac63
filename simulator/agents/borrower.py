"""Borrowers: they lever up, top up, unwind or panic when their collateral ratio falls, or never look."""

import math
from typing import Any, ClassVar

from pydantic import Field, model_validator

from simulator.agents.base import Agent, AgentSettings, Desk, Life
from simulator.errors import ConfigError
from simulator.protocols.base import REPAY_ALL, TAKE_ALL, Lending
from simulator.protocols.genesis import Genesis
from simulator.selling import SellingRule
from simulator.settings import RATIO, SECONDS, SHARE, USD, Settings
from simulator.units import from_wad, to_wad


class Habits(Settings):
    """How many of the borrowers do what when their ratio falls to `act_below`. The rest are passive."""

    top_up: float = Field(
        0.2, ge=0, le=1, description="share that adds collateral from a reserve", json_schema_extra=SHARE
    )
    repay: float = Field(0.2, ge=0, le=1, description="share that buys and repays debt", json_schema_extra=SHARE)
    panic: float = Field(
        0.1, ge=0, le=1, description="share that closes the position and sells its collateral", json_schema_extra=SHARE
    )
    lever: float = Field(
        0.1,
        ge=0,
        le=1,
        description="share that draws more, buys and adds collateral as prices rise",
        json_schema_extra=SHARE,
    )

    @model_validator(mode="after")
    def _at_most_all(self) -> "Habits":
        total = self.top_up + self.repay + self.panic + self.lever
        if total > 1 + 1e-9:
            raise ValueError(f"the shares add up to {total:g}; must be <= 1")
        return self


class BorrowerSettings(AgentSettings):
    """A group of positions."""

    market: str = Field("", description="id of the lending market, as in cdp/ETH; empty: the only one")
    collateral_usd: float = Field(30_000.0, gt=0, description="median worth of the collateral", json_schema_extra=USD)
    collateral_sigma: float = Field(1.0, ge=0, le=5, description="lognormal sd of that worth")
    ratio: float = Field(2.2, gt=1, description="median collateral ratio at the start", json_schema_extra=RATIO)
    ratio_sigma: float = Field(0.2, ge=0, le=2, description="lognormal sd of the ratio's excess over the minimum")
    ratio_buffer: float = Field(
        0.02, gt=0, description="least excess of the first ratio over the minimum", json_schema_extra=SHARE
    )
    act_below: float = Field(
        1.1,
        ge=1,
        description="they act when their ratio is this many times the liquidation ratio",
        json_schema_extra=RATIO,
    )
    reserve: float = Field(
        0.3, ge=0, description="spare collateral of those who top up, over what they locked", json_schema_extra=SHARE
    )
    reaction_seconds: float = Field(
        600.0, ge=0, description="mean time until a borrower notices (exponential)", json_schema_extra=SECONDS
    )
    selling: SellingRule = Field(default_factory=SellingRule, description="how collateral is sold in panic")
    habits: Habits = Field(default_factory=Habits, description="what they do about it")


class Borrower(Agent):
    """One position. Its habit, size and ratio are drawn from the group's settings."""

    Settings: ClassVar[Any] = BorrowerSettings
    requires: ClassVar[Any] = (Lending,)
    supplies: ClassVar[bool] = True

    def __init__(self, desk: Desk, settings: BorrowerSettings) -> None:
        super().__init__(desk, settings)
        self._lending: Lending = choose(desk.capabilities(Lending), settings.market, desk.agent)
        self._habit = self._draw_habit(settings.habits)
        self._position = ""

    def _draw_habit(self, habits: Habits) -> str:
        at = float(self.desk.random.random())
        for name in ("top_up", "repay", "panic", "lever"):
            at -= getattr(habits, name)
            if at < 0:
                return name
        return "passive"

    # ------------------------------------------------------------------ set-up

    def prepare(self, genesis: Genesis) -> None:
        """Open the position and sell what was drawn."""
        lending, desk, settings = self._lending, self.desk, self.settings
        price = genesis.price(lending.asset)
        worth = settings.collateral_usd * math.exp(settings.collateral_sigma * desk.random.standard_normal())
        excess = (settings.ratio - lending.minimum_ratio) * math.exp(
            settings.ratio_sigma * desk.random.standard_normal()
        )
        ratio = lending.minimum_ratio * (1 + settings.ratio_buffer) + max(0.0, excess)
        debt_price = genesis.price(lending.debt_asset)
        debt = max(worth / ratio / debt_price, lending.debt_floor * 1.01)
        collateral = to_wad(debt * debt_price * ratio / price)
        spare = round(collateral * settings.reserve) if self._habit == "top_up" else 0
        genesis.endow(lending.asset, desk.address, collateral + spare)
        genesis.approve(lending.asset, desk.address, lending.spender)
        if lending.pulls_debt:
            genesis.approve(lending.debt_asset, desk.address, lending.spender)
        call = lending.open(desk.address, collateral, to_wad(debt))
        self._position = call.subject
        genesis.submit(call, desk.address)
        token = genesis.token(lending.debt_asset)
        genesis.call(token, "transfer", genesis.exchange, to_wad(debt), sender=desk.address)
        desk.cash += debt * debt_price

    # -------------------------------------------------------------------- life

    def life(self) -> Life:
        """Sleep until the price nears the point at which this borrower acts."""
        desk = self.desk
        while self._habit != "passive":
            level = self._act_level()
            if level is None:
                return
            if self._habit == "lever":
                yield desk.above(self._lending.asset, level)
            else:
                yield desk.below(self._lending.asset, level)
            yield desk.sleep(self.settings.reaction_seconds * desk.random.standard_exponential())
            acted = yield from getattr(self, f"_{self._habit}")()
            if not acted:
                yield desk.sleep(3600)

    def _act_level(self) -> float | None:
        """The collateral price [usd] at which this borrower acts, None once the position is gone."""
        position = self._lending.book.get(self._position)
        if position is None or not position.normalized_debt:
            return None
        at_ratio_one = (
            position.critical * self._lending.index(self.desk.now) * self.desk.market.price(self._lending.debt_asset)
        )
        if self._habit == "lever":
            return max(
                at_ratio_one * float(self.settings.ratio) * 1.1, self.desk.market.price(self._lending.asset) * 1.01
            )
        return at_ratio_one * self._lending.liquidation_ratio * float(self.settings.act_below)

    def _debt(self) -> float:
        """What the position owes [debt tokens], 0 once it is gone."""
        position = self._lending.book.get(self._position)
        return from_wad(position.normalized_debt) * self._lending.index(self.desk.now) if position else 0.0

    def _collateral(self) -> int:
        position = self._lending.book.get(self._position)
        return position.collateral if position else 0

    def _missing_usd(self) -> float:
        """Collateral [usd] that brings the ratio back to what it was opened with."""
        market, lending = self.desk.market, self._lending
        wanted = self._debt() * market.price(lending.debt_asset) * float(self.settings.ratio)
        return max(0.0, wanted - from_wad(self._collateral()) * market.price(lending.asset))

    def _top_up(self) -> Life:
        lending, desk = self._lending, self.desk
        missing = to_wad(self._missing_usd() / desk.market.price(lending.asset))
        amount = min(missing, desk.balance(lending.asset))
        if not amount or not self._debt():
            return False
        fate = yield desk.send(lending.adjust(self._position, amount, 0))
        return fate.ok

    def _repay(self) -> Life:
        lending, desk = self._lending, self.desk
        # Repaying x raises the ratio to target when collateral = target * (debt - x).
        target = self.settings.ratio
        value = from_wad(self._collateral()) * desk.market.price(lending.asset) / desk.market.price(lending.debt_asset)
        wanted = self._debt() - value / target
        room = max(0.0, self._debt() - lending.debt_floor * 1.01)
        amount = to_wad(max(0.0, min(wanted, room)))
        if not amount:
            return False
        bought = yield from desk.buy(lending.debt_asset, amount)
        if not bought or not self._debt():
            return False
        fate = yield desk.send(lending.adjust(self._position, 0, -bought))
        return fate.ok

    def _panic(self) -> Life:
        """Buy back the whole debt, close, and sell the collateral into the falling market."""
        lending, desk = self._lending, self.desk
        need = to_wad(self._debt() * 1.001)
        if need:
            yield from desk.buy(lending.debt_asset, max(0, need - desk.balance(lending.debt_asset)))
        if not self._debt() or desk.balance(lending.debt_asset) < to_wad(self._debt()):
            return False
        held = self._collateral()
        fate = yield desk.send(lending.adjust(self._position, TAKE_ALL, REPAY_ALL))
        if fate.ok:
            yield from desk.sell(lending.asset, held, self.settings.selling)
        return fate.ok

    def _lever(self) -> Life:
        """Draw back to the opening ratio, sell the debt for collateral and lock it."""
        lending, desk = self._lending, self.desk
        value = from_wad(self._collateral()) * desk.market.price(lending.asset) / desk.market.price(lending.debt_asset)
        amount = to_wad(max(0.0, value / self.settings.ratio - self._debt()))
        if not amount:
            return False
        fate = yield desk.send(lending.adjust(self._position, 0, amount))
        if not fate.ok:
            return False
        cash = yield from desk.sell(lending.debt_asset, amount)
        bought = yield from desk.buy(lending.asset, to_wad(0.995 * cash / desk.market.price(lending.asset)))
        if bought and self._debt():
            yield desk.send(lending.adjust(self._position, bought, 0))
        return True


def choose(offered: list[Any], id: str, agent: str) -> Any:
    """The capability of `id`, or the only one. Raises ConfigError."""
    if not id and len(offered) == 1:
        return offered[0]
    for capability in offered:
        if capability.id == id:
            return capability
    known = ", ".join(capability.id for capability in offered)
    raise ConfigError(f"market = {id!r}", where=agent, mend=f"name one of: {known or 'no protocol offers it'}")
