"""The runs of a search: rounds of points that it proposes, each a small sweep in a folder of its own."""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.errors import ConfigError
from simulator.stress.conduct import Progress, Runs, conduct
from simulator.stress.executors import Engine
from simulator.stress.judge import Judged
from simulator.stress.plan import Plan, with_points
from simulator.stress.search import Changes, search
from simulator.stress.space import Point

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FOLDER = "search"
Judging = Callable[["pd.DataFrame", Sequence[Point]], list[Judged]]
Engines = Callable[[], AbstractContextManager[Engine]]


class _CutShortError(Exception):
    """A round whose runs are not all there."""


@dataclass
class _Rounds:
    """What was run so far. A search that is made again finds its rounds by their points."""

    plan: Plan  # with the points so far
    runs: Runs
    judging: Judging
    engine: Engines
    progress: Progress | None
    tables: list["pa.Table"] = field(default_factory=list)

    def run(self, proposals: list[Changes]) -> list[Judged]:
        """Run these points and judge them. One that cannot run at all is judged as one without runs."""
        first = len(self.plan.points)
        plans = [self._plan(changes) for changes in proposals]
        able = [plan for plan in plans if plan is not None]
        if able:
            points = tuple(Point(n, plan.points[0].changes) for n, plan in enumerate(able))
            self._go(replace(able[0], points=points, prints=tuple(plan.prints[0] for plan in able)))
        numbers = iter(range(first, len(self.plan.points)))
        points = tuple(
            Point(-1 if plan is None else next(numbers), changes)
            for plan, changes in zip(plans, proposals, strict=True)
        )
        return self.judging(self._frame(), points)

    def _plan(self, changes: Changes) -> Plan | None:
        try:
            return with_points(self.plan, [Point(0, changes)])
        except ConfigError:
            return None

    def _go(self, part: Plan) -> None:
        made = conduct(part, self.engine, self._folder(part), resume=True, progress=self.progress)
        before, first = self.runs, len(self.plan.points)
        self.runs = replace(
            before,
            done=before.done + made.done,
            total=before.total + made.total,
            failed=before.failed + made.failed,
            resumed=before.resumed + made.resumed,
            fault=made.fault,
            interrupted=made.interrupted,
        )
        if made.table is None:
            raise _CutShortError
        self.tables.append(_moved(made.table, first))
        points = tuple(Point(first + point.number, point.changes) for point in part.points)
        self.plan = replace(self.plan, points=self.plan.points + points, prints=self.plan.prints + part.prints)

    def _folder(self, part: Plan) -> Path:
        told = json.dumps([point.changes for point in part.points], sort_keys=True)
        return self.runs.folder.out / FOLDER / hashlib.sha256(told.encode()).hexdigest()[:16]

    def _frame(self) -> "pd.DataFrame":
        import pyarrow as pa

        assert self.runs.table is not None
        frame: pd.DataFrame = pa.concat_tables([self.runs.table, *self.tables]).to_pandas()
        return frame


def further(
    plan: Plan, runs: Runs, judging: Judging, engine: Engines, progress: Progress | None = None
) -> tuple[Plan, Runs]:
    """Search on from the runs of a plan: the plan with the points that were added, and all runs."""
    rounds = _Rounds(plan, runs, judging, engine, progress)
    known = judging(runs.frame(), plan.points)
    try:
        search(plan.dimensions, known, rounds.run, trials=plan.settings.search, seed=plan.seed)
    except _CutShortError:
        return rounds.plan, replace(rounds.runs, table=None)
    return rounds.plan, replace(rounds.runs, table=runs.folder.write_results(rounds.tables))


def _moved(table: "pa.Table", first: int) -> "pa.Table":
    """The runs of a round under the numbers that its points have in the whole."""
    import pyarrow.compute as pc

    return table.set_column(0, table.schema.field(0), pc.add(table["point"], first))
