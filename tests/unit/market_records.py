"""Real market windows for tests: a user's machine may lack them, CI may not."""

import os
from pathlib import Path

import pytest

from simulator.validation.law import NoData
from simulator.validation.market_data import market_data


def market_record(name: str) -> Path:
    """A file of market data; the test is skipped where it is missing, and fails in CI."""
    try:
        return market_data(name)
    except NoData as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
