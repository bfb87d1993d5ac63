"""Sellers of volatility for yield: they write puts against money or calls against the asset, week after week.

They write what is far enough out of the money that it seldom pays, if what they get for it is more than they expect to
lose and a yield that satisfies them. With leverage they post only a part of what a put may cost; when its margin is
nearly gone some add money, some buy it back, and the others hope.
"""

import math
from typing import Any, ClassVar, Literal

import simpy
from pydantic import Field, model_validator

from simulator.agents.base import Desk, Life, newest
from simulator.agents.option_agent import OptionAgent, OptionAgentSettings
from simulator.agents.perp_trader import FearSettings
from simulator.protocols import option_math
from simulator.protocols.genesis import Genesis
from simulator.protocols.option_capability import OptionPosition, OptionSeries, TradePreview
from simulator.settings import ANNUAL, HOURS, RATIO, SECONDS, SHARE, USD
from simulator.units import from_wad, to_wad

_DAY = 86_400
_STEP = 0.02  # move of the price against them at which they look at their margin
_TRIES = 4  # sizes, each smaller, that a seller asks a quote for


class VolatilitySellerSettings(OptionAgentSettings):
    """A group of sellers. A delta of a tenth is what a large vault of covered calls wrote (Ribbon)."""

    kind: Literal["call", "put"] = Field("put", description="puts against money, or calls covered by the asset")
    capital_usd: float = Field(20_000.0, ge=0, description="median of what one has", json_schema_extra=USD)
    capital_sigma: float = Field(1.0, ge=0, le=5, description="lognormal sd of that")
    leverage: float = Field(
        1.0, gt=0, le=20, description="strikes of what it writes over its money", json_schema_extra=RATIO
    )
    posted: float = Field(
        1.0, gt=0, le=1, description="share of its money that is collateral at once", json_schema_extra=SHARE
    )
    delta: float = Field(0.1, gt=0, lt=1, description="of what it writes, either sign")
    tenor_days: float = Field(7.0, gt=0, description="time to expiry", json_schema_extra={"unit": "days"})
    least_yield: float = Field(0.1, description="premium less costs over its money", json_schema_extra=ANNUAL)
    expected_volatility: float = Field(
        0.5, ge=0, le=10, description="by which it reckons what it will lose", json_schema_extra=ANNUAL
    )
    alert: float = Field(
        0.8, gt=0, le=1, description="maintenance margin over collateral at which it is afraid", json_schema_extra=SHARE
    )
    habits: FearSettings = Field(default_factory=FearSettings, description="what they do then")
    look_hours: float = Field(6.0, gt=0, description="mean time between looks (exponential)", json_schema_extra=HOURS)
    reaction_seconds: float = Field(
        300.0, ge=0, description="mean time until one acts on fear (exponential)", json_schema_extra=SECONDS
    )
    calm_hours: float = Field(
        24.0, ge=0, description="after which one who was afraid writes again", json_schema_extra=HOURS
    )

    @model_validator(mode="after")
    def _calls_are_covered(self) -> "VolatilitySellerSettings":
        if self.kind == "call" and self.leverage > 1:
            raise ValueError(f"leverage = {self.leverage:g}: must be <= 1 for calls, which the asset covers")
        return self


