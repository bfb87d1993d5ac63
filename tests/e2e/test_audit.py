"""`wavetank audit`: what it leaves behind and exits with, whatever goes wrong."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from stress_clusters import environment

from simulator import run
from simulator.audit.outputs import OUTPUTS
from simulator.cli import main
from simulator.scenario import load_scenario

pytestmark = pytest.mark.xdist_group("audit")

SET = '"world.hours" = 0.25, "borrowers.count" = 20, "borrowers.collateral_usd" = 2_000_000'
CALM = f'{{ name = "calm", set = {{ {SET} }} }}'
RULES = """
[[rule]]
id = "BLOCKS"
require = "p90(blocks) <= 1000"
[[rule]]
id = "GAS"
require = "p50(gas_used / transactions) < 10_000_000"
level = "warn"
"""
BROKEN = '[[rule]]\nid = "BROKEN"\nrequire = "max(blocks) <= 1"\nwhy = "To see it fail."\n'
OPEN = '[[rule]]\nid = "OPEN"\nrequire = "p99(blocks) <= 1000"\n'


def audit_of(scenarios=CALM, rules=RULES, seeds=30, most=30, more=""):
    return f"[audit]\nscenarios = [{scenarios}]\nseeds = {seeds}\nmax_seeds = {most}\nseed = 5\n{more}\n{rules}"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def started(*words, **more):
    return subprocess.Popen([sys.executable, "-m", "simulator.cli", "audit", *words], env=environment(), **more)


def audited(text, *words, **more):
    """Exit code, what is printed and what is said beside it, in a process of its own."""
    Path("risk.toml").write_text(text)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with started("risk.toml", "--json", *words, **pipes, **more) as process:
        out, err = process.communicate(timeout=300)
    return process.returncode, json.loads(out), err


def written(out="runs/risk-audit"):
    """The document in the folder, which must be the one that was printed."""
    return json.loads((Path(out) / "audit.json").read_text())


# ----------------------------------------------------------------------------------- what it says


def test_an_audit_that_holds_exits_0_and_leaves_its_document_and_its_runs():
    code, found, err = audited(audit_of())
    assert (code, err) == (0, "")
    assert (found["verdict"], found["status"], found["exit_code"]) == ("pass", "complete", 0)
    assert written() == found
    frame = pd.read_parquet("runs/risk-audit/runs.parquet")
    assert list(zip(frame["scenario"], frame["seed"], strict=True)) == [("calm", seed) for seed in range(5, 35)]
    (blocks, gas) = found["rules"]
    assert (blocks["id"], blocks["line"], blocks["verdict"], blocks["runs"]) == ("BLOCKS", 8, "pass", 30)
    assert (gas["level"], gas["verdict"]) == ("warn", "pass")


def test_the_command_of_the_worst_run_makes_that_run_again(folder):
    _, found, _ = audited(audit_of(rules=BROKEN))
    rule = found["rules"][0]
    words = ["run", "calm", "--seed", str(rule["worst"]["seed"]), "--set"]
    assert re.match(f"wavetank {' '.join(words)} ", rule["replay"])
    changes = {"world.hours": 0.25, "borrowers.count": 20, "borrowers.collateral_usd": 2_000_000}
    again = run(load_scenario("calm", changes), seed=rule["worst"]["seed"])
    assert again.metrics["blocks"] == rule["worst"]["value"]
    frame = pd.read_parquet("runs/risk-audit/runs.parquet").set_index("seed")
    assert frame.loc[rule["worst"]["seed"], "digest"] == again.digest
    assert rule["capsule"] == f"capsules/BROKEN-calm-{rule['worst']['seed']}.capsule"
    assert main(["replay", f"runs/risk-audit/{rule['capsule']}"]) == 0


@pytest.mark.parametrize(
    ("rules", "code", "warned"), [(RULES, 0, 0), (RULES + BROKEN, 1, 0), (RULES + OPEN, 3, 0), (OPEN + BROKEN, 1, 0)]
)
def test_exit_codes_are_those_of_the_rules_and_the_warned_are_shown(rules, code, warned, capsys, monkeypatch):
    Path("risk.toml").write_text(audit_of(rules=rules, seeds=10, most=12))
    if code == 0:
        Path("risk.toml").write_text(audit_of(rules=rules))
    words = ["audit", "risk.toml", "--jobs", "2"]
    assert main(words) == code
    said = capsys.readouterr().out
    assert said.startswith(f"risk.toml: { {0: 'pass', 1: 'fail', 3: 'inconclusive'}[code] }")
    assert main([*words, "--warn-only", "--resume", "--json"]) == warned
    assert json.loads(capsys.readouterr().out)["verdict"] == {0: "pass", 1: "fail", 3: "inconclusive"}[code]


def test_a_broken_warning_is_told_and_passes(capsys):
    Path("risk.toml").write_text(audit_of(rules=BROKEN + 'level = "warn"\n', seeds=2, most=2))
    assert main(["audit", "risk.toml", "--jobs", "1"]) == 0
    said = capsys.readouterr().out
    assert "FAIL (warn)" in said
    assert "why: To see it fail." in said
    assert "worst run: wavetank run calm --seed" in said


@pytest.mark.slow
def test_one_worker_and_two_and_a_killed_audit_leave_the_same_bytes(folder):
    text = audit_of(rules=RULES + '[[rule]]\nid = "P"\nrequire = "p90(blocks) <= 1000"\n', seeds=16, most=64)
    code, found, _ = audited(text, "--jobs", "2")
    assert (code, found["scenarios"][0]["runs"]) == (0, 32)
    assert audited(text, "--jobs", "1", "--out", "one")[1] == found
    with started("risk.toml", "--jobs", "2", "--out", "killed", stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while len(list(Path("killed/sweep/runs").glob("*.parquet"))) < 5 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    assert not Path("killed/audit.json").exists()
    assert audited(text, "--out", "killed")[0] == 2  # an unfinished one is there
    assert audited(text, "--out", "killed", "--resume")[1] == found
    tables = {Path(out, "runs.parquet").read_bytes() for out in ("runs/risk-audit", "one", "killed")}
    assert len(tables) == 1


def test_ctrl_c_leaves_what_is_known_and_exits_130():
    Path("risk.toml").write_text(audit_of(seeds=2000, most=2000))
    with started("risk.toml", "--jobs", "2", "--warn-only", stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while len(list(Path("runs/risk-audit/sweep/runs").glob("*.parquet"))) < 5 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    found = written()
    assert (found["status"], found["verdict"]) == ("partial", "inconclusive")
    assert found["scenarios"][0]["runs"] >= 5
    assert {rule["verdict"] for rule in found["rules"]} == {"inconclusive"}
    assert "--resume continues" in err


# ----------------------------------------------------------------------------------- the baseline


@pytest.mark.slow
def test_a_baseline_passes_itself_and_fails_what_got_worse(capsys):
    text = audit_of(more='baseline = "base.json"')
    words = ["audit", "risk.toml", "--jobs", "2", "--json"]
    Path("risk.toml").write_text(text)
    assert main(words) == 2
    assert "--update-baseline" in json.loads(capsys.readouterr().out)["error"]["mend"]
    assert not Path("runs").exists()
    assert main([*words, "--update-baseline"]) == 0
    kept = Path("base.json").read_bytes()
    assert main([*words, "--resume"]) == 0
    capsys.readouterr()
    worse = text.replace(SET, SET + ', "cdp.collateral.ETH.liquidation_ratio" = 1.48')
    Path("risk.toml").write_text(worse)
    assert main(words) == 1
    found = json.loads(capsys.readouterr().out)
    assert {rule["verdict"] for rule in found["rules"]} == {"pass"}
    failing = {each["metric"]: each for each in found["baseline"]["findings"] if each["verdict"] == "fail"}
    assert {"health_factor_min", "health_factor_p01"} <= set(failing)
    assert failing["health_factor_min"]["after"] < failing["health_factor_min"]["before"]
    assert main([*words, "--resume", "--warn-only"]) == 0
    assert Path("base.json").read_bytes() == kept


def test_an_update_needs_a_baseline_in_the_file(capsys):
    Path("risk.toml").write_text(audit_of())
    assert main(["audit", "risk.toml", "--update-baseline"]) == 2
    assert 'baseline = "audit-baseline.json"' in capsys.readouterr().err


# ------------------------------------------------------------------------------------ bad input


def never_green(text, *words, **more):
    """An audit that its machinery fails: exit 3 with --warn-only too, and the document says what is known."""
    code, found, err = audited(text, "--warn-only", *words, **more)
    assert code == 3
    assert found["verdict"] != "pass"
    assert found["status"] == "partial"
    assert found["faults"]
    assert "error: " in err
    return found, err


PLUGIN = """
import os
from simulator.agents.base import Agent, AgentSettings


