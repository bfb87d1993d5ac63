"""Random streams by name below one seed."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.streams import Streams
from simulator.units import from_wad, per_second_ray, to_fixed, to_wad


def test_a_stream_depends_on_its_name_and_the_seed_alone():
    first = Streams(7)
    first.generator("somebody else").random(100)
    assert first.generator("a").random(5).tolist() == Streams(7).generator("a").random(5).tolist()
    assert Streams(7).generator("a").random() != Streams(8).generator("a").random()
    assert Streams(7).generator("a").random() != Streams(7).generator("b").random()


def test_wads_survive_the_crossing_and_nan_does_not_cross():
    assert to_wad(194.6) == 194_600_000_000_000_000_000
    assert to_wad(1.13) == 113 * 10**16  # 1.13 * 10**18 in floats is 128 less
    assert from_wad(15 * 10**17) == 1.5
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="no fixed-point form"):
            to_fixed(value, 1)


@given(st.integers(-(10**30), 10**30), st.sampled_from([1, 10**8, 10**9, 10**18, 10**27]))
def test_what_is_written_in_as_many_decimals_as_there_are_crosses_to_the_digit(units, one):
    written = float(Decimal(units) / one)
    exact = Decimal(repr(written)) * one
    assert abs(to_fixed(written, one) - exact) <= Decimal(
        "0.65"
    )  # the product of floats may take the other side of a half
    assert exact != int(exact) or to_fixed(written, one) == exact


def test_the_per_second_rate_compounds_to_the_annual_one():
    rate = per_second_ray(0.05)
    assert (1 + rate / 1e27) ** (365 * 24 * 3600) == pytest.approx(1.05, rel=1e-9)
    assert per_second_ray(0.0) == 0
