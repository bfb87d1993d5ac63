import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from market_samples import STEP, Given, asset, flat_market, grid, market_of
from pydantic import ValidationError

from simulator.market import Impact, ImpactSettings, Market
from simulator.market.venues import VenueSettings
from simulator.streams import Streams

sizes = st.floats(1e-3, 1e5)
depths = st.floats(1e4, 1e8)
shares = st.floats(0, 1)
impacts_in_one_place = st.builds(
    ImpactSettings,
    depth_usd=st.floats(1e6, 1e8),
    permanent=shares,
    half_life_minutes=st.floats(0.1, 1000),
    venues=st.sampled_from([{}, {"A": VenueSettings(share=1)}]),
)
THOUSAND_HALF_LIVES = 1800.0 * 1100  # after which the decaying part is zero in floats too


def impact_of(**settings) -> Impact:
    return Impact(ImpactSettings(**{"depth_usd": 1e6, "permanent": 0.3, "half_life_minutes": 30} | settings))


def test_the_depth_is_what_moves_the_price_by_one_per_cent():
    market = flat_market(ImpactSettings(depth_usd=1e6))
    market.buy("ETH", 10_000)
    assert market.price("ETH") == pytest.approx(101.0, rel=1e-14)
    market = flat_market(ImpactSettings(depth_usd=1e6))
    market.sell("ETH", 10_000)
    assert market.price("ETH") == pytest.approx(100 / 1.01, rel=1e-14)
    assert market.exogenous("ETH") == 100.0


def test_an_order_fills_at_the_average_along_its_way():
    # The integral of 100 e^(kx) over 10,000 tokens with e^(10,000 k) = 1.01 is 100 * .01 / k.
    market = flat_market(ImpactSettings(depth_usd=1e6))
    assert market.buy("ETH", 10_000) == pytest.approx(100 * 0.01 * 10_000 / math.log(1.01), rel=1e-12)
    market = flat_market(ImpactSettings(depth_usd=1e6))
    assert market.sell("ETH", 10_000) == pytest.approx(100 * (1 - 1 / 1.01) * 10_000 / math.log(1.01), rel=1e-12)


@given(depths, shares, sizes)
def test_a_sale_and_full_decay_leave_exactly_the_permanent_part(depth, permanent, quantity):
    impact = impact_of(depth_usd=depth, permanent=permanent)
    impact.trade(-quantity, 100.0)
    moved = impact.level
    impact.advance(THOUSAND_HALF_LIVES, 0.8)
    assert impact.level == pytest.approx(moved * permanent, rel=1e-14)
    assert impact.price(100.0) == 100 * math.exp(max(-300.0, impact.level))


@given(
    impacts_in_one_place,
    st.lists(st.tuples(st.floats(-1e4, 1e4), st.integers(0, 3)), max_size=6),
    st.lists(st.floats(1, 1e4), min_size=20, max_size=20),
)
def test_in_one_place_that_does_not_thin_every_bit_is_that_of_the_plain_formula(settings, orders, prices):
    market = market_of(prices, settings)
    permanent = transient = 0.0
    step = 0
    for quantity, wait in orders:
        price = prices[step] * displaced(permanent + transient)
        slope = math.log(1.01) * price / (settings.depth_usd * displaced(permanent + transient))
        shift = slope * quantity
        dollars = abs(price * math.expm1(shift) / slope) if shift else price * abs(quantity)
        assert (market.buy if quantity > 0 else market.sell)("ETH", abs(quantity)) == dollars
        permanent += shift * settings.permanent
        transient += shift * (1 - settings.permanent)
        for _ in range(wait):
            step += 1
            market.advance(step)
            transient *= math.exp(-math.log(2) / (settings.half_life_minutes * 60) * STEP)
        assert market.price("ETH") == prices[step] * displaced(permanent + transient)


def displaced(level: float) -> float:
    return math.exp(level) if level else 1.0


