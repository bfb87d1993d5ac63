"""All laws, by importing the modules that state them: one module a family or two."""

from collections.abc import Sequence
from importlib import import_module

from simulator.errors import ConfigError
from simulator.registry import nearest
from simulator.validation.law import LAWS, Law

# In the order of the page. A module registers its laws when it is imported.
MODULES: tuple[str, ...] = (
    "calls",
    "moments",
    "moments_more",
    "dependence",
    "funding",
    "svi",
    "fire_sale",
    "base_fee",
    "gas",
    "pool",
    "liquidation",
    "oracle",
    "perps",
    "deltas",
    "funding_flows",
    "cross_hedge",
    "bands",
    "options",
    "options_quotes",
    "options_margin",
    "options_gap",
    "options_hedging",
    "vaults",
    "overlays",
    "black_thursday",
    "stress",
)


def all_laws() -> dict[str, Law]:
    """Every law by name, in the order of the page."""
    for module in MODULES:
        import_module(f"simulator.validation.{module}")
    return dict(LAWS)


def chosen(names: Sequence[str]) -> list[Law]:
    """The laws of these names or families, all for none. Raises ConfigError for an unknown one."""
    laws = all_laws()
    families = {each.family for each in laws.values()}
    for name in names:
        if name not in laws and name not in families:
            near = nearest(name, [*laws, *families])
            raise ConfigError(f"no law {name}", where="LAW", mend=f"the nearest that exists is `{near}`")
    return [each for each in laws.values() if not names or each.name in names or each.family in names]
