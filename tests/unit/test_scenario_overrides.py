"""`--set` reaches every key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenario_samples import STORM, toys, write

from simulator.errors import ConfigError
from simulator.scenario import load_scenario
from simulator.scenario.overrides import overridden, parse_key, parse_overrides, parse_value, run_command
from simulator.scenario.parameters import scenario_parameters


@pytest.fixture(autouse=True)
def _toys():
    with toys():
        yield


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("0.5", 0.5),
        ("1_000", 1000),
        ("true", True),
        ("[1, 2]", [1, 2]),
        ('{ a = "b" }', {"a": "b"}),
        ('"quoted"', "quoted"),
        ("dutch", "dutch"),
        ("./file.py:Class", "./file.py:Class"),
        ("[1, 2", "[1, 2"),
        ("", ""),
        ("1\nb = 2", "1\nb = 2"),
    ],
)
def test_a_value_is_toml_or_else_text(text, value):
    assert parse_value(text) == value


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("world.hours", ("world", "hours")),
        ('market."A.B".price', ("market", "A.B", "price")),
        ("crabs.legs[1].size", ("crabs", "legs", 1, "size")),
        ("a-b_c.0", ("a-b_c", "0")),
    ],
)
def test_a_key_is_a_path(key, path):
    assert parse_key(key) == path


@pytest.mark.parametrize("key", ["", ".a", "a.", "a..b", "a b", "a[x]", "a[1", 'a."b'])
def test_a_malformed_key_is_refused(key):
    with pytest.raises(ConfigError, match="is no key"):
        parse_key(key)


@pytest.mark.parametrize("text", ["world.hours", "=3", " = 3"])
def test_an_assignment_without_key_or_value_is_refused(text):
    with pytest.raises(ConfigError, match=r"--set: .* sets nothing"):
        parse_overrides([text])


def test_only_the_first_equals_sign_parts_key_and_value():
    assert parse_overrides(["title = a=b", "world.hours=1", "world.hours=2"]) == {"title": "a=b", "world.hours": 2}


def test_every_listed_key_can_be_set_to_the_value_it_has(tmp_path):
    """The keys that only defaults hold are among them."""
    path = write(tmp_path, "storm.toml", STORM)
    storm = load_scenario(path)
    listed = {item.key: item.value for item in scenario_parameters(storm) if item.value is not None}
    assert {"chain.missed_slots", "oracle.ETH.gas.multiple", "crabs.leverage", "vault.collateral.ETH.debt_floor"} < set(
        listed
    )
    assert load_scenario(path, listed).resolved == storm.resolved


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("chain.missed_slots", 0.25, lambda storm: storm.chain.missed_slots),
        ("oracle.ETH.gas.multiple", 3.0, lambda storm: storm.oracle["ETH"].gas.multiple),
        ("crabs.leverage", 5.0, lambda storm: storm.agents["crabs"].settings.leverage),
        ("crabs.legs.right.size", 9.0, lambda storm: storm.agents["crabs"].settings.legs[1].size),
        ("crabs.legs[0].size", 8.0, lambda storm: storm.agents["crabs"].settings.legs[0].size),
        (
            "vault.collateral.WBTC.debt_floor",
            7.0,
            lambda storm: storm.protocols["vault"].settings.collateral["WBTC"].debt_floor,
        ),
        ("title", "Other", lambda storm: storm.title),
    ],
)
def test_a_set_value_arrives(tmp_path, key, value, read):
    path = write(tmp_path, "storm.toml", STORM)
    assert read(load_scenario(path)) != value if "WBTC" not in key else True
    assert read(load_scenario(path, {key: value})) == value


def test_a_set_process_starts_the_market_afresh_whatever_the_order(tmp_path):
    path = write(tmp_path, "storm.toml", STORM)
    for keys in (["price", "process"], ["process", "price"]):
        values = {"price": 5.0, "process": "gbm"}
        storm = load_scenario(path, {f"market.ETH.{key}": values[key] for key in keys})
        assert storm.market["ETH"].process == "gbm"
        assert storm.market["ETH"].settings.price == 5.0


def test_false_takes_an_agent_away(tmp_path):
    storm = load_scenario(write(tmp_path, "storm.toml", STORM), parse_overrides(["crabs=false"]))
    assert not storm.agents


@pytest.mark.parametrize(
    ("assignment", "line"),
    [
        ("crabs.cuont=1", "--set: crabs.cuont: unknown key (the nearest that exists is `crabs.count`)"),
        ("crabs.count=-1", "--set: crabs.count = -1: must be >= 0 (count: how many there are [count])"),
        ("crabs.count=many", '--set: crabs.count = "many": must be a whole number (count: how many there are [count])'),
        ("extends=calm", '--set: extends = "calm": is for files only (write a file that extends this one)'),
        ("schema=2", "--set: schema = 2: is for files only (write a file that extends this one)"),
        ("world.hours.x=1", "--set: world.hours = {x = 1}: must be a number (hours: length of the run [h])"),
        ("crabs.legs[7].size=1", "--set: 7 is not in the list of 2 ([0] is the first)"),
        ("crabs.legs.tail.size=1", '--set: "tail" is not in the list of 2 ([0] is the first)'),
        ("crabs[0]=1", "--set: [0] of something that is no list (write key.path)"),
        (
            "crbas.count=1",
            "--set: crbas: unknown table: neither a section nor a protocol nor an agent "
            '(give it protocol = "..." or agent = "..."; the nearest that exists is `crabs`)',
        ),
    ],
)
def test_a_bad_change_is_the_fault_of_the_flag(tmp_path, assignment, line):
    path = write(tmp_path, "storm.toml", STORM)
    with pytest.raises(ConfigError) as failure:
        load_scenario(path, parse_overrides([assignment]))
    assert str(failure.value) == line
    assert failure.value.exit_code == 2


def test_the_command_of_a_run_makes_it_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, "storm.toml", STORM)
    changes = {"crabs.count": 5, "title": 'A "new" name', "crabs.spans": [[1, 2]], "market.ETH": {"price": 7.0}}
    storm = load_scenario(path, changes)
    wavetank, run, name, *flags = run_command(storm, seed=3)
    assert (wavetank, run, name, flags[:2]) == ("wavetank", "run", "storm.toml", ["--seed", "3"])
    assert set(flags[2::2]) == {"--set"}
    assert load_scenario(name, parse_overrides(flags[3::2])).resolved == storm.resolved


def test_the_command_of_a_shipped_scenario_has_its_name(tmp_path, monkeypatch):
    write(tmp_path, "calm.toml", "schema = 1")
    monkeypatch.setattr("simulator.scenario.files.scenario_folder", lambda: tmp_path)
    assert run_command(load_scenario("calm"), seed=1) == ["wavetank", "run", "calm", "--seed", "1"]


NAMES = st.text("abc", min_size=1, max_size=2)


@given(st.lists(NAMES, min_size=1, max_size=4), st.integers(), st.dictionaries(NAMES, st.integers()))
def test_what_is_set_is_read_back_and_nothing_else_moves(path, value, data):
    before = dict(data)
    after = overridden(data, {".".join(path): value})
    found = after
    for key in path:
        found = found[key]
    assert found == value
    assert data == before
    assert {key: item for key, item in after.items() if key != path[0]} == {
        key: item for key, item in data.items() if key != path[0]
    }
