"""What passes, what fails, and what neither: by the bounds, per scenario, and never for want of data."""

import re

import numpy as np
import pytest
from audit_samples import HEAD, RATIO, case_of, configured, table
from hypothesis import given
from hypothesis import strategies as st

from simulator.audit.command import concluded
from simulator.audit.verdict import judge_rule
from simulator.errors import WavetankError


def judged(folder, require, runs, **more):
    rule = configured(folder, HEAD + f'[[rule]]\nid = "R"\nrequire = "{require}"\n').rules[0]
    return judge_rule(rule, case_of(runs, **more))


def ratios(values, **more):
    return table(bad_debt_ratio=np.asarray(values, dtype=float), **more)


def test_a_percentile_passes_by_its_worse_bound_and_fails_by_its_better_one(tmp_path):
    x = np.linspace(0, 0.01, 400)
    found = {limit: judged(tmp_path, f"p50(bad_debt_ratio) <= {limit}", ratios(x)) for limit in (0.006, 0.005, 0.004)}
    assert [entry["verdict"] for entry in found.values()] == ["pass", "inconclusive", "fail"]
    assert found[0.006]["bound"] == found[0.006]["high"] < 0.006
    assert found[0.004]["bound"] == found[0.004]["low"] > 0.004
    assert found[0.005]["low"] < 0.005 < found[0.005]["high"] == found[0.005]["bound"]


def test_a_rule_of_at_least_is_judged_by_the_other_ends(tmp_path):
    x = np.linspace(0, 0.01, 400)
    found = {limit: judged(tmp_path, f"p50(bad_debt_ratio) >= {limit}", ratios(x)) for limit in (0.006, 0.005, 0.004)}
    assert [entry["verdict"] for entry in found.values()] == ["fail", "inconclusive", "pass"]
    assert found[0.006]["bound"] == found[0.006]["high"]
    assert found[0.004]["bound"] == found[0.004]["low"]


@pytest.mark.parametrize(("require", "runs"), [("p99", 298), ("p95", 58), ("p90", 28), ("es95", 299), ("mean", 99)])
def test_too_few_runs_are_inconclusive_with_the_number_that_would_do(tmp_path, require, runs):
    for extra, expected in ((0, "inconclusive"), (2, "pass")):
        found = judged(tmp_path, f"{require}(bad_debt_ratio) <= 0.5%", ratios(np.full(runs + extra, 0.001)))
        assert found["verdict"] == expected
    assert judged(tmp_path, f"{require}(bad_debt_ratio) <= 0.5%", ratios(np.full(runs, 0.001)))["needed"] == runs + 1


@pytest.mark.parametrize(
    ("require", "verdict", "estimate"),
    [
        ("max(bad_debt_ratio) <= 0.5%", "fail", 0.006),
        ("max(bad_debt_ratio) <= 0.6%", "pass", 0.006),
        ("min(bad_debt_ratio) >= 0", "pass", 0.0),
        ("count(bad_debt_ratio > 0.5%) <= 1", "pass", 1.0),
        ("count(bad_debt_ratio > 0.5%) < 1", "fail", 1.0),
    ],
)
def test_maximum_minimum_and_count_are_judged_as_observed(tmp_path, require, verdict, estimate):
    found = judged(tmp_path, require, ratios([0.0, 0.006, 0.001]))
    assert (found["verdict"], found["estimate"], found["low"], found["high"]) == (verdict, estimate, estimate, estimate)


@pytest.mark.parametrize(("limit", "verdict"), [("120%", "pass"), ("150%", "fail")])
def test_a_parameter_is_judged_as_it_is_whatever_the_runs_did(tmp_path, limit, verdict):
    settings = {"cdp": {"collateral": {"ETH": {"liquidation_ratio": 1.3}}}}
    found = judged(tmp_path, f"param({RATIO}) >= {limit}", ratios([0.1], failed=1), settings=settings)
    assert (found["verdict"], found["estimate"], found["worst"]) == (verdict, 1.3, None)


def test_a_metric_without_data_in_any_run_never_passes(tmp_path):
    for require in ("max(bad_debt_ratio) <= 1", "rate(bad_debt_ratio > 2) <= 99%", "mean(bad_debt_ratio) <= 1"):
        found = judged(tmp_path, require, ratios(np.full(400, np.nan)))
        assert found["verdict"] == "inconclusive"
        assert "No run has data for bad_debt_ratio" in found["reason"]
        assert "scenarios" in found["reason"]
        assert (found["estimate"], found["worst"], found["replay"]) == (None, None, None)


