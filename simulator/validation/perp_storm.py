"""Random storms on a perpetual market: traders, prices, funding, liquidations, bankruptcies, deleveraging.

What happens is decided by the contracts alone; here stand the people. After every block the books are looked at, and
around every deleveraging what it was allowed to do.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import cached_property
from random import Random
from typing import Any, NamedTuple

from simulator.chain.types import Address, Receipt
from simulator.protocols.genesis import Contract
from simulator.units import RAY, WAD
from simulator.validation.perp_bench import ANY, DAY, START_PRICE, VELOCITY, Account, Funding, PerpBench, PerpTerms

_TRADERS, _PROVIDERS = 6, 2
_RICH, _CAPITAL = 50_000.0, 250_000.0  # [usd]
_PREMIUM = Funding(max_rate=WAD // 10, interest=WAD // 10_000, clamp=WAD // 2_000)
_VELOCITY = Funding(VELOCITY, max_rate=WAD // 5, max_velocity=10 * WAD)

_TRADE_REFUSED = ("InsufficientMargin", "SkewExceeded", "OpenInterestExceeded", "InsufficientLiquidity")
_LIQUIDATION_REFUSED = ("AccountHealthy", "NoPosition")
_WITHDRAWAL_REFUSED = ("InsufficientMargin", "WithdrawalsPaused")  # funding since the market was asked
_LEAVE_REFUSED = ("InsufficientCash", "RedeemMoreThanMax")  # likewise
_DELEVERAGE_REFUSED = (
    "DeleverageNotRequired",
    "NotProfitable",
    "WrongSide",
    "NoShortfall",
    "OutOfOrder",
    "AlreadyDeleveraged",
)


class Storm(NamedTuple):
    """One kind of market to be driven."""

    inverse: bool
    velocity: bool
    pro_rata: bool
    seed: int

    @property
    def terms(self) -> PerpTerms:
        """With a trigger above the floor, so that both are seen."""
        return PerpTerms(
            inverse=self.inverse,
            funding=_VELOCITY if self.velocity else _PREMIUM,
            trade_fee=0.0005,
            capital_ratio=0.2,
            pro_rata=self.pro_rata,
            trigger=500.0,
            floor=200.0,
            patience=6 * 3600,
        )


# Linear and inverse, funding by premium and by velocity, deleveraging ranked and pro rata.
STORMS = tuple(
    Storm(inverse, velocity, inverse != velocity, seed)
    for seed, inverse, velocity in ((1, False, False), (2, False, True), (3, True, False), (4, True, True))
)


class Books(NamedTuple):
    """By how much the books of one block are off, each zero where all is well."""

    positions: Fraction  # [size wad] sum of all positions, the pool's included; and of each side
    funding: Fraction  # [margin wad] paid beyond what is due and one unit a payment, or less than is due
    cash: Fraction  # [margin wad] cash and fund less tokens and shortfall
    profit: Fraction  # [margin wad] sum of unsettled profits and funding beyond one unit for each rounding


NOTHING_OFF = Books(*4 * [Fraction(0)])


class Deleveraged(NamedTuple):
    """One account that was deleveraged, and what stood in the books before and after."""

    called_for: bool  # the shortfall had passed the trigger and not yet come back to the floor
    fund: int  # [margin wad] before
    floor: int  # [margin wad]
    before: int  # [margin wad] of shortfall
    after: int
    profit: Fraction  # [margin wad] of the whole position at its exit price, before
    kept: int  # [margin wad] by which the account's cash rose, funding left aside
    other_side: bool  # of those who went bankrupt
    reduced: bool  # and not turned
    in_debt: bool  # afterwards, without a position

    @property
    def exhausted(self) -> bool:
        """Whether nothing else was left to pay."""
        return self.called_for and self.fund == 0

    @property
    def above_floor(self) -> bool:
        """Whether it stopped at the floor at the latest."""
        return self.before > self.floor and self.after >= self.floor

    @property
    def from_profit(self) -> bool:
        """Whether it fell on a winner of the other side, who gave no more than profit."""
        return self.profit > 0 and self.kept >= 0 and not self.in_debt and self.other_side and self.reduced


class StormBench(PerpBench):
    """A market in a storm."""

    def __init__(self, storm: Storm) -> None:
        super().__init__(storm.terms)
        self.rng = Random(storm.seed)
        self.traders = [self.lab.person(f"trader {i}") for i in range(_TRADERS)]
        self.providers = [self.lab.person(f"provider {i}") for i in range(_PROVIDERS)]
        self.liquidator = self.lab.person("liquidator")
        self.price = START_PRICE * WAD
        self.done: Counter[str] = Counter()
        self.found: list[Deleveraged] = []
        for trader in self.traders:
            self.deposit(trader, _RICH)
        for provider in self.providers:
            self.provide(provider, _CAPITAL)
        self.worst = NOTHING_OFF  # of every block so far
        self._called_for = False
        self._paid = dict.fromkeys(self.traders, 0)  # [margin wad] of funding, by the market's events
        self._payments = Counter[Address]()
        self._owed = dict.fromkeys(self.traders, 0)  # [margin ray * size wad] by size and index, added up here
        self._sizes = dict.fromkeys(self.traders, 0)
        self._index = self.lab.read(self.market, "previewFunding")

    # ------------------------------------------------------------------ steps

    @cached_property
    def actions(self) -> tuple[list[Callable[[], None]], list[int]]:
        """What may happen, and how often."""
        table: dict[Callable[[], None], int] = {
            self.trade: 14,
            self.lever_up: 14,
            self.flatten: 4,
            self.move_price: 16,
            self.crash: 6,
            self.wait: 6,
            self.liquidate: 12,
            self.deleverage: 16,
            self.meddle: 4,
            self.socialise: 2,
            self.settle_pool: 6,
            self.pay: 6,
            self.take: 5,
            self.gift: 1,
            self.empty_fund: 5,
            self.enter: 3,
            self.leave: 2,
            self.order: 3,
        }
        return list(table), list(table.values())

    def step(self) -> None:
        """Let one thing happen."""
        self.lab.wait(self.rng.randrange(600))
        table, weights = self.actions
        self.rng.choices(table, weights)[0]()
        self._look()

    def attempt(self, accepts: tuple[str, ...], sender: Address, contract: Contract, function: str, *args: Any) -> bool:
        """Call, count what went through under its name, keep what it paid in funding, and look at the books."""
        result = self.lab.attempt(accepts, sender, contract, function, *args)
        if not isinstance(result, Receipt):
            self.done[result] += 1
            return False
        self.done[function] += 1
        for log in result.logs:
            event = self.market.abi.decode_log(log) if log.address == self.market.address else None
            if event is not None and event.name == "FundingPaid":
                owner = event.args["account"]
                self._paid[owner] += event.args["amount"]
                self._payments[owner] += 1
            if event is not None and event.name == "Liquidated" and event.args["deficit"]:
                self.done["bankrupt"] += 1
        self._look()
        return True

    def _look(self) -> None:
        self.worst = worse(self.worst, self.books())

    def _somebody(self) -> Address:
        return self.rng.choice(self.traders)

    def _trade(self, trader: Address, size: int) -> bool:
        return bool(size) and self.attempt(_TRADE_REFUSED, trader, self.market, "trade", size, ANY[size > 0])

    def trade(self) -> None:
        """A random size, either way."""
        self._trade(self._somebody(), self.size(self.rng.uniform(1, 200_000)) * self.rng.choice((-1, 1)))

    def lever_up(self) -> None:
        """To the edge, where a price move hurts."""
        trader = self._somebody()
        account = self.account(trader)
        room = 8.8 * self.lab.read(self.market, "exitEquityOf", trader) - self.lab.read(
            self.market, "notionalOf", trader
        )
        if room > 0:
            size = int(room * self.price / WAD) if self.terms.inverse else int(room * WAD / self.price)
            self._trade(trader, size if account.size > 0 or (not account.size and self.rng.random() < 0.5) else -size)

    def flatten(self) -> None:
        """Close a position."""
        trader = self._somebody()
        self._trade(trader, -self.account(trader).size)

    def order(self) -> None:
        """Submitted now, filled at a later price by somebody else."""
        trader = self._somebody()
        size = self.size(self.rng.uniform(1, 50_000)) * self.rng.choice((-1, 1))
        if self.attempt(("OrderPending", *_TRADE_REFUSED), trader, self.market, "submitOrder", size, ANY[size > 0]):
            self._say(self.price)
            refused = (*_TRADE_REFUSED, "OrderTooEarly", "OrderExpired")
            if not self.attempt(refused, self.liquidator, self.market, "executeOrder", trader):
                self.lab.wait(601)
                self.attempt((), trader, self.market, "cancelOrder", trader)

    def _say(self, price: int) -> None:
        self.price = min(max(price, 400 * WAD), 10_000 * WAD)
        self.report(self.price)
        self._look()

    def move_price(self) -> None:
        """A little."""
        self._say(int(self.price * self.rng.uniform(0.97, 1.03)))

    def crash(self) -> None:
        """Or the other way."""
        self._say(int(self.price * self.rng.choice((0.82, 0.88, 1.13, 1.2))))

    def wait(self) -> None:
        """Hours, now and then days."""
        self.lab.wait(self.rng.randrange(10 * DAY if self.rng.random() < 0.2 else DAY // 4))
        self.attempt((), self.liquidator, self.market, "accrueFunding")

    def liquidate(self) -> None:
        """All that can be, each in a block of its own."""
        for trader in self.traders:
            if self.account(trader).size:
                self.attempt(_LIQUIDATION_REFUSED, self.liquidator, self.market, "liquidate", trader)

    def pay(self) -> None:
        """New margin for somebody; who is ruined comes back."""
        poor = [trader for trader in self.traders if self.account(trader).margin < self.money(1_000)]
        self.deposit(self.rng.choice(poor or self.traders), self.rng.uniform(10, _RICH / 2))

    def take(self) -> None:
        """A part of what can be withdrawn."""
        trader = self._somebody()
        amount = int(self.lab.read(self.market, "withdrawable", trader) * self.rng.random())
        self.attempt(_WITHDRAWAL_REFUSED, trader, self.market, "withdraw", amount, trader)

    def gift(self) -> None:
        """To the fund."""
        amount = self.give(self.liquidator, self.rng.uniform(1, 3_000), self.market)
        self.attempt((), self.liquidator, self.backstop, "donate", amount)

    def empty_fund(self) -> None:
        """Its owner takes it, so that losses pass it by."""
        self.attempt((), self.lab.owner, self.backstop, "withdrawFund", self.lab.owner, self._fund())

    def enter(self) -> None:
        """More capital."""
        provider = self.rng.choice(self.providers)
        if self.lab.read(self.pool, "maxDeposit", provider):
            self.provide(provider, self.rng.uniform(1, 60_000))

    def leave(self) -> None:
        """A part of a provider's capital."""
        provider = self.rng.choice(self.providers)
        shares = int(self.lab.read(self.pool, "maxRedeem", provider) * self.rng.random() / 2)
        if shares and self.lab.read(self.pool, "previewRedeem", shares):
            self.attempt(_LEAVE_REFUSED, provider, self.pool, "redeem", shares, provider, provider)

    def socialise(self) -> None:
        """Where nobody is left to deleverage or that had its time."""
        self.attempt(("NoShortfall", "DeleverageFirst"), self.liquidator, self.backstop, "socialise")

    def settle_pool(self) -> None:
        """Where winners are owed more than the pool has."""
        self.attempt(("PoolSolvent",), self.liquidator, self.market, "settlePool")

    # ------------------------------------------------------------- deleverage

    def deleverage(self) -> None:
        """As a keeper would: whoever is in profit, the highest score first, of the side that is to be closed."""
        long = bool(self.lab.read(self.backstop, "bankruptcy", True)[1])
        scores = {}
        for trader in self.traders:
            size = self.account(trader).size
            if size and (size < 0) == long:
                scores[trader] = self.lab.read(self.backstop, "scoreOf", trader)
        ranked = sorted((trader for trader in scores if scores[trader]), key=lambda trader: -scores[trader])
        self._deleverage(long, ranked[: self.rng.randrange(1, 4)])

    def meddle(self) -> None:
        """As nobody should: anybody, in any order, whether it is called for or not."""
        self._deleverage(self.rng.random() < 0.5, self.rng.sample(self.traders, self.rng.randrange(1, 3)))

    def _deleverage(self, long: bool, chosen: list[Address]) -> None:
        before = {trader: self.account(trader) for trader in chosen}
        settled = {trader: self._paid[trader] for trader in chosen}
        profits = {trader: self._exit_profit(before[trader]) for trader in chosen}
        called_for, fund, short = self._called_for, self._fund(), self._shortfall()
        if not self.attempt(_DELEVERAGE_REFUSED, self.liquidator, self.backstop, "deleverage", long, chosen):
            return
        left = self._shortfall()
        for trader in chosen:
            then, now = before[trader], self.account(trader)
            if now.size != then.size:
                self.found.append(
                    Deleveraged(
                        called_for=called_for,
                        fund=fund,
                        floor=self.money(self.terms.floor),
                        before=short,
                        after=left,
                        profit=profits[trader],
                        kept=now.margin - then.margin + self._paid[trader] - settled[trader],
                        other_side=(then.size < 0) == long,
                        reduced=0 <= now.size * (1 if then.size > 0 else -1) < abs(then.size),
                        in_debt=now.size == 0 and now.margin < 0,
                    )
                )

    def _exit_profit(self, account: Account) -> Fraction:
        """[margin wad] at the price at which all of a position closes: the mean premium before and after."""
        skew = self.lab.read(self.market, "skew")
        return Fraction(account.size * self.worth(self.price, 2 * skew - account.size), RAY) - account.entry

    # ------------------------------------------------------------------ books

    def _fund(self) -> int:
        return int(self.lab.read(self.backstop, "fund"))

    def _shortfall(self) -> int:
        return int(self.lab.read(self.backstop, "shortfall"))

    def books(self) -> Books:
        """What is off after this block. Call it after every block that moves a position."""
        accounts = {trader: self.account(trader) for trader in self.traders}
        short = self._shortfall()
        self._called_for = short > self.money(self.terms.trigger) or (
            self._called_for and short > self.money(self.terms.floor)
        )
        return Books(
            positions=self._positions(accounts),
            funding=self._funding(accounts),
            cash=self._cash(accounts, short),
            profit=self._profit(accounts),
        )

    def _positions(self, accounts: dict[Address, Account]) -> Fraction:
        sizes = [account.size for account in accounts.values()]
        sides = self.lab.read(self.market, "openInterest")
        counted = sum(max(size, 0) for size in sizes), sum(max(-size, 0) for size in sizes)
        pool = -self.lab.read(self.market, "skew")
        return Fraction(abs(sum(sizes) + pool) + abs(sides[0] - counted[0]) + abs(sides[1] - counted[1]))

    def _funding(self, accounts: dict[Address, Account]) -> Fraction:
        """The largest of all accounts. Each pays what its size owed at each step of the index, rounded up."""
        index = self.lab.read(self.market, "previewFunding")
        worst = Fraction(0)
        for trader, account in accounts.items():
            self._owed[trader] += self._sizes[trader] * (index - self._index)
            extra = self._paid[trader] + account.due - Fraction(self._owed[trader], RAY)
            worst = max(worst, -extra, extra - self._payments[trader] - 1)
            self._sizes[trader] = account.size
        self._index = index
        return worst

    def _cash(self, accounts: dict[Address, Account], short: int) -> Fraction:
        margins = sum(account.margin for account in accounts.values())
        tokens = self.lab.read(self.token, "balanceOf", self.market.address) * self.unit
        return Fraction(abs(margins + self.lab.read(self.market, "poolCash") + self._fund() - tokens - short))

    def _profit(self, accounts: dict[Address, Account]) -> Fraction:
        """Everybody's claim with all positions closed at one price, less cash: it only passes from one to another."""
        skew = self.lab.read(self.market, "skew")
        claims = Fraction(skew * self.worth(self.price, skew), RAY)
        claims -= sum(account.entry + account.due for account in accounts.values())
        claims += int(self.lab.read(self.market, "poolCapital")) - int(self.lab.read(self.market, "poolCash"))
        return max(claims, -claims - len(accounts) - 2, Fraction(0))


class Report(NamedTuple):
    """What came of storms."""

    worst: Books  # largest of each over all blocks
    done: Counter[str]  # actions that went through, and the errors of those that did not
    deleveraged: list[Deleveraged]


def rage(benches: Iterable[StormBench], steps: int) -> Report:
    """Drive markets, each for so many steps, and keep the worst of their books."""
    whole = Report(NOTHING_OFF, Counter(), [])
    for bench in benches:
        for _ in range(steps):
            bench.step()
        whole = Report(worse(whole.worst, bench.worst), whole.done + bench.done, whole.deleveraged + bench.found)
    return whole


def worse(one: Books, other: Books) -> Books:
    """The larger of each."""
    return Books._make(max(pair) for pair in zip(one, other, strict=True))
