"""Contracts with shares (ERC-4626) among people who use them, and what somebody could try at any moment."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from random import Random
from typing import Any

from simulator.chain.types import Address, Receipt
from simulator.protocols.genesis import Contract
from simulator.units import WAD, to_wad
from simulator.validation.lab import Lab
from simulator.validation.perp_bench import ANY, DAY, START_PRICE, Funding, PerpBench, PerpTerms
from simulator.validation.vault_bench import FREE, LOAN_TERMS, RATE_CURVE, HedgeBench, VaultTerms

_COSTLY = PerpTerms(trade_fee=0.0005, skew_scale=2e9, open_interest=1e9, max_skew=1e9, capital_ratio=0.1)
_DEPOSITORS = 3
_DUST = 10**6  # [asset units] and, squared, of all there is
_MOST = 24  # power of ten [wad] that anybody deposits or gives
# Refused for now: too much for what is liquid or the value cannot be relied on, or so little that it rounds to nothing.
_REFUSED = (
    "DepositRefused",
    "DepositMoreThanMax",
    "MintMoreThanMax",
    "WithdrawalRefused",
    "WithdrawMoreThanMax",
    "RedeemMoreThanMax",
    "Illiquid",
    "Slippage",  # what is beyond idle assets is less than the smallest part of the strategy
    "InsufficientCash",
    "NothingMoved",
)
_TOO_SMALL = ("Slippage", "DeltaOutsideBand")  # a vault of some thousand units, by its roundings
_MARKET_REFUSES = ("InsufficientMargin", "SkewExceeded", "OpenInterestExceeded", "InsufficientLiquidity")


class Shares(ABC):
    """A contract with shares in an asset, and three depositors."""

    places: Sequence[Contract]  # where a gift may go
    timeless = False  # nothing is earned by waiting

    def __init__(self, lab: Lab, vault: Contract, asset: Contract, seed: int) -> None:
        self.lab, self.vault, self.asset, self.rng = lab, vault, asset, Random(seed)
        self.unit: int = 10 ** (18 - int(lab.read(asset, "decimals")))
        self.depositors = [lab.person(f"depositor {i}") for i in range(_DEPOSITORS)]
        self.stranger, self.giver = lab.person("stranger"), lab.person("giver")
        for person in (*self.depositors, self.stranger, self.giver):
            lab.endow(asset, person, 10**12 * WAD // self.unit, vault)

    # ----------------------------------------------------------------- people

    def live(self) -> None:
        """Something happens that is no trick."""
        self.lab.wait(self.rng.randrange(DAY))
        who = self.rng.choice(self.depositors)
        if self.rng.random() < 0.4:
            self.attempt(who, "deposit", self.amount(), who)
        elif self.rng.random() < 0.3:
            self.attempt(who, "redeem", int(self.ask("maxRedeem", who) * self.rng.random()), who, who)
        else:
            self.happen()

    @abstractmethod
    def happen(self) -> None:
        """What others do."""

    def amount(self) -> int:
        """[asset units] of any size, from one unit up."""
        return int(10 ** self.rng.uniform(0, _MOST)) // self.unit + 1

    def attempt(self, who: Address, function: str, *args: Any) -> bool:
        """Whether it went through; refused may be what cannot be had now."""
        return isinstance(self.lab.attempt(_REFUSED, who, self.vault, function, *args), Receipt)

    def at_once(self, who: Address, function: str, *args: Any) -> bool:
        """In the same second as what was before, so that nothing is earned meanwhile."""
        self.lab.wait(-1)
        return self.attempt(who, function, *args)

    def ask(self, view: str, *args: Any) -> int:
        """A number that the contract says."""
        return int(self.lab.read(self.vault, view, *args))

    def has(self, who: Address) -> int:
        """[asset units] in somebody's pocket."""
        return int(self.lab.read(self.asset, "balanceOf", who))

    def is_dust(self, assets: int) -> bool:
        """Whether somebody who leaves with so much [asset units] needs less from elsewhere than can be had there."""
        return False

    # ----------------------------------------------------------------- tricks

    @contextmanager
    def imagined(self) -> Iterator[None]:
        """What is done within did not happen."""
        now, mark = self.lab.now, self.lab.chain.snapshot()
        try:
            yield
        finally:
            self.lab.chain.revert(mark)
            self.lab.now = now

    def enter(self, who: Address, amount: int) -> bool:
        """By deposit or by mint."""
        if self.rng.random() < 0.5:
            return self.at_once(who, "deposit", amount, who)
        shares = self.ask("convertToShares", amount)
        return bool(shares) and self.at_once(who, "mint", shares, who)

    def leave(self, who: Address) -> None:
        """With all that can be had at once, by redemption, withdrawal or both."""
        if self.rng.random() < 0.3:
            part = int(self.ask("maxWithdraw", who) * self.rng.random())
            if part:
                self.at_once(who, "withdraw", part, who, who)
        elif self.rng.random() < 0.3:
            part = int(self.ask("maxRedeem", who) * self.rng.random())
            if part:
                self.at_once(who, "redeem", part, who, who)
        rest = self.ask("maxRedeem", who)
        if rest:
            self.at_once(who, "redeem", rest, who, who)

    def give(self, amount: int) -> None:
        """A gift to the contract, or to where it keeps its money."""
        self.lab.wait(-1)
        self.lab.do(self.giver, self.asset, "transfer", self.rng.choice(self.places).address, amount)

    def round_trip(self) -> int | None:
        """[asset units] gained by coming, in parts, and going again; None where nobody could come in."""
        with self.imagined():
            before = self.has(self.stranger)
            entered = [self.enter(self.stranger, self.amount()) for _ in range(self.rng.randrange(1, 4))]
            self.leave(self.stranger)
            return self.has(self.stranger) - before if any(entered) else None

    def donation(self) -> int:
        """[asset units] gained by a gift of somebody who had shares, or comes after it, and goes; now or later."""
        with self.imagined():
            before = self.has(self.giver)
            first = self.rng.random() < 0.7
            if first:
                self.enter(self.giver, self.amount())
            self.give(self.amount())
            if self.rng.random() < 0.5:
                self.enter(self.stranger, self.amount())  # whose money it might be after
            if self.timeless and self.rng.random() < 0.5:
                self.lab.wait(self.rng.randrange(5 * DAY))
            if not first or self.rng.random() < 0.3:
                self.enter(self.giver, self.amount())
            self.leave(self.giver)
            return self.has(self.giver) - before

    def loss_by_gift(self) -> int | None:
        """[asset units] that a depositor's shares bring less because of a gift; None for one without any."""
        who = self.rng.choice(self.depositors)
        shares, gift = self.ask("maxRedeem", who), self.amount()
        with self.imagined():
            without = self._brought(who, shares)
        with self.imagined():
            self.give(gift)
            with_it = self._brought(who, shares)
        return without - with_it if without else None

    def _brought(self, who: Address, shares: int) -> int:
        """What is had for shares at once, and what those are worth that are not liquid."""
        before, held = self.has(who), self.ask("balanceOf", who)
        now = min(shares, self.ask("maxRedeem", who))
        if now:
            self.at_once(who, "redeem", now, who, who)
        left = shares - held + self.ask("balanceOf", who)
        # Two parts are rounded once more than one.
        return self.has(who) - before + (self.ask("previewRedeem", left) + 1 if left else 0)

    def surprise(self) -> bool | None:
        """Whether an action within its limit is refused or does not do what its preview says; None where none is.

        Nor is one that needs dust of a strategy.
        """
        who = self.rng.choice(self.depositors)
        function = self.rng.choice(("Deposit", "Mint", "Withdraw", "Redeem"))
        most = self.ask(f"max{function}", who)
        amount = min(self.amount(), most) if self.rng.random() < 0.7 or most > 10**30 else most
        said = self.ask(f"preview{function}", amount)
        if (
            not amount
            or not said
            or (function in ("Withdraw", "Redeem") and self.is_dust(amount if function == "Withdraw" else said))
        ):
            return None
        with self.imagined():
            self.lab.wait(-1)
            own = (who,) if function in ("Withdraw", "Redeem") else ()
            done = self.lab.attempt(_REFUSED, who, self.vault, function.lower(), amount, who, *own)
        return isinstance(done, str) or int.from_bytes(done.output, "big") != said

    def newcomers_loss(self) -> Fraction | None:
        """By which somebody who comes in after a gift has less than without, over the gift; None where nobody can.

        A unit is left aside, for another price rounds otherwise.
        """
        gift, amount = self.amount(), self.amount()
        outcomes = []
        for given in (0, gift):
            with self.imagined():
                if given:
                    self.give(given)
                if not self.at_once(self.stranger, "deposit", amount, self.stranger):
                    return None
                outcomes.append(self._brought(self.stranger, self.ask("balanceOf", self.stranger)))
        return Fraction(max(outcomes[0] - outcomes[1] - 1, 0), gift)


