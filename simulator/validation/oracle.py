"""Laws of price feeds, measured on the running world: its market, its reporter, its blocks and the feed in them."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.results import RunResult, run_scenario
from simulator.scenario.build import build
from simulator.scenario.files import Source
from simulator.scenario.models import Scenario
from simulator.units import YEAR_SECONDS
from simulator.validation.law import Measured, law

Floats = NDArray[np.float64]

_OVERSHOOT = 0.5826  # -zeta(1/2) / sqrt(2 pi)
_REPORTS = 5_000  # expected: the standard error of their count is 1.2 %
_DECIMAL = 1e-8  # [usd] of the feed's answers


class Feed(NamedTuple):
    """A feed without heartbeat on a geometric Brownian motion of zero log drift."""

    deviation: float
    volatility: float  # a year
    step: int  # [s] between blocks
    latency: float = 0.0  # [s]

    def scenario(self, hours: float, oracle: Mapping[str, Any] | None = None) -> Scenario:
        """The feed, its market and nothing else; `oracle` are more keys of the feed."""
        market = {
            "process": "gbm",
            "price": 2000.0,
            "volatility": self.volatility,
            "drift": self.volatility**2 / 2,  # `drift` is of the expected price
        }
        feed = {"heartbeat_seconds": 0, "deviation": self.deviation, "latency_seconds": self.latency}
        data = {
            "world": {"hours": hours, "sample_minutes": 60.0},
            "chain": {"block_seconds": self.step},
            "market": {"ETH": market},
            "oracle": {"ETH": {**feed, **(oracle or {})}},
        }
        scenario, problems = build("feed", (Source(Path("feed.toml"), data),), data, {})
        if scenario is None:
            raise problems[0].error("feed.toml")
        return scenario

    @property
    def reports_a_second(self) -> float:
        """σ²/(d + .5826 σ√Δ)², σ and Δ in seconds."""
        variance = self.volatility**2 / YEAR_SECONDS
        return variance / (self.deviation + _OVERSHOOT * math.sqrt(variance * self.step)) ** 2


@law(
    "oracle/count",
    "Siegmund, Sequential Analysis (1985), chapter 10: expected exit time of a random walk, overshoot -ζ(1/2)/√(2π)",
)
def count() -> Measured:
    """A feed with deviation d, seen at steps Δ of a Brownian price, is written T σ²/(d + .5826 σ√Δ)² times."""
    return reports_of(Feed(deviation=0.005, volatility=0.9, step=60), seed=1)


def reports_of(feed: Feed, seed: int) -> Measured:
    """How many reports are in blocks, beside how many there should be."""
    hours = _REPORTS / feed.reports_a_second / 3600
    sent = run_scenario(feed.scenario(hours), seed=seed, gas="fast").transactions
    expected = round(hours * 3600 / feed.step) * feed.step * feed.reports_a_second
    return Measured(expected, float((sent["status"] == "included").sum()), 0.05 * expected)


_FEEDS = (  # thresholds well below and above a step's move, latencies of no, a part of, one and many steps
    Feed(0.001, 0.8, 12),
    Feed(0.005, 0.8, 12, 12.0),
    Feed(0.002, 1.5, 12, 100.0),
    Feed(0.01, 3.0, 60, 7.5),
    Feed(0.02, 1.0, 300, 1500.0),
    Feed(0.0005, 1.0, 2, 31.0),
)


@law("oracle/gap", "by the rules of deviation, latency and block building: a report is in the block after it was sent")
def gap() -> Measured:
    """Blocks at which a feed is further from the market than its deviation plus the largest move of the market within
    the latency and one step before: none, over several thresholds, latencies and steps."""
    broken = 0
    for seed, feed in enumerate(_FEEDS, start=1):
        broken += len(too_far(run_scenario(feed.scenario(3000 * feed.step / 3600), seed=seed, gas="fast"), feed))
    return Measured(0.0, float(broken), 0.0)


def too_far(result: RunResult, feed: Feed) -> Floats:
    """By how much [usd] the gap of each block that breaks the bound is too wide.

    In dollars, d being a share of the feed's answer: |S - A| <= d A + max |S(t) - S(u)| over t - latency - Δ <= u <= t.
    """
    prices = result.prices
    market, answer = prices["market"].to_numpy(float), prices["oracle"].to_numpy(float)
    excess: Floats = np.abs(market - answer) - feed.deviation * answer - largest_move(market, feed) - _DECIMAL
    return np.asarray(excess[excess > 0])


def largest_move(market: Floats, feed: Feed) -> Floats:
    """From any step within latency and one step before each one to it [usd]."""
    steps = math.floor(feed.latency / feed.step) + 1
    moves = np.zeros(len(market))
    for back in range(1, steps + 1):
        moves[back:] = np.maximum(moves[back:], np.abs(market[back:] - market[:-back]))
    return moves
