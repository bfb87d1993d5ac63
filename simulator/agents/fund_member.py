"""Members of a clearinghouse's mutual fund: they join for what auctions bring, and leave in fear.

Leaving takes an announcement and a wait, in which they still bear losses, and waits for every auction to end.
"""

import math
from typing import Any, ClassVar

from pydantic import Field

from simulator.agents.base import Agent, AgentSettings, Desk, Life
from simulator.agents.borrower import choose
from simulator.protocols.genesis import Genesis
from simulator.protocols.margin_capability import Margin
from simulator.settings import MINUTES, SHARE, USD
from simulator.units import to_wad

_RETRY_SECONDS = 600.0


class FundMemberSettings(AgentSettings):
    """A group of members."""

    market: str = Field("", description="id of the clearinghouse, as in clearing/ETH; empty: the only one")
    capital_usd: float = Field(50_000.0, ge=0, description="median share of the fund", json_schema_extra=USD)
    capital_sigma: float = Field(0.5, ge=0, le=5, description="lognormal sd of that")
    loss: float = Field(
        0.02, ge=0, le=1, description="of the members' fund, that makes them leave", json_schema_extra=SHARE
    )
    move: float = Field(
        0.15, gt=0, lt=1, description="median move of the price that does, either way", json_schema_extra=SHARE
    )
    fear_sigma: float = Field(0.5, ge=0, le=3, description="lognormal sd of that")
    look_minutes: float = Field(10.0, gt=0, description="between two looks at the fund", json_schema_extra=MINUTES)


class FundMember(Agent):
    """One member."""

    Settings: ClassVar[Any] = FundMemberSettings
    requires: ClassVar[Any] = (Margin,)

    def __init__(self, desk: Desk, settings: FundMemberSettings) -> None:
        super().__init__(desk, settings)
        self._margin: Margin = choose(desk.capabilities(Margin), settings.market, desk.agent)
        capital, fear = desk.random.standard_normal(2).tolist()
        self._capital = settings.capital_usd * math.exp(settings.capital_sigma * capital)
        self._move = min(0.99, settings.move * math.exp(settings.fear_sigma * fear))

    def prepare(self, genesis: Genesis) -> None:
        """Join."""
        margin, owner = self._margin, self.desk.address
        amount = to_wad(self._capital / genesis.price(margin.margin_asset))
        if amount:
            genesis.bring(self.desk.agent, margin.margin_asset, owner, amount, "capital_usd")
            genesis.approve(margin.margin_asset, owner, margin.spender)
            genesis.submit(margin.join(amount), owner)

    def life(self) -> Life:
        """Stay until something frightens, then leave."""
        desk, margin = self.desk, self._margin
        shares = margin.shares.get(desk.address, 0)
        if not shares:
            return
        price, first = desk.market.price(margin.asset), self._share_price()
        low, high = price * (1 - self._move), price * (1 + self._move)
        while low < desk.market.price(margin.asset) < high:
            if self._share_price() < first * (1 - self.settings.loss):
                break
            look = desk.sleep(self.settings.look_minutes * 60)
            yield desk.first_of([*desk.outside(margin.asset, low, high), look])
        yield desk.send(margin.announce_quit())
        yield desk.sleep(margin.quit_seconds)
        while margin.shares.get(desk.address, 0):
            call = margin.quit(margin.shares[desk.address])
            if not margin.auctions() and desk.would_work(call):
                yield desk.send(call)
            yield desk.sleep(_RETRY_SECONDS)

    def _share_price(self) -> float:
        """Of the members' fund, for a share."""
        return self._margin.members_fund / max(1, sum(self._margin.shares.values()))
