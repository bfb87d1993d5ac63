"""A storm on another node's state, against contracts that run there already."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from nodes import node_of

from simulator import load, run
from simulator.capsule.file import load as read_capsule
from simulator.capsule.make import write_capsule
from simulator.capsule.replay import replay
from simulator.chain.anvil import AnvilChain
from simulator.chain.types import Address
from simulator.deployment import Deployment, deployment_of, read_deployment
from simulator.errors import ConfigError
from simulator.observer import Observer
from simulator.scenario import load_scenario
from simulator.world import World

pytestmark = [pytest.mark.anvil, pytest.mark.xdist_group("fork")]
RUNNING = {"world.hours": 0.5, "borrowers.count": 40, "pool.liquidity_usd": 200_000, "world.sample_minutes": 10}
CAPITAL = {"liquidators.capital_usd": 20_000, "flash-liquidators.count": 1}

STORM = """schema = 1
extends = "{base}"
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
knots = [[0, 2500.0], [0.4, 1500.0], [1, 1500.0]]

[borrowers]
count = 40

[liquidators]
capital_usd = 10_000

[flash-liquidators]
count = 1
"""


@pytest.fixture(scope="module")
def source() -> Iterator[tuple[AnvilChain, World]]:
    """A node with a protocol that has run for a while."""
    scenario = load_scenario("flash-crash", RUNNING | CAPITAL)
    with node_of(scenario) as node:
        world = World(scenario, 3, node, Observer(None, None))
        world.run()
        yield node, world


@pytest.fixture
def place(source, tmp_path) -> Path:
    """A folder with the deployment of the running protocol and a storm that forks it."""
    node, world = source
    deployment_of(world, node.process.url, ()).write(tmp_path / "running.deployment.json")
    (tmp_path / "storm.toml").write_text(STORM.format(base="flash-crash", url=node.process.url))
    return tmp_path


def positions_of(world: World) -> dict[str, tuple[int, int]]:
    return {p.id: (p.collateral, p.normalized_debt) for p in world.by_id["cdp/ETH"].book}


def test_both_chains_fork_a_running_protocol_to_the_same_digest(source, place):
    node, world = source
    before = (world.number, node.storage(world.by_id["cdp/ETH"].engine.address, 3))
    runs = {chain: run(load(str(place / "storm.toml")), seed=9, chain=chain) for chain in ("revm", "anvil")}
    one, other = runs.values()
    assert one.digest == other.digest
    assert one.metrics == other.metrics
    assert one.metrics["liquidations"] > 20
    assert one.metrics["unexpected_reverts"] == 0
    # The positions of before are in the book, and among those that fell.
    first = one.positions[one.positions["block"] == one.positions["block"].min()]
    assert set(positions_of(world)) <= set(first["position"])
    assert len(first) == 40 + 40
    fallen = set(one.events[one.events["name"] == "liquidation"]["subject"])
    assert fallen & set(positions_of(world))
    assert one.manifest["scenario"]["chain"]["fork"]["block"] == world.number
    assert one.blocks["block"].min() > world.number
    assert (world.number, node.storage(world.by_id["cdp/ETH"].engine.address, 3)) == before


def test_fast_gas_forks_too(place):
    fast = run(load(str(place / "storm.toml")), seed=9, gas="fast")
    assert fast.metrics["liquidations"] > 20


def test_addresses_by_hand_do_what_the_file_does(place):
    found = read_deployment(place / "running.deployment.json")
    lines = "\n".join(f'"{each.key}" = "{each.address}"' for each in found.contracts)
    text = (place / "storm.toml").read_text().replace('deployment = "running.deployment.json"\n', "")
    (place / "hand.toml").write_text(f"{text}\n[chain.fork.contracts]\n{lines}\n")
    sets = {"world.hours": 0.1}
    by_hand, by_file = (run(load(str(place / name), **sets), seed=9) for name in ("hand.toml", "storm.toml"))
    assert by_hand.digest == by_file.digest


def test_parts_that_are_not_attached_are_deployed_on_top(place):
    """New contracts on a fork: nothing is attached, and the fork's own positions are not in the world."""
    text = (place / "storm.toml").read_text().replace('deployment = "running.deployment.json"\n', "")
    (place / "new.toml").write_text(text)
    sets = {"world.hours": 0.1, "pool.liquidity_usd": 200_000}
    one, other = (run(load(str(place / "new.toml"), **sets), seed=9, chain=chain) for chain in ("revm", "anvil"))
    assert one.digest == other.digest
    assert one.positions.groupby("block").size().max() == 40


