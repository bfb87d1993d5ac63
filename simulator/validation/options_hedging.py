"""Laws of hedging an option in steps, by the deltas of the contracts' mathematics on thousands of random paths."""

import math
from collections.abc import Sequence
from functools import cache, partial
from typing import NamedTuple

import numpy as np

from simulator.validation.law import Measured, NoData, add_law, law
from simulator.validation.options_hedger import costs_on_chain
from simulator.validation.options_paths import Call, Floats, Sheet, Slice, discounted_cost, slices, walks

HULL = Call(49.0, 50.0, 0.2, 12_129_231, 0.05)  # twenty weeks of which a year has 52
HULL_DRIFT = 0.13  # [per year]
WEEKS = 20


@cache
def sheet() -> Sheet:
    """One for all laws of a process."""
    return Sheet()


# ------------------------------------------------------------ without costs

_PER_WEEK, _PATHS = 4, 20_000
_FINEST, _FEWER_PATHS = 1_000, 8_000
COUNTS = (100, 125, 200, 250, 500, 1_000)


class Hedged(NamedTuple):
    """A call on random paths, and what is held of its underlying at each step but the last."""

    call: Call
    times: list[int]  # [s]
    spots: Floats  # [step, path]
    deltas: Floats

    def spread(self, every: int) -> float:
        """Standard deviation of what hedging at each such step costs, over the option's price."""
        costs = discounted_cost(self.call, self.spots[::every], self.deltas[::every], self.times[::every])
        return float(np.std(costs, ddof=1)) / self.call.price(sheet())


def hedged(call: Call, drift: float, steps: int, paths: int, seed: int) -> Hedged:
    """By the delta of a call on its own paths."""
    times, spots = call.times(steps), walks(call, drift, steps, paths, seed)
    return Hedged(call, times, spots, deltas_of(slices(sheet(), call, times), spots))


def deltas_of(asked: Sequence[Slice], spots: Floats) -> Floats:
    """At each step but the last, on each path."""
    return np.array([each.delta(row) for each, row in zip(asked, spots, strict=False)])


@cache
def _hull() -> Hedged:
    return hedged(HULL, HULL_DRIFT, WEEKS * _PER_WEEK, _PATHS, seed=1)


def _performance(weeks: float, expected: float) -> Measured:
    return Measured(expected, _hull().spread(round(weeks * _PER_WEEK)), 0.05 * expected)


PERFORMANCE = ((5, 0.416), (4, 0.374), (2, 0.268), (1, 0.192), (0.5, 0.137), (0.25, 0.098))
_PERFORMANCE = (
    "Spot 49, strike 50, rate 5 %, volatility 20 %, 20 weeks, drift 13 %: hedged every {:g} weeks by the delta of "
    "BlackScholes.sol at no cost, the standard deviation of the discounted cost over the option's price, 2.4005; "
    f"{_PATHS:,} paths."
)
_PERFORMANCE_SOURCE = (
    "Hull, Options, Futures, and Other Derivatives, performance of delta hedging; by closed formulas on a million paths"
)
for _weeks, _expected in PERFORMANCE:
    add_law(
        f"discrete-hedging/{_weeks:g}-weeks",
        _PERFORMANCE.format(_weeks),
        _PERFORMANCE_SOURCE,
        partial(_performance, _weeks, _expected),
    )


