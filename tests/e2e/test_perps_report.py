"""The report of a run with perpetual markets."""

import pytest
from perp_storms import CRASH, GROUND, storm

from simulator import run
from simulator.report.charts import draw_charts
from simulator.report.page import render
from simulator.report.run_tables import open_run


@pytest.fixture(scope="module")
def crash(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crash")
    result = run(storm(folder, CRASH), out=folder / "run")
    return result, open_run(folder / "run")


def test_each_market_has_its_three_charts(crash):
    _, tables = crash
    drawn = {chart.key: chart for chart in draw_charts(tables)}
    for market in ("perps/ETH", "coin/ETH"):
        for subject in ("funding", "interest", "losses"):
            assert not drawn[f"perp-{subject}-{market}"].empty
    assert {"ratios-perps", "ratios-coin"} <= set(drawn)
    assert "Margin ratios" in drawn["ratios-perps"].title


def test_the_marks_are_the_metrics(crash):
    result, tables = crash
    drawn = {chart.key: chart for chart in draw_charts(tables)}
    closed = deleveraged = 0.0
    for market in ("perps/ETH", "coin/ETH"):
        marks = {t["name"]: t["y"] for t in drawn[f"perp-interest-{market}"].traces if t.get("mode") == "markers"}
        closed += sum(marks["Liquidated"])
        marks = {t["name"]: t["y"] for t in drawn[f"perp-losses-{market}"].traces if t.get("mode") == "markers"}
        deleveraged += len(marks["Deleveraged"])
    assert closed == pytest.approx(result.metrics["liquidated_debt_usd"], rel=1e-5)
    assert deleveraged == (result.events["name"] == "deleveraged").sum()


def test_liquidations_of_perpetuals_are_no_sales_of_collateral(crash):
    _, tables = crash
    (sold,) = [chart for chart in draw_charts(tables) if chart.key == "liquidations"]
    assert "No collateral was liquidated" in sold.empty


def test_the_page_names_the_markets(crash):
    page = render(crash[1])
    assert "Insurance fund and shortfall of perps/ETH" in page
    assert "Auto-deleveraged" in page


def test_without_a_market_there_is_no_such_chart(tmp_path):
    run(storm(tmp_path, GROUND.replace('[perps]\nprotocol = "perps"\n', ""), world__hours=0.5), out=tmp_path / "run")
    assert not [chart for chart in draw_charts(open_run(tmp_path / "run")) if chart.key.startswith("perp-")]
