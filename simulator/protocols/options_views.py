"""An option market as the chain has it at this very moment: for who tries things on a branch of it.

Nothing here is remembered, as what is true on a branch is not afterwards.
"""

from simulator.chain.types import Address
from simulator.protocols.base import Call
from simulator.protocols.option_capability import Role
from simulator.protocols.option_math import Greeks
from simulator.protocols.options_mirror import OptionMirror, series_of
from simulator.units import from_wad, to_wad


class OptionViews(OptionMirror):
    """See `Options`, section "the chain at this moment"."""

    def cash_of(self, owner: Address) -> int:
        """See `Options.cash_of`."""
        return int(self._read(self.parts.market, "cashOf", owner))

    def position_of(self, owner: Address, id: int) -> tuple[int, int, int]:
        """See `Options.position_of`."""
        size, collateral, base = self._read(self.parts.market, "positionOf", owner, id)
        return size, collateral, base

    def mark_of(self, id: int) -> float | None:
        """See `Options.mark_of`."""
        mark = self._try(self.parts.market, "markOf", id)
        return None if mark is None else from_wad(mark)

    def greeks_of_series(self, id: int) -> Greeks | None:
        """See `Options.greeks_of_series`."""
        series = series_of(id)
        found = self._try(self.parts.surface, "greeksOf", to_wad(series.strike), series.expiry)
        if found is None or series.kind == "barrier":
            return None
        return Greeks(*map(from_wad, found[0 if series.kind == "call" else 1]))

    def bound_of(self, id: int) -> int:
        """See `Options.bound_of`."""
        return int(self._read(self.parts.market, "seriesOf", id)[4])

    def reserves(self) -> tuple[int, int]:
        """See `Options.reserves`."""
        market = self.parts.market
        return int(self._read(market, "fund")), int(self._read(market, "poolCash"))

    def most_move(self) -> tuple[float, int]:
        """See `Options.most_move`."""
        rules = self._read(self.parts.surface, "rules")
        return from_wad(rules[3]), int(rules[4])

    def newest_round(self) -> int:
        """See `Options.newest_round`."""
        return int(self._read(self.rounds.push, "latestRound"))

    def appointing(self, role: Role, account: Address) -> tuple[Address, Call] | None:
        """See `Options.appointing`."""
        market, surface = self.parts.market, self.parts.surface
        contract, setter = (surface, "setReporter") if role == "reporter" else (market, "setLister")
        owner = Address(self._read(contract, "owner"))
        call = Call(contract.address, contract.encode(setter, account, True), 150_000, "appoint", self.id)
        return None if self._chain.code(owner) else (owner, call)

    def settlement_price(self, expiry: int) -> float | None:
        """See `Options.settlement_price`."""
        price = self._try(self.parts.expiries, "priceAt", expiry)
        return None if price is None else from_wad(price)
