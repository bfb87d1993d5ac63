"""Laws of when to rebalance: what a band costs beside a fixed time, where exposure wanders as a Brownian motion.

A rebalance of the vault's bytecode takes two milliseconds, and tens of thousands are needed. So the rule is followed
here, in units of the band, and one law measures whether the vault does the same, step by step, on a shorter path.
"""

import math
from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.units import WAD, to_wad
from simulator.validation.law import Measured, NoData, add_law, law
from simulator.validation.perp_bench import START_PRICE
from simulator.validation.vault_bench import EDGE, FREE, TARGET, HedgeBench, Shape, VaultTerms

Floats = NDArray[np.float64]

_SLIPPAGE = 0.0002  # the vault's bound, by which it goes further inside the edge
_SHARE_OFF = 0.05


class Rule(NamedTuple):
    """When a vault is rebalanced, and where to."""

    band: float = math.inf
    interval: int = 0  # [steps], 0: by the band alone
    rebalance_to: int = TARGET

    def goal(self, exposure: float) -> float:
        """Where it takes an exposure."""
        if self.rebalance_to == TARGET:
            return 0.0
        return math.copysign(min(abs(exposure), self.band * (1 - _SLIPPAGE)), exposure)


class Move(NamedTuple):
    """One rebalance."""

    step: int
    before: float  # exposure
    after: float

    @property
    def traded(self) -> float:
        """How much, without sign."""
        return abs(self.before - self.after)


class Kept(NamedTuple):
    """What came of a rule."""

    moves: list[Move]
    mean_square: float  # of the exposure, over time

    def cost_at_error_one(self, steps: int) -> float:
        """Turnover a step times the root-mean-square exposure.

        By the scaling of Brownian motion a rule of the same kind with half the error trades twice as much, so this is
        the turnover of the one whose error is 1.
        """
        return sum(move.traded for move in self.moves) / steps * math.sqrt(self.mean_square)


def keep(rule: Rule, drifts: Iterable[float], variance: float = 0.0) -> Kept:
    """Follow a rule through steps of drift. The exposure is seen at their ends only.

    Between them its square is that of a Brownian bridge: (a² + ab + b²) / 3 + variance / 6.
    """
    moves, exposure, last, squares, count = [], 0.0, 0, 0.0, 0
    for step, drift in enumerate(drifts, start=1):
        before = exposure + drift
        squares += exposure * exposure + exposure * before + before * before
        exposure, count = before, step
        if abs(before) > rule.band or (rule.interval and step - last >= rule.interval):
            exposure, last = rule.goal(before), step
            moves.append(Move(step, before, exposure))
    return Kept(moves, squares / 3 / count + variance / 6)


class Contest(NamedTuple):
    """A band of 1, in steps of which its width is `fineness`, and the fixed time with the same expected error."""

    rebalance_to: int
    steps: int
    fineness: int = 10

    @property
    def band(self) -> Rule:
        """Error 1/6 to the target, 1/3 to the edge."""
        return Rule(1.0, 0, self.rebalance_to)

    @property
    def time(self) -> Rule:
        """Error: half the variance of its interval."""
        return Rule(interval=round(self.fineness**2 * (1 if self.rebalance_to == TARGET else 2) / 3))

    def drifts(self, seed: int) -> list[float]:
        """Independent and normal."""
        drawn: list[float] = (np.random.default_rng(seed).standard_normal(self.steps) / self.fineness).tolist()
        return drawn

    def ratio(self) -> float:
        """Cost of the band over that of the fixed time at the same error."""
        costs = []
        for seed, rule in enumerate((self.band, self.time)):
            kept = keep(rule, self.drifts(seed), 1 / self.fineness**2)
            costs.append(kept.cost_at_error_one(self.steps))
        return costs[0] / costs[1]


def cheaper(expected: float, contest: Contest) -> Measured:
    """A band beside a fixed time. To look only at steps errs by less than 1 %; the sample's standard error is 1 %."""
    return Measured(expected, contest.ratio(), _SHARE_OFF * expected)


