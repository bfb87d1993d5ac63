"""The laws of option prices and of hedging hold, and each fails where what it is about is broken."""

import math
from itertools import islice

import numpy as np
import pytest

from simulator.units import WAD
from simulator.validation.catalogue import chosen
from simulator.validation.law import NoData, judge
from simulator.validation.options import grid, words, worst_of
from simulator.validation.options_hedger import Hedger, costs_on_chain
from simulator.validation.options_hedging import (
    HULL,
    HULL_DRIFT,
    PERFORMANCE,
    QUARTER,
    Banded,
    deltas_of,
    hedged,
    leland_volatility,
    lived,
    settled,
    sheet,
    slope,
    stepwise,
)
from simulator.validation.options_paths import Sheet, Slice, discounted_cost, slices, walks

QUICK = ("hull", "discrete-hedging", "leland")
SLOW = ("option-prices", "whalley-wilmott", "discrete-hedging/scaling")


@pytest.mark.parametrize(
    "law", [law for law in chosen(QUICK) if law.name != "discrete-hedging/scaling"], ids=lambda law: law.name
)
def test_a_law_of_hedging_holds(law):
    finding = judge(law)
    assert finding.verdict == "holds", finding


@pytest.mark.slow
@pytest.mark.parametrize("law", chosen(SLOW), ids=lambda law: law.name)
def test_a_law_of_many_prices_holds(law):
    finding = judge(law)
    assert finding.verdict == "holds", finding


# -------------------------------------------------------------------- prices


class Off(Sheet):
    """One answer is a little off."""

    def __init__(self, place, amount):
        super().__init__()
        self.place, self.amount = place, amount

    def greeks(self, terms):
        answer = super().greeks(terms)
        answer[self.place] += self.amount * terms[1] // WAD  # in proportion to the strike
        return answer


def some_points():
    """Of every strike of the grid one or two."""
    return list(islice(grid(), 0, None, 601))


def test_prices_of_a_few_points_are_within_the_bounds():
    found = worst_of(Sheet(), some_points())
    assert found.points == 9
    assert 0 < found.price < 1e-15
    assert 0 < found.greek < 1e-12


@pytest.mark.parametrize("place", [0, 1])
def test_a_price_that_is_off_by_a_few_units_of_the_fifteenth_digit_is_seen(place):
    assert worst_of(Off(place, 2_000), some_points()).price > 1e-15


@pytest.mark.parametrize("place", [2, 4, 5, 6, 7, 9, 10, 11])
def test_a_greek_that_is_off_in_the_twelfth_digit_is_seen(place):
    assert worst_of(Off(place, 4 * 10**6), some_points()).greek > 1e-12


class WrongSign(Sheet):
    """One Greek has the other sign."""

    def __init__(self, place):
        super().__init__()
        self.place = place

    def greeks(self, terms):
        answer = super().greeks(terms)
        answer[self.place] = -answer[self.place]
        return answer


@pytest.mark.parametrize("place", range(2, 12))
def test_the_wrong_sign_of_any_greek_is_seen(place):
    assert worst_of(WrongSign(place), some_points()).greek > 1e-6


def test_numbers_that_the_contract_would_not_see_are_refused():
    t = next(grid())
    with pytest.raises(ValueError, match="more than 18 decimals"):
        words(t.__class__(t.spot / 3, t.strike, t.volatility, t.time, t.rate, t.carry))


# ------------------------------------------------------------- between knots


@pytest.mark.parametrize("left", [60, 86_400, QUARTER.seconds])
@pytest.mark.parametrize("call", [HULL, QUARTER, HULL._replace(volatility=1.5, rate=-0.1)])
def test_between_the_knots_delta_and_gamma_are_the_contracts(call, left):
    piece = Slice(sheet(), call, left)
    deviation = call.deviation(left)
    spots = call.strike * np.exp(np.random.default_rng(1).normal(0, 2 * deviation, 200))
    answers = [sheet().greeks(call.terms(spot, left)) for spot in spots.tolist()]
    deltas, gammas = (np.array([answer[place] / WAD for answer in answers]) for place in (2, 3))
    assert np.max(np.abs(piece.delta(spots) - deltas)) < 5e-7
    assert np.max(np.abs(piece.gamma(spots) - gammas) * spots * deviation) < 1e-6


def test_beyond_the_last_knot_delta_is_nothing_or_one():
    far = np.array([HULL.strike / 100, HULL.strike * 100])
    piece = Slice(sheet(), HULL, 86_400)
    assert piece.delta(far) == pytest.approx([0, 1], abs=1e-11)
    assert piece.gamma(far) * far == pytest.approx([0, 0], abs=1e-9)


# ----------------------------------------------------------- discrete hedging


def run_with(volatility, steps=20, paths=4_000):
    """Hull's call on its paths, hedged as if volatility were another."""
    run = hedged(HULL, HULL_DRIFT, steps, paths, seed=5)
    believed = HULL._replace(volatility=volatility)
    return run._replace(deltas=deltas_of(slices(sheet(), believed, run.times), run.spots))


def test_hedging_by_another_volatility_is_seen():
    expected = dict(PERFORMANCE)[1]
    assert abs(run_with(0.2).spread(1) / expected - 1) < 0.05
    assert abs(run_with(0.4).spread(1) / expected - 1) > 0.05


