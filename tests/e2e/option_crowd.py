"""People who trade options at random, for tests: they buy, write on margin or covered, close, and forget."""

from pydantic import Field

from simulator.agents.base import Agent, AgentSettings, Life
from simulator.protocols.genesis import Genesis
from simulator.protocols.option_capability import Options
from simulator.units import WAD, from_wad, to_wad


class CrowdSettings(AgentSettings):
    """How much they have, how much they trade and how often."""

    money_usd: float = Field(200_000.0, description="in the market at the start")
    base: float = Field(20.0, description="of the underlying, in the wallet")
    size: float = Field(5.0, description="mean number of options of a trade")
    pause_seconds: float = Field(300.0, description="mean time between two trades")
    margin: tuple[float, float] = Field((1.01, 1.3), description="collateral over the least that a short needs")
    withdraws: bool = Field(False, description="whether freed base is fetched")


class Crowd(Agent):
    """One of them."""

    Settings = CrowdSettings
    requires = (Options,)

    def prepare(self, genesis: Genesis) -> None:
        """Bring money and base."""
        (options,) = self.desk.capabilities(Options)
        owner = self.desk.address
        amount = to_wad(self.settings.money_usd)
        for asset, brought in ((options.margin_asset, amount), (options.asset, to_wad(self.settings.base))):
            genesis.bring(self.desk.agent, asset, owner, brought, "money_usd")
            genesis.approve(asset, owner, options.spender)
        genesis.submit(options.deposit(owner, amount), owner)

    def life(self) -> Life:
        """Trade now and then."""
        desk, random = self.desk, self.desk.random
        (options,) = desk.capabilities(Options)
        while True:
            yield desk.sleep(random.exponential(self.settings.pause_seconds))
            ids = [id for id in sorted(options.series) if options.can_trade(id)]
            if not ids:
                continue
            id = ids[int(random.integers(len(ids)))]
            held = options.positions.get((desk.address, id))
            size = int(random.exponential(self.settings.size) * WAD) * (1 if random.random() < 0.5 else -1)
            if held is not None and random.random() < 0.3:
                size = -held.size
            base = to_wad(min(from_wad(desk.balance(options.asset)), -from_wad(size))) if size < 0 else 0
            base = base if options.series[id].kind == "call" and random.random() < 0.5 else 0
            preview = options.preview_trade(desk.address, id, size, base)
            if preview is None:
                continue
            least, most = self.settings.margin
            wanted = int(preview.required * random.uniform(least, most))
            call = options.trade(
                desk.address,
                id,
                size,
                1e9 if size > 0 else 0.0,
                max(0, wanted - (held.collateral if held else 0)),
                base,
            )
            if desk.would_work(call):
                yield desk.send(call)
