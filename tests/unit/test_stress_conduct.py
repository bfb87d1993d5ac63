"""A sweep with made-up runs: what it keeps, what it makes again, and how little it remembers."""

import tracemalloc
from collections import deque
from contextlib import nullcontext

from simulator.errors import WavetankError
from simulator.metrics import METRICS
from simulator.scenario import load_scenario
from simulator.stress import store
from simulator.stress.conduct import conduct, document
from simulator.stress.executors import Engine
from simulator.stress.plan import make_plan
from simulator.stress.settings import StressSettings
from simulator.stress.work import DIED, Answer, Outcome, dependencies

CALM = load_scenario("calm")


class Here(Engine):
    """Two workers in this process, the second of which is the first to end."""

    def __init__(self, work):
        self._work, self._tasks, self.made = work, deque(), []

    def room(self):
        return len(self._tasks) < 2

    def start(self, task):
        self._tasks.append(task)

    def finished(self):
        task = self._tasks.pop()
        self.made.append((task.point, task.seed))
        return [(task, self._work(task))]

    def close(self):
        """Nothing is open."""


def complete(task):
    numbers = tuple(float(task.seed + n) for n in range(len(METRICS)))
    return Answer(Outcome("complete", "", f"{task.point}/{task.seed}", numbers), dependencies())


def swept(folder, work=complete, seeds=10, resume=False):
    settings = StressSettings(seeds=seeds, vary={"cdp.collateral.ETH.liquidation_ratio": (1.2, 1.3)})
    plan, engine = make_plan(CALM, settings, seed=1), Here(work)
    return plan, engine, conduct(plan, lambda: nullcontext(engine), folder, resume=resume)


def test_every_run_is_made_once_and_kept(tmp_path):
    plan, engine, runs = swept(tmp_path / "sweep")
    assert sorted(engine.made) == [(point, seed) for point in (0, 1) for seed in range(1, 11)]
    assert runs.frame()[["point", "seed"]].to_numpy().tolist() == [list(run) for run in sorted(engine.made)]
    assert (runs.done, runs.total, runs.failed, runs.exit_code) == (20, 20, 0, 0)
    assert document(plan, runs, {})["status"] == "complete"


def test_a_run_whose_worker_died_is_made_again_by_resume_and_only_that(tmp_path):
    def deadly(task):
        return None if (task.point, task.seed) == (1, 4) else complete(task)

    plan, engine, runs = swept(tmp_path / "sweep", deadly)
    assert engine.made.count((1, 4)) == 2
    assert (runs.failed, runs.exit_code) == (1, 3)
    assert document(plan, runs, {})["faults"] == [{"fault": DIED, "point": 1, "seed": 4, "runs": 1}]
    _, engine, runs = swept(tmp_path / "sweep", resume=True)
    assert engine.made == [(1, 4)]
    assert (runs.failed, runs.resumed, runs.exit_code) == (0, 19, 0)


def test_a_cluster_that_is_gone_leaves_what_was_done(tmp_path):
    def going(task):
        if task.seed == 8:
            raise WavetankError("no worker")
        return complete(task)

    plan, engine, runs = swept(tmp_path / "sweep", going)
    assert runs.table is None
    assert runs.exit_code == 3
    assert document(plan, runs, {})["fault"]["what"] == "no worker"
    _, again, whole = swept(tmp_path / "sweep", resume=True)
    assert whole.resumed == runs.done > 0
    assert len(again.made) == 20 - runs.done
    assert len(engine.made) == runs.done + 1


def test_ctrl_c_leaves_what_was_done(tmp_path):
    def stopped(task):
        if task.seed == 8:
            raise KeyboardInterrupt
        return complete(task)

    _, _, runs = swept(tmp_path / "sweep", stopped)
    assert (runs.table, runs.exit_code) == (None, 130)
    assert runs.done > 0


def test_memory_does_not_grow_with_the_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_GATHERED", 20)
    plan, engine, held = make_plan(CALM, StressSettings(seeds=310), seed=1), Here(complete), {}

    def look(done, total, failed):
        if done in (105, 305):  # each five runs after a gathering
            held[done] = tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        conduct(plan, lambda: nullcontext(engine), tmp_path / "sweep", progress=look)
    finally:
        tracemalloc.stop()
    of_a_run = 24 * len(METRICS)  # the least that its metrics take in Python
    assert held[305] - held[105] < 200 * of_a_run / 2
