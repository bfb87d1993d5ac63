"""The default rules: each can be read, asks for what there is, and every probe has a rule that names it."""

from simulator.audit.defaults import DEFAULT_RULES, PROBE_RULES, RISK_RULES
from simulator.metrics import METRICS
from simulator.stress.require import check_rules, parse_rule


def metrics_of(rules):
    return {name for rule in rules for name in parse_rule(rule.require).metrics}


def test_every_default_rule_is_about_a_metric_and_can_pass_in_an_audit_of_300_seeds():
    check_rules([parse_rule(rule.require) for rule in DEFAULT_RULES], 300)


def test_no_two_rules_have_one_id():
    ids = [rule.id for rule in DEFAULT_RULES]
    assert len(set(ids)) == len(ids)


def test_every_metric_of_a_prober_has_a_rule():
    probed = {name for name, each in METRICS.items() if each.function.__module__.endswith(".probes")}
    assert probed - metrics_of(DEFAULT_RULES) == set()


def test_a_rule_looks_in_the_worse_direction_of_its_metric():
    for rule in DEFAULT_RULES:
        parsed = parse_rule(rule.require)
        for name in parsed.metrics:
            assert METRICS[name].worse == ("higher" if parsed.comparison == "<=" else "lower"), rule.id


def test_what_a_prober_finds_is_judged_as_observed():
    assert {parse_rule(rule.require).aggregate for rule in PROBE_RULES} == {"max"}
    assert {"p99", "es95", "rate"} <= {parse_rule(rule.require).aggregate for rule in RISK_RULES}
