"""Keepers of a perpetual market's backstop: the venue's own, who do what nobody is paid for.

They liquidate whom no liquidator wants, as a bankrupt account leaves no fee; deleverage whom the rule names; settle
what the pool must pay; and let what is left fall on it. The gas they pay whatever it costs.
"""

from typing import Any, ClassVar

from pydantic import Field

from simulator.agents.base import Agent, AgentSettings, Life, newest
from simulator.protocols.base import Call, Perp
from simulator.settings import SECONDS

_SWEEP_SECONDS = 30.0
_REVIEW_SECONDS = 300.0  # between two looks at a shortfall that nothing can be done about


class BackstopKeeperSettings(AgentSettings):
    """How fast a keeper is."""

    reaction_seconds: float = Field(
        12.0, ge=0, description="time from a shortfall to acting on it", json_schema_extra=SECONDS
    )
    patience_seconds: float = Field(
        60.0, ge=0, description="time that liquidators are given with an account", json_schema_extra=SECONDS
    )


class BackstopKeeper(Agent):
    """Sleeps until a market reports a shortfall or a pool that cannot pay."""

    Settings: ClassVar[Any] = BackstopKeeperSettings
    requires: ClassVar[Any] = (Perp,)

    def life(self) -> Life:
        """One process a market."""
        for perp in self.desk.capabilities(Perp):
            self.desk.process(self._tend(perp))
            self.desk.process(self._sweep(perp))
        yield self.desk.sleep(0)

    def _tend(self, perp: Perp) -> Life:
        desk = self.desk
        inbox = desk.inbox("shortfall", "pool_bankrupt")
        while True:
            chance = inbox.get()
            yield desk.first_of([chance, desk.sleep(_REVIEW_SECONDS)] if self._owes(perp) else [chance])
            if not chance.triggered:
                chance.cancel()
            elif not self._owes(perp):
                continue
            yield desk.sleep(self.settings.reaction_seconds)
            newest(inbox)
            while (call := self._next(perp)) is not None:
                fate = yield desk.send(call)
                if not fate.ok:
                    yield desk.sleep(desk.block_seconds)

    def _sweep(self, perp: Perp) -> Life:
        """Liquidate what is still below maintenance margin after a while."""
        desk = self.desk
        inbox = desk.inbox("unsafe")
        since = dict.fromkeys(perp.unsafe(), desk.now)
        while True:
            chance = inbox.get()
            yield desk.first_of([chance, desk.sleep(max(_SWEEP_SECONDS, desk.block_seconds))] if since else [chance])
            if not chance.triggered:
                chance.cancel()
            newest(inbox)
            since = {account: since.get(account, desk.now) for account in perp.unsafe()}
            for account, begun in since.items():
                call = perp.liquidate(account)
                if desk.now >= begun + self.settings.patience_seconds and self._works(call):
                    desk.post(call)

    def _owes(self, perp: Perp) -> bool:
        """Whether anything is left that nobody has paid."""
        return perp.shortfall > 0 or (perp.pool_capital(self.desk.now) or 0) < 0

    def _next(self, perp: Perp) -> Call | None:
        """The next thing that can be done, in the order in which losses fall."""
        now = self.desk.now
        if perp.shortfall:
            for bankrupt_long in (True, False):
                accounts = perp.deleverage_list(bankrupt_long, now)
                if accounts and self._works(call := perp.deleverage(bankrupt_long, accounts)):
                    return call
        if (perp.pool_capital(now) or 0) < 0 and self._works(call := perp.settle_pool()):
            return call
        if perp.shortfall and (perp.pool_capital(now) or 0) > 0 and self._works(call := perp.socialise()):
            return call
        return None

    def _works(self, call: Call) -> bool:
        return not self.desk.is_contested(call) and self.desk.would_work(call)
