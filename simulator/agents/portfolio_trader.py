"""Traders with one margin account for a whole book: they write options for yield, some hedged, some not.

A book is written strikes on both sides, or puts alone, with wings bought further out for a share of it, and for those
who hedge a perpetual position that keeps delta small. Its size is what a part of the equity allows as margin, so
portfolio margin lets a hedged book be several times as large, and lets it fail as a whole. In fear some add from a
reserve, some buy back what they wrote, and the others hope.
"""

import math
from typing import Any, ClassVar, Literal

from pydantic import Field

from simulator.agents.base import Agent, AgentSettings, Desk, Life
from simulator.agents.books import open_book, try_order
from simulator.agents.borrower import choose
from simulator.agents.perp_trader import FearSettings
from simulator.protocols.genesis import Genesis
from simulator.protocols.margin_capability import Leg, Margin, TradePreview
from simulator.protocols.option_capability import OptionKind, Options
from simulator.settings import HOURS, MINUTES, RATIO, SHARE, USD
from simulator.units import from_wad, to_wad

_STEPS = 12  # in which a book is built, at most
_PERP = Leg("perp")


class PortfolioTraderSettings(AgentSettings):
    """A group of traders of one clearinghouse."""

    market: str = Field("", description="id of the clearinghouse, as in clearing/ETH; empty: the only one")
    model: Literal["standard", "portfolio"] = Field("portfolio", description="by which their books are margined")
    capital_usd: float = Field(50_000.0, ge=0, description="median deposit", json_schema_extra=USD)
    capital_sigma: float = Field(0.5, ge=0, le=5, description="lognormal sd of that")
    collateral_share: float = Field(
        0.0, ge=0, le=1, description="of the deposit in the asset itself", json_schema_extra=SHARE
    )
    reserve: float = Field(0.3, ge=0, description="spare money, over what was deposited", json_schema_extra=SHARE)
    hedged_share: float = Field(
        0.5, ge=0, le=1, description="share of them who hedge delta with the perpetual", json_schema_extra=SHARE
    )
    puts_only_share: float = Field(
        0.5, ge=0, le=1, description="share of the others who write puts alone", json_schema_extra=SHARE
    )
    use: float = Field(
        0.7, gt=0, le=1, description="initial margin over equity at which a book is full", json_schema_extra=RATIO
    )
    tenor_hours: float = Field(
        168.0, gt=0, le=8_760, description="to the expiry that they write, the nearest listed", json_schema_extra=HOURS
    )
    moneyness: float = Field(
        0.1, ge=0, lt=1, description="of written strikes, from the price, either way", json_schema_extra=SHARE
    )
    wings: float = Field(0.0, ge=0, le=1, description="options bought for each written", json_schema_extra=SHARE)
    wing_moneyness: float = Field(0.2, ge=0, lt=1, description="of those, from the price", json_schema_extra=SHARE)
    swap_share: float = Field(
        0.0, ge=0, le=1, description="share of them who take an offered variance swap, long, beside it",
        json_schema_extra=SHARE,
    )  # fmt: skip
    enter_minutes: float = Field(
        20.0, ge=0, description="in which they build their books, from the start", json_schema_extra=MINUTES
    )
    look_minutes: float = Field(
        15.0, gt=0, description="mean time between two looks at a book (exponential)", json_schema_extra=MINUTES
    )
    look_move: float = Field(
        0.01, gt=0, lt=1, description="move of the price at which they look at once", json_schema_extra=SHARE
    )
    hedge_band: float = Field(
        0.05, ge=0, description="delta, over options written, that they leave", json_schema_extra=SHARE
    )
    fear: float = Field(
        1.3, ge=1, description="equity over maintenance margin at which they are afraid", json_schema_extra=RATIO
    )
    max_slippage: float = Field(
        0.03, ge=0, lt=1, description="worst price of an order, against that of now", json_schema_extra=SHARE
    )
    habits: FearSettings = Field(default_factory=FearSettings, description="what they do in fear")


