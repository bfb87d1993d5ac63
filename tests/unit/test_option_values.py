"""Options in floats: against arithmetic of fifty digits, against the market's own surface, and by their own laws."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.market.surface import SliceSettings, Surface, VolatilitySettings
from simulator.protocols import option_math
from simulator.protocols.option_capability import series_id
from simulator.protocols.option_math import Greeks, Slice, SurfaceState, Terms, decoded
from simulator.protocols.options_mirror import series_of
from simulator.units import YEAR_SECONDS, to_wad
from simulator.validation.options_exact import Terms as Exact
from simulator.validation.options_exact import both_sides

WEEK = SliceSettings(days=7, a=0.003, b=0.03, rho=-0.3, m=0.0, sigma=0.1)
QUARTER = SliceSettings(days=90, a=0.05, b=0.09, rho=-0.3, m=0.02, sigma=0.25)
DAY = 86_400
CHOSEN = VolatilitySettings(slices={"week": WEEK, "quarter": QUARTER}, deviation=0.0)
STATE = SurfaceState([Slice(round(s.days * DAY), s.smile) for s in (WEEK, QUARTER)])

terms = st.builds(
    Terms,
    spot=st.floats(50, 200),
    strike=st.floats(50, 200),
    volatility=st.floats(0.1, 3),
    years=st.integers(3_600, YEAR_SECONDS).map(lambda seconds: seconds / YEAR_SECONDS),
    rate=st.floats(-0.2, 0.2),
    carry=st.floats(-0.2, 0.2),
)


@settings(max_examples=60, deadline=None)
@given(t=terms)
def test_prices_and_greeks_are_those_of_exact_arithmetic(t):
    seconds = round(t.years * YEAR_SECONDS)
    exact = Exact(*(Decimal(x) for x in (t.spot, t.strike, t.volatility)), seconds, Decimal(t.rate), Decimal(t.carry))
    for is_call, side in zip((True, False), both_sides(exact), strict=True):
        price, *expected = map(float, side)
        assert option_math.price(t, is_call=is_call) == pytest.approx(price, rel=1e-9, abs=1e-11 * t.strike)
        assert list(option_math.greeks(t, is_call=is_call)) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(t=terms, share=st.floats(0.05, 0.99))
def test_a_put_with_a_barrier_is_worth_no_more_than_without_and_no_less_than_nothing(t, share):
    barrier = share * t.strike
    value = option_math.barrier_price(t, barrier)
    assert 0 <= value <= option_math.price(t, is_call=False)
    assert t.spot > barrier or value == 0


def test_a_barrier_out_of_reach_takes_nothing_away():
    t = Terms(100.0, 95.0, 0.4, 0.1, 0.03, 0.01)
    assert option_math.barrier_price(t, 10.0) == pytest.approx(option_math.price(t, is_call=False), rel=1e-12)
    plain = option_math.greeks(t, is_call=False)
    assert list(option_math.barrier_greeks(t, 10.0)) == pytest.approx(list(plain), rel=1e-4)


@pytest.mark.parametrize("days", [0.5, 3, 7, 20, 89.9, 90])
@pytest.mark.parametrize("strike", [60.0, 95.0, 100.0, 130.0])
def test_the_mirrored_surface_is_the_markets(days, strike):
    market = Surface(CHOSEN, np.zeros(1), 100.0)
    expected = market.implied_volatility(0, 100.0, strike, days)
    assert STATE.volatility(100.0, strike, days * DAY) == pytest.approx(expected, rel=1e-12)


def test_beyond_the_last_slice_volatility_stays_and_bounds_hold():
    assert STATE.volatility(100.0, 110.0, 300 * DAY) == pytest.approx(STATE.volatility(100.0, 110.0, 90 * DAY))
    bounded = STATE._replace(lowest=0.9, highest=0.95)
    assert bounded.volatility(100.0, 100.0, 30 * DAY) == 0.9
    assert bounded.volatility(100.0, 1e6, 30 * DAY) == 0.95


def test_at_the_money_is_at_the_forward():
    state = STATE._replace(rate=0.3, carry=-0.1)
    forward = 100.0 * math.exp(0.4 * 20 / 365)
    assert state.at_the_money(20 * DAY) == pytest.approx(state.volatility(100.0, forward, 20 * DAY), rel=1e-12)
    flat = STATE.at_the_money(20 * DAY)
    assert state.at_the_money(20 * DAY) == pytest.approx(flat, rel=1e-12)


def test_a_surface_survives_the_way_to_the_contract_and_back():
    back = decoded(STATE.encoded())
    for mine, theirs in zip(STATE.slices, back, strict=True):
        assert theirs.seconds == mine.seconds
        assert theirs.smile == mine.smile


@given(
    expiry=st.integers(1, 2**40),
    strike=st.floats(0.01, 1e7),
    kind=st.sampled_from(["call", "put", "barrier"]),
)
def test_a_series_is_known_by_its_number(expiry, strike, kind):
    found = series_of(series_id(expiry, to_wad(strike), kind))
    assert (found.expiry, found.kind) == (expiry, kind)
    assert found.strike == pytest.approx(strike, rel=1e-12)


def test_greeks_add_up():
    one = Greeks(1.0, 2.0, 3.0, 4.0, 5.0)
    assert one + one.times(2.0) == one.times(3.0)