def test_half_of_the_rest_is_gone_after_a_half_life_in_one_step_or_many():
    # 13 s steps: 60 of them are 13 minutes.
    market = flat_market(ImpactSettings(depth_usd=1e6, permanent=0.4, half_life_minutes=13), steps=60)
    market.sell("ETH", 10_000)
    for step in range(1, 61):
        market.advance(step)
    assert math.log(market.price("ETH") / 100) == pytest.approx(-math.log(1.01) * (0.4 + 0.6 / 2), rel=1e-12)
    leap = flat_market(ImpactSettings(depth_usd=1e6, permanent=0.4, half_life_minutes=13), steps=60)
    leap.sell("ETH", 10_000)
    leap.advance(60)
    assert leap.price("ETH") == pytest.approx(market.price("ETH"), rel=1e-12)


def test_no_time_passes_at_the_first_step():
    market = flat_market(ImpactSettings(depth_usd=1e6, permanent=0.0, half_life_minutes=1))
    market.sell("ETH", 10_000)
    low = market.price("ETH")
    market.advance(0)
    assert market.price("ETH") == low


@given(depths, shares, sizes, sizes, st.booleans())
def test_two_halves_of_an_order_at_one_instant_bring_what_the_whole_brings(depth, permanent, first, second, selling):
    settings = ImpactSettings(depth_usd=depth, permanent=permanent)
    whole, parts = flat_market(settings, price=1.0), flat_market(settings, price=1.0)
    trade = "sell" if selling else "buy"
    dollars = getattr(whole, trade)("ETH", first + second)
    in_parts = getattr(parts, trade)("ETH", first) + getattr(parts, trade)("ETH", second)
    assert in_parts == pytest.approx(dollars, rel=1e-12)
    assert parts.price("ETH") == pytest.approx(whole.price("ETH"), rel=1e-12)


def test_a_quote_is_what_the_trade_then_brings_and_moves_nothing():
    market = flat_market(ImpactSettings(depth_usd=1e6))
    asked, offered = market.quote_buy("ETH", 5_000), market.quote_sell("ETH", 5_000)
    assert market.price("ETH") == 100.0
    assert offered < 500_000 < asked
    assert market.buy("ETH", 5_000) == asked
    market = flat_market(ImpactSettings(depth_usd=1e6))
    assert market.sell("ETH", 5_000) == offered


def test_nothing_traded_is_nothing_paid():
    market = flat_market(ImpactSettings(depth_usd=1e6))
    assert market.sell("ETH", 0.0) == market.buy("ETH", 0.0) == 0.0
    assert market.price("ETH") == 100.0


# ------------------------------------------------------------------------------ depth


@pytest.mark.parametrize(
    ("volatility", "thinning", "times"), [(0.8, 1.0, 1), (1.6, 1.0, 2), (2.4, 0.5, 2), (0.1, 1.0, 1), (8.0, 0.0, 1)]
)
def test_depth_thins_with_realised_volatility_above_normal_and_never_thickens(volatility, thinning, times):
    impact = impact_of(thinning=thinning, normal_volatility=0.8, permanent=0)
    impact.advance(STEP, volatility)
    impact.trade(-10_000, 100.0)
    assert impact.level == pytest.approx(-times * math.log(1.01), rel=1e-12)


def test_a_storm_outside_thins_the_depth():
    settings = ImpactSettings(depth_usd=1e6, thinning=1.0, normal_volatility=0.8)
    calm, storm = flat_market(settings, steps=200), market_of([100 * 1.01 ** (n % 2) for n in range(201)], settings)
    for step in range(201):
        calm.advance(step)
        storm.advance(step)
    assert storm.exogenous("ETH") == calm.exogenous("ETH") == 100.0
    lost, usually_lost = (100_000 - market.quote_sell("ETH", 1000) for market in (storm, calm))
    assert lost > 10 * usually_lost


