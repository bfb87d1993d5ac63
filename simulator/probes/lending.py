"""Attacks on positions that owe a stablecoin, and on how they are liquidated."""

from simulator.chain.types import Address
from simulator.probes.bench import Bench, wad
from simulator.protocols.base import REPAY_ALL, TAKE_ALL, Auction, Call, Lending, Pool
from simulator.units import from_wad

_ALL = 2**255
_MONTH = 30 * 86_400
_HOUR = 3600
_WORST_HOUR = 0.209  # ether's fall in its worst hour of 12 March 2020
_STALE_DRAW = 100_000.0  # [debt tokens]
_PUSHED_DRAW = 1_000_000.0  # [debt tokens]
_PUSHES = (0.5, 2.0, 10.0)  # of a pool's quote reserve, sold into it
_ROUNDING = 1e-6  # of a bonus
_CRUMB = 10**15  # [collateral wad]
_HARMLESS = 100.0  # cost over profit where there was no profit


class LendingProbe:
    """What is tried against one lending capability."""

    def __init__(self, bench: Bench, lending: Lending, auction: Auction | None) -> None:
        self.bench, self.lending, self.auction = bench, lending, auction
        self.alice, self.bob = bench.people[:2]
        self.tells = lending.holdings(self.alice) is not None  # of positions that only this trial has
        self.debt = max(10 * lending.debt_floor, 10_000.0)  # [debt tokens] of a position

    def run(self) -> None:
        """Every attempt, each on a branch of its own."""
        attempts = [self.limits, self.staleness, self.jumps, self.stale_hour, self.pushes]
        if self.tells:
            attempts += [self.rights, self.healthy, self.round_trips, self.interest, self.small, self.under_water]
            attempts.append(self.liquidation if self.lending.immediate else self.lots)
        for attempt in attempts:
            with self.bench.trial.branch():
                self.bench.freshen()
                attempt()

    # ---------------------------------------------------------------- openings

    def opening(self, owner: Address, debt: float, ratio: float) -> Call | None:
        """The call that opens a position at a ratio to the price on chain, once its collateral is there."""
        price = self.bench.price(self.lending.asset)
        collateral = wad(debt * ratio, price)
        if not self.bench.endow(self.lending.asset, owner, collateral, self.lending.spender):
            return None
        return self.lending.open(owner, collateral, wad(debt))

    def opens(self, debt: float, ratio: float) -> bool:
        """Whether a position can be opened now; nothing of it stays."""
        with self.bench.trial.branch():
            call = self.opening(self.alice, debt, ratio)
            return call is not None and self.bench.send(self.alice, call).ok

    def open(self, owner: Address, debt: float, ratio: float) -> str | None:
        """Open one that stays; its name, None where it is refused."""
        call = self.opening(owner, debt, ratio)
        return call.subject if call is not None and self.bench.send(owner, call).ok else None

    def limit(self, what: str, within: bool, debt: float, ratio: float) -> None:
        """Open a position beyond a limit."""
        if within:
            self.bench.note(f"{self.lending.id}/{what}", "limits_passed", self.opens(debt, ratio))

    # ---------------------------------------------------------------- attempts

    def limits(self) -> None:
        """Beyond the minimum ratio, the floor and the ceiling."""
        lending, least = self.lending, self.lending.minimum_ratio
        control = self.opens(self.debt, 1.02 * least)
        self.limit("minimum-ratio", control, self.debt, 0.98 * least)
        if lending.debt_floor > 0:
            self.limit("debt-floor", control, 0.5 * lending.debt_floor, 3 * least)
        if lending.debt_ceiling < float("inf"):
            self.limit("debt-ceiling", control, 1.01 * lending.debt_ceiling, 3 * least)

    def rights(self) -> None:
        """Draw on somebody else's position, and take collateral out from under one's own."""
        bench, lending, least = self.bench, self.lending, self.lending.minimum_ratio
        position = self.open(self.alice, self.debt, 3 * least)
        if position is None:
            return
        draw = lending.adjust(position, 0, wad(0.1 * self.debt))
        within = bench.works(self.alice, draw)
        bench.limit(f"{lending.id}/authority", within, self.bob, draw)
        held, owed = lending.holdings(self.alice) or (0, 0)
        if held and owed:
            within = self.bench.works(self.alice, lending.adjust(position, -held // 3, 0))
            self.bench.limit(
                f"{lending.id}/withdrawal", within, self.alice, lending.adjust(position, -held * 7 // 10, 0)
            )

    def healthy(self) -> None:
        """Liquidate what is a little above the ratio at which that is allowed, as it is a little below it."""
        bench, lending = self.bench, self.lending
        outcomes = []
        for factor in (0.98, 1.02):
            with bench.trial.branch():
                position = self._unsafe(self.debt, factor * lending.liquidation_ratio)
                if position is None:
                    return
                outcomes.append(bench.send(self.bob, lending.liquidate(position, _ALL)).ok)
        if outcomes[0]:
            bench.note(f"{lending.id}/healthy", "limits_passed", outcomes[1])

    def round_trips(self) -> None:
        """Deposit, draw, repay and take out in one block, at odd amounts, now and when interest has been charged."""
        for days in (0, 10):
            with self.bench.trial.branch():
                if days:
                    self.bench.wait(days * 86_400)
                for debt in (self.debt, self.debt / 3, self.debt / 7):
                    with self.bench.trial.branch():
                        self._round_trip(max(debt, 1.01 * self.lending.debt_floor))

    def _round_trip(self, debt: float) -> None:
        bench, lending = self.bench, self.lending
        opening = self.opening(self.alice, debt, 2 * lending.minimum_ratio)
        if opening is None or not bench.endow(lending.debt_asset, self.alice, wad(1.0), lending.spender):
            return
        before = self._tokens()
        back = lending.adjust(opening.subject, TAKE_ALL, REPAY_ALL)
        replies = bench.trial.together((self.alice, opening), (self.alice, back))
        if all(reply.ok for reply in replies):
            gains = [after - then for after, then in zip(self._tokens(), before, strict=True)]
            bench.note(lending.id, "round_trip_gain", max(0, sum(gains)) if min(gains) >= 0 else 0)

    def _tokens(self) -> list[int]:
        lending = self.lending
        return [self.bench.trial.held(asset, self.alice) for asset in (lending.asset, lending.debt_asset)]

    def staleness(self) -> None:
        """Draw at an answer that is a minute past its age."""
        ratio = 2 * self.lending.minimum_ratio
        if not self.lending.oracle.max_age or not self.opens(self.debt, ratio):
            return
        self.bench.trial.wait(self.lending.oracle.max_age + 60)
        self.bench.note(self.lending.id, "stale_answers_used", self.opens(self.debt, ratio))

    def jumps(self) -> None:
        """Draw at a lone answer three times as far away as is declared believable."""
        oracle, ratio = self.lending.oracle, 2 * self.lending.minimum_ratio
        if not oracle.max_jump or not self.opens(self.debt, ratio):
            return
        wild = self.bench.trial.price(oracle.asset) * (1 + 3 * oracle.max_jump)
        if self.bench.trial.report(oracle, wild):
            self.bench.note(self.lending.id, "wild_answers_used", self.opens(self.debt, ratio))

    def interest(self) -> None:
        """A month of it, against the declared rate."""
        bench, lending = self.bench, self.lending
        position = self.open(self.alice, self.debt, 3 * lending.minimum_ratio)
        if position is None:
            return
        then, before = bench.trial.now, lending.holdings(self.alice)
        bench.wait(_MONTH)
        bench.endow(lending.asset, self.alice, _CRUMB, lending.spender)
        booked = bench.send(self.alice, lending.adjust(position, _CRUMB, 0)).ok  # what time has charged
        after = lending.holdings(self.alice)
        wanted = lending.index(bench.trial.now) / lending.index(then) - 1
        if booked and before and after and wanted > 1e-9:
            charged = after[1] / before[1] - 1
            bench.note(lending.id, "accrual_gap", abs(charged / wanted - 1))

    def stale_hour(self) -> None:
        """Draw at a price of an hour ago, the market having fallen meanwhile."""
        ratio = 1.0001 * self.lending.minimum_ratio
        if self.lending.oracle.source != "push" or not self.opens(self.debt, ratio):
            return
        self.bench.trial.wait(_HOUR)
        drawn = max(_STALE_DRAW, self.debt)
        loss = drawn * max(0.0, 1 - ratio * (1 - _WORST_HOUR))
        self.bench.note(self.lending.id, "stale_hour_loss_usd", loss if loss and self.opens(drawn, ratio) else 0.0)

    def pushes(self) -> None:
        """Push a pool of the collateral for a block, draw against what the feed says then, and push it back."""
        for pool in self.bench.pools:
            if pool.assets[0] == self.lending.asset:
                for part in _PUSHES:
                    with self.bench.trial.branch():
                        self._push(pool, part)

    def _push(self, pool: Pool, part: float) -> None:
        bench, lending = self.bench, self.lending
        base, quote = pool.assets
        fair = bench.price(base)
        paid = round(pool.reserves[1] * part)
        bench.wait(lending.oracle.poke_seconds())  # the push meets the next observation
        if not bench.endow(quote, self.bob, paid, pool.spender):
            return
        if not bench.send(self.bob, pool.swap(False, paid, 0, self.bob)).ok:
            return
        bench.trial.wait(12)
        poke = lending.oracle.poke()
        if poke is not None:
            bench.send(self.bob, poke)
        drawn, ratio = max(_PUSHED_DRAW, self.debt), 1.0001 * lending.minimum_ratio
        answer = bench.price(base)
        profit = drawn * (1 - ratio * fair / answer) if self.opens(drawn, ratio) else 0.0
        bench.trial.allow(base, self.bob, pool.spender)
        bought = bench.trial.held(base, self.bob)
        bench.send(self.bob, pool.swap(True, bought, 0, self.bob))
        cost = from_wad(paid - bench.trial.held(quote, self.bob)) * bench.trial.price(quote)
        ratio_of_costs = min(_HARMLESS, cost / profit) if profit > 0 else _HARMLESS
        bench.note(pool.id, "manipulation_cost_ratio", ratio_of_costs)

    # ------------------------------------------------------------- liquidation

    def _unsafe(self, debt: float, health: float) -> str | None:
        """A position of Alice's whose ratio has come to `health`; Bob has what its liquidation takes."""
        bench, lending = self.bench, self.lending
        opened = 1.02 * lending.minimum_ratio
        position = self.open(self.alice, debt, opened)
        if position is None or not bench.move(lending.asset, health / opened):
            return None
        if not bench.endow(lending.debt_asset, self.bob, wad(2 * debt), lending.spender):
            return None
        return position

    def _between(self) -> float:
        """A ratio that is unsafe and still covers debt and bonus, where there is one; else just unsafe."""
        lending = self.lending
        least = 1 + lending.liquidation_bonus
        covered = least < lending.liquidation_ratio
        return (least + lending.liquidation_ratio) / 2 if covered else 0.99 * lending.liquidation_ratio

    def _is_covered(self) -> bool:
        return 1 + self.lending.liquidation_bonus < self.lending.liquidation_ratio

    def liquidation(self) -> None:
        """One liquidation of a position just unsafe: how much it repays, what it takes, and who is better off."""
        bench, lending = self.bench, self.lending
        position = self._unsafe(self.debt, self._between())
        if position is None:
            return
        before, rich = lending.holdings(self.alice), self._riches()
        purse = bench.trial.held(lending.debt_asset, self.bob)
        done = bench.send(self.bob, lending.liquidate(position, _ALL)).ok
        after = lending.holdings(self.alice)
        bench.note(lending.id, "unliquidatable_debt_usd", 0.0 if done else self.debt)
        if not done or before is None or after is None:
            return
        (held, owed), (left, owes) = before, after
        repaid = from_wad(purse - bench.trial.held(lending.debt_asset, self.bob))
        taken = from_wad(held - left) * bench.price(lending.asset)
        if (1 - lending.close_factor) * self.debt > lending.debt_floor and self._is_covered():
            excess = repaid / from_wad(owed) - lending.close_factor
            bench.note(lending.id, "close_factor_excess", max(0.0, excess))
        bench.note(lending.id, "liquidation_toxicity", taken / repaid / lending.liquidation_ratio)
        if self._is_covered():
            more = taken / repaid - 1 > lending.liquidation_bonus + _ROUNDING
            bench.note(f"{lending.id}/bonus", "limits_passed", more)
        if owes:
            bench.note(lending.id, "liquidation_harm", max(0.0, 1 - (left / owes) / (held / owed)))
        if self._is_covered():
            bench.note(lending.id, "self_liquidation_gain_usd", max(0.0, self._riches() - rich))

    def _riches(self) -> float:
        """What Alice and Bob have together at the prices on chain [usd], debts at one dollar."""
        bench, lending = self.bench, self.lending
        held, owed = lending.holdings(self.alice) or (0, 0)
        position = from_wad(held) * bench.price(lending.asset) - from_wad(owed)
        both = (self.alice, self.bob)
        return (
            position
            + bench.worth(both, (lending.asset,))
            + sum(from_wad(bench.trial.held(lending.debt_asset, who)) for who in both)
        )

    def small(self) -> None:
        """Liquidate positions at the debt floor, a little above it, and short of two floors."""
        floor = self.lending.debt_floor
        for factor in (1.001, 1.2, 1.7) if floor else ():
            with self.bench.trial.branch():
                self._must_go(factor * floor, self._between())

    def under_water(self) -> None:
        """Liquidate a position that owes more than it has, and see whether the books still agree."""
        self._must_go(self.debt, 0.9)

    def _must_go(self, debt: float, health: float) -> None:
        """Whatever is unsafe must be liquidatable, in one go or a few."""
        bench, lending = self.bench, self.lending
        position = self._unsafe(debt, health)
        if position is None:
            return
        done = bench.send(self.bob, lending.liquidate(position, _ALL)).ok
        bench.note(f"{lending.id}/{debt:.0f}", "unliquidatable_debt_usd", 0.0 if done else debt)
        bench.check_books()

    # ------------------------------------------------------------------- lots

    def lots(self) -> None:
        """Start an auction, leave it alone past its time, start it anew, and sell it."""
        bench, lending, house = self.bench, self.lending, self.auction
        position = self._unsafe(self.debt, self._between())
        if position is None or house is None:
            return
        done = bench.send(self.bob, lending.liquidate(position, _ALL)).ok
        bench.note(lending.id, "unliquidatable_debt_usd", 0.0 if done else self.debt)
        lot = house.newest() if done else None
        if lot is None:
            return
        toxicity = lot.to_raise / lot.debt / lending.liquidation_ratio
        bench.note(lending.id, "liquidation_toxicity", toxicity)
        bench.wait(house.reset_seconds + 60)
        bench.trial.allow(lending.debt_asset, self.bob, house.spender)
        bench.send(self.bob, house.restart(lot))
        if house.ascending:
            sold = bench.send(self.bob, house.bid(lot, lot.amount, lot.to_raise)).ok
            bench.wait(house.reset_seconds + 60)
            sold = sold and bench.send(self.bob, house.settle(lot)).ok
        else:
            dear = house.take(lot, lot.amount, wad(0.5 * (house.price(lot) or 0.0)), self.bob)
            whole = house.take(lot, lot.amount, _ALL, self.bob)
            bench.limit(f"{house.id}/highest-price", bench.works(self.bob, whole), self.bob, dear)
            sold = bench.send(self.bob, whole).ok
        bench.note(house.id, "stuck_lots", 0 if sold else 1)
        bench.check_books()
