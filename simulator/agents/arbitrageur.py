"""Arbitrageurs: they carry prices between the reference market and the on-chain pool."""

import math
from typing import Any, ClassVar

from pydantic import Field

from simulator.agents.base import Agent, AgentSettings, Life
from simulator.protocols.base import Pool
from simulator.protocols.genesis import Genesis
from simulator.selling import SellingRule
from simulator.settings import SHARE, USD
from simulator.units import from_wad, to_wad


class ArbitrageurSettings(AgentSettings):
    """Capital and the least gain worth a transaction."""

    inventory_usd: float = Field(100_000.0, ge=0, description="of each asset at the start", json_schema_extra=USD)
    least_gap: float = Field(
        0.001, ge=0, le=1, description="gap beyond the pool's fee at which it trades", json_schema_extra=SHARE
    )
    max_slippage: float = Field(0.01, ge=0, le=1, description="worst price it accepts, against the quote")
    rebalance: bool = Field(True, description="whether it offsets each trade at the exchange")
    selling: SellingRule = Field(default_factory=SellingRule, description="how what the pool gave is sold there")


class Arbitrageur(Agent):
    """Trades every pool to the edge of its no-arbitrage band."""

    Settings: ClassVar[Any] = ArbitrageurSettings
    requires: ClassVar[Any] = (Pool,)

    def prepare(self, genesis: Genesis) -> None:
        """Bring an inventory of each asset."""
        for pool in self.desk.capabilities(Pool):
            for asset in pool.assets:
                worth = self.settings.inventory_usd / genesis.price(asset)
                genesis.endow(asset, self.desk.address, to_wad(worth))
                genesis.approve(asset, self.desk.address, pool.spender)

    def life(self) -> Life:
        """One process a pool."""
        for pool in self.desk.capabilities(Pool):
            self.desk.process(self._tend(pool))
        yield self.desk.sleep(0)

    def _tend(self, pool: Pool) -> Life:
        """Sleep until either price has left the band around the other."""
        desk = self.desk
        base, quote = pool.assets
        inbox = desk.inbox("pool")
        band = (1 + self.settings.least_gap) / (1 - pool.fee)
        while True:
            traded = False
            if pool.price:
                fair = desk.market.price(base) / desk.market.price(quote)
                if not fair / band <= pool.price <= fair * band:
                    traded = yield from self._trade(pool, fair)
            if traded:
                continue
            in_usd = pool.price * desk.market.price(quote)
            prices = desk.outside(base, in_usd / band, in_usd * band) if pool.price else []
            moved = inbox.get()
            yield desk.first_of([*prices, moved])
            if not moved.triggered:
                moved.cancel()
            inbox.items.clear()
            yield desk.sleep(1)

    def _trade(self, pool: Pool, fair: float) -> Life:
        """Swap up to where the pool's marginal price after its fee meets the fair one."""
        desk = self.desk
        base, quote = (from_wad(reserve) for reserve in pool.reserves)
        sell_base = pool.price > fair
        keep = 1 - pool.fee
        # After selling dx the price is (y - dy) / (x + dx); marginal proceeds equal the fair price where
        # x + keep * dx = sqrt(keep * x * y / fair), and likewise for the quote with 1 / fair.
        reserve, edge = (base, base * quote * keep / fair) if sell_base else (quote, base * quote * keep * fair)
        wanted = to_wad(max(0.0, (math.sqrt(edge) - reserve) / keep))
        asset = pool.assets[0 if sell_base else 1]
        amount = min(wanted, desk.balance(asset), pool.most(sell_base))
        if not amount:
            return False
        out = pool.quote(sell_base, amount)
        if self._gain_usd(pool, sell_base, amount, out) <= 0:
            return False
        least = round(out * (1 - self.settings.max_slippage))
        fate = yield desk.send(pool.swap(sell_base, amount, least, desk.address))
        if fate.ok and self.settings.rebalance:
            yield from self._offset(pool, sell_base, amount, out)
        return fate.ok

    def _gain_usd(self, pool: Pool, sell_base: bool, amount: int, out: int) -> float:
        market = self.desk.market
        sold, bought = pool.assets if sell_base else reversed(pool.assets)
        call = pool.swap(sell_base, amount, out, self.desk.address)
        worth = from_wad(out) * market.price(bought) - from_wad(amount) * market.price(sold)
        return float(worth) - self.desk.gas_price_usd(call.gas // 2)

    def _offset(self, pool: Pool, sell_base: bool, amount: int, out: int) -> Life:
        """Sell at the exchange what the pool gave, and buy back what it took."""
        sold, bought = pool.assets if sell_base else tuple(reversed(pool.assets))
        rule = self.settings.selling
        yield from self.desk.sell(bought, out, rule)
        yield from self.desk.buy(sold, amount, rule)
        return None
