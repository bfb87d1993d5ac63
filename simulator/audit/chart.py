"""Each rule's estimates in all scenarios, with their 95 % bounds, against its limit."""

from collections.abc import Sequence
from typing import Any, Final

from simulator.audit.document import Entry
from simulator.audit.wording import VERDICTS, figures
from simulator.report.chart import Chart, Key, Look, Panel, Shape, Trace, empty_chart, rounded
from simulator.report.wording import count
from simulator.stress.require import Rule, parse_rule
from simulator.stress.wording import scale, statistic_name

_COLOURS: Final = {"pass": "pool", "fail": "zero", "inconclusive": "oracle"}
_LOOKS: Final[dict[str, Look]] = {"pass": "circle", "fail": "cross", "inconclusive": "diamond"}
_SYMBOLS: Final = {"pass": "circle", "fail": "x", "inconclusive": "diamond"}
_BROKEN, _OPEN = "breaks the limit", "no bound from so few runs"
_LONGEST: Final = 20  # letters of a scenario's name beside its line
_ROOM: Final = 0.06  # of the width, beyond the outermost mark
_UPPER, _LOWER = ("<=", "<"), (">=", ">")  # what a limit may bound


def rule_chart(key: str, entries: Sequence[Entry]) -> Chart:
    """The chart of one rule; `entries` are those of the document with its id, one a scenario."""
    rule = parse_rule(entries[0]["require"])
    title = f"{entries[0]['id']}: {rule.expression if rule.is_parameter else statistic_name(rule)}"
    known = [entry for entry in entries if entry["estimate"] is not None]
    if not known:
        return empty_chart(key, title, f"Asked for: {rule}. No run has data for it.")
    factor, unit = scale(rule)
    edges = _edges(known, rule)
    verdicts = [verdict for verdict in _COLOURS if any(entry["verdict"] == verdict for entry in known)]
    open_ends = [shape for place, entry in enumerate(known) for shape in _open_ends(place, entry, factor, edges)]
    return Chart(
        key=key,
        title=title,
        summary=_words(rule, entries),
        keys=(*(Key(VERDICTS[v], _LOOKS[v], _COLOURS[v]) for v in verdicts), *_keys(rule, bool(open_ends))),
        panels=(Panel(f"Estimate and 95 % bounds{f', {unit.strip()}' if unit else ''}", 1.0, _names(known)),),
        traces=tuple(_marks(verdict, known, factor) for verdict in verdicts),
        shapes=(*_limit(rule, edges), *open_ends),
        hover="closest",
        across={"type": "linear", "showgrid": True, "hoverformat": ".4~r", "range": list(edges)},
    )


def _words(rule: Rule, entries: Sequence[Entry]) -> str:
    apart = [("Broken", "fail"), ("Undecided", "inconclusive")]
    parts = [f"Asked for: {rule}."]
    for word, verdict in apart:
        if names := [entry["scenario"] for entry in entries if entry["verdict"] == verdict]:
            parts.append(f"{word} in {', '.join(names)}.")
    if len(parts) == 1:
        parts.append(f"Kept in {count(len(entries), 'scenario')}.")
    return " ".join([*parts, entries[0]["why"]]).strip()


def _keys(rule: Rule, open_ends: bool) -> list[Key]:
    keys = [Key(f"limit {rule.limit}", "dash", "limit")]
    if rule.comparison in (*_UPPER, *_LOWER):
        keys.append(Key(_BROKEN, "band", "gap"))
    return [*keys, Key(_OPEN, "dot", "exogenous")] if open_ends else keys


def _edges(known: Sequence[Entry], rule: Rule) -> tuple[float, float]:
    """The ends of the horizontal axis, in the unit of the limit: every mark and the limit are within."""
    factor, _ = scale(rule)
    found = [factor * entry[part] for entry in known for part in ("estimate", "low", "high") if entry[part] is not None]
    low, high = min(*found, factor * rule.limit.value), max(*found, factor * rule.limit.value)
    room = _ROOM * (high - low) or max(abs(high), 1.0) / 2
    return low - room, high + room


def _names(known: Sequence[Entry]) -> dict[str, Any]:
    """A vertical axis with a line for every scenario, the first on top."""
    names = [entry["scenario"] for entry in known]
    return {
        "tickvals": list(range(len(known))),
        "ticktext": [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in names],
        "range": [len(known) - 0.5, -0.5],
        "showgrid": False,
        "fixedrange": True,
    }


def _marks(verdict: str, known: Sequence[Entry], factor: float) -> Trace:
    """The estimates of one verdict, each with a bar between its bounds where there are any."""
    shown = [(place, entry) for place, entry in enumerate(known) if entry["verdict"] == verdict]
    values = [factor * entry["estimate"] for _, entry in shown]
    ends = [[factor * _end(entry, part) for _, entry in shown] for part in ("low", "high")]
    colour = f"@{_COLOURS[verdict]}"
    return {
        "type": "scatter", "mode": "markers", "name": VERDICTS[verdict], "x": rounded(values),
        "y": [place for place, _ in shown], "text": [_label(entry) for _, entry in shown],
        "marker": {"color": colour, "size": 10, "symbol": _SYMBOLS[verdict]},
        "error_x": {"type": "data", "symmetric": False, "color": colour, "thickness": 2, "width": 5,
                    "array": rounded(high - value for value, high in zip(values, ends[1], strict=True)),
                    "arrayminus": rounded(value - low for value, low in zip(values, ends[0], strict=True))},
        "hovertemplate": f"%{{text}}<extra>{VERDICTS[verdict]}</extra>",
    }  # fmt: skip


def _end(entry: Entry, part: str) -> float:
    return float(entry["estimate"] if entry[part] is None else entry[part])


def _label(entry: Entry) -> str:
    found = figures(entry)
    return f"{entry['scenario']}<br>{found.estimate}, 95 % bound {found.bound}<br>{found.runs} runs"


def _limit(rule: Rule, edges: tuple[float, float]) -> list[Shape]:
    """The limit as a line across all scenarios, and shaded what breaks it."""
    factor, _ = scale(rule)
    limit = factor * rule.limit.value
    upright = {"xref": "x", "yref": "paper", "y0": 0, "y1": 1, "x0": limit}
    line = {"type": "line", "layer": "above", **upright, "x1": limit,
            "line": {"color": "@limit", "width": 1.5, "dash": "dash"}}  # fmt: skip
    if rule.comparison not in (*_UPPER, *_LOWER):
        return [line]
    end = edges[1] if rule.comparison in _UPPER else edges[0]
    return [{"type": "rect", "layer": "below", **upright, "x1": end, "fillcolor": "@gap", "line": {"width": 0}}, line]


def _open_ends(place: int, entry: Entry, factor: float, edges: tuple[float, float]) -> list[Shape]:
    """From the estimate to the edge on each side that has no bound."""
    start = factor * entry["estimate"]
    ends = [end for part, end in zip(("low", "high"), edges, strict=True) if entry[part] is None]
    return [
        {"type": "line", "layer": "below", "xref": "x", "yref": "y", "x0": start, "x1": end, "y0": place, "y1": place,
         "line": {"color": "@exogenous", "width": 1.5, "dash": "dot"}}
        for end in ends
    ]  # fmt: skip
