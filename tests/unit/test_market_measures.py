"""Funding and volatility of a scenario, from its tables to the report."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from simulator import load, run
from simulator.errors import ConfigError
from simulator.market.funding import hourly_rate
from simulator.report.assumptions import assumptions
from simulator.report.charts.derivatives import derivative_charts
from simulator.report.run_tables import open_run
from simulator.scenario.load import load_scenario
from simulator.scenario.parameters import scenario_parameters

TABLES = """
schema = 1
extends = "calm"

[world]
hours = 2
sample_minutes = 5

[market.ETH.funding]
interval_hours = 0.5
stressed = { spans = [[0.5, 1]] }

[market.ETH.implied_volatility]
sticky = "strike"
slices.week = { days = 7, a = -0.0003, b = 0.05, rho = -0.1, m = -0.04, sigma = 0.07 }
slices.month = { days = 30, a = 0.004, b = 0.09, rho = -0.25, m = -0.09, sigma = 0.2 }
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("scenario") / "priced.toml"
    path.write_text(TABLES)
    return path


@pytest.fixture(scope="module")
def folder(file) -> Path:
    out = file.parent / "run"
    run(load(str(file)), out=out)
    return out


def test_premium_rate_and_volatility_are_measures_of_the_market(folder):
    import pandas as pd

    rows = pd.read_parquet(folder / "measures.parquet")
    rows = rows[(rows.protocol == "market") & (rows.subject == "ETH")]
    table = rows.pivot_table(index="block", columns="name", values="value", observed=True)
    assert sorted(table.columns) == [
        "butterfly_g_min",
        "funding_rate",
        "implied_volatility_30d",
        "implied_volatility_7d",
        "premium",
    ]
    assert len(table) == 25
    assert table.notna().all().all()
    # The rate of an interval is that of its mean premium, here of seven samples of it.
    half_hours = np.array([table.premium.iloc[6 * i : 6 * i + 7].mean() for i in range(4)])
    rates = table.funding_rate.iloc[[6, 12, 18, 24]]
    np.testing.assert_allclose(rates, hourly_rate(half_hours), atol=2e-5)
    assert table.premium.iloc[12] < table.premium.iloc[5] - 0.0005  # stress


def test_the_run_is_the_one_without_them(file):
    with_tables = run(load(str(file)))
    without = run(load(str(file), **{"market.ETH.funding": False, "market.ETH.implied_volatility": False}))
    assert with_tables.digest == without.digest
    assert (without.measures.protocol != "market").all()


def test_the_report_draws_both_and_explains_their_settings(folder):
    charts = {chart.key: chart for chart in derivative_charts(open_run(folder))}
    assert list(charts) == ["funding-ETH", "volatility-ETH"]
    assert [trace["name"] for trace in charts["volatility-ETH"].traces] == ["7 days", "30 days"]
    assert "bp for 8 hours" in charts["funding-ETH"].summary
    manifest = json.loads((folder / "manifest.json").read_text())
    (market,) = [section for section in assumptions(manifest["scenario"]) if section.name == "market.ETH"]
    said = {row.key: row for row in market.rows}
    assert said["implied_volatility.slices.week.b"].meaning == "how steeply its wings rise"
    assert said["funding.stressed.half_life_hours"].unit == "h"


def test_a_run_without_derivatives_has_no_such_chart(tmp_path):
    out = tmp_path / "run"
    run(load("calm", **{"world.hours": 0}), out=out)
    assert derivative_charts(open_run(out)) == []


def test_the_resolved_scenario_is_a_scenario_with_the_same_tables(file):
    first = load(str(file))
    keys = {parameter.key: parameter.value for parameter in scenario_parameters(first)}
    assert keys["market.ETH.implied_volatility.slices.month.sigma"] == 0.2
    assert keys["market.ETH.funding.stressed.spans"] == [[0.5, 1.0]]
    assert keys["market.DOLLAR.funding.mean"] is None
    assert first.resolved["market"]["ETH"]["funding"]["interest"] == 0.0001


def test_another_process_keeps_the_tables_of_a_market(file):
    changed = load(str(file), **{"market.ETH": {"process": "constant", "price": 3.0}})
    assert changed.market["ETH"].funding == load(str(file)).market["ETH"].funding
    assert changed.market["ETH"].implied_volatility is not None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"market.ETH.implied_volatility.slices.week": {"a": -0.041, "b": 0.1331, "rho": 0.306, "m": 0.3586,
                                                           "sigma": 0.4153}},
            "slices.week = .*: at 7 days has butterfly arbitrage: g = -0.0329 at k = 0.879; g must be >= 0",
        ),
        ({"market.ETH.implied_volatility.slices.month.days": 3}, "calendar arbitrage: from 3 to 7 days"),
        ({"market.ETH.implied_volatility.slices.month.sigma": 0}, "slices.month.sigma = 0: must be > 0"),
        ({"market.ETH.implied_volatility.sticky": "vega"}, 'sticky = "vega": must be "strike" or "delta"'),
        ({"market.ETH.funding.half_life_hours": 0}, "funding.half_life_hours = 0: must be > 0"),
        ({"market.ETH.funding.stressed.every_hours": 4}, "stressed = .*: must have either spans or every_hours"),
        ({"market.ETH.funding.means": 4}, "funding.means: unknown key .*`market.ETH.funding.mean`"),
        ({"market.ETH.funding": 3}, "market.ETH.funding: must be a table"),
        ({"market.ETH.fundings.mean": 3}, "unknown key .*`market.ETH.funding`"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_key_value_and_rule(file, changes, words):
    with pytest.raises(ConfigError) as refused:
        load_scenario(str(file), changes)
    assert re.search(words, str(refused.value)), str(refused.value)