def slope(run: Hedged, counts: Sequence[int]) -> float:
    """Of the logarithm of the cost's standard deviation by that of the number of rebalances."""
    spreads = [run.spread((len(run.times) - 1) // count) for count in counts]
    return float(np.polyfit(np.log(counts), np.log(spreads), 1)[0])


@law("discrete-hedging/scaling", "Boyle and Emanuel 1980; Derman and Kamal 1999: the error goes with 1/sqrt(n)")
def scaling() -> Measured:
    """The same call hedged 100 to 1,000 times: the standard deviation of the cost goes with this power of the number of
    rebalances; 8,000 paths."""
    run = hedged(HULL, HULL_DRIFT, _FINEST, _FEWER_PATHS, seed=2)
    return Measured(-0.5, slope(run, COUNTS), 0.03)


_LIVED = 50  # paths


def lived(run: Hedged, every: int) -> float:
    """Largest difference, over the option's price, between what hedging costs on chain and by the deltas here."""
    times, spots = run.times[::every], run.spots[::every, :_LIVED]
    ours = discounted_cost(run.call, spots, run.deltas[::every, :_LIVED], times)
    return float(np.max(np.abs(costs_on_chain(run.call, spots, times) - ours))) / run.call.price(sheet())


@law("discrete-hedging/bytecode", "OptionMarket, VolSurface, ExpiryPrice and ConstantProductPool beside the laws above")
def bytecode() -> Measured:
    """Who writes the same call in an OptionMarket, asks its VolSurface for the delta each week, trades it in a pool of
    spot and is settled at expiry spends what the other laws of this family say: the largest difference on 50 paths over
    the option's price."""
    return Measured(0.0, lived(_hull(), _PER_WEEK), 1e-5)


# --------------------------------------------------------------- with costs

QUARTER = Call(100.0, 100.0, 0.2, 7_884_000)
_REBALANCES = 50
_LELAND_COST, _BAND_COST = 0.0025, 0.002  # of what is traded, one way


class Outcome(NamedTuple):
    """What a writer has at the end, premium included, and what trading took of it, on each path."""

    error: Floats
    costs: Floats

    @property
    def spread(self) -> float:
        """Standard deviation of the error."""
        return float(np.std(self.error, ddof=1))


def settled(call: Call, premium: float, spots: Floats, held: Floats, cost: float) -> Outcome:
    """Of a rate of zero. To set up and to unwind is free."""
    gains = (held * np.diff(spots, axis=0)).sum(axis=0)
    costs = cost * (np.abs(np.diff(held, axis=0)) * spots[1:-1]).sum(axis=0)
    return Outcome(premium + gains - call.payoff(spots[-1]) - costs, costs)


@cache
def _steps() -> Floats:
    return walks(QUARTER, 0.0, _REBALANCES, 2 * _PATHS, seed=3)


def stepwise(volatility: float, cost: float) -> Outcome:
    """Sold and hedged in equal steps as if volatility were another than it is."""
    believed = QUARTER._replace(volatility=volatility)
    asked = slices(sheet(), believed, QUARTER.times(_REBALANCES))
    return settled(QUARTER, believed.price(sheet()), _steps(), deltas_of(asked, _steps()), cost)


def leland_volatility(call: Call, cost: float, rebalances: int) -> float:
    """Leland 1985, with a cost one way."""
    number = math.sqrt(2 / math.pi) * 2 * cost / (call.deviation(call.seconds) / math.sqrt(rebalances))
    return call.volatility * math.sqrt(1 + number)


_LELAND = (
    "Spot and strike 100, rate 0, volatility 20 %, a quarter, 50 equal rebalances at 25 bp of what is traded, set-up "
    f"and unwind free, {2 * _PATHS:,} paths: sold at and hedged by {{}} volatility, what a writer has left at the end "
    "is on average"
)
_LELAND_SOURCE = "Leland 1985: sigma sqrt(1 + sqrt(2/pi) 2k / (sigma sqrt(dt)))"


def _mean_error(volatility: float, expected: float) -> Measured:
    return Measured(expected, float(np.mean(stepwise(volatility, _LELAND_COST).error)), 0.02)


_ADJUSTED = leland_volatility(QUARTER, _LELAND_COST, _REBALANCES)
add_law(
    "leland/adjusted",
    f"{_LELAND.format(f'the adjusted {_ADJUSTED:.4f}')} nothing.",
    _LELAND_SOURCE,
    partial(_mean_error, _ADJUSTED, 0.0),
)
add_law(
    "leland/unadjusted",
    f"{_LELAND.format('the true')} less than nothing by the adjustment's worth.",
    _LELAND_SOURCE,
    partial(_mean_error, QUARTER.volatility, -0.56),
)


class Banded:
    """The same call looked at a thousand times, and traded where delta has left a band."""

    def __init__(self, checks: int = 1_000, paths: int = 6_000) -> None:
        times = QUARTER.times(checks)
        self.spots = walks(QUARTER, 0.0, checks, paths, seed=4)
        asked = slices(sheet(), QUARTER, times)
        self.deltas = deltas_of(asked, self.spots)
        self._gammas = np.array([each.gamma(row) for each, row in zip(asked, self.spots, strict=False)])

    def run(self, aversion: float, cost: float, *, to_edge: bool) -> Outcome:
        """With a band to each side of (3/2 cost S gamma² / aversion)^(1/3), at a rate of zero."""
        bands = (1.5 * cost * self.spots[:-1] * self._gammas**2 / aversion) ** (1 / 3)
        held = np.empty_like(self.deltas)
        held[0] = now = self.deltas[0]
        for step, (delta, band) in enumerate(zip(self.deltas[1:], bands[1:], strict=True), start=1):
            edge = np.clip(now, delta - band, delta + band)
            held[step] = now = edge if to_edge else np.where(edge == now, now, delta)
        return settled(QUARTER, QUARTER.price(sheet()), self.spots, held, cost)

    def at_spread(self, spread: float, cost: float, *, to_edge: bool) -> Outcome:
        """With the aversion that brings the error to a standard deviation. Raises NoData where none does."""
        low, high = math.log(1e-2), math.log(1e2)
        for _ in range(14):
            middle = (low + high) / 2
            found = self.run(math.exp(middle), cost, to_edge=to_edge)
            low, high = (middle, high) if found.spread > spread else (low, middle)
        if abs(found.spread / spread - 1) > 0.005:
            raise NoData(f"a spread of {found.spread:.4f} where {spread:.4f} is wanted")
        return found


@cache
def _banded() -> Banded:
    return Banded()


def saved(*, to_edge: bool) -> float:
    """Share of the costs of equal steps that a band saves at the same spread of the error."""
    plain = stepwise(QUARTER.volatility, _BAND_COST)
    band = _banded().at_spread(plain.spread, _BAND_COST, to_edge=to_edge)
    return 1 - float(np.mean(band.costs)) / float(np.mean(plain.costs))


_BANDS = (
    "The same call at 20 bp, looked at 1,000 times and traded to the {} of a band in proportion to gamma^(2/3), beside "
    "50 equal rebalances with the same standard deviation of the error (.53): the share of costs that is saved; 6,000 "
    "paths."
)
_BANDS_SOURCE = "Whalley and Wilmott 1997; at least 40 % to the edge, about 25 % to the centre"
# Two-sided: what is above 40 % holds, and so does nothing above 60 %.
add_law(
    "whalley-wilmott/edge",
    _BANDS.format("edge"),
    _BANDS_SOURCE,
    lambda: Measured(0.5, saved(to_edge=True), 0.1),
)
add_law(
    "whalley-wilmott/centre",
    _BANDS.format("centre"),
    _BANDS_SOURCE,
    lambda: Measured(0.25, saved(to_edge=False), 0.05),
)
