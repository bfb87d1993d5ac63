"""Faults of a feed in a scenario file: each mistake has its line, and every key is listed, settable and explained."""

import tomllib

import pytest
from jsonschema import Draft202012Validator
from scenario_samples import STORM, toys, write

from simulator.report.assumptions import assumptions
from simulator.scenario import check_scenario, load_scenario
from simulator.scenario.parameters import known_parameters, scenario_parameters
from simulator.scenario.schema import scenario_schema

FAULTS = """
[oracle.ETH.sources]
count = 3
noise = 0.001

[[oracle.ETH.faults]]
id = "wick"
kind = "wick"
from = 0.5
to = 1
factor = 2

[[oracle.ETH.faults]]
id = "old"
kind = "deviation"
deviation = 0.1
"""
KINDS = {"heartbeat", "deviation", "latency", "stall", "wick", "liars", "twap", "stuck", "peg"}


@pytest.fixture(autouse=True)
def _toys():
    with toys():
        yield


def load(tmp_path, more="", **changes):
    return load_scenario(write(tmp_path, "storm.toml", STORM + FAULTS + more), changes)


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ('kind = "pegg"', 'kind = "pegg": must be one of'),
        ("", "kind: is missing"),
        ('kind = "peg"', "price: is missing (price: the value [usd])"),
        ('kind = "peg"\nprice = -1', "price = -1: must be > 0"),
        ('kind = "stall"\nfrom = 5\nto = 3', "to = 3: must be >= from (5)"),
        ('kind = "stall"\nfrom = -1', "from = -1: must be >= 0 (from: when it begins [h])"),
        ('kind = "stall"\nfrm = 2', "frm: unknown key (the nearest that exists is `oracle.ETH.faults[2].from`)"),
        ('kind = "stall"\nprice = 2', "price: unknown key"),
        ('kind = "heartbeat"\nheartbeat_seconds = 1.5', "heartbeat_seconds = 1.5: must be a whole number"),
        ('kind = "deviation"\ndeviation = 1\nto = "x"', 'to = "x": must be a number'),
        ('kind = "deviation"\ndeviation = -1', "deviation = -1: must be >= 0 (deviation: relative change meanwhile"),
        ('kind = "liars"\nliars = -1\nfactor = 2', "liars = -1: must be >= 0 (liars: how many"),
        ('kind = "twap"\nwindow_seconds = 0', "window_seconds = 0: must be > 0"),
    ],
)
def test_each_mistake_has_its_line_at_its_key(tmp_path, keys, line):
    path = write(tmp_path, "x.toml", f'{STORM}{FAULTS}[[oracle.ETH.faults]]\nid = "bad"\n{keys}\n')
    (error,) = check_scenario(path)
    assert f": oracle.ETH.faults[2].{line}" in str(error)


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (
            'kind = "liars"\nliars = 2',
            'faults[2] = {id = "bad", kind = "liars", liars = 2}: must have either factor or price',
        ),
        ('kind = "liars"\nfactor = 2\nprice = 2', ": must have either factor or price"),
        ('kind = "liars"\nliars = 4\nprice = 2', ": bad: liars = 4 must be <= sources.count (3)"),
        ('kind = "wick"\nsource = 3\nfactor = 2', ": bad: source = 3 must be < sources.count (3)"),
    ],
)
def test_a_fault_that_contradicts_itself_or_its_feed_is_named(tmp_path, keys, line):
    path = write(tmp_path, "x.toml", f'{STORM}{FAULTS}[[oracle.ETH.faults]]\nid = "bad"\n{keys}\n')
    (error,) = check_scenario(path)
    assert line in str(error)


def test_two_faults_of_one_name_are_refused(tmp_path):
    path = write(tmp_path, "x.toml", f'{STORM}{FAULTS}[[oracle.ETH.faults]]\nid = "old"\nkind = "stall"\n')
    (error,) = check_scenario(path)
    assert 'oracle.ETH.faults[2].id = "old": is taken by another of the list' in str(error)


