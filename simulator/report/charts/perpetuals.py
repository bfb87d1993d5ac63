"""Perpetual markets: premium and funding, open interest and skew, and who paid for bankrupt accounts."""

import json

import numpy as np

from simulator.report.chart import Chart, Key, Panel, Trace, instants, level, line, rounded
from simulator.report.run_tables import Floats, Ints, RunTables, floats, integers, texts
from simulator.report.sampling import extremes
from simulator.report.wording import count, number, usd
from simulator.tables import field

POINTS = 1_200
MARKS = 2_000
BASIS_POINTS = 1e4
NEEDED = ("premium", "funding_rate", "long_usd", "short_usd", "skew_usd", "pool_capital_usd", "insurance_fund_usd")
HOVER = "%{y:,.4~s} USD"
AXIS = {"tickformat": "~s"}
Series = dict[str, Floats]


def perpetual_charts(run: RunTables) -> list[Chart]:
    """Three charts for each market; none where there is none."""
    names = (*NEEDED, "bad_debt_usd", "shortfall_usd")
    where = field("name").isin(names) & (field("protocol") != "market")
    table = run.read("measures", ["block", "protocol", "subject", "name", "value"], where)
    keys = np.array([f"{p}/{s}" for p, s in zip(texts(table, "protocol"), texts(table, "subject"), strict=True)])
    found, blocks, values = np.array(texts(table, "name")), integers(table, "block"), floats(table, "value")
    charts = []
    for market in sorted(set(keys[found == "premium"].tolist())):
        own = keys == market
        sampled = np.unique(blocks[own & (found == "premium")])
        series = {name: _along(sampled, blocks[own & (found == name)], values[own & (found == name)]) for name in names}
        times = run.time_of(sampled)
        charts += [
            _funding(market, times, series),
            _interest(run, market, times, series),
            _losses(run, market, times, series),
        ]
    return charts


def _along(sampled: Ints, blocks: Ints, values: Floats) -> Floats:
    """Values at the sampled blocks, NaN where there is none; of two in one block the later."""
    result = np.full(len(sampled), np.nan)
    result[np.searchsorted(sampled, blocks).clip(0, len(sampled) - 1)] = values
    return result


def _funding(market: str, times: Ints, series: Series) -> Chart:
    premium, rate = BASIS_POINTS * series["premium"], BASIS_POINTS * series["funding_rate"]
    kept = extremes([premium, rate], POINTS)
    hover = "%{y:+,.3~r} bp"
    words = (
        f"The premium went from {_bp(np.nanmin(premium))} to {_bp(np.nanmax(premium))}; "
        f"longs paid {_bp(np.nanmax(rate))} a day at most and {_bp(np.nanmin(rate))} at least."
    )
    return Chart(
        key=f"perp-funding-{market}",
        title=f"Funding of {market}",
        summary=words,
        keys=(Key("Premium", "line", "market", "Premium"), Key("Funding rate", "line", "oracle", "Funding rate")),
        panels=(Panel("Premium, bp", 0.5), Panel("Funding rate, bp a day", 0.5, {"nticks": 5})),
        traces=(
            line("Premium", times[kept], premium[kept], "market", step=True, hover=hover),
            line("Funding rate", times[kept], rate[kept], "oracle", axis="y2", step=True, hover=hover),
        ),
        shapes=(level(0.0, "limit"), level(0.0, "limit", panel=2)),
    )


