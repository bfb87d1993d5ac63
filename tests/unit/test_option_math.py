"""The contracts' option mathematics against arithmetic of fifty digits, on the shipped bytecode."""

import math
from decimal import Decimal
from itertools import islice, pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.chain.artifacts import load_artifact
from simulator.chain.base import CallReverted
from simulator.chain.revm import RevmChain
from simulator.chain.types import Address, BlockEnv, Receipt, Transaction
from simulator.market.svi import Svi, butterfly
from simulator.validation.options import grid, price_error, wad, words
from simulator.validation.options_exact import YEAR, Terms, both_sides, density, probability, total_variance

WAD = 10**18
HOUR, DAY = 3_600, 86_400
OWNER = Address("0x" + "a" * 40)
PRICE_ERROR = Decimal("1e-15")  # of the strike
DOMAIN = 10**36


class Mathematics:
    """The library on a chain of its own."""

    def __init__(self) -> None:
        self.chain = RevmChain("fast")
        self.abi = load_artifact("OptionMath").abi
        self.chain.fund(OWNER, 10**24)
        code = load_artifact("OptionMath").creation_code()
        (receipt,) = self.chain.execute(
            BlockEnv(1, 1_000, 0, 30_000_000), [Transaction(OWNER, 0, None, code, 0, 10_000_000, 0, 0)]
        )
        assert isinstance(receipt, Receipt)
        assert receipt.created is not None
        self.at = receipt.created

    def __call__(self, name: str, *args: Any) -> Any:
        function = self.abi.functions[name]
        return function.decode(self.chain.call(self.at, function.encode(*args)))


@pytest.fixture(scope="module")
def mathematics() -> Mathematics:
    return Mathematics()


def test_both_prices_alone_are_those_that_come_with_the_greeks(mathematics: Mathematics) -> None:
    for t in islice(grid(), 0, None, 7):
        assert list(mathematics("greeks", words(t))[:2]) == list(mathematics("prices", words(t)))


@settings(max_examples=300, deadline=None)
@given(
    ratio=st.decimals("0.000001", "1000000", places=9),
    strike=st.decimals("0.001", "100000000", places=3),
    volatility=st.decimals("0.000001", "20", places=6),
    time=st.integers(1, 10 * YEAR),
    rate=st.decimals("-0.5", "0.5", places=4),
    carry=st.decimals("-0.5", "0.5", places=4),
)
def test_prices_hold_far_from_the_grid(
    ratio: Decimal, strike: Decimal, volatility: Decimal, time: int, rate: Decimal, carry: Decimal
) -> None:
    spot = (ratio * strike).quantize(Decimal("1e-12"))
    t = Terms(max(spot, Decimal("1e-12")), strike, volatility, time, rate, carry)
    call, put = _shared()("prices", words(t))
    true_call, true_put = both_sides(t)
    larger = max(t.spot, t.strike) * 200  # both may grow at half a year's rate for ten years
    assert abs(Decimal(call) / WAD - true_call.price) <= larger * Decimal("1e-17") + Decimal("3e-18")
    assert abs(Decimal(put) / WAD - true_put.price) <= larger * Decimal("1e-17") + Decimal("3e-18")


_SHARED: list[Mathematics] = []


def _shared() -> Mathematics:
    """One for all examples."""
    if not _SHARED:
        _SHARED.append(Mathematics())
    return _SHARED[0]


def test_the_normal_distribution_holds_to_two_units_of_the_last_digit(mathematics: Mathematics) -> None:
    for step in range(-1_200, 1_201):
        x = Decimal(step) / 128 + Decimal("0.000123456789")
        at, below = mathematics("normal", wad(x))
        assert abs(at - density(x) * WAD) <= 2
        assert abs(below - probability(x) * WAD) <= 2
        assert below + mathematics("normal", -wad(x))[1] == WAD


@pytest.mark.parametrize("x", [2**255 - 1, -(2**255), 10**30, -(10**30)])
def test_the_normal_distribution_ends(mathematics: Mathematics, x: int) -> None:
    assert tuple(mathematics("normal", x)) == (0, WAD if x > 0 else 0)


