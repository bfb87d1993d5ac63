"""Funding arbitrageurs: they take the side that is paid, and hold the opposite on a market outside.

Where the scenario gives the asset a premium outside, the other leg is that perpetual: they trade until the premium on
chain is the same, so that the funding of the world outside appears on chain. Where it does not, the other leg is spot,
and they trade until the funding rate no longer pays for fees, gas and holding both legs.

The leg outside has no venue of its own here: its profit is booked as cash at the exchange.
"""

from typing import Any, ClassVar

from pydantic import Field

from simulator.agents.base import Agent, AgentSettings, Desk, Life
from simulator.agents.borrower import choose
from simulator.errors import ConfigError
from simulator.protocols.base import Perp
from simulator.protocols.genesis import Genesis
from simulator.settings import ANNUAL, HOURS, MINUTES, RATIO, SHARE, USD
from simulator.units import from_wad, to_wad

_YEAR_HOURS = 8760.0
_PREMIUM_SECONDS = 8 * 3600.0  # that a market's premium is quoted for
_TRADE_GAS = 220_000  # reckoned with
_TOP_UP_BELOW = 0.6  # of the margin that a position should have
_TAKE_OUT_ABOVE = 1.8


class FundingArbitrageurSettings(AgentSettings):
    """Means and appetite."""

    market: str = Field("", description="id of the perpetual market, as in perps/ETH; empty: the only one")
    capital_usd: float = Field(500_000.0, ge=0, description="of the margin token at the start", json_schema_extra=USD)
    leverage: float = Field(3.0, gt=0, description="notional over the margin kept for it", json_schema_extra=RATIO)
    look_minutes: float = Field(10.0, gt=0, description="time between two looks", json_schema_extra=MINUTES)
    band: float = Field(
        0.0001, ge=0, description="gap of the premium to the one wanted that is left alone", json_schema_extra=SHARE
    )
    follows_outside: bool = Field(True, description="whether it follows the market's premium where there is one")
    holding_hours: float = Field(
        72.0, gt=0, description="time over which it reckons to be paid, without an outside", json_schema_extra=HOURS
    )
    holding_cost: float = Field(
        0.03, ge=0, description="of holding the other leg, without an outside", json_schema_extra=ANNUAL
    )


