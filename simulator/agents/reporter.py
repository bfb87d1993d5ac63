"""The oracle reporter: writes what it sees of a price to its feed, by heartbeat and deviation."""

import math
from typing import Any, ClassVar

import simpy

from simulator.agents.base import Agent, Desk, Life
from simulator.agents.sight import AT_ONCE, Sight
from simulator.protocols.base import Oracle


class Reporter(Agent):
    """Reports one asset. Its settings are the scenario's `[oracle.<ASSET>]` table, so there is none for agents.

    It sleeps until the price leaves its band. Only under faults that make what it sees more than the price times a
    constant does it look at each step of the market.
    """

    requires: ClassVar[Any] = (Oracle,)

    def __init__(self, desk: Desk, settings: Any, asset: str) -> None:
        super().__init__(desk, settings)
        self._asset = asset
        self._oracle = next(o for o in desk.capabilities(Oracle) if o.asset == asset)
        self._heartbeat, self._deviation = settings.heartbeat_seconds, settings.deviation
        is_plain = settings.sources.is_plain and not settings.faults and not settings.outages
        self._sight = None if is_plain else Sight(desk, asset, settings)

    def life(self) -> Life:
        """Sleep until a report is due, look at the market, send what was seen."""
        if self._sight is not None:
            yield from _Watch(self.desk, self.settings, self._oracle, self._sight).life()
        elif self._heartbeat or self._deviation:
            yield from self._plain_life()

    def _plain_life(self) -> Life:
        desk, market, asset = self.desk, self.desk.market, self._asset
        latency, watches_on = self.settings.latency_seconds, self.settings.watches_on
        reported = market.price(asset)
        while True:
            yield self._due(reported)
            reported = market.price(asset)
            if latency and watches_on:
                _post_in(latency, desk, self._oracle, reported)
                continue
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


def _post_in(seconds: float, desk: Desk, oracle: Oracle, price: float) -> simpy.Event:
    """Post a report after some time; the event of its leaving."""
    leaving = desk.sleep(seconds)
    assert leaving.callbacks is not None
    leaving.callbacks.append(lambda _: desk.post(oracle.report(price)))
    return leaving


class _Watch:
    """The life of a reporter whose feed has faults or several sources. Times are seconds since the start."""

    def __init__(self, desk: Desk, settings: Any, oracle: Oracle, sight: Sight) -> None:
        self._desk, self._oracle, self._sight = desk, oracle, sight
        self._watches_on = settings.watches_on
        self._reported = desk.market.price(oracle.asset)  # as on chain at the start
        self._since = 0.0  # when the heartbeat began to count
        self._last_sent = 0.0
        self._on_its_way: simpy.Event | None = None  # a report whose leaving is waited for
        self._step: simpy.Event | None = None  # the next step of the market, if it must be looked at
        self._levels: list[simpy.Event] = []  # the edges of the band, if the price alone decides
        self._alarm: tuple[float, simpy.Event] | None = None  # when it is set for, and its event

    def life(self) -> Life:
        """Look at whatever may make a report due, and send it."""
        sight = self._sight
        sight.move(0.0, stepped=True)
        while clocks := self._clocks():
            yield self._desk.first_of(clocks)
            now, before = self._desk.elapsed, sight.force
            sight.move(now, stepped=self._step is not None and self._step.triggered)
            if self._on_its_way is not None:
                if self._on_its_way.processed:
                    self._on_its_way, self._since = None, now
            elif self._is_due(now, has_changed=sight.force is not before):
                self._reported, self._since = sight.report(now), now
                self._send(now)

    def _is_due(self, now: float, *, has_changed: bool) -> bool:
        force = self._sight.force
        if force.stalled:
            return False
        if force.heartbeat and now >= self._since + force.heartbeat - AT_ONCE:
            return True
        # A price that has left the band was seen there, even if a trade has brought it back since.
        was_off = not has_changed and any(level.triggered for level in self._levels)
        return was_off or self._is_off(now)

    def _is_off(self, now: float) -> bool:
        deviation = self._sight.force.deviation
        if not deviation:
            return False
        seen, reported = self._sight.report(now), self._reported
        return seen <= reported * (1 - deviation) or seen >= reported * (1 + deviation)

    def _clocks(self) -> list[simpy.Event]:
        """What may bring the next moment at which there is something to do."""
        force, moment = self._sight.force, self._sight.force.until
        looks = self._on_its_way is None and not force.stalled
        if looks and force.heartbeat:
            moment = min(moment, self._since + force.heartbeat)
        self._watch(looks=looks and force.deviation > 0)
        clocks = [self._step] if self._step else self._levels
        if moment < math.inf:
            clocks = [self._alarm_at(moment), *clocks]
        return [self._on_its_way, *clocks] if self._on_its_way else clocks

    def _watch(self, *, looks: bool) -> None:
        """Wait for the next step of the market, or for a price at which there is something to report."""
        sight, asset = self._sight, self._oracle.asset
        self._step, self._levels = None, []
        scale = sight.scale if looks else 0.0
        if sight.fills or scale is None or (looks and not scale and self._is_off(self._desk.elapsed)):
            self._step = self._desk.below(asset, math.inf)
        elif scale:
            low, high = (self._reported * (1 + sign * sight.force.deviation) / scale for sign in (-1, 1))
            self._levels = self._desk.outside(asset, low, high)

    def _alarm_at(self, moment: float) -> simpy.Event:
        """An event at a moment, the one that is set already if it is for that."""
        if self._alarm is None or self._alarm[0] != moment or self._alarm[1].processed:
            self._alarm = (moment, self._desk.sleep(max(0.0, moment - self._desk.elapsed)))
        return self._alarm[1]

    def _send(self, now: float) -> None:
        latency = self._sight.force.latency
        if self._watches_on:  # so several may be on their way: none overtakes another
            latency = max(latency, self._last_sent - now)
            self._last_sent = now + latency
        if not latency:
            self._desk.post(self._oracle.report(self._reported))
            return
        leaving = _post_in(latency, self._desk, self._oracle, self._reported)
        self._on_its_way = None if self._watches_on else leaving
