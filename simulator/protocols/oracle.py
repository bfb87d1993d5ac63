"""The oracle contracts: a feed to report to, guards and a delay in front of its consumers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from simulator.chain.abi import Abi, DecodedEvent
from simulator.chain.base import CallReverted, Chain
from simulator.chain.types import Address, Log
from simulator.protocols.base import Call, Capability, Notice, Oracle, Protocol
from simulator.protocols.genesis import Contract, Feed, Genesis
from simulator.units import from_fixed, from_wad, to_fixed, to_wad

_DECIMALS = 8  # of answers, as on Chainlink's dollar feeds
_ONE = 10**_DECIMALS

FEED_REFUSES = {
    "StalePrice": "the feed is stale",
    "PriceJump": "the feed is guarded",
    "PriceOutOfBounds": "the feed is guarded",
    "InvalidAnswer": "the feed has no price",
    "WindowNotCovered": "the feed has no mean yet",
    "SequencerDown": "the sequencer is down, or was a moment ago",
}


class FeedOracle(Oracle):
    """One asset's feed with its optional guard and delay."""

    def __init__(
        self, chain: Chain, asset: str, push: Contract, guard: Contract | None, delayed: Contract | None
    ) -> None:
        self.id = f"oracle/{asset}"
        self.asset = asset
        self._chain = chain
        self.push, self.guard, self.delayed = push, guard, delayed
        self._report = push.abi.functions["report"].selector
        self.price = 0.0
        self.price_time = 0
        self._next_poke = 0
        self._delay = 0

    @property
    def consumer(self) -> Contract:
        """The contract that a protocol reads."""
        return self.delayed or self.guard or self.push

    def usable_price(self) -> float | None:
        """See `Oracle.usable_price`. Only a guarded feed can refuse, so only that is asked."""
        if self.guard is None or self.delayed is not None:
            return self.price
        try:
            wad, _ = self.guard.read(self._chain, "price")
        except CallReverted:
            return None
        return from_wad(wad)

    def report(self, price: float) -> Call:
        """See `Oracle.report`."""
        answer = max(1, to_fixed(price, _ONE))
        # Of one word, so no codec is needed: there may be a report in every block.
        return Call(self.push.address, self._report + answer.to_bytes(32, "big"), 150_000, "report")

    def poke(self) -> Call | None:
        """See `Oracle.poke`."""
        if self.delayed is None:
            return None
        accepts = {"NotYet": "somebody poked first", "StalePrice": "the source is stale", "PriceJump": "guarded"}
        return Call(self.delayed.address, self.delayed.encode("poke"), 200_000, "poke", self.id, accepts)

    def next_poke(self) -> int | None:
        """See `Oracle.next_poke`."""
        return self._next_poke if self.delayed is not None else None

    def on_answer(self, log: Log) -> bool:
        """A report reached the chain, as `AnswerUpdated`; whether consumers see it at once."""
        if self.delayed is not None:
            return False
        # `current` and `updatedAt` where they stand: decoding by name costs more than all else done for a report here.
        self.price = from_fixed(int.from_bytes(log.topics[1], "big", signed=True), _ONE)
        self.price_time = int.from_bytes(log.data, "big")
        return True

    def on_adopted(self, price: int, observed_at: int) -> None:
        """A delayed price took effect."""
        self.price, self.price_time = from_wad(price), observed_at

    def on_queued(self, at: int) -> None:
        """A price began its delay."""
        self._next_poke = at + self._delay

    def set_delay(self, seconds: int) -> None:
        """The delay it was deployed with."""
        self._delay = seconds


