"""An option market with surface, settlement prices and pool, whose price we say, for laws measured on its bytecode."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from simulator.chain.types import Address
from simulator.units import WAD, YEAR_SECONDS, to_wad
from simulator.validation.lab import Lab

CALL, PUT = 0, 1
DAY = 24 * 3600  # [s]
SPOT = 2_000.0  # [usd] at first
ANY = {True: 2**256 - 1, False: 0}  # limits that no price meets, for buyers and sellers
POOL = 1e8  # [usd]

SliceWords = tuple[int, int, int, int, int, int]  # Svi.Slice


class MarketTerms(NamedTuple):
    """What a market is set up with; ratios."""

    spread: float = 0.02  # of volatility
    depth: float = 2_000.0  # options of a strike that would double its volatility
    max_shift: float = 0.5
    trade_fee: float = 0.0003
    fee_cap: float = 0.125
    fund_share: float = 0.2
    initial: float = 0.15
    minimum: float = 0.10
    maintenance: float = 0.075
    liquidation_fee: float = 0.01
    capital_ratio: float = 0.5
    lowest: float = 0.01  # bounds of volatility
    highest: float = 5.0


# Nothing is charged and no trade moves a quote.
FREE = MarketTerms(spread=0.0, depth=1e12, trade_fee=0.0, fee_cap=0.0, fund_share=0.0, capital_ratio=0.0)


def flat(volatility: float) -> list[SliceWords]:
    """The same volatility at any strike and time: total variance is in proportion to time."""
    return [(round(to_wad(volatility) ** 2 / WAD), 0, 0, 0, WAD // 10, YEAR_SECONDS)]


class OptionBench:
    """Margin is a token of 18 decimals, worth a Dollar, and base one of 18."""

    def __init__(self, terms: MarketTerms, lab: Lab | None = None, spot: float = SPOT, pool: float = POOL) -> None:
        self.terms = t = terms
        self.lab = lab = lab or Lab()
        owner = lab.owner
        self.dollar, self.base = lab.token("USD"), lab.token("ETH")
        self.feed = lab.deploy("PushFeed", owner, owner, 18, "ETH / USD")
        self.say(to_wad(spot))
        self.guard = lab.deploy("GuardedFeed", self.feed.address, 30 * DAY, 0, 0, 0)
        rules = (30 * DAY, to_wad(t.lowest), to_wad(t.highest), 0, 0, WAD)
        self.surface = lab.deploy("VolSurface", owner, owner, self.guard.address, rules)
        self.expiries = lab.deploy("ExpiryPrice", owner, self.feed.address, (3600, 6 * 3600, DAY, WAD // 5))
        places = (self.dollar.address, self.base.address, self.surface.address, self.expiries.address)
        self.market = lab.deploy("OptionMarket", owner, *places, *self._rules())
        self.pool = lab.deploy("PerpPool", self.market.address, 0, DAY)
        lab.do(owner, self.market, "setPool", self.pool.address)
        provider = lab.person("provider")
        lab.endow(self.dollar, provider, to_wad(pool), self.pool)
        lab.do(provider, self.pool, "deposit", to_wad(pool), provider)

    def _rules(self) -> tuple[tuple[int, ...], ...]:
        t = self.terms
        quotes = (t.spread, t.depth, t.max_shift, t.trade_fee, t.fee_cap, t.fund_share)
        margin = (t.initial, t.minimum, t.maintenance, t.liquidation_fee, 0.5)
        limits = (10**12, to_wad(t.capital_ratio), 60, 400 * DAY, to_wad(0.005))
        return tuple(map(to_wad, quotes)), tuple(map(to_wad, margin)), limits

    # ---------------------------------------------------------------- actions

    def say(self, price: int) -> None:
        """Report an index price [wad]."""
        self.lab.do(self.lab.owner, self.feed, "report", price)

    def report(self, slices: Sequence[SliceWords], rate: float = 0.0, carry: float = 0.0) -> None:
        """Report a surface, with rates a year."""
        self.lab.do(self.lab.owner, self.surface, "report", list(slices), to_wad(rate), to_wad(carry))

    def list(self, expiry: int, strike: int, kind: int) -> int:
        """A new series; gives its id."""
        return int(self.lab.do(self.lab.owner, self.market, "list", expiry, strike, kind))

    def fund(self, owner: Address, usd: float) -> None:
        """New money in an account."""
        amount = to_wad(usd)
        self.lab.endow(self.dollar, owner, amount, self.market)
        self.lab.do(owner, self.market, "deposit", owner, amount)

    def trade(self, owner: Address, series: int, size: int, collateral: int = 0) -> int:
        """At any price; gives it [wad]."""
        return int(self.lab.do(owner, self.market, "trade", series, size, ANY[size > 0], collateral, 0))

    def expire(self, expiry: int) -> None:
        """Lock the price of the newest round and freeze what ends."""
        round_ = self.lab.read(self.feed, "latestRound")
        self.lab.do(self.lab.owner, self.expiries, "lock", expiry, round_)
        self.lab.do(self.lab.owner, self.market, "freeze", expiry)

    # ------------------------------------------------------------------ views

    def ask(self, view: str, *args: Any) -> Any:
        """What the market says."""
        return self.lab.read(self.market, view, *args)

    def quote(self, series: int, size: int) -> int:
        """[wad] what a trade of nobody in particular would fill at, without its fee."""
        return int(self.ask("previewTrade", self.lab.owner, series, size, 0)[0])

    def prices(self, strike: int, expiry: int) -> tuple[int, int]:
        """[wad] of a call and a put by the surface."""
        call, put = self.lab.read(self.surface, "pricesOf", strike, expiry, WAD)
        return int(call), int(put)
