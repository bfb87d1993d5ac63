"""The charts of options, from rows made by hand."""

from simulator.record import Recorder
from simulator.report.charts.options import option_charts
from simulator.report.run_tables import RunTables

POOL, VAULT, TRADER = "options/ETH/pool", "vault/USDC", "0x" + "ab" * 20


def charts(folder, rows):
    """By title, of a run of five blocks with these measures: block, subject, name, value."""
    with Recorder(folder) as recorder:
        for block in range(1, 6):
            recorder.add_block(block, 1_000 + 12 * block, 0, 0, 0, 1, 0, None)
        for block, subject, name, value in rows:
            recorder.add_measure(block, "options", subject, name, value)
    return {chart.title: chart for chart in option_charts(RunTables(folder, {"scenario": {}}))}


def said(chart):
    return chart.summary.replace("\u202f", " ").replace("\xa0", " ")


def trace(chart, name):
    (found,) = [each for each in chart.traces if each["name"] == name]
    return found


MARKET = [(1, "ETH", "option_longs_usd", 0.0), (5, "ETH", "option_longs_usd", 9_000.0)]
MARKET += [(1, "ETH", "option_shorts_usd", 0.0), (5, "ETH", "option_shorts_usd", 4_000.0)]
MARKET += [(5, "ETH", "margin_used_usd", 700.0), (3, "ETH", "margin_freed_usd", 300.0)]
QUOTED = [(block, "ETH", "quoted_volatility_7d", value) for block, value in ((1, 0.5), (5, 0.7))]
REALISED = [(block, "ETH", "realised_volatility", value) for block, value in ((3, 0.4), (5, 0.6))]
NAMES = ("net_gamma_usd", "net_vega_usd", "net_theta_usd", "net_rho_usd", "delta_drift_usd")


def greeks(subject):
    rows = [(1, subject, "net_delta_usd", 50.0), (5, subject, "net_delta_usd", -80.0)]
    return rows + [(5, subject, name, 10.0 * place) for place, name in enumerate(NAMES, 1)]


def test_without_options_there_is_no_chart(tmp_path):
    assert charts(tmp_path, [(1, "ETH", "premium", 0.1)]) == {}


def test_what_was_quoted_stands_beside_what_moved(tmp_path):
    chart = charts(tmp_path, MARKET + QUOTED + REALISED)["Implied against realised volatility of ETH"]
    assert said(chart) == "Options quoted 60 % a year at the mean, 10 % above realised."
    assert trace(chart, "Quoted, 7 days")["y"] == [50.0, 70.0]
    assert trace(chart, "Realised, last day")["y"] == [40.0, 60.0]


def test_a_surface_without_prices_is_said(tmp_path):
    chart = charts(tmp_path, MARKET)["Implied against realised volatility of ETH"]
    assert said(chart) == "The surface had no prices at any sample."


def test_margin_used_and_freed_are_drawn_below_what_is_open(tmp_path):
    chart = charts(tmp_path, MARKET)["Open options and margin of ETH"]
    assert "up to 9,000 USD were held, and on up to 4,000 USD written" in said(chart)
    assert "up to 700 USD of collateral" in said(chart)
    assert "spared up to 300 USD" in said(chart)
    assert trace(chart, "Margin freed")["yaxis"] == "y2"


def test_a_market_without_writers_has_no_empty_chart_of_margin(tmp_path):
    nothing = [(block, about, name, 0.0 if "margin" in name else value) for block, about, name, value in MARKET]
    chart = charts(tmp_path, nothing)["Open options and margin of ETH"]
    assert [panel.title for panel in chart.panels] == ["Notional, USD"]
    assert {each["yaxis"] for each in chart.traces} == {"y"}


def test_pools_and_vaults_have_greeks_and_traders_have_none(tmp_path):
    found = charts(tmp_path, [*MARKET, *greeks(POOL), *greeks(VAULT), *greeks(TRADER)])
    assert not any(TRADER in title for title in found)
    for subject in (POOL, VAULT):
        first, second = found[f"Delta and gamma of {subject}"], found[f"Vega, theta and rho of {subject}"]
        assert "Delta was up to 80 USD either way; without a trade it moved by up to 50 USD" in said(first)
        assert "1 % changed it by up to 10 USD" in said(first)
        assert trace(first, "Net delta")["y"] == [50.0, -80.0]
        assert "volatility was worth up to 20 USD either way, a day up to 30 USD, a point of the rate up to 40" in said(
            second
        )


def test_what_a_vaults_options_cost_counts_what_they_are_worth(tmp_path):
    rows = [(1, VAULT, "option_premiums_usd", 100.0), (5, VAULT, "option_premiums_usd", 250.0)]
    rows += [(5, VAULT, "option_payoffs_usd", 70.0), (5, VAULT, "option_marks_usd", 30.0)]
    chart = charts(tmp_path, rows)[f"What the options of {VAULT} cost"]
    assert "cost 250 USD in premiums and fees, and brought 100 USD" in said(chart)


def test_keys_are_unique_on_the_page(tmp_path):
    found = charts(tmp_path, [*MARKET, *greeks(POOL), *greeks(VAULT)])
    assert len({chart.key for chart in found.values()}) == len(found)
