"""Reporters of what changes rarely: an exchange rate, and whether a rollup's sequencer is up."""

from collections.abc import Sequence
from typing import Any, ClassVar

from simulator.agents.base import Agent, Desk, Life
from simulator.gas_price import GasRule
from simulator.oracle_faults import united
from simulator.protocols.base import Oracle
from simulator.protocols.feeds import FeedOracle

_HOUR = 3600


class RateReporter(Agent):
    """Writes an exchange rate at each heartbeat, whether it has changed or not."""

    def __init__(self, desk: Desk, settings: Any, oracle: Oracle) -> None:
        super().__init__(desk, settings)
        self._oracle = oracle
        start = desk.now
        self._outages = [(start + a * _HOUR, start + b * _HOUR) for a, b in settings.outages]

    def life(self) -> Life:
        """Sleep for a heartbeat, look at the rate, send what was seen."""
        desk, settings = self.desk, self.settings
        while settings.heartbeat_seconds:
            yield desk.sleep(settings.heartbeat_seconds)
            if silence := self._silent_until():
                yield desk.sleep(silence - desk.now)
            seen = self._oracle.observed(desk.market)
            if settings.latency_seconds:
                yield desk.sleep(settings.latency_seconds)
            if seen is not None:
                desk.post(self._oracle.report(seen))

    def _silent_until(self) -> float:
        now = self.desk.now
        return max((end for start, end in self._outages if start <= now < end), default=0.0)


class UptimeReporter(Agent):
    """Tells a SequencerGuard of outages. Both reports of one wait in the pool until there are blocks again.

    A rollup takes them from its inbox before anything else, so they are sent from an account of their own that pays
    more than anybody.
    """

    gas: ClassVar[GasRule] = GasRule(multiple=1000.0)

    def __init__(self, desk: Desk, settings: Any, oracle: Oracle, outages: Sequence[tuple[float, float]]) -> None:
        super().__init__(desk, settings)
        self._oracle = oracle
        self._outages = [(desk.now + fall, desk.now + back) for fall, back in united(outages)]

    def life(self) -> Life:
        """Report each outage as it begins and as it ends."""
        for fall, back in self._outages:
            yield from self._report(True, fall)
            yield from self._report(False, back)

    def _report(self, down: bool, at: int) -> Life:
        desk, oracle = self.desk, self._oracle
        yield desk.sleep(max(0, at - desk.now))
        call = oracle.report_uptime(down, at) if isinstance(oracle, FeedOracle) else None
        if call is not None:
            desk.post(call)
