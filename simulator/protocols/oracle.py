"""The oracle contracts of a world: every asset's feed is deployed or found, and its events mirrored."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isclose
from typing import Any

from simulator.chain.abi import Abi, DecodedEvent
from simulator.chain.artifacts import load_artifact
from simulator.chain.base import Chain
from simulator.chain.types import ZERO_ADDRESS, Address
from simulator.errors import ConfigError
from simulator.protocols.base import Capability, Notice, Protocol
from simulator.protocols.feeds import PRICE_DECIMALS, RATE_DECIMALS, FeedOracle
from simulator.protocols.genesis import Contract, Feed, Genesis
from simulator.units import from_wad, to_fixed, to_wad


def warm_up(settings: Mapping[str, Any], chain: Chain, attached: Mapping[str, Address]) -> int:
    """How long before the start feeds must be at work [s], by a scenario's settings and what a fork has already."""
    longest = max(map(_warm_up, settings.values()), default=0)
    for key, address in attached.items():
        name = key.rpartition("/")[2]
        view = {"DelayedFeed": "delay", "TwapFeed": "window"}.get(name)
        if view is not None and chain.code(address):
            longest = max(longest, Contract(name, address, load_artifact(name).abi).read(chain, view))
    return longest


def _warm_up(settings: Any) -> int:
    window = settings.window_seconds if settings.source == "twap" else 0
    return int(settings.delay_seconds + window)


