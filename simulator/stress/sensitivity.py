"""Which keys matter: first-order and total Sobol indices of a statistic over the points of a sweep.

The first-order index of a key is the share of the statistic's variance that goes when the key is known; the total one
the share that is left when all others are (Sobol 2001). Points drawn for it (sampling `saltelli`, Saltelli 2002) are
analysed by SALib, with bounds by its bootstrap. On a full grid, whose points are all there is, indices are sums of
squares and exact, but of the grid's values alone.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from simulator.errors import ConfigError
from simulator.stress.require import Expression, Rule

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
_RESAMPLES: Final = 200
_CONFIDENCE: Final = 0.90  # both ways together: one-sided bounds of 95 %
_NEGLIGIBLE: Final = 1e-24  # of a variance over the squared mean


def saltelli_shares(dimensions: int, points: int, random: Generator) -> Floats:
    """Points in the unit cube, a row each, from which SALib finds Sobol indices.

    At most `points` of them: 2^m times two more than there are dimensions. Raises ConfigError for less than two times.
    """
    from scipy.stats import qmc

    each = dimensions + 2
    if points < 2 * each:
        raise ConfigError(
            f"{points} points are too few for Sobol indices of {dimensions} keys",
            where="--points",
            mend=f"{2 * each} would do, {256 * each} tell them apart",
        )
    base = 2 ** int(math.log2(points // each))
    both = qmc.Sobol(2 * dimensions, scramble=True, rng=random).random(base)
    first, second = both[:, :dimensions], both[:, dimensions:]
    # The order that SALib reads: of each pair of points the first, that with one key of the second, and the second.
    rows = np.repeat(first[:, None, :], each, axis=1)
    for key in range(dimensions):
        rows[:, key + 1, key] = second[:, key]
    rows[:, -1, :] = second
    return rows.reshape(-1, dimensions)


def sensitivities(
    results: "pd.DataFrame", keys: Sequence[str], sampling: str, rules: Sequence[Rule], seed: int = 0
) -> list[dict[str, Any]]:
    """For the statistic of each rule its `output` (a text) and `indices`: key, first and total, as value, low, high.

    `results` is the table of a sweep, drawn by `sampling` (saltelli, or a full grid), over `keys`. Indices are empty
    where a point has no data, where nothing varies, and for points drawn otherwise.
    """
    by_text = {f"{rule.aggregate}({rule.expression})": rule for rule in rules if not rule.is_parameter}
    return [
        {"output": text, "indices": _indices(results, keys, sampling, rule, seed)} for text, rule in by_text.items()
    ]


def _indices(
    results: "pd.DataFrame", keys: Sequence[str], sampling: str, rule: Rule, seed: int
) -> list[dict[str, Any]]:
    if not keys or sampling not in ("saltelli", "grid"):
        return []
    values = statistic_by_point(results, rule)
    if not np.isfinite(values).all() or np.var(values) <= _NEGLIGIBLE * max(float(np.mean(values)) ** 2, 1e-300):
        return []
    if sampling == "saltelli":
        return _by_salib(values, keys, seed)
    levels = results.groupby("point", sort=True)[list(keys)].first()
    return _by_squares(values, levels)


def statistic_by_point(results: "pd.DataFrame", rule: Rule) -> Floats:
    """The value of a rule's statistic at each point, in their order; NaN where it has none."""
    if not isinstance(rule.expression, Expression):
        raise TypeError(f"{rule} is about a parameter")
    sound = results["status"] == "complete"
    if rule.aggregate != "mean" or not sound.all():
        found = [rule.evaluate(runs).value for _, runs in results.groupby("point", sort=True)]
        return np.array([math.nan if value is None else value for value in found])
    values = rule.expression.values(results) * results["weight"].to_numpy(dtype=float)
    _, place = np.unique(results["point"].to_numpy(), return_inverse=True)
    return np.asarray(np.bincount(place, values) / np.bincount(place))


def need_salib() -> None:
    """Raise ConfigError where SALib is missing."""
    try:
        import SALib  # noqa: F401
    except ImportError:
        raise ConfigError(
            "Sobol indices need SALib", where="--sampling saltelli", mend='pip install "wavetank[analysis]"'
        ) from None


def _by_salib(values: Floats, keys: Sequence[str], seed: int) -> list[dict[str, Any]]:
    need_salib()
    from SALib.analyze import sobol

    found = sobol.analyze(
        {"num_vars": len(keys), "names": list(keys), "bounds": [[0.0, 1.0]] * len(keys)},
        values,
        calc_second_order=False,
        num_resamples=_RESAMPLES,
        conf_level=_CONFIDENCE,
        seed=seed,
    )
    kinds = (("first", "S1", "S1_conf"), ("total", "ST", "ST_conf"))
    return [
        {"key": key, **{kind: _around(found[name][at], found[reach][at]) for kind, name, reach in kinds}}
        for at, key in enumerate(keys)
    ]


def _around(value: float, reach: float) -> dict[str, float]:
    return {"value": float(value), "low": float(value - reach), "high": float(value + reach)}


def _by_squares(values: Floats, levels: "pd.DataFrame") -> list[dict[str, Any]]:
    """On a full grid, every value of a key as likely as any other of it."""
    codes = [levels[key].astype("category").cat.codes.to_numpy() for key in levels]
    sizes = [int(code.max()) + 1 for code in codes]
    if math.prod(sizes) != len(values) or len(set(zip(*codes, strict=True))) != len(values):
        return []
    cube = np.empty(sizes)
    cube[tuple(codes)] = values
    variance = float(cube.var())
    found = []
    for at, key in enumerate(levels):
        others = tuple(axis for axis in range(cube.ndim) if axis != at)
        first = float(cube.mean(axis=others).var()) / variance
        total = float(cube.var(axis=at).mean()) / variance
        found.append({"key": key, "first": _around(first, 0.0), "total": _around(total, 0.0)})
    return found