def test_failed_runs_take_a_pass_away_and_leave_a_fail(tmp_path):
    few = ratios(np.full(400, 0.001), failed=3)
    found = judged(tmp_path, "p99(bad_debt_ratio) <= 0.5%", few)
    assert (found["verdict"], found["runs"]) == ("inconclusive", 397)
    assert "3 of 400 runs failed" in found["reason"]
    assert judged(tmp_path, "max(bad_debt_ratio) <= 0", few)["verdict"] == "fail"
    all_failed = judged(tmp_path, "max(bad_debt_ratio) <= 0", ratios([0.0] * 5, failed=5))
    assert (all_failed["verdict"], all_failed["reason"]) == ("inconclusive", "All 5 runs failed.")


def test_missing_runs_take_a_pass_away(tmp_path):
    found = judged(tmp_path, "max(bad_debt_ratio) <= 1", ratios([0.0]), missing=True)
    assert found["verdict"] == "inconclusive"
    assert "runs are missing" in found["reason"]


def test_a_scenario_that_cannot_be_run_says_why(tmp_path):
    found = judged(tmp_path, "max(bad_debt_ratio) <= 1", ratios([]), broken=WavetankError("no bytecode"))
    assert (found["verdict"], found["reason"]) == ("inconclusive", "There is no run: no bytecode.")


@pytest.mark.parametrize(
    ("require", "seed"),
    [
        ("max(bad_debt_ratio) <= 1", 9),
        ("min(bad_debt_ratio) >= 0", 8),
        ("rate(bad_debt_ratio < 1) >= 1%", 9),
        ("rate(bad_debt_ratio < 1) <= 99%", 8),
    ],
)
def test_the_worst_run_is_the_one_the_rule_likes_least_and_has_a_command(tmp_path, require, seed):
    found = judged(tmp_path, require, ratios([0.5, 0.1, 0.9, 0.9, 0.1]))
    assert found["worst"]["seed"] == seed
    assert found["replay"] == f"wavetank run calm {seed}"


def test_reasons_are_one_sentence_in_the_unit_of_the_limit(tmp_path):
    found = judged(tmp_path, "p90(bad_debt_ratio) <= 0.5%", ratios(np.full(40, 0.001)))
    assert re.fullmatch(r"The 95.% bound of p90 of bad debt ratio, 0.1.%, keeps the limit of 0.5.%\.", found["reason"])


@given(st.lists(st.sampled_from(["pass", "fail", "inconclusive"]), max_size=6), st.booleans(), st.booleans())
def test_the_exit_code_is_that_of_the_worst_error_and_warn_only_hides_no_fault(verdicts, whole, warn_only):
    rules = [{"level": "error", "verdict": verdict} for verdict in verdicts]
    rules += [{"level": "warn", "verdict": "fail"}, {"level": "warn", "verdict": "inconclusive"}]
    told = {"rules": rules, "baseline": None, "status": "complete" if whole else "partial", "warn_only": warn_only}
    made = concluded(told)
    if warn_only:
        assert made["exit_code"] == (0 if whole else 3)
    elif "fail" in verdicts:
        assert (made["exit_code"], made["verdict"]) == (1, "fail")
    else:
        sound = whole and "inconclusive" not in verdicts
        assert (made["exit_code"], made["verdict"]) == ((0, "pass") if sound else (3, "inconclusive"))


@pytest.mark.parametrize(("finding", "code"), [("fail", 1), ("inconclusive", 3), ("new", 0), ("pass", 0)])
def test_a_worsening_fails_an_audit_whose_rules_all_pass(finding, code):
    baseline = {"findings": [{"verdict": finding}]}
    told = {"rules": [{"level": "error", "verdict": "pass"}], "baseline": baseline, "status": "complete"}
    assert concluded({**told, "warn_only": False})["exit_code"] == code
    assert concluded({**told, "warn_only": True})["exit_code"] == 0


def test_an_interrupted_audit_says_so():
    told = {"rules": [], "baseline": None, "status": "partial", "warn_only": True}
    assert concluded(told, interrupted=True)["exit_code"] == 130
