"""Options: what pools and vaults risk in them over time, what was quoted against what moved, and what it took."""

from collections.abc import Mapping

import numpy as np

from simulator.report.chart import Axis, Chart, Key, Panel, Trace, level, line
from simulator.report.run_tables import Floats, Ints, RunTables, floats, integers, texts
from simulator.report.sampling import extremes
from simulator.report.wording import percent, usd
from simulator.tables import field

POINTS = 1_200
GREEKS = ("net_delta_usd", "net_gamma_usd", "net_vega_usd", "net_theta_usd", "net_rho_usd", "delta_drift_usd")
QUOTED = "quoted_volatility_"
MARGIN = ("margin_used_usd", "margin_freed_usd", "pool_capital_usd", "option_longs_usd", "option_shorts_usd")
COST = ("option_premiums_usd", "option_payoffs_usd", "option_marks_usd")
REALISED = "realised_volatility"
COLOURS = ("market", "oracle", "pool")
HOVER = "%{y:,.4~s} USD"
AXIS = {"tickformat": "~s"}
Series = Mapping[str, tuple[Ints, Floats]]  # by name: times [s since 1970] and values


def option_charts(run: RunTables) -> list[Chart]:
    """Of each asset with options its volatility and margin, of each pool and vault its Greeks; none without options.

    Accounts of traders are in the measures table only.
    """
    charts = []
    for (protocol, subject), series in _series(run).items():
        own = f"{protocol}-{subject}".replace("/", "-")
        if "option_longs_usd" in series:
            charts += [_volatility(own, subject, series), _margin(own, subject, series)]
        if "net_delta_usd" in series:
            charts += [_first_order(own, subject, series), _second_order(own, subject, series)]
        if "option_premiums_usd" in series:
            charts.append(_cost(own, subject, series))
    return [chart for chart in charts if chart is not None]


def _series(run: RunTables) -> dict[tuple[str, str], Series]:
    names = (*GREEKS, *MARGIN, *COST, REALISED)
    where = (field("name").isin(names) | field("name").isin([f"{QUOTED}{days}d" for days in (7, 30)])) & (
        field("protocol") != "market"
    )
    table = run.read("measures", ["block", "protocol", "subject", "name", "value"], where)
    keys = list(zip(texts(table, "protocol"), texts(table, "subject"), strict=True))
    found, times, values = texts(table, "name"), run.time_of(integers(table, "block")), floats(table, "value")
    rows: dict[tuple[str, str], dict[str, list[int]]] = {}
    for row, (key, name) in enumerate(zip(keys, found, strict=True)):
        if not key[1].startswith("0x"):
            rows.setdefault(key, {}).setdefault(name, []).append(row)
    return {
        key: {name: (times[chosen], values[chosen]) for name, chosen in by_name.items()}
        for key, by_name in sorted(rows.items())
    }


def _line(series: Series, name: str, shown: str, colour: str, *, panel: int = 1, share: bool = False) -> Trace:
    times, values = series[name]
    kept = extremes([values], POINTS)
    values = 100 * values if share else values
    hover = "%{y:.3~r} %" if share else HOVER
    axis: Axis = "y" if panel == 1 else "y2"
    return line(shown, times[kept], values[kept], colour, axis=axis, step=not share, hover=hover)


def _drawn(
    series: Series, parts: tuple[tuple[str, str, str, int], ...], *, share: bool = False
) -> tuple[tuple[Key, ...], tuple[Trace, ...]]:
    """Keys and traces of those that were recorded: name, words, colour and panel of each."""
    known = [part for part in parts if part[0] in series]
    keys = tuple(Key(shown, "line", colour, shown) for _, shown, colour, _ in known)
    return keys, tuple(_line(series, name, shown, colour, panel=p, share=share) for name, shown, colour, p in known)


def _volatility(own: str, asset: str, series: Series) -> Chart:
    quoted = [name for name in series if name.startswith(QUOTED)]
    parts = [
        (name, f"Quoted, {name.removeprefix(QUOTED)[:-1]} days", COLOURS[i % 2], 1) for i, name in enumerate(quoted)
    ]
    keys, traces = _drawn(series, (*parts, (REALISED, "Realised, last day", "pool", 1)), share=True)
    words = "The surface had no prices at any sample."
    if quoted and REALISED in series:
        implied, realised = (float(np.mean(series[name][1])) for name in (quoted[0], REALISED))
        side = "above" if implied >= realised else "below"
        words = (
            f"Options quoted {percent(implied)} a year at the mean, {percent(abs(implied - realised))} {side} realised."
        )
    panels = (Panel("Volatility, % a year", 1.0, {"rangemode": "tozero"}),)
    return Chart(
        f"option-volatility-{own}", f"Implied against realised volatility of {asset}", words, keys, panels, traces
    )