def _interest(run: RunTables, market: str, times: Ints, series: Series) -> Chart:
    """Both sides and the net of them, with every liquidation at the notional that it closed."""
    long, short, skew = series["long_usd"], series["short_usd"], series["skew_usd"]
    kept = extremes([long, short, skew], POINTS)
    peak = max(float(np.nanmax(long)), float(np.nanmax(short)))
    words = (
        f"The larger side reached {usd(peak)}; the net position, which the pool holds the opposite of, went from "
        f"{usd(float(np.nanmin(skew)))} to {usd(float(np.nanmax(skew)))}."
    )
    traces: list[Trace] = [
        line("Longs", times[kept], long[kept], "pool", step=True, hover=HOVER),
        line("Shorts", times[kept], short[kept], "open", step=True, hover=HOVER),
        line("Net", times[kept], skew[kept], "market", axis="y2", step=True, hover=HOVER),
    ]
    keys = [
        Key("Longs", "line", "pool", "Longs"),
        Key("Shorts", "line", "open", "Shorts"),
        Key("Net", "line", "market", "Net"),
    ]
    clock, closed = _events(run, market, "liquidation", "debt_usd")
    clock, closed = clock[closed > 0], closed[closed > 0]
    if len(closed):
        words += f" {count(len(closed), 'liquidation')} closed {usd(float(closed.sum()))}."
        traces.append(_marks("Liquidated", clock[-MARKS:], closed[-MARKS:], "lowest", "circle"))
        keys.append(Key("Liquidated", "circle", "lowest", "Liquidated"))
    return Chart(
        key=f"perp-interest-{market}",
        title=f"Open interest of {market}",
        summary=words,
        keys=tuple(keys),
        panels=(Panel("Open interest, USD", 0.6, {**AXIS, "rangemode": "tozero"}), Panel("Net, USD", 0.4, AXIS)),
        traces=tuple(traces),
        shapes=(level(0.0, "limit", panel=2),),
        hover="closest",
    )


def _losses(run: RunTables, market: str, times: Ints, series: Series) -> Chart:
    """Fund and pool above what is owed, with every deleveraged account and every loss that fell on the pool."""
    fund, pool = series["insurance_fund_usd"], series["pool_capital_usd"]
    owed = series["bad_debt_usd"] + series["shortfall_usd"]
    kept = extremes([fund, pool, owed], POINTS)
    traces: list[Trace] = [
        line("Insurance fund", times[kept], fund[kept], "pool", step=True, hover=HOVER),
        line("Shortfall", times[kept], owed[kept], "open", step=True, hover=HOVER),
        line("Pool capital", times[kept], pool[kept], "market", axis="y2", step=True, hover=HOVER),
    ]
    keys = [
        Key("Insurance fund", "line", "pool", "Insurance fund"),
        Key("Shortfall", "line", "open", "Shortfall"),
        Key("Pool capital", "line", "market", "Pool capital"),
    ]
    words = f"The insurance fund ended at {usd(float(fund[-1]))}, the pool at {usd(float(pool[-1]))}."
    for name, shown, key, colour, look in (
        ("deleveraged", "Deleveraged", "haircut_usd", "lowest", "circle"),
        ("socialised", "Fell on the pool", "loss_usd", "limit", "diamond"),
    ):
        clock, amounts = _events(run, market, name, key)
        if not len(amounts):
            continue
        words += f" {shown}: {count(len(amounts), 'time')}, {usd(float(amounts.sum()))} in all."
        traces.append(_marks(shown, clock[-MARKS:], amounts[-MARKS:], colour, look))
        keys.append(Key(shown, "circle" if look == "circle" else "diamond", colour, shown))
    return Chart(
        key=f"perp-losses-{market}",
        title=f"Insurance fund and shortfall of {market}",
        summary=words,
        keys=tuple(keys),
        panels=(
            Panel("USD", 0.65, {**AXIS, "rangemode": "tozero"}),
            Panel("Pool capital, USD", 0.35, {**AXIS, "nticks": 4}),
        ),
        traces=tuple(traces),
        hover="closest",
    )


def _events(run: RunTables, market: str, name: str, key: str) -> tuple[Ints, Floats]:
    """When neutral events of a name befell a market or its accounts, and an amount of theirs."""
    table = run.read("events", ["block", "subject", "args"], (field("name") == name) & field("index").is_null())
    subjects = texts(table, "subject")
    rows = [row for row, subject in enumerate(subjects) if subject == market or subject.startswith(f"{market}/")]
    amounts = np.array([float(json.loads(text)[key]) for text in table["args"].to_pylist()], dtype=np.float64)
    return run.time_of(integers(table, "block")[rows]), amounts[rows]


def _marks(name: str, times: Ints, amounts: Floats, colour: str, symbol: str) -> Trace:
    return {
        "type": "scatter", "mode": "markers", "name": name, "legendgroup": name, "x": instants(times),
        "y": rounded(amounts), "marker": {"color": f"@{colour}", "size": 7, "symbol": symbol},
        "hovertemplate": f"{HOVER}<extra>{name}</extra>",
    }  # fmt: skip


def _bp(value: float) -> str:
    return f"{number(float(value))} bp"
