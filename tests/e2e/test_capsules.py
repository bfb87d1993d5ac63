"""A run in one file is the same run in another process, on another chain and without whoever's code made it."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from nodes import need_anvil

from simulator import load as load_scenario
from simulator import run
from simulator.capsule import shrink as shrinking
from simulator.capsule.file import load, save
from simulator.capsule.make import Recording, write_capsule
from simulator.capsule.replay import FROM_CHAIN, replay
from simulator.capsule.tape import Tape
from simulator.chain import revm
from simulator.cli import main
from simulator.errors import ConfigError, WavetankError
from simulator.paths import PACKAGE

pytestmark = pytest.mark.xdist_group("capsules")
PLUGINS = Path(__file__).parents[1] / "plugins"

# Bundles and missed slots; a perpetual market with a hedged vault; drawn weather and a gas market that remembers.
STORMS = {
    "flash-crash": {"world.hours": 3, "borrowers.count": 60, "liquidators.capital_usd": 50_000},
    "october-10-hedge": {"world.hours": 1.5},
    "may-19": {"world.hours": 2},
}
RULE = "max(bad_debt_usd) <= 0"

PLANTED = """
schema = 1
extends = "calm"
title = "One reckless borrower among many"
story = "Ether halves while nobody liquidates."
liquidators = false
flash-liquidators = false

[world]
hours = 6
sample_minutes = 20

[chain]
block_seconds = 60

[market.ETH]
process = "replay"
knots = [[0, 2500.0], [1, 2400.0], [2, 1200.0], [6, 1300.0]]

[borrowers]
count = 200
ratio = 5.0
ratio_sigma = 0.01

