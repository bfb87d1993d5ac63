"""The exchange: a custodian where tokens are sold and bought at the reference market.

Money at it is instant, tokens are not: a deposit and a withdrawal are transfers on chain that wait for block space as
any other. Its stock of a token is what others have sold to it, so a token that is only drawn as debt can run short.
"""

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import simpy

from simulator.agents.base import AgentSettings, Desk
from simulator.gas_price import GasRule
from simulator.protocols.base import Call
from simulator.selling import SellingRule
from simulator.units import from_wad, to_wad

if TYPE_CHECKING:
    from simulator.protocols.genesis import Genesis
    from simulator.world import World

_SHORT = {"InsufficientBalance": "the stock was withdrawn meanwhile"}
_TRANSFER_GAS = 90_000


class Exchange:
    """One account that holds everybody's deposits."""

    def __init__(self, world: "World", genesis: "Genesis", random: Any) -> None:
        settings = AgentSettings(gas=GasRule(multiple=1.5), latency_seconds=1.0)
        self._desk = Desk(world, genesis.account("exchange"), "exchange", settings, random)
        self._world = world
        self._promised: dict[str, int] = {}  # withdrawals on their way [wad]

    def sell(self, desk: Desk, asset: str, amount: int, rule: SellingRule) -> Generator[simpy.Event, Any, float]:
        """See `Desk.sell`."""
        if amount <= 0:
            return 0.0
        fate = yield desk.send(self._transfer(asset, self._desk, amount))
        if not fate.ok:
            return 0.0
        venue, part = self._venue(asset, rule), from_wad(amount) / rule.slices
        proceeds = 0.0
        for number in range(rule.slices):
            if number:
                yield desk.sleep(rule.pause)
            brought = float(self._world.market.sell(asset, part, venue))
            desk.cash += brought
            proceeds += brought
        return proceeds

    def quote_sale(self, asset: str, amount: int, rule: SellingRule) -> float:
        """See `Desk.quote_sale`."""
        venue = self._venue(asset, rule)
        return float(self._world.market.quote_sell(asset, from_wad(amount), venue, rule.slices, rule.pause))

    def _venue(self, asset: str, rule: SellingRule) -> str:
        """The rule's venue where the asset trades there."""
        return rule.venue if rule.venue in self._world.market.venues(asset) else ""

    def buy(self, desk: Desk, asset: str, amount: int, rule: SellingRule) -> Generator[simpy.Event, Any, int]:
        """See `Desk.buy`."""
        market, venue = self._world.market, self._venue(asset, rule)
        amount = min(amount, self._stock(asset))
        affordable = desk.cash / market.price(asset, venue)
        amount = min(amount, to_wad(affordable))
        # What it costs grows with its size: shrink to what the cash pays for.
        while amount > 0 and market.quote_buy(asset, from_wad(amount), venue) > desk.cash:
            amount = amount * 9 // 10
        if amount <= 0:
            return 0
        desk.cash -= market.buy(asset, from_wad(amount), venue)
        self._promised[asset] = self._promised.get(asset, 0) + amount
        fate = yield self._desk.send(self._transfer(asset, desk, amount))
        self._promised[asset] -= amount
        if not fate.ok:
            desk.cash += market.sell(asset, from_wad(amount), venue)
            return 0
        return amount

    def _stock(self, asset: str) -> int:
        if not self._world.is_drawn(asset):
            return 2**128  # the world beyond the chain has enough of it: the exchange mints what it sells
        return self._desk.balance(asset) - self._promised.get(asset, 0)

    def _transfer(self, asset: str, to: Desk, amount: int) -> Call:
        token = self._world.tokens[asset]
        mints = to is not self._desk and not self._world.is_drawn(asset)
        function = "mint" if mints else "transfer"
        return Call(token.address, token.encode(function, to.address, amount), _TRANSFER_GAS, "transfer", asset, _SHORT)
