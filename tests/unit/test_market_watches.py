from hypothesis import given
from hypothesis import strategies as st
from market_samples import Given, asset, flat_market, grid, market_of

from simulator.market import ImpactSettings, Market
from simulator.streams import Streams

levels = st.integers(90, 110).map(float)
paths = st.lists(levels, min_size=2, max_size=40)
watches = st.lists(st.tuples(st.booleans(), levels, st.integers(0, 20)), max_size=25)


@given(paths, watches)
def test_a_watch_fires_once_at_the_first_step_at_or_beyond_its_level_in_the_order_of_asking(prices, asked):
    market = market_of(prices)
    fired = []
    for step in range(len(prices)):
        market.advance(step)
        fired += [(step, token) for token in market.crossed()]
        for token, (falling, level, at) in enumerate(asked):
            if at == step:
                (market.watch_below if falling else market.watch_above)("ETH", level, token)
    expected = []
    for token, (falling, level, at) in enumerate(asked):
        later = [n for n in range(at + 1, len(prices)) if (prices[n] <= level if falling else prices[n] >= level)]
        if later:
            # Within a step: by when the watch was set, then by its place among those set at once.
            expected.append((later[0], at, token))
    assert fired == [(step, token) for step, _, token in sorted(expected)]


def test_a_level_touched_exactly_is_reached_and_the_next_float_is_not():
    market = market_of([100.0, 99.5])
    market.watch_below("ETH", 99.5, "touched")
    market.watch_below("ETH", 99.49999999999999, "just below")
    market.watch_above("ETH", 99.50000000000001, "just above")
    market.advance(1)
    assert list(market.crossed()) == ["touched"]


def test_a_level_already_passed_fires_at_the_next_step():
    market = market_of([100.0, 100.0])
    market.watch_below("ETH", 120.0, "below")
    market.watch_above("ETH", 80.0, "above")
    assert list(market.crossed()) == []
    market.advance(1)
    assert list(market.crossed()) == ["below", "above"]


def test_what_was_crossed_is_told_once_and_kept_until_it_is_asked_for():
    market = market_of([100.0, 90.0, 80.0, 80.0])
    market.watch_below("ETH", 85.0, "second")
    market.watch_below("ETH", 95.0, "first")
    for step in (1, 2, 3):
        market.advance(step)
    assert list(market.crossed()) == ["second", "first"]
    assert list(market.crossed()) == []


def test_watches_of_several_assets_keep_one_order():
    falling = [100.0, 50.0]
    market = Market({name: asset(Given(falling)) for name in ("ETH", "BTC")}, grid(1), Streams(1))
    for number, name in enumerate(["BTC", "ETH", "ETH", "BTC"]):
        market.watch_below(name, 60.0 + number, number)
    market.advance(1)
    assert list(market.crossed()) == [0, 1, 2, 3]


def test_tokens_are_never_compared_with_each_other():
    market = market_of([100.0, 50.0])
    tokens = [object(), object(), {}]
    for token in tokens:
        market.watch_below("ETH", 60.0, token)
    market.advance(1)
    assert list(market.crossed()) == tokens


def test_a_sale_wakes_those_whose_level_it_breaks_at_the_next_step():
    market = flat_market(ImpactSettings(depth_usd=1e6, permanent=1.0))
    market.watch_below("ETH", 97.0, "stopped out")
    market.advance(1)
    assert list(market.crossed()) == []
    market.sell("ETH", 40_000)
    assert list(market.crossed()) == []
    market.advance(2)
    assert list(market.crossed()) == ["stopped out"]


def test_a_forgotten_watch_is_silent_and_takes_no_room():
    market = market_of([100.0, 100.0, 100.0])
    kept = [market.watch_above("ETH", 100.0 + n, f"kept {n}") for n in range(3)]
    for n in range(10_000):
        market.forget(market.watch_below("ETH", 100.0, f"gone {n}"))
    market.advance(1)
    assert list(market.crossed()) == ["kept 0"]
    assert len(kept) == 3
    assert len(market._assets["ETH"].below) < 600