class OracleProtocol(Protocol):
    """Every feed of a scenario's `[oracle.<ASSET>]` tables."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        first_price: Mapping[str, float],
        first_rate: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__("oracle", settings)
        self._first_price = first_price
        self._first_rate = first_rate or {}
        self._by_address: dict[Address, FeedOracle] = {}
        self._followers: dict[str, list[FeedOracle]] = {}  # by the asset whose price theirs is made of
        self.feeds: dict[str, FeedOracle] = {}

    def deploy(self, genesis: Genesis) -> None:
        """Deploy each asset's feed with a first answer, or attach to the one that is there."""
        for asset in self._in_order():
            genesis.scope = f"{self.id}/{asset}"
            settings = self.settings[asset]
            feed = self._attach(genesis, asset, settings) if genesis.has() else self._make(genesis, asset, settings)
            self.feeds[asset] = feed
            if feed.underlying:
                self._followers.setdefault(feed.underlying, []).append(feed)
            self._listen_to(feed)
            genesis.feeds[asset] = Feed(feed.consumer.address, feed)

    def attach(self, genesis: Genesis) -> None:
        """See `Protocol.attach`; each asset is looked at by itself."""
        self.deploy(genesis)

    def seed(self, genesis: Genesis) -> None:
        """Make the means of pools, which are there by now though they may be empty."""
        for asset, feed in self.feeds.items():
            if feed.source == "twap" and feed.twap is None:
                genesis.scope = f"{self.id}/{asset}"
                self._make_twap(genesis, feed, self.settings[asset])

    def ready(self, genesis: Genesis) -> None:
        """Switch from the first reports to the means, whose windows are covered by now."""
        for feed in self.feeds.values():
            if feed.switch is None or feed.twap is None:
                continue
            if Address(genesis.ask(feed.switch, "source")) != feed.twap.address:
                owner = Address(genesis.ask(feed.switch, "owner"))
                genesis.call(feed.switch, "setSource", feed.twap.address, sender=owner)

    def _in_order(self) -> list[str]:
        """The assets, each behind the one that its price is made of."""
        ordered: list[str] = []
        waiting = list(self.settings)
        while waiting:
            of = {asset: s.underlying if (s := self.settings[asset]).source == "rate" else "" for asset in waiting}
            free = [asset for asset in waiting if of[asset] not in waiting]
            if not free:
                raise ConfigError(
                    f"the price of {waiting[0]} is made of itself", where="oracle", mend="name another underlying"
                )
            ordered += free
            waiting = [asset for asset in waiting if asset not in free]
        return ordered

    def _listen_to(self, feed: FeedOracle) -> None:
        for contract in feed.contracts:
            self._by_address[contract.address] = feed

    # ------------------------------------------------------------------- deployed

    def _make(self, genesis: Genesis, asset: str, settings: Any) -> FeedOracle:
        reporter = genesis.account(f"reporter/{asset}").address
        if settings.source == "rate":
            push, rate = self._make_rate(genesis, asset, settings, reporter)
            parts: dict[str, Contract] = {"rate": rate}
        else:
            push = genesis.deploy("PushFeed", genesis.deployer, reporter, PRICE_DECIMALS, f"{asset} / USD")
            genesis.call(push, "report", to_fixed(self._first_price[asset], 10**PRICE_DECIMALS), sender=reporter)
            genesis.flush()
            parts = _make_front(genesis, push, settings)
        front = next(iter(parts.values()), push)
        if settings.delay_seconds:
            made = genesis.deploy("DelayedFeed", front.address, settings.delay_seconds, libraries=[front.abi])
            front = parts["delayed"] = made
        if settings.sequencer_grace_seconds:
            watch = genesis.account(f"uptime/{asset}").address
            parts |= _make_sequencer(genesis, front, settings.sequencer_grace_seconds, watch)
        feed = FeedOracle(genesis.chain, asset, push, **parts)
        feed.underlying = settings.underlying if settings.source == "rate" else ""
        if not settings.delay_seconds:  # what is queued was judged when it was queued
            feed.max_age = settings.max_age_seconds
            feed.max_jump = settings.max_jump if settings.source == "push" else 0.0
        feed.price, feed.price_time = self._first_price[asset], genesis.now
        feed.set_pokes(settings.delay_seconds, genesis.now + settings.delay_seconds)
        _begin_at_source(genesis, feed)
        return feed

    def _make_rate(self, genesis: Genesis, asset: str, settings: Any, reporter: Address) -> tuple[Contract, Contract]:
        under = genesis.feeds.get(settings.underlying)
        if under is None:
            raise ConfigError(
                f"no oracle for {settings.underlying}",
                where=f"oracle.{asset}.underlying",
                mend=f"add [oracle.{settings.underlying}]",
            )
        name = f"{asset} / {settings.underlying}"
        push = genesis.deploy("PushFeed", genesis.deployer, reporter, RATE_DECIMALS, name)
        genesis.call(push, "report", to_fixed(self._first_rate[asset], 10**RATE_DECIMALS), sender=reporter)
        genesis.flush()
        limits = (to_wad(settings.max_growth), settings.max_age_seconds)
        guard = load_artifact("GuardedFeed").abi
        return push, genesis.deploy("RateFeed", under.consumer, push.address, *limits, libraries=[guard])

    def _make_twap(self, genesis: Genesis, feed: FeedOracle, settings: Any) -> None:
        key = f"oracle.{feed.asset}.pool"
        pools = [p.contract for p in genesis.placed if (p.scope, p.contract.name) == (settings.pool, _POOL)]
        if not pools:
            raise ConfigError(f"{settings.pool} is no pool of ours", where=key, mend=f"name a table with {_PLUG_IN}")
        base, tokens = genesis.token(feed.asset).address, _tokens_of(genesis, pools[0])
        if base not in tokens:
            raise ConfigError(f"{settings.pool} does not trade {feed.asset}", where=key, mend="name another pool")
        quote = _symbol_of(genesis, next(token for token in tokens if token != base))
        quoted = genesis.feeds[quote].consumer if quote in genesis.feeds else ZERO_ADDRESS
        terms = (settings.window_seconds, settings.observations, settings.max_age_seconds)
        twap = genesis.deploy("TwapFeed", pools[0].address, base, quoted, *terms)
        self._keep_twap(genesis, feed, twap, quote if quoted != ZERO_ADDRESS else "")

    def _keep_twap(self, genesis: Genesis, feed: FeedOracle, twap: Contract, quote: str) -> None:
        feed.twap = twap
        feed.set_pokes(genesis.ask(twap, "spacing"), genesis.ask(twap, "nextPokeAt"))
        if quote:
            self._followers.setdefault(quote, []).append(feed)
        self._listen_to(feed)

    # -------------------------------------------------------------------- attached

    def _attach(self, genesis: Genesis, asset: str, settings: Any) -> FeedOracle:
        guard = [load_artifact("GuardedFeed").abi]
        parts = {key: genesis.find(name, guard) for key, name in _PARTS.items() if genesis.has(name)}
        push = genesis.find("PushFeed")
        twap = parts.pop("twap", None)
        feed = FeedOracle(genesis.chain, asset, push, **parts)
        if feed.source == "twap" and twap is None:
            raise ConfigError(
                f"{feed.id}/FeedSwitch without its TwapFeed", where="chain.fork", mend=f"attach {feed.id}/TwapFeed"
            )
        _refuse_others(genesis, feed, twap, settings)
        if feed.source == "rate":
            feed.underlying = self._underlying_of(genesis, feed)
        if feed.source == "twap" and twap is not None:
            self._attach_twap(genesis, feed, twap)
        if feed.delayed is not None:
            feed.set_pokes(genesis.ask(feed.delayed, "delay"), genesis.ask(feed.delayed, "nextPokeAt"))
        self._attach_reporter(genesis, feed)
        feed.price = self._first_price[asset]
        _begin_at_source(genesis, feed)
        return feed

    def _attach_twap(self, genesis: Genesis, feed: FeedOracle, twap: Contract) -> None:
        quoted = Address(genesis.ask(twap, "quoteFeed"))
        quote = next((asset for asset, known in genesis.feeds.items() if known.consumer == quoted), "")
        if quoted != ZERO_ADDRESS and not quote:
            raise ConfigError(
                f"the quote of {feed.id}/TwapFeed is priced by {quoted}, which is not attached",
                where="chain.fork",
                mend="attach the feed of that asset, in a table of its own before this one",
            )
        self._keep_twap(genesis, feed, twap, quote)

    def _underlying_of(self, genesis: Genesis, feed: FeedOracle) -> str:
        assert feed.rate is not None
        there = Address(genesis.ask(feed.rate, "underlying"))
        for asset, known in genesis.feeds.items():
            if known.consumer == there:
                return asset
        raise ConfigError(
            f"{feed.id}/RateFeed is on {there}, which is not attached",
            where="chain.fork",
            mend=f"attach the feed of its underlying, and name it in oracle.{feed.asset}.underlying",
        )

    def _attach_reporter(self, genesis: Genesis, feed: FeedOracle) -> None:
        """Let our reporter report, and begin with what the market shows: what was reported before the fork is old."""
        reporter = genesis.account(f"reporter/{feed.asset}").address
        watch = genesis.account(f"uptime/{feed.asset}").address
        if feed.uptime is not None and Address(genesis.ask(feed.uptime, "reporter")) != watch:
            genesis.call(feed.uptime, "setReporter", watch, sender=Address(genesis.ask(feed.uptime, "owner")))
        if not genesis.ask(feed.push, "isReporter", reporter):
            genesis.call(feed.push, "setReporter", reporter, True, sender=Address(genesis.ask(feed.push, "owner")))
        if feed.source != "twap":
            first = (self._first_rate if feed.source == "rate" else self._first_price)[feed.asset]
            genesis.submit(feed.report(first), reporter)
        genesis.flush()

    # -------------------------------------------------------------------- mirrored

    def capabilities(self) -> Sequence[Capability]:
        """One Oracle an asset."""
        return list(self.feeds.values())

    def events(self) -> Mapping[Address, Abi]:
        """Of everything that speaks of prices."""
        return {contract.address: contract.abi for feed in self.feeds.values() for contract in feed.contracts}

    def on_event(self, event: DecodedEvent, now: int) -> Iterable[Notice]:
        """A new price for consumers is a `price` notice."""
        feed = self._by_address[event.address]
        feed.ask_again()
        match event.name:
            case "AnswerUpdated":
                moved = feed.on_answer(event.log)
            case "PriceAdopted":
                feed.on_adopted(event.args["price"], event.args["time"])
                moved = True
            case "MeanUpdated" | "SourceSet" | "SnapshotSet" | "MaxGrowthSet":
                moved = feed.follow()
            case "PriceQueued" | "Observed":
                feed.on_poked(event.args["time"])
                return ()
            case _:
                return ()
        return self._told(feed) if moved else ()

    def _told(self, feed: FeedOracle) -> Iterator[Notice]:
        yield Notice("price", self.id, feed.asset, {"capability": feed.id, "price": feed.price})
        for follower in self._followers.get(feed.asset, ()):
            if follower.follow():
                yield from self._told(follower)


