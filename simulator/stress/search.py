"""Search beyond the grid: Optuna proposes points between those that ran, for higher efficiency within the rules.

Its tree-structured Parzen estimator (Bergstra and others 2011) knows the points that ran already, and of each rule by
how much the worse bound is beyond the limit, which it takes as constraints. Proposals come in rounds of a fixed size,
each told before the next is asked for, so that a search is the same on every executor.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from simulator.errors import ConfigError
from simulator.stress.judge import Judged
from simulator.stress.recommend import excesses, scales_of
from simulator.stress.require import Rule
from simulator.stress.settings import Value
from simulator.stress.space import Dimension

if TYPE_CHECKING:
    import optuna

ROUND = 8  # proposals at a time: fixed, so that the number of workers changes nothing
_UNKNOWN = 1e6  # excess of a rule that has no bound

Changes = dict[str, Value]
Evaluate = Callable[[list[Changes]], Sequence[Judged]]  # runs points and judges them, in their order


def search(
    dimensions: Sequence[Dimension],
    known: Sequence[Judged],
    evaluate: Evaluate,
    *,
    trials: int,
    seed: int,
) -> list[Judged]:
    """Run at most `trials` further points, where Optuna expects the best, and give them in their order.

    `known` are the points that ran, with rules. A proposal that ran already is not run again, but counts. Raises
    ConfigError where Optuna is missing or there is nothing to search in.
    """
    check_search(dimensions, [verdict.rule for verdict in known[0].verdicts] if known else [])
    space = {each.key: _distribution(each) for each in dimensions if not _fixed(each)}
    scales = scales_of(known)
    study = _study(seed)
    found: dict[tuple[Any, ...], Judged] = {}
    for point in known:
        if all(_holds(space[key], point.changes[key]) for key in space):
            study.enqueue_trial({key: point.changes[key] for key in space})
            _tell(study, study.ask(space), point, scales)
        found[_place(point.changes)] = point
    new: list[Judged] = []
    fixed = {each.key: _only(each) for each in dimensions if _fixed(each)}
    while trials > 0:
        asked = [study.ask(space) for _ in range(min(ROUND, trials))]
        trials -= len(asked)
        proposals = [_changes(dimensions, {**fixed, **trial.params}) for trial in asked]
        fresh = [each for each in _distinct(proposals) if _place(each) not in found]
        ran = evaluate(fresh) if fresh else []
        found |= {_place(point.changes): point for point in ran}
        new += ran
        for trial, changes in zip(asked, proposals, strict=True):
            _tell(study, trial, found[_place(changes)], scales)
    return new


def check_search(dimensions: Sequence[Dimension], rules: Sequence[Rule]) -> None:
    """Raises ConfigError where a search cannot be: without Optuna, or without anything to search in or for."""
    if all(map(_fixed, dimensions)) or not rules:
        raise ConfigError(
            "a search needs keys to vary and rules to keep", where="--search", mend="add --vary and --require"
        )
    try:
        import optuna
    except ImportError:
        raise ConfigError("a search needs Optuna", where="--search", mend="pip install 'wavetank[analysis]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def _study(seed: int) -> "optuna.Study":
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # rounds are still called so
        sampler = optuna.samplers.TPESampler(seed=seed % 2**32, multivariate=True, constant_liar=True)
    return optuna.create_study(direction="maximize", sampler=sampler)


def _tell(study: "optuna.Study", trial: "optuna.Trial", point: Judged, scales: Sequence[float]) -> None:
    """What came of a point. One without data or with failed runs taught nothing but that."""
    from optuna.trial import TrialState

    beyond = [min(each, _UNKNOWN) for each in excesses(point, scales)]
    for place, excess in enumerate(beyond):
        trial.set_constraint(str(place), excess)
    aim = -max(beyond) if point.efficiency is None else point.rank
    if point.sound and math.isfinite(aim):
        study.tell(trial, aim)
    else:
        study.tell(trial, state=TrialState.FAIL)


def _distribution(dimension: Dimension) -> "optuna.distributions.BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if dimension.choices:
        return CategoricalDistribution(dimension.choices)
    if dimension.whole:
        return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def _holds(distribution: "optuna.distributions.BaseDistribution", value: Any) -> bool:
    from optuna.distributions import CategoricalDistribution

    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    return bool(distribution._contains(distribution.to_internal_repr(value)))


def _fixed(dimension: Dimension) -> bool:
    return len(dimension.choices) == 1 or (not dimension.choices and dimension.low == dimension.high)


def _only(dimension: Dimension) -> Value:
    return dimension.choices[0] if dimension.choices else dimension.grid()[0]


def _changes(dimensions: Sequence[Dimension], values: dict[str, Any]) -> Changes:
    """The proposal with as many digits as people can read and type."""
    return {
        each.key: float(f"{values[each.key]:.6g}") if isinstance(values[each.key], float) else values[each.key]
        for each in dimensions
    }


def _distinct(proposals: Sequence[Changes]) -> list[Changes]:
    return list({_place(each): each for each in proposals}.values())


def _place(changes: Any) -> tuple[Any, ...]:
    return tuple(changes.values())
