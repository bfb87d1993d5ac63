"""What it means that one run breaks a rule about many."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from simulator.errors import ConfigError
from simulator.stress.require import COMPARISONS, Expression, Rule, parse_rule


def run_rule(text: str) -> Rule:
    """A rule about runs. Raises ConfigError for one about a parameter, which no run breaks."""
    rule = parse_rule(text)
    if rule.is_parameter:
        raise ConfigError(f'"{text}" is about a parameter, which no run breaks', mend="give a rule about a metric")
    return rule


def breaks(rule: Rule, metrics: Mapping[str, float | int | None]) -> bool:
    """Whether a run is on the wrong side of a rule's limit by itself.

    Of a rate or count that is the side that raises it where few are wanted. A run without data breaks nothing.
    """
    if not isinstance(rule.expression, Expression):
        raise TypeError(f"{rule} is about a parameter")
    frame = pd.DataFrame([{name: np.nan if (v := metrics.get(name)) is None else v for name in rule.metrics}])
    (value,) = rule.expression.values(frame)
    if np.isnan(value):
        return False
    if rule.expression.limit is None:
        return not COMPARISONS[rule.comparison](value, rule.limit.value)
    few_are_wanted = rule.comparison in ("<", "<=", "==")
    return bool(value) == few_are_wanted
