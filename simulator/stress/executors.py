"""Where runs are made: processes of this machine, a Dask cluster or a Ray cluster.

An engine has each of its workers do one task at a time, so that a worker that dies costs one task, and nobody else is
suspected of its death. joblib's own front loses that: the death of one worker breaks its whole pool. So each local
worker is a pool of one of joblib's loky processes, a Dask task is bound to one worker, and Ray is told not to retry.
"""

import os
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from typing import Any, Literal

from simulator.errors import ConfigError, WavetankError
from simulator.stress.work import DIED, MOST_DEATHS, Answer, Outcome, Task, dependencies, failure, perform

ExecutorName = Literal["local", "dask", "ray"]
Perform = Callable[[Task], Answer]
Lost = tuple[type[BaseException], ...]
Finished = tuple[Task, Answer | None]  # None where the worker died

_PATIENCE = 60.0  # [s] for a cluster without workers to get some
_LOOK = 0.5  # [s] between looks at who is there
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Engine(ABC):
    """Workers that are given tasks one by one."""

    @abstractmethod
    def room(self) -> bool:
        """Whether a worker waits for a task."""

    @abstractmethod
    def start(self, task: Task) -> None:
        """Give it one."""

    @abstractmethod
    def finished(self) -> list[Finished]:
        """Tasks that ended, at the latest half a second from now none. Raises WavetankError where none can any more."""

    @abstractmethod
    def close(self) -> None:
        """End what still runs."""


def outcomes(engine: Engine, next_task: Callable[[], Task | None]) -> Iterator[tuple[Task, Outcome]]:
    """Every task's outcome, in the order in which they end.

    `next_task` is asked while a worker waits, and gives None while there is nothing to do; it may have more once
    outcomes are in. A task whose worker dies is tried once more elsewhere.
    """
    again: list[Task] = []
    deaths: dict[Task, int] = {}
    running = 0
    while True:
        while engine.room() and (task := again.pop() if again else next_task()):
            engine.start(task)
            running += 1
        if not running:
            return
        for task, answer in engine.finished():
            running -= 1
            if answer is not None:
                check_versions(answer)
                yield task, answer.outcome
                continue
            deaths[task] = deaths.get(task, 0) + 1
            if deaths[task] < MOST_DEATHS:
                again.append(task)
            else:
                yield task, failure(DIED)


def check_engine(name: ExecutorName, jobs: int | None, scheduler: str | None) -> None:
    """Refuse flags that do not fit an engine with ConfigError."""
    if name == "local" and scheduler is not None:
        raise ConfigError("local workers have no scheduler", where="--scheduler", mend="add --executor dask or ray")
    if name != "local" and jobs is not None:
        raise ConfigError(
            f"how many workers there are is for the {name} cluster to say", where="--jobs", mend="leave --jobs out"
        )
    if name == "dask" and scheduler is None:
        raise ConfigError(
            "which Dask cluster?", where="--executor dask", mend="add --scheduler tcp://HOST:8786, its address"
        )


@contextmanager
def open_engine(
    name: ExecutorName, *, jobs: int | None = None, scheduler: str | None = None, work: Perform = perform
) -> Iterator[Engine]:
    """An engine, closed afterwards. Raises ConfigError for flags that do not fit it, or a cluster that is not there."""
    check_engine(name, jobs, scheduler)
    engine: Engine
    if name == "local":
        engine = LocalEngine(jobs or usable_cores(), work)
    elif name == "dask":
        engine = DaskEngine(scheduler or "", work)
    else:
        engine = RayEngine(scheduler, work)
    try:
        yield engine
    finally:
        engine.close()


