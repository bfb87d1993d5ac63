"""Sobol indices: how much of a result's variance each key explains alone, and with its interactions."""

from collections.abc import Mapping, Sequence
from typing import Any

from simulator.report.chart import Chart, Key, Panel, curve
from simulator.report.wording import number
from simulator.stress.wording import labels

_FIRST, _TOTAL = "alone", "with interactions"


def sensitivities(found: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """A chart for each result.

    Each of `found` has `output` (what is explained) and `indices`: key, and `first` and `total` as value, low, high.
    """
    return [_chart(number, each["output"], each["indices"]) for number, each in enumerate(found) if each["indices"]]


def _chart(place: int, output: str, indices: Sequence[Mapping[str, Any]]) -> Chart:
    names = labels([each["key"] for each in indices])
    ordered = sorted(indices, key=lambda each: -each["total"]["value"])
    x = [names[each["key"]] for each in ordered]
    traces = [
        curve(
            name,
            x,
            [each[kind]["value"] for each in ordered],
            colour,
            low=[each[kind]["low"] for each in ordered],
            high=[each[kind]["high"] for each in ordered],
            mode="markers",
            symbol=symbol,
        )
        for name, kind, colour, symbol in (
            (_FIRST, "first", "market", "circle"),
            (_TOTAL, "total", "oracle", "diamond"),
        )
    ]
    first = ordered[0]
    return Chart(
        key=f"sensitivity-{place}",
        title=f"Sobol indices of {output.replace('_', ' ')}",
        summary=(
            f"Most of it lies with {names[first['key']]}: it explains {number(100 * first['first']['value'])} % of the "
            f"variance alone and {number(100 * first['total']['value'])} % with its interactions. Bars reach from the "
            "lower to the upper 95 % bound."
        ),
        keys=(Key(_FIRST, "circle", "market", _FIRST), Key(_TOTAL, "diamond", "oracle", _TOTAL)),
        panels=(Panel("Share of the variance", 1.0, {"hoverformat": ".3~r"}),),
        traces=tuple(traces),
        hover="closest",
        across={"type": "category"},
    )
