import math
from pathlib import Path

import numpy as np
import pytest
from market_samples import Given, asset, flat_market, grid, market_of
from pydantic import ValidationError

from simulator.errors import ConfigError
from simulator.market import PROCESSES, ImpactSettings, Market
from simulator.market.paths import drawn_paths
from simulator.market.processes import draw_alone
from simulator.market.processes.bootstrap import Bootstrap
from simulator.market.processes.diffusion import Constant, Gbm
from simulator.market.processes.garch import Garch
from simulator.market.processes.hawkes import Hawkes
from simulator.market.processes.heston import Bates, Heston
from simulator.market.processes.jumps import Merton
from simulator.market.processes.peg import Peg
from simulator.market.processes.regimes import Regimes
from simulator.market.processes.replay import Replay
from simulator.market.processes.yields import YieldBearing
from simulator.streams import Streams
from simulator.units import YEAR_SECONDS


def path_of(process, times, seed: int = 0):
    return draw_alone(process, times, seed=seed)[0]


HISTORY = str(Path(__file__).with_name("history.csv"))  # made up: 60 prices 650 s apart, of changing volatility
BAR = 650 / 60  # [min] 50 steps of the grid: a path that ends in a bar does not know that bar's end

ALL = [
    Constant(price=3.0),
    Gbm(price=200.0, drift=0.3, volatility=0.9),
    Merton(price=200.0, jump_rate=2000.0),
    Garch(price=200.0, bar_minutes=BAR),
    Regimes(price=200.0, mean_days=(0.01, 0.02, 0.01)),
    Hawkes(price=200.0, jump_rate=2000.0, excess_rate=2000.0),
    Bootstrap(price=200.0, csv=HISTORY, mean_block=4.0),
    Heston(price=200.0, leverage=-0.5),
    Bates(price=200.0, jump_rate=2000.0),
    Peg(price=1.0, deviation=0.01, depeg_rate=2000.0),
    Replay(knots=((0, 194.6), (3, 86.0)), bridge_volatility=1.0),
]


def test_every_registered_process_is_tested_here():
    assert {type(process) for process in ALL} == set(PROCESSES.values()) - {YieldBearing}
    assert all(PROCESSES[process.name] is type(process) for process in ALL)


@pytest.mark.parametrize("process", ALL, ids=lambda process: process.name)
@pytest.mark.parametrize("impact", [None, ImpactSettings(depth_usd=1e6, thinning=1)], ids=["no impact", "no trades"])
def test_where_nobody_moves_it_the_price_is_the_exogenous_path_bit_for_bit(process, impact):
    times = grid(1500)
    market = Market({"ETH": asset(process, impact)}, times, Streams(11))
    seen = []
    for step in range(len(times)):
        market.advance(step)
        seen.append((market.price("ETH"), market.exogenous("ETH")))
    drawn = drawn_paths({"ETH": process}, times, Streams(11))["ETH"][0].tolist()
    assert seen == [(price, price) for price in drawn]


def test_without_impact_a_trade_of_any_size_moves_nothing():
    market = market_of([100.0, 90.0])
    assert market.sell("ETH", 1e9) == 1e11
    assert market.buy("ETH", 2.0) == 200.0
    assert market.price("ETH") == 100.0
    market.advance(1)
    assert market.price("ETH") == market.exogenous("ETH") == 90.0


@pytest.mark.parametrize("process", ALL, ids=lambda process: process.name)
def test_a_path_has_a_positive_price_for_each_time_and_the_same_bytes_for_the_same_seed(process):
    path = path_of(process, grid(2000), 4)
    assert path.shape == (2001,)
    assert path.dtype == np.float64
    assert (path > 0).all()
    assert path.tobytes() == path_of(process, grid(2000), 4).tobytes()
    assert path_of(process, grid(0)).shape == (1,)


@pytest.mark.parametrize("process", ALL[:-1], ids=lambda process: process.name)
def test_a_longer_path_begins_as_the_shorter_one(process):
    assert path_of(process, grid(3000))[:1001].tobytes() == path_of(process, grid(1000)).tobytes()


