"""Sobol indices: how much of a result's variance each key explains alone, and with its interactions."""

from collections.abc import Mapping, Sequence
from typing import Any

from simulator.report.chart import Chart, Key, Panel, rounded
from simulator.report.wording import number
from simulator.stress.wording import labels

_FIRST, _TOTAL = "alone", "with interactions"
_KINDS = ((_FIRST, "first", "market", -1), (_TOTAL, "total", "oracle", 1))
_WIDTH = 0.3  # of a bar, between two keys


def sensitivities(found: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """A chart for each result.

    Each of `found` has `output` (what is explained) and `indices`: key, and `first` and `total` as value, low, high.
    """
    return [_chart(number, each["output"], each["indices"]) for number, each in enumerate(found) if each["indices"]]


def _chart(place: int, output: str, indices: Sequence[Mapping[str, Any]]) -> Chart:
    names = labels([each["key"] for each in indices])
    ordered = sorted(indices, key=lambda each: -each["total"]["value"])
    x = [names[each["key"]] for each in ordered]
    traces = [_bars(name, x, [each[kind] for each in ordered], colour, side) for name, kind, colour, side in _KINDS]
    first = ordered[0]
    return Chart(
        key=f"sensitivity-{place}",
        title=f"Sobol indices of {output.replace('_', ' ')}",
        summary=(
            f"Most of it lies with {names[first['key']]}: it explains {number(100 * first['first']['value'])} % of the "
            f"variance alone and {number(100 * first['total']['value'])} % with its interactions. Lines reach from "
            "the lower to the upper 95 % bound."
        ),
        keys=(Key(_FIRST, "band", "market", _FIRST), Key(_TOTAL, "band", "oracle", _TOTAL)),
        panels=(Panel("Share of the variance", 1.0, {"hoverformat": ".3~r"}),),
        traces=tuple(traces),
        hover="closest",
        across={"type": "category"},
    )


def _bars(name: str, x: list[str], found: Sequence[Mapping[str, float]], colour: str, side: int) -> dict[str, Any]:
    values = [each["value"] for each in found]
    return {
        "type": "bar", "name": name, "legendgroup": name, "x": x, "y": rounded(values),
        "width": _WIDTH, "offset": 0.01 if side > 0 else -_WIDTH - 0.01, "marker": {"color": f"@{colour}"},
        "error_y": {"type": "data", "symmetric": False, "color": "@limit", "thickness": 1.2, "width": 4,
                    "array": rounded(each["high"] - each["value"] for each in found),
                    "arrayminus": rounded(each["value"] - each["low"] for each in found)},
        "hovertemplate": f"%{{x}}: %{{y:.3~r}}<extra>{name}</extra>",
    }  # fmt: skip
