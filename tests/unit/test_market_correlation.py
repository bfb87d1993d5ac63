import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from market_samples import asset, grid
from pydantic import ValidationError

from simulator.market import Market
from simulator.market.correlation import CorrelationSettings, correlated, in_stress, root
from simulator.market.paths import drawn_paths
from simulator.market.processes.diffusion import Gbm
from simulator.market.processes.jumps import Merton
from simulator.market.processes.yields import YieldBearing
from simulator.scenario import check_scenario
from simulator.streams import Streams

ASSETS = {"BTC": Gbm(price=60_000.0), "ETH": Gbm(price=2000.0), "LINK": Merton(price=12.0)}
HEAD = """
schema = 1
[market.ETH]
process = "gbm"
price = 2000.0
[market.BTC]
process = "gbm"
price = 60000.0
[market.LINK]
process = "gbm"
price = 12.0
"""


def paths_of(correlation=None, processes=ASSETS, seed=5):
    return drawn_paths(processes, grid(3000), Streams(seed), correlation=correlation)


def same(one, other):
    return one.tobytes() == other.tobytes()


@given(st.lists(st.floats(-1, 1), min_size=6, max_size=6), st.integers(1, 4))
def test_the_root_of_a_positive_semi_definite_matrix_gives_it_back_also_where_it_is_singular(entries, rank):
    loose = np.resize(np.array([*entries, 0.3]), (4, rank))
    matrix = loose @ loose.T
    assert root(matrix) @ root(matrix).T == pytest.approx(matrix, abs=1e-5)


def test_an_asset_in_no_pair_is_as_it_was_to_the_last_bit():
    alone, paired = paths_of(), paths_of(CorrelationSettings(pairs={"BTC": {"ETH": 0.8}}))
    assert same(alone["LINK"], paired["LINK"])
    assert same(alone["BTC"], paired["BTC"])  # the first of a pair keeps its own noise
    assert not same(alone["ETH"], paired["ETH"])


def test_correlations_of_nought_change_nothing():
    assert all(
        same(one, paths_of(CorrelationSettings(pairs={"BTC": {"ETH": 0.0}}))[name]) for name, one in paths_of().items()
    )


def test_perfect_correlation_is_one_noise():
    paths = paths_of(CorrelationSettings(pairs={"BTC": {"ETH": 1.0}}))
    assert paths["ETH"][0] / 2000 == pytest.approx(paths["BTC"][0] / 60_000, rel=1e-9)


def test_stress_touches_its_hours_alone_and_every_asset():
    pairs = {"BTC": {"ETH": 0.3}}
    calm = paths_of(CorrelationSettings(pairs=pairs))
    stressed = paths_of(CorrelationSettings(pairs=pairs, stress=1.0, stress_hours=((2, 4),)))
    hours = grid(3000)[1:] / 3600
    for name in ASSETS:
        gains, was = np.diff(np.log(stressed[name][0])), np.diff(np.log(calm[name][0]))
        inside = (hours >= 2) & (hours < 4)
        assert gains[~inside] == pytest.approx(was[~inside], abs=1e-12)
        assert name == "BTC" or not np.allclose(gains[inside], was[inside])
    moves = [np.diff(np.log(stressed[name][0]))[inside] for name in ("BTC", "ETH")]
    assert np.corrcoef(moves)[0, 1] == pytest.approx(1)


def test_drawn_stress_begins_at_its_rate_and_lasts_its_time():
    settings = CorrelationSettings(stress=1.0, stress_rate=365 * 24 / 100, stress_mean_hours=5.0)
    hours = np.arange(0, 400_000, 0.5)
    # Spans of a Poisson process cover 1 - e^(-rate length) of the time.
    assert np.mean(in_stress(settings, hours, Streams(2))) == pytest.approx(1 - np.exp(-5 / 100), rel=0.1)


