import pytest
from hypothesis import given
from hypothesis import strategies as st
from market_samples import flat_market, market_of

from simulator.market import ImpactSettings
from simulator.market.thinning import Thinning, Window

BLOCK = 60.0


def thinning_of(**settings) -> Thinning:
    return Thinning(ImpactSettings(**{"depth_usd": 1e6, "shock_move": 0.05, "shock_minutes": 10} | settings))


def lost(market, venue=""):
    """What selling a little loses to its own impact, which is as many times more as depth is thinner."""
    return market.price("ETH", venue) * 10 - market.quote_sell("ETH", 10.0, venue)


@given(st.lists(st.tuples(st.floats(1, 100), st.floats(0.1, 50)), min_size=1, max_size=60), st.floats(0, 200))
def test_a_window_knows_the_lowest_and_the_highest_of_its_seconds(values, seconds):
    window, seen, now = Window(seconds), [], 0.0
    for value, wait in values:
        now += wait
        seen.append((now, value))
        within = [known for at, known in seen if at >= now - seconds]
        assert window.add(value, wait) == (min(within), max(within))


@pytest.mark.parametrize(
    ("prices", "shock"),
    [
        ([100, 95], True),  # a fall of 5 %
        ([100, 95.1], False),
        ([100, 105], True),  # and a rise
        ([100, 98, 96, 94.9], True),  # in several blocks
        ([100, *[100 - n * 0.45 for n in range(1, 20)]], False),  # but not too slowly
        ([96, 100, 96, 100], False),
    ],
)
def test_a_shock_is_a_move_of_so_much_within_so_many_minutes(prices, shock):
    thinning = thinning_of()
    assert sum(thinning.see(price, BLOCK) for price in prices) == shock
    assert thinning.times == (pytest.approx(1 / 0.22) if shock else 1.0)


def test_half_of_the_depth_that_went_is_back_after_the_half_life():
    # Of the times by which depth is divided: 5, 3, 2, ...
    thinning = thinning_of(shock_depth=0.2, recovery_minutes=30)
    thinning.see(100, 0)
    thinning.see(90, BLOCK)
    assert [thinning.advance(1800, 0.0) for _ in range(3)] == pytest.approx([3, 2, 1.5])


def test_in_several_steps_depth_comes_back_as_in_one():
    one, many = thinning_of(), thinning_of()
    for thinning in (one, many):
        thinning.see(100, 0)
        thinning.see(90, BLOCK)
    for _ in range(100):
        many.advance(BLOCK, 0.0)
    assert one.advance(100 * BLOCK, 0.0) == pytest.approx(many.times)


def test_depth_is_the_thinner_of_what_shock_and_volatility_leave_and_not_the_product():
    thinning = thinning_of(shock_depth=0.5, thinning=1.0, normal_volatility=0.8)
    thinning.see(100, 0)
    thinning.see(90, BLOCK)
    assert thinning.advance(0, 0.8 * 4) == pytest.approx(4)
    assert thinning_of(shock_depth=0.5, thinning=1.0).advance(0, 0.8) == 1.0


def test_depth_that_trembles_does_not_fill_a_displacement_faster_than_it_returns():
    # Volatility jumps up and down at every block: what decays goes at most at both half-lives together.
    thinning = thinning_of(shock_move=0, thinning=1.0, normal_volatility=0.8, recovery_minutes=60)
    filled = 1.0
    for block in range(60):
        before = thinning.times
        filled *= min(1.0, thinning.advance(BLOCK, 0.8 * (4 + block % 2)) / before)
    assert filled > 0.5


def test_a_shock_in_the_market_cuts_the_depth_of_the_blocks_behind_it():
    settings = ImpactSettings(depth_usd=1e6, permanent=0.0, shock_move=0.05, shock_depth=0.2, recovery_minutes=1e9)
    market = market_of([100.0, 100.0, 90.0, 90.0], settings)
    losses = []
    for step in range(4):
        market.advance(step)
        losses.append(lost(market))
    before, after = losses[1], losses[2] / 0.9  # a token is worth less, so that fewer dollars are sold
    assert after / before == pytest.approx(5 * 0.9, rel=1e-3)
    assert losses[3] == pytest.approx(losses[2])


def test_what_agents_sell_is_a_shock_too():
    settings = ImpactSettings(depth_usd=1e6, permanent=0.5, shock_move=0.05, shock_depth=0.2)
    market = flat_market(settings)
    usually = lost(market)
    market.sell("ETH", 60_000)
    market.advance(1)
    assert lost(market) > 2 * usually


def test_a_shock_thins_every_venue_and_a_trouble_one_of_them_more():
    venues = {"A": {"share": 0.5, "troubles": [{"id": "t", "from": 0, "to": 1, "depth": 0.5}]}, "B": {"share": 0.5}}
    settings = ImpactSettings(depth_usd=1e6, permanent=0.0, shock_move=0.05, shock_depth=0.2, venues=venues)
    market = market_of([100.0, 90.0], settings)
    usually = lost(market, "B")
    market.advance(1)
    assert lost(market, "B") / usually == pytest.approx(5 * 0.9**2, rel=1e-3)
    assert lost(market, "A") / usually == pytest.approx(10 * 0.9**2, rel=1e-3)


def test_no_shock_is_looked_for_unless_it_is_declared():
    settings = ImpactSettings(depth_usd=1e6)
    market = market_of([100.0, 1.0, 100.0], settings)
    usually = lost(market)
    market.advance(2)
    assert lost(market) == usually
