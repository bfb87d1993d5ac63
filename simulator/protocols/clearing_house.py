"""Our clearinghouse as agents see it: mirrored from its events, margins asked of the chain."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from simulator.chain.abi import DecodedEvent
from simulator.chain.base import CallReverted
from simulator.chain.types import Address
from simulator.protocols.base import Call, Notice
from simulator.protocols.clearing_fails import (
    BOOK_SETTLE_FAILS,
    BOOK_TRADE_FAILS,
    DEPOSIT_FAILS,
    END_FAILS,
    FUND_FAILS,
    START_FAILS,
    TAKE_FAILS,
    WITHDRAW_FAILS,
)
from simulator.protocols.clearing_venues import Venues
from simulator.protocols.clearing_views import Books, ClearingViews
from simulator.protocols.genesis import Contract, Genesis
from simulator.protocols.margin_capability import Leg, MarginAccount, Taking, TradePreview
from simulator.protocols.option_math import Greeks
from simulator.units import from_wad, to_wad

MODELS = ("standard", "portfolio")
_GAS, _LEG_GAS, _MOVED_LEG_GAS = 1_500_000, 150_000, 260_000  # to ask for, at most the second for each leg priced
_LONGEST_LOOK = 120  # [s] between two looks at margins, as premium, funding and time work on them too


class Parts(NamedTuple):
    """The contracts of a clearinghouse."""

    house: Contract
    models: Mapping[str, Contract]
    instruments: Mapping[str, Contract]
    confidence: Contract | None


class ClearingHouse(ClearingViews):
    """See `Margin`."""

    def __init__(self, protocol: str, settings: Any, parts: Parts, venues: Venues, genesis: Genesis) -> None:
        self.id = f"{protocol}/{settings.asset}"
        self.asset, self.margin_asset = settings.asset, settings.margin_asset
        self.parts, self.venues, self.house = parts, venues, parts.house
        self.token, self.spender = genesis.token(settings.margin_asset).address, parts.house.address
        self.oracle = genesis.feeds[settings.asset].oracle
        self.collaterals = tuple(settings.collateral)
        self.instruments = {name: contract.address for name, contract in parts.instruments.items()}
        self.options = f"{settings.options}/{settings.asset}" if settings.options else ""
        self.perp = f"{settings.perps}/{settings.asset}" if settings.perps else ""
        self.power = venues.power.address if venues.power else None
        self.accounts: dict[str, MarginAccount] = Books(self.unheard)
        self.shares: dict[Address, int] = {}
        self.house_fund = self.members_fund = self.shortfall = 0
        self.lowest_fund: int | None = None  # [margin wad] both together, since the start of the storm
        self.absorbed = 0  # [margin wad] of losses beyond equity, so far
        self._chain, self._protocol = genesis.chain, protocol
        self._named = {address: name for name, address in self.instruments.items()}
        self._modelled = {contract.address: name for name, contract in parts.models.items()}
        self._betas = {asset: terms.beta for asset, terms in settings.collateral.items()}
        self._latest: dict[Address, str] = {}
        self._unsafe: dict[str, None] = {}
        self._touched: dict[str, None] = {}  # whose books have changed since margins were looked at
        self._seen: tuple[float, int] = (0.0, 0)  # price and time of the answer last looked at
        self._look_again = 0  # [unix s]
        self._read_rules()

    def _read_rules(self) -> None:
        _, length, _, _ = self._read("auctionRules")
        self.auction_seconds, self.quit_seconds = int(length), int(self._read("quitDelay"))
        self.paused = bool(self._read("paused"))

    def _read(self, function: str, *args: Any) -> Any:
        return self.house.read(self._chain, function, *args)

    def _try(self, contract: Contract, function: str, *args: Any) -> Any:
        try:
            return contract.read(self._chain, function, *args)
        except CallReverted:
            return None

    # --------------------------------------------------------------------- state

    def account_of(self, owner: Address) -> MarginAccount | None:
        """See `Margin.account_of`."""
        return self.accounts.get(self._latest.get(owner, ""))

    def margin_of(self, account: str, initial: bool, model: str = "") -> tuple[int, int] | None:
        """See `Margin.margin_of`."""
        number = self.accounts[account].number
        found: tuple[int, int] | None
        if model:
            found = self._try(self.parts.models[model], "margin", number, initial)
        else:
            found = self._try(self.house, "marginOf", number, initial)
        return found

    def unsafe(self) -> list[str]:
        """See `Margin.unsafe`."""
        return list(self._unsafe)

    def auctions(self) -> list[str]:
        """See `Margin.auctions`."""
        return [id for id, account in self.accounts.items() if account.auction_since]

    def matured(self, now: int) -> list[tuple[str, Leg]]:
        """See `Margin.matured`."""
        legs = ((id, leg) for id, account in self.accounts.items() for leg in account.legs)
        return [(id, leg) for id, leg in legs if self.venues.has_ended(leg, now)]

    def offers(self, now: int) -> list[tuple[Leg, int]]:
        """See `Margin.offers`."""
        return self.venues.offers(now)

    def greeks(self, account: str) -> Greeks | None:
        """See `Margin.greeks`."""
        held, spot = self.accounts[account], self.oracle.price
        total = Greeks(delta=sum(from_wad(n) * self._betas[asset] for asset, n in held.collateral.items()))
        for leg, size in held.legs.items():
            each = self.venues.greeks(leg, spot)
            if each is None:
                return None
            total += each.times(from_wad(size))
        return total

    def notional(self, account: str) -> float:
        """See `Margin.notional`."""
        legs = self.accounts[account].legs.items()
        return sum(abs(from_wad(size)) * self.venues.notional(leg, self.oracle.price) for leg, size in legs)

    # ------------------------------------------------------------------ previews

    def preview_trade(self, account: str, leg: Leg, size: int) -> TradePreview | None:
        """See `Margin.preview_trade`."""
        arguments = (self.accounts[account].number, self.instruments[leg.instrument], leg.id, size)
        found = self._try(self.house, "previewTrade", *arguments)
        return None if found is None else TradePreview(*found)

    def preview_take(self, account: str) -> Taking | None:
        """See `Margin.preview_take`."""
        found = self._try(self.house, "previewTake", self.accounts[account].number)
        return None if found is None else Taking(*found)

    # --------------------------------------------------------------------- calls

    def _call(
        self, function: str, *args: Any, action: str, accepts: Mapping[str, str], subject: str = "", gas: int = 0
    ) -> Call:
        data = self.house.encode(function, *args)
        return Call(self.house.address, data, gas or 300_000, action, subject or self.id, accepts)

    def _gas(self, *accounts: str, legs: int = 0) -> int:
        return _GAS + _LEG_GAS * (legs + sum(len(self.accounts[account].legs) for account in accounts))

    def open(self, model: str, isolated: bool = False) -> Call:
        """See `Margin.open`."""
        address = self.parts.models[model].address
        return self._call("open", isolated, address, action="book-open", accepts={})

    def set_model(self, account: str, model: str) -> Call:
        """See `Margin.set_model`."""
        arguments = (self.accounts[account].number, self.parts.models[model].address)
        gas = self._gas(account)
        return self._call("setModel", *arguments, action="book-model", accepts=WITHDRAW_FAILS, subject=account, gas=gas)

    def deposit(self, account: str, amount: int) -> Call:
        """See `Margin.deposit`."""
        number = self.accounts[account].number
        return self._call("deposit", number, amount, action="book-deposit", accepts=DEPOSIT_FAILS, subject=account)

    def withdraw(self, account: str, amount: int) -> Call:
        """See `Margin.withdraw`."""
        held = self.accounts[account]
        return self._take_out(account, "withdraw", held.number, amount, held.owner)

    def deposit_collateral(self, account: str, asset: str, amount: int) -> Call:
        """See `Margin.deposit_collateral`."""
        arguments = (self.accounts[account].number, self.collaterals.index(asset), amount)
        return self._call("depositAsset", *arguments, action="book-deposit", accepts=DEPOSIT_FAILS, subject=account)

    def withdraw_collateral(self, account: str, asset: str, amount: int) -> Call:
        """See `Margin.withdraw_collateral`."""
        held = self.accounts[account]
        return self._take_out(account, "withdrawAsset", held.number, self.collaterals.index(asset), amount, held.owner)

    def _take_out(self, account: str, function: str, *args: Any) -> Call:
        gas = self._gas(account)
        return self._call(function, *args, action="book-withdraw", accepts=WITHDRAW_FAILS, subject=account, gas=gas)

    def trade(self, account: str, leg: Leg, size: int, limit: float) -> Call:
        """See `Margin.trade`."""
        instrument = self.instruments[leg.instrument]
        arguments = (self.accounts[account].number, instrument, leg.id, size, to_wad(limit))
        gas = self._gas(account, legs=1)
        return self._call("trade", *arguments, action="book-trade", accepts=BOOK_TRADE_FAILS, subject=account, gas=gas)

    def settle(self, account: str, leg: Leg) -> Call:
        """See `Margin.settle`."""
        arguments = (self.accounts[account].number, self.instruments[leg.instrument], leg.id)
        return self._call(
            "settle", *arguments, action="book-settle", accepts=BOOK_SETTLE_FAILS, subject=account, gas=_GAS
        )

    def start_auction(self, account: str) -> Call:
        """See `Margin.start_auction`."""
        number, gas = self.accounts[account].number, self._gas(account)
        return self._call("startAuction", number, action="book-auction", accepts=START_FAILS, subject=account, gas=gas)

    def end_auction(self, account: str) -> Call:
        """See `Margin.end_auction`."""
        number, gas = self.accounts[account].number, self._gas(account)
        return self._call("endAuction", number, action="book-end", accepts=END_FAILS, subject=account, gas=gas)

    def take(self, account: str, to: str, most: int) -> Call:
        """See `Margin.take`."""
        number, receiver = self.accounts[account].number, self.accounts[to].number
        gas = self._gas(account, account, to) + _MOVED_LEG_GAS * len(self.accounts[account].legs)
        return self._call(
            "take", number, receiver, most, action="book-take", accepts=TAKE_FAILS, subject=account, gas=gas
        )

    def donate(self, amount: int) -> Call:
        """See `Margin.donate`."""
        return self._call("donate", amount, action="fund-donate", accepts=FUND_FAILS)

    def join(self, amount: int) -> Call:
        """See `Margin.join`."""
        return self._call("join", amount, action="fund-join", accepts=FUND_FAILS)

    def announce_quit(self) -> Call:
        """See `Margin.announce_quit`."""
        return self._call("announceQuit", action="fund-announce", accepts={})

    def quit(self, shares: int) -> Call:
        """See `Margin.quit`."""
        return self._call("quit", shares, action="fund-quit", accepts=FUND_FAILS)

    # -------------------------------------------------------------------- keeping

    def chores(self, now: int) -> list[Call]:
        """See `Margin.chores`."""
        return self.venues.chores(now)

    def report_confidence(self, confidence: float) -> Call | None:
        """See `Margin.report_confidence`."""
        feed = self.parts.confidence
        if feed is None:
            return None
        answer = max(1, round(confidence * 10**8))
        return Call(feed.address, feed.encode("report", answer), 150_000, "report-confidence", self.id)

    def appoint(self, genesis: Genesis, account: Address) -> None:
        """See `Margin.appoint`."""
        if self.parts.confidence is not None:
            genesis.call(self.parts.confidence, "setReporter", account, True)
            genesis.flush()

    # --------------------------------------------------------------------- events

    def advance(self, now: int) -> Iterable[Notice]:
        """Who has fallen below maintenance margin: of all when a price has moved or a while has passed, else of those
        whose books have changed."""
        self.venues.now = now
        if self.lowest_fund is None:
            self.lowest_fund = self.house_fund + self.members_fund
        seen, looked_at = (self.oracle.price, self.oracle.price_time), list(self._touched)
        if seen != self._seen or now >= self._look_again or self.venues.moved:
            self._seen, self._look_again, self.venues.moved = seen, now + _LONGEST_LOOK, False
            looked_at = list(self.accounts)
        self._touched.clear()
        return [self._about("unsafe", id) for id in looked_at if self._has_fallen(id)]

    def _has_fallen(self, id: str) -> bool:
        """Whether an account is unsafe that was not. Without a price nothing is known, and what was unsafe stays so."""
        account = self.accounts[id]
        if not account.can_fail or account.auction_since:
            self._unsafe.pop(id, None)
            return False
        margin = self.margin_of(id, initial=False)
        if margin is None:
            return False
        was = self._unsafe.pop(id, 0) is None
        if margin[0] < margin[1]:
            self._unsafe[id] = None
        return id in self._unsafe and not was

    def _about(self, kind: str, subject: str = "", **args: Any) -> Notice:
        return Notice(kind, self._protocol, subject or self.id, {"capability": self.id, **args})

    def _id(self, number: int) -> str:
        return f"{self.id}/{number}"

    def on_event(self, event: DecodedEvent, now: int) -> Iterable[Notice]:
        """Mirror one event of the clearinghouse, and say what it means."""
        handler = getattr(self, f"_on_{event.name}", None)
        if handler is None:
            return ()
        if "account" in event.args:
            self._touched[self._id(event.args["account"])] = None
        return handler(event.args, now) or ()

    # The handlers are named as the contract names its events.

    def _on_AccountOpened(self, args: Mapping[str, Any], now: int) -> None:  # noqa: N802
        id, owner = self._id(args["account"]), Address(args["owner"])
        model = self._modelled.get(Address(args["model"]), "")
        self.accounts[id] = MarginAccount(id, args["account"], owner, args["isolated"], model)
        self._latest[owner] = id

    def _on_ModelSet(self, args: Mapping[str, Any], now: int) -> None:  # noqa: N802
        self.accounts[self._id(args["account"])].model = self._modelled.get(Address(args["model"]), "")

    def _on_CashChanged(self, args: Mapping[str, Any], now: int) -> None:  # noqa: N802
        self.accounts[self._id(args["account"])].cash = args["cash"]

    def _on_CollateralChanged(self, args: Mapping[str, Any], now: int) -> None:  # noqa: N802
        held = self.accounts[self._id(args["account"])].collateral
        held[self.collaterals[args["asset"]]] = args["amount"]

    def _on_Traded(self, args: Mapping[str, Any], now: int) -> Iterable[Notice]:  # noqa: N802
        id, leg = self._id(args["account"]), self._leg(args)
        _add(self.accounts[id].legs, leg, args["sizeDelta"])
        return (self._about("book_trade", id, leg=leg, size=args["sizeDelta"], cash=args["cash"]),)

    def _on_Settled(self, args: Mapping[str, Any], now: int) -> Iterable[Notice]:  # noqa: N802
        id, leg = self._id(args["account"]), self._leg(args)
        _add(self.accounts[id].legs, leg, -args["size"])
        return (self._about("book_settled", id, leg=leg, size=args["size"], cash=args["cash"]),)

    def _leg(self, args: Mapping[str, Any]) -> Leg:
        return Leg(self._named[Address(args["instrument"])], args["id"])

    def _on_AuctionStarted(self, args: Mapping[str, Any], now: int) -> Iterable[Notice]:  # noqa: N802
        id = self._id(args["account"])
        self.accounts[id].auction_since = now
        self._unsafe.pop(id, None)
        return (self._about("book_auction", id, equity=args["equity"], required=args["required"]),)

    def _on_AuctionEnded(self, args: Mapping[str, Any], now: int) -> Iterable[Notice]:  # noqa: N802
        id = self._id(args["account"])
        self.accounts[id].auction_since = 0
        return (self._about("book_auction_ended", id),)

    def _on_AuctionTaken(self, args: Mapping[str, Any], now: int) -> Iterable[Notice]:  # noqa: N802
        id, to = self._id(args["account"]), self._id(args["to"])
        notional = self.notional(id)
        for leg, size in self.accounts[id].legs.items():
            _add(self.accounts[to].legs, leg, size)
        self.accounts[id].legs.clear()
        self._touched[to] = None
        amounts = {name: args[name] for name in ("equity", "paid", "received")}
        yield self._about("book_taken", id, to=to, notional=notional, **amounts)
        if args["equity"] > 0:
            yield self._about("waterfall", id, step="account", amount=args["equity"])

    def _on_LossAbsorbed(self, args: Mapping[str, Any], now: int) -> Iterable[Notice]:  # noqa: N802
        steps = {"house": args["fromHouse"], "members": args["fromMembers"], "recorded": args["socialised"]}
        self.absorbed += sum(steps.values())
        id = self._id(args["account"])
        return [self._about("waterfall", id, step=step, amount=amount) for step, amount in steps.items() if amount]

    def _on_FundChanged(self, args: Mapping[str, Any], now: int) -> Iterable[Notice]:  # noqa: N802
        self.house_fund, self.members_fund, self.shortfall = (
            args["houseFund"], args["membersFund"], args["shortfall"]
        )  # fmt: skip
        if self.lowest_fund is not None:
            self.lowest_fund = min(self.lowest_fund, self.house_fund + self.members_fund)
        return (self._about("clearing_fund"),)

    def _on_MemberChanged(self, args: Mapping[str, Any], now: int) -> None:  # noqa: N802
        self.shares[Address(args["member"])] = args["shares"]

    def _on_ParametersSet(self, args: Mapping[str, Any], now: int) -> None:  # noqa: N802
        self._read_rules()


def _add(legs: dict[Leg, int], leg: Leg, size: int) -> None:
    """Move a leg; one of nothing goes."""
    legs[leg] = legs.get(leg, 0) + size
    if not legs[leg]:
        del legs[leg]
