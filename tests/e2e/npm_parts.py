"""What tests need of others' contracts from npm."""

import pytest
from nodes import missing

from simulator.errors import ConfigError
from simulator.paths import npm_package


def need_package(name: str, version: str) -> None:
    """Skip, in CI fail, where npm has not installed it."""
    try:
        npm_package(name, version)
    except ConfigError as fault:
        missing(str(fault))


@pytest.fixture(scope="module")
def aave() -> None:
    """Aave V3's compiled contracts."""
    need_package("@aave/core-v3", "1.19.3")


@pytest.fixture(scope="module")
def uniswap() -> None:
    """Uniswap V3's compiled contracts."""
    need_package("@uniswap/v3-core", "1.0.1")
    need_package("@uniswap/v3-periphery", "1.4.4")