class Bot(Agent):
    class Settings(AgentSettings):
        pass

    def life(self):
        yield self.desk.sleep(60)
        HARM
"""


def with_plugin(harm, kind="agent", text=PLUGIN):
    Path("bot.py").write_text(text.replace("HARM", harm))
    path = Path("bot.py").resolve()
    own = f'{{ name = "calm", id = "own", set = {{ "bot.{kind}" = "{path}:Bot", {SET} }} }}'
    return audit_of(f"{CALM}, {own}", seeds=10, most=10, rules=RULES.replace("p90", "p50"))


def verdicts(found):
    return {(rule["scenario"], rule["verdict"]) for rule in found["rules"]}


def test_an_agent_that_raises_fails_its_runs_and_no_other_scenario():
    found, err = never_green(with_plugin("raise RuntimeError('kaputt')"))
    calm, own = found["scenarios"]
    assert (calm["failed"], own["failed"], own["runs"]) == (0, 10, 10)
    assert "kaputt" in own["faults"][0]["fault"]
    assert "--seed 5" in own["faults"][0]["replay"]
    assert "kaputt" in err
    assert {(rule["scenario"], rule["verdict"]) for rule in found["rules"]} == {
        ("calm", "pass"),
        ("own", "inconclusive"),
    }
    assert written() == found


def test_a_worker_that_dies_fails_its_runs():
    found, _ = never_green(with_plugin("os._exit(7)").replace("seeds = 10", "seeds = 4"))
    assert found["scenarios"][1]["failed"] == 4
    assert "worker died" in found["scenarios"][1]["faults"][0]["fault"]


def test_a_plugin_that_raises_when_imported_is_told_and_the_rest_is_run():
    found, err = never_green(with_plugin("", text="raise OSError('no key')\n"))
    assert "loading user code" in err
    assert [scenario["runs"] for scenario in found["scenarios"]] == [10, 0]
    assert "no key" in found["faults"][0]["what"]
    assert found["faults"][0]["where"] == "own"
    assert {(rule["scenario"], rule["verdict"]) for rule in found["rules"]} == {
        ("calm", "pass"),
        ("own", "inconclusive"),
    }


LENDER = """
from simulator.chain.artifacts import read_artifact
from simulator.protocols.base import Protocol
from simulator.settings import Settings as Table
from pathlib import Path


