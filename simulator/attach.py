"""Contracts that a fork already has: where they are, and whether the storm comes after them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from simulator.chain.fork import Fork
from simulator.chain.types import Address
from simulator.deployment import read_deployment
from simulator.errors import ConfigError
from simulator.scenario import Scenario

_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


def attached_contracts(scenario: Scenario) -> dict[str, Address]:
    """Addresses by key, out of a deployment file and the scenario itself. Raises ConfigError."""
    fork = scenario.chain.fork
    if fork is None:
        return {}
    found: dict[str, str] = {}
    if fork.deployment:
        beside = scenario.source.parent / fork.deployment
        placed = read_deployment(beside if beside.is_file() else Path(fork.deployment)).contracts
        found = {each.key: each.address for each in placed}
    found |= fork.contracts
    try:
        return {key: Address(address) for key, address in found.items()}
    except ValueError as fault:
        raise ConfigError(str(fault), where="chain.fork.contracts", mend="write 0x and 40 hex digits") from None


def check_start(scenario: Scenario, fork: Fork, set_up: int) -> None:
    """The set-up, which begins at `set_up` [unix s], comes after the forked block. Raises ConfigError."""
    start = scenario.world.start
    if set_up <= fork.time:
        earliest = datetime.fromtimestamp(fork.time + int(start.timestamp()) - set_up + 1, UTC)
        raise ConfigError(
            f"start = {start:{_TIME}}: the forked block is of {datetime.fromtimestamp(fork.time, UTC):{_TIME}}",
            where="world",
            mend=f"set world.start to {earliest:{_TIME}} or later",
        )
