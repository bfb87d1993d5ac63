"""The charts of a sweep, in their order on the page."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from simulator.report.chart import Chart
from simulator.stress.answer import Answer
from simulator.stress.charts.frontier import frontiers
from simulator.stress.charts.sensitivity import sensitivities
from simulator.stress.charts.surfaces import metric_charts, rule_charts
from simulator.stress.charts.tail import tail_chart

if TYPE_CHECKING:
    import pandas as pd

Group = tuple[str, str, list[Chart]]


def draw_charts(results: "pd.DataFrame", answer: Answer, sensitivity: Sequence[dict[str, Any]] = ()) -> list[Group]:
    """Groups of charts: anchor, title, charts. Groups without any are left out."""
    groups = [
        ("frontier", "What safety costs", frontiers(answer)),
        ("surfaces", "Constraints over the parameters", rule_charts(answer)),
        ("sensitivity", "What matters", sensitivities(sensitivity)),
        ("tail", "The tail", tail_chart(results, answer)),
        ("metrics", "Every metric", metric_charts(answer)),
    ]
    return [group for group in groups if group[2]]
