"""Moments of the price processes on drawn paths, each against its own formula."""

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.market.paths import drawn_paths
from simulator.market.processes import Process, draw_alone
from simulator.market.processes.diffusion import Constant, Gbm
from simulator.market.processes.heston import Bates, Heston
from simulator.market.processes.jumps import Merton
from simulator.market.processes.peg import Peg
from simulator.market.processes.replay import Replay
from simulator.market.processes.yields import YieldBearing
from simulator.streams import Streams
from simulator.units import YEAR_SECONDS
from simulator.validation.law import Measured, add_law, by_mean

Floats = NDArray[np.float64]
_SEED = 12
_CAP: Final = 0.06  # of the value for three standard errors: 2 % for one
_HOUR = 3600.0


def moment(name: str, statement: str, source: str, measure: Callable[[], Measured]) -> None:
    """Add a law of the family."""
    add_law(f"moments/{name}", statement, source, measure)


def hours(count: int, every: int = 1) -> Floats:
    """Times [s] of the hours from 0 to `count`."""
    return np.arange(0, count + 1, every, dtype=np.float64) * _HOUR


def hourly_gains(process: Process, paths: int, count: int, seed: int = _SEED) -> Floats:
    """Gains of the log price, shape (paths, hours)."""
    return np.diff(np.log(draw_alone(process, hours(count), paths, seed)), axis=1)


def _final(process: Process, years: float, steps: int, paths: int) -> Floats:
    return draw_alone(process, np.linspace(0, years * YEAR_SECONDS, steps + 1), paths, _SEED)[:, -1]


# ---------------------------------------------------------------------- diffusion and jumps

_GBM = Gbm(price=100.0, drift=1.5, volatility=0.8)
_MERTON = Merton(price=100.0, drift=0.4, volatility=0.5, jump_rate=8760.0, jump_mean=-0.01, jump_deviation=0.02)


def _gbm_growth() -> Measured:
    return by_mean(100 * math.exp(1.5), _final(_GBM, 1.0, 10, 400_000), _CAP)


def _gbm_variance() -> Measured:
    gains = hourly_gains(_GBM, 2000, 100) - (_GBM.drift - _GBM.volatility**2 / 2) / 8760
    return by_mean(_GBM.volatility**2 / 8760, (gains**2).ravel(), _CAP)


def _merton_variance() -> Measured:
    m, d, rate = _MERTON.jump_mean, _MERTON.jump_deviation, _MERTON.jump_rate
    mean = (_MERTON.drift - _MERTON.volatility**2 / 2 - _MERTON.compensator + rate * m) / 8760
    gains = hourly_gains(_MERTON, 2000, 100) - mean
    return by_mean((_MERTON.volatility**2 + rate * (m**2 + d**2)) / 8760, (gains**2).ravel(), _CAP)


def _merton_skew() -> Measured:
    m, d, rate = _MERTON.jump_mean, _MERTON.jump_deviation, _MERTON.jump_rate
    mean = (_MERTON.drift - _MERTON.volatility**2 / 2 - _MERTON.compensator + rate * m) / 8760
    gains = hourly_gains(_MERTON, 10_000, 200) - mean
    return by_mean(rate * (m**3 + 3 * m * d**2) / 8760, (gains**3).ravel(), _CAP)


def _merton_growth() -> Measured:
    return by_mean(100 * math.exp(0.4 / 12), _final(_MERTON, 1 / 12, 20, 200_000), _CAP)


# ---------------------------------------------------------------------- stochastic volatility

_HESTON = Heston(
    price=100.0, drift=0.5, volatility=0.5, long_run_volatility=0.9, reversion=20.0, vol_of_vol=4.0, leverage=-0.6
)
_BATES = Bates(
    price=100.0,
    drift=0.5,
    volatility=0.5,
    long_run_volatility=0.9,
    reversion=20.0,
    vol_of_vol=4.0,
    jump_rate=100.0,
    jump_mean=-0.03,
    jump_deviation=0.03,
)


def _heston_growth() -> Measured:
    return by_mean(100 * math.exp(0.5 / 4), _final(_HESTON, 0.25, 500, 40_000), _CAP)


def mean_variance(model: Heston, years: float) -> float:
    """E of the variance integrated over `years`: theta T + (v0 - theta)(1 - e^-kT) / k."""
    theta, kappa = model.long_run_volatility**2, model.reversion
    return theta * years + (model.volatility**2 - theta) * -math.expm1(-kappa * years) / kappa


def _quadratic_variation(model: Heston, jumps: float) -> Measured:
    """Squared hourly gains of 30 days, summed; what the drift adds to them is some millionths of the value."""
    gains = hourly_gains(model, 4000, 720)
    return by_mean(mean_variance(model, 720 / 8760) + jumps * 720 / 8760, np.sum(gains**2, axis=1), _CAP)


def _heston_clustering() -> Measured:
    """Covariance of squared gains a day apart: sigma² theta e^-k lag / 2k, averaged over both hours."""
    model = Heston(
        price=1.0, volatility=0.9, long_run_volatility=0.9, reversion=200.0, vol_of_vol=15.0, variance_minutes=60
    )
    theta, lag, hour = 0.81, 24, model.reversion / 8760
    # From hour 200 on the variance is in its long run: what is left of its start is e^-9.
    squares = hourly_gains(model, 20_000, 400)[:, 200:] ** 2 * 8760
    within = (-math.expm1(-hour) / hour) ** 2 * math.exp(-hour * (lag - 1))
    expected = model.vol_of_vol**2 * theta / (2 * model.reversion) * within
    products = np.mean((squares[:, :-lag] - theta) * (squares[:, lag:] - theta), axis=1)
    return by_mean(expected, products, _CAP)


