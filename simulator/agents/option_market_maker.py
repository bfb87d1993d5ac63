"""Option market makers: their money quotes as part of the pool, and they hedge their share of its delta outside.

What the pool sells it is short of, and so are they: they buy into a rise and sell into a fall, at the reference market,
which moves by it. They look when the price has come to the edge of their band, when somebody has traded, and at
intervals; they trade to the edge and no further.
"""

import math
from typing import Any, ClassVar

import simpy
from pydantic import Field

from simulator.agents.base import Desk, Life, newest
from simulator.agents.margin_book import HedgeSettings, MarginBook
from simulator.agents.option_agent import OptionAgent, OptionAgentSettings
from simulator.protocols.genesis import Genesis
from simulator.settings import MINUTES, USD
from simulator.units import from_wad, to_wad

_LEAST_STEP = 0.001  # relative move of the price that is worth a look
_MOST_STEP = 0.05
_REST_SECONDS = 60.0  # until it trades what was too much for one order
_PART = 0.25  # of the band that delta may pass its edge by before a look


class OptionMarketMakerSettings(OptionAgentSettings):
    """Means, and how it hedges."""

    capital_usd: float = Field(500_000.0, ge=0, description="deposited in the pool", json_schema_extra=USD)
    hedge: HedgeSettings = Field(
        default_factory=lambda: HedgeSettings(capital_usd=250_000.0), description="how it hedges"
    )
    look_minutes: float = Field(30.0, gt=0, description="longest time between two looks", json_schema_extra=MINUTES)


class OptionMarketMaker(OptionAgent):
    """One of them."""

    Settings: ClassVar[Any] = OptionMarketMakerSettings

    def __init__(self, desk: Desk, settings: OptionMarketMakerSettings) -> None:
        super().__init__(desk, settings)
        self._book = MarginBook(desk, self._options.asset, settings.hedge)
        self._share = 0.0  # of the pool, as last known

    def prepare(self, genesis: Genesis) -> None:
        """Deposit in the pool."""
        options, owner = self._options, self.desk.address
        amount = to_wad(self.settings.capital_usd / genesis.price(options.margin_asset))
        if amount:
            genesis.bring(self.desk.agent, options.margin_asset, owner, amount, "capital_usd")
            genesis.approve(options.margin_asset, owner, options.pool_spender)
            genesis.submit(options.pool_deposit(owner, amount), owner)

    def life(self) -> Life:
        """Hedge, and sleep until the price or somebody's trade may have moved delta out of the band."""
        desk, settings = self.desk, self.settings
        if not settings.capital_usd or not settings.hedge.capital_usd:
            return
        inbox = desk.inbox("option_trade", "option_liquidation", "option_settled")
        yield desk.sleep(settings.look_minutes * 60 * float(desk.random.random()))
        while True:
            newest(inbox)
            low, high, pause = self._hedge()
            news = inbox.get()
            waits: list[simpy.Event] = [desk.sleep(pause), news]
            yield desk.first_of([*waits, *desk.outside(self._options.asset, low, high)])
            if not news.triggered:
                news.cancel()
            else:
                yield desk.sleep(desk.block_seconds)  # what else the block brought

    def _hedge(self) -> tuple[float, float, float]:
        """Trade to the edge of the band; the prices at which delta has left it again, and how long to wait [s]."""
        book = self._book
        book.settle()
        delta, gamma = self._exposure()
        band = book.band(gamma, self.settings.capital_usd + max(0.0, book.equity))
        book.hedge(delta, band)
        owner = str(self.desk.address)
        off = delta + book.size
        rows = [("delta_before_hedge", delta), ("delta_after_hedge", off), ("hedge_band", band), *book.measures()]
        self.desk.note(self.desk.agent, [(owner, name, value) for name, value in rows])
        is_done = abs(off) <= band * (1 + 1e-9) or abs(delta) > book.room
        pause = 60 * self.settings.look_minutes if is_done else _REST_SECONDS
        return *_edges(self._spot, off, gamma, band), pause

    def _exposure(self) -> tuple[float, float]:
        """Delta and gamma of its share of the pool [tokens, tokens per usd], at the market."""
        options = self._options
        delta, gamma = from_wad(options.pool_base), 0.0
        for series in options.series.values():
            sold = from_wad(series.longs - series.shorts)
            if sold and series.payoff is None and series.expiry > self.desk.now:
                greeks = self._greeks(series)
                delta, gamma = delta - sold * greeks.delta, gamma - sold * greeks.gamma
        self._share = self._now_share()
        return delta * self._share, gamma * self._share

    def _now_share(self) -> float:
        """Its part of the pool's shares; the last known one while the pool has no price."""
        held, queued, _ = self._options.pool_shares(self.desk.address)
        capital, price = self._options.pool_capital(), self._options.pool_share_price()
        if not capital or capital <= 0 or not price:
            return self._share
        return min(1.0, from_wad(held + queued) * price / from_wad(capital))


def _edges(price: float, off: float, gamma: float, band: float) -> tuple[float, float]:
    """The prices below and above at which delta, off by so much now, has left the band; within reason."""
    towards = off if gamma > 0 else -off  # the part of the band that a rise has used up
    rooms = (max(band + towards, _PART * band), max(band - towards, _PART * band))
    low, high = (min(max(_ratio(room, abs(gamma) * price), _LEAST_STEP), _MOST_STEP) for room in rooms)
    return price * (1 - low), price * (1 + high)


def _ratio(a: float, b: float) -> float:
    return a / b if b else math.inf
