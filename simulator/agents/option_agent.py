"""What agents who trade options have in common: money in the market, an opinion of what an option is worth, a trade.

Their opinion goes by the market's spot and implied volatility, not by those of the chain. What the chain charges they
ask the chain.
"""

from typing import Any, ClassVar

from pydantic import Field

from simulator.agents.base import Agent, AgentSettings, Desk, Life
from simulator.agents.borrower import choose
from simulator.errors import ConfigError
from simulator.protocols import option_math
from simulator.protocols.base import Call
from simulator.protocols.genesis import Genesis
from simulator.protocols.option_capability import OptionPosition, Options, OptionSeries, TradePreview
from simulator.protocols.option_math import Greeks, Terms
from simulator.units import YEAR_SECONDS, from_wad, to_wad

TRADE_GAS = 450_000  # reckoned with
_ROOM = 1e-3  # by which a fill may be worse than its preview: time and rounding


class OptionAgentSettings(AgentSettings):
    """What every group of them has."""

    market: str = Field("", description="id of the option market, as in options/ETH; empty: the only one")


class OptionAgent(Agent):
    """One account of one option market."""

    Settings: ClassVar[Any] = OptionAgentSettings
    requires: ClassVar[Any] = (Options,)

    def __init__(self, desk: Desk, settings: Any) -> None:
        super().__init__(desk, settings)
        self._options: Options = choose(desk.capabilities(Options), settings.market, desk.agent)

    # ------------------------------------------------------------------ money

    def _bring(self, genesis: Genesis, usd: float, setting: str) -> int:
        """Come with dollars of the margin asset, all of it in the market; how much [margin wad]."""
        options, owner = self._options, self.desk.address
        amount = to_wad(usd / genesis.price(options.margin_asset))
        if amount:
            genesis.bring(self.desk.agent, options.margin_asset, owner, amount, setting)
            genesis.approve(options.margin_asset, owner, options.spender)
            genesis.submit(options.deposit(owner, amount), owner)
        return amount

    def _usd(self, amount: int) -> float:
        """Of an amount of the margin asset [wad]."""
        return from_wad(amount) * self.desk.market.price(self._options.margin_asset)

    def _margin(self, usd: float) -> int:
        """The amount of the margin asset [wad] that dollars are."""
        return to_wad(usd / self.desk.market.price(self._options.margin_asset))

    @property
    def _spot(self) -> float:
        return self.desk.market.price(self._options.asset)

    # ---------------------------------------------------------------- opinion

    def _terms(self, series: OptionSeries) -> Terms | None:
        """What its price would follow from at the market; None where nobody can tell."""
        options, market = self._options, self.desk.market
        seconds = series.expiry - self.desk.now
        if seconds <= 0:
            return None
        try:
            volatility: float | None = market.implied_volatility(options.asset, series.strike, series.expiry)
        except (ConfigError, ValueError):  # the market has no options, or none so far ahead
            volatility = options.volatility(series.strike, series.expiry)
        if not volatility:
            return None
        state = options.surface
        return Terms(self._spot, series.strike, volatility, seconds / YEAR_SECONDS, state.rate, state.carry)

    def _worth(self, series: OptionSeries, dearer: float = 0.0) -> float | None:
        """What one plain option is worth [usd] if volatility were higher by a share."""
        terms = self._terms(series)
        if terms is None or series.kind == "barrier":
            return None
        return option_math.price(terms._replace(volatility=terms.volatility * (1 + dearer)), is_call=_is_call(series))

    def _greeks(self, series: OptionSeries) -> Greeks:
        """Of one option at the market; of a barrier, which few quote, by the chain."""
        terms = self._terms(series)
        if series.kind != "barrier" and terms is not None:
            return option_math.greeks(terms, is_call=_is_call(series))
        return self._options.greeks(series.id) or Greeks()

    # ------------------------------------------------------------------ trade

    def _costs(self, preview: TradePreview, gas: int = TRADE_GAS) -> float:
        """Fee and gas of a trade [usd]."""
        return self._usd(preview.fee) + self.desk.gas_price_usd(gas)

    def _trade(self, series: OptionSeries, size: int, price: int, collateral: int = 0, base: int = 0) -> Life:
        """Trade at a previewed price [usd wad] or hardly worse; whether it was done."""
        options = self._options
        limit = from_wad(price) * (1 + (_ROOM if size > 0 else -_ROOM))
        call = options.trade(self.desk.address, series.id, size, limit, collateral, base)
        return (yield from self._try(call))

    def _try(self, call: Call) -> Life:
        """Send what would work; whether it did."""
        if not self.desk.would_work(call):
            return False
        fate = yield self.desk.send(call)
        return bool(fate.ok)

    def _tend(self, position: OptionPosition, cushion: float) -> Life:
        """Bring the collateral of a written position to `cushion` times what it must keep, as far as money reaches."""
        options = self._options
        unit = options.maintenance(position.series)
        if unit is None:
            return False
        wanted = self._margin(unit * from_wad(options.uncovered(position)) * cushion)
        amount = min(wanted - position.collateral, options.cash(self.desk.address))
        if amount <= 0:
            return False
        return (yield from self._try(options.adjust(self.desk.address, position.series, amount)))

    def _dust(self, size: int) -> bool:
        """Whether a size is too small to open with."""
        return abs(size) < self._options.min_size


def _is_call(series: OptionSeries) -> bool:
    return series.kind == "call"
