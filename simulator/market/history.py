"""A user's own prices from a CSV file."""

import csv
import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median

from simulator.errors import ConfigError

_LARGEST_GAP = 1.5  # times the usual spacing


def read_prices(path: Path, column: str, start: float, end: float) -> tuple[list[float], list[float]]:
    """Hours since `start` [unix s] and prices of a file with the columns `time_utc` (ISO 8601) and `column`.

    A time without a zone is UTC. Raises ConfigError naming the line: no file, no column, no number, a price that is not
    positive, times out of order, a gap in them or between the last of them and `end` [unix s].
    """
    times, prices = _read(path, column)
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


def _read(path: Path, column: str) -> tuple[list[float], list[float]]:
    times: list[float] = []
    prices: list[float] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
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
        raise ConfigError("no such file", where=str(path), mend="the path is relative to the scenario") from None
    return times, prices


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
