"""Noise that returns to its mean: Ornstein-Uhlenbeck steps, in part those of an asset's own price."""

import math

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.signal import lfilter

Floats = NDArray[np.float64]

_HOUR = 3600.0  # [s]


def speed(half_life_hours: float) -> float:
    """The rate [1/s] at which a gap closes, of which half is gone after the half-life."""
    return math.log(2) / (half_life_hours * _HOUR)


def approach(starts: Floats, targets: Floats, rate: float, times: Floats) -> Floats:
    """Where something is at `times` [s] that approaches, at `rate` [1/s], `targets[i]` from `starts[i]` [s] on.

    At the first start, which is not after any of the times, the first target is reached.
    """
    reached = np.empty(len(targets))
    value = reached[0] = float(targets[0])
    keeps = np.exp(-rate * np.diff(starts)).tolist()
    for piece, (keep, target) in enumerate(zip(keeps, targets[:-1].tolist(), strict=True), start=1):
        value = target + (value - target) * keep
        reached[piece] = value
    piece_of = np.searchsorted(starts, times, side="right") - 1
    target_of = targets[piece_of]
    path: Floats = target_of + (reached[piece_of] - target_of) * np.exp(-rate * (times - starts[piece_of]))
    return path


def reverting(variance: Floats, keep: float, first: float, shocks: Floats) -> Floats:
    """Noise around zero that begins at `first` and keeps the part `keep` of itself from step to step.

    `variance` is what it has at each of its n + 1 times, `shocks` are n standard normal numbers. For an
    Ornstein-Uhlenbeck process `keep` is exp(-rate dt), and the steps are exact however long they are.
    """
    spread = np.sqrt(np.maximum(variance[1:] - keep**2 * variance[:-1], 0.0))
    return decaying(np.concatenate([[first], spread * shocks]), keep)


def decaying(arrivals: Floats, keep: float) -> Floats:
    """The sum of all that has arrived so far, along the last axis, each keeping the part `keep` of itself a step."""
    return np.asarray(lfilter([1.0], [1.0, -keep], arrivals), dtype=np.float64) if arrivals.size else arrivals


def correlated_shocks(correlation: float, log_prices: Floats, seconds: float, random: Generator) -> Floats:
    """A standard normal number for each step of `seconds`, correlated with the steps of the asset's log price.

    A move counts by the size that moves of a step usually have over the whole path: the larger of the root mean
    squares of one step's and of one hour's, the latter scaled down to a step, because along a smooth line of hourly
    prices each step is small beside what the hour brings. Where the price never moves all of it is noise.
    """
    own = random.standard_normal(len(log_prices) - 1)
    scale = _usual_move(log_prices, seconds) if correlation else 0.0
    if not scale:
        return own
    mixed: Floats = correlation * np.diff(log_prices) / scale + math.sqrt(1 - correlation**2) * own
    return mixed


def _usual_move(log_prices: Floats, seconds: float) -> float:
    scales = [0.0]
    for stride in {1, max(1, round(_HOUR / seconds) if seconds else 1)}:
        moves = np.diff(log_prices[::stride])
        if len(moves):
            scales.append(math.sqrt(float(np.mean(moves**2)) / stride))
    return max(scales)
