"""The reporter of an option market's surface: writes the implied volatility that it sees in the market."""

import math
from statistics import median
from typing import Any, ClassVar

from pydantic import Field, field_validator

from simulator.agents.base import Agent, AgentSettings, Desk, Life
from simulator.agents.borrower import choose
from simulator.agents.sight import Errors
from simulator.oracle_faults import in_order, seconds
from simulator.protocols.genesis import Genesis
from simulator.protocols.option_capability import Options
from simulator.protocols.option_math import Slice, SurfaceState
from simulator.settings import ANNUAL, COUNT, SECONDS, SHARE, Settings

_DAY = 86_400


class SurfaceSourceSettings(Settings):
    """What a reporter takes the median of."""

    count: int = Field(1, ge=1, le=1000, description="how many there are", json_schema_extra=COUNT)
    noise: float = Field(
        0.0, ge=0, le=1, description="sd of the error of each, of the volatility it sees", json_schema_extra=SHARE
    )
    liars: int = Field(
        0, ge=0, le=1000, description="how many of them see `lie` times the volatility", json_schema_extra=COUNT
    )
    lie: float = Field(1.0, gt=0, le=10, description="of the true volatility, that they see", json_schema_extra=SHARE)


class SurfaceReporterSettings(AgentSettings):
    """When a surface is reported, and by what. Latency is from seeing it to the pending pool."""

    market: str = Field("", description="id of the option market, as in options/ETH; empty: the only one")
    heartbeat_seconds: int = Field(
        600, ge=0, description="longest time between two reports; 0: only moves count", json_schema_extra=SECONDS
    )
    deviation: float = Field(
        0.03, ge=0, le=10, description="move of a volatility at the money that is reported; 0: only time counts",
        json_schema_extra=SHARE,
    )  # fmt: skip
    look_seconds: float = Field(
        60.0, gt=0, description="time between two looks at the market", json_schema_extra=SECONDS
    )
    rate: float = Field(0.0, ge=-1, le=1, description="interest that it reports", json_schema_extra=ANNUAL)
    carry: float = Field(0.0, ge=-1, le=1, description="yield of the asset that it reports", json_schema_extra=ANNUAL)
    sources: SurfaceSourceSettings = Field(
        default_factory=SurfaceSourceSettings, description="what it takes the median of"
    )
    outages: tuple[tuple[float, float], ...] = Field(
        (), description="[from, to] hours in which it is silent", json_schema_extra={"unit": "h"}
    )

    _outages_in_order = field_validator("outages")(in_order)


class SurfaceReporter(Agent):
    """Looks at the market now and then, and reports by heartbeat and deviation."""

    Settings: ClassVar[Any] = SurfaceReporterSettings
    requires: ClassVar[Any] = (Options,)

    def __init__(self, desk: Desk, settings: SurfaceReporterSettings) -> None:
        super().__init__(desk, settings)
        self._options: Options = choose(desk.capabilities(Options), settings.market, desk.agent)
        sources, name = settings.sources, f"{self._options.asset}/volatility"
        self._errors = Errors(desk.stream, name, sources.count, sources.noise)
        self._silences = [(seconds(start), seconds(end)) for start, end in settings.outages]

    def prepare(self, genesis: Genesis) -> None:
        """Be appointed, and report what the market shows at the start."""
        self._options.appoint(genesis, "reporter", self.desk.address)
        self._options.open_with(self.desk.address, [self._options.report(self._seen())])

    def life(self) -> Life:
        """Report when it is due."""
        desk = self.desk
        reported, since = self._seen(), 0.0
        while True:
            yield desk.sleep(self.settings.look_seconds)
            if self._is_silent():
                continue
            seen = self._seen()
            if self._is_due(seen, reported, since):
                call = self._options.report(seen)
                reported, since = seen, desk.elapsed
                if not desk.is_contested(call):
                    desk.post(call)

    def _is_silent(self) -> bool:
        return any(start <= self.desk.elapsed < end for start, end in self._silences)

    def _is_due(self, seen: SurfaceState, reported: SurfaceState, since: float) -> bool:
        heartbeat, deviation = self.settings.heartbeat_seconds, self.settings.deviation
        if heartbeat and self.desk.elapsed >= since + heartbeat:
            return True
        if not deviation:
            return False
        times = [one.seconds for one in seen.slices]
        return any(abs(seen.at_the_money(time) / reported.at_the_money(time) - 1) >= deviation for time in times)

    def _seen(self) -> SurfaceState:
        """The market's surface, scaled by the median of what the sources see."""
        desk, settings = self.desk, self.settings
        errors = self._errors.at(int(desk.elapsed // desk.block_seconds))
        lying = settings.sources.liars
        factor = median([error * settings.sources.lie if i < lying else error for i, error in enumerate(errors)])
        slices = [
            Slice(max(1, math.floor(days * _DAY)), smile.scaled(factor**2))
            for days, smile in desk.market.smiles(self._options.asset)
        ]
        return SurfaceState(slices, settings.rate, settings.carry, desk.now)
