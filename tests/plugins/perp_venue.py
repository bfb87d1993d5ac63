"""A linear perpetual market without funding, for vaults to hedge in: no more than deployment and first liquidity."""

from typing import ClassVar

from pydantic import Field

from simulator.protocols.base import Protocol
from simulator.settings import USD, Settings
from simulator.units import to_wad


class VenueSettings(Settings):
    liquidity_usd: float = Field(1_000_000.0, ge=0, description="of the pool", json_schema_extra=USD)


class Venue(Protocol):
    Settings: ClassVar = VenueSettings
    trades: ClassVar = True

    def deploy(self, genesis):
        wad = to_wad
        self.market = genesis.deploy(
            "PerpMarket",
            genesis.token("DOLLAR").address,
            genesis.feeds["ETH"].consumer,
            False,
            (wad(0.1), wad(0.05), wad(0.01), wad(0.5), wad(1_000)),
            (wad(0.0005), wad(0.2)),
            (wad(1e6), wad(1e5), wad(1e5), wad(0.1)),
            (0, 600, 0),
            (0, 0, 8 * 3600, 3600, 0, 0, 0),
        )
        self.pool = genesis.deploy("PerpPool", self.market.address, 0, 86_400)
        backstop = genesis.deploy("Backstop", self.market.address, 0, 0, 0, 3600)
        genesis.call(self.market, "setSatellites", self.pool.address, backstop.address)
        genesis.flush()

    def seed(self, genesis):
        provider, amount = genesis.account(f"{self.id}/provider").address, to_wad(self.settings.liquidity_usd)
        genesis.endow("DOLLAR", provider, amount)
        genesis.approve("DOLLAR", provider, self.pool.address)
        genesis.call(self.pool, "deposit", amount, provider, sender=provider)
        genesis.flush()

    def capabilities(self):
        return []

    def events(self):
        return {self.market.address: self.market.abi}

    def on_event(self, event, now):
        return ()
