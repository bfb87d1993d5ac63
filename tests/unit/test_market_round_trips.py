"""No sequence of trades profits by its own moves, whatever depth does meanwhile."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from market_samples import flat_market, market_of

from simulator.market import ImpactSettings
from simulator.market.book import Book, LogForm

STEPS = 60
NAMES = ("A", "B", "C")
PRICE = 100.0
DEPTH = 1e6

shares = st.floats(0, 1)
# A trade: tokens (10,000 move the price by 1 %), where, and how many blocks it waits for the next.
trades = st.lists(
    st.tuples(st.floats(-2e5, 2e5), st.sampled_from(("", *NAMES)), st.integers(0, 8)), min_size=1, max_size=7
)


@st.composite
def troubles(draw):
    """Spans of a venue in which depth is gone, within the 13 minutes of a test."""
    hours = sorted(draw(st.lists(st.floats(0, 0.2), min_size=2, max_size=4, unique=True)))
    return [{"id": str(a), "from": a, "to": b, "depth": draw(st.floats(0.01, 1))} for a, b in pairwise(hours)]


@st.composite
def venues(draw):
    """Two or three venues that share the depth."""
    weights = draw(st.lists(st.floats(0.05, 1), min_size=2, max_size=3))
    table = {
        name: {"share": weight / sum(weights), "troubles": draw(troubles())}
        for name, weight in zip(NAMES, weights, strict=False)
    }
    last = list(table)[-1]
    table[last]["share"] = 1 - sum(venue["share"] for name, venue in table.items() if name != last)
    return table


@st.composite
def impacts(draw, forms=("log", "additive")):
    """Any kind of depth that there is."""
    return ImpactSettings(
        depth_usd=DEPTH,
        form=draw(st.sampled_from(forms)),
        permanent=draw(shares),
        half_life_minutes=draw(st.floats(0.2, 1e4)),
        thinning=draw(st.floats(0, 20)),
        normal_volatility=draw(st.floats(0.1, 3)),
        shock_move=draw(st.sampled_from((0.0, 0.01, 0.1))),
        shock_minutes=draw(st.floats(0.2, 10)),
        shock_depth=draw(st.floats(0.02, 1)),
        recovery_minutes=draw(st.floats(0.05, 100)),
        arbitrage_minutes=draw(st.floats(0.05, 1000)),
        venues=draw(st.one_of(st.just({}), venues())),
    )


def traded(market, orders):
    """Cash, tokens and what the tokens cost outside after some orders, and what was turned over."""
    cash = held = outside = turnover = 0.0
    step = 0
    for quantity, named, wait in orders:
        venue = named if named in market.venues("ETH") else ""
        dollars = market.buy("ETH", quantity, venue) if quantity > 0 else -market.sell("ETH", -quantity, venue)
        cash, held, outside = cash - dollars, held + quantity, outside + quantity * market.exogenous("ETH")
        turnover += abs(dollars)
        for _ in range(wait):
            step += 1
            market.advance(step)
    return cash, held, outside, turnover


@given(impacts(), trades, st.sampled_from(("", *NAMES)))
@settings(max_examples=400)
def test_no_sequence_of_trades_that_ends_flat_profits_in_any_depth(impact, orders, last):
    market = flat_market(impact, steps=STEPS, price=PRICE)
    cash, held, _, turnover = traded(market, orders)
    closing = (-held, last, 0)
    back, _, _, also = traded(market, [closing])
    assert cash + back <= 1e-9 * (turnover + also + 1)


@given(impacts(forms=("log",)), trades, st.lists(st.floats(-0.05, 0.05), min_size=STEPS, max_size=STEPS))
def test_what_is_bought_costs_at_least_what_it_cost_outside(impact, orders, moves):
    # Whether it ends flat or not: what profit there is, the price outside has made.
    prices = [PRICE * math.exp(sum(moves[:n])) for n in range(STEPS + 1)]
    market = market_of(prices, impact)
    cash, _, outside, turnover = traded(market, orders)
    assert -cash >= outside - 1e-9 * (turnover + abs(outside) + 1)


@pytest.mark.parametrize("permanent", [0.0, 0.5, 0.7, 0.9, 1.0])
@pytest.mark.parametrize("short", [False, True])
def test_nobody_buys_in_a_thin_market_to_sell_in_a_deep_one(permanent, short):
    # A trouble that ends: four fifths of the depth are gone for a block, and decay is slow.
    venue = {"share": 1.0, "troubles": [{"id": "t", "from": 0, "to": 0.003, "depth": 0.2}]}
    impact = ImpactSettings(depth_usd=DEPTH, permanent=permanent, half_life_minutes=1e6, venues={"A": venue})
    market = flat_market(impact, steps=3, price=PRICE)
    there, back = (market.sell, market.buy) if short else (market.buy, market.sell)
    opened = there("ETH", 50_000)
    market.advance(3)
    closed = back("ETH", 50_000)
    assert (opened - closed if short else closed - opened) <= 1e-9 * opened


@given(st.floats(1.01, 100), shares, st.floats(-1, 1))
def test_depth_that_comes_back_fills_the_gap_in_proportion(times, permanent, level):
    book = Book(LogForm(), DEPTH, permanent)
    book.thin(times)
    book.transient = level
    book.thin(1.0)
    assert book.transient == pytest.approx(level / times, rel=1e-15)
    filled = book.transient
    book.thin(times)  # going, it leaves the price where it is
    assert book.transient == filled


@given(st.floats(1, 100), shares)
def test_what_stays_does_not_depend_on_how_thin_the_market_is(times, permanent):
    book = Book(LogForm(), DEPTH, permanent)
    book.thin(times)
    book.trade(10_000, PRICE)
    assert book.permanent == pytest.approx(math.log(1.01) * permanent, rel=1e-12)
    assert book.transient == pytest.approx(math.log(1.01) * (1 - permanent) * times, rel=1e-12)
