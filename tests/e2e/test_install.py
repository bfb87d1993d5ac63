"""Scenarios and contracts are found in a checkout and in an installed wheel, from anywhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel_folder(tmp_path_factory) -> Path:
    """The wheel, unpacked into a folder of its own as an installation does."""
    place = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(place / "site"), str(REPO)]
    subprocess.run(pip, check=True, timeout=300, capture_output=True, cwd=place)
    return place / "site"


def listing(path: Path | None) -> str:
    environment = os.environ | ({"PYTHONPATH": str(path)} if path else {})
    code = "import simulator, sys; print(simulator.__file__, file=sys.stderr); from simulator.cli import main; "
    words = [sys.executable, "-P", "-c", code + "sys.exit(main(['list', 'scenarios']))"]
    done = subprocess.run(words, cwd="/", env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.startswith(str(path or REPO))
    return done.stdout


def test_a_wheel_and_a_checkout_list_the_same_storms_from_the_root_folder(wheel_folder):
    assert "black-thursday: Black Thursday" in listing(wheel_folder)
    assert listing(wheel_folder) == listing(REPO)


def test_a_wheel_carries_every_contract_scenario_and_notice(wheel_folder):
    def names(folder: Path) -> set[str]:
        return {path.name for path in folder.iterdir() if path.suffix in (".json", ".md", ".toml")}

    assert names(wheel_folder / "simulator/artifacts") == names(REPO / "simulator/artifacts")
    assert names(wheel_folder / "simulator/_scenarios") == names(REPO / "scenarios")
    assert list((wheel_folder / "simulator/report/templates").iterdir())


def test_a_storm_runs_from_the_wheel(wheel_folder, tmp_path):
    words = [sys.executable, "-P", "-m", "simulator.cli", "run", "calm", "--set", "world.hours=0.5"]
    words += ["--out", str(tmp_path / "out")]
    environment = os.environ | {"PYTHONPATH": str(wheel_folder)}
    done = subprocess.run(words, cwd="/", env=environment, capture_output=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/report.html").is_file()


def test_laws_are_measured_and_their_page_is_written_from_the_wheel(wheel_folder, tmp_path):
    page = tmp_path / "page.html"
    words = [sys.executable, "-P", "-m", "simulator.cli", "validate", "moments/replay", "base-fee", "--out", str(page)]
    environment = os.environ | {"PYTHONPATH": str(wheel_folder)}
    done = subprocess.run(words, cwd="/", env=environment, capture_output=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert "All 2 laws hold" in page.read_text(encoding="utf-8")
