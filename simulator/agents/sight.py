"""What a reporter sees and how it is held up, while the faults of its feed come and go.

The order in which faults act is in `simulator.oracle_faults`. Times here are seconds since the start of the run.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from typing import Any, TypeVar

import numpy as np
from numpy.random import Generator

from simulator.agents.base import Desk
from simulator.errors import ConfigError
from simulator.market import Market
from simulator.oracle_faults import (
    DeviationFault,
    Fault,
    HeartbeatFault,
    LatencyFault,
    LiarsFault,
    PegFault,
    StallFault,
    StuckFault,
    TwapFault,
    WickFault,
    seconds,
)

AT_ONCE = 1e-6  # [s] by which floats may miss a moment
_CHUNK = 1024  # steps whose errors are drawn together
FaultT = TypeVar("FaultT", bound=Fault)


@dataclass(frozen=True)
class InForce:
    """The faults in force from one moment on, of each kind in the order of the list."""

    until: float  # when that changes, infinity for never
    heartbeat: float  # [s]
    deviation: float
    latency: float  # [s]
    stalled: bool
    wicks: Sequence[WickFault]
    liars: Sequence[LiarsFault]
    filling: Sequence[TwapFault]  # whose windows reach back to now
    twap: TwapFault | None
    stuck: StuckFault | None
    peg: PegFault | None

    @property
    def is_constant(self) -> bool:
        """Whether a report does not depend on the market."""
        return self.peg is not None or self.stuck is not None

    @property
    def is_scaled(self) -> bool:
        """Whether a report is the price times a constant, where every source sees the same price."""
        is_steady = not any(wick.half_life_seconds for wick in self.wicks)
        return is_steady and self.twap is None and all(lie.price is None for lie in self.liars)


class Timeline:
    """Which faults of a feed are in force when."""

    def __init__(self, settings: Any) -> None:
        self._settings = settings
        self._faults: list[tuple[float, float, Fault]] = [
            (*fault.span, fault) for fault in settings.faults if fault.span[0] < fault.span[1]
        ]
        self._silences: list[tuple[float, float]] = [
            (seconds(start), seconds(end)) for start, end in settings.outages if start < end
        ]
        self._silences += [(start, end) for start, end, fault in self._faults if isinstance(fault, StallFault)]
        moments = [moment for start, end, _ in self._faults for moment in (start, end)]
        moments += [moment for silence in self._silences for moment in silence]
        moments += [start - fault.window_seconds for start, _, fault in self._faults if isinstance(fault, TwapFault)]
        self._moments = sorted(moments)

    def at(self, now: float) -> InForce:
        """What is in force now and until when."""
        now += AT_ONCE
        settings = self._settings
        heartbeat, deviation = self._last(HeartbeatFault, now), self._last(DeviationFault, now)
        latency = self._last(LatencyFault, now)
        return InForce(
            until=next((moment for moment in self._moments if moment > now), math.inf),
            heartbeat=heartbeat.heartbeat_seconds if heartbeat else settings.heartbeat_seconds,
            deviation=deviation.deviation if deviation else settings.deviation,
            latency=latency.latency_seconds if latency else settings.latency_seconds,
            stalled=any(start <= now < end for start, end in self._silences),
            wicks=tuple(self._now(WickFault, now)),
            liars=tuple(self._now(LiarsFault, now)),
            filling=tuple(self._filling(now)),
            twap=self._last(TwapFault, now),
            stuck=self._last(StuckFault, now),
            peg=self._last(PegFault, now),
        )

    def _now(self, kind: type[FaultT], now: float) -> Iterator[FaultT]:
        for start, end, fault in self._faults:
            if isinstance(fault, kind) and start <= now < end:
                yield fault

    def _last(self, kind: type[FaultT], now: float) -> FaultT | None:
        return next(reversed(list(self._now(kind, now))), None)

    def _filling(self, now: float) -> Iterator[TwapFault]:
        for start, end, fault in self._faults:
            if isinstance(fault, TwapFault) and start - fault.window_seconds <= now < end:
                yield fault

    def stuck_now(self, now: float) -> Iterator[StuckFault]:
        """Every price that is frozen now, of which only the last is reported."""
        return self._now(StuckFault, now + AT_ONCE)


class Errors:
    """What each source is off by at each step of the market: of its own stream, whoever looks and how often."""

    def __init__(self, stream: Callable[[str], Generator], asset: str, count: int, sd: float) -> None:
        self._stream, self._asset, self._count, self._sd = stream, asset, count, sd
        self._chunk = lru_cache(maxsize=2)(self._draw)

    def at(self, step: int) -> list[float]:
        """Times the true price, for each source."""
        if not self._sd:
            return [1.0] * self._count
        return self._chunk(step // _CHUNK)[step % _CHUNK]

    def _draw(self, chunk: int) -> list[list[float]]:
        names = [f"oracle/{self._asset}/source/{source}/{chunk}" for source in range(self._count)]
        normal = [self._stream(name).standard_normal(_CHUNK) for name in names]
        rows: list[list[float]] = np.exp(self._sd * np.array(normal)).T.tolist()
        return rows


class Window:
    """The mean of what was seen at the market's steps within a time that ends now."""

    def __init__(self, length: float) -> None:
        self._length = length
        self._seen: deque[tuple[float, float]] = deque()
        self._total = 0.0

    def add(self, now: float, price: float) -> None:
        """Take note of a step."""
        self._seen.append((now, price))
        self._total += price

    def mean(self, now: float) -> float | None:
        """Of (now - length, now], None where no step is in it."""
        seen = self._seen
        while seen and seen[0][0] <= now - self._length + AT_ONCE:
            self._total -= seen.popleft()[1]
        if not seen:
            self._total = 0.0  # and rid of what rounding has left
            return None
        return self._total / len(seen)


