import math
import re

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from simulator.market.svi import Blend, Svi, butterfly, calendar, durrleman, fit_svi, highest_scale, lowest_density

VOGT = Svi(a=-0.041, b=0.1331, rho=0.306, m=0.3586, sigma=0.4153)
MONTH = Svi(a=0.004, b=0.09, rho=-0.25, m=-0.09, sigma=0.2)


@st.composite
def smiles(draw) -> Svi:
    """Any smile with a positive variance, wild ones among them."""
    b = draw(st.one_of(st.sampled_from([0.0, 1e-300, 1e-9]), st.floats(1e-3, 1.2)))
    rho = draw(st.floats(-0.95, 0.95))
    m, sigma = draw(st.floats(-1.5, 1.5)), 10 ** draw(st.floats(-2.5, 0.5))
    least = 10 ** draw(st.floats(-4, 0))
    return Svi(least - b * sigma * math.sqrt(1 - rho**2), b, rho, m, sigma)


def call_prices(smile: Svi, strikes):
    """Black-Scholes calls at a forward of 1, without interest."""
    deviation = np.sqrt(smile.total_variance(np.log(strikes)))
    d1 = -np.log(strikes) / deviation + deviation / 2
    return norm.cdf(d1) - strikes * norm.cdf(d1 - deviation)


def density(smile: Svi, k):
    """Of the logarithm of the price, by second differences of call prices; a point's error is about 1e-6."""
    strikes, step = np.exp(k), 3e-4 * np.exp(k)
    around = [call_prices(smile, strikes + side * step) for side in (-1, 0, 1)]
    return strikes * (around[0] - 2 * around[1] + around[2]) / step**2


def sign_changes(smile: Svi):
    """Every k at which g may change its sign: g is a polynomial of degree 10 of e^y, sinh y = (k - m) / sigma."""
    t = np.polynomial.Polynomial([0, 1])
    one = 1 + t**2
    variance = 2 * smile.a * t + smile.b * smile.sigma * (smile.rho * (t**2 - 1) + one)  # 2 t w
    place = 2 * smile.m * t + smile.sigma * (t**2 - 1)  # 2 t k
    slope = smile.b * (smile.rho * one + t**2 - 1)  # (1 + t²) w'
    polynomial = (
        4 * (2 * variance * one - place * slope) ** 2 * one
        - 8 * t * variance * slope**2 * one
        - variance**2 * slope**2 * one
        + 64 * variance**2 * smile.b * t**3 * (1 / smile.sigma)
    )
    roots = polynomial.roots()
    found = np.sort(roots.real[(abs(roots.imag) < 1e-6 * abs(roots)) & (roots.real > 1e-7) & (roots.real < 1e7)])
    return smile.m + smile.sigma * (found - 1 / found) / 2


@settings(max_examples=300, deadline=None)
@given(smiles())
@example(VOGT)
@example(MONTH)
def test_the_search_over_all_k_misses_no_sign_change_of_the_density(smile):
    assume(smile.b >= 1e-3)
    changes = sign_changes(smile)
    between = np.sort(np.concatenate([changes, (changes[1:] + changes[:-1]) / 2]))
    assume(len(between))
    lowest = lowest_density(smile).value
    assert lowest <= durrleman(smile, between).min() + 1e-9
    if (durrleman(smile, between) < -1e-9).any():
        assert "g = -" in butterfly(smile) or "wing" in butterfly(smile)


@settings(max_examples=200, deadline=None)
@given(smiles())
@example(VOGT)
@example(MONTH)
def test_g_has_the_sign_of_the_density_of_call_prices(smile):
    spread = math.sqrt(float(smile.total_variance(np.zeros(1))[0]))
    k = np.linspace(-4 * spread, 4 * spread, 81)
    by_prices = density(smile, k)
    w = smile.total_variance(k)
    expected = norm.pdf(-k / np.sqrt(w) - np.sqrt(w) / 2) * durrleman(smile, k) / np.sqrt(w)
    smooth = smile.sigma > 0.05  # else three strikes see different curvature
    told = np.abs(expected) > 1e-3 * (1 + np.abs(expected).max())
    if smooth:
        assert (np.sign(by_prices[told]) == np.sign(expected[told])).all()
        if not butterfly(smile):
            assert by_prices.min() > -1e-4


@settings(deadline=None)
@given(smiles())
def test_the_slope_and_curvature_are_the_differences_of_the_variance(smile):
    k = smile.m + smile.sigma * np.array([-3.0, -0.5, 0.0, 1.0, 4.0])
    step = 1e-4 * smile.sigma
    low, mid, high = (smile.derivatives(k + side * step).w for side in (-1, 0, 1))
    _, slope, curvature = smile.derivatives(k)
    scale = smile.b + abs(smile.a) + 1e-6
    np.testing.assert_allclose(slope, (high - low) / (2 * step), atol=1e-6 * scale / smile.sigma)
    np.testing.assert_allclose(curvature, (high - 2 * mid + low) / step**2, atol=1e-3 * scale / smile.sigma**2)


@settings(deadline=None)
@given(smiles(), st.floats(0.01, 100))
def test_a_scaled_smile_has_its_shape_in_standard_deviations(smile, factor):
    k = np.linspace(-2, 2, 9)
    expected = factor * smile.total_variance(k / math.sqrt(factor))
    assert smile.variance_at(0.3) == pytest.approx(float(smile.total_variance(np.array([0.3]))[0]), abs=1e-15)
    np.testing.assert_allclose(smile.scaled(factor).total_variance(k), expected, rtol=1e-9, atol=1e-12)


