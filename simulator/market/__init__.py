"""Reference markets: price processes, impact and depth, funding and volatility, and the demand for block space."""

from simulator.market.demand import DemandSettings, GasDemand
from simulator.market.impact import Impact, ImpactSettings
from simulator.market.market import Market
from simulator.market.processes import PROCESSES, Process

__all__ = ["PROCESSES", "DemandSettings", "GasDemand", "Impact", "ImpactSettings", "Market", "Process"]
