"""Buyers of protection: puts of those who hold the asset and fear its fall, calls of those who fear to miss its rise.

Some always have it. The others buy when the price has moved too far against them within the last hours, and in fear
they pay more than an option is worth. They sell back what has become worth a multiple of its price, and otherwise keep
it until it expires.
"""

import math
from typing import Any, ClassVar, Literal

import simpy
from pydantic import Field

from simulator.agents.base import Desk, Life
from simulator.agents.option_agent import TRADE_GAS, OptionAgent, OptionAgentSettings
from simulator.protocols.genesis import Genesis
from simulator.protocols.option_capability import OptionPosition, OptionSeries
from simulator.settings import HOURS, RATIO, SECONDS, SHARE, USD
from simulator.units import WAD, from_wad, to_wad

_DAY = 86_400
_SMALLEST = 16  # the part of what they want below which they would rather have nothing
_GAS_SHARE = 0.1  # of a premium, above which gas is too dear


class ProtectionBuyerSettings(OptionAgentSettings):
    """A group of buyers."""

    against: Literal["fall", "rise"] = Field("fall", description="what they fear: fall buys puts, rise buys calls")
    exposure_usd: float = Field(50_000.0, ge=0, description="median of what one protects", json_schema_extra=USD)
    exposure_sigma: float = Field(1.0, ge=0, le=5, description="lognormal sd of that")
    budget: float = Field(
        0.05, ge=0, le=1, description="most premium of one purchase, over what it protects", json_schema_extra=SHARE
    )
    moneyness: float = Field(
        0.1, ge=0, lt=1, description="how far out of the money the strike is", json_schema_extra=SHARE
    )
    tenor_days: float = Field(7.0, gt=0, description="time to expiry", json_schema_extra={"unit": "days"})
    insured: float = Field(0.2, ge=0, le=1, description="share that always has protection", json_schema_extra=SHARE)
    move: float = Field(
        0.06, gt=0, lt=1, description="median move against them that frightens the others", json_schema_extra=SHARE
    )
    move_sigma: float = Field(0.5, ge=0, le=3, description="lognormal sd of that")
    memory_hours: float = Field(24.0, gt=0, description="within which it frightens", json_schema_extra=HOURS)
    calm_premium: float = Field(
        0.1, ge=0, le=10, description="of volatility over the market's that the insured pay", json_schema_extra=SHARE
    )
    fear_premium: float = Field(
        0.5, ge=0, le=10, description="of volatility over the market's that the frightened pay", json_schema_extra=SHARE
    )
    take_profit: float = Field(
        5.0, gt=1, description="worth over price at which they sell back", json_schema_extra=RATIO
    )
    look_hours: float = Field(4.0, gt=0, description="mean time between looks (exponential)", json_schema_extra=HOURS)
    reaction_seconds: float = Field(
        600.0, ge=0, description="mean time until one acts on fear (exponential)", json_schema_extra=SECONDS
    )