class PortfolioTrader(Agent):
    """One account. Its habit and capital are drawn from the group's settings."""

    Settings: ClassVar[Any] = PortfolioTraderSettings
    requires: ClassVar[Any] = (Margin, Options)

    def __init__(self, desk: Desk, settings: PortfolioTraderSettings) -> None:
        super().__init__(desk, settings)
        self._margin: Margin = choose(desk.capabilities(Margin), settings.market, desk.agent)
        self._options: Options = desk.capability(self._margin.options)
        normal, hedges, side, habit, swaps = desk.random.standard_normal(), *desk.random.random(4)
        self._capital = settings.capital_usd * math.exp(settings.capital_sigma * float(normal))
        self._hedges = bool(self._margin.perp) and hedges < settings.hedged_share
        self._puts_only = not self._hedges and side < settings.puts_only_share
        self._swaps = swaps < settings.swap_share
        h = settings.habits
        self._habit = "top_up" if habit < h.top_up else "close" if habit < h.top_up + h.close else "hope"
        self._account = ""

    def prepare(self, genesis: Genesis) -> None:
        """Open an account and deposit."""
        margin, share = self._margin, self.settings.collateral_share
        if self.settings.collateral_share and margin.asset not in margin.collaterals:
            share = 0.0
        money = {margin.margin_asset: self._capital * (1 - share), margin.asset: self._capital * share}
        self._account = open_book(genesis, self.desk, margin, self.settings.model, money)
        spare = to_wad(self._capital * self.settings.reserve / genesis.price(margin.margin_asset))
        genesis.bring(self.desk.agent, margin.margin_asset, self.desk.address, spare, "capital_usd")
        genesis.approve(margin.margin_asset, self.desk.address, margin.spender)

    def life(self) -> Life:
        """Build a book, keep it, and build the next when it has expired."""
        desk, settings = self.desk, self.settings
        if not self._capital:
            return
        yield desk.sleep(settings.enter_minutes * 60 * float(desk.random.random()))
        while True:
            held = self._margin.accounts[self._account]
            if not held.auction_since:
                if not any(leg.instrument == "option" for leg in held.legs):
                    yield from self._build()
                    yield from self._take_swap()
                elif self._is_afraid():
                    yield from self._act_in_fear()
                if self._hedges:
                    yield from self._hedge()
            price = desk.market.price(self._margin.asset)
            low, high = price * (1 - settings.look_move), price * (1 + settings.look_move)
            look = settings.look_minutes * 60 * float(desk.random.standard_exponential())
            yield desk.first_of([*desk.outside(self._margin.asset, low, high), desk.sleep(look)])

    # ------------------------------------------------------------------ the book

    def _shape(self) -> list[tuple[Leg, float]]:
        """Legs and options of each for one written a side; wings first, so that margin counts them."""
        settings, options = self.settings, self._options
        spot, expiry = options.oracle.price, options.now + round(settings.tenor_hours * 3600)
        kinds: list[tuple[OptionKind, int]] = [("put", -1)] if self._puts_only else [("put", -1), ("call", 1)]
        shape: list[tuple[Leg, float]] = []
        for amount, moneyness in ((settings.wings, settings.wing_moneyness), (-1.0, settings.moneyness)):
            for kind, side in kinds if amount else []:
                series = options.nearest(kind, spot * (1 + side * moneyness), expiry)
                if series is not None:
                    shape.append((Leg("option", series.id), amount))
        return shape

    def _build(self) -> Life:
        """Write as much as margin allows: ever more at a time, then ever less; a hedge goes with each step."""
        least = 4.0 * from_wad(self._options.min_size)
        size, grows = max(least, self._capital / self._options.oracle.price / 8), True
        for _ in range(_STEPS):
            done = 0
            for leg, amount in self._shape():
                if (preview := self._room(leg, to_wad(size * amount))) is not None:
                    done += yield from self._trade(leg, to_wad(size * amount), preview)
            if self._hedges:
                yield from self._hedge()
            grows = grows and bool(done)
            size = size * 2 if grows else size / 4
            if size < least:
                return

    def _take_swap(self) -> Life:
        """Buy realised variance from whoever offers it, once."""
        held = self._margin.accounts[self._account].legs
        if not self._swaps or any(leg.instrument == "swap" for leg in held):
            return
        for leg, size in self._margin.offers(self.desk.now):
            preview = self._room(leg, size) if size > 0 else None
            if preview is not None and (yield from self._trade(leg, size, preview)):
                return

    def _room(self, leg: Leg, size: int) -> TradePreview | None:
        """What a trade would do, None where it would fill the book beyond its use."""
        preview = self._margin.preview_trade(self._account, leg, size)
        if preview is None or preview.required > self.settings.use * preview.equity:
            return None
        return preview

    def _trade(self, leg: Leg, size: int, preview: TradePreview | None = None) -> Life:
        slippage = self.settings.max_slippage
        done = yield from try_order(self.desk, self._margin, self._account, leg, size, slippage, preview)
        return done

    def _hedge(self) -> Life:
        """Bring delta to nothing where it is outside its band."""
        margin = self._margin
        legs = margin.accounts[self._account].legs
        written = sum(-from_wad(size) for leg, size in legs.items() if leg.instrument == "option" and size < 0)
        greeks = margin.greeks(self._account)
        if greeks is None or not legs or abs(greeks.delta) <= self.settings.hedge_band * written:
            return
        yield from self._trade(_PERP, -to_wad(greeks.delta))

    # ---------------------------------------------------------------------- fear

    def _is_afraid(self) -> bool:
        margin = self._margin.margin_of(self._account, initial=False)
        return margin is not None and margin[0] < self.settings.fear * margin[1]

    def _act_in_fear(self) -> Life:
        """Add the reserve, or buy back half of what was written; hoping is doing nothing."""
        margin, desk = self._margin, self.desk
        if self._habit == "top_up" and (spare := desk.balance(margin.margin_asset)):
            yield desk.send(margin.deposit(self._account, spare))
        elif self._habit != "hope":
            written = [(leg, size) for leg, size in margin.accounts[self._account].legs.items() if size < 0]
            for leg, size in written:
                if leg.instrument == "option":
                    half = -size if -size <= 4 * self._options.min_size else -size // 2
                    yield from self._trade(leg, half)
