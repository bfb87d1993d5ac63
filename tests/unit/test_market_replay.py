import math
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from market_samples import asset, grid
from pydantic import ValidationError

from simulator.errors import ConfigError
from simulator.market import Market
from simulator.market.processes import draw_alone
from simulator.market.processes.replay import Replay
from simulator.streams import Streams
from simulator.units import YEAR_SECONDS

NOWHERE = Path()
MIDNIGHT = 1_583_971_200.0  # 2020-03-12T00:00:00Z


def path_of(settings: Replay, times, seed: int = 0, folder: Path = NOWHERE, start: float = MIDNIGHT):
    return draw_alone(settings, times, seed=seed, start=start, folder=folder)[0]


@given(
    st.lists(st.integers(1, 600), unique=True, min_size=1, max_size=20).map(sorted),
    st.lists(st.floats(0.01, 1e5), min_size=21, max_size=21),
    st.sampled_from([0.0, 0.8, 5.0]),
)
def test_a_knot_on_the_grid_is_hit_exactly(minutes, prices, volatility):
    minutes = [0, *minutes]
    knots = tuple((minute / 60, price) for minute, price in zip(minutes, prices, strict=False))
    path = path_of(Replay(knots=knots, bridge_volatility=volatility), np.arange(601) * 60.0)
    assert [path[minute] for minute in minutes] == [price for _, price in knots]


def test_a_decimal_hour_that_misses_its_second_by_a_bit_still_hits_its_block():
    assert 1.1 * 3600 != 3960.0
    path = path_of(Replay(knots=((0, 100.0), (1.1, 97.7), (2, 100.0)), bridge_volatility=5.0), np.arange(120) * 60.0)
    assert path[66] == 97.7


def test_the_bridge_has_the_variance_of_the_closed_form_between_knots():
    # Knots an hour apart; var of the log at share s of the interval is volatility² T s (1 - s).
    hours, volatility = 20_000, 0.8
    knots = tuple((float(hour), 100.0) for hour in range(hours + 1))
    path = path_of(Replay(knots=knots, bridge_volatility=volatility), np.arange(4 * hours + 1) * 900.0)
    gaps = np.log(path[:-1].reshape(hours, 4) / 100.0)
    assert (gaps[:, 0] == 0).all()
    for quarter in (1, 2, 3):
        share = quarter / 4
        expected = volatility**2 * 3600 / YEAR_SECONDS * share * (1 - share)
        standard_error = expected * math.sqrt(2 / hours)
        assert np.mean(gaps[:, quarter] ** 2) == pytest.approx(expected, abs=3 * standard_error)
    # Bridges of two intervals know nothing of each other.
    assert abs(np.corrcoef(gaps[:-1, 2], gaps[1:, 2])[0, 1]) < 3 / math.sqrt(hours)


def test_without_a_bridge_the_path_is_straight_in_the_logarithm_and_holds_the_last_price():
    path = path_of(Replay(knots=((0, 100.0), (2, 400.0))), np.arange(4) * 3600.0)
    assert path == pytest.approx([100.0, 200.0, 400.0, 400.0], rel=1e-15)


def test_the_bridge_ends_at_the_last_knot():
    path = path_of(Replay(knots=((0, 100.0), (1, 90.0)), bridge_volatility=2.0), np.arange(240) * 60.0)
    assert path[60:] == pytest.approx(90.0, rel=1e-15)
    assert np.ptp(path[:60]) > 1


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not():
    settings = Replay(knots=((0, 100.0), (6, 80.0)), bridge_volatility=1.0)
    times = grid(1000)
    assert path_of(settings, times, 1).tobytes() == path_of(settings, times, 1).tobytes()
    assert path_of(settings, times, 1).tobytes() != path_of(settings, times, 2).tobytes()


def test_other_assets_and_other_streams_do_not_disturb_a_path():
    settings = Replay(knots=((0, 100.0), (6, 80.0)), bridge_volatility=1.0)
    alone = Market({"ETH": asset(settings)}, grid(1000), Streams(5))
    streams = Streams(5)
    streams.generator("agents/crab").random(100)
    among = Market({"BTC": asset(settings), "ETH": asset(settings)}, grid(1000), streams)
    eth, again, btc = [], [], []
    for step in range(1001):
        alone.advance(step)
        among.advance(step)
        eth.append(alone.price("ETH"))
        again.append(among.price("ETH"))
        btc.append(among.price("BTC"))
    assert eth == again
    assert eth != btc


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"knots": ((0, 1.0),), "csv": "prices.csv"},
        {"knots": ((0, 1.0), (0, 2.0))},
        {"knots": ((2, 1.0), (1, 2.0))},
        {"knots": ((0, 0.0),)},
        {"knots": ((0, -1.0),)},
        {"knots": ((-1, 1.0),)},
        {"knots": ((0, float("nan")),)},
    ],
)
def test_knots_out_of_order_or_not_positive_are_refused(settings):
    with pytest.raises(ValidationError):
        Replay(**settings)


