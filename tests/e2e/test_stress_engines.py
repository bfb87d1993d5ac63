"""Engines: every task ends once, and a worker that dies costs its own task only, here and on real clusters."""

from contextlib import contextmanager

import pytest
import stress_workers
from stress_clusters import dask_cluster, ray_cluster

from simulator.errors import ConfigError, WavetankError
from simulator.stress.executors import check_engine, open_engine, outcomes
from simulator.stress.work import DIED, Task

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::FutureWarning"
)

CLUSTERS = {"dask": dask_cluster, "ray": ray_cluster}
TASKS = 20


@pytest.fixture(scope="module", params=["local", "dask", "ray"])
def opened(request, tmp_path_factory):
    """What opens an engine of each kind with work for it."""
    kind = request.param
    if kind == "local":
        yield lambda work: open_engine("local", jobs=2, work=work)
        return
    with CLUSTERS[kind](tmp_path_factory.mktemp(kind)) as address:
        yield lambda work: open_engine(kind, scheduler=address, work=work)


@contextmanager
def made(opened, work, folder):
    tasks = iter([Task(0, seed, str(folder), {}, None, "") for seed in range(TASKS)])
    with opened(work) as engine:
        yield outcomes(engine, lambda: next(tasks, None))


def starts(folder):
    return [int(line) for line in (folder / "starts").read_text().split()]


def test_every_task_has_its_own_outcome_once(opened, tmp_path):
    with made(opened, stress_workers.quick, tmp_path) as found:
        ended = [(task.seed, outcome.digest) for task, outcome in found]
    assert sorted(ended) == [(seed, f"0/{seed}") for seed in range(TASKS)]


def test_a_task_whose_worker_dies_is_made_elsewhere_and_no_other_is_made_again(opened, tmp_path):
    with made(opened, stress_workers.killing_once, tmp_path) as found:
        ended = {task.seed: outcome.status for task, outcome in found}
    assert ended == dict.fromkeys(range(TASKS), "complete")
    assert sorted(starts(tmp_path)) == list(range(TASKS))


def test_a_task_that_kills_two_workers_has_failed_and_is_not_tried_a_third_time(opened, tmp_path):
    with made(opened, stress_workers.killing, tmp_path) as found:
        faults = {task.seed: outcome.fault for task, outcome in found}
    assert faults == {seed: DIED if seed == stress_workers.KILLER else "" for seed in range(TASKS)}
    assert sorted(starts(tmp_path)) == sorted([*range(TASKS), stress_workers.KILLER])


def test_an_engine_can_be_left_while_tasks_run(opened, tmp_path):
    with made(opened, stress_workers.noted, tmp_path) as found:
        next(found)
    with made(opened, stress_workers.quick, tmp_path) as found:
        assert len(list(found)) == TASKS


def test_workers_with_other_packages_are_refused(opened, tmp_path):
    with (
        made(opened, stress_workers.stranger, tmp_path) as found,
        pytest.raises(ConfigError, match=r"numpy 0\.1, here"),
    ):
        list(found)


def test_workers_that_cannot_run_at_all_end_the_sweep_in_one_line(opened, tmp_path):
    with (
        made(opened, stress_workers.unable, tmp_path) as found,
        pytest.raises(WavetankError, match="cannot run at all: ModuleNotFoundError: No module") as caught,
    ):
        list(found)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "jobs", "scheduler"),
    [("local", None, "tcp://a:1"), ("dask", 2, "tcp://a:1"), ("dask", None, None), ("ray", 2, None)],
)
def test_flags_that_do_not_fit_an_engine_are_refused(name, jobs, scheduler):
    with pytest.raises(ConfigError):
        check_engine(name, jobs, scheduler)


def test_a_dask_scheduler_that_is_not_there_is_said_in_one_line():
    with (
        pytest.raises(ConfigError, match="nobody answers") as caught,
        open_engine("dask", scheduler="tcp://127.0.0.1:9"),
    ):
        pass
    assert "\n" not in str(caught.value)
