"""Depositors of a perpetual market's pool: they come for the fees and leave in fear, or at a declared hour.

Leaving takes two steps where the pool has a delay, and as long as the pool's capital is bound.
"""

import math
from typing import Any, ClassVar

from pydantic import Field

from simulator.agents.base import Agent, AgentSettings, Desk, Life
from simulator.agents.borrower import choose
from simulator.protocols.base import Perp
from simulator.protocols.genesis import Genesis
from simulator.settings import HOURS, MINUTES, SHARE, USD
from simulator.units import to_wad

_RETRY_SECONDS = 600.0


class PerpProviderSettings(AgentSettings):
    """A group of depositors."""

    market: str = Field("", description="id of the perpetual market, as in perps/ETH; empty: the only one")
    capital_usd: float = Field(50_000.0, ge=0, description="median deposit", json_schema_extra=USD)
    capital_sigma: float = Field(0.5, ge=0, le=5, description="lognormal sd of that")
    drawdown: float = Field(
        0.03, gt=0, le=1, description="median fall of the share price that makes them leave", json_schema_extra=SHARE
    )
    move: float = Field(
        0.2, gt=0, description="median move of the asset's price that does, either way", json_schema_extra=SHARE
    )
    fear_sigma: float = Field(0.5, ge=0, le=3, description="lognormal sd of both")
    look_minutes: float = Field(
        60.0, gt=0, description="time between two looks at the share price", json_schema_extra=MINUTES
    )
    leave_hour: float | None = Field(
        None, ge=0, description="when all of them leave; absent: only in fear", json_schema_extra=HOURS
    )


class PerpProvider(Agent):
    """One depositor."""

    Settings: ClassVar[Any] = PerpProviderSettings
    requires: ClassVar[Any] = (Perp,)

    def __init__(self, desk: Desk, settings: PerpProviderSettings) -> None:
        super().__init__(desk, settings)
        self._perp: Perp = choose(desk.capabilities(Perp), settings.market, desk.agent)
        normal = desk.random.standard_normal(3)
        self._capital = settings.capital_usd * math.exp(settings.capital_sigma * float(normal[0]))
        self._drawdown = min(1.0, settings.drawdown * math.exp(settings.fear_sigma * float(normal[1])))
        self._move = settings.move * math.exp(settings.fear_sigma * float(normal[2]))

    def prepare(self, genesis: Genesis) -> None:
        """Deposit."""
        perp, owner = self._perp, self.desk.address
        amount = to_wad(self._capital / genesis.price(perp.margin_asset))
        if not amount:
            return
        genesis.bring(self.desk.agent, perp.margin_asset, owner, amount, "capital_usd")
        genesis.approve(perp.margin_asset, owner, perp.pool_spender)
        genesis.submit(perp.pool_deposit(owner, amount), owner)

    def life(self) -> Life:
        """Stay until something frightens, then leave."""
        if not self._capital:
            return
        desk, asset = self.desk, self._perp.asset
        first, best = desk.market.price(asset), self._perp.pool_share_price()
        low, high = first * (1 - self._move), first * (1 + self._move)
        hour = self.settings.leave_hour
        leaves_at = math.inf if hour is None else hour * 3600
        while True:
            look = min(self.settings.look_minutes * 60, leaves_at - desk.elapsed)
            yield desk.first_of([*desk.outside(asset, low, high), desk.sleep(max(0.0, look))])
            if desk.elapsed >= leaves_at or not low < desk.market.price(asset) < high:
                break
            price = self._perp.pool_share_price()
            best = max(best, price)
            if price and price <= best * (1 - self._drawdown):
                break
        yield from self._leave()

    def _leave(self) -> Life:
        """Ask, wait, redeem what can be redeemed, and ask again for what was not in time."""
        desk, perp = self.desk, self._perp
        while True:
            held, queued, ready = perp.pool_shares(desk.address)
            if not held + queued:
                return
            free = perp.pool_redeemable(desk.address)
            is_over = desk.now > ready + perp.queue_window  # its time in the queue
            if free:
                fate = yield desk.send(perp.pool_redeem(desk.address, free))
            elif perp.has_queue and (held or is_over):
                fate = yield desk.send(perp.pool_request(held))
            else:
                wait = ready - desk.now + desk.block_seconds
                yield desk.sleep(wait if wait > 0 else _RETRY_SECONDS)
                continue
            yield desk.sleep(desk.block_seconds if fate.ok else _RETRY_SECONDS)
