"""Who takes failed books: buys them whole in their auctions, hedges them, and unwinds them into the markets.

The price falls until somebody thinks it covers what unwinding will cost and the risk meanwhile. A book worth nothing is
taken for a reward, which rises.
"""

import math
from typing import Any, ClassVar

from pydantic import Field

from simulator.agents.base import Agent, AgentSettings, Desk, Life
from simulator.agents.books import open_book, try_order
from simulator.agents.borrower import choose
from simulator.protocols.genesis import Genesis
from simulator.protocols.margin_capability import Leg, Margin, MarginAccount
from simulator.protocols.option_capability import Options
from simulator.settings import MINUTES, RATIO, SECONDS, SHARE, USD
from simulator.units import from_wad, to_wad

_TAKE_GAS = 2_500_000  # reckoned with
_PERP = Leg("perp")


class BookLiquidatorSettings(AgentSettings):
    """Capital, appetite and speed."""

    market: str = Field("", description="id of the clearinghouse, as in clearing/ETH; empty: the only one")
    capital_usd: float = Field(
        500_000.0, ge=0, description="deposited, so that books can be taken on", json_schema_extra=USD
    )
    unwind_cost: float = Field(
        0.002, ge=0, le=1, description="of a book's notional, that unwinding is reckoned to cost",
        json_schema_extra=SHARE,
    )  # fmt: skip
    greed: float = Field(
        0.05, ge=0, description="median gain beyond that, over the book's margin", json_schema_extra=RATIO
    )
    greed_sigma: float = Field(0.5, ge=0, le=3, description="lognormal sd of that")
    look_seconds: float = Field(
        24.0, gt=0, description="mean time between two looks at an auction (exponential)", json_schema_extra=SECONDS
    )
    slice_minutes: float = Field(5.0, gt=0, description="between two slices of unwinding", json_schema_extra=MINUTES)
    slices: int = Field(6, ge=1, le=1_000, description="in which a leg is unwound", json_schema_extra={"unit": "count"})
    max_slippage: float = Field(
        0.05, ge=0, lt=1, description="worst price of an order, against that of now", json_schema_extra=SHARE
    )


class BookLiquidator(Agent):
    """One taker with one account."""

    Settings: ClassVar[Any] = BookLiquidatorSettings
    requires: ClassVar[Any] = (Margin, Options)

    def __init__(self, desk: Desk, settings: BookLiquidatorSettings) -> None:
        super().__init__(desk, settings)
        self._margin: Margin = choose(desk.capabilities(Margin), settings.market, desk.agent)
        self._options: Options = desk.capability(self._margin.options)
        self._greed = settings.greed * math.exp(settings.greed_sigma * float(desk.random.standard_normal()))
        self._account = ""
        self._slices: dict[Leg, int] = {}  # what one slice of a leg is, unsigned

    def prepare(self, genesis: Genesis) -> None:
        """Open an account with all that it has."""
        money = {self._margin.margin_asset: self.settings.capital_usd}
        self._account = open_book(genesis, self.desk, self._margin, "portfolio", money)

    def life(self) -> Life:
        """Watch auctions beside unwinding."""
        self.desk.process(self._unwind())
        desk = self.desk
        inbox = desk.inbox("book_auction")
        while True:
            if not self._margin.auctions():
                yield inbox.get()
            yield desk.sleep(self.settings.look_seconds * float(desk.random.standard_exponential()))
            for account in self._margin.auctions():
                yield from self._consider(account)

    # ------------------------------------------------------------------- taking

    def _consider(self, account: str) -> Life:
        """Take a book that gains enough now."""
        desk, margin = self.desk, self._margin
        taking = margin.preview_take(account)
        needed = margin.margin_of(account, initial=False)
        if taking is None or needed is None or not margin.accounts[account].auction_since:
            return
        usd = desk.market.price(margin.margin_asset)
        gain = from_wad(taking.equity - taking.paid + taking.received) * usd
        cost = self.settings.unwind_cost * margin.notional(account) + desk.gas_price_usd(_TAKE_GAS)
        if gain < cost + self._greed * from_wad(needed[1]) * usd:
            return
        call = margin.take(account, self._account, taking.paid + taking.paid // 1_000)
        if desk.is_contested(call) or not desk.would_work(call):
            return
        legs = dict(margin.accounts[account].legs)
        fate = yield desk.send(call)
        if fate.ok:
            for leg, size in legs.items():
                whole = self._slices.get(leg, 0) * self.settings.slices + abs(size)
                self._slices[leg] = -(-whole // self.settings.slices)

    # ----------------------------------------------------------------- unwinding

    def _unwind(self) -> Life:
        """A slice of every leg now and then, the perpetual last, so that it hedges what is left."""
        desk = self.desk
        while True:
            yield desk.sleep(self.settings.slice_minutes * 60)
            held = self._margin.accounts[self._account]
            if not held.legs or held.auction_since:
                continue
            for leg, size in list(held.legs.items()):
                if leg.instrument == "option" and self._options.can_trade(leg.id):
                    yield from self._reduce(leg, size)
            if self._margin.perp:
                yield from self._hedge(held)

    def _reduce(self, leg: Leg, size: int) -> Life:
        piece = max(self._slices.get(leg, abs(size)), 2 * self._options.min_size)
        if abs(size) < 2 * piece:
            piece = abs(size)
        yield from self._trade(leg, -piece if size > 0 else piece)

    def _hedge(self, held: MarginAccount) -> Life:
        """Delta to nothing, in the perpetual; with no options left that closes it."""
        greeks = self._margin.greeks(held.id)
        if greeks is None:
            return
        options = any(leg.instrument == "option" for leg in held.legs)
        wanted = -to_wad(greeks.delta) if options else -held.legs.get(_PERP, 0)
        if abs(wanted) >= self._options.min_size:
            yield from self._trade(_PERP, wanted)

    def _trade(self, leg: Leg, size: int) -> Life:
        yield from try_order(self.desk, self._margin, self._account, leg, size, self.settings.max_slippage)
