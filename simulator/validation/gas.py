"""Gas prices of generated weather against the record of 12 March 2020, from that day's ether prices alone."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Final

import numpy as np
from scipy.stats import spearmanr

from simulator.chain.types import Virtual
from simulator.market import DemandSettings, Market, background_demand
from simulator.market.demand import BacklogSettings, Floats
from simulator.market.processes.replay import Replay
from simulator.streams import Streams
from simulator.validation.law import Measured, law
from simulator.validation.market_data import market_data

RECORD: Final = "2020-03-12_eth_gas_10m.csv"
SEEDS: Final = range(1, 11)
HOURS: Final = 24
# The chain of that day.
GAS_LIMIT: Final = 10_000_000
BLOCK_SECONDS: Final = 13
_SOURCE: Final = "record of 12 March 2020: 10-minute bars of the StableSims study, arXiv:2201.03519"

# What a scenario writes for this weather: the default backlog, and what it is the backlog of.
WEATHER: Final = DemandSettings(gas_price_gwei=10.0, load=0.9, price_sigma=0.35, backlog=BacklogSettings())


@dataclass(frozen=True)
class Day:
    """A day of 10-minute bars: [hour, price] of ether, and the mean price of mined gas [gwei] by hour."""

    knots: tuple[tuple[float, float], ...]
    gas_gwei: Floats


@dataclass(frozen=True)
class _OneAsset:
    settings: Replay
    impact: None = None
    funding: None = None
    implied_volatility: None = None


@cache
def recorded_day(path: Path) -> Day:
    """The record. In each bar the low comes first where it closed higher; only that order is assumed."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    knots: list[tuple[float, float]] = []
    for number, row in enumerate(rows):
        first, low, high, last = (float(row[f"eth_{name}"]) for name in ("open", "low", "high", "close"))
        between = (low, high) if last >= first else (high, low)
        knots += [((number + part / 3) / 6, price) for part, price in enumerate((first, *between))]
    knots.append((len(rows) / 6, float(rows[-1]["eth_close"])))
    gas = np.array([float(row["gas_avg_gwei"]) for row in rows])
    return Day(tuple(knots), gas.reshape(HOURS, -1).mean(axis=1))


def generated(day: Day, weather: DemandSettings, seed: int) -> Floats:
    """Mean price of mined gas [gwei] by hour, where the weather's demand has the blocks for itself."""
    steps = HOURS * 3600 // BLOCK_SECONDS
    times = np.arange(steps + 1, dtype=float) * BLOCK_SECONDS
    market = Market({"ETH": _OneAsset(Replay(knots=day.knots))}, times, Streams(seed))
    demand = background_demand(
        weather,
        Streams(seed),
        market.price,
        gas_limit=GAS_LIMIT,
        steps=steps,
        step_seconds=BLOCK_SECONDS,
        legacy=True,
    )
    mined, paid = np.zeros(HOURS), np.zeros(HOURS)
    for step in range(1, steps + 1):
        gas, wei = filled(demand.block(step, 0))
        hour = min(step * BLOCK_SECONDS // 3600, HOURS - 1)
        mined[hour] += gas
        paid[hour] += wei / 1e9
        demand.mined(gas)
        market.advance(step)
    return np.asarray(paid / mined)


def filled(candidates: Sequence[Virtual]) -> tuple[int, int]:
    """Gas of a block that takes the dearest first, and what it pays [wei]."""
    left, paid = GAS_LIMIT, 0
    for gas, tip in sorted(candidates, key=itemgetter(1), reverse=True):
        if gas >= left:
            return GAS_LIMIT, paid + left * tip
        left -= gas
        paid += gas * tip
    return GAS_LIMIT - left, paid


def log_error(gas: Floats, record: Floats) -> float:
    """Root mean square of the log of their ratio."""
    return float(np.sqrt(np.mean(np.log(gas / record) ** 2)))


def rank_correlation(gas: Floats, record: Floats) -> float:
    """Spearman's."""
    return float(spearmanr(gas, record).statistic)


@cache
def _runs(path: Path) -> Sequence[Floats]:
    return [generated(recorded_day(path), WEATHER, seed) for seed in SEEDS]


@law("gas/12-march-2020-shape", _SOURCE)
def shape() -> Measured:
    """Rank correlation of the hourly mean price of mined gas with the record, from that day's ether prices alone; mean
    over 10 seeds."""
    path = market_data(RECORD)
    record = recorded_day(path).gas_gwei
    return Measured(1.0, float(np.mean([rank_correlation(gas, record) for gas in _runs(path)])), 0.05)


@law("gas/12-march-2020-level", _SOURCE)
def level() -> Measured:
    """Root mean square log error of the hourly mean price of mined gas against the record, from that day's ether prices
    alone; mean over 10 seeds."""
    path = market_data(RECORD)
    record = recorded_day(path).gas_gwei
    return Measured(0.0, float(np.mean([log_error(gas, record) for gas in _runs(path)])), 0.3)
