"""What a place in a block cost, and how full the blocks were."""

import numpy as np

from simulator.report.chart import Chart, Key, Panel, Trace, area, empty_chart, line
from simulator.report.run_tables import Floats, Ints, RunTables, floats
from simulator.report.sampling import bucket_edges, bucket_means, extremes
from simulator.report.wording import number, percent

TITLE = "Price of block space"
POINTS = 1_600
BUCKETS = 400
FULL = 0.99  # of the gas limit; builders seldom hit it exactly
WEI_PER_GWEI = 1e9


def gas_chart(run: RunTables) -> list[Chart]:
    """The base fee and the lowest price that got in, over the fullness of the blocks."""
    if not len(run.blocks):
        return [empty_chart("gas", TITLE, "No block was made.")]
    table = run.read("blocks", ["base_fee", "gas_used", "gas_virtual", "gas_limit", "price_floor_gwei"])
    limit = floats(table, "gas_limit")
    agents = floats(table, "gas_used") / limit
    everyone = agents + floats(table, "gas_virtual") / limit
    base_fee, floor = floats(table, "base_fee") / WEI_PER_GWEI, floats(table, "price_floor_gwei")
    traces, keys, words = _prices(run.times, base_fee, floor)
    traces += _fullness(run.times, agents, everyone)
    keys += [
        Key("Gas used, all", "line", "others", "Gas used, all"),
        Key("of it by the agents", "line", "recorded", "of it by the agents"),
        Key("Emptiest and fullest block", "band", "others-soft", "Emptiest and fullest block"),
    ]
    full = float((everyone >= FULL).mean())
    words += f" {percent(full)} of the blocks were full; the agents used {percent(float(agents.mean()))} of all room."
    spread = floor[np.isfinite(floor) & (floor > 0)]
    wide = spread.size > 0 and spread.max() > 30 * spread.min()
    return [
        Chart(
            key="gas",
            title=TITLE,
            summary=words,
            keys=tuple(keys),
            panels=(
                Panel("Gas price, gwei" + (" (log scale)" if wide else ""), 0.6, _gas_axis(wide)),
                Panel("Share of the gas limit, %", 0.4, {"range": [0, 105], "nticks": 4}),
            ),
            traces=tuple(traces),
        )
    ]


def _gas_axis(wide: bool) -> dict[str, object]:
    if not wide:
        return {"rangemode": "tozero"}
    return {"type": "log", "tickvals": [step * 10**power for power in range(-3, 7) for step in (1, 2, 5)]}


def _prices(times: Ints, base_fee: Floats, floor: Floats) -> tuple[list[Trace], list[Key], str]:
    kept = extremes([base_fee, floor], POINTS)
    traces, keys, words = [], [], []
    if base_fee.max() > 0:
        traces.append(line("Base fee", times[kept], base_fee[kept], "oracle", width=1.4, hover="%{y:,.4~r} gwei"))
        keys.append(Key("Base fee", "line", "oracle", "Base fee"))
        words.append(f"The base fee reached {number(float(base_fee.max()))} gwei.")
    else:
        words.append("There is no base fee: this chain sells block space in first-price auctions.")
    if np.isfinite(floor).any():
        name = "Lowest price in a full block"
        traces.append(line(name, times[kept], floor[kept], "market", width=1.4, hover="%{y:,.4~r} gwei"))
        keys.append(Key(name, "line", "market", name))
        words.append(f"A place in a full block cost {number(float(np.nanmax(floor)))} gwei at the dearest.")
    else:
        words.append("No block was so full that a price had to be outbid.")
    return traces, keys, " ".join(words)


def _fullness(times: Ints, agents: Floats, everyone: Floats) -> list[Trace]:
    edges = bucket_edges(len(times), BUCKETS)
    low = np.minimum.reduceat(everyone, edges[:-1])
    high = np.maximum.reduceat(everyone, edges[:-1])
    clock, hover = times[edges[:-1]], "%{y:.1f} %"
    mean_all, mean_agents = bucket_means(everyone, edges), bucket_means(agents, edges)
    return [
        *area("Emptiest and fullest block", clock, 100 * low, 100 * high, "others-soft", axis="y2"),
        line("Gas used, all", clock, 100 * mean_all, "others", axis="y2", hover=hover),
        line("of it by the agents", clock, 100 * mean_agents, "recorded", axis="y2", hover=hover),
    ]
