"""Where the files that ship with Wavetank are, in a checkout and in an installed wheel alike."""

import os
from pathlib import Path

from simulator.errors import ConfigError

PACKAGE = Path(__file__).resolve().parent


def scenario_folder() -> Path:
    """The folder of the shipped scenarios: inside an installed wheel, beside the package in a checkout."""
    inside = PACKAGE / "_scenarios"
    return inside if inside.is_dir() else PACKAGE.parent / "scenarios"


def artifact_folder() -> Path:
    """The folder of the compiled contracts."""
    return PACKAGE / "artifacts"


def toolchain_folder() -> Path:
    """The folder where npm puts anvil, forge and solc: of this checkout, else of the current one."""
    inside = Path("scripts", "toolchain")
    beside = PACKAGE.parent / inside
    return beside if beside.is_dir() else inside


def npm_package(name: str, version: str) -> Path:
    """The folder of a package that npm has installed, as in "@aave/core-v3". Raises ConfigError where it is not there.

    WAVETANK_TOOLCHAIN names another folder with `node_modules` than ours. `version` is for the message alone.
    """
    named = os.environ.get("WAVETANK_TOOLCHAIN")
    root = Path(named) if named else toolchain_folder()
    found = root / "node_modules" / name
    if not found.is_dir():
        prefix = named or "scripts/toolchain"
        raise ConfigError(f"{name} is not installed", mend=f"run `npm install --prefix {prefix} {name}@{version}`")
    return found
