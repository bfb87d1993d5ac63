"""The page of a study: its question, its charts, and every run, as one file that works offline."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from simulator.report.chart import Chart
from simulator.report.html import asset, environment
from simulator.report.packing import ALPHABET, pack
from simulator.report.swatches import swatch
from simulator.report.wording import MISSING, count, number, plain
from simulator.study.design import Figure, Row, Study, summarise

_WINDOW = (0, 1)  # of time, which no axis of a study shows


def write_page(manifest: Mapping[str, Any], study: Study, rows: Sequence[Row], folder: Path) -> Path:
    """Write `report.html` into a study's folder and give its path."""
    path, beside = folder / "report.html", folder / f".report-{os.getpid()}.html"
    beside.write_text(render(manifest, study, rows), encoding="utf-8")
    os.replace(beside, path)
    return path


def render(manifest: Mapping[str, Any], study: Study, rows: Sequence[Row]) -> str:
    """The page as HTML."""
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    charts = study.charts(rows)
    templates = environment("simulator.study")
    templates.globals["swatch"] = swatch
    return templates.get_template("study.html.jinja").render(
        study=study,
        manifest=manifest,
        title=manifest["scenario"].get("title") or manifest["scenario"]["name"],
        story=[text for text in (manifest["scenario"].get("story") or "").split("\n\n") if text.strip()],
        runs=count(manifest["runs_done"], "run"),
        charts=charts,
        names=[plain(name) for name in study.figures],
        summaries=[_line(s) for s in summarise(rows, list(study.figures))],
        failures=[row for row in rows if row.fault],
        style=asset("simulator.report", "report.css"),
        program=asset("simulator.report", "report.js"),
        alphabet=ALPHABET,
        library=Markup(pack(get_plotlyjs())),
        figures=Markup(pack(_figures(charts))),
    )


def _line(summary: Any) -> dict[str, Any]:
    cells = [
        _cell(summary.mean[name], summary.low[name], summary.high[name])
        for name in summary.mean
    ]  # fmt: skip
    return {"series": summary.point.series, "label": summary.point.label, "runs": summary.runs, "cells": cells}


def _cell(mean: Figure, low: Figure, high: Figure) -> str:
    if mean is None or low is None or high is None:
        return MISSING
    return number(mean) if low == high else f"{number(mean)} ({number(low)} to {number(high)})"


def _figures(charts: Sequence[Chart]) -> str:
    drawn = {c.key: {"traces": list(c.traces), "layout": c.layout(_WINDOW)} for c in charts if not c.empty}
    return json.dumps(drawn, separators=(",", ":"), allow_nan=False)
