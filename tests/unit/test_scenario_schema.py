"""The JSON schema of scenario files agrees with the loader."""

import tomllib

import pytest
from jsonschema import Draft202012Validator
from scenario_samples import STORM, forget_the_real_ones, toys, write

from simulator.scenario import check_scenario, load_scenario
from simulator.scenario.build import plain
from simulator.scenario.parameters import known_parameters, scenario_parameters
from simulator.scenario.schema import scenario_schema


@pytest.fixture(autouse=True)
def _only_toys(monkeypatch):
    forget_the_real_ones(monkeypatch)
    with toys():
        yield


def faults(text: str) -> list[str]:
    data = plain(tomllib.loads(text))
    return [error.message for error in Draft202012Validator(scenario_schema()).iter_errors(data)]


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(scenario_schema())


def test_it_accepts_what_the_loader_accepts():
    assert faults(STORM) == []


def test_it_accepts_resolved_data(tmp_path):
    storm = load_scenario(write(tmp_path, "storm.toml", STORM))
    data = {key: value for key, value in storm.resolved.items() if key != "name"}
    assert list(Draft202012Validator(scenario_schema()).iter_errors(data)) == []


@pytest.mark.parametrize(
    "change",
    [
        ("schema = 1", "schema = 2"),
        ("schema = 1", ""),
        ("hours = 2", "hours = -2"),
        ("hours = 2", "huors = 2"),
        ('process = "constant"', 'process = "constnat"'),
        ("price = 100.0", "prise = 100.0"),
        ("price = 100.0", "price = -1"),
        ("heartbeat_seconds = 600", "heartbeat_seconds = 0.5"),
        ('protocol = "bank"', 'protocol = "bnak"'),
        ("liquidation_ratio = 1.2", "liquidation_ratio = 1"),
        ("liquidation_ratio = 1.2", "liquidation_rato = 1.2"),
        ("count = 3", "count = -3"),
        ("count = 3", "coutn = 3"),
        ("size = 1.0", "size = -1.0"),
    ],
)
def test_it_refuses_what_the_loader_refuses(tmp_path, change):
    text = STORM.replace(*change)
    assert text != STORM
    assert faults(text)
    assert check_scenario(write(tmp_path, "x.toml", text))


@pytest.mark.parametrize(
    "text",
    [
        'schema = 1\nextends = "calm"\n[crabs]\ncount = 3',
        "schema = 1\ncrabs = false\n[market.ETH]\nimpact = false",
        "schema = 1\n[chain]\ndemand = false",
        'schema = 1\n[crabs]\nagent = "./mine.py:Mine"\nanything = 3',
    ],
)
def test_a_file_that_extends_another_may_leave_keys_out(text):
    assert faults(text) == []


def test_every_parameter_has_a_meaning(tmp_path):
    storm = load_scenario(write(tmp_path, "storm.toml", STORM))
    listed = [*scenario_parameters(storm), *known_parameters()]
    assert [item.key for item in listed if not item.meaning] == []


def test_a_parameter_has_value_unit_bounds_and_meaning(tmp_path):
    storm = load_scenario(write(tmp_path, "storm.toml", STORM))
    listed = {item.key: item.as_dict() for item in scenario_parameters(storm)}
    assert listed["crabs.count"] == {
        "key": "crabs.count",
        "value": 3,
        "unit": "count",
        "bounds": ">= 0, <= 1000",
        "meaning": "how many there are",
    }
    assert listed["crabs.habit"]["bounds"] == "calm | panic"
    assert listed["crabs.agent"]["bounds"] == "crab"
    assert listed["vault.collateral.ETH.liquidation_ratio"]["value"] == 1.2
    assert listed["market.ETH.process"]["value"] == "constant"
    assert listed["chain.demand.gas_price_gwei"]["value"] is None


def test_without_a_scenario_names_of_its_own_are_placeholders():
    listed = {item.key: item for item in known_parameters()}
    assert listed["<crab agent>.leverage"].value == 2.0
    assert listed["<bank protocol>.collateral.<NAME>.debt_floor"].value == 20.0
    assert listed["oracle.<ASSET>.heartbeat_seconds"].unit == "s"
    assert listed["market.<constant ASSET>.price"].unit == "usd"
