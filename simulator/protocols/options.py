"""Our option market with its surface, its settlement prices and its pool: one table, one market."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from simulator.chain.abi import Abi, DecodedEvent
from simulator.chain.artifacts import load_artifact
from simulator.chain.types import Address
from simulator.errors import ConfigError
from simulator.protocols.base import Call, Capability, Measure, Notice, Protocol, Sample
from simulator.protocols.feeds import FeedOracle
from simulator.protocols.genesis import Contract, Genesis
from simulator.protocols.option_capability import KINDS
from simulator.protocols.options_market import OptionVenue
from simulator.protocols.options_mirror import OptionContracts
from simulator.protocols.options_sample import sample_of
from simulator.protocols.options_settings import OptionSettings
from simulator.protocols.perps import moments
from simulator.units import from_wad, to_wad

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_CALLEES = (
    "OptionMarket",
    "VolSurface",
    "ExpiryPrice",
    "DownAndOutPut",
    "OptionMath",
    "PerpPool",
    "Dollar",
    "CollateralToken",
    "PushFeed",
    "GuardedFeed",
    "DelayedFeed",
    "SequencerGuard",
)


class OptionProtocol(Protocol):
    """One OptionMarket with VolSurface, ExpiryPrice, PerpPool and, where asked for, DownAndOutPut."""

    Settings: ClassVar[Any] = OptionSettings
    trades: ClassVar[bool] = True
    settings: OptionSettings

    # ------------------------------------------------------------------ set-up

    def deploy(self, genesis: Genesis) -> None:
        """See `Protocol.deploy`."""
        s = self.settings
        self._genesis, self._attached = genesis, False
        token, base, feed = genesis.token(s.margin_asset), genesis.token(s.asset), self._feed(genesis)
        callees = [load_artifact(name).abi for name in _CALLEES]
        owner, consumer = genesis.deployer, genesis.feeds[s.asset].consumer

        def make(name: str, *args: Any) -> Contract:
            return genesis.deploy(name, *args, libraries=callees)

        surface = make("VolSurface", owner, owner, consumer, self._surface())
        expiries = make("ExpiryPrice", owner, feed.push.address, self._expiry())
        terms = (self._quotes(), self._writing(), self._limits())
        market = make("OptionMarket", owner, token.address, base.address, surface.address, expiries.address, *terms)
        queue = (round(s.pool.delay_minutes * _MINUTE), round(s.pool.window_minutes * _MINUTE))
        pool = make("PerpPool", market.address, *queue)
        genesis.call(market, "setPool", pool.address)
        barrier = None
        if s.barrier.ratio:
            reported = round(s.barrier.report_minutes * _MINUTE)
            barrier = make("DownAndOutPut", feed.push.address, to_wad(s.barrier.ratio), reported)
            genesis.call(market, "setKind", KINDS.index("barrier"), barrier.address)
        genesis.flush()
        parts = OptionContracts(market, surface, expiries, pool, barrier)
        self.venue = OptionVenue(self.id, s.asset, s.margin_asset, parts, feed, genesis)

    def attach(self, genesis: Genesis) -> None:
        """See `Protocol.attach`. What its parameters are, the chain says."""
        s = self.settings
        self._genesis, self._attached = genesis, True
        callees = [load_artifact(name).abi for name in _CALLEES]
        names = ("OptionMarket", "VolSurface", "ExpiryPrice", "PerpPool")
        market, surface, expiries, pool = (genesis.find(name, callees) for name in names)
        barrier = genesis.find("DownAndOutPut", callees) if genesis.has("DownAndOutPut") else None
        for view, asset in (("marginToken", s.margin_asset), ("baseToken", s.asset)):
            if Address(genesis.ask(market, view)) != genesis.token(asset).address:
                raise ConfigError(
                    f"the market at {market.address} does not take {asset}",
                    where=self.id,
                    mend="set asset and margin_asset to what it takes",
                )
        parts = OptionContracts(market, surface, expiries, pool, barrier)
        self.venue = OptionVenue(self.id, s.asset, s.margin_asset, parts, self._feed(genesis), genesis)

    def _feed(self, genesis: Genesis) -> FeedOracle:
        """The feed whose rounds settle."""
        asset = self.settings.asset
        if asset not in genesis.feeds:
            raise ConfigError(f"no oracle for {asset}", where=self.id, mend=f"add [oracle.{asset}]")
        feed = genesis.feeds[asset].oracle
        if not isinstance(feed, FeedOracle) or feed.source != "push":
            raise ConfigError(
                f"options settle on rounds of a feed, and that of {asset} has none",
                where=f"oracle.{asset}.source",
                mend='set it to "push"',
            )
        return feed

    def seed(self, genesis: Genesis) -> None:
        """Fill the pool and the insurance fund, while nothing is listed."""
        if self._attached:
            return
        venue, s = self.venue, self.settings
        provider = genesis.account(f"{self.id}/provider").address
        liquidity, fund = self._money(s.pool.liquidity_usd), self._money(s.fund_usd)
        genesis.bring(self.id, venue.margin_asset, provider, liquidity, "pool.liquidity_usd")
        genesis.bring(self.id, venue.margin_asset, provider, fund, "fund_usd")
        genesis.approve(venue.margin_asset, provider, venue.pool_spender)
        genesis.approve(venue.margin_asset, provider, venue.spender)
        if liquidity:
            genesis.submit(venue.pool_deposit(provider, liquidity), provider, venue.parts.pool.abi)
        if fund:
            genesis.call(venue.parts.market, "donate", fund, sender=provider)
        genesis.flush()

    def ready(self, genesis: Genesis) -> None:
        """Report and list what agents have prepared, now that the feed is fresh."""
        genesis.flush()
        self.venue.now = genesis.now
        self.venue.begin(genesis)
        genesis.flush()

    # --------------------------------------------------------------- parameters

    def _money(self, usd: float) -> int:
        """[margin wad] for dollars at the start's prices."""
        return to_wad(usd / self._genesis.price(self.settings.margin_asset))

    def _surface(self) -> tuple[int, ...]:
        s = self.settings.surface
        volatility = (to_wad(s.min_volatility), to_wad(s.max_volatility), to_wad(s.max_move))
        cooldown = round(s.cooldown_minutes * _MINUTE)
        return (round(s.max_age_minutes * _MINUTE), *volatility, cooldown, to_wad(s.max_rate))

    def _expiry(self) -> tuple[int, ...]:
        s = self.settings.expiry
        waits = (s.max_age_minutes * _MINUTE, s.grace_hours * _HOUR, s.owner_hours * _HOUR)
        return (*(round(seconds) for seconds in waits), to_wad(s.bound))

    def _quotes(self) -> tuple[int, ...]:
        q = self.settings.quotes
        depth = to_wad(q.depth_usd / self._genesis.price(self.settings.asset))
        rest = (q.max_shift, q.trade_fee, q.fee_cap, q.fund_share)
        return (to_wad(q.volatility_spread), depth, *map(to_wad, rest))

    def _writing(self) -> tuple[int, ...]:
        w = self.settings.writing
        return tuple(map(to_wad, (w.initial, w.minimum, w.maintenance, w.liquidation_fee, w.liquidator_share)))

    def _limits(self) -> tuple[int, ...]:
        s = self.settings.limits
        times = (round(s.cutoff_minutes * _MINUTE), round(s.longest_days * _DAY))
        return (to_wad(s.min_size), to_wad(s.capital_ratio), *times, to_wad(s.base_discount))

    # ---------------------------------------------------------------- the storm

    def capabilities(self) -> Sequence[Capability]:
        """See `Protocol.capabilities`."""
        return [self.venue]

    def events(self) -> Mapping[Address, Abi]:
        """See `Protocol.events`."""
        return {contract.address: contract.abi for contract in self.venue.parts.all}

    def follows(self) -> Iterable[Address]:
        """The feed whose rounds settle."""
        return (self.venue.rounds.push.address,)

    def on_event(self, event: DecodedEvent, now: int) -> Iterable[Notice]:
        """Mirror an event of the contracts or a round of the feed."""
        return self.venue.on_event(event, now)

    def advance(self, now: int, price: Callable[[str], float]) -> Iterable[Notice]:
        """Who has fallen below maintenance margin."""
        del price  # margins go by the feed
        return self.venue.advance(now)

    def governance(self) -> Sequence[tuple[float, Call]]:
        """Pauses as they begin and end."""
        spans = self.settings.pauses
        calls = []
        for moment in moments(span.span for span in spans):
            now = [pause for pause in spans if pause.span[0] <= moment < pause.span[1]]
            switches = [any(getattr(pause, what) for pause in now) for what in ("trading", "withdrawals")]
            calls.append((moment, self.venue.set_pause(*switches)))
        return calls

    def books(self, price: Callable[[str], float]) -> Iterable[Measure]:
        """Accounts, collateral, pool and fund against the tokens held."""
        venue, asset = self.venue, self.venue.margin_asset
        held = int(self._genesis.token(asset).read(self._genesis.chain, "balanceOf", venue.spender))
        yield Measure(venue.id, "books_gap_usd", from_wad(max(0, venue.owed() - held)) * price(asset))
        base = int(self._genesis.token(venue.asset).read(self._genesis.chain, "balanceOf", venue.spender))
        gap = from_wad(max(0, venue.base_owed() - base)) * price(venue.asset)
        yield Measure(f"{venue.id}/base", "books_gap_usd", gap)

    def sample(self, now: int, price: Callable[[str], float]) -> Sample:
        """See `sample_of`."""
        return sample_of(self.venue, now, price)
