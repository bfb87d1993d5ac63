"""The GitHub Action: its shell steps run here as a runner runs them, on an audit of two short runs."""

import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml

REPO = Path(__file__).resolve().parents[2]
ACTION = REPO / ".github" / "actions" / "audit"
OUTPUTS = {"audit.json", "junit.xml", "audit.sarif", "summary.md", "report.html", "runs.parquet"}
BASH = ["bash", "--noprofile", "--norc", "-eo", "pipefail"]  # what `shell: bash` is there
CONFIG = """
[audit]
scenarios = [{{ name = "calm", set = {{ "world.hours" = 0.25 }} }}]
seeds = 2
max_seeds = 2

[[rule]]
id = "ONLY"
require = "{rule}"
"""
KEPT, BROKEN, OPEN = "max(bad_debt_ratio) <= 1%", "max(blocks) <= 1", "p99(bad_debt_ratio) <= 1%"


@pytest.fixture(scope="module")
def action():
    return yaml.safe_load((ACTION / "action.yml").read_text(encoding="utf-8"))


class Runner:
    """What a runner does with a composite action's shell steps: inputs and outputs as variables, one bash a step."""

    def __init__(self, action, temporary, workspace, **inputs):
        self.action, self.workspace = action, workspace
        self.summary, self._file = workspace / "summary-of-job.md", workspace / "outputs"
        self.values = {f"inputs.{name}": each["default"] for name, each in action["inputs"].items()}
        self.values |= {f"inputs.{name}": value for name, value in inputs.items()}
        self.values["github.event_name"] = "pull_request"
        kept = {
            name: value for name, value in os.environ.items() if name in ("HOME", "LANG") or name.startswith("PIP_")
        }
        self.environment = {
            **kept,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "RUNNER_TEMP": str(temporary), "GITHUB_ACTION_PATH": str(ACTION), "GITHUB_OUTPUT": str(self._file),
            "GITHUB_STEP_SUMMARY": str(self.summary),
        }  # fmt: skip

    def step(self, name):
        """Run the step of this name and give it back; its outputs are known to those behind it."""
        step = next(step for step in self.action["runs"]["steps"] if step.get("name") == name)
        assert step["shell"] == "bash"
        self._file.write_text("")
        given = {key: self._filled(value) for key, value in step.get("env", {}).items()}
        done = subprocess.run(
            [*BASH, "-c", step["run"]], cwd=self.workspace, env=self.environment | given,
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        for line in self._file.read_text().splitlines():
            key, _, value = line.partition("=")
            self.values[f"steps.{step['id']}.outputs.{key}"] = value
        return done

    def output(self, name):
        return self._filled(self.action["outputs"][name]["value"])

    def _filled(self, text):
        return re.sub(r"\$\{\{\s*([\w.-]+)\s*\}\}", lambda found: self.values.get(found[1], ""), text)


@pytest.fixture(scope="module")
def installed(action, tmp_path_factory):
    """The folder in which the action's own step installed Wavetank, its dependencies being those of the tests."""
    temporary, workspace = tmp_path_factory.mktemp("runner"), tmp_path_factory.mktemp("workspace")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(workspace), str(REPO)]
    subprocess.run(pip, check=True, timeout=300, capture_output=True)
    (wheel,) = workspace.glob("*.whl")
    runner = Runner(action, temporary, workspace, wavetank=str(wheel))
    runner.environment["PIP_NO_DEPS"] = "1"
    done = runner.step("Install Wavetank")
    assert done.returncode == 0, done.stderr
    return temporary


def audited(action, installed, workspace, rule, **inputs):
    (workspace / "my risk.toml").write_text(CONFIG.format(rule=rule), encoding="utf-8")
    runner = Runner(action, installed, workspace, config="my risk.toml", **inputs)
    runner.environment["PYTHONPATH"] = sysconfig.get_path("purelib")
    done = runner.step("Audit")
    assert done.returncode == 0, done.stderr  # what is found is told after the uploads, not here
    return runner


@pytest.mark.parametrize(
    ("rule", "verdict", "code"), [(KEPT, "pass", 0), (BROKEN, "fail", 1), (OPEN, "inconclusive", 3)]
)
def test_the_job_ends_as_the_audit_does_and_its_outputs_are_there(action, installed, tmp_path, rule, verdict, code):
    runner = audited(action, installed, tmp_path, rule)
    assert (runner.output("verdict"), runner.output("exit-code")) == (verdict, str(code))
    assert {path.name for path in (tmp_path / runner.output("folder")).iterdir()} >= OUTPUTS
    assert (tmp_path / runner.values["steps.audit.outputs.sarif"]).is_file()
    assert runner.summary.read_text() == (tmp_path / "audit-results" / "summary.md").read_text()
    done = runner.step("Verdict")
    assert done.returncode == code
    assert done.stdout == f"verdict: {verdict}\n"


