import csv
import math
from functools import cache
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from market_records import market_record
from market_samples import Given, asset, grid
from pydantic import ValidationError

from simulator.errors import ConfigError
from simulator.market import Market
from simulator.market.surface import SliceSettings, Surface, VolatilitySettings, check_neighbours
from simulator.market.svi import butterfly, fit_svi
from simulator.streams import Streams

DAY = 86_400.0
START = 1_700_000_000.0
WEEK = SliceSettings(days=7, a=-0.0003, b=0.05, rho=-0.1, m=-0.04, sigma=0.07)
MONTH = SliceSettings(days=30, a=0.004, b=0.09, rho=-0.25, m=-0.09, sigma=0.2)
YEAR = SliceSettings(days=365, a=0.09, b=0.25, rho=-0.4, m=-0.2, sigma=0.6)
SLICES = {"year": YEAR, "week": WEEK, "month": MONTH}  # their order does not matter


def surface_of(level: float = 0.0, **changes) -> Surface:
    """A surface whose log level stands still, where the price was 100 at first."""
    return Surface(chosen(**changes), np.array([level]), 100.0)


@cache
def chosen(**changes) -> VolatilitySettings:
    return VolatilitySettings(**{"slices": SLICES, "deviation": 0.01, **changes})


def market_of(prices, seconds: float = 3600.0, seed: int = 1, **changes) -> Market:
    eth = asset(Given(prices))
    eth.implied_volatility = VolatilitySettings(**{"slices": SLICES, **changes})
    return Market({"ETH": eth}, grid(len(prices) - 1, seconds), Streams(seed), start=START)


@pytest.mark.parametrize("slice_", SLICES.values())
@pytest.mark.parametrize("k", [-0.5, -0.1, 0.0, 0.2])
def test_at_a_slice_the_volatility_is_that_of_its_formula(slice_, k):
    x = k - slice_.m
    variance = slice_.a + slice_.b * (slice_.rho * x + math.sqrt(x * x + slice_.sigma**2))
    found = surface_of().implied_volatility(0, 2000.0, 2000.0 * math.exp(k), slice_.days)
    assert found == pytest.approx(math.sqrt(variance / (slice_.days / 365)))


def test_between_slices_total_variance_is_linear_in_time_at_one_moneyness():
    surface = surface_of()

    def variance(days):
        return surface.implied_volatility(0, 100.0, 80.0, days) ** 2 * days

    assert variance(7 + 0.25 * 23) == pytest.approx(0.75 * variance(7) + 0.25 * variance(30))


def test_before_the_first_slice_the_smile_keeps_its_shape_in_standard_deviations():
    surface = surface_of()
    for deviations in (-2.0, 0.0, 1.5):
        early, first = (
            surface.implied_volatility(0, 100.0, 100.0 * math.exp(deviations * math.sqrt(days / 365)), days)
            for days in (0.5, 7)
        )
        assert early == pytest.approx(first)


@settings(max_examples=200, deadline=None)
@given(st.floats(-2, 2), st.floats(0.01, 364), st.floats(1.0, 100.0), st.floats(-0.7, 0.04))
def test_total_variance_never_falls_with_expiry_at_any_level(k, days, later, level):
    surface = surface_of(level)
    near, far = (
        surface.implied_volatility(0, 100.0, 100.0 * math.exp(k), at) ** 2 * at for at in (days, min(days + later, 365))
    )
    assert far >= near * (1 - 1e-12)


@settings(deadline=None)
@given(st.floats(10, 1000), st.floats(10, 1000), st.floats(0.1, 365))
def test_a_sticky_strike_keeps_its_volatility_wherever_spot_goes(strike, price, days):
    surface = surface_of(sticky="strike")
    assert surface.implied_volatility(0, price, strike, days) == surface.implied_volatility(0, 100.0, strike, days)


@settings(deadline=None)
@given(st.floats(0.2, 5), st.floats(10, 1000), st.floats(0.1, 365))
def test_a_sticky_delta_keeps_the_volatility_of_a_moneyness_wherever_spot_goes(moneyness, price, days):
    surface = surface_of(sticky="delta")
    found = surface.implied_volatility(0, price, moneyness * price, days)
    assert found == pytest.approx(surface.implied_volatility(0, 100.0, moneyness * 100, days), rel=1e-9)


def test_a_strike_does_not_keep_its_volatility_under_sticky_delta():
    surface = surface_of(sticky="delta")
    assert surface.implied_volatility(0, 80.0, 100.0, 30) != pytest.approx(
        surface.implied_volatility(0, 100.0, 100.0, 30), rel=0.01
    )


