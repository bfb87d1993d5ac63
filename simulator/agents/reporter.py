"""The oracle reporter: writes the reference price to its feed by heartbeat and deviation, late and with outages."""

from typing import Any, ClassVar

import simpy

from simulator.agents.base import Agent, Desk, Life
from simulator.protocols.base import Oracle

_HOUR = 3600


class Reporter(Agent):
    """Reports one asset. Its settings are the scenario's `[oracle.<ASSET>]` table, so there is none for agents."""

    requires: ClassVar[Any] = (Oracle,)

    def __init__(self, desk: Desk, settings: Any, asset: str) -> None:
        super().__init__(desk, settings)
        self._asset = asset
        self._oracle = next(o for o in desk.capabilities(Oracle) if o.asset == asset)
        self._start = desk.now
        self._heartbeat, self._deviation = settings.heartbeat_seconds, settings.deviation
        self._outages = [(self._start + a * _HOUR, self._start + b * _HOUR) for a, b in settings.outages]

    def life(self) -> Life:
        """Sleep until a report is due, look at the market, send what was seen."""
        desk, market, asset = self.desk, self.desk.market, self._asset
        latency = self.settings.latency_seconds
        reported = market.price(asset)
        while True:
            yield self._due(reported)
            if self._outages and (silence := self._silent_until()):
                yield desk.sleep(silence - desk.now)
            reported = market.price(asset)
            if latency:
                yield desk.sleep(latency)
            desk.post(self._oracle.report(reported))

    def _due(self, reported: float) -> simpy.Event:
        """The next moment to report: the heartbeat, or the first price too far from the last report."""
        heartbeat, deviation = self._heartbeat, self._deviation
        if heartbeat and not deviation:
            return self.desk.sleep(heartbeat)
        clocks = [self.desk.sleep(heartbeat)] if heartbeat else []
        if deviation:
            clocks += self.desk.outside(self._asset, reported * (1 - deviation), reported * (1 + deviation))
        return self.desk.first_of(clocks)

    def _silent_until(self) -> float:
        now = self.desk.now
        return max((end for start, end in self._outages if start <= now < end), default=0.0)
