"""Hedged vaults beside their markets, whose prices we say, for the laws that are measured on their bytecode."""

import math
from collections.abc import Collection
from typing import Any, NamedTuple

from simulator.chain.types import ZERO_ADDRESS, Address, Receipt
from simulator.protocols.genesis import Contract
from simulator.units import WAD, to_wad
from simulator.validation.lab import Lab
from simulator.validation.perp_bench import START_PRICE, PerpBench, PerpTerms

DEPTH = 25 * 10**28  # [wad] of spot in its pool, so that no trade of a law moves it; as Dollars it still fits
TARGET, EDGE = 0, 1
COLLATERAL = b"ETH"
LOAN_TERMS = tuple(map(to_wad, (0.7, 0.8, 0.05, 0.5, 0.1, 100)))  # ILendingPool.Terms
RATE_CURVE = tuple(map(to_wad, (0.0, 0.05, 1.0, 0.8)))
NO_SLIPPAGE = 10**-6  # the bound of a rebalance that costs nothing
# A market without fees, so deep that no position has a premium.
FREE = PerpTerms(skew_scale=3e18, open_interest=1e18, max_skew=1e18, capital_ratio=0.1)


class VaultTerms(NamedTuple):
    """What a vault is set up with; shares are of net assets."""

    band: float = 0.01
    price_move: float = 0.0
    interval: int = 0  # [s]
    margin_floor: float = 0.0
    margin_ceiling: float = 0.0
    idle_band: float = 0.0
    rebalance_to: int = TARGET
    cooldown: int = 0  # [s]
    max_slippage: float = NO_SLIPPAGE
    max_trade: float = 0.0
    buffer: float = 0.0
    entry_fee: float = 0.0
    exit_fee: float = 0.0
    max_growth: float = 0.0
    max_drop: float = 0.0


class Rebalanced(NamedTuple):
    """What a rebalance did: IHedgedVault.Rebalanced, in asset units."""

    reason: int
    before: int  # delta less its target
    after: int
    value_before: int
    value_after: int
    traded: int
    tip: int

    @property
    def cost(self) -> int:
        """What it lost against the mid."""
        return self.value_before - self.value_after


class Shape(NamedTuple):
    """PerpHedge.Shape: shares."""

    margin: float = 0.25
    reserve: float = 0.05
    spot_band: float = 0.05


_SHAPE = Shape()


class Estimate(NamedTuple):
    """CrossHedge.Estimate."""

    min_ratio: float = 0.0
    max_ratio: float = 5.0
    interval: int = 1  # [s]
    window: int = 100_000
    fewest: int = 2
    on_chain: bool = True


class VaultBench:
    """A vault of one asset; a strategy is added by those below."""

    def __init__(self, lab: Lab, asset: Contract, terms: VaultTerms) -> None:
        self.lab, self.asset, self.terms = lab, asset, terms
        self.keeper = lab.person("keeper")
        t = terms
        shares = (to_wad(t.max_growth), to_wad(t.max_drop))
        self.vault = lab.deploy(
            "HedgedVault",
            asset.address,
            "Hedged",
            "HEDGED",
            (2**112 - 1, to_wad(t.entry_fee), to_wad(t.exit_fee), 0, *shares),
            (0, 0, lab.person("fees")),
            (
                to_wad(t.band),
                to_wad(t.price_move),
                t.interval,
                to_wad(t.margin_floor),
                to_wad(t.margin_ceiling),
                to_wad(t.idle_band),
            ),
            (t.rebalance_to, t.cooldown, to_wad(t.max_slippage), to_wad(t.max_trade), to_wad(t.buffer), 0),
        )
        self.strategy: Contract

    def adopt(self, strategy: Contract) -> None:
        """The vault's strategy, for good."""
        self.strategy = strategy
        self.lab.do(self.lab.owner, self.vault, "setStrategy", strategy.address)

    def enter(self, owner: Address, amount: int) -> int:
        """Deposit new assets [units]; gives the shares."""
        self.lab.endow(self.asset, owner, amount, self.vault)
        return int(self.lab.do(owner, self.vault, "deposit", amount, owner))

    def rebalance(self) -> Rebalanced:
        """Raises ChainError where it is not due or refused."""
        return Rebalanced(*self.lab.do(self.keeper, self.vault, "rebalance", b""))

    def attempt_rebalance(self, accepts: Collection[str]) -> Rebalanced | str:
        """Or the accepted error that it met."""
        result = self.lab.attempt(accepts, self.keeper, self.vault, "rebalance", b"")
        if not isinstance(result, Receipt):
            return result
        return Rebalanced(*self.vault.abi.functions["rebalance"].decode(result.output))

    def ask(self, view: str, *args: Any) -> int:
        """A number that the vault says."""
        return int(self.lab.read(self.vault, view, *args))

    def relative_delta(self) -> float:
        """Delta less its target, over net assets."""
        return self.ask("relativeDelta") / WAD


