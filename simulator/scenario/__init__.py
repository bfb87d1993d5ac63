"""Scenarios: TOML files, validated and frozen.

Files extend each other, `--set` changes any key, and what is wrong is said in one line. The names below are imported
when they are first asked for, because `list scenarios` needs the files and not the models.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulator.gas_price import GasRule
    from simulator.scenario.load import check_scenario, load_scenario
    from simulator.scenario.models import Asset, Chain, Component, OracleSettings, Scenario, World
    from simulator.scenario.user_code import import_user_code

__all__ = [
    "Asset",
    "Chain",
    "Component",
    "GasRule",
    "OracleSettings",
    "Scenario",
    "World",
    "check_scenario",
    "import_user_code",
    "load_scenario",
]
_MODULES = {"import_user_code": "user_code", "check_scenario": "load", "load_scenario": "load"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'models')}"), name)
