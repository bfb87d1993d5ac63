"""Laws on processes with memory: GARCH, regimes, Hawkes jumps and the bootstrap, each against its own formula."""

import tempfile
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from simulator.market.history import read_history
from simulator.market.processes.base import Draw, draw_alone
from simulator.market.processes.bootstrap import Bootstrap
from simulator.market.processes.garch import Garch
from simulator.market.processes.hawkes import Hawkes, Jumps
from simulator.market.processes.regimes import Regimes
from simulator.streams import Streams
from simulator.units import YEAR_SECONDS
from simulator.validation.law import Measured, add_law, by_mean, law

Floats = NDArray[np.float64]

_CAP = 0.06  # 3 standard errors, each at most 2 % of the value
_HOUR, _DAY = 3600.0, 86_400.0
_BURN = 200  # bars until a variance that began at its mean has its own law


def _gains(paths: Floats) -> Floats:
    return np.asarray(np.diff(np.log(paths), axis=1))


def _grid(steps: int, seconds: float) -> Floats:
    return np.arange(steps + 1, dtype=np.float64) * seconds


# ----------------------------------------------------------------------------------------------------------- GARCH

_ALPHA, _BETA, _GAMMA = 0.1, 0.8, 0.08
_ASYMMETRIC = Garch(price=1.0, alpha=0.06, beta=_BETA, gamma=_GAMMA, degrees_of_freedom=6, bar_minutes=60)
_MILD = Garch(price=1.0, alpha=_ALPHA, beta=_BETA, degrees_of_freedom=30, bar_minutes=60)
_BOLLERSLEV = "Bollerslev (1986), Journal of Econometrics 31"


@law("moments/garch", "Glosten, Jagannathan and Runkle (1993): omega / (1 - alpha - beta - gamma / 2)")
def _garch_variance() -> Measured:
    """An asymmetric GARCH has its long-run variance in every bar."""
    expected = _ASYMMETRIC.long_run_volatility**2 * _HOUR / YEAR_SECONDS
    return by_mean(expected, np.mean(_gains(draw_alone(_ASYMMETRIC, _grid(500, _HOUR), 3000)) ** 2, axis=1), _CAP)


@law("moments/garch-within-bars", "the Brownian bridge: a step's variance is its share of the bar's")
def _garch_within_bars() -> Measured:
    """On a grid that divides a bar in 18 steps, and the bar not evenly, each step has its share of the variance."""
    expected = _ASYMMETRIC.long_run_volatility**2 * 210.0 / YEAR_SECONDS
    return by_mean(expected, np.mean(_gains(draw_alone(_ASYMMETRIC, _grid(600, 210.0), 3000)) ** 2, axis=1), _CAP)


def _garch_squares() -> tuple[Floats, float]:
    """Squared gains of hours over their long-run mean, and E[z⁴] of an innovation."""
    freedom = _MILD.degrees_of_freedom
    gains = _gains(draw_alone(_MILD, _grid(_BURN + 1000, _HOUR), 3000))[:, _BURN:]
    return gains**2 / (_MILD.long_run_volatility**2 * _HOUR / YEAR_SECONDS), 3 * (freedom - 2) / (freedom - 4)


def _garch_kurtosis_formula(fourth: float) -> float:
    kept = _ALPHA + _BETA
    return fourth * (1 - kept**2) / (1 - _BETA**2 - 2 * _ALPHA * _BETA - fourth * _ALPHA**2)


@law("moments/garch-kurtosis", f"{_BOLLERSLEV}, with the fourth moment of a t of 30 degrees of freedom")
def _garch_kurtosis() -> Measured:
    """Gains of a GARCH have more kurtosis than its innovations, by its formula."""
    squares, fourth = _garch_squares()
    return by_mean(_garch_kurtosis_formula(fourth), np.mean(squares**2, axis=1), _CAP)


def _garch_autocorrelation(lag: int) -> Measured:
    squares, fourth = _garch_squares()
    first = _ALPHA * (1 - _ALPHA * _BETA - _BETA**2) / (1 - 2 * _ALPHA * _BETA - _BETA**2)
    variance = _garch_kurtosis_formula(fourth) - 1
    together = np.mean((squares[:, :-lag] - 1) * (squares[:, lag:] - 1), axis=1)
    return by_mean(first * (_ALPHA + _BETA) ** (lag - 1), together / variance, _CAP)


