"""What a perpetual market's table says, and how its numbers reach the contracts.

Money is in dollars at the prices of the start: of the margin token where an amount is held, of the asset where it is a
size.
"""

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from simulator.oracle_faults import Fault
from simulator.settings import HOURS, MINUTES, RATIO, SECONDS, SHARE, USD, Settings

RULES = ("ranked", "pro-rata")  # as in IBackstop.Rule
MODES = ("premium", "velocity")  # as in IPerpMarket.FundingMode


class MarginSettings(Settings):
    """What positions must be backed with."""

    initial: float = Field(
        0.1, gt=0, le=1, description="of notional, that a trade or withdrawal must leave", json_schema_extra=SHARE
    )
    maintenance: float = Field(
        0.05, gt=0, le=1, description="of notional, below which an account is liquidated", json_schema_extra=SHARE
    )
    liquidation_fee: float = Field(
        0.01, ge=0, le=0.1, description="of the notional closed, from the account", json_schema_extra=SHARE
    )
    liquidator_share: float = Field(
        0.5, ge=0, le=1, description="of that fee, the rest is the insurance fund's", json_schema_extra=SHARE
    )
    whole_below_usd: float = Field(
        1_000.0, ge=0, description="notional below which a position is liquidated whole", json_schema_extra=USD
    )

    @model_validator(mode="after")
    def _in_order(self) -> "MarginSettings":
        if not self.liquidation_fee < self.maintenance < self.initial:
            raise ValueError(
                f"liquidation_fee = {self.liquidation_fee:g}, maintenance = {self.maintenance:g}, initial = "
                f"{self.initial:g}: each must be below the next"
            )
        return self


class TradeFeeSettings(Settings):
    """What trading costs."""

    trade: float = Field(0.0005, ge=0, le=0.1, description="of the notional traded", json_schema_extra=SHARE)
    fund_share: float = Field(
        0.2, ge=0, le=1, description="of that fee, the rest is the pool's", json_schema_extra=SHARE
    )


class LimitSettings(Settings):
    """How large the market may get, and how far a trade moves its premium."""

    skew_scale_usd: float = Field(
        500_000_000.0, gt=0, description="net position at which the premium would be 1", json_schema_extra=USD
    )
    open_interest_usd: float = Field(20_000_000.0, ge=0, description="most of each side", json_schema_extra=USD)
    skew_usd: float = Field(10_000_000.0, ge=0, description="most net position, either way", json_schema_extra=USD)
    capital_ratio: float = Field(
        0.5, ge=0, le=10, description="pool capital bound by net notional", json_schema_extra=RATIO
    )

    @model_validator(mode="after")
    def _in_order(self) -> "LimitSettings":
        if not self.skew_usd <= self.open_interest_usd <= self.skew_scale_usd / 2:
            raise ValueError(
                f"skew_usd = {self.skew_usd:g} must be <= open_interest_usd = {self.open_interest_usd:g} <= half of "
                f"skew_scale_usd = {self.skew_scale_usd:g}"
            )
        return self


class OrderSettings(Settings):
    """How trades fill."""

    delay_seconds: int = Field(
        0,
        ge=0,
        le=604_800,
        description="between an order and its fill; 0: trades fill at once",
        json_schema_extra=SECONDS,
    )
    lifetime_minutes: float = Field(
        10.0, gt=0, le=10_080, description="after the delay, then it can only be cancelled", json_schema_extra=MINUTES
    )
    tip_usd: float = Field(0.0, ge=0, description="from the account to whoever executes", json_schema_extra=USD)


class FundingRuleSettings(Settings):
    """What longs pay shorts: (P + clamp(interest - P)) a period by the mean premium P, or a rate that P moves."""

    mode: Literal["premium", "velocity"] = Field("premium", description="the rate follows the premium, or moves by it")
    max_daily: float = Field(
        0.1, ge=0, le=10, description="bound of the rate, either way", json_schema_extra={"unit": "share a day"}
    )
    period_hours: float = Field(
        8.0, ge=1 / 60, le=168, description="that premium, interest and clamp are rates for", json_schema_extra=HOURS
    )
    interval_hours: float = Field(1.0, ge=1 / 3600, le=168, description="between charges", json_schema_extra=HOURS)
    interest: float = Field(
        0.0001,
        ge=-0.1,
        le=0.1,
        description="that the rate has at no premium",
        json_schema_extra={"unit": "share a period"},
    )
    clamp: float = Field(
        0.0005,
        ge=0,
        le=1,
        description="interest less premium counts up to this much, either way",
        json_schema_extra={"unit": "share a period"},
    )
    velocity: float = Field(
        10.0,
        ge=0,
        le=100,
        description="change of the rate at a premium of 1 (velocity)",
        json_schema_extra={"unit": "share a day, a day"},
    )


