"""The grammar of what is asked of a set of parameters, and what a rule says of runs."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import ConfigError
from simulator.stress.estimate import Estimate
from simulator.stress.require import COMPARISONS, UNITS, Expression, Limit, Rule, check_rules, parse_rule

names = st.from_regex(r"[a-z_][a-z0-9_]{0,12}", fullmatch=True)
numbers = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9)
limits = st.builds(Limit, numbers, st.sampled_from(sorted(UNITS)))
comparisons = st.sampled_from(sorted(COMPARISONS))
levels = st.decimals(allow_nan=False, min_value=Decimal("0.1"), max_value=Decimal("99.9"), places=1).map(str)
plain = st.builds(Expression, names, st.one_of(st.just(""), names))
compared = st.builds(Expression, names, st.one_of(st.just(""), names), comparisons, limits)
statistics = st.one_of(st.sampled_from(["max", "min", "mean"]), levels.map("p".__add__), levels.map("es".__add__))
rules = st.one_of(
    st.builds(Rule, statistics, plain, comparisons, limits),
    st.builds(Rule, st.sampled_from(["count", "rate"]), compared, comparisons, limits),
    st.builds(
        Rule, st.just("param"), st.sampled_from(["a.b", 'cdp."x y".z', "vault.legs[0].band"]), comparisons, limits
    ),
)


@given(rules)
def test_a_rule_that_is_printed_is_read_back_as_it_was(rule):
    assert parse_rule(str(rule)) == rule


@given(rules, st.data())
def test_spaces_do_not_matter(rule, data):
    tight = str(rule).replace(f") {rule.comparison} ", f"){rule.comparison}")
    loose = str(rule).replace(f") {rule.comparison} ", f" ) \t{rule.comparison}   ")
    assert parse_rule(data.draw(st.sampled_from([tight, f"  {loose} "]))) == rule


@given(st.text(max_size=40))
def test_whatever_is_written_is_read_or_refused_in_one_line(text):
    try:
        rule = parse_rule(text)
    except ConfigError as error:
        refused = error
    else:
        assert parse_rule(str(rule)) == rule
        return
    assert refused.mend
    assert "\n" not in refused.mend


@pytest.mark.parametrize(
    ("text", "value"), [("0.5%", 0.005), ("50bps", 0.005), ("50 bps", 0.005), ("1_000 usd", 1000.0), ("1e-3", 1e-3)]
)
def test_a_unit_scales_its_number_exactly(text, value):
    assert parse_rule(f"mean(x) <= {text}").limit.value == value


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("avg(x) <= 1", "no statistic avg"),
        ("p100(x) <= 1", "no statistic p100"),
        ("p0(x) <= 1", "no level"),
        ("rate(x) <= 1%", r"write rate\(x > 0\)"),
        ("mean(x > 0) <= 1", "not taken of a comparison"),
        ("mean(x / y / z) <= 1", "no metric"),
        ("mean() <= 1", "no metric"),
        ("mean(x) <= lots", '"lots" is no limit'),
        ("mean(x) <= 1 eth", "no limit"),
        ("mean(x) = 1", "no rule"),
        ("param() >= 1", "names no key"),
        ("", "no rule"),
    ],
)
def test_what_is_wrong_in_a_rule_is_said(text, says):
    with pytest.raises(ConfigError, match=says):
        parse_rule(text)


def test_an_unknown_metric_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="nearest that exists is bad_debt_ratio"):
        check_rules([parse_rule("p99(bad_debt_ration) <= 1%")], 1000)
    with pytest.raises(ConfigError, match="no metric debts"):
        check_rules([parse_rule("mean(bad_debt_usd / debts) <= 1%")], 1000)


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("p99(x) <= 1", 299),
        ("p95(x) <= 1", 59),
        ("p90(x) < 1", 29),
        ("p99.9(x) <= 1", 2995),
        ("p1(x) >= 1", 299),  # the lower bound of a low percentile
        ("p99(x) >= 1", 1),  # for which the least of a few values is enough
        ("rate(x > 0) <= 1%", 299),
        ("rate(x > 0) >= 90%", 29),
        ("rate(x > 0) <= 100%", 1),
        ("max(x) <= 1", 1),
        ("count(x > 0) == 0", 1),
        ("param(a.b) >= 1", 1),
    ],
)
def test_too_few_seeds_are_refused_with_the_number_that_would_do(text, needed):
    rule = parse_rule(text)
    assert rule.seeds_needed() == needed
    check_rules([rule], needed, ["x"])
    if needed > 1:
        with pytest.raises(ConfigError, match=rf"{needed - 1} seeds are too few.*--seeds {needed}\b"):
            check_rules([rule], needed - 1, ["x"])


@pytest.mark.parametrize("text", ["rate(x > 0) <= 0%", "rate(x > 0) == 1%", "rate(x > 0) >= 100%"])
def test_a_rate_that_no_number_of_runs_shows_is_refused(text):
    with pytest.raises(ConfigError, match="count"):
        check_rules([parse_rule(text)], 10**6, ["x"])


def test_of_several_rules_the_one_that_asks_for_most_is_named():
    with pytest.raises(ConfigError, match="2995 would do"):
        check_rules([parse_rule("p99(x) <= 1"), parse_rule("p99.9(x) <= 1"), parse_rule("p90(x) <= 1")], 10, ["x"])


@given(st.sampled_from(sorted(UNITS)), st.integers(1, 10**6))
def test_with_the_runs_a_rate_asks_for_and_no_event_it_passes_and_with_one_fewer_it_does_not(unit, number):
    rule = Rule("rate", Expression("x", "", ">", Limit(Decimal(0))), "<=", Limit(Decimal(number), unit))
    needed = rule.seeds_needed()
    if needed > 20_000:
        return
    assert rule.verdict(rule.statistic(np.zeros(needed))) == "pass"
    if needed > 1:
        assert rule.verdict(rule.statistic(np.zeros(needed - 1))) == "inconclusive"


finite = st.floats(-1e6, 1e6)


@given(comparisons, finite, finite, finite)
def test_a_verdict_is_what_every_value_between_the_bounds_says(comparison, one, other, limit):
    low, high = sorted([one, other])
    rule = Rule("mean", Expression("x"), comparison, Limit(Decimal(limit)))
    found = rule.verdict(Estimate((low + high) / 2, low, high, 100))
    tried = [low, high, (low + high) / 2, *([limit] if low <= limit <= high else [])]
    kept = {bool(COMPARISONS[comparison](value, rule.limit.value)) for value in tried}
    assert found == {(True,): "pass", (False,): "fail"}.get(tuple(kept), "inconclusive")


def test_without_the_bound_that_counts_nothing_is_known():
    rule = parse_rule("p99(x) <= 1")
    assert rule.verdict(Estimate(0.5, 0.4, None, 100, 299)) == "inconclusive"
    assert rule.verdict(Estimate(3.0, 2.0, None, 100, 299)) == "fail"
    assert rule.verdict(Estimate(None, None, None, 0, 299)) == "inconclusive"


def table(**columns):
    return pd.DataFrame({"status": "complete", "weight": 1.0, **columns})


def test_a_ratio_is_taken_run_by_run_and_nothing_over_nothing_is_no_data():
    runs = table(lost=[0.0, 1.0, 3.0, 0.0], owed=[0.0, 4.0, 4.0, 8.0])
    assert np.array_equal(parse_rule("max(lost / owed) <= 1").expression.values(runs), [np.nan, 0.25, 0.75, 0], True)
    found = parse_rule("max(lost / owed) <= 50%").evaluate(runs)
    assert (found.value, found.runs) == (0.75, 3)


def test_a_run_without_data_is_no_event_and_no_lack_of_one():
    runs = table(lost=[np.nan, 2.0, 0.0])
    found = parse_rule("rate(lost > 1 usd) <= 10%").evaluate(runs)
    assert (found.value, found.runs) == (0.5, 2)


def test_a_failed_run_does_not_count():
    runs = table(lost=[1.0, 5.0])
    runs["status"] = ["complete", "failed"]
    assert parse_rule("max(lost) <= 1").evaluate(runs).value == 1.0


def test_a_parameter_is_compared_as_it_is():
    rule = parse_rule("param(cdp.collateral.ETH.liquidation_ratio) >= 130%")
    assert rule.expression == "cdp.collateral.ETH.liquidation_ratio"
    assert rule.holds_for(1.3)
    assert not rule.holds_for(1.29)