def test_knots_that_begin_after_the_run_are_refused():
    with pytest.raises(ConfigError, match="the first price is at hour 1"):
        path_of(Replay(knots=((1, 100.0),)), grid(3))


# ---------------------------------------------------------------------------- files

HOURS = ("2020-03-12T00:00:00Z,194.6", "2020-03-12T01:00:00Z,193.3", "2020-03-12T02:00:00Z,185.0")


def prices(tmp_path: Path, *rows: str, head: str = "time_utc,price", encoding: str = "utf-8") -> Replay:
    (tmp_path / "prices.csv").write_text("\n".join((head, *rows)) + "\n", encoding=encoding)
    return Replay(csv="prices.csv", bridge_volatility=0.5)


def test_a_file_is_the_same_path_as_its_knots(tmp_path):
    from_file = path_of(prices(tmp_path, *HOURS), grid(550), folder=tmp_path)
    knots = Replay(knots=((0, 194.6), (1, 193.3), (2, 185.0)), bridge_volatility=0.5)
    assert from_file.tobytes() == path_of(knots, grid(550)).tobytes()


def test_every_minute_of_a_file_is_hit_exactly(tmp_path):
    rows = [f"2020-03-12T{n // 60:02}:{n % 60:02}:00Z,{100 + n / 7:.6f}" for n in range(600)]
    path = path_of(prices(tmp_path, *rows), np.arange(600) * 60.0, folder=tmp_path)
    assert path.tolist() == [float(f"{100 + n / 7:.6f}") for n in range(600)]


def test_a_file_may_begin_before_the_run(tmp_path):
    path = path_of(prices(tmp_path, *HOURS), np.arange(3) * 1800.0, folder=tmp_path, start=MIDNIGHT + 3600)
    assert [path[0], path[2]] == [193.3, 185.0]


def test_a_column_of_another_name_and_a_byte_order_mark_are_read(tmp_path):
    prices(tmp_path, *HOURS, head="time_utc,eth_open", encoding="utf-8-sig")
    path = path_of(Replay(csv="prices.csv", column="eth_open"), np.arange(3) * 3600.0, folder=tmp_path)
    assert path.tolist() == [194.6, 193.3, 185.0]


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland"])
def test_a_time_without_a_zone_is_utc_wherever_the_machine_stands(tmp_path, monkeypatch, zone):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        days = prices(tmp_path, "2020-03-12,194.6", "2020-03-13,107.7")
        at_days = path_of(days, np.arange(2) * 86400.0, folder=tmp_path)
        hours = prices(tmp_path, *(row.replace("Z", "") for row in HOURS))
        at_hours = path_of(hours, np.arange(3) * 3600.0, folder=tmp_path)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert at_days.tolist() == [194.6, 107.7]
    assert at_hours.tolist() == [194.6, 193.3, 185.0]


@pytest.mark.parametrize(
    ("rows", "place", "complaint"),
    [
        ((), "prices.csv", "0 prices"),
        (HOURS[:1], "prices.csv", "1 prices"),
        ((*HOURS[:2], "2020-03-12T06:00:00Z,1"), "prices.csv:4", "a gap of 5:00:00"),
        ((HOURS[1], HOURS[0]), "prices.csv:3", "is not after the one before"),
        ((HOURS[0], HOURS[0]), "prices.csv:3", "is not after the one before"),
        ((HOURS[0], "2020-03-12T01:00:00Z,-3"), "prices.csv:3", "price = -3"),
        ((HOURS[0], "2020-03-12T01:00:00Z,0"), "prices.csv:3", "price = 0"),
        ((HOURS[0], "2020-03-12T01:00:00Z,nan"), "prices.csv:3", "price = nan"),
        ((HOURS[0], "2020-03-12T01:00:00Z,"), "prices.csv:3", "could not convert"),
        ((HOURS[0], "2020-03-12T01:00:00Z"), "prices.csv:3", "could not convert"),
        ((HOURS[0], "yesterday,3"), "prices.csv:3", "yesterday"),
        (("2019-03-12T00:00Z,7", "2019-03-12T01:00Z,8"), "prices.csv", "the last price is of 2019-03-12T01:00:00"),
    ],
)
def test_a_file_that_cannot_be_used_names_the_line_and_the_fault(tmp_path, rows, place, complaint):
    with pytest.raises(ConfigError, match=complaint) as raised:
        path_of(prices(tmp_path, *rows), np.arange(3) * 3600.0, folder=tmp_path)
    assert raised.value.where.endswith(place)
    assert raised.value.mend


