"""What trading does to a price: a permanent and a decaying displacement of its logarithm.

The exogenous price times exp(permanent + transient). A sale of q dollars moves the logarithm by ln(1.01) q / depth, so
`depth_usd` is what moves the price by one per cent; the move is linear in the size (no splitting arbitrage) and the
order fills at the average along the way.
"""

import math

from pydantic import Field

from simulator.settings import ANNUAL, MINUTES, SHARE, USD, Settings

_ONE_PERCENT = math.log(1.01)
_UTMOST = 600.0  # log displacement beyond which no price is a number any more


class ImpactSettings(Settings):
    """Depth of a reference market."""

    depth_usd: float = Field(gt=0, description="traded at once it moves the price by 1 %", json_schema_extra=USD)
    permanent: float = Field(0.3, ge=0, le=1, description="share of a move that stays", json_schema_extra=SHARE)
    half_life_minutes: float = Field(
        30.0, gt=0, description="time in which half of the rest goes", json_schema_extra=MINUTES
    )
    thinning: float = Field(
        0.0,
        ge=0,
        le=1000,
        description="depth is divided by 1 + thinning * (realised / normal volatility - 1), if above",
    )
    normal_volatility: float = Field(
        0.8, gt=0, description="realised volatility at which the depth is as stated", json_schema_extra=ANNUAL
    )


class Impact:
    """The displacement of one asset's price."""

    __slots__ = ("_decay", "_depth", "_settings", "permanent", "transient")

    def __init__(self, settings: ImpactSettings) -> None:
        self._settings = settings
        self._decay = math.log(2) / (settings.half_life_minutes * 60)
        self._depth = settings.depth_usd
        self.permanent = 0.0
        self.transient = 0.0

    @property
    def factor(self) -> float:
        """What the exogenous price is multiplied by; exactly 1 while nobody has traded."""
        shift = self.permanent + self.transient
        return math.exp(max(-_UTMOST, min(_UTMOST, shift))) if shift else 1.0

    def advance(self, seconds: float, volatility: float) -> None:
        """Let the transient part decay, and depth follow the realised volatility [a year]."""
        if self.transient:
            self.transient *= math.exp(-self._decay * seconds)
        excess = max(0.0, volatility / self._settings.normal_volatility - 1)
        self._depth = self._settings.depth_usd / (1 + self._settings.thinning * excess)

    def fill(self, quantity: float, price: float) -> tuple[float, float]:
        """Dollars for `quantity` tokens (sold when negative) at `price` now, and the log displacement it makes.

        With x tokens traded the price is price * exp(k x), k = ln(1.01) * exogenous price / depth. The dollars are its
        integral. k is the same before and after the order, so an order and its parts cost the same. What no money buys
        costs infinity.
        """
        slope = _ONE_PERCENT * price / (self._depth * self.factor)
        shift = slope * quantity
        if not shift:
            return price * abs(quantity), 0.0
        if shift > _UTMOST:
            return math.inf, shift
        return abs(price * math.expm1(shift) / slope), shift

    def trade(self, quantity: float, price: float) -> float:
        """Execute `quantity` tokens (sold when negative); the dollars it brought or cost."""
        dollars, shift = self.fill(quantity, price)
        self.permanent += shift * self._settings.permanent
        self.transient += shift * (1 - self._settings.permanent)
        return dollars