[reckless]
agent = "borrower"
count = 1
ratio = 1.6
ratio_sigma = 0.0
habits = { top_up = 0.0, repay = 0.0, panic = 0.0, lever = 0.0 }
"""


def made(name, gas, path, rule=None, **changes):
    return write_capsule(load_scenario(name, **{**STORMS.get(name, {}), **changes}), 5, gas, rule, path)


def changes(keys):
    return [word for key, value in keys.items() for word in ("--set", f"{key}={value}")]


def elsewhere(*words, hash_seed="4242"):
    """The command in a process that knows nothing, from the root of the file system."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(PACKAGE.parent)}
    return subprocess.run(
        [sys.executable, *words],
        cwd="/",
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


# -------------------------------------------------------------------------- equality


@pytest.mark.parametrize("gas", ["exact", "fast"])
@pytest.mark.parametrize("name", STORMS)
def test_a_replay_has_the_digest_and_metrics_of_a_run_that_was_not_recorded(name, gas, tmp_path):
    capsule = made(name, gas, tmp_path / "x.capsule")
    plain = run(load_scenario(name, **STORMS[name]), seed=5, gas=gas)
    found = replay(load(tmp_path / "x.capsule"))
    assert capsule.digest == plain.digest == found.digest
    assert capsule.metrics == plain.metrics
    assert found.metrics == {metric: plain.metrics[metric] for metric in FROM_CHAIN}
    assert found.transactions > 300


def test_hash_seeds_and_processes_do_not_matter(tmp_path):
    capsule = made("flash-crash", None, tmp_path / "x.capsule")
    done = elsewhere("-m", "simulator.cli", "replay", str(tmp_path / "x.capsule"), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["digest"] == {"expected": capsule.digest, "found": capsule.digest}
    words = ["run", "flash-crash", "--seed", "5", "--out", str(tmp_path / "run")]
    words += changes(STORMS["flash-crash"])
    again = elsewhere("-m", "simulator.cli", *words, "--capsule", str(tmp_path / "y.capsule"), hash_seed="1")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "x.capsule").read_bytes() == (tmp_path / "y.capsule").read_bytes()


@pytest.mark.anvil
@pytest.mark.parametrize("name", STORMS)
def test_anvil_replays_what_the_embedded_chain_did(name, tmp_path):
    need_anvil()
    capsule = made(name, "exact", tmp_path / "x.capsule")
    found = replay(capsule, "anvil")
    assert (found.digest, found.difference) == (capsule.digest, None)


@pytest.mark.anvil
def test_the_embedded_chain_replays_what_anvil_did(tmp_path):
    need_anvil()
    small = {**STORMS["flash-crash"], "world.hours": 1}
    words = ["--chain", "anvil", "--seed", "5", "--json", *changes(small)]
    done = elsewhere(
        *("-m", "simulator.cli", "run", "flash-crash", *words),
        *("--out", str(tmp_path / "run"), "--capsule", str(tmp_path / "x.capsule")),
    )
    assert done.returncode == 0, done.stderr
    capsule = load(tmp_path / "x.capsule")
    assert (capsule.chain["name"], capsule.chain["gas"]) == ("anvil", None)
    assert replay(capsule).digest == capsule.digest == json.loads(done.stdout)["digest"]


def test_fast_gas_hangs_on_blocks_alone_and_not_on_what_was_tried_or_looked_at(tmp_path, monkeypatch):
    """Or a replay, in which nobody tries or looks, would move its journal at other times and use other gas."""
    for name in ("_COMPACT_GAS", "_COMPACT_GAS_PER_ACCOUNT"):
        monkeypatch.setattr(revm, name, getattr(revm, name) // 20)
    capsule = made("flash-crash", "fast", tmp_path / "x.capsule")
    assert replay(capsule).digest == capsule.digest


def test_the_largest_storm_takes_less_than_five_megabytes(tmp_path):
    capsule = write_capsule(load_scenario("black-thursday"), 7, None, None, tmp_path / "x.capsule")
    assert capsule.scenario["borrowers"]["count"] == 1000
    assert (tmp_path / "x.capsule").stat().st_size < 1_000_000


# ---------------------------------------------------------------------- whose code


def test_no_code_of_a_users_own_and_no_market_is_in_a_replay(tmp_path):
    shutil.copytree(PLUGINS, tmp_path / "plugins")
    toy = load_scenario(str(tmp_path / "plugins" / "toy.toml"), **{"world.hours": 4})
    capsule = write_capsule(toy, 5, None, None, tmp_path / "x.capsule")
    assert len(capsule.user_code) == 2
    shutil.rmtree(tmp_path / "plugins")
    program = (
        "import sys; from simulator.cli import main\n"
        "code = main(sys.argv[1:])\n"
        "unwanted = ('simulator.world', 'simulator.market', 'simulator.agents.borrower', 'simpy')\n"
        "sys.exit(code or ', '.join(name for name in unwanted if name in sys.modules) or 0)"
    )
    done = elsewhere("-c", program, "replay", str(tmp_path / "x.capsule"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(capsule.digest) == 2


def test_a_plugin_that_touches_the_chain_behind_its_back_is_found_before_a_capsule_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(Tape, "fund", lambda self, address, wei: self.chain.fund(address, wei))
    monkeypatch.setattr(Tape, "open_account", lambda self, made, wei: self.chain.open_account(made, wei))
    with pytest.raises(WavetankError, match="now is not: insufficient funds"):
        made("flash-crash", None, tmp_path / "x.capsule")
    assert list(tmp_path.iterdir()) == []


def test_a_partial_run_makes_no_capsule(tmp_path):
    scenario = load_scenario(str(PLUGINS / "toy.toml"), **{"bots.agent": "./bot.py:Careless", "world.hours": 2})
    with pytest.raises(WavetankError, match="a partial run makes no capsule"):
        write_capsule(scenario, 5, None, None, tmp_path / "x.capsule")
    assert list(tmp_path.iterdir()) == []


def test_a_rule_about_a_parameter_is_refused_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(Recording, "taped", lambda *_: pytest.fail("it ran"))
    with pytest.raises(ConfigError, match="about a parameter"):
        made("flash-crash", None, tmp_path / "x.capsule", "param(world.hours) <= 1")


def test_a_study_is_no_capsule(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "whipsaw", "--study", "bands", "--capsule", "x"]) == 2
    assert "a study is many runs" in capsys.readouterr().err


# -------------------------------------------------------------------------- shrinking


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    (folder / "planted.toml").write_text(PLANTED)
    write_capsule(load_scenario(str(folder / "planted.toml")), 7, None, RULE, folder / "planted.capsule")
    return folder / "planted.capsule"


@pytest.mark.slow
def test_a_planted_failure_shrinks_to_a_tenth_and_its_file_makes_the_same_run(planted, tmp_path, capsys):
    assert main(["replay", str(planted), "--shrink", "--out", str(tmp_path), "--json"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    before, after = told["transactions"].values()
    assert before == load(planted).transactions
    assert after <= before / 10
    assert told["changes"]["borrowers"] is False
    assert "reckless" not in told["changes"]
    assert "imports what code of a user's own" in err.splitlines()[0]
    small = load(tmp_path / "planted.small.capsule")
    assert small.transactions == after
    assert small.metrics["bad_debt_usd"] > 0
    assert replay(small).digest == small.digest == told["digest"]
    words = told["command"].split()
    words = [*words[1:], "--out", str(tmp_path / "run"), "--json"]
    words[words.index("--capsule") + 1] = str(tmp_path / "again.capsule")
    done = elsewhere("-m", "simulator.cli", *words)
    assert json.loads(done.stdout)["digest"] == small.digest


@pytest.mark.slow
def test_the_same_capsule_takes_the_same_way(planted, tmp_path, monkeypatch):
    monkeypatch.setattr(shrinking, "_MOST_RUNS", 12)
    told = ([], [])
    found = [
        shrinking.shrink(load(planted), planted, tmp_path / str(number), lines.append, lambda _: None)
        for number, lines in enumerate(told)
    ]
    assert told[0] == told[1]
    assert len(told[0]) > 2
    one, other = (replace(load(each.capsule), source="") for each in found)
    assert one == other


def test_ctrl_c_keeps_the_best_so_far(planted, tmp_path, monkeypatch, capsys):
    told = []

    def tell(line):
        told.append(line)
        if len(told) == 3:
            raise KeyboardInterrupt

    found = shrinking.shrink(load(planted), planted, tmp_path, tell, lambda _: None)
    assert found.exit_code == 130
    assert found.document["status"] == "partial"
    small = load(found.capsule)
    assert f"{small.transactions:,} transactions" in told[-1]
    assert small.transactions < load(planted).transactions
    assert small.metrics["bad_debt_usd"] > 0


def test_ctrl_c_before_the_first_run_leaves_nothing(planted, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(shrinking, "run_scenario", interrupted)
    with pytest.raises(KeyboardInterrupt):
        shrinking.shrink(load(planted), planted, tmp_path, lambda _: None, lambda _: None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("rule", "said"), [(None, "has no rule"), ("max(bad_debt_usd) <= 1e12", "there is no failure to keep")]
)
def test_what_does_not_fail_is_not_shrunk(planted, tmp_path, capsys, rule, said):
    save(replace(load(planted), rule=rule), tmp_path / "x.capsule")
    assert main(["replay", str(tmp_path / "x.capsule"), "--shrink"]) == 2
    assert said in capsys.readouterr().err


def test_a_run_that_keeps_the_rule_here_is_no_result(planted, tmp_path):
    found = load(planted)
    scenario = {**found.scenario, "reckless": {**found.scenario["reckless"], "count": 0}}
    with pytest.raises(WavetankError, match="keeps max") as told:
        shrinking.shrink(replace(found, scenario=scenario), planted, tmp_path, lambda _: None, lambda _: None)
    assert told.value.exit_code == 3


def test_a_scenario_that_cannot_be_run_here_is_said_to_be_so(planted, tmp_path):
    found = load(planted)
    scenario = {**found.scenario, "reckless": {**found.scenario["reckless"], "agent": "./gone.py:Bot"}}
    with pytest.raises(ConfigError, match=r"gone\.py"):
        shrinking.shrink(replace(found, scenario=scenario), planted, tmp_path, lambda _: None, lambda _: None)


@pytest.mark.slow
def test_code_of_a_users_own_is_found_where_it_was_and_shrunk_with_its_scenario(tmp_path, capsys):
    shutil.copytree(PLUGINS, tmp_path / "plugins")
    toy = load_scenario(str(tmp_path / "plugins" / "toy.toml"), **{"world.hours": 4, "chain.block_seconds": 60})
    capsule = write_capsule(toy, 5, None, "max(liquidations) <= 0", tmp_path / "toy.capsule")
    assert main(["replay", str(tmp_path / "toy.capsule"), "--shrink", "--out", str(tmp_path / "small"), "--json"]) == 0
    out, err = capsys.readouterr()
    assert "loading user code" in err
    told = json.loads(out)
    assert told["transactions"]["after"] < capsule.transactions / 2
    assert "../plugins/toy.py:Toy" in (tmp_path / "small" / "toy.small.toml").read_text()
