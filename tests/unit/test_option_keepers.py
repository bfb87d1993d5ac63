"""What is listed when, and when a surface is reported: by the rules alone."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.agents.option_keeper import OptionKeeper, OptionKeeperSettings, strike_step
from simulator.agents.surface_reporter import SurfaceReporter, SurfaceReporterSettings
from simulator.market.svi import Svi
from simulator.protocols.option_capability import series_id
from simulator.units import to_wad

HOUR, START = 3_600, 1_700_000_000
SMILE = Svi(0.003, 0.03, -0.3, 0.0, 0.1)


class Options:
    """As much of a market as listing and reporting look at."""

    def __init__(self):
        self.id, self.asset, self.cutoff, self.longest_time, self.series = "options/ETH", "ETH", 600, 400 * 86_400, {}


def desk_at(elapsed, volatility=1.0, price=2_000.0, errors=None):
    def stream(name):
        number = int(name.split("/")[-2])
        return SimpleNamespace(standard_normal=lambda count: [errors[number]] * count)

    options = Options()
    market = SimpleNamespace(price=lambda asset: price, smiles=lambda asset: [(7.0, SMILE.scaled(volatility**2))])
    return SimpleNamespace(
        agent="x",
        now=START + elapsed,
        elapsed=float(elapsed),
        block_seconds=12,
        market=market,
        stream=stream,
        capabilities=lambda kind: [options],
    )


def keeper(elapsed=0, **settings):
    return OptionKeeper(desk_at(elapsed), OptionKeeperSettings(**settings))


@given(price=st.floats(1e-4, 1e7))
def test_strikes_are_round_and_at_most_a_hundredth_of_the_price_apart(price):
    step = strike_step(price)
    assert price / 400 <= step <= price / 100 * (1 + 1e-9)


@pytest.mark.parametrize(("price", "step"), [(2_650.0, 25.0), (2_500.0, 25.0), (2_499.0, 10.0), (99_000.0, 500.0)])
def test_the_distance_of_strikes_by_hand(price, step):
    assert strike_step(price) == pytest.approx(step)


def test_expiries_are_at_multiples_of_each_tenor_and_never_within_the_cutoff():
    one = keeper(tenors_hours=(1.0, 24.0), ahead=2)
    assert one._expiries(START) == [START + HOUR * hours for hours in (1, 2, 24, 48)]
    late = keeper(3_001, tenors_hours=(1.0, 24.0), ahead=2)  # 599 s ahead of the first
    assert late._expiries(START + 3_001) == [START + HOUR * hours for hours in (2, 3, 24, 48)]


def test_the_next_listing_is_when_a_tenor_moves_on():
    one = keeper(100, tenors_hours=(1.0,))
    moment = 100 + one._until_listing()
    before, after = (keeper(round(moment + offset), tenors_hours=(1.0,)) for offset in (-2, 0))
    assert before._expiries(START + round(moment) - 2) != after._expiries(START + round(moment))


def test_what_is_listed_already_is_left_out_and_leaves_less_room():
    one = keeper(tenors_hours=(1.0,), ahead=1, moneyness=(0.9, 1.0, 1.1), kinds=("call", "put"))
    wanted = list(one._wanted(START, 2_000.0))
    assert [strike for _, strike, _ in wanted] == [1_800.0, 1_800.0, 2_000.0, 2_000.0, 2_200.0, 2_200.0]
    expiry = START + HOUR
    one._options.series = {series_id(expiry, to_wad(2_000.0), "call"): None}
    assert (expiry, 2_000.0, "call") not in list(one._wanted(START, 2_000.0))
    assert one._room() == 63
    one._options.series |= dict.fromkeys(range(60))
    assert one._room() == 3
    one._options.series |= dict.fromkeys(range(100))
    assert one._room() == 0


def reporter(elapsed=0, volatility=1.0, errors=None, **settings):
    return SurfaceReporter(desk_at(elapsed, volatility, errors=errors), SurfaceReporterSettings(**settings))


def test_a_report_is_due_by_time_or_by_a_move_at_the_money():
    first = reporter()._seen()
    assert not reporter(599)._is_due(first, first, 0.0)
    assert reporter(600)._is_due(first, first, 0.0)
    assert not reporter(600, heartbeat_seconds=0)._is_due(first, first, 0.0)
    for volatility, due in ((1.029, False), (1.031, True), (0.971, False), (0.969, True)):
        one = reporter(60, volatility)
        assert one._is_due(one._seen(), first, 0.0) is due
        still = reporter(60, volatility, deviation=0.0)
        assert not still._is_due(still._seen(), first, 0.0)


def test_the_median_of_sources_is_reported_and_a_minority_of_liars_is_not():
    true = reporter()._seen().at_the_money(7 * 86_400)
    honest = reporter(errors=[2.0, -1.0, 0.5], sources={"count": 3, "noise": 0.1})
    assert honest._seen().at_the_money(7 * 86_400) == pytest.approx(true * 2.718281828459045**0.05)
    lied = reporter(sources={"count": 3, "liars": 1, "lie": 3.0})
    assert lied._seen().at_the_money(7 * 86_400) == pytest.approx(true)
    bought = reporter(sources={"count": 3, "liars": 2, "lie": 3.0})
    assert bought._seen().at_the_money(7 * 86_400) == pytest.approx(3 * true)


def test_an_outage_is_its_hours():
    assert [reporter(seconds, outages=[(0.5, 1.0)])._is_silent() for seconds in (1_799, 1_800, 3_599, 3_600)] == [
        False,
        True,
        True,
        False,
    ]
