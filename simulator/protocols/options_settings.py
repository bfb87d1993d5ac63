"""What an option market's table says. Money is in dollars at the prices of the start."""

from typing import Any

from pydantic import Field, model_validator

from simulator.oracle_faults import Fault
from simulator.protocols.perps_settings import LiquiditySettings
from simulator.settings import ANNUAL, HOURS, MINUTES, RATIO, SHARE, TOKENS, USD, Settings

_DAYS: dict[str, Any] = {"unit": "days"}


class SurfaceSettings(Settings):
    """What the surface of implied volatility accepts from its reporters."""

    max_age_minutes: float = Field(
        20.0, ge=1, le=43_200, description="age above which a report has no prices", json_schema_extra=MINUTES
    )
    min_volatility: float = Field(
        0.1, ge=0.01, le=20, description="lowest that is reported or priced by", json_schema_extra=ANNUAL
    )
    max_volatility: float = Field(
        3.0, ge=0.01, le=20, description="highest that is reported or priced by", json_schema_extra=ANNUAL
    )
    max_move: float = Field(
        0.5,
        ge=0,
        le=100,
        description="move at the money, over what it was, above which trading halts; 0: any",
        json_schema_extra=SHARE,
    )
    cooldown_minutes: float = Field(
        60.0, ge=0, le=10_080, description="for which trading is halted then", json_schema_extra=MINUTES
    )
    max_rate: float = Field(0.5, ge=0, le=1, description="of rate and carry, either way", json_schema_extra=ANNUAL)

    @model_validator(mode="after")
    def _in_order(self) -> "SurfaceSettings":
        if self.min_volatility > self.max_volatility:
            raise ValueError(f"min_volatility = {self.min_volatility:g}: must be <= max_volatility")
        return self


class ExpirySettings(Settings):
    """How the price of an expiry is found where the feed has stalled."""

    max_age_minutes: float = Field(
        60.0, ge=0, le=10_080, description="age of the last round at expiry up to which it settles",
        json_schema_extra=MINUTES,
    )  # fmt: skip
    grace_hours: float = Field(
        6.0, ge=0, le=168, description="in which the first round after expiry settles instead", json_schema_extra=HOURS
    )
    owner_hours: float = Field(
        24.0, ge=0, le=168, description="in which the owner may name the price then", json_schema_extra=HOURS
    )
    bound: float = Field(
        0.2, ge=0, lt=1, description="by which that may differ from the last round", json_schema_extra=SHARE
    )


class QuoteSettings(Settings):
    """What trading costs, and how far a trade moves volatility."""

    volatility_spread: float = Field(0.02, ge=0, le=0.5, description="of volatility, each way", json_schema_extra=SHARE)
    depth_usd: float = Field(
        10_000_000.0, gt=0, description="net notional of a strike that would double its volatility",
        json_schema_extra=USD,
    )  # fmt: skip
    max_shift: float = Field(
        0.4, ge=0, le=0.9, description="of volatility by what was traded, each way", json_schema_extra=SHARE
    )
    trade_fee: float = Field(
        0.0003, ge=0, le=0.1, description="of the index price, for each option", json_schema_extra=SHARE
    )
    fee_cap: float = Field(0.125, ge=0, le=1, description="of the option's price, at most", json_schema_extra=SHARE)
    fund_share: float = Field(
        0.2, ge=0, le=1, description="of that fee, the rest is the pool's", json_schema_extra=SHARE
    )

    @model_validator(mode="after")
    def _leaves_volatility(self) -> "QuoteSettings":
        if self.max_shift + self.volatility_spread > 0.9:
            raise ValueError(f"max_shift = {self.max_shift:g}: with volatility_spread it must be <= 0.9")
        return self


