"""Merton's jump diffusion by maximum likelihood: each gain is normal given how many jumps it has."""

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln, logsumexp

from simulator.fit.fitted import Fitted, Sample
from simulator.market.history import Floats

# Of gains over their deviation: mean between jumps, log variance between jumps, log of expected jumps a row, mean of a
# jump, log variance of a jump. Without its bounds the likelihood has no maximum: a variance of zero at one gain.
_BOUNDS = ((-5.0, 5.0), (-14.0, 2.0), (-14.0, 1.5), (-30.0, 30.0), (-6.0, 8.0))
_STARTS = ((0.0, math.log(0.5), math.log(0.05), 0.0, math.log(9.0)), (0.0, math.log(0.3), math.log(0.5), 0.0, 0.3))
_NEGLIGIBLE = 1e-10


def fit_merton(sample: Sample) -> Fitted:
    """Standard errors are those of the scores' outer product."""
    scale, shift = float(np.std(sample.gains)), float(np.mean(sample.gains))
    gains = (sample.gains - shift) / scale
    runs = [minimize(_negative, start, (gains,), jac=True, method="L-BFGS-B", bounds=_BOUNDS) for start in _STARTS]
    best = min(runs, key=lambda run: float(run.fun))
    found = _Mixture.of(best.x)
    bar = sample.bar
    sigma, deviation = scale * math.sqrt(found.variance), scale * math.sqrt(found.jump_variance)
    rate, mean = found.jumps / bar, scale * found.jump_mean
    volatility = sigma / math.sqrt(bar)
    drift = (shift + scale * found.mean) / bar + volatility**2 / 2 + rate * math.expm1(mean + deviation**2 / 2)
    errors = _errors(best.x, gains)
    return Fitted(
        "merton",
        {
            "price": sample.last,
            "drift": drift,
            "volatility": volatility,
            "jump_rate": rate,
            "jump_mean": mean,
            "jump_deviation": deviation,
        },
        {
            "volatility": volatility * errors[1] / 2,
            "jump_rate": rate * errors[2],
            "jump_mean": scale * errors[3],
            "jump_deviation": deviation * errors[4] / 2,
        },
        -float(best.fun) - len(gains) * math.log(scale),
        _notes(best.x, found.jumps),
    )


def _notes(parameters: Floats, jumps: float) -> tuple[str, ...]:
    notes = ["assumed: gains are independent, jumps normal and at a constant rate; price is the last one of the file"]
    low, high = np.transpose(_BOUNDS)
    if ((parameters <= low + 1e-6) | (parameters >= high - 1e-6)).any():
        notes.append("the likelihood is greatest at the edge of what is searched: these gains have no such jumps")
    elif jumps > 0.5:
        notes.append(f"{jumps:.2g} jumps from row to row: they do the work of a fat tail, take rows closer together")
    return tuple(notes)


class _Mixture(NamedTuple):
    mean: float
    variance: float
    jumps: float
    jump_mean: float
    jump_variance: float

    @classmethod
    def of(cls, parameters: Floats) -> "_Mixture":
        mean, variance, jumps, jump_mean, jump_variance = (float(each) for each in parameters)
        return cls(mean, math.exp(variance), math.exp(jumps), jump_mean, math.exp(jump_variance))


def _negative(parameters: Floats, gains: Floats) -> tuple[float, Floats]:
    """The log likelihood and its gradient, both negative."""
    logs, scores = _scores(parameters, gains)
    return -float(logs.sum()), -scores.sum(axis=1)


def _scores(parameters: Floats, gains: Floats) -> tuple[Floats, Floats]:
    """The log density of each gain, and its gradient, shape (5, gains)."""
    mix = _Mixture.of(parameters)
    most = 1
    while most < 60 and math.exp(most * math.log(mix.jumps) - mix.jumps - math.lgamma(most + 1)) > _NEGLIGIBLE:
        most += 1
    n = np.arange(most + 1)[:, None]
    variance = mix.variance + n * mix.jump_variance
    off = gains - mix.mean - n * mix.jump_mean
    weights = n * math.log(mix.jumps) - mix.jumps - gammaln(n + 1)
    each = weights - 0.5 * (np.log(2 * math.pi * variance) + off**2 / variance)
    logs = np.asarray(logsumexp(each, axis=0))
    share = np.exp(each - logs)  # the chance of each number of jumps, given the gain
    by_mean, by_variance = share * off / variance, share * (off**2 / variance - 1) / (2 * variance)
    scores = np.stack(
        [
            by_mean.sum(axis=0),
            by_variance.sum(axis=0) * mix.variance,
            (share * n).sum(axis=0) - mix.jumps,
            (by_mean * n).sum(axis=0),
            (by_variance * n).sum(axis=0) * mix.jump_variance,
        ]
    )
    return logs, scores


def _errors(parameters: Floats, gains: Floats) -> Floats:
    scores = _scores(parameters, gains)[1]
    return np.sqrt(np.maximum(np.diag(np.linalg.pinv(scores @ scores.T)), 0.0))
