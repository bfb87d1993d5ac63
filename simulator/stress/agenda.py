"""Which run is next: every point batch by batch, until it has runs enough.

Whether it has is decided when a batch is whole, of all runs up to there, so that neither the order in which runs end
nor what a killed sweep left behind changes which are made.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from simulator.stress.space import Point
from simulator.stress.work import Task

Columns = Mapping[str, NDArray[np.float64]]
Enough = Callable[[int, Columns], bool]  # of a point and the columns of its runs in the order of their seeds


class Schedule(Protocol):
    """What is run: points, each at seeds that follow each other."""

    @property
    def points(self) -> Sequence[Point]:
        """By number."""

    @property
    def seed(self) -> int:
        """The first seed of every point."""

    @property
    def seeds(self) -> int:
        """Runs of each point, at most."""

    @property
    def reckoned(self) -> int:
        """Runs of a point to reckon with while nobody knows how many it will need."""

    def batch_end(self, start: int) -> int:
        """The number of the seed before which a batch that begins at `start` ends, at most `seeds`."""

    def task(self, point: int, index: int) -> Task:
        """The run of a point at its seed of a number, from 0 on."""

    def identity(self) -> dict[str, Any]:
        """Plain JSON data that two have alike exactly if their runs are the same."""


class Agenda:
    """The runs that are left of a plan. `columns` are what `enough` reads; without it every seed is run."""

    def __init__(self, plan: Schedule, enough: Enough | None = None, columns: tuple[str, ...] = ()) -> None:
        self._plan, self._enough = plan, enough
        shape = (len(plan.points), plan.seeds)
        self._done = np.zeros(shape, dtype=bool)
        self._end = np.zeros(len(plan.points), dtype=np.int64)  # seeds that are asked for by now
        self._waits = np.zeros(len(plan.points), dtype=np.int64)  # of those, how many are not done
        self._closed = np.zeros(len(plan.points), dtype=bool)
        self._values = {name: np.full(shape, np.nan) for name in columns}
        self._spans: deque[tuple[int, int, int]] = deque()

    def begin(self) -> None:
        """Ask for the first batch of every point. What was done before must have been noted."""
        for point in range(len(self._plan.points)):
            self._extend(point)

    @property
    def done(self) -> int:
        """Runs that are done."""
        return int(self._done.sum())

    @property
    def total(self) -> int:
        """Runs in all; of points that are still open, as many as are to be reckoned with."""
        return int(np.where(self._closed, self._end, np.maximum(self._end, self._plan.reckoned)).sum())

    def note(self, point: int, seed: int, values: Mapping[str, float]) -> None:
        """A run is done. `values` has what `columns` name; a failed run has NaN there."""
        index = seed - self._plan.seed
        if not self._done[point, index]:
            self._done[point, index] = True
            for name, kept in self._values.items():
                kept[point, index] = values[name]
            if index < self._end[point]:
                self._waits[point] -= 1
                self._close_or_extend(point)

    def next(self) -> Task | None:
        """The next run, None while there is none."""
        while self._spans:
            point, index, end = self._spans.popleft()
            if index + 1 < end:
                self._spans.appendleft((point, index + 1, end))
            elif self._enough is None:
                self._extend(point)
            if not self._done[point, index]:
                return self._plan.task(point, index)
        return None

    def _extend(self, point: int) -> None:
        """Ask for the next batch of a point. One that was done before is looked at at once."""
        while self._end[point] < self._plan.seeds and not self._closed[point]:
            start = int(self._end[point])
            end = self._plan.batch_end(start)
            self._end[point] = end
            left = int((~self._done[point, start:end]).sum())
            self._waits[point] += left
            if left:
                self._spans.append((point, start, end))
                return
            self._look(point)
        self._closed[point] |= self._end[point] == self._plan.seeds

    def _close_or_extend(self, point: int) -> None:
        if self._waits[point] == 0 and self._enough is not None:
            self._look(point)
            self._extend(point)

    def _look(self, point: int) -> None:
        """At the end of a batch: whether the point has runs enough."""
        end = int(self._end[point])
        if self._enough is not None:
            seen = {name: kept[point, :end] for name, kept in self._values.items()}
            self._closed[point] = self._enough(point, seen)
