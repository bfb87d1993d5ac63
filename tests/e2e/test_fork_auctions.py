"""A storm on a fork of what is harder to attach: a delayed feed, open lots, and feeds of every source."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from nodes import node_of

from simulator import load, run
from simulator.chain.anvil import AnvilChain
from simulator.chain.fork import find_fork
from simulator.chain.revm import RevmChain
from simulator.chain.types import Address
from simulator.deployment import deployment_of
from simulator.errors import ConfigError
from simulator.observer import Observer
from simulator.protocols.base import Auction
from simulator.scenario import load_scenario
from simulator.world import World

pytestmark = [pytest.mark.anvil, pytest.mark.xdist_group("fork")]

SMALL = {"borrowers.count": 60, "pool.liquidity_usd": 200_000, "world.sample_minutes": 10}
FALL = {"market.ETH.knots": [[0, 2550.0], [0.3, 2500.0], [0.5, 1700.0], [2, 1700.0]]}
# Nobody buys: lots stay open, and English ones get bids that wait.
IDLE = {"flash-liquidators.count": 0, "liquidators.count": 1}
HOUSES = {
    "english": {"liquidators.capital_usd": 3_000},
    "dutch": {"liquidators.capital_usd": 500, "liquidators.discount": 0.4},
}

STORM = """schema = 1
extends = "flash-crash"
title = "A crash on a fork"
story = "A test."

[world]
start = 2024-02-01T00:00:00Z
hours = 1

[chain.fork]
url = "{url}"
deployment = "running.deployment.json"

[market.ETH]
process = "replay"
knots = [[0, 1700.0], [0.4, 1300.0], [1, 1300.0]]

[cdp.collateral.ETH]
liquidation = "{kind}"
close_factor = 1.0

[borrowers]
count = 40

[liquidators]
capital_usd = 10_000

[flash-liquidators]
count = 0
{more}
"""


@contextmanager
def running(changes: dict, seconds: float = 3600.0) -> Iterator[tuple[AnvilChain, World]]:
    """A node with a protocol that has run for a while."""
    scenario = load_scenario("flash-crash", {"world.hours": 1.0} | SMALL | changes)
    with node_of(scenario) as node:
        world = World(scenario, 3, node, Observer(None, None))
        world.run_to(round(seconds / world.block_seconds))
        yield node, world


def write(folder: Path, node: AnvilChain, world: World, kind: str, more: str = "") -> str:
    deployment_of(world, node.process.url, ()).write(folder / "running.deployment.json")
    text = STORM.format(url=node.process.url, kind=kind, more=more)
    if kind == "fixed":
        text = text.replace('liquidation = "fixed"\nclose_factor = 1.0\n', "")
    else:
        text = text.replace("close_factor = 1.0\n", "")
    (folder / "storm.toml").write_text(text)
    return str(folder / "storm.toml")


def forked(place: str) -> RevmChain:
    """An embedded chain on the fork, with the storm's world at its start."""
    scenario = load_scenario(place)
    settings = scenario.chain
    assert settings.fork is not None
    fork = find_fork(settings.fork.url, settings.fork.block)
    chain = RevmChain(
        "exact", chain_id=settings.id, gas_limit=settings.gas_limit, coinbase=Address(settings.coinbase), fork=fork
    )
    chain.world = World(scenario, 9, chain, Observer(None, None), fork)
    return chain


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["english", "dutch"])
@pytest.mark.parametrize("said", [True, False], ids=["delay in the scenario", "delay on chain alone"])
def test_a_delayed_feed_and_open_lots_are_attached_on_both_chains(kind, said, tmp_path):
    changes = {"cdp.collateral.ETH.liquidation": kind, "oracle.ETH.delay_seconds": 600} | FALL | IDLE | HOUSES[kind]
    with running(changes, 3060.0) as (node, world):
        (house,) = world.capabilities(Auction)
        lots, bid_for = set(house.lots), {lot.id: lot.bidder for lot in house.lots.values() if lot.bid}
        assert len(lots) > 5
        assert bool(bid_for) == (kind == "english")
        place = write(tmp_path, node, world, kind, "[oracle.ETH]\ndelay_seconds = 600\n" if said else "")
        one, other = (run(load(place), seed=9, chain=chain) for chain in ("revm", "anvil"))
    assert one.digest == other.digest
    assert one.metrics == other.metrics
    assert one.metrics["unexpected_reverts"] == 0
    prices = one.prices[one.prices["asset"] == "ETH"]
    assert prices["oracle"].iloc[0] == pytest.approx(1700.0), "fresh at the start, as old as its delay"
    assert (prices["time"] - prices["oracle_time"]).max() < 2 * 600 + 120
    # What was at auction before is bid for, sold, settled or started again like any other lot, and counts.
    numbers = {id.rpartition("-")[2] for id in lots}
    said = one.events[one.events["name"].isin(["BidPlaced", "Taken", "AuctionSettled", "AuctionRestarted"])]
    assert numbers <= set(said["subject"])
    assert set(bid_for) <= set(one.events[one.events["name"] == "auction_settled"]["subject"])


