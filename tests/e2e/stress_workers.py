"""Work for engines under test, importable by workers of every kind. A task's `source` is a folder for notes."""

import os
import signal
import time
from pathlib import Path

from simulator.metrics import METRICS
from simulator.stress.work import Answer, Outcome, dependencies

KILLER = 13  # this seed kills its worker


def quick(task):
    """An outcome that says what it is of."""
    return Answer(Outcome("complete", "", f"{task.point}/{task.seed}", (0.0,) * len(METRICS)), dependencies())


def noted(task):
    """The same, with a note of every start."""
    with (Path(task.source) / "starts").open("a") as file:
        file.write(f"{task.seed}\n")
    time.sleep(0.1)
    return quick(task)


def killing(task):
    """One task kills every worker that takes it."""
    noted(task)
    if task.seed == KILLER:
        os.kill(os.getpid(), signal.SIGKILL)
    return quick(task)


def killing_once(task):
    """One task kills the first worker that takes it."""
    mark = Path(task.source) / "died"
    if task.seed == KILLER and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return noted(task)


def stranger(task):
    """A worker with other packages."""
    return quick(task)._replace(versions=(("numpy", "0.1"),))


def unable(task):
    """A worker that cannot do anything."""
    raise ModuleNotFoundError("No module named 'simulator'")
