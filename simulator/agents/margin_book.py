"""A position in an asset at the exchange, on margin: how those who hold options keep out of its price.

It is bought and sold at the reference market, so that it moves the price as every order does. The exchange takes a fee,
asks for margin, charges or pays what holding costs, and closes the position when the margin is gone.
"""

from collections.abc import Iterable

from pydantic import Field

from simulator.agents.base import Desk
from simulator.errors import ConfigError
from simulator.settings import ANNUAL, RATIO, SHARE, USD, Settings

_YEAR_HOURS = 8760.0


class HedgeSettings(Settings):
    """How an agent hedges delta. The fee is that of a taker of perpetuals on the largest venue at its first tier."""

    capital_usd: float = Field(
        0.0, ge=0, description="margin at the exchange; 0: it does not hedge", json_schema_extra=USD
    )
    leverage: float = Field(5.0, gt=0, description="most notional over margin", json_schema_extra=RATIO)
    maintenance: float = Field(
        0.02, ge=0, lt=1, description="margin over notional below which the exchange closes it", json_schema_extra=SHARE
    )
    fee: float = Field(0.0005, ge=0, lt=1, description="of what is traded", json_schema_extra=SHARE)
    holding_cost: float = Field(
        0.03, ge=0, description="of the notional, where the asset has no funding", json_schema_extra=ANNUAL
    )
    risk_aversion: float = Field(
        20.0, gt=0, description="relative, of its capital: the higher the narrower the band", json_schema_extra=RATIO
    )
    most_usd: float = Field(
        2_000_000.0, gt=0, description="most that it trades at once; the rest at the next look", json_schema_extra=USD
    )


class MarginBook:
    """The position of one desk in one asset. Its money is the desk's cash at the exchange."""

    def __init__(self, desk: Desk, asset: str, settings: HedgeSettings) -> None:
        self._desk, self._asset, self._settings = desk, asset, settings
        self.size = 0.0  # [tokens] negative when sold short
        self.traded = 0.0  # [usd] so far
        self.costs = 0.0  # [usd] of fees and of holding, so far
        self.closed_out = 0  # times that the exchange closed it
        self._settled = 0.0  # [s since the start]
        self._funded = _has_funding(desk, asset)
        desk.cash += settings.capital_usd

    @property
    def equity(self) -> float:
        """Cash and the position at the reference price [usd]."""
        return self._desk.cash + self.size * self._price

    @property
    def room(self) -> float:
        """The largest size, either way, that its margin carries [tokens]."""
        return max(0.0, self.equity) * self._settings.leverage / self._price

    @property
    def _price(self) -> float:
        return self._desk.market.price(self._asset)

    def band(self, gamma: float, capital: float) -> float:
        """How far delta may be off before a trade is worth its cost [tokens].

        (3/2 k S Gamma² / lambda)^(1/3), k the fee, lambda the absolute aversion to risk [1/usd]: Whalley and Wilmott
        1997, at no interest.
        """
        settings = self._settings
        if not settings.fee or capital <= 0:
            return 0.0
        aversion = settings.risk_aversion / capital
        return float((1.5 * settings.fee * self._price * gamma**2 / aversion) ** (1 / 3))

    def settle(self) -> None:
        """Pay for holding until now, and lose the position where its margin is gone."""
        hours = (self._desk.elapsed - self._settled) / 3600
        self._settled = self._desk.elapsed
        notional = self.size * self._price
        rate = self._desk.market.funding_rate(self._asset) if self._funded else 0.0
        cost = notional * rate * hours
        if not self._funded:
            cost = abs(notional) * self._settings.holding_cost * hours / _YEAR_HOURS
        self._desk.cash -= cost
        self.costs += cost
        if self.size and self.equity < self._settings.maintenance * abs(notional):
            self._order(-self.size)
            self.closed_out += 1

    def trade_to(self, wanted: float) -> float:
        """Trade towards a size, as far as margin and the largest order allow; what was traded [tokens]."""
        most = self._settings.most_usd / self._price
        target = min(max(wanted, -self.room), self.room)
        if abs(wanted) < abs(self.size) and wanted * self.size >= 0:
            target = wanted  # taking risk off needs no margin
        order = min(max(target - self.size, -most), most)
        if order:
            self._order(order)
        return order

    def hedge(self, delta: float, band: float) -> float:
        """Bring the sum of `delta` and the position to the edge of the band, if it is outside; what was traded."""
        off = delta + self.size
        if abs(off) <= band:
            return 0.0
        return self.trade_to((band if off > 0 else -band) - delta)

    def _order(self, tokens: float) -> None:
        market, asset = self._desk.market, self._asset
        dollars = market.buy(asset, tokens) if tokens > 0 else market.sell(asset, -tokens)
        fee = dollars * self._settings.fee
        self._desk.cash -= (dollars if tokens > 0 else -dollars) + fee
        self.size += tokens
        self.traded += dollars
        self.costs += fee

    def measures(self) -> Iterable[tuple[str, float]]:
        """What is worth recording: name, value."""
        yield "hedge_size", self.size
        yield "hedge_equity_usd", self.equity
        yield "hedge_traded_usd", self.traded
        yield "hedge_costs_usd", self.costs


def _has_funding(desk: Desk, asset: str) -> bool:
    try:
        desk.market.funding_rate(asset)
    except ConfigError:
        return False
    return True
