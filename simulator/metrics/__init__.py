"""From the tables of a run to its named numbers. Each name is defined once, in the module of its subject."""

from simulator.metrics import activity, liquidation, options, perpetuals, price, probes, solvency, vault
from simulator.metrics.registry import METRICS, Metric, compute, describe

__all__ = [
    "METRICS", "Metric", "activity", "compute", "describe", "liquidation", "options", "perpetuals", "price", "probes",
    "solvency", "vault",
]  # fmt: skip
