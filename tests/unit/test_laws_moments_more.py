import pytest

from simulator.validation import moments_more
from simulator.validation.law import LAWS, judge

PREFIXES = tuple(f"moments/{process}" for process in ("garch", "regimes", "hawkes", "bootstrap"))
OURS = [law for law in LAWS.values() if law.name.startswith(PREFIXES)]


def test_every_process_of_the_module_has_laws():
    assert moments_more.__doc__
    assert {law.name.split("/")[1].split("-")[0] for law in OURS} == {"garch", "regimes", "hawkes", "bootstrap"}


@pytest.mark.parametrize("law", OURS, ids=lambda law: law.name)
def test_the_law_holds_and_its_error_is_small(law):
    found = judge(law)
    assert found.verdict == "holds"
    assert found.result.tolerance < 0.06 * abs(found.result.expected)  # less than the cap: 3 SE, each below 2 %
