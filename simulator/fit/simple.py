"""Fits in closed form: Brownian motion and a peg."""

import math

import numpy as np

from simulator.errors import ConfigError
from simulator.fit.fitted import Fitted, Sample


def fit_gbm(sample: Sample) -> Fitted:
    """Maximum likelihood of normal gains."""
    gains, bar = sample.gains, sample.bar
    variance, count = float(np.var(gains)), len(gains)
    volatility = math.sqrt(variance / bar)
    drift = float(np.mean(gains)) / bar + volatility**2 / 2
    return Fitted(
        "gbm",
        {"price": sample.last, "drift": drift, "volatility": volatility},
        {"drift": volatility / math.sqrt(count * bar), "volatility": volatility / math.sqrt(2 * count)},
        normal_log_likelihood(variance, count),
        ("assumed: gains are normal and independent; price is the last one of the file",),
    )


def fit_peg(sample: Sample) -> Fitted:
    """Ornstein-Uhlenbeck by its exact AR(1): a regression of each log price on the one before."""
    logs, regular = np.log(sample.history.prices), sample.history.regular
    before, after = logs[:-1][regular], logs[1:][regular]
    count = len(before)
    centred = before - before.mean()
    kept = float(centred @ (after - after.mean()) / (centred @ centred)) if centred.any() else 1.0
    level = float((after.mean() - kept * before.mean()) / (1 - kept)) if kept < 1 else math.nan
    if not 0 < kept < 1:
        raise ConfigError(
            f"of a gap to the mean a share of {kept:.6g} is left after a row: these prices do not return to one value",
            where=str(sample.history.path),
            mend="must be > 0 and < 1: take another process, or rows closer together",
        )
    noise = float(np.mean((after - level - kept * (before - level)) ** 2))
    hours = sample.history.spacing / 3600
    half_life, deviation = hours * math.log(2) / -math.log(kept), math.sqrt(noise / (1 - kept**2))
    kept_error = math.sqrt((1 - kept**2) / count)
    relative = math.hypot(math.sqrt(0.5 / count), kept * kept_error / (1 - kept**2))
    return Fitted(
        "peg",
        {"price": math.exp(level), "half_life_hours": half_life, "deviation": deviation},
        {
            "price": math.exp(level) * math.sqrt(noise / count) / (1 - kept),
            "half_life_hours": half_life * kept_error / (-math.log(kept) * kept),
            "deviation": deviation * relative,
        },
        normal_log_likelihood(noise, count),
        (
            "assumed: no depegs, all that happened is noise around one value; set depeg_rate and what belongs to it",
            "price is the value it returns to; a path begins there",
        ),
    )


def normal_log_likelihood(variance: float, count: int) -> float:
    """At its maximum over the variance."""
    return -count / 2 * (math.log(2 * math.pi * variance) + 1) if variance > 0 else math.inf
