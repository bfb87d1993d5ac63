"""A user's own prices from a CSV file, plain or gzipped."""

import csv
import gzip
import math
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from simulator.errors import ConfigError

_LARGEST_GAP = 1.5  # times the usual spacing
_MOST_GAPS = 0.1  # of all spacings

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class History:
    """Prices in order of time, mostly one spacing apart."""

    path: Path
    times: Floats  # [unix s]
    prices: Floats  # [usd]
    spacing: float  # the usual one [s]

    @cached_property
    def regular(self) -> NDArray[np.bool_]:
        """Which rows are followed by one a usual spacing later."""
        gaps = np.diff(self.times)
        return np.asarray((gaps <= _LARGEST_GAP * self.spacing) & (gaps >= self.spacing / _LARGEST_GAP))

    @cached_property
    def gains(self) -> Floats:
        """Gains of the log price from row to row; one over a gap, or over less than a spacing, is left out."""
        return np.diff(np.log(self.prices))[self.regular]

    @cached_property
    def ranked(self) -> NDArray[np.intp]:
        """Places in `gains`, from the deepest fall to the highest rise."""
        return np.argsort(self.gains, kind="stable")

    @property
    def left_out(self) -> int:
        """Pairs of rows that are no usual spacing apart."""
        return int(np.sum(~self.regular))

    def every(self, seconds: float) -> "History":
        """Of each span of this length, counted from midnight UTC, the first price. Raises ConfigError for too short."""
        if seconds < self.spacing / _LARGEST_GAP:
            raise ConfigError(
                f"a price every {timedelta(seconds=seconds)} is asked for, its rows are "
                f"{timedelta(seconds=self.spacing)} apart",
                where=str(self.path),
                mend="ask for spans no shorter than that",
            )
        first = np.unique(np.floor(self.times / seconds + 1e-9), return_index=True)[1]
        return _checked(self.path, self.times[first], self.prices[first])


def read_history(path: Path, column: str) -> History:
    """The whole of a file with the columns `time_utc` (ISO 8601) and `column`, which may have gaps.

    Raises ConfigError as `read_prices`, and where more than a tenth of its rows are not the usual spacing apart.
    """
    return _history(path, column, *_state(path))


@lru_cache(maxsize=4)  # a scenario's file is checked, then drawn from
def _history(path: Path, column: str, changed: int, size: int) -> History:
    times, prices = _read(path, column, changed, size)
    return _checked(path, np.asarray(times), np.asarray(prices))


def _checked(path: Path, times: Floats, prices: Floats) -> History:
    if len(times) < 2:
        raise ConfigError(f"{len(times)} prices", where=str(path), mend="at least 2 are needed")
    found = History(path, times, prices, float(median(np.diff(times).tolist())))
    if found.left_out > _MOST_GAPS * (len(times) - 1):
        raise ConfigError(
            f"{found.left_out} of {len(times) - 1} rows come not {timedelta(seconds=found.spacing)} after the last",
            where=str(path),
            mend="give it rows that are evenly apart; a tenth may miss it",
        )
    return found


def read_prices(path: Path, column: str, start: float, end: float) -> tuple[list[float], list[float]]:
    """Hours since `start` [unix s] and prices of a file with the columns `time_utc` (ISO 8601) and `column`.

    A time without a zone is UTC. Raises ConfigError naming the line: no file, no column, no number, a price that is not
    positive, times out of order, a gap in them or between the last of them and `end` [unix s].
    """
    times, prices = (list(each) for each in _read(path, column, *_state(path)))
    if len(times) < 2:
        raise ConfigError(f"{len(times)} prices", where=str(path), mend="at least 2 are needed")
    usual = _usual_spacing(path, times)
    if end - times[-1] > _LARGEST_GAP * usual:
        raise ConfigError(
            f"the last price is of {_iso(times[-1])} and the run goes on to {_iso(end)}",
            where=str(path),
            mend="add rows, or shorten world.hours",
        )
    return [(time - start) / 3600 for time in times], prices


def _state(path: Path) -> tuple[int, int]:
    """When a file was changed and its size. Raises ConfigError for no file."""
    try:
        status = path.stat()
    except FileNotFoundError:
        raise _no_file(path) from None
    return status.st_mtime_ns, status.st_size


def _no_file(path: Path) -> ConfigError:
    return ConfigError("no such file", where=str(path), mend="the path is relative to the scenario")


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", newline="", encoding="utf-8-sig")
    return path.open(newline="", encoding="utf-8-sig")


@lru_cache(maxsize=4)
def _read(path: Path, column: str, changed: int, size: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Times [unix s] and prices of a file as it was at a time of change and of a size."""
    del changed, size
    times: list[float] = []
    prices: list[float] = []
    try:
        with _open(path) as file:
            rows = csv.DictReader(file)
            for needed in ("time_utc", column):
                if needed not in (rows.fieldnames or ()):
                    columns = ", ".join(rows.fieldnames or ()) or "none"
                    raise ConfigError(f"no column {needed}", where=str(path), mend=f"its columns are {columns}")
            for row in rows:
                time, price = _numbers(path, rows.line_num, row["time_utc"], row[column])
                if times and time <= times[-1]:
                    raise ConfigError(
                        f"time {row['time_utc']} is not after the one before",
                        where=f"{path}:{rows.line_num}",
                        mend="sort it",
                    )
                times.append(time)
                prices.append(price)
    except FileNotFoundError:
        raise _no_file(path) from None
    except (gzip.BadGzipFile, zlib.error, EOFError) as fault:
        raise ConfigError(f"cannot be unpacked: {fault}", where=str(path), mend="pack it again with gzip") from None
    return tuple(times), tuple(prices)


def _numbers(path: Path, line: int, time: str | None, price: str | None) -> tuple[float, float]:
    where = f"{path}:{line}"
    try:
        moment = datetime.fromisoformat(time or "")
        number = float(price or "")
    except ValueError as fault:
        raise ConfigError(str(fault), where=where, mend="a row is an ISO 8601 time and a number") from None
    if not math.isfinite(number) or number <= 0:
        raise ConfigError(f"price = {price}", where=where, mend="must be > 0")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp(), number


def _usual_spacing(path: Path, times: list[float]) -> float:
    spacing = [later - earlier for earlier, later in pairwise(times)]
    usual = median(spacing)
    for line, gap in enumerate(spacing, start=3):
        if gap > _LARGEST_GAP * usual:
            raise ConfigError(
                f"a gap of {timedelta(seconds=gap)} where rows are {timedelta(seconds=usual)} apart",
                where=f"{path}:{line}",
                mend="fill it, or cut the file there",
            )
    return usual


def _iso(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat()