class FundingArbitrageur(Agent):
    """Brings the premium on chain to where it should be, as far as its capital reaches."""

    Settings: ClassVar[Any] = FundingArbitrageurSettings
    requires: ClassVar[Any] = (Perp,)

    def __init__(self, desk: Desk, settings: FundingArbitrageurSettings) -> None:
        super().__init__(desk, settings)
        self._perp: Perp = choose(desk.capabilities(Perp), settings.market, desk.agent)
        self._account = self._perp.account(desk.address)
        self._price = desk.market.price(self._perp.asset)  # at which the other leg was settled last
        self._settled = 0.0  # [s] when that was
        self._outside = settings.follows_outside and self._has_outside()

    def _has_outside(self) -> bool:
        try:
            self.desk.market.premium(self._perp.asset)
        except ConfigError:
            return False
        return True

    def prepare(self, genesis: Genesis) -> None:
        """Deposit half of the capital and keep the rest beside it."""
        perp, desk = self._perp, self.desk
        capital = to_wad(self.settings.capital_usd / genesis.price(perp.margin_asset))
        genesis.bring(desk.agent, perp.margin_asset, desk.address, capital, "capital_usd")
        genesis.approve(perp.margin_asset, desk.address, perp.spender)
        if capital:
            genesis.submit(perp.deposit(self._account, capital // 2), desk.address)

    def life(self) -> Life:
        """Look at intervals, each at a time of his own: all at once would close the same gap several times over."""
        desk, pause = self.desk, self.settings.look_minutes * 60
        if self.settings.capital_usd:
            yield desk.sleep(pause * desk.random.random())
        while self.settings.capital_usd:
            self._settle_outside()
            yield from self._tend_margin(self._size)
            yield from self._trade()
            yield desk.sleep(pause)

    # -------------------------------------------------------------------- the legs

    @property
    def _size(self) -> int:
        account = self._perp.book.get(self._account)
        return account.size if account else 0

    def _worth(self, size: int) -> float:
        """The notional of a size [usd]."""
        return abs(from_wad(size)) * (1.0 if self._perp.inverse else self.desk.market.price(self._perp.asset))

    def _settle_outside(self) -> None:
        """Book what the other leg has won or lost since the last look, and its funding or its cost."""
        desk, asset = self.desk, self._perp.asset
        price, hours = desk.market.price(asset), (desk.elapsed - self._settled) / 3600
        size = from_wad(self._size)
        # Of an inverse market: `size` dollars' worth of the asset, held as a linear position.
        held = size / self._price if self._perp.inverse else size
        desk.cash -= held * (price - self._price)
        if self._outside:
            desk.cash += held * price * desk.market.funding_rate(asset) * hours
        else:
            desk.cash -= abs(held) * price * self.settings.holding_cost * hours / _YEAR_HOURS
        self._price, self._settled = price, desk.elapsed

    def _tend_margin(self, size: int) -> Life:
        """Keep the margin near what a size needs, out of what lies beside it or what the other leg won."""
        desk, perp = self.desk, self._perp
        if perp.frame(desk.now) is None or not size:
            return
        usd = desk.market.price(perp.margin_asset)
        wanted = self._worth(size) / self.settings.leverage / usd
        equity = from_wad(int(perp.equity(self._account, desk.now) or 0))
        if equity < _TOP_UP_BELOW * wanted:
            missing = to_wad(wanted - equity)
            lacking = min(missing - desk.balance(perp.margin_asset), to_wad(max(0.0, desk.cash) / usd))
            if lacking > 0:
                yield from desk.buy(perp.margin_asset, lacking)
            amount = min(missing, desk.balance(perp.margin_asset))
            if amount:
                yield desk.send(perp.deposit(self._account, amount))
        elif equity > _TAKE_OUT_ABOVE * wanted:
            amount = min(to_wad(equity - wanted), perp.withdrawable(self._account))
            if amount > 0:
                yield desk.send(perp.withdraw(self._account, amount))

    def _trade(self) -> Life:
        """One trade towards the premium that is wanted."""
        desk, perp = self.desk, self._perp
        if perp.paused or self._account in perp.orders:
            return
        gap = self._target() - perp.premium()
        if abs(gap) <= self.settings.band:
            return
        room = self._room()
        size = min(max(round(gap * perp.skew_scale), -room - self._size), room - self._size)
        if self._worth(size) < 1.0 or size * gap <= 0:
            return
        yield from self._tend_margin(self._size + size)
        limit = perp.mark() * (1 + 2 * gap)
        call = perp.trade(self._account, size, limit)
        if desk.would_work(call):
            yield desk.send(call)

    def _room(self) -> int:
        """The largest size that its means carry, wherever they lie [size wad]."""
        perp, market = self._perp, self.desk.market
        tokens = int(perp.equity(self._account, self.desk.now) or 0) + self.desk.balance(perp.margin_asset)
        means = from_wad(tokens) * market.price(perp.margin_asset) + self.desk.cash
        return perp.units(max(0.0, means) * self.settings.leverage, market.price(perp.asset))

    # ---------------------------------------------------------------- what it wants

    def _target(self) -> float:
        """The premium at which it would no longer trade."""
        perp = self._perp
        if self._outside:
            return self.desk.market.premium(perp.asset) * perp.period / _PREMIUM_SECONDS
        dear = self._break_even()
        rate = perp.funding_rate(self.desk.now)
        if abs(rate) <= dear:
            return self._unwound(rate)
        if not perp.follows_premium:
            # The rate itself falls while the premium has the other sign.
            return -1.0 if rate > 0 else 1.0
        return perp.premium_for(dear if rate > 0 else -dear)

    def _break_even(self) -> float:
        """The rate [share a day] that just pays for the way in and out, the gas and the other leg."""
        settings, perp = self.settings, self._perp
        gas = self.desk.gas_price_usd(2 * _TRADE_GAS) / max(settings.capital_usd, 1.0)
        once = 2 * perp.trade_fee + gas
        return float(once * 24.0 / settings.holding_hours + settings.holding_cost / 365.0)

    def _unwound(self, rate: float) -> float:
        """Back towards no position of its own once it is no longer paid, else as it is."""
        perp, size = self._perp, self._size
        is_paid = rate * size < 0
        return perp.premium() if is_paid or not size else perp.premium() - size / perp.skew_scale
