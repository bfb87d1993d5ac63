"""Vaults: what a share was worth and where that came from, how the hedge was kept, and who waited."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from simulator.report.chart import Chart, Key, Panel, Trace, instants, level, line, rounded
from simulator.report.run_tables import Floats, Ints, RunTables, floats, integers, texts
from simulator.report.sampling import extremes
from simulator.report.wording import count, duration, number, percent, usd
from simulator.tables import field

POINTS = 1_200
MARKS = 2_000
PARTS = (
    ("pnl_spot", "Spot", "pool"),
    ("pnl_hedge", "Hedge", "oracle"),
    ("pnl_funding", "Funding", "lowest"),
    ("pnl_trading", "Trading", "exogenous"),
    ("pnl_fees", "Fees", "limit"),
)
NAMES = ("nav_per_share", "delta", "margin_ratio", "queued_usd", "rebalance_cost_usd", "rebalance_delay_seconds")
AMOUNTS = {"tickformat": "~s"}
Series = Mapping[str, tuple[Ints, Floats]]  # by name: times [s since 1970] and values


def vault_charts(run: RunTables) -> list[Chart]:
    """The charts of each vault; none where there is none."""
    charts = []
    for (protocol, vault), series in _series(run).items():
        triggers = run.scenario.get(protocol, {}).get("triggers", {})
        charts += [_worth(vault, series), _hedge(vault, series, triggers)]
        charts += _cost(run, vault, series) + _queue(vault, series)
    return charts


def _series(run: RunTables) -> dict[tuple[str, str], Series]:
    names = (*NAMES, *(name for name, _, _ in PARTS))
    table = run.read("measures", ["block", "protocol", "subject", "name", "value"], field("name").isin(names))
    protocols, subjects, found = (np.array(texts(table, column)) for column in ("protocol", "subject", "name"))
    times, values = run.time_of(integers(table, "block")), floats(table, "value")
    vaults = dict.fromkeys(zip(protocols.tolist(), subjects.tolist(), strict=True))
    result: dict[tuple[str, str], Series] = {}
    for protocol, subject in sorted(vaults):
        own = (protocols == protocol) & (subjects == subject)
        if (own & (found == "nav_per_share")).any():
            rows = {name: own & (found == name) for name in names}
            result[protocol, subject] = {name: (times[row], values[row]) for name, row in rows.items() if row.any()}
    return result


def _worth(vault: str, series: Series) -> Chart:
    """Net assets a share above the parts of profit."""
    times, worth = series["nav_per_share"]
    asset = vault.rsplit("/", 1)[-1]
    kept = extremes([worth], POINTS)
    traces: list[Trace] = [line("A share", times[kept], worth[kept], "market", hover="%{y:,.6~r}")]
    keys = [Key("A share", "line", "market", "A share")]
    parts = {shown: series[name] for name, shown, _ in PARTS if name in series and np.any(series[name][1])}
    ends = [f"{shown.lower()} {number(float(values[-1]))}" for shown, (_, values) in parts.items()]
    colours = {shown: colour for _, shown, colour in PARTS}
    if "Hedge" in parts:  # each alone is many times larger than what is left of both
        clock, hedge = parts.pop("Hedge")
        parts = {"Spot and hedge": (clock, hedge + parts.pop("Spot", (clock, 0.0 * hedge))[1]), **parts}
    largest = max((float(np.abs(values).max()) for _, values in parts.values()), default=0.0)
    for shown, (clock, values) in parts.items():
        few, colour = extremes([values], POINTS), colours.get(shown, "pool")
        traces.append(line(shown, clock[few], values[few], colour, axis="y2", hover="%{y:+,.4~r}"))
        keys.append(Key(shown, "line", colour, shown))
    fall = float(np.max(1 - worth / np.maximum.accumulate(worth)))
    words = (
        f"A share went from {number(float(worth[0]), 5)} to {number(float(worth[-1]), 5)} {asset}, fees taken off, and "
        f"lost {percent(fall)} from its best at the worst."
    )
    if ends:
        words += f" What became of all of it, in {asset}: {', '.join(ends)}."
    panels = (
        Panel(f"A share, {asset}", 0.5),
        Panel(f"Profit since the start, {asset}", 0.5, AMOUNTS if largest >= 1e3 else {}),
    )
    return Chart(
        key=f"vault-worth-{vault}",
        title=f"Net assets of {vault}",
        summary=words,
        keys=tuple(keys),
        panels=panels,
        traces=tuple(traces),
        shapes=(level(0.0, "limit", panel=2),),
    )


def _hedge(vault: str, series: Series, triggers: Mapping[str, Any]) -> Chart:
    """Delta in its band with every rebalance, above the margin ratio."""
    times, delta = series["delta"]
    delta = 100 * delta
    kept = extremes([delta], POINTS)
    band = 100 * float(triggers.get("band", 0.0))
    traces: list[Trace] = [line("Delta", times[kept], delta[kept], "market", step=True, hover="%{y:+,.3~r} %")]
    keys = [Key("Delta", "line", "market", "Delta"), Key("Band", "dash", "limit")]
    shapes = [level(edge, "limit") for edge in (-band, band) if band]
    done = series.get("rebalance_cost_usd", (np.empty(0, dtype=np.int64), np.empty(0)))[0][-MARKS:]
    if len(done):
        at = delta[np.searchsorted(times, done).clip(0, len(times) - 1)]
        traces.append(_marks("Rebalance", done, at, "%{y:+,.3~r} %"))
        keys.append(Key("Rebalance", "diamond", "lowest", "Rebalance"))
    outside = float(np.mean(np.abs(delta) > band)) if band else 0.0
    words = (
        f"Delta, less the wanted one, reached {number(float(np.max(np.abs(delta))))} % of net assets and was outside "
        f"its band of {number(band)} % in {percent(outside)} of the blocks; {count(len(done), 'rebalance')}."
    )
    if "rebalance_delay_seconds" in series:
        delays = series["rebalance_delay_seconds"][1]
        words += f" From due to done or no longer needed it took {duration(float(np.median(delays)))} at the median, "
        words += f"{duration(float(delays.max()))} at most."
    panels = [Panel("Delta, % of net assets", 0.55 if "margin_ratio" in series else 1.0)]
    if "margin_ratio" in series:
        clock, margin = series["margin_ratio"]
        few = extremes([margin], POINTS)
        traces.append(line("Margin", clock[few], 100 * margin[few], "pool", axis="y2", hover="%{y:,.4~r} %"))
        keys.append(Key("Margin or collateral ratio", "line", "pool", "Margin"))
        bounds = [100 * float(triggers.get(name, 0.0)) for name in ("margin_floor", "margin_ceiling")]
        shapes += [
            level(bound, "lowest" if place == 0 else "limit", panel=2) for place, bound in enumerate(bounds) if bound
        ]
        words += f" The margin ratio was {percent(float(margin.min()))} at the lowest."
        if bounds[0]:
            keys.append(Key(f"Floor at {number(bounds[0])} %", "dash", "lowest"))
        panels.append(Panel("Margin over notional, or collateral over debt, %", 0.45, {"nticks": 5}))
    return Chart(
        key=f"vault-hedge-{vault}",
        title=f"Hedge of {vault}",
        summary=words,
        keys=tuple(keys),
        panels=tuple(panels),
        traces=tuple(traces),
        shapes=tuple(shapes),
        hover="closest",
    )


def _cost(run: RunTables, vault: str, series: Series) -> list[Chart]:
    """What rebalances have cost so far."""
    if "rebalance_cost_usd" not in series:
        return []
    times, costs = series["rebalance_cost_usd"]
    times, total = np.append(run.times[:1], times), np.append(0.0, np.cumsum(costs))
    times, total = np.append(times, run.times[-1:]), np.append(total, total[-1])
    kept = extremes([total], POINTS)
    words = (
        f"{count(len(costs), 'rebalance')} cost {usd(float(total[-1]))} in all, {usd(float(np.median(costs)))} at the "
        f"median and {usd(float(costs.max()))} at most: what was lost against the price at the decision, and gas."
    )
    return [
        Chart(
            key=f"vault-cost-{vault}",
            title=f"Cost of rebalances of {vault}",
            summary=words,
            keys=(Key("Cost so far", "line", "open", "Cost so far"),),
            panels=(Panel("USD", 1.0, AMOUNTS),),
            traces=(line("Cost so far", times[kept], total[kept], "open", step=True, hover="%{y:,.4~s} USD"),),
        )
    ]


def _queue(vault: str, series: Series) -> list[Chart]:
    """What waits for assets, where anybody had to."""
    times, queued = series.get("queued_usd", (np.empty(0, dtype=np.int64), np.empty(0)))
    if not np.any(queued > 0):
        return []
    kept = extremes([queued], POINTS)
    words = f"Shares worth {usd(float(queued.max()))} waited at the most, {usd(float(queued[-1]))} at the end."
    return [
        Chart(
            key=f"vault-queue-{vault}",
            title=f"Withdrawals that wait, {vault}",
            summary=words,
            keys=(Key("Waiting", "line", "open", "Waiting"),),
            panels=(Panel("USD", 1.0, {**AMOUNTS, "rangemode": "tozero"}),),
            traces=(line("Waiting", times[kept], queued[kept], "open", step=True, hover="%{y:,.4~s} USD"),),
        )
    ]


def _marks(name: str, times: Ints, values: Floats, hover: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "legendgroup": name,
        "x": instants(times),
        "y": rounded(values),
        "yaxis": "y",
        "marker": {"color": "@lowest", "size": 8, "symbol": "diamond"},
        "hovertemplate": f"{hover}<extra>{name}</extra>",
    }
