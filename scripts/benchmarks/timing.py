"""Timing two ways of doing the same so that their ratio means something on a machine that does other work as well.

Processor time of this process is counted, not the wall's: others may hold the core. Its speed still drifts, so the two
sides alternate, who is first alternates too, and the ratio is taken within a round and the median over rounds. Garbage
of the set-up is collected before each side is timed, and the collector stays on while it runs, as it does for a user.
"""

import gc
import time
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

Act = Callable[[], object]


def seconds(act: Act) -> float:
    """Processor seconds of one call."""
    gc.collect()
    began = time.process_time()
    act()
    return time.process_time() - began


class Rounds(NamedTuple):
    """Seconds of both sides, round by round."""

    ours: list[float]
    theirs: list[float]

    @property
    def ratios(self) -> list[float]:
        """Ours over theirs in each round."""
        return [a / b for a, b in zip(self.ours, self.theirs, strict=True)]

    def figures(self, prefix: str) -> dict[str, Any]:
        """The median ratio and its spread."""
        return {f"{prefix}ratio": round(median(self.ratios), 4), f"{prefix}ratio_spread": spread(self.ratios)}


def alternate(rounds: int, ours: Callable[[], Act], theirs: Callable[[], Act]) -> Rounds:
    """Time both sides in each round. Either makes what is to be timed, outside of the time."""
    return take_turns(rounds, lambda: seconds(ours()), lambda: seconds(theirs()))


def take_turns(rounds: int, ours: Callable[[], float], theirs: Callable[[], float]) -> Rounds:
    """The same for sides that time themselves and answer with seconds."""
    found = Rounds([], [])
    for number in range(rounds):
        sides = [(found.ours, ours), (found.theirs, theirs)]
        for times, side in sides if number % 2 == 0 else reversed(sides):
            times.append(side())
    return found


def spread(values: list[float], digits: int = 4) -> list[float]:
    """Least and most."""
    return [round(min(values), digits), round(max(values), digits)]