HULL = Terms(Decimal(42), Decimal(40), Decimal("0.2"), YEAR // 2, Decimal("0.1"), Decimal(0))
HEDGED = Terms(Decimal(49), Decimal(50), Decimal("0.2"), 12_129_231, Decimal("0.05"), Decimal(0))


def test_hulls_examples(mathematics: Mathematics) -> None:
    call, put = mathematics("prices", words(HULL))
    assert (round(call / WAD, 2), round(put / WAD, 2)) == (4.76, 0.81)
    call, _, of_call, _ = mathematics("greeks", words(HEDGED))
    delta, gamma, vega, theta, rho = (value / WAD for value in of_call)
    assert round(call / WAD, 4) == 2.4005
    assert (round(delta, 3), round(gamma, 4)) == (0.522, 0.0655)
    # Hull's gamma is 0.0655 and his others to the places he prints.
    assert (round(vega, 1), round(theta, 3), round(rho, 3)) == (12.1, -4.305, 8.907)


@pytest.mark.parametrize(("volatility", "time"), [(0, YEAR), (WAD, 0), (0, 0)])
@pytest.mark.parametrize("spot", [1, 90 * WAD, 100 * WAD, 110 * WAD, DOMAIN])
def test_without_time_or_volatility_an_option_is_worth_its_exercise(
    mathematics: Mathematics, spot: int, volatility: int, time: int
) -> None:
    call, put, of_call, of_put = mathematics("greeks", (spot, 100 * WAD, volatility, time, 0, 0))
    assert (call, put) == (max(spot - 100 * WAD, 0), max(100 * WAD - spot, 0))
    assert of_call[1:3] == of_put[1:3] == (0, 0)
    assert of_call[0] - of_put[0] == WAD


@pytest.mark.parametrize("time", [1, 2, 60])
def test_an_option_of_seconds_and_little_volatility_is_exact(mathematics: Mathematics, time: int) -> None:
    for volatility, spot in product(("0.000001", "0.001", "3"), ("0.99999", "1", "1.000001")):
        t = Terms(Decimal(spot) * 2000, Decimal(2000), Decimal(volatility), time, Decimal("0.1"), Decimal("0.01"))
        call, put = mathematics("prices", words(t))
        true_call, true_put = both_sides(t)
        assert price_error(t, call, true_call) <= PRICE_ERROR
        assert price_error(t, put, true_put) <= PRICE_ERROR


@pytest.mark.parametrize(
    ("place", "value", "told", "low", "high"),
    [
        (0, 0, 0, 1, DOMAIN),
        (0, DOMAIN + 1, DOMAIN + 1, 1, DOMAIN),
        (1, 0, 0, 1, DOMAIN),
        (1, 2**256 - 1, 2**256 - 1, 1, DOMAIN),
        (2, 100 * WAD + 1, 100 * WAD + 1, 0, 100 * WAD),
        (3, 10 * YEAR + 1, 10 * YEAR + 1, 0, 10 * YEAR),
        (4, -3 * WAD - 1, 3 * WAD + 1, 0, 3 * WAD),
        (5, 3 * WAD + 1, 3 * WAD + 1, 0, 3 * WAD),
    ],
)
def test_what_lies_outside_is_refused_with_its_bounds(
    mathematics: Mathematics, place: int, value: int, told: int, low: int, high: int
) -> None:
    terms = [WAD, WAD, WAD, YEAR, 0, 0]
    terms[place] = value
    with pytest.raises(CallReverted) as refused:
        mathematics("prices", tuple(terms))
    fault = mathematics.abi.decode_revert(refused.value.output)
    assert (fault.name, fault.values) == ("OutOfDomain", (told, low, high))


@pytest.mark.parametrize(("spot", "strike"), [(1, DOMAIN), (DOMAIN, 1), (DOMAIN, DOMAIN), (1, 1)])
@pytest.mark.parametrize("rate", [-3 * WAD, 3 * WAD])
def test_nothing_overflows_at_the_corners_of_the_domain(
    mathematics: Mathematics, spot: int, strike: int, rate: int
) -> None:
    for carry, volatility, time in product((-3 * WAD, 3 * WAD), (1, WAD, 100 * WAD), (1, YEAR, 10 * YEAR)):
        call, put, of_call, of_put = mathematics("greeks", (spot, strike, volatility, time, rate, carry))
        ceiling = 10**14  # of discount and growth
        assert 0 <= call <= spot * ceiling
        assert 0 <= put <= strike * ceiling
        assert of_call[0] >= 0 >= of_put[0]
        assert min(of_call[1], of_call[2]) >= 0


SMILES = [
    ("0.004", "0.03", "-0.4", "0.01", "0.08", 7 * DAY),
    ("0.02", "0.08", "-0.35", "0.02", "0.15", 30 * DAY),
    ("0.07", "0.16", "-0.3", "0.05", "0.3", 90 * DAY),
]


def slices() -> list[tuple[int, ...]]:
    return [(*(wad(Decimal(x)) for x in row[:5]), int(row[5])) for row in SMILES]


def reference_slices() -> list[tuple[tuple[Decimal, ...], int]]:
    return [(tuple(Decimal(x) for x in row[:5]), int(row[5])) for row in SMILES]


@pytest.mark.parametrize("k", ["-1.5", "-0.3", "-0.01", "0", "0.2", "1.7"])
@pytest.mark.parametrize("days", [0.001, 1, 7, 11, 30, 61, 90, 200])
def test_a_surface_is_interpolated_in_total_variance(mathematics: Mathematics, days: float, k: str) -> None:
    time, at = int(days * DAY), Decimal(k)
    smiles = reference_slices()
    if time <= smiles[0][1]:
        stretch = (Decimal(smiles[0][1]) / time).sqrt()
        expected = total_variance(smiles[0][0], at * stretch) * time / smiles[0][1]
    elif time >= smiles[-1][1]:
        expected = total_variance(smiles[-1][0], at) * time / smiles[-1][1]
    else:
        (near, start), (far, end) = next((a, b) for a, b in pairwise(smiles) if a[1] <= time <= b[1])
        share = Decimal(time - start) / (end - start)
        expected = total_variance(near, at) * (1 - share) + total_variance(far, at) * share
    assert abs(Decimal(mathematics("variance", slices(), time, wad(at))) / WAD - expected) <= Decimal("5e-18") * max(
        Decimal(1), abs(at) * 10
    )


@pytest.mark.parametrize("k", [-2.0, -0.5, -0.05, 0.0, 0.05, 0.4, 2.0])
def test_total_variance_never_falls_with_time(mathematics: Mathematics, k: float) -> None:
    times = [1, HOUR, DAY, 6 * DAY, 7 * DAY, 8 * DAY, 29 * DAY, 30 * DAY, 31 * DAY, 89 * DAY, 91 * DAY, 300 * DAY]
    found = [mathematics("variance", slices(), time, int(k * WAD)) for time in times]
    assert found == sorted(found)
    assert found[-1] > found[0]


@pytest.mark.parametrize("row", [*slices(), (-(10**16), 2 * 10**17, -9 * 10**17, 0, 12 * 10**16, DAY)])
def test_the_density_has_the_sign_that_butterflies_have(mathematics: Mathematics, row: tuple[int, ...]) -> None:
    smile = Svi(*(value / WAD for value in row[:5]))
    ks = [step / 50 for step in range(-100, 101)]
    least = min(mathematics("density", row, int(k * WAD)) for k in ks) / WAD
    assert (least < 0) == bool(butterfly(smile))
    for k in islice(ks, 0, None, 20):
        w, slope, curvature = (float(value[0]) for value in smile.derivatives(np.array([k])))
        g = (1 - k * slope / (2 * w)) ** 2 - slope**2 / 4 * (1 / w + 0.25) + curvature / 2
        assert math.isclose(mathematics("density", row, int(k * WAD)) / WAD, g, rel_tol=1e-9, abs_tol=1e-9)
