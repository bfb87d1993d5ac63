"""The pool of loans in which a carry earns, as agents see it."""

from collections.abc import Mapping
from typing import Any

from simulator.chain.types import Address
from simulator.protocols.base import Call, Loans
from simulator.protocols.feeds import FEED_REFUSES
from simulator.protocols.genesis import Contract, Genesis

_FAILS: Mapping[str, str] = {
    "InsufficientCash": "others borrowed or withdrew first",
    "Undercollateralised": "the price moved while it waited",
    "DebtBelowFloor": "interest has been added meanwhile",
    "InsufficientBalance": "it was spent meanwhile",
    "TransferFromFailed": "it was spent meanwhile",
    **FEED_REFUSES,
}


class LendingVenue(Loans):
    """One LendingPool."""

    def __init__(self, id: str, asset: str, collateral: str, terms: Any, pool: Contract, genesis: Genesis) -> None:
        self.id, self.asset, self.collateral_asset = id, asset, collateral
        self.loan_to_value, self.debt_floor = terms.loan_to_value, terms.debt_floor
        self.spender = pool.address
        self._curve = (terms.base_rate, terms.low_slope, terms.high_slope, terms.kink)
        self._pool, self._chain = pool, genesis.chain

    def state(self) -> tuple[int, int]:
        """See `Loans.state`."""
        return int(self._pool.read(self._chain, "cash")), int(self._pool.read(self._chain, "totalDebt"))

    def debt_of(self, owner: Address) -> int:
        """See `Loans.debt_of`."""
        return int(self._pool.read(self._chain, "debtOf", owner))

    def borrow(self, owner: Address, collateral: int, amount: int) -> Call:
        """See `Loans.borrow`."""
        return self._adjust("loan-borrow", owner, collateral, amount)

    def repay(self, owner: Address, amount: int) -> Call:
        """See `Loans.repay`."""
        return self._adjust("loan-repay", owner, 0, -amount)

    def take_out(self, owner: Address, collateral: int) -> Call:
        """See `Loans.take_out`."""
        return self._adjust("loan-take-out", owner, -collateral, 0)

    def holdings(self, owner: Address) -> tuple[int, int]:
        """See `Loans.holdings`."""
        collateral, _ = self._pool.read(self._chain, "loans", owner)
        return collateral, self.debt_of(owner)

    def rate(self, cash: int, lent: int) -> float:
        """See `Loans.rate`."""
        base, low, high, kink = self._curve
        used = lent / (cash + lent) if lent else 0.0
        return float(base + (low * used / kink if used <= kink else low + high * (used - kink) / (1 - kink)))

    def value_of(self, shares: int) -> int:
        """See `Loans.value_of`."""
        return int(self._pool.read(self._chain, "convertToAssets", shares))

    def _adjust(self, action: str, owner: Address, collateral: int, debt: int) -> Call:
        data = self._pool.encode("adjust", owner, collateral, debt)
        return Call(self._pool.address, data, 400_000, action, f"{self.id}/{owner}", _FAILS)
