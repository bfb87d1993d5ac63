"""What is written down of a vault: net assets a share, delta, when a rebalance was due, and where profit came from.

Rows of the measures table, subject the vault's id; `simulator/metrics/vault.py` reads them. At every block:

    nav_per_share          [asset tokens] at the reference prices, one at the first deposit; fees are taken off
    delta                  less the wanted one, over net assets, at the reference prices; orders that wait do not count

Each hour, and at the end:

    hedge_profit_per_share [asset tokens] of the hedge leg since the start, its costs taken off; only where there is one
    target_per_share       [asset tokens] what a share would be worth with exactly the wanted delta and nothing else
    pnl_spot, pnl_hedge, pnl_funding, pnl_trading, pnl_fees   [asset tokens] since the start; they add up

`rebalance_delay_seconds` and `withdrawal_wait_seconds` when what waited is done; for what has waited so far, at every
sample, `rebalance_due_seconds` and `withdrawal_pending_seconds`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from simulator.chain.types import Address
from simulator.protocols.base import Measure
from simulator.protocols.vault_book import Prices, State, VaultBook
from simulator.units import from_wad

_HOUR = 3600
_TIP_SHARE = 1000  # as in HedgedVault.sol


class DueWatch:
    """When a rebalance is due, by the book alone: HedgedVault's own rule without cooldown, markets and the queue."""

    def __init__(self, book: VaultBook, triggers: Any, execution: Any, tip: float) -> None:
        self._book, self._triggers, self._execution, self._tip = book, triggers, execution, tip
        self.rebalanced = 0  # [unix s]

    def reason(self, state: State, prices: Prices, now: int) -> str | None:
        """Why it is due in a state, which is that at these prices; None where it is not."""
        t = self._triggers
        nav, deviation, _, margin = state
        if margin < t.margin_floor:
            return "margin"
        if abs(deviation) > t.band:
            return "delta"
        if t.margin_ceiling and t.margin_ceiling < margin < float("inf"):
            return "excess"
        if t.price_move and self._moved(prices) >= t.price_move:
            return "price"
        late = t.interval_hours and now >= self.rebalanced + t.interval_hours * _HOUR
        return "time" if late else "idle" if nav and self._surplus(nav) > t.idle_band * nav else None

    def has_cooled(self, now: int) -> bool:
        """Whether enough time has passed since the last rebalance for one that need not save the margin."""
        return bool(now >= self.rebalanced + round(self._execution.cooldown_minutes * 60))

    def _moved(self, prices: Prices) -> float:
        last = self._book.shares.last_price
        return abs(self._book.holdings.reference(prices) / last - 1) if last else 0.0

    def _surplus(self, nav: float) -> float:
        shares = self._book.shares
        waiting = shares.queued * nav / shares.supply if shares.supply else 0.0
        kept: float = self._execution.buffer * nav + waiting + min(self._tip, nav / _TIP_SHARE)
        return shares.idle - kept


class Spell:
    """How long something has been so."""

    def __init__(self) -> None:
        self.since: int | None = None  # [unix s]

    def go_on(self, holds: bool, now: int) -> int | None:
        """Whether it holds at `now`; its length [s] where it has just ended."""
        if holds:
            self.since = now if self.since is None else self.since
            return None
        if self.since is None:
            return None
        length, self.since = now - self.since, None
        return length

    def length(self, now: int) -> int:
        """So far [s]."""
        return 0 if self.since is None else now - self.since


class Withdrawals:
    """Those who wait: from the request to the settlement of all of it."""

    def __init__(self) -> None:
        self._waiting: dict[int, tuple[int, int]] = {}  # id -> since [unix s], shares left
        self._waits: list[int] = []  # [s] of what was settled since the last look

    def request(self, id: int, shares: int, now: int) -> None:
        """Somebody handed in shares."""
        self._waiting[id] = (now, shares)

    def settle(self, id: int, shares: int, now: int) -> None:
        """Some of them were turned into a claim."""
        since, left = self._waiting[id]
        if left > shares:
            self._waiting[id] = (since, left - shares)
        else:
            del self._waiting[id]
            self._waits.append(now - since)

    def settled(self) -> int | None:
        """The longest wait that ended since the last look [s]."""
        longest = max(self._waits, default=None)
        self._waits.clear()
        return longest

    def longest(self, now: int) -> int:
        """How long the first has waited so far [s]."""
        return max((now - since for since, _ in self._waiting.values()), default=0)


class Ledger:
    """Where a vault's profit came from [asset tokens]."""

    def __init__(self) -> None:
        self.first = 0.0  # net assets at the start
        self.first_hedge = 0.0  # the hedge leg's profit then
        self.flows = 0.0  # of depositors, in less out
        self.funding = 0.0  # paid
        self.perp_cost = 0.0  # of trading in the perpetual market
        self.trading = 0.0  # cost of all trading, tips among it
        self.fees = 0.0  # paid out
        self._unbooked = 0.0  # of perp_cost, in no rebalance

    def trade(self, cost: float) -> None:
        """A fill in the perpetual market, against the index."""
        self.perp_cost += cost
        self._unbooked += cost

    def rebalance(self, cost: float) -> None:
        """A rebalance, what it traded before in the same transaction among its cost."""
        self.trading += cost
        self._unbooked = 0.0

    def close_block(self) -> None:
        """What was traded outside of a rebalance counts by itself."""
        self.trading += self._unbooked
        self._unbooked = 0.0

    def rows(self, nav: float, owed: float, due: float, hedge: float | None) -> dict[str, float]:
        """The parts of all profit, given net assets, fees owed, funding due and the hedge leg's profit."""
        total = nav - self.first - self.flows
        funding, fees = 0.0 - self.funding - due, 0.0 - self.fees - owed
        parts = {"pnl_funding": funding, "pnl_trading": 0.0 - self.trading, "pnl_fees": fees}
        if hedge is not None:
            parts["pnl_hedge"] = hedge - self.first_hedge - funding + self.perp_cost
        return parts | {"pnl_spot": total - sum(parts.values())}


