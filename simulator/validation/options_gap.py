"""Laws of who bears what writers of puts cannot pay after a gap overnight, in the option market and the clearinghouse.

Each trial is told by the contracts what the loss is, and by the rule of the waterfall who bears it; what everybody has
afterwards is then compared to the wei.
"""

from collections import Counter
from collections.abc import Iterable
from random import Random
from typing import NamedTuple

from simulator.chain.types import Address
from simulator.units import WAD, to_wad
from simulator.validation.law import Measured, NoData, law
from simulator.validation.options_bench import DAY, PUT, SPOT, MarketTerms, OptionBench, flat
from simulator.validation.options_house import AuctionTerms, HouseBench

_NIGHT = 8 * 3600  # [s]
_TRIALS = 60
_FEWEST = 8  # trials in which each tier paid
_TERMS = MarketTerms(spread=0.0, depth=1e9, trade_fee=0.0, fee_cap=0.0, fund_share=0.0, capital_ratio=0.0)

Tiers = Counter[str]


class Trial(NamedTuple):
    """[wei] that the contracts and the rule differ by, over everybody, and the tiers that paid."""

    off: int
    paid: Tiers


class Fall(NamedTuple):
    """How a loss falls on tiers of given size, one after the other."""

    parts: list[int]
    rest: int

    @classmethod
    def of(cls, loss: int, *tiers: int) -> "Fall":
        """The first as much as it has, then the second, and what nobody had."""
        parts = []
        for tier in tiers:
            parts.append(min(loss, max(tier, 0)))
            loss -= parts[-1]
        return cls(parts, loss)


def _difference(seen: dict[str, int], expected: dict[str, int]) -> int:
    return sum(abs(seen[name] - expected[name]) for name in expected)


# -------------------------------------------------------------------- market


