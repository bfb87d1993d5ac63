"""Attacks on vaults and on those who are in them, and on pools of loans and of trade."""

from simulator.probes.bench import Bench, wad
from simulator.protocols.base import Loans, Pool, Vault
from simulator.units import from_wad

_HOUR = 3600
_DAY = 86_400
_STAKE = 10_000.0  # [usd] that one of the prober's accounts brings
_PUSH = 1.0  # of a pool's base reserve, sold into it: its price falls to a quarter
_MOVES = (0.85, 0.95, 1.05, 1.12)  # of the hedged asset's price, that call for a rebalance
_ALL = 2**255
_NO_LIMIT = 1e15  # [usd]
_MARGIN = 10_000_000.0  # [usd] more than enough


class VaultProbe:
    """What is tried against one vault."""

    def __init__(self, bench: Bench, vault: Vault) -> None:
        self.bench, self.vault = bench, vault
        self.alice, self.bob, self.carol = bench.people[:3]
        self.stake = wad(_STAKE, bench.trial.price(vault.asset))

    def run(self) -> None:
        """Every attempt, each on a branch of its own."""
        for attempt in (
            self.round_trip,
            self.gift,
            self.pushes,
            self.trades,
            self.staleness,
            self.limits,
            self.rebalances,
            self.queue,
        ):
            with self.bench.trial.branch():
                self.bench.freshen()
                attempt()

    def round_trip(self) -> None:
        """In and out in one block, as far as it lets one out."""
        bench, vault = self.bench, self.vault
        if not bench.endow(vault.asset, self.alice, self.stake, vault.spender):
            return
        inward = vault.deposit(self.alice, self.stake)
        with bench.trial.branch():
            if not bench.send(self.alice, inward).ok:
                return
            out = vault.liquid(self.alice)
        if not out:
            return
        replies = bench.trial.together((self.alice, inward), (self.alice, vault.withdraw(self.alice, out)))
        if all(reply.ok for reply in replies):
            gain = bench.trial.held(vault.asset, self.alice) - self.stake
            bench.note(vault.id, "round_trip_gain", max(0.0, gain * bench.trial.price(vault.asset)))

    def gift(self) -> None:
        """Give it a tenth of what it has."""
        bench, vault = self.bench, self.vault
        amount = wad(vault.nav() / 10)
        before = vault.value_of(wad(1.0) * vault.share_unit)
        if not before or not bench.trial.give(vault.asset, self.alice, amount):
            return
        if bench.trial.gift(vault.asset, self.alice, vault.spender, amount):
            self._pushed("gift", before)

    def _pushed(self, how: str, before: int) -> None:
        after = self.vault.value_of(wad(1.0) * self.vault.share_unit)
        if after is not None:
            self.bench.note(f"{self.vault.id}/{how}", "share_price_push", abs(after / before - 1))

    def pushes(self) -> None:
        """Trade in a pool as much as it has."""
        bench, vault = self.bench, self.vault
        before = vault.value_of(wad(1.0) * vault.share_unit)
        for pool in bench.pools if before else ():
            for sell_base in (True, False):
                with bench.trial.branch():
                    if self._push(pool, sell_base):
                        self._pushed(f"{pool.id}", before or 0)

    def _push(self, pool: Pool, sell_base: bool) -> bool:
        """Sell into a pool as much as it has."""
        bench = self.bench
        sold = round(pool.reserves[0 if sell_base else 1] * _PUSH)
        asset = pool.assets[0 if sell_base else 1]
        if not bench.endow(asset, self.alice, sold, pool.spender):
            return False
        return bench.send(self.alice, pool.swap(sell_base, sold, 0, self.alice)).ok

    def trades(self) -> None:
        """Trade in a perpetual market a hundredth of what would double or halve its price."""
        bench, vault = self.bench, self.vault
        before = vault.value_of(wad(1.0) * vault.share_unit)
        for perp in bench.perps if before else ():
            size, amount = perp.skew_scale // 100, wad(_MARGIN, bench.trial.price(perp.margin_asset))
            account = perp.account(self.alice)
            if perp.inverse or not bench.endow(perp.margin_asset, self.alice, amount, perp.spender):
                continue
            bench.send(self.alice, perp.deposit(account, amount))
            if bench.send(self.alice, perp.trade(account, size, _NO_LIMIT)).ok:
                self._pushed(perp.id, before or 0)

    def staleness(self) -> None:
        """Come in when the feed that values it is past its age."""
        bench, vault = self.bench, self.vault
        oracle = bench.oracles.get(vault.hedged)
        if oracle is None or not oracle.max_age:
            return
        if not bench.endow(vault.asset, self.alice, self.stake, vault.spender):
            return
        inward = vault.deposit(self.alice, self.stake)
        if bench.works(self.alice, inward):
            bench.trial.wait(oracle.max_age + 60)
            bench.note(vault.id, "stale_answers_used", bench.works(self.alice, inward))

    def limits(self) -> None:
        """Beyond the deposit cap."""
        bench, vault = self.bench, self.vault
        if vault.deposit_cap == float("inf"):
            return
        most = wad(1.01 * vault.deposit_cap)
        if bench.endow(vault.asset, self.alice, most, vault.spender):
            within = bench.works(self.alice, vault.deposit(self.alice, self.stake))
            bench.limit(f"{vault.id}/deposit-cap", within, self.alice, vault.deposit(self.alice, most))

    def rebalances(self) -> None:
        """Let it rebalance after a move of the price, in a pool that somebody has pushed far down, or up."""
        for pool in self.bench.pools:
            for move in _MOVES:
                for sell_base in (True, False):
                    with self.bench.trial.branch():
                        self._rebalance(pool, move, sell_base)

    def _rebalance(self, pool: Pool, move: float, sell_base: bool) -> None:
        bench, vault = self.bench, self.vault
        if not bench.move(vault.hedged, move) or not (vault.due() or self._made_due()):
            return
        if not self._push(pool, sell_base) or not vault.due():
            return
        before = vault.nav()
        done = bench.send(self.bob, vault.rebalance()).ok
        lost = (before - vault.nav() - vault.tip) / before if done else 0.0
        bench.note(f"{vault.id}/{move:g}", "rebalance_excess_loss", max(0.0, lost - vault.max_slippage))

    def _made_due(self) -> bool:
        """By new money, and the time that lies between two rebalances."""
        bench, vault = self.bench, self.vault
        stake = wad(vault.nav() / 5)
        if not bench.endow(vault.asset, self.carol, stake, vault.spender):
            return False
        if not bench.send(self.carol, vault.deposit(self.carol, stake)).ok:
            return False
        bench.wait(_HOUR)
        return bool(vault.due())

    def queue(self) -> None:
        """Two ask to leave, one after the other, and money for one of them comes in."""
        bench, vault = self.bench, self.vault
        stake = wad(vault.nav() / 5)
        for who in (self.alice, self.bob, self.carol):
            if not bench.endow(vault.asset, who, stake, vault.spender):
                return
        for who in (self.alice, self.bob):
            if not bench.send(who, vault.deposit(who, stake)).ok:
                return
        bench.wait(_HOUR)
        bench.send(self.carol, vault.rebalance())  # puts to work what came in
        for who in (self.alice, self.bob):
            if not bench.send(who, vault.request(who, vault.shares_of(who))).ok:
                return
        bench.send(self.carol, vault.deposit(self.carol, stake // 2))
        bench.wait(vault.withdrawal_seconds + 1)
        bench.send(self.carol, vault.settle())
        first, second = (vault.claimable(who) > 0.9 * stake for who in (self.alice, self.bob))
        if not (first and second) and vault.claimable(self.alice) + vault.claimable(self.bob):
            bench.note(vault.id, "queue_jumps", not first and vault.claimable(self.bob) > 0)


class LoansProbe:
    """What is tried against one pool of loans."""

    def __init__(self, bench: Bench, loans: Loans) -> None:
        self.bench, self.loans = bench, loans
        self.alice, self.bob = bench.people[:2]
        cash, _ = loans.state()
        self.amount = min(wad(_STAKE), cash // 2)  # [asset wad] borrowed

    def run(self) -> None:
        """Every attempt, each on a branch of its own."""
        for attempt in (self.round_trip, self.limits, self.staleness, self.interest, self.gift):
            with self.bench.trial.branch():
                self.bench.freshen()
                attempt()

    def pledge(self, amount: int, loan_to_value: float) -> int:
        """Alice has the collateral [wad] for a loan."""
        bench, loans = self.bench, self.loans
        collateral = wad(from_wad(amount) / loan_to_value, bench.price(loans.collateral_asset))
        bench.endow(loans.collateral_asset, self.alice, collateral, loans.spender)
        return collateral

    def borrows(self, amount: int, loan_to_value: float) -> bool:
        """Whether so much can be borrowed; nothing of it stays."""
        with self.bench.trial.branch():
            collateral = self.pledge(amount, loan_to_value)
            return self.bench.send(self.alice, self.loans.borrow(self.alice, collateral, amount)).ok

    def round_trip(self) -> None:
        """Borrow and repay in one block, at odd amounts, after a while of interest."""
        bench, loans = self.bench, self.loans
        bench.wait(10 * _DAY)
        for part in (1, 3, 7):
            with bench.trial.branch():
                amount = max(self.amount // part, wad(1.01 * loans.debt_floor))
                collateral = self.pledge(amount, 0.5 * loans.loan_to_value)
                bench.endow(loans.asset, self.alice, wad(1.0), loans.spender)
                calls = (loans.borrow(self.alice, collateral, amount), loans.repay(self.alice, _ALL))
                replies = bench.trial.together(*((self.alice, call) for call in calls))
                if all(reply.ok for reply in replies):
                    gain = bench.trial.held(loans.asset, self.alice) - wad(1.0)
                    bench.note(loans.id, "round_trip_gain", max(0, gain))
                bench.check_books()

    def limits(self) -> None:
        """Beyond the loan to value and below the floor."""
        bench, loans = self.bench, self.loans
        if not self.borrows(self.amount, 0.98 * loans.loan_to_value):
            return
        bench.note(f"{loans.id}/loan-to-value", "limits_passed", self.borrows(self.amount, 1.02 * loans.loan_to_value))
        if loans.debt_floor:
            tiny = wad(0.5 * loans.debt_floor)
            bench.note(f"{loans.id}/debt-floor", "limits_passed", self.borrows(tiny, 0.3 * loans.loan_to_value))
        collateral = self.pledge(self.amount, 0.6 * loans.loan_to_value)
        bench.send(self.alice, loans.borrow(self.alice, collateral, self.amount))
        draw = loans.borrow(self.alice, 0, self.amount // 10)
        bench.limit(f"{loans.id}/authority", bench.works(self.alice, draw), self.bob, draw)
        little, much = loans.take_out(self.alice, collateral // 4), loans.take_out(self.alice, collateral // 2)
        if little is not None and much is not None:
            bench.limit(f"{loans.id}/withdrawal", bench.works(self.alice, little), self.alice, much)

    def staleness(self) -> None:
        """Borrow at an answer that is a minute past its age."""
        bench, loans = self.bench, self.loans
        oracle = bench.oracles.get(loans.collateral_asset)
        if oracle is None or not oracle.max_age or not self.borrows(self.amount, 0.5 * loans.loan_to_value):
            return
        bench.trial.wait(oracle.max_age + 60)
        bench.note(loans.id, "stale_answers_used", self.borrows(self.amount, 0.5 * loans.loan_to_value))

    def interest(self) -> None:
        """A day of it, against the declared curve."""
        bench, loans = self.bench, self.loans
        collateral = self.pledge(self.amount, 0.5 * loans.loan_to_value)
        if not bench.send(self.alice, loans.borrow(self.alice, collateral, self.amount)).ok:
            return
        then, before = bench.trial.now, loans.holdings(self.alice)
        rate = loans.rate(*loans.state())
        bench.wait(_DAY)
        after = loans.holdings(self.alice)
        if not before or not after or not rate:
            return
        charged = after[1] / before[1] - 1
        wanted = rate * (bench.trial.now - then) / (365 * _DAY)
        bench.note(loans.id, "accrual_gap", abs(charged / wanted - 1))

    def gift(self) -> None:
        """Give it a tenth of its cash."""
        bench, loans = self.bench, self.loans
        amount = loans.state()[0] // 10
        before = loans.value_of(_ALL >> 128)
        if not before or not bench.trial.give(loans.asset, self.alice, amount):
            return
        if bench.trial.gift(loans.asset, self.alice, loans.spender, amount):
            after = loans.value_of(_ALL >> 128) or 0
            bench.note(f"{loans.id}/gift", "share_price_push", abs(after / before - 1))


class PoolProbe:
    """What is tried against one on-chain market."""

    def __init__(self, bench: Bench, pool: Pool) -> None:
        self.bench, self.pool = bench, pool
        self.alice = bench.people[0]

    def run(self) -> None:
        """There and back in one block, from single units to a tenth of what is there, and worse than asked for."""
        with self.bench.trial.branch():
            self._least()
        for amount in (1, 7, 10**6, self.pool.reserves[0] // 10):
            for sell_base in (True, False):
                with self.bench.trial.branch():
                    self._round_trip(sell_base, amount)

    def _least(self) -> None:
        bench, pool, amount = self.bench, self.pool, self.pool.reserves[0] // 100
        if bench.endow(pool.assets[0], self.alice, amount, pool.spender):
            least = pool.quote(True, amount)
            within = bench.works(self.alice, pool.swap(True, amount, least, self.alice))
            beyond = pool.swap(True, amount, least * 101 // 100, self.alice)
            bench.limit(f"{pool.id}/least-received", within, self.alice, beyond)

    def _round_trip(self, sell_base: bool, amount: int) -> None:
        bench, pool = self.bench, self.pool
        first, second = pool.assets if sell_base else (pool.assets[1], pool.assets[0])
        if not bench.endow(first, self.alice, amount, pool.spender):
            return
        bench.trial.allow(second, self.alice, pool.spender)
        got = pool.quote(sell_base, amount)
        calls = (pool.swap(sell_base, amount, 0, self.alice), pool.swap(not sell_base, got, 0, self.alice))
        if all(reply.ok for reply in bench.trial.together(*((self.alice, call) for call in calls))):
            gain = bench.trial.held(first, self.alice) - amount
            bench.note(pool.id, "round_trip_gain", max(0.0, gain * bench.trial.price(first)))
