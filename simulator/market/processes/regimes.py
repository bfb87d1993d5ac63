"""Regimes: volatility and drift that switch between a few values at random times, as a Markov chain.

The chain lives in continuous time and is drawn by its stays: an exponential time in a regime, then another by the
transition probabilities. Given the chain the price is exact at every time of the grid, wherever in a step it switches.
"""

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from simulator.market.processes.base import Draw, Floats, Process, from_gains
from simulator.settings import ANNUAL, SHARE, USD

_YEAR_DAYS = 365.0
_ROUNDING = 1e-6  # by which a row of probabilities may miss one
_STAYS_AT_ONCE = 16  # of a path that are drawn before looking whether they reach the end

_Volatility = Annotated[float, Field(ge=0, le=100)]
_Drift = Annotated[float, Field(ge=-1000, le=1000)]
_Days = Annotated[float, Field(ge=0.001, le=1e6)]
_Share = Annotated[float, Field(ge=0, le=1)]


class Regimes(Process):
    """Brownian motion whose volatility and drift switch between regimes in continuous time."""

    name = "regimes"
    price: float = Field(gt=0, description="the first price", json_schema_extra=USD)
    volatilities: tuple[_Volatility, ...] = Field(
        (0.28, 0.76, 1.58),
        min_length=1,
        max_length=100,
        description="sd of the log price in each regime; the defaults are ETH's, 2017 to 2026",
        json_schema_extra=ANNUAL,
    )
    drifts: tuple[_Drift, ...] = Field(
        (), description="of the expected price in each regime; none: 0", json_schema_extra=ANNUAL
    )
    mean_days: tuple[_Days, ...] = Field(
        (6.0, 10.0, 4.0), description="mean length of a stay in each regime", json_schema_extra={"unit": "d"}
    )
    transitions: tuple[tuple[_Share, ...], ...] = Field(
        (),
        description="a row for each regime: to which it goes when it ends; none: to every other alike",
        json_schema_extra=SHARE,
    )
    first: int = Field(0, ge=0, description="the regime at the start, counted from 1; 0: drawn by share of time")

    @model_validator(mode="after")
    def _fits(self) -> "Regimes":
        count = len(self.volatilities)
        for key, optional in (("drifts", True), ("mean_days", False), ("transitions", True)):
            length = len(getattr(self, key))
            if length != count and not (optional and length == 0):
                raise ValueError(f"{key} has {length} values: must be {count}, one for each of volatilities")
        for number, row in enumerate(self.transitions, start=1):
            self._check_row(number, row)
        if self.first > count:
            raise ValueError(f"first = {self.first}: must be <= {count}, the number of regimes")
        if self.first == 0 and count > 1:
            self.shares_of_time()
        return self

    def _check_row(self, number: int, row: tuple[float, ...]) -> None:
        if len(row) != len(self.volatilities):
            raise ValueError(f"transitions row {number} has {len(row)} values: must be {len(self.volatilities)}")
        if len(row) > 1 and row[number - 1]:
            raise ValueError(
                f"transitions row {number} stays with {row[number - 1]:g}: must be 0, for a stay's length is mean_days"
            )
        if len(row) > 1 and abs(sum(row) - 1) > _ROUNDING:
            raise ValueError(f"transitions row {number} sums to {sum(row):g}: must be 1")

    @property
    def matrix(self) -> Floats:
        """Where each regime goes when it ends, rows that sum to one."""
        count = len(self.volatilities)
        if count == 1:
            return np.ones((1, 1))
        if not self.transitions:
            return (1 - np.eye(count)) / (count - 1)
        rows = np.asarray(self.transitions, dtype=float)
        return np.asarray(rows / rows.sum(axis=1, keepdims=True))

    def shares_of_time(self) -> Floats:
        """The share of time that the chain spends in each regime in the long run. Raises ValueError if that depends."""
        stays = np.asarray(self.mean_days)
        rates = (self.matrix - np.eye(len(stays))) / stays[:, None]
        # One equation for each regime, p rates = 0, and that shares sum to one.
        system = np.vstack([rates.T * stays.min(), np.ones(len(stays))])
        shares, _, rank, _ = np.linalg.lstsq(system, np.eye(len(stays) + 1)[-1], rcond=1e-12)
        if rank < len(stays) and len(stays) > 1:
            raise ValueError("the shares of time depend on where it begins, for some regimes never meet: set first")
        shares = np.maximum(shares, 0.0)
        return np.asarray(shares / shares.sum())

    def paths(self, draw: Draw) -> Floats:
        """See `Process.paths`: log S gains the integral of drift - volatility²/2, and noise of that of volatility²."""
        variances = np.square(self.volatilities)
        slopes = np.asarray(self.drifts or np.zeros(len(variances))) - variances / 2
        chain = self._chain(draw)
        gains = np.sqrt(np.maximum(chain.integral(variances), 0.0))
        gains *= draw.shocks
        gains += chain.integral(slopes)
        return from_gains(self.price, gains)

    def _chain(self, draw: Draw) -> "_Chain":
        """Draw regimes for every path: at the start of each step, and every switch."""
        paths, steps = draw.shape
        end = steps * draw.step
        uniform, stay = draw.stream("regimes").random, draw.stream("stays").standard_exponential
        means, onward = np.asarray(self.mean_days) / _YEAR_DAYS, np.cumsum(self.matrix, axis=1)
        onward[:, -1] = 1.0
        state = np.full(paths, self.first - 1, dtype=np.intp)
        if self.first == 0:
            state = _picked(np.cumsum(self.shares_of_time()), uniform(paths))
        start = state.copy()
        none = np.empty(0, np.intp)
        time, switches = np.zeros(paths), [(none, np.empty(0), none, none)]
        while len(means) > 1 and paths and time.min() < end:
            for _ in range(_STAYS_AT_ONCE):
                time += stay(paths) * means[state]
                after = (uniform(paths)[:, None] >= onward[state]).sum(axis=1)
                there = np.flatnonzero(time < end)
                switches.append((there, time[there], state[there], after[there]))
                state = after
        path, at, before, after = (np.concatenate(each) for each in zip(*switches, strict=True))
        return _Chain.of(start, path, at, before, after, draw)


