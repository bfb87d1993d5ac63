"""The scenario that a capsule carries is the one that its file had."""

from dataclasses import replace
from pathlib import Path

import pytest
from capsule_samples import sample

from simulator.capsule.make import source_of
from simulator.capsule.source import rebuilt
from simulator.errors import ConfigError
from simulator.scenario import load_scenario
from simulator.scenario.files import shipped

TOY = Path(__file__).parents[1] / "plugins" / "toy.toml"


def of(scenario):
    return replace(sample(), scenario=dict(scenario.resolved), source=source_of(scenario))


def said(scenario):
    return {key: value for key, value in scenario.resolved.items() if key != "name"}


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_scenario_is_written_as_one_that_says_the_same(name, tmp_path):
    scenario = load_scenario(name)
    again = rebuilt(of(scenario), tmp_path, tmp_path / "deep" / "x.toml")
    assert said(again.scenario({})) == said(scenario)
    again.write(tmp_path / "deep" / "x.toml", {})
    assert said(load_scenario(tmp_path / "deep" / "x.toml")) == said(scenario)


def test_changes_are_in_the_file_and_a_table_can_be_taken_away(tmp_path):
    again = rebuilt(of(load_scenario("calm")), tmp_path, tmp_path / "x.toml")
    changes = {"world.hours": 2.5, "borrowers.count": 3, "pool": False, "arbitrageurs": False}
    again.write(tmp_path / "x.toml", changes)
    found = load_scenario(tmp_path / "x.toml")
    assert said(found) == said(again.scenario(changes)) == said(load_scenario("calm", changes))
    assert (found.world.hours, found.agents["borrowers"].settings.count) == (2.5, 3)
    assert "pool" not in found.protocols


def test_paths_in_it_are_those_of_where_the_scenario_was(tmp_path):
    again = rebuilt(of(load_scenario(TOY)), tmp_path, tmp_path / "x.toml")
    assert (tmp_path / again.data["bots"]["agent"].partition(":")[0]).resolve() == TOY.with_name("bot.py")


def test_prices_of_ones_own_are_looked_for_beside_the_capsule_where_the_scenario_is_gone(tmp_path):
    own = tmp_path / "own.toml"
    world, market = "[world]\nstart = 2024-01-01T00:00:00Z\nhours = 2\n", '[market.ETH]\nprocess = "replay"\n'
    own.write_text(f'schema = 1\nextends = "calm"\n{world}{market}csv = "prices.csv"\n')
    rows = "".join(f"2024-01-01T{hour:02}:00:00Z,2500\n" for hour in range(4))
    (tmp_path / "prices.csv").write_text("time_utc,price\n" + rows)
    capsule = replace(of(load_scenario(own)), source="/nowhere/own.toml")
    moved = tmp_path / "moved"
    moved.mkdir()
    own.unlink()
    assert rebuilt(capsule, tmp_path, moved / "x.toml").scenario({}).market["ETH"].settings.csv == "../prices.csv"
    with pytest.raises(ConfigError, match=r"prices\.csv"):
        rebuilt(capsule, moved, moved / "x.toml").scenario({})


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    again = rebuilt(of(load_scenario("calm")), tmp_path, tmp_path / "file" / "x.toml")
    with pytest.raises(ConfigError, match="cannot be written"):
        again.write(tmp_path / "file" / "x.toml", {})