def test_a_t_copula_leaves_every_asset_standard_normal():
    settings = CorrelationSettings(copula="t", degrees_of_freedom=2.5, pairs={"A": {"B": 0.5}})
    own = {name: np.random.default_rng(n).standard_normal((1, 200_000)) for n, name in enumerate("AB")}
    made = correlated(own, settings, np.arange(200_000) / 3600, Streams(1))
    for name in "AB":
        values = made[name][0]
        assert np.mean(values) == pytest.approx(0, abs=3 / np.sqrt(200_000))
        assert np.var(values) == pytest.approx(1, abs=3 * np.sqrt(2 / 200_000))
        assert np.mean(values**4) == pytest.approx(3, abs=3 * np.sqrt(96 / 200_000))
        assert np.isfinite(values).all()


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"pairs": {"A": {"B": 0.9, "C": 0.9}, "B": {"C": -0.9}}}, "smallest eigenvalue is -0.8, must be >= 0"),
        ({"pairs": {"A": {"B": 1.1}}}, "less than or equal to 1"),
        ({"pairs": {"A": {"A": 1.0}}}, "an asset is one with itself"),
        ({"pairs": {"A": {"B": 0.1}, "B": {"A": 0.2}}}, "name it once"),
        ({"stress_hours": [[3, 2]]}, "from <= to"),
        ({"stress_hours": [[1, 3], [2, 4]]}, "begins at 2 before"),
        ({"degrees_of_freedom": 0}, "greater than 0"),
    ],
)
def test_what_is_no_correlation_is_refused_with_value_and_rule(settings, complaint):
    with pytest.raises(ValidationError, match=complaint):
        CorrelationSettings.model_validate(settings)


@pytest.fixture
def lines(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def of(text: str) -> list[str]:
        (tmp_path / "x.toml").write_text(HEAD + text)
        return [str(error) for error in check_scenario("x.toml")]

    return of


def test_a_scenario_says_which_correlations_cannot_be(lines):
    (line,) = lines("[correlation.pairs]\nETH = { BTC = 0.9, LINK = 0.9 }\nBTC = { LINK = -0.9 }")
    assert line.startswith("x.toml: correlation")
    assert "BTC, ETH, LINK are not positive semi-definite: their smallest eigenvalue is -0.8" in line


def test_a_pair_of_an_asset_without_a_market_is_refused_with_the_nearest(lines):
    (line,) = lines("[correlation.pairs.ETH]\nBTK = 0.9")
    assert line.startswith("x.toml: correlation.pairs.ETH.BTK: there is no market.BTK (the nearest that exists is")


def test_a_token_made_of_an_asset_without_a_market_is_refused(lines):
    (line,) = lines('[market.STETH]\nprocess = "yield-bearing"\nof = "ETHER"')
    assert line.startswith('x.toml: market.STETH.of = "ETHER": there is no market.ETHER')


def test_tokens_made_of_each_other_are_refused(lines):
    text = '[market.{}]\nprocess = "yield-bearing"\nof = "{}"\n'
    (line,) = lines(text.format("ONE", "TWO") + text.format("TWO", "ONE"))
    assert "is a circle" in line


# ------------------------------------------------------------------------- tokens made of others

TOKEN = YieldBearing(of="ETH", exchange_rate=1.1, growth=0.05, slashings=((5.0, 0.01),), deviation=0.0)


def token_paths(token, processes=ASSETS, seconds=3600.0):
    return drawn_paths({"TOKEN": token, **processes}, np.arange(101) * seconds, Streams(5))


def test_a_token_is_its_asset_times_its_exchange_rate_whatever_the_order_of_tables():
    paths = token_paths(TOKEN)
    assert paths["TOKEN"][0] == pytest.approx(
        paths["ETH"][0] * TOKEN.exchange_rates(np.arange(101) * 3600.0), rel=1e-12
    )
    assert same(paths["ETH"], drawn_paths(ASSETS, np.arange(101) * 3600.0, Streams(5))["ETH"])


def test_the_exchange_rate_grows_by_whole_accruals_and_falls_at_a_slashing():
    rates = TOKEN.exchange_rates(np.arange(0, 366 * 86_400, 3600.0))
    assert rates[0] == rates[4] == 1.1
    assert rates[5] == rates[23] == pytest.approx(1.1 * 0.99)
    assert rates[24] == pytest.approx(1.1 * 0.99 * 1.05 ** (1 / 365))
    assert rates[365 * 24] == pytest.approx(1.1 * 0.99 * 1.05)


def test_the_market_sells_a_token_at_its_discount():
    token = TOKEN.model_copy(update={"discount": ((0.0, 0.0), (10.0, 0.2)), "slashings": (), "growth": 0.0})
    paths = token_paths(token)
    assert paths["TOKEN"][0][[0, 5, 10, 50]] / paths["ETH"][0][[0, 5, 10, 50]] == pytest.approx(
        [1.1, 1.1 * 0.9, 1.1 * 0.8, 1.1 * 0.8]
    )


def test_a_market_knows_the_exchange_rate_of_a_token_and_one_for_the_rest():
    market = Market({"TOKEN": asset(TOKEN), "ETH": asset(ASSETS["ETH"])}, np.arange(101) * 3600.0, Streams(5))
    assert market.exchange_rate("TOKEN") == 1.1
    market.advance(6)
    assert market.exchange_rate("TOKEN") == pytest.approx(1.1 * 0.99)
    assert market.exchange_rate("ETH") == 1.0