def test_a_finding_is_at_the_line_of_its_rule_in_the_file_that_was_checked_out(action, installed, tmp_path):
    runner = audited(action, installed, tmp_path, BROKEN)
    (found,) = json.loads((tmp_path / runner.values["steps.audit.outputs.sarif"]).read_text())["runs"][0]["results"]
    place = found["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "my%20risk.toml"
    line = (tmp_path / "my risk.toml").read_text().splitlines()[place["region"]["startLine"] - 1]
    assert line == "[[rule]]"
    assert "wavetank run calm --seed" in found["message"]["text"]


def test_warnings_alone_end_no_job(action, installed, tmp_path):
    runner = audited(action, installed, tmp_path, BROKEN, **{"warn-only": "true"})
    assert runner.output("verdict") == "fail"
    assert runner.step("Verdict").returncode == 0


def test_a_configuration_that_cannot_be_used_ends_the_job_and_shows_no_former_verdict(action, installed, tmp_path):
    audited(action, installed, tmp_path, KEPT)
    runner = audited(action, installed, tmp_path, "p99(bad_dept) <= 1%")
    assert (runner.output("verdict"), runner.output("exit-code")) == ("error", "2")
    assert "steps.audit.outputs.sarif" not in runner.values
    assert "no verdict (exit code 2)" in runner.summary.read_text()
    assert runner.step("Verdict").returncode == 2


def test_an_audit_that_leaves_nothing_to_read_does_not_pass(action, tmp_path):
    programs = tmp_path / "wavetank" / "bin"
    programs.mkdir(parents=True)
    (programs / "wavetank").write_text("#!/bin/sh\nexit 0\n")
    (programs / "wavetank").chmod(0o755)
    (programs / "python").symlink_to(sys.executable)
    runner = Runner(action, tmp_path, tmp_path)
    assert runner.step("Audit").returncode == 0
    assert (runner.output("verdict"), runner.output("exit-code")) == ("error", "3")
    assert runner.step("Verdict").returncode == 3


def test_a_step_that_never_ran_does_not_pass(action, tmp_path):
    assert Runner(action, tmp_path, tmp_path).step("Verdict").returncode == 3


@pytest.mark.parametrize(
    ("event", "code"), [("pull_request", 0), ("push", 0), ("pull_request_target", 2), ("workflow_run", 2)]
)
def test_unread_code_is_not_run_where_there_are_secrets(action, tmp_path, event, code):
    runner = Runner(action, tmp_path, tmp_path)
    runner.values["github.event_name"] = event
    done = runner.step(action["runs"]["steps"][0]["name"])
    assert done.returncode == code
    assert ("::error::" in done.stdout) == bool(code)


def test_without_a_word_wavetank_is_what_the_action_lies_in(action):
    (step,) = [step for step in action["runs"]["steps"] if step.get("id") == "install"]
    place = re.search(r"\$GITHUB_ACTION_PATH([/.]+)", step["run"])[1]
    assert (ACTION / place.lstrip("/") / "pyproject.toml").is_file()


def test_nothing_given_is_written_into_a_script_and_no_secret_is_named(action):
    text = (ACTION / "action.yml").read_text(encoding="utf-8")
    assert all("${{" not in step.get("run", "") for step in action["runs"]["steps"])
    assert "secrets." not in text
    assert "github.token" not in text


def test_other_actions_are_pinned_by_major_version(action):
    used = [step["uses"] for step in action["runs"]["steps"] if "uses" in step]
    assert len(used) == 3
    assert all(re.fullmatch(r"[\w./-]+@v\d+", each) for each in used)


def test_the_example_in_the_readme_names_inputs_that_there_are_and_asks_for_no_more_than_it_needs(action):
    text = (ACTION / "README.md").read_text(encoding="utf-8")
    example = yaml.safe_load(re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1])
    events, permissions = example[True], example["permissions"]  # YAML 1.1 reads the key `on` as true
    assert set(events) == {"push", "pull_request"}
    assert permissions == {"contents": "read", "security-events": "write"}
    (step,) = [each for each in example["jobs"]["audit"]["steps"] if each.get("id") == "risk"]
    assert set(step["with"]) <= set(action["inputs"])
    assert set(re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE)) == set(action["inputs"])
