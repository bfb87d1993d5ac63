"""The files of an audit: the same bytes from the same inputs, each whole, none green that should not be."""

import json
import os
import re
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pyarrow.parquet as pq
import pytest
from audit_outputs_samples import audit_document, cut_short, kept, runs_frame
from hypothesis import given
from hypothesis import strategies as st

from simulator.audit.document import concern
from simulator.audit.junit import junit_text
from simulator.audit.outputs import OUTPUTS, STEP_SUMMARY, write_outputs
from simulator.audit.sarif import sarif_text
from simulator.audit.summary import summary_text
from simulator.audit.wording import headline
from simulator.errors import WavetankError
from simulator.metrics import METRICS

RED = {"failure", "error"}


@pytest.fixture(autouse=True)
def no_step_summary(monkeypatch):
    monkeypatch.delenv(STEP_SUMMARY, raising=False)


def reds(document):
    return [
        case for case in ElementTree.fromstring(junit_text(document)).iter("testcase") if RED & {e.tag for e in case}
    ]


def results(document):
    return json.loads(sarif_text(document))["runs"][0]["results"]


def with_verdict(document, place, verdict, level, warn_only=False):
    rules = [dict(rule) for rule in kept(document)["rules"]]
    rules[place].update(verdict=verdict, level=level)
    return {**kept(document), "rules": rules, "warn_only": warn_only}


def test_the_same_inputs_give_the_same_bytes_whatever_order_runs_ended_in(tmp_path):
    shuffled = runs_frame().sample(frac=1, random_state=1)
    write_outputs(audit_document(), runs_frame(), tmp_path / "one")
    write_outputs(json.loads(json.dumps(audit_document())), shuffled, tmp_path / "two")
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == sorted(OUTPUTS)
    for name in OUTPUTS:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_audit_json_is_the_document_sorted(tmp_path):
    write_outputs(audit_document(), runs_frame(), tmp_path)
    text = (tmp_path / "audit.json").read_text(encoding="utf-8")
    assert json.loads(text) == audit_document()
    assert text == json.dumps(audit_document(), sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def test_runs_are_sorted_and_typed_also_where_there_are_none(tmp_path):
    for frame in (runs_frame(), runs_frame().iloc[:0], pd.DataFrame()):
        write_outputs(audit_document(), frame, tmp_path)
        table = pq.read_table(tmp_path / "runs.parquet")
        assert table.column_names == ["scenario", "seed", "weight", "status", "fault", "digest", *METRICS]
        assert {str(table.schema.field(name).type) for name in METRICS} == {"double"}
        assert str(table.schema.field("scenario").type) == "string"
        places = list(zip(table["scenario"].to_pylist(), table["seed"].to_pylist(), strict=True))
        assert places == ([("calm", 7), ("calm", 8), ("luna", 7), ("luna", 8)] if len(frame) else [])


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_file_that_cannot_be_written_is_told_and_the_rest_is_there(tmp_path, name, monkeypatch):
    tmp_path, step = tmp_path / "out", tmp_path / "step.md"
    write_outputs(kept(audit_document()), runs_frame(), tmp_path)
    replace = os.replace

    def full(source, target):
        if Path(target).name == name:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr("simulator.audit.outputs.os.replace", full)
    monkeypatch.setenv(STEP_SUMMARY, str(step))
    with pytest.raises(WavetankError, match="No space left on device") as raised:
        write_outputs(audit_document(), runs_frame(), tmp_path)
    assert raised.value.exit_code == 3
    assert name in raised.value.where
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(set(OUTPUTS) - {name})  # no green one of before
    assert not step.exists()  # for it would show the verdict of a whole audit
    fault = raised.value.as_dict()
    with pytest.raises(WavetankError):
        write_outputs(audit_document(status="partial", faults=[fault]), runs_frame(), tmp_path)
    assert "No space left on device" in step.read_text(encoding="utf-8")
    if name != "audit.json":
        assert json.loads((tmp_path / "audit.json").read_text())["verdict"] == "fail"


def test_a_place_that_is_no_folder_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WavetankError, match="cannot be written"):
        write_outputs(audit_document(), runs_frame(), tmp_path / "file" / "out")


