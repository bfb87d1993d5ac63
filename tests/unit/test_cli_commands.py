"""What the commands print and write."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from scenario_samples import STORM, forget_the_real_ones, toys, write

from simulator import __version__
from simulator.cli import main
from simulator.paths import PACKAGE
from simulator.registry import UserCode
from simulator.scenario import load_scenario
from simulator.terminal import print_note

HEAVY = ("numpy", "pandas", "pyarrow", "scipy", "simpy", "plotly", "jinja2", "pyrevm", "web3")

FINDS_PACKAGE = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}


@pytest.fixture(autouse=True)
def _in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "storm.toml", STORM)
    with toys():
        yield


@pytest.fixture
def runs(monkeypatch):
    """Calls of the runner, which does nothing else."""
    calls = []

    def run_scenario(scenario, **options):
        calls.append((scenario, options))
        return SimpleNamespace(
            manifest={"schema": 1, "seed": options["seed"]},
            folder=options["out"],
            exit_code=0,
            fault=None,
            summary=lambda: [[("bad debt", 12.5, "usd"), ("liquidations", 3, None)]],
        )

    monkeypatch.setitem(sys.modules, "simulator.results", SimpleNamespace(run_scenario=run_scenario))
    return calls


def read_json(capsys):
    out, _ = capsys.readouterr()
    assert out.count("\n") == 1
    return json.loads(out)


def test_the_version_is_printed(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"wavetank {__version__}\n"


@pytest.mark.parametrize("command", [[], ["run"], ["check"], ["list"], ["list", "parameters"], ["new"], ["report"]])
def test_every_command_has_help(capsys, command):
    assert main([*command, "--help"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"Usage: {' '.join(['wavetank', *command])}")
    assert err == ""
    assert "\x1b" not in out


def test_a_run_has_its_defaults(runs, capsys):
    assert main(["run", "storm.toml"]) == 0
    ((scenario, options),) = runs
    assert scenario.name == "storm"
    assert options == {
        "seed": 1,
        "chain": "revm",
        "gas": None,
        "out": Path("runs/storm-1"),
        "progress": None,
        "announce": print_note,
    }
    out, _ = capsys.readouterr()
    assert out == "A storm\n\nbad debt      12.5  usd\nliquidations  3\n\nresults in runs/storm-1\n"


def test_a_run_takes_its_flags(runs):
    arguments = ["--seed", "7", "--gas", "fast", "--set", "crabs.count=5", "--set", "world.hours=0", "--out", "here"]
    assert main(["run", "storm.toml", *arguments]) == 0
    ((scenario, options),) = runs
    assert scenario.agents["crabs"].settings.count == 5
    assert scenario.world.hours == 0
    assert (options["seed"], options["gas"], options["out"]) == (7, "fast", Path("here"))


def test_seed_zero_is_a_seed(runs):
    assert main(["run", "storm.toml", "--seed", "0"]) == 0
    assert runs[0][1]["seed"] == 0


def test_a_set_seed_names_the_folder(runs):
    assert main(["run", "storm.toml", "--set", "world.seed=9"]) == 0
    assert (runs[0][1]["seed"], runs[0][1]["out"]) == (9, Path("runs/storm-9"))


def test_a_run_under_json_prints_its_manifest(runs, capsys):
    assert main(["run", "storm.toml", "--json"]) == 0
    assert read_json(capsys) == {"schema": 1, "seed": 1}


@pytest.mark.parametrize("code", [3, 130])
def test_a_partial_run_keeps_its_exit_code(monkeypatch, capsys, code):
    result = SimpleNamespace(fault=None, manifest={"status": "partial"}, exit_code=code, folder="out")
    monkeypatch.setitem(sys.modules, "simulator.results", SimpleNamespace(run_scenario=lambda *a, **k: result))
    assert main(["run", "storm.toml", "--json"]) == code
    assert read_json(capsys) == {"status": "partial"}


def test_user_code_is_announced_with_its_hash(runs, capsys, tmp_path):
    text = "from pydantic import BaseModel\nclass Mine:\n    class Settings(BaseModel): pass\n"
    write(tmp_path, "mine.py", text)
    write(tmp_path, "x.toml", 'schema = 1\n[mine]\nagent = "./mine.py:Mine"')
    assert main(["run", "x.toml", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == f"loading user code ./mine.py:Mine (sha256 {hashlib.sha256(text.encode()).hexdigest()})\n"
    assert json.loads(out)["seed"] == 1


def test_check_prints_a_line_for_every_file(capsys, tmp_path):
    write(tmp_path, "bad.toml", STORM.replace("hours = 2", "hours = -2").replace("count = 3", "coutn = 3"))
    assert main(["check", "storm.toml"]) == 0
    assert capsys.readouterr().out == "ok storm.toml\n"
    assert main(["check", "bad.toml", "storm.toml", "gone.toml"]) == 2
    out, err = capsys.readouterr()
    assert out == "ok storm.toml\n"
    assert [line.split(": ")[:2] for line in err.splitlines()] == [
        ["error", "bad.toml"],
        ["error", "bad.toml"],
        ["error", "gone.toml"],
    ]


def test_check_under_json_holds_every_error(capsys, tmp_path):
    write(tmp_path, "bad.toml", STORM.replace("hours = 2", "hours = -2"))
    assert main(["check", "bad.toml", "storm.toml", "--json"]) == 2
    found = read_json(capsys)
    assert [(entry["file"], entry["ok"], len(entry["errors"])) for entry in found["files"]] == [
        ("bad.toml", False, 1),
        ("storm.toml", True, 0),
    ]
    assert found["error"] == found["files"][0]["errors"][0]
    assert main(["check", "storm.toml", "--json"]) == 0
    assert read_json(capsys) == {"files": [{"file": "storm.toml", "ok": True, "errors": []}]}


def test_scenarios_are_listed_with_title_and_story(capsys, tmp_path, monkeypatch):
    shipped = tmp_path / "shipped"
    write(shipped, "calm.toml", 'schema = 1\ntitle = "Calm"\nstory = """\nNothing blows.\nAt all."""')
    write(shipped, "gale.toml", 'schema = 1\nextends = "calm"\ntitle = "Gale"')
    monkeypatch.setattr("simulator.scenario.files.scenario_folder", lambda: shipped)
    assert main(["list", "scenarios"]) == 0
    story = "    Nothing blows.\n    At all.\n"
    assert capsys.readouterr().out == f"calm: Calm\n{story}gale: Gale\n{story}"
    assert main(["list", "scenarios", "--json"]) == 0
    assert read_json(capsys)["scenarios"][1] == {"name": "gale", "title": "Gale", "story": "Nothing blows.\nAt all."}


def test_parameters_of_a_scenario_are_listed(capsys, monkeypatch):
    assert main(["list", "parameters", "storm.toml"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["key", "value", "unit", "bounds", "meaning"]
    (line,) = [line for line in lines if line.startswith("crabs.count ")]
    assert line.split("  ")[0] == "crabs.count"
    assert ">= 0, <= 1000" in line
    assert main(["list", "parameters", "storm.toml", "--json"]) == 0
    keys = [item["key"] for item in read_json(capsys)["parameters"]]
    assert len(keys) == len(set(keys)) == len(lines) - 1


def test_a_long_value_is_never_cut_in_a_pipe(capsys, tmp_path):
    story = "long " * 200 + "end"
    write(tmp_path, "x.toml", f'schema = 1\nstory = "{story}"')
    assert main(["list", "parameters", "x.toml"]) == 0
    out = capsys.readouterr().out
    assert story in out
    assert "\x1b" not in out


def test_agents_are_listed_with_what_they_are(capsys, monkeypatch):
    forget_the_real_ones(monkeypatch)
    assert main(["list", "agents"]) == 0
    assert capsys.readouterr().out == ("name  description      place\ncrab  Walks sideways.  scenario_samples:Crab\n")
    assert main(["list", "agents", "--json"]) == 0
    assert read_json(capsys)["agents"][0]["name"] == "crab"


def test_processes_are_listed(capsys):
    assert main(["list", "processes", "--json"]) == 0
    listed = {item["name"]: item["description"] for item in read_json(capsys)["processes"]}
    assert {"replay", "gbm", "constant", "peg"} <= set(listed)
    assert all(listed.values())


def test_metrics_are_listed_with_unit_and_worse_direction(capsys, monkeypatch):
    metric = SimpleNamespace(name="bad_debt_usd", unit="usd", worse="higher", description="What is lost.")
    monkeypatch.setitem(sys.modules, "simulator.metrics", SimpleNamespace(METRICS={"bad_debt_usd": metric}))
    assert main(["list", "metrics"]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line.split(maxsplit=3) == ["bad_debt_usd", "usd", "higher", "What is lost."]


def test_a_report_is_written_again(capsys, monkeypatch, tmp_path):
    write(tmp_path, "done/manifest.json", "{}")
    monkeypatch.setitem(
        sys.modules, "simulator.report", SimpleNamespace(write_report=lambda folder: folder / "report.html")
    )
    assert main(["report", "done"]) == 0
    assert capsys.readouterr().out == "done/report.html\n"


def test_a_new_scenario_is_valid_and_has_its_schema_beside_it(capsys, tmp_path, monkeypatch):
    forget_the_real_ones(monkeypatch)
    write(tmp_path, "shipped/calm.toml", STORM)
    monkeypatch.setattr("simulator.scenario.files.scenario_folder", lambda: tmp_path / "shipped")
    assert main(["new", "scenario", "my-gale"]) == 0
    assert capsys.readouterr().out == "my-gale.toml\nscenario.schema.json\n"
    storm = load_scenario("./my-gale.toml")
    assert (storm.title, storm.world.hours) == ("My gale", 6)
    assert storm.agents["crabs"].settings.count == 3
    assert json.loads(Path("scenario.schema.json").read_text())["title"] == "Wavetank scenario"
    assert main(["new", "scenario", "other", "--json"]) == 0
    assert read_json(capsys) == {"written": ["other.toml"]}


@pytest.mark.parametrize("kind", ["plugin", "agent"])
def test_new_python_is_a_class_that_a_scenario_can_name(kind, capsys):
    assert main(["new", kind, "my-crab"]) == 0
    assert capsys.readouterr().out == "my_crab.py\n"
    made = UserCode.find("./my_crab.py:MyCrab", Path()).load()
    assert made.Settings()
    assert not getattr(made, "__abstractmethods__", None)
    before = Path("my_crab.py").read_text()
    assert main(["new", kind, "my-crab"]) == 2
    assert Path("my_crab.py").read_text() == before


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["list", "scenarios"], ["--version"]])
def test_quick_commands_import_nothing_heavy(arguments):
    code = f"""
import sys
from simulator.cli import main
from simulator.terminal import print_note
status = main({arguments!r})
loaded = [name for name in {HEAVY!r} if name in sys.modules]
sys.exit(f"{{status}} {{loaded}}" if status or loaded else 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, env=FINDS_PACKAGE
    )
    assert done.stderr == ""
    assert done.returncode == 0


def test_a_reader_that_has_enough_is_no_error():
    code = "import sys; from simulator.cli import main; sys.exit(main(['--help']))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=FINDS_PACKAGE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=60) == 0
