"""Debt that no collateral covers, against what the protocol has put by."""

import numpy as np

from simulator.report.chart import Chart, Key, Panel, Trace, area, empty_chart, line
from simulator.report.run_tables import Floats, Ints, RunTables, floats, integers, texts
from simulator.report.sampling import extremes
from simulator.report.wording import usd
from simulator.tables import field

TITLE = "Bad debt"
POINTS = 900
MEASURES = ("shortfall_usd", "bad_debt_usd", "reserve_usd", "auction_debt_usd")
HOVER = "%{y:,.4~s} USD"


def measures_by_block(run: RunTables, names: tuple[str, ...]) -> tuple[Ints, dict[str, Floats]]:
    """The sampled blocks, and each measure summed over protocols and subjects; 0 where it was not recorded."""
    table = run.read("measures", ["block", "name", "value"], field("name").isin(names))
    blocks, rows = np.unique(integers(table, "block"), return_inverse=True)
    found, values = np.array(texts(table, "name")), floats(table, "value")
    sums = {}
    for name in names:
        chosen = found == name
        sums[name] = np.zeros(len(blocks), dtype=np.float64)
        np.add.at(sums[name], rows[chosen], values[chosen])
    return blocks, sums


def bad_debt_chart(run: RunTables) -> list[Chart]:
    """Open shortfall on top of recorded bad debt, with the reserve, above the debt that waits in auctions."""
    blocks, sums = measures_by_block(run, MEASURES)
    if not len(blocks):
        return [empty_chart("bad-debt", TITLE, "No debt was measured: no protocol in this run lends.")]
    shortfall, recorded, reserve, at_auction = (sums[name] for name in MEASURES)
    total = shortfall + recorded
    if not total.any():
        words = f"No debt was ever without collateral. The reserve ended at {usd(float(reserve[-1]))}."
        return [empty_chart("bad-debt", TITLE, words)]
    kept = extremes([total, recorded, reserve, at_auction], POINTS)
    times = run.time_of(blocks[kept])
    traces, keys = _stack(times, recorded[kept], total[kept])
    traces.append(line("Reserve", times, reserve[kept], "pool", dash="dash", step=True, hover=HOVER))
    keys.append(Key("Reserve", "dash", "pool", "Reserve"))
    axis = {"rangemode": "tozero", "tickformat": "~s"}
    panels = [Panel("Bad debt, USD", 1.0, axis)]
    if at_auction.any():
        name = "Debt at auction"
        traces.append(line(name, times, at_auction[kept], "others", axis="y2", step=True, hover=HOVER))
        keys.append(Key(name, "line", "others", name))
        panels = [Panel("Bad debt, USD", 0.68, axis), Panel("Debt at auction, USD", 0.32, {**axis, "nticks": 4})]
    words = _words(total, recorded, reserve)
    return [Chart("bad-debt", TITLE, words, tuple(keys), tuple(panels), tuple(traces))]


def _stack(times: Ints, recorded: Floats, total: Floats) -> tuple[list[Trace], list[Key]]:
    """Recorded bad debt, and on top of it what is open."""
    uncovered, booked = "Open: positions and lots at auction", "Recorded as bad debt"
    lines = [
        {**line("All bad debt", times, total, "open", step=True, hover=HOVER), "legendgroup": uncovered},
        {**line("Recorded", times, recorded, "recorded", step=True, hover=HOVER), "legendgroup": booked},
    ]
    traces = [
        *area(booked, times, np.zeros(len(times)), recorded, "recorded-soft", step=True),
        *area(uncovered, times, recorded, total, "open-soft", step=True),
        *lines,
    ]
    return traces, [Key(uncovered, "band", "open-soft", uncovered), Key(booked, "band", "recorded-soft", booked)]


def _words(total: Floats, recorded: Floats, reserve: Floats) -> str:
    ahead = "more than" if total[-1] > reserve[-1] else "within"
    return (
        f"Bad debt peaked at {usd(float(total.max()))} and ended at {usd(float(total[-1]))}, "
        f"{usd(float(recorded[-1]))} of it recorded; that is {ahead} the reserve of {usd(float(reserve[-1]))}."
    )
