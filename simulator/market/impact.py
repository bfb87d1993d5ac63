"""What trading does to a price: a permanent and a decaying displacement, at one venue or at several.

The price outside times exp(permanent + transient). A sale of q dollars moves the logarithm by ln(1.01) q / depth, so
`depth_usd` is what moves the price by one per cent; the move is linear in the size and the order fills at the average
along the way. No sequence of trades profits by its own moves: `book` says why.

Linear, because the data are: quotes for selling up to 70,000 WETH on 20 November 2023 (1inch; those over 1,000 to USDC,
over 300 to USDT) fit a fee and a power of the size, with exponents of .96 +- .06 and 1.03 +- .05, and as well with one.
The defaults of a shock are those of 10 October 2025: ether's depth within 50 bp on Hyperliquid was 20.9 million dollars
before it, 4.6 three hours behind it, 13.1 after six more; over 2024 and 2025 depth comes back about as fast.
"""

import copy
import math
from typing import Literal

from pydantic import Field, model_validator

from simulator.market.book import AdditiveForm, Book, Form, LogForm
from simulator.market.thinning import Thinning
from simulator.market.venues import Venue, VenueSettings, arbitrage, reference_level, routed
from simulator.settings import ANNUAL, MINUTES, SHARE, USD, Settings


class ImpactSettings(Settings):
    """Depth of a reference market."""

    depth_usd: float = Field(gt=0, description="traded at once it moves the price by 1 %", json_schema_extra=USD)
    permanent: float = Field(0.3, ge=0, le=1, description="share of a move that stays", json_schema_extra=SHARE)
    half_life_minutes: float = Field(
        30.0, gt=0, description="time in which half of the rest goes", json_schema_extra=MINUTES
    )
    form: Literal["log", "additive"] = Field(
        "log", description="moves of the logarithm, or the same dollars per token at any price (1 % of the first)"
    )
    thinning: float = Field(
        0.0,
        ge=0,
        le=1000,
        description="depth for what decays is divided by 1 + thinning * (realised / normal volatility - 1), if above",
    )
    normal_volatility: float = Field(
        0.8, gt=0, description="realised volatility at which the depth is as stated", json_schema_extra=ANNUAL
    )
    shock_move: float = Field(
        0.0, ge=0, lt=1, description="move of the price that is a shock; 0: none is", json_schema_extra=SHARE
    )
    shock_minutes: float = Field(15.0, gt=0, description="time within which it is one", json_schema_extra=MINUTES)
    shock_depth: float = Field(
        0.22, gt=0, le=1, description="share of the depth that a shock leaves", json_schema_extra=SHARE
    )
    recovery_minutes: float = Field(
        120.0, gt=0, description="time in which half of the depth that went comes back", json_schema_extra=MINUTES
    )
    venues: dict[str, VenueSettings] = Field(
        default_factory=dict, description="where it trades, by name; none: one place"
    )
    arbitrage_minutes: float = Field(
        1.0, gt=0, description="time in which half of a gap between venues closes", json_schema_extra=MINUTES
    )

    @model_validator(mode="after")
    def _whole(self) -> "ImpactSettings":
        total = sum(venue.share for venue in self.venues.values())
        if self.venues and abs(total - 1) > 1e-9:
            raise ValueError(f"the shares of its venues add up to {total:g}; must be 1")
        for name, venue in self.venues.items():
            for trouble in venue.troubles:
                if trouble.wick != 1 and not self._others_at(name, trouble.start, trouble.over):
                    raise ValueError(f"the wick {trouble.id} of {name}: must leave another venue without one")
        return self

    def _others_at(self, name: str, start: float, end: float) -> bool:
        """Whether some other venue has no wick in a span."""
        others = [venue.troubles for other, venue in self.venues.items() if other != name]
        return any(not any(t.wick != 1 and t.start < end and start < t.over for t in troubles) for troubles in others)


