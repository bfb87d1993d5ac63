"""What a price process is: what the world would do if nobody in the simulation traded.

A process turns its settings, a grid of times and random numbers into many paths at once, a price for each time. What
drives its diffusion is given to it, a standard normal for each path and step, so that the markets of a world can be
correlated whatever their processes are; everything else it draws from streams of its own.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from simulator.settings import Settings
from simulator.streams import Streams
from simulator.units import YEAR_SECONDS

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Draw:
    """What a process draws its paths on and with."""

    times: Floats  # [s] since `start`, evenly spaced
    start: float  # [unix s]
    folder: Path  # that files are relative to
    shocks: Floats  # standard normal, shape (paths, times - 1): what drives the diffusion
    stream: Callable[[str], Generator]  # the process's own random numbers, by what they are for
    price: Callable[[str], Floats]  # the exogenous paths of another asset, shape (paths, times)

    @property
    def step(self) -> float:
        """Time between two prices [years]; 0 where there is one price only."""
        return float(self.times[1] - self.times[0]) / YEAR_SECONDS if len(self.times) > 1 else 0.0

    @property
    def shape(self) -> tuple[int, int]:
        """Paths and steps."""
        paths, steps = self.shocks.shape
        return paths, steps


class Process(Settings, ABC):
    """A price process; its fields are its keys in `[market.<ASSET>]`."""

    name: ClassVar[str]
    Settings: ClassVar["type[Process]"]

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """A process is its own settings model, under the name that registries look for."""
        super().__pydantic_init_subclass__(**options)
        cls.Settings = cls

    @abstractmethod
    def paths(self, draw: Draw) -> Floats:
        """Prices [usd], shape (paths, times)."""

    def log_weight(self, draw: Draw) -> Floats:
        """Log likelihood of each path as described over that as drawn, shape (paths,): 0 but in importance sampling."""
        return np.zeros(draw.shape[0])

    @property
    def needs(self) -> Sequence[str]:
        """The assets whose paths it is made from."""
        return ()

    def check(self, start: float, end: float, folder: Path) -> None:
        """Read its files for a run from `start` to `end` [unix s]. Raises ConfigError, `where` naming the key."""
        del start, end, folder

    def exchange_rates(self, times: Floats) -> Floats | None:
        """For a token that grows in units of another: how many of these it is worth at `times` [s]; None otherwise."""
        del times
        return None


def draw_alone(
    process: Process, times: Floats, paths: int = 1, seed: int = 0, *, start: float = 0.0, folder: Path = Path()
) -> Floats:
    """Paths of one process by itself, shape (paths, times): for studies and tests. It must need no other asset."""
    streams = Streams(seed)
    shocks = streams.generator("shocks").standard_normal((paths, len(times) - 1))
    return process.paths(Draw(times, start, folder, shocks, streams.generator, _no_other))


def _no_other(asset: str) -> Floats:
    raise ValueError(f"drawn alone, without {asset}")


def from_gains(first: float, gains: Floats) -> Floats:
    """Prices that begin at `first` and whose logarithm gains `gains`, shape (paths, steps)."""
    path = np.empty((gains.shape[0], gains.shape[1] + 1))
    path[:, 0] = 0.0
    np.cumsum(gains, axis=1, out=path[:, 1:])
    np.exp(path, out=path)
    path *= first
    return path