class MarketGap:
    """Two writers of puts and two who hold them, one writer liquidated after the gap and one settled at expiry."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = Random(seed)
        self.bench = bench = OptionBench(_TERMS, pool=rng.choice((50_000.0, 10**7)))
        self.lab = bench.lab
        bench.report(flat(rng.uniform(0.3, 0.9)))
        self.expiry = self.lab.now + 2 * DAY
        self.put = bench.list(self.expiry, to_wad(SPOT), PUT)
        self.donated = to_wad(rng.choice((0.0, rng.uniform(0, 5_000))))
        self.writers, self.holders = (
            [self.lab.person(f"{kind} {i}") for i in range(2)] for kind in ("writer", "holder")
        )
        self.keeper = self.lab.person("keeper")
        self.paid: Tiers = Counter()
        self._begin()

    def _begin(self) -> None:
        rng, bench = self.rng, self.bench
        if self.donated:
            self.lab.endow(bench.dollar, self.keeper, self.donated, bench.market)
            self.lab.do(self.keeper, bench.market, "donate", self.donated)
        for writer in self.writers:
            size = rng.randrange(WAD, 40 * WAD)
            needed = bench.ask("unitMargin", self.put, True) * size // WAD
            posted = int(needed * rng.uniform(1.01, 1.6))
            bench.fund(writer, posted / WAD + 1)
            bench.trade(writer, self.put, -size, posted)
        for holder in self.holders:
            bench.fund(holder, 100_000)
            bench.trade(holder, self.put, rng.randrange(WAD, 80 * WAD))

    def books(self) -> dict[str, int]:
        """[wei] of everybody."""
        people = {"keeper": self.keeper}
        people |= {
            f"{kind} {i}": who for kind in ("writer", "holder") for i, who in enumerate(getattr(self, kind + "s"))
        }
        cash = {name: int(self.bench.ask("cashOf", who)) for name, who in people.items()}
        named = {name: int(self.bench.ask(name)) for name in ("fund", "poolCash", "unpaidTotal")}
        posted = {f"collateral {i}": self._position(writer)[1] for i, writer in enumerate(self.writers)}
        return {**cash, **named, **posted}

    def _position(self, owner: Address) -> tuple[int, int]:
        size, collateral, _ = self.bench.ask("positionOf", owner, self.put)
        return int(size), int(collateral)

    def run(self) -> Trial:
        """The gap, a liquidation and the settlement."""
        gap = to_wad(SPOT * self.rng.uniform(0.35, 0.95))
        self.lab.wait(_NIGHT)
        self.bench.say(gap)
        off = self._liquidate()
        self.lab.wait(self.expiry - self.lab.now - 2)
        self.bench.say(gap)
        self.bench.expire(self.expiry)
        payoff = max(0, to_wad(SPOT) - gap)
        for writer in (0, 1):
            off += self._settle_writer(writer, payoff)
        owed = {i: self._position(holder)[0] * payoff // WAD for i, holder in enumerate(self.holders)}
        return Trial(off + self._settle_holders(owed), self.paid)

    def _note(self, fall: Fall) -> None:
        """Which tiers a writer's loss came to."""
        for name, part in zip(("collateral", "fund", "pool"), (*fall.parts, fall.rest), strict=True):
            self.paid[name] += part > 0

    def _liquidate(self) -> int:
        """The first writer, where the market says that it may be."""
        first, market = (self.writers[0], self.put), self.bench.market
        if isinstance(self.lab.attempt(["PositionHealthy"], self.keeper, market, "previewLiquidation", *first), str):
            return 0
        before, size = self.books(), -self._position(self.writers[0])[0]
        cost = int(self.lab.do(self.keeper, market, "liquidate", *first))
        seen = self.books()
        fall = Fall.of(cost, before["collateral 0"], before["fund"])
        left = before["collateral 0"] - fall.parts[0]
        fee = min(left, self._liquidation_fee(size))  # half of it to whoever liquidated
        expected = before | {
            "collateral 0": 0,
            "writer 0": before["writer 0"] + left - fee,
            "keeper": before["keeper"] + fee // 2,
            "fund": before["fund"] - fall.parts[1] + fee - fee // 2,
            "poolCash": before["poolCash"] + sum(fall.parts),
        }
        self._note(fall)
        return _difference(seen, expected)

    def _liquidation_fee(self, size: int) -> int:
        unit = -(-int(self.lab.read(self.bench.surface, "spot")) * to_wad(self.bench.terms.liquidation_fee) // WAD)
        return -(-size * unit // WAD)

    def _settle_writer(self, place: int, payoff: int) -> int:
        size, collateral = self._position(self.writers[place])
        if not size:
            return 0
        before = self.books()
        owed = -(size * payoff // WAD)
        fall = Fall.of(owed, collateral, before["fund"])
        self.lab.do(self.keeper, self.bench.market, "settle", self.writers[place], self.put)
        expected = before | {
            f"collateral {place}": 0,
            f"writer {place}": before[f"writer {place}"] + collateral - fall.parts[0],
            "fund": before["fund"] - fall.parts[1],
            "poolCash": before["poolCash"] + sum(fall.parts),
        }
        self._note(fall)
        return _difference(self.books(), expected)

    def _settle_holders(self, owed: dict[int, int]) -> int:
        """From the pool, then the fund, and what is missing at everybody's expense by the same share."""
        off = 0
        for place, holder in enumerate(self.holders):
            total = int(self.bench.ask("owedTotal"))
            before = self.books()
            fall = Fall.of(total, before["poolCash"], before["fund"])
            got = owed[place] * sum(fall.parts) // total if fall.rest else owed[place]
            self.lab.do(self.keeper, self.bench.market, "settle", holder, self.put)
            expected = before | {
                f"holder {place}": before[f"holder {place}"] + got,
                "fund": before["fund"] - fall.parts[1],
                "poolCash": before["poolCash"] + fall.parts[1] - got,
                "unpaidTotal": before["unpaidTotal"] + owed[place] - got,
            }
            self.paid["holders"] += fall.rest > 0
            off += _difference(self.books(), expected)
        return off


# ------------------------------------------------------------- clearinghouse


class HouseGap:
    """A writer of puts in the clearinghouse, two members of its fund, and who takes the book in the auction."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = Random(seed)
        self.auction = AuctionTerms(max_reward=rng.choice((0.0, 0.5)))
        self.bench = bench = HouseBench(_TERMS, self.auction)
        self.lab = bench.lab
        options = bench.options
        options.report(flat(rng.uniform(0.3, 0.9)))
        self.put = (bench.by_options, options.list(self.lab.now + 30 * DAY, to_wad(SPOT), PUT))
        self.model = rng.choice((bench.standard, bench.portfolio))
        self.writer, self.taker = self.lab.person("writer"), self.lab.person("taker")
        size = rng.randrange(WAD, 40 * WAD)
        needed = bench.margin_of_book(self.model, {self.put: -size}).required / WAD
        self.account = bench.open(self.writer, self.model, needed * rng.uniform(1.05, 1.6))
        bench.trade(self.writer, self.account, self.put, -size)
        self.takers = bench.open(self.taker, self.model, 1e7)
        if rng.random() < 0.7:
            donated = bench.pay(self.lab.owner, rng.uniform(1, 3_000))
            self.lab.do(self.lab.owner, bench.house, "donate", donated)
        self.brought = [self._join(f"member {i}") for i in range(2)]

    def _join(self, name: str) -> int:
        member = self.lab.person(name)
        amount = self.bench.pay(member, self.rng.uniform(1, 3_000))
        self.lab.do(member, self.bench.house, "join", amount)
        return amount

    def books(self) -> dict[str, int]:
        """[wei] of the tiers, and the writer's cash."""
        named = {name: int(self.bench.ask(name)) for name in ("houseFund", "membersFund", "shortfall")}
        return {**named, "writer": self.bench.cash(self.account)}

    def run(self) -> Trial | None:
        """The gap and its auction; None where the writer is still safe."""
        self.lab.wait(_NIGHT)
        self.bench.say(to_wad(SPOT * self.rng.uniform(0.35, 0.97)))
        house = self.bench.house
        if isinstance(self.lab.attempt(["AccountHealthy"], self.taker, house, "startAuction", self.account), str):
            return None
        started = self.lab.now
        self.lab.wait(self.rng.randrange(2 * self.auction.length))
        before, cash = self.books(), self.bench.cash(self.takers)
        paid, received = self.lab.do(self.taker, house, "take", self.account, self.takers, 2**256 - 1)
        elapsed = min(self.lab.now - started, self.auction.length)
        return self._judged(before, int(paid), int(received), elapsed, cash)

    def _judged(self, before: dict[str, int], paid: int, received: int, elapsed: int, cash: int) -> Trial:
        fall = Fall.of(received, before["houseFund"] + self._fee(paid), before["membersFund"])
        expected = {
            "houseFund": before["houseFund"] + self._fee(paid) - fall.parts[0],
            "membersFund": before["membersFund"] - fall.parts[1],
            "shortfall": fall.rest,
            "writer": paid - self._fee(paid),
        }
        names = ("equity", "house", "members", "shortfall")
        parts = (received == 0, *fall.parts, fall.rest)
        tiers = Tiers({name: 1 for name, part in zip(names, parts, strict=True) if part})
        off = _difference(self.books(), expected) + self._members_off() + self._price_off(paid, received, elapsed, cash)
        return Trial(off, tiers)

    def _fee(self, paid: int) -> int:
        return paid * to_wad(self.auction.fee) // WAD

    def _price_off(self, paid: int, received: int, elapsed: int, cash: int) -> int:
        """[wei] by which the auction's price is not what a book of this worth costs: a share of it, or nothing.

        What the book is worth is seen by what the taker has more.
        """
        after, length = self.bench.margin(self.takers, initial=False), self.auction.length
        worth = after.equity - cash + paid - received
        if worth > 0:
            share = to_wad(self.auction.start_share) * (length - elapsed) // length
            return abs(paid - worth * share // WAD) + received
        reward = (after.required * to_wad(self.auction.max_reward) // WAD) * elapsed // length
        return abs(received + worth - reward) + paid

    def _members_off(self) -> int:
        """[wei] beyond rounding by which members did not lose the same share of what they brought."""
        fund, shares = int(self.bench.ask("membersFund")), int(self.bench.ask("totalShares"))
        off = 0
        for at, amount in enumerate(self.brought):
            held = int(self.bench.ask("memberOf", self.lab.person(f"member {at}"))[0])
            claim, fair = held * fund // shares, amount * fund // sum(self.brought)
            off += max(0, abs(claim - fair) - 1)
        return off


# ---------------------------------------------------------------------- laws


class Gaps(NamedTuple):
    """Of many trials: what is off, and how often each tier paid."""

    off: int
    paid: Tiers


def gaps(trials: Iterable[Trial | None], tiers: Iterable[str]) -> Gaps:
    """Raises NoData where a tier paid too seldom."""
    off, paid = 0, Tiers()
    for trial in trials:
        if trial is not None:
            off += trial.off
            paid.update(tier for tier, times in trial.paid.items() if times)
    for tier in tiers:
        if paid[tier] < _FEWEST:
            raise NoData(f"{tier}: paid in {paid[tier]} trials, {_FEWEST} are needed")
    return Gaps(off, paid)


@law("put-seller-gap/market", "contracts/INVARIANTS.md, 50")
def market() -> Measured:
    """After a gap overnight, what writers of puts cannot pay falls on their collateral, then on the fund, then on the
    pool's depositors, then on those who are owed, each by the same share: wei that anybody in an OptionMarket has more
    or less than this order leaves, in 60 random gaps."""
    found = gaps((MarketGap(seed).run() for seed in range(_TRIALS)), ("collateral", "fund", "pool", "holders"))
    return Measured(0.0, float(found.off), 0.0)


@law("put-seller-gap/clearinghouse", "contracts/INVARIANTS.md, 58")
def clearinghouse() -> Measured:
    """After a gap overnight, the loss of an account that wrote puts falls on its equity, then on the house's fund, then
    on the members', each by the same share, and the rest is recorded: wei by which a Clearinghouse differs from this
    order and the auction from its price, in 60 random gaps."""
    found = gaps((HouseGap(seed).run() for seed in range(_TRIALS)), ("equity", "house", "members", "shortfall"))
    return Measured(0.0, float(found.off), 0.0)
