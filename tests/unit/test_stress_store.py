"""The folder of a sweep: what was kept is found again, whole and once, and nothing else is overwritten."""

import math

import pytest

from simulator.errors import ConfigError
from simulator.metrics import METRICS
from simulator.stress import store
from simulator.stress.space import Dimension, Point
from simulator.stress.store import SweepFolder, results_schema
from simulator.stress.work import DIED, Outcome, Task, failure

POINTS = (Point(0, {"a.b": 1, "c": "x"}), Point(1, {"a.b": 2, "c": "y"}))
SCHEMA = results_schema((Dimension("a.b", (1, 2)), Dimension("c", ("x", "y"))), POINTS)
IDENTITY = {"seed": 3, "scenario": {"world": {"hours": 1.0}}, "points": [point.changes for point in POINTS]}


def folder_at(path, resume=False, **changes):
    return SweepFolder(path, {**IDENTITY, **changes}, SCHEMA, resume=resume)


def task(point, seed):
    return Task(point, seed, "calm", {}, None, "")


def outcome(point, seed):
    return Outcome("complete", "", f"{point}/{seed}", tuple(float(seed + n) for n in range(len(METRICS))))


def keep(folder, runs):
    for point, seed in runs:
        folder.keep(task(point, seed), POINTS[point].changes, outcome(point, seed))


RUNS = [(point, seed) for point in (0, 1) for seed in range(3, 8)]


def test_results_have_the_columns_that_were_agreed_and_no_times(tmp_path):
    folder = folder_at(tmp_path / "sweep")
    keep(folder, RUNS)
    frame = folder.write_results().to_pandas()
    assert list(frame) == ["point", "seed", "weight", "status", "fault", "digest", "a.b", "c", *METRICS]
    assert [str(frame[name].dtype) for name in ("point", "seed", "weight", "a.b")] == [
        "int64",
        "int64",
        "float64",
        "int64",
    ]
    assert list(frame["c"]) == ["x"] * 5 + ["y"] * 5


def test_results_are_the_same_bytes_whatever_the_order_and_however_often_files_were_gathered(tmp_path, monkeypatch):
    straight, mixed = folder_at(tmp_path / "straight"), folder_at(tmp_path / "mixed")
    keep(straight, RUNS)
    monkeypatch.setattr(store, "_GATHERED", 3)
    keep(mixed, RUNS[::-1])
    assert any(path.name.startswith("gathered-") for path in (tmp_path / "mixed" / "runs").iterdir())
    straight.write_results(), mixed.write_results()
    assert (tmp_path / "mixed/results.parquet").read_bytes() == (tmp_path / "straight/results.parquet").read_bytes()


def test_a_run_that_is_in_two_files_counts_once(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_GATHERED", 3)
    folder = folder_at(tmp_path / "sweep")
    keep(folder, RUNS[:3])
    keep(folder, RUNS[:1])  # as if the kill came before the gathered file was removed
    assert folder.write_results().num_rows == 3


def test_what_was_kept_before_a_kill_is_there_after_it(tmp_path):
    keep(folder_at(tmp_path / "sweep"), RUNS[:4])
    (tmp_path / "sweep/runs/1-7.parquet.tmp").write_bytes(b"half")
    again = folder_at(tmp_path / "sweep", resume=True)
    found = [(row["point"], row["seed"]) for batch in again.rows(["point", "seed"]) for row in batch.to_pylist()]
    assert sorted(found) == RUNS[:4]
    assert not list(tmp_path.glob("**/*.tmp"))


def test_a_run_whose_worker_died_can_be_made_again(tmp_path):
    folder = folder_at(tmp_path / "sweep")
    keep(folder, RUNS[:2])
    folder.keep(task(*RUNS[2]), POINTS[0].changes, failure(DIED))
    folder.forget([RUNS[2]])
    assert folder.write_results()["seed"].to_pylist() == [3, 4]


def test_a_failed_run_has_no_metrics(tmp_path):
    folder = folder_at(tmp_path / "sweep")
    folder.keep(task(0, 3), POINTS[0].changes, failure("why"))
    row = folder.write_results().to_pylist()[0]
    assert (row["status"], row["fault"], row["digest"]) == ("failed", "why", "")
    assert all(math.isnan(row[name]) for name in METRICS)


@pytest.mark.parametrize("resume", [False, True])
def test_an_empty_or_missing_folder_starts_afresh(tmp_path, resume):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/plan.json.tmp").write_text("{")  # a kill came very early
    for name in ("empty", "missing/below"):
        assert list(folder_at(tmp_path / name, resume=resume).rows(["point"])) == []


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path, resume):
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(ConfigError, match="holds no sweep"):
        folder_at(tmp_path, resume=resume)
    with pytest.raises(ConfigError, match="no folder"):
        folder_at(tmp_path / "note.txt", resume=resume)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 4}, "seed = 3 instead of 4"),
        ({"scenario": {"world": {"hours": 2.0}}}, r"scenario.world.hours = 1.0 instead of 2.0"),
        ({"points": [{"a.b": 3}]}, "points"),
    ],
)
def test_resume_of_other_settings_is_refused_in_one_line(tmp_path, changes, words):
    keep(folder_at(tmp_path / "sweep"), RUNS[:2])
    with pytest.raises(ConfigError, match=words) as caught:
        folder_at(tmp_path / "sweep", resume=True, **changes)
    assert "\n" not in str(caught.value)


def test_an_unfinished_sweep_is_not_replaced_but_a_finished_one_is(tmp_path):
    folder = folder_at(tmp_path / "sweep")
    keep(folder, RUNS[:2])
    with pytest.raises(ConfigError, match="unfinished"):
        folder_at(tmp_path / "sweep")
    folder.finish({"status": "complete"})
    assert list(folder_at(tmp_path / "sweep", seed=4).rows(["point"])) == []


def test_a_sweep_that_never_kept_a_run_may_be_replaced(tmp_path):
    folder_at(tmp_path / "sweep")
    folder_at(tmp_path / "sweep", seed=4)
