"""How scenarios extend each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenario_samples import STORM, toys, write

from simulator.errors import ConfigError
from simulator.scenario import load_scenario
from simulator.scenario.merge import merged

KEYS = st.sampled_from(["a", "b", "c"])
TABLES = st.recursive(
    st.dictionaries(KEYS, st.integers()), lambda inner: st.dictionaries(KEYS, inner | st.integers()), max_leaves=8
)


@pytest.fixture(autouse=True)
def _toys():
    with toys():
        yield


def test_tables_merge_key_by_key():
    assert merged({"a": {"x": 1, "y": 2}, "b": 3}, {"a": {"y": 4}, "c": 5}) == {"a": {"x": 1, "y": 4}, "b": 3, "c": 5}


def test_lists_of_tables_merge_by_id_in_the_order_of_the_base():
    base = {"legs": [{"id": "l", "size": 1}, {"id": "r", "size": 2}]}
    child = {"legs": [{"id": "new"}, {"id": "r", "size": 3}]}
    assert merged(base, child) == {"legs": [{"id": "l", "size": 1}, {"id": "r", "size": 3}, {"id": "new"}]}


@pytest.mark.parametrize("child", [[], [1], [{"size": 1}]])
def test_a_list_without_ids_replaces_what_it_extends(child):
    assert merged({"legs": [{"id": "l"}]}, {"legs": child}) == {"legs": child}


def test_false_takes_a_table_away():
    assert merged({"a": {"x": 1}, "b": True}, {"a": False, "b": False}) == {"b": False}


@pytest.mark.parametrize("kind", ["protocol", "agent", "process", "kind"])
def test_a_table_of_another_kind_starts_afresh(kind):
    assert merged({"t": {kind: "x", "price": 1}}, {"t": {kind: "y", "drift": 2}}) == {"t": {kind: "y", "drift": 2}}


def test_a_fault_of_another_kind_keeps_its_name_and_its_span():
    base = {"faults": [{"id": "a", "kind": "wick", "from": 1, "to": 2, "factor": 3}]}
    child = {"faults": [{"id": "a", "kind": "stall"}]}
    assert merged(base, child) == {"faults": [{"id": "a", "kind": "stall", "from": 1, "to": 2}]}


def test_the_impact_of_a_market_outlives_its_process():
    base = {"process": "replay", "knots": [], "impact": {"depth_usd": 1, "permanent": 0}}
    child = {"process": "gbm", "impact": {"permanent": 1}}
    assert merged(base, child) == {"process": "gbm", "impact": {"depth_usd": 1, "permanent": 1}}


@given(TABLES, TABLES)
def test_merging_changes_neither_side_and_keeps_every_key(base, child):
    before = repr((base, child))
    together = merged(base, child)
    assert repr((base, child)) == before
    assert together.keys() == base.keys() | child.keys()


@given(TABLES, TABLES)
def test_merging_the_same_child_twice_is_merging_it_once(base, child):
    assert merged(merged(base, child), child) == merged(base, child)


def test_a_chain_of_files_extends_the_farthest_first(tmp_path):
    write(tmp_path, "storm.toml", STORM)
    write(tmp_path, "wilder.toml", 'schema = 1\nextends = "storm.toml"\n[world]\nhours = 5\n[crabs]\ncount = 4')
    path = write(tmp_path, "wildest.toml", 'schema = 1\nextends = "./wilder.toml"\ntitle = "Top"\n[world]\nhours = 9')
    storm = load_scenario(path)
    assert (storm.name, storm.title, storm.story) == ("wildest", "Top", "It blows.")
    assert storm.world.hours == 9
    assert storm.agents["crabs"].settings.count == 4
    assert [file.stem for file in storm.files] == ["wildest", "wilder", "storm"]
    assert "extends" not in storm.resolved


def test_a_shipped_scenario_is_extended_by_its_name(tmp_path, monkeypatch):
    write(tmp_path, "shipped/calm.toml", "schema = 1\n[world]\nhours = 7")
    monkeypatch.setattr("simulator.scenario.files.scenario_folder", lambda: tmp_path / "shipped")
    assert load_scenario(write(tmp_path, "x.toml", 'schema = 1\nextends = "calm"')).world.hours == 7
    with pytest.raises(ConfigError, match=r'x\.toml: extends = "clam": no scenario "clam" \(the nearest .* "calm"\)'):
        load_scenario(write(tmp_path, "x.toml", 'schema = 1\nextends = "clam"'))


def test_a_cycle_is_refused(tmp_path):
    write(tmp_path, "a.toml", 'schema = 1\nextends = "./b.toml"')
    path = write(tmp_path, "b.toml", 'schema = 1\nextends = "./a.toml"')
    with pytest.raises(ConfigError, match="extends itself: b -> a -> b") as failure:
        load_scenario(path)
    assert failure.value.exit_code == 2


def test_the_schema_of_an_extended_file_is_checked(tmp_path):
    write(tmp_path, "a.toml", "schema = 9")
    path = write(tmp_path, "b.toml", 'schema = 1\nextends = "./a.toml"')
    with pytest.raises(ConfigError, match=r"a\.toml: schema = 9: unknown schema"):
        load_scenario(path)


def test_paths_of_an_extended_file_start_from_its_own_folder(tmp_path):
    write(tmp_path, "base/crab.py", "class Mine: ...")
    write(tmp_path, "base/storm.toml", 'schema = 1\n[crabs]\nagent = "./crab.py:Mine"')
    storm = load_scenario(write(tmp_path, "own/x.toml", 'schema = 1\nextends = "../base/storm.toml"'))
    assert storm.agents["crabs"].code.file == (tmp_path / "base/crab.py").resolve()
    assert storm.resolved["crabs"]["agent"] == "../base/crab.py:Mine"
