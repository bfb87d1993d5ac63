"""Laws of what a rebalance leaves of a vault's delta, measured on the bytecode of each strategy in random storms."""

import math
from collections.abc import Callable
from functools import partial
from random import Random
from typing import NamedTuple

from simulator.units import WAD, to_wad
from simulator.validation.law import Measured, NoData, add_law
from simulator.validation.perp_bench import DAY, START_PRICE, Funding, PerpTerms
from simulator.validation.vault_bench import EDGE, FREE, TARGET, CarryBench, Estimate, HedgeBench, VaultTerms

_STEPS = 400
_FEWEST = 50  # rebalances that had a delta to correct
_EXACT = 1e-9
_DEPOSIT = 100_000  # [usd]
_BAND = 0.01
_FREE = VaultTerms(band=0.001)
_COSTLY = VaultTerms(band=_BAND, max_slippage=0.02)
_FUNDING = Funding(max_rate=WAD // 10, interest=WAD // 10_000, clamp=WAD // 2_000)
_COSTLY_MARKET = PerpTerms(funding=_FUNDING, trade_fee=0.0005, skew_scale=2e8, open_interest=1e8, max_skew=1e8)
_POOL_FEE = 0.003
_REFUSED = ("WithdrawalRefused", "Illiquid")  # what is free has changed since it was asked

Bench = HedgeBench | CarryBench


class Correction(NamedTuple):
    """|delta - target| over net assets before and after a rebalance."""

    before: float
    after: float


class DeltaStorm:
    """A vault in prices, funding and depositors at random; whenever a rebalance is due, somebody does it."""

    def __init__(self, bench: Bench, seed: int) -> None:
        self.bench, self.rng, self.lab = bench, Random(seed), bench.lab
        self.depositors = [self.lab.person(f"depositor {i}") for i in range(3)]
        self.price, self.spot = float(START_PRICE), float(START_PRICE)
        self.deposit = _DEPOSIT * WAD // (START_PRICE if isinstance(bench, CarryBench) else 1)
        self.bench.enter(self.depositors[0], self.deposit)
        self.bench.rebalance()

    def corrections(self, steps: int) -> list[Correction]:
        """One for each rebalance."""
        found = []
        for _ in range(steps):
            self.lab.wait(self.rng.randrange(DAY))
            self._move()
            if self.rng.random() < 0.3:
                self._come_or_go()
            before = abs(self.bench.relative_delta())
            if not isinstance(self.bench.attempt_rebalance(["RebalanceNotDue"]), str):
                found.append(Correction(before, abs(self.bench.relative_delta())))
        return found

    def _move(self) -> None:
        """What the market is about moves, and spot with it and by itself."""
        gain = self.rng.gauss(0, 0.02)
        self.price *= math.exp(gain)
        self.spot *= math.exp(gain + self.rng.gauss(0, 0.01))
        if isinstance(self.bench, CarryBench):
            self.bench.say(to_wad(self.price))
            return
        self.bench.say(to_wad(self.spot), to_wad(self.price))
        if self.bench.crosses:
            self.lab.do(self.bench.keeper, self.bench.strategy, "observe")

    def _come_or_go(self) -> None:
        who = self.rng.choice(self.depositors)
        if self.rng.random() < 0.6:
            self.bench.enter(who, int(self.deposit * self.rng.uniform(0.01, 0.3)))
            return
        shares = int(self.bench.ask("maxRedeem", who) * self.rng.random())
        if shares and self.bench.ask("previewRedeem", shares):
            self.lab.attempt(_REFUSED, who, self.bench.vault, "redeem", shares, who, who)


def _hedge(estimate: Estimate | None, terms: VaultTerms, costly: bool) -> HedgeBench:
    terms = terms._replace(margin_floor=0.15, margin_ceiling=0.4)
    market = _COSTLY_MARKET if costly else FREE._replace(funding=_FUNDING)
    return HedgeBench(terms, perps=market, pool_fee=_POOL_FEE if costly else 0.0, estimate=estimate)


def _carry(terms: VaultTerms, costly: bool) -> CarryBench:
    terms = terms._replace(margin_floor=1.8, margin_ceiling=2.3)
    return CarryBench(terms, pool_fee=_POOL_FEE if costly else 0.0)


STRATEGIES: dict[str, Callable[[VaultTerms, bool], Bench]] = {
    "neutral": partial(_hedge, None),
    "cross": partial(_hedge, Estimate(fewest=20, max_ratio=1.5)),
    "carry": _carry,
}


def corrected(bench: Bench, seed: int, steps: int = _STEPS) -> list[Correction]:
    """The rebalances of a storm. Raises NoData where too few of them had a delta to correct."""
    found = DeltaStorm(bench, seed).corrections(steps)
    moved = sum(each.before > bench.terms.band for each in found)
    if moved < _FEWEST:
        raise NoData(f"{moved} rebalances had a delta to correct, {_FEWEST} are needed")
    return found


def residual(strategy: str) -> Measured:
    """The largest at zero cost."""
    found = corrected(STRATEGIES[strategy](_FREE, False), seed=1)
    return Measured(0.0, max(each.after for each in found), _EXACT)


def inside(strategy: str) -> Measured:
    """The largest with costs, to the target and to the edge."""
    found = []
    for seed, rebalance_to in ((2, TARGET), (3, EDGE)):
        bench = STRATEGIES[strategy](_COSTLY._replace(rebalance_to=rebalance_to), True)
        found += corrected(bench, seed)
    return Measured(0.0, max(each.after for each in found), _BAND)


_NAMES = {"neutral": "DeltaNeutral", "cross": "CrossHedge by its own estimate", "carry": "CdpCarry with half looped"}
for _strategy, _name in _NAMES.items():
    add_law(
        f"delta/{_strategy}",
        f"At zero cost the largest |delta - target| after any rebalance of {_name}, over net assets, is a rounding.",
        "contracts/INVARIANTS.md, 40; to the target",
        partial(residual, _strategy),
    )
    add_law(
        f"delta/{_strategy}-costs",
        f"With fees and price impact the largest |delta - target| after any rebalance of {_name} is inside the band, "
        "which is the tolerance.",
        "contracts/INVARIANTS.md, 40; to the target and to the edge",
        partial(inside, _strategy),
    )
