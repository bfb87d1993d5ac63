"""Processes with memory: GARCH, regimes, Hawkes jumps and the bootstrap, beyond the laws of the validation page."""

import gzip
import math
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.special import ndtr, stdtr

from simulator.errors import ConfigError
from simulator.market import PROCESSES
from simulator.market.correlation import CorrelationSettings
from simulator.market.paths import drawn_paths
from simulator.market.processes import draw_alone
from simulator.market.processes.base import Draw
from simulator.market.processes.bootstrap import Bootstrap, around
from simulator.market.processes.garch import Garch, recursion, t_quantiles
from simulator.market.processes.hawkes import Hawkes, Jumps
from simulator.market.processes.regimes import Regimes
from simulator.streams import Streams
from simulator.units import YEAR_SECONDS

HISTORY = Path(__file__).with_name("history.csv")
HOUR, DAY = 3600.0, 86_400.0


def times_of(steps: int, seconds: float):
    return np.arange(steps + 1) * seconds


def draw_of(shocks, seconds: float, seed: int = 0) -> Draw:
    shocks = np.atleast_2d(shocks)
    return Draw(times_of(shocks.shape[1], seconds), 0.0, Path(), shocks, Streams(seed).generator, lambda asset: None)


def refusal(process: type, **settings) -> str:
    with pytest.raises(ValidationError) as raised:
        process(price=1.0, **settings)
    return str(raised.value)


# ----------------------------------------------------------------------------------------------------------- GARCH


def test_a_garch_is_its_recursion_written_out():
    model = Garch(
        price=100.0,
        drift=0.5,
        volatility=1.2,
        long_run_volatility=0.7,
        bar_minutes=30,
        alpha=0.1,
        beta=0.7,
        gamma=0.2,
        degrees_of_freedom=5,
    )
    shocks = np.random.default_rng(1).standard_normal(200)
    path = model.paths(draw_of(shocks, 1800))[0]
    bar = 1800 / YEAR_SECONDS
    log, variance = math.log(100.0), 1.2**2 * bar
    for shock, seen in zip(shocks, path[1:], strict=True):
        z = t_quantiles(np.array([shock]), 5)[0]
        e = math.sqrt(variance) * z
        log += 0.5 * bar + e
        assert math.log(seen) == pytest.approx(log, abs=1e-11)
        variance = 0.7**2 * bar * (1 - 0.1 - 0.7 - 0.1) + (0.1 + 0.2 * (e < 0)) * e**2 + 0.7 * variance


def test_prices_at_the_ends_of_bars_do_not_depend_on_the_grid():
    model = Garch(price=100.0, bar_minutes=60)
    fine = np.random.default_rng(2).standard_normal((3, 40 * 300))
    coarse = fine.reshape(3, 40, 300).sum(axis=2) / math.sqrt(300)
    ends = model.paths(draw_of(fine, 12.0))[:, ::300]
    assert ends == pytest.approx(model.paths(draw_of(coarse, HOUR)), rel=1e-12)


@pytest.mark.parametrize("freedom", [2.05, 3.2, 8.0, 1e4])
def test_an_innovation_has_the_probability_of_its_normal_and_variance_one(freedom):
    normals = np.concatenate([-np.logspace(-3, math.log10(8.5), 60), np.logspace(-3, math.log10(8.5), 60)])
    values = t_quantiles(normals, freedom) / math.sqrt((freedom - 2) / freedom)
    tails = stdtr(freedom, -np.abs(values)) / ndtr(-np.abs(normals))
    assert tails == pytest.approx(1.0, rel=1e-7)
    assert (np.sign(values) == np.sign(normals)).all()
    if freedom > 4:
        z = np.linspace(-9, 9, 200_001)
        density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
        assert np.trapezoid(t_quantiles(z, freedom) ** 2 * density, z) == pytest.approx(1.0, rel=1e-4)


def test_few_paths_and_many_have_the_same_bits():
    factors = np.random.default_rng(3).random((50, 20)) * 1.5
    together = recursion(factors, 0.1, 0.7)
    alone = np.hstack([recursion(np.ascontiguousarray(factors[:, [path]]), 0.1, 0.7) for path in range(20)])
    assert together.tobytes() == np.ascontiguousarray(alone).tobytes()


