"""When one run is on the wrong side of a rule about many."""

import pytest

from simulator.capsule.failing import breaks, run_rule
from simulator.errors import ConfigError


@pytest.mark.parametrize(
    ("rule", "metrics", "broken"),
    [
        ("max(bad_debt_usd) <= 0", {"bad_debt_usd": 1e-9}, True),
        ("max(bad_debt_usd) <= 0", {"bad_debt_usd": 0}, False),
        ("p99(bad_debt_ratio) <= 0.5%", {"bad_debt_ratio": 0.006}, True),
        ("p99(bad_debt_ratio) <= 0.5%", {"bad_debt_ratio": 0.005}, False),
        ("es95(gas_used / transactions) < 100", {"gas_used": 1000, "transactions": 10}, True),
        ("min(health_factor_min) >= 1", {"health_factor_min": 0.9}, True),
        ("min(health_factor_min) >= 1", {"health_factor_min": 1.0}, False),
        ("rate(bad_debt_usd > 1000 usd) <= 1%", {"bad_debt_usd": 1001}, True),
        ("rate(bad_debt_usd > 1000 usd) <= 1%", {"bad_debt_usd": 999}, False),
        ("count(liquidations > 0) >= 3", {"liquidations": 0}, True),
        ("count(liquidations > 0) >= 3", {"liquidations": 1}, False),
        ("mean(insolvent) == 0", {"insolvent": 1}, True),
    ],
)
def test_a_run_breaks_a_rule_where_it_is_beyond_the_limit_by_itself(rule, metrics, broken):
    assert breaks(run_rule(rule), metrics) is broken


@pytest.mark.parametrize("rule", ["max(bad_debt_usd) <= 0", "min(bad_debt_usd) >= 0", "rate(bad_debt_usd > 0) >= 1%"])
def test_a_run_without_data_breaks_nothing(rule):
    assert not breaks(run_rule(rule), {"bad_debt_usd": None})
    assert not breaks(run_rule(rule), {})
    assert not breaks(run_rule("max(gas_used / transactions) <= 0"), {"gas_used": 0, "transactions": 0})


def test_no_run_breaks_a_rule_about_a_parameter():
    with pytest.raises(ConfigError, match="about a parameter"):
        run_rule("param(cdp.collateral.ETH.liquidation_ratio) >= 130%")
