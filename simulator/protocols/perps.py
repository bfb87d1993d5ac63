"""Our perpetual market with its pool and its backstop: one table, one market."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from simulator.chain.abi import Abi, DecodedEvent
from simulator.chain.artifacts import load_artifact
from simulator.chain.types import Address
from simulator.errors import ConfigError
from simulator.protocols.base import Call, Capability, Measure, Notice, Protocol, Sample
from simulator.protocols.genesis import Genesis
from simulator.protocols.perps_funding import FundingRule
from simulator.protocols.perps_market import PerpVenue
from simulator.protocols.perps_sample import sample_of
from simulator.protocols.perps_settings import MODES, RULES, PerpSettings
from simulator.units import from_wad, to_wad

_HOUR = 3600
_CALLEES = (
    "Backstop",
    "PerpMarket",
    "PerpPool",
    "Dollar",
    "CollateralToken",
    "PushFeed",
    "GuardedFeed",
    "DelayedFeed",
    "TwapFeed",
    "RateFeed",
    "SequencerGuard",
)


class PerpProtocol(Protocol):
    """One PerpMarket, PerpPool and Backstop."""

    Settings: ClassVar[Any] = PerpSettings
    trades: ClassVar[int] = 1
    settings: PerpSettings

    # ------------------------------------------------------------------ set-up

    def deploy(self, genesis: Genesis) -> None:
        """See `Protocol.deploy`. Funding and the delay of orders begin with the storm: see `ready`."""
        s = self.settings
        self._genesis = genesis
        self._attached = False
        token, feed = genesis.token(s.margin_symbol), self._feed(genesis)
        libraries = [load_artifact(name).abi for name in _CALLEES]
        market = genesis.deploy(
            "PerpMarket",
            token.address,
            feed,
            s.inverse,
            self._margin(),
            (to_wad(s.fees.trade), to_wad(s.fees.fund_share)),
            self._limits(),
            self._orders(0),
            (0, 0, _HOUR, _HOUR, 0, 0, 0),
            libraries=libraries,
        )
        began = genesis.now
        pool = genesis.deploy(
            "PerpPool",
            market.address,
            round(s.pool.delay_minutes * 60),
            round(s.pool.window_minutes * 60),
            libraries=libraries,
        )
        b = s.backstop
        rule = (
            RULES.index(b.rule),
            self._money(b.trigger_usd),
            self._money(b.floor_usd),
            round(b.patience_minutes * 60),
        )
        backstop = genesis.deploy("Backstop", market.address, *rule, libraries=libraries)
        genesis.call(market, "setSatellites", pool.address, backstop.address)
        genesis.flush()
        self.venue = PerpVenue(self.id, s.asset, s.margin_symbol, market, pool, backstop, genesis, began)

    def attach(self, genesis: Genesis) -> None:
        """See `Protocol.attach`. What its parameters are, the chain says."""
        s = self.settings
        self._genesis = genesis
        self._attached = True
        libraries = [load_artifact(name).abi for name in _CALLEES]
        market, pool, backstop = (genesis.find(name, libraries) for name in ("PerpMarket", "PerpPool", "Backstop"))
        if Address(genesis.ask(market, "marginToken")) != genesis.token(s.margin_symbol).address:
            raise ConfigError(
                f"the market at {market.address} does not take {s.margin_symbol}",
                where=self.id,
                mend="set margin_asset to what it takes",
            )
        self.venue = PerpVenue(self.id, s.asset, s.margin_symbol, market, pool, backstop, genesis, genesis.now)

    def seed(self, genesis: Genesis) -> None:
        """Fill the pool and the insurance fund."""
        if self._attached:
            return
        venue, s = self.venue, self.settings
        provider = genesis.account(f"{self.id}/provider").address
        liquidity, fund = self._money(s.pool.liquidity_usd), self._money(s.backstop.fund_usd)
        genesis.bring(self.id, venue.margin_asset, provider, liquidity, "pool.liquidity_usd")
        genesis.bring(self.id, venue.margin_asset, provider, fund, "backstop.fund_usd")
        genesis.approve(venue.margin_asset, provider, venue.pool_spender)
        genesis.approve(venue.margin_asset, provider, venue.spender)
        if liquidity:
            genesis.submit(venue.pool_deposit(provider, liquidity), provider, venue.pool.abi)
        if fund:
            genesis.call(venue.backstop, "donate", fund, sender=provider)
        genesis.flush()

    def ready(self, genesis: Genesis) -> None:
        """Begin funding and, where orders wait, their delay."""
        if self._attached:
            genesis.flush()
            self.venue.catch_up(genesis.now)
            return
        s, f = self.settings, self.settings.funding
        rule = FundingRule(
            MODES.index(f.mode),
            to_wad(f.max_daily),
            round(f.period_hours * _HOUR),
            max(1, round(f.interval_hours * _HOUR)),
            to_wad(f.interest),
            to_wad(f.clamp),
            to_wad(f.velocity),
        )
        genesis.call(self.venue.market, "setFunding", tuple(rule))
        if s.orders.delay_seconds:
            genesis.call(self.venue.market, "setOrders", self._orders(s.orders.delay_seconds))

    def _feed(self, genesis: Genesis) -> Address:
        asset = self.settings.asset
        if asset not in genesis.feeds:
            raise ConfigError(f"no oracle for {asset}", where=self.id, mend=f"add [oracle.{asset}]")
        return genesis.feeds[asset].consumer

    # --------------------------------------------------------------- parameters

    def _money(self, usd: float) -> int:
        """[margin wad] for dollars at the start's prices."""
        return to_wad(usd / self._genesis.price(self.settings.margin_symbol))

    def _size(self, usd: float) -> int:
        """[size wad] with that notional at the start's prices."""
        return to_wad(usd if self.settings.inverse else usd / self._genesis.price(self.settings.asset))

    def _margin(self) -> tuple[int, ...]:
        m = self.settings.margin
        shares = (m.initial, m.maintenance, m.liquidation_fee, m.liquidator_share)
        return (*map(to_wad, shares), self._money(m.whole_below_usd))

    def _limits(self) -> tuple[int, ...]:
        limits = self.settings.limits
        scale = self._size(limits.skew_scale_usd)
        open_interest = min(self._size(limits.open_interest_usd), scale // 2)
        return scale, open_interest, min(self._size(limits.skew_usd), open_interest), to_wad(limits.capital_ratio)

    def _orders(self, delay: int) -> tuple[int, int, int]:
        orders = self.settings.orders
        return delay, max(1, round(orders.lifetime_minutes * 60)), self._money(orders.tip_usd)

    # ---------------------------------------------------------------- the storm

    def capabilities(self) -> Sequence[Capability]:
        """See `Protocol.capabilities`."""
        return [self.venue]

    def events(self) -> Mapping[Address, Abi]:
        """See `Protocol.events`."""
        return {contract.address: contract.abi for contract in self.venue.contracts}

    def on_event(self, event: DecodedEvent, now: int) -> Iterable[Notice]:
        """Mirror an event of the three contracts."""
        return self.venue.on_event(event, now)

    def advance(self, now: int, price: Callable[[str], float]) -> Iterable[Notice]:
        """Who has fallen below maintenance margin, and whether the pool can still pay."""
        del price  # margins go by the feed
        return self.venue.advance(now)

    def governance(self) -> Sequence[tuple[float, Call]]:
        """Pauses and delays as they begin and end."""
        return [*self._pauses(), *self._delays()]

    def _pauses(self) -> Iterable[tuple[float, Call]]:
        spans = self.settings.pauses
        for moment in moments(span.span for span in spans):
            now = [pause for pause in spans if pause.span[0] <= moment < pause.span[1]]
            switches = [any(getattr(p, what) for p in now) for what in ("trading", "withdrawals", "liquidations")]
            yield moment, self.venue.set_pause(*switches)

    def _delays(self) -> Iterable[tuple[float, Call]]:
        spans = self.settings.delays
        for moment in moments(span.span for span in spans):
            now = [delay.delay_seconds for delay in spans if delay.span[0] <= moment < delay.span[1]]
            delay = now[-1] if now else self.settings.orders.delay_seconds
            yield moment, self.venue.set_orders(self._orders(delay))

    def books(self, price: Callable[[str], float]) -> Iterable[Measure]:
        """Margins, cash and fund against the tokens held and the shortfall."""
        venue = self.venue
        held = int(self._genesis.token(venue.margin_asset).read(self._genesis.chain, "balanceOf", venue.spender))
        yield Measure(venue.id, "books_gap_usd", from_wad(max(0, venue.owed() - held)) * price(venue.margin_asset))

    def sample(self, now: int, price: Callable[[str], float]) -> Sample:
        """See `sample_of`."""
        return sample_of(self.venue, now, price)


def moments(spans: Iterable[tuple[float, float]]) -> list[float]:
    """When any of the spans begins or ends, in order, each once."""
    edges = {edge for start, end in spans if start < end for edge in (start, end)}
    return sorted(edge for edge in edges if edge != float("inf"))
