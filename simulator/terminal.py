"""What commands print: plain columns on standard output, a live bar on standard error where that is a terminal.

Nothing is cut or coloured when it goes into a pipe or a file.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

Progress = Callable[[int, int], None]  # steps done, steps in all


def columns(rows: Iterable[Sequence[Any]]) -> list[str]:
    """Rows as lines with aligned columns, the last one ragged."""
    texts = [[_cell(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in texts)
    return [line.rstrip() for line in lines]


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return " ".join(value.split()) if isinstance(value, str) else json.dumps(value)


def figure(value: Any) -> str:
    """A number for people: thousands apart, six digits where there is a fraction, a dash for none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _cell(value)
    if isinstance(value, float) and abs(value) < 1e6:
        return f"{value:,.6g}"
    return f"{value:,.0f}"


def print_lines(lines: Iterable[str]) -> None:
    """Lines on standard output."""
    sys.stdout.writelines(f"{line}\n" for line in lines)


def print_json(data: Any) -> None:
    """The one JSON object of a command on standard output."""
    sys.stdout.write(json.dumps(data, allow_nan=False) + "\n")


def print_note(text: str) -> None:
    """A line beside the result, on standard error."""
    sys.stderr.write(f"{text}\n")


@contextmanager
def progress_bar(title: str) -> Iterator[Progress | None]:
    """A live bar on standard error, or None where that is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    layout = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bar(*layout, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)  # moves to and fro until the first step

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield advance


_NOTE_SECONDS = 30.0


@contextmanager
def sweep_progress(title: str) -> Iterator[Callable[[int, int, int], None]]:
    """The progress of many runs on standard error: a live bar on a terminal, elsewhere a line now and then."""
    with progress_bar(title) as bar:
        yield _Notes().advance if bar is None else lambda done, total, _: bar(done, total)


class _Notes:
    """Lines of progress with the time that is left, by the runs of this session."""

    def __init__(self) -> None:
        self._began = self._last = time.monotonic()
        self._first: int | None = None

    def advance(self, done: int, total: int, failed: int) -> None:
        """Say how far it is, where the last time is long ago."""
        self._first = done if self._first is None else self._first
        now = time.monotonic()
        if now - self._last < _NOTE_SECONDS or done == self._first:
            return
        self._last = now
        left = (total - done) * (now - self._began) / (done - self._first)
        print_note(f"{done:,} of {total:,} runs, {failed:,} failed, {duration(left)} left")


def duration(seconds: float) -> str:
    """Seconds for people."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
