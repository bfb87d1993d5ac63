"""What perpetuals and options of an asset cost: premium and funding rate, and implied volatility."""

import numpy as np

from simulator.report.chart import Chart, Key, Panel, level, line
from simulator.report.run_tables import Floats, Ints, RunTables, floats, integers, texts
from simulator.report.sampling import extremes
from simulator.report.wording import number, percent
from simulator.tables import field

POINTS = 1_600
BASIS_POINTS = 1e4
VOLATILITY = "implied_volatility_"
COLOURS = ("market", "oracle", "pool", "lowest", "exogenous", "limit")
Series = dict[str, tuple[Ints, Floats]]  # by name: times [s since 1970] and values


def derivative_charts(run: RunTables) -> list[Chart]:
    """For each asset a chart of its funding and one of its volatility, where the scenario has them."""
    charts = []
    for asset, series in _series(run).items():
        if "premium" in series:
            charts.append(_funding(asset, series))
        if any(name.startswith(VOLATILITY) for name in series):
            charts.append(_volatility(asset, series))
    return charts


def _series(run: RunTables) -> dict[str, Series]:
    table = run.read("measures", ["block", "subject", "name", "value"], field("protocol") == "market")
    times, values = run.time_of(integers(table, "block")), floats(table, "value")
    assets, names = np.array(texts(table, "subject")), np.array(texts(table, "name"))
    found: dict[str, Series] = {}
    for asset in sorted(set(assets.tolist())):
        for name in dict.fromkeys(names[assets == asset].tolist()):  # in the order of recording: by expiry
            rows = (assets == asset) & (names == name)
            found.setdefault(asset, {})[name] = times[rows], values[rows]
    return found


def _funding(asset: str, series: Series) -> Chart:
    time, premium = series["premium"]
    rate = series["funding_rate"][1]
    kept = extremes([premium, rate], POINTS)
    hover = "%{y:+,.3~r} bp"
    ends = f"from {_bp(premium.min())} to {_bp(premium.max())}"
    paid = f"Longs paid {_bp(rate.max())} an hour at most and {_bp(rate.min())} at least; below zero they were paid."
    return Chart(
        key=f"funding-{asset}",
        title=f"Funding of {asset}",
        summary=f"The perpetual's premium went {ends} for 8 hours. {paid}",
        keys=(Key("Premium", "line", "market", "Premium"), Key("Funding rate", "line", "oracle", "Funding rate")),
        panels=(Panel("Premium, bp for 8 h", 0.6), Panel("Funding rate, bp an hour", 0.4, {"nticks": 4})),
        traces=(
            line("Premium", time[kept], BASIS_POINTS * premium[kept], "market", hover=hover),
            line("Funding rate", time[kept], BASIS_POINTS * rate[kept], "oracle", axis="y2", step=True, hover=hover),
        ),
        shapes=(level(0.0, "limit"), level(0.0, "limit", panel=2)),
    )


def _volatility(asset: str, series: Series) -> Chart:
    chosen = [name for name in series if name.startswith(VOLATILITY)]
    kept = extremes([series[name][1] for name in chosen], POINTS)
    traces, keys = [], []
    for place, name in enumerate(chosen):
        time, values = series[name]
        shown, colour = f"{name.removeprefix(VOLATILITY)[:-1]} days", COLOURS[place % len(COLOURS)]
        traces.append(line(shown, time[kept], 100 * values[kept], colour, hover="%{y:.3~r} %"))
        keys.append(Key(shown, "line", colour, shown))
    every = np.concatenate([series[name][1] for name in chosen])
    low, high = float(every.min()), float(every.max())
    words = f"A year's volatility in the price of an option at the money went from {percent(low)} to {percent(high)}."
    if series["butterfly_g_min"][1].min() < 0:
        words += " At times strikes that kept their volatility while spot moved gave prices with butterfly arbitrage."
    panels = (Panel("Implied volatility at the money, % a year"),)
    return Chart(f"volatility-{asset}", f"Implied volatility of {asset}", words, tuple(keys), panels, tuple(traces))


def _bp(share: float) -> str:
    return f"{number(BASIS_POINTS * float(share))} bp"
