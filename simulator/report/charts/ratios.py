"""How the positions' collateral ratios were spread over time."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from simulator.report.chart import Chart, Key, Panel, area, empty_chart, level, line
from simulator.report.run_tables import Floats, Ints, RunTables, floats, integers, texts
from simulator.report.sampling import extremes
from simulator.report.wording import count, number, percent, plain

TITLE = "Collateral ratios"
POINTS = 900
LEVELS = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class RatioScale:
    """How a protocol's health is shown: as a collateral ratio where one liquidation ratio serves all of it."""

    liquidation_ratio: float | None
    of_margin: bool = False  # health is equity over maintenance margin

    @property
    def factor(self) -> float:
        """What health is multiplied by to be shown: in per cent."""
        return 100.0 * (self.liquidation_ratio or 1.0)

    @property
    def title(self) -> str:
        """What the axis measures."""
        if self.of_margin:
            return "Equity over maintenance margin, %"
        return "Collateral over debt, %" if self.liquidation_ratio else "Collateral ratio over its liquidation ratio, %"

    def show(self, health: float) -> str:
        """One health in words."""
        return percent(health * self.factor / 100)


def ratio_scale(run: RunTables, protocol: str) -> RatioScale:
    """The scale of a protocol's positions, from the liquidation ratios of its collaterals."""
    settings: dict[str, Any] = run.scenario.get(protocol, {})
    collaterals = settings.get("collateral", {})
    ratios = (
        {kind.get("liquidation_ratio") for kind in collaterals.values()} if isinstance(collaterals, dict) else set()
    )
    ratio = float(ratios.pop()) if len(ratios) == 1 and None not in ratios else None
    return RatioScale(ratio, of_margin=settings.get("protocol") == "perps")


def ratio_charts(run: RunTables) -> list[Chart]:
    """One chart for every protocol with positions that owe something."""
    table = run.read("positions", ["block", "protocol", "required_usd", "health"])
    blocks, health = integers(table, "block"), floats(table, "health")
    indebted = np.isfinite(health) & (floats(table, "required_usd") > 0)
    if not indebted.any():
        return [empty_chart("ratios", TITLE, "No position with debt was recorded.")]
    names = np.array(texts(table, "protocol"))
    protocols = sorted(set(names[indebted].tolist()))
    charts = []
    for protocol in protocols:
        rows = indebted & (names == protocol)
        what = "Margin ratios" if ratio_scale(run, protocol).of_margin else TITLE
        title = what if len(protocols) == 1 else f"{what}, {plain(protocol)}"
        charts.append(_chart(run, protocol, title, blocks[rows], health[rows]))
    return charts


def quantiles_by_block(blocks: Ints, values: Floats, levels: tuple[float, ...]) -> tuple[Ints, Floats]:
    """The distinct blocks, ascending, and a row of quantiles for each (linear between order statistics)."""
    order = np.lexsort((values, blocks))
    ranked = values[order]
    found, starts = np.unique(blocks[order], return_index=True)
    sizes = np.diff(np.append(starts, len(ranked)))
    places = np.outer(sizes - 1, levels)
    below = np.floor(places).astype(np.int64)
    above = np.minimum(below + 1, (sizes - 1)[:, None])
    low, high = ranked[starts[:, None] + below], ranked[starts[:, None] + above]
    return found, low + (high - low) * (places - below)


def _chart(run: RunTables, protocol: str, title: str, blocks: Ints, health: Floats) -> Chart:
    scale = ratio_scale(run, protocol)
    sampled, rows = quantiles_by_block(blocks, health, LEVELS)
    columns = list(rows.T)
    kept = extremes([columns[0], columns[1], columns[4]], POINTS)
    times = run.time_of(sampled[kept])
    lowest, p1, p5, p25, p50, p75, p95 = (scale.factor * column[kept] for column in columns)
    hover = "%{y:,.1f} %"
    traces = [
        *area("1 % to 95 %", times, p1, p95, "ratio-1"),
        *area("5 % to 75 %", times, p5, p75, "ratio-2"),
        *area("25 % to 50 %", times, p25, p50, "ratio-3"),
        line("95 %", times, p95, "clear", width=0, hover=hover),
        line("75 %", times, p75, "clear", width=0, hover=hover),
        line("Median", times, p50, "ratio", hover=hover),
        line("25 %", times, p25, "clear", width=0, hover=hover),
        line("5 %", times, p5, "clear", width=0, hover=hover),
        line("1 %", times, p1, "clear", width=0, hover=hover),
        line("Lowest", times, lowest, "lowest", width=1.5, dash="dot", hover=hover),
    ]
    top = 1.15 * max(float(p75.max()), scale.factor * 1.1)
    bottom = 0.95 * min(float(lowest.min()), scale.factor)
    return Chart(
        key=f"ratios-{protocol}",
        title=title,
        summary=_words(scale, blocks, health),
        keys=(
            Key("Median", "line", "ratio", "Median"),
            Key("1 % to 95 % of positions", "band", "ratio-key-1", "1 % to 95 %"),
            Key("5 % to 75 %", "band", "ratio-key-2", "5 % to 75 %"),
            Key("25 % to 50 %", "band", "ratio-key-3", "25 % to 50 %"),
            Key("Lowest", "dot", "lowest", "Lowest"),
            Key(f"Liquidation at {number(scale.factor)} %", "dash", "limit"),
        ),
        panels=(Panel(scale.title, 1.0, {"range": [bottom, top]}),),
        traces=tuple(traces),
        shapes=(level(scale.factor, "limit"),),
    )


def _words(scale: RatioScale, blocks: Ints, health: Floats) -> str:
    last = health[blocks == blocks.max()]
    at_worst = blocks == blocks[health.argmin()]
    under = int((health[at_worst] < 1).sum())
    words = (
        f"The lowest ratio was {scale.show(float(health.min()))} against {number(scale.factor)} % at which a position "
        f"may be liquidated; the median ended at {scale.show(float(np.median(last)))}."
    )
    if under:
        words += f" {count(under, 'position was', 'positions were')} under it at the worst moment."
    return words
