"""Laws of funding: the venue's rule for a rate, and the premium's process against its own formulas."""

import csv
import math
from itertools import pairwise

import numpy as np

from simulator.market.funding import (
    Floats,
    FundingSettings,
    StressedFunding,
    hourly_rate,
    interval_averages,
    premium_path,
)
from simulator.streams import Streams
from simulator.validation.law import Measured, by_mean, law
from simulator.validation.market_data import market_data

_HYPERLIQUID = "hyperliquid_eth_funding_premium_1h_2024_2025.csv"
_BINANCE = "funding_8h_binance_eth_btc_2022_2025.csv"
_ROUNDING = 5.1e-11  # of the published rates, which have ten decimals
_CAP = 0.06  # 3 SE with SE at most 2 % of the value
_HOUR = 3600.0
_FORMULA = "Ornstein-Uhlenbeck process, its long-run {}"
# Stress often enough to be seen a thousand times, with noise of its own.
_REGIMES = FundingSettings(
    mean=0.0002, deviation=0.0004, stressed=StressedFunding(every_hours=40, lasting_hours=10, half_life_hours=3)
)


def _column(name: str, column: str) -> Floats:
    with market_data(name).open(newline="", encoding="utf-8") as file:
        return np.array([float(row[column]) for row in csv.DictReader(file)])


def _deviations() -> Floats:
    return np.abs(hourly_rate(_column(_HYPERLIQUID, "premium")) - _column(_HYPERLIQUID, "funding_rate"))


@law("funding", "Hyperliquid's premia and rates of ETH, 2024 and 2025; rate = (P + clamp(r - P, ±0.0005)) / 8")
def largest_deviation() -> Measured:
    """The hourly rate that follows from a premium at an interest of 0.0001 is the published one, up to its rounding."""
    return Measured(0.0, float(_deviations().max()), _ROUNDING)


@law("funding/hours", "Hyperliquid's premia and rates of ETH, 2024 and 2025")
def hours_that_agree() -> Measured:
    """So it is in every hour of the record."""
    return Measured(12_192, int((_deviations() <= _ROUNDING).sum()), 0)


@law("funding/memory", "Binance's 8-hour funding rates of ETH, 2022 to 2025")
def memory_of_rates() -> Measured:
    """With default settings, 8-hour rates have the autocorrelation of the recorded ones."""
    recorded = _column(_BINANCE, "eth_funding_8h")
    settings = FundingSettings(interval_hours=8)
    premium, times = _premium(settings, 0.5, 400_000)
    rates = hourly_rate(interval_averages(premium, times, 8 * _HOUR)[16::16])
    return Measured(_autocorrelation(recorded), _autocorrelation(rates), 0.02)


@law("moments/funding-premium", _FORMULA.format("mean"))
def mean_premium() -> Measured:
    """The premium's mean is the one set."""
    settings = FundingSettings()
    premium, _ = _premium(settings, 10 * settings.half_life_hours, 1_000_000)
    return by_mean(settings.mean, premium, _CAP)


@law("moments/funding-deviation", _FORMULA.format("variance"))
def variance_of_premium() -> Measured:
    """The premium's variance is the one set."""
    settings = FundingSettings()
    premium, _ = _premium(settings, 10 * settings.half_life_hours, 200_000)
    return by_mean(settings.deviation**2, (premium - settings.mean) ** 2, _CAP)


@law("moments/funding-autocorrelation", _FORMULA.format("autocorrelation, 2^(-lag / half-life)"))
def autocorrelation_of_premium() -> Measured:
    """Eight hours later, the part 2^(-8 / half-life) of the premium is left."""
    settings = FundingSettings()
    premium, _ = _premium(settings, 8.0, 1_000_000)
    gaps = (premium - settings.mean) / settings.deviation
    return by_mean(2 ** (-8 / settings.half_life_hours), _batches(gaps[1:] * gaps[:-1]), _CAP)


@law("moments/funding-stress", "mean of a process that approaches a two-state Markov chain: that of the chain")
def mean_with_stress() -> Measured:
    """With stress by chance, the premium's mean is that of the regimes by the time each takes."""
    share, other = _share(), _stressed()
    expected = (1 - share) * _REGIMES.mean + share * other.mean
    premium, _ = _premium(_REGIMES, 4.0, 1_000_000)
    return by_mean(expected, _batches(premium), _CAP)


@law("moments/funding-stress-variance", "a two-state Markov chain through a linear filter, and two noises")
def variance_with_stress() -> Measured:
    """With stress by chance, the premium's variance is that of the filtered regimes and of both noises."""
    share, other = _share(), _stressed()
    mean = (1 - share) * _REGIMES.mean + share * other.mean
    approach = math.log(2) / other.half_life_hours
    switching = 1 / other.every_hours + 1 / other.lasting_hours
    regimes = (other.mean - _REGIMES.mean) ** 2 * share * (1 - share) * approach / (approach + switching)
    expected = _REGIMES.deviation**2 + share * other.deviation**2 + regimes
    premium, _ = _premium(_REGIMES, 4.0, 1_000_000)
    return by_mean(expected, _batches((premium - mean) ** 2), _CAP)


def _stressed() -> StressedFunding:
    assert _REGIMES.stressed is not None
    return _REGIMES.stressed


def _share() -> float:
    """Of time that is stressed."""
    other = _stressed()
    return other.lasting_hours / (other.lasting_hours + other.every_hours)


def _premium(settings: FundingSettings, hours: float, steps: int) -> tuple[Floats, Floats]:
    """The premium at times some hours apart, as a market draws it, and the times [s]."""
    times: Floats = hours * _HOUR * np.arange(steps + 1, dtype=np.float64)
    streams = Streams(20_240_101)
    draws = streams.generator("premium"), streams.generator("premium/stress")
    return premium_path(settings, times, np.zeros(len(times)), *draws), times


def _batches(values: Floats) -> Floats:
    """Means of stretches so long that they are nearly independent of one another."""
    edges = np.linspace(0, len(values), 1001).astype(int).tolist()
    return np.array([values[begin:end].mean() for begin, end in pairwise(edges)])


def _autocorrelation(values: Floats) -> float:
    return float(np.corrcoef(values[1:], values[:-1])[0, 1])