class OracleProtocol(Protocol):
    """Every feed of a scenario's `[oracle.<ASSET>]` tables."""

    def __init__(self, settings: Mapping[str, Any], first_price: Mapping[str, float]) -> None:
        super().__init__("oracle", settings)
        self._first_price = first_price
        self._by_address: dict[Address, FeedOracle] = {}
        self.feeds: dict[str, FeedOracle] = {}

    def deploy(self, genesis: Genesis) -> None:
        """Deploy push feed, guard and delay of each asset, with a first answer, or attach to those that are there."""
        for asset, settings in self.settings.items():
            genesis.scope = f"{self.id}/{asset}"
            feed = self._attach_feed(genesis, asset) if genesis.has() else self._deploy_feed(genesis, asset, settings)
            self.feeds[asset] = feed
            for contract in (feed.push, feed.guard, feed.delayed):
                if contract is not None:
                    self._by_address[contract.address] = feed
            genesis.feeds[asset] = Feed(feed.consumer.address, feed)

    def attach(self, genesis: Genesis) -> None:
        """See `Protocol.attach`; each asset is looked at by itself."""
        self.deploy(genesis)

    def _deploy_feed(self, genesis: Genesis, asset: str, settings: Any) -> FeedOracle:
        reporter = genesis.account(f"reporter/{asset}").address
        push = genesis.deploy("PushFeed", genesis.deployer, reporter, _DECIMALS, f"{asset} / USD")
        price = self._first_price[asset]
        genesis.call(push, "report", to_fixed(price, _ONE), sender=reporter)
        source, guard, delayed = push, None, None
        bounds = (settings.min_price, settings.max_price, settings.max_jump)
        if settings.max_age_seconds or any(bounds):
            limits = (settings.max_age_seconds, *(to_wad(bound) for bound in bounds))
            genesis.flush()
            source = guard = genesis.deploy("GuardedFeed", push.address, *limits)
        if settings.delay_seconds:
            genesis.flush()
            delayed = genesis.deploy("DelayedFeed", source.address, settings.delay_seconds, libraries=[source.abi])
        feed = FeedOracle(genesis.chain, asset, push, guard, delayed)
        feed.set_delay(settings.delay_seconds)
        feed.price, feed.price_time = price, genesis.now
        feed.on_queued(genesis.now)
        return feed

    def _attach_feed(self, genesis: Genesis, asset: str) -> FeedOracle:
        reporter = genesis.account(f"reporter/{asset}").address
        push = genesis.find("PushFeed")
        guard = genesis.find("GuardedFeed") if genesis.has("GuardedFeed") else None
        delayed = genesis.find("DelayedFeed", [(guard or push).abi]) if genesis.has("DelayedFeed") else None
        if not genesis.ask(push, "isReporter", reporter):
            genesis.call(push, "setReporter", reporter, True, sender=Address(genesis.ask(push, "owner")))
        # What was reported before the fork is old, and the scenario's market begins where it says.
        genesis.call(push, "report", to_fixed(self._first_price[asset], _ONE), sender=reporter)
        genesis.flush()
        feed = FeedOracle(genesis.chain, asset, push, guard, delayed)
        # Of a feed that does not refuse: a guard may find the last answer too old.
        price, feed.price_time = genesis.ask(delayed or push, "price")
        feed.price = from_wad(price)
        if delayed is not None:
            delay = genesis.ask(delayed, "delay")
            feed.set_delay(delay)
            feed.on_queued(genesis.ask(delayed, "nextPokeAt") - delay)
        return feed

    def capabilities(self) -> Sequence[Capability]:
        """One Oracle an asset."""
        return list(self.feeds.values())

    def events(self) -> Mapping[Address, Abi]:
        """Of push and delayed feeds."""
        contracts = [c for feed in self.feeds.values() for c in (feed.push, feed.delayed) if c is not None]
        return {contract.address: contract.abi for contract in contracts}

    def on_event(self, event: DecodedEvent, now: int) -> Iterable[Notice]:
        """A new price for consumers is a `price` notice."""
        feed = self._by_address[event.address]
        if event.name == "PriceQueued":
            feed.on_queued(event.args["time"])
            return ()
        if event.name == "AnswerUpdated":
            if not feed.on_answer(event.log):
                return ()
        elif event.name == "PriceAdopted":
            feed.on_adopted(event.args["price"], event.args["time"])
        else:
            return ()
        return (Notice("price", self.id, feed.asset, {"capability": feed.id, "price": feed.price}),)
