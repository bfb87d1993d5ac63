"""12 March 2020 on its own prices and gas, over 20 seeds; and how the laws count."""

import pytest
from laws import verdict
from market_records import market_record

from simulator import load
from simulator.validation import black_thursday as day

NAMES = ["black-thursday/zero-bid-share", "black-thursday/bad-debt-ratio", "black-thursday/gas-hours"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_storm_on_the_records_is_what_befell_the_protocol(name):
    assert verdict(name).verdict == "holds"


@pytest.fixture
def weather():
    return day.recorded_weather(market_record(day.PRICES), market_record(day.GAS))


def test_the_weather_of_the_laws_is_the_record(weather):
    knots = load("black-thursday", **weather).market["ETH"].settings.knots
    assert len(knots) == 3 * 30 + 1
    assert knots[0] == (0, 194.61)
    assert min(price for _, price in knots) == 86.0
    gas = load("black-thursday", **weather).chain.demand.gas_price_gwei
    assert max(gwei for _, gwei in gas) == pytest.approx(225.16, abs=0.01)
    assert sum(hour < 24 for hour, _ in gas) == 144
    assert [hour for hour, _ in gas if hour > 24] == [25, 26, 27, 28, 29, 30]


def test_the_storm_that_ships_has_the_same_prices_to_the_hour(weather):
    shipped = load("black-thursday").market["ETH"].settings.knots
    recorded = weather["market.ETH.knots"]
    assert {round(price, 2) for _, price in shipped} >= {
        round(price, 2) for hour, price in recorded if float(hour).is_integer()
    }


def storm(hours: list[int], zero_bids: list[bool]) -> day.Storm:
    gas = [float(hour in (12, 13, 14, 15, 16, 17, 18, 26)) for hour in range(day.HOURS)]
    return day.Storm(0.0, 0.0, tuple(hours), tuple(zero_bids), tuple(gas))


def test_the_lift_is_one_share_over_the_other():
    # Of four lots two are in the dearest hours, of two zero bids both: 1 / .5.
    assert day.lift([storm([12, 26, 3, 4], [True, True, False, False])]) == 2.0
    assert day.lift([storm([12, 26, 3, 4], [True, False, True, False])]) == 1.0
    assert day.lift([storm([12, 3], [False, True]), storm([12, 3], [True, False])]) == 1.0


def test_without_a_zero_bid_there_is_no_lift_and_the_law_does_not_hold(monkeypatch):
    monkeypatch.setattr(day, "_storms", lambda: [storm([12, 3], [False, False])])
    assert not day.gas_hours().holds
