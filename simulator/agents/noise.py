"""Noise traders: they swap on the on-chain pool at drawn times, for reasons of their own."""

from typing import Any, ClassVar

from pydantic import Field

from simulator.agents.base import Agent, AgentSettings, Life
from simulator.protocols.base import Pool
from simulator.protocols.genesis import Genesis
from simulator.settings import USD
from simulator.units import to_wad


class NoiseSettings(AgentSettings):
    """How much and how often."""

    trades_per_hour: float = Field(2.0, ge=0, description="of each trader (Poisson)", json_schema_extra={"unit": "1/h"})
    trade_usd: float = Field(2_000.0, gt=0, description="mean size (exponential)", json_schema_extra=USD)
    inventory_usd: float = Field(20_000.0, ge=0, description="of each asset at the start", json_schema_extra=USD)
    max_slippage: float = Field(0.02, ge=0, le=1, description="worst price it accepts, against the quote")


class NoiseTrader(Agent):
    """Buys or sells on every pool with even odds, as far as its inventory reaches."""

    Settings: ClassVar[Any] = NoiseSettings
    requires: ClassVar[Any] = (Pool,)

    def prepare(self, genesis: Genesis) -> None:
        """Bring an inventory of each asset."""
        for pool in self.desk.capabilities(Pool):
            for asset in pool.assets:
                worth = self.settings.inventory_usd / genesis.price(asset)
                genesis.endow(asset, self.desk.address, to_wad(worth))
                genesis.approve(asset, self.desk.address, pool.spender)

    def life(self) -> Life:
        """Draw a time, a side and a size."""
        desk, settings = self.desk, self.settings
        if not settings.trades_per_hour:
            return
        while True:
            yield desk.sleep(3600 / settings.trades_per_hour * desk.random.standard_exponential())
            for pool in desk.capabilities(Pool):
                sell_base = bool(desk.random.random() < 0.5)
                asset = pool.assets[0 if sell_base else 1]
                size = settings.trade_usd * desk.random.standard_exponential() / desk.market.price(asset)
                amount = min(to_wad(size), desk.balance(asset), pool.most(sell_base))
                if amount and pool.price:
                    least = round(pool.quote(sell_base, amount) * (1 - settings.max_slippage))
                    yield desk.send(pool.swap(sell_base, amount, least, desk.address))