class VaultRecord:
    """Writes the rows of one vault."""

    def __init__(self, id: str, book: VaultBook, due: DueWatch, start: int) -> None:
        self.id, self.book, self.due = id, book, due
        self.ledger, self.withdrawals = Ledger(), Withdrawals()
        self._overdue = Spell()
        self._next_hour = start
        self._hedge_per_share = 0.0
        self._hedge_profit: float | None = None  # when last counted
        self._target = 1.0
        self._reference = 0.0  # when last counted

    def hour_has_come(self, now: int) -> bool:
        """Whether the next hourly rows are due."""
        return now >= self._next_hour

    def count_hedge(self, prices: Prices, shares: float) -> None:
        """Count what the hedge leg has earned since the last count for the `shares` that there were."""
        profit = self.book.hedge_profit(prices)
        if profit is not None and self._hedge_profit is not None and shares:
            self._hedge_per_share += (profit - self._hedge_profit) / shares
        self._hedge_profit = profit

    def block(self, prices: Prices, now: int) -> Iterator[Measure]:
        """The rows of a block."""
        self.ledger.close_block()
        shares = self.book.shares.supply
        if not shares:
            return
        state = self.book.at(prices, now)
        yield self._row("nav_per_share", state.nav / shares)
        yield self._row("delta", state.net)
        delay = self._overdue.go_on(self.due.reason(state, prices, now) is not None, now)
        if delay is not None:
            yield self._row("rebalance_delay_seconds", delay)
        waited = self.withdrawals.settled()
        if waited is not None:
            yield self._row("withdrawal_wait_seconds", waited)
        if now >= self._next_hour:
            self._next_hour += _HOUR * ((now - self._next_hour) // _HOUR + 1)
            yield from self._hour(prices)

    def begin(self, prices: Prices, now: int) -> None:
        """Count profit from here on."""
        self.ledger = Ledger()
        self.ledger.first = self.book.at(prices, now).nav
        self.ledger.fees = -self.book.shares.fees
        self._hedge_profit, self._reference = self.book.hedge_profit(prices), self.book.holdings.reference(prices)
        self.ledger.first_hedge = self._hedge_profit or 0.0

    def _hour(self, prices: Prices) -> Iterator[Measure]:
        reference = self.book.holdings.reference(prices)
        if self._reference:
            self._target *= 1 + self.book.target * (reference / self._reference - 1)
        self._reference = reference
        yield self._row("target_per_share", self._target)
        if self._hedge_profit is not None:
            yield self._row("hedge_profit_per_share", self._hedge_per_share)

    def sample(self, prices: Prices, now: int) -> Mapping[str, float]:
        """What is worth a row at every sample."""
        book = self.book
        due, nav = book.holdings.funding_due, book.at(prices, now).nav
        parts = self.ledger.rows(nav, book.shares.fees, due, book.hedge_profit(prices))
        return parts | {
            "rebalance_due_seconds": self._overdue.length(now),
            "withdrawal_pending_seconds": self.withdrawals.longest(now),
        }

    def on_vault_event(self, name: str, args: Mapping[str, Any], now: int) -> None:
        """An event of the vault itself."""
        ledger = self.ledger
        match name:
            case "Deposit":
                ledger.flows += from_wad(args["assets"])
            case "Withdraw":
                ledger.flows -= from_wad(args["assets"])
            case "RedeemRequested":
                self.withdrawals.request(args["id"], args["shares"], now)
            case "RedeemSettled":
                ledger.flows -= from_wad(args["assets"])
                self.withdrawals.settle(args["id"], args["shares"], now)
            case "FeesPaid":
                ledger.fees += from_wad(args["assets"])
            case "RebalanceDone":
                outcome = args["outcome"]
                self.due.rebalanced = now
                ledger.rebalance(from_wad(outcome[3] - outcome[4] + outcome[6]))

    def on_market_event(self, name: str, args: Mapping[str, Any], index: float) -> None:
        """An event of a market about the strategy's account; `index` [usd] as consumers see it."""
        match name:
            case "Deposited":
                self.book.deposited += from_wad(args["amount"])
            case "Withdrawn":
                self.book.deposited -= from_wad(args["amount"])
            case "FundingPaid":
                self.ledger.funding += from_wad(args["amount"])
            case "Traded":
                fill = from_wad(args["price"]) - index
                self.ledger.trade(from_wad(args["fee"]) + from_wad(args["sizeDelta"]) * fill)
            case "OptionTraded":
                self.ledger.trade(self.book.holdings.fill_cost(args, index))
            case "PositionSettled":  # what is paid in base has gone into the hedge leg and out again
                self.book.deposited += from_wad(args["base"]) * index

    def _row(self, name: str, value: float) -> Measure:
        return Measure(self.id, name, value)


ACCOUNT_KEYS = ("account", "owner")  # arguments by which a market says whose event it is


def concerns(args: Mapping[str, Any], owner: Address) -> bool:
    """Whether an event of a market is about an account."""
    return any(args.get(key) == owner for key in ACCOUNT_KEYS)
