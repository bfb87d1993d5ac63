"""Fewer points for a chart, without losing its peaks."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from simulator.report.run_tables import Floats, Ints


def bucket_edges(count: int, buckets: int) -> Ints:
    """The bounds of `buckets` runs of about equal length over `count` samples, without empty ones."""
    return np.unique(np.linspace(0, count, max(1, buckets) + 1).astype(np.int64))


def extremes(series: Sequence[Floats], points: int) -> Ints:
    """Indices to draw `series` (equal lengths, one clock) with about `points` samples, ascending.

    Kept are the ends, and in each bucket the lowest and highest sample of every series and the first missing one, so
    that no peak and no gap is lost. Everything is kept when it is few.
    """
    count = len(series[0])
    if count <= points:
        return np.arange(count, dtype=np.int64)
    edges = bucket_edges(count, points // (2 * len(series)))
    kept = {0, count - 1}
    for values in series:
        missing = np.isnan(values)
        low, high = np.where(missing, np.inf, values), np.where(missing, -np.inf, values)
        for start, end in pairwise(edges):
            kept.add(int(start + low[start:end].argmin()))
            kept.add(int(start + high[start:end].argmax()))
            if missing[start:end].any():
                kept.add(int(start + missing[start:end].argmax()))
    return np.array(sorted(kept), dtype=np.int64)


def bucket_means(values: Floats, edges: Ints) -> Floats:
    """The mean of each bucket."""
    return np.asarray(np.add.reduceat(values, edges[:-1]) / np.diff(edges), dtype=np.float64)


def spans(flags: Sequence[bool] | np.ndarray, times: Ints, limit: int = 150) -> list[tuple[int, int]]:
    """The stretches of time over which `flags` hold, as (from, to) [s], ascending; the longest `limit` of them.

    A stretch lasts to the first sample at which its flag no longer holds.
    """
    on = np.concatenate(([False], np.asarray(flags, dtype=bool), [False]))
    changes = np.flatnonzero(on[1:] != on[:-1])
    last = len(times) - 1
    found = [(int(times[a]), int(times[min(b, last)])) for a, b in zip(changes[::2], changes[1::2], strict=True)]
    longest = sorted(found, key=lambda span: span[0] - span[1])[:limit]
    return sorted(longest)