for _lag in (1, 5):
    add_law(
        f"moments/garch-autocorrelation-{_lag}",
        f"Squared gains of a GARCH are autocorrelated at lag {_lag} by its formula.",
        _BOLLERSLEV,
        partial(_garch_autocorrelation, _lag),
    )


@law("moments/garch-tail", "Student's t of 3.2 degrees of freedom, the tail of ETH's daily gains")
def _garch_tail() -> Measured:
    """Innovations leave 5 standard deviations as often as a t of their degrees of freedom."""
    freedom = 3.2
    model = Garch(price=1.0, alpha=0, beta=0, degrees_of_freedom=freedom)
    far = 5 * model.long_run_volatility * np.sqrt(_HOUR / YEAR_SECONDS)
    expected = 2 * float(stdtr(freedom, -5 / np.sqrt((freedom - 2) / freedom)))
    return by_mean(expected, np.mean(np.abs(_gains(draw_alone(model, _grid(1000, _HOUR), 3000))) > far, axis=1), _CAP)


# --------------------------------------------------------------------------------------------------------- regimes

_VOLATILITIES, _MEAN_DAYS = (0.28, 0.76, 1.58), (6.0, 10.0, 4.0)
_TRANSITIONS = ((0.0, 0.9, 0.1), (0.7, 0.0, 0.3), (0.2, 0.8, 0.0))


def _chain_shares() -> Floats:
    """Shares of time: what flows into a regime flows out."""
    rates = np.array(_TRANSITIONS) / np.array(_MEAN_DAYS)[:, None]
    rates -= np.diag(rates.sum(axis=1))
    values, vectors = np.linalg.eig(rates.T)
    found = np.real(vectors[:, np.argmin(np.abs(values))])
    return np.asarray(found / found.sum())


@law("moments/regimes", "variances of the regimes weighed with their shares of time")
def _regimes_variance() -> Measured:
    """Daily gains of a chain that is in balance have the mean of its variances."""
    variances = np.square(_VOLATILITIES)
    model = Regimes(
        price=1.0,
        volatilities=_VOLATILITIES,
        drifts=tuple(variances / 2),  # no drift of the logarithm
        mean_days=_MEAN_DAYS,
        transitions=_TRANSITIONS,
    )
    gains = _gains(draw_alone(model, _grid(500, _DAY), 4000))
    return by_mean(float(_chain_shares() @ variances) / 365, np.mean(gains**2, axis=1), _CAP)


def _regimes_time(regime: int) -> Measured:
    # Without volatility, with drift in one regime only, the price tells how long it was in it.
    drifts = tuple(float(each == regime) for each in range(3))
    model = Regimes(
        price=1.0, volatilities=(0, 0, 0), drifts=drifts, mean_days=_MEAN_DAYS, transitions=_TRANSITIONS, first=1
    )
    gains = _gains(draw_alone(model, _grid(2, 100 * 365 * _DAY), 1000))
    return by_mean(float(_chain_shares()[regime]), gains[:, 1] / 100, _CAP)


for _regime in range(3):
    add_law(
        f"moments/regimes-time-{_regime + 1}",
        f"A chain is in its regime {_regime + 1} of 3 for its share of time.",
        "the balance of flows in a Markov chain",
        partial(_regimes_time, _regime),
    )


@law(
    "moments/regimes-persistence",
    "the telegraph process: 2 p q (a - 1 + e^-a) / a², a = time * sum of rates",
)
def _regimes_persistence() -> Measured:
    """The time spent in one of two regimes in 30 days varies by the formula, so switches come as they should."""
    days, stays = 30.0, (6.0, 14.0)
    model = Regimes(price=1.0, volatilities=(0, 0), drifts=(0, 1), mean_days=stays)
    share = _gains(draw_alone(model, _grid(1, days * _DAY), 60_000))[:, 0] * 365 / days
    q = stays[1] / sum(stays)
    a = days * sum(1 / stay for stay in stays)
    return by_mean(2 * q * (1 - q) * (a - 1 + np.exp(-a)) / a**2, (share - q) ** 2, _CAP)


# ---------------------------------------------------------------------------------------------------------- Hawkes

