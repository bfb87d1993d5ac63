"""What the README shows can be used as it stands."""

import re
from pathlib import Path

from simulator.registry import PROCESSES
from simulator.scenario import check_scenario, load_scenario
from simulator.scenario.files import shipped

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_weather_of_the_readme_is_a_scenario(tmp_path):
    tables = re.search(r"### Weather\n\n```toml\n(.*?)```", README, re.DOTALL)
    assert tables
    (tmp_path / "x.toml").write_text('schema = 1\nextends = "calm"\n' + tables[1])
    assert check_scenario(str(tmp_path / "x.toml")) == []


def test_the_hedged_vault_of_the_readme_is_a_scenario(tmp_path):
    shown = re.search(r"### Hedged vaults\n.*?```toml\n(.*?)```", README, re.DOTALL)
    assert shown
    (tmp_path / "x.toml").write_text(shown[1])
    assert check_scenario(str(tmp_path / "x.toml")) == []


def test_the_readme_names_every_study():
    from simulator.study.catalogue import STUDIES

    assert {name for name in STUDIES if f"`{name}`" not in README and f"--study {name}" not in README} == set()


def test_the_readme_names_every_shipped_storm_and_every_process():
    assert {name for name in shipped() if f"| `{name}` |" not in README} == set()
    assert {name for name in PROCESSES.names() if name not in README} == set()


def test_every_shipped_scenario_is_right():
    for name, path in shipped().items():
        assert check_scenario(str(path)) == [], name
        assert load_scenario(name).story
