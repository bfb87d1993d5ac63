"""Keepers of an option market: the venue's own, who list, lock, freeze, settle, liquidate and watch barriers."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from pydantic import Field

from simulator.agents.base import Agent, AgentSettings, Desk, Fate, Life, newest
from simulator.agents.borrower import choose
from simulator.protocols.base import Call
from simulator.protocols.genesis import Genesis
from simulator.protocols.option_capability import OptionKind, Options, series_id
from simulator.settings import COUNT, HOURS, SECONDS, SHARE, USD
from simulator.units import from_wad, to_wad

_MOST_SERIES = 64  # that a market takes
_RETRY_SECONDS = 60.0
_STEPS = (1.0, 2.5, 5.0, 10.0)  # between strikes, times a power of ten
_DUST = 10**12  # [base wad]


class OptionKeeperSettings(AgentSettings):
    """What is listed, and how fast a keeper is."""

    market: str = Field("", description="id of the option market, as in options/ETH; empty: the only one")
    tenors_hours: tuple[float, ...] = Field(
        (24.0, 168.0), description="expiries are at multiples of each, from the start", json_schema_extra=HOURS
    )
    ahead: int = Field(2, ge=1, le=10, description="expiries of a tenor that are listed", json_schema_extra=COUNT)
    moneyness: tuple[float, ...] = Field(
        (0.8, 0.9, 1.0, 1.1, 1.2), description="strikes over the price when they are listed, rounded"
    )
    kinds: tuple[OptionKind, ...] = Field(("call", "put"), description="what is listed: call, put, barrier")
    relist_move: float = Field(
        0.1, gt=0, le=10, description="move of the price after which strikes are listed anew", json_schema_extra=SHARE
    )
    reaction_seconds: float = Field(
        12.0, ge=0, description="time from an expiry or an unsafe position to acting on it", json_schema_extra=SECONDS
    )
    liquidates: bool = Field(True, description="whether it buys back unsafe positions too")
    capital_usd: float = Field(
        100_000.0, ge=0, description="money in the market for base that the pool sells", json_schema_extra=USD
    )


class OptionKeeper(Agent):
    """One process for each task. The gas it pays whatever it costs."""

    Settings: ClassVar[Any] = OptionKeeperSettings
    requires: ClassVar[Any] = (Options,)

    def __init__(self, desk: Desk, settings: OptionKeeperSettings) -> None:
        super().__init__(desk, settings)
        self._options: Options = choose(desk.capabilities(Options), settings.market, desk.agent)
        self._step = strike_step(desk.market.price(self._options.asset))

    # ----------------------------------------------------------------- listing

    def prepare(self, genesis: Genesis) -> None:
        """Be appointed, list the first series, and bring money."""
        options, owner = self._options, self.desk.address
        options.appoint(genesis, "lister", owner)
        wanted = self._wanted(genesis.start, genesis.price(options.asset))
        options.open_with(owner, [self._listing(*one) for one in list(wanted)[: self._room()]])
        amount = to_wad(self.settings.capital_usd / genesis.price(options.margin_asset))
        genesis.bring(self.desk.agent, options.margin_asset, owner, amount, "capital_usd")
        genesis.approve(options.margin_asset, owner, options.spender)
        if amount:
            genesis.submit(options.deposit(owner, amount), owner)

    def _listing(self, expiry: int, strike: float, kind: OptionKind) -> Call:
        return self._options.list_series(expiry, strike, kind)

    def _expiries(self, now: int) -> list[int]:
        """Those that ought to be listed, the nearest first."""
        start, found = now - int(self.desk.elapsed), set()
        for hours in self.settings.tenors_hours:
            tenor = round(hours * 3600)
            first = (now + self._options.cutoff - start) // tenor + 1
            found |= {start + (first + number) * tenor for number in range(self.settings.ahead)}
        return sorted(expiry for expiry in found if expiry <= now + self._options.longest_time)

    def _wanted(self, now: int, price: float) -> Iterator[tuple[int, float, OptionKind]]:
        """Series that are not listed, the nearest expiry first."""
        strikes = sorted({round(price * share / self._step) * self._step for share in self.settings.moneyness})
        for expiry in self._expiries(now):
            for strike in strikes:
                for kind in self.settings.kinds:
                    if strike > 0 and series_id(expiry, to_wad(strike), kind) not in self._options.series:
                        yield expiry, strike, kind

    def _room(self) -> int:
        """Series that the market still takes."""
        return max(0, _MOST_SERIES - len(self._options.series))

    def _list(self) -> Life:
        """List what is wanted; what there was no room for follows when expired series are gone."""
        desk, asset = self.desk, self._options.asset
        inbox = desk.inbox("series")
        centre, waits_for_room = desk.market.price(asset), False
        while True:
            low, high = centre * (1 - self.settings.relist_move), centre * (1 + self.settings.relist_move)
            chance = inbox.get()
            clocks = [*desk.outside(asset, low, high), desk.sleep(self._until_listing())]
            yield desk.first_of([*clocks, chance] if waits_for_room else clocks)
            if not chance.triggered:
                chance.cancel()
            newest(inbox)
            price = desk.market.price(asset)
            moved = not low < price < high
            centre = price if moved else centre
            has_expiry = {series.expiry for series in self._options.series.values()}
            anywhere = moved or waits_for_room
            wanted = [one for one in self._wanted(desk.now, price) if anywhere or one[0] not in has_expiry]
            # From the money outwards: where room is short every expiry has what is nearest to it.
            wanted.sort(key=lambda one: abs(one[1] - price))
            room = self._room()
            waits_for_room = len(wanted) > room
            for listing in wanted[:room]:
                yield from self._try(self._listing(*listing), waits=False)
            yield desk.sleep(desk.block_seconds)

    def _until_listing(self) -> float:
        """Time to the next moment at which a tenor's window moves on [s]."""
        elapsed, cutoff = self.desk.elapsed, self._options.cutoff
        tenors = [round(hours * 3600) for hours in self.settings.tenors_hours]
        return min((tenor - (elapsed + cutoff) % tenor for tenor in tenors), default=math.inf) + 1

    # ---------------------------------------------------------------- the storm

    def life(self) -> Life:
        """One process a task."""
        desk = self.desk
        tasks = [self._list(), self._expire(), self._buy_base(), self._watch()]
        if self.settings.liquidates:
            tasks.append(self._liquidate())
        for task in tasks:
            desk.process(task)
        yield desk.sleep(0)

    def _try(self, call: Call, *, waits: bool = True) -> Life:
        """Send what would work and nobody else is doing; whether it was sent and done."""
        desk = self.desk
        if desk.is_contested(call) or not desk.would_work(call):
            return False
        if not waits:
            desk.post(call)
            return True
        return (yield desk.send(call)).ok

    def _expire(self) -> Life:
        """Begin to close each expiry as it comes."""
        desk, options = self.desk, self._options
        inbox = desk.inbox("series")
        begun: set[int] = set()
        while True:
            coming = sorted({series.expiry for series in options.series.values()} - begun)
            chance = inbox.get()
            clocks = [desk.sleep(max(0, coming[0] - desk.now) + self.settings.reaction_seconds)] if coming else []
            yield desk.first_of([chance, *clocks])
            if not chance.triggered:
                chance.cancel()
            newest(inbox)
            for expiry in coming:
                if desk.now >= expiry + self.settings.reaction_seconds:
                    begun.add(expiry)
                    desk.process(self._close(expiry))

    def _close(self, expiry: int) -> Life:
        """Lock, freeze and settle one expiry, and stay until nothing of it is left."""
        desk, options = self.desk, self._options
        while any(series.expiry == expiry for series in options.series.values()):
            yield from self._close_further(expiry)
            yield desk.sleep(max(_RETRY_SECONDS, desk.block_seconds))

    def _close_further(self, expiry: int) -> Life:
        options = self._options
        if expiry not in options.locked:
            number = options.round_at(expiry)
            if number is None or not (yield from self._try(options.lock(expiry, number))):
                return
        open_ones = [series for series in options.series.values() if series.expiry == expiry]
        if any(series.payoff is None for series in open_ones):
            yield from self._try(options.freeze(expiry))
        for side in (-1, 1):  # longs are paid out of what shorts pay
            yield from self._settle(expiry, side)

    def _settle(self, expiry: int, side: int) -> Life:
        """Every position of a side, but for those of guarantors, who settle by themselves."""
        options = self._options
        frozen = {id for id, series in options.series.items() if series.expiry == expiry and series.payoff is not None}
        concerned = [
            (owner, id)
            for (owner, id), position in sorted(options.positions.items())
            if id in frozen and position.size * side > 0 and owner not in options.guarantors
        ]
        yield from self._all([options.settle(*place) for place in concerned])

    def _buy_base(self) -> Life:
        """Buy what base the pool was paid with, sell it, and bring the money back."""
        desk, options = self.desk, self._options
        inbox = desk.inbox("option_settled")
        while True:
            chance = inbox.get()
            yield desk.first_of([chance, desk.sleep(_RETRY_SECONDS)] if options.pool_base > _DUST else [chance])
            if not chance.triggered:
                chance.cancel()
            newest(inbox)
            price, money = options.base_price(), options.cash(desk.address)
            if options.pool_base <= _DUST or not price or money <= 0:
                continue
            amount = min(options.pool_base, to_wad(from_wad(money) / price * 0.99))
            if amount > _DUST and (yield from self._try(options.buy_base(amount, price * 1.01))):
                yield from self._sell(min(amount, desk.balance(options.asset)))

    def _sell(self, amount: int) -> Life:
        desk, options = self.desk, self._options
        brought = yield from desk.sell(options.asset, amount)
        money = yield from desk.buy(options.margin_asset, to_wad(brought / desk.market.price(options.margin_asset)))
        if money:
            yield desk.send(options.deposit(desk.address, money))

    def _liquidate(self) -> Life:
        """Buy back what is unsafe, again and again until nothing is."""
        desk, options = self.desk, self._options
        inbox = desk.inbox("unsafe")
        while True:
            chance = inbox.get()
            yield desk.first_of([chance, desk.sleep(_RETRY_SECONDS)] if options.unsafe() else [chance])
            if not chance.triggered:
                chance.cancel()
            newest(inbox)
            yield desk.sleep(self.settings.reaction_seconds)
            yield from self._all([options.liquidate(*place) for place in options.unsafe()])

    def _all(self, calls: Sequence[Call]) -> Life:
        """Send several at once and wait for all; what became of them."""
        desk = self.desk
        sent = [desk.send(call) for call in calls if not desk.is_contested(call) and desk.would_work(call)]
        fates: list[Fate] = []
        for event in sent:
            fates.append((yield event))  # noqa: PERF401
        return fates

    def _watch(self) -> Life:
        """Let rounds count for barriers, and show those that reach one."""
        desk, options = self.desk, self._options
        if not options.has_barrier:
            return
        inbox = desk.inbox("series", "price")
        while True:
            alive = [id for id, series in options.series.items() if series.kind == "barrier" and series.payoff is None]
            calls = [options.watch(id) or options.knock_out(id) for id in alive]
            yield from self._all([call for call in calls if call is not None])
            yield inbox.get()
            newest(inbox)


def strike_step(price: float) -> float:
    """The distance of strikes [usd]: at most a hundredth of the price, and a round number."""
    power = 10.0 ** math.floor(math.log10(price / 100))
    return max(step * power for step in _STEPS if step * power <= price / 100 * (1 + 1e-12))