@pytest.mark.parametrize("level", [-0.5, 0.03])
def test_the_level_multiplies_volatility_at_the_money(level):
    for days in (1, 7, 20, 365):
        plain, moved = (surface_of(x).implied_volatility(0, 100.0, 100.0, days) for x in (0.0, level))
        assert moved == pytest.approx(plain * math.exp(level))


@pytest.mark.parametrize("sticky", ["strike", "delta"])
@pytest.mark.parametrize(("level", "price"), [(0.0, 100.0), (0.03, 90.0), (-0.4, 120.0)])
def test_the_moved_slices_give_the_volatility_of_every_strike(sticky, level, price):
    surface = surface_of(level, sticky=sticky)
    for days, smile in surface.smiles(0, price):
        for strike in (70.0, 100.0, 150.0):
            variance = float(smile.total_variance(np.array([math.log(strike / price)]))[0])
            found = surface.implied_volatility(0, price, strike, days)
            assert found == pytest.approx(math.sqrt(variance * 365 / days))


def test_what_is_recorded_is_the_volatility_at_the_money_and_the_least_density():
    surface = surface_of(sticky="strike")
    calm, crash = (dict(surface.measures(0, price)) for price in (100.0, 60.0))
    assert calm["implied_volatility_30d"] == pytest.approx(surface.implied_volatility(0, 100.0, 100.0, 30))
    assert crash["implied_volatility_7d"] == pytest.approx(surface.implied_volatility(0, 60.0, 60.0, 7))
    assert calm["butterfly_g_min"] > 0 > crash["butterfly_g_min"]  # strikes that stay are arbitrage after a crash


@pytest.mark.parametrize(("strike", "days"), [(0.0, 30), (-1.0, 30), (100.0, 0), (100.0, -1), (100.0, 366)])
def test_a_strike_or_expiry_out_of_reach_is_an_error(strike, days):
    with pytest.raises(ValueError, match="must be > 0"):
        surface_of().implied_volatility(0, 100.0, strike, days)


# --------------------------------------------------------------------------- in a market


def test_a_market_counts_days_from_now_and_moneyness_from_the_realised_price():
    market = market_of([100.0, 90.0, 80.0], DAY, deviation=0.0)
    expiry = START + 30 * DAY
    assert market.implied_volatility("ETH", 100.0, expiry) == surface_of().implied_volatility(0, 100.0, 100.0, 30)
    market.advance(2)
    assert market.implied_volatility("ETH", 100.0, expiry) == pytest.approx(
        surface_of().implied_volatility(0, 80.0, 100.0, 28)
    )


def test_the_level_starts_as_stated_and_then_moves_with_the_seed():
    one, same, other = (market_of([100.0] * 50, seed=seed) for seed in (1, 1, 2))
    seen = []
    for market in (one, same, other):
        first = market.implied_volatility("ETH", 100.0, START + 30 * DAY)
        assert first == pytest.approx(surface_of().implied_volatility(0, 100.0, 100.0, 30))
        market.advance(40)
        seen.append(market.implied_volatility("ETH", 100.0, START + 40 * 3600 + 30 * DAY))
    assert seen[0] == seen[1] != seen[2]
    assert seen[0] != pytest.approx(first, rel=1e-4)


@pytest.mark.parametrize("correlation", [-0.9, 0.5])
def test_the_level_moves_against_or_with_spot_as_is_set(correlation):
    steps = 20_000
    moves = 0.005 * np.random.default_rng(3).standard_normal(steps)
    prices = 100 * np.exp(np.concatenate([[0.0], np.cumsum(moves)]))
    market = market_of(prices, spot_correlation=correlation, sticky="delta")
    levels = []
    for step in range(steps + 1):
        market.advance(step)
        price = market.price("ETH")
        levels.append(math.log(market.implied_volatility("ETH", price, START + step * 3600 + 30 * DAY)))
    assert np.corrcoef(np.diff(levels), moves)[0, 1] == pytest.approx(correlation, abs=0.02)


def test_a_declared_level_is_the_stated_times_and_geometric_between():
    levels = ((0.0, 1.0), (2.0, 1.44), (3.0, 0.9))
    eth = asset(Given([100.0] * 5))
    eth.implied_volatility = VolatilitySettings(slices=SLICES, deviation=0.0, levels=levels)
    market = Market({"ETH": eth}, grid(4, 3600.0), Streams(1), start=START)
    stated = surface_of().implied_volatility(0, 100.0, 100.0, 7)
    for step, times in enumerate((1.0, 1.2, 1.44, 0.9, 0.9)):
        market.advance(step)
        (days, smile), *_ = market.smiles("ETH")
        found = math.sqrt(smile.variance_at(0.0) * 365 / days)
        # Scaling keeps a smile's shape in standard deviations, so at the money it is exactly the stated times.
        assert found == pytest.approx(stated * times, rel=1e-12)


