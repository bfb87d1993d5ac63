"""Importance sampling: rare losses from jumps drawn more often and greater than they are.

`market.<ASSET>.jump_rate_factor` and `.jump_mean_shift` say how jumps are drawn. They are keys like any other, so a run
is replayed with them as with any change, and the weight of a run, its likelihood as described over that as drawn, is
exact. What to set them to is found by the cross-entropy method (Rubinstein 1999; de Boer and others 2005): the rate and
the mean that jumps have, weighted, in the worst of some pilot runs, then of runs drawn so, until the worst are as rare
as the losses that are looked for.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from simulator.errors import ConfigError
from simulator.market.paths import unseen_draw
from simulator.market.processes.base import Process
from simulator.market.processes.jumps import Tally, Tilted
from simulator.streams import Streams

if TYPE_CHECKING:
    import pandas as pd

    from simulator.scenario import Scenario
    from simulator.stress.require import Rule

Floats = NDArray[np.float64]
Losses = Callable[[Mapping[str, float], range], Floats]
_OF_MEANS: Final = 0.99  # the losses that decide a mean
_PILOT_SEEDS: Final = 2**40  # far from those of a sweep, whose runs must not have chosen how they are drawn
_ELITE: Final = 0.1  # of pilot runs that show the way
_ROUNDS: Final = 5
_FACTORS: Final = (1e-3, 1e5)
_SHIFTS: Final = (-5.0, 5.0)


def run_weight(scenario: "Scenario", seed: int) -> float:
    """The likelihood of a run's jumps as described over that as drawn; 1 where nothing is drawn otherwise."""
    return weight_of({asset: item.settings for asset, item in scenario.market.items()}, scenario.times, seed)


def weight_of(processes: Mapping[str, Process], times: Floats, seed: int) -> float:
    """As `run_weight`, for the processes of assets on a grid of times [s]."""
    streams = Streams(seed)
    logs = [
        float(process.log_weight(unseen_draw(asset, times, streams))[0])
        for asset, process in processes.items()
        if isinstance(process, Tilted) and process.tilted
    ]
    return math.exp(sum(logs))


@dataclass(frozen=True)
class Pilot:
    """What is needed to look for a tilt: the processes whose jumps can be drawn otherwise, and their grid."""

    processes: Mapping[str, Tilted]  # by asset
    times: Floats  # [s]

    @classmethod
    def of(cls, scenario: "Scenario") -> "Pilot":
        """Of a scenario. Raises ConfigError where no price jumps."""
        found = {asset: item.settings for asset, item in scenario.market.items() if isinstance(item.settings, Tilted)}
        if not found:
            raise ConfigError(
                "no price in it has jumps to draw otherwise",
                where=scenario.name,
                mend='give a market process = "merton", "bates" or "hawkes"',
            )
        return cls(found, scenario.times)

    @property
    def changes(self) -> dict[str, float]:
        """The keys of a scenario that draw jumps like this."""
        return {
            f"market.{asset}.{key}": getattr(process, key)
            for asset, process in self.processes.items()
            for key in ("jump_rate_factor", "jump_mean_shift")
        }

    def weights(self, seeds: range) -> Floats:
        """The weight of each run."""
        return np.array([weight_of(self.processes, self.times, seed) for seed in seeds])

    def tilted_towards(self, elite: Floats, seeds: range) -> "Pilot":
        """Drawn like the runs of these seeds, each counted `elite` times."""
        made = {asset: self._towards(asset, process, elite, seeds) for asset, process in self.processes.items()}
        return replace(self, processes=made)

    def _towards(self, asset: str, process: Tilted, elite: Floats, seeds: range) -> Tilted:
        tallies = [process.tally(unseen_draw(asset, self.times, Streams(seed))) for seed in seeds]
        own, counts, sums = (np.array([getattr(each, key)[0] for each in tallies]) for key in ("own", "counts", "sums"))
        expected, (mean, deviation) = _expected(tallies), process.jump_law
        if not elite @ counts or not expected:
            return process
        factor = float(np.clip(elite @ own / (elite.sum() * expected), *_FACTORS))
        shift = float(np.clip(elite @ sums / (elite @ counts) - mean, *_SHIFTS)) if deviation else 0.0
        return process.model_copy(update={"jump_rate_factor": factor, "jump_mean_shift": shift})


def _expected(tallies: list[Tally]) -> float:
    return tallies[0].expected


