"""Regimes by the Markov-switching regression of the library statsmodels."""

import math
from typing import Any

import numpy as np
from scipy.linalg import logm

from simulator.errors import ConfigError
from simulator.fit.fitted import Fitted, Sample
from simulator.fit.libraries import heard, library
from simulator.market.history import Floats
from simulator.units import YEAR_SECONDS

_COUNTS = (2, 3)  # regimes that are tried
_STAY = 0.95  # the chance to stay that the search begins with
_WINDOW = 10  # rows whose spread says where volatilities begin
_NEVER = 1e-6  # a rate a day below which a regime does not end


def fit_regimes(sample: Sample) -> Fitted:
    """Two or three volatilities, whichever the information criterion (BIC) prefers, of one drift."""
    module = library("statsmodels.tsa.regime_switching.markov_regression", "regimes")
    scale, shift = float(np.std(sample.gains)), float(np.mean(sample.gains))
    gains = (sample.gains - shift) / scale
    with heard():
        runs = [run for run in (_run(module, gains, count) for count in _COUNTS) if np.isfinite(run.llf)]
    if not runs:
        raise ConfigError(
            "no regimes were found", where=str(sample.history.path), mend="take more rows, or another process"
        )
    best = min(runs, key=lambda run: float(run.bic))
    count = best.k_regimes
    variances = np.asarray(best.params[-count:], dtype=float)
    order = np.argsort(variances)
    days = sample.history.spacing / 86_400
    rates = daily_rates(np.asarray(best.regime_transition)[:, :, 0].T[np.ix_(order, order)], days)
    leaving = np.maximum(-np.diag(rates), _NEVER)
    onward = np.maximum(rates, 0) * (1 - np.eye(count))
    onward[onward.sum(axis=1) == 0] = 1 - np.eye(count)[onward.sum(axis=1) == 0]
    onward /= onward.sum(axis=1, keepdims=True)
    volatilities = scale * np.sqrt(variances[order] / sample.bar)
    mean = shift * YEAR_SECONDS / sample.history.spacing
    now = int(np.argmax(np.asarray(best.smoothed_marginal_probabilities)[-1][order])) + 1
    with heard():
        spread = np.asarray(best.bse, dtype=float)[-count:][order] / (2 * variances[order])
    return Fitted(
        "regimes",
        {
            "price": sample.last,
            "volatilities": volatilities.tolist(),
            "drifts": (mean + volatilities**2 / 2).tolist(),
            "mean_days": (1 / leaving).tolist(),
            "transitions": [_whole(row) for row in onward.tolist()],
            "first": now,
        },
        {},
        float(best.llf) - len(gains) * math.log(scale),
        (
            "assumed: the logarithm has one drift; a regime holds from row to row, so stays of less than a few rows "
            "come out long",
            f"standard errors of volatilities: {', '.join(f'{each:.2g}' for each in volatilities * spread)}",
            f"{count} regimes by BIC of {' and '.join(map(str, _COUNTS))}; first is the likeliest at the last row, "
            "0 draws it; price is the last one of the file",
        ),
    )


def _run(module: Any, gains: Floats, count: int) -> Any:
    model = module.MarkovRegression(gains, k_regimes=count, trend="n", switching_variance=True)
    # From the spread of the calm, usual and wild stretches of the file: the library's own search draws at random.
    squares = np.convolve(gains**2, np.ones(_WINDOW) / _WINDOW, mode="valid")
    variances = np.quantile(squares, np.linspace(0.1, 0.95, count))
    chances = np.full((count, count), (1 - _STAY) / (count - 1)) + np.eye(count) * (_STAY - (1 - _STAY) / (count - 1))
    start = np.concatenate([chances[:-1].ravel(), np.maximum(variances, 1e-4)])
    return model.fit(start_params=start, em_iter=20, maxiter=300, disp=False)


def daily_rates(chances: Floats, days: float) -> Floats:
    """Rates of a chain from its matrix of chances over some days: its logarithm or, where it has none, nearly."""
    found = np.real(np.asarray(logm(chances))) / days
    off = found * (1 - np.eye(len(found)))
    if not np.isfinite(found).all():
        off = chances * (1 - np.eye(len(found))) / days
    off = np.maximum(off, 0.0)
    return np.asarray(off - np.diag(off.sum(axis=1)))


def _whole(row: list[float]) -> list[float]:
    """A row to four digits that still sums to one."""
    found = [round(each, 4) for each in row]
    largest = found.index(max(found))
    found[largest] = round(1 - sum(found[:largest]) - sum(found[largest + 1 :]), 4)
    return found
