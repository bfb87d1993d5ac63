"""Traders of perpetuals: most lean with the trend, some against it, all with borrowed size.

One who has a position sleeps until the price has brought the profit he wants or the loss he fears, and between that
looks at the trend at drawn times. At the level he fears some add margin, some close, and the others hope.
"""

import math
from typing import Any, ClassVar

import simpy
from pydantic import Field, model_validator

from simulator.agents.base import Agent, AgentSettings, Desk, Life
from simulator.agents.borrower import choose
from simulator.protocols.base import Perp
from simulator.protocols.genesis import Genesis
from simulator.protocols.perps_book import PerpAccount
from simulator.settings import HOURS, RATIO, SECONDS, SHARE, USD, Settings
from simulator.units import from_wad, to_wad

_AGAIN_SECONDS = 600.0  # after which somebody who could not act tries again


class FearSettings(Settings):
    """What traders do when most of their margin is lost. The rest do nothing."""

    top_up: float = Field(0.3, ge=0, le=1, description="share that adds margin from a reserve", json_schema_extra=SHARE)
    close: float = Field(0.3, ge=0, le=1, description="share that closes", json_schema_extra=SHARE)

    @model_validator(mode="after")
    def _at_most_all(self) -> "FearSettings":
        if self.top_up + self.close > 1 + 1e-9:
            raise ValueError(f"the shares add up to {self.top_up + self.close:g}; must be <= 1")
        return self


class PerpTraderSettings(AgentSettings):
    """A group of traders of one market."""

    market: str = Field("", description="id of the perpetual market, as in perps/ETH; empty: the only one")
    margin_usd: float = Field(2_000.0, ge=0, description="median margin at the start", json_schema_extra=USD)
    margin_sigma: float = Field(1.0, ge=0, le=5, description="lognormal sd of that")
    reserve: float = Field(0.5, ge=0, description="spare margin, over what was deposited", json_schema_extra=SHARE)
    leverage: float = Field(4.0, gt=0, description="median notional over margin", json_schema_extra=RATIO)
    leverage_sigma: float = Field(0.5, ge=0, le=3, description="lognormal sd of that")
    open_share: float = Field(
        0.5, ge=0, le=1, description="share that has a position at the start", json_schema_extra=SHARE
    )
    long_share: float = Field(0.5, ge=0, le=1, description="share of those who are long", json_schema_extra=SHARE)
    fade_share: float = Field(
        0.3, ge=0, le=1, description="share that leans against the trend", json_schema_extra=SHARE
    )
    look_hours: float = Field(
        12.0, ge=0, description="mean time between looks at the trend (exponential); 0: never", json_schema_extra=HOURS
    )
    trend_hours: float = Field(6.0, gt=0, description="time over which the trend is averaged", json_schema_extra=HOURS)
    trend: float = Field(
        0.01, ge=0, description="price over its average less 1 from which on they trade", json_schema_extra=SHARE
    )
    take_profit: float = Field(0.8, gt=0, description="profit over margin at which they close", json_schema_extra=SHARE)
    fear: float = Field(
        0.6, gt=0, lt=1, description="part of the way to liquidation at which they are afraid", json_schema_extra=SHARE
    )
    reaction_seconds: float = Field(
        300.0, ge=0, description="mean time until one notices (exponential)", json_schema_extra=SECONDS
    )
    max_slippage: float = Field(
        0.01, ge=0, lt=1, description="worst price of an order, against the mark", json_schema_extra=SHARE
    )
    habits: FearSettings = Field(default_factory=FearSettings, description="what they do in fear")