_STATEMENT = (
    "Where exposure is a Brownian motion and costs are in proportion to what is traded, a band to the {} costs {} of a "
    "fixed time with the same root-mean-square exposure."
)
_SOURCE = (
    "times of exit and local times of Brownian motion: turnover {}, mean square {} for a band b, and sigma sqrt(2/(pi "
    "T)), sigma^2 T/2 for a time T"
)
add_law(
    "band-or-time/target",
    _STATEMENT.format("target", ".724"),
    _SOURCE.format("sigma^2/b", "b^2/6"),
    partial(cheaper, math.sqrt(math.pi / 6), Contest(TARGET, 2_000_000)),
)
add_law(
    "band-or-time/edge",
    _STATEMENT.format("edge", ".512"),
    _SOURCE.format("sigma^2/(2b)", "b^2/3"),
    partial(cheaper, math.sqrt(math.pi / 12), Contest(EDGE, 3_000_000)),
)


# ---------------------------------------------------------------- bytecode

_BAND = 1e-6  # of net assets, so narrow that these stay as they are
_FEE = 0.0001
_SECONDS = 10  # a step
_STEPS, _FINENESS = 1500, 4
_FEWEST = 40  # rebalances of each rule
_CLOSE = 1e-4  # of the band: net assets have moved by so much at the end
RULES = (Rule(1.0), Rule(1.0, 0, EDGE), Rule(interval=5), Rule(1.0, 7), Rule(1.0, 7, EDGE))


class Wanderer(HedgeBench):
    """A vault whose delta wanders: spot has a price of its own, as a staked token does, and the index stands still."""

    def __init__(self, rule: Rule) -> None:
        terms = VaultTerms(
            band=min(rule.band * _BAND, 1.0),
            interval=rule.interval * _SECONDS,
            rebalance_to=rule.rebalance_to,
            max_slippage=_SLIPPAGE,
        )
        super().__init__(terms, Shape(0.5, 0.2, 0.4), FREE._replace(trade_fee=_FEE))
        self.enter(self.lab.person("depositor"), 10**6 * WAD)
        self.rebalance()

    def keep(self, drifts: Iterable[float]) -> list[Move]:
        """Let exposure drift, in units of the band; at each step somebody asks for a rebalance."""
        exposed = self.held() * START_PRICE / self.ask("totalAssets")
        price, moves, started = float(START_PRICE), [], self.lab.now
        for step, drift in enumerate(drifts, start=1):
            price += drift * _BAND / exposed * START_PRICE
            self.lab.wait(started + step * _SECONDS - 2 - self.lab.now)
            self.lab.do(self.lab.owner, self.feed, "report", to_wad(price))
            done = self.attempt_rebalance(["RebalanceNotDue"])
            if not isinstance(done, str):
                unit = _BAND * done.value_before
                moves.append(Move(step, done.before / unit, done.after / unit))
                if abs(done.cost - _FEE * done.traded) > _CLOSE * _FEE * unit:
                    raise NoData(f"a rebalance cost {done.cost} of {done.traded}: not in proportion")
        return moves


def disagreements(bench: Wanderer, rule: Rule) -> int:
    """Steps at which the vault and the rule differ in whether or how far delta is moved."""
    drifts = Contest(rule.rebalance_to, _STEPS, _FINENESS).drifts(seed=3)
    ours, theirs = ({move.step: move for move in moves} for moves in (keep(rule, drifts).moves, bench.keep(drifts)))
    if len(ours) < _FEWEST:
        raise NoData(f"{len(ours)} rebalances, {_FEWEST} are needed")
    return sum(
        step not in ours
        or step not in theirs
        or max(abs(a - b) for a, b in zip(ours[step], theirs[step], strict=True)) > _CLOSE
        for step in ours.keys() | theirs.keys()
    )


@law("band-or-time/bytecode", "HedgedVault.rebalance beside the rule that the laws of this family follow")
def bytecode() -> Measured:
    """By band to the target and to the edge, by time, and by both, a DeltaNeutral vault is due at the same steps of a
    wandering exposure and trades the same; counted are steps at which it is not so."""
    return Measured(0.0, float(sum(disagreements(Wanderer(rule), rule) for rule in RULES)), 0.0)
