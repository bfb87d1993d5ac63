import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from market_samples import STEP, Given, asset, flat_market, grid
from pydantic import ValidationError

from simulator.market import ImpactSettings, Market
from simulator.market.book import Book, LogForm
from simulator.market.venues import arbitrage, reference_level, routed
from simulator.streams import Streams

DEPTH = 1e6
weights = st.lists(st.floats(0.01, 1), min_size=2, max_size=5)
forms = st.sampled_from(("log", "additive"))
sizes = st.floats(-5e4, 5e4).filter(lambda size: abs(size) > 1e-3)


def shared(shares, **more):
    """A table of venues from weights."""
    names = [f"V{number}" for number in range(len(shares))]
    table = {
        name: {"share": share / sum(shares)} | more.get(name, {}) for name, share in zip(names, shares, strict=True)
    }
    return table


def impact_of(venues, **settings) -> ImpactSettings:
    return ImpactSettings(**{"depth_usd": DEPTH, "permanent": 0.3, "venues": venues} | settings)


def traded(market, quantity, venue=""):
    return market.buy("ETH", quantity, venue) if quantity > 0 else market.sell("ETH", -quantity, venue)


# ---------------------------------------------------------------------------- routing


@given(weights, st.floats(0, 1), forms, st.lists(st.tuples(sizes, st.integers(0, 4)), min_size=1, max_size=5))
def test_routing_over_venues_costs_what_one_venue_of_their_depth_costs(shares, permanent, form, orders):
    settings = {"permanent": permanent, "form": form, "thinning": 0.5, "shock_move": 0.05}
    one = flat_market(ImpactSettings(depth_usd=DEPTH, **settings), steps=60, price=100.0)
    many = flat_market(impact_of(shared(shares), **settings), steps=60, price=100.0)
    step = 0
    for quantity, wait in orders:
        if not abs(math.log(one.price("ETH") / 100)) < 0.9:  # below, an additive price nears zero
            break
        assert traded(many, quantity) == pytest.approx(traded(one, quantity), rel=1e-9, abs=1e-6)
        assert many.price("ETH") == pytest.approx(one.price("ETH"), rel=1e-9)
        for _ in range(wait):
            step += 1
            one.advance(step)
            many.advance(step)
        assert many.price("ETH") == pytest.approx(one.price("ETH"), rel=1e-9)


@given(weights, st.floats(0, 1), forms, st.floats(1, 2e4), st.booleans())
def test_going_to_one_venue_costs_more_than_routing(shares, permanent, form, quantity, selling):
    market = flat_market(impact_of(shared(shares), permanent=permanent, form=form), price=100.0)
    best = market.quote_sell("ETH", quantity) if selling else market.quote_buy("ETH", quantity)
    for venue in market.venues("ETH"):
        there = market.quote_sell("ETH", quantity, venue) if selling else market.quote_buy("ETH", quantity, venue)
        assert there < best if selling else there > best


@given(weights, st.lists(st.floats(-0.1, 0.1), min_size=5, max_size=5), sizes)
def test_a_routed_order_leaves_equal_prices_where_it_went_and_better_ones_nowhere(shares, levels, quantity):
    books = [Book(LogForm(), DEPTH * share, 0.3) for share in shares]
    for book, level in zip(books, levels, strict=False):
        book.transient = level
    before = [book.level for book in books]
    parts = routed(books, quantity, LogForm().unit(100.0))
    assert sum(parts) == pytest.approx(quantity, rel=1e-12)
    for book, part in zip(books, parts, strict=True):
        assert part * quantity >= 0
        book.trade(part, 100.0)
    side = math.copysign(1, quantity)
    reached = side * next(book.level for book, part in zip(books, parts, strict=True) if part)
    for book, part, was in zip(books, parts, before, strict=True):
        if part:
            assert side * book.level == pytest.approx(reached, abs=1e-9)
        else:
            assert book.level == was
            assert side * was >= reached - 1e-9


def test_an_order_too_small_to_be_seen_is_filled_all_the_same():
    market = flat_market(impact_of(shared([1, 1])), price=100.0)
    market.buy("ETH", 50_000)
    assert market.quote_sell("ETH", 1e-16) == pytest.approx(1e-16 * market.price("ETH"))


# --------------------------------------------------------------------- price, arbitrage


def test_the_reference_price_is_the_mean_by_depth_of_the_venues():
    market = flat_market(impact_of(shared([1, 3])), price=100.0)
    market.sell("ETH", 2_500, "V0")  # a per cent of its quarter
    assert market.price("ETH", "V0") == pytest.approx(100 / 1.01)
    assert market.price("ETH", "V1") == 100.0
    assert market.price("ETH") == pytest.approx(100 * 1.01**-0.25)
    assert market.exogenous("ETH") == 100.0


def test_half_of_a_gap_between_venues_is_gone_after_the_half_life_and_the_reference_stays():
    impact = impact_of(shared([1, 3]), permanent=1.0, arbitrage_minutes=STEP * 5 / 60)
    market = flat_market(impact, price=100.0)
    market.sell("ETH", 2_500, "V0")
    before = market.price("ETH")
    for step in range(1, 6):
        market.advance(step)
    gap = math.log(market.price("ETH", "V1") / market.price("ETH", "V0"))
    assert gap == pytest.approx(math.log(1.01) / 2, rel=1e-9)
    assert market.price("ETH") == pytest.approx(before, rel=1e-12)


