"""An option market as its events tell it: series, positions, the pool's money, the surface and the feed's rounds."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import Any

from simulator.chain.abi import DecodedEvent
from simulator.chain.base import CallReverted
from simulator.chain.types import Address, Log
from simulator.protocols.base import Notice
from simulator.protocols.feeds import PRICE_DECIMALS, FeedOracle
from simulator.protocols.genesis import Contract, Genesis
from simulator.protocols.option_capability import KINDS, OptionPosition, Options, OptionSeries
from simulator.protocols.option_math import SurfaceState, decoded
from simulator.units import WAD, from_fixed, from_wad, to_wad

_STRIKE = 2**128 - 1


class OptionContracts:
    """What one market is made of."""

    def __init__(
        self, market: Contract, surface: Contract, expiries: Contract, pool: Contract, barrier: Contract | None
    ) -> None:
        self.market, self.surface, self.expiries, self.pool, self.barrier = market, surface, expiries, pool, barrier

    @property
    def all(self) -> list[Contract]:
        """Whose events are followed."""
        parts = (self.market, self.surface, self.expiries, self.pool, self.barrier)
        return [contract for contract in parts if contract is not None]


class Rounds:
    """When the rounds of a feed came, and what they said."""

    def __init__(self, push: Contract, genesis: Genesis) -> None:
        self.push = push
        self._one = 10**PRICE_DECIMALS
        self._first = int(push.read(genesis.chain, "latestRound"))
        answer = push.read(genesis.chain, "getRoundData", self._first)
        self._times, self._prices = [int(answer[3])], [int(answer[1])]

    def add(self, log: Log) -> None:
        """A round, as `AnswerUpdated` has it."""
        self._times.append(int.from_bytes(log.data, "big"))
        self._prices.append(int.from_bytes(log.topics[1], "big", signed=True))

    def last_at(self, time: int) -> int | None:
        """The number of the last round at or before a time [unix s]."""
        place = bisect_right(self._times, time)
        return self._first + place - 1 if place else None

    def lowest(self, since: int, until: int) -> tuple[int, float] | None:
        """Number and price [usd] of the lowest round between two times [unix s]; None where there is none."""
        first = bisect_right(self._times, since - 1)
        places = range(first, bisect_right(self._times, until))
        if not places:
            return None
        place = min(places, key=self._prices.__getitem__)
        return self._first + place, from_fixed(self._prices[place], self._one)


class OptionMirror(Options):
    """The part of `Options` that events keep."""

    def __init__(
        self, protocol: str, asset: str, margin_asset: str, parts: OptionContracts, feed: FeedOracle, genesis: Genesis
    ) -> None:
        self.id = f"{protocol}/{asset}"
        self.asset, self.margin_asset, self.parts = asset, margin_asset, parts
        self.token = genesis.token(margin_asset).address
        self.base_token = genesis.token(asset).address
        self.spender, self.pool_spender = parts.market.address, parts.pool.address
        self.oracle = feed
        self.has_barrier = parts.barrier is not None
        self.rounds = Rounds(feed.push, genesis)
        self.now = genesis.now
        self.surface = SurfaceState(())
        self.halted_until = 0
        self.series: dict[int, OptionSeries] = {}
        self.positions: dict[tuple[Address, int], OptionPosition] = {}
        self.guarantors: set[Address] = set()
        self.locked: dict[int, float] = {}
        self.pool_cash = self.pool_base = self.fund = 0
        self.accounts: dict[Address, None] = {}  # that may have money or base here, in order
        self.premiums: dict[Address, int] = {}
        self.payoffs: dict[Address, int] = {}
        self.unpaid = 0  # [margin wad] that longs lost at settlement
        self._watched: dict[int, int] = {}  # [unix s] since when rounds count, by series
        self._writers: set[tuple[Address, int]] = set()  # positions that are short
        self._before: OptionPosition | None = None  # the position that changed last, as it was
        self._net: dict[int, int] = {}  # [size wad] by strike, or by series with a barrier
        self._protocol, self._chain = protocol, genesis.chain
        self._unit = int(genesis.ask(parts.market, "marginUnit"))
        self._share_unit = 10 ** int(genesis.ask(parts.pool, "decimals"))
        self._read_rules()

    def _read(self, contract: Contract, function: str, *args: Any) -> Any:
        return contract.read(self._chain, function, *args)

    def _try(self, contract: Contract, function: str, *args: Any) -> Any:
        try:
            return contract.read(self._chain, function, *args)
        except CallReverted:
            return None

    def _read_rules(self) -> None:
        """Take over every parameter."""
        market = self.parts.market
        spread, depth, shift, fee, cap, _ = self._read(market, "quoteConfig")
        self.spread, self.depth, self.max_shift = from_wad(spread), from_wad(depth), from_wad(shift)
        self.trade_fee, self.fee_cap = from_wad(fee), from_wad(cap)
        ratios = [from_wad(value) for value in self._read(market, "marginConfig")]
        self._initial, self._minimum, self._maintenance, self.liquidation_fee, self.liquidator_share = ratios
        self.min_size, _, self.cutoff, self.longest_time, discount = self._read(market, "limitConfig")
        self._base_discount = from_wad(discount)
        self.max_age, lowest, highest, *_ = self._read(self.parts.surface, "rules")
        self._bounds = from_wad(lowest), from_wad(highest)
        self.surface = self.surface._replace(lowest=self._bounds[0], highest=self._bounds[1])
        self.paused = bool(self._read(market, "paused"))
        barrier = self.parts.barrier
        self._barrier_ratio = from_wad(self._read(barrier, "barrierRatio")) if barrier else 0.0

    def position_name(self, owner: Address, id: int) -> str:
        """See `Options.position_name`."""
        return f"{self.id}/{owner}/{series_of(id).name}"

    def inventory(self, id: int) -> int:
        """See `Options.inventory`."""
        return self._net.get(_key(id), 0)

    # ------------------------------------------------------------------ events

    def _about(self, kind: str, subject: str = "", **args: Any) -> Notice:
        return Notice(kind, self._protocol, subject or self.id, {"capability": self.id, **args})

    def on_event(self, event: DecodedEvent, now: int) -> Iterable[Notice]:
        """Mirror one event, and say what it means."""
        if event.name == "AnswerUpdated":
            self._forget()
            self.rounds.add(event.log)
            return ()
        handler = getattr(self, f"_on_{event.name}", None)
        if handler is None:
            return ()
        self.now = max(self.now, now)
        self._forget()
        for key in ("account", "liquidator"):
            if key in event.args:
                self.accounts[event.args[key]] = None
        return handler(event.args) or ()

    def _forget(self) -> None:
        """Something may have changed what was computed."""

    def _move(self, owner: Address, id: int, size: int, collateral: int, base: int) -> None:
        """A position as it is now."""
        place = (owner, id)
        before = self._before = self.positions.get(place)
        held = before.size if before else 0
        self._count(id, held, size)
        if size < 0:
            self._writers.add(place)
        else:
            self._writers.discard(place)
        if size:
            self.positions[place] = OptionPosition(owner, id, size, collateral, base)
        else:
            self.positions.pop(place, None)

    def _pay(self, book: dict[Address, int], owner: Address, amount: int) -> None:
        book[owner] = book.get(owner, 0) + amount

    def _count(self, id: int, before: int, then: int) -> None:
        series = self.series.get(id)
        if series is not None:
            series.longs += max(then, 0) - max(before, 0)
            series.shorts += max(-then, 0) - max(-before, 0)
        self._net[_key(id)] = self.inventory(id) + then - before

    # The handlers are named as the contracts name their events.

    def _on_SeriesListed(self, args: Mapping[str, Any]) -> Iterable[Notice]:  # noqa: N802
        listed = self.series[args["id"]] = series_of(args["id"])
        return (self._about("series", f"{self.id}/{listed.name}", series=listed.id, state="listed"),)

    def _on_SeriesDelisted(self, args: Mapping[str, Any]) -> Iterable[Notice]:  # noqa: N802
        gone = self.series.pop(args["id"], None) or series_of(args["id"])
        if not self._net.get(_key(gone.id)):
            self._net.pop(_key(gone.id), None)
        return (self._about("series", f"{self.id}/{gone.name}", series=gone.id, state="delisted"),)

    def _on_SeriesFrozen(self, args: Mapping[str, Any]) -> Iterable[Notice]:  # noqa: N802
        frozen = self.series[args["id"]]
        frozen.payoff = from_wad(args["payoff"])
        return (self._about("series", f"{self.id}/{frozen.name}", series=frozen.id, state="frozen"),)

    def _on_OptionTraded(self, args: Mapping[str, Any]) -> Iterable[Notice]:  # noqa: N802
        owner, id, size, price = args["account"], args["id"], args["sizeDelta"], args["price"]
        self._pay(self.premiums, owner, -(-size * price // WAD) + args["fee"])
        told = {"owner": owner, "series": id, "size": size, "price": price, "fee": args["fee"]}
        name = self.position_name(owner, id)
        return (self._about("option_trade", name, **told, factor=args["volatility"]),)

    def _on_PositionChanged(self, args: Mapping[str, Any]) -> None:  # noqa: N802
        self._move(args["account"], args["id"], args["size"], args["collateral"], args["base"])

    def _on_PositionLiquidated(self, args: Mapping[str, Any]) -> Iterable[Notice]:  # noqa: N802
        told = {key: args[key] for key in ("liquidator", "size", "cost", "deficit")}
        self._pay(self.premiums, args["account"], args["cost"] - args["deficit"])
        told["reward"] = self._reward(args["size"], args["cost"] - args["deficit"])
        name = self.position_name(args["account"], args["id"])
        return (self._about("option_liquidation", name, owner=args["account"], series=args["id"], **told),)

    def _reward(self, size: int, paid: int) -> int:
        """[margin wad] of whoever bought back so much of the position that changed last; the event has it not."""
        left = self._before.collateral - paid if self._before else 0
        fee = min(from_wad(size) * (self.oracle.usable_price(self.now) or 0.0) * self.liquidation_fee, from_wad(left))
        return to_wad(fee * self.liquidator_share)

    def _on_LossAbsorbed(self, args: Mapping[str, Any]) -> Iterable[Notice]:  # noqa: N802
        name = self.position_name(args["account"], args["id"])
        steps = (("fund", args["fromFund"]), ("pool", args["fromPool"]))
        return [self._about("waterfall", name, step=step, amount=amount) for step, amount in steps if amount]

    def _on_PositionSettled(self, args: Mapping[str, Any]) -> Iterable[Notice]:  # noqa: N802
        owner, id = args["account"], args["id"]
        self._move(owner, id, 0, 0, 0)
        self.pool_base += args["base"]
        given = args["base"] * to_wad(self.locked.get(id >> 136, 0.0)) // WAD
        self._pay(self.payoffs, owner, args["amount"] - given)
        told = {key: args[key] for key in ("size", "amount", "base", "unpaid")}
        notices = [self._about("option_settled", self.position_name(owner, id), owner=owner, series=id, **told)]
        if args["unpaid"] and args["size"] > 0:
            self.unpaid += args["unpaid"]
            notices.append(self._about("waterfall", notices[0].subject, step="longs", amount=args["unpaid"]))
        return notices

    def _on_FundChanged(self, args: Mapping[str, Any]) -> None:  # noqa: N802
        self.fund = args["fund"]

    def _on_PoolChanged(self, args: Mapping[str, Any]) -> None:  # noqa: N802
        self.pool_cash = args["poolCash"]

    def _on_BaseSold(self, args: Mapping[str, Any]) -> None:  # noqa: N802
        self.pool_base -= args["amount"]

    def _on_GuarantorSet(self, args: Mapping[str, Any]) -> None:  # noqa: N802
        known, _ = self._read(self.parts.market, "guaranteeOf", args["account"])
        (self.guarantors.add if known else self.guarantors.discard)(args["account"])

    def _on_ParametersSet(self, args: Mapping[str, Any]) -> Iterable[Notice]:  # noqa: N802
        self._read_rules()
        return (self._about("rules"),)

    _on_RulesSet = _on_PauseSet = _on_ParametersSet  # noqa: N815

    def _on_SurfaceReported(self, args: Mapping[str, Any]) -> Iterable[Notice]:  # noqa: N802
        slices = decoded(self._read(self.parts.surface, "surface"))
        rates = from_wad(args["rate"]), from_wad(args["carry"])
        self.surface = SurfaceState(slices, *rates, self.now, *self._bounds)
        return (self._about("surface"),)

    def _on_SurfaceHalted(self, args: Mapping[str, Any]) -> Iterable[Notice]:  # noqa: N802
        self.halted_until = args["until"]
        told = {key: args[key] for key in ("time", "previous", "volatility", "until")}
        return (self._about("surface_halt", **told),)

    def _on_ExpiryPriceLocked(self, args: Mapping[str, Any]) -> Iterable[Notice]:  # noqa: N802
        self.locked[args["expiry"]] = from_wad(args["price"])
        return (self._about("expiry_locked", expiry=args["expiry"], price=args["price"]),)

    def _on_Watched(self, args: Mapping[str, Any]) -> None:  # noqa: N802
        self._watched[args["id"]] = self.now

    def _on_KnockedOut(self, args: Mapping[str, Any]) -> Iterable[Notice]:  # noqa: N802
        series = self.series.get(args["id"])
        if series is None:
            return ()
        series.is_out = True
        return (self._about("series", f"{self.id}/{series.name}", series=series.id, state="out"),)


def series_of(id: int) -> OptionSeries:
    """The series of a number, as nobody holds it. Source: OptionId.sol."""
    return OptionSeries(id, id >> 136, from_wad(id >> 8 & _STRIKE), KINDS[min(id & 0xFF, 2)])


def _key(id: int) -> int:
    """What shares an inventory."""
    return id if id & 0xFF > 1 else id >> 8
