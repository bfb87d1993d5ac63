"""Depositors of vaults: they come for yield and run in fear.

One who is in leaves when a share has fallen too far from its best, when the price of what is hedged has fallen too far
since his last look, or when too many others wait; when the yield is no longer worth it; or because it is declared. He
withdraws what is liquid and hands in the rest, and fetches what is set aside for it. One who is out comes when the
yield of late is above what he gets elsewhere, and not before he has calmed down.
"""

import math
from typing import Any, ClassVar

import simpy
from pydantic import Field

from simulator.agents.base import Agent, AgentSettings, Desk, Life, newest
from simulator.agents.borrower import choose
from simulator.oracle_faults import Fault
from simulator.protocols.base import Call, Vault
from simulator.protocols.genesis import Genesis
from simulator.settings import ANNUAL, HOURS, SECONDS, SHARE, USD, Settings
from simulator.units import from_wad, to_wad

_HOUR = 3600.0
_HOURS_A_YEAR = 8760
_DUST = 100  # a part in this many of what he had is not worth a transaction
_ROOM = 1000  # a part in this many that the price of a share may fall before a withdrawal is in a block


class RunSettings(Fault):
    """Depositors who leave whatever they see, spread evenly over a time."""

    end: float = Field(alias="to", ge=0, description="when the last of them has left", json_schema_extra=HOURS)
    share: float = Field(1.0, ge=0, le=1, description="share of the depositors that leaves", json_schema_extra=SHARE)


class DepositorFear(Settings):
    """At what they run: medians of what each draws for himself; 0: never."""

    drawdown: float = Field(
        0.01, ge=0, lt=1, description="fall of a share's worth from its best", json_schema_extra=SHARE
    )
    price_fall: float = Field(
        0.1, ge=0, lt=1, description="fall of the hedged asset since the last look", json_schema_extra=SHARE
    )
    queue: float = Field(0.2, ge=0, le=1, description="part of all shares that waits", json_schema_extra=SHARE)
    sigma: float = Field(0.5, ge=0, le=3, description="lognormal sd of each between depositors")
    calm_hours: float = Field(24.0, ge=0, description="after which one may come back", json_schema_extra=HOURS)


class DepositorSettings(AgentSettings):
    """A group of depositors of one vault."""

    vault: str = Field("", description="id of the vault, as in vault/DOLLAR; empty: the only one")
    assets_usd: float = Field(1_000.0, ge=0, description="median of what one has", json_schema_extra=USD)
    assets_sigma: float = Field(1.0, ge=0, le=5, description="lognormal sd of that")
    invested: float = Field(0.8, ge=0, le=1, description="share that is in at the start", json_schema_extra=SHARE)
    look_hours: float = Field(
        6.0, ge=0, description="mean time between looks (exponential); 0: only at news", json_schema_extra=HOURS
    )
    memory_hours: float = Field(24.0, gt=0, description="over which the yield is reckoned", json_schema_extra=HOURS)
    reference_apy: float = Field(0.04, ge=-1, le=10, description="what one gets elsewhere", json_schema_extra=ANNUAL)
    yield_gap: float = Field(
        0.01, ge=0, le=10, description="by which the yield must differ from that to move", json_schema_extra=ANNUAL
    )
    reaction_seconds: float = Field(
        600.0, ge=0, description="mean time until one acts on fear (exponential)", json_schema_extra=SECONDS
    )
    fear: DepositorFear = Field(default_factory=DepositorFear, description="at what they run")
    run: tuple[RunSettings, ...] = Field(
        (), description="runs by declaration: a list of tables with id, from, to and share"
    )


