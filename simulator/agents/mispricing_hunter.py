"""Mispricing hunters: they trade where the chain's quote is off what the market says, most of all where it is stale.

They look when a surface or a price was reported, when somebody's trade has moved a quote, and when the market has left
the price that the chain quotes by. Of every series they reckon the size whose gain, after fee, gas and the cost of a
hedge, is largest, and take the best. What they hold they hedge, keep until the chain pays what it is worth, and after
some time give back at any price.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

import simpy
from pydantic import Field

from simulator.agents.base import Desk, Life, newest
from simulator.agents.margin_book import HedgeSettings, MarginBook
from simulator.agents.option_agent import TRADE_GAS, OptionAgent, OptionAgentSettings
from simulator.protocols.genesis import Genesis
from simulator.protocols.option_capability import OptionPosition, OptionSeries
from simulator.settings import HOURS, MINUTES, RATIO, SECONDS, SHARE, USD
from simulator.units import from_wad, to_wad

_SIZES = tuple(2.0**-k for k in range(10))  # parts of the largest size that are tried
_AT_ONCE = 3  # trades of one look
_KEPT = 1.5  # collateral over what a written position must keep, at least


class MispricingHunterSettings(OptionAgentSettings):
    """Means and appetite."""

    capital_usd: float = Field(250_000.0, ge=0, description="in the market at the start", json_schema_extra=USD)
    hedge: HedgeSettings = Field(
        default_factory=lambda: HedgeSettings(capital_usd=250_000.0), description="how it hedges what it holds"
    )
    most: float = Field(
        0.3, gt=0, le=1, description="share of its money for one trade, collateral included", json_schema_extra=SHARE
    )
    cushion: float = Field(
        2.0, ge=1.5, description="collateral over what it has to be, when it writes", json_schema_extra=RATIO
    )
    least_profit_usd: float = Field(20.0, ge=0, description="of a trade, all costs paid", json_schema_extra=USD)
    gap: float = Field(
        0.002,
        gt=0,
        lt=1,
        description="of the market from the chain's price that makes it look",
        json_schema_extra=SHARE,
    )
    look_minutes: float = Field(10.0, gt=0, description="longest time between two looks", json_schema_extra=MINUTES)
    thinking_seconds: float = Field(
        2.0, ge=0, description="mean time from a look to a decision (exponential)", json_schema_extra=SECONDS
    )
    patience_hours: float = Field(
        24.0, gt=0, description="after which it gives back what it holds", json_schema_extra=HOURS
    )


class _Chance(NamedTuple):
    """A trade and what it is reckoned to gain."""

    gain: float  # [usd]
    series: OptionSeries
    size: int  # [size wad]


class MispricingHunter(OptionAgent):
    """One of them."""

    Settings: ClassVar[Any] = MispricingHunterSettings

    def __init__(self, desk: Desk, settings: MispricingHunterSettings) -> None:
        super().__init__(desk, settings)
        self._book = MarginBook(desk, self._options.asset, settings.hedge)
        self._since: dict[int, float] = {}  # [s since the start] when it opened a position, by series

    def prepare(self, genesis: Genesis) -> None:
        """Bring the money."""
        self._bring(genesis, self.settings.capital_usd, "capital_usd")

    # ------------------------------------------------------------------- life

    def life(self) -> Life:
        """Look at news, at gaps and at intervals."""
        desk, settings = self.desk, self.settings
        if not settings.capital_usd:
            return
        inbox = desk.inbox("surface", "price", "option_trade")
        yield desk.sleep(60 * settings.look_minutes * float(desk.random.random()))
        while True:
            newest(inbox)
            yield from self._look()
            news, chain, gap = inbox.get(), self._options.oracle.price, settings.gap
            waits: list[simpy.Event] = [desk.sleep(60 * settings.look_minutes), news]
            low, high = chain * (1 - gap), chain * (1 + gap)
            if low < self._spot < high:
                waits += desk.outside(self._options.asset, low, high)
            yield desk.first_of(waits)
            if not news.triggered:
                news.cancel()
            yield desk.sleep(settings.thinking_seconds * float(desk.random.standard_exponential()))

    def _look(self) -> Life:
        """Take what there is, keep what it has written safe, and hedge."""
        self._book.settle()
        for position in self._held():
            if position.size < 0 and self._is_thin(position):
                yield from self._tend(position, self.settings.cushion)
            elif self._is_old(position):
                yield from self._give_back(position)
        for chance in sorted(self._chances(), key=lambda one: (-one.gain, one.series.id))[:_AT_ONCE]:
            yield from self._take(chance)
        self._hedge()

    def _held(self) -> list[OptionPosition]:
        now, series = self.desk.now, self._options.series
        held = self._options.held_by(self.desk.address)
        return [p for p in held if p.series in series and series[p.series].expiry > now]

    # ----------------------------------------------------------------- chances

    def _chances(self) -> Iterator[_Chance]:
        """The best trade of each series and side that gains enough."""
        options, least = self._options, self.settings.least_profit_usd
        if not options.is_fresh():
            return
        gas = self.desk.gas_price_usd(TRADE_GAS)
        for series in [*options.of_kind("call"), *options.of_kind("put")]:
            worth = self._worth(series)
            if worth is None or not options.can_trade(series.id):
                continue
            for side in (1, -1):
                best = self._best(series, side, worth)
                if best is not None and best.gain - gas >= least:
                    yield best._replace(gain=best.gain - gas)

    def _best(self, series: OptionSeries, side: int, worth: float) -> _Chance | None:
        """The size that gains most before gas, None where not even the smallest does."""
        if self._unit_gain(series, side * self._options.min_size, worth) <= 0:
            return None
        found: _Chance | None = None
        largest = self._largest(series, side, worth)
        for part in _SIZES:
            size = side * to_wad(part * largest)
            gain = 0.0 if self._dust(size) else self._unit_gain(series, size, worth) * abs(from_wad(size))
            if gain > 0 and (found is None or gain > found.gain):
                found = _Chance(gain, series, size)
        return found

    def _unit_gain(self, series: OptionSeries, size: int, worth: float) -> float:
        """What one option gains after the fee and its first hedge [usd]."""
        quote = self._options.quote(series.id, size)
        if quote is None:
            return 0.0
        unit = worth - quote if size > 0 else quote - worth
        unit -= self._fee(quote)
        hedged = unit > 0 and self.settings.hedge.capital_usd > 0
        return unit - abs(self._greeks(series).delta) * self._spot * self.settings.hedge.fee if hedged else unit

    def _fee(self, quote: float) -> float:
        """Of one option [usd]."""
        options = self._options
        return min(options.trade_fee * options.oracle.price, options.fee_cap * quote)

    def _largest(self, series: OptionSeries, side: int, worth: float) -> float:
        """Options that its money for one trade pays for or carries."""
        money = self.settings.most * self._usd(self._options.cash(self.desk.address))
        unit = worth if side > 0 else (self._options.initial(series.id) or 0.0) * self.settings.cushion
        return max(0.0, money) / unit if unit > 0 else 0.0

    # ------------------------------------------------------------------- trade

    def _take(self, chance: _Chance) -> Life:
        """Ask the chain, and trade if it still gains."""
        series, size = chance.series, chance.size
        preview = self._options.preview_trade(self.desk.address, series.id, size)
        worth = self._worth(series)
        if preview is None or worth is None:
            return
        gain = (worth - from_wad(preview.price)) * from_wad(size) - self._costs(preview)
        if gain >= self.settings.least_profit_usd and (yield from self._fill(series, size, preview.price)):
            self._since.setdefault(series.id, self.desk.elapsed)

    def _fill(self, series: OptionSeries, size: int, price: int) -> Life:
        """Trade, with collateral for what is written by it."""
        owner = self.desk.address
        held = self._options.positions.get((owner, series.id))
        then = size + (held.size if held else 0)
        collateral = 0
        if then < 0:
            unit = self._options.initial(series.id)
            if unit is None:
                return False
            wanted = self._margin(unit * -from_wad(then) * self.settings.cushion)
            collateral = min(wanted - (held.collateral if held else 0), max(0, self._options.cash(owner)))
        return bool((yield from self._trade(series, size, price, collateral)))

    def _is_thin(self, position: OptionPosition) -> bool:
        unit = self._options.maintenance(position.series)
        return unit is not None and self._margin(unit * -from_wad(position.size) * _KEPT) > position.collateral

    def _is_old(self, position: OptionPosition) -> bool:
        since = self._since.get(position.series, self.desk.elapsed)
        return bool(self.desk.elapsed - since > 3600 * self.settings.patience_hours)

    def _give_back(self, position: OptionPosition) -> Life:
        """Close a position where that pays for its gas."""
        options, size = self._options, -position.size
        preview = options.preview_trade(self.desk.address, position.series, size)
        if preview is None or from_wad(preview.price) * abs(from_wad(size)) < self._costs(preview):
            return
        if (yield from self._trade(options.series[position.series], size, preview.price)):
            self._since.pop(position.series, None)

    # ------------------------------------------------------------------- hedge

    def _hedge(self) -> None:
        """Bring delta to the edge of its band."""
        delta = gamma = 0.0
        for position in self._held():
            greeks, size = self._greeks(self._options.series[position.series]), from_wad(position.size)
            delta, gamma = delta + size * greeks.delta, gamma + size * greeks.gamma
        band = self._book.band(gamma, self.settings.capital_usd + max(0.0, self._book.equity))
        if self._book.hedge(delta, band):
            owner = str(self.desk.address)
            self.desk.note(self.desk.agent, [(owner, name, value) for name, value in self._book.measures()])