def test_a_declared_level_that_its_smiles_cannot_take_is_refused():
    most = math.exp(VolatilitySettings(slices=SLICES, deviation=0.0).highest_level)
    VolatilitySettings(slices=SLICES, deviation=0.0, levels=((1.0, most * 0.999),))
    with pytest.raises(ValidationError, match=r"butterfly arbitrage at .* at hour 1: .* must be <="):
        VolatilitySettings(slices=SLICES, deviation=0.0, levels=((1.0, most * 1.001),))
    with pytest.raises(ValidationError, match="must be > 0"):
        VolatilitySettings(slices=SLICES, levels=((1.0, 0.0),))


def test_an_asset_without_options_says_which_table_is_missing():
    market = Market({"ETH": asset(Given([1.0]))}, grid(0), Streams(1))
    with pytest.raises(ConfigError, match=r"market.ETH: ETH has no options \(add \[market.ETH.implied_volatility\]\)"):
        market.implied_volatility("ETH", 1.0, 1e9)


# --------------------------------------------------------------------------- refused at load

VOGT = {"a": -0.041, "b": 0.1331, "m": 0.3586, "rho": 0.306, "sigma": 0.4153}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"slices": {}}, "at least 1 item"),
        ({"slices": {"vogt": {"days": 365, **VOGT}}}, "at 365 days has butterfly arbitrage: g = -0.0329 at k = 0.879"),
        (
            {"slices": {"week": {**MONTH.model_dump(), "days": 7}, "month": {**WEEK.model_dump(), "days": 30}}},
            "calendar arbitrage: from 7 to 30 days total variance falls by .* must not fall with expiry",
        ),
        ({"slices": {"one": WEEK, "two": {**MONTH.model_dump(), "days": 7}}}, "two slices are of 7 days"),
        ({"deviation": 1.9}, "deviation = 1.9 has butterfly arbitrage at .* must be <= "),
    ],
)
def test_a_surface_with_arbitrage_is_refused_with_slice_value_and_rule(changes, words):
    with pytest.raises(ValidationError, match=words):
        VolatilitySettings(**{"slices": SLICES, **changes})


def test_the_greatest_deviation_that_the_message_names_is_accepted():
    with pytest.raises(ValidationError) as refused:
        VolatilitySettings(slices=SLICES, deviation=1.9)
    most = float(str(refused.value).split("must be <= ")[1].split(",")[0])
    VolatilitySettings(slices=SLICES, deviation=0.99 * most)
    with pytest.raises(ValidationError):
        VolatilitySettings(slices=SLICES, deviation=1.01 * most)


def test_arbitrage_between_two_slices_is_refused():
    near, far = (
        SliceSettings.model_construct(days=days, **{**VOGT, "a": a}) for days, a in ((30, -0.041), (60, -0.04))
    )
    with pytest.raises(ValueError, match=r"between 30 and 60 days, at 33.8, there is butterfly arbitrage: g = -0.03"):
        check_neighbours(near, far)


# --------------------------------------------------------------------------- real quotes


def quotes(currency: str) -> dict[float, list[tuple[float, float]]]:
    """Deribit's quotes of options out of the money with a bid, by days: moneyness and total variance."""
    path = market_record("deribit_chain_2026-08-22.csv")
    found: dict[float, list[tuple[float, float]]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            k = math.log(float(row["strike"]) / float(row["futures_price"]))
            out = (row["option_type"] == "put") == (k < 0)
            if row["currency"] == currency and out and float(row["bid_price"] or 0) > 0:
                years = float(row["time_to_maturity"])
                found.setdefault(years * 365, []).append((k, float(row["implied_volatility"]) ** 2 * years))
    return {days: sorted(rows) for days, rows in sorted(found.items())}


@pytest.mark.parametrize("currency", ["ETH", "BTC"])
def test_real_smiles_are_fitted_within_a_point_or_so_of_volatility_and_free_of_butterflies(currency):
    errors = {}
    for days, rows in quotes(currency).items():
        k, w = (np.array(column) for column in zip(*rows, strict=True))
        fitted = fit_svi(k, w)
        assert not butterfly(fitted)
        gaps = np.sqrt(fitted.total_variance(k) * 365 / days) - np.sqrt(w * 365 / days)
        errors[round(days, 2)] = float(np.sqrt(np.mean(gaps**2)))
    assert len(errors) == 12
    assert max(errors.values()) < 0.012
    assert median(errors.values()) < 0.005
