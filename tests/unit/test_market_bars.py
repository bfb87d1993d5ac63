"""Bars on a grid: the same normals whatever the grid, and a bridge within."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.market.processes.bars import bars_of
from simulator.market.processes.base import Draw
from simulator.streams import Streams


def draw_of(step: float, steps: int, paths: int = 1, seed: int = 0, shocks=None) -> Draw:
    streams = Streams(seed)
    if shocks is None:
        shocks = streams.generator("shocks").standard_normal((paths, steps))
    return Draw(np.arange(steps + 1) * step, 0.0, Path(), shocks, streams.generator, lambda asset: None)


@pytest.mark.parametrize(("step", "steps", "bar"), [(12, 300, 600), (13, 277, 3600), (3600, 40, 600), (900, 40, 1000)])
def test_normals_are_standard_and_independent_on_any_grid(step, steps, bar):
    bars = bars_of(draw_of(step, steps, 40_000), bar)
    assert bars.normals.shape == (40_000, math.ceil(step * steps / bar - 1e-9))
    found = np.cov(bars.normals[:, :12].T, ddof=0)
    count = np.atleast_2d(found).shape[0]
    assert np.atleast_2d(found) == pytest.approx(np.eye(count), abs=4.5 * math.sqrt(2 / 40_000))


def test_a_bar_of_whole_steps_has_their_normalised_sum():
    draw = draw_of(12, 100)
    bars = bars_of(draw, 120)
    assert bars.normals == pytest.approx(draw.shocks.reshape(1, 10, 10).sum(axis=2) / math.sqrt(10), abs=1e-12)


def test_a_bar_as_long_as_a_step_has_its_shock_and_no_bridge():
    draw = draw_of(12, 100)
    bars = bars_of(draw, 12)
    assert bars.normals == pytest.approx(draw.shocks, abs=1e-12)
    assert not bars.bridge.any()


@given(st.integers(1, 40), st.integers(1, 60), st.integers(1, 90))
def test_bars_end_where_their_gains_say(step, steps, bar):
    bars = bars_of(draw_of(step, steps, 2), float(bar))
    gains = np.arange(2.0 * bars.normals.shape[1]).reshape(2, -1) + 1
    path = bars.filled(gains, 3.0)
    assert path.shape == (2, steps + 1)
    for index in range(steps + 1):
        whole, rest = divmod(index * step, bar)
        if rest == 0:
            assert path[:, index] == pytest.approx(gains[:, :whole].sum(axis=1), rel=1e-12)
    assert ((bars.share >= 0) & (bars.share <= 1)).all()


def test_the_bridge_has_the_variance_of_its_share_and_knows_nothing_of_the_gains():
    paths = 40_000
    for step, bar in ((15, 60), (25, 60)):
        bars = bars_of(draw_of(step, 12, paths), bar)
        assert np.var(bars.bridge, axis=0) == pytest.approx(bars.share * (1 - bars.share), abs=4 * 0.25 / 140)
        for at in range(1, 12):
            together = np.mean(bars.bridge[:, at] * bars.normals[:, bars.bar[at]])
            assert abs(together) < 4.5 * 0.5 / math.sqrt(paths)


def test_a_coarse_grid_moves_as_its_shocks_whatever_the_bars():
    draw = draw_of(3600, 50)
    bars = bars_of(draw, 600)
    assert bars.normals.reshape(50, 6).sum(axis=1) / math.sqrt(6) == pytest.approx(draw.shocks[0], abs=1e-12)


def test_a_longer_grid_has_the_same_bars():
    long = draw_of(13, 500)
    short = bars_of(draw_of(13, 200, shocks=long.shocks[:, :200]), 260.0)
    assert (bars_of(long, 260.0).normals[:, :10] == short.normals).all()


def test_one_time_alone_has_no_bars():
    bars = bars_of(draw_of(12, 0, 3), 60)
    assert bars.normals.shape == (3, 0)
    assert bars.filled(np.zeros((3, 0)), np.zeros((3, 0))).tolist() == [[0.0]] * 3
