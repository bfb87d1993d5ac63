"""The shipped storm's weather against the record of 12 March 2020, where that record is at hand."""

import csv
import math
from statistics import median

import numpy as np
import pytest
from market_records import market_record
from scipy.stats import norm

from simulator import load


def record(name: str) -> list[dict[str, str]]:
    """The rows of a file of market data."""
    with market_record(name).open(newline="") as file:
        return list(csv.DictReader(file))


def spread_of_mined(row: dict[str, str], load_of_block: float) -> float:
    """The lognormal sd of wanted prices whose dearest 1/load spans the 30th to 90th percentile of mined ones."""
    low, high = (norm.ppf(1 - (1 - share) / load_of_block) for share in (0.3, 0.9))
    return float(math.log(float(row["gas_p90_gwei"]) / float(row["gas_p30_gwei"])) / (high - low))


def test_the_spread_of_mined_prices_in_the_crash_is_the_price_sigma_of_the_storm():
    crash = record("2020-03-12_eth_gas_10m.csv")[12 * 6 : 18 * 6]
    demand = load("black-thursday").chain.demand
    loads = np.interp(np.arange(72, 108) / 6, *zip(*demand.load, strict=True))
    implied = [spread_of_mined(row, load_of_block) for row, load_of_block in zip(crash, loads, strict=True)]
    assert demand.price_sigma == pytest.approx(median(implied), abs=0.05)
    # One lognormal is a simplification: the upper tail of the record is fatter than its middle.
    above = [math.log(float(row["gas_p90_gwei"]) / float(row["gas_p60_gwei"])) for row in crash]
    below = [math.log(float(row["gas_p60_gwei"]) / float(row["gas_p30_gwei"])) for row in crash]
    assert median(above) > median(below)


def test_the_gas_of_the_storm_is_that_of_the_record():
    rows = record("2020-03-12_eth_gas_10m.csv")
    recorded = np.array([float(row["gas_avg_gwei"]) for row in rows])
    stated = np.interp(
        (np.arange(144) + 0.5) / 6, *zip(*load("black-thursday").chain.demand.gas_price_gwei, strict=True)
    )
    assert stated.mean() == pytest.approx(recorded.mean(), rel=0.05)
    assert np.corrcoef(stated, recorded)[0, 1] > 0.9


def test_the_prices_of_the_storm_stay_within_the_record_and_touch_its_low():
    hours = [row for row in record("2020-03_black_thursday_1h.csv") if row["time_utc"] >= "2020-03-12T00"]
    knots = load("black-thursday").market["ETH"].settings.knots
    for hour, price in knots:
        row = hours[min(int(hour), 29)]
        rounding = 0.06
        assert float(row["eth_low"]) - rounding <= price <= float(row["eth_high"]) + rounding, hour
    assert min(price for _, price in knots) == min(float(row["eth_low"]) for row in hours[:30]) == 86.0