def test_lots_are_mirrored_as_they_were(tmp_path):
    changes = {"cdp.collateral.ETH.liquidation": "english", "oracle.ETH.delay_seconds": 600} | FALL | IDLE
    with running(changes | HOUSES["english"], 3060.0) as (node, world):
        (house,) = world.capabilities(Auction)
        with closing(forked(write(tmp_path, node, world, "english"))) as chain:
            (mirrored,) = chain.world.capabilities(Auction)
            assert list(mirrored.lots) == list(house.lots)
            for id, lot in mirrored.lots.items():
                assert replace(lot, opened=0) == replace(house.lots[id], opened=0)
                assert abs(lot.opened - house.lots[id].opened) <= world.block_seconds


# ------------------------------------------------------------ feeds of every source

TWAP = {"oracle.ETH.source": "twap", "oracle.ETH.pool": "pool", "oracle.ETH.sequencer_grace_seconds": 600}
TWAP_LINES = """[oracle.ETH]
source = "twap"
pool = "pool"
max_age_seconds = 7200
"""


@pytest.fixture(scope="module")
def averaged() -> Iterator[tuple[AnvilChain, World]]:
    """A protocol that goes by the mean of a pool, behind a sequencer guard."""
    with running(TWAP, 600.0) as found:
        yield found


def test_the_mean_of_a_pool_is_attached_on_both_chains(averaged, tmp_path):
    place = write(tmp_path, *averaged, "fixed", TWAP_LINES)
    one, other = (run(load(place), seed=9, chain=chain) for chain in ("revm", "anvil"))
    assert one.digest == other.digest
    assert one.metrics["unexpected_reverts"] == 0
    assert one.metrics["liquidations"] > 5
    prices = one.prices[one.prices["asset"] == "ETH"]
    assert prices["oracle"].notna().all()
    assert prices["oracle"].nunique() > 8, "its keepers poke it on"


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ("", "oracle.ETH: source = push, but twap on chain"),
        (TWAP_LINES + "window_seconds = 600", "oracle.ETH: window_seconds = 600, but 1800 on chain"),
        (TWAP_LINES + "sequencer_grace_seconds = 60", "oracle.ETH: sequencer_grace_seconds = 60, but 600 on chain"),
        (TWAP_LINES.replace("7200", "60"), "oracle.ETH: max_age_seconds = 60, but 7200 on chain"),
    ],
)
def test_a_setting_that_the_chain_contradicts_is_refused(lines, complaint, averaged, tmp_path):
    place = write(tmp_path, *averaged, "fixed", lines)
    with pytest.raises(ConfigError, match=complaint):
        run(load(place), seed=9)


def test_a_switch_without_its_mean_is_refused(averaged, tmp_path):
    place = write(tmp_path, *averaged, "fixed", TWAP_LINES)
    found = json.loads((tmp_path / "running.deployment.json").read_text())
    found["contracts"] = [each for each in found["contracts"] if each["name"] != "TwapFeed"]
    (tmp_path / "running.deployment.json").write_text(json.dumps(found))
    with pytest.raises(ConfigError, match="oracle/ETH/FeedSwitch without its TwapFeed"):
        run(load(place), seed=9)


STAKED = {
    "market.LST.process": "yield-bearing",
    "market.LST.of": "ETH",
    "market.LST.exchange_rate": 1.15,
    "oracle.LST.source": "rate",
    "oracle.LST.underlying": "ETH",
    "oracle.LST.heartbeat_seconds": 600,
    "oracle.LST.delay_seconds": 300,
    "cdp.collateral.LST.liquidation": "fixed",
    "pool.base": "LST",
    **{f"{who}.market": "cdp/LST" for who in ("borrowers", "liquidators", "flash-liquidators")},
}


def test_an_exchange_rate_is_attached_on_both_chains(tmp_path):
    with running(STAKED, 600.0) as (node, world):
        place = write(tmp_path, node, world, "fixed")
        one, other = (run(load(place, **STAKED), seed=9, chain=chain) for chain in ("revm", "anvil"))
        with pytest.raises(ConfigError, match=r"oracle\.LST: max_growth = 0\.2, but 0\.1 on chain"):
            run(load(place, **STAKED | {"oracle.LST.max_growth": 0.2}), seed=9)
    assert one.digest == other.digest
    assert one.metrics["unexpected_reverts"] == 0
    assert one.metrics["liquidations"] > 5
    prices = one.prices[one.prices["asset"] == "LST"]
    assert prices["oracle"].iloc[0] == pytest.approx(1700 * 1.15, rel=1e-6)
