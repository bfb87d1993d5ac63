"""Classes by name, imported when asked for."""

import sys
from importlib.metadata import EntryPoint

import pytest
from pydantic import BaseModel

from simulator.errors import ConfigError
from simulator.registry import AGENTS, PROTOCOLS, Registry, nearest


class Sample:
    """The first line.

    And more.
    """

    class Settings(BaseModel):
        count: int = 1


def test_the_names_of_the_design_are_registered():
    assert {"cdp", "pool"} <= set(PROTOCOLS.names())
    assert {"borrower", "liquidator", "arbitrageur", "noise", "keeper"} <= set(AGENTS.names())


def test_names_and_places_are_known_without_an_import():
    registry = Registry("toy", "wavetank.toys", {"far": "a_module_that_is_not.there:Class"})
    assert registry.names() == ["far"]
    assert registry.place("far") == "a_module_that_is_not.there:Class"
    with pytest.raises(ConfigError, match=r'toy "far" cannot be loaded from a_module_that_is_not\.there:Class'):
        registry.get("far")


def test_a_class_is_imported_when_it_is_asked_for():
    sys.modules.pop("colorsys", None)
    registry = Registry("toy", "wavetank.toys", {"c": "colorsys:rgb_to_hsv"})
    registry.names()
    assert "colorsys" not in sys.modules
    assert registry.get("c").__name__ == "rgb_to_hsv"


def test_a_key_of_a_mapping_is_a_place():
    registry = Registry("toy", "wavetank.toys", {"path": "os:environ.PATH", "gone": "os:environ.NO_SUCH_VARIABLE"})
    assert isinstance(registry.get("path"), str)
    with pytest.raises(ConfigError, match="cannot be loaded"):
        registry.get("gone")


def test_installed_packages_register_by_entry_point(monkeypatch):
    point = EntryPoint("boat", "json:JSONDecoder", "wavetank.toys")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point] if group == point.group else [])
    registry = Registry("toy", "wavetank.toys", {})
    assert registry.names() == ["boat"]
    assert registry.get("boat").__name__ == "JSONDecoder"


def test_our_own_name_is_never_taken_over_by_a_package(monkeypatch):
    point = EntryPoint("boat", "json:JSONDecoder", "wavetank.toys")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point])
    assert Registry("toy", "wavetank.toys", {"boat": "json:JSONEncoder"}).get("boat").__name__ == "JSONEncoder"


def test_a_temporary_registration_ends_with_its_block():
    registry = Registry("toy", "wavetank.toys", {"boat": "json:JSONEncoder"})
    with registry.registered("boat", Sample), registry.registered("new", Sample):
        assert registry.get("boat") is Sample
        assert registry.settings("new") is Sample.Settings
        assert registry.description("new") == "The first line."
        assert registry.place("new") == f"{__name__}:Sample"
    assert registry.names() == ["boat"]
    assert registry.get("boat").__name__ == "JSONEncoder"


def test_a_class_without_settings_is_refused():
    registry = Registry("toy", "wavetank.toys", {"json": "json:JSONEncoder"})
    with pytest.raises(ConfigError, match=r'toy "json" has no settings model'):
        registry.settings("json")


def test_an_unknown_name_gives_the_nearest():
    with pytest.raises(ConfigError) as failure:
        AGENTS.get("liquidater")
    assert failure.value.mend == 'the nearest that exists is "liquidator"'


def test_there_is_always_a_nearest_name_unless_there_is_none():
    assert nearest("xyz", ["abc"]) == "abc"
    assert nearest("xyz", []) == ""