class VaultShares(Shares):
    """A HedgedVault with a DeltaNeutral strategy, rebalanced by a keeper."""

    timeless = True

    def __init__(self, seed: int, costly: bool) -> None:
        terms = VaultTerms(band=0.01, buffer=0.1, idle_band=0.05, margin_floor=0.15, margin_ceiling=0.4)
        if costly:
            terms = terms._replace(max_slippage=0.02, max_growth=0.05)
        perps = _COSTLY if costly else FREE
        self.bench = HedgeBench(terms, perps=perps, pool_fee=0.003 if costly else 0.0, capital=1e9)
        super().__init__(self.bench.lab, self.bench.vault, self.bench.asset, seed)
        self.places = (self.vault, self.bench.strategy)
        self.price = float(START_PRICE)

    def happen(self) -> None:
        """See `Shares.happen`."""
        self.price *= math.exp(self.rng.gauss(0, 0.03))
        self.bench.say(to_wad(self.price * self.rng.uniform(0.995, 1.005)), to_wad(self.price))
        self.bench.attempt_rebalance(["RebalanceNotDue", *_TOO_SMALL, *_MARKET_REFUSES])

    def is_dust(self, assets: int) -> bool:
        """A strategy parts with whole wads of its value, and rounds what that brings."""
        return 0 < assets - self.ask("idle") <= max(_DUST, self.ask("totalAssets") // _DUST**2)


class PoolShares(Shares):
    """A PerpPool whose market is traded in."""

    def __init__(self, seed: int, inverse: bool) -> None:
        funding = Funding(max_rate=WAD // 10, interest=WAD // 10_000, clamp=WAD // 2_000)
        self.bench = PerpBench(PerpTerms(inverse=inverse, funding=funding, trade_fee=0.0005, capital_ratio=0.2))
        super().__init__(self.bench.lab, self.bench.pool, self.bench.token, seed)
        self.places = (self.vault, self.bench.market, self.bench.backstop)
        self.traders = [self.lab.person(f"trader {i}") for i in range(3)]
        for trader in self.traders:
            self.bench.deposit(trader, 1_000_000)
        self.price = float(START_PRICE)

    def happen(self) -> None:
        """See `Shares.happen`."""
        self.price *= math.exp(self.rng.gauss(0, 0.03))
        self.bench.report(to_wad(self.price))
        trader, market = self.rng.choice(self.traders), self.bench.market
        size = self.bench.size(10 ** self.rng.uniform(2, 6)) * self.rng.choice((-1, 1))
        self.lab.attempt(_MARKET_REFUSES, trader, market, "trade", size, ANY[size > 0])
        self.lab.attempt(("AccountHealthy", "NoPosition"), self.giver, market, "liquidate", trader)


class LoanShares(Shares):
    """A LendingPool with borrowers, some of whom are ruined."""

    def __init__(self, seed: int) -> None:
        lab = Lab()
        dollar, collateral = lab.token("DOLLAR"), lab.token("ETH")
        self.feed = lab.deploy("PushFeed", lab.owner, lab.owner, 18, "ETH / USD")
        self.price = float(START_PRICE)
        lab.do(lab.owner, self.feed, "report", to_wad(self.price))
        pool = lab.deploy("LendingPool", dollar.address, collateral.address, self.feed.address, LOAN_TERMS, RATE_CURVE)
        super().__init__(lab, pool, dollar, seed)
        self.places = (pool,)
        self.borrowers = [lab.person(f"borrower {i}") for i in range(3)]
        for borrower in self.borrowers:
            lab.endow(collateral, borrower, 10**6 * WAD, pool)
            lab.endow(dollar, borrower, 10**9 * WAD, pool)

    def happen(self) -> None:
        """See `Shares.happen`."""
        self.price = min(max(self.price * math.exp(self.rng.gauss(0, 0.1)), 200), 20_000)
        self.lab.do(self.lab.owner, self.feed, "report", to_wad(self.price))
        borrower, act = self.rng.choice(self.borrowers), self.rng.random()
        debt = self.ask("debtOf", borrower)
        if act < 0.5:
            drawn = int(self.ask("cash") * self.rng.uniform(0, 0.7))
            locked = int(drawn / self.price / self.rng.uniform(0.4, 0.69))
            refused = ("DebtBelowFloor", "Undercollateralised", "NothingMoved")
            self.lab.attempt(refused, borrower, self.vault, "adjust", borrower, locked, drawn)
        elif act < 0.7 and debt:
            self.lab.do(borrower, self.vault, "adjust", borrower, 0, -(2**255))  # all of it
        elif debt:
            self.lab.attempt(("LoanHealthy",), self.giver, self.vault, "liquidate", borrower, debt)
