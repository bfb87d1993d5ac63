"""Laws in tests: a verdict, or a skip that names the market data that is missing."""

import os

import pytest

from simulator.validation.catalogue import all_laws
from simulator.validation.law import Finding, judge


def verdict(name: str) -> Finding:
    """What came of a law."""
    finding = judge(all_laws()[name])
    if finding.verdict == "no_data":
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(finding.note)
    return finding
