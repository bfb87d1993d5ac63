"""The page of a stress test as one file that works offline: what to choose first, then what that rests on."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.report.chart import Chart
from simulator.report.html import asset, environment
from simulator.report.packing import ALPHABET, pack
from simulator.report.swatches import swatch
from simulator.report.wording import MISSING, count, number, percent, usd
from simulator.stress.answer import Answer
from simulator.stress.charts import draw_charts
from simulator.stress.judge import Judged
from simulator.stress.wording import amount, interval, scale, setting, settings, span, within
from simulator.stress.words import constraint, headline, names_of, reason
from simulator.stress.worst import measured, worst_paths

if TYPE_CHECKING:
    import pandas as pd

Command = Callable[[Mapping[str, Any], int], str]  # that runs a point's changes at a seed again
_WINDOW = (0, 1)  # of time, which no axis here shows
_POINTS_SHOWN, _FAULTS_SHOWN = 400, 10
_VERDICTS = {"pass": "kept", "fail": "broken", "inconclusive": "not shown to be kept", "no_data": "no data"}


def write_page(
    manifest: Mapping[str, Any],
    results: "pd.DataFrame",
    answer: Answer,
    folder: Path,
    command: Command,
    sensitivity: Sequence[dict[str, Any]] = (),
) -> Path:
    """Write `report.html` into the folder of a stress test and give its path."""
    path, beside = folder / "report.html", folder / f".report-{os.getpid()}.html"
    beside.write_text(render(manifest, results, answer, command, sensitivity), encoding="utf-8")
    os.replace(beside, path)
    return path


def render(
    manifest: Mapping[str, Any],
    results: "pd.DataFrame",
    answer: Answer,
    command: Command,
    sensitivity: Sequence[dict[str, Any]] = (),
) -> str:
    """The page as HTML. The manifest is what `wavetank stress --json` prints."""
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    groups = draw_charts(results, answer, sensitivity)
    scenario, names = manifest["scenario"], names_of(answer)
    templates = environment("simulator.stress")
    templates.globals |= {"swatch": swatch, "number": number}
    return templates.get_template("stress.html.jinja").render(
        manifest=manifest,
        title=scenario.get("title") or scenario["name"],
        headline=headline(answer),
        reason=reason(answer),
        runs=count(manifest["runs_total"], "run"),
        points=count(len(answer.points), "point"),
        constraints=_constraints(answer),
        groups=groups,
        names=list(names.values()),
        table=_table(answer),
        points_shown=_POINTS_SHOWN,
        caps=_caps(manifest.get("caps") or {}),
        worst=_worst(results, answer, command),
        worst_of=str(measured(answer)[0]).replace("_", " "),
        failures=_failures(results, answer),
        style=asset("simulator.report", "report.css"),
        program=asset("simulator.report", "report.js"),
        alphabet=ALPHABET,
        library=Markup(pack(get_plotlyjs())),
        figures=Markup(pack(_figures([chart for _, _, charts in groups for chart in charts]))),
    )


def _constraints(answer: Answer) -> list[dict[str, Any]]:
    """The rules at the chosen point, or at the one that comes nearest."""
    found = answer.recommendation
    if found.chosen is not None:
        kept = [(each.verdict, [_sentence(part) for part in constraint(each, answer)]) for each in found.kept]
    elif found.nearest is not None:
        kept = [(each, []) for each in found.nearest.point.verdicts]
    else:
        return []
    return [
        {
            "rule": str(verdict.rule),
            "value": amount(verdict.rule, verdict.estimate.value),
            "span": span(verdict.estimate, scale(verdict.rule)[0]),
            "verdict": _VERDICTS[verdict.standing],
            "standing": verdict.standing,
            "words": words,
        }
        for verdict, words in kept
    ]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _table(answer: Answer) -> list[dict[str, Any]]:
    chosen = answer.recommendation.chosen
    ordered = sorted(answer.points, key=lambda p: (p is not chosen, not p.qualifies, -p.rank, p.number))
    return [_row(point, point is chosen) for point in ordered[:_POINTS_SHOWN]]


def _row(point: Judged, chosen: bool) -> dict[str, Any]:
    return {
        "number": point.number,
        "settings": [setting(value) for value in point.changes.values()],
        "chosen": chosen,
        "runs": f"{point.runs:,}" + (f" and {point.failed:,} failed" if point.failed else ""),
        "efficiency": MISSING if point.efficiency is None else within(point.efficiency),
        "rules": [(interval(v.rule, v.estimate), _VERDICTS[v.standing], v.standing) for v in point.verdicts],
    }


def _caps(caps: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """What a liquidation may be worth at most, of each collateral."""
    return [{"name": name, "value": _most(cap["debt_usd"]), "context": _why(cap)} for name, cap in caps.items()]


def _most(debt_usd: float | None) -> str:
    return "no bound" if debt_usd is None else usd(debt_usd)


def _why(cap: Mapping[str, Any]) -> str:
    text = f"bonus {percent(cap['bonus'])}; selling the collateral loses {percent(cap['slippage'])} of its worth"
    return text if cap["depth_usd"] is None else f"{text}, {usd(cap['depth_usd'])} move its price by 1 %"


def _worst(results: "pd.DataFrame", answer: Answer, command: Command) -> list[dict[str, str]]:
    names, one = names_of(answer), answer.recommendation.looked_at is not None
    return [
        {
            "value": number(path.value, 4),
            "seed": str(path.seed),
            "settings": "" if one else f"{settings(answer.point(path.point).changes, names)}, ",
            "digest": path.digest[:12],
            "command": command(answer.point(path.point).changes, path.seed),
        }
        for path in worst_paths(results, answer)
    ]


def _failures(results: "pd.DataFrame", answer: Answer) -> list[tuple[str, str]]:
    """The first runs that failed: which, and why."""
    names = names_of(answer)
    failed = results[results["status"] != "complete"][:_FAULTS_SHOWN]
    return [
        (f"{settings(answer.point(int(row['point'])).changes, names)}, seed {row['seed']}", str(row["fault"]))
        for row in failed[["point", "seed", "fault"]].to_dict("records")
    ]


def _figures(charts: Sequence[Chart]) -> str:
    drawn = {c.key: {"traces": list(c.traces), "layout": c.layout(_WINDOW)} for c in charts if not c.empty}
    return json.dumps(drawn, separators=(",", ":"), allow_nan=False)
