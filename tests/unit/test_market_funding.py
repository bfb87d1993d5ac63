import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from market_samples import Given, asset, grid
from pydantic import ValidationError

from simulator.errors import ConfigError
from simulator.market import Market
from simulator.market.funding import FundingSettings, StressedFunding, hourly_rate, interval_averages, premium_path
from simulator.market.reverting import approach, correlated_shocks
from simulator.streams import Streams

HOUR = 3600.0
QUIET = FundingSettings(mean=0.0, deviation=0.0)


def premium_of(chosen: FundingSettings, times, seed: int = 1, prices=None):
    draws = Streams(seed)
    log_prices = np.zeros(len(times)) if prices is None else np.log(prices)
    return premium_path(chosen, times, log_prices, draws.generator("a"), draws.generator("b"))


def market_of(chosen: FundingSettings | None, steps: int = 100, seconds: float = 60.0, seed: int = 1) -> Market:
    eth = asset(Given(100 + np.arange(steps + 1.0)))
    eth.funding = chosen
    return Market({"ETH": eth}, grid(steps, seconds), Streams(seed))


# --------------------------------------------------------------------------- the venue's rule


@pytest.mark.parametrize(
    ("premium", "rate"),
    [
        (0.0001, 0.0001 / 8),  # where premium is interest, the rate is
        (0.0006, 0.0001 / 8),  # as far as 5 bp from it
        (-0.0004, 0.0001 / 8),
        (0.001, 0.0005 / 8),  # beyond, it is the premium less 5 bp
        (-0.003, -0.0025 / 8),
        (0.0, 0.0001 / 8),
    ],
)
def test_a_rate_is_interest_near_it_and_the_premium_less_the_clamp_beyond(premium, rate):
    assert hourly_rate(np.array([premium]))[0] == pytest.approx(rate, abs=1e-18)


@settings(deadline=None)
@given(st.floats(-0.01, 0.01), st.floats(-0.01, 0.01), st.floats(0, 0.01))
def test_a_rate_is_never_further_than_the_clamp_from_the_premium_and_rises_with_it(premium, interest, clamp):
    low, high = hourly_rate(np.array([premium, premium + 0.0001]), interest, clamp) * 8
    assert abs(low - premium) <= clamp + 1e-15
    assert low <= high + 1e-15


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(-1, 1), min_size=2, max_size=40),
    st.floats(1, 500),
    st.floats(10, 5000),
)
def test_the_average_is_that_of_the_last_whole_interval(values, step, interval):
    values, times = np.array(values), step * np.arange(len(values))
    averages = interval_averages(values, times, interval)
    for now, average in zip(times, averages, strict=True):
        end = interval * math.floor(now / interval + 1e-9)
        begin, end = (end - interval, end) if end else (0.0, now)
        # An independent sum: the line through the values at many midpoints.
        middle = begin + (end - begin) * (np.arange(2000) + 0.5) / 2000
        assert average == pytest.approx(np.interp(middle, times, values).mean(), abs=2e-3)


def test_averages_look_neither_ahead_nor_at_more_than_their_interval():
    values = np.arange(13.0)
    averages = interval_averages(values, values * 10, 40.0)
    assert averages.tolist() == [0, 0.5, 1, 1.5, 2, 2, 2, 2, 6, 6, 6, 6, 10]


# --------------------------------------------------------------------------- the process


def test_without_noise_the_premium_is_its_mean():
    assert premium_of(FundingSettings(mean=0.0002, deviation=0.0), grid(10)).tolist() == [0.0002] * 11


def test_stress_is_half_there_after_its_half_life_and_half_gone_after_another():
    stressed = StressedFunding(mean=-0.004, deviation=0.0, half_life_hours=2, spans=((3, 5), (20, 60)))
    premium = premium_of(QUIET.model_copy(update={"stressed": stressed}), HOUR * np.arange(60))
    assert premium[:4].tolist() == [0.0] * 4
    assert premium[5] == pytest.approx(-0.002)
    assert premium[7] == pytest.approx(-0.001)
    assert premium[59] == pytest.approx(-0.004, rel=1e-4)


