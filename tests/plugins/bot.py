"""Agents of a user's own. In a scenario: `agent = "./bot.py:Bot"`."""

from pydantic import Field

from simulator.agents.base import Agent, AgentSettings, Life
from simulator.protocols.base import REPAY_ALL, TAKE_ALL, Lending
from simulator.protocols.genesis import Genesis
from simulator.settings import MINUTES, RATIO, TOKENS
from simulator.units import from_wad, to_wad


class BotSettings(AgentSettings):
    """Its table in a scenario."""

    collateral: float = Field(1.0, gt=0, description="what it starts with and pledges", json_schema_extra=TOKENS)
    ratio: float = Field(2.5, gt=1, description="collateral over debt when it opens", json_schema_extra=RATIO)


class Bot(Agent):
    """Waits for the first blood, then opens two positions, and closes the first again."""

    Settings = BotSettings
    requires = (Lending,)

    def prepare(self, genesis: Genesis) -> None:
        """Bring the collateral."""
        (lending,) = self.desk.capabilities(Lending)
        genesis.endow(lending.asset, self.desk.address, to_wad(self.settings.collateral))
        genesis.approve(lending.asset, self.desk.address, lending.spender)

    def life(self) -> Life:
        """See `Agent.life`."""
        desk = self.desk
        (lending,) = desk.capabilities(Lending)
        yield desk.inbox("liquidation").get()
        first = yield from self._open(lending)
        yield from self._open(lending)
        if first:
            yield desk.send(lending.adjust(first, TAKE_ALL, REPAY_ALL))

    def _open(self, lending: Lending) -> Life:
        """Pledge half of what it has; the position's name, empty where the lender refused."""
        half = to_wad(self.settings.collateral) // 2
        worth = from_wad(half) * lending.oracle.price / self.settings.ratio
        call = lending.open(self.desk.address, half, to_wad(worth))
        fate = yield self.desk.send(call)
        return call.subject if fate.ok else ""


class CarelessSettings(AgentSettings):
    """Its table in a scenario."""

    minutes: float = Field(60.0, ge=0, description="time until it trips", json_schema_extra=MINUTES)


class Careless(Agent):
    """Raises after a while."""

    Settings = CarelessSettings

    def life(self) -> Life:
        """See `Agent.life`."""
        yield self.desk.sleep(60 * self.settings.minutes)
        raise LookupError("lost my way")
