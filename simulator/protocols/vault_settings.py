"""The table of a vault in a scenario: its strategy, when it is rebalanced, and what that may cost."""

from typing import Literal

from pydantic import Field, model_validator

from simulator.settings import ANNUAL, COUNT, HOURS, MINUTES, RATIO, SHARE, TOKENS, USD, Settings

_MOST_LEGS = 6  # as in Overlay.sol


class LendingPoolSettings(Settings):
    """Where Dollars that were drawn earn: a pool of loans against the same collateral."""

    liquidity_usd: float = Field(
        100_000.0, ge=0, description="lent to it by others at the start", json_schema_extra=USD
    )
    utilisation: float = Field(
        0.7, ge=0, le=1, description="share of that liquidity which others borrow at the start", json_schema_extra=SHARE
    )
    base_rate: float = Field(0.0, ge=0, le=10, description="rate when nothing is lent out", json_schema_extra=ANNUAL)
    low_slope: float = Field(0.06, ge=0, le=10, description="rise of the rate up to the kink", json_schema_extra=ANNUAL)
    high_slope: float = Field(0.8, ge=0, le=10, description="rise of the rate beyond it", json_schema_extra=ANNUAL)
    kink: float = Field(0.8, gt=0, lt=1, description="utilisation at the kink", json_schema_extra=SHARE)
    loan_to_value: float = Field(0.7, gt=0, lt=1, description="debt a loan may take on", json_schema_extra=SHARE)
    liquidation_threshold: float = Field(
        0.8, gt=0, lt=1, description="debt over collateral above which a loan is liquidated", json_schema_extra=SHARE
    )
    liquidation_bonus: float = Field(0.05, ge=0, le=0.5, description="for the liquidator", json_schema_extra=SHARE)
    close_factor: float = Field(
        0.5, ge=0.01, le=1, description="most of a debt that one liquidation repays", json_schema_extra=SHARE
    )
    reserve_factor: float = Field(
        0.1, ge=0, le=0.5, description="share of interest kept as the first loss", json_schema_extra=SHARE
    )
    debt_floor: float = Field(100.0, ge=0, le=1e6, description="least debt of a loan", json_schema_extra=USD)


class CarrySettings(Settings):
    """Collateral locked in a debt engine; what is drawn on it is lent, or buys more of it."""

    ratio: float = Field(2.2, gt=1, le=10, description="collateral over debt that it keeps", json_schema_extra=RATIO)
    loop_share: float = Field(
        0.0, ge=0, le=1, description="part of what is drawn that buys collateral", json_schema_extra=SHARE
    )
    lending: LendingPoolSettings = Field(default_factory=LendingPoolSettings, description="where the rest earns")


class NeutralSettings(Settings):
    """Spot, and as much of it, or of another asset, sold in a perpetual market."""

    margin: float = Field(
        0.25, gt=0, le=10, description="margin it keeps, of the short's notional", json_schema_extra=SHARE
    )
    reserve: float = Field(0.05, ge=0, le=0.9, description="kept at hand, of the whole", json_schema_extra=SHARE)
    spot_band: float = Field(
        0.05, ge=0, le=1, description="spot may be off by this share of the whole", json_schema_extra=SHARE
    )


class CrossSettings(Settings):
    """How much of the other asset is sold for a Dollar of spot: the ratio of least variance."""

    ratio: float = Field(1.0, ge=0, le=5, description="short for a Dollar of spot, at first", json_schema_extra=RATIO)
    min_ratio: float = Field(0.0, ge=0, le=5, description="least that counts", json_schema_extra=RATIO)
    max_ratio: float = Field(2.0, gt=0, le=5, description="most that counts", json_schema_extra=RATIO)
    estimate: bool = Field(True, description="whether it is estimated from rounds of both feeds, or stays")
    interval_minutes: float = Field(
        60.0, gt=0, le=43_200, description="between observations, which keepers bring", json_schema_extra=MINUTES
    )
    window: int = Field(
        168, ge=2, le=100_000, description="observations, after which older ones fade", json_schema_extra=COUNT
    )
    fewest: int = Field(
        24, ge=1, le=100_000, description="observations before the estimate counts", json_schema_extra=COUNT
    )

    @model_validator(mode="after")
    def _in_order(self) -> "CrossSettings":
        if not self.min_ratio <= self.ratio <= self.max_ratio:
            raise ValueError(f"ratio = {self.ratio:g} must lie within [{self.min_ratio:g}, {self.max_ratio:g}]")
        if self.fewest > self.window:
            raise ValueError(f"fewest = {self.fewest} must be <= window = {self.window}")
        return self


