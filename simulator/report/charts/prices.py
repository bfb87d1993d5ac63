"""What an asset was worth, what it would have been worth without the agents, and what the protocol believed."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from simulator.report.chart import Chart, Key, Panel, area, empty_chart, level, line, shading
from simulator.report.run_tables import Floats, Ints, RunTables, floats, integers, texts
from simulator.report.sampling import extremes, spans
from simulator.report.wording import duration, percent, usd

POINTS = 1_600
DEFAULT_STALE_SECONDS = 3_600
GAP = "How far it is off"


@dataclass(frozen=True)
class AssetPrices:
    """The prices of one asset at every block [USD]; NaN where there was none."""

    asset: str
    time: Ints
    exogenous: Floats
    market: Floats
    oracle: Floats
    age: Floats  # of the answer the protocol would use [s]
    pool: Floats

    @property
    def reported(self) -> bool:
        """Whether an oracle ever said anything of the asset."""
        return bool(np.isfinite(self.oracle).any() or np.isfinite(self.age).any())


def asset_prices(run: RunTables) -> list[AssetPrices]:
    """The prices of every asset, by name."""
    table = run.read("prices", ["time", "asset", "exogenous", "market", "oracle", "oracle_time", "pool"])
    names = np.array(texts(table, "asset"))
    time, observed = integers(table, "time"), floats(table, "oracle_time")
    observed[observed <= 0] = np.nan  # before the first report
    columns = {name: floats(table, name) for name in ("exogenous", "market", "oracle", "pool")}
    columns["oracle"][columns["oracle"] <= 0] = np.nan
    found = []
    for asset in sorted(set(names.tolist())):
        rows = names == asset
        found.append(
            AssetPrices(
                asset=asset,
                time=time[rows],
                age=time[rows] - observed[rows],
                **{name: column[rows] for name, column in columns.items()},
            )
        )
    return found


def price_charts(run: RunTables) -> list[Chart]:
    """One chart for every asset whose price moved or that an oracle reports."""
    assets = asset_prices(run)
    if not assets:
        return [empty_chart("price", "Price", "No price was recorded: the run has no block.")]
    ranked = sorted(assets, key=lambda prices: not prices.reported)
    return sorted((_chart(run, prices) for prices in ranked), key=lambda chart: bool(chart.empty))


def stale_after(run: RunTables, asset: str) -> float:
    """The age [s] past which an answer is older than its feed promises.

    The guard's own limit where the scenario sets one, else one heartbeat with the reporter's latency and the delay.
    """
    feed: dict[str, Any] = run.scenario.get("oracle", {}).get(asset, {})
    if feed.get("max_age_seconds"):
        return float(feed["max_age_seconds"])
    heartbeat = feed.get("heartbeat_seconds") or DEFAULT_STALE_SECONDS
    return float(heartbeat + feed.get("latency_seconds", 0) + feed.get("delay_seconds", 0))


def _chart(run: RunTables, prices: AssetPrices) -> Chart:
    key, title = f"price-{prices.asset}", f"Price of {prices.asset}"
    if not prices.reported and np.ptp(prices.market) == 0:
        still = f"{prices.asset} stood at {usd(prices.market[0])} throughout and no oracle reports it."
        return empty_chart(key, title, still)
    return _reported(run, prices, key, title) if prices.reported else _unreported(prices, key, title)


def _lines(prices: AssetPrices, kept: Ints) -> list[dict[str, Any]]:
    time = prices.time[kept]
    return [
        line("Without the agents' trades", time, prices.exogenous[kept], "exogenous", dash="dot", width=1.5),
        line("Market", time, prices.market[kept], "market"),
    ]


_MARKET_KEYS = (
    Key("Market", "line", "market", "Market"),
    Key("Without the agents' trades", "dot", "exogenous", "Without the agents' trades"),
)


def _unreported(prices: AssetPrices, key: str, title: str) -> Chart:
    kept = extremes([prices.exogenous, prices.market], POINTS)
    return Chart(
        key=key,
        title=title,
        summary=_market_words(prices) + f" No oracle reports {prices.asset}.",
        keys=_MARKET_KEYS,
        panels=(Panel("Price, USD"),),
        traces=tuple(_lines(prices, kept)),
    )


def _reported(run: RunTables, prices: AssetPrices, key: str, title: str) -> Chart:
    limit = stale_after(run, prices.asset)
    silent = np.isnan(prices.oracle)
    stale = (prices.age > limit) & ~silent
    kept = extremes([prices.exogenous, prices.market, prices.oracle, prices.age], POINTS)
    time = prices.time[kept]
    market, oracle = prices.market[kept], prices.oracle[kept]
    traces = [
        *area(GAP, time, market, np.where(np.isnan(oracle), market, oracle), "gap", step=True),
        *_lines(prices, kept),
        line("Protocol's price", time, oracle, "oracle", step=True),
        line("Age of the answer", time, prices.age[kept] / 60, "oracle", axis="y2", hover="%{y:,.1f} min"),
    ]
    keys = [_MARKET_KEYS[0], Key("Protocol's price", "line", "oracle", "Protocol's price")]
    keys += [Key(GAP, "band", "gap", GAP), _MARKET_KEYS[1]]
    shapes = [*shading(spans(stale, prices.time), "stale"), level(limit / 60, "limit", panel=2)]
    if stale.any():
        keys.append(Key("Older than promised", "band", "stale"))
    if silent.any():
        keys.append(Key("No answer", "band", "silent"))
        shapes.extend(shading(spans(silent, prices.time), "silent"))
    keys.append(Key(f"Promised age, {duration(limit)} at most", "dash", "limit"))
    return Chart(
        key=key,
        title=title,
        summary=" ".join((_market_words(prices), _oracle_words(prices, stale, silent, limit))),
        keys=tuple(keys),
        panels=(
            Panel("Price, USD", 0.7),
            Panel("Age of the protocol's price, minutes", 0.3, {"rangemode": "tozero", "nticks": 4}),
        ),
        traces=tuple(traces),
        shapes=tuple(shapes),
    )


def _market_words(prices: AssetPrices) -> str:
    market = prices.market
    words = (
        f"{prices.asset} went from {usd(market[0], 4)} to {usd(market[-1], 4)}, {usd(market.min(), 4)} at the lowest."
    )
    moved = float(np.max(np.abs(market / prices.exogenous - 1)))
    if moved > 0:
        words += f" The agents' own trades moved it by up to {percent(moved)}."
    return words


def _oracle_words(prices: AssetPrices, stale: np.ndarray, silent: np.ndarray, limit: float) -> str:
    if silent.all():
        return "The feed refused to answer from beginning to end."
    gap = np.nanmax(np.abs(prices.oracle / prices.market - 1))
    words = f"The price the protocol used was up to {percent(float(gap))} off the market"
    if np.isfinite(prices.age).any():
        words += f" and up to {duration(float(np.nanmax(prices.age)))} old"
    if stale.any():
        words += f"; for {percent(float(stale.mean()))} of the blocks it was older than {duration(limit)} (shaded)"
    if silent.any():
        words += f"; for {percent(float(silent.mean()))} of the blocks there was none"
    return words + "."
