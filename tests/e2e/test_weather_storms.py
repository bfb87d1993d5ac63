"""The storms of generated and recorded weather tell their stories, on the real contracts."""

from functools import cache
from typing import Any

import pytest

from simulator import load, run

SEED = 7


@cache
def storm(name: str, *changes: tuple[str, Any]):
    return run(load(name, **dict(changes)), seed=SEED, gas="fast")


def sent_by(result, agent: str, action: str):
    sent = result.transactions
    return sent[(sent["agent"] == agent) & (sent["action"] == action) & (sent["status"] == "included")]


def measured(result, subject: str, name: str):
    rows = result.measures
    return rows[(rows["subject"] == subject) & (rows["name"] == name)]["value"]


def prices_of(result, asset: str):
    return result.prices[result.prices["asset"] == asset]


HARD_CODED, MARKET = (), (("oracle.USDC.faults", ()),)
BY_RATE, BY_MARKET = (), (("oracle.STETH.source", "push"), ("oracle.STETH.heartbeat_seconds", 3600))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("may-19", ()),
        ("usdc-weekend", HARD_CODED),
        ("october-10", ()),
        ("lst-discount", BY_RATE),
        ("luna", ()),
        ("thin-token", ()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_no_revert_is_unexpected(name, changes):
    result = storm(name, *changes)
    assert result.manifest["status"] == "complete"
    assert result.metrics["transactions"] > 500
    assert result.metrics["unexpected_reverts"] == 0


def test_drawn_weather_falls_and_its_gas_price_comes_of_it():
    result = storm("may-19")
    ether = prices_of(result, "ETH")["market"]
    assert ether.min() < 0.75 * ether.iloc[0]
    floors = result.blocks["price_floor_gwei"]
    assert floors.max() > 4 * floors.iloc[:200].median()
    assert result.metrics["liquidations"] > 20
    priced_out = result.transactions.query("agent == 'liquidators' and action == 'liquidate'")
    assert (priced_out["status"] == "included").sum() < result.metrics["liquidations"]


def test_a_hard_coded_peg_is_drawn_against_and_takes_the_dollar_down_with_it():
    pegged, priced = storm("usdc-weekend"), storm("usdc-weekend", *MARKET)
    drawn = [measured(result, "USDC", "debt_usd") for result in (pegged, priced)]
    assert drawn[0].max() > 1.8 * drawn[0].iloc[0]
    assert drawn[1].max() < 1.1 * drawn[1].iloc[0]
    lows = [prices_of(result, "DOLLAR")["market"].min() for result in (pegged, priced)]
    assert lows[0] < 0.95 < lows[1]
    assert pegged.metrics["liquidations"] == 0 < priced.metrics["liquidations"]
    assert pegged.metrics["oracle_gap_max"] > 0.1 > priced.metrics["oracle_gap_max"]


def test_collateral_that_one_venue_prices_is_sold_at_that_venues_price():
    result = storm("october-10")
    assert sent_by(result, "usde-liquidators", "liquidate").shape[0] > 10
    assert prices_of(result, "USDE")["oracle"].min() < 0.75
    assert prices_of(result, "USDE")["market"].min() > 0.9
    assert result.metrics["bad_debt_ratio"] > 0.01
    asked_elsewhere = storm("october-10", ("oracle.USDE.sources.venues", ()))
    sold = [sent_by(each, "usde-liquidators", "liquidate").shape[0] for each in (asked_elsewhere, result)]
    assert 3 * sold[0] < sold[1]
    assert asked_elsewhere.metrics["bad_debt_ratio"] < 0.2 * result.metrics["bad_debt_ratio"]


def test_nobody_liquidates_a_staked_token_at_a_bonus_below_its_discount():
    by_rate, by_market = storm("lst-discount", *BY_RATE), storm("lst-discount", *BY_MARKET)
    assert by_rate.metrics["liquidation_delay_blocks_max"] > 1000
    assert by_rate.metrics["liquidations"] < 0.2 * by_market.metrics["liquidations"]
    assert by_rate.metrics["oracle_gap_max"] > 0.05 > by_market.metrics["oracle_gap_max"]


@pytest.mark.slow
def test_a_floor_of_the_oracle_under_a_price_that_goes_to_zero_is_drawn_to_the_ceiling():
    result = storm("luna")
    assert prices_of(result, "LUNA")["market"].min() < 0.02
    assert prices_of(result, "LUNA")["oracle"].min() == pytest.approx(0.107)
    assert sent_by(result, "exploiters", "adjust").shape[0] > 3
    ceiling = 20e6
    assert measured(result, "LUNA", "debt_usd").max() > 0.9 * ceiling
    floorless = storm("luna", ("oracle.LUNA.faults", ()))
    assert sent_by(floorless, "exploiters", "adjust").empty
    assert floorless.metrics["bad_debt_usd"] < 0.3 * result.metrics["bad_debt_usd"]


def test_what_is_sold_of_a_thin_token_deepens_its_fall():
    result = storm("thin-token")
    assert result.metrics["cascade_amplification"] > 1.2
    assert result.metrics["liquidations"] > 20
    # The oracle is a mean over half an hour: in the fall it stands above the market.
    token = prices_of(result, "TOKEN")
    falling = token[(token["time"] - token["time"].iloc[0]).between(4 * 3600, 6 * 3600)]
    assert (falling["oracle"] > falling["market"]).mean() > 0.8
