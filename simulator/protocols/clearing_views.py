"""A clearinghouse as the chain has it at this very moment: for who tries things on a branch of it."""

from typing import Any

from simulator.protocols.margin_capability import Margin
from simulator.units import from_wad


class ClearingViews(Margin):
    """See `Margin`, section "the chain at this moment"."""

    parts: Any
    _chain: Any

    def funds(self) -> tuple[int, int, int]:
        """See `Margin.funds`."""
        house = self.parts.house
        ours, members, missing = (house.read(self._chain, n) for n in ("houseFund", "membersFund", "shortfall"))
        return int(ours), int(members), int(missing)

    def cash_of(self, account: str) -> int:
        """See `Margin.cash_of`."""
        return int(self.parts.house.read(self._chain, "accountOf", self.accounts[account].number)[3])

    def shocks(self) -> list[tuple[float, float]]:
        """See `Margin.shocks`."""
        grid = self.parts.models["portfolio"].read(self._chain, "shocksOf")
        return [(from_wad(spot), from_wad(volatility)) for spot, volatility in grid]
