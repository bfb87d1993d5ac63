"""The page of an audit as one file that works offline: the verdict first, then what it rests on."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from simulator.audit.chart import rule_chart
from simulator.audit.document import Document, Entry, findings_worst_first, rules_worst_first, unfinished
from simulator.audit.wording import VERDICTS, between, change, fault_sentence, figures, grounds, value
from simulator.report.chart import Chart
from simulator.report.html import asset, environment
from simulator.report.packing import ALPHABET, pack
from simulator.report.swatches import swatch
from simulator.report.wording import count
from simulator.stress.require import parse_rule

_WINDOW = (0, 1)  # of time, which no axis here shows
_LINE_REM, _FRAME_REM = 2.25, 5.0  # the height of a chart: a line for every scenario, and its frame


def render(document: Document) -> str:
    """The page as HTML."""
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    charts = _charts(document)
    first, *more = grounds(document)
    templates = environment("simulator.audit")
    templates.globals.update(swatch=swatch, verdicts=VERDICTS, fault_sentence=fault_sentence)
    rules, findings = rules_worst_first(document), findings_worst_first(document)
    return templates.get_template("audit.html.jinja").render(
        document=document,
        headline=f"{VERDICTS[document['verdict']]}: {first}",
        more=more,
        story=_story(document),
        rules=count(len({rule["id"] for rule in rules}), "rule"),
        scenarios=count(len(document["scenarios"]), "scenario"),
        runs=count(sum(each["runs"] for each in document["scenarios"]), "run"),
        failed=sum(each["failed"] for each in document["scenarios"]),
        open_rules=[_card(rule) for rule in rules if rule["verdict"] != "pass"],
        charts=charts,
        table=[(rule, figures(rule)) for rule in rules],
        changed=[_finding(each) for each in findings if each["verdict"] != "pass"],
        same=[_finding(each) for each in findings if each["verdict"] == "pass"],
        style=asset("simulator.report", "report.css"),
        program=asset("simulator.report", "report.js"),
        alphabet=ALPHABET,
        library=Markup(pack(get_plotlyjs())),
        figures=Markup(pack(_drawn([chart for chart, _ in charts]))),
    )


def _story(document: Document) -> str:
    """The reason of what weighs most, in its own words."""
    found = [*rules_worst_first(document), *findings_worst_first(document)]
    found = [each for each in found if each["verdict"] in ("fail", "inconclusive")]
    if found:
        first = min(found, key=lambda each: each["verdict"] != "fail")
        return f"{first.get('id') or first['metric']} in {first['scenario']}: {first['reason']}"
    if unfinished(document):
        return "What was judged is kept, but what is missing might not be."
    return "Every rule is kept by the worse of its 95 % bounds, in each scenario by itself."


def _charts(document: Document) -> list[tuple[Chart, str]]:
    """A chart for every rule, in the order of the file, with its height [rem]."""
    by_id: dict[str, list[Entry]] = {}
    for rule in document["rules"]:
        by_id.setdefault(rule["id"], []).append(rule)
    charts = [rule_chart(f"rule-{place}", entries) for place, entries in enumerate(by_id.values())]
    return [(chart, f"{_FRAME_REM + _LINE_REM * _lines(chart):g}rem") for chart in charts]


def _lines(chart: Chart) -> int:
    return sum(len(trace["y"]) for trace in chart.traces)


def _card(rule: Entry) -> Mapping[str, Any]:
    found = figures(rule)
    return {"rule": rule, "found": found, "require": str(parse_rule(rule["require"]))}


def _finding(finding: Entry) -> Mapping[str, Any]:
    return {
        "finding": finding,
        "before": value(finding["before"]),
        "after": value(finding["after"]),
        "change": change(finding),
        "between": between(finding),
    }


def _drawn(charts: Sequence[Chart]) -> str:
    drawn = {c.key: {"traces": list(c.traces), "layout": c.layout(_WINDOW)} for c in charts if not c.empty}
    return json.dumps(drawn, separators=(",", ":"), allow_nan=False)
