"""Borrowers of a lending pool who come and go by declaration: what they take, lenders cannot have back meanwhile."""

from typing import Any, ClassVar

from pydantic import Field

from simulator.agents.base import Agent, AgentSettings, Desk, Life
from simulator.agents.borrower import choose
from simulator.oracle_faults import Fault
from simulator.protocols.base import Call, Loans
from simulator.protocols.genesis import Genesis
from simulator.settings import MINUTES, SHARE
from simulator.units import to_wad

_HOUR = 3600.0
_NEAR = 0.002  # utilisation this near to the declared one is it
_ROOM = 4.0  # worth of the collateral over what the pool has at the start


class DemandSpan(Fault):
    """While it lasts, as much is lent out."""

    utilisation: float = Field(ge=0, le=1, description="of the pool, to which they borrow", json_schema_extra=SHARE)


class LoanDemandSettings(AgentSettings):
    """One borrower."""

    pool: str = Field("", description="id of the lending pool, as in vault/loans; empty: the only one")
    demand: tuple[DemandSpan, ...] = Field(
        (), description="how much is lent out when: a list of tables with id, from, to and utilisation"
    )
    look_minutes: float = Field(
        10.0, gt=0, description="between looks at what lenders did meanwhile", json_schema_extra=MINUTES
    )


class LoanDemand(Agent):
    """Holds the pool at the declared utilisation as far as his own loan can; at the end he repays."""

    Settings: ClassVar[Any] = LoanDemandSettings
    requires: ClassVar[Any] = (Loans,)

    def __init__(self, desk: Desk, settings: LoanDemandSettings) -> None:
        super().__init__(desk, settings)
        self._loans: Loans = choose(desk.capabilities(Loans), settings.pool, desk.agent)

    def prepare(self, genesis: Genesis) -> None:
        """Bring collateral for many times what there is to borrow."""
        loans, owner = self._loans, self.desk.address
        cash, debt = loans.state()
        worth = _ROOM * (cash + debt) * genesis.price(loans.asset) / loans.loan_to_value
        genesis.endow(loans.collateral_asset, owner, round(worth / genesis.price(loans.collateral_asset)))
        genesis.approve(loans.collateral_asset, owner, loans.spender)
        genesis.approve(loans.asset, owner, loans.spender)

    def life(self) -> Life:
        """From span to span."""
        desk = self.desk
        for span in sorted(self.settings.demand, key=lambda span: span.span):
            start, end = span.span
            yield desk.sleep(max(start - desk.elapsed, 0))
            while desk.elapsed < end:
                yield from self._hold(span.utilisation)
                yield desk.sleep(min(self.settings.look_minutes * 60, max(end - desk.elapsed, 1e-9)))
            yield from self._repay(self._loans.debt_of(desk.address))

    def _hold(self, utilisation: float) -> Life:
        loans, owner = self._loans, self.desk.address
        cash, debt = loans.state()
        missing = round(utilisation * (cash + debt)) - debt
        if abs(missing) <= _NEAR * (cash + debt):
            return
        if missing < 0:
            yield from self._repay(min(-missing, loans.debt_of(owner)))
            return
        amount = min(missing, cash)
        collateral = self.desk.balance(loans.collateral_asset) if not loans.debt_of(owner) else 0
        yield from self._try(loans.borrow(owner, collateral, amount))

    def _repay(self, amount: int) -> Life:
        """As much as is at hand; what interest has added stays owed."""
        debt, hand = self._loans.debt_of(self.desk.address), self.desk.balance(self._loans.asset)
        most = hand if hand < debt - to_wad(self._loans.debt_floor) else debt - to_wad(self._loans.debt_floor)
        amount = min(amount, max(most, 0)) if hand < debt else amount
        if amount:
            yield from self._try(self._loans.repay(self.desk.address, amount))

    def _try(self, call: Call) -> Life:
        if self.desk.would_work(call):
            yield self.desk.send(call)
