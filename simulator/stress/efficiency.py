"""What a parameter set lets capital do: the number that a recommendation makes as large as its constraints allow.

Capital efficiency is the debt that a unit of collateral may carry, `1 / minimum_ratio` (risk.md's borrowing power per
unit of supply), or where only the edge of liquidation is varied `1 / liquidation_ratio`; of a margin market the
notional that a unit of margin carries; of a cap the cap itself; of a vault else its yield. Anything else is
named: a metric, whose mean over runs counts in the direction that is not worse, or `param(KEY)` or `1/param(KEY)`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.errors import ConfigError
from simulator.metrics import METRICS
from simulator.registry import nearest

_PARAMETER = re.compile(r"(?P<inverse>1\s*/\s*)?param\(\s*(?P<key>[^()]+?)\s*\)")
_INVERSE, _DIRECT = True, False
# The first that a varied key ends in decides; several of a kind (two collaterals) count by their mean.
_OF_KEYS = (
    ("minimum_ratio", _INVERSE, "debt that a dollar of collateral may carry when it is drawn"),
    ("liquidation_ratio", _INVERSE, "debt that a dollar of collateral may carry before it is liquidated"),
    ("margin.initial", _INVERSE, "notional that a dollar of margin carries"),
    ("debt_ceiling", _DIRECT, "debt that may be drawn"),
    ("open_interest_usd", _DIRECT, "open interest that is let in"),
)
_OF_VAULTS = "net_apy"


@dataclass(frozen=True)
class Efficiency:
    """What is made as large as constraints allow."""

    text: str  # as it is named on the command line
    meaning: str
    keys: tuple[str, ...] = ()  # of the scenario; their mean counts
    inverse: bool = False  # one over the key
    metric: str = ""  # whose mean over runs counts
    sign: int = 1  # -1 where a lower metric is the better one

    def of_settings(self, settings: Mapping[str, Any]) -> float:
        """The efficiency of a parameter set, by its keys. Raises ConfigError for what is no number, or one over 0."""
        values = []
        for key in self.keys:
            value = settings[key]
            if isinstance(value, bool) or not isinstance(value, int | float) or (self.inverse and not value):
                raise ConfigError(
                    f"{key} = {value}: {self.text} is no number", where="--efficiency", mend="name another"
                )
            values.append(1 / value if self.inverse else float(value))
        return sum(values) / len(values)


def choose_efficiency(named: str | None, varied: Sequence[str], protocols: Iterable[str] = ()) -> Efficiency | None:
    """The efficiency that is named, or the one that the varied keys or the scenario's protocols suggest.

    None where neither does: what is recommended then is what keeps its constraints by most. Raises ConfigError for a
    name that is neither a metric nor a varied key.
    """
    if named is not None:
        return _named(named, varied)
    for ending, inverse, meaning in _OF_KEYS:
        keys = tuple(key for key in varied if key == ending or key.endswith(f".{ending}"))
        if keys:
            text = " and ".join(_text(key, inverse) for key in keys)
            return Efficiency(text if len(keys) == 1 else f"mean of {text}", meaning, keys, inverse)
    return _of_metric(_OF_VAULTS) if "vault" in protocols else None


def _named(name: str, varied: Sequence[str]) -> Efficiency:
    if match := _PARAMETER.fullmatch(name.strip()):
        key, inverse = match["key"], match["inverse"] is not None
        if key not in varied:
            raise ConfigError(
                f"{key} is not varied",
                where=f"--efficiency {name}",
                mend=f"the nearest that is: {nearest(key, varied)}",
            )
        return Efficiency(_text(key, inverse), "as asked for", (key,), inverse)
    if name not in METRICS:
        raise ConfigError(
            f"no metric {name}",
            where="--efficiency",
            mend=f"the nearest is {nearest(name, METRICS)}; or write param(KEY) or 1/param(KEY)",
        )
    return _of_metric(name)


def _of_metric(name: str) -> Efficiency:
    metric = METRICS[name]
    return Efficiency(name, metric.definition, metric=name, sign=-1 if metric.worse == "higher" else 1)


def _text(key: str, inverse: bool) -> str:
    return f"1/param({key})" if inverse else f"param({key})"