def test_what_agents_sell_is_realised_volatility_too():
    settings = ImpactSettings(depth_usd=1e6, permanent=0.5, thinning=1.0, normal_volatility=0.8)
    thinning = flat_market(settings)
    steady = flat_market(settings.model_copy(update={"thinning": 0.0}))
    for market in (thinning, steady):
        market.sell("ETH", 50_000)
        market.advance(1)  # the fall is seen,
        market.advance(2)  # and the depth follows
    assert thinning.price("ETH") == steady.price("ETH") < 96
    assert thinning.quote_sell("ETH", 1000) < steady.quote_sell("ETH", 1000)


def test_realised_volatility_is_that_of_the_path_in_the_long_run():
    # A log move of m each step is a variance of m² a step.
    move, steps = 0.002, 3000
    impact = ImpactSettings(depth_usd=1e6, permanent=0.0, thinning=1.0, normal_volatility=0.8)
    market = market_of([100 * math.exp(move * (n % 2)) for n in range(steps + 1)], impact)
    for step in range(steps + 1):
        market.advance(step)
    realised = move * math.sqrt(365 * 24 * 3600 / STEP)
    market.sell("ETH", 10_000)
    shift = math.log(market.price("ETH") / market.exogenous("ETH"))
    assert shift == pytest.approx(-math.log(1.01) * realised / 0.8, rel=1e-6)


# ------------------------------------------------------------------- the Dollar's market


def test_those_who_must_buy_a_stablecoin_squeeze_its_price_and_it_comes_back():
    settings = ImpactSettings(depth_usd=400_000, permanent=0.0, half_life_minutes=13)
    market = flat_market(settings, steps=600, price=1.0)
    costs = [market.buy("ETH", 1_000_000) for _ in range(4)]
    assert costs == sorted(costs)
    # 4 million at 400,000 a per cent are ten of them.
    assert market.price("ETH") == pytest.approx(1.01**10, rel=1e-12)
    for step in range(1, 601):
        market.advance(step)
    assert market.price("ETH") == pytest.approx(1.01 ** (10 / 2**10), rel=1e-12)


def test_impact_in_one_market_leaves_the_other_alone():
    thin = ImpactSettings(depth_usd=1e5)
    market = Market({"ETH": asset(Given([100.0]), thin), "DOLLAR": asset(Given([1.0]), thin)}, grid(0), Streams(1))
    market.sell("ETH", 10_000)
    assert market.price("DOLLAR") == 1.0
    assert market.price("ETH") < 95


# ------------------------------------------------------------------------------ misuse


@pytest.mark.parametrize("quantity", [-1.0, -1e-9, math.nan])
@pytest.mark.parametrize("trade", ["sell", "buy", "quote_sell", "quote_buy"])
@pytest.mark.parametrize("impact", [None, ImpactSettings(depth_usd=1e6)])
def test_less_than_nothing_cannot_be_traded(impact, trade, quantity):
    market = flat_market(impact)
    with pytest.raises(ValueError, match="must be >= 0"):
        getattr(market, trade)("ETH", quantity)
    assert market.price("ETH") == 100.0


def test_more_than_all_the_depth_costs_infinity_and_a_sale_of_it_leaves_a_price():
    market = flat_market(ImpactSettings(depth_usd=1000))
    assert market.quote_buy("ETH", 1e9) == math.inf
    proceeds = market.sell("ETH", 1e9)
    # The integral down to a price of zero.
    assert proceeds == pytest.approx(1000 / math.log(1.01))
    for step in range(1, 5):
        market.advance(step)
        assert 0 < market.price("ETH") < 1e-100
        assert 0 <= market.sell("ETH", 1.0) < 1e-90


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"depth_usd": 0},
        {"depth_usd": -1},
        {"depth_usd": 1, "permanent": 1.1},
        {"depth_usd": 1, "permanent": -0.1},
        {"depth_usd": 1, "half_life_minutes": 0},
        {"depth_usd": 1, "thinning": -1},
        {"depth_usd": 1, "normal_volatility": 0},
        {"depth_usd": math.nan},
        {"depth_usd": 1, "dpeth": 2},
    ],
)
def test_impossible_depths_are_refused(settings):
    with pytest.raises(ValidationError):
        ImpactSettings(**settings)
