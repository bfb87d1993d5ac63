"""Attacks on an option market, its surface, its settlement prices and its pool."""

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

from simulator.chain.types import Address
from simulator.market.svi import Svi
from simulator.probes.option_bench import NO_LIMIT, TENOR, OptionBench
from simulator.protocols.option_capability import OptionKind
from simulator.protocols.option_math import Greeks, Slice, SurfaceState
from simulator.units import WAD, YEAR_SECONDS, from_wad

_STRIKES = (0.9, 1.0, 1.1)  # over the price
_KINDS: tuple[OptionKind, ...] = ("call", "put")
_MOVE = 1e-3  # of the price, in a difference
_SIZES = (1.0, 7.1, 40.0)  # [options] of a round trip
_SHARES = (211, 367, 422)  # of a thousand
# Strikes over the price of what is settled, and sizes [size wad] so odd that every part of them is rounded, each in its
# own way: payoffs have the fraction of the feed's price, whatever the strike.
_SETTLED = {
    0.93: 3_217_123_456_789_012_347,
    0.95: 2_118_945_673_190_284_651,
    0.97: 1_741_320_985_617_430_259,
    1.0: 2_906_417_238_501_967_483,
}


class OptionProbe(OptionBench):
    """What is tried against one option market."""

    def run(self) -> None:
        """Every attempt, each on a branch of its own."""
        if not self.state.slices:
            return
        attempts: list[Callable[[], None]] = [
            self.round_trip, self.staleness, self.jump, self.writing, self.cover, self.collateral, self.rights,
            self.arbitrage_free, self.pool_bound, self.cutoff, self.greeks, self.quotes, self.healthy, self.gift,
            self.settlement,
            lambda: self.liquidation(0.7), lambda: self.liquidation(-5.0), self.halted_liquidation,
        ]  # fmt: skip
        with self.bench.trial.branch():
            if not self.begins():
                return
            for attempt in attempts:
                self.listed.clear()
                with self.bench.trial.branch():
                    attempt()

    # ----------------------------------------------------------------- attempts

    def round_trip(self) -> None:
        """In and out at one moment, either way."""
        bench, options = self.bench, self.options
        id = self.opens()
        if id is None:
            return
        for size in (round(size * WAD) for size in _SIZES):
            posted = 2 * self.required(self.alice, id, size)
            buy = options.trade(self.alice, id, size, NO_LIMIT)
            for calls in (
                (buy, options.trade(self.alice, id, -size, 0.0)),
                (options.trade(self.alice, id, -size, 0.0, posted), buy),
            ):
                with bench.trial.branch():
                    before = options.cash_of(self.alice)
                    replies = bench.trial.together(*((self.alice, call) for call in calls))
                    if all(reply.ok for reply in replies):
                        gain = (options.cash_of(self.alice) - before) * self.money
                        bench.note(options.id, "round_trip_gain", max(0.0, gain))

    def staleness(self) -> None:
        """Trade by a surface past its age while the feed is fresh, and the other way round."""
        bench, options = self.bench, self.options
        id = self.opens()
        if id is None:
            return
        trade = options.trade(self.alice, id, WAD, NO_LIMIT)
        if not bench.works(self.alice, trade):
            return
        with bench.trial.branch():
            bench.wait(options.max_age + 60)
            bench.note(f"{options.id}/surface", "stale_answers_used", bench.works(self.alice, trade))
        oracle = bench.oracles.get(options.asset)
        if oracle is not None and oracle.max_age:
            bench.trial.wait(oracle.max_age + 60)
            if self.reports(self.state):
                bench.note(f"{options.id}/feed", "stale_answers_used", bench.works(self.alice, trade))

    def jump(self) -> None:
        """Trade by a report that is further from the one before than is believed at once."""
        bench, options = self.bench, self.options
        move, pause = options.most_move()
        id = self.opens()
        if id is None or not move or pause <= 60 or not self.reports(self.flat(self.level())):
            return
        trade = options.trade(self.alice, id, WAD, NO_LIMIT)
        wild = self.level() * (1 + 1.2 * move)
        if bench.works(self.alice, trade) and self.reports(self.flat(wild)):
            bench.note(f"{options.id}/surface", "wild_answers_used", bench.works(self.alice, trade))

    def writing(self) -> None:
        """With less collateral than it takes, and at a worse price than the writer bears."""
        bench, options = self.bench, self.options
        for kind in _KINDS:
            with bench.trial.branch():
                id = self.opens(1.0, kind)
                if id is None:
                    continue
                needed = self.required(self.alice, id, WAD)
                enough, less = (options.trade(self.alice, id, -WAD, 0.0, needed * part // 100) for part in (101, 85))
                bench.limit(f"{options.id}/initial-margin/{kind}", bench.works(self.alice, enough), self.alice, less)
                preview = options.preview_trade(self.alice, id, WAD)
                if preview is not None:
                    price = from_wad(preview.price)
                    fair, worse = (options.trade(self.alice, id, WAD, price * part) for part in (1.02, 0.98))
                    bench.limit(f"{options.id}/limit-price", bench.works(self.alice, fair), self.alice, worse)

    def cover(self) -> None:
        """Write a call on less of the underlying than it covers, and take that out from under it."""
        bench, options = self.bench, self.options
        id = self.opens()
        if id is None or not bench.endow(options.asset, self.alice, 2 * WAD, options.spender):
            return
        whole, part = (options.trade(self.alice, id, -WAD, 0.0, 0, WAD * share // 10) for share in (10, 8))
        bench.limit(f"{options.id}/cover", bench.works(self.alice, whole), self.alice, part)
        if bench.send(self.alice, options.trade(self.alice, id, -WAD, 0.0, 0, 3 * WAD // 2)).ok:
            spare, too_much = (options.adjust(self.alice, id, 0, -WAD * share // 10) for share in (4, 8))
            bench.limit(f"{options.id}/covered", bench.works(self.alice, spare), self.alice, too_much)

    def collateral(self) -> None:
        """Take out what backs an option that was written."""
        bench, options = self.bench, self.options
        id = self.opens()
        if id is None or not self.writes(self.alice, id, WAD, 2.0):
            return
        held = options.position_of(self.alice, id)[1]
        spare, too_much = (options.adjust(self.alice, id, -held * part // 100) for part in (30, 70))
        bench.limit(f"{options.id}/collateral", bench.works(self.alice, spare), self.alice, too_much)
        cash = options.cash_of(self.alice)
        own, more = (options.withdraw(self.alice, cash + held * part // 100) for part in (-10, 50))
        bench.limit(f"{options.id}/withdrawal", bench.works(self.alice, own), self.alice, more)

    def rights(self) -> None:
        """Report and list without being appointed."""
        bench, options = self.bench, self.options
        report = options.report(self.state)
        bench.limit(f"{options.id}/reporter", bench.works(self.scribe, report), self.bob, report)
        listing = options.list_series((bench.trial.now + 2 * TENOR) // 600 * 600, float(f"{self.spot:.4g}"), "call")
        bench.limit(f"{options.id}/lister", bench.works(self.scribe, listing), self.bob, listing)

    def arbitrage_free(self) -> None:
        """Report a surface with a butterfly, and one whose variance falls with time."""
        bench, options = self.bench, self.options
        good = self.flat(self.level())
        works = bench.works(self.scribe, options.report(good))
        (near, _), (far, _) = good.slices
        theta = self.level() ** 2 * near / YEAR_SECONDS
        sharp = Svi(theta - 1e-3 * 0.3, 0.3, 0.0, 0.0, 1e-3)
        falling = Svi(0.8 * theta, 0.0, 0.0, 0.0, 0.1)
        for name, slices in (("butterfly", [Slice(near, sharp)]), ("calendar", [good.slices[0], Slice(far, falling)])):
            bad = good._replace(slices=slices, lowest=0.0)
            bench.limit(f"{options.id}/{name}", works, self.scribe, options.report(bad))

    def pool_bound(self) -> None:
        """Buy more than the pool may be bound for, of two strikes."""
        bench, options = self.bench, self.options
        id, other = self.opens(1.05), self.lists(1.1, "call")
        free, bound = options.pool_free(), options.bound_of(id) if id is not None else 0
        if id is None or other is None or not free or not bound:
            return
        half = free * WAD // bound // 2
        if self.buys(self.alice, id, half):
            within, beyond = (options.trade(self.alice, other, half * part // 10, NO_LIMIT) for part in (5, 14))
            bench.limit(f"{options.id}/pool-bound", bench.works(self.alice, within), self.alice, beyond)

    def cutoff(self) -> None:
        """Trade when it is closed before expiry."""
        bench, options = self.bench, self.options
        id = self.opens()
        if id is None or options.cutoff < 120:
            return
        trade = options.trade(self.alice, id, WAD, NO_LIMIT)
        works = bench.works(self.alice, trade)
        if self.wait((id >> 136) - options.cutoff // 2 - bench.trial.now):
            bench.limit(f"{options.id}/cutoff", works, self.alice, trade)

    def gift(self) -> None:
        """Give the market and its pool a tenth of what the pool has; and buy as much as binds a tenth of it."""
        bench, options = self.bench, self.options
        id, before = self.opens(), options.pool_share_price()
        amount = options.reserves()[1] // 10
        if id is None or before <= 0 or amount <= 0:
            return
        if bench.trial.give(options.margin_asset, self.dave, 2 * amount):
            for place in (options.spender, options.pool_spender):
                bench.trial.gift(options.margin_asset, self.dave, place, amount)
            push = abs(options.pool_share_price() / before - 1)
            bench.note(f"{options.id}/gift", "share_price_push", push)

    # ------------------------------------------------------------------- prices

    def greeks(self) -> None:
        """What the contracts say against what the price does, on a flat surface."""
        for kind, moneyness in zip(_KINDS, (1.05, 0.95), strict=True):
            with self.bench.trial.branch():
                id = self.lists(moneyness, kind)
                if id is not None and self.reports(self.flat(self.level())):
                    self._compare_greeks(id)

    def _compare_greeks(self, id: int) -> None:
        bench, level = self.bench, self.level()
        told = self.options.greeks_of_series(id)
        if told is None:
            return
        step = self.spot * _MOVE
        down, middle, up = (self._mark_at(id, 1 + move) for move in (-_MOVE, 0.0, _MOVE))
        dull, vivid = (self._mark_at(id, 1.0, self.flat(level * share)) for share in (0.99, 1.01))
        poor, rich = (self._mark_at(id, 1.0, self.flat(level)._replace(rate=rate)) for rate in (-0.01, 0.01))
        early, late = (self._mark_at(id, 1.0, wait=seconds) for seconds in (0, 3_600))
        marks = (down, middle, up, dull, vivid, poor, rich, early, late)
        if any(map(math.isnan, marks)):
            return
        found = Greeks(
            (up - down) / (2 * step),
            (up - 2 * middle + down) / step**2,
            (vivid - dull) / (0.02 * level),
            (late - early) / 3_600 * YEAR_SECONDS,
            (rich - poor) / 0.02,
        )
        for name, says, does in zip(Greeks._fields, told, found, strict=True):
            bench.note(f"{self.options.id}/{name}", "greek_gap", abs(says / does - 1) if does else 0.0)

    def _mark_at(self, id: int, factor: float, state: SurfaceState | None = None, wait: float = 0.0) -> float:
        """What an option is worth after a move of the price, by a surface."""
        bench = self.bench
        with bench.trial.branch():
            if wait:
                bench.wait(wait)
            bench.move(self.options.asset, factor)
            self.reports(state or self.flat(self.level()))
            return self.options.mark_of(id) or math.nan

    def quotes(self) -> None:
        """Trades at one moment that pay whatever comes: by parity, by bounds, across strikes; pushed quotes too."""
        bench, options = self.bench, self.options
        pairs = [(self.lists(moneyness, "call"), self.lists(moneyness, "put")) for moneyness in _STRIKES]
        known = [(call, put) for call, put in pairs if call is not None and put is not None]
        if len(known) != len(_STRIKES) or not self.funds(self.alice):
            return
        size = round(4 * options.spread * options.depth * WAD)
        for pushed in (None, *known[1]):
            with bench.trial.branch():
                if pushed is None or self.buys(self.alice, pushed, size):
                    gains = [gain for gain in self._arbitrage(known) if not math.isnan(gain)]
                    bench.note(options.id, "quote_arbitrage_usd", max([0.0, *gains]))

    def _quoted(self, id: int) -> tuple[float, float]:
        """Bid and ask of one option [usd]."""
        found = [self.options.preview_trade(self.bob, id, size) for size in (-WAD, WAD)]
        bid, ask = (math.nan if each is None else from_wad(each.price) for each in found)
        return bid, ask

    def _arbitrage(self, pairs: list[tuple[int, int]]) -> Iterator[float]:
        """What each would bring [usd], the underlying at the index price."""
        rows = []
        for call, put in pairs:
            years = ((call >> 136) - self.bench.trial.now) / YEAR_SECONDS
            forward = self.spot * math.exp(-self.state.carry * years)
            strike = from_wad((call >> 8) & (2**128 - 1)) * math.exp(-self.state.rate * years)
            (call_bid, call_ask), (put_bid, put_ask) = self._quoted(call), self._quoted(put)
            yield call_bid - put_ask - (forward - strike)
            yield put_bid - call_ask + (forward - strike)
            yield from (call_bid - forward, put_bid - strike, forward - strike - call_ask, strike - forward - put_ask)
            rows.append((strike, call_bid, call_ask, put_bid, put_ask))
        for low, high in pairwise(rows):
            width = high[0] - low[0]
            yield from (high[1] - low[2], low[3] - high[4])  # a call falls with its strike, a put rises
            yield from (low[1] - high[2] - width, high[3] - low[4] - width)  # and no faster
        below, middle, above = rows
        share = (above[0] - middle[0]) / (above[0] - below[0])
        yield from (middle[n] - share * below[n + 1] - (1 - share) * above[n + 1] for n in (1, 3))  # both are convex

    # -------------------------------------------------------------- liquidation

    def _short(self, moneyness: float = 1.0) -> tuple[int, int] | None:
        """Alice writes one with just what it takes: the series and her collateral."""
        id = self.opens(moneyness)
        if id is None or not self.writes(self.alice, id, WAD):
            return None
        return id, self.options.position_of(self.alice, id)[1]

    def healthy(self) -> None:
        """Liquidate what is a little above its maintenance margin, as it is a little below it."""
        bench, short = self.bench, self._short()
        if short is None or not self.kept:
            return
        outcomes = []
        for share in (0.9, 1.1):
            with bench.trial.branch():
                if not self.falls_to(*short, share):
                    return
                outcomes.append(bench.send(self.dave, self.options.liquidate(self.alice, short[0])).ok)
        if outcomes[0]:
            bench.note(f"{self.options.id}/healthy", "limits_passed", outcomes[1])

    def liquidation(self, share: float) -> None:
        """Liquidate oneself by another account, and see who pays: collateral, then the fund."""
        bench, options, short = self.bench, self.options, self._short()
        if short is None or not self.kept or not self.falls_to(*short, share):
            return
        id, held = short
        preview, rich, books = options.preview_liquidation(self.alice, id), self._equity(id), self.owed()
        fund, _ = options.reserves()
        done = bench.send(self.dave, options.liquidate(self.alice, id)).ok
        bench.note(options.id, "unliquidatable_debt_usd", 0.0 if done else self.spot)
        if done and preview is not None:
            gain = from_wad(self._equity(id) - rich) * self.money
            bench.note(options.id, "self_liquidation_gain_usd", max(0.0, gain))
            kept = round(preview.fee * (1 - options.liquidator_share))
            self._waterfall("liquidation", preview.cost, held, fund, kept)
            self.check_books("liquidation", books)

    def _equity(self, id: int) -> int:
        """What Alice and Dave have to lose [margin wad]."""
        size, collateral, _ = self.options.position_of(self.alice, id)
        own = collateral - round(-size * (self.options.mark_of(id) or 0.0) / self.money)
        return max(0, own) + self.riches(self.alice, self.dave)

    def _waterfall(self, step: str, owed: int, collateral: int, before: int, kept: int) -> None:
        """Of a loss the fund bears what collateral does not, all of that if it can; `kept` is its part of the fee."""
        due = min(before, max(0, owed - collateral))
        skipped = from_wad(abs(before + kept - due - self.options.reserves()[0])) * self.money
        self.bench.note(f"{self.options.id}/{step}", "waterfall_skips_usd", skipped)

    def halted_liquidation(self) -> None:
        """Liquidate while trading is halted."""
        bench, options = self.bench, self.options
        move, pause = options.most_move()
        short = self._short()
        if short is None or not self.kept or not move or pause <= 60 or not self.falls_to(*short, 0.5):
            return
        wild = self.flat(self.level() * (1 + 1.2 * move))
        if self.reports(self.flat(self.level())) and self.reports(wild):
            done = bench.works(self.dave, options.liquidate(self.alice, short[0]))
            bench.note(f"{options.id}/halted", "unliquidatable_debt_usd", 0.0 if done else self.spot)

    # --------------------------------------------------------------- settlement

    def settlement(self) -> None:
        """Lock a price, lock it again, by other rounds, and settle sides that several share."""
        people = (self.alice, self.bob, self.carol)
        for longs_share in (True, False):
            with self.bench.trial.branch():
                ids = {self.lists(moneyness, "call"): size for moneyness, size in _SETTLED.items()}
                known = {id: size for id, size in ids.items() if id is not None}
                ready = len(known) == len(_SETTLED) and self.funds(*people, self.dave)
                if ready and all(self._shared(id, size, people, longs_share) for id, size in known.items()):
                    self._expires(list(known), (*people, self.dave))

    def _shared(self, id: int, size: int, people: tuple[Address, ...], longs_share: bool) -> bool:
        """Dave has one side whole, the others share the other."""
        parts = [size * share // 1000 for share in _SHARES]
        whole = sum(parts)
        if longs_share:
            sides = [self.buys(who, id, part) for who, part in zip(people, parts, strict=True)]
            return all(sides) and self.writes(self.dave, id, whole, 3.0)
        sides = [self.writes(who, id, part, 3.0) for who, part in zip(people, parts, strict=True)]
        return all(sides) and self.buys(self.dave, id, whole)

    def _expires(self, ids: list[int], people: tuple[Address, ...]) -> None:
        bench, options, expiry = self.bench, self.options, ids[0] >> 136
        self.wait(expiry - bench.trial.now - 60)
        early = options.newest_round()
        if not bench.move(options.asset, 1.03123):
            return
        last = options.newest_round()
        bench.trial.wait(max(2, expiry - bench.trial.now + 2))
        if not bench.move(options.asset, 1.05):
            return
        self._locks(expiry, early, last)
        if not bench.send(self.dave, options.lock(expiry, last)).ok:
            return
        self._locks_again(expiry, last)
        if bench.send(self.dave, options.freeze(expiry)).ok:
            for id in ids:
                self._settles(id, people)

    def _settles(self, id: int, people: tuple[Address, ...]) -> None:
        """Both sides together get no more than they had."""
        bench, options, books = self.bench, self.options, self.owed()
        before = sum(options.cash_of(who) + options.position_of(who, id)[1] for who in people)
        shorts = [who for who in people if options.position_of(who, id)[0] < 0]
        order = (*shorts, *(who for who in people if who not in shorts))
        if all(bench.send(self.dave, options.settle(who, id)).ok for who in order):
            gain = (sum(map(options.cash_of, people)) - before) * self.money
            bench.note(f"{options.id}/settlement", "round_trip_gain", max(0.0, gain))
            self.check_books("settlement", books)

    def _locks(self, expiry: int, early: int, last: int) -> None:
        """By a round that is not the last before expiry."""
        bench, options = self.bench, self.options
        if bench.works(self.dave, options.lock(expiry, last)):
            wrong = sorted({early, last - 1, last + 1} - {last})
            taken = sum(bench.works(self.dave, options.lock(expiry, number)) for number in wrong)
            bench.note(f"{options.id}/round", "expiry_price_moves", taken)

    def _locks_again(self, expiry: int, last: int) -> None:
        """Once it is known, by any round."""
        bench, options = self.bench, self.options
        before = options.settlement_price(expiry)
        with bench.trial.branch():
            for number in (last, last + 1):
                bench.send(self.dave, options.lock(expiry, number))
            again = sum(bench.works(self.dave, options.lock(expiry, number)) for number in (last, last + 1))
            moved = options.settlement_price(expiry) != before
        bench.note(f"{options.id}/lock", "expiry_price_moves", again + moved)
