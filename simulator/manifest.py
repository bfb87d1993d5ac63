"""The manifest of a run: what was run, with what, and what came out. `--json` prints it."""

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from simulator.digest import VERSION as DIGEST_VERSION

SCHEMA = 1
_PACKAGES = ("wavetank", "pyrevm", "web3", "eth-abi", "numpy", "scipy", "pandas", "pyarrow", "simpy", "pydantic")

Status = Literal["complete", "partial"]


def build_manifest(
    *,
    scenario: Mapping[str, Any],
    seed: int,
    chain: str,
    gas: str | None,
    status: Status,
    digest: str,
    metrics: Mapping[str, float | int | None],
    bytecode: Mapping[str, str],
    wall_seconds: Mapping[str, float],
    user_code: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The manifest as JSON data, schema 1.

    `scenario` is the resolved one, `gas` the gas mode or None where the chain has none, `bytecode` a hash by contract,
    `wall_seconds` by stage, `user_code` the source hash of each class that a scenario names by import path.
    """
    return {
        "schema": SCHEMA,
        "scenario": dict(scenario),
        "seed": seed,
        "chain": {"name": chain, "gas": gas},
        "status": status,
        "digest": digest,
        "digest_version": DIGEST_VERSION,
        "metrics": dict(metrics),
        "versions": versions(),
        "bytecode": dict(bytecode),
        "user_code": dict(user_code or {}),
        "wall_seconds": dict(wall_seconds),
    }


def versions() -> dict[str, str]:
    """Versions of what a run's numbers depend on. Equal bits are promised for one numpy and scipy only."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # run from a folder without being installed
            continue
    return found
