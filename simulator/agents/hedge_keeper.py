"""Hedge keepers: they rebalance vaults where that is due and worth its gas, and settle for those who wait."""

from typing import Any, ClassVar

from pydantic import Field

from simulator.agents.base import Agent, AgentSettings, Life, newest
from simulator.protocols.base import Call, Vault
from simulator.settings import COUNT, MINUTES, SECONDS, USD

_DAYS_A_YEAR = 365
_LONGEST_PAUSE = 900  # [s]


class HedgeKeeperSettings(AgentSettings):
    """What makes a keeper act."""

    look_minutes: float = Field(
        1.0, gt=0, description="time between two looks while a rebalance may be due", json_schema_extra=MINUTES
    )
    profit_usd: float = Field(
        0.0, description="least profit of a rebalance; below zero for one who can afford it", json_schema_extra=USD
    )
    gas_expected: int = Field(
        900_000, ge=21_000, description="gas that a rebalance is reckoned with", json_schema_extra={"unit": "gas"}
    )
    patience_looks: int = Field(
        10, ge=0, description="looks after which it rebalances at a loss", json_schema_extra=COUNT
    )
    thinking_seconds: float = Field(
        3.0,
        ge=0,
        description="mean time to a decision (exponential), in which he may see that a rival was quicker",
        json_schema_extra=SECONDS,
    )
    owner: bool = Field(
        False, description="whether it works for the depositors: what drift may cost them in a day counts as profit"
    )
    risk_aversion: float = Field(
        1.0,
        ge=0,
        le=1000,
        description="owner: a day's variance of net assets, over them, is reckoned at half as many times its size",
    )
    volatility: float = Field(
        0.8, ge=0, le=10, description="owner: that it expects of the price", json_schema_extra={"unit": "a year"}
    )


class HedgeKeeper(Agent):
    """Sleeps until a rebalance may be due or somebody waits, then looks at intervals."""

    Settings: ClassVar[Any] = HedgeKeeperSettings
    requires: ClassVar[Any] = (Vault,)

    def life(self) -> Life:
        """A process for each vault, and one where it needs observations."""
        for vault in self.desk.capabilities(Vault):
            self.desk.process(self._tend(vault))
            if vault.observed_every:
                self.desk.process(self._observe(vault))
        yield self.desk.sleep(0)

    def _tend(self, vault: Vault) -> Life:
        desk = self.desk
        inbox = desk.inbox("vault_due", "vault", "rebalance")
        unpaid = 0  # looks at which it was due and not worth its gas
        look = pause = self.settings.look_minutes * 60
        while True:
            if not inbox.items:
                news = inbox.get()
                yield desk.first_of([news, *([desk.sleep(pause)] if vault.may_be_due() else [])])
                pause = look if news.triggered else pause
                if not news.triggered:
                    news.cancel()
            newest(inbox)
            if not vault.may_be_due() or vault.due() is None:
                unpaid, pause = 0, min(2 * pause, max(look, _LONGEST_PAUSE))  # those who wait may wait for days
                yield from self._settle(vault)
                continue
            pause = look
            if self._profit(vault) >= self.settings.profit_usd or unpaid >= self.settings.patience_looks:
                unpaid = 0
                yield from self._rebalance(vault)
            else:
                unpaid += 1

    def _profit(self, vault: Vault) -> float:
        """What a rebalance is worth to its sender, and to the depositors where he works for them [usd]."""
        settings, usd = self.settings, self.desk.market.price(vault.asset)
        gas = self.desk.gas_price_usd(settings.gas_expected)
        if not settings.owner:
            return vault.tip * usd - gas
        # The certainty equivalent of a day's variance; the tip stays in the family.
        variance = vault.drift() ** 2 * settings.volatility**2 / _DAYS_A_YEAR
        saved: float = settings.risk_aversion / 2 * variance * vault.nav() * usd
        return saved - gas

    def _rebalance(self, vault: Vault) -> Life:
        desk = self.desk
        yield desk.sleep(float(desk.random.exponential(self.settings.thinking_seconds)))
        call = vault.rebalance(vault.route())
        if desk.is_contested(call) or not desk.would_work(call):
            return
        fate = yield desk.send(call)
        if fate.ok:
            yield from self._settle(vault)

    def _settle(self, vault: Vault) -> Life:
        """Set assets aside for those who wait."""
        if vault.may_be_due() and vault.waiting() and vault.can_settle():
            yield from self._try(vault.settle())

    def _try(self, call: Call) -> Life:
        if not self.desk.is_contested(call) and self.desk.would_work(call):
            yield self.desk.send(call)

    def _observe(self, vault: Vault) -> Life:
        """Keep an estimate going: once an interval, or as soon after it as the feeds have something newer."""
        desk, look = self.desk, self.settings.look_minutes * 60
        while True:
            yield desk.sleep(float(desk.random.uniform(0, look)))
            left = vault.observed_at + vault.observed_every - desk.now
            call = vault.observe()
            if left > 0:
                yield desk.sleep(left)
            elif call is not None:
                yield from self._try(call)
                yield desk.sleep(look)
