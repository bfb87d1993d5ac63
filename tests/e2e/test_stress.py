"""`wavetank stress`: what it leaves behind, whatever killed it and wherever its runs were made."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from stress_clusters import dask_cluster, environment, ray_cluster, wait_until

from simulator import run
from simulator.cli import main
from simulator.metrics import METRICS
from simulator.scenario import load_scenario

pytestmark = pytest.mark.xdist_group("stress")

SMALL = {"world.hours": 0.25, "borrowers.count": 20, "borrowers.collateral_usd": 2_000_000}
RATIO, BONUS = "cdp.collateral.ETH.liquidation_ratio", "cdp.collateral.ETH.liquidation_bonus"
BASE = ["stress", "calm", *(word for key, value in SMALL.items() for word in ("--set", f"{key}={value}"))]
VARIED = ["--vary", f"{RATIO}=1.2..1.4:2", "--vary", f"{BONUS}=0.05,0.1"]
SWEEP = [*BASE, *VARIED, "--seeds", "3", "--seed", "11"]


def started(*words, **more):
    return subprocess.Popen([sys.executable, "-m", "simulator.cli", *words], env=environment(), **more)


def stressed(*words):
    """Exit code and what is printed, in a process of its own: workers there are not this one's."""
    with started(*words, "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        out, err = process.communicate(timeout=300)
    return process.returncode, json.loads(out), err


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A sweep that nothing happened to: its folder and what it printed."""
    folder = tmp_path_factory.mktemp("undisturbed") / "sweep"
    code, printed, err = stressed(*SWEEP, "--out", str(folder))
    assert (code, err) == (0, "")
    return folder, printed


def test_a_sweep_is_every_point_at_the_same_seeds(undisturbed):
    folder, printed = undisturbed
    frame = pd.read_parquet(folder / "results.parquet")
    assert list(zip(frame["point"], frame["seed"], strict=True)) == [(p, s) for p in range(4) for s in (11, 12, 13)]
    assert sorted(set(zip(frame[RATIO], frame[BONUS], strict=True))) == [
        (1.2, 0.05),
        (1.2, 0.1),
        (1.4, 0.05),
        (1.4, 0.1),
    ]
    assert (printed["runs_total"], printed["runs_failed"], printed["runs_resumed"]) == (12, 0, 0)
    assert printed["status"] == "complete"
    assert [point["changes"] for point in printed["points"]][1] == {RATIO: 1.2, BONUS: 0.1}


def test_a_run_of_a_sweep_is_the_run_of_its_settings_and_seed(undisturbed):
    folder, _ = undisturbed
    row = pd.read_parquet(folder / "results.parquet").query("point == 2 and seed == 12").iloc[0]
    alone = run(load_scenario("calm", {**SMALL, RATIO: 1.4, BONUS: 0.05}), seed=12)
    assert row["digest"] == alone.digest
    known = {name: value for name, value in alone.metrics.items() if value is not None}
    assert {name: row[name] for name in known} == known
    assert row[[name for name in METRICS if name not in known]].isna().all()


def test_one_worker_finds_the_same_bytes_and_the_same_digest_as_two(undisturbed, tmp_path):
    folder, printed = undisturbed
    _, alone, _ = stressed(*SWEEP, "--jobs", "1", "--out", str(tmp_path / "sweep"))
    assert (tmp_path / "sweep/results.parquet").read_bytes() == (folder / "results.parquet").read_bytes()
    assert alone == printed


@pytest.mark.parametrize(
    ("name", "cluster"), [("dask", dask_cluster), pytest.param("ray", ray_cluster, marks=pytest.mark.slow)]
)
def test_a_cluster_finds_the_same_bytes_and_the_same_digest(name, cluster, undisturbed, tmp_path):
    folder, printed = undisturbed
    with cluster(tmp_path) as address:
        words = ["--executor", name, "--scheduler", address, "--out", str(tmp_path / "sweep")]
        code, there, err = stressed(*SWEEP, *words)
    assert code == 0, (there.get("error"), err)
    assert (tmp_path / "sweep/results.parquet").read_bytes() == (folder / "results.parquet").read_bytes()
    assert there == printed


@pytest.mark.slow
def test_what_is_killed_in_the_middle_ends_as_if_undisturbed(undisturbed, tmp_path):
    folder, printed = undisturbed
    out = tmp_path / "sweep"
    for kept in (2, 5):  # killed twice
        with started(*SWEEP, "--resume", "--out", str(out), stderr=subprocess.DEVNULL) as process:
            wait_for_runs(process, out, kept)
            workers = children(process.pid)
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        assert not (out / "results.parquet").exists()
        wait_for_end(workers)
    code, resumed, _ = stressed(*SWEEP, "--resume", "--out", str(out))
    assert code == 0
    assert 5 <= resumed["runs_resumed"] < 12
    assert (out / "results.parquet").read_bytes() == (folder / "results.parquet").read_bytes()
    assert {**resumed, "runs_resumed": 0} == printed


def test_ctrl_c_keeps_what_was_done_and_says_how_to_go_on(tmp_path):
    out = tmp_path / "sweep"
    with started(*SWEEP, "--json", "--out", str(out), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                 start_new_session=True) as process:  # fmt: skip
        wait_for_runs(process, out, 2)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to workers too
        printed, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(printed)["status"] == "partial"
    assert json.loads(printed)["runs_done"] >= 2
    assert "--resume continues" in err
    assert "Traceback" not in err
    assert not list(out.glob("runs/*.tmp"))
    assert stressed(*SWEEP, "--resume", "--out", str(out))[1]["runs_resumed"] >= 2


def wait_for_runs(process, out, kept):
    wait_until(lambda: len(list(out.glob("runs/*.parquet"))) >= kept or process.poll() is not None, out)
    assert process.poll() is None


def children(parent):
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = path.parent.name, path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found += [int(pid)] if int(rest[1]) == parent else []
    assert found
    return found


def wait_for_end(pids):
    end = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < end, "workers outlive the process that started them"
        time.sleep(0.1)


def test_the_report_of_a_sweep_is_asked_of_stress_and_not_of_report(undisturbed, capsys):
    assert main(["report", str(undisturbed[0])]) == 2
    assert "the folder of a stress test, not of one run" in capsys.readouterr().err


@pytest.mark.slow
def test_rare_losses_are_made_common_and_counted_by_their_likelihood(tmp_path):
    jumps = {"process": "merton", "volatility": 0.3, "jump_rate": 2000.0}
    jumps |= {"jump_mean": -0.1, "jump_deviation": 0.1, "price": 2000.0}
    words = [*BASE, *(w for key, value in jumps.items() for w in ("--set", f"market.ETH.{key}={value}"))]
    rule = "p90(oracle_gap_max) <= 50%"
    words += ["--seeds", "40", "--seed", "3", "--require", rule, "--out", str(tmp_path / "out")]
    _, printed, err = stressed(*words, "--importance", "20")
    factor = printed["drawn"]["changes"]["market.ETH.jump_rate_factor"]
    assert err.startswith(f"pilot runs, up to five times 20, to see which jumps decide {rule}")
    assert printed["scenario"]["market"]["ETH"]["jump_rate_factor"] == factor > 1.5
    weights = pd.read_parquet(tmp_path / "out/results.parquet")["weight"]
    assert weights.nunique() > 1
    _, resumed, err = stressed(*words, "--importance", "20", "--resume")
    assert (resumed["drawn"], resumed["digest"], resumed["runs_resumed"]) == (printed["drawn"], printed["digest"], 40)
    assert "pilot runs" not in err  # they are kept with the sweep


def test_a_finished_sweep_is_resumed_without_a_run(undisturbed, tmp_path, capsys):
    folder, printed = undisturbed
    before = (folder / "results.parquet").read_bytes()
    assert main([*SWEEP, "--json", "--resume", "--out", str(folder)]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again == {**printed, "runs_resumed": 12}
    assert (folder / "results.parquet").read_bytes() == before


def test_resume_with_other_settings_is_refused_before_anything_runs(undisturbed, capsys):
    folder, _ = undisturbed
    for words in (["--seeds", "4"], ["--set", "world.hours=0.5"], ["--gas", "fast"]):
        assert main([*SWEEP, *words, "--resume", "--out", str(folder)]) == 2
        said = capsys.readouterr().err.splitlines()
        assert len(said) == 1
        assert "--resume of a sweep with" in said[0]


@pytest.fixture(scope="module")
def storm(tmp_path_factory):
    """A scenario whose [stress] table asks for a sweep."""
    file = tmp_path_factory.mktemp("storm") / "storm.toml"
    small = "\n".join(f"{key} = {value}" for key, value in SMALL.items())
    file.write_text(
        f'schema = 1\nextends = "calm"\n{small}\n[stress]\nseeds = 12\nrequire = ["p50(blocks) <= 1000"]\n'
        f'[stress.vary]\n"{RATIO}" = "1.2..1.4:2"\n'
    )
    return file


def test_the_table_of_a_scenario_says_what_flags_leave_out(storm, tmp_path, capsys):
    out = str(tmp_path / "out")
    assert main(["stress", str(storm), "--seeds", "10", "--jobs", "1", "--json", "--out", out]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["vary"] == {RATIO: "1.2..1.4:2"}
    assert printed["runs_total"] == 20
    assert printed["recommendation"]["changes"] == {RATIO: 1.2}


@pytest.fixture(scope="module")
def thirty(storm):
    """A finished sweep of one point, of which rules can be asked without another run."""
    words = ["stress", str(storm), "--vary", f"{RATIO}=1.3", "--seeds", "30", "--out", str(storm.with_name("thirty"))]
    assert main([*words, "--require", "p50(blocks) <= 1000"]) == 0
    return [*words, "--resume"]


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("p50(blocks) <= 1000", 0),
        ("p90(transactions) <= 1e6", 0),
        (f"param({RATIO}) >= 130%", 0),
        ("p50(blocks) <= 1", 1),
        (f"param({RATIO}) > 130%", 1),
        ("rate(blocks > 0) <= 99%", 3),  # thirty of thirty: more than nine in ten, but than 99 in 100?
    ],
)
def test_exit_codes_tell_whether_a_point_keeps_the_rules(rule, code, thirty, capsys):
    assert main([*thirty, "--require", rule, "--json"]) == code
    assert json.loads(capsys.readouterr().out)["runs_resumed"] == 30


def test_a_point_stops_when_its_statistic_is_known_well_enough(storm, tmp_path, capsys, monkeypatch):
    from simulator.stress import plan

    monkeypatch.setattr(plan, "BATCH", 10)
    words = [
        "stress",
        str(storm),
        "--vary",
        f"{RATIO}=1.3",
        "--seeds",
        "40",
        "--jobs",
        "1",
        "--json",
        "--out",
        str(tmp_path / "out"),
    ]
    assert main([*words, "--until", "p50(blocks) +- 1000"]) == 0
    assert json.loads(capsys.readouterr().out)["runs_total"] == 10


def test_failed_runs_are_counted_shown_and_kept_out_of_averages(tmp_path, capsys):
    words = [
        *BASE,
        "--vary",
        "pool.liquidity_usd=100_000,1e12",
        "--seeds",
        "2",
        "--json",
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(words) == 3
    captured = capsys.readouterr()
    printed = json.loads(captured.out)
    assert (printed["status"], printed["runs_total"], printed["runs_failed"]) == ("partial", 4, 2)
    assert [point["runs_failed"] for point in printed["points"]] == [0, 2]
    assert printed["points"][1]["metrics"]["transactions"]["value"] is None
    assert "liquidity_usd" in printed["faults"][0]["fault"]
    assert re.search(r"wavetank run calm .*pool.liquidity_usd=1000000000000.0", captured.err)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--vary", "cdp.collateral.ETH.liquidaton_ratio=1..2"], "nearest that exists is `cdp.collateral.ETH.liqui"),
        (["--vary", "borowers.count=1,2"], "borrowers"),
        (["--vary", f"{RATIO}=2..1"], "empty range"),
        (["--vary", f"{RATIO}=0.5..2:3"], "must be > 1"),
        (["--vary", "borrowers.count=1.5,2"], "must be a whole number"),
        (["--vary", "borrowers.count=many"], "must be a whole number"),
        (["--require", "p99(bad_dept_ratio) <= 1%"], "bad_debt_ratio"),
        (["--require", "p99(bad_debt_ratio) <= 1%", "--seeds", "100"], "299"),
        (["--require", "param(no.such) <= 1"], "no.such"),
        (["--until", "p99(bad_debt_ratio) < 1%"], "half-width"),
        (["--importance", "10"], "no constraint is about rare losses"),
        (["--importance", "10", "--require", "mean(bad_debt_ratio) <= 1%"], "no price in it has jumps"),
        (["--until", "p99(bad_dept_ratio) +- 1%"], "bad_debt_ratio"),
        (["--until", "p50(blocks) +- 0"], "must be > 0"),
        (["--sampling", "sobol", "--points", "4"], "nothing to draw from"),
        (["--executor", "dask"], "--scheduler"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_in_one_line_before_anything_runs(words, told, tmp_path, capsys):
    assert main([*BASE, *words, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert told in said[0]
    assert not (tmp_path / "out").exists()