_BRANCHING, _RATE = 0.5, 150.0
_EXCITED = Hawkes(
    price=1.0,
    jump_rate=_RATE,
    branching=_BRANCHING,
    half_life_hours=1.0,
    excess_rate=_RATE * _BRANCHING / (1 - _BRANCHING),  # so that the mean rate is the long-run one from the start
)


def _jump_counts(paths: int, steps: int, days: float) -> Floats:
    """Jumps in each step of some days, shape (paths, steps)."""
    streams = Streams(0)
    draw = Draw(_grid(steps, days * _DAY), 0.0, Path(), np.zeros((paths, steps)), streams.generator, _none)
    return Jumps(_EXCITED, draw).summed()


def _none(asset: str) -> Floats:
    raise ValueError(asset)


@law("moments/hawkes", "Hawkes (1971), Biometrika 58: base rate / (1 - branching)")
def _hawkes_rate() -> Measured:
    """Jumps come at the base rate over one less the branching ratio, the first days included."""
    return by_mean(_RATE / (1 - _BRANCHING), np.mean(_jump_counts(4000, 30, 1.0), axis=1) * 365, _CAP)


@law("moments/hawkes-dispersion", "Hawkes (1971): variance over mean of long counts is 1 / (1 - branching)²")
def _hawkes_dispersion() -> Measured:
    """Counts of 60 days, 700 times what excitement lasts, are overdispersed by the formula."""
    days, paths = 60.0, 20_000
    counts = _jump_counts(paths, 2, days)[:, 1]
    mean = _RATE / (1 - _BRANCHING) * days / 365
    return by_mean(1 / (1 - _BRANCHING) ** 2, (counts - mean) ** 2 / mean, _CAP)


@law(
    "moments/hawkes-growth",
    "jumps less the integral of their rate are a martingale",
)
def _hawkes_growth() -> Measured:
    """The expected price grows by the drift although falls bring on falls."""
    model = Hawkes(price=1.0, drift=0.4, jump_rate=100.0, branching=0.8, jump_mean=-0.03, jump_deviation=0.04)
    return by_mean(float(np.exp(0.4 / 4)), draw_alone(model, _grid(50, YEAR_SECONDS / 200), 40_000)[:, -1], _CAP)


# ------------------------------------------------------------------------------------------------------- bootstrap

_MEAN_BLOCK = 8.0
_POLITIS = "Politis and Romano (1994), Journal of the American Statistical Association 89"


def _resampled() -> tuple[Floats, Floats]:
    """A made-up record of autocorrelated gains, and gains of its bootstrap, both over the record's own deviation."""
    noise = Streams(1).generator("record").standard_normal(400)
    for bar in range(1, len(noise)):
        noise[bar] += 0.8 * noise[bar - 1]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "record.csv")
        start = datetime(2020, 1, 1, tzinfo=UTC)
        prices = 100 * np.exp(np.cumsum(0.01 * noise))
        rows = (f"{(start + timedelta(hours=hour)).isoformat()},{price}" for hour, price in enumerate(prices))
        file.write_text("\n".join(["time_utc,price", *rows]) + "\n", encoding="utf-8")
        record = read_history(file, "price").gains
        model = Bootstrap(price=1.0, csv=file.name, mean_block=_MEAN_BLOCK)
        gains = _gains(draw_alone(model, _grid(500, _HOUR), 3000, folder=file.parent))
    mean, deviation = np.mean(record), np.std(record)
    return (record - mean) / deviation, (gains - mean) / deviation


@law("moments/bootstrap", f"{_POLITIS}: each bar is a row drawn uniformly")
def _bootstrap_variance() -> Measured:
    """Resampled gains have the record's variance."""
    return by_mean(1.0, np.mean(_resampled()[1] ** 2, axis=1), _CAP)


def _bootstrap_autocorrelation(lag: int) -> Measured:
    record, gains = _resampled()
    around_the_end = float(np.mean(record * np.roll(record, -lag)))
    expected = (1 - 1 / _MEAN_BLOCK) ** lag * around_the_end
    return by_mean(expected, np.mean(gains[:, :-lag] * gains[:, lag:], axis=1), _CAP)


for _lag in (1, 4):
    add_law(
        f"moments/bootstrap-autocorrelation-{_lag}",
        f"Autocorrelation at lag {_lag} is the record's times the chance that {_lag} more rows are of one block.",
        f"{_POLITIS}: (1 - p)^lag of the circular sample's",
        partial(_bootstrap_autocorrelation, _lag),
    )
