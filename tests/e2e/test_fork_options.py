"""A storm on another node's state, against an option market that has run there for a while."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from nodes import node_of
from option_storms import GROUND, storm

from simulator import load, run
from simulator.chain.anvil import AnvilChain
from simulator.deployment import deployment_of
from simulator.observer import Observer
from simulator.protocols.option_capability import Options
from simulator.world import World

pytestmark = [pytest.mark.anvil, pytest.mark.xdist_group("fork")]

QUIET = GROUND.replace("hours = 4", "hours = 0.7").replace("count = 8", "count = 3\npause_seconds = 120.0")
LATER = GROUND.replace("hours = 4", "hours = 0.6").replace("T00:00:00Z", "T01:45:00Z").replace("count = 8", "count = 2")


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Iterator[tuple[AnvilChain, World]]:
    """A node with a market in which people have traded."""
    scenario = storm(tmp_path_factory.mktemp("source"), QUIET)
    with node_of(scenario) as node:
        world = World(scenario, 3, node, Observer(None, None))
        world.run()
        yield node, world


@pytest.fixture
def place(source, tmp_path) -> Path:
    """A folder with the deployment of the running market and a storm that forks it."""
    node, world = source
    deployment_of(world, node.process.url, ()).write(tmp_path / "running.deployment.json")
    fork = f'[chain.fork]\nurl = "{node.process.url}"\ndeployment = "running.deployment.json"\n\n[market.ETH]'
    (tmp_path / "storm.toml").write_text(LATER.replace("[market.ETH]", fork, 1))
    return tmp_path


def test_both_chains_go_on_with_a_market_that_ran_before(source, place):
    _, world = source
    (before,) = world.capabilities(Options)
    assert before.positions
    one, other = (run(load(str(place / "storm.toml")), seed=9, chain=chain) for chain in ("revm", "anvil"))
    assert one.digest == other.digest
    assert one.metrics == other.metrics
    assert one.metrics["unexpected_reverts"] == 0
    names = one.events[one.events["protocol"] == "options"]["name"].value_counts()
    # The expiry of before the fork is closed now: by a round that the fork has seen, with the positions it had.
    assert names["ExpiryPriceLocked"] >= 1
    over = [place for place in before.positions if before.series[place[1]].expiry < world.start + 3_700]
    settled = {(args["account"], int(args["id"])) for args in map(json.loads, _args(one, "PositionSettled"))}
    assert over
    assert set(over) <= settled
    first = one.positions[one.positions["block"] == one.positions["block"].min()]
    there = {before.position_name(*place) for place in before.positions if place not in over}
    assert there <= set(first["position"])


def _args(result, name):
    rows = result.events
    return rows[(rows["name"] == name) & (rows["protocol"] == "options")]["args"]