@settings(deadline=None)
@given(st.lists(st.floats(0.1, 20), min_size=1, max_size=6), st.floats(1, 10), st.integers(0, 2**31))
def test_an_approach_is_the_same_however_often_it_is_looked_at(stays, half_life, seed):
    starts = np.concatenate([[-5.0], np.cumsum(stays)])
    targets = np.random.default_rng(seed).normal(size=len(starts))
    end = math.ceil(starts[-1]) + 1.0
    fine, coarse = np.linspace(0, end, 4001), np.linspace(0, end, 11)
    found = approach(starts, targets, math.log(2) / half_life, fine)
    np.testing.assert_allclose(
        found[::400], approach(starts, targets, math.log(2) / half_life, coarse), rtol=1e-9, atol=1e-12
    )
    target = targets[np.searchsorted(starts, fine[:-1], side="right") - 1]
    inside = target == targets[np.searchsorted(starts, fine[1:], side="left") - 1]
    slope = (target - (found[1:] + found[:-1]) / 2) * math.log(2) / half_life
    np.testing.assert_allclose(np.diff(found)[inside], (slope * np.diff(fine))[inside], rtol=1e-3, atol=1e-7)


def test_stress_by_chance_takes_its_share_of_time_in_stays_of_the_length_set():
    stressed = StressedFunding(mean=-1.0, deviation=0.0, half_life_hours=0.001, every_hours=30, lasting_hours=10)
    chosen = QUIET.model_copy(update={"stressed": stressed})
    stress = premium_of(chosen, 0.25 * HOUR * np.arange(800_000)) < -0.5
    assert stress.mean() == pytest.approx(0.25, abs=0.01)
    switches = int(np.diff(stress.astype(int)).clip(0).sum())
    assert 200_000 / switches == pytest.approx(40, rel=0.05)


def test_the_variance_of_stress_comes_and_goes_with_it():
    stressed = StressedFunding(mean=0.0, deviation=0.001, spans=((50, 100),))
    chosen = QUIET.model_copy(update={"stressed": stressed})
    paths = np.array([premium_of(chosen, HOUR * np.arange(160), seed) for seed in range(400)])
    assert (paths[:, :50] == 0).all()
    assert paths[:, 60:100].std() == pytest.approx(0.001, rel=0.03)
    assert np.abs(paths[:, 130:]).max() < 1e-7


@pytest.mark.parametrize("steps", [7, 700])
def test_a_longer_path_begins_as_the_shorter_one(steps):
    chosen = FundingSettings(stressed=StressedFunding(every_hours=5, lasting_hours=2))
    long, short = premium_of(chosen, HOUR * np.arange(1001)), premium_of(chosen, HOUR * np.arange(steps + 1))
    assert long[: steps + 1].tobytes() == short.tobytes()


def test_stress_does_not_disturb_the_noise_that_is_always_there():
    calm = FundingSettings()
    stressed = StressedFunding(mean=calm.mean, deviation=0.0, every_hours=5, lasting_hours=2)
    both = calm.model_copy(update={"stressed": stressed})
    np.testing.assert_allclose(premium_of(both, grid(500)), premium_of(calm, grid(500)), rtol=0, atol=1e-18)


# --------------------------------------------------------------------------- with the asset's moves


def gbm(steps: int, sd: float, seed: int = 5):
    return 100 * np.exp(np.concatenate([[0.0], np.cumsum(sd * np.random.default_rng(seed).standard_normal(steps))]))


@pytest.mark.parametrize("correlation", [-0.8, 0.0, 0.6])
@pytest.mark.parametrize("seconds", [12.0, 3600.0])
def test_steps_of_the_premium_are_correlated_with_those_of_the_price_as_is_set(correlation, seconds):
    prices = gbm(30_000, 0.002)
    premium = premium_of(FundingSettings(spot_correlation=correlation), seconds * np.arange(30_001), prices=prices)
    found = np.corrcoef(np.diff(premium), np.diff(np.log(prices)))[0, 1]
    assert found == pytest.approx(correlation, abs=0.03)