class VolatilitySeller(OptionAgent):
    """One of them. Money and habit are drawn from the group's settings."""

    Settings: ClassVar[Any] = VolatilitySellerSettings

    def __init__(self, desk: Desk, settings: VolatilitySellerSettings) -> None:
        super().__init__(desk, settings)
        random, habits = desk.random, settings.habits
        self._capital = settings.capital_usd * math.exp(settings.capital_sigma * random.standard_normal())
        habit = float(random.random())
        self._tops_up = habit < habits.top_up
        self._closes = not self._tops_up and habit < habits.top_up + habits.close
        self._calm_at = 0.0  # [s since the start]

    @property
    def _is_covered(self) -> bool:
        return bool(self.settings.kind == "call")

    def prepare(self, genesis: Genesis) -> None:
        """Bring money, or the asset."""
        if not self._is_covered:
            self._bring(genesis, self._capital, "capital_usd")
            return
        options, owner = self._options, self.desk.address
        amount = to_wad(self._capital / genesis.price(options.asset))
        if amount:
            genesis.bring(self.desk.agent, options.asset, owner, amount, "capital_usd")
            genesis.approve(options.asset, owner, options.spender)

    # ------------------------------------------------------------------- life

    def life(self) -> Life:
        """Look at drawn times, at each surface and at moves against what is written."""
        desk = self.desk
        if not self._capital:
            return
        inbox = desk.inbox("surface")
        yield desk.sleep(3600 * float(desk.random.random()))  # not all in one block
        while True:
            written = [p for p in self._options.held_by(desk.address) if p.size < 0]
            for position in written:
                yield from self._guard(position)
            if not written and desk.elapsed >= self._calm_at:
                yield from self._write()
            yield from self._wait(inbox)

    def _wait(self, inbox: simpy.Store) -> Life:
        desk, options = self.desk, self._options
        look = desk.sleep(3600 * self.settings.look_hours * float(desk.random.standard_exponential()))
        waits: list[simpy.Event] = [look]
        if any(p.collateral for p in options.held_by(desk.address)):
            newest(inbox)
            # Puts are all that is not covered, and volatility moves their margin as the price does.
            waits += [desk.below(options.asset, self._spot * (1 - _STEP)), inbox.get()]
        yield desk.first_of(waits)
        if not look.triggered and len(waits) > 1 and not waits[-1].triggered:
            waits[-1].cancel()  # type: ignore[attr-defined]

    # ------------------------------------------------------------------- fear

    def _guard(self, position: OptionPosition) -> Life:
        """Act by habit where the margin is nearly gone."""
        options, desk, alert = self._options, self.desk, self.settings.alert
        open_ = options.uncovered(position)
        unit = options.maintenance(position.series) if open_ else None
        if unit is None or not (self._tops_up or self._closes):
            return
        if self._margin(unit * from_wad(open_)) < alert * position.collateral:
            return
        yield desk.sleep(self.settings.reaction_seconds * float(desk.random.standard_exponential()))
        if self._tops_up and (yield from self._tend(position, 2 / alert)):
            return
        if self._closes and position.size < 0 and options.can_trade(position.series):
            yield from self._buy_back(position)

    def _buy_back(self, position: OptionPosition) -> Life:
        preview = self._options.preview_trade(self.desk.address, position.series, -position.size)
        if preview is not None:
            series = self._options.series[position.series]
            if (yield from self._trade(series, -position.size, preview.price)):
                self._calm_at = self.desk.elapsed + 3600 * self.settings.calm_hours

    # ------------------------------------------------------------------- write

    def _write(self) -> Life:
        """Write the series of its delta, as much as its means carry, if it pays."""
        options, owner = self._options, self.desk.address
        if options.free_base(owner):
            yield from self._try(options.withdraw_base(owner))
        series = self._wanted()
        if series is None:
            return
        size, means = self._means(series)
        for _ in range(_TRIES):
            if self._dust(size):
                return
            preview = options.preview_trade(owner, series.id, -size, size if self._is_covered else 0)
            if preview is None:
                return
            posted = self._posted(series, size, preview)
            if posted is None:
                size = size * 4 // 5
                continue
            if self._pays(series, size, preview, means):
                base = size if self._is_covered else 0
                yield from self._trade(series, -size, preview.price, posted, base)
                return
            size //= 2  # the quote falls with the size

    def _wanted(self) -> OptionSeries | None:
        """Of the expiry nearest to its tenor, the series nearest to its delta."""
        options, kind = self._options, self.settings.kind
        expiry = self.desk.now + round(self.settings.tenor_days * _DAY)
        nearest = options.nearest(kind, self._spot, expiry)
        if nearest is None:
            return None
        found = [s for s in options.of_kind(kind) if s.expiry == nearest.expiry and options.can_trade(s.id)]
        wanted = self.settings.delta
        return min(found, key=lambda one: abs(abs(self._greeks(one).delta) - wanted), default=None)

    def _means(self, series: OptionSeries) -> tuple[int, float]:
        """The most that it may write [size wad], and what it has [usd]."""
        options, leverage = self._options, self.settings.leverage
        if self._is_covered:
            held = self.desk.balance(options.asset)
            return to_wad(from_wad(held) * leverage), from_wad(held) * self._spot
        means = self._usd(options.cash(self.desk.address))
        return to_wad(max(0.0, means) * leverage / series.strike), means

    def _posted(self, series: OptionSeries, size: int, preview: TradePreview) -> int | None:
        """The collateral [margin wad] that it puts up, no more than can be lost; None where that is too little."""
        if self._is_covered:
            return 0
        money = self._options.cash(self.desk.address) - preview.fee
        posted = min(self._margin(series.strike * from_wad(size)), round(money * self.settings.posted))
        return posted if posted >= preview.required else None

    def _pays(self, series: OptionSeries, size: int, preview: TradePreview, means: float) -> bool:
        """Whether the premium less costs is more than it expects to pay, and enough for its money."""
        terms = self._terms(series)
        if terms is None or means <= 0:
            return False
        expected = 0.0
        if self.settings.expected_volatility:
            opinion = terms._replace(volatility=self.settings.expected_volatility)
            expected = option_math.price(opinion, is_call=self._is_covered)
        net = from_wad(preview.price) * from_wad(size) - self._costs(preview)
        enough: float = self.settings.least_yield * means * terms.years
        return net > expected * from_wad(size) and net >= enough
