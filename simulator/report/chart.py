"""A chart as a page takes it: plotly traces and layout in plain values, colours by role.

A colour "@market" is the style sheet's `--market`, looked up when the chart is drawn, so that one chart serves light
and dark. The page adds fonts, grid and margins.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from simulator.report.run_tables import Floats, Ints

Trace = dict[str, Any]
Shape = dict[str, Any]
Axis = Literal["y", "y2"]
Look = Literal["line", "dash", "dot", "band", "circle", "diamond", "cross"]


@dataclass(frozen=True)
class Key:
    """One entry of a chart's legend. `group` names the traces it switches; a key without one only explains."""

    name: str
    look: Look
    colour: str  # the role, without @
    group: str = ""


@dataclass(frozen=True)
class Panel:
    """One of the plots of a chart, above one another on one time axis."""

    title: str  # what the vertical axis measures, with its unit
    share: float = 1.0  # of the chart's height
    axis: dict[str, Any] = field(default_factory=dict)  # plotly settings of the vertical axis


@dataclass(frozen=True)
class Chart:
    """A chart, or in `empty` the sentence that says why there is none."""

    key: str  # unique on the page
    title: str
    summary: str = ""  # what can be seen, in words
    keys: tuple[Key, ...] = ()
    panels: tuple[Panel, ...] = ()
    traces: tuple[Trace, ...] = ()
    shapes: tuple[Shape, ...] = ()
    empty: str = ""
    hover: Literal["x unified", "closest"] = "x unified"  # one label for a moment, or one for the nearest mark
    across: Mapping[str, Any] | None = None  # plotly settings of the horizontal axis where that is not time

    def layout(self, window: tuple[int, int]) -> dict[str, Any]:
        """The plotly layout, over a window of time [s since 1970] where the horizontal axis is time."""
        axis = dict(self.across or {"type": "date", "range": [1000 * edge for edge in window]})
        layout: dict[str, Any] = {"xaxis": axis}
        layout["hovermode"], layout["shapes"], layout["annotations"] = self.hover, list(self.shapes), []
        gap = 0.15 if len(self.panels) > 1 else 0.0
        top, room = 1.0, 1.0 - gap * (len(self.panels) - 1)
        for place, panel in enumerate(self.panels, start=1):
            bottom = max(0.0, top - room * panel.share)
            name = "yaxis" if place == 1 else f"yaxis{place}"
            layout[name] = {**panel.axis, "domain": [round(bottom, 4), round(top, 4)], "anchor": "x"}
            layout["annotations"].append({"text": panel.title, "y": round(top, 4)})
            top = bottom - gap
        layout["xaxis"]["anchor"] = "y" if len(self.panels) < 2 else f"y{len(self.panels)}"
        return layout


def empty_chart(key: str, title: str, why: str) -> Chart:
    """A chart that says in words why nothing is drawn."""
    return Chart(key=key, title=title, empty=why)


def rounded(values: Iterable[float], digits: int = 6) -> list[float | None]:
    """Numbers to a few significant digits, to keep the page small; NaN and infinity are gaps."""
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in values]


def instants(times: Ints) -> list[int]:
    """Times [s since 1970] as the milliseconds that a date axis takes."""
    return [1000 * int(time) for time in times]


def line(
    name: str,
    times: Ints,
    values: Floats,
    colour: str,
    *,
    axis: Axis = "y",
    width: float = 1.8,
    dash: str = "solid",
    step: bool = False,
    hover: str = "%{y:,.5~r}",
) -> Trace:
    """A line over time in the group of its name."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "legendgroup": name,
        "x": instants(times),
        "y": rounded(values),
        "yaxis": axis,
        "line": {"color": f"@{colour}", "width": width, "dash": dash, "shape": "hv" if step else "linear"},
        "connectgaps": False,
        "hovertemplate": f"{hover}<extra>{name}</extra>",
    }


def curve(
    name: str,
    x: Sequence[float | str],
    y: Sequence[float],
    colour: str,
    *,
    labels: Sequence[str] = (),
    low: Sequence[float] = (),
    high: Sequence[float] = (),
    mode: Literal["lines+markers", "markers"] = "lines+markers",
    symbol: str = "circle",
    hover: str = "%{y:,.4~r}",
) -> Trace:
    """Points of a study, with a label for the pointer and bars from `low` to `high` where these are given."""
    across = list(x) if any(isinstance(value, str) for value in x) else rounded(map(float, x))
    trace: Trace = {
        "type": "scatter",
        "mode": mode,
        "name": name,
        "legendgroup": name,
        "x": across,
        "y": rounded(y),
        "line": {"color": f"@{colour}", "width": 1.6},
        "marker": {"color": f"@{colour}", "size": 8, "symbol": symbol},
        "hovertemplate": f"{hover}<extra>{name}</extra>",
    }
    if labels:
        trace |= {"text": list(labels), "hovertemplate": f"%{{text}}<br>{hover}<extra>{name}</extra>"}
    if len(low) and len(high):
        up, down = np.subtract(high, y), np.subtract(y, low)
        trace["error_y"] = {
            "type": "data", "symmetric": False, "array": rounded(up), "arrayminus": rounded(down),
            "color": f"@{colour}", "thickness": 1.2, "width": 4,
        }  # fmt: skip
    return trace


def area(
    name: str, times: Ints, low: Floats, high: Floats, colour: str, *, axis: Axis = "y", step: bool = False
) -> list[Trace]:
    """The band between two lines, in the group of its name. It is silent under the pointer."""
    shape = {"color": f"@{colour}", "width": 0, "shape": "hv" if step else "linear"}
    silent = {"type": "scatter", "mode": "lines", "legendgroup": name, "hoverinfo": "skip", "yaxis": axis}
    clock = instants(times)
    return [
        {**silent, "name": f"{name}, from", "x": clock, "y": rounded(low), "line": shape},
        {**silent, "name": name, "x": clock, "y": rounded(high), "line": shape, "fill": "tonexty",
         "fillcolor": f"@{colour}"},
    ]  # fmt: skip


def shading(spans: Sequence[tuple[int, int]], colour: str, panel: int = 1) -> tuple[Shape, ...]:
    """Stretches of time [s since 1970] shaded over the height of one panel."""
    axis = "y" if panel == 1 else f"y{panel}"
    return tuple(
        {"type": "rect", "layer": "below", "xref": "x", "yref": f"{axis} domain", "x0": 1000 * start, "x1": 1000 * end,
         "y0": 0, "y1": 1, "line": {"width": 0}, "fillcolor": f"@{colour}"}
        for start, end in spans
    )  # fmt: skip


def level(value: float, colour: str, panel: int = 1, dash: str = "dash") -> Shape:
    """A level across one panel."""
    axis = "y" if panel == 1 else f"y{panel}"
    return {"type": "line", "layer": "above", "xref": "paper", "yref": axis, "x0": 0, "x1": 1, "y0": value, "y1": value,
            "line": {"color": f"@{colour}", "width": 1.5, "dash": dash}}  # fmt: skip