class LegSettings(Settings):
    """Options of one kind that an overlay holds for each unit of the underlying."""

    side: Literal["buy", "write"] = Field("buy", description="whether they are bought or written")
    kind: Literal["call", "put"] = Field("put", description="what they are")
    strike: Literal["moneyness", "delta", "cost"] = Field(
        "moneyness",
        description="how the strike is found: nearest to place times the price; nearest to a delta of place, without "
        "sign; or, written, the furthest from place on that pays for the legs before it",
    )
    place: float = Field(
        0.9, gt=0, le=10, description="of the strike, over the price, or its delta", json_schema_extra=RATIO
    )
    size: Literal["weight", "premium", "gamma", "vega"] = Field(
        "weight",
        description="how many: weight for each unit; or, at most as many, what balances the premium of the legs before "
        "it; or, bought, what brings gamma or vega to nothing",
    )
    weight: float = Field(1.0, gt=0, le=10, description="options for each unit, at most", json_schema_extra=RATIO)
    tenor_days: float = Field(
        7.0, ge=1 / 24, le=400, description="from a roll to the expiry looked for", json_schema_extra={"unit": "days"}
    )

    @model_validator(mode="after")
    def _is_possible(self) -> "LegSettings":
        if self.side == "buy" and self.strike == "cost":
            raise ValueError('strike = "cost" is for legs that are written')
        if self.side == "write" and self.size in ("gamma", "vega"):
            raise ValueError(f"size = {self.size!r} is for legs that are bought")
        return self


class OverlaySettings(Settings):
    """Spot, or money, with options over it that are rolled. A unit is one of the underlying that it holds, or could."""

    legs: dict[str, LegSettings] = Field(
        default_factory=lambda: {"put": LegSettings()},
        min_length=1,
        max_length=_MOST_LEGS,
        description="options by a name of each leg, in the order in which they are opened",
    )
    spot: float = Field(1.0, ge=0, le=10, description="of the underlying for each unit", json_schema_extra=RATIO)
    reserve: float = Field(0.02, ge=0, le=0.9, description="kept at hand, of the whole", json_schema_extra=SHARE)
    cover: float = Field(
        2.0,
        ge=1,
        le=100,
        description="collateral of what is written and not covered, over initial margin; a put's strike at most",
        json_schema_extra=RATIO,
    )
    growth: float = Field(
        0.02, ge=0, le=1, description="new money, of the whole, that does not wait for a roll", json_schema_extra=SHARE
    )
    hedged: bool = Field(
        False, description="whether spot is moved to bring delta to its target; it covers no calls then"
    )
    target_delta: float = Field(
        0.5,
        ge=-1,
        le=1,
        description="of the whole; where spot is not moved, the middle of a band that delta is free in",
        json_schema_extra=SHARE,
    )
    ahead_hours: float = Field(
        0.0, ge=0, le=9600, description="before expiry that a leg is rolled; 0: once settled", json_schema_extra=HOURS
    )
    move: float = Field(
        0.0, ge=0, le=1, description="of the price since a roll that makes the next one due; 0: never",
        json_schema_extra=SHARE,
    )  # fmt: skip
    tenor_room: float = Field(
        0.2, ge=0, lt=1, description="of the tenor by which an expiry may differ", json_schema_extra=SHARE
    )
    place_room: float = Field(
        0.1, ge=0, le=1, description="by which a strike's place may differ", json_schema_extra=RATIO
    )
    budget: float = Field(
        0.0, ge=0, le=1, description="of the whole that a roll's legs may cost; 0: any", json_schema_extra=SHARE
    )

    @model_validator(mode="after")
    def _is_in_time(self) -> "OverlaySettings":
        shortest = min(leg.tenor_days for leg in self.legs.values()) * 24
        if self.ahead_hours >= shortest:
            raise ValueError(f"ahead_hours = {self.ahead_hours:g} must be < the shortest tenor, {shortest:g} hours")
        return self


