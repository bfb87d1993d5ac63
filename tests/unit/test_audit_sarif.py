"""An audit's SARIF against the schema of the standard, and against what code scanning reads."""

import json
import os

import jsonschema
import pytest
from audit_outputs_samples import audit_document, cut_short, kept

from simulator.audit.sarif import sarif_text
from simulator.paths import toolchain_folder

SCHEMA = "node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"


@pytest.fixture(scope="module")
def validator():
    file = toolchain_folder() / SCHEMA
    if not file.is_file():
        missing = "the schema of SARIF 2.1.0 is missing: npm install --prefix scripts/toolchain"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    schema = json.loads(file.read_text(encoding="utf-8"))
    return jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker())


def documents():
    sample = audit_document()
    return {
        "failing": sample,
        "passing": kept(sample),
        "cut short": cut_short(kept(sample)),
        "nothing": audit_document(rules=[], scenarios=[], baseline=None),
        "elsewhere": audit_document(config="/srv/my risk/audit.toml"),
        "warnings": audit_document(warn_only=True),
    }


@pytest.mark.parametrize("name", documents())
def test_it_is_valid_by_the_schema(validator, name):
    assert list(validator.iter_errors(json.loads(sarif_text(documents()[name])))) == []


def test_the_schema_refuses_what_is_wrong(validator):
    log = json.loads(sarif_text(audit_document()))
    log["runs"][0]["results"][0]["level"] = "fatal"
    del log["runs"][0]["results"][1]["message"]
    assert len(list(validator.iter_errors(log))) >= 2


def test_a_result_is_at_its_rules_own_line_and_refers_to_its_rule():
    run = json.loads(sarif_text(audit_document()))["runs"][0]
    lines = {rule["id"]: rule["line"] for rule in audit_document()["rules"]}
    own = [result for result in run["results"] if result["ruleId"] in lines]
    assert len(own) == sum(rule["verdict"] != "pass" for rule in audit_document()["rules"])
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    for result in own:
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["artifactLocation"] == {"uri": "risk/audit.toml", "uriBaseId": "%SRCROOT%"}
        assert place["region"]["startLine"] == lines[result["ruleId"]]


def test_nothing_is_suppressed_and_no_two_results_become_one_alert():
    results = json.loads(sarif_text(audit_document()))["runs"][0]["results"]
    assert all("suppressions" not in result and "kind" not in result for result in results)
    hashes = [result["partialFingerprints"]["primaryLocationLineHash"] for result in results]
    assert len(hashes) == len(set(hashes)) == 11


def test_a_fingerprint_outlives_other_figures_and_another_line():
    def hashes(document):
        results = json.loads(sarif_text(document))["runs"][0]["results"]
        return {result["partialFingerprints"]["primaryLocationLineHash"] for result in results}

    moved = [{**rule, "line": rule["line"] + 40, "estimate": 0.123} for rule in audit_document()["rules"]]
    assert hashes(audit_document(rules=moved)) == hashes(audit_document())


def test_the_message_names_estimate_bound_limit_and_the_replay_command():
    first = json.loads(sarif_text(audit_document()))["runs"][0]["results"][0]["message"]["text"]
    for part in ("black-thursday", "4.13", "at least 2.81", "<= 0.5%", "300 runs", "Replay: wavetank run"):
        assert part in first
