"""Reference markets: price processes, impact and depth, funding and volatility, and the demand for block space."""

from simulator.market.block_space import background_demand
from simulator.market.demand import Demand, DemandSettings
from simulator.market.impact import Impact, ImpactSettings
from simulator.market.market import Market
from simulator.market.processes import PROCESSES, Process

__all__ = [
    "PROCESSES",
    "Demand",
    "DemandSettings",
    "Impact",
    "ImpactSettings",
    "Market",
    "Process",
    "background_demand",
]
