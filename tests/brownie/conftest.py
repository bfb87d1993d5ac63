"""One deployment a module, the chain put back after each test."""

from typing import Any

import pytest

from scripts.deploy import System, deploy_system


@pytest.fixture(scope="module")
def system(module_isolation: None, accounts: Any) -> System:
    """Everything, owned by the first account."""
    return deploy_system(accounts[0])


@pytest.fixture(autouse=True)
def isolation(fn_isolation: None) -> None:
    """Every test starts from the module's deployment."""


@pytest.fixture(scope="session")
def owner(accounts: Any) -> Any:
    return accounts[0]


@pytest.fixture(scope="session")
def alice(accounts: Any) -> Any:
    return accounts[1]


@pytest.fixture(scope="session")
def bob(accounts: Any) -> Any:
    return accounts[2]


@pytest.fixture(scope="session")
def carol(accounts: Any) -> Any:
    return accounts[3]
