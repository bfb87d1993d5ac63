"""Runs of a sweep on one worker, on two, and on every engine.

A worker's time is the processor time of its runs and the wall's between them; where all share two cores, so do they the
processor time of the process that hands out tasks and keeps results. On a machine that does nothing else that is the
wall's time, on others it is what remains when their work is left out. Starting workers is not in it. Every engine that
is installed must find the digests of the others.
"""

import os
import secrets
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

from benchmarks.raw import REFERENCE_RATE, new_engine
from benchmarks.timing import spread
from benchmarks.verdict import Limit, Verdict
from simulator.scenario import load_scenario
from simulator.stress.executors import Engine, open_engine, outcomes
from simulator.stress.plan import Plan, make_plan
from simulator.stress.settings import StressSettings
from simulator.stress.store import SweepFolder, results_schema
from simulator.stress.work import Answer, Task, perform

SCALE: Final = Path(__file__).with_name("scale.toml")
SEEDS: Final = 1_000
LEAST_RATIO, MOST_SECONDS = 1.8, 300.0


class Ran(NamedTuple):
    """One run in a worker."""

    worker: int
    began: float  # [s] of a clock that all processes share
    ended: float
    processor: float  # [s]


class Timed(NamedTuple):
    """Runs of one engine."""

    rate: float  # [runs/s]
    processor: float  # [s] a run
    digests: tuple[str, ...]  # in the order of seeds


def clocked(task: Task) -> Answer:
    """A run, with what it took in the place of its metrics."""
    began, used = time.monotonic(), time.process_time()
    answer = perform(task)
    ran = Ran(os.getpid(), began, time.monotonic(), time.process_time() - used)
    return answer._replace(outcome=answer.outcome._replace(metrics=(*ran, *answer.outcome.metrics)))


def measure(small: bool) -> Verdict:
    """Rates of one and of two workers, which alternate, and the digests of all engines."""
    rounds, seeds = (1, 8) if small else (3, 60)
    plan = make_plan(load_scenario(SCALE), StressSettings(seeds=seeds), seed=1, gas="fast")
    load, engine = os.getloadavg()[0], new_engine()
    rates, found = [engine.rate(20_000)], defaultdict[int, list[Timed]](list)
    for number in range(rounds):
        for jobs in (1, 2) if number % 2 == 0 else (2, 1):
            with open_engine("local", jobs=jobs, work=clocked) as workers:
                found[jobs].append(_timed(plan, workers, jobs))
        rates.append(engine.rate(20_000))
    clusters = {name: opened for name, (package, opened) in CLUSTERS.items() if find_spec(package)}
    digests = {each.digests for timed in found.values() for each in timed}
    for opened in clusters.values():
        with opened() as workers:
            digests.add(_digests(plan, workers))
    ratios = [two.rate / one.rate for one, two in zip(found[1], found[2], strict=True)]
    scaled = [SEEDS / two.rate * median(rates) / REFERENCE_RATE for two in found[2]]
    figures: dict[str, Any] = {
        "load_before": round(load, 2),
        "reference_rate": REFERENCE_RATE,
        "raw_rate_here": round(median(rates)),
        "runs": seeds,
        "processor_seconds_a_run": [round(median(t.processor for t in found[jobs]), 3) for jobs in (1, 2)],
        "two_workers_ratio": round(median(ratios), 3),
        "two_workers_ratio_spread": spread(ratios, 3),
        "thousand_seeds_seconds": round(median(scaled), 1),
        "thousand_seeds_seconds_spread": spread(scaled, 1),
        **_as_shipped(1 if small else 7),
        "engines": ", ".join(["local", *clusters]),
        "different_digests": len(digests),
    }
    limits = [
        Limit("two_workers_ratio", ">=", LEAST_RATIO),
        Limit("thousand_seeds_seconds", "<=", MOST_SECONDS),
        Limit("different_digests", "<=", 1),
    ]
    return Verdict(figures, limits)


def _as_shipped(runs: int) -> dict[str, float]:
    """Processor seconds a run of the same day in blocks of 12 seconds, as scenarios have them: no bound is on these."""
    found = {}
    for gas in ("exact", "fast"):
        plan = make_plan(load_scenario("calm"), StressSettings(seeds=runs + 1), seed=1, gas=gas)
        ran = [
            clocked(plan.task(0, number)).outcome.metrics[Ran._fields.index("processor")] for number in range(runs + 1)
        ]
        found[f"blocks_of_12_seconds_{gas}_processor_seconds"] = round(median(ran[1:]), 3)  # the first reads files
    return found


def _timed(plan: Plan, engine: Engine, jobs: int) -> Timed:
    """All runs of a plan, kept as a sweep keeps them; each worker has run before."""
    warm = [plan.task(0, plan.seeds + n) for n in range(2 * jobs)]
    list(outcomes(engine, lambda: warm.pop() if warm else None))
    left, ran, digests = [plan.task(0, n) for n in reversed(range(plan.seeds))], [], {}
    used = time.process_time()
    with tempfile.TemporaryDirectory() as place:
        folder = SweepFolder(Path(place), plan.identity(), results_schema((), plan.points), resume=False)
        for task, outcome in outcomes(engine, lambda: left.pop() if left else None):
            metrics = outcome.metrics[len(Ran._fields) :]
            folder.keep(task, {}, outcome._replace(metrics=metrics))
            ran.append(Ran(int(outcome.metrics[0]), *outcome.metrics[1 : len(Ran._fields)]))
            digests[task.seed] = outcome.digest
    keeping = (time.process_time() - used) * (jobs - 1) / jobs  # one worker leaves a core to it
    return Timed(_rate(ran, keeping), median(run.processor for run in ran), tuple(digests[s] for s in sorted(digests)))


def _rate(ran: Sequence[Ran], keeping: float) -> float:
    """Runs a second of all workers together, each of which gives up `keeping` seconds."""
    workers: dict[int, list[Ran]] = defaultdict(list)
    for run in sorted(ran, key=lambda run: run.began):
        workers[run.worker].append(run)
    total = 0.0
    for runs in workers.values():
        idle = sum(after.began - before.ended for before, after in pairwise(runs))
        total += len(runs) / (sum(run.processor for run in runs) + idle + keeping)
    return total


def _digests(plan: Plan, engine: Engine) -> tuple[str, ...]:
    left = [plan.task(0, n) for n in range(plan.seeds)]
    found = {task.seed: outcome.digest for task, outcome in outcomes(engine, lambda: left.pop() if left else None)}
    return tuple(found[seed] for seed in sorted(found))


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
    with tempfile.TemporaryDirectory() as place:  # a word of its own: the user's is left as it is
        word = Path(place, "word")
        word.write_text(secrets.token_hex(16))
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(word)}
        import ray

        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        try:
            with open_engine("ray") as engine:
                yield engine
        finally:
            ray.shutdown()


CLUSTERS: Final = {"dask": ("distributed", _dask), "ray": ("ray", _ray)}
