"""A clearinghouse as the chain has it at this very moment: for who tries things on a branch of it."""

from collections.abc import Callable
from typing import Any

from simulator.chain.types import Address
from simulator.protocols.margin_capability import Margin, MarginAccount
from simulator.units import from_wad


class Books(dict[str, MarginAccount]):
    """Accounts by name. One that no event told of, as on a branch, is read from the chain and not kept."""

    def __init__(self, read: Callable[[str], MarginAccount]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, id: str) -> MarginAccount:
        return self._read(id)


class ClearingViews(Margin):
    """See `Margin`, section "the chain at this moment"."""

    parts: Any
    _chain: Any

    def unheard(self, id: str) -> MarginAccount:
        """An account of which no event told. Raises KeyError where there is none."""
        number = id.removeprefix(f"{self.id}/")
        told = self._ask("accountOf", int(number)) if number.isdecimal() else None
        if told is None or not int(told[0], 16):
            raise KeyError(id)
        models = {contract.address: name for name, contract in self.parts.models.items()}
        return MarginAccount(id, int(number), Address(told[0]), told[1], models.get(Address(told[2]), ""), told[3])

    def _ask(self, view: str, *args: Any) -> Any:
        return self.parts.house.read(self._chain, view, *args)

    def newest_account(self) -> str:
        """See `Margin.newest_account`."""
        return f"{self.id}/{self._ask('count')}"

    def funds(self) -> tuple[int, int, int]:
        """See `Margin.funds`."""
        ours, members, missing = map(self._ask, ("houseFund", "membersFund", "shortfall"))
        return int(ours), int(members), int(missing)

    def cash_of(self, account: str) -> int:
        """See `Margin.cash_of`."""
        return int(self._ask("accountOf", self.accounts[account].number)[3])

    def shocks(self) -> list[tuple[float, float]]:
        """See `Margin.shocks`."""
        grid = self.parts.models["portfolio"].read(self._chain, "shocksOf")
        return [(from_wad(spot), from_wad(volatility)) for spot, volatility in grid]
