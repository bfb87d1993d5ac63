"""Capital efficiency against what a rule limits: every point with its interval, and those that no other beats."""

from collections.abc import Sequence
from typing import Any

from simulator.report.chart import Chart, Key, Panel, curve, empty_chart, level
from simulator.report.wording import count, number
from simulator.stress.answer import Answer
from simulator.stress.judge import Judged
from simulator.stress.wording import amount, interval, labels, scale, settings, statistic_name

_KEEPS, _BREAKS, _CHOSEN, _FRONTIER = "keeps every constraint", "does not", "recommended", "frontier"


def frontiers(answer: Answer) -> list[Chart]:
    """A chart for every rule about runs, where there is an efficiency."""
    if answer.efficiency is None:
        return []
    return [_frontier(answer, number) for number, rule in enumerate(answer.rules) if not rule.is_parameter]


def _frontier(answer: Answer, place: int) -> Chart:
    rule, efficiency = answer.rules[place], answer.efficiency
    assert efficiency is not None
    key, title = f"frontier-{place}", f"Efficiency against {statistic_name(rule)}"
    known = [p for p in answer.points if _efficiency(p) is not None and p.verdicts[place].estimate.value is not None]
    if not known:
        return empty_chart(key, title, "No point has data for both.")
    edge = sorted((p for p in known if p.number in answer.frontiers[place]), key=lambda p: p.rank)
    chosen = answer.recommendation.chosen
    apart = [
        (_KEEPS, [p for p in known if p.qualifies and p is not chosen], "pool", "circle"),
        (_BREAKS, [p for p in known if not p.qualifies], "zero", "cross"),
        (_CHOSEN, [p for p in known if p is chosen], "oracle", "diamond"),
    ]
    traces = [_line(edge, place, scale(rule)[0])] if len(edge) > 1 else []
    traces += [_marks(name, points, place, answer, colour, symbol) for name, points, colour, symbol in apart if points]
    keys = [Key(name, _LOOKS[symbol], colour, name) for name, points, colour, symbol in apart if points]
    keys += [Key(_FRONTIER, "line", "market", _FRONTIER)] if len(edge) > 1 else []
    factor, unit = scale(rule)
    return Chart(
        key=key,
        title=title,
        summary=_words(answer, place, known, edge),
        keys=(*keys, Key("limit", "dash", "limit")),
        panels=(Panel(f"{statistic_name(rule)}{f', {unit.strip()}' if unit else ''}", 1.0, {"hoverformat": ".4~r"}),),
        traces=tuple(traces),
        shapes=(level(factor * rule.limit.value, "limit"),),
        hover="closest",
        across={"type": "linear", "showgrid": True, "hoverformat": ".4~r", "title": {"text": efficiency.text}},
    )


_LOOKS: dict[str, Any] = {"circle": "circle", "cross": "cross", "diamond": "diamond"}


def _efficiency(point: Judged) -> float | None:
    return None if point.efficiency is None else point.efficiency.value


def _known(value: float | None, instead: float | None = None) -> float:
    found = instead if value is None else value
    return float("nan") if found is None else found


def _line(edge: Sequence[Judged], place: int, factor: float) -> dict[str, Any]:
    trace = curve(
        _FRONTIER,
        [_known(_efficiency(p)) for p in edge],
        [factor * _known(p.verdicts[place].estimate.value) for p in edge],
        "market",
    )
    return {**trace, "mode": "lines", "hoverinfo": "skip", "hovertemplate": None}


def _marks(name: str, points: Sequence[Judged], place: int, answer: Answer, colour: str, symbol: str) -> dict[str, Any]:
    factor, _ = scale(answer.rules[place])
    found = [p.verdicts[place].estimate for p in points]
    names = labels(list(points[0].changes))
    trace = curve(
        name,
        [_known(_efficiency(p)) for p in points],
        [factor * _known(e.value) for e in found],
        colour,
        labels=[
            f"{settings(p.changes, names)}<br>{interval(answer.rules[place], e)}"
            for p, e in zip(points, found, strict=True)
        ],
        low=[factor * _known(e.low, e.value) for e in found],
        high=[factor * _known(e.high, e.value) for e in found],
        mode="markers",
        symbol="x" if symbol == "cross" else symbol,
        hover="efficiency %{x:.4~r}",
    )
    if name == _CHOSEN:
        trace["marker"]["size"] = 13
    return trace


def _words(answer: Answer, place: int, known: Sequence[Judged], edge: Sequence[Judged]) -> str:
    rule, names = answer.rules[place], labels(list(known[0].changes))
    text = f"{count(len(edge), 'point')} of {len(known):,} {'is' if len(edge) == 1 else 'are'} beaten by none in both."
    if len(edge) > 1:
        first, last = edge[0], edge[-1]
        text += (
            f" Along the frontier efficiency goes from {number(_known(_efficiency(first)))} "
            f"({settings(first.changes, names)}) at {amount(rule, first.verdicts[place].estimate.value)} to "
            f"{number(_known(_efficiency(last)))} ({settings(last.changes, names)}) at "
            f"{amount(rule, last.verdicts[place].estimate.value)}."
        )
    return f"{text} Bars reach from the lower to the upper 95 % bound; the dashed line is the limit, {rule.limit}."