def test_a_garch_that_has_no_variance_is_refused_with_its_sum():
    assert "alpha + beta + gamma / 2 = 1.01: must be < 1" in refusal(Garch, alpha=0.1, beta=0.9, gamma=0.02)
    assert "alpha + gamma = -0.05: must be >= 0" in refusal(Garch, alpha=0.1, gamma=-0.15)
    assert "greater than 2" in refusal(Garch, degrees_of_freedom=2)


# --------------------------------------------------------------------------------------------------------- regimes


def test_one_regime_is_brownian_motion_to_the_bit():
    times = times_of(300, 12.0)
    one = Regimes(price=7.0, volatilities=(0.9,), drifts=(0.2,), mean_days=(1.0,))
    brown = PROCESSES["gbm"](price=7.0, volatility=0.9, drift=0.2)
    assert draw_alone(one, times, 3) == pytest.approx(draw_alone(brown, times, 3), rel=1e-13)


def test_time_in_regimes_does_not_depend_on_the_grid():
    # Without volatility the price says how long it has been where: the same on every grid, for stays are drawn apart.
    model = Regimes(price=1.0, volatilities=(0, 0, 0), drifts=(0, 1, 5), mean_days=(0.3, 0.2, 0.1))
    fine = draw_alone(model, times_of(7200, 12.0), 5)
    coarse = draw_alone(model, times_of(6, 4 * HOUR), 5)
    assert fine[:, ::1200] == pytest.approx(coarse, rel=1e-10)
    assert np.ptp(coarse[:, -1]) > 0


def test_a_path_begins_in_the_regime_that_is_named_and_goes_where_it_may():
    model = Regimes(
        price=1.0,
        volatilities=(0, 0, 0),
        drifts=(0, 1, 50),
        mean_days=(1.0, 1.0, 1.0),
        transitions=((0, 1, 0), (1, 0, 0), (0.5, 0.5, 0)),
        first=1,
    )
    gains = np.diff(np.log(draw_alone(model, times_of(20_000, 60.0), 3)), axis=1) * YEAR_SECONDS / 60
    assert gains[:, 0] == pytest.approx([0, 0, 0], abs=1e-6)
    assert gains.max() == pytest.approx(1.0, abs=1e-6)  # never the third
    assert 0.3 < gains.mean() < 0.7


def test_a_chain_that_never_changes_its_mind_needs_a_first_regime():
    apart = {"volatilities": (0.2, 0.4, 0.6, 0.8), "mean_days": (1.0, 1.0, 1.0, 1.0)}
    apart["transitions"] = ((0, 1, 0, 0), (1, 0, 0, 0), (0, 0, 0, 1), (0, 0, 1, 0))
    assert "set first" in refusal(Regimes, **apart)
    assert Regimes(price=1.0, **apart, first=3).first == 3


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"volatilities": (0.2, 0.4)}, "mean_days has 3 values: must be 2"),
        ({"drifts": (0.1,)}, "drifts has 1 values: must be 3"),
        ({"transitions": ((0, 1, 0), (1, 0, 0))}, "transitions has 2 values: must be 3"),
        ({"transitions": ((0, 1), (1, 0), (1, 0))}, "transitions row 1 has 2 values: must be 3"),
        ({"transitions": ((0, 1, 0), (0.5, 0.5, 0), (1, 0, 0))}, "transitions row 2 stays with 0.5: must be 0"),
        ({"transitions": ((0, 1, 0), (0.5, 0, 0.4), (1, 0, 0))}, "transitions row 2 sums to 0.9: must be 1"),
        ({"first": 4}, "first = 4: must be <= 3"),
        ({"volatilities": (), "mean_days": ()}, "at least 1 item"),
    ],
)
def test_regimes_that_do_not_fit_together_are_refused_with_the_rule(settings, said):
    assert said in refusal(Regimes, **settings)


# ---------------------------------------------------------------------------------------------------------- Hawkes