def test_hedging_with_the_wrong_sign_is_seen():
    run = run_with(0.2)
    assert run._replace(deltas=-run.deltas).spread(1) > 5 * run.spread(1)


def test_the_mean_cost_of_hedging_is_the_price():
    run = run_with(0.2, paths=20_000)
    costs = discounted_cost(run.call, run.spots, run.deltas, run.times)
    assert abs(np.mean(costs) - HULL.price(sheet())) < 4 * np.std(costs) / math.sqrt(len(costs))


def test_an_error_that_does_not_fall_with_more_rebalances_is_seen():
    run = hedged(HULL, HULL_DRIFT, 100, 2_000, seed=6)
    late = np.vstack((run.deltas[:1].repeat(20, axis=0), run.deltas[:-20]))  # a delta of four weeks ago
    counts = (10, 20, 50, 100)
    assert abs(slope(run, counts) + 0.5) < 0.05
    assert slope(run._replace(deltas=late), counts) > -0.2


def test_a_hedger_on_chain_who_trades_by_another_delta_is_seen():
    run = hedged(HULL, HULL_DRIFT, 4, 60, seed=7)
    assert lived(run, 1) < 1e-5
    assert lived(run._replace(deltas=run.deltas + 1e-4), 1) > 1e-5


def test_what_a_hedger_on_chain_spends_follows_from_one_path_by_hand():
    hedger = Hedger(HULL)
    deltas = [sheet().greeks(HULL.terms(spot, HULL.seconds // left))[2] / WAD for spot, left in ((49.0, 1), (52.0, 2))]
    middle = HULL.seconds // 2
    got = hedger.cost([49.0, 52.0, 55.0], [0, HULL.seconds - middle, HULL.seconds])
    half = math.exp(-0.05 * (HULL.seconds - middle) / 31_536_000)
    whole = math.exp(-0.05 * HULL.seconds / 31_536_000)
    expected = 49 * deltas[0] + half * 52 * (deltas[1] - deltas[0]) + whole * (5 - 55 * deltas[1])
    assert got == pytest.approx(expected, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("weeks", [5, 2])
def test_five_thousand_lives_on_chain_spread_as_the_law_says(weeks):
    steps = 20 // weeks
    spots = walks(HULL, HULL_DRIFT, steps, 5_000, seed=8)
    costs = costs_on_chain(HULL, spots, HULL.times(steps))
    assert np.std(costs) / HULL.price(sheet()) == pytest.approx(dict(PERFORMANCE)[weeks], rel=0.05)


@pytest.mark.slow
def test_every_delta_asked_of_the_contract_gives_the_same_spread():
    steps, paths = 80, 5_000
    run = hedged(HULL, HULL_DRIFT, steps, paths, seed=9)
    asked = np.empty_like(run.deltas)
    for step, row in enumerate(run.spots[:-1]):
        left = HULL.seconds - run.times[step]
        asked[step] = [sheet().greeks(HULL.terms(spot, left))[2] / WAD for spot in row.tolist()]
    assert np.max(np.abs(asked - run.deltas)) < 5e-7
    for weeks, expected in PERFORMANCE:
        spread = run._replace(deltas=asked).spread(round(4 * weeks))
        assert spread == pytest.approx(expected, rel=0.05)
        assert spread == pytest.approx(run.spread(round(4 * weeks)), rel=1e-5)


# --------------------------------------------------------------------- costs


def test_lelands_volatility_is_the_issues():
    assert leland_volatility(QUARTER, 0.0025, 50) == pytest.approx(0.2265, abs=5e-5)
    assert leland_volatility(QUARTER, 0.0, 50) == QUARTER.volatility


def test_without_costs_nothing_is_lost_by_the_true_volatility_and_much_gained_by_a_higher_one():
    assert abs(np.mean(stepwise(0.2, 0.0).error)) < 0.01
    assert np.mean(stepwise(0.2265, 0.0).error) > 0.4


def test_costs_are_those_of_what_is_traded_between_set_up_and_end():
    spots = np.array([[100.0], [110.0], [90.0], [120.0]])
    held = np.array([[0.5], [0.8], [0.2]])
    found = settled(QUARTER, 4.0, spots, held, 0.01)
    assert found.costs == pytest.approx([0.01 * (0.3 * 110 + 0.6 * 90)])
    assert found.error == pytest.approx([4 + 0.5 * 10 - 0.8 * 20 + 0.2 * 30 - 20 - found.costs[0]])


@pytest.fixture(scope="module")
def banded():
    return Banded(checks=50, paths=400)


def test_a_band_without_cost_is_a_trade_at_each_check(banded):
    edge, centre = (banded.run(1.0, 0.0, to_edge=to_edge) for to_edge in (True, False))
    assert edge.error == pytest.approx(centre.error)
    free = settled(QUARTER, QUARTER.price(sheet()), banded.spots, banded.deltas, 0.0)
    assert edge.error == pytest.approx(free.error)


def test_who_fears_risk_more_trades_more_and_errs_less(banded):
    calm, afraid = (banded.run(aversion, 0.002, to_edge=True) for aversion in (0.1, 10.0))
    assert np.mean(afraid.costs) > np.mean(calm.costs)
    assert afraid.spread < calm.spread


def test_a_spread_that_no_band_has_is_no_data(banded):
    with pytest.raises(NoData, match="is wanted"):
        banded.at_spread(0.01, 0.002, to_edge=True)
