"""The chains that are held against each other."""

import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import pytest
from parity_system import COINBASE, GAS_LIMIT

from simulator.chain.base import Chain
from simulator.errors import WavetankError

MakeChain = Callable[..., Chain]


def _missing(reason: str) -> None:
    """A part that is not installed: a skip that names it; in CI that is a failure."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)


@pytest.fixture
def new_anvil() -> Iterator[MakeChain]:
    """Makes nodes and stops them after the test."""
    if find_spec("simulator.chain.anvil") is None:
        _missing("the anvil backend is missing")
    from simulator.chain.anvil import AnvilChain

    made: list[Chain] = []

    def make(**constants: Any) -> Chain:
        try:
            made.append(AnvilChain(**{"gas_limit": GAS_LIMIT, "coinbase": COINBASE} | constants))
        except WavetankError as fault:
            _missing(str(fault))
        return made[-1]

    yield make
    for chain in made:
        chain.close()
