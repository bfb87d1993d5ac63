"""A hedge on margin at the exchange: what it costs, what it carries, and the band within which it is left alone."""

import math
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from market_samples import flat_market, market_of

from simulator.agents.margin_book import HedgeSettings, MarginBook
from simulator.market import ImpactSettings

DEEP = ImpactSettings(depth_usd=1e6, permanent=0.0, half_life_minutes=1e9)


def book(market=None, **changes):
    """A book in ETH at 100 dollars, and its desk."""
    desk = SimpleNamespace(market=market or flat_market(None), cash=0.0, elapsed=0.0)
    chosen = {"capital_usd": 10_000.0, "holding_cost": 0.0, "fee": 0.0, "most_usd": 1e12, **changes}
    return MarginBook(desk, "ETH", HedgeSettings(**chosen)), desk


@given(st.floats(-600, 600), st.floats(0, 200))
def test_a_hedge_ends_at_the_edge_of_the_band_or_where_it_was(delta, band):
    held, _ = book(leverage=1e6)
    traded = held.hedge(delta, band)
    if abs(delta) <= band:
        assert traded == held.size == 0
    else:
        assert abs(delta + held.size) == pytest.approx(band, abs=1e-9)
        assert math.copysign(1, held.size) == -math.copysign(1, delta)


@given(st.lists(st.floats(-900, 900), min_size=1, max_size=8))
def test_margin_bounds_every_size_it_takes_on(wishes):
    held, _ = book(leverage=3.0)
    for wish in wishes:
        held.trade_to(wish)
        assert abs(held.size) * 100 <= 3.0 * held.equity * (1 + 1e-12)
        assert held.size == pytest.approx(min(max(wish, -300), 300))


def test_risk_is_taken_off_whatever_the_margin():
    market = market_of([100.0, 130.0])
    held, _ = book(market, leverage=4.0)
    held.trade_to(-400)
    market.advance(1)  # it has lost more than it had
    assert held.equity < 0
    held.trade_to(-100)
    assert held.size == -100
    held.trade_to(-200)
    assert held.size == 0  # no margin for more: it is flat instead


def test_fees_are_of_what_is_traded_both_ways():
    held, desk = book(fee=0.001)
    held.trade_to(50)
    held.trade_to(-20)
    assert held.traded == pytest.approx(12_000)
    assert held.costs == pytest.approx(12)
    assert desk.cash + held.size * 100 == pytest.approx(10_000 - 12)


def test_an_order_moves_the_market_and_pays_for_it():
    market = flat_market(DEEP)
    held, _ = book(market, leverage=100)
    before = market.price("ETH")
    held.trade_to(5_000)
    assert market.price("ETH") == pytest.approx(before * 1.01 ** (held.traded / 1e6), rel=1e-3)
    top = market.price("ETH")
    held.trade_to(0)
    assert market.price("ETH") == pytest.approx(before)
    assert top > before
    assert held.equity == pytest.approx(10_000)  # a round trip against nobody's flow costs nothing but fees


def test_orders_are_cut_to_the_largest():
    held, _ = book(most_usd=1_000.0)
    assert held.trade_to(50) == pytest.approx(10)
    assert held.trade_to(50) == pytest.approx(10)
    assert held.size == pytest.approx(20)


def test_holding_costs_by_the_year_either_way():
    for size in (30, -30):
        held, desk = book(holding_cost=0.1)
        held.trade_to(size)
        desk.elapsed = 365 * 86_400.0
        held.settle()
        held.settle()  # only once
        assert held.costs == pytest.approx(300)


def test_the_exchange_closes_what_has_no_margin_left():
    market = market_of([100.0, 106.0, 125.0])
    held, _ = book(market, leverage=5.0, maintenance=0.02)
    held.trade_to(-450)
    market.advance(1)
    held.settle()
    assert (held.size, held.closed_out) == (-450, 0)
    market.advance(2)
    held.settle()
    assert (held.size, held.closed_out) == (0, 1)


@settings(max_examples=50)
@given(st.floats(1e-6, 1.0), st.floats(1.0, 1e6), st.floats(1.1, 10))
def test_the_band_is_that_of_whalley_and_wilmott(gamma, capital, times):
    held, _ = book(fee=0.0005, risk_aversion=2.0)
    band = held.band(gamma, capital)
    assert band**3 == pytest.approx(1.5 * 0.0005 * 100 * gamma**2 * capital / 2.0)
    assert held.band(gamma * times, capital) == pytest.approx(band * times ** (2 / 3))
    assert held.band(gamma, capital * times) == pytest.approx(band * math.cbrt(times))


def test_without_costs_there_is_no_band():
    held, _ = book()
    assert held.band(1.0, 1e6) == 0
