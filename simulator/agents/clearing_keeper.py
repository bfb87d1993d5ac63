"""Keepers of a clearinghouse: they begin and end auctions, settle what has ended, and keep venues supplied.

They also say how far the oracle is to be relied on, where the risk model asks. The house pays for their gas.
"""

from typing import Any, ClassVar

from pydantic import Field

from simulator.agents.base import Agent, AgentSettings, Desk, Life, newest
from simulator.agents.borrower import choose
from simulator.protocols.base import Call
from simulator.protocols.genesis import Genesis
from simulator.protocols.margin_capability import Margin
from simulator.settings import MINUTES, SECONDS, SHARE

_CONFIDENCE_STEP = 0.05  # that is worth a report


class ClearingKeeperSettings(AgentSettings):
    """How fast a keeper is."""

    market: str = Field("", description="id of the clearinghouse, as in clearing/ETH; empty: the only one")
    reaction_seconds: float = Field(
        12.0, ge=0, description="from an unsafe account to beginning its auction", json_schema_extra=SECONDS
    )
    look_minutes: float = Field(5.0, gt=0, description="between two rounds of all else", json_schema_extra=MINUTES)
    look_move: float = Field(
        0.02, gt=0, lt=1, description="move of the price after which it makes a round at once", json_schema_extra=SHARE
    )
    confidence_gap: float = Field(
        0.05, gt=0, le=1, description="between oracle and market, at which no confidence is left",
        json_schema_extra=SHARE,
    )  # fmt: skip
    outages: tuple[tuple[float, float], ...] = Field(
        (), description="[from, to] hours in which it does nothing", json_schema_extra={"unit": "h"}
    )


class ClearingKeeper(Agent):
    """One process for auctions, one for the rest."""

    Settings: ClassVar[Any] = ClearingKeeperSettings
    requires: ClassVar[Any] = (Margin,)

    def __init__(self, desk: Desk, settings: ClearingKeeperSettings) -> None:
        super().__init__(desk, settings)
        self._margin: Margin = choose(desk.capabilities(Margin), settings.market, desk.agent)
        self._said = 1.0  # of confidence

    def prepare(self, genesis: Genesis) -> None:
        """Be appointed."""
        self._margin.appoint(genesis, self.desk.address)

    def life(self) -> Life:
        """Both."""
        desk, asset, move = self.desk, self._margin.asset, self.settings.look_move
        desk.process(self._watch())
        while True:
            price = desk.market.price(asset)
            look = desk.sleep(self.settings.look_minutes * 60)
            yield desk.first_of([*desk.outside(asset, price * (1 - move), price * (1 + move)), look])
            if self._works():
                yield from self._round()

    def _works(self) -> bool:
        hour = self.desk.elapsed / 3600
        return not any(start <= hour < end for start, end in self.settings.outages)

    # ----------------------------------------------------------------- auctions

    def _watch(self) -> Life:
        """Begin an auction as soon as an account is unsafe."""
        desk, margin = self.desk, self._margin
        inbox = desk.inbox("unsafe")
        while True:
            notices = [(yield inbox.get()), *newest(inbox)]
            if not any(notice.args["capability"] == margin.id for notice in notices):
                continue
            yield desk.sleep(self.settings.reaction_seconds)
            if self._works():
                yield from self._start_auctions()

    def _start_auctions(self) -> Life:
        for account in self._margin.unsafe():
            yield from self._try(self._margin.start_auction(account))

    # --------------------------------------------------------------------- rounds

    def _round(self) -> Life:
        margin = self._margin
        yield from self._say_confidence()
        yield from self._start_auctions()
        for account in margin.auctions():
            state = margin.margin_of(account, initial=True)
            if state is not None and state[0] >= state[1]:
                yield from self._try(margin.end_auction(account))
        for account, leg in margin.matured(self.desk.now):
            yield from self._try(margin.settle(account, leg))
        for call in margin.chores(self.desk.now):
            yield from self._try(call)

    def _say_confidence(self) -> Life:
        margin, desk = self._margin, self.desk
        answer = margin.oracle.usable_price(desk.now)
        gap = 1.0 if answer is None else abs(answer / desk.market.price(margin.asset) - 1)
        confidence = max(0.0, 1 - gap / self.settings.confidence_gap)
        call = margin.report_confidence(confidence)
        if call is not None and abs(confidence - self._said) >= _CONFIDENCE_STEP:
            self._said = confidence
            yield desk.send(call)

    def _try(self, call: Call) -> Life:
        if not self.desk.is_contested(call) and self.desk.would_work(call):
            yield self.desk.send(call)
