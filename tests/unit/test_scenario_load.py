"""Scenario files become frozen scenarios."""

import json
import pickle
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError
from scenario_samples import STORM, Bank, Crab, toys, write

from simulator.errors import ConfigError
from simulator.scenario import check_scenario, load_scenario
from simulator.scenario.build import build
from simulator.scenario.files import Source


@pytest.fixture(autouse=True)
def _toys():
    with toys():
        yield


def test_every_section_of_a_file_is_in_the_scenario(tmp_path):
    storm = load_scenario(write(tmp_path, "storm.toml", STORM))
    assert (storm.name, storm.title, storm.story) == ("storm", "A storm", "It blows.")
    assert storm.world.start == datetime(2020, 3, 12, tzinfo=UTC)
    assert storm.world.hours == 2
    assert storm.market["ETH"].process == "constant"
    assert storm.market["ETH"].settings.price == 100
    assert storm.oracle["ETH"].heartbeat_seconds == 600
    assert storm.protocols["vault"].settings.collateral["ETH"].liquidation_ratio == 1.2
    assert storm.agents["crabs"].settings.count == 3
    assert storm.protocols["vault"].implementation is Bank
    assert storm.agents["crabs"].implementation is Crab


def test_a_scenario_of_nothing_but_its_schema_is_a_scenario(tmp_path):
    storm = load_scenario(write(tmp_path, "empty.toml", "schema = 1"))
    assert storm.title == "empty"
    assert not storm.market
    assert not storm.agents
    assert storm.chain.demand is None


def test_sizes_of_zero_are_legal(tmp_path):
    storm = load_scenario(write(tmp_path, "storm.toml", STORM), {"world.hours": 0, "crabs.count": 0})
    assert storm.world.hours == 0
    assert storm.agents["crabs"].settings.count == 0


def test_settings_cannot_be_changed(tmp_path):
    storm = load_scenario(write(tmp_path, "storm.toml", STORM))
    with pytest.raises(ValidationError, match="frozen"):
        storm.world.hours = 3  # type: ignore[misc]


def test_the_resolved_data_is_plain_json_with_every_default(tmp_path):
    storm = load_scenario(write(tmp_path, "storm.toml", STORM))
    assert json.loads(json.dumps(storm.resolved, allow_nan=False)) == storm.resolved
    assert storm.resolved["name"] == "storm"
    assert storm.resolved["chain"]["gas_limit"] == storm.chain.gas_limit
    assert storm.resolved["crabs"] | {"agent": "crab", "leverage": 2.0} == storm.resolved["crabs"]


def test_the_resolved_data_builds_the_same_scenario_again(tmp_path):
    path = write(tmp_path, "storm.toml", STORM)
    storm = load_scenario(path)
    data = {key: value for key, value in storm.resolved.items() if key not in {"name", "schema"}}
    again, problems = build("storm", (Source(path, {}),), data, {})
    assert problems == []
    assert again is not None
    assert again.resolved == storm.resolved
    assert (again.world, again.chain, again.market, again.oracle) == (
        storm.world,
        storm.chain,
        storm.market,
        storm.oracle,
    )
    assert again.agents["crabs"].settings == storm.agents["crabs"].settings


def test_the_order_of_tables_in_the_file_means_nothing(tmp_path):
    one = load_scenario(write(tmp_path, "one/s.toml", 'schema = 1\n[b]\nagent = "crab"\n[a]\nagent = "crab"'))
    other = load_scenario(write(tmp_path, "two/s.toml", 'schema = 1\n[a]\nagent = "crab"\n[b]\nagent = "crab"'))
    assert list(one.agents) == list(other.agents) == ["a", "b"]
    assert json.dumps(one.resolved) == json.dumps(other.resolved)


def test_a_scenario_can_be_sent_to_a_worker(tmp_path):
    storm = load_scenario(write(tmp_path, "storm.toml", STORM))
    assert pickle.loads(pickle.dumps(storm.world)) == storm.world
    assert pickle.loads(pickle.dumps(storm)).resolved == storm.resolved


def test_an_unknown_name_gives_the_nearest_shipped_one(tmp_path, monkeypatch):
    write(tmp_path, "black-thursday.toml", "schema = 1")
    write(tmp_path, "calm.toml", "schema = 1")
    monkeypatch.setattr("simulator.scenario.files.scenario_folder", lambda: tmp_path)
    assert load_scenario("calm").name == "calm"
    with pytest.raises(ConfigError) as failure:
        load_scenario("black-tuesday")
    assert str(failure.value) == 'no scenario "black-tuesday" (the nearest that exists is "black-thursday")'


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError) as failure:
        load_scenario(tmp_path / "gone.toml")
    assert str(failure.value).startswith(f"{tmp_path}/gone.toml: no such scenario file")
    assert failure.value.exit_code == 2


def test_a_folder_is_no_scenario(tmp_path):
    (tmp_path / "storm.toml").mkdir()
    with pytest.raises(ConfigError, match="no such scenario file"):
        load_scenario(tmp_path / "storm.toml")


def test_a_fault_of_syntax_gives_line_and_column(tmp_path):
    path = write(tmp_path, "bad.toml", "schema = 1\n[world\n")
    with pytest.raises(ConfigError, match=r"bad\.toml: not TOML: .*line 2"):
        load_scenario(path)


def test_a_file_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "latin.toml"
    path.write_bytes(b'schema = 1\ntitle = "\xe9"')
    with pytest.raises(ConfigError, match=r"latin\.toml: not UTF-8"):
        load_scenario(path)


@pytest.mark.parametrize(
    ("text", "message"), [("", "schema: is missing"), ("schema = 2", "schema = 2: unknown schema")]
)
def test_a_schema_other_than_ours_is_refused(tmp_path, text, message):
    path = write(tmp_path, "x.toml", text)
    with pytest.raises(ConfigError, match=message):
        load_scenario(path)


def test_a_file_below_the_current_folder_is_named_from_there(tmp_path, monkeypatch):
    write(tmp_path, "scenarios/x.toml", 'schema = 1\n[crabs]\nagent = "crab"\nleverage = 0')
    monkeypatch.chdir(tmp_path)
    (error,) = check_scenario("scenarios/x.toml")
    assert str(error) == "scenarios/x.toml: crabs.leverage = 0: must be > 0 (leverage: debt over equity [x])"
    assert error.as_dict() == {
        "what": "crabs.leverage = 0: must be > 0",
        "where": "scenarios/x.toml",
        "mend": "leverage: debt over equity [x]",
    }