class Sight:
    """What the reporter of one feed would report at this moment."""

    def __init__(self, desk: Desk, asset: str, settings: Any) -> None:
        self._market, self._asset, self._step_seconds = desk.market, asset, desk.block_seconds
        self._sources = settings.sources
        _check_venues(desk.market, asset, self._sources.venues)
        unnamed = self._sources.count - len(self._sources.venues)
        self._venues = (*self._sources.venues, *("" for _ in range(unnamed)))
        self._errors = Errors(desk.stream, asset, self._sources.count, self._sources.noise)
        self._starts = {fault.id: fault.span[0] for fault in settings.faults}
        self._windows: dict[str, Window] = {}
        self._frozen: dict[str, float] = {}
        self._timeline = Timeline(settings)
        self.force = self._timeline.at(0.0)

    def move(self, now: float, *, stepped: bool) -> None:
        """Come to a moment: to be called at every change of what is in force, and while `fills` at every step."""
        if now + AT_ONCE >= self.force.until:
            self.force = self._timeline.at(now)
        if stepped:
            self._fill(now)
        for fault in self._timeline.stuck_now(now):
            if fault.id not in self._frozen:
                self._frozen[fault.id] = self._lagged(now)

    def _fill(self, now: float) -> None:
        """Note the step in every window that reaches back to it."""
        for fault in self.force.filling:
            window = self._windows.setdefault(fault.id, Window(fault.window_seconds))
            window.add(now, self._median(now))

    @property
    def fills(self) -> bool:
        """Whether each step of the market must be noted, report or not."""
        return bool(self.force.filling)

    @property
    def scale(self) -> float | None:
        """What a report is times the price, None where that is no constant; 0 where it is none of the market's."""
        force = self.force
        if force.is_constant:
            return 0.0
        if not force.is_scaled or not self._sources.is_plain:
            return None
        return self._median_of([1.0] * self._sources.count, 0.0)

    def report(self, now: float) -> float:
        """The whole chain of faults [usd]."""
        force = self.force
        if force.peg is not None:
            return force.peg.price
        if force.stuck is not None:
            return self._frozen[force.stuck.id]
        return self._lagged(now)

    def _lagged(self, now: float) -> float:
        fault = self.force.twap
        mean = self._windows[fault.id].mean(now) if fault is not None and fault.id in self._windows else None
        return self._median(now) if mean is None else mean

    def _median(self, now: float) -> float:
        prices = [self._price(venue) for venue in self._venues]
        if self._sources.noise:
            errors = self._errors.at(int((now + AT_ONCE) // self._step_seconds))
            prices = [price * error for price, error in zip(prices, errors, strict=True)]
        return self._median_of(prices, now)

    def _median_of(self, prices: list[float], now: float) -> float:
        for wick in self.force.wicks:
            prices[wick.source] *= wick.factor_at(now - self._starts[wick.id])
        for lie in self.force.liars:
            prices[: lie.liars] = [lie.lie(price) for price in prices[: lie.liars]]
        return prices[0] if len(prices) == 1 else median(prices)

    def _price(self, venue: str) -> float:
        look: Any = self._market.price  # at a venue where markets have them
        return float(look(self._asset, venue) if venue else look(self._asset))


def _check_venues(market: Market, asset: str, venues: Sequence[str]) -> None:
    known: Sequence[str] = getattr(market, "venues", lambda _: ())(asset)
    for number, venue in enumerate(venues):
        if venue and venue not in known:
            there = ", ".join(known) or "one place only"
            raise ConfigError(
                f'market.{asset} has no venue "{venue}"',
                where=f"oracle.{asset}.sources.venues[{number}]",
                mend=f"it trades at {there}",
            )
