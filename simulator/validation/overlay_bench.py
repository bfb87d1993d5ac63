"""A vault with an overlay on an option market, whose price we say, for the laws that are measured on its bytecode."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from simulator.units import WAD, to_wad
from simulator.validation.options_bench import CALL, PUT, SPOT, MarketTerms, OptionBench, flat
from simulator.validation.vault_bench import SpotPool, VaultBench, VaultTerms

_HOUR = 3600
_DEPOSIT = 1_000_000  # [usd]
_VOLATILITY = 0.9
_SHARES = [0.05 * step for step in range(14, 29)]  # strikes over the price
_TRIGGERS = VaultTerms(band=1.0, margin_floor=1.2, max_slippage=0.05)
# Spread and fees as in practice, and a market so deep that thousands of options of a fallen price do not move it.
COSTLY = MarketTerms(depth=1e6)

_MONEYNESS, _COST = 0, 2  # IOverlay.Strike
_WEIGHT, _PREMIUM = 0, 1  # IOverlay.Size

Legs = Sequence[tuple[Any, ...]]


def protective_put(tenor: int, weight: float = 1.0) -> Legs:
    """A put at nine tenths of the price for each of spot, or `weight` of one; tenor [s]."""
    return [(True, _MONEYNESS, _WEIGHT, to_wad(0.9), tenor, to_wad(weight))]


def collar(tenor: int) -> Legs:
    """The same, paid for by calls that are written; tenor [s]."""
    return [*protective_put(tenor), (False, _COST, _PREMIUM, to_wad(1.02), tenor, -WAD)]


class Roll(NamedTuple):
    """What became of an overlay from one roll to the expiry [usd]."""

    floor: float  # what its money and, at the put's strike, all its spot were worth after the roll
    worth: float  # what it is worth at expiry
    unpaid: float  # what its counterparty could not pay

    @property
    def shortfall(self) -> float:
        """Loss beyond the floor and what was not paid, over the floor."""
        return (self.floor - self.worth - self.unpaid) / self.floor


class OverlayBench(VaultBench):
    """An Overlay of one expiry after another; the asset is Dollar."""

    def __init__(self, legs: Legs, tenor: int, terms: MarketTerms = COSTLY, pool: float = 1e8) -> None:
        self.options = OptionBench(terms, pool=pool)
        super().__init__(self.options.lab, self.options.dollar, _TRIGGERS)
        lab, self.tenor = self.lab, tenor
        self.spot_pool = SpotPool(lab, self.options.base, self.asset, 0.0)
        self.plans = lab.deploy("OverlayPlan", self.options.market.address)
        shape = (WAD, to_wad(0.01), 2 * WAD, to_wad(0.02), False, WAD // 2)
        rolls = (0, 0, to_wad(0.1), to_wad(0.3), 0)
        known = (self.vault.address, self.asset.address, self.plans.address, self.spot_pool.contract.address)
        self.adopt(lab.deploy("Overlay", *known, to_wad(0.01), list(legs), shape, rolls))
        self.expiry = 0
        self.list_next(SPOT)
        self.enter(lab.person("depositor"), _DEPOSIT * WAD)
        self.roll()

    def say(self, usd: float) -> None:
        """Report a price, which the pool follows, and volatility as ever."""
        self.options.say(to_wad(usd))
        self.spot_pool.follow(to_wad(usd))
        self.options.report(flat(_VOLATILITY))

    def list_next(self, usd: float) -> None:
        """Calls and puts that expire a tenor from now, around a price."""
        self.say(usd)
        self.expiry = self.lab.now + self.tenor + 60
        for share in _SHARES:
            for kind in (CALL, PUT):
                self.options.list(self.expiry, to_wad(usd * share), kind)

    def roll(self) -> None:
        """A keeper's rebalance, that is one at any cost."""
        self.rebalance()

    def until_expiry(self, prices: Sequence[float]) -> Roll:
        """Live through prices [usd], the last at expiry, and roll."""
        start = self.lab.now
        for number, usd in enumerate(prices[:-1], 1):
            moment = start + (self.expiry - start) * number // len(prices)
            self.lab.wait(max(0, moment - self.lab.now - 1))
            self.say(usd)
        floor = self._floor()
        before = int(self.options.ask("unpaidTotal"))
        self.lab.wait(self.expiry - self.lab.now - 1)
        self.options.say(to_wad(prices[-1]))  # the round that settles
        self.spot_pool.follow(to_wad(prices[-1]))
        self.options.report(flat(_VOLATILITY))
        self.options.expire(self.expiry)
        for id in self.lab.read(self.strategy, "held")[0]:
            if self.options.ask("positionOf", self.strategy.address, id)[0]:
                self.lab.do(self.keeper, self.options.market, "settle", self.strategy.address, id)
        unpaid = int(self.options.ask("unpaidTotal")) - before
        worth = self.ask("totalAssets")
        self.list_next(prices[-1])
        self.roll()
        return Roll(floor / WAD, worth / WAD, unpaid / WAD)

    def _floor(self) -> int:
        """[Dollar wad] Counted from what it holds, whatever it says itself; the first leg is the put."""
        market, owner = self.options.market, self.strategy.address
        ids, _ = self.lab.read(self.strategy, "held")
        positions = [self.options.ask("positionOf", owner, id) for id in ids]
        base = int(self.lab.read(self.options.base, "balanceOf", owner)) + sum(p[2] for p in positions)
        money = int(self.lab.read(self.asset, "balanceOf", owner)) + sum(p[1] for p in positions)
        money += int(self.lab.read(market, "cashOf", owner)) + self.ask("idle")
        strike = ids[0] >> 8 & 2**128 - 1
        return int(money + base * strike // WAD)
