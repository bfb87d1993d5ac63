"""How price feeds fail: faults of `[oracle.<ASSET>]`, each with a beginning and an end, any number at once.

What a reporter does at a moment follows from the faults in force then, in this order:

1. When. `heartbeat`, `deviation` and `latency` replace the reporter's own settings; under `stall` it reports nothing.
2. What each source sees: the market's price times the source's own noise, then `wick`, then `liars`.
3. The median of the sources.
4. The report: `twap` (the mean of such medians over a window), then `stuck`, then `peg`.

Where several of one kind are in force at once, they act in the order of the list on what the former have left. So wicks
multiply, and of what sets a number (a heartbeat, a peg) the last in the list stands. A fault is in force from its first
second on, and from its last second on no longer. `outages` of a feed are stalls without a name.

The reporter looks when the market moves, when its heartbeat is due, and at once when a fault or the window of one
begins or ends; at the time of a block it looks behind the block. It knows only what it sees through the faults: whether
the price has moved by the deviation is asked of what it would report now against what it last did. Reports leave in the
order in which they were seen, also where latency falls.
"""

import math
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from simulator.settings import COUNT, HOURS, RATIO, SECONDS, SHARE, USD, Settings

HOUR = 3600


class Fault(Settings):
    """What every fault has."""

    id: str = Field(min_length=1, description="its name, by which a scenario that extends this one changes it")
    start: float = Field(0.0, alias="from", ge=0, description="when it begins", json_schema_extra=HOURS)
    end: float | None = Field(
        None, alias="to", ge=0, description="when it is over; absent: never", json_schema_extra=HOURS
    )

    @field_validator("end")
    @classmethod
    def _in_order(cls, end: float | None, info: ValidationInfo) -> float | None:
        start = info.data.get("start", 0.0)
        if end is not None and end < start:
            raise ValueError(f"must be >= from ({start:g})")
        return end

    @property
    def span(self) -> tuple[float, float]:
        """[from, to) in whole seconds of the run."""
        return seconds(self.start), math.inf if self.end is None else seconds(self.end)


class HeartbeatFault(Fault):
    """Another heartbeat, as a rule a stretched one."""

    kind: Literal["heartbeat"] = Field(description="what fails: the time between reports")
    heartbeat_seconds: int = Field(
        ge=0, description="longest time between reports meanwhile; 0: no heartbeat", json_schema_extra=SECONDS
    )


class DeviationFault(Fault):
    """Another deviation threshold."""

    kind: Literal["deviation"] = Field(description="what fails: the change that makes the reporter write")
    deviation: float = Field(
        ge=0, le=1e6, description="relative change meanwhile; 0: the heartbeat alone", json_schema_extra=SHARE
    )


class LatencyFault(Fault):
    """A slower way from a price to the pool."""

    kind: Literal["latency"] = Field(description="what fails: how fast a report is sent")
    latency_seconds: float = Field(
        ge=0, description="time meanwhile from seeing a price to sending it", json_schema_extra=SECONDS
    )


class StallFault(Fault):
    """Silence."""

    kind: Literal["stall"] = Field(description="what fails: the reporter, which is silent")


class WickFault(Fault):
    """One source sees a multiple of the price."""

    kind: Literal["wick"] = Field(description="what fails: one source, which sees a multiple of the price")
    source: int = Field(0, ge=0, description="number of the source, from 0", json_schema_extra=COUNT)
    factor: float = Field(gt=0, le=1e6, description="times the price at the beginning", json_schema_extra=RATIO)
    half_life_seconds: float = Field(
        0.0,
        ge=0,
        description="time in which half of what the factor adds is gone; 0: it stays",
        json_schema_extra=SECONDS,
    )

    def factor_at(self, elapsed: float) -> float:
        """The multiple some seconds after its beginning."""
        if not self.half_life_seconds:
            return self.factor
        return float(1 + (self.factor - 1) * 0.5 ** (elapsed / self.half_life_seconds))


class LiarsFault(Fault):
    """The first sources lie together."""

    kind: Literal["liars"] = Field(description="what fails: so many of the sources, which lie together")
    liars: int = Field(1, ge=0, description="how many of the sources, the first ones", json_schema_extra=COUNT)
    factor: float | None = Field(
        None, gt=0, le=1e6, description="times what they see; this or price", json_schema_extra=RATIO
    )
    price: float | None = Field(None, gt=0, description="what they say; this or factor", json_schema_extra=USD)

    @model_validator(mode="after")
    def _one_lie(self) -> "LiarsFault":
        if (self.factor is None) == (self.price is None):
            raise ValueError("must have either factor or price")
        return self

    def lie(self, seen: float) -> float:
        """What a liar says of a price."""
        return seen * self.factor if self.factor is not None else self.price or 0.0


class TwapFault(Fault):
    """The mean of a window in place of the price."""

    kind: Literal["twap"] = Field(description="what fails: reports lag, as each is the mean over a window")
    window_seconds: float = Field(gt=0, description="length of the window that ends now", json_schema_extra=SECONDS)


class StuckFault(Fault):
    """Reports in time, of a price that does not change."""

    kind: Literal["stuck"] = Field(
        description="what fails: the price, which stays as it was at the beginning under fresh timestamps"
    )


class PegFault(Fault):
    """A price written into the code."""

    kind: Literal["peg"] = Field(description="what fails: the price, which is one value whatever the market does")
    price: float = Field(gt=0, description="the value", json_schema_extra=USD)


OracleFault = Annotated[
    HeartbeatFault
    | DeviationFault
    | LatencyFault
    | StallFault
    | WickFault
    | LiarsFault
    | TwapFault
    | StuckFault
    | PegFault,
    Field(discriminator="kind"),
]


class SourceSettings(Settings):
    """What the reporter takes the median of."""

    count: int = Field(1, ge=1, le=1000, description="how many there are", json_schema_extra=COUNT)
    noise: float = Field(
        0.0, ge=0, le=1, description="sd of each source's own error at each step, relative", json_schema_extra=SHARE
    )
    venues: tuple[str, ...] = Field(
        (), description='venue at which each looks, in order; absent or "": the reference market'
    )

    @field_validator("venues")
    @classmethod
    def _no_more_than_sources(cls, venues: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        count = info.data.get("count", len(venues))
        if len(venues) > count:
            raise ValueError(f"must be no more than sources ({count})")
        return venues

    @property
    def is_plain(self) -> bool:
        """Whether every source sees the reference price."""
        return not self.noise and not any(self.venues)


def seconds(hours: float) -> int:
    """Hours in whole seconds: a decimal hour may miss its second by a bit."""
    return round(hours * HOUR)


def in_order(spans: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    """The spans, if each is [from, to]. Raises ValueError."""
    for start, end in spans:
        if not 0 <= start <= end:
            raise ValueError(f"[{start:g}, {end:g}] must be [from, to] with 0 <= from <= to")
    return spans


def united(spans: Iterable[tuple[float, float]]) -> list[tuple[int, int]]:
    """Spans of hours as whole seconds in order of time, those that overlap or touch as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted((seconds(start), seconds(end)) for start, end in spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        elif start < end:
            found.append((start, end))
    return found


def check_sources(faults: tuple[Any, ...], count: int) -> None:
    """Raises ValueError where a fault names a source that there is not."""
    for fault in faults:
        if isinstance(fault, WickFault) and fault.source >= count:
            raise ValueError(f"{fault.id}: source = {fault.source} must be < sources.count ({count})")
        if isinstance(fault, LiarsFault) and fault.liars > count:
            raise ValueError(f"{fault.id}: liars = {fault.liars} must be <= sources.count ({count})")
