"""The file that `wavetank new audit NAME` writes: the default rules, each for the scenarios that have its metric."""

from collections.abc import Iterable, Mapping
from string import Template
from typing import Final

from simulator.audit.defaults import PROBE_RULES, PROBE_SCENARIOS, RISK_RULES, DefaultRule

_HEAD: Final = Template("""\
# A gate for CI: `wavetank audit $name.toml` exits 0 where every rule holds, 1 where one is broken, 3 where the runs do
# not tell. Rules read metrics (`wavetank list metrics`) or parameters, and are judged for each scenario by itself.

[audit]
scenarios = [
    { name = "flash-crash", set = { "world.hours" = 3.5, "borrowers.count" = 120 } },
    { name = "neutral-calm", set = { "world.hours" = 6, "traders.count" = 40 } },
    { name = "flash-crash-hedge", set = { "world.hours" = 4, "traders.count" = 40 } },
    "probe-lending",
    "probe-hedge",
    "probe-carry",
    "probe-options",
]
seeds = 300         # runs of each scenario; a 95 % bound of a p99 takes 299
max_seeds = 2000    # and more, up to these, while a rule is not decided
# baseline = "audit-baseline.json"    # `wavetank audit $name.toml --update-baseline` writes it
""")
_OPTIONS: Final = ("probe-options",)
_LENDERS: Final = ("probe-lending", "probe-carry")
_VAULTS: Final = ("probe-hedge", "probe-carry")
_HEDGES: Final = ("neutral-calm", "flash-crash-hedge")
SCENARIOS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("BAD-DEBT", "RESERVE", "INSOLVENCY", "LIQUIDATION-PROFIT", "AMPLIFICATION"), ("flash-crash",)),
    **dict.fromkeys(("TOXIC-LIQUIDATION", "MANIPULATION", "STALE-HOUR"), _LENDERS),
    "PRICE-JUMP": (*_LENDERS, *_OPTIONS),
    **dict.fromkeys(("REBALANCE-SLIPPAGE", "QUEUE-ORDER"), _VAULTS),
    "SHARE-PRICE": (*_VAULTS, *_OPTIONS),
    "ACCRUAL": (*_LENDERS, "probe-hedge"),
    **dict.fromkeys(("GREEKS", "EXPIRY-PRICE", "ARBITRAGE", "WATERFALL", "MARGIN"), _OPTIONS),
    **dict.fromkeys(("LIQUIDATION-HARM", "CLOSE-FACTOR"), ("probe-lending",)),
    **dict.fromkeys(("ADL-LOSERS", "ADL-FLOOR"), ("probe-hedge",)),
    "SELF-LIQUIDATION": ("probe-lending", "probe-hedge", *_OPTIONS),
    "STUCK-AUCTION": ("probe-carry", *_OPTIONS),
    "ORACLE-SCALE": ("flash-crash", *PROBE_SCENARIOS),
    "EFFECTIVENESS": ("flash-crash-hedge",),
    "EFFECTIVENESS-CALM": ("neutral-calm",),
    "DELTA": _HEDGES,
}
_CALM: Final = DefaultRule(
    "EFFECTIVENESS-CALM", "mean(hedge_effectiveness) >= 90%", "In calm weather a hedge takes nearly all the variance."
)


def audit_text(name: str) -> str:
    """The file of an audit called `name`."""
    parts = [
        _HEAD.substitute(name=name),
        _titled("How the field judges risk, over runs of storms."),
        *_rules([*RISK_RULES, _CALM]),
        _titled("What shows a fault of the contracts, over attacks that a prober tries and takes back."),
        *_rules(PROBE_RULES),
    ]
    return "\n".join(parts)


def _titled(text: str) -> str:
    return f"# {'-' * 100}\n# {text}\n"


def _rules(rules: Iterable[DefaultRule]) -> Iterable[str]:
    for rule in rules:
        scenarios = ", ".join(f'"{name}"' for name in SCENARIOS.get(rule.id, PROBE_SCENARIOS))
        level = "" if rule.level == "error" else f'level = "{rule.level}"\n'
        yield (
            f'[[rule]]\nid = "{rule.id}"\nrequire = "{rule.require}"\n{level}why = "{rule.why}"\n'
            f"scenarios = [{scenarios}]\n"
        )
