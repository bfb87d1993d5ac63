"""The gas of 12 March 2020 from its ether prices, and what it takes to get it."""

import math

import numpy as np
import pytest
from laws import verdict
from market_records import market_record

from simulator.market.backlog import Swing
from simulator.market.demand import DemandSettings
from simulator.validation import gas


@pytest.fixture
def day():
    return gas.recorded_day(market_record(gas.RECORD))


@pytest.mark.parametrize("name", ["gas/12-march-2020-shape", "gas/12-march-2020-level"])
def test_generated_gas_is_that_of_the_record(name):
    assert verdict(name).verdict == "holds"


def best_power(day, memory_minutes: float) -> np.ndarray:
    """The hourly gas that is a power of the realised volatility, with the best factor and exponent in hindsight."""
    hours = np.array([hour for hour, _ in day.knots]) * 3600
    logs = np.log([price for _, price in day.knots])
    path = np.exp(np.interp(np.arange(0, 86_400, 60), hours, logs))
    swing = Swing(float(path[0]), memory_minutes * 60, 0.6)
    volatility = np.array([swing.see(price, 60) for price in path.tolist()]).reshape(24, -1).mean(axis=1)
    fit = np.polyfit(np.log(volatility), np.log(day.gas_gwei), 1)
    return np.exp(np.polyval(fit, np.log(volatility)))


def test_the_same_volatility_without_a_backlog_does_not_tell_the_day(day):
    memoryless = best_power(day, 30)
    assert gas.log_error(memoryless, day.gas_gwei) > 0.6
    assert gas.rank_correlation(memoryless, day.gas_gwei) < 0.75


def test_declared_demand_at_the_calm_price_misses_the_law(day):
    flat = gas.generated(day, DemandSettings(gas_price_gwei=float(np.mean(day.gas_gwei)), load=0.9), 1)
    assert gas.log_error(flat, day.gas_gwei) > 0.9


def test_the_record_is_read_hour_by_hour(day):
    assert len(day.knots) == 4 * 144 // 4 * 3 + 1
    assert day.knots[0] == (0.0, 195.21)
    assert day.knots[-1] == (24.0, 107.52)
    assert day.gas_gwei.shape == (24,)
    assert day.gas_gwei[0] == pytest.approx(10.0, abs=0.05)
    assert math.isclose(day.gas_gwei.max(), 196.0, abs_tol=0.1)


def test_a_block_takes_the_dearest_first_and_part_of_the_last():
    from simulator.chain.types import Virtual

    half = gas.GAS_LIMIT // 2
    assert gas.filled([Virtual(half, 3), Virtual(half, 9), Virtual(half, 5)]) == (gas.GAS_LIMIT, 14 * half)
    assert gas.filled([Virtual(half, 3)]) == (half, 3 * half)
    assert gas.filled([]) == (0, 0)
