"""The on-chain pool beside the reference market: how well arbitrage holds them together."""

import numpy as np

from simulator.report.chart import Chart, Key, Panel, empty_chart, level, line
from simulator.report.charts.prices import AssetPrices, asset_prices
from simulator.report.run_tables import RunTables
from simulator.report.sampling import extremes
from simulator.report.wording import percent

POINTS = 1_600


def pool_charts(run: RunTables) -> list[Chart]:
    """One chart for every asset with a pool."""
    pooled = [prices for prices in asset_prices(run) if np.isfinite(prices.pool).any()]
    if not pooled:
        return [empty_chart("pool", "Pool against market", "No pool was part of this run.")]
    return [_chart(prices) for prices in pooled]


def _chart(prices: AssetPrices) -> Chart:
    gap = 100 * (prices.pool / prices.market - 1)
    kept = extremes([prices.market, prices.pool, gap], POINTS)
    time = prices.time[kept]
    widest = float(np.nanmax(np.abs(gap))) / 100
    typical = float(np.nanmedian(np.abs(gap))) / 100
    return Chart(
        key=f"pool-{prices.asset}",
        title=f"Pool against market, {prices.asset}",
        summary=f"The pool was up to {percent(widest)} away from the market, {percent(typical)} at the median.",
        keys=(Key("Market", "line", "market", "Market"), Key("Pool", "line", "pool", "Pool")),
        panels=(Panel("Price, USD", 0.66), Panel("Pool over market, %", 0.34, {"nticks": 4})),
        traces=(
            line("Pool", time, prices.pool[kept], "pool", width=3.5),
            line("Market", time, prices.market[kept], "market", width=1.4),
            line("Pool over market", time, gap[kept], "pool", axis="y2", width=1.2, hover="%{y:+,.3~g} %"),
        ),
        shapes=(level(0.0, "limit", panel=2),),
    )