# ------------------------------------------------------------------------ parts

_POOL = "ConstantProductPool"
_PLUG_IN = 'protocol = "pool"'
_PARTS = {  # of a feed that is there already
    "guard": "GuardedFeed",
    "delayed": "DelayedFeed",
    "switch": "FeedSwitch",
    "twap": "TwapFeed",
    "rate": "RateFeed",
    "uptime": "UptimeFeed",
    "sequencer": "SequencerGuard",
}


def _make_front(genesis: Genesis, push: Contract, settings: Any) -> dict[str, Contract]:
    """What stands before the reporter's feed: a switch to a mean, a guard, or nothing."""
    if settings.source == "twap":
        return {"switch": genesis.deploy("FeedSwitch", push.address, libraries=[load_artifact("TwapFeed").abi])}
    bounds = (settings.min_price, settings.max_price, settings.max_jump)
    if not settings.max_age_seconds and not any(bounds):
        return {}
    limits = (settings.max_age_seconds, *(to_wad(bound) for bound in bounds))
    return {"guard": genesis.deploy("GuardedFeed", push.address, *limits)}


def _make_sequencer(genesis: Genesis, front: Contract, grace: int, reporter: Address) -> dict[str, Contract]:
    """A sequencer that has been up for longer than its grace, and the guard that watches it."""
    uptime = genesis.deploy("UptimeFeed", reporter, genesis.now - grace - 1)
    guard = genesis.deploy("SequencerGuard", front.address, uptime.address, grace, libraries=[front.abi])
    return {"uptime": uptime, "sequencer": guard}