def test_a_file_that_ends_before_the_run_is_a_gap_like_any_other(tmp_path):
    settings = prices(tmp_path, *HOURS)
    # The last row opens an hour, so the run may go on through it, but not beyond half an hour more.
    assert path_of(settings, np.arange(8) * 1800.0, folder=tmp_path)[-1] == pytest.approx(185.0)
    with pytest.raises(ConfigError, match="the run goes on to 2020-03-12T04:00:00"):
        path_of(settings, np.arange(9) * 1800.0, folder=tmp_path)


def test_a_file_or_column_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        path_of(Replay(csv="gone.csv"), grid(3), folder=tmp_path)
    with pytest.raises(ConfigError, match="no column price") as raised:
        path_of(prices(tmp_path, *HOURS, head="time_utc,close"), grid(3), folder=tmp_path)
    assert raised.value.mend == "its columns are time_utc, close"


# ---------------------------------------------------------------------------- stretched, coarsened, scaled

KNOTS = ((0, 100.0), (1, 80.0), (2, 120.0))


def test_a_record_can_be_stretched_in_time():
    slow = path_of(Replay(knots=KNOTS, time_scale=3.0), np.arange(7) * 3600.0)
    assert [slow[0], slow[3], slow[6]] == [100.0, 80.0, 120.0]
    fast = path_of(Replay(knots=KNOTS, time_scale=0.5), np.arange(3) * 1800.0)
    assert fast.tolist() == [100.0, 80.0, 120.0]


def test_a_record_can_be_scaled_to_another_first_price():
    path = path_of(Replay(knots=KNOTS, price=50.0), np.arange(3) * 3600.0)
    assert path == pytest.approx([50.0, 40.0, 60.0])


def test_a_record_can_be_coarsened_to_the_first_price_of_each_span(tmp_path):
    rows = [f"2020-03-12T{n // 4:02}:{n % 4 * 15:02}:00Z,{100 + n}" for n in range(20)]
    coarse = prices(tmp_path, *rows).model_copy(update={"resample_minutes": 60.0, "bridge_volatility": 0.0})
    path = path_of(coarse, np.arange(17) * 900.0, folder=tmp_path)
    assert [path[0], path[4], path[8]] == [100.0, 104.0, 108.0]
    assert path[2] == pytest.approx((100 * 104) ** 0.5)  # the line in the logarithm, not the record


def test_a_file_of_another_day_is_played_from_where_it_is_told(tmp_path):
    settings = prices(tmp_path, *HOURS).model_copy(
        update={"csv_start": datetime(2020, 3, 12, 1, tzinfo=UTC), "bridge_volatility": 0.0}
    )
    path = path_of(settings, np.arange(3) * 1800.0, folder=tmp_path, start=1_900_000_000.0)
    assert [path[0], path[2]] == [193.3, 185.0]


def test_a_stretched_file_must_reach_the_end_of_the_run_in_its_own_time(tmp_path):
    settings = prices(tmp_path, *HOURS).model_copy(update={"time_scale": 2.0})
    assert len(path_of(settings, np.arange(5) * 3600.0, folder=tmp_path)) == 5
    with pytest.raises(ConfigError, match="the run goes on"):
        path_of(settings, np.arange(9) * 3600.0, folder=tmp_path)


def test_a_bridge_between_knots_off_the_grid_meets_the_line_there():
    # A knot every 50 s on a grid of 20 s: at 100 s, 200 s, ... grid and knots meet.
    knots = tuple((n * 50 / 3600, 100.0) for n in range(50))
    path = path_of(Replay(knots=knots, bridge_volatility=3.0), np.arange(100) * 20.0)
    assert (path[::5] == 100.0).all()
    assert np.ptp(path) > 0.01