class SpotPool:
    """A pool of spot and Dollar that somebody keeps at the price we say."""

    def __init__(self, lab: Lab, spot: Contract, dollar: Contract, fee: float, depth: int = DEPTH) -> None:
        self.lab, self.spot, self.dollar = lab, spot, dollar
        self._trader = lab.person("arbitrageur")
        self.contract = lab.deploy("ConstantProductPool", spot.address, dollar.address, to_wad(fee))
        for token, amount in ((spot, depth), (dollar, depth * START_PRICE)):
            lab.endow(token, self._trader, 10**4 * amount, self.contract)
        lab.do(self._trader, self.contract, "addLiquidity", depth, depth * START_PRICE, self._trader)

    def follow(self, price: int) -> None:
        """Trade until the pool is at a price [wad], its fee left aside."""
        spot, dollars = self.lab.read(self.contract, "reserves")
        kept = 1 - self.lab.read(self.contract, "fee") / WAD
        wanted = math.isqrt(spot * dollars * WAD // price)
        token, amount = (
            (self.spot, wanted - spot) if wanted > spot else (self.dollar, dollars * spot // wanted - dollars)
        )
        if amount > 0:
            self.lab.do(self._trader, self.contract, "swap", token.address, int(amount / kept), 0, self._trader)


class HedgeBench(VaultBench):
    """DeltaNeutral, or CrossHedge where there is an estimate, of a linear market; the asset is Dollar."""

    def __init__(
        self,
        terms: VaultTerms,
        shape: Shape = _SHAPE,
        perps: PerpTerms = FREE,
        *,
        pool_fee: float = 0.0,
        capital: float = 1e7,  # [usd] of those who hold the other side
        estimate: Estimate | None = None,
    ) -> None:
        self.perps = PerpBench(perps)
        super().__init__(self.perps.lab, self.perps.token, terms)
        lab = self.lab
        self.spot = lab.token("ETH")
        self.pool = SpotPool(lab, self.spot, self.asset, pool_fee)
        self.feed = lab.deploy("PushFeed", lab.owner, lab.owner, 18, "SPOT / USD")
        self.say(START_PRICE * WAD)
        self.perps.provide(lab.person("provider"), capital)
        known = (self.asset.address, self.spot.address, self.feed.address, self.perps.market.address)
        settings = (self.pool.contract.address, to_wad(0.01), tuple(map(to_wad, shape)))
        self.crosses = estimate is not None
        if estimate is None:
            self.adopt(lab.deploy("DeltaNeutral", self.vault.address, *known, *settings))
            return
        e = estimate
        rules = (to_wad(e.min_ratio), to_wad(e.max_ratio), e.interval, e.window, e.fewest, e.on_chain)
        self.adopt(lab.deploy("CrossHedge", self.vault.address, *known, *settings, rules, WAD))

    def say(self, spot: int, index: int | None = None) -> None:
        """Report the price of spot [wad], which its pool follows, and of what the market is about, the same or not."""
        self.lab.do(self.lab.owner, self.feed, "report", spot)
        self.perps.report(spot if index is None else index)
        self.pool.follow(spot)

    def held(self) -> int:
        """[wad] of spot."""
        return int(self.lab.read(self.spot, "balanceOf", self.strategy.address))

    def short(self) -> int:
        """[wad] sold in the market."""
        return -self.perps.account(self.strategy.address).size


class CarryBench(VaultBench):
    """CdpCarry at a ratio of 2, half of what is drawn being looped, and a lending pool half lent out.

    The asset is the collateral.
    """

    def __init__(self, terms: VaultTerms, pool_fee: float = 0.0) -> None:
        lab = Lab()
        super().__init__(lab, lab.token("ETH"), terms)
        self.dollar = lab.deploy("Dollar")
        self.engine = lab.deploy("CdpEngine", self.dollar.address)
        for minter in (lab.owner, self.engine.address):
            lab.do(lab.owner, self.dollar, "grantRoles", minter, lab.read(self.dollar, "MINTER"))
        self.feed = lab.deploy("PushFeed", lab.owner, lab.owner, 18, "ETH / USD")
        lab.do(lab.owner, self.feed, "report", START_PRICE * WAD)
        limits = (WAD // 20, WAD // 2, 0, 0, 10**36, 100 * WAD, 0, False)
        config = (self.asset.address, self.feed.address, ZERO_ADDRESS, to_wad(1.6), to_wad(1.5), *limits)
        lab.do(lab.owner, self.engine, "addCollateral", COLLATERAL, config)
        self.pool = SpotPool(lab, self.asset, self.dollar, pool_fee)
        self.lending = lab.deploy(
            "LendingPool", self.dollar.address, self.asset.address, self.feed.address, LOAN_TERMS, RATE_CURVE
        )
        self._lend()
        places = (self.engine.address, COLLATERAL, self.dollar.address, self.lending.address)
        settings = (self.pool.contract.address, to_wad(0.005), 2 * WAD, WAD // 2)
        self.adopt(lab.deploy("CdpCarry", self.vault.address, *places, *settings))

    def _lend(self) -> None:
        lab, lender, borrower = self.lab, self.lab.person("lender"), self.lab.person("borrower")
        lab.endow(self.dollar, lender, 10**7 * WAD, self.lending)
        lab.do(lender, self.lending, "deposit", 10**7 * WAD, lender)
        lab.endow(self.asset, borrower, 10**5 * WAD, self.lending)
        lab.do(borrower, self.lending, "adjust", borrower, 10**5 * WAD, 5 * 10**6 * WAD)

    def say(self, price: int) -> None:
        """Report a price [wad], which the pool follows."""
        self.lab.do(self.lab.owner, self.feed, "report", price)
        self.pool.follow(price)
