"""The points of a sweep: which keys of a scenario take which values.

A key is varied over a range, `LO..HI[:N][:log]`, or over a list of values. A grid crosses all keys; scrambled Sobol
points and Latin hypercubes draw all keys together.
"""

import math
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from simulator.errors import ConfigError
from simulator.scenario.overrides import parse_key, parse_value
from simulator.scenario.problems import dotted, shown
from simulator.stress.settings import Sampling, Value

DEFAULT_STEPS = 5  # of a range on a grid
DEFAULT_POINTS = 64
MOST_POINTS = 1_000_000
_RANGE = re.compile(r"(?P<low>.+?)\.\.(?P<high>[^:]+)(?::(?P<steps>[^:]*?))??(?P<log>:log)?\Z")


@dataclass(frozen=True)
class Point:
    """One setting of a scenario, run at every seed. The changes are dotted keys of the scenario."""

    number: int
    changes: dict[str, Value]


@dataclass(frozen=True)
class Dimension:
    """One key and what it may be: one of `choices`, or where there are none, anything from `low` to `high`."""

    key: str
    choices: tuple[Value, ...] = ()
    low: float = 0.0
    high: float = 0.0
    steps: int | None = None  # on a grid
    log: bool = False  # equal ratios instead of equal distances
    whole: bool = False  # whole numbers only

    def grid(self) -> tuple[Value, ...]:
        """Its values on a grid, each once."""
        if self.choices:
            return self.choices
        spaced = np.geomspace if self.log else np.linspace
        found = spaced(self.low, self.high, self.steps or DEFAULT_STEPS)
        return tuple(dict.fromkeys(self._value(float(x)) for x in found))

    def at(self, share: float) -> Value:
        """The value at a share of the way, from 0 up to but without 1."""
        if self.choices:
            return self.choices[int(share * len(self.choices))]
        if self.whole and not self.log:
            return int(self.low) + int(share * (self.high - self.low + 1))
        if self.log:
            return self._value(math.exp(math.log(self.low) + share * math.log(self.high / self.low)))
        return self._value(self.low + share * (self.high - self.low))

    def _value(self, x: float) -> Value:
        return round(x) if self.whole else float(f"{x:.12g}")  # twelve digits are what people can read and type


def parse_vary(texts: Iterable[str]) -> dict[str, str]:
    """`--vary key=WHAT` texts by key. Raises ConfigError for one that varies nothing, or a key that comes twice."""
    found: dict[str, str] = {}
    for text in texts:
        key, sign, what = (part.strip() for part in text.partition("="))
        if not sign or not key or not what:
            raise _refused(text, "varies nothing", "write --vary key.path=LO..HI:N or --vary key.path=A,B,C")
        if key in found:
            raise _refused(key, "is varied twice", "put all its values into one --vary")
        found[key] = what
    return found


def dimension(key: str, what: str | Sequence[Value]) -> Dimension:
    """What a key is varied over. Raises ConfigError in one line."""
    name = dotted(parse_key(key))
    if name == "world.seed" or name.startswith("stress."):
        raise _refused(name, "cannot be varied", "--seeds says how many seeds every point runs at")
    match = _RANGE.match(what) if isinstance(what, str) and what[:1] not in {"[", '"'} else None
    if match and (_is_number(match["low"]) or _is_number(match["high"])):
        return _range(name, match)
    return Dimension(name, _choices(name, what))


def _range(key: str, match: re.Match[str]) -> Dimension:
    text = match.group()
    low, high = (_number(key, text, match[end]) for end in ("low", "high"))
    if not low < high:
        raise _refused(f"{key} = {text}", "is an empty range", "write the smaller end first")
    if match["log"] and low <= 0:
        raise _refused(f"{key} = {text}", "must be > 0 at both ends for :log", "leave :log out, or raise the lower end")
    steps = match["steps"]
    if steps is not None and not (steps.isascii() and steps.isdigit() and 2 <= int(steps) <= MOST_POINTS):
        raise _refused(f"{key} = {text}", "has no number of values >= 2 behind its colon", "write LO..HI:5")
    return Dimension(key, low=low, high=high, steps=int(steps) if steps else None, log=bool(match["log"]))


def _choices(key: str, what: str | Sequence[Value]) -> tuple[Value, ...]:
    values = _listed(what) if isinstance(what, str) else list(what)
    if not values or any(value == "" for value in values):
        raise _refused(f"{key} = {shown(what)}", "lists nothing", "write key.path=A,B,C")
    if odd := [value for value in values if not isinstance(value, Value)]:
        raise _refused(f"{key} = {shown(odd[0])}", "must be a number, a text, true or false", "vary a key inside of it")
    kinds = {_kind(value) for value in values}
    if len(kinds) > 1:
        raise _refused(f"{key} = {shown(what)}", f"mixes {' and '.join(sorted(kinds))}", "list values of one kind")
    if any(type(value) is float for value in values):
        values = [float(value) for value in values]
    if len(set(values)) < len(values):
        raise _refused(f"{key} = {shown(what)}", "lists a value twice", "name each once")
    return tuple(values)


