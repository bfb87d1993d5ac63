"""How often the bounds of statistics hold, over losses as users have them.

`python tests/unit/coverage_study.py [REPETITIONS] [STATISTIC...]` prints the tables that are in the docstring of
simulator/stress/estimate.py.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy.special import ndtri
from scipy.stats import t

from simulator.stress.estimate import estimate, runs_needed

Draw = Callable[[Generator, int], np.ndarray]
SIZES = (100, 300, 1000, 3000)


@dataclass(frozen=True)
class Losses:
    """A distribution of losses with its quantile function above `atom`, a probability of no loss."""

    name: str
    quantile: Callable[[np.ndarray], np.ndarray]  # of losses that are not none
    atom: float = 0.0

    def draw(self, random: Generator, runs: int) -> np.ndarray:
        losses = self.quantile(random.random(runs))
        return np.where(random.random(runs) < self.atom, 0.0, losses)

    def shortfall(self, level: float) -> float:
        """The mean of the worst 1 - level, by Gauss-Legendre in log survival; the mean for level 0."""
        most = min(1 - level, 1 - self.atom) / (1 - self.atom)  # of the losses that are not none
        nodes, weights = np.polynomial.legendre.leggauss(200)
        depth = 30.0  # in ln survival: what is beyond weighs e^-15 and less
        log = -depth / 2 * (nodes + 1)
        survival = most * np.exp(log)
        integral = np.sum(weights * depth / 2 * survival * self.quantile_above(survival))
        return float(integral * (1 - self.atom) / (1 - level))

    def quantile_above(self, survival: np.ndarray) -> np.ndarray:
        return self.quantile(1 - survival)


def lognormal(sigma: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda u: np.exp(sigma * ndtri(np.clip(u, 1e-300, 1 - 1e-15)))


def pareto(index: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda u: np.maximum(1 - u, 1e-15) ** (-1 / index) - 1


LOSSES = (
    Losses("lognormal 1", lognormal(1.0)),
    Losses("lognormal 1.5", lognormal(1.5)),
    Losses("Pareto 3", pareto(3.0)),
    Losses("Pareto 2", pareto(2.0)),
    Losses("5 % lognormal 1", lognormal(1.0), 0.95),
    Losses("5 % Pareto 3", pareto(3.0), 0.95),
    Losses("20 % lognormal 1", lognormal(1.0), 0.8),
    Losses("uniform", lambda u: u),
)


LEAST_RUNS = (
    Losses("normal", ndtri),
    Losses("lognormal", lognormal(1.0)),
    Losses("t(3)", lambda u: t.ppf(u, 3)),
    Losses("5 % lose", lognormal(1.0), 0.95),
)


def held(
    losses: Losses, aggregate: str, runs: int, repetitions: int, seed: int = 7
) -> tuple[float | None, float | None]:
    """Shares of all samples in which the lower and the upper bound hold; None for a bound that so few cannot have."""
    random, truth = np.random.default_rng([seed, runs]), true_value(losses, aggregate)
    found = [estimate(aggregate, losses.draw(random, runs)) for _ in range(repetitions)]
    slack = 1e-12 * (1 + abs(truth))
    below = [each.low <= truth + slack for each in found if each.low is not None]
    above = [each.high >= truth - slack for each in found if each.high is not None]
    return (float(np.mean(below)) if below else None), (float(np.mean(above)) if above else None)


def true_value(losses: Losses, aggregate: str) -> float:
    """What a statistic is an estimate of."""
    if aggregate == "mean":
        return losses.shortfall(0.0)
    level = float(aggregate.lstrip("pes")) / 100
    if aggregate.startswith("es"):
        return losses.shortfall(level)
    beyond = (level - losses.atom) / (1 - losses.atom)
    return float(losses.quantile(np.array([beyond]))[0]) if beyond > 1e-9 else 0.0


def covered(losses: Losses, aggregate: str, runs: int, repetitions: int, seed: int = 0) -> tuple[float, float]:
    """Shares of samples in which the lower and the upper bound hold, of those that are not all alike."""
    random = np.random.default_rng([seed, runs])
    truth = true_value(losses, aggregate)
    below, above, told = 0, 0, 0
    while told < repetitions:
        sample = losses.draw(random, runs)
        if sample.min() == sample.max():
            continue
        found = estimate(aggregate, sample)
        assert found.low is not None
        assert found.high is not None
        told += 1
        below += found.low <= truth
        above += found.high >= truth
    return below / told, above / told


def by_student(losses: Losses, runs: int, repetitions: int, seed: int = 0) -> float:
    """The share of samples in which Student's upper bound of the mean holds."""
    random, truth = np.random.default_rng([seed, runs]), losses.shortfall(0.0)
    samples = np.array([losses.draw(random, runs) for _ in range(repetitions)])
    samples = samples[samples.min(axis=1) < samples.max(axis=1)]
    reach = t.ppf(0.95, runs - 1) * samples.std(axis=1, ddof=1) / np.sqrt(runs)
    return float(np.mean(samples.mean(axis=1) + reach >= truth))


def table(aggregates: list[str], repetitions: int) -> None:
    """A row a distribution, a column a size, the upper bound's share over the lower one's; first the least size."""
    for aggregate in aggregates:
        runs = runs_needed(aggregate)
        for losses in LEAST_RUNS:
            low, high = held(losses, aggregate, runs, repetitions)
            print(aggregate, losses.name, runs, f"{high:.3f}/{low:.3f}", sep=" | ", flush=True)
        for losses in LOSSES:
            told = [covered(losses, aggregate, runs, repetitions) for runs in SIZES if runs >= runs_needed(aggregate)]
            print(aggregate, losses.name, *(f"{high:.2f}/{low:.2f}" for low, high in told), sep=" | ", flush=True)
        if aggregate == "mean":
            for losses in LOSSES:
                print("Student", losses.name, *(f"{by_student(losses, runs, repetitions):.2f}" for runs in SIZES))


if __name__ == "__main__":
    table(sys.argv[2:] or ["mean", "es95", "es99", "es99.9"], int(sys.argv[1]) if len(sys.argv) > 1 else 500)
