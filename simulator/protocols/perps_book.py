"""The accounts of a perp market as its contract counts them (PerpLedger.sol), in the same integers.

Every formula takes one account or a whole table of them: numpy arrays of Python integers, so that an answer for all
accounts is one expression and equal to the contract's to the last digit.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.chain.types import Address
from simulator.protocols.positions import SafetyWatch
from simulator.units import RAY, WAD

_RAY_WAD = RAY * WAD  # 1 / price [wad] as a ray
Integers = NDArray[np.object_]  # of Python integers
Amount = Any  # an integer, or Integers


class Frame(NamedTuple):
    """What all valuations of a moment go by."""

    worth: int  # [margin ray] of one unit of size at the index price, negative in an inverse market
    funding: int  # [margin ray per size] index
    skew: int  # [size wad]
    scale: int  # [size wad] skew at which the premium would be 1

    def worth_at(self, twice_skew: Amount) -> Amount:
        """[margin ray] at the premium of half of `twice_skew`."""
        part = abs(self.worth) * abs(twice_skew) // (2 * self.scale)
        return self.worth + _sign(twice_skew) * part

    @property
    def mark(self) -> int:
        """[margin ray] of one unit of size at the mark."""
        return int(self.worth_at(2 * self.skew))


def worth_of(price: int, *, inverse: bool) -> int:
    """[margin ray] of one unit of size at a price [wad]."""
    return -(_RAY_WAD // price) if inverse else price * 10**9


def price_of(worth: int, *, inverse: bool) -> int:
    """[wad] The price at which one unit of size is worth that, rounded down."""
    return _RAY_WAD // abs(worth) if inverse else worth // 10**9


@dataclass(slots=True)
class PerpAccount:
    """One account as its last event left it."""

    id: str
    owner: Address
    size: int = 0  # [size wad] long when positive
    margin: int = 0  # [margin wad] cash
    entry_value: int = 0  # [margin wad]
    entry_funding: int = 0  # [margin ray per size]
    deposited: int = 0  # [margin wad] less what was withdrawn
    funding_paid: int = 0  # [margin wad] settled so far, received when negative
    version: int = 0

    @property
    def critical(self) -> float:
        """Mark less funding index [margin ray] at which nothing is left of the margin: a heap can be keyed on it."""
        return -((self.margin - self.entry_value) * 1e27 / self.size + self.entry_funding)


class Table(NamedTuple):
    """Accounts side by side."""

    ids: list[str]
    owners: list[str]
    size: Integers
    margin: Integers
    entry_value: Integers
    entry_funding: Integers


class PerpBook:
    """Every account that ever had margin."""

    def __init__(self) -> None:
        self.accounts: dict[str, PerpAccount] = {}
        self._watches: list[SafetyWatch] = []
        self._changes = 0

    def __len__(self) -> int:
        return len(self.accounts)

    def __iter__(self) -> Iterator[PerpAccount]:
        return iter(self.accounts.values())

    def get(self, id: str) -> PerpAccount | None:
        """The account, None before its first margin."""
        return self.accounts.get(id)

    def account(self, id: str, owner: Address) -> PerpAccount:
        """The account, opened where there is none."""
        found = self.accounts.get(id)
        if found is None:
            found = self.accounts[id] = PerpAccount(id, owner)
        return found

    def update(self, account: PerpAccount, size: int, margin: int, entry_value: int, entry_funding: int) -> None:
        """Take over what an event says."""
        self._changes += 1
        account.size, account.margin, account.version = size, margin, self._changes
        account.entry_value, account.entry_funding = entry_value, entry_funding
        for watch in self._watches:
            watch.changed(account)

    def watch(self, threshold: Any) -> SafetyWatch:
        """A watch on accounts by a threshold."""
        watch = SafetyWatch(self, threshold)
        self._watches.append(watch)
        return watch

    def table(self, accounts: Iterable[PerpAccount] | None = None) -> Table:
        """Some accounts side by side, those with a position unless said otherwise."""
        rows = [a for a in self if a.size] if accounts is None else list(accounts)
        return Table(
            [a.id for a in rows],
            [a.owner for a in rows],
            *(
                np.array([getattr(a, name) for a in rows], dtype=object)
                for name in ("size", "margin", "entry_value", "entry_funding")
            ),
        )


# ------------------------------------------------------------------- formulas


def funding_due(a: Any, frame: Frame) -> Amount:
    """[margin wad] that accounts owe, rounded up, or are owed, rounded down."""
    return _divide_up(a.size * (frame.funding - a.entry_funding), RAY)


def equity_at(a: Any, frame: Frame, worth: Amount) -> Amount:
    """[margin wad] cash, profit at a worth of one unit [margin ray], and funding until now; rounded down."""
    return a.margin - funding_due(a, frame) - a.entry_value - _divide_up(-a.size * worth, RAY)


def equity(a: Any, frame: Frame) -> Amount:
    """[margin wad] at the mark."""
    return equity_at(a, frame, frame.mark)


def exit_equity(a: Any, frame: Frame) -> Amount:
    """[margin wad] that would be left after closing now, before the fee."""
    return equity_at(a, frame, frame.worth_at(2 * frame.skew - a.size))


def notional(a: Any, frame: Frame) -> Amount:
    """[margin wad] at the mark, rounded up."""
    return _divide_up(abs(a.size) * abs(frame.mark), RAY)


def required(a: Any, frame: Frame, ratio: int) -> Amount:
    """[margin wad] of margin at a ratio [wad], rounded up."""
    return _divide_up(notional(a, frame) * ratio, WAD)


def profit(a: Any, frame: Frame) -> Amount:
    """[margin wad] that closing would bring, funding left aside."""
    return exit_equity(a, frame) - a.margin + funding_due(a, frame)


def scores(table: Table, frame: Frame) -> Integers:
    """[wad] The rank of each account in auto-deleveraging: profit over entry value times leverage; 0 for no profit."""
    gain, left = profit(table, frame), exit_equity(table, frame)
    counts = (gain > 0) & (left > 0) & (table.entry_value != 0)
    leverage = notional(table, frame) * WAD // np.where(counts, left, 1)
    ranked = gain * leverage // np.where(counts, abs(table.entry_value), 1)
    return np.where(counts, ranked, 0)


class MarginWatch:
    """Accounts below maintenance margin, longs and shorts in a heap each.

    With M the mark, F the funding index and m the maintenance ratio a long is below when M - m |M| - F falls under its
    critical level, a short when M + m |M| - F rises over it; that level changes only when the account acts.
    """

    def __init__(self, book: PerpBook, maintenance: int) -> None:
        self._ratio = maintenance / WAD
        self._longs = book.watch(lambda a: a.critical if a.size > 0 else None)
        self._shorts = book.watch(lambda a: -a.critical if a.size < 0 else None)

    def __contains__(self, account: str) -> bool:
        return account in self._longs.below or account in self._shorts.below

    @property
    def below(self) -> list[str]:
        """The accounts below, in the order in which they fell on each side."""
        return [*self._longs.below, *self._shorts.below]

    def advance(self, frame: Frame) -> tuple[list[str], list[str]]:
        """Move to a frame: the accounts that have fallen below, and those that recovered."""
        mark = float(frame.mark)
        bound = self._ratio * abs(mark)
        fallen, recovered = self._longs.advance(mark - bound - frame.funding)
        more_fallen, more_recovered = self._shorts.advance(-(mark + bound - frame.funding))
        if not (more_fallen or more_recovered):
            return fallen, recovered
        return fallen + more_fallen, recovered + more_recovered


def _divide_up(x: Amount, by: int) -> Amount:
    return -(-x // by)


def _sign(x: Amount) -> Amount:
    return (x > 0) * 1 - (x < 0) * 1