class Bot(Protocol):
    class Settings(Table):
        artifacts: str = ""

    def deploy(self, genesis):
        genesis.deploy(read_artifact(Path(__file__).parent / "Token.json"))

    def capabilities(self):
        return ()

    def events(self):
        return {}

    def on_event(self, event, now):
        return ()
"""


def test_artifacts_without_bytecode_fail_every_run_in_set_up():
    Path("Token.json").write_text(json.dumps({"contractName": "Token", "abi": [], "bytecode": "0x"}))
    found, _ = never_green(with_plugin("", "protocol", LENDER))
    assert found["scenarios"][1]["failed"] == 10
    assert "bytecode" in found["scenarios"][1]["faults"][0]["fault"]


def test_a_scenario_that_reverts_in_set_up_fails_every_run():
    own = CALM.replace("{ name", '{ id = "own", name').replace(SET, SET + ', "cdp.collateral.ETH.debt_ceiling" = 1')
    found, _ = never_green(audit_of(f"{CALM}, {own}", seeds=10, most=10, rules=RULES.replace("p90", "p50")))
    assert [scenario["failed"] for scenario in found["scenarios"]] == [0, 10]
    assert "mend" in found["faults"][0]


def test_a_chain_that_is_gone_fails_every_run():
    own = CALM.replace(SET, SET + ', "chain.fork.url" = "http://127.0.0.1:9"')
    found, _ = never_green(audit_of(own, seeds=4, most=4))
    assert found["scenarios"][0]["failed"] == 4
    assert "127.0.0.1:9" in found["faults"][0]["what"]


def limited(size):
    """A process that may write no file larger than this [bytes], as on a disk that is full."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@pytest.mark.parametrize("size", [1_000, 12_000, 30_000])
