"""Prices without jumps: constant, and geometric Brownian motion."""

import numpy as np
from pydantic import Field

from simulator.market.processes.base import Draw, Floats, Process, from_gains
from simulator.settings import ANNUAL, USD


class Constant(Process):
    """One price for ever."""

    name = "constant"
    price: float = Field(gt=0, description="the price", json_schema_extra=USD)

    def paths(self, draw: Draw) -> Floats:
        """See `Process.paths`."""
        return np.full((draw.shape[0], len(draw.times)), self.price)


class Gbm(Process):
    """Geometric Brownian motion, by exact log-normal steps."""

    name = "gbm"
    price: float = Field(gt=0, description="the first price", json_schema_extra=USD)
    drift: float = Field(0.0, ge=-1000, le=1000, description="of the expected price", json_schema_extra=ANNUAL)
    volatility: float = Field(0.8, ge=0, le=100, description="sd of the log price", json_schema_extra=ANNUAL)

    def paths(self, draw: Draw) -> Floats:
        """See `Process.paths`: log S gains (drift - volatility² / 2) dt + volatility dW."""
        gains = draw.shocks * (self.volatility * np.sqrt(draw.step))
        gains += (self.drift - self.volatility**2 / 2) * draw.step
        return from_gains(self.price, gains)