def tilt_for(
    scenario: "Scenario", rule: "Rule", *, gas: str | None = None, runs: int = 300, seed: int = 0, jobs: int = -1
) -> dict[str, float]:
    """The keys of a scenario that draw jumps so that what decides a rule is common, from pilot runs on local workers.

    Raises ConfigError for a rule of no rare losses (max, min, count, param), where no price jumps, and where pilot runs
    show no way.
    """
    from joblib import Parallel, delayed

    from simulator.scenario import load_scenario
    from simulator.stress.plan import source_of
    from simulator.stress.require import Expression
    from simulator.stress.work import Task, fingerprint, perform

    level, sign = _level_and_sign(rule)
    expression, source = rule.expression, source_of(scenario)
    assert isinstance(expression, Expression)
    # Of a rate, how near a run comes to its event shows the way also where none has it.
    measured = Expression(expression.metric, expression.over)

    def losses(changes: Mapping[str, float], seeds: range) -> Floats:
        there = {**scenario.changes, **changes}
        print_of = fingerprint(load_scenario(source, there))
        tasks = [Task(0, each, source, there, gas, print_of) for each in seeds]
        found = Parallel(n_jobs=jobs)(delayed(perform)(task) for task in tasks)
        return sign * measured.values(_frame([answer.outcome.metrics for answer in found]))

    return find_tilt(Pilot.of(scenario), losses, level, runs=runs, seed=_PILOT_SEEDS + seed).changes


def _frame(metrics: list[tuple[float, ...]]) -> "pd.DataFrame":
    import pandas as pd

    from simulator.metrics import METRICS

    return pd.DataFrame(metrics, columns=list(METRICS), dtype=float)


def _level_and_sign(rule: "Rule") -> tuple[float, float]:
    """How rare what decides a rule is, and which way is worse: 1 for up."""
    from simulator.stress.estimate import AS_OBSERVED, level_of

    if rule.is_parameter or rule.aggregate in AS_OBSERVED:
        raise ConfigError(
            f'"{rule}" asks for no probability',
            where="importance sampling",
            mend="give a rule of pNN, esNN, mean or rate",
        )
    up = rule.comparison in ("<=", "<")
    if rule.aggregate == "rate":
        expression = rule.expression
        event_up = getattr(expression, "comparison", ">") in (">", ">=")
        chance = rule.limit.value if up else 1 - rule.limit.value
        return min(max(1 - chance, 0.5), 0.9999), 1.0 if event_up == up else -1.0
    if rule.aggregate == "mean":
        return _OF_MEANS, 1.0 if up else -1.0
    level = level_of(rule.aggregate)
    # An expected shortfall is of the greatest whatever is asked of it; a percentile below the middle of the least.
    return max(level, 1 - level), 1.0 if rule.aggregate.startswith("es") or level >= 0.5 else -1.0


def find_tilt(start: Pilot, losses: Losses, level: float, *, runs: int = 300, seed: int = 0) -> Pilot:
    """How to draw jumps so that losses beyond the quantile of a `level`, .999 say, are common.

    `losses` gives the loss of the run of each seed with the keys of a scenario changed, NaN for one that failed; it is
    asked for `runs` runs up to five times. Raises ConfigError where no pilot run loses more than most do.
    """
    pilot = start
    for turn in range(_ROUNDS):
        seeds = range(seed + turn * runs, seed + (turn + 1) * runs)
        found = np.asarray(losses(pilot.changes, seeds), dtype=float)
        weights = np.where(np.isnan(found), 0.0, pilot.weights(seeds))
        found = np.where(np.isnan(found), -np.inf, found)
        worst = float(np.quantile(found, 1 - _ELITE, method="lower"))
        sought = _quantile(found, weights, level)
        elite = found >= min(worst, sought)
        if elite.mean() > 2 * _ELITE and worst <= np.median(found):
            elite = found > np.median(found)
        if not elite.any():
            raise ConfigError(
                f"none of {runs} pilot runs loses more than most of them do",
                where="importance sampling",
                mend="ask for more pilot runs, or look for the worst by a metric that nears the loss, such as "
                "health_factor_min",
            )
        pilot = pilot.tilted_towards(weights * elite, seeds)
        if worst >= sought:
            break
    return pilot


def _quantile(losses: Floats, weights: Floats, level: float) -> float:
    """The least loss that runs of a share of at most 1 - level exceed, as described."""
    order = np.argsort(losses)[::-1]
    above = np.cumsum(weights[order]) / len(losses)
    return float(losses[order][min(int(np.searchsorted(above, 1 - level, side="right")), len(losses) - 1)])
