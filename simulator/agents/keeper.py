"""Keepers of the machinery: they move delayed prices on, restart lots, and settle what nobody else does."""

from typing import Any, ClassVar

from pydantic import Field

from simulator.agents.base import Agent, AgentSettings, Life, newest
from simulator.protocols.base import Auction, Lot, Oracle
from simulator.settings import SECONDS


class KeeperSettings(AgentSettings):
    """What a keeper looks after."""

    patience_seconds: float = Field(
        120.0, ge=0, description="time that the winner of a lot is given to settle it", json_schema_extra=SECONDS
    )


class Keeper(Agent):
    """Pokes delayed feeds, and settles or restarts lots."""

    Settings: ClassVar[Any] = KeeperSettings

    def life(self) -> Life:
        """One process a delayed feed and one for the auctions."""
        desk = self.desk
        for oracle in desk.capabilities(Oracle):
            if oracle.next_poke() is not None:
                desk.process(self._poke(oracle))
        if desk.capabilities(Auction):
            desk.process(self._tend_lots())
        yield desk.sleep(0)

    def _poke(self, oracle: Oracle) -> Life:
        desk = self.desk
        while True:
            due = oracle.next_poke() or 0
            if due > desk.now:
                yield desk.sleep(due - desk.now)
                continue
            call = oracle.poke()
            assert call is not None
            fate = yield desk.send(call)
            if not fate.ok:
                yield desk.sleep(60)

    def _tend_lots(self) -> Life:
        desk = self.desk
        inbox = desk.inbox("lot_opened")
        for house in desk.capabilities(Auction):
            for lot_id in house.lots:  # a fork may have some at its start
                desk.process(self._tend(house, lot_id))
        while True:
            notice = yield inbox.get()
            for each in [notice, *newest(inbox)]:
                auction: Auction = desk.capability(each.args["capability"])
                desk.process(self._tend(auction, each.subject))

    def _tend(self, auction: Auction, lot_id: str) -> Life:
        """Stay with one lot until it is closed."""
        desk = self.desk
        while (lot := auction.lots.get(lot_id)) is not None:
            wait = self._next_look(auction, lot) - desk.now
            if wait > 0:
                yield desk.sleep(wait)
                continue
            call = auction.settle(lot) if auction.ascending and lot.bid else auction.restart(lot)
            if auction.ascending or auction.price(lot) is None:
                yield desk.send(call)
            yield desk.sleep(60)

    def _next_look(self, auction: Auction, lot: Lot) -> float:
        if not auction.ascending:
            return self.desk.now if auction.price(lot) is None else self.desk.now + 60
        over = min(lot.bid_expiry, lot.end) if lot.bid else lot.end
        return over + (self.settings.patience_seconds if lot.bid else 0) + 1
