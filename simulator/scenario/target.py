"""`[target]`: contracts of a user's own, out of the folder where another tool compiled them.

    [target]
    artifacts = "out"                    # of Foundry; artifacts of Hardhat, build of Brownie
    protocol = "./plugin.py:MyLender"    # what deploys them
    replaces = "cdp"                     # the table of the scenario that it stands in for

    [target.settings]                    # that table from then on: the plug-in's own keys
    collateral = "ETH"

A scenario may say it, or an audit for all of its scenarios: `target_changes` gives what to set. Without `protocol` the
table only says where the scenario's own plug-ins find their contracts, which they do by `genesis.target`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, JsonValue

from simulator.scenario.files import moved
from simulator.scenario.overrides import parse_key
from simulator.settings import Settings

KEY = "target"


class TargetSettings(Settings):
    """Where a user's contracts are, and the plug-in that deploys them."""

    artifacts: str = Field(
        "", description="folder of compiled contracts: Foundry's out, Hardhat's artifacts or Brownie's build"
    )
    protocol: str = Field("", description="plug-in that deploys them, ./file.py:Class or module:Class; empty: none new")
    replaces: str = Field("cdp", min_length=1, description="table of the scenario that the plug-in stands in for")
    settings: dict[str, JsonValue] = Field(
        default_factory=dict, description="the keys of that table from then on: the plug-in's own"
    )


def target_changes(target: TargetSettings, folder: Path) -> dict[str, Any]:
    """What to set in a scenario so that it runs on a target whose paths start from `folder`.

    They come out as seen from the current folder, where those of every changed `target` key start.
    """
    changes = target.model_dump(exclude_unset=True)
    return {f"{KEY}.{key}": moved(key, value, folder, Path()) for key, value in changes.items()}


def is_of_target(key: str) -> bool:
    """Whether a dotted key is in `[target]`."""
    return parse_key(key)[0] == KEY


def from_here(changes: Mapping[str, Any], home: Path) -> dict[str, Any]:
    """Changes of `target` keys with their paths as seen from `home`, the scenario's folder."""
    return {key: moved(str(parse_key(key)[-1]), value, Path(), home) for key, value in changes.items()}


def with_target(data: Mapping[str, Any]) -> dict[str, Any]:
    """A scenario's data with the plug-in of its `[target]` in the place of the table that it replaces.

    What stays of `[target]` says where the artifacts are. A malformed one stays whole, for the validation.
    """
    target = data.get(KEY)
    if not isinstance(target, Mapping) or not target.get("protocol"):
        return dict(data)
    settings, replaces = target.get("settings", {}), target.get("replaces", "cdp")
    if not isinstance(settings, Mapping) or not isinstance(replaces, str) or not replaces:
        return dict(data)
    rest = {key: value for key, value in target.items() if key not in ("protocol", "replaces", "settings")}
    return {**data, KEY: rest, replaces: {**settings, "protocol": target["protocol"]}}