class BackstopSettings(Settings):
    """Who pays for bankrupt accounts."""

    fund_usd: float = Field(0.0, ge=0, description="insurance fund at the start", json_schema_extra=USD)
    rule: Literal["ranked", "pro-rata"] = Field(
        "ranked", description="auto-deleveraging by profit and leverage, or of everybody the same share"
    )
    trigger_usd: float = Field(0.0, ge=0, description="shortfall above which it begins", json_schema_extra=USD)
    floor_usd: float = Field(0.0, ge=0, description="shortfall at which it ends", json_schema_extra=USD)
    patience_minutes: float = Field(
        60.0, ge=0, le=43_200, description="for which it may go on before the pool pays", json_schema_extra=MINUTES
    )

    @field_validator("floor_usd")
    @classmethod
    def _no_more_than_trigger(cls, floor: float, info: ValidationInfo) -> float:
        if floor > info.data.get("trigger_usd", floor):
            raise ValueError(f"must be <= trigger_usd ({info.data['trigger_usd']:g})")
        return floor


class LiquiditySettings(Settings):
    """The depositors who are everybody's counterparty."""

    liquidity_usd: float = Field(5_000_000.0, ge=0, description="deposited at the start", json_schema_extra=USD)
    delay_minutes: float = Field(
        0.0, ge=0, le=43_200, description="between asking to leave and leaving; 0: no queue", json_schema_extra=MINUTES
    )
    window_minutes: float = Field(
        1_440.0, ge=1 / 60, le=43_200, description="after the delay in which one may leave", json_schema_extra=MINUTES
    )


class PauseSettings(Fault):
    """A span in which parts of the market are shut, by governance."""

    trading: bool = Field(True, description="whether trades and orders are refused")
    withdrawals: bool = Field(True, description="whether withdrawals of accounts and of the pool are refused")
    liquidations: bool = Field(True, description="whether liquidations are refused")


class DelaySettings(Fault):
    """A span in which orders settle later, by governance."""

    delay_seconds: int = Field(
        ge=0, le=604_800, description="between an order and its fill meanwhile", json_schema_extra=SECONDS
    )


class PerpSettings(Settings):
    """One perpetual market with its pool and its backstop."""

    asset: str = Field("ETH", description="market symbol of what it follows")
    kind: Literal["linear", "inverse"] = Field(
        "linear", description="margin and profit in a stablecoin, or in the asset itself"
    )
    margin_asset: str = Field("", description="market symbol of the margin; empty: DOLLAR, or the asset where inverse")
    margin: MarginSettings = Field(default_factory=MarginSettings, description="what positions must be backed with")
    fees: TradeFeeSettings = Field(default_factory=TradeFeeSettings, description="what trading costs")
    limits: LimitSettings = Field(default_factory=LimitSettings, description="how large it may get")
    orders: OrderSettings = Field(default_factory=OrderSettings, description="how trades fill")
    funding: FundingRuleSettings = Field(default_factory=FundingRuleSettings, description="what longs pay shorts")
    backstop: BackstopSettings = Field(default_factory=BackstopSettings, description="who pays for bankrupt accounts")
    pool: LiquiditySettings = Field(default_factory=LiquiditySettings, description="everybody's counterparty")
    pauses: tuple[PauseSettings, ...] = Field(
        (), description="when governance shuts it: a list of tables with id, from, to and what is shut"
    )
    delays: tuple[DelaySettings, ...] = Field(
        (), description="when governance delays settlement: a list of tables with id, from, to and delay_seconds"
    )

    @model_validator(mode="after")
    def _margin_fits(self) -> "PerpSettings":
        if self.kind == "inverse" and self.margin_asset not in ("", self.asset):
            raise ValueError(f"margin_asset = {self.margin_asset}: must be {self.asset} where kind is inverse")
        return self

    @property
    def inverse(self) -> bool:
        """Whether margin is the asset and size counts Dollars."""
        return self.kind == "inverse"

    @property
    def margin_symbol(self) -> str:
        """The market symbol of the margin."""
        return self.margin_asset or (self.asset if self.inverse else "DOLLAR")