class Impact:
    """The displacement of one asset's price, at each of its venues."""

    __slots__ = ("_closing", "_decay", "_form", "_now", "_sole", "_thinning", "_trading", "_venues")

    def __init__(self, settings: ImpactSettings, first_price: float = 1.0) -> None:
        self._decay = math.log(2) / (settings.half_life_minutes * 60)
        self._closing = math.log(2) / (settings.arbitrage_minutes * 60)
        self._form: Form = AdditiveForm(first_price) if settings.form == "additive" else LogForm()
        self._thinning = Thinning(settings) if settings.thinning or settings.shock_move else None
        declared = settings.venues or {"": VenueSettings(share=1.0)}
        self._venues = {
            name: Venue(Book(self._form, settings.depth_usd * venue.share, settings.permanent), venue.troubles)
            for name, venue in declared.items()
        }
        books = [venue.book for venue in self._venues.values()]
        plain = len(books) == 1 and not any(venue.troubles for venue in declared.values())
        self._sole = books[0] if plain else None  # most assets have one: the fast way
        self._trading = books  # those that are not off by a wick
        self._now = 0.0
        if not plain:
            self._thin()

    @property
    def thins(self) -> bool:
        """Whether depth depends on what the price does."""
        return self._thinning is not None

    @property
    def venues(self) -> list[str]:
        """The names of its venues, none where it trades in one place."""
        return [name for name in self._venues if name]

    @property
    def level(self) -> float:
        """The displacement that the reference price shows."""
        return self._sole.level if self._sole is not None else reference_level(self._trading)

    def price(self, exogenous: float, venue: str = "") -> float:
        """The reference price [usd], or that of a venue; exactly the exogenous one while nobody has traded."""
        if not venue:
            return self._form.price(exogenous, self.level)
        place = self._venues[venue]
        return self._form.price(exogenous, place.book.level) * place.wick

    # --------------------------------------------------------------------- time

    def advance(self, seconds: float, volatility: float) -> None:
        """Let the transient part decay, and depth follow the realised volatility [a year]."""
        self._relax(seconds)
        thinning = self._thinning
        if thinning is not None:
            thinning.advance(seconds, volatility)
        if self._sole is None:
            self._now += seconds
            for venue in self._venues.values():
                venue.advance(self._now)
            self._thin()
        elif thinning is not None:
            self._sole.thin(thinning.times)

    def see(self, price: float, seconds: float) -> None:
        """Look at the reference price some time after the last look: is it a shock?"""
        if self._thinning is not None and self._thinning.see(price, seconds):
            self._thin()

    def _relax(self, seconds: float) -> None:
        """Decay, and arbitrage between venues."""
        sole = self._sole
        if sole is not None:
            if sole.transient:
                sole.transient *= math.exp(-self._decay * seconds)
            return
        keep = math.exp(-self._decay * seconds)
        for venue in self._venues.values():
            venue.book.transient *= keep
        arbitrage(self._trading, -math.expm1(-self._closing * seconds))

    def _thin(self) -> None:
        times = self._thinning.times if self._thinning is not None else 1.0
        for venue in self._venues.values():
            venue.book.thin(times / venue.left)
        self._trading = [venue.book for venue in self._venues.values() if venue.wick == 1]

    # -------------------------------------------------------------------- trades

    def quote(self, quantity: float, exogenous: float, venue: str = "") -> float:
        """Dollars for `quantity` tokens (sold when negative) now; what no money buys costs infinity."""
        orders = self._orders(quantity, exogenous, venue)
        return sum(book.fill(part, exogenous)[0] * wick for book, part, wick in orders)

    def quote_slices(self, quantity: float, exogenous: float, venue: str, slices: int, pause_seconds: float) -> float:
        """As `quote`, in equal slices with a pause between them in which nobody else trades and depth is as now."""
        trial, dollars = copy.deepcopy(self), 0.0
        for number in range(slices):
            if number:
                trial._relax(pause_seconds)
            dollars += trial.trade(quantity / slices, exogenous, venue)
        return dollars

    def trade(self, quantity: float, exogenous: float, venue: str = "") -> float:
        """Execute `quantity` tokens (sold when negative); the dollars it brought or cost."""
        orders = self._orders(quantity, exogenous, venue)
        return sum(book.trade(part, exogenous) * wick for book, part, wick in orders)

    def _orders(self, quantity: float, exogenous: float, venue: str) -> list[tuple[Book, float, float]]:
        """An order's part at each book, and the factor on its dollars there."""
        if venue:
            place = self._venues[venue]
            return [(place.book, quantity, place.wick)]
        if len(self._trading) == 1:
            return [(self._trading[0], quantity, 1.0)]
        parts = routed(self._trading, quantity, self._form.unit(exogenous))
        return [(book, part, 1.0) for book, part in zip(self._trading, parts, strict=True)]