def usable_cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LocalEngine(Engine):
    """Processes of this machine."""

    def __init__(self, jobs: int, work: Perform) -> None:
        self._work = work
        self._idle = [_local_worker() for _ in range(jobs)]
        self._running: dict[Future[Answer], tuple[Any, Task]] = {}

    def room(self) -> bool:
        """Whether a process waits."""
        return bool(self._idle)

    def start(self, task: Task) -> None:
        """Give it a task."""
        worker = self._idle.pop()
        self._running[worker.submit(self._work, task)] = (worker, task)

    def finished(self) -> list[Finished]:
        """Tasks that ended; a process that died is replaced."""
        from joblib.externals.loky import BrokenProcessPool

        done, _ = wait(self._running, timeout=_LOOK, return_when=FIRST_COMPLETED)
        found: list[Finished] = []
        for future in done:
            worker, task = self._running.pop(future)
            try:
                found.append((task, future.result()))
            except BrokenProcessPool:
                worker.shutdown(wait=False, kill_workers=True)
                worker = _local_worker()
                found.append((task, None))
            except WavetankError:
                raise
            except Exception as error:
                raise _unable(error) from error
            self._idle.append(worker)
        return found

    def close(self) -> None:
        """End every process, also one that works."""
        for worker in [*self._idle, *(worker for worker, _ in self._running.values())]:
            worker.shutdown(wait=True, kill_workers=True)


def _local_worker() -> Any:
    from joblib.externals.loky import ProcessPoolExecutor

    return ProcessPoolExecutor(1, initializer=_settle, initargs=(os.getpid(),), env=_ONE_THREAD)