def test_a_full_disk_is_no_pass_wherever_it_strikes(size):
    """At the first run, at the table of all of them, or at the files that are made of it."""
    found, err = never_green(audit_of(), preexec_fn=limited(size))
    assert "cannot be written" in err
    for left in Path("runs").glob("**/audit.json"):
        assert json.loads(left.read_text())["exit_code"] == 3
    assert found["exit_code"] == 3


def test_a_former_green_result_does_not_outlive_a_failure():
    assert audited(audit_of(seeds=10, rules=RULES.replace("p90", "p50")))[0] == 0
    never_green(audit_of(seeds=10, rules=RULES.replace("p90", "p50")), preexec_fn=limited(1_000))
    assert not Path("runs/risk-audit/audit.json").exists() or written()["verdict"] != "pass"


def test_a_killed_audit_leaves_no_verdict_of_a_former_one(monkeypatch):
    from simulator.audit import command

    class Killed(BaseException):
        pass

    def kill(*_):
        raise Killed

    Path("risk.toml").write_text(audit_of(seeds=10, rules=RULES.replace("p90", "p50")))
    assert main(["audit", "risk.toml", "--jobs", "1", "--json"]) == 0
    left = set(os.listdir("runs/risk-audit"))
    with monkeypatch.context() as patched:
        patched.setattr(command, "make_runs", kill)
        with pytest.raises(Killed):
            command.run_audit("risk.toml")
    assert left - set(os.listdir("runs/risk-audit")) == set(OUTPUTS)
    assert main(["audit", "risk.toml", "--jobs", "1", "--json"]) == 0


def test_a_baseline_is_not_written_from_runs_that_failed():
    Path("base.json").write_text("former")
    text = with_plugin("raise RuntimeError('kaputt')").replace("seeds = 10", "seeds = 20")
    found, _ = never_green(text.replace("seed = 5", 'seed = 5\nbaseline = "base.json"'), "--update-baseline")
    assert Path("base.json").read_text() == "former"
    assert any("left as it was" in fault["what"] for fault in found["faults"])


def test_something_else_in_the_folder_is_not_overwritten(folder, capsys):
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("years")
    Path("risk.toml").write_text(audit_of())
    assert main(["audit", "risk.toml", "--out", "mine"]) == 2
    assert "no audit" in capsys.readouterr().err
    assert os.listdir("mine") == ["thesis.txt"]


# ---------------------------------------------------------------------------------- a fresh one


def test_a_new_audit_has_every_default_rule_and_fits_the_scenarios_as_it_is(capsys):
    from simulator.audit.conduct import make_plan
    from simulator.audit.config import load_audit
    from simulator.audit.defaults import DEFAULT_RULES

    assert main(["new", "audit", "gate"]) == 0
    assert capsys.readouterr().out == "gate.toml\n"
    config = load_audit("gate.toml")
    assert not make_plan(config, seed=None, gas=None).broken
    written = {rule.id: str(rule.rule) for rule in config.rules}
    assert written.items() >= {rule.id: rule.require for rule in DEFAULT_RULES}.items()
    assert written["EFFECTIVENESS-CALM"] == "mean(hedge_effectiveness) >= 90%"
    assert all(rule.why and rule.level == "error" for rule in config.rules)
    assert all(rule.rule.seeds_needed() <= config.seeds for rule in config.rules)
    assert main(["new", "audit", "gate"]) == 2


@pytest.mark.slow
def test_every_rule_of_a_new_audit_has_data_in_every_scenario_it_is_for(capsys):
    """With few seeds, so some are too few to pass; none is without data, and sound contracts break none."""
    assert main(["new", "audit", "gate"]) == 0
    text = Path("gate.toml").read_text()
    Path("gate.toml").write_text(re.sub(r"(?m)^((max_)?seeds = )\d+ .*$", r"\g<1>4", text))
    capsys.readouterr()
    assert main(["audit", "gate.toml", "--jobs", "2", "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert found["status"] == "complete"
    told = {(rule["id"], rule["scenario"]): rule["reason"] for rule in found["rules"] if rule["estimate"] is None}
    assert told == {}
    assert {rule["verdict"] for rule in found["rules"]} == {"pass", "inconclusive"}
