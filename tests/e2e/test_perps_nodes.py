"""Perpetual markets on a node, and on a fork of one where they run already."""

import pytest
from nodes import need_anvil, node_of
from perp_books import BooksObserver, check_books
from perp_storms import CRASH, storm

from simulator import run
from simulator.chain.fork import find_fork
from simulator.chain.revm import RevmChain
from simulator.deployment import deployment_of
from simulator.observer import Observer
from simulator.protocols.base import Perp
from simulator.scenario import load_scenario
from simulator.world import World

pytestmark = [pytest.mark.anvil, pytest.mark.xdist_group("fork")]

FORK = """
schema = 1
extends = "./storm.toml"
title = "Fork"
story = "A test."

[world]
start = 2024-02-01T00:00:00Z
hours = 1

[chain.fork]
url = "{url}"
deployment = "running.deployment.json"

[market.ETH]
process = "replay"
knots = [[0, 2500.0], [0.4, 1700.0], [1, 1700.0]]
"""


def test_a_node_gives_the_digest_of_the_embedded_chain(tmp_path):
    need_anvil()
    results = [run(storm(tmp_path, CRASH, world__hours=2.3), chain=chain) for chain in ("revm", "anvil")]
    assert results[0].digest == results[1].digest
    assert results[0].metrics == results[1].metrics
    assert results[0].metrics["liquidations"] > 10


def test_a_market_that_runs_already_is_taken_over_with_its_accounts(tmp_path):
    scenario = storm(tmp_path, CRASH, world__hours=2.2)  # past the crash
    with node_of(scenario) as node:
        first = World(scenario, 3, node, Observer(None, None))
        first.run()
        deployment_of(first, node.process.url, ()).write(tmp_path / "running.deployment.json")
        (tmp_path / "fork.toml").write_text(FORK.format(url=node.process.url))
        forking = load_scenario(str(tmp_path / "fork.toml"))
        fork = find_fork(node.process.url, None)
        chain = RevmChain("exact", gas_limit=scenario.chain.gas_limit, fork=fork)
        second = World(forking, 9, chain, BooksObserver(None, None), fork)
        for venue in second.capabilities(Perp):
            before = first.by_id[venue.id]
            known = {account.id: account for account in before.book}
            assert set(known) < {account.id for account in venue.book}  # and those of this run
            assert all(venue.book.get(id).deposited == account.deposited for id, account in known.items())
            check_books(venue, chain, second.now)
        second.run_to(30)
        for venue in second.capabilities(Perp):
            frame = venue.frame_at(second._block_time, venue.market.read(chain, "indexPrice"))
            assert frame.funding == pytest.approx(venue.market.read(chain, "previewFunding"), rel=1e-9)
        second.run()
        assert second.observer.checked