def test_the_summary_is_appended_to_that_of_the_step(tmp_path, monkeypatch):
    there = tmp_path / "step.md"
    there.write_text("of the step before\n", encoding="utf-8")
    monkeypatch.setenv(STEP_SUMMARY, str(there))
    write_outputs(audit_document(), runs_frame(), tmp_path / "out")
    summary = (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")
    assert there.read_text(encoding="utf-8") == f"of the step before\n{summary}"


def test_a_test_case_stands_for_every_rule_in_every_scenario():
    root = ElementTree.fromstring(junit_text(audit_document()))
    cases = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    rules = [(rule["scenario"], rule["id"]) for rule in audit_document()["rules"]]
    assert sorted(case for case in cases if case[0] not in ("baseline", "audit")) == sorted(rules)
    assert len(cases) == len(set(cases)) == len(rules) + 4 + 1
    for element in [root, *root.iter("testsuite")]:
        found = list(element.iter("testcase"))
        assert int(element.get("tests")) == len(found)
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(element.get(attribute)) == sum(case.find(tag) is not None for case in found)


def test_a_rule_of_a_scenario_that_never_ran_is_not_lost():
    document = audit_document(scenarios=[])
    assert len(reds(document)) == len(reds(audit_document())) > 0


def test_junit_names_the_rule_its_line_its_figures_and_its_replay():
    root = ElementTree.fromstring(junit_text(audit_document()))
    case = root.find(".//testcase[@name='BAD-DEBT'][@classname='black-thursday']")
    assert (case.get("file"), case.get("line")) == ("risk/audit.toml", "9")
    failure = case.find("failure")
    for part in ("p99(bad_debt_ratio) <= 0.5%", "4.13", "at least 2.81", "0.5%", "300 runs"):
        assert part in failure.get("message")
    assert "replay: wavetank run black-thursday --seed 211" in failure.text


@pytest.mark.parametrize(
    ("verdict", "level", "warn_only", "tag", "sarif"),
    [
        ("pass", "error", False, None, None),
        ("fail", "error", False, "failure", "error"),
        ("inconclusive", "error", False, "error", "error"),
        ("fail", "warn", False, "skipped", "warning"),
        ("inconclusive", "warn", False, "skipped", "warning"),
        ("fail", "error", True, "skipped", "warning"),
        ("inconclusive", "error", True, "skipped", "warning"),
    ],
)
def test_what_a_verdict_is_to_ci(verdict, level, warn_only, tag, sarif):
    document = with_verdict(audit_document(), 0, verdict, level, warn_only)
    cases = ElementTree.fromstring(junit_text(document)).iter("testcase")
    assert [element.tag for case in cases for element in case] == ([tag] if tag else [])
    assert [result["level"] for result in results(document)] == ([sarif] if sarif else [])


@given(
    st.lists(st.sampled_from(["pass", "fail", "inconclusive"]), min_size=24, max_size=24), st.booleans(), st.booleans()
)
def test_nothing_is_green_unless_all_that_counts_passed(verdicts, partial, warn_only):
    rules = [{**rule, "verdict": verdict} for rule, verdict in zip(audit_document()["rules"], verdicts, strict=True)]
    document = {**kept(audit_document()), "rules": rules, "warn_only": warn_only}
    document = cut_short(document) if partial else document
    blocked = any(concern(document, rule) in RED for rule in rules)
    assert bool(reds(document)) == (blocked or partial)
    assert any(result["level"] == "error" for result in results(document)) == (blocked or partial)
    assert len(results(document)) == sum(verdict != "pass" for verdict in verdicts) + partial


def test_an_audit_cut_short_is_red_everywhere_though_every_rule_is_kept():
    document = cut_short(kept(audit_document()))
    assert [case.get("name") for case in reds(document)] == ["complete"]
    assert [result["ruleId"] for result in results(document)] == ["INCOMPLETE"]
    assert "the audit is not whole" in summary_text(document)
    assert "the chain is gone" in summary_text(document)
    assert "LookupError" in summary_text(document)


def test_a_worsening_against_the_baseline_is_a_failure_and_a_new_metric_a_warning():
    found = {result["ruleId"]: result["level"] for result in results(audit_document())}
    assert found["baseline/liquidation_delay_blocks_max"] == "error"
    assert found["baseline/health_factor_min"] == "error"
    assert found["baseline/withdrawal_wait_seconds_max"] == "warning"
    assert "baseline/bad_debt_ratio" not in found
    tags = {
        case.get("name").split()[0]: [element.tag for element in case]
        for case in ElementTree.fromstring(junit_text(audit_document())).iter("testcase")
        if case.get("classname") == "baseline"
    }
    assert tags["liquidation_delay_blocks_max"] == ["failure"]
    assert tags["health_factor_min"] == ["error"]
    assert tags["withdrawal_wait_seconds_max"] == ["skipped"]
    assert tags["bad_debt_ratio"] == []


def test_every_row_of_a_markdown_table_has_the_cells_of_its_head():
    hostile = {"id": "A", "scenario": "a|b\n| c `d`"}
    rules = [{**rule, **hostile} for rule in audit_document()["rules"]]
    for document in (audit_document(), audit_document(rules=rules)):
        rows = [line for line in summary_text(document).splitlines() if line.startswith("|")]
        bars = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
        assert len(rows) == 2 + 24 + 2 + 3
        assert bars == {8}


def test_the_summary_says_the_verdict_first_and_how_to_see_the_worst_run():
    lines = summary_text(audit_document()).splitlines()
    assert lines[0].startswith("## ")
    assert "Fail: 3 of 24 checks broken, 3 undecided" in lines[0]
    for rule in audit_document()["rules"]:
        if rule["verdict"] == "fail":
            assert rule["replay"] in lines


def test_text_that_no_xml_can_hold_does_not_break_the_file():
    rules = [{**rule, "why": "\x00\x1b[31m \ud800 é"} for rule in audit_document()["rules"]]
    assert len(reds(audit_document(rules=rules))) == len(reds(audit_document()))


def test_the_headline_of_nothing_is_no_pass():
    document = audit_document(rules=[], baseline=None, verdict="inconclusive", exit_code=3)
    assert headline(document) == "Inconclusive: no rule was judged"
