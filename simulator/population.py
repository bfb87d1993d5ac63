"""Who lives in a world: agents are made, bring what they start with, and the feeds are fresh when the storm begins."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from numpy.random import Generator as Random

from simulator.agents.base import Agent, AgentSettings, Desk
from simulator.agents.governor import Governor
from simulator.agents.guard import guarded
from simulator.agents.reporter import Reporter
from simulator.agents.slow_reporters import RateReporter, UptimeReporter
from simulator.errors import ConfigError
from simulator.scenario import Component

if TYPE_CHECKING:
    from simulator.world import World


def populate(world: "World") -> list[Agent]:
    """Every agent of the scenario, and a reporter for each feed.

    Those who supply what is owed bring theirs first, then protocols are seeded with it, then come the others.
    """
    genesis, early = world.genesis, world.warm_up
    if genesis.found and early:  # agents open positions at once, and what a fork has of prices is old
        _freshen_feeds(world, (genesis.now + 1, genesis.now + early + 60))
    agents = [agent for component in world.scenario.agents.values() for agent in _group(world, component)]
    for agent in agents:
        if agent.supplies:
            _prepare(world, agent)
    genesis.flush()
    for protocol in world.protocols:
        guarded(f"protocol {protocol.id}", partial(protocol.seed, genesis))
        world.listen_to(protocol)
    for agent in agents:
        if not agent.supplies:
            _prepare(world, agent)
    for asset, token in world.tokens.items():
        if not genesis.is_drawn(asset):
            # From now on the exchange brings in what the world beyond the chain sells.
            genesis.call(token, "transferOwnership", genesis.exchange)
    _freshen_feeds(world, (world.start - early - 60, world.start - 1) if early else (world.start - 1,))
    for protocol in world.protocols:
        guarded(f"protocol {protocol.id}", partial(protocol.ready, genesis))
    genesis.flush()  # in one block: the first one of the storm may be a second away
    return [*agents, *_reporters(world), *_governors(world)]


def _group(world: "World", component: Component) -> Iterator[Agent]:
    kind, settings = component.implementation, component.settings
    for need in kind.requires:
        if not world.capabilities(need):
            raise ConfigError(
                f"agent {component.name} needs a protocol that offers {need.__name__}, and there is none",
                where=component.id,
                mend="add one, or remove the agents",
            )
    for number in range(settings.count):
        desk = _desk(world, f"{component.id}/{number}", component.id, settings)
        yield guarded(f"agent {component.id}", partial(kind, desk, settings))


def _prepare(world: "World", agent: Agent) -> None:
    guarded(f"agent {agent.desk.agent}", partial(agent.prepare, world.genesis))


def _desk(world: "World", name: str, agent: str, settings: AgentSettings) -> Desk:
    return Desk(world, world.genesis.account(name), agent, settings, world.streams.generator(f"agents/{name}"))


def _reporters(world: "World") -> Iterator[Agent]:
    """Of prices, of exchange rates and of sequencers; a mean needs none."""
    for asset, settings in world.scenario.oracle.items():
        oracle = world.genesis.feeds[asset].oracle
        # A reporter's latency is from seeing a price to sending it, so the way to the pool has none of its own.
        desk = _desk(world, f"reporter/{asset}", "reporter", AgentSettings(gas=settings.gas, latency_seconds=0.0))
        if oracle.source == "push":
            yield Reporter(desk, settings, asset)
        elif oracle.source == "rate":
            yield RateReporter(desk, settings, oracle)
        if settings.sequencer_grace_seconds:
            rule = AgentSettings(gas=UptimeReporter.gas, latency_seconds=0.0)
            desk = _desk(world, f"uptime/{asset}", "reporter", rule)
            yield UptimeReporter(desk, settings, oracle, world.scenario.chain.outages)


def _governors(world: "World") -> Iterator[Agent]:
    """The owner of each protocol that has something declared."""
    for protocol in world.protocols:
        declared = protocol.governance()
        if declared:
            settings = AgentSettings(gas=Governor.gas, latency_seconds=0.0)
            desk = Desk(world, world.genesis.account("deployer"), "governance", settings, _stream(world, protocol.id))
            yield Governor(desk, settings, declared)


def _stream(world: "World", protocol: str) -> Random:
    return world.streams.generator(f"governance/{protocol}")


def _freshen_feeds(world: "World", moments: Sequence[int]) -> None:
    """Report and poke at these times [unix s].

    Two of them a warm-up apart leave every feed as old as its delay makes it, and its window covered.
    """
    genesis = world.genesis
    for moment in moments:
        genesis.advance_to(moment)
        for feed in genesis.feeds.values():
            seen = feed.oracle.observed(world.market)
            if seen is not None:
                genesis.submit(feed.oracle.report(seen), genesis.account(f"reporter/{feed.oracle.asset}").address)
        genesis.flush()
        for feed in genesis.feeds.values():
            poke, due = feed.oracle.poke(), feed.oracle.next_poke()
            if poke is not None and due is not None and due <= genesis.now:
                genesis.submit(poke, genesis.deployer)
        genesis.flush()