class TriggerSettings(Settings):
    """When a rebalance is due; 0 is never, but for the band."""

    band: float = Field(0.02, gt=1e-9, le=1, description="of delta, over net assets", json_schema_extra=SHARE)
    price_move: float = Field(0.0, ge=0, le=1, description="since the last rebalance", json_schema_extra=SHARE)
    interval_hours: float = Field(0.0, ge=0, le=8760, description="since the last rebalance", json_schema_extra=HOURS)
    margin_floor: float = Field(
        0.0, ge=0, le=100, description="least margin or collateral ratio", json_schema_extra=RATIO
    )
    margin_ceiling: float = Field(0.0, ge=0, le=100, description="highest of them", json_schema_extra=RATIO)
    idle_band: float = Field(0.02, ge=0, le=1, description="idle beyond the buffer", json_schema_extra=SHARE)


class ExecutionSettings(Settings):
    """How it is rebalanced."""

    style: Literal["one", "sliced", "routed"] = Field(
        "one",
        description="one order; slices of max_trade; or split between pool and perpetual market as costs least",
    )
    rebalance_to: Literal["target", "edge"] = Field("target", description="where a delta outside its band is taken")
    cooldown_minutes: float = Field(
        10.0,
        ge=0,
        le=10_080,
        description="between two rebalances; to save the margin there is none",
        json_schema_extra=MINUTES,
    )
    max_slippage: float = Field(
        0.01, ge=0, le=0.2, description="of what is traded, lost against the mid", json_schema_extra=SHARE
    )
    max_trade: float = Field(
        0.02,
        gt=0,
        le=1,
        description="sliced: by which one rebalance moves delta, of net assets",
        json_schema_extra=SHARE,
    )
    buffer: float = Field(0.02, ge=0, le=0.9, description="kept idle, of net assets", json_schema_extra=SHARE)
    tip_usd: float = Field(
        10.0,
        ge=0,
        description="for the keeper, at the start's prices; a thousandth of net assets at most",
        json_schema_extra=USD,
    )


class FeeSettings(Settings):
    """What it charges."""

    entry: float = Field(0.0, ge=0, le=0.05, description="of a deposit, left to the others", json_schema_extra=SHARE)
    exit: float = Field(0.0, ge=0, le=0.05, description="of a withdrawal, left to the others", json_schema_extra=SHARE)
    management: float = Field(0.0, ge=0, le=0.1, description="of net assets", json_schema_extra=ANNUAL)
    performance: float = Field(0.0, ge=0, le=0.5, description="of a new height", json_schema_extra=SHARE)


class VaultSettings(Settings):
    """One vault with its strategy."""

    strategy: Literal["carry", "neutral", "cross", "overlay"] = Field(
        "carry",
        description="collateral that carries a debt and lends; spot with a short perpetual, one to one or by the "
        "ratio of least variance; or spot or money with options over it",
    )
    base: str = Field("ETH", description="market symbol of what is held, which may bear yield")
    quote: str = Field("DOLLAR", description="market symbol of the stablecoin")
    engine: str = Field("cdp", description="table of the debt engine (carry)")
    market: str = Field("perps", description="table of the perpetual market (neutral, cross)")
    options: str = Field("options", description="table of the option market (overlay)")
    deposit_usd: float = Field(100_000.0, ge=0, description="deposited at the start", json_schema_extra=USD)
    deposit_cap: float = Field(1e9, ge=0, le=1e12, description="most net assets by deposits", json_schema_extra=TOKENS)
    depth_loss: float = Field(
        0.01, ge=0, le=0.2, description="of a sale lost to the pool, for it to count as liquid", json_schema_extra=SHARE
    )
    withdrawal_minutes: float = Field(
        0.0, ge=0, le=43_200, description="that a request waits at least", json_schema_extra=MINUTES
    )
    max_growth: float = Field(
        0.0, ge=0, le=1, description="by which a share may rise a day; 0: any", json_schema_extra=SHARE
    )
    max_drop: float = Field(
        0.0, ge=0, le=1, description="fall within a day that closes deposits; 0: none", json_schema_extra=SHARE
    )
    fees: FeeSettings = Field(default_factory=FeeSettings, description="what it charges")
    triggers: TriggerSettings = Field(default_factory=TriggerSettings, description="when a rebalance is due")
    execution: ExecutionSettings = Field(default_factory=ExecutionSettings, description="how it is rebalanced")
    carry: CarrySettings = Field(default_factory=CarrySettings, description="used when the strategy is carry")
    neutral: NeutralSettings = Field(
        default_factory=NeutralSettings, description="used when the strategy is neutral or cross"
    )
    cross: CrossSettings = Field(default_factory=CrossSettings, description="used when the strategy is cross")
    overlay: OverlaySettings = Field(default_factory=OverlaySettings, description="used when the strategy is overlay")
