"""Runs of a sweep on one worker, on two, and on every engine.

Seconds are the wall's, without starting workers: two must take little more than half the time of one. Only a machine
with two cores to spare can show that, so the load before is told beside it. The digests of all runs must be those of
every other engine, where it is installed.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import cycle
from statistics import median
from typing import Any, Final

from benchmarks.raw import REFERENCE_RATE, new_engine
from benchmarks.timing import spread
from benchmarks.verdict import Limit, Verdict
from simulator.scenario import load_scenario
from simulator.stress.executors import Engine, open_engine, outcomes
from simulator.stress.plan import Plan, make_plan
from simulator.stress.settings import StressSettings

SCENARIO: Final = "calm"  # a day, 7,200 blocks, 200 positions
SEEDS: Final = 1_000
LEAST_RATIO, MOST_SECONDS = 1.8, 300.0


def measure(small: bool) -> Verdict:
    """Seconds of one and of two workers, which alternate, and the digests of all engines."""
    rounds, seeds = (1, 8) if small else (3, 40)
    plan = make_plan(load_scenario(SCENARIO), StressSettings(seeds=seeds), seed=1)
    load = os.getloadavg()[0]
    engine, rates = new_engine(), []
    seconds: dict[int, list[float]] = {1: [], 2: []}
    digests = set()
    for number in range(rounds):
        rates.append(engine.rate(20_000))
        for jobs in (1, 2) if number % 2 == 0 else (2, 1):
            with open_engine("local", jobs=jobs) as workers:
                took, found = _timed(plan, workers, jobs)
            seconds[jobs].append(took)
            digests.add(found)
    rates.append(engine.rate(20_000))
    others = {name: opened for name, (package, opened) in CLUSTERS.items() if find_spec(package)}
    for opened in others.values():
        with opened() as workers:
            digests.add(_timed(plan, workers, 2)[1])
    ratios = [one / two for one, two in zip(seconds[1], seconds[2], strict=True)]
    scaled = [SEEDS * two / seeds * median(rates) / REFERENCE_RATE for two in seconds[2]]
    figures: dict[str, Any] = {
        "load_before": round(load, 2),
        "reference_rate": REFERENCE_RATE,
        "raw_rate_here": round(median(rates)),
        "runs": seeds,
        "one_worker_seconds_here": round(median(seconds[1]), 3),
        "two_workers_seconds_here": round(median(seconds[2]), 3),
        "two_workers_ratio": round(median(ratios), 3),
        "two_workers_ratio_spread": spread(ratios, 3),
        "thousand_seeds_seconds": round(median(scaled), 1),
        "thousand_seeds_seconds_spread": spread(scaled, 1),
        "engines": ", ".join(["local", *others]),
        "different_digests": len(digests),
    }
    return Verdict(
        figures,
        [
            Limit("two_workers_ratio", ">=", LEAST_RATIO),
            Limit("thousand_seeds_seconds", "<=", MOST_SECONDS),
            Limit("different_digests", "<=", 1),
        ],
    )


def _timed(plan: Plan, engine: Engine, jobs: int) -> tuple[float, tuple[str, ...]]:
    """Seconds of all runs of a plan, and their digests in the order of their seeds; each worker has run before."""
    warm = cycle([plan.task(0, plan.seeds + n) for n in range(jobs)])
    for _ in range(2):
        tasks = [next(warm) for _ in range(jobs)]
        list(outcomes(engine, lambda tasks=tasks: tasks.pop() if tasks else None))  # type: ignore[misc]
    left = [plan.task(0, n) for n in reversed(range(plan.seeds))]
    began = time.perf_counter()
    found = {task.seed: outcome.digest for task, outcome in outcomes(engine, lambda: left.pop() if left else None)}
    took = time.perf_counter() - began
    return took, tuple(found[seed] for seed in sorted(found))


@contextmanager
def _dask() -> Iterator[Engine]:
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        open_engine("dask", scheduler=cluster.scheduler_address) as engine,
    ):
        yield engine


@contextmanager
def _ray() -> Iterator[Engine]:
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        with open_engine("ray") as engine:
            yield engine
    finally:
        ray.shutdown()


CLUSTERS: Final = {"dask": ("distributed", _dask), "ray": ("ray", _ray)}