class WritingSettings(Settings):
    """What written options must be backed with, beside their value."""

    initial: float = Field(
        0.15, ge=0, le=1, description="of the index price, less what it is out of the money", json_schema_extra=SHARE
    )
    minimum: float = Field(0.1, ge=0, le=1, description="of the index price, at least", json_schema_extra=SHARE)
    maintenance: float = Field(
        0.075, ge=0, le=1, description="of the index price, below which it is liquidated", json_schema_extra=SHARE
    )
    liquidation_fee: float = Field(
        0.01, ge=0, le=1, description="of the index price, for each option bought back", json_schema_extra=SHARE
    )
    liquidator_share: float = Field(
        0.5, ge=0, le=1, description="of that fee, the rest is the insurance fund's", json_schema_extra=SHARE
    )

    @model_validator(mode="after")
    def _in_order(self) -> "WritingSettings":
        if not self.liquidation_fee <= self.maintenance <= self.minimum <= self.initial:
            raise ValueError(
                f"liquidation_fee = {self.liquidation_fee:g}, maintenance = {self.maintenance:g}, minimum = "
                f"{self.minimum:g}, initial = {self.initial:g}: each must be <= the next"
            )
        return self


class BoundSettings(Settings):
    """What may be traded and listed."""

    min_size: float = Field(
        0.01, gt=0, description="of a trade that does not close, in options", json_schema_extra=TOKENS
    )
    capital_ratio: float = Field(
        0.5, ge=0, le=10, description="pool capital bound by the notional it has sold", json_schema_extra=RATIO
    )
    cutoff_minutes: float = Field(
        10.0, ge=1 / 60, le=1_440, description="before expiry in which nothing is traded", json_schema_extra=MINUTES
    )
    longest_days: float = Field(
        400.0, ge=1, le=1_825, description="to the expiry of a new series", json_schema_extra=_DAYS
    )
    base_discount: float = Field(
        0.005, ge=0, le=0.1, description="off the index price, for base that the pool sells", json_schema_extra=SHARE
    )


class BarrierSettings(Settings):
    """Puts that die when the feed is at or below a part of their strike."""

    ratio: float = Field(
        0.0, ge=0, lt=1, description="of the strike, that kills; 0: there are none", json_schema_extra=SHARE
    )
    report_minutes: float = Field(
        120.0, ge=0, le=1_440, description="after expiry in which a round may still be shown", json_schema_extra=MINUTES
    )

    @model_validator(mode="after")
    def _can_be(self) -> "BarrierSettings":
        if 0 < self.ratio < 0.01:
            raise ValueError(f"ratio = {self.ratio:g}: must be 0 or >= 0.01")
        return self


class OptionPauseSettings(Fault):
    """A span in which parts of the market are shut, by governance."""

    trading: bool = Field(True, description="whether trades are refused")
    withdrawals: bool = Field(True, description="whether withdrawals of accounts and of the pool are refused")


class OptionSettings(Settings):
    """One option market with its surface, its settlement prices and its pool."""

    asset: str = Field("ETH", description="market symbol of the underlying")
    margin_asset: str = Field("DOLLAR", description="market symbol of the money")
    surface: SurfaceSettings = Field(default_factory=SurfaceSettings, description="what reports are accepted")
    expiry: ExpirySettings = Field(default_factory=ExpirySettings, description="how a price of settlement is found")
    quotes: QuoteSettings = Field(default_factory=QuoteSettings, description="what trading costs")
    writing: WritingSettings = Field(default_factory=WritingSettings, description="margin of written options")
    limits: BoundSettings = Field(default_factory=BoundSettings, description="what may be traded and listed")
    barrier: BarrierSettings = Field(default_factory=BarrierSettings, description="puts with a barrier")
    pool: LiquiditySettings = Field(default_factory=LiquiditySettings, description="everybody's counterparty")
    fund_usd: float = Field(0.0, ge=0, description="insurance fund at the start", json_schema_extra=USD)
    pauses: tuple[OptionPauseSettings, ...] = Field(
        (), description="when governance shuts it: a list of tables with id, from, to and what is shut"
    )