def _listed(text: str) -> list[Any]:
    """`[a, b]` or `a, b`, each in TOML, or as text where it is none."""
    try:
        value = tomllib.loads(f"value = {text if text.startswith('[') else f'[{text}]'}")["value"]
    except tomllib.TOMLDecodeError:
        inner = text[1:-1] if text.startswith("[") and text.endswith("]") else text
        return [parse_value(part.strip()) if part.strip() else "" for part in inner.split(",")]
    return value if isinstance(value, list) else [value]


def _kind(value: Value) -> str:
    return "true or false" if isinstance(value, bool) else "text" if isinstance(value, str) else "numbers"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(key: str, text: str, end: str) -> float:
    if not _is_number(end) or not math.isfinite(float(end)):
        raise _refused(f"{key} = {text}", f'"{end.strip()}" is no number', "write LO..HI, as in 1.2..1.8:4")
    return float(end)


def make_points(
    dimensions: Sequence[Dimension], sampling: Sampling, points: int | None, seed: int
) -> tuple[Point, ...]:
    """The points of a sweep in their order; one without changes where nothing is varied.

    `points` is how many sobol and lhs draw, `seed` the root of their stream. Raises ConfigError.
    """
    if sampling == "grid":
        if points is not None:
            raise ConfigError(
                "points are drawn by sobol and lhs only", where="--points", mend="add --sampling sobol, or leave it out"
            )
        return _grid(dimensions)
    if not dimensions:
        raise ConfigError("there is nothing to draw from", where=f"--sampling {sampling}", mend="add --vary")
    if stepped := [each for each in dimensions if each.steps]:
        raise _refused(
            f"{stepped[0].key}", f"has a number of values, which {sampling} does not use", "give --points instead"
        )
    shares = _shares(len(dimensions), sampling, points or DEFAULT_POINTS, seed)
    return tuple(
        Point(number, {each.key: each.at(float(x)) for each, x in zip(dimensions, row, strict=True)})
        for number, row in enumerate(shares)
    )


def _grid(dimensions: Sequence[Dimension]) -> tuple[Point, ...]:
    values = [each.grid() for each in dimensions]
    if (count := math.prod(map(len, values))) > MOST_POINTS:
        raise ConfigError(f"{count:,} points are too many", where="--vary", mend="give --sampling sobol --points 1024")
    keys = [each.key for each in dimensions]
    return tuple(Point(number, dict(zip(keys, each, strict=True))) for number, each in enumerate(product(*values)))


def _shares(dimensions: int, sampling: Sampling, points: int, seed: int) -> Any:
    """A row of shares for each point. Their stream is their own, so that runs are those of any other sweep."""
    from scipy.stats import qmc

    from simulator.streams import Streams

    generator = Streams(seed).generator(f"stress/{sampling}")
    if sampling == "saltelli":
        from simulator.stress.sensitivity import saltelli_shares

        return saltelli_shares(dimensions, points, generator)
    if sampling == "lhs":
        return qmc.LatinHypercube(dimensions, rng=generator).random(points)
    sobol = qmc.Sobol(dimensions, scramble=True, rng=generator)
    return sobol.random_base2((points - 1).bit_length())[
        :points
    ]  # the first of a power of two, which alone is balanced


def with_whole_numbers(dimension: Dimension, whole: bool) -> Dimension:
    """The dimension of a key that takes whole numbers only. Raises ConfigError where a range has none."""
    if not whole or dimension.choices:
        return dimension
    low, high = math.ceil(dimension.low), math.floor(dimension.high)
    if low > high:
        ends = f"{dimension.low:g}..{dimension.high:g}"
        raise _refused(f"{dimension.key} = {ends}", "has no whole number in it", "widen the range")
    return replace(dimension, low=low, high=high, whole=True)


def _refused(what: str, rule: str, mend: str) -> ConfigError:
    return ConfigError(f"{what}: {rule}", where="--vary", mend=mend)


def dimensions_of(vary: Mapping[str, str | Sequence[Value]]) -> list[Dimension]:
    """Every key and what it is varied over. Raises ConfigError."""
    found = [dimension(key, what) for key, what in vary.items()]
    keys = [each.key for each in found]
    if twice := [key for key in keys if keys.count(key) > 1]:
        raise _refused(twice[0], "is varied twice", "put all its values into one --vary")
    return found