@settings(deadline=None)
@given(smiles(), st.floats(-1, 1))
def test_a_shifted_smile_gives_a_strike_the_variance_it_had(smile, step):
    k = np.linspace(-2, 2, 9)
    np.testing.assert_allclose(smile.shifted(step).total_variance(k - step), smile.total_variance(k), rtol=1e-9)


@settings(deadline=None)
@given(smiles())
def test_less_variance_in_the_same_shape_never_brings_arbitrage_and_more_does_beyond_the_bound(smile):
    assume(not butterfly(smile))
    bound = highest_scale(smile)
    assert bound >= 1 - 1e-9
    assert not butterfly(smile.scaled(0.1))
    if bound < 1e6:
        assert not butterfly(smile.scaled(1 + 0.999 * (bound - 1)))
        assert butterfly(smile.scaled(1.001 * bound))


@settings(deadline=None)
@given(smiles(), smiles(), st.lists(st.floats(-50, 50), min_size=5, max_size=5))
def test_a_fall_of_total_variance_with_expiry_is_found_wherever_it_is(near, far, places):
    k = np.array([*places, near.m, far.m])
    fall = calendar(near, far)
    gain = far.total_variance(k) - near.total_variance(k)
    if fall is None:
        assert (gain >= -1e-9 * near.total_variance(k)).all()
    elif math.isfinite(fall.k):
        point = np.array([fall.k])
        assert far.total_variance(point) - near.total_variance(point) == pytest.approx(fall.value, rel=1e-6)
        assert fall.value < 0


def test_wings_that_cross_only_far_away_are_calendar_arbitrage():
    near, far = Svi(0.01, 0.2, 0.0, 0.0, 0.1), Svi(1e9, 0.1, 0.0, 0.0, 0.1)
    fall = calendar(near, far)
    assert fall is not None
    assert abs(fall.k) == math.inf
    assert calendar(near, Svi(1e9, 0.2, 0.0, 0.0, 0.1)) is None


@pytest.mark.parametrize(
    ("smile", "words"),
    [
        (VOGT, r"g = -0.0329 at k = 0.879; g must be >= 0"),
        (Svi(0.04, 1.5, 0.5, 0.0, 0.1), r"a wing of slope 2.25: b \(1 \+ \|rho\|\) must be <= 2"),
        (Svi(-0.1, 0.1, 0.0, 0.2, 0.5), r"total variance -0.05 at k = 0.2: .* must be >= 0"),
    ],
)
def test_a_smile_with_arbitrage_is_told_with_the_value_and_the_rule(smile, words):
    assert re.search(words, butterfly(smile))


@pytest.mark.parametrize("smile", [Svi(0.04, 0, 0, 0, 0.1), Svi(0, 0, 0, 0, 1), MONTH, Svi(0.0, 0.1, -0.3, 0.0, 0.2)])
def test_flat_and_ordinary_smiles_have_no_arbitrage(smile):
    assert not butterfly(smile)
    assert calendar(smile, smile) is None


def test_variance_that_touches_zero_is_no_arbitrage_by_itself():
    touching = Svi(-0.1 * 0.2, 0.1, 0.0, 0.5, 0.2)
    assert touching.least == pytest.approx(0.0, abs=1e-15)
    assert math.isfinite(lowest_density(touching).value)


@settings(deadline=None)
@given(smiles(), smiles(), st.floats(0, 1))
def test_a_blend_lies_between_its_smiles_by_its_share(near, far, share):
    k = np.linspace(-1, 1, 5)
    expected = [(1 - share) * n + share * f for n, f in zip(near.derivatives(k), far.derivatives(k), strict=True)]
    for part, value in zip(Blend(near, far, share).derivatives(k), expected, strict=True):
        np.testing.assert_allclose(part, value)


@pytest.mark.parametrize("wrong", [{"b": -0.1}, {"rho": 1.0}, {"rho": -1.2}, {"sigma": 0.0}, {"b": math.nan}])
def test_parameters_outside_their_domain_are_refused(wrong):
    with pytest.raises(ValueError, match=r"must be b >= 0, \|rho\| < 1, sigma > 0"):
        Svi(**{"a": 0.04, "b": 0.1, "rho": 0.0, "m": 0.0, "sigma": 0.1, **wrong})


# --------------------------------------------------------------------------- fit


@pytest.mark.parametrize("true", [MONTH, Svi(0.02, 0.2, -0.5, -0.2, 0.4), Svi(0.001, 0.02, 0.3, 0.0, 0.02)])
def test_a_fit_finds_the_smile_that_its_quotes_are_of(true):
    k = np.linspace(-4, 4, 41) * math.sqrt(float(true.total_variance(np.zeros(1))[0]))
    found = fit_svi(k, true.total_variance(k))
    np.testing.assert_allclose(found.total_variance(k), true.total_variance(k), rtol=1e-4)


def test_a_fit_to_quotes_with_arbitrage_has_none():
    k = np.linspace(-1.5, 1.5, 61)
    found = fit_svi(k, VOGT.total_variance(k))
    assert not butterfly(found)
    np.testing.assert_allclose(np.sqrt(found.total_variance(k)), np.sqrt(VOGT.total_variance(k)), atol=0.02)


@pytest.mark.parametrize(
    ("k", "w", "words"),
    [([0, 1, 2, 3], [1, 1, 1, 1], "4 quotes: at least 5"), (range(5), [1, 1, 0, 1, 1], "must be > 0")],
)
def test_quotes_that_cannot_be_fitted_are_refused(k, w, words):
    with pytest.raises(ValueError, match=words):
        fit_svi(np.array(k, dtype=float), np.array(w, dtype=float))