def jumps_of(model: Hawkes, steps: int, seconds: float, paths: int = 1, seed: int = 0) -> Jumps:
    return Jumps(model, draw_of(np.zeros((paths, steps)), seconds, seed))


def test_the_compensator_is_the_integral_of_the_rate_written_out():
    model = Hawkes(price=1.0, jump_rate=60_000, branching=0.7, half_life_hours=0.5, excess_rate=80_000)
    jumps = jumps_of(model, 40, 900.0)
    dt, b = 900.0 / YEAR_SECONDS, model.forgetting
    at = (jumps.cell + 1) * dt - jumps.left
    assert len(at) > 20

    def integral(t: float) -> float:
        past = at[at <= t]
        early = model.excess_rate / b * -math.expm1(-b * t)
        return model.jump_rate * t + early + model.branching * float(np.sum(-np.expm1(-b * (t - past))))

    expected = [integral((step + 1) * dt) - integral(step * dt) for step in range(40)]
    assert jumps.expected()[0] == pytest.approx(expected, rel=1e-9)


def test_time_changed_by_its_rate_a_hawkes_process_is_a_poisson_process():
    # Papangelou: with the right rate, the rate's integral between jumps is exponential of mean one.
    model = Hawkes(price=1.0, jump_rate=3000, branching=0.6, half_life_hours=0.5)
    jumps = jumps_of(model, 1, 30 * DAY)
    at, b = np.sort(30 * DAY / YEAR_SECONDS - jumps.left), model.forgetting
    excited, before, waits = 0.0, 0.0, []
    for time in at:
        kept = math.exp(-b * (time - before))
        waits.append(model.jump_rate * (time - before) + model.branching * excited * (1 - kept))
        excited, before = excited * kept + 1, time
    waits = np.array(waits)
    assert len(waits) > 400
    assert waits.mean() == pytest.approx(1, abs=3.5 / math.sqrt(len(waits)))
    assert np.mean(waits < math.log(2)) == pytest.approx(0.5, abs=3.5 * 0.5 / math.sqrt(len(waits)))
    assert abs(np.corrcoef(waits[:-1], waits[1:])[0, 1]) < 3.5 / math.sqrt(len(waits))


def test_without_branching_it_is_merton():
    model = Hawkes(price=1.0, jump_rate=5000, branching=0, volatility=0)
    counts = jumps_of(model, 1000, HOUR, 100).summed()
    mean = 5000 * HOUR / YEAR_SECONDS
    assert counts.mean() == pytest.approx(mean, abs=3.5 * math.sqrt(mean / counts.size))
    assert counts.var() == pytest.approx(mean, rel=0.03)


def test_jumps_do_not_depend_on_the_end_and_lie_in_their_steps():
    model = Hawkes(price=1.0, jump_rate=5000, branching=0.8)
    long, short = jumps_of(model, 500, 600.0), jumps_of(model, 200, 600.0)
    assert (long.summed()[:, :200] == short.summed()).all()
    assert ((long.left >= 0) & (long.left <= 600 / YEAR_SECONDS)).all()


def test_a_process_that_excites_itself_for_ever_is_refused():
    assert "less than 1" in refusal(Hawkes, branching=1.0)


# ------------------------------------------------------------------------------------------------------- bootstrap


def gains_of(model: Bootstrap, rows: int, paths: int = 1):
    return np.diff(np.log(draw_alone(model, times_of(rows, 650.0), paths)), axis=1)


def record():
    return np.diff(np.log(np.loadtxt(HISTORY, delimiter=",", skiprows=1, usecols=1)))


def test_every_bar_is_a_row_of_the_file_and_a_block_is_a_run_of_it():
    known = record()
    gains = gains_of(Bootstrap(price=1.0, csv=str(HISTORY), mean_block=5), 4000)[0]
    rows = np.abs(gains[:, None] - known).argmin(axis=1)
    assert gains == pytest.approx(known[rows], abs=1e-12)
    goes_on = np.mean(rows[1:] == (rows[:-1] + 1) % len(known))
    expected = 0.8 + 0.2 / len(known)
    assert goes_on == pytest.approx(expected, abs=3.5 * math.sqrt(expected * (1 - expected) / 4000))
    assert set(rows) == set(range(len(known)))


