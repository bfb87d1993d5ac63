"""Whoever owns a protocol, doing what the scenario declares: a pause, a slower settlement, and back."""

from collections.abc import Sequence
from typing import ClassVar

from simulator.agents.base import Agent, AgentSettings, Desk, Life
from simulator.gas_price import GasRule
from simulator.protocols.base import Call


class Governor(Agent):
    """Sends each declared call at its time. It pays more than anybody, so that the next block has it."""

    gas: ClassVar[GasRule] = GasRule(multiple=1000.0)

    def __init__(self, desk: Desk, settings: AgentSettings, declared: Sequence[tuple[float, Call]]) -> None:
        super().__init__(desk, settings)
        self._declared = sorted(declared, key=lambda entry: entry[0])

    def life(self) -> Life:
        """Sleep until the next of them."""
        desk = self.desk
        for moment, call in self._declared:
            yield desk.sleep(max(0.0, moment - desk.elapsed))
            desk.post(call)