# ---------------------------------------------------------------------- pegs, yields, records

_PEG = Peg(price=1.0, half_life_hours=6.0, deviation=0.004)
_DEPEG = Peg(deviation=0.0, depeg_rate=876.0, depeg_mean=-0.02, depeg_deviation=0.01, depeg_half_life_hours=12.0)
_DEPEG_HOUR = 400  # the shot noise has settled: 33 half-lives


def _peg_variance() -> Measured:
    gaps = np.log(draw_alone(_PEG, hours(100), 20_000, _SEED)[:, -1])
    return by_mean(_PEG.deviation**2 * (1 - 0.5 ** (2 * 100 / 6)), gaps**2, _CAP)


def _peg_memory() -> Measured:
    gaps = np.log(draw_alone(_PEG, hours(106), 40_000, _SEED))
    return by_mean(0.5, gaps[:, 100] * gaps[:, 106] / _PEG.deviation**2, _CAP)


def _depeg(power: int) -> Measured:
    gaps = np.log(draw_alone(_DEPEG, hours(_DEPEG_HOUR), 20_000, _SEED)[:, -1])
    rate, keep = _DEPEG.depeg_rate / 8760, 0.5 ** (1 / _DEPEG.depeg_half_life_hours)
    # Campbell's theorem, with all jumps of an hour at its end.
    mean = rate * _DEPEG.depeg_mean / (1 - keep)
    if power == 1:
        return by_mean(mean, gaps, _CAP)
    variance = rate * (_DEPEG.depeg_mean**2 + _DEPEG.depeg_deviation**2) / (1 - keep**2)
    return by_mean(variance, (gaps - mean) ** 2, _CAP)


def _yield(part: str) -> Measured:
    token = YieldBearing(of="ETH", exchange_rate=1.1, growth=0.05, deviation=0.004, half_life_hours=6.0)
    processes: dict[str, Process] = {"ETH": Gbm(price=2000.0), "TOKEN": token}
    paths = drawn_paths(processes, hours(8760, 12), Streams(_SEED), paths=10_000)
    worth = paths["TOKEN"][:, -1] / paths["ETH"][:, -1]
    if part == "mean":
        return by_mean(1.1 * 1.05 * math.exp(0.004**2 / 2), worth, _CAP)
    return by_mean(0.004**2, np.log(worth / (1.1 * 1.05)) ** 2, _CAP)


def _bridge() -> Measured:
    record = Replay(knots=((0.0, 100.0), (10.0, 80.0)), bridge_volatility=0.8)
    path = draw_alone(record, hours(10), 40_000, _SEED)[:, 3]
    gap = np.log(path / (100 * 0.8**0.3))
    return by_mean(0.8**2 * 10 / 8760 * 0.3 * 0.7, gap**2, _CAP)


def _constant() -> Measured:
    path = draw_alone(Constant(price=3.0), hours(1000))
    return Measured(3.0, float(path.mean()), 0.0)


_FORMULA = "formula of the process"
moment("constant", "A constant price is its own mean.", _FORMULA, _constant)
moment("gbm-growth", "The expected price grows by e^(drift T).", _FORMULA, _gbm_growth)
moment("gbm", "Hourly log gains have variance volatility² dt.", _FORMULA, _gbm_variance)
moment("merton-growth", "The expected price grows by e^(drift T), jumps included.", "Merton 1976", _merton_growth)
moment("merton", "Log gains have variance (volatility² + rate (m² + d²)) dt.", "Merton 1976", _merton_variance)
moment("merton-skew", "Log gains have third central moment rate (m³ + 3 m d²) dt.", "Merton 1976", _merton_skew)
moment(
    "heston-growth", "The expected price grows by e^(drift T).", "Andersen 2008, martingale correction", _heston_growth
)
moment(
    "heston",
    "A month's squared hourly gains sum to the mean integrated variance on its way to the long run.",
    "Cox, Ingersoll and Ross 1985",
    lambda: _quadratic_variation(_HESTON, 0.0),
)
moment(
    "heston-clustering",
    "Squared hourly gains a day apart have the covariance of a square-root variance in its long run.",
    "Cox, Ingersoll and Ross 1985",
    _heston_clustering,
)
moment(
    "bates",
    "A month's squared hourly gains sum to Heston's integrated variance and the jumps' rate (m² + d²) T.",
    "Bates 1996",
    lambda: _quadratic_variation(_BATES, 100.0 * (0.03**2 + 0.03**2)),
)
moment("peg", "The log gap of a peg has its long-run variance.", "Ornstein and Uhlenbeck 1930", _peg_variance)
moment("peg-memory", "Half of a gap is left after a half-life.", "Ornstein and Uhlenbeck 1930", _peg_memory)
moment("depeg-mean", "Healing jumps have the mean of shot noise.", "Campbell 1909", lambda: _depeg(1))
moment("depeg-variance", "Healing jumps have the variance of shot noise.", "Campbell 1909", lambda: _depeg(2))
moment("yield-bearing", "A token's worth in its asset grows by compound interest.", _FORMULA, lambda: _yield("mean"))
moment(
    "yield-bearing-variance", "A token's log discount has its long-run variance.", _FORMULA, lambda: _yield("variance")
)
moment("replay", "Between knots the log price has variance volatility² T s (1 - s).", "Brownian bridge", _bridge)
