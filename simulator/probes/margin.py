"""Attacks on a clearinghouse: its margins, its auctions and its funds."""

import math

from simulator.chain.types import Address
from simulator.probes.bench import Bench, wad
from simulator.probes.option_bench import NO_LIMIT, OptionBench
from simulator.protocols.margin_capability import Leg, Margin
from simulator.protocols.option_capability import OptionKind
from simulator.protocols.option_math import Terms, price
from simulator.units import WAD, YEAR_SECONDS, from_wad

_STAKE = 10_000.0  # [usd] that Alice deposits
_TAKER = 2_000_000.0  # [usd] that Bob has for a book
_FILL = 0.9  # of the margin that she has
_CRASH = 1.6  # the price over what it was, for who has written calls
_PAIRS: tuple[tuple[OptionKind, tuple[float, float]], ...] = (("call", (1.0, 1.05)), ("put", (1.0, 0.95)))


class MarginProbe:
    """What is tried against one clearinghouse over an option market. Alice writes, Bob takes, Dave keeps."""

    def __init__(self, bench: Bench, margin: Margin, market: OptionBench) -> None:
        self.bench, self.margin, self.market = bench, margin, market
        self.alice, self.bob, _, self.dave = bench.people[:4]
        self.money = bench.trial.price(margin.margin_asset)  # [usd]

    def run(self) -> None:
        """Every attempt, each on a branch of its own."""
        if not self.market.state.slices:
            return
        with self.bench.trial.branch():
            if not self.market.begins():
                return
            self.book, self.taker = (self._opened(who) for who in (self.alice, self.bob))
            for attempt in (self.limits, self.legs, self.healthy, self.staleness, self.round_trip, self.auction):
                with self.bench.trial.branch():
                    attempt()

    def _opened(self, owner: Address) -> str:
        """An account of one's own."""
        self.bench.send(owner, self.margin.open("portfolio"))
        return self.margin.newest_account()

    # -------------------------------------------------------------------- moves

    def funds(self, owner: Address, account: str, usd: float) -> bool:
        """Deposit cash."""
        margin, amount = self.margin, wad(usd, self.money)
        if not self.bench.endow(margin.margin_asset, owner, amount, margin.spender):
            return False
        return self.bench.send(owner, margin.deposit(account, amount)).ok

    def trades(self, leg: Leg, size: int) -> bool:
        """Alice, at any price."""
        limit = NO_LIMIT if size > 0 else 0.0
        return self.bench.send(self.alice, self.margin.trade(self.book, leg, size, limit)).ok

    def opens(self) -> Leg | None:
        """Calls at the money, and a stake to write them on."""
        id = self.market.lists(1.0, "call")
        return Leg("option", id) if id is not None and self.funds(self.alice, self.book, _STAKE) else None

    def bears(self, leg: Leg) -> int:
        """How much of a leg Alice's stake bears the initial margin of, written [size wad]."""
        told = self.margin.preview_trade(self.book, leg, -WAD)
        return 0 if told is None or not told.required else WAD * told.equity // told.required

    def writes(self) -> Leg | None:
        """Nearly as much as her stake bears."""
        leg = self.opens()
        size = round(_FILL * self.bears(leg)) if leg else 0
        return leg if leg and size and self.trades(leg, -size) else None

    # ----------------------------------------------------------------- attempts

    def limits(self) -> None:
        """More than the margin bears, margin out from under a book, and another's account."""
        bench, margin, leg = self.bench, self.margin, self.opens()
        size = self.bears(leg) if leg else 0
        if leg is None or not size:
            return
        enough, too_much = (margin.trade(self.book, leg, -size * part // 100, 0.0) for part in (90, 110))
        bench.limit(f"{margin.id}/initial-margin", bench.works(self.alice, enough), self.alice, too_much)
        if not bench.send(self.alice, margin.trade(self.book, leg, -size // 2, 0.0)).ok:
            return
        told = margin.margin_of(self.book, initial=True)
        spare = max(0, told[0] - told[1]) if told else 0
        out, more = (margin.withdraw(self.book, spare * part // 100) for part in (80, 130))
        within = bench.works(self.alice, out)
        bench.limit(f"{margin.id}/withdrawal", within, self.alice, more)
        bench.limit(f"{margin.id}/authority", within, self.bob, out)

    def legs(self) -> None:
        """Write two of a kind, and compare what they need together with what they lose under a declared shock."""
        market, moves = self.market, [spot for spot, volatility in self.margin.shocks() if not volatility]
        level = market.level()
        if not moves or not market.reports(market.flat(level)):
            return
        for kind, strikes in _PAIRS:
            with self.bench.trial.branch():
                ids = [market.lists(moneyness, kind) for moneyness in strikes]
                known = [id for id in ids if id is not None]
                if len(known) == len(ids) and self.funds(self.alice, self.book, _STAKE):
                    self._compare(known, kind, moves, level)

    def _compare(self, ids: list[int], kind: OptionKind, moves: list[float], level: float) -> None:
        margin, size = self.margin, 2 * WAD
        if not all(self.trades(Leg("option", id), -size) for id in ids):
            return
        told = margin.margin_of(self.book, initial=False)
        if told is None:
            return
        now = self._worth(ids, kind, 0.0, level)
        worst = max(self._worth(ids, kind, move, level) - now for move in moves) * from_wad(size)
        gap = max(0.0, worst - from_wad(told[1]) * self.money)
        self.bench.note(f"{margin.id}/{kind}s", "margin_gap_usd", gap)

    def _worth(self, ids: list[int], kind: OptionKind, move: float, level: float) -> float:
        """One of each after a move of the price, on a flat surface without interest [usd]."""
        spot, total = self.market.spot * (1 + move), 0.0
        for id in ids:
            strike = from_wad((id >> 8) & (2**128 - 1))
            years = ((id >> 136) - self.bench.trial.now) / YEAR_SECONDS
            total += price(Terms(spot, strike, level, years), is_call=kind == "call")
        return total

    def healthy(self) -> None:
        """Auction a book a little above its maintenance margin, as one a little below it."""
        bench, leg = self.bench, self.writes()
        if leg is None:
            return
        outcomes = []
        for share in (-0.05, 0.05):
            with bench.trial.branch():
                if not self._falls_to(share):
                    return
                outcomes.append(bench.works(self.dave, self.margin.start_auction(self.book)))
        if outcomes[0]:
            bench.note(f"{self.margin.id}/healthy", "limits_passed", outcomes[1])

    def _falls_to(self, share: float) -> bool:
        """Let the price rise until equity is above what is required by `share` of it."""

        def room() -> float:
            told = self.margin.margin_of(self.book, initial=False)
            return -math.inf if told is None else told[0] - told[1] * (1 + share)

        return self.market.rises_until(room)

    def staleness(self) -> None:
        """Trade by a surface past its age while the feed is fresh."""
        bench, margin, leg = self.bench, self.margin, self.opens()
        if leg is None:
            return
        trade = margin.trade(self.book, leg, -WAD, 0.0)
        if bench.works(self.alice, trade):
            bench.wait(self.market.options.max_age + 60)
            bench.note(f"{margin.id}/surface", "stale_answers_used", bench.works(self.alice, trade))

    def round_trip(self) -> None:
        """In and out at one moment, either way."""
        bench, margin, leg = self.bench, self.margin, self.opens()
        if leg is None:
            return
        calls = [margin.trade(self.book, leg, size, limit) for size, limit in ((WAD, NO_LIMIT), (-WAD, 0.0))]
        for order in (calls, calls[::-1]):
            with bench.trial.branch():
                before = margin.cash_of(self.book)
                replies = bench.trial.together(*((self.alice, call) for call in order))
                if all(reply.ok for reply in replies):
                    gain = (margin.cash_of(self.book) - before) * self.money
                    bench.note(margin.id, "round_trip_gain", max(0.0, gain))

    def auction(self) -> None:
        """Leave a book worth less than nothing to who takes it, and see whose money pays."""
        bench, margin, leg = self.bench, self.margin, self.writes()
        if leg is None or not self.funds(self.bob, self.taker, _TAKER) or not self.market.moves(_CRASH):
            return
        told = margin.margin_of(self.book, initial=False)
        if told is None or told[0] >= 0:
            return
        begun = bench.send(self.dave, margin.start_auction(self.book)).ok
        bench.note(margin.id, "unliquidatable_debt_usd", 0.0 if begun else _STAKE)
        if not begun or not self._passes(margin.auction_seconds / 2):
            return
        before = margin.funds()
        taking = margin.take(self.book, self.taker, 0)
        with bench.trial.branch():
            sold = self._passes(margin.auction_seconds) and bench.works(self.bob, taking)
            bench.note(f"{margin.id}/left-alone", "stuck_lots", 0.0 if sold else 1.0)
        if bench.send(self.bob, taking).ok:
            self._waterfall(before, margin.funds())

    def _passes(self, seconds: float) -> bool:
        """Let time pass with the price and the surface as they are."""
        self.bench.wait(seconds)
        return self.market.reports(self.market.state)

    def _waterfall(self, before: tuple[int, int, int], after: tuple[int, int, int]) -> None:
        """First the house's fund, then the members', and only then what is recorded."""
        loss = before[0] - after[0] + before[1] - after[1] + after[2] - before[2]
        house = min(before[0], loss)
        members = min(before[1], loss - house)
        due = (before[0] - house, before[1] - members, before[2] + loss - house - members)
        skipped = max(abs(is_now - should) for is_now, should in zip(after, due, strict=True))
        self.bench.note(f"{self.margin.id}/funds", "waterfall_skips_usd", from_wad(skipped) * self.money)