def _begin_at_source(genesis: Genesis, feed: FeedOracle) -> None:
    """The price in force, of a feed that does not refuse: a guard may find the last answer too old."""
    genesis.flush()
    reader = feed.delayed or (feed.front if feed.guard is None else feed.push)
    answer = genesis.try_read(reader, "lastPrice")
    if answer is not None:
        feed.price, feed.price_time = from_wad(answer[0]), answer[1]


def _tokens_of(genesis: Genesis, pool: Contract) -> list[Address]:
    return [Address(genesis.ask(pool, name)) for name in ("token0", "token1")]


def _symbol_of(genesis: Genesis, token: Address) -> str:
    """The market symbol of a token."""
    return next(asset for asset, contract in genesis.tokens.items() if contract.address == token)


def _refuse_others(genesis: Genesis, feed: FeedOracle, twap: Contract | None, settings: Any) -> None:
    """What a feed's parameters are, the chain says. Raises ConfigError for a setting that says else."""
    if settings.source != feed.source:
        raise ConfigError(
            f"source = {settings.source}, but {feed.source} on chain",
            where=f"oracle.{feed.asset}",
            mend=f"set source to {feed.source}",
        )
    there: dict[str, Any] = {}

    def read(contract: Contract | None, key: str, view: str, one: int = 1) -> None:
        value = genesis.ask(contract, view) if contract is not None else 0
        there[key] = value / one if one > 1 else value

    aged = {"push": feed.guard, "twap": twap, "rate": feed.rate}[feed.source]
    read(aged, "max_age_seconds", "maxAge")
    for key, view in (("min_price", "minPrice"), ("max_price", "maxPrice"), ("max_jump", "maxJump")):
        read(feed.guard, key, view, 10**18)
    read(feed.delayed, "delay_seconds", "delay")
    read(feed.sequencer, "sequencer_grace_seconds", "grace")
    if twap is not None:
        read(twap, "window_seconds", "window")
        read(twap, "observations", "capacity")
    if feed.rate is not None:
        read(feed.rate, "max_growth", "maxGrowth", 10**18)
    for key in sorted(settings.model_fields_set & there.keys()):
        said = getattr(settings, key)
        if not isclose(said, there[key], rel_tol=1e-9):
            raise ConfigError(
                f"{key} = {said}, but {there[key]} on chain",
                where=f"oracle.{feed.asset}",
                mend="leave it out: what is on chain holds",
            )
