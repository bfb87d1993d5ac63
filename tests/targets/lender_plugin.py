"""The plug-in of Lender.sol, as the user of a Foundry, Hardhat or Brownie project would write it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from simulator.chain.abi import Abi, DecodedEvent
from simulator.chain.base import CallReverted
from simulator.chain.types import Address
from simulator.protocols.base import (
    REPAY_ALL,
    TAKE_ALL,
    Call,
    Capability,
    Lending,
    Measure,
    Notice,
    Protocol,
    Quote,
    Sample,
)
from simulator.protocols.genesis import Genesis
from simulator.protocols.positions import PositionBook
from simulator.settings import Settings
from simulator.units import WAD, from_wad

_OWNERS_LUCK = {"Unsafe": "the price moved", "InsufficientBalance": "the token was spent", "StalePrice": "it is stale"}
_SEIZERS_LUCK = {"Safe": "a rival was first", "InsufficientBalance": "it was spent", "StalePrice": "it is stale"}


class LenderSettings(Settings):
    """One collateral, one token that is owed."""

    collateral: str = Field("ETH", description="market symbol of the collateral")
    dollar: str = Field("DOLLAR", description="market symbol of what is owed")


class LenderMarket(Lending):
    """An owner has one position, named after him."""

    debt_floor, immediate = 0.0, True

    def __init__(self, protocol: "LenderProtocol", genesis: Genesis) -> None:
        settings = protocol.settings
        self.id = f"{protocol.id}/{settings.collateral}"
        self.asset, self.debt_asset = settings.collateral, settings.dollar
        feed = genesis.feeds[self.asset]
        self.oracle, self.token = feed.oracle, genesis.token(self.asset).address
        self.contract = genesis.target.deploy("Lender", self.token, feed.consumer)
        self.debt_token = self.spender = self.contract.address
        self.minimum_ratio, self.liquidation_ratio = (
            from_wad(self.contract.read(genesis.chain, name)) for name in ("MINIMUM", "LIQUIDATION")
        )
        self.book = PositionBook()
        self._chain = genesis.chain

    def index(self, now: int) -> float:
        """There is no interest."""
        return 1.0

    def open(self, owner: Address, collateral: int, debt: int) -> Call:
        """See `Lending.open`."""
        return self._call("open", owner, _OWNERS_LUCK, "adjust", collateral, debt)

    def adjust(self, position: str, collateral_delta: int, debt_delta: int) -> Call:
        """See `Lending.adjust`."""
        held = self.book.get(position)
        collateral = -held.collateral if held and collateral_delta == TAKE_ALL else collateral_delta
        debt = -held.normalized_debt if held and debt_delta == REPAY_ALL else debt_delta
        return self._call("adjust", Address(position), _OWNERS_LUCK, "adjust", collateral, debt)

    def liquidate(self, position: str, max_repay: int) -> Call:
        """See `Lending.liquidate`."""
        owner = Address(position)
        return self._call("liquidate", owner, _SEIZERS_LUCK, "liquidate", owner, max_repay)

    def _call(self, action: str, owner: Address, accepts: Mapping[str, str], verb: str, *args: Any) -> Call:
        return Call(self.contract.address, self.contract.encode(verb, *args), 400_000, action, owner, accepts)

    def quote(self, position: str, max_repay: int) -> Quote | None:
        """See `Lending.quote`."""
        try:
            return Quote(*self.contract.read(self._chain, "preview", Address(position), max_repay))
        except CallReverted:
            return None


class LenderProtocol(Protocol):
    """Lender.sol."""

    Settings: ClassVar[Any] = LenderSettings
    settings: LenderSettings

    def deploy(self, genesis: Genesis) -> None:
        """See `Protocol.deploy`."""
        self.market = LenderMarket(self, genesis)
        genesis.tokens[self.settings.dollar] = self.market.contract

    def capabilities(self) -> Sequence[Capability]:
        """See `Protocol.capabilities`."""
        return [self.market]

    def events(self) -> Mapping[Address, Abi]:
        """See `Protocol.events`."""
        return {self.market.contract.address: self.market.contract.abi}

    def on_event(self, event: DecodedEvent, now: int) -> Iterable[Notice]:
        """See `Protocol.on_event`."""
        args, market = event.args, self.market
        owner = args["owner"]
        if event.name == "Adjusted":
            market.book.update(owner, owner, args["collateral"], args["debt"])
            yield Notice("position", self.id, owner, {"capability": market.id})
        if event.name == "Liquidated":
            before = market.book.get(owner)
            assert before is not None
            left = before.collateral - args["taken"], before.normalized_debt - args["repaid"]
            market.book.update(owner, owner, *left)
            taken = {"liquidator": args["by"], "debt": args["repaid"], "collateral": args["taken"], "lot": ""}
            yield Notice("liquidation", self.id, owner, {"capability": market.id, **taken})

    def sample(self, now: int, price: Callable[[str], float]) -> Sample:
        """See `Protocol.sample`."""
        positions = list(self.market.book)
        worth = np.array([each.collateral for each in positions], dtype=float) / WAD * price(self.market.asset)
        debt = np.array([each.normalized_debt for each in positions], dtype=float) / WAD * price(self.market.debt_asset)
        health = np.divide(worth, debt, out=np.full_like(worth, np.inf), where=debt > 0) / self.market.liquidation_ratio
        totals = {
            "debt_usd": float(debt.sum()),
            "collateral_usd": float(worth.sum()),
            "shortfall_usd": float(np.maximum(debt - worth, 0).sum()),
        }
        measures = [Measure(self.market.asset, name, total) for name, total in totals.items()]
        required = (self.market.liquidation_ratio - 1) * debt
        owners = [each.owner for each in positions]
        return Sample([each.id for each in positions], owners, worth - debt, required, health, measures)
