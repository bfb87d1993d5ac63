"""GARCH by the library arch."""

import math
from typing import Any

import numpy as np

from simulator.fit.fitted import Fitted, Sample
from simulator.fit.libraries import heard, library

_MOST_KEPT = 0.999  # of variance from bar to bar; at one there is no long-run variance


def fit_garch(sample: Sample) -> Fitted:
    """GARCH(1,1) with t innovations; the asymmetric term only where the information criterion (BIC) asks for it."""
    arch = library("arch", "garch")
    # Of gains over their deviation: the optimizer wants numbers of about one.
    scale = float(np.std(sample.gains))
    with heard() as said:
        runs = [_run(arch, sample.gains / scale, asymmetric) for asymmetric in (0, 1)]
        model, best = min(runs, key=lambda run: float(run[1].bic))
        found = {name: float(value) for name, value in best.params.items()}
        errors = {name: float(value) for name, value in best.std_err.items()}
        notes = ["assumed: bars are the rows of the file; price is its last one, volatility that of the bar to come"]
        kept = found["alpha[1]"] + found["beta[1]"] + found.get("gamma[1]", 0.0) / 2
        if kept > _MOST_KEPT:
            found["beta[1]"] += _MOST_KEPT - kept
            found["omega"] = 1 - _MOST_KEPT  # long-run variance: that of the gains
            notes.append(
                f"alpha + beta + gamma / 2 came out as {kept:.6g}: beta is lowered to make it {_MOST_KEPT}, and the "
                "long-run volatility is that of the file"
            )
            best = model.fix(list(found.values()))
    if int(getattr(best, "convergence_flag", 0)):
        notes.append(f"the optimizer ended early, with code {best.convergence_flag}")
    notes += [line for line in said if "optimizer" not in line]
    return _fitted(sample, scale, found, errors, float(best.loglikelihood), _next(best), notes)


def _run(arch: Any, gains: Any, asymmetric: int) -> tuple[Any, Any]:
    model = arch.arch_model(gains, mean="Constant", vol="GARCH", p=1, o=asymmetric, q=1, dist="t", rescale=False)
    return model, model.fit(disp="off")


def _next(result: Any) -> float:
    """The variance that the model expects of the next bar."""
    return float(result.forecast(horizon=1, reindex=False).variance.iloc[-1, 0])


def _fitted(
    sample: Sample,
    scale: float,
    found: dict[str, float],
    errors: dict[str, float],
    log_likelihood: float,
    ahead: float,
    notes: list[str],
) -> Fitted:
    annual = scale / math.sqrt(sample.bar)
    gamma = found.get("gamma[1]", 0.0)
    # A step of the optimizer may leave a parameter on its bound, or a bit beyond it.
    kept = found["alpha[1]"] + found["beta[1]"] + gamma / 2
    settings = {
        "price": sample.last,
        "drift": found["mu"] * scale / sample.bar,
        "volatility": annual * math.sqrt(ahead),
        "long_run_volatility": annual * math.sqrt(found["omega"] / (1 - kept)),
        "bar_minutes": sample.history.spacing / 60,
        "alpha": max(found["alpha[1]"], 0.0),
        "beta": found["beta[1]"],
    }
    if "gamma[1]" in found:
        settings["gamma"] = gamma
    settings["degrees_of_freedom"] = found["nu"]
    names = {"alpha": "alpha[1]", "beta": "beta[1]", "gamma": "gamma[1]", "degrees_of_freedom": "nu"}
    known = {key: errors[name] for key, name in names.items() if key in settings and name in errors}
    known["drift"] = errors["mu"] * scale / sample.bar
    return Fitted("garch", settings, known, log_likelihood - len(sample.gains) * math.log(scale), notes)