def test_correlation_leaves_the_size_of_the_premium_as_it_is():
    prices, times = gbm(300_000, 0.01), HOUR * np.arange(300_001)
    spread = premium_of(FundingSettings(spot_correlation=-0.9), times, prices=prices).std()
    assert spread == pytest.approx(0.00056, rel=0.05)


def test_a_line_between_hourly_prices_moves_a_premium_as_much_as_a_walk_through_them():
    hourly = gbm(4000, 0.01)
    line = np.interp(np.arange(4000 * 60 + 1) / 60, np.arange(4001), np.log(hourly))
    shocks = correlated_shocks(1.0, line, 60.0, np.random.default_rng(1))
    assert shocks.reshape(4000, 60).sum(axis=1).std() / math.sqrt(60) == pytest.approx(1.0, rel=0.01)


def test_where_the_price_stands_still_all_noise_is_the_premiums_own():
    for correlation in (1.0, 0.5):
        shocks = correlated_shocks(correlation, np.zeros(20_001), 12.0, np.random.default_rng(1))
        assert shocks.std() == pytest.approx(1.0, abs=0.02)


# --------------------------------------------------------------------------- in a market


def test_a_market_shows_the_premium_now_and_the_rate_of_the_last_hour():
    market = market_of(FundingSettings(), steps=200)
    premia, rates = [], []
    for step in range(201):
        market.advance(step)
        premia.append(market.premium("ETH"))
        rates.append(market.funding_rate("ETH"))
    assert len(set(premia)) == 201
    past = np.array(premia)
    hour = (past[60:120].sum() + past[61:121].sum()) / 120  # trapezia
    assert rates[120:180] == pytest.approx([float(hourly_rate(np.array([hour]))[0])] * 60)
    assert rates[0] == pytest.approx(float(hourly_rate(past[:1])[0]))


def test_the_interval_of_a_rate_is_the_one_set():
    market = market_of(FundingSettings(interval_hours=0.5, interest=0.0, clamp=0.0), steps=90)
    premia = []
    for step in range(91):
        market.advance(step)
        premia.append(market.premium("ETH"))
    assert market.funding_rate("ETH") == pytest.approx((sum(premia[60:90]) + sum(premia[61:91])) / 60 / 8)


def test_funding_changes_no_price_and_each_seed_has_its_own():
    plain, funded, other = market_of(None), market_of(FundingSettings()), market_of(FundingSettings(), seed=2)
    for market in (plain, funded, other):
        market.advance(50)
    assert plain.price("ETH") == funded.price("ETH")
    assert funded.premium("ETH") != other.premium("ETH")


@pytest.mark.parametrize("ask", ["premium", "funding_rate"])
def test_an_asset_without_funding_says_which_table_is_missing(ask):
    with pytest.raises(ConfigError, match=r"market.ETH: ETH has no perpetual \(add \[market.ETH.funding\]\)"):
        getattr(market_of(None), ask)("ETH")


def test_a_market_of_a_single_moment_has_a_premium_and_a_rate():
    market = market_of(FundingSettings(stressed=StressedFunding(spans=((0, 1),))), steps=0)
    assert market.funding_rate("ETH") == pytest.approx(float(hourly_rate(np.array([market.premium("ETH")]))[0]))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"spans": [[3, 1]]}, r"\[3, 1\] must be \[from, to\] with 0 <= from <= to"),
        ({"spans": [[-1, 1]]}, "with 0 <= from"),
        ({"spans": [[1, 4], [3, 5]]}, "the span from hour 3 begins before hour 4"),
        ({}, "must have either spans or every_hours > 0"),
        ({"spans": [[1, 4]], "every_hours": 3}, "must have either spans or every_hours > 0"),
        ({"every_hours": 3, "lasting_hours": 0}, "greater than 0"),
    ],
)
def test_stress_that_is_declared_wrongly_is_refused(changes, words):
    with pytest.raises(ValidationError, match=words):
        StressedFunding(**changes)
