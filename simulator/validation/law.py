"""What a law is: a name, where it comes from, and a function that measures whether it holds here.

A family of laws shares the part of the name before the slash, as in `moments/heston`. Every number is measured when it
is asked for, by running the real thing; nothing is kept from an earlier time.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Verdict = Literal["holds", "fails", "no_data"]


class NoData(Exception):
    """What a law is measured on is not there; the message says what, where."""


class Measured(NamedTuple):
    """A law's number beside what it should be: it holds where they are at most `tolerance` apart."""

    expected: float
    measured: float
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether measured is within the tolerance; never for what is no number."""
        return abs(self.measured - self.expected) <= self.tolerance


@dataclass(frozen=True)
class Law:
    """One line of the validation page."""

    name: str
    statement: str  # what is claimed, in a sentence
    source: str  # who says so: paper, specification, data, or the formula
    measure: Callable[[], Measured]

    @property
    def family(self) -> str:
        """The name up to the slash."""
        return self.name.partition("/")[0]


@dataclass(frozen=True)
class Finding:
    """A law and what came of it."""

    law: Law
    verdict: Verdict
    result: Measured | None  # None where there is no data
    note: str = ""  # why there is none

    def as_dict(self) -> dict[str, Any]:
        """The object of `validate --json`; what is not a finite number is null."""
        values = self.result or (None, None, None)
        expected, measured, tolerance = (v if v is not None and math.isfinite(v) else None for v in values)
        return {
            "law": self.law.name,
            "source": self.law.source,
            "expected": expected,
            "measured": measured,
            "tolerance": tolerance,
            "verdict": self.verdict,
        }


LAWS: dict[str, Law] = {}


def law(name: str, source: str) -> Callable[[Callable[[], Measured]], Callable[[], Measured]]:
    """Register a function as the law of a name; its docstring is the statement."""

    def register(measure: Callable[[], Measured]) -> Callable[[], Measured]:
        add_law(name, " ".join((measure.__doc__ or "").split()), source, measure)
        return measure

    return register


def add_law(name: str, statement: str, source: str, measure: Callable[[], Measured]) -> None:
    """Register one of a family whose members differ by a number. Raises ValueError for a name that is taken."""
    if name in LAWS or not statement or not source:
        raise ValueError(f"the law {name} is taken, or has no statement or source")
    LAWS[name] = Law(name, statement, source, measure)


def judge(measured_law: Law) -> Finding:
    """Measure a law now."""
    try:
        result = measured_law.measure()
    except NoData as missing:
        return Finding(measured_law, "no_data", None, str(missing))
    return Finding(measured_law, "holds" if result.holds else "fails", result)


def by_mean(expected: float, samples: NDArray[np.float64], cap: float) -> Measured:
    """Compare the mean of independent samples with a value: within 3 standard errors, and these within `cap` of it.

    Too few samples fail rather than pass on their width: the tolerance is the smaller of 3 SE and `cap` * |expected|.
    """
    error = float(np.std(samples, ddof=1)) / math.sqrt(len(samples))
    return Measured(expected, float(np.mean(samples)), min(3 * error, cap * abs(expected)))
