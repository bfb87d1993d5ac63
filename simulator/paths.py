"""Where the files that ship with Wavetank are, in a checkout and in an installed wheel alike."""

from pathlib import Path

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
