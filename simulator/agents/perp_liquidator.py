"""Liquidators of perpetual positions: they close what is below maintenance margin for a part of the fee.

The pool takes the other side, so no capital is needed: only the gas counts against the fee. They also fill orders that
wait, for the tip.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

from pydantic import Field

from simulator.agents.base import Agent, AgentSettings, Desk, Life, newest
from simulator.agents.borrower import choose
from simulator.protocols.base import Notice, Perp
from simulator.settings import SECONDS, USD
from simulator.units import from_wad

_LIQUIDATION_GAS = 230_000  # reckoned with
_ORDER_GAS = 230_000
_REVIEW_SECONDS = 60.0  # how soon what was passed by is looked at again
_LONGEST_WAIT = 3600.0  # [s] until a liquidation that does not pay is looked at again


class PerpLiquidatorSettings(AgentSettings):
    """Appetite and speed."""

    market: str = Field("", description="id of the perpetual market, as in perps/ETH; empty: the only one")
    min_profit_usd: float = Field(
        0.5, description="least gain of a liquidation after gas; below zero for the venue's own", json_schema_extra=USD
    )
    order_profit_usd: float = Field(
        -20.0, description="least gain of filling an order after gas; likewise", json_schema_extra=USD
    )
    thinking_seconds: float = Field(
        5.0, ge=0, description="mean time from seeing a chance to deciding (exponential)", json_schema_extra=SECONDS
    )


class PerpLiquidator(Agent):
    """One liquidator of one market."""

    Settings: ClassVar[Any] = PerpLiquidatorSettings
    requires: ClassVar[Any] = (Perp,)

    def __init__(self, desk: Desk, settings: PerpLiquidatorSettings) -> None:
        super().__init__(desk, settings)
        self._perp: Perp = choose(desk.capabilities(Perp), settings.market, desk.agent)

    def life(self) -> Life:
        """Watch accounts and orders."""
        self.desk.process(self._watch_accounts())
        self.desk.process(self._watch_orders())
        yield self.desk.sleep(0)

    def _mine(self, notices: Iterable[Notice]) -> list[str]:
        """The subjects of notices of this market, each once, in order."""
        own = (notice.subject for notice in notices if notice.args["capability"] == self._perp.id)
        return list(dict.fromkeys(own))

    # --------------------------------------------------------------- liquidations

    def _watch_accounts(self) -> Life:
        desk, perp = self.desk, self._perp
        inbox = desk.inbox("unsafe")
        waits = dict.fromkeys(perp.unsafe(), (0.0, 0.0))  # passed by: until when, and how long
        while True:
            chance, review = inbox.get(), desk.sleep(_REVIEW_SECONDS)
            yield desk.first_of([chance, review] if waits else [chance])
            seen: list[Any] = [chance.value] if chance.triggered else []
            if not chance.triggered:
                chance.cancel()
            yield desk.sleep(self.settings.thinking_seconds * desk.random.standard_exponential())
            due = [account for account, (until, _) in waits.items() if until <= desk.now]
            for account in dict.fromkeys([*self._mine(seen + newest(inbox)), *due]):
                _, waited = waits.pop(account, (0.0, 0.0))
                if not perp.is_unsafe(account):
                    continue
                preview = perp.preview_liquidation(account)
                if preview is None:  # the market is shut or without a price, and may open at any time
                    waits[account] = (desk.now + _REVIEW_SECONDS, 0.0)
                elif not (yield from self._liquidate(account, preview[1])):
                    # The longer it has not paid the less often it is looked at.
                    wait = min(max(_REVIEW_SECONDS, 2 * waited), _LONGEST_WAIT)
                    waits[account] = (desk.now + wait, wait)

    def _liquidate(self, account: str, fee: int) -> Life:
        """One attempt for a fee [margin wad]; whether there is nothing left to do."""
        desk, perp = self.desk, self._perp
        share = from_wad(fee) * perp.liquidator_share * desk.market.price(perp.margin_asset)
        call = perp.liquidate(account)
        if share - desk.gas_price_usd(_LIQUIDATION_GAS) < self.settings.min_profit_usd or desk.is_contested(call):
            return False
        fate = yield desk.send(call)
        return fate.ok and not perp.is_unsafe(account)

    # --------------------------------------------------------------------- orders

    def _watch_orders(self) -> Life:
        desk, perp = self.desk, self._perp
        inbox = desk.inbox("order")
        for account in list(perp.orders):
            desk.process(self._fill(account))
        while True:
            notice = yield inbox.get()
            for account in self._mine([notice, *newest(inbox)]):
                if account in perp.orders:
                    desk.process(self._fill(account))

    def _fill(self, account: str) -> Life:
        """Stay with one order until it is filled or over."""
        desk, perp = self.desk, self._perp
        order = perp.orders[account]
        yield desk.sleep(max(0, order.executable - desk.now - desk.block_seconds + 1))
        while perp.orders.get(account) == order and desk.now < order.expires:
            # Only a price observed after the order fills it.
            if desk.now + desk.block_seconds >= order.executable and perp.oracle.price_time > order.submitted:
                call = perp.execute(account)
                gain = perp.tip * desk.market.price(perp.margin_asset) - desk.gas_price_usd(_ORDER_GAS)
                if gain >= self.settings.order_profit_usd and not desk.is_contested(call) and not perp.paused:
                    yield desk.send(call)
            yield desk.sleep(desk.block_seconds)
