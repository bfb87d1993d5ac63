"""A test oracle: the engine's rules for one collateral at a fixed spread, in exact fractions of Python.

It exists to be compared with the contract, and states each rule the way its sentence does, not the way the contract
computes it. Amounts are wads, the index is a ray, debt in the books is exact.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

WAD, RAY = 10**18, 10**27
ALL = -(2**255)


class Refused(Exception):
    """The name of the custom error that the contract must revert with."""


@dataclass(frozen=True)
class Rules:
    """Parameters of the collateral, as fractions of one."""

    minimum_ratio: Fraction
    liquidation_ratio: Fraction
    bonus: Fraction
    close_factor: Fraction
    protocol_fee: Fraction
    ceiling: int
    floor: int
    unit: int


@dataclass
class Position:
    """Collateral [wad] and normalized debt [wad]."""

    collateral: int = 0
    normalized: int = 0


@dataclass
class Books:
    """What the engine records, with surplus and bad debt as exact Dollar wads."""

    rules: Rules
    index: int = RAY
    positions: dict[str, Position] = field(default_factory=dict)
    supply: int = 0
    surplus: Fraction = Fraction(0)
    bad_debt: Fraction = Fraction(0)

    def owed(self, normalized: int) -> Fraction:
        """Exact debt [wad] of a number of normalized units."""
        return Fraction(normalized * self.index, RAY)

    def total(self) -> int:
        return sum(position.normalized for position in self.positions.values())

    def grow(self, index: int) -> None:
        """Time passed: everybody owes more, and that is surplus."""
        self.surplus += Fraction(self.total() * (index - self.index), RAY)
        self.index = index

    def ratio(self, position: Position, price: int) -> Fraction:
        """Collateral value over debt; needs debt."""
        return Fraction(position.collateral * price, WAD) / self.owed(position.normalized)

    def adjust(self, owner: str, collateral: int, debt: int, price: int) -> None:
        """Raise Refused, or change the books."""
        rules, before = self.rules, self.positions.setdefault(owner, Position())
        moved = -before.collateral if collateral == ALL else int(Fraction(collateral, rules.unit)) * rules.unit
        if before.collateral + moved < 0:
            raise Refused("InsufficientCollateral")
        normalized, minted = self._after_debt(before.normalized, debt)
        then = Position(before.collateral + moved, normalized)
        if normalized != before.normalized and 0 < ceil(self.owed(normalized)) < rules.floor:
            raise Refused("DebtBelowFloor")
        if minted > 0 and ceil(self.owed(self.total() + normalized - before.normalized)) > rules.ceiling:
            raise Refused("DebtCeilingExceeded")
        if self._riskier(before, then) and self.ratio(then, price) < rules.minimum_ratio:
            raise Refused("Undercollateralised")
        self.positions[owner] = then
        self.supply += minted
        self.surplus += self.owed(normalized - before.normalized) - minted

    def _after_debt(self, normalized: int, delta: int) -> tuple[int, int]:
        """Normalized debt afterwards, and Dollars minted (negative: burned)."""
        if delta >= 0:
            return normalized + ceil(Fraction(delta * RAY, self.index)), delta
        debt = ceil(self.owed(normalized))
        repaid = min(-delta, debt)
        return (0 if repaid == debt else normalized - floor(Fraction(repaid * RAY, self.index))), -repaid

    @staticmethod
    def _riskier(before: Position, then: Position) -> bool:
        if then.normalized == 0:
            return False
        if before.normalized == 0:
            return True
        return Fraction(then.collateral, then.normalized) < Fraction(before.collateral, before.normalized)

    def liquidate(self, owner: str, most: int, price: int) -> tuple[int, int, int]:
        """Raise Refused, or change the books and return what was repaid, seized and kept as fee."""
        rules, before = self.rules, self.positions.setdefault(owner, Position())
        if before.normalized == 0 or self.ratio(before, price) >= rules.liquidation_ratio:
            raise Refused("PositionHealthy")
        debt = ceil(self.owed(before.normalized))
        repaid = min(most, self._repayable(before, debt, price))
        worth = Fraction(price, WAD) / (1 + rules.bonus)  # Dollars that buy one unit of collateral
        cancelled = self._cancelled(before, repaid, debt)
        seized = floor(self.owed(cancelled) / worth)
        if seized >= before.collateral:
            seized = before.collateral
            repaid = min(ceil(seized * worth), debt)
            cancelled = self._cancelled(before, repaid, debt)
        else:
            seized -= seized % rules.unit
        if cancelled == 0 and seized < before.collateral:
            raise Refused("NothingToRepay")
        then = Position(before.collateral - seized, before.normalized - cancelled)
        self._refuse_dust(then, price)
        bonus = max(0, seized - ceil(Fraction(repaid * WAD, price)))
        fee = floor(bonus * rules.protocol_fee)
        self.supply -= repaid
        self.surplus += repaid - self.owed(cancelled)
        if then.collateral == 0:
            self.bad_debt += self.owed(then.normalized)
            then.normalized = 0
        self.positions[owner] = then
        return repaid, seized, fee - fee % rules.unit

    def _repayable(self, position: Position, debt: int, price: int) -> int:
        part = floor(debt * self.rules.close_factor)
        covered = self.ratio(position, price) >= 1 + self.rules.bonus
        return part if covered and debt - part >= self.rules.floor else debt

    def _cancelled(self, position: Position, repaid: int, debt: int) -> int:
        return position.normalized if repaid == debt else floor(Fraction(repaid * RAY, self.index))

    def _refuse_dust(self, left: Position, price: int) -> None:
        if left.collateral and left.normalized:
            value = ceil(Fraction(left.collateral * price, WAD))
            if min(value, ceil(self.owed(left.normalized))) < self.rules.floor:
                raise Refused("DustRemainder")
