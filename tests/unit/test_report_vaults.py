"""The charts of vaults, from rows made by hand."""

import pytest

from simulator.record import Recorder
from simulator.report.charts.vaults import vault_charts
from simulator.report.run_tables import RunTables

TRIGGERS = {"band": 0.02, "margin_floor": 0.15, "margin_ceiling": 0.0}


def charts(folder, rows):
    """By key, of a run of five blocks with these measures (block, name, value) of one vault."""
    with Recorder(folder) as recorder:
        for block in range(1, 6):
            recorder.add_block(block, 1_000 + 12 * block, 0, 0, 0, 1, 0, None)
        for block, name, value in rows:
            recorder.add_measure(block, "vault", "vault/DOLLAR", name, value)
    found = vault_charts(RunTables(folder, {"scenario": {"vault": {"triggers": TRIGGERS}}}))
    return {chart.key.removesuffix("-vault/DOLLAR"): chart for chart in found}


def trace(chart, name):
    (found,) = [each for each in chart.traces if each["name"] == name]
    return found


ROWS = [(block, "nav_per_share", worth) for block, worth in enumerate([1.0, 1.25, 1.0, 1.1, 1.2], 1)]
ROWS += [(block, "delta", delta) for block, delta in enumerate([0.0, 0.01, 0.05, -0.03, 0.0], 1)]
ROWS += [(block, "margin_ratio", ratio) for block, ratio in ((1, 0.25), (5, 0.2))]
ROWS += [(5, "pnl_spot", -900.0), (5, "pnl_hedge", 950.0), (5, "pnl_funding", 3.0), (5, "pnl_fees", 0.0)]
COSTS = [(2, "rebalance_cost_usd", 10.0), (4, "rebalance_cost_usd", 30.0), (4, "rebalance_delay_seconds", 24.0)]


def test_without_a_vault_there_is_no_chart(tmp_path):
    assert charts(tmp_path, [(1, "margin_ratio", 0.5)]) == {}


def test_the_fall_of_a_share_and_where_profit_came_from_are_said(tmp_path):
    chart = charts(tmp_path, ROWS)["vault-worth"]
    assert "from 1 to 1.2 DOLLAR" in chart.summary
    assert "lost 20 % from its best" in chart.summary.replace("\u202f", " ").replace("\xa0", " ")
    assert "spot -900, hedge 950, funding 3" in chart.summary
    assert trace(chart, "Spot and hedge")["y"] == [50.0]
    assert {each["name"] for each in chart.traces} == {"A share", "Spot and hedge", "Funding"}


def test_delta_is_shown_in_its_band_with_every_rebalance(tmp_path):
    chart = charts(tmp_path, ROWS + COSTS)["vault-hedge"]
    assert trace(chart, "Delta")["y"] == [0.0, 1.0, 5.0, -3.0, 0.0]
    assert trace(chart, "Rebalance")["y"] == [1.0, -3.0]
    assert [shape["y0"] for shape in chart.shapes] == [-2.0, 2.0, 15.0]
    assert "in 40 % of the blocks; 2 rebalances" in chart.summary.replace("\u202f", " ").replace("\xa0", " ")


def test_costs_add_up_from_nothing_to_the_end(tmp_path):
    found = charts(tmp_path, ROWS + COSTS)
    assert trace(found["vault-cost"], "Cost so far")["y"] == [0.0, 10.0, 40.0, 40.0]
    assert trace(found["vault-cost"], "Cost so far")["x"] == [1_012_000, 1_024_000, 1_048_000, 1_060_000]


@pytest.mark.parametrize(("queued", "drawn"), [(0.0, False), (500.0, True)])
def test_a_queue_is_drawn_where_anybody_had_to_wait(tmp_path, queued, drawn):
    assert ("vault-queue" in charts(tmp_path, [*ROWS, (3, "queued_usd", queued)])) is drawn
