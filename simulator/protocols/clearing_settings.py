"""What a clearinghouse's table says. Money is in dollars at the prices of the start."""

from typing import Any

from pydantic import Field, field_validator, model_validator

from simulator.settings import COUNT, HOURS, MINUTES, RATIO, SHARE, TOKENS, USD, Settings

_DAYS: dict[str, Any] = {"unit": "days"}
_MOST_SHOCKS = 32  # as in PortfolioRisk


class AuctionSettings(Settings):
    """How a book that lacks margin is sold whole."""

    start_share: float = Field(
        0.95, ge=0.5, le=1, description="of its equity, at which an auction starts", json_schema_extra=SHARE
    )
    length_minutes: float = Field(
        60.0, ge=1, le=1_440, description="until it costs nothing, or its reward is highest", json_schema_extra=MINUTES
    )
    max_reward: float = Field(
        0.5, ge=0, le=1, description="of the requirement, for whoever takes a book worth nothing",
        json_schema_extra=SHARE,
    )  # fmt: skip
    fee: float = Field(0.02, ge=0, le=0.5, description="of what is paid, for the house's fund", json_schema_extra=SHARE)


class WaterfallSettings(Settings):
    """Who pays for accounts that are worth less than nothing."""

    house_usd: float = Field(0.0, ge=0, description="the house's fund at the start", json_schema_extra=USD)
    members_usd: float = Field(
        0.0, ge=0, description="the members' fund at the start, by a first member", json_schema_extra=USD
    )
    quit_hours: float = Field(
        24.0, ge=0, le=720, description="between announcing to leave it and leaving", json_schema_extra=HOURS
    )


class PortfolioSettings(Settings):
    """Portfolio margin: the most a book loses under any of a grid of shocks, and add-ons."""

    spots: tuple[float, ...] = Field(
        (-0.2, -0.133, -0.067, 0.0, 0.067, 0.133, 0.2), description="shocks of the price, relative; each with each of"
    )
    volatilities: tuple[float, ...] = Field((0.6, 0.0, -0.3), description="shocks of 30-day volatility, relative")
    extremes: tuple[tuple[float, float], ...] = Field(
        ((-0.3, 0.6), (0.3, 0.6)), description="further pairs of both: a list of [spot, volatility]"
    )
    factor: float = Field(
        1.25, ge=1, le=3, description="by which shocks are larger for initial margin", json_schema_extra=RATIO
    )
    contingency: float = Field(
        0.01, ge=0, le=1, description="of the exposure, beside the worst loss", json_schema_extra=SHARE
    )
    depeg_below: float = Field(
        0.99, ge=0, le=1, description="price of the money below which more is needed", json_schema_extra=RATIO
    )
    depeg_multiple: float = Field(
        4.0, ge=0, le=100, description="of the exposure, for each part it is below", json_schema_extra=RATIO
    )
    confidence_below: float = Field(
        0.0, ge=0, le=1, description="confidence of the oracle below which more is needed; 0: it is not asked for",
        json_schema_extra=SHARE,
    )  # fmt: skip
    confidence_multiple: float = Field(
        1.0, ge=0, le=100, description="of the exposure, for each part it is below", json_schema_extra=RATIO
    )

    @property
    def shocks(self) -> tuple[tuple[float, float], ...]:
        """Pairs of spot and volatility, relative."""
        return (*((s, v) for s in self.spots for v in self.volatilities), *self.extremes)

    @model_validator(mode="after")
    def _are_known(self) -> "PortfolioSettings":
        if not 1 <= len(self.shocks) <= _MOST_SHOCKS:
            raise ValueError(f"{len(self.shocks)} shocks; must be 1 to {_MOST_SHOCKS}")
        for pair in self.shocks:
            if not all(-0.9 <= shock <= 5 for shock in pair):
                raise ValueError(f"shock {pair}: both must be within [-0.9, 5]")
        return self


class CollateralSettings(Settings):
    """An asset that accounts may hold beside cash."""

    haircut: float = Field(0.2, ge=0, le=1, description="of its value that counts as required", json_schema_extra=SHARE)
    beta: float = Field(
        1.0, ge=0, le=2, description="how it moves with the underlying: 1 as itself, 0 as cash", json_schema_extra=RATIO
    )
    limit: float = Field(1e6, ge=0, le=1e12, description="most of all accounts", json_schema_extra=TOKENS)