class PerpTrader(Agent):
    """One account. Its habit, margin and leverage are drawn from the group's settings."""

    Settings: ClassVar[Any] = PerpTraderSettings
    requires: ClassVar[Any] = (Perp,)

    def __init__(self, desk: Desk, settings: PerpTraderSettings) -> None:
        super().__init__(desk, settings)
        self._perp: Perp = choose(desk.capabilities(Perp), settings.market, desk.agent)
        self._account = self._perp.account(desk.address)
        random = desk.random
        habit = float(random.random())
        self._habit = (
            "top_up"
            if habit < settings.habits.top_up
            else "close"
            if habit < settings.habits.top_up + settings.habits.close
            else "hope"
        )
        self._margin = 0  # [margin wad] that it began with
        self._fades = bool(random.random() < settings.fade_share)
        self._leverage = settings.leverage * math.exp(settings.leverage_sigma * random.standard_normal())
        self._leverage = min(self._leverage, 0.9 / self._perp.initial_ratio)
        self._average = desk.market.price(self._perp.asset)  # of the price, over `trend_hours`
        self._averaged = 0.0  # [s] when that was

    # ------------------------------------------------------------------ set-up

    def prepare(self, genesis: Genesis) -> None:
        """Deposit margin, keep a reserve, and open a position where the dice say so."""
        perp, desk, settings = self._perp, self.desk, self.settings
        random = desk.random
        worth = settings.margin_usd * math.exp(settings.margin_sigma * random.standard_normal())
        opens, is_long = bool(random.random() < settings.open_share), bool(random.random() < settings.long_share)
        margin = to_wad(worth / genesis.price(perp.margin_asset))
        if not margin:
            return
        self._margin, spare = margin, round(margin * settings.reserve)
        genesis.bring(desk.agent, perp.margin_asset, desk.address, margin + spare, "margin_usd")
        genesis.approve(perp.margin_asset, desk.address, perp.spender)
        genesis.submit(perp.deposit(self._account, margin), desk.address)
        if opens:
            size = perp.units(worth * self._leverage, genesis.price(perp.asset)) * (1 if is_long else -1)
            genesis.flush()
            if size and perp.preview_trade(self._account, size) is not None:
                genesis.submit(perp.trade(self._account, size, 1e18 if size > 0 else 0.0), desk.address)

    # -------------------------------------------------------------------- life

    def life(self) -> Life:
        """Sleep until a price or the next look."""
        desk = self.desk
        if self.settings.margin_usd == 0:
            return
        next_look = self._next_look()
        while True:
            clocks = self._levels()
            if next_look < math.inf:
                clocks.append(desk.sleep(max(0.0, next_look - desk.elapsed)))
            if not clocks:
                return
            yield desk.first_of(clocks)
            looks = desk.elapsed >= next_look - 1e-6
            if not looks:
                yield desk.sleep(self.settings.reaction_seconds * desk.random.standard_exponential())
                yield from self._react()
                continue
            next_look = self._next_look()
            yield from self._look()

    def _next_look(self) -> float:
        """[s since the start]"""
        hours = float(self.settings.look_hours)
        return self.desk.elapsed + 3600 * hours * float(self.desk.random.standard_exponential()) if hours else math.inf

    def _position(self) -> PerpAccount | None:
        """The account, if it has a position."""
        found = self._perp.book.get(self._account)
        return found if found is not None and found.size else None

    def _entry(self, held: PerpAccount) -> float:
        """The mean price of the position [usd]."""
        return abs(held.size / held.entry_value if self._perp.inverse else held.entry_value / held.size)

    def _bounds(self, held: PerpAccount) -> tuple[float, float]:
        """The prices of fear and of profit [usd]."""
        entry, side = self._entry(held), 1 if held.size > 0 else -1
        per_price = held.margin / abs(held.entry_value)  # the relative move that takes or doubles the margin
        room = max(0.0, per_price - self._perp.maintenance_ratio)
        loss = entry * max(0.01, 1 - side * self.settings.fear * room)
        return loss, entry * max(0.01, 1 + side * self.settings.take_profit * per_price)

    def _levels(self) -> list[simpy.Event]:
        """Events at the prices of profit and of fear, none without a position or while an order waits."""
        held = self._position()
        if held is None or held.entry_value == 0 or self._account in self._perp.orders:
            return []
        (loss, gain), rises = self._bounds(held), held.size > 0
        price, asset = self.desk.market.price(self._perp.asset), self._perp.asset
        below, above = (loss, gain) if rises else (gain, loss)
        if self._habit == "hope":
            below, above = (0.0, gain) if rises else (gain, math.inf)
        if not below < price < above:
            return [self.desk.sleep(_AGAIN_SECONDS)]  # it could not act, and tries again
        events = [self.desk.below(asset, below)] if below else []
        return events + ([self.desk.above(asset, above)] if above < math.inf else [])

    def _react(self) -> Life:
        """Take the profit, or act in fear, if the price is still there."""
        held = self._position()
        if held is None or not held.entry_value:
            return
        side, price = 1 if held.size > 0 else -1, self.desk.market.price(self._perp.asset)
        loss, gain = self._bounds(held)
        if (price - gain) * side >= 0:
            yield from self._trade(-held.size)
            yield from self._take_out()
        elif (loss - price) * side >= 0 and self._habit != "hope":
            if self._habit == "top_up" and (yield from self._top_up(held)):
                return
            yield from self._trade(-held.size)

    def _take_out(self) -> Life:
        """Withdraw what the account has beyond its first margin."""
        desk, perp = self.desk, self._perp
        account = perp.book.get(self._account)
        if account is None or account.size:
            return
        amount = min(account.margin - self._margin, perp.withdrawable(self._account))
        if amount > 0:
            yield desk.send(perp.withdraw(self._account, amount))

    def _top_up(self, held: PerpAccount) -> Life:
        """Add as much as the first margin, as far as the reserve reaches; whether there was any."""
        desk, perp = self.desk, self._perp
        amount = min(desk.balance(perp.margin_asset), max(held.margin, 0))
        if not amount:
            return False
        fate = yield desk.send(perp.deposit(self._account, amount))
        return fate.ok

    # --------------------------------------------------------------- the trend

    def _look(self) -> Life:
        """Open, turn or keep a position by what the price has done."""
        perp, settings = self._perp, self.settings
        trend = self._trend()
        if self._account in perp.orders or abs(trend) < settings.trend or perp.paused:
            return
        account = perp.book.get(self._account)
        held = account.size if account else 0
        side = (1 if trend > 0 else -1) * (-1 if self._fades else 1)
        if held * side > 0 or account is None or account.margin <= 0:
            return
        margin = from_wad(account.margin) * self.desk.market.price(perp.margin_asset)
        wanted = side * perp.units(margin * self._leverage, self.desk.market.price(perp.asset))
        yield from self._trade(wanted - held)

    def _trend(self) -> float:
        """The price over its moving average, less 1."""
        desk = self.desk
        price, weight = desk.market.price(self._perp.asset), 3600 * float(self.settings.trend_hours)
        trend = price / self._average - 1
        self._average += (price - self._average) * -math.expm1((self._averaged - desk.elapsed) / weight)
        self._averaged = desk.elapsed
        return trend

    def _trade(self, size: int) -> Life:
        """Trade now, or wait until the order is filled or can be cancelled."""
        desk, perp = self.desk, self._perp
        slippage = self.settings.max_slippage * (1 if size > 0 else -1)
        if not size or self._account in perp.orders:
            return
        call = perp.trade(self._account, size, perp.mark() * (1 + slippage))
        if not desk.would_work(call):
            yield desk.sleep(_AGAIN_SECONDS)
            return
        fate = yield desk.send(call)
        if not fate.ok:
            yield desk.sleep(_AGAIN_SECONDS)
        while (order := perp.orders.get(self._account)) is not None:
            yield desk.sleep(max(order.expires - desk.now, 0) + 60.0)
            if self._account in perp.orders:
                yield desk.send(perp.cancel(self._account))
