"""When a point has runs enough: `AGG(EXPR) +- HALF`, the statistic known to within a half-width.

The half-width is half the distance between the two one-sided 95 % bounds of the statistic.
"""

from typing import TYPE_CHECKING

from simulator.errors import ConfigError

if TYPE_CHECKING:
    from simulator.stress.agenda import Columns, Enough
    from simulator.stress.require import Rule

SIGN = "+-"


def parse_until(text: str, seeds: int) -> "Rule":
    """The statistic, as the rule whose limit is the half-width.

    Raises ConfigError, also for one that even `seeds` runs could not tell.
    """
    from simulator.stress.require import check_rules, parse_rule

    statistic, sign, width = text.partition(SIGN)
    if not sign:
        raise ConfigError(
            f'"{text}" names no half-width', where="--until", mend='write it as "p99(bad_debt_ratio) +- 0.1%"'
        )
    try:
        rule = parse_rule(f"{statistic.strip()} <= {width.strip()}")
        check_rules([rule], seeds)
    except ConfigError as error:
        raise ConfigError(error.what, where="--until", mend=error.mend) from None
    if rule.is_parameter:
        raise ConfigError(f'"{text}": a parameter is known without a run', where="--until", mend="name a metric")
    if not rule.limit.value > 0:
        raise ConfigError(f'"{text}": a half-width must be > 0', where="--until", mend="widen it")
    return rule


def is_close(rule: "Rule") -> "Enough":
    """Whether the runs of a point tell the statistic to within the half-width."""

    def enough(_: int, columns: "Columns") -> bool:
        import pandas as pd

        found = rule.evaluate(pd.DataFrame(columns))
        return found.low is not None and found.high is not None and found.high - found.low <= 2 * rule.limit.value

    return enough
