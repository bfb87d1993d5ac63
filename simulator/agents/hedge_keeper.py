"""Hedge keepers: they rebalance vaults where that is due and worth its gas, and settle for those who wait."""

from typing import Any, ClassVar

from pydantic import Field

from simulator.agents.base import Agent, AgentSettings, Life, newest
from simulator.protocols.base import Vault
from simulator.settings import MINUTES, USD


class HedgeKeeperSettings(AgentSettings):
    """What makes a keeper act."""

    look_minutes: float = Field(
        1.0, gt=0, description="time between two looks while a rebalance may be due", json_schema_extra=MINUTES
    )
    profit_usd: float = Field(
        0.0, description="least profit of a rebalance; below zero for the vault's own keeper", json_schema_extra=USD
    )
    gas_expected: int = Field(
        900_000, ge=21_000, description="gas that a rebalance is reckoned with", json_schema_extra={"unit": "gas"}
    )
    patience_looks: int = Field(
        10, ge=0, description="looks after which it rebalances at a loss", json_schema_extra={"unit": "count"}
    )


class HedgeKeeper(Agent):
    """Sleeps until a rebalance may be due or somebody waits, then looks at intervals."""

    Settings: ClassVar[Any] = HedgeKeeperSettings
    requires: ClassVar[Any] = (Vault,)

    def life(self) -> Life:
        """One process a vault."""
        for vault in self.desk.capabilities(Vault):
            self.desk.process(self._tend(vault))
        yield self.desk.sleep(0)

    def _tend(self, vault: Vault) -> Life:
        desk = self.desk
        inbox = desk.inbox("vault_due", "vault", "rebalance")
        unpaid = 0  # looks at which it was due and not worth its gas
        while True:
            if not inbox.items:
                news = inbox.get()
                looks = [desk.sleep(self.settings.look_minutes * 60)] if vault.may_be_due() else []
                yield desk.first_of([news, *looks])
                if not news.triggered:
                    news.cancel()
            newest(inbox)
            if not vault.may_be_due() or vault.due() is None:
                unpaid = 0
            elif self._profit(vault) >= self.settings.profit_usd or unpaid >= self.settings.patience_looks:
                unpaid = 0
                yield from self._rebalance(vault)
            else:
                unpaid += 1

    def _profit(self, vault: Vault) -> float:
        """What a rebalance is worth to its sender [usd]."""
        tip = vault.tip * self.desk.market.price(vault.asset)
        return tip - self.desk.gas_price_usd(self.settings.gas_expected)

    def _rebalance(self, vault: Vault) -> Life:
        desk = self.desk
        call = vault.rebalance()
        if desk.is_contested(call) or not desk.would_work(call):
            return
        fate = yield desk.send(call)
        if fate.ok and vault.waiting():
            settle = vault.settle()
            if desk.would_work(settle):
                yield desk.send(settle)
