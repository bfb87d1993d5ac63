"""What a vault holds, mirrored: read again where an event touched it, and valued at any prices without a view.

Amounts are floats in tokens; the vault counts a Dollar as one dollar, as its contracts do. Between two readings
holdings stand still but for funding, interest and fees, which a reading each hour is enough for.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from simulator.chain.base import CallReverted, Chain
from simulator.protocols.genesis import Contract
from simulator.units import from_wad

SHARE_OF_ASSET = 10**6  # shares for the smallest unit of the asset, at the start


class Prices(NamedTuple):
    """Of what a vault holds and of what it hedges with [usd]."""

    base: float
    hedge: float


class State(NamedTuple):
    """A vault at some prices."""

    nav: float  # what the shares own [asset]
    deviation: float  # delta less the wanted one, over net assets, as the contract counts it; 0 without any
    net: float  # the same without orders that wait
    margin: float  # as in IStrategy.marginRatio; infinity without a leveraged leg


@dataclass
class Shares:
    """The vault's side of its books."""

    supply: float = 0.0  # those that wait among them; one cost one token at the start
    idle: float = 0.0
    fees: float = 0.0  # owed
    queued: float = 0.0  # shares
    last_price: float = 0.0  # of the last rebalance


class Holdings(ABC):
    """What the strategy holds."""

    funding_due: float = 0.0  # not settled yet [asset]
    now: int = 0  # [unix s] of the latest step

    @abstractmethod
    def read(self, chain: Chain, strategy: Contract) -> None:
        """Read it all again. Raises CallReverted where a market cannot say."""

    @abstractmethod
    def at(self, prices: Prices) -> tuple[float, float, float]:
        """Worth of everything [asset], delta without orders that wait [asset], and the margin ratio."""

    def waits(self, prices: Prices, now: int) -> float:
        """Delta of orders that wait at `now` [unix s]: the contract counts it as there [asset]."""
        del prices, now
        return 0.0

    @abstractmethod
    def parts(self, prices: Prices) -> dict[str, float]:
        """What it holds, by name of a measure."""

    @abstractmethod
    def reference(self, prices: Prices) -> float:
        """As in IStrategy.referencePrice."""

    def fill_cost(self, args: Mapping[str, Any], spot: float) -> float:
        """What a trade of options has cost against the mark [asset]; args of its event."""
        raise NotImplementedError

    def hedge_equity(self, prices: Prices) -> float | None:
        """Worth of the hedge leg [asset]; None where nothing can be told apart as one."""
        del prices
        return None


class PerpHoldings(Holdings):
    """Spot and a position in a perpetual market; see PerpHedge.sol."""

    def __init__(self, token: Contract, quote: Contract, market: Contract) -> None:
        self._token, self._quote, self._market = token, quote, market
        self.spot = self.dollars = 0.0
        self.size = self.cash = 0.0  # cash: margin less entry value and funding due
        self.pending = 0.0  # size of the order that waits
        self.expires = 0  # [unix s] it is none any more after that
        self.ratio = 1.0  # short for a Dollar of spot

    def read(self, chain: Chain, strategy: Contract) -> None:
        """See `Holdings.read`."""
        owner = strategy.address
        self.spot = from_wad(self._token.read(chain, "balanceOf", owner))
        self.dollars = from_wad(self._quote.read(chain, "balanceOf", owner))
        self.ratio = from_wad(strategy.read(chain, "hedgeRatio"))
        change, _, _, _, self.expires = self._market.read(chain, "orderOf", owner)
        self.pending = from_wad(change)
        size, margin, entry, due, _ = self._market.read(chain, "positionOf", owner)
        self.size, self.cash, self.funding_due = from_wad(size), from_wad(margin - entry - due), from_wad(due)

    def hedge_equity(self, prices: Prices) -> float:
        """See `Holdings.hedge_equity`. What is below zero is the market's loss."""
        return max(self.cash + self.size * prices.hedge, 0.0)

    def at(self, prices: Prices) -> tuple[float, float, float]:
        """See `Holdings.at`."""
        base, hedge = prices
        spot, position = self.spot * base, self.size * hedge
        equity = max(self.cash + position, 0.0)
        margin = equity / abs(position) if position else float("inf")
        return spot + self.dollars + equity, spot * self.ratio + position, margin

    def waits(self, prices: Prices, now: int) -> float:
        """See `Holdings.waits`."""
        return self.pending * prices.hedge if now <= self.expires else 0.0

    def parts(self, prices: Prices) -> dict[str, float]:
        """See `Holdings.parts`."""
        base, hedge = prices
        return {"spot_usd": self.spot * base, "hedge_usd": self.size * hedge, "hedge_ratio": self.ratio}

    def reference(self, prices: Prices) -> float:
        """See `Holdings.reference`."""
        return prices.hedge


