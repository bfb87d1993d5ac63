"""Attacks on a perpetual market, its insurance fund and its deleveraging."""

from simulator.chain.types import Address
from simulator.probes.bench import Bench, wad
from simulator.protocols.base import Perp
from simulator.units import from_wad

_NO_LIMIT = 1e15  # [usd]
_DAY = 86_400
_STEP = 60  # [s] that an order may wait beyond its delay
_NOTIONAL = 100_000.0  # [usd] of a position
_LARGE = 5_000_000.0  # [usd] of one that moves the premium
_ROOM = 0.95  # of the leverage that is allowed


class PerpProbe:
    """What is tried against one perpetual market. Alice goes long, Carol short, Bob liquidates, Dave comes late."""

    def __init__(self, bench: Bench, perp: Perp) -> None:
        self.bench, self.perp = bench, perp
        self.alice, self.bob, self.carol, self.dave = bench.people[:4]
        self.money = bench.trial.price(perp.margin_asset)  # [usd]
        self.margin = _NOTIONAL * perp.initial_ratio / _ROOM  # [usd] with which that may just be traded

    def run(self) -> None:
        """Every attempt, each on a branch of its own."""
        attempts = [
            self.funding, self.round_trip, self.limits, self.healthy, self.early_fill, self.gift,
            lambda: self.liquidation(0.5), lambda: self.liquidation(-0.5), self.deleveraging,
        ]  # fmt: skip
        for attempt in attempts:
            with self.bench.trial.branch():
                self.bench.freshen()
                attempt()

    # -------------------------------------------------------------------- moves

    def funds(self, owner: Address, usd: float) -> bool:
        """Deposit margin."""
        amount = wad(usd, self.money)
        perp = self.perp
        if not self.bench.endow(perp.margin_asset, owner, amount, perp.spender):
            return False
        return self.bench.send(owner, perp.deposit(perp.account(owner), amount)).ok

    def trades(self, owner: Address, usd: float) -> bool:
        """Buy, or sell a negative notional, at any price; where fills are delayed, the order with its fill."""
        perp, bench = self.perp, self.bench
        size = perp.units(usd, bench.price(perp.asset)) * (-1 if perp.inverse else 1)
        account = perp.account(owner)
        limit = _NO_LIMIT if size > 0 else 0.0
        if not bench.send(owner, perp.trade(account, size, limit)).ok:
            return False
        if not perp.delay:
            return True
        bench.wait(perp.delay + _STEP)
        return bench.send(self.bob, perp.execute(account)).ok

    def opens(self, owner: Address, margin: float, usd: float) -> bool:
        """Deposit and trade."""
        return self.funds(owner, margin) and self.trades(owner, usd)

    def riches(self, *owners: Address) -> float:
        """Tokens and equity that is there to lose [usd]."""
        perp = self.perp
        equity = sum(max(0, perp.equity_of(who) or 0) for who in owners)
        return from_wad(equity) * self.money + self.bench.worth(owners, (perp.margin_asset,))

    # ----------------------------------------------------------------- attempts

    def funding(self) -> None:
        """A third of a day of it, against the declared rule."""
        bench, perp = self.bench, self.perp
        price, before = bench.price(perp.asset), perp.funding_index()
        start = perp.frame(bench.trial.now, price)
        bench.wait(_DAY / 3)
        after, end = perp.funding_index(), perp.frame(bench.trial.now, price)
        if before is None or after is None or start is None or end is None:
            return
        wanted = end.funding - start.funding
        if wanted:
            bench.note(perp.id, "accrual_gap", abs((after - before) / wanted - 1))

    def round_trip(self) -> None:
        """Open and close at one moment."""
        bench, perp = self.bench, self.perp
        if perp.delay or not self.funds(self.alice, self.margin):
            return
        account = perp.account(self.alice)
        size = perp.units(_NOTIONAL, bench.price(perp.asset))
        self.funds(self.alice, _LARGE * perp.initial_ratio * 2)
        for traded in (1, size // 7, size, perp.units(_LARGE, bench.price(perp.asset))):
            with bench.trial.branch():
                before = perp.equity_of(self.alice)
                calls = (perp.trade(account, traded, _NO_LIMIT), perp.trade(account, -traded, 0.0))
                replies = bench.trial.together(*((self.alice, call) for call in calls))
                after = perp.equity_of(self.alice)
                if all(reply.ok for reply in replies) and before is not None and after is not None:
                    bench.note(perp.id, "round_trip_gain", max(0.0, (after - before) * self.money))

    def limits(self) -> None:
        """More than the margin allows, and margin out from under a position."""
        bench, perp = self.bench, self.perp
        if not self.funds(self.alice, self.margin):
            return
        account, sign = perp.account(self.alice), -1 if perp.inverse else 1
        allowed, too_much = (
            perp.trade(account, sign * perp.units(usd, bench.price(perp.asset)), _NO_LIMIT if sign > 0 else 0.0)
            for usd in (_NOTIONAL, 1.3 * _NOTIONAL)
        )
        within = bench.works(self.alice, allowed)
        bench.limit(f"{perp.id}/{'order' if perp.delay else 'initial'}-margin", within, self.alice, too_much)
        if within and not perp.delay:
            size, price = sign * perp.units(_NOTIONAL, bench.price(perp.asset)), bench.price(perp.asset)
            worse = perp.trade(account, size, price * (1 - 0.02 * sign))
            bench.limit(f"{perp.id}/limit-price", within, self.alice, worse)
        if not self.trades(self.alice, 0.5 * _NOTIONAL):
            return
        out = wad(self.margin, self.money)
        within = bench.works(self.alice, perp.withdraw(account, out // 4))
        bench.limit(f"{perp.id}/withdrawal", within, self.alice, perp.withdraw(account, out * 3 // 4))

    def healthy(self) -> None:
        """Liquidate what is a little above its maintenance margin, as it is a little below it."""
        bench, perp = self.bench, self.perp
        outcomes = []
        for equity in (0.9, 1.1):
            with bench.trial.branch():
                if not self.opens(self.alice, self.margin, _NOTIONAL) or not self._falls_to(equity):
                    return
                outcomes.append(bench.send(self.bob, perp.liquidate(perp.account(self.alice))).ok)
        if outcomes[0]:
            bench.note(f"{perp.id}/healthy", "limits_passed", outcomes[1])

    def _falls_to(self, equity: float) -> bool:
        """Let the price fall until Alice's equity is so much over her maintenance margin; whether the feed follows."""
        perp = self.perp
        has = from_wad(perp.equity_of(self.alice) or 0) * self.money / _NOTIONAL
        return self.bench.move(perp.asset, 1 - has + equity * perp.maintenance_ratio)

    def early_fill(self) -> None:
        """Fill an order at a price from before it."""
        bench, perp = self.bench, self.perp
        if not perp.delay or not self.funds(self.alice, self.margin):
            return
        account = perp.account(self.alice)
        size = perp.units(0.5 * _NOTIONAL, bench.price(perp.asset)) * (-1 if perp.inverse else 1)
        if not bench.send(self.alice, perp.trade(account, size, _NO_LIMIT if size > 0 else 0.0)).ok:
            return
        with bench.trial.branch():
            bench.freshen()
            early = bench.works(self.bob, perp.execute(account))
            bench.wait(perp.delay)
            if bench.works(self.bob, perp.execute(account)):
                bench.note(f"{perp.id}/order-delay", "limits_passed", early)
                bench.note(f"{perp.id}/order-binds", "limits_passed", bench.works(self.alice, perp.cancel(account)))
        bench.trial.wait(perp.delay + 1)
        filled = bench.works(self.bob, perp.execute(account))
        bench.freshen()
        if bench.works(self.bob, perp.execute(account)):
            bench.note(f"{perp.id}/order", "stale_answers_used", filled)

    def gift(self) -> None:
        """Give the market and its pool a tenth of what the pool has."""
        bench, perp = self.bench, self.perp
        amount = (perp.pool_capital(bench.trial.now) or 0) // 10
        before = perp.pool_share_price()
        if amount <= 0 or not before or not bench.trial.give(perp.margin_asset, self.alice, 2 * amount):
            return
        for place in (perp.spender, perp.pool_spender):
            bench.trial.gift(perp.margin_asset, self.alice, place, amount)
        bench.note(f"{perp.id}/gift", "share_price_push", abs(perp.pool_share_price() / before - 1))

    def liquidation(self, equity: float) -> None:
        """Liquidate one's own position by another account, at an equity over the maintenance margin."""
        bench, perp = self.bench, self.perp
        if not self.opens(self.alice, self.margin, _NOTIONAL) or not self._falls_to(equity):
            return
        rich = self.riches(self.alice, self.bob)
        done = bench.send(self.bob, perp.liquidate(perp.account(self.alice))).ok
        bench.note(perp.id, "unliquidatable_debt_usd", 0.0 if done else _NOTIONAL)
        if done:
            gain = self.riches(self.alice, self.bob) - rich
            bench.note(perp.id, "self_liquidation_gain_usd", max(0.0, gain))
        bench.check_books()

    # ------------------------------------------------------------- deleveraging

    def deleveraging(self) -> None:
        """Make a long bankrupt beyond the fund, then deleverage a loser, and a winner past the floor."""
        bench, perp = self.bench, self.perp
        losses = perp.losses()
        if losses is None or not self._opens_both():
            return
        needed = from_wad(losses[0] + 2 * perp.trigger) * self.money / _NOTIONAL
        fall = perp.initial_ratio / _ROOM + needed + 0.05
        if fall >= 0.9 or not bench.move(perp.asset, 1 - fall):
            return
        bench.send(self.bob, perp.liquidate(perp.account(self.alice)))
        short = perp.losses() or (0, 0)
        if short[1] > perp.trigger:
            brought = wad(3 * self.margin, self.money)
            account = perp.account(self.carol)
            within = bench.works(self.carol, perp.withdraw(account, brought // 2))
            profit = perp.withdraw(account, brought * 11 // 10)
            bench.limit(f"{perp.id}/profit-while-short", within, self.carol, profit)
            due = bench.works(self.bob, perp.deleverage(True, [account]))
            bench.limit(f"{perp.id}/pool-before-winners", due, self.bob, perp.socialise())
        with bench.trial.branch():
            self._deleverage_loser(1 - fall)
        self._deleverage_winner()

    def _opens_both(self) -> bool:
        return self.opens(self.carol, 3 * self.margin, -_NOTIONAL) and self.opens(self.alice, self.margin, _NOTIONAL)

    def _deleverage_loser(self, level: float) -> None:
        bench, perp = self.bench, self.perp
        late = 0.1 * _NOTIONAL
        if not self.opens(self.dave, self.margin, -late) or not bench.move(perp.asset, 1.01 * level):
            return
        if bench.works(self.bob, perp.deleverage(True, [perp.account(self.carol)])):
            taken = bench.works(self.bob, perp.deleverage(True, [perp.account(self.dave)]))
            bench.note(perp.id, "adl_losers_usd", late if taken else 0.0)

    def _deleverage_winner(self) -> None:
        bench, perp = self.bench, self.perp
        before = perp.losses()
        if before is None or before[1] <= perp.floor:
            return
        if bench.send(self.bob, perp.deleverage(True, [perp.account(self.carol)])).ok:
            after = perp.losses() or before
            past = from_wad(max(0, perp.floor - after[1])) * self.money
            bench.note(perp.id, "adl_past_floor_usd", past)
        bench.check_books()
