"""Processes that are defined bar by bar: the normals of each bar, and the path within it.

What drives a process is a Brownian motion seen on the grid of the simulation. A bar's normal is what this motion gains
from the bar's start to its end, so that a process is correlated with others whatever bars it has; and within a bar the
price follows the motion's own bridge. The grid may be finer than the bars, coarser, or out of step with them: where a
bar ends between two times, or beyond the last, the motion is filled in with random numbers of its own.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.market.processes.base import Draw, Floats

_SAME = 1e-9  # bars by which two times may differ and be one: hours and minutes are decimals


class Bars(NamedTuple):
    """The bars of `paths` paths on a grid of times."""

    normals: Floats  # independent standard normals, shape (paths, bars)
    bridge: Floats  # within the bars, at the times; 0 at their ends, variance s (1 - s) at share s; (paths, times)
    bar: NDArray[np.intp]  # that each time lies in; a bar's end lies in the next one, the last end in the last
    share: Floats  # of its bar that has passed at each time

    def filled(self, gains: Floats, deviations: Floats | float) -> Floats:
        """The log price at the times, from 0: whole bars gain `gains`, within them a line and the bridge.

        `deviations`, of a bar's gain, shape (paths, bars), is what the bridge is as wide as.
        """
        if not gains.shape[1]:
            return np.zeros((gains.shape[0], len(self.bar)))
        before = np.zeros((gains.shape[0], gains.shape[1] + 1))
        np.cumsum(gains, axis=1, out=before[:, 1:])
        path = np.take(gains, self.bar, axis=1)
        path *= self.share
        path += np.take(before, self.bar, axis=1)
        if self.bridge.any():
            wide = np.take(deviations, self.bar, axis=1) if isinstance(deviations, np.ndarray) else deviations
            path += wide * self.bridge
        return path


def bars_of(draw: Draw, seconds: float) -> Bars:
    """Bars of a length [s] from the first time of the grid, as many as reach its last."""
    at = (draw.times - draw.times[0]) / seconds  # in bars
    whole = np.rint(at)
    at = np.where(np.abs(at - whole) < _SAME, whole, at)
    count = int(np.ceil(at[-1]))
    walk = np.zeros((draw.shape[0], len(at)))
    np.cumsum(draw.shocks * np.sqrt(np.diff(at)), axis=1, out=walk[:, 1:])
    ends = _at_ends(draw, walk, at, np.arange(count + 1.0))
    bar = np.clip(np.floor(at).astype(np.intp), 0, max(count - 1, 0))
    share = at - bar
    if count == 0 or np.array_equal(at, np.arange(count + 1.0)):
        bridge = np.zeros((draw.shape[0], 1)) if count == 0 else np.broadcast_to(0.0, walk.shape)
    else:
        steps = np.diff(ends, axis=1)
        bridge = walk - np.take(ends, bar, axis=1) - share * np.take(steps, bar, axis=1)
        bridge[:, at == whole] = 0.0
    return Bars(np.diff(ends, axis=1), bridge, bar, share)


def _at_ends(draw: Draw, walk: Floats, at: Floats, ends: Floats) -> Floats:
    """The motion at the ends of bars, shape (paths, bars + 1): seen where they are on the grid, else filled in."""
    on_grid = np.isin(ends, at)
    if on_grid.all():
        return np.asarray(walk[:, np.searchsorted(at, ends)])
    # A free motion less the line between its values on the grid: a bridge, exact also for several ends in one step.
    points = np.union1d(at, ends)
    free = np.zeros((draw.shape[0], len(points)))
    normals = draw.stream("within steps").standard_normal((draw.shape[0], len(points) - 1))
    np.cumsum(normals * np.sqrt(np.diff(points)), axis=1, out=free[:, 1:])
    left = np.clip(np.searchsorted(at, ends, side="right") - 1, 0, len(at) - 2)
    weight = np.clip((ends - at[left]) / (at[left + 1] - at[left]), 0.0, 1.0)  # beyond the grid its last value holds
    gap = walk - np.take(free, np.searchsorted(points, at), axis=1)
    lines = np.take(gap, left, axis=1) * (1 - weight) + np.take(gap, left + 1, axis=1) * weight
    return np.asarray(np.take(free, np.searchsorted(points, ends), axis=1) + lines)
