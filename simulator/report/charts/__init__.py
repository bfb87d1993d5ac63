"""The charts of the report, one subject a module. Each takes the tables of a run and gives `Chart`s."""

from collections.abc import Callable

from simulator.report.chart import Chart
from simulator.report.charts.bad_debt import bad_debt_chart
from simulator.report.charts.derivatives import derivative_charts
from simulator.report.charts.gas import gas_chart
from simulator.report.charts.liquidations import liquidation_chart
from simulator.report.charts.options import option_charts
from simulator.report.charts.perpetuals import perpetual_charts
from simulator.report.charts.pool import pool_charts
from simulator.report.charts.prices import price_charts
from simulator.report.charts.ratios import ratio_charts
from simulator.report.charts.vaults import vault_charts
from simulator.report.run_tables import RunTables

CHARTS: tuple[Callable[[RunTables], list[Chart]], ...] = (
    price_charts,
    ratio_charts,
    liquidation_chart,
    bad_debt_chart,
    gas_chart,
    pool_charts,
    derivative_charts,
    perpetual_charts,
    option_charts,
    vault_charts,
)


def draw_charts(run: RunTables) -> list[Chart]:
    """Every chart of a run, in the order of the page."""
    return [chart for draw in CHARTS for chart in draw(run)]