def test_blocks_of_one_row_are_the_quantiles_of_what_drives_them():
    shocks = np.random.default_rng(4).standard_normal(500)
    model = Bootstrap(price=1.0, csv=str(HISTORY), mean_block=1)
    gains = np.diff(np.log(model.paths(draw_of(shocks, 650.0))[0]))
    known = np.sort(record())
    assert gains == pytest.approx(known[(ndtr(shocks) * len(known)).astype(int)], abs=1e-12)


def test_a_drift_of_ones_own_replaces_that_of_the_file():
    known = record().mean()
    for drift, mean in ((None, known), (0.0, 0.0), (3.0, 3.0 * 650 / YEAR_SECONDS)):
        gains = gains_of(Bootstrap(price=1.0, csv=str(HISTORY), mean_block=1, drift=drift), 500, 200)
        assert gains.mean() == pytest.approx(mean, abs=3.5 * gains.std() / math.sqrt(gains.size))


def test_the_bridge_is_as_wide_as_the_record_around_a_bar():
    known = record()
    wide = around(known, 9)
    for row in (0, 3, 30, 58):
        near = [known[(row + off) % len(known)] for off in range(-4, 5)]
        assert wide[row] == pytest.approx(math.sqrt(np.mean(np.square(near))), rel=1e-12)
    fine = np.diff(np.log(draw_alone(Bootstrap(price=1.0, csv=str(HISTORY)), times_of(3000, 13.0), 300)), axis=1)
    assert np.mean(fine**2) == pytest.approx(np.mean(known**2) / 50, rel=0.05)


def test_a_file_too_short_is_refused_with_its_rows_and_the_rule(tmp_path):
    with pytest.raises(ConfigError, match=r"60 rows.*must be >= 80: 20, and 2 blocks of mean_block = 40"):
        Bootstrap(price=1.0, csv=str(HISTORY), mean_block=40).check(0, 1, tmp_path)
    lines = HISTORY.read_text().splitlines()
    (tmp_path / "short.csv").write_text("\n".join(lines[:16]) + "\n")
    with pytest.raises(ConfigError, match=r"15 rows, 14 of them.*must be >= 20"):
        Bootstrap(price=1.0, csv="short.csv", mean_block=2).check(0, 1, tmp_path)


def test_a_gzipped_file_is_the_same_and_a_changed_one_is_read_again(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(HISTORY.read_bytes()))
    plain = Bootstrap(price=1.0, csv=str(HISTORY), mean_block=4)
    packed = Bootstrap(price=1.0, csv="a.csv.gz", mean_block=4)
    before = draw_alone(packed, times_of(100, 13.0), folder=tmp_path)
    assert (before == draw_alone(plain, times_of(100, 13.0))).all()
    lines = HISTORY.read_text().splitlines()
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress("\n".join(lines[:50]).encode()))
    assert (before != draw_alone(packed, times_of(100, 13.0), folder=tmp_path)).any()


# ----------------------------------------------------------------------------------------------------- correlation


@pytest.mark.parametrize(
    ("process", "least"),
    [
        (Garch(price=1.0, bar_minutes=10), 0.7),
        (Regimes(price=1.0), 0.7),
        (Hawkes(price=1.0), 0.6),
        (Bootstrap(price=1.0, csv=str(HISTORY), mean_block=1), 0.7),
        (Bootstrap(price=1.0, csv=str(HISTORY), mean_block=4), 0.1),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_correlated_assets_move_together_whatever_they_are(process, least):
    pair = {"A": process, "B": PROCESSES["gbm"](price=1.0)}
    together = CorrelationSettings(pairs={"A": {"B": 0.95}})
    paths = drawn_paths(pair, times_of(4000, 650.0), Streams(5), correlation=together)
    gains = [np.diff(np.log(path[0])) for path in paths.values()]
    assert np.corrcoef(gains)[0, 1] > least