class CarryHoldings(Holdings):
    """Collateral, a debt on it, and what of that is lent; see CdpCarry.sol."""

    def __init__(self, token: Contract, dollar: Contract, engine: Contract, lending: Contract, id: bytes) -> None:
        self._token, self._dollar, self._engine, self._lending, self._id = token, dollar, engine, lending, id
        self.waiting = self.locked = 0.0
        self.debt = self.lent = self.dollars = 0.0

    def read(self, chain: Chain, strategy: Contract) -> None:
        """See `Holdings.read`."""
        owner = strategy.address
        self.waiting = from_wad(self._token.read(chain, "balanceOf", owner))
        self.locked = from_wad(self._engine.read(chain, "positions", self._id, owner)[0])
        self.debt = from_wad(self._engine.read(chain, "debtOf", self._id, owner))
        shares = self._lending.read(chain, "balanceOf", owner)
        self.lent = from_wad(self._lending.read(chain, "convertToAssets", shares))
        self.dollars = from_wad(self._dollar.read(chain, "balanceOf", owner))

    def at(self, prices: Prices) -> tuple[float, float, float]:
        """See `Holdings.at`."""
        delta = (self.debt - self.lent - self.dollars) / prices.base
        margin = self.locked * prices.base / self.debt if self.debt else float("inf")
        return max(self.waiting + self.locked - delta, 0.0), delta, margin

    def parts(self, prices: Prices) -> dict[str, float]:
        """See `Holdings.parts`."""
        spot = (self.waiting + self.locked) * prices.base
        return {"spot_usd": spot, "carry_debt_usd": self.debt, "carry_lent_usd": self.lent}

    def reference(self, prices: Prices) -> float:
        """See `Holdings.reference`."""
        return prices.base


class VaultBook:
    """A vault's shares and what stands behind them."""

    def __init__(self, vault: Contract, strategy: Contract, holdings: Holdings, target: float) -> None:
        self._vault, self._strategy = vault, strategy
        self.holdings = holdings
        self.target = target  # delta over net assets that is wanted
        self.shares = Shares()
        self.deposited = 0.0  # into the hedge leg, less what was taken out [asset]
        self.current = False  # whether nothing has happened since the last reading

    def read(self, chain: Chain) -> None:
        """Read it all again, or, where a market cannot say, as far as can be said, and try again at the next block."""
        vault, shares = self._vault, self.shares
        shares.supply = from_wad(vault.read(chain, "totalSupply")) / SHARE_OF_ASSET
        shares.queued = from_wad(vault.read(chain, "queuedShares")) / SHARE_OF_ASSET
        shares.idle = from_wad(vault.read(chain, "idle"))
        shares.fees = from_wad(vault.read(chain, "feesOwed"))
        shares.last_price = from_wad(vault.read(chain, "lastPrice"))
        try:
            self.holdings.read(chain, self._strategy)
        except CallReverted:
            return
        self.current = True

    def at(self, prices: Prices, now: int) -> State:
        """The vault at some prices and a time [unix s]."""
        value, delta, margin = self.holdings.at(prices)
        nav = self.shares.idle - self.shares.fees + value
        if nav <= 0:
            return State(0.0, 0.0, 0.0, margin)
        net = delta / nav - self.target
        return State(nav, net + self.holdings.waits(prices, now) / nav, net, margin)

    def hedge_profit(self, prices: Prices) -> float | None:
        """What the hedge leg has earned since the start, its costs taken off [asset]."""
        equity = self.holdings.hedge_equity(prices)
        return None if equity is None else equity - self.deposited
