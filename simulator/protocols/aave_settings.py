"""The table of an Aave V3 market in a scenario."""

from pydantic import Field, model_validator

from simulator.settings import ANNUAL, SHARE, USD, Settings


class AaveCollateralSettings(Settings):
    """One collateral. The defaults are those of ether in the Ethereum market in 2023."""

    ltv: float = Field(
        0.8, gt=0, lt=1, description="most debt over collateral that an owner may leave", json_schema_extra=SHARE
    )
    liquidation_threshold: float = Field(
        0.825,
        gt=0,
        lt=1,
        description="debt over collateral above which anybody may liquidate",
        json_schema_extra=SHARE,
    )
    liquidation_bonus: float = Field(
        0.05, gt=0, le=1, description="collateral over what a liquidator repays", json_schema_extra=SHARE
    )
    protocol_fee: float = Field(
        0.1, ge=0, le=1, description="the treasury's share of the bonus", json_schema_extra=SHARE
    )

    @model_validator(mode="after")
    def _can_be_liquidated(self) -> "AaveCollateralSettings":
        if self.ltv > self.liquidation_threshold:
            raise ValueError(f"ltv = {self.ltv:g}; must be <= liquidation_threshold")
        if self.liquidation_threshold * (1 + self.liquidation_bonus) > 1:
            raise ValueError("liquidation_threshold * (1 + liquidation_bonus) must be <= 1")
        return self


class AaveSettings(Settings):
    """A market of its own: some collaterals that are not lent, and one asset that is."""

    dollar: str = Field("DOLLAR", description="market symbol of the asset that is lent; it has a token or gets one")
    liquidity_usd: float = Field(
        50_000_000.0, ge=0, description="worth of it that suppliers bring", json_schema_extra=USD
    )
    collateral: dict[str, AaveCollateralSettings] = Field(
        default_factory=dict, description="by the market symbol of the collateral"
    )
    refuse_stale: bool = Field(
        False,
        description="whether a stale price is refused; Aave itself never asks how old it is",
    )
    reserve_factor: float = Field(
        0.1, ge=0, le=1, description="the treasury's share of the interest", json_schema_extra=SHARE
    )
    flash_premium: float = Field(
        0.0005, ge=0, le=1, description="of what is borrowed within a transaction", json_schema_extra=SHARE
    )
    optimal_usage: float = Field(
        0.9, gt=0, lt=1, description="share lent at which the steeper slope begins", json_schema_extra=SHARE
    )
    base_rate: float = Field(0.0, ge=0, le=1, description="interest where nothing is lent", json_schema_extra=ANNUAL)
    slope: float = Field(0.04, ge=0, le=10, description="interest added up to that share", json_schema_extra=ANNUAL)
    steep_slope: float = Field(0.6, ge=0, le=10, description="and added beyond it", json_schema_extra=ANNUAL)
