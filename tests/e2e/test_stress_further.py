"""`wavetank stress --search`: points beyond the grid are runs like any other, and come again as they were."""

import json
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from stress_clusters import environment

RATIO = "cdp.collateral.ETH.liquidation_ratio"
SWEEP = [
    *("stress", "calm", "--set", "world.hours=0.25", "--set", "borrowers.count=20"),
    *("--set", "borrowers.collateral_usd=2_000_000", "--vary", f"{RATIO}=1.2..1.45:2", "--seeds", "2"),
    *("--require", "max(bad_debt_ratio) <= 1%", "--search", "3", "--jobs", "2"),
]


def stressed(folder, *more):
    words = [sys.executable, "-m", "simulator.cli", *SWEEP, "--out", str(folder), "--json", *more]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, json.loads(done.stdout)


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search") / "sweep"
    return folder, *stressed(folder)


@pytest.mark.slow
def test_points_of_a_search_follow_those_of_the_grid_in_results_and_answer(searched):
    folder, code, printed = searched
    assert code == 0
    assert printed["designed"] == 2
    assert [point["point"] for point in printed["points"]] == list(range(5))
    assert all(1.2 <= point["changes"][RATIO] <= 1.45 for point in printed["points"])
    frame = pd.read_parquet(folder / "results.parquet")
    assert list(zip(frame["point"], frame["seed"], strict=True)) == [(p, s) for p in range(5) for s in (7, 8)]
    assert list(frame.groupby("point")[RATIO].first()) == [point["changes"][RATIO] for point in printed["points"]]
    assert (printed["runs_total"], printed["recommendation"]["changes"]) == (10, {RATIO: 1.2})


@pytest.mark.slow
def test_a_search_is_the_same_again_and_resumes_without_a_run(searched, tmp_path):
    folder, _, printed = searched
    again = tmp_path / "again"
    _, other = stressed(again)
    assert other["digest"] == printed["digest"]
    assert (again / "results.parquet").read_bytes() == (folder / "results.parquet").read_bytes()
    shutil.rmtree(again / "search")  # as a kill before the first round would have left it
    _, resumed = stressed(again, "--resume")
    assert (resumed["runs_resumed"], resumed["digest"]) == (4, printed["digest"])
    _, resumed = stressed(again, "--resume")
    assert (resumed["runs_resumed"], resumed["runs_total"]) == (10, 10)
    assert (again / "results.parquet").read_bytes() == (folder / "results.parquet").read_bytes()


def test_a_sweep_leaves_its_page_with_caps_and_what_matters(searched):
    folder, _, printed = searched
    page = (folder / "report.html").read_text()
    assert "Recommended: liquidation ratio 1.2" in page
    assert f"--set {RATIO}=1.2" in page
    assert printed["caps"]["cdp/ETH"]["debt_usd"] > 0
    assert isinstance(printed["sensitivity"], list)


def test_a_search_without_a_rule_is_refused_before_anything_runs(tmp_path):
    words = [word for word in SWEEP if word not in ("--require", "max(bad_debt_ratio) <= 1%")]
    command = [sys.executable, "-m", "simulator.cli", *words, "--out", str(tmp_path / "x"), "--json"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "rules to keep" in json.loads(done.stdout)["error"]["what"]
    assert not (tmp_path / "x").exists()
