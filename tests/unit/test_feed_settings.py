"""Feeds that name other tables: what is not there or does not fit is said in one line."""

import pytest

from simulator.scenario import check_scenario, load_scenario

MARKETS = """schema = 1
title = "Feeds"
story = "A test."
[market.ETH]
process = "constant"
price = 200.0
[market.LST]
process = "yield-bearing"
of = "ETH"
[oracle.ETH]
[pool]
protocol = "pool"
"""
RATE = '[oracle.LST]\nsource = "rate"\nunderlying = "ETH"\n'
TWAP = '[oracle.LST]\nsource = "twap"\npool = "pool"\n'


@pytest.fixture
def lines(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def check(text: str) -> list[str]:
        (tmp_path / "x.toml").write_text(MARKETS + text)
        return [str(error) for error in check_scenario("x.toml")]

    return check


@pytest.mark.parametrize("text", [RATE, TWAP, '[oracle.LST]\nmin_price = 3.0\nunderlying = "NONE"'])
def test_feeds_that_fit_are_taken(lines, text):
    assert lines(text) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            '[oracle.LST]\nsource = "mean"',
            'oracle.LST.source = "mean": must be "push", "twap" or "rate"',
        ),
        ('[oracle.LST]\nsource = "twap"', 'oracle.LST.pool = "": must name the table of a pool'),
        (TWAP.replace('"pool"', '"pol"'), 'oracle.LST.pool = "pol": must name the table of a pool'),
        (TWAP.replace('"pool"', '"market"'), 'oracle.LST.pool = "market": must name the table of a pool'),
        ("liquidity_usd = 0\n" + TWAP, 'oracle.LST.pool = "pool": is empty'),
        (TWAP + "delay_seconds = 9", "oracle.LST.delay_seconds = 9: must be 0 where source is twap"),
        (TWAP + "window_seconds = 59", "oracle.LST.window_seconds = 59: must be >= 60"),
        (TWAP + "observations = 1", "oracle.LST.observations = 1: must be >= 2"),
        (
            TWAP + "max_jump = 0.5",
            "oracle.LST.max_jump = 0.5: guards prices that a reporter writes, and source is twap",
        ),
        ('[oracle.LST]\nsource = "rate"', 'oracle.LST.underlying = "": must name an asset with a feed'),
        (RATE.replace('"ETH"', '"BTC"'), 'oracle.LST.underlying = "BTC": must name an asset with a feed'),
        (RATE.replace('"ETH"', '"LST"'), 'oracle.LST.underlying = "LST": leads back to the asset itself'),
        (
            RATE + "min_price = 1.0",
            "oracle.LST.min_price = 1.0: guards prices that a reporter writes, and source is rate",
        ),
        (RATE + "heartbeat_seconds = 0", "oracle.LST.heartbeat_seconds = 0: must be > 0 where source is rate"),
        (RATE + "max_growth = 1.5", "oracle.LST.max_growth = 1.5: must be <= 1"),
        (RATE + "sequencer_grace_seconds = -1", "oracle.LST.sequencer_grace_seconds = -1: must be >= 0"),
    ],
)
def test_what_does_not_fit_is_named_with_value_and_rule(lines, text, line):
    (found,) = lines(text)
    assert found.startswith(f"x.toml: {line}")


def test_each_feed_of_a_ring_of_rates_is_refused(lines):
    other = '[market.OTHER]\nprocess = "yield-bearing"\nof = "ETH"\n'
    ring = RATE.replace('"ETH"', '"OTHER"') + other + RATE.replace("oracle.LST", "oracle.OTHER").replace("ETH", "LST")
    found = lines(ring)
    assert len(found) == 2
    assert all("leads back to the asset itself" in line for line in found)


def test_the_keys_are_parameters_with_units(tmp_path):
    from simulator.scenario.parameters import scenario_parameters

    (tmp_path / "x.toml").write_text(MARKETS + RATE)
    found = {p.key: p for p in scenario_parameters(load_scenario(str(tmp_path / "x.toml")))}
    assert found["oracle.LST.source"].bounds == "push | twap | rate"
    assert found["oracle.LST.window_seconds"].unit == "s"
    assert found["oracle.LST.max_growth"].unit == "a year"
