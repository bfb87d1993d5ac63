"""A user's history, cut into blocks and put together anew: the stationary bootstrap of Politis and Romano (1994).

The gains of the log price between the rows of a file are taken in runs that begin at a random row and have a geometric
length, around the end of the file to its start. So paths keep what volatility does from row to row, and no tail has to
be assumed; worse bars than the record's do not come. A block begins at the row whose gain is the quantile of the normal
that drives its first bar: rows are drawn uniformly, and correlated assets begin their blocks together as that says.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import ndtr

from simulator.errors import ConfigError
from simulator.market.history import History, read_history
from simulator.market.processes.bars import bars_of
from simulator.market.processes.base import Draw, Floats, Process
from simulator.settings import ANNUAL, USD
from simulator.units import YEAR_SECONDS

LEAST_GAINS = 20  # between the rows of a file


class Bootstrap(Process):
    """Runs of a CSV file's own gains in random order, a Brownian bridge between its rows."""

    name = "bootstrap"
    price: float = Field(gt=0, description="the first price", json_schema_extra=USD)
    csv: str = Field(min_length=1, description="a file with columns time_utc and price, evenly spaced; .gz is unpacked")
    column: str = Field("price", description="the column of the file that holds the price")
    mean_block: float = Field(
        24.0, ge=1, le=1e6, description="mean length of a block", json_schema_extra={"unit": "rows"}
    )
    drift: float | None = Field(
        None,
        ge=-100,
        le=100,
        description="mean gain of the log price; absent: that of the file",
        json_schema_extra=ANNUAL,
    )

    def check(self, start: float, end: float, folder: Path) -> None:
        """See `Process.check`."""
        del start, end
        self._history(folder)

    def paths(self, draw: Draw) -> Floats:
        """See `Process.paths`. A bar is the usual spacing of the file's rows. Raises ConfigError for a bad file."""
        history = self._history(draw.folder)
        record = history.gains
        bars = bars_of(draw, history.spacing)
        rows = self._rows(draw, bars.normals, history.ranked)
        gains = np.take(record, rows)
        if self.drift is not None:
            gains += self.drift * history.spacing / YEAR_SECONDS - float(np.mean(record))
        deviations = np.take(around(record, self.mean_block), rows) if bars.bridge.any() else 0.0
        return np.asarray(self.price * np.exp(bars.filled(gains, deviations)))

    def _rows(self, draw: Draw, normals: Floats, ranked: NDArray[np.intp]) -> NDArray[np.intp]:
        """Which of the record's gains, given in order of size, each bar has, shape (paths, bars)."""
        begins = draw.stream("blocks").random(normals.shape) < 1 / self.mean_block
        begins[:, :1] = True
        at = np.arange(normals.shape[1])
        first = np.maximum.accumulate(np.where(begins, at, 0), axis=1)  # bar of each bar's block at which it began
        rows = np.zeros(normals.shape, dtype=np.intp)
        picked = (ndtr(normals[begins]) * len(ranked)).astype(np.intp)
        rows[begins] = ranked[np.minimum(picked, len(ranked) - 1)]
        rows = np.take_along_axis(rows, first, axis=1)
        rows += at - first
        rows %= len(ranked)
        return rows

    def _history(self, folder: Path) -> History:
        history = read_history(folder / self.csv, self.column)
        least = max(LEAST_GAINS, int(np.ceil(2 * self.mean_block)))
        if len(history.gains) < least:
            raise ConfigError(
                f"{len(history.prices)} rows, {len(history.gains)} of them a usual spacing after the one before",
                where=str(history.path),
                mend=f"must be >= {least}: {LEAST_GAINS}, and 2 blocks of mean_block = {self.mean_block:g}",
            )
        return history


def around(record: Floats, span: float) -> Floats:
    """Root mean square of the gains around each, over about a block, around the end of the record to its start."""
    half = min(int(span) // 2, (len(record) - 1) // 2)
    width = 2 * half + 1
    around_the_end = np.concatenate([record[len(record) - half :], record, record[:half]])
    total = np.concatenate([[0.0], np.cumsum(np.square(around_the_end))])
    return np.asarray(np.sqrt(np.maximum(total[width:] - total[:-width], 0.0) / width))