@given(weights, st.lists(st.tuples(sizes, st.integers(0, 4)), max_size=5), st.floats(0, 1))
def test_arbitrage_moves_no_reference_price_and_never_widens_a_gap(shares, orders, closed):
    books = [Book(LogForm(), DEPTH * share, 0.3) for share in shares]
    for quantity, place in orders:
        books[place % len(books)].trade(quantity, 100.0)
    books[0].thin(3.0)
    level, gaps = reference_level(books), [book.level for book in books]
    arbitrage(books, closed)
    assert reference_level(books) == pytest.approx(level, abs=1e-9)
    for book, was in zip(books, gaps, strict=True):
        assert abs(book.level - level) <= abs(was - level) + 1e-9


@given(weights)
def test_while_nobody_trades_every_price_is_the_exogenous_one_to_the_last_bit(shares):
    impact = impact_of(shared(shares, V0={"troubles": [{"id": "t", "from": 0, "to": 1, "depth": 0.3}]}), thinning=2.0)
    market = flat_market(impact, price=0.1 + 0.2)
    for step in range(1, 20):
        market.advance(step)
        for venue in ("", *market.venues("ETH")):
            assert market.price("ETH", venue) == market.exogenous("ETH")


# ----------------------------------------------------------------------------- troubles


def test_a_venue_loses_depth_for_as_long_as_is_declared():
    gone = {"V0": {"troubles": [{"id": "t", "from": 0.01, "to": 0.02, "depth": 0.2}]}}  # 36 s to 72 s
    market = flat_market(impact_of(shared([1, 1], **gone), permanent=0.0), price=100.0)
    lost = []
    for step in range(8):
        market.advance(step)
        lost.append(round((100 - market.quote_sell("ETH", 1.0, "V0")) / (100 - market.quote_sell("ETH", 1.0, "V1")), 3))
    assert lost == [1, 1, 1, 5, 5, 5, 1, 1]  # steps of 13 s


def test_a_wick_is_one_venues_price_and_neither_the_reference_nor_an_order_without_a_venue_sees_it():
    wick = {"V0": {"troubles": [{"id": "t", "from": 0, "to": 0.01, "wick": 0.65}]}}
    market = flat_market(impact_of(shared([1, 1], **wick)), price=100.0)
    calm = flat_market(impact_of({"V1": {"share": 1.0}}, depth_usd=DEPTH / 2), price=100.0)
    assert market.price("ETH", "V0") == 65.0
    assert market.price("ETH", "V1") == market.price("ETH") == 100.0
    assert market.quote_sell("ETH", 10.0, "V0") == pytest.approx(650, rel=1e-3)
    assert market.sell("ETH", 1000.0) == calm.sell("ETH", 1000.0)
    market.advance(3)
    assert market.price("ETH", "V0") == pytest.approx(100.0, rel=1e-3)


def test_a_trouble_without_an_end_lasts():
    market = flat_market(impact_of({"A": {"share": 1, "troubles": [{"id": "t", "depth": 0.5}]}}, permanent=0.0))
    plain = flat_market(impact_of({}, depth_usd=DEPTH / 2, permanent=0.0))
    for step in (0, 50):
        market.advance(step)
        plain.advance(step)
        assert market.quote_sell("ETH", 5000.0) == plain.quote_sell("ETH", 5000.0)


def test_venues_of_one_asset_leave_another_alone():
    two = asset(Given([100.0] * 4), impact_of(shared([1, 1])))
    market = Market({"ETH": two, "DOLLAR": two}, grid(3), Streams(1))
    market.sell("ETH", 10_000, "V0")
    assert market.price("DOLLAR", "V0") == market.price("DOLLAR") == 100.0


# ------------------------------------------------------------------------------- misuse


@pytest.mark.parametrize("impact", [None, ImpactSettings(depth_usd=1e6), impact_of(shared([1, 1]))])
def test_a_venue_that_there_is_not_is_named_with_those_that_there_are(impact):
    market = flat_market(impact)
    for ask in (market.sell, market.buy, market.quote_sell, market.quote_buy):
        with pytest.raises(ValueError, match=r"ETH has no venue V7; its venues: (none|V0, V1)"):
            ask("ETH", 1.0, "V7")
    with pytest.raises(ValueError, match="ETH has no venue V7"):
        market.price("ETH", "V7")


@pytest.mark.parametrize(
    ("venues", "rule"),
    [
        ({"A": {"share": 0.5}}, "add up to 0.5; must be 1"),
        ({"A": {"share": 0.7}, "B": {"share": 0.7}}, "add up to 1.4; must be 1"),
        ({"A": {"share": 0}}, "greater than 0"),
        ({"A": {"share": 1, "troubles": [{"id": "t", "from": 2, "to": 1}]}}, "from = 2, to = 1: must be from < to"),
        (
            {"A": {"share": 1, "troubles": [{"id": "t", "from": 0, "to": 2}, {"id": "u", "from": 1}]}},
            "u begins before t is over",
        ),
        ({"A": {"share": 1, "troubles": [{"id": "t", "from": 0, "to": 2, "depth": 0}]}}, "greater than 0"),
        ({"A": {"share": 1, "troubles": [{"id": "t", "from": 0, "to": 2, "wick": 0.5}]}}, "must leave another venue"),
        (
            {
                "A": {"share": 0.5, "troubles": [{"id": "t", "from": 0, "to": 2, "wick": 0.5}]},
                "B": {"share": 0.5, "troubles": [{"id": "t", "from": 1, "to": 3, "wick": 0.5}]},
            },
            "must leave another venue",
        ),
    ],
)
def test_impossible_venues_are_refused_with_the_rule(venues, rule):
    with pytest.raises(ValidationError, match=rule):
        impact_of(venues)