def test_gbm_has_the_moments_of_its_formula():
    drift, volatility, steps, seconds = 0.5, 0.9, 400_000, 86_400.0
    years = seconds / YEAR_SECONDS
    path = path_of(Gbm(price=200.0, drift=drift, volatility=volatility), np.arange(1001) * seconds)
    assert path[0] == 200.0
    gains = np.concatenate(
        [
            np.diff(
                np.log(path_of(Gbm(price=1.0, drift=drift, volatility=volatility), np.arange(1001) * seconds, seed))
            )
            for seed in range(steps // 1000)
        ]
    )
    mean, variance = (drift - volatility**2 / 2) * years, volatility**2 * years
    assert np.mean(gains) == pytest.approx(mean, abs=3 * math.sqrt(variance / steps))
    assert np.var(gains) == pytest.approx(variance, abs=3 * variance * math.sqrt(2 / steps))
    # The price itself grows by the drift: E[e^gain] = e^(drift dt); its sd is that of a lognormal.
    growth = math.exp(drift * years)
    spread = growth * math.sqrt(math.expm1(variance) / steps)
    assert np.mean(np.exp(gains)) == pytest.approx(growth, abs=3 * spread)
    assert abs(np.corrcoef(gains[:-1], gains[1:])[0, 1]) < 3 / math.sqrt(steps)


def test_gbm_of_no_volatility_is_compound_growth():
    path = path_of(Gbm(price=100.0, drift=math.log(2), volatility=0.0), np.arange(3) * float(YEAR_SECONDS))
    assert path == pytest.approx([100.0, 200.0, 400.0], rel=1e-12)


def test_a_peg_returns_by_half_in_its_half_life_and_keeps_its_long_run_deviation():
    steps, deviation = 200_000, 0.004
    peg = Peg(price=1.02, half_life_hours=6, deviation=deviation)
    path = path_of(peg, np.arange(steps + 1) * 6 * 3600.0)
    assert path[0] == 1.02
    gaps = np.log(path / 1.02)
    kept = np.sum(gaps[1:] * gaps[:-1]) / np.sum(gaps[:-1] ** 2)
    assert kept == pytest.approx(0.5, abs=3 * math.sqrt((1 - 0.5**2) / steps))
    # Of an AR(1) of parameter f the variance estimate has sd v sqrt(2/n (1+f²)/(1-f²)).
    error = deviation**2 * math.sqrt(2 / steps * 1.25 / 0.75)
    assert np.mean(gaps**2) == pytest.approx(deviation**2, abs=3 * error)


def test_a_peg_does_not_depend_on_the_step_it_is_seen_at():
    # Variance after one half-life from the peg, reached in one step and in 24.
    expected, paths = 0.01**2 * (1 - 0.5**2), 4000
    for steps in (1, 24):
        times = np.arange(steps + 1) * 3600.0 * 6 / steps
        ends = [math.log(path_of(Peg(half_life_hours=6, deviation=0.01), times, seed)[-1]) for seed in range(paths)]
        assert np.mean(np.square(ends)) == pytest.approx(expected, abs=3 * expected * math.sqrt(2 / paths))


@pytest.mark.parametrize("price", [0.0, -1.0, math.inf, math.nan])
def test_a_path_that_leaves_the_positive_numbers_is_refused_with_its_hour(price):
    with pytest.raises(ConfigError, match="the price at hour 2 is") as raised:
        Market({"ETH": asset(Given([100.0, 90.0, price]))}, np.arange(3) * 3600.0, Streams(1))
    assert raised.value.where == "market.ETH"


def test_a_volatility_beyond_numbers_is_refused_and_warns_of_nothing_else():
    wild = Gbm(price=1.0, volatility=100.0)
    with pytest.raises(ConfigError, match="the price at hour"):
        Market({"ETH": asset(wild)}, np.arange(2000) * 86_400.0, Streams(1))


def test_a_world_of_no_time_has_its_first_price():
    market = flat_market(ImpactSettings(depth_usd=1e6), steps=0)
    market.advance(0)
    assert market.price("ETH") == 100.0
    assert market.assets == ["ETH"]


def ends_of(process, years: float, steps: int, paths: int):
    return draw_alone(process, np.linspace(0, years * YEAR_SECONDS, steps + 1), paths, 3)


def test_heston_of_hardly_any_vol_of_vol_is_gbm_of_the_variance_on_its_way():
    # With v0 = theta the price is Gbm driven by the same noise, up to vol_of_vol.
    heston = Heston(price=100.0, volatility=0.6, long_run_volatility=0.6, vol_of_vol=1e-6, drift=0.2)
    gbm = Gbm(price=100.0, volatility=0.6, drift=0.2)
    times = grid(5000)
    assert path_of(heston, times) == pytest.approx(path_of(gbm, times), rel=1e-6)


def test_a_coarse_variance_changes_neither_the_expected_price_nor_its_spread():
    fine = Heston(price=100.0, leverage=-0.7, variance_minutes=0)
    for minutes in (0.0, 240.0):
        ends = ends_of(fine.model_copy(update={"variance_minutes": minutes}), 1 / 12, 365, 20_000)[:, -1]
        assert np.mean(ends) == pytest.approx(100, abs=3 * np.std(ends) / math.sqrt(20_000))
        # Andersen's expansion is not needed: the variance of the log is E[integrated variance] up to its own spread.
        assert np.std(np.log(ends)) == pytest.approx(0.8 / math.sqrt(12), rel=0.05)


@pytest.mark.parametrize("leverage", [-1.0, 0.0, 1.0])
def test_heston_stays_a_number_where_its_variance_touches_zero(leverage):
    wild = Heston(
        price=100.0, volatility=0.0, long_run_volatility=0.3, reversion=1.0, vol_of_vol=5.0, leverage=leverage
    )
    paths = ends_of(wild, 0.1, 2000, 200)
    assert np.isfinite(paths).all()
    assert (paths > 0).all()


def test_bates_without_jumps_is_heston_to_the_last_bit():
    heston, bates = Heston(price=9.0, leverage=-0.3), Bates(price=9.0, leverage=-0.3, jump_rate=0.0)
    assert path_of(heston, grid(500)).tobytes() == path_of(bates, grid(500)).tobytes()


def test_merton_without_jumps_is_gbm():
    plain = Gbm(price=9.0, drift=0.1, volatility=0.5)
    assert path_of(Merton(price=9.0, drift=0.1, volatility=0.5, jump_rate=0), grid(500)) == pytest.approx(
        path_of(plain, grid(500)), rel=1e-12
    )


def test_a_depeg_falls_at_once_and_heals_by_half_in_its_half_life():
    peg = Peg(deviation=0.0, depeg_rate=365.0, depeg_mean=-0.1, depeg_deviation=0.0, depeg_half_life_hours=10.0)
    gaps = np.log(path_of(peg, np.arange(200) * 3600.0, 1))
    falls = np.flatnonzero(np.diff(gaps) < -0.05)
    assert len(falls) > 2
    for hour in falls:
        jumps = round((gaps[hour] * 0.5**0.1 - gaps[hour + 1]) / 0.1)
        assert gaps[hour + 1] == pytest.approx(gaps[hour] * 0.5**0.1 - 0.1 * jumps)
        assert jumps >= 1


@pytest.mark.parametrize(
    "process",
    [
        lambda: Gbm(price=0.0),
        lambda: Merton(price=1.0, jump_rate=-1),
        lambda: Heston(price=1.0, leverage=1.01),
        lambda: Heston(price=1.0, vol_of_vol=0.0),
        lambda: Heston(price=1.0, reversion=0.0),
        lambda: Peg(half_life_hours=0.0),
        lambda: YieldBearing(of="ETH", growth=-1.0),
        lambda: YieldBearing(of="ETH", slashings=((1.0, 1.0),)),
        lambda: YieldBearing(of="ETH", discount=((2.0, 0.1), (1.0, 0.2))),
    ],
)
def test_parameters_outside_their_domain_are_refused(process):
    with pytest.raises(ValidationError):
        process()


def test_heston_goes_uncorrected_where_the_correction_has_no_end():
    # A steep positive leverage in steps of a month: E[e^(A v')] diverges.
    wild = Heston(price=1.0, leverage=0.95, vol_of_vol=30.0, reversion=0.5, variance_minutes=0)
    assert np.isfinite(ends_of(wild, 1.0, 12, 500)).all()