class Depositor(Agent):
    """One account. Its size and fears are drawn from the group's settings."""

    Settings: ClassVar[Any] = DepositorSettings
    requires: ClassVar[Any] = (Vault,)

    def __init__(self, desk: Desk, settings: DepositorSettings) -> None:
        super().__init__(desk, settings)
        self._vault: Vault = choose(desk.capabilities(Vault), settings.vault, desk.agent)
        random, fear = desk.random, settings.fear
        self._assets = settings.assets_usd * math.exp(settings.assets_sigma * random.standard_normal())
        self._drawdown, self._fall, self._queue = (
            level * math.exp(fear.sigma * random.standard_normal())
            for level in (fear.drawdown, fear.price_fall, fear.queue)
        )
        self._is_in = bool(random.random() < settings.invested)
        self._waits = False  # for what he handed in
        self._exits = sorted(self._draw_exits())  # [s since the start] when he leaves by declaration
        self._calm_at = 0.0  # [s since the start]
        self._seen: list[tuple[float, float]] = []  # when he looked [s since the start], what a share was worth
        self._price = 0.0  # at the last look

    def _draw_exits(self) -> list[float]:
        random, exits = self.desk.random, []
        for run in self.settings.run:
            chosen, place = random.random() < run.share, random.random()
            if chosen:
                exits.append((run.start + place * (run.end - run.start)) * _HOUR)
        return exits

    def prepare(self, genesis: Genesis) -> None:
        """Bring the assets, and put them in."""
        vault, owner = self._vault, self.desk.address
        amount = to_wad(self._assets / genesis.price(vault.asset))
        if not amount:
            return
        genesis.bring(self.desk.agent, vault.asset, owner, amount, "assets_usd")
        genesis.approve(vault.asset, owner, vault.spender)
        if self._is_in:
            genesis.submit(vault.deposit(owner, amount), owner)

    # ------------------------------------------------------------------- the life

    def life(self) -> Life:
        """Look at drawn times, at news of the vault and when the price has fallen as far as he fears."""
        inbox = self.desk.inbox("vault", "rebalance")
        self._look()
        while True:
            if not inbox.items:
                yield from self._wait(inbox)
            newest(inbox)
            yield from self._act()
            self._look()

    def _wait(self, inbox: simpy.Store) -> Life:
        desk = self.desk
        news = inbox.get()
        awaited: list[simpy.Event] = [news]
        if self._is_in and self._fall:
            awaited.append(desk.below(self._vault.hedged, self._price * (1 - self._fall)))
        look = self.settings.look_hours * _HOUR
        pauses = [float(desk.random.exponential(look))] if look else []
        pauses += [exit_ - desk.elapsed for exit_ in self._exits[:1]]
        if pauses:
            awaited.append(desk.sleep(max(min(pauses), 0.0)))
        yield desk.first_of(awaited)
        if not news.triggered:
            news.cancel()

    def _act(self) -> Life:
        desk, settings = self.desk, self.settings
        if self._waits:
            yield from self._claim()
        if self._exits and desk.elapsed >= self._exits[0]:
            self._exits.pop(0)
            yield from self._leave()
            return
        if self._is_in:
            if self._is_afraid():
                yield desk.sleep(float(desk.random.exponential(settings.reaction_seconds)))
                yield from self._leave()
            elif self._yield_gap() < -settings.yield_gap:
                yield from self._leave()
        elif desk.elapsed >= self._calm_at and self._yield_gap() > settings.yield_gap and not self._is_afraid():
            yield from self._come()

    def _look(self) -> None:
        """Remember what is seen now."""
        now, memory = self.desk.elapsed, self.settings.memory_hours * _HOUR
        self._price = self.desk.market.price(self._vault.hedged)
        if not self._seen or now > self._seen[-1][0]:
            self._seen.append((now, self._vault.share_price()))
        while len(self._seen) > 2 and self._seen[1][0] <= now - memory:
            self._seen.pop(0)

    def _is_afraid(self) -> bool:
        worth, best = self._vault.share_price(), max(price for _, price in self._seen)
        if self._drawdown and worth < best * (1 - self._drawdown):
            return True
        if self._queue and self._vault.queue() > self._queue:
            return True
        return bool(self._fall and self.desk.market.price(self._vault.hedged) <= self._price * (1 - self._fall))

    def _yield_gap(self) -> float:
        """The yield of late less what he gets elsewhere [a year], 0 while he has not seen enough."""
        (then, before), worth = self._seen[0], self._vault.share_price()
        hours = (self.desk.elapsed - then) / _HOUR
        if hours < self.settings.memory_hours or before <= 0:
            return 0.0
        return float((worth / before - 1) * _HOURS_A_YEAR / hours - self.settings.reference_apy)

    # --------------------------------------------------------------------- acting

    def _try(self, call: Call) -> Life:
        """Send what would work; whether it did."""
        if not self.desk.would_work(call):
            return False
        fate = yield self.desk.send(call)
        return bool(fate.ok)

    def _come(self) -> Life:
        amount = self.desk.balance(self._vault.asset)
        if from_wad(amount) * self.desk.market.price(self._vault.asset) * _DUST > self._assets:
            self._is_in = yield from self._try(self._vault.deposit(self.desk.address, amount))

    def _leave(self) -> Life:
        """Withdraw what is liquid, hand in the rest."""
        vault, owner = self._vault, self.desk.address
        self._calm_at = self.desk.elapsed + self.settings.fear.calm_hours * _HOUR
        had = vault.shares_of(owner)
        if not had:
            self._is_in = False
            return
        liquid = vault.liquid(owner)
        if liquid * vault.share_unit * _DUST > had * vault.share_price():
            yield from self._try(vault.withdraw(owner, liquid - liquid // _ROOM))
        left = vault.shares_of(owner)
        if left * _DUST > had:
            asked = yield from self._try(vault.request(owner, left))
            self._waits |= asked
            left = left if not asked else 0
        self._is_in = left * _DUST > had

    def _claim(self) -> Life:
        vault, owner = self._vault, self.desk.address
        if vault.claimable(owner):
            yield from self._try(vault.claim(owner))
        self._waits = bool(vault.queue())