class PowerSettings(Settings):
    """A perpetual on the square of the price, as a token."""

    scale: float = Field(
        10_000.0, ge=1, le=1e12, description="that the squared price is divided by", json_schema_extra=USD
    )
    ratio: float = Field(1.5, gt=1, le=10, description="collateral over debt at the venue", json_schema_extra=RATIO)
    target: float = Field(
        1.8, gt=1, le=20, description="collateral over debt that the clearinghouse keeps there", json_schema_extra=RATIO
    )
    bounty: float = Field(0.1, ge=0, le=0.5, description="for liquidators there", json_schema_extra=SHARE)
    close_factor: float = Field(
        0.5, gt=0, le=1, description="of a debt that one liquidation repays", json_schema_extra=SHARE
    )
    debt_floor_usd: float = Field(500.0, gt=0, description="least collateral of a debt", json_schema_extra=USD)
    period_days: float = Field(17.5, ge=1, le=365, description="of its funding", json_schema_extra=_DAYS)
    lowest_mark: float = Field(0.8, ge=0.1, le=1, description="of the index, that counts", json_schema_extra=RATIO)
    highest_mark: float = Field(1.4, ge=1, le=10, description="of the index, that counts", json_schema_extra=RATIO)

    @model_validator(mode="after")
    def _in_order(self) -> "PowerSettings":
        if not 1 + self.bounty < self.ratio < self.target:
            raise ValueError(
                f"1 + bounty = {1 + self.bounty:g}, ratio = {self.ratio:g}, target = {self.target:g}: "
                "each must be below the next"
            )
        return self


class SwapSettings(Settings):
    """Variance swaps on the rounds of the feed, offered at implied variance by a desk of its own."""

    interval_hours: float = Field(
        1.0, ge=1 / 60, le=168, description="between samples of the price", json_schema_extra=HOURS
    )
    max_age_minutes: float = Field(
        60.0, ge=0, le=10_080, description="of a round at its sample, at most an interval", json_schema_extra=MINUTES
    )
    cap: float = Field(
        2.5, gt=1, le=100, description="strike variances that realised variance counts at most", json_schema_extra=RATIO
    )
    offers: int = Field(0, ge=0, le=100, description="swaps offered at the start", json_schema_extra=COUNT)
    offer_hours: float = Field(24.0, gt=0, le=8_760, description="from first to last sample", json_schema_extra=HOURS)
    offer_start_hours: float = Field(
        1.0, gt=0, le=8_760, description="from the start to the first sample", json_schema_extra=HOURS
    )
    offer_usd: float = Field(10_000.0, gt=0, description="paid for 1.00 of volatility", json_schema_extra=USD)
    offer_volatility: float = Field(
        0.8, gt=0, le=10, description="strike of those offered", json_schema_extra={"unit": "a year"}
    )

    @model_validator(mode="after")
    def _age_fits(self) -> "SwapSettings":
        if self.max_age_minutes > self.interval_hours * 60:
            raise ValueError(f"max_age_minutes = {self.max_age_minutes:g}: must be <= interval_hours in minutes")
        return self


class ClearingSettings(Settings):
    """One clearinghouse with its instruments and risk models."""

    asset: str = Field("ETH", description="market symbol of what its instruments are on")
    margin_asset: str = Field("DOLLAR", description="market symbol of the money")
    options: str = Field("options", description="table of the option market")
    perps: str = Field("", description="table of the perpetual market; empty: none")
    perp_target: float = Field(
        0.2, gt=0, le=1, description="margin over notional that it keeps there", json_schema_extra=SHARE
    )
    auction: AuctionSettings = Field(default_factory=AuctionSettings, description="how failed books are sold")
    waterfall: WaterfallSettings = Field(default_factory=WaterfallSettings, description="who pays for losses")
    portfolio: PortfolioSettings = Field(default_factory=PortfolioSettings, description="margin of whole books")
    collateral: dict[str, CollateralSettings] = Field(
        default_factory=dict, description="by market symbol, what accounts may hold beside cash"
    )
    power: PowerSettings | None = Field(None, description="the squared perpetual; absent: none")
    swaps: SwapSettings | None = Field(None, description="variance swaps; absent: none")

    @field_validator("collateral")
    @classmethod
    def _few(cls, collateral: dict[str, CollateralSettings]) -> dict[str, CollateralSettings]:
        if len(collateral) > 8:
            raise ValueError(f"{len(collateral)} collaterals; must be 8 at most")
        return collateral