def _settle(parent: int) -> None:
    """In a new process: leave Ctrl-C to the parent, and do not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


class DaskEngine(Engine):
    """Workers of a Dask cluster, one task at a time each, because Python runs one at a time in a process.

    A task is bound to one worker: were the scheduler to move it when that one dies, a task that kills its workers would
    kill the whole cluster before anybody knew.
    """

    def __init__(self, scheduler: str, work: Perform) -> None:
        distributed = _imported("distributed", "dask")
        try:
            self._client = distributed.Client(scheduler, timeout=10, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise _nobody(scheduler, error) from None
        self._work = work
        self._wait = distributed.wait
        self._lost: Lost = (
            TimeoutError, distributed.scheduler.KilledWorker, distributed.client.FutureCancelledError,
        )  # fmt: skip
        self._running: dict[Any, tuple[str, Task]] = {}  # by future
        self._workers: tuple[str, ...] = ()
        self._looked = float("-inf")
        self._count = 0

    def room(self) -> bool:
        """Whether a worker waits that is still there."""
        if self._waiting() is not None or not self._running or self._is_late():
            self._look()
        return self._waiting() is not None

    def start(self, task: Task) -> None:
        """Bind a task to it."""
        worker = self._waiting()
        self._count += 1
        key = f"wavetank-{os.getpid()}-{id(self)}-{self._count}"
        future = self._client.submit(
            self._work, task, key=key, workers=[worker], allow_other_workers=False, retries=0, pure=False
        )
        self._running[future] = (worker or "", task)

    def _waiting(self) -> str | None:
        busy = {worker for worker, _ in self._running.values()}
        return next((worker for worker in self._workers if worker not in busy), None)

    def _is_late(self) -> bool:
        return time.monotonic() - self._looked > _LOOK

    def _look(self) -> None:
        """Take note of who is there, and wait where there is nobody at all."""
        began = time.monotonic()
        while not (found := self._client.nthreads()) and not self._running:
            if time.monotonic() - began > _PATIENCE:
                raise _no_workers("Dask")
            time.sleep(_LOOK)
        self._workers = tuple(sorted(found))
        self._looked = time.monotonic()

    def finished(self) -> list[Finished]:
        """Tasks that ended, and those whose worker is gone."""
        try:
            with self._client.as_current():  # whom else to ask is not for this module to decide
                done = self._wait(list(self._running), timeout=_LOOK, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            done = set()
        found: list[Finished] = []
        for future in done:
            _, task = self._running.pop(future)
            found.append((task, self._answer(future)))
        if self._is_late():
            self._look()
        for future, (worker, task) in list(self._running.items()):
            if worker not in self._workers:
                del self._running[future]
                future.cancel()
                found.append((task, None))
        return found

    def _answer(self, future: Any) -> Answer | None:
        try:
            return future.result(timeout=10)  # type: ignore[no-any-return]
        except self._lost:  # it died before its answer was fetched
            return None
        except WavetankError:
            raise
        except Exception as error:
            raise _unable(error) from error

    def close(self) -> None:
        """Take back what still runs, and leave the cluster to its owner."""
        self._client.cancel(list(self._running), force=True)
        self._client.close()


class RayEngine(Engine):
    """A Ray cluster, or where no address is given, one that is started for this sweep."""

    def __init__(self, address: str | None, work: Perform) -> None:
        self._ray = ray = _imported("ray", "ray")
        self._ours = not ray.is_initialized()
        if self._ours:
            try:
                ray.init(address=address, log_to_driver=False, logging_level="ERROR")
            except (OSError, ValueError, RuntimeError) as error:
                raise _nobody(address or "", error) from None
        self._work = ray.remote(max_retries=0, num_cpus=1)(work)
        lost = ray.exceptions
        self._lost: Lost = (
            lost.WorkerCrashedError, lost.NodeDiedError, lost.OutOfMemoryError, lost.ObjectLostError,
        )  # fmt: skip
        self._most = 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))  # the second waits while the first runs
        self._running: dict[Any, Task] = {}

    def room(self) -> bool:
        """Whether a worker would soon wait."""
        return len(self._running) < self._most

    def start(self, task: Task) -> None:
        """Queue a task."""
        self._running[self._work.remote(task)] = task

    def finished(self) -> list[Finished]:
        """Tasks that ended."""
        done, _ = self._ray.wait(list(self._running), num_returns=1, timeout=_LOOK)
        return [(self._running.pop(each), self._answer(each)) for each in done]

    def _answer(self, reference: Any) -> Answer | None:
        try:
            return self._ray.get(reference)  # type: ignore[no-any-return]
        except self._lost:
            return None
        except WavetankError:
            raise
        except Exception as error:
            cause = getattr(error, "cause", error)
            raise cause if isinstance(cause, WavetankError) else _unable(cause) from error

    def close(self) -> None:
        """Take back what still runs; a cluster that is not ours stays."""
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        if self._ours:
            self._ray.shutdown()


def check_versions(answer: Answer) -> None:
    """Refuse a worker whose numbers depend on other packages than those of this process with ConfigError."""
    here = dependencies()
    if answer.versions != here:
        raise ConfigError(
            f"a worker has other versions: {_difference(here, answer.versions)}",
            where="--executor",
            mend="install the same packages on every machine",
        )


def _difference(here: Iterable[tuple[str, str]], there: Iterable[tuple[str, str]]) -> str:
    ours, theirs = dict(here), dict(there)
    odd = sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))
    return ", ".join(f"{name} {theirs.get(name, 'missing')}, here {ours.get(name, 'missing')}" for name in odd)


def _imported(module: str, extra: str) -> Any:
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError:
        raise ConfigError(
            f"{module} is not installed", where=f"--executor {extra}", mend=f"pip install 'wavetank[{extra}]'"
        ) from None


def _nobody(address: str, error: Exception) -> ConfigError:
    reason = " ".join(str(error).split())[:120] or type(error).__name__
    return ConfigError(f"nobody answers there: {reason}", where=f"--scheduler {address}", mend="check the address")


def _no_workers(engine: str) -> WavetankError:
    return WavetankError(
        f"{engine} has no worker", where="--executor", mend="start workers, then continue with --resume"
    )


def _unable(error: Exception) -> WavetankError:
    reason = " ".join(str(error).split())[:200]
    return WavetankError(
        f"a worker cannot run at all: {type(error).__name__}: {reason}",
        where="--executor",
        mend="install the same wavetank on every machine, then continue with --resume",
    )
