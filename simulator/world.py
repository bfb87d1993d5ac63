"""The world of a scenario: chain, protocols, market and agents on one SimPy clock.

A block at time t holds what reached the pool until t. Then the market moves to t, prices and notices of the block are
seen, and what agents decide on them can reach the next block at the earliest.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from operator import attrgetter
from typing import Any

import numpy as np
import simpy

from simulator.agents.base import CapabilityT, Desk, Fate, Life
from simulator.agents.guard import agent_error, guarded, guarded_life
from simulator.attach import attached_contracts, check_start
from simulator.chain.abi import Abi, DecodedEvent
from simulator.chain.base import CallReverted, Chain
from simulator.chain.fork import Fork
from simulator.chain.types import Address, BlockEnv, BundleReceipt, Filled, Log, Outcome, Receipt, Transaction
from simulator.errors import ConfigError, WavetankError
from simulator.exchange import Exchange
from simulator.gas_price import GasPrice
from simulator.liquidations import FOLLOWED, LiquidationLog
from simulator.market import Market, background_demand
from simulator.mempool import Eip1559, Legacy, Mempool
from simulator.observer import Observer
from simulator.option_log import OptionLog
from simulator.oracle_faults import seconds
from simulator.outbox import Outbox
from simulator.perp_log import PerpLog
from simulator.population import populate
from simulator.portfolios import PortfolioLog
from simulator.protocols.base import Auction, Call, Lending, Notice, Perp, Protocol, Vault
from simulator.protocols.genesis import Contract, Genesis
from simulator.protocols.option_capability import Options
from simulator.protocols.oracle import OracleProtocol, warm_up
from simulator.protocols.positions import SafetyWatch
from simulator.rebalances import RebalanceLog
from simulator.scenario import Scenario
from simulator.streams import Streams
from simulator.trial import Trial
from simulator.units import to_wei_per_gas

Progress = Callable[[int, int], None]  # steps done, steps in all

_TRANSFER_GAS = 21_000
_SETUP_SECONDS = 3600  # for blocks of deployment, a second each


class PriceEvent(simpy.Event):
    """An event at a price level."""

    watch: int  # its number in the market


class World:
    """Built from a scenario, a seed and a chain; `run` goes to the end."""

    def __init__(
        self, scenario: Scenario, seed: int, chain: Chain, observer: Observer, fork: Fork | None = None
    ) -> None:
        self.scenario, self.seed, self.chain, self.observer = scenario, seed, chain, observer
        self.streams = Streams(seed)
        self.clock = simpy.Environment()
        self.start = int(scenario.world.start.timestamp())
        self.block_seconds = scenario.chain.block_seconds
        times = scenario.times
        self.steps = len(times) - 1
        self.market = Market(
            scenario.market,
            times,
            self.streams,
            start=self.start,
            folder=scenario.source.parent,
            correlation=scenario.correlation,
        )
        self.by_id: dict[str, Any] = {}
        self._inboxes: defaultdict[str, list[simpy.Store]] = defaultdict(list)
        self._contracts: dict[Address, tuple[Protocol, Abi]] = {}
        self._followers: defaultdict[Address, list[Protocol]] = defaultdict(list)
        self._errors = Abi([])
        attached = attached_contracts(scenario)
        self.warm_up = warm_up(scenario.oracle, chain, attached)  # [s] that feeds need before the start
        self.genesis = Genesis(
            chain,
            seed=seed,
            start=self.start,
            begin=self.start - 2 * self.warm_up - _SETUP_SECONDS,
            gas_limit=scenario.chain.gas_limit,
            prices={asset: self.market.price(asset) for asset in scenario.market},
            observe=self._observe_genesis,
            number=fork.number if fork else 0,
            attached=attached,
            target=scenario.source.parent / scenario.target.artifacts if scenario.target else None,
        )
        if fork is not None:
            check_start(scenario, fork, self.genesis.now)
        self._deploy_tokens()
        self.protocols = self._deploy_protocols()
        if fork is not None:
            self._replay(fork)
        self._open_the_pool()
        self.exchange = Exchange(self, self.genesis, self.streams.generator("exchange"))
        self.agents = populate(self)
        self._begin()

    # ------------------------------------------------------------------ set-up

    def _deploy_tokens(self) -> None:
        """A token for every asset that a feed prices; what is owed is deployed by the protocol that mints it."""
        for asset in self.scenario.oracle:
            if asset not in self.scenario.market:
                raise ConfigError(f"no market for {asset}", where=f"oracle.{asset}", mend=f"add [market.{asset}]")
            self.genesis.scope = f"token/{asset}"
            if self.genesis.has("CollateralToken"):
                self.genesis.tokens[asset] = self.genesis.find("CollateralToken")
                self.genesis.take_over(self.genesis.tokens[asset])
            else:
                self.genesis.tokens[asset] = self.genesis.deploy("CollateralToken", asset, asset, 18)

    def _replay(self, fork: Fork) -> None:
        """Let the plug-ins mirror what happened to attached contracts before."""
        for time, log in fork.logs([contract.address for contract in self.genesis.found]):
            if log.address not in self._contracts:
                continue
            protocol, abi = self._contracts[log.address]
            event = abi.decode_log(log)
            if event is not None:
                list(protocol.on_event(event, time))

    def _deploy_protocols(self) -> list[Protocol]:
        first = {asset: self.market.price(asset) for asset in self.scenario.oracle}
        rates = {asset: self.market.exchange_rate(asset) for asset in self.scenario.oracle}
        chosen = [c.implementation(c.id, c.settings) for c in self.scenario.protocols.values()]
        chosen.sort(key=lambda protocol: protocol.trades)  # a venue needs the tokens that others bring
        protocols = [OracleProtocol(self.scenario.oracle, first, rates), *chosen]
        for protocol in protocols:
            self.genesis.scope = protocol.id
            place = protocol.attach if self.genesis.has() else protocol.deploy
            guarded(f"protocol {protocol.id}", partial(place, self.genesis))
            self.listen_to(protocol)
            for capability in protocol.capabilities():
                if capability.id in self.by_id:
                    raise ConfigError(f"two protocols offer {capability.id}", mend="give each an id of its own")
                self.by_id[capability.id] = capability
        self.tokens: Mapping[str, Contract] = self.genesis.tokens
        return protocols

    def listen_to(self, protocol: Protocol) -> None:
        """Pass on the events of its contracts from now on."""
        for address, abi in protocol.events().items():
            self._contracts[address] = (protocol, abi)
        for address in protocol.follows():
            if protocol not in self._followers[address]:
                self._followers[address].append(protocol)

    def _open_the_pool(self) -> None:
        chain, legacy = self.scenario.chain, self.scenario.chain.fee_mode == "legacy"
        base_fee = 0 if legacy else to_wei_per_gas(chain.base_fee_gwei)
        self.fees = Legacy() if legacy else Eip1559(base_fee, chain.gas_limit)
        self.gas_price = GasPrice(legacy=legacy)
        self.gas_price.block(None, base_fee)
        self.pool = Mempool()
        self.outbox = Outbox(
            self.clock, self.chain, self.pool, self.gas_price, self.start, show=self._show, refuse=self._refuse
        )
        self.demand = (
            background_demand(
                chain.demand,
                self.streams,
                self.market.price,
                gas_limit=chain.gas_limit,
                steps=self.steps,
                step_seconds=self.block_seconds,
                legacy=legacy,
            )
            if chain.demand
            else None
        )
        missed = self.streams.generator("chain/missed-slots").random(self.steps)
        times = self.block_seconds * np.arange(1, self.steps + 1)
        down = [(times >= seconds(start)) & (times < seconds(end)) for start, end in chain.outages]
        self._missed = np.any([missed < chain.missed_slots, *down], axis=0).tolist()

    def _begin(self) -> None:
        for contract in self.genesis.deployed:
            self._errors = self._errors.merged(contract.abi)
        lendings = self.capabilities(Lending)
        self.liquidations = LiquidationLog(lendings, self.market)
        self.rebalances = RebalanceLog(self.capabilities(Vault), self.market)
        self.perp_log = PerpLog(self.capabilities(Perp), self.market)
        self.option_log = OptionLog(self.capabilities(Options), self.market)
        self.portfolios = PortfolioLog(self.capabilities(Options), self.capabilities(Perp), self.capabilities(Vault))
        self._protocol_of = {c.id: p.id for p in self.protocols for c in p.capabilities()}
        self._moving = [each for each in self.protocols if type(each).advance is not Protocol.advance]
        for house in self.capabilities(Auction):
            for lot in house.lots.values():
                self.liquidations.adopt(self._protocol_of[house.id], lot, self.genesis.number)
        self._progress: Progress | None = None
        self._watches: dict[str, tuple[Lending, SafetyWatch]] = {
            lending.id: (lending, lending.book.watch(lending.liquidation_ratio)) for lending in lendings
        }
        self.number = self.genesis.number
        self._block_time = self.start
        self._gas_limit = self.scenario.chain.gas_limit
        self._gas_asset = "ETH" if "ETH" in self.scenario.market else ""
        self._sample_every = self.scenario.world.sample_minutes * 60
        self._next_sample = 0.0
        for agent in self.agents:
            self.process(agent.desk.agent, agent.life())
        self.clock.process(self._blocks())
        self._see(0, self.start)

    # -------------------------------------------------------------- what desks ask

    @property
    def now(self) -> int:
        """The time [unix s]."""
        return self.start + int(self.clock.now)

    @property
    def ether_usd(self) -> float:
        """What gas is paid in [usd], 0 where the scenario has no market for ETH."""
        return self.market.price(self._gas_asset) if self._gas_asset else 0.0

    def capabilities(self, kind: type[CapabilityT]) -> list[CapabilityT]:
        """Every capability of a kind."""
        return [capability for capability in self.by_id.values() if isinstance(capability, kind)]

    def token_balance(self, asset: str, owner: Address) -> int:
        """Tokens of an account [wad]."""
        return int(self.genesis.token(asset).read(self.chain, "balanceOf", owner))

    def is_drawn(self, asset: str) -> bool:
        """Whether an asset comes into being only as debt."""
        return self.genesis.is_drawn(asset)

    def unsafe(self, lending: str) -> Mapping[str, float]:
        """Positions that can be liquidated at the price their protocol uses."""
        return self._watches[lending][1].below

    def nearly_unsafe(self, lending: str, count: int) -> list[str]:
        """The positions that fall first as the price does."""
        return self._watches[lending][1].next_to_fall(count)

    def error_name(self, output: bytes) -> str:
        """What revert data says, as tables have it."""
        return self._errors.decode_revert(output).reason

    @contextmanager
    def trial(self) -> Iterator[Trial]:
        """A branch of the chain for as long as the `with` block lasts."""
        reporters = {asset: self.genesis.account(f"reporter/{asset}").address for asset in self.scenario.oracle}
        trial = Trial(self, reporters)
        with trial.branch():
            yield trial

    def would_work(self, sender: Address, call: Call) -> bool:
        """Whether a call on the latest block does not revert."""
        try:
            self.chain.call(call.to, call.data, sender)
        except CallReverted:
            return False
        return True

    def price_event(self, asset: str, level: float, *, falling: bool) -> simpy.Event:
        """An event at the first price at or beyond a level."""
        event = PriceEvent(self.clock)
        watch = self.market.watch_below if falling else self.market.watch_above
        event.watch = watch(asset, level, event)
        return event

    def first_of(self, events: Sequence[simpy.Event]) -> simpy.Event:
        """An event at the first of several; price events among the others are forgotten."""
        first = self.clock.any_of(events)
        watched = [event for event in events if isinstance(event, PriceEvent)]
        if watched:
            first.callbacks.append(lambda _: self._forget(watched))
        return first

    def _forget(self, events: Sequence[PriceEvent]) -> None:
        for event in events:
            if not event.triggered:
                self.market.forget(event.watch)

    def subscribe(self, kinds: Iterable[str]) -> simpy.Store:
        """A queue of notices."""
        store = simpy.Store(self.clock)
        for kind in kinds:
            self._inboxes[kind].append(store)
            self.outbox.watched |= kind == "pending"
        return store

    def process(self, agent: str, life: Life) -> simpy.Process:
        """Run a generator of an agent, naming the agent in what it raises."""
        return self.clock.process(guarded_life(f"agent {agent}", life))

    def send(self, desk: Desk, call: Call) -> simpy.Event:
        """Send a call; the event's value is its Fate."""
        answer = self.clock.event()
        self.outbox.send(desk, call, answer)
        return answer

    def send_bundle(self, desk: Desk, before: Transaction, call: Call, tip: int) -> simpy.Event:
        """Offer a call right behind somebody's waiting transaction; the event's value is its Fate."""
        answer = self.clock.event()
        self.outbox.send_bundle(desk, before, call, tip, answer)
        return answer

    @contextmanager
    def after(self, transactions: Sequence[Transaction]) -> Iterator[None]:
        """The chain as it would be had these run in the next block, for as long as the `with` block lasts."""
        mark = self.chain.snapshot()
        env = BlockEnv(
            self.number + 1, self.now + self.block_seconds, self.fees.base_fee, self.scenario.chain.gas_limit
        )
        try:
            self.chain.execute(env, transactions)
            yield
        finally:
            self.chain.revert(mark)

    def _show(self, tx: Transaction, call: Call) -> None:
        """Let those who watch the pool see what has reached it."""
        for inbox in self._inboxes.get("pending", ()):
            inbox.put(Notice("pending", "", call.subject, {"action": call.action, "transaction": tx}))

    # ------------------------------------------------------------------- the run

    def run(self, progress: Progress | None = None) -> None:
        """To the end of the scenario."""
        self._progress = progress
        self.run_to(self.steps)

    def run_to(self, step: int) -> None:
        """To just behind a step, for whoever paces it."""
        self.clock.run(until=step * self.block_seconds + 0.5)

    def _blocks(self) -> Life:
        tick = max(1, self.steps // 200)
        for step in range(1, self.steps + 1):
            yield self.clock.timeout(self.block_seconds)
            now = self.start + step * self.block_seconds
            if not self._missed[step - 1]:
                self._block(step, now)
            self._see(step, now)
            if self._progress and (step % tick == 0 or step == self.steps):
                self._progress(step, self.steps)

    def _block(self, step: int, now: int) -> None:
        """Build and execute one block, and tell everybody what was in it."""
        self.number += 1
        self._block_time = now
        env = BlockEnv(self.number, now, self.fees.base_fee, self._gas_limit)
        for replaced, sender in self.outbox.bump(self.number):
            self.observer.transaction(self.number, None, replaced, sender, Fate("replaced", "", None), False)
        demand = self.demand.block(step, env.base_fee) if self.demand else ()
        candidates = self.pool.candidates(env.base_fee, demand)
        outcomes = self.chain.execute(env, candidates)
        self._settle(env, outcomes)

    def _settle(self, env: BlockEnv, outcomes: Sequence[Outcome]) -> None:
        """Take note of a block: what it used and cost, who is in it, and what left the pool without."""
        receipts: list[Receipt] = []
        gas_used = virtual = 0
        for outcome in outcomes:
            kind = type(outcome)
            if kind is Receipt:
                receipts.append(outcome)  # type: ignore[arg-type]
                gas_used += outcome.gas_used  # type: ignore[union-attr]
            elif kind is Filled:
                virtual += outcome.gas_used  # type: ignore[union-attr]
            elif kind is BundleReceipt:
                receipts.extend(outcome.receipts)  # type: ignore[union-attr]
                gas_used += sum(map(_gas_used, outcome.receipts))  # type: ignore[union-attr]
        gas_used += virtual
        if self.demand is not None:
            self.demand.mined(virtual)
        # A block counts as full when not even a plain transfer fits any more.
        full = env.gas_limit - gas_used < _TRANSFER_GAS
        floor = lowest_tip(env, outcomes) if full else None
        self.fees.advance(gas_used)
        self.gas_price.block(floor, self.fees.base_fee)
        self.observer.block(env, outcomes, gas_used, virtual, floor)
        for index, receipt in enumerate(receipts):
            self._receive(index, receipt)
        for tx, reason in self.pool.settle(outcomes):
            self._close(tx, Fate("dropped", reason, None), None)

    def _receive(self, index: int, receipt: Receipt) -> None:
        """One transaction that is in the block: its events, its sender, its row."""
        sent = self.outbox.sent(receipt.transaction)
        if sent is not None and sent.call.subject:
            self.liquidations.spent(receipt, sent.call.subject, self.ether_usd)
            self.rebalances.spent(receipt, sent.call.subject, sent.submitted, self.ether_usd)
            self.perp_log.spent(receipt, sent.call.subject, self.ether_usd)
            self.option_log.spent(receipt, sent.call.subject, self.ether_usd)
        if receipt.status:
            for position, log in enumerate(receipt.logs):
                known = self._contracts.get(log.address)
                if known is not None:
                    self._emitted(index, position, log, *known)
            self._close(receipt.transaction, Fate("included", "", receipt), index)
        else:
            reason = self.error_name(receipt.output)
            self._close(receipt.transaction, Fate("reverted", reason, receipt), index)

    def _emitted(self, index: int, position: int, log: Log, protocol: Protocol, abi: Abi) -> None:
        event = abi.decode_log(log)
        if event is None:
            return
        self.observer.event(self.number, index, position, protocol.id, event)
        self._tell(protocol, event)
        for follower in self._followers.get(log.address, ()):
            self._tell(follower, event)

    def _tell(self, protocol: Protocol, event: DecodedEvent) -> None:
        try:
            for notice in protocol.on_event(event, self._block_time):
                self._notify(notice)
        except WavetankError:
            raise
        except Exception as fault:
            raise agent_error(f"protocol {protocol.id}", fault) from fault

    def _close(self, tx: Transaction, fate: Fate, index: int | None) -> None:
        sent = self.outbox.settle(tx, fate)
        if sent is not None:
            unexpected = fate.status == "reverted" and fate.reason not in sent.call.accepts
            self.observer.transaction(self.number, index, tx, sent, fate, unexpected)

    def _refuse(self, tx: Transaction, reason: str) -> None:
        self._close(tx, Fate("refused", reason, None), None)

    def _notify(self, notice: Notice) -> None:
        for kinds, log in (
            (FOLLOWED, self.liquidations),
            (PerpLog.FOLLOWED, self.perp_log),
            (OptionLog.FOLLOWED, self.option_log),
        ):
            if notice.kind in kinds:
                for row in log.on_notice(notice, self.number):
                    self.observer.neutral(self.number, notice.protocol, row)
        if notice.kind == "rebalance":
            self.observer.measures(self.number, notice.protocol, self.rebalances.rows(notice))
        for inbox in self._inboxes.get(notice.kind, ()):
            inbox.put(notice)

    def _see(self, step: int, now: int) -> None:
        """Move the market to this step and wake those who waited for what it shows."""
        market = self.market
        market.advance(step)
        self.liquidations.advance(self.number, now)
        self.rebalances.advance(now)
        self.perp_log.advance(self.number, now)
        self.option_log.advance(self.number, now)
        self.portfolios.advance(now, market.price)
        for lending, watch in self._watches.values():
            for position in watch.advance(lending.oracle.price / lending.index(now))[0]:
                self._notify(Notice("unsafe", self._protocol_of[lending.id], position, {"capability": lending.id}))
        for protocol in self._moving:
            self._hear(protocol, now)
        for event in market.crossed():
            event.succeed()
        self.observer.prices(self)
        if self.observer.records and (self.clock.now >= self._next_sample or step == self.steps):
            self._next_sample = self.clock.now + self._sample_every
            self.sample()

    def _hear(self, protocol: Protocol, now: int) -> None:
        """What a protocol has to say of this step."""
        measures = []
        for said in guarded(f"protocol {protocol.id}", lambda: list(protocol.advance(now, self.market.price))):
            if isinstance(said, Notice):
                self._notify(said)
            else:
                measures.append(said)
        if measures:
            self.observer.measures(self.number, protocol.id, measures)

    def sample(self) -> None:
        """Record every protocol's positions and measures, and those of the market."""
        self.observer.measures(self.number, "market", self.market.measures())
        for protocol in self.protocols:
            taken = guarded(f"protocol {protocol.id}", partial(protocol.sample, self.now, self.market.price))
            self.observer.sample(self.number, protocol.id, taken)
        for options in self.portfolios.markets:
            rows = self.portfolios.rows(options, self.market.price)
            self.observer.measures(self.number, self._protocol_of[options.id], rows)

    def _observe_genesis(self, env: BlockEnv, outcomes: Sequence[Outcome]) -> None:
        """Mirror the events of set-up; agents do not live yet."""
        gas_used = sum(outcome.gas_used for outcome in outcomes if isinstance(outcome, Receipt))
        self.observer.genesis_block(env, outcomes, gas_used)
        for outcome in outcomes:
            if not isinstance(outcome, Receipt):
                continue
            for log in outcome.logs:
                protocol, abi = self._contracts.get(log.address, (None, None))
                event = abi.decode_log(log) if abi else None
                if protocol is None or event is None:
                    continue
                for listener in (protocol, *self._followers.get(log.address, ())):
                    list(listener.on_event(event, env.timestamp))

    def finish(self) -> None:
        """Write what never happened: unfilled liquidations and transactions that still wait."""
        for row in [*self.liquidations.unfilled(), *self.perp_log.unfilled(), *self.option_log.unfilled()]:
            self.observer.neutral(self.number, "", row)
        for sent in self.outbox.unsettled():
            self._close(sent.transaction, Fate("pending", "the run ended", None), None)

    def seal(self) -> None:
        """End the digest with what accounts hold. Raises ChainError where the chain is gone."""
        self.observer.finish(self.held())

    def held(self) -> list[tuple[Address, int, int]]:
        """Ether [wei] and nonce of every account that the digest ends with. Raises ChainError."""
        accounts = [account.address for account in self.genesis.accounts]
        accounts += [contract.address for contract in self.genesis.deployed]
        accounts.append(Address(self.scenario.chain.coinbase))
        return [(a, self.chain.balance(a), self.chain.nonce(a)) for a in dict.fromkeys(accounts)]


_gas_used = attrgetter("gas_used")


def lowest_tip(env: BlockEnv, outcomes: Sequence[Outcome]) -> int | None:
    """The tip [wei per gas] of the cheapest gas in a block, bundles aside; None for an empty block."""
    tips = [o.effective_price - env.base_fee for o in outcomes if isinstance(o, Receipt)]
    tips += [o.candidate.tip for o in outcomes if isinstance(o, Filled) and o.gas_used]
    return min(tips, default=None)
