"""The points of a sweep: grids cross all keys, draws stay inside and are spread, nonsense is refused in a line."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import qmc

from simulator.errors import ConfigError
from simulator.stress.space import Dimension, dimension, dimensions_of, make_points, parse_vary, with_whole_numbers

KEY = "cdp.collateral.ETH.liquidation_ratio"


def points_of(vary, sampling="grid", points=None, seed=1):
    return make_points(dimensions_of(vary), sampling, points, seed)


def test_a_range_on_a_grid_has_both_its_ends_and_equal_steps():
    assert dimension(KEY, "1.2..1.8:4").grid() == (1.2, 1.4, 1.6, 1.8)


def test_a_logarithmic_range_has_equal_ratios():
    assert dimension(KEY, "0.01..10:4:log").grid() == (0.01, 0.1, 1.0, 10.0)


def test_a_range_of_whole_numbers_has_each_once():
    assert with_whole_numbers(dimension(KEY, "0..3:9"), True).grid() == (0, 1, 2, 3)
    assert with_whole_numbers(dimension(KEY, "1..1000:4:log"), True).grid() == (1, 10, 100, 1000)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1, 2, 3", (1, 2, 3)),
        ("[1, 2.5]", (1.0, 2.5)),
        ("dutch,english", ("dutch", "english")),
        ('["dutch", "english"]', ("dutch", "english")),
        ("true,false", (True, False)),
        ("1.5", (1.5,)),
        ("-1..-0.5:2", (-1.0, -0.5)),
        ("1e-3..1e-1:2", (0.001, 0.1)),
        ("../a.csv,../b.csv", ("../a.csv", "../b.csv")),
    ],
)
def test_lists_and_ranges_are_read_as_toml_or_as_text(text, values):
    found = dimension(KEY, text).grid()
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


def test_a_grid_crosses_all_keys_and_the_last_one_moves_fastest():
    found = points_of({"a": "1,2", "b": "x,y"})
    assert [point.changes for point in found] == [
        {"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"}
    ]  # fmt: skip
    assert [point.number for point in found] == [0, 1, 2, 3]


def test_nothing_varied_is_one_point():
    assert [point.changes for point in points_of({})] == [{}]


@pytest.mark.parametrize("sampling", ["sobol", "lhs"])
def test_draws_are_those_of_their_seed_alone(sampling):
    vary = {"a": "1..2", "b": "3,4,5"}
    assert points_of(vary, sampling, 8, seed=3) == points_of(vary, sampling, 8, seed=3)
    assert points_of(vary, sampling, 8, seed=3) != points_of(vary, sampling, 8, seed=4)


@pytest.mark.parametrize("sampling", ["sobol", "lhs"])
def test_draws_fill_a_cube_better_than_chance(sampling):
    found = points_of({"a": "0..1", "b": "0..1"}, sampling, 64)
    cube = np.array([list(point.changes.values()) for point in found])
    chance = np.median([qmc.discrepancy(np.random.default_rng(n).random((64, 2))) for n in range(20)])
    assert qmc.discrepancy(cube) < 0.5 * chance


def test_a_hypercube_has_one_point_in_every_slice():
    found = points_of({"a": "0..10", "b": "1..1024:log"}, "lhs", 10)
    assert sorted(int(point.changes["a"]) for point in found) == list(range(10))
    assert sorted(int(math.log2(point.changes["b"])) for point in found) == list(range(10))


def test_sobol_points_need_not_be_a_power_of_two():
    assert points_of({"a": "0..1"}, "sobol", 5) == points_of({"a": "0..1"}, "sobol", 8)[:5]


@given(
    st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.floats(0, 1, exclude_max=True), st.booleans(), st.booleans()
)  # fmt: skip
def test_a_draw_is_within_its_range(low, width, share, log, whole):
    low = abs(low) + 1e-3 if log else low
    made = Dimension("a", low=low, high=low + width, log=log)
    if whole and math.ceil(low) <= math.floor(low + width):
        made = with_whole_numbers(made, True)
        assert isinstance(made.at(share), int)
    span = 1e-9 * max(abs(low), abs(low + width))  # twelve digits
    assert made.low - span <= made.at(share) <= made.high + span


@given(st.integers(1, 9))
def test_every_whole_number_is_drawn_as_often_as_any_other(width):
    made = with_whole_numbers(Dimension("a", low=0, high=width), True)
    found = [made.at((k + 0.5) / (20 * (width + 1))) for k in range(20 * (width + 1))]
    assert {value: found.count(value) for value in found} == dict.fromkeys(range(width + 1), 20)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2..1", "empty range"),
        ("1..1", "empty range"),
        ("0..1:3:log", "must be > 0"),
        ("1..2:1", "number of values"),
        ("1..2:x", "number of values"),
        ("1..2:", "number of values"),
        ("x..2", "is no number"),
        ("1..inf", "is no number"),
        ("[]", "lists nothing"),
        ("1,,2", "lists nothing"),
        ("1,a", "mixes"),
        ("true,1", "mixes"),
        ("1,2,1", "twice"),
        ("[[1, 2]]", "must be a number"),
    ],
)
def test_what_is_no_range_and_no_list_is_refused_in_one_line(text, words):
    with pytest.raises(ConfigError, match=words) as caught:
        dimension(KEY, text)
    assert "\n" not in str(caught.value)
    assert caught.value.mend


@pytest.mark.parametrize("key", ["world.seed", "stress.seeds"])
def test_what_a_sweep_itself_decides_is_not_varied(key):
    with pytest.raises(ConfigError, match="cannot be varied"):
        dimension(key, "1,2")


@pytest.mark.parametrize("texts", [["a"], ["a="], ["=1"], ["a=1", "a=2"]])
def test_a_flag_that_varies_nothing_or_twice_is_refused(texts):
    with pytest.raises(ConfigError):
        parse_vary(texts)


def test_one_key_written_in_two_ways_is_one_key():
    with pytest.raises(ConfigError, match="twice"):
        dimensions_of({"a.b": "1,2", 'a."b"': "3,4"})


@pytest.mark.parametrize(
    ("vary", "sampling", "points"),
    [
        ({"a": "1..2"}, "grid", 8),
        ({"a": "1..2:3"}, "sobol", 8),
        ({}, "lhs", 8),
        ({"a": "0..1:2000", "b": "0..1:2000"}, "grid", None),
    ],
)
def test_a_sampling_that_does_not_fit_is_refused(vary, sampling, points):
    with pytest.raises(ConfigError):
        points_of(vary, sampling, points)
