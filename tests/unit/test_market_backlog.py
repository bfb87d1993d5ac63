"""Background demand with a memory: what waits, what it bids, and what makes it come."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from simulator.market.backlog import BacklogDemand, Book, Crowd, Swing
from simulator.market.demand import BacklogSettings, DemandSettings
from simulator.mempool import Eip1559
from simulator.streams import Streams
from simulator.units import YEAR_SECONDS

LIMIT = 10_000_000
GWEI = 10**9
BLOCK = 13


def weather(**backlog: float) -> dict[str, object]:
    return {"gas_price_gwei": 10.0, "load": 0.9, "price_sigma": 0.35, "backlog": BacklogSettings(**backlog)}


def demand_of(wanted: DemandSettings, price=lambda: 200.0, *, steps: int = 8000, seed: int = 1, legacy: bool = True):
    return BacklogDemand(wanted, Streams(seed), price, gas_limit=LIMIT, steps=steps, step_seconds=BLOCK, legacy=legacy)


def crowd_of(legacy: bool = True, **changes: object) -> Crowd:
    wanted = DemandSettings(**(weather() | changes))
    return Crowd(wanted, gas_limit=LIMIT, block_seconds=BLOCK, legacy=legacy)


def mined(demand: BacklogDemand, step: int, base_fee: int = 0) -> tuple[int, float]:
    """Gas of a block that takes what is offered, and its mean price [gwei]."""
    left, paid = LIMIT, 0
    for gas, tip in sorted(demand.block(step, base_fee), key=lambda each: -each.tip):
        used = min(gas, left)
        left -= used
        paid += used * (base_fee + tip)
    demand.mined(LIMIT - left)
    return LIMIT - left, paid / max(1, LIMIT - left) / GWEI


# ---------------------------------------------------------------------------- what waits


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 1)), min_size=1, max_size=12), st.integers(0, 2**32))
def test_what_comes_is_mined_gives_up_or_waits(blocks, seed):
    crowd, staying = crowd_of(), math.exp(-BLOCK / (130 * 60))
    waiting = 0.0
    for load, share in blocks:
        offered = sum(each.gas for each in crowd.candidates(1, load, 0.0, 0))
        waiting = waiting * staying + load * LIMIT
        assert crowd.book.up_to[-1] == pytest.approx(waiting, rel=1e-9)
        assert offered == pytest.approx(min(waiting, LIMIT), abs=24)
        taken = min(share * offered, waiting)
        crowd.mined(taken)
        if offered:
            waiting -= taken
        assert crowd.book.gas.sum() == pytest.approx(waiting, rel=1e-6, abs=1e-3)
        assert (crowd.book.gas >= 0).all()


def test_the_dearest_are_offered_and_mined_and_the_cheapest_wait():
    crowd = crowd_of(load=3.0)
    offered = crowd.candidates(1, 3.0, 0.0, 0)
    tips = [each.tip for each in offered]
    assert tips == sorted(tips, reverse=True)
    assert sum(each.gas for each in offered) == pytest.approx(LIMIT, abs=24)
    crowd.mined(LIMIT)
    dearest = crowd.book.edges[np.flatnonzero(crowd.book.gas)[0] + 1]  # of its bin at least
    assert math.exp(dearest) * GWEI <= tips[-1]
    assert crowd.book.gas.sum() == pytest.approx(2 * LIMIT, rel=1e-6)


def test_a_block_that_takes_nothing_leaves_all_of_it_waiting():
    crowd = crowd_of(backlog=BacklogSettings(patience_minutes=1e5))
    for _ in range(5):
        crowd.candidates(1, 0.2, 0.0, 0)
        crowd.mined(0)
    assert crowd.book.gas.sum() == pytest.approx(LIMIT, rel=1e-3)


def test_half_of_those_who_wait_have_given_up_after_patience_times_ln_two():
    book = Book()
    book.arrive(1000.0, 0.0, 0.5)
    for _ in range(60):
        book.wait(math.exp(-math.log(2) / 60), 0.01)
    assert book.gas.sum() == pytest.approx(500.0, rel=1e-9)


def test_a_raise_lifts_a_bid_by_a_tenth_and_keeps_the_gas():
    book = Book()
    book.arrive(1000.0, 1.0, 0.3)
    book.count()
    before = book.prices_at(np.array([500.0]))[0]
    for _ in range(3):
        book.wait(1.0, 1.0)
    book.count()
    assert book.prices_at(np.array([500.0]))[0] - before == pytest.approx(3 * math.log(1.1), abs=1e-9)
    assert book.gas.sum() == pytest.approx(1000.0)


@given(st.floats(-6, 13), st.floats(0, 0.2))
def test_bids_lie_around_their_centre(centre, sigma):
    book = Book()
    book.arrive(1000.0, centre, sigma)
    book.count()
    median = book.prices_at(np.array([500.0]))[0]
    assert abs(median - centre) < math.log(1.1)
    assert book.above(median) == pytest.approx(500.0, abs=1e-6)


@given(st.floats(-50, 50), st.floats(0, 5))
def test_bids_beyond_the_last_bin_are_kept_in_it(centre, sigma):
    book = Book()
    book.arrive(1000.0, centre, sigma)
    assert book.gas.sum() == pytest.approx(1000.0)
    assert (book.gas >= 0).all()


# ------------------------------------------------------------------------------- prices


@pytest.mark.parametrize("load", [0.7, 0.9, 1.1, 1.6])
def test_in_the_calm_mined_gas_costs_the_stated_price(load):
    demand = demand_of(DemandSettings(**(weather() | {"load": load, "load_sigma": 0.0, "gas_price_gwei": 17.0})))
    prices = [mined(demand, step)[1] for step in range(1, 3001)]
    assert np.mean(prices) == pytest.approx(17.0, rel=0.03)


@pytest.mark.parametrize(("load", "load_sigma", "off"), [(0.7, 0.0, 0.03), (0.9, 0.0, 0.03), (1.6, 0.2, 0.1)])
def test_in_the_calm_the_base_fee_settles_at_the_stated_price(load, load_sigma, off):
    wanted = weather() | {"load": load, "load_sigma": load_sigma, "gas_price_gwei": 17.0}
    demand = demand_of(DemandSettings(**wanted), legacy=False)
    fees, found = Eip1559(5 * GWEI, LIMIT), []
    for step in range(1, 4001):
        found.append(fees.base_fee / GWEI)
        fees.advance(mined(demand, step, fees.base_fee)[0])
    assert np.mean(found[1500:]) == pytest.approx(17.0, rel=off)


def rough_hours(first: int, last: int):
    """Ether at 200 dollars, which in these hours swings by 3 % up and down every ten minutes."""
    clock = {"step": 0}

    def price() -> float:
        clock["step"] += 1
        minutes = clock["step"] * BLOCK / 60
        swings = first * 60 <= minutes < last * 60
        return 200.0 * math.exp(0.03 * math.sin(math.pi * minutes / 10)) if swings else 200.0

    return price


@pytest.mark.parametrize("legacy", [True, False])
def test_a_rough_market_makes_gas_dear_and_the_backlog_keeps_it_so_until_it_is_eaten(legacy):
    demand = demand_of(
        DemandSettings(**(weather(elasticity=0.3) | {"load_sigma": 0.0})), rough_hours(2, 5), legacy=legacy
    )
    fees = Eip1559(0 if legacy else 10 * GWEI, LIMIT)
    hours: list[list[float]] = [[] for _ in range(25)]
    for step in range(1, 24 * 3600 // BLOCK):
        gas, price = mined(demand, step, fees.base_fee)
        hours[step * BLOCK // 3600].append(price)
        if not legacy:
            fees.advance(gas)
    mean = [float(np.mean(each)) for each in hours if each]
    assert mean[4] > 2 * mean[1]  # dear
    assert mean[4] > mean[3] > mean[2]  # dearer by the hour while it lasts: it piles up
    assert mean[6] > 1.3 * mean[1]  # the market is calm since an hour
    assert mean[-1] == pytest.approx(mean[1], rel=0.1)


def test_whoever_is_below_the_base_fee_waits_for_a_lower_one():
    demand = demand_of(DemandSettings(**(weather(patience_minutes=1e5) | {"load_sigma": 0.0})), legacy=False)
    for step in range(1, 11):
        assert demand.block(step, 10**6 * GWEI) == []
        demand.mined(0)
    offered = demand.block(11, GWEI)
    assert sum(each.gas for each in offered) == pytest.approx(LIMIT, abs=24)  # ten blocks of .9 wait
    assert all(each.tip >= 0 for each in offered)


@given(st.integers(1, 60 * GWEI))
def test_nobody_pays_more_than_he_is_ready_to(base_fee):
    crowd = crowd_of(legacy=False, load=0.8)
    offered, book = crowd.candidates(1, 0.8, 0.0, base_fee), crowd.book
    assert sum(each.gas for each in offered) == pytest.approx(book.above(math.log(base_fee / GWEI)), abs=48)
    before = 0
    for each in offered:
        assert each.tip >= 0
        # As much gas as stands up to its middle is ready to pay what it pays.
        assert book.above(math.log((base_fee + each.tip) / GWEI)) >= before + each.gas / 2 - 24
        before += each.gas


# ---------------------------------------------------------------------------- volatility


def test_a_random_walk_is_measured_at_its_volatility():
    noise = np.random.default_rng(5).standard_normal((40, 12_000))
    found = []
    for walk in 200 * np.exp(np.cumsum(0.9 * math.sqrt(BLOCK / YEAR_SECONDS) * noise, axis=1)):
        swing = Swing(float(walk[0]), 1800.0, 0.9)
        found.append(np.mean([swing.see(price, BLOCK) ** 2 for price in walk[1:].tolist()]))
    error = np.std(found, ddof=1) / math.sqrt(len(found))
    assert error < 0.03
    assert np.mean(found) == pytest.approx(0.81, abs=3 * error + 0.01)  # .01: of the steps' width


def test_a_record_with_lines_between_its_points_reads_nearly_as_wild_as_the_day_was():
    noise = np.random.default_rng(6).standard_normal(400_000)
    walk = np.cumsum(0.9 * math.sqrt(BLOCK / YEAR_SECONDS) * noise)
    steps, points = np.arange(walk.size), np.arange(0, walk.size, 46)  # a point every ten minutes
    lines = np.interp(steps, points, walk[points])
    measured = {}
    for name, path in (("walk", walk), ("lines", lines)):
        swing = Swing(1.0, 1800.0, 0.9)
        measured[name] = math.sqrt(np.mean([swing.see(math.exp(x), BLOCK) ** 2 for x in path.tolist()]))
    assert measured["lines"] == pytest.approx(measured["walk"], rel=0.15)
    by_returns = np.std(np.diff(lines)) / np.std(np.diff(walk))
    assert by_returns < 0.2


def test_what_moves_the_price_makes_demand_whoever_moved_it():
    calm, moved = (demand_of(DemandSettings(**weather()), price) for price in (lambda: 200.0, rough_hours(0, 9)))
    waiting = []
    for demand in (calm, moved):
        for step in range(1, 600):
            mined(demand, step)
        waiting.append(demand._crowd.book.gas.sum())
    assert waiting[1] > waiting[0] + LIMIT


# ------------------------------------------------------------------------------- streams


def offers(steps: int, ask: range | None = None, seed: int = 1) -> dict[int, list[tuple[int, int]]]:
    demand, found = demand_of(DemandSettings(**weather()), steps=steps, seed=seed), {}
    for step in ask or range(1, steps + 1):
        found[step] = list(demand.block(step, 0))
        demand.mined(LIMIT)
    return found


def test_the_same_seed_gives_the_same_blocks_and_another_does_not():
    assert offers(700) == offers(700)
    assert offers(700) != offers(700, seed=2)


def test_a_longer_run_begins_as_the_shorter_one():
    short, long = offers(700), offers(1500)
    assert all(long[step] == block for step, block in short.items())


def test_demand_gathers_in_slots_without_a_block():
    every, some = (demand_of(DemandSettings(**(weather() | {"load": 0.3, "load_sigma": 0.0}))) for _ in range(2))
    gas = [sum(each.gas for each in demand.block(step, 0)) for demand, step in ((every, 1), (some, 3))]
    assert gas[1] == pytest.approx(3 * gas[0], rel=0.01)


def test_candidates_stay_as_few_as_the_tranches_whatever_waits():
    demand = demand_of(DemandSettings(**(weather() | {"load": 5.0, "tranches": 7})))
    for step in range(1, 400):
        assert len(demand.block(step, 0)) == 7
        demand.mined(LIMIT // 2)
    assert demand._crowd.book.gas.sum() > 100 * LIMIT


# ------------------------------------------------------------------------------ settings


@pytest.mark.parametrize(
    "backlog",
    [
        {"elasticity": -1},
        {"elasticity": 11},
        {"normal_volatility": 0},
        {"volatility_minutes": 0},
        {"patience_minutes": 0},
        {"raises_per_hour": -1},
        {"follow": 1},
        {"advice_minutes": 0},
        {"patience": 5},
    ],
)
def test_an_impossible_backlog_is_refused(backlog):
    with pytest.raises(ValidationError):
        BacklogSettings(**backlog)


@pytest.mark.parametrize("price", [0.0, ((0.0, 5.0), (1.0, 0.0))])
def test_bids_that_follow_a_price_of_nothing_are_refused(price):
    with pytest.raises(ValidationError, match="gas_price_gwei = 0; must be > 0"):
        DemandSettings(gas_price_gwei=price, backlog=BacklogSettings())


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize(
    "wanted",
    [
        {"gas_price_gwei": 1e6, "price_sigma": 5.0, "load": 1000.0, "load_sigma": 5.0, "tranches": 3},
        {"gas_price_gwei": 1e-6, "price_sigma": 5.0},
        {"load": 0.0},
        {"price_sigma": 0.0, "load_sigma": 0.0, "load": 3.0},
        {"backlog": BacklogSettings(raises_per_hour=1000, patience_minutes=1e5, follow=0.95), "load": 4.0},
        {"backlog": BacklogSettings(elasticity=10, normal_volatility=0.001, volatility_minutes=0.1)},
        {"backlog": BacklogSettings(patience_minutes=0.1, advice_minutes=0.1, raises_per_hour=0)},
    ],
)
def test_the_widest_settings_still_give_whole_amounts_that_are_not_negative(wanted, legacy):
    demand = demand_of(DemandSettings(**(weather() | wanted)), rough_hours(0, 99), legacy=legacy)
    fees = Eip1559(0 if legacy else GWEI, LIMIT)
    for step in range(1, 800):
        offered = demand.block(step, fees.base_fee)
        assert all(type(each.gas) is int and type(each.tip) is int for each in offered)
        assert all(each.gas >= 0 and each.tip >= 0 for each in offered)
        gas = min(sum(each.gas for each in offered), LIMIT)
        demand.mined(gas)
        if not legacy:
            fees.advance(gas)
    assert np.isfinite(demand._crowd.book.gas).all()
