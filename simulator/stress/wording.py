"""Keys, settings and statistics of a sweep as a reader sees them."""

from collections.abc import Mapping, Sequence
from typing import Any

from simulator.report.wording import MISSING, NBSP, number, plain
from simulator.scenario.overrides import parse_key
from simulator.stress.estimate import Estimate
from simulator.stress.require import Rule

_SCALES = {"%": (100.0, f"{NBSP}%"), "bps": (1e4, f"{NBSP}bp"), "usd": (1.0, f"{NBSP}USD"), "": (1.0, "")}


def labels(keys: Sequence[str]) -> dict[str, str]:
    """Short names of keys: as many of their last parts as tell them apart."""
    parts = {key: [str(part) for part in parse_key(key)] for key in keys}
    longest = max(map(len, parts.values()), default=0)

    def tail(key: str, length: int) -> str:
        words = [part.replace("_", " ") for part in parts[key][-length:]]
        return words[-1] if length == 1 else f"{words[-1]} of {' '.join(words[:-1])}"

    for length in range(1, longest + 1):
        found = {key: tail(key, length) for key in keys}
        if len(set(found.values())) == len(keys):
            return found
    return {key: key for key in keys}


def setting(value: Any) -> str:
    """One value of a key."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:,.6g}" if isinstance(value, int | float) else str(value)


def settings(changes: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """A point in words: liquidation ratio 1.3, bonus 0.1."""
    return ", ".join(f"{names[key]} {setting(value)}" for key, value in changes.items()) or "as it is"


def statistic_name(rule: Rule) -> str:
    """What a rule reads: p99 of bad debt ratio."""
    return f"{rule.aggregate} of {str(rule.expression).replace('_', ' ')}"


def amount(rule: Rule, value: float | None) -> str:
    """A value of a rule's statistic, in the unit of its limit."""
    factor, unit = scale(rule)
    return MISSING if value is None else f"{number(factor * value)}{unit}"


def scale(rule: Rule) -> tuple[float, str]:
    """What a statistic is multiplied by to be shown in the unit of its rule's limit, and that unit."""
    return _SCALES[rule.limit.unit]


def interval(rule: Rule, found: Estimate) -> str:
    """A statistic with its bounds: 0.2 % (0.1 to 0.4 %)."""
    factor, unit = scale(rule)
    return within(found, factor, unit)


def within(found: Estimate, factor: float = 1.0, unit: str = "") -> str:
    """An estimate with its bounds, or with the runs that it wants."""
    if found.value is None:
        return MISSING
    between = span(found, factor)
    return f"{number(factor * found.value)}{unit}" + (f" ({between})" if between else "")


def span(found: Estimate, factor: float = 1.0) -> str:
    """The bounds of an estimate, nothing where they are one."""
    if found.low is not None and found.low == found.high:
        return ""
    least, most = (MISSING if end is None else number(factor * end) for end in (found.low, found.high))
    return f"{least} to {most}" + (f"; wants {found.needed:,} runs" if found.needed else "")


def metric_title(name: str) -> str:
    """A metric's name as words."""
    return plain(name)
