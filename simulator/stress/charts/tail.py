"""How often a loss is exceeded, with the generalised Pareto law that goes on where runs end."""

from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.report.chart import Chart, Key, Panel, curve, empty_chart, rounded
from simulator.report.wording import number
from simulator.stress.answer import Answer
from simulator.stress.tail import Floats, Tail, fit_tail
from simulator.stress.wording import labels, settings
from simulator.stress.worst import measured

if TYPE_CHECKING:
    import pandas as pd

_LEAST_RUNS, _LEAST_EXCESSES = 50, 10
_BEYOND, _LEVELS = 10, 15  # times the runs that there were, and places at which the law is drawn
_MOST = 2000  # runs drawn
_RUNS, _LAW, _BAND = "runs", "generalised Pareto", "95 % bounds"


def tail_chart(results: "pd.DataFrame", answer: Answer) -> list[Chart]:
    """The chart of the point that is looked at; none where a sweep has not chosen one."""
    point = answer.recommendation.looked_at
    expression, high = measured(answer)
    if point is None:
        return []
    runs = results[(results["point"] == point.number) & (results["status"] == "complete")]
    values = expression.values(runs)
    values = (1 if high else -1) * values[np.isfinite(values)]
    names = labels(list(answer.points[0].changes))
    of = str(expression).replace("_", " ")
    title = f"{of[:1].upper()}{of[1:]} at {settings(point.changes, names)}"
    if (runs["weight"] != 1).any():
        return [empty_chart("tail", title, "Its runs are importance-sampled; the tail is in the weighted statistics.")]
    if len(values) < _LEAST_RUNS:
        return [empty_chart("tail", title, f"{len(values):,} runs with data are too few for a tail: {_LEAST_RUNS} do.")]
    fitted = fit_tail(values)
    if fitted is None:
        return [empty_chart("tail", title, f"All {len(values):,} runs have the same, {number(abs(float(values[0])))}.")]
    return [_chart(title, of, values, fitted, 1 if high else -1)]


def _chart(title: str, of: str, values: Floats, fitted: Tail, sign: int) -> Chart:
    enough = len(fitted.excesses) >= _LEAST_EXCESSES
    traces = [*(_law(fitted, sign) if enough else ()), _seen(values, sign)]
    keys = [Key(_RUNS, "circle", "market", _RUNS)]
    if enough:
        keys += [Key(_LAW, "line", "oracle", _LAW), Key(_BAND, "dot", "oracle", _BAND)]
    return Chart(
        key="tail",
        title=title,
        summary=_words(values, fitted, sign, enough),
        keys=tuple(keys),
        panels=(Panel("Share of runs that are worse", 1.0, {"type": "log", "dtick": 1, "hoverformat": ".3~g"}),),
        traces=tuple(traces),
        hover="closest",
        across={"type": "linear", "showgrid": True, "hoverformat": ".4~r", "title": {"text": of}},
    )


def _seen(values: Floats, sign: int) -> dict[str, Any]:
    ordered = np.sort(values)[::-1]
    worse = (np.arange(len(ordered)) + 0.5) / len(ordered)
    kept = np.unique(np.round(np.geomspace(1, len(ordered), min(_MOST, len(ordered)))).astype(int) - 1)
    trace = curve(
        _RUNS, [sign * float(x) for x in ordered[kept]], list(worse[kept]), "market", mode="markers",
        hover="%{x:.4~r} is exceeded by %{y:.3~g} of runs",
    )  # fmt: skip
    trace["marker"]["size"] = 5
    return trace


def _law(fitted: Tail, sign: int) -> list[dict[str, Any]]:
    shares = np.geomspace(fitted.share, 1 / (_BEYOND * fitted.runs), _LEVELS)
    found = [fitted.quantile(1 - float(share)) for share in shares]
    traces = []
    for name, part, dash in ((_LAW, "value", "solid"), (_BAND, "low", "dot"), (_BAND, "high", "dot")):
        x = [sign * getattr(each, part) for each in found]
        trace = curve(name, x, list(shares), "oracle", hover="%{x:.4~r} is exceeded by %{y:.3~g} of runs")
        traces.append({**trace, "mode": "lines", "line": {"color": "@oracle", "width": 1.6, "dash": dash}})
        traces[-1]["x"] = rounded(x)
    return traces


def _words(values: Floats, fitted: Tail, sign: int, enough: bool) -> str:
    text = f"Of {len(values):,} runs the worst has {number(sign * float(values.max()))}."
    if not enough:
        return f"{text} {len(fitted.excesses)} of them stand out: too few to fit a law to."
    shape, _ = fitted.best
    found = fitted.shortfall(0.999)
    low, high = sorted((sign * found.low, sign * found.high))
    return (
        f"{text} Beyond {number(sign * fitted.threshold)}, which {number(100 * fitted.share)} % exceed, a generalised "
        f"Pareto law of shape {number(shape)} fits best; by it the worst thousandth has a mean of "
        f"{number(sign * found.value)} ({number(low)} to {number(high)})."
    )
