"""A user's own classes: found and hashed at load, imported only when a run asks."""

import hashlib

import pytest
from scenario_samples import toys, write

from simulator.errors import ConfigError
from simulator.registry import UserCode
from simulator.scenario import check_scenario, import_user_code, load_scenario
from simulator.scenario.parameters import scenario_parameters

MINE = """
from pydantic import BaseModel, ConfigDict, Field
from pathlib import Path

Path(__file__).with_name("imported").touch()

class Mine:
    class Settings(BaseModel):
        model_config = ConfigDict(frozen=True, extra="forbid")
        count: int = Field(5, ge=0, description="how many")
"""
STORM = 'schema = 1\n[mine]\nagent = "./mine.py:Mine"\ncount = 7\n'


@pytest.fixture(autouse=True)
def _toys():
    with toys():
        yield


def test_loading_checking_and_listing_import_nothing(tmp_path):
    write(tmp_path, "mine.py", MINE)
    path = write(tmp_path, "x.toml", STORM)
    assert check_scenario(path) == []
    storm = load_scenario(path, {"mine.count": 8})
    (listed,) = [item for item in scenario_parameters(storm) if item.key == "mine.count"]
    assert listed.value == 8
    assert storm.agents["mine"].settings is None
    assert not (tmp_path / "imported").exists()


def test_the_place_and_hash_are_announced_before_the_import(tmp_path):
    source = write(tmp_path, "mine.py", MINE)
    storm = load_scenario(write(tmp_path, "x.toml", STORM))
    announced = []

    def announce(code: UserCode) -> None:
        assert not (tmp_path / "imported").exists()
        announced.append((code.name, code.sha256))

    ready = import_user_code(storm, announce)
    assert announced == [("./mine.py:Mine", hashlib.sha256(source.read_bytes()).hexdigest())]
    assert ready.agents["mine"].settings.count == 7
    assert ready.agents["mine"].implementation.__name__ == "Mine"
    assert ready.resolved["mine"] == {"agent": "./mine.py:Mine", "count": 7}
    assert import_user_code(ready, announce) is ready
    assert len(announced) == 1


def test_defaults_of_imported_settings_are_resolved(tmp_path):
    write(tmp_path, "mine.py", MINE)
    ready = import_user_code(load_scenario(write(tmp_path, "x.toml", 'schema = 1\n[m]\nagent = "./mine.py:Mine"')))
    assert ready.resolved["m"] == {"agent": "./mine.py:Mine", "count": 5}


def test_a_scenario_without_user_code_is_given_back_as_it_is(tmp_path):
    storm = load_scenario(write(tmp_path, "x.toml", 'schema = 1\n[crabs]\nagent = "crab"'))
    assert import_user_code(storm) is storm
    assert storm.user_code == ()


def test_a_wrong_key_of_imported_settings_names_the_nearest(tmp_path):
    write(tmp_path, "mine.py", MINE)
    storm = load_scenario(write(tmp_path, "x.toml", STORM.replace("count", "cuont")))
    with pytest.raises(
        ConfigError, match=r"x\.toml: mine\.cuont: unknown key \(the nearest that exists is `mine.count`\)"
    ):
        import_user_code(storm)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 / 0", r"\./mine\.py:Mine cannot be imported: ZeroDivisionError: division by zero"),
        ("class Mne: ...", r"mine\.py has no class Mine \(the nearest name in it is `Mne`\)"),
        ("class Mine: ...", r"\./mine\.py:Mine has no settings model"),
        ("def (", r"\./mine\.py:Mine cannot be imported: SyntaxError"),
    ],
)
def test_broken_user_code_is_one_line(tmp_path, text, message):
    write(tmp_path, "mine.py", text)
    storm = load_scenario(write(tmp_path, "x.toml", STORM))
    with pytest.raises(ConfigError, match=message) as failure:
        import_user_code(storm)
    assert "\n" not in str(failure.value)


def test_two_files_of_one_name_do_not_meet(tmp_path):
    for folder, number in (("a", 1), ("b", 2)):
        write(tmp_path, f"{folder}/mine.py", f"class Mine:\n    number = {number}")
    found = [UserCode.find("./mine.py:Mine", tmp_path / folder).load().number for folder in ("a", "b")]
    assert found == [1, 2]


def test_a_changed_file_is_imported_anew(tmp_path):
    for number in (1, 2):
        write(tmp_path, "mine.py", f"class Mine:\n    number = {number}")
        assert UserCode.find("./mine.py:Mine", tmp_path).load().number == number


def test_a_module_is_found_without_importing_its_package(tmp_path, monkeypatch):
    write(tmp_path, "pack_of_crabs/__init__.py", "raise RuntimeError('imported')")
    source = write(tmp_path, "pack_of_crabs/crab.py", "class Mine: ...")
    monkeypatch.syspath_prepend(tmp_path)
    code = UserCode.find("pack_of_crabs.crab:Mine", tmp_path)
    assert code.file == source
    with pytest.raises(ConfigError, match="cannot be imported: RuntimeError: imported"):
        code.load()


@pytest.mark.parametrize("name", ["mine.py:", ":Mine", "./mine.py:1x", "json:", "json"])
def test_a_name_without_class_or_module_is_refused(tmp_path, name):
    write(tmp_path, "mine.py", "")
    with pytest.raises(ConfigError):
        UserCode.find(name, tmp_path)
