"""A user's contracts in our storms: one table names the folder and the plug-in, and a risky change breaks a rule."""

import json
from pathlib import Path

import projects
import pytest
from projects import wavetank

from simulator import load, run
from simulator.errors import ConfigError
from simulator.scenario.overrides import run_command
from simulator.scenario.target import TargetSettings, target_changes, with_target

pytestmark = [pytest.mark.forge, pytest.mark.xdist_group("targets")]
SCENARIO = """
schema = 1
extends = "flash-crash"
title = "Our lender in a flash crash"
flash-liquidators = false
pool = false
arbitrageurs = false
traders = false

[target]
artifacts = "{artifacts}"
protocol = "./lender_plugin.py:LenderProtocol"
settings = {{ collateral = "ETH" }}

[borrowers]
count = 60
ratio = 1.7
ratio_sigma = 0.2

[liquidators]
capital_usd = 400_000

[market.ETH]
knots = [[0, 2550.0], [1.0, 2540.0], [2.0, 1300.0], [3, 1350.0]]

[world]
hours = 3
"""
RULE = "max(bad_debt_ratio) <= 0.5%"
RISKY = {"LIQUIDATION": "1.02e18"}


def project(folder: Path, tool: str, **changes: str) -> Path:
    """A project with a plug-in and a scenario; the scenario."""
    artifacts = getattr(projects, tool)(folder, projects.source(**changes))
    (folder / "lender_plugin.py").write_text((projects.HERE / "lender_plugin.py").read_text())
    scenario = folder / "storm.toml"
    scenario.write_text(SCENARIO.format(artifacts=artifacts.relative_to(folder).as_posix()))
    return scenario


@pytest.fixture(scope="module")
def foundry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project(tmp_path_factory.mktemp("sound"), "foundry")


@pytest.fixture(scope="module")
def risky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project(tmp_path_factory.mktemp("risky"), "foundry", **RISKY)


def test_borrowers_and_liquidators_act_on_it(foundry):
    result = run(load(str(foundry)))
    assert result.metrics["liquidations"] > 10
    assert result.metrics["unexpected_reverts"] == 0
    assert result.metrics["bad_debt_ratio"] == 0
    assert {"Lender", "Ratio"} <= set(result.manifest["bytecode"])


@pytest.mark.slow
def test_a_rule_holds_before_a_risky_change_and_is_broken_by_it(foundry, risky, tmp_path):
    codes = {}
    for name, scenario in (("sound", foundry), ("risky", risky)):
        words = ["stress", str(scenario), "--seeds", "2", "--jobs", "1", "--require", RULE, "--json"]
        done = wavetank(*words, "--out", str(tmp_path / name), cwd=tmp_path)
        codes[name] = done.returncode
        assert done.stdout.startswith("{"), done.stderr
    assert codes == {"sound": 0, "risky": 1}


def test_hardhat_and_brownie_give_one_digest(tmp_path):
    """Of the same compiler and settings, so of the same bytecode."""
    digests = {run(load(str(project(tmp_path / tool, tool)))).digest for tool in ("hardhat", "brownie")}
    assert len(digests) == 1


def test_a_target_from_outside_is_the_same_run(foundry, monkeypatch, tmp_path):
    """As an audit sets it, for a scenario that knows nothing of it, wherever that stands."""
    table = TargetSettings(
        artifacts="out", protocol="./lender_plugin.py:LenderProtocol", settings={"collateral": "ETH"}
    )
    plain = tmp_path / "storms" / "plain.toml"
    plain.parent.mkdir()
    text = foundry.read_text()
    start, end = text.index("[target]"), text.index("[borrowers]")
    plain.write_text(text[:start] + text[end:])
    monkeypatch.chdir(tmp_path)
    changed = load(str(plain), **target_changes(table, foundry.parent))
    assert run(changed).digest == run(load(str(foundry))).digest
    done = wavetank(*run_command(changed, 7)[1:], "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["digest"] == run(changed).digest


def test_a_key_of_the_plug_in_is_set_as_any_other(foundry):
    scenario = load(str(foundry), **{"cdp.collateral": "ETH", "borrowers.count": 3})
    assert scenario.resolved["cdp"]["collateral"] == "ETH"
    with pytest.raises(ConfigError, match=r"cdp.collatoral: unknown key.*collateral"):
        run(load(str(foundry), **{"cdp.collatoral": "ETH"}))


def test_what_the_manifest_keeps_is_the_same_scenario(foundry):
    """The table is put in its place once: doing it again changes nothing."""
    resolved = load(str(foundry)).resolved
    assert with_target(resolved) == resolved
    assert resolved["cdp"]["protocol"].endswith("lender_plugin.py:LenderProtocol")
    assert "minimum_ratio" not in json.dumps(resolved["cdp"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"target.artifacts": "nowhere"}, "no such folder"),
        ({"target.artifacts": ""}, "name "),
        ({"target.replaces": ""}, "target.replaces"),
        ({"target.settings": 5}, "target.settings"),
        ({"target.artefacts": "out"}, "artifacts"),
    ],
)
def test_a_faulty_table_is_one_line(foundry, monkeypatch, change, said):
    monkeypatch.chdir(foundry.parent)
    with pytest.raises(ConfigError, match=said) as caught:
        run(load(str(foundry), **change))
    assert "\n" not in str(caught.value)


def test_a_plug_in_without_a_folder_says_what_is_missing(foundry):
    with pytest.raises(ConfigError, match=r"add \[target\] with artifacts"):
        run(load(str(foundry), **{"cdp.protocol": "./lender_plugin.py:LenderProtocol", "target": False}))


def test_an_interface_cannot_be_deployed(foundry, tmp_path):
    for name in ("storm.toml", "lender_plugin.py"):
        (tmp_path / name).write_text((foundry.parent / name).read_text().replace('deploy("Lender"', 'deploy("IFeed"'))
    (tmp_path / "out").symlink_to(foundry.parent / "out")
    done = wavetank("run", "storm.toml", "--out", "result", cwd=tmp_path)
    assert done.returncode == 2
    assert "IFeed has no bytecode" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "result").exists()