def _margin(own: str, asset: str, series: Series) -> Chart:
    parts = (
        ("option_longs_usd", "Options bought", "pool", 1),
        ("option_shorts_usd", "Options written", "market", 1),
        ("margin_used_usd", "Margin used", "oracle", 2),
        ("margin_freed_usd", "Margin freed", "lowest", 2),
    )
    bought, written, used, freed = (_peak(series, name) for name, *_ in parts)
    keys, traces = _drawn(series, parts if used or freed else parts[:2])
    words = (
        f"Options on up to {usd(bought)} were held, and on up to {usd(written)} written. Writers had up to {usd(used)} "
        f"of collateral in them; cover by the asset spared up to {usd(freed)} of margin."
    )
    panels = [Panel("Notional, USD", 0.5, {**AXIS, "rangemode": "tozero"}), Panel("Margin, USD", 0.5, AXIS)]
    if not (used or freed):
        panels = [Panel("Notional, USD", axis=panels[0].axis)]
    return Chart(f"option-margin-{own}", f"Open options and margin of {asset}", words, keys, tuple(panels), traces)


def _first_order(own: str, subject: str, series: Series) -> Chart:
    parts = (
        ("net_delta_usd", "Net delta", "market", 1),
        ("delta_drift_usd", "Drift of delta", "lowest", 1),
        ("net_gamma_usd", "Gamma for 1 %", "oracle", 2),
    )
    keys, traces = _drawn(series, parts)
    words = (
        f"Delta was up to {usd(_peak(series, 'net_delta_usd'))} either way; without a trade it moved by up to "
        f"{usd(_peak(series, 'delta_drift_usd'))} between two samples. A move of 1 % changed it by up to "
        f"{usd(_peak(series, 'net_gamma_usd'))}."
    )
    panels = (Panel("Delta, USD", 0.6, AXIS), Panel("Gamma, USD for 1 %", 0.4, {**AXIS, "nticks": 4}))
    shapes = (level(0.0, "limit"), level(0.0, "limit", panel=2))
    return Chart(f"option-delta-{own}", f"Delta and gamma of {subject}", words, keys, panels, traces, shapes)


def _second_order(own: str, subject: str, series: Series) -> Chart:
    parts = (
        ("net_vega_usd", "Vega of a point", "pool", 1),
        ("net_rho_usd", "Rho of a point", "exogenous", 1),
        ("net_theta_usd", "Theta of a day", "open", 2),
    )
    keys, traces = _drawn(series, parts)
    words = (
        f"A point of volatility was worth up to {usd(_peak(series, 'net_vega_usd'))} either way, a day up to "
        f"{usd(_peak(series, 'net_theta_usd'))}, a point of the rate up to {usd(_peak(series, 'net_rho_usd'))}."
    )
    panels = (Panel("Vega and rho, USD", 0.55, AXIS), Panel("Theta, USD a day", 0.45, {**AXIS, "nticks": 4}))
    shapes = (level(0.0, "limit"), level(0.0, "limit", panel=2))
    return Chart(f"option-vega-{own}", f"Vega, theta and rho of {subject}", words, keys, panels, traces, shapes)


def _cost(own: str, subject: str, series: Series) -> Chart:
    parts = (
        ("option_premiums_usd", "Premiums paid", "lowest", 1),
        ("option_payoffs_usd", "Paid out", "pool", 1),
        ("option_marks_usd", "Worth now", "market", 1),
    )
    keys, traces = _drawn(series, parts)
    last = [float(series[name][1][-1]) if name in series else 0.0 for name in COST]
    paid, brought = last[0], last[1] + last[2]
    words = f"The hedge cost {usd(paid)} in premiums and fees, and brought {usd(brought)}, what it is worth included."
    panels = (Panel("USD since the start", 1.0, AXIS),)
    return Chart(f"option-cost-{own}", f"What the options of {subject} cost", words, keys, panels, traces)


def _peak(series: Series, name: str) -> float:
    """The greatest size of a measure; 0 where it was never recorded."""
    return float(np.nanmax(np.abs(series[name][1]))) if name in series else 0.0
