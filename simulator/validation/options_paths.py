"""Deltas of the contracts' mathematics along many random paths at once, and what hedging by them costs.

A call of the embedded chain gives some 30,000 prices with their Greeks a second. So delta and gamma are asked at the
knots of a grid, at each time anew, and between these a cubic spline goes, less than 5e-7 from the contract's own.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.units import WAD, to_wad
from simulator.validation.lab import Lab

Floats = NDArray[np.float64]

YEAR = 365 * 24 * 3600  # [s]
_WORD = 32  # [bytes]
_REACH, _DENSITY = 7, 8  # deviations from the strike, and knots in each
_KNOTS = np.linspace(-_REACH, _REACH, 2 * _REACH * _DENSITY + 1)

Words = tuple[int, int, int, int, int, int]  # BlackScholes.Terms: spot, strike, volatility, time, rate, carry


class Sheet:
    """OptionMath on a chain of its own."""

    def __init__(self) -> None:
        lab = Lab()
        self._chain, self._contract = lab.chain, lab.deploy("OptionMath")
        self._selectors = {name: self._contract.encode(name, (WAD,) * 6)[:4] for name in ("prices", "greeks")}

    def ask(self, function: str, terms: Words) -> bytes:
        """The words that `prices` or `greeks` answers with."""
        words = b"".join([value.to_bytes(_WORD, "big", signed=True) for value in terms])
        return self._chain.call(self._contract.address, self._selectors[function] + words)

    def greeks(self, terms: Words) -> list[int]:
        """Call, put; delta, gamma, vega, theta, rho of the call; and those of the put [wad]."""
        return words_of(self.ask("greeks", terms))


def words_of(output: bytes) -> list[int]:
    """Signed words."""
    return [int.from_bytes(output[at : at + _WORD], "big", signed=True) for at in range(0, len(output), _WORD)]


class Call(NamedTuple):
    """A European call without yield of the underlying."""

    spot: float
    strike: float
    volatility: float  # [per sqrt year]
    seconds: int
    rate: float = 0.0  # [per year]

    def terms(self, spot: float, seconds: int) -> Words:
        """What the contract is asked with."""
        return (to_wad(spot), to_wad(self.strike), to_wad(self.volatility), seconds, to_wad(self.rate), 0)

    def deviation(self, seconds: int) -> float:
        """Of the logarithm of spot over a time."""
        return self.volatility * math.sqrt(seconds / YEAR)

    def price(self, sheet: Sheet) -> float:
        """At the start, by the contract."""
        return sheet.greeks(self.terms(self.spot, self.seconds))[0] / WAD

    def payoff(self, spots: Floats) -> Floats:
        """At the end."""
        return np.maximum(spots - self.strike, 0.0)

    def times(self, steps: int) -> list[int]:
        """[s] since the start, of a grid of equal steps, to whole seconds."""
        return [round(self.seconds * step / steps) for step in range(steps + 1)]


class Slice:
    """Delta and gamma of a call at one time, as functions of spot."""

    def __init__(self, sheet: Sheet, call: Call, left: int) -> None:
        from scipy.interpolate import CubicSpline

        self._deviation = call.deviation(left)
        self._middle = math.log(call.strike) - call.rate * left / YEAR
        spots = np.exp(self._middle + _KNOTS * self._deviation)
        answers = [sheet.ask("greeks", call.terms(spot, left)) for spot in spots.tolist()]
        deltas, gammas = (np.array([_word(answer, at) / WAD for answer in answers]) for at in (2, 3))
        self._delta = CubicSpline(_KNOTS, deltas)
        self._bell = CubicSpline(_KNOTS, gammas * spots * self._deviation)

    def _place(self, spots: Floats) -> Floats:
        return np.clip((np.log(spots) - self._middle) / self._deviation, -_REACH, _REACH)

    def delta(self, spots: Floats) -> Floats:
        """At each spot."""
        return np.asarray(self._delta(self._place(spots)))

    def gamma(self, spots: Floats) -> Floats:
        """At each spot."""
        return np.asarray(self._bell(self._place(spots)) / (spots * self._deviation))


def _word(output: bytes, place: int) -> int:
    return int.from_bytes(output[place * _WORD : (place + 1) * _WORD], "big", signed=True)


def slices(sheet: Sheet, call: Call, times: Iterable[int]) -> list[Slice]:
    """One for each time but the last, when there is nothing to ask."""
    return [Slice(sheet, call, call.seconds - time) for time in list(times)[:-1]]


def walks(call: Call, drift: float, steps: int, paths: int, seed: int) -> Floats:
    """[step, path] of spot as a geometric Brownian motion of the call's volatility, from its spot on.

    Every second path mirrors the one before, which halves the error of what is nearly linear.
    """
    spans = np.diff(call.times(steps)) / YEAR
    half = np.random.default_rng(seed).standard_normal((steps, paths // 2))
    drawn = np.stack((half, -half), axis=2).reshape(steps, -1)
    moves = (drift - call.volatility**2 / 2) * spans[:, None] + call.volatility * np.sqrt(spans)[:, None] * drawn
    start = np.zeros((1, drawn.shape[1]))
    spots: Floats = call.spot * np.exp(np.cumsum(np.concatenate((start, moves)), axis=0))
    return spots


def discounted_cost(call: Call, spots: Floats, deltas: Sequence[Floats] | Floats, times: Sequence[int]) -> Floats:
    """What a writer spends on hedging, to each path: shares bought as delta says, and what the exercise leaves.

    `deltas` has one row less than `spots`: after the last comes the exercise.
    """
    held, cost = np.zeros(spots.shape[1]), np.zeros(spots.shape[1])
    for row, (spot, delta) in enumerate(zip(spots[:-1], deltas, strict=True)):
        cost += math.exp(-call.rate * times[row] / YEAR) * (delta - held) * spot
        held = delta
    cost += math.exp(-call.rate * times[-1] / YEAR) * (call.payoff(spots[-1]) - held * spots[-1])
    return cost