@pytest.mark.parametrize("chain", ["revm", "anvil"])
def test_a_capsule_is_replayed_on_the_node_that_its_run_forked(place, chain):
    capsule = write_capsule(load(str(place / "storm.toml"), **{"world.hours": 0.6}), 9, None, None, place / "x.capsule")
    assert capsule.metrics["liquidations"] > 0
    found = replay(read_capsule(place / "x.capsule"), chain)
    assert (found.digest, found.difference) == (capsule.digest, None)


# ------------------------------------------------------------------------------------ what can go wrong


def wavetank(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simulator.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120, check=False)


@pytest.mark.parametrize(
    ("change", "code", "complaint"),
    [
        ("chain.fork.url=http://127.0.0.1:9", 3, "http://127.0.0.1:9: the node is gone: "),
        ("chain.fork.block=999999", 2, "chain.fork.block = 999,999: the node is at block"),
        ("world.start=2020-01-01T00:00:00Z", 2, "world: start = 2020-01-01T00:00:00Z: the forked block is of 2024-"),
        ("chain.fork.deployment=none.json", 2, "none.json: cannot be read"),
        ("cdp.collateral.ETH.liquidation_ratio=1.2", 2, "liquidation_ratio = 1.2, but "),
    ],
)
def test_a_fork_that_cannot_be_used_is_one_line(place, change, code, complaint):
    done = wavetank("run", "storm.toml", "--set", change, cwd=place)
    assert done.returncode == code, done.stderr
    assert done.stderr.count("\n") == 1
    assert complaint in done.stderr
    assert not (place / "runs").exists() or not any((place / "runs").iterdir())


def test_another_contract_in_its_place_is_one_line(place):
    found: Deployment = read_deployment(place / "running.deployment.json")
    for address, complaint in (
        (found.contract("cdp/Dollar").address, "does not answer CdpEngine."),
        ("0x00000000000000000000000000000000000000aa", "nothing is deployed at"),
        ("0x12", "is not a 20-byte address"),
    ):
        table = f'[chain.fork.contracts]\n"cdp/CdpEngine" = "{address}"\n'
        (place / "wrong.toml").write_text((place / "storm.toml").read_text() + table)
        done = wavetank("run", "wrong.toml", cwd=place)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert complaint in done.stderr


def test_a_plug_in_that_cannot_attach_says_so(place, tmp_path):
    from simulator.protocols.base import Protocol

    class Bare(Protocol):
        deploy = capabilities = events = on_event = lambda *_: ()

    with pytest.raises(ConfigError, match="bare: this protocol cannot be attached"):
        Bare("bare", None).attach(None)


def test_nothing_asks_the_network_to_check_or_to_list(place):
    text = (place / "storm.toml").read_text()
    (place / "far.toml").write_text(text.replace("http://127.0.0.1", "http://nowhere.invalid"))
    assert wavetank("check", "far.toml", cwd=place).returncode == 0
    assert wavetank("list", "parameters", "far.toml", cwd=place).returncode == 0


@pytest.mark.parametrize("chain", ["revm", "anvil"])
def test_a_fork_whose_node_has_gone_ends_the_run_as_a_partial_one(place, monkeypatch, chain):
    scenario = load_scenario("calm", RUNNING | CAPITAL | {"world.hours": 0.05})
    node = AnvilChain(flags=["--auto-impersonate", "--accounts", "0"])
    taken = World._block
    blocks = 0

    def block(world: World, *arguments: int) -> None:
        nonlocal blocks
        blocks += 1
        if blocks == 20:
            node.process.stop()
            world.chain.balance(Address("0x" + "ab" * 20))  # which nobody has read yet
        taken(world, *arguments)

    try:
        deployment_of(World(scenario, 3, node, Observer(None, None)), node.process.url, ()).write(
            place / "running.deployment.json"
        )
        (place / "gone.toml").write_text(STORM.format(base="calm", url=node.process.url))
        monkeypatch.setattr(World, "_block", block)
        result = run(load(str(place / "gone.toml")), seed=9, chain=chain, out=place / "out")
    finally:
        node.close()
    assert result.exit_code == 3
    assert "\n" not in str(result.fault)
    manifest = json.loads((place / "out/manifest.json").read_text())
    assert manifest["status"] == "partial"
    assert manifest["metrics"]["blocks"] == 19
