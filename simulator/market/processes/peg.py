"""Prices held near a value: a stablecoin, which may lose its peg for a while."""

import math

import numpy as np
from pydantic import Field

from simulator.market.processes.base import Draw, Floats, Process
from simulator.market.processes.jumps import summed_jumps
from simulator.market.reverting import decaying
from simulator.settings import ANNUAL, HOURS, USD
from simulator.units import YEAR_SECONDS

_YEAR_HOURS = YEAR_SECONDS / 3600


class Peg(Process):
    """A price held near one value: Ornstein-Uhlenbeck noise of its logarithm, and jumps away that heal."""

    name = "peg"
    price: float = Field(1.0, gt=0, description="the value it is held at", json_schema_extra=USD)
    half_life_hours: float = Field(6.0, gt=0, description="time in which half a gap closes", json_schema_extra=HOURS)
    deviation: float = Field(0.003, ge=0, le=1, description="long-run sd of the log price")
    depeg_rate: float = Field(0.0, ge=0, le=1e5, description="expected jumps away from it", json_schema_extra=ANNUAL)
    depeg_mean: float = Field(-0.05, ge=-10, le=10, description="mean of a jump of the log price")
    depeg_deviation: float = Field(0.03, ge=0, le=10, description="sd of a jump of the log price")
    depeg_half_life_hours: float = Field(
        24.0, gt=0, description="time in which half a jump heals", json_schema_extra=HOURS
    )

    def paths(self, draw: Draw) -> Floats:
        """See `Process.paths`: both parts by exact steps; a jump is taken to come at the end of its step."""
        gaps = reverting(draw.shocks, self.half_life_hours / _YEAR_HOURS, self.deviation, draw.step)
        if self.depeg_rate and draw.shape[1]:
            jumps = summed_jumps(draw, self.depeg_rate, self.depeg_mean, self.depeg_deviation)
            gaps += fading(jumps, self.depeg_half_life_hours / _YEAR_HOURS, draw.step)
        return self.price * np.exp(np.pad(gaps, ((0, 0), (1, 0))))


def reverting(shocks: Floats, half_life: float, deviation: float, step: float) -> Floats:
    """Ornstein-Uhlenbeck noise from 0 by exact steps, of a long-run sd; half-life and step in one unit.

    x gains -x (1 - e^-k) and noise of variance deviation² (1 - e^-2k), k = ln 2 step / half-life.
    """
    keep = math.exp(-math.log(2) * step / half_life)
    return decaying(shocks * (deviation * math.sqrt(1 - keep**2)), keep)


def fading(jumps: Floats, half_life: float, step: float) -> Floats:
    """What is left of all jumps so far, each halving in a half-life."""
    return decaying(jumps, math.exp(-math.log(2) * step / half_life))
