"""The pre-commit hook, run by pre-commit itself on a repository with a sound and a broken scenario."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml

REPO = Path(__file__).resolve().parents[2]
HOOKS = REPO / ".pre-commit-hooks.yaml"
# Stands for Wavetank, which the tests have already: pre-commit would fetch every dependency of it again.
STAND_IN = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "stand-in"
version = "0"
[project.scripts]
wavetank = "simulator.cli:main"
[tool.hatch.build.targets.wheel]
bypass-selection = true
"""
SOUND = 'schema = 1\nextends = "calm"\n\n[world]\nhours = 2\n'


@pytest.fixture(scope="module")
def pre_commit():
    program = shutil.which("pre-commit", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        missing = "pre-commit is missing: pip install '.[test]'"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    return program


def git(folder, *words):
    settings = ["-c", "user.name=tests", "-c", "user.email=tests@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *settings, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    if not (folder / ".git").exists():
        git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "files")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def protocol(pre_commit, tmp_path_factory):
    """A repository that uses the hook, and how to run it there."""
    tool, folder = tmp_path_factory.mktemp("tool"), tmp_path_factory.mktemp("protocol")
    revision = commit(tool, {".pre-commit-hooks.yaml": HOOKS.read_text(encoding="utf-8"), "pyproject.toml": STAND_IN})
    hook = {"id": "wavetank-check"}
    config = yaml.safe_dump({"repos": [{"repo": str(tool), "rev": revision, "hooks": [hook]}]})
    commit(folder, {".pre-commit-config.yaml": config, "scenarios/sound.toml": SOUND, "risk/other.toml": "a = 1\n"})
    site = sysconfig.get_path("purelib")
    environment = os.environ | {
        "PRE_COMMIT_HOME": str(tmp_path_factory.mktemp("home")), "PYTHONPATH": f"{REPO}{os.pathsep}{site}",
    }  # fmt: skip

    def run(*words):
        # PYTHONPATH is for the hook alone: pre-commit may have other versions of what is there.
        del environment["PYTHONPATH"]
        subprocess.run([pre_commit, "install-hooks"], cwd=folder, env=environment, check=True, capture_output=True)
        environment["PYTHONPATH"] = f"{REPO}{os.pathsep}{site}"
        return subprocess.run(
            [pre_commit, "run", "--verbose", *words], cwd=folder, env=environment, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip

    return folder, run


def test_a_sound_scenario_passes_and_no_other_toml_is_read(protocol):
    _, run = protocol
    done = run("--all-files")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok scenarios/sound.toml" in done.stdout
    assert "other.toml" not in done.stdout


def test_a_broken_scenario_is_refused_with_what_is_wrong_in_it(protocol):
    folder, run = protocol
    (folder / "scenarios" / "broken.toml").write_text(SOUND.replace("hours = 2", "hours = -2"), encoding="utf-8")
    git(folder, "add", "-A")
    done = run()
    assert done.returncode == 1
    assert "scenarios/broken.toml: world.hours = -2" in done.stdout
    assert "sound.toml" not in done.stdout  # only what is to be committed


def test_the_hook_is_a_command_that_there_is():
    (hook,) = yaml.safe_load(HOOKS.read_text(encoding="utf-8"))
    program, command = hook["entry"].split()
    assert (program, hook["language"]) == ("wavetank", "python")
    done = subprocess.run([sys.executable, "-m", "simulator.cli", command, "calm"], cwd=REPO, check=False)
    assert done.returncode == 0
