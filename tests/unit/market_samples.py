"""Markets for tests: a given path as an asset, and worlds of one asset."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from simulator.market import ImpactSettings, Market
from simulator.streams import Streams

STEP = 13.0  # [s]


class Given:
    """A process that is known beforehand."""

    def __init__(self, prices: Sequence[float]) -> None:
        self.prices = np.asarray(prices, dtype=float)

    needs = ()

    def paths(self, draw: Any) -> Any:
        return self.prices[None, : len(draw.times)]

    def exchange_rates(self, times: Any) -> None:
        return None


def asset(process: Any, impact: ImpactSettings | None = None) -> Any:
    return SimpleNamespace(settings=process, impact=impact, funding=None, implied_volatility=None)


def grid(steps: int, seconds: float = STEP) -> Any:
    return np.arange(steps + 1) * seconds


def market_of(prices: Sequence[float], impact: ImpactSettings | None = None) -> Market:
    """A market of ETH along given prices, one a step."""
    return Market({"ETH": asset(Given(prices), impact)}, grid(len(prices) - 1), Streams(1))


def flat_market(impact: ImpactSettings | None, steps: int = 50, price: float = 100.0) -> Market:
    """A market of ETH whose exogenous price stands still."""
    return market_of([price] * (steps + 1), impact)
