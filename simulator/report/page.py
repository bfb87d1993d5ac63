"""Put the report of a run together and write it."""

import json
import os
from pathlib import Path
from typing import Any

from simulator.report.assumptions import assumptions
from simulator.report.chart import Chart
from simulator.report.charts import draw_charts
from simulator.report.html import asset, environment
from simulator.report.key_figures import cards, metric_rows
from simulator.report.outcomes import count_outcomes
from simulator.report.packing import ALPHABET, pack
from simulator.report.rerun import rerun_command
from simulator.report.run_tables import RunTables, open_run
from simulator.report.swatches import swatch
from simulator.report.wording import count, duration, number, utc
from simulator.report.worst_positions import worst_positions

FAILURES_SHOWN = 60


def write_report(folder: Path) -> Path:
    """Write `report.html` into a run folder and give its path.

    The page is one file of about 2 MB that needs no network: its charts' program and data lie compressed inside.
    Raises `ConfigError` when the folder holds no run that can be read.
    """
    page = render(open_run(folder))
    path = folder / "report.html"
    beside = folder / f".report-{os.getpid()}.html"
    beside.write_text(page, encoding="utf-8")
    os.replace(beside, path)
    return path


def render(run: RunTables) -> str:
    """The page as HTML."""
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    charts = draw_charts(run)
    templates = environment("simulator.report")
    templates.filters["number"] = number
    templates.globals["swatch"] = swatch
    return templates.get_template("report.html.jinja").render(
        run=run,
        manifest=run.manifest,
        headline=_headline(run),
        cards=cards(run.manifest["metrics"]),
        charts=charts,
        worst=worst_positions(run),
        outcomes=count_outcomes(run),
        failures_shown=FAILURES_SHOWN,
        metrics=metric_rows(run.manifest["metrics"]),
        assumptions=assumptions(run.scenario),
        command=rerun_command(run.manifest),
        style=asset("simulator.report", "report.css"),
        program=asset("simulator.report", "report.js"),
        alphabet=ALPHABET,
        library=Markup(pack(get_plotlyjs())),
        figures=Markup(pack(_figures(run, charts))),
    )


def _headline(run: RunTables) -> dict[str, Any]:
    """What the top of the page says of the run as a whole."""
    world = run.scenario.get("world", {})
    planned = float(world.get("hours", 0)) * 3600
    begun = len(run.times) > 0
    covered = float(run.times[-1] - run.times[0]) if begun else 0.0
    return {
        "title": run.scenario.get("title") or "Untitled scenario",
        "story": [text for text in (run.scenario.get("story") or "").split("\n\n") if text.strip()],
        "partial": run.manifest["status"] != "complete",
        "fast": run.manifest["chain"].get("gas") == "fast",
        "planned": duration(planned),
        "covered": duration(covered),
        "from": utc(run.times[0]) if begun else "",
        "to": utc(run.times[-1]) if begun else "",
        "blocks": count(len(run.blocks), "block"),
    }


def _figures(run: RunTables, charts: list[Chart]) -> str:
    """The drawn charts as JSON: {key: {traces, layout}}."""
    window = (int(run.times[0]), max(int(run.times[-1]), int(run.times[0]) + 1)) if len(run.times) else (0, 1)
    drawn = {
        chart.key: {"traces": [dict(trace) for trace in chart.traces], "layout": chart.layout(window)}
        for chart in charts
        if not chart.empty
    }
    return json.dumps(drawn, separators=(",", ":"), allow_nan=False)
