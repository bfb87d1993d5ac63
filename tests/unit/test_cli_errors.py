"""Errors of the command line: one line or one object, and the exit code."""

import json
import sys
from types import SimpleNamespace

import pytest
from scenario_samples import STORM, toys, write

from simulator.cli import main
from simulator.errors import AgentError


@pytest.fixture(autouse=True)
def _in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "storm.toml", STORM)
    write(tmp_path, "bad.toml", STORM.replace("count = 3", "count = -3"))
    with toys():
        yield


def raising(error):
    def run_scenario(*args, **options):
        raise error

    return SimpleNamespace(run_scenario=run_scenario)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["run"], "wavetank run: Missing argument 'SCENARIO'. (see `wavetank run --help`)"),
        ([], "wavetank: Missing command. (see `wavetank --help`)"),
        (["rnu"], "wavetank: No such command 'rnu'."),
        (["run", "storm.toml", "--sed", "1"], "wavetank run: No such option: --sed"),
        (
            ["run", "storm.toml", "--seed", "-1"],
            "wavetank run: Invalid value for '--seed': -1: must be a whole number >= 0",
        ),
        (
            ["run", "storm.toml", "--seed", "x"],
            "wavetank run: Invalid value for '--seed': x: must be a whole number >= 0",
        ),
        (["run", "storm.toml", "--gas", "slow"], "wavetank run: Invalid value for '--gas': "),
        (["run", "storm.toml", "--chain", "geth"], "--chain: no chain 'geth' (use revm, anvil or the http:// address"),
        (
            ["run", "storm.toml", "--chain", "anvil", "--gas", "exact"],
            "--gas: --gas exact is a mode of revm, not of anvil",
        ),
        (["run", "storm.toml", "--set", "x"], '--set: "x" sets nothing'),
        (["run", "storm.toml", "--set", "crabs.cuont=1"], "--set: crabs.cuont: unknown key"),
        (["run", "bad.toml"], "bad.toml: crabs.count = -3: must be >= 0"),
        (["run", "gone.toml"], "gone.toml: no such scenario file"),
        (["run", "no-such-storm"], 'no scenario "no-such-storm"'),
        (["check", "bad.toml"], "bad.toml: crabs.count = -3: must be >= 0"),
        (["check"], "wavetank check: Missing argument"),
        (["list"], "wavetank list: Missing command."),
        (["list", "scenario"], "wavetank list: No such command 'scenario'."),
        (["list", "parameters", "bad.toml"], "bad.toml: crabs.count = -3: must be >= 0"),
        (["report", "gone"], "gone: no manifest.json in it"),
        (["new", "agent", "../x"], 'new agent: "../x" makes no file name'),
        (["new", "scenario", "storm"], "storm.toml: is there already"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(capsys, arguments, line):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: {line}")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--json"],
        ["run", "bad.toml", "--json"],
        ["run", "storm.toml", "--json", "--chain", "anvil", "--gas", "fast"],
        ["run", "storm.toml", "--json", "--nonsense"],
        ["list", "parameters", "bad.toml", "--json"],
        ["report", "gone", "--json"],
        ["new", "scenario", "storm", "--json"],
    ],
)
def test_a_mistake_under_json_is_one_object_and_exit_2(capsys, arguments):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert err == ""
    assert found.keys() == {"error"}
    assert found["error"].keys() == {"what", "where", "mend"}
    assert all(found["error"].values())


def test_an_error_of_a_run_has_its_own_exit_code(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "simulator.results", raising(AgentError("crab raised", where="crabs")))
    assert main(["run", "storm.toml"]) == 3
    assert capsys.readouterr().err == "error: crabs: crab raised\n"


def test_an_interrupt_is_exit_130(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "simulator.results", raising(KeyboardInterrupt()))
    assert main(["run", "storm.toml", "--json"]) == 130
    assert json.loads(capsys.readouterr().out)["error"]["what"] == "interrupted"


def test_a_fault_of_ours_does_not_look_like_a_breached_rule(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "simulator.results", raising(ZeroDivisionError("oh")))
    assert main(["run", "storm.toml", "--json"]) == 3
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["what"] == "internal error: ZeroDivisionError: oh"
    assert "Traceback" in err