def test_faults_of_a_feed_that_has_no_prices_from_a_reporter_are_refused(tmp_path):
    text = (STORM + FAULTS).replace("[oracle.ETH]\n", '[oracle.ETH]\nsource = "twap"\n')
    errors = check_scenario(write(tmp_path, "x.toml", text))
    assert any('are of prices that a reporter writes, not of source = "twap"' in str(error) for error in errors)


def test_more_venues_than_sources_are_refused(tmp_path):
    text = (STORM + FAULTS).replace("noise = 0.001", 'venues = ["a", "b", "c", "d"]')
    (error,) = check_scenario(write(tmp_path, "x.toml", text))
    assert "oracle.ETH.sources.venues" in str(error)
    assert "must be no more than sources (3)" in str(error)


def test_an_outage_of_the_chain_that_ends_before_it_begins_is_refused(tmp_path):
    (error,) = check_scenario(write(tmp_path, "x.toml", STORM + "[chain]\noutages = [[2, 1]]\n"))
    assert "chain.outages = [[2, 1]]: [2, 1] must be [from, to]" in str(error)


def test_a_fault_is_changed_by_its_name(tmp_path):
    storm = load(tmp_path, **{"oracle.ETH.faults.wick.factor": 3.0, "oracle.ETH.faults.wick.from": 0.25})
    (wick, _) = storm.oracle["ETH"].faults
    assert (wick.factor, wick.span) == (3.0, (900, 3600))


def test_the_resolved_scenario_loads_again_as_it_is(tmp_path):
    storm = load(tmp_path)
    again = load(tmp_path, **{"oracle.ETH": storm.resolved["oracle"]["ETH"]})
    assert again.oracle == storm.oracle
    assert storm.resolved["oracle"]["ETH"]["faults"][0] == {
        "id": "wick",
        "kind": "wick",
        "from": 0.5,
        "to": 1.0,
        "source": 0,
        "factor": 2.0,
        "half_life_seconds": 0.0,
    }


def test_the_keys_of_each_fault_are_listed_with_value_unit_bounds_and_meaning(tmp_path):
    found = {item.key: item for item in scenario_parameters(load(tmp_path))}
    item = found["oracle.ETH.faults.wick.half_life_seconds"]
    assert (item.value, item.unit, item.bounds) == (0.0, "s", ">= 0")
    assert item.meaning.startswith("time in which half")
    assert found["oracle.ETH.faults.wick.from"].value == 0.5
    assert found["oracle.ETH.faults.old.deviation"].value == 0.1
    assert "oracle.ETH.faults" not in found


def test_a_feed_without_faults_says_which_there_are(tmp_path):
    found = {item.key: item for item in scenario_parameters(load_scenario(write(tmp_path, "s.toml", STORM)))}
    item = found["oracle.ETH.faults"]
    assert item.value == []
    assert set(item.bounds.removeprefix("kind: ").split(" | ")) == KINDS


def test_the_keys_of_every_kind_are_listed_for_all_scenarios():
    keys = {item.key for item in known_parameters()}
    assert {f"oracle.<ASSET>.faults.<{kind} ID>.from" for kind in KINDS} <= keys
    assert "oracle.<ASSET>.faults.<twap ID>.window_seconds" in keys


def test_the_schema_accepts_faults_and_a_change_of_one_and_refuses_a_wrong_one():
    def flaws(text):
        return list(Draft202012Validator(scenario_schema()).iter_errors({"schema": 1, **tomllib.loads(text)}))

    assert flaws(FAULTS) == []
    assert flaws('[[oracle.ETH.faults]]\nid = "wick"\nfactor = 3') == []
    assert flaws('[[oracle.ETH.faults]]\nid = "wick"\nkind = "wikc"')
    assert flaws('[[oracle.ETH.faults]]\nid = "wick"\nkind = "wick"\nfactor = -1')


def test_the_report_shows_each_fault_with_units_and_meaning(tmp_path):
    sections = {section.name: section.rows for section in assumptions(load(tmp_path).resolved)}
    rows = {row.key: row for row in sections["oracle.ETH"]}
    assert rows["faults.wick.factor"].value == "2"
    assert rows["faults.wick.to"].unit == "h"
    assert rows["faults.old.deviation"].value.startswith("10")
    assert rows["faults.old.deviation"].meaning.startswith("relative change meanwhile")