class ProtectionBuyer(OptionAgent):
    """One of them. Exposure, fear and whether it is insured are drawn from the group's settings."""

    Settings: ClassVar[Any] = ProtectionBuyerSettings

    def __init__(self, desk: Desk, settings: ProtectionBuyerSettings) -> None:
        super().__init__(desk, settings)
        random = desk.random
        self._kind: Literal["call", "put"] = "put" if settings.against == "fall" else "call"
        self._sign = -1 if settings.against == "fall" else 1
        self._exposure = settings.exposure_usd * math.exp(settings.exposure_sigma * random.standard_normal())
        self._move = min(0.9, settings.move * math.exp(settings.move_sigma * random.standard_normal()))
        self._is_insured = bool(random.random() < settings.insured)
        self._is_afraid = False
        self._paid: dict[int, float] = {}  # [usd] for one option, by series
        self._seen: list[tuple[float, float]] = []  # when it looked [s since the start], the price

    def prepare(self, genesis: Genesis) -> None:
        """Bring what two purchases may cost."""
        self._bring(genesis, 2 * self.settings.budget * self._exposure, "budget")

    # ------------------------------------------------------------------- life

    def life(self) -> Life:
        """Look at drawn times, and when the price has moved too far."""
        desk, settings = self.desk, self.settings
        if not self._exposure or not settings.budget:
            return
        while True:
            self._look()
            yield desk.first_of([*self._fright(), desk.sleep(3600 * settings.look_hours * self._draw())])
            self._look()
            if self._has_moved():
                self._is_afraid = True
                yield desk.sleep(settings.reaction_seconds * self._draw())
            yield from self._act()

    def _draw(self) -> float:
        return float(self.desk.random.standard_exponential())

    def _look(self) -> None:
        """Remember the price."""
        now, memory = self.desk.elapsed, 3600 * self.settings.memory_hours
        self._seen = [(at, price) for at, price in self._seen if at > now - memory]
        self._seen.append((now, self._spot))

    def _best(self) -> float:
        """The price that it measures a move from: the highest of late where it fears a fall, else the lowest."""
        return float(self._sign * min(self._sign * price for _, price in self._seen))

    def _has_moved(self) -> bool:
        return self._sign * (self._spot / self._best() - 1) >= self._move

    def _fright(self) -> list[simpy.Event]:
        """The event of a price that frightens, none while it is out of money or afraid already."""
        if self._is_afraid or self._is_insured or self._held():
            return []
        level = self._best() * (1 + self._sign * self._move)
        watch = self.desk.above if self._sign > 0 else self.desk.below
        return [watch(self._options.asset, level)]

    def _held(self) -> list[OptionPosition]:
        now, series = self.desk.now, self._options.series
        mine = self._options.held_by(self.desk.address)
        return [p for p in mine if p.series in series and series[p.series].expiry > now]

    def _act(self) -> Life:
        held = self._held()
        for position in held:
            yield from self._take_profit(position)
        if not held and (self._is_insured or self._is_afraid):
            yield from self._buy()

    # ------------------------------------------------------------------- trade

    def _wanted(self) -> OptionSeries | None:
        """The series whose strike and tenor are nearest to what it wants, none if the next one is far too short."""
        expiry = self.desk.now + round(self.settings.tenor_days * _DAY)
        found = self._options.nearest(self._kind, self._spot * (1 + self._sign * self.settings.moneyness), expiry)
        return found if found is not None and self._options.can_trade(found.id) else None

    def _buy(self) -> Life:
        """As much as it protects, or as much less as is not too dear: a quote rises with its size."""
        series = self._wanted()
        if series is None:
            return
        premium = self.settings.fear_premium if self._is_afraid else self.settings.calm_premium
        most = self._worth(series, premium)
        size = whole = to_wad(self._exposure / self._spot)
        while most is not None and size * _SMALLEST >= whole and not self._dust(size):
            preview = self._options.preview_trade(self.desk.address, series.id, size)
            if preview is not None and from_wad(preview.price) <= most and self._affords(preview.price, size):
                costs = self.desk.gas_price_usd(TRADE_GAS)
                if costs <= _GAS_SHARE * self._usd(preview.price * size // WAD):
                    yield from self._take(series, size, preview.price)
                return
            size //= 2

    def _affords(self, price: int, size: int) -> bool:
        """Whether the premium is inside the budget and its money pays for it, fee included."""
        cost, limit = price * size // WAD, self.settings.budget * self._exposure
        most_with_fee = cost + round(cost * self._options.fee_cap)
        return self._usd(cost) <= limit and most_with_fee <= self._options.cash(self.desk.address)

    def _take(self, series: OptionSeries, size: int, price: int) -> Life:
        if (yield from self._trade(series, size, price)):
            self._paid[series.id] = from_wad(price)
            self._is_afraid = False
            self._seen.clear()

    def _take_profit(self, position: OptionPosition) -> Life:
        """Sell back what has become dear enough, if that still brings it after fee and gas."""
        series, paid = self._options.series[position.series], self._paid.get(position.series, math.inf)
        mark = self._options.mark(series.id)
        if mark is None or mark < self.settings.take_profit * paid or not self._options.can_trade(series.id):
            return
        preview = self._options.preview_trade(self.desk.address, series.id, -position.size)
        if preview is None:
            return
        brought = from_wad(preview.price) * from_wad(position.size) - self._costs(preview)
        if brought >= self.settings.take_profit * paid * from_wad(position.size):
            yield from self._trade(series, -position.size, preview.price)