def _picked(cumulative: Floats, uniform: Floats) -> NDArray[np.intp]:
    return np.minimum(np.searchsorted(cumulative, uniform, side="right"), len(cumulative) - 1)


class _Chain(NamedTuple):
    """Regimes on the grid."""

    state: NDArray[np.intp]  # at the start of each step, shape (paths, steps)
    cell: NDArray[np.intp]  # path * steps + step of every switch
    left: Floats  # of its step behind each switch [years]
    before: NDArray[np.intp]  # the regime that ends with it
    after: NDArray[np.intp]  # and the one that begins
    step: float  # [years]

    @classmethod
    def of(
        cls,
        start: NDArray[np.intp],
        path: NDArray[np.intp],
        time: Floats,
        before: NDArray[np.intp],
        after: NDArray[np.intp],
        draw: Draw,
    ) -> "_Chain":
        """From regimes at the start, and switches at their times [years]."""
        paths, steps = draw.shape
        step = np.minimum((time / draw.step).astype(np.intp), steps - 1) if len(time) else path
        left = np.clip((step + 1) * draw.step - time, 0.0, draw.step)
        # Whole numbers add up exactly: the regime is the first one and all changes before this step.
        changes = np.zeros((paths, steps + 1), dtype=np.int16)
        changes[:, 0] = start
        np.add.at(changes, (path, step + 1), (after - before).astype(np.int16))
        state = np.cumsum(changes, axis=1, dtype=np.int16)[:, :-1].astype(np.intp)
        return cls(state, path * steps + step, left, before, after, draw.step)

    def integral(self, values: Floats) -> Floats:
        """Of a value that each regime has, over each step, shape (paths, steps)."""
        found = np.take(values * self.step, self.state)
        if len(self.cell):
            changed = (values[self.after] - values[self.before]) * self.left
            found += np.bincount(self.cell, changed, found.size).reshape(found.shape)
        return found
