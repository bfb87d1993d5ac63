"""A lender of a user's own, whose contract is as unlike ours as a lender can be. In a scenario:

[lender]
protocol = "./toy.py:Toy"
collateral = "BTC"
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from simulator.chain.abi import Abi, DecodedEvent
from simulator.chain.artifacts import read_artifact
from simulator.chain.base import CallReverted
from simulator.chain.types import Address
from simulator.errors import ConfigError
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
from simulator.settings import SHARE, Settings
from simulator.units import WAD, from_wad, to_wad

_ARTIFACT = Path(__file__).with_name("ToyLender.json")
_EVERYTHING = 2**256 - 1
_OWNERS_LUCK = {
    "TooMuchDebt": "the price moved while it waited",
    "InsufficientBalance": "the debt token was spent meanwhile",
    "StalePrice": "the feed is stale",
}
_SEIZERS_LUCK = {
    "StillSafe": "a rival was first, or the price recovered",
    "InsufficientBalance": "the debt token ran short while it waited",
    "StalePrice": "the feed is stale",
}


class ToySettings(Settings):
    """One collateral, one debt token."""

    collateral: str = Field("BTC", description="market symbol of the collateral")
    dollar: str = Field("TOYUSD", description="market symbol of what is owed")
    open_ltv: float = Field(
        0.6, gt=0, lt=1, description="most debt over collateral that an owner may leave", json_schema_extra=SHARE
    )
    seize_ltv: float = Field(
        0.7, gt=0, lt=1, description="debt over collateral above which anybody may seize", json_schema_extra=SHARE
    )
    discount: float = Field(
        0.1, ge=0, le=1, description="collateral over what a liquidator repays", json_schema_extra=SHARE
    )


class ToyLending(Lending):
    """The numbered positions, each under a name that is known before its number is: "<owner>/<which of his>"."""

    debt_floor = 0.0
    immediate = True

    def __init__(self, protocol: "Toy", genesis: Genesis) -> None:
        settings = protocol.settings
        self.id = f"{protocol.id}/{settings.collateral}"
        self.asset, self.debt_asset = settings.collateral, settings.dollar
        self.oracle = genesis.feeds[self.asset].oracle
        self.token = genesis.token(self.asset).address
        limits = (settings.open_ltv, settings.seize_ltv, settings.discount)
        self.contract = genesis.deploy(
            read_artifact(_ARTIFACT), self.token, genesis.feeds[self.asset].consumer, *map(to_wad, limits)
        )
        self.debt_token = self.spender = self.contract.address
        self.minimum_ratio, self.liquidation_ratio = 1 / settings.open_ltv, 1 / settings.seize_ltv
        self.book = PositionBook()
        self.lost = 0  # [debt wad]
        self._chain = genesis.chain
        self._opened: Counter[Address] = Counter()
        self.names: dict[int, str] = {}  # by number
        self._numbers: dict[str, int] = {}

    def index(self, now: int) -> float:
        """See `Lending.index`: there is no interest."""
        return 1.0

    def open(self, owner: Address, collateral: int, debt: int) -> Call:
        """See `Lending.open`."""
        return self._call("open", f"{owner}/{self._opened[owner]}", _OWNERS_LUCK, "open", collateral, debt)

    def adjust(self, position: str, collateral_delta: int, debt_delta: int) -> Call:
        """See `Lending.adjust`; ValueError for two things at once, for which the contract has no verb."""
        verb: tuple[Any, ...]
        match (collateral_delta, debt_delta):
            case (collateral, debt) if collateral == TAKE_ALL and debt == REPAY_ALL:
                verb = ("close",)
            case (0, debt) if debt < 0:
                verb = ("repay", _EVERYTHING if debt == REPAY_ALL else -debt)
            case (0, debt):
                verb = ("draw", debt)
            case (collateral, 0) if collateral > 0:
                verb = ("pledge", collateral)
            case (collateral, 0) if collateral != TAKE_ALL:
                verb = ("release", -collateral)
            case _:
                raise ValueError(f"{self.id} has no verb for collateral {collateral_delta} and debt {debt_delta}")
        function, *amount = verb
        return self._call("adjust", position, _OWNERS_LUCK, function, self._numbers[position], *amount)

    def liquidate(self, position: str, max_repay: int) -> Call:
        """See `Lending.liquidate`."""
        return self._call("liquidate", position, _SEIZERS_LUCK, "seize", self._numbers[position], max_repay)

    def _call(self, action: str, subject: str, accepts: Mapping[str, str], function: str, *args: int) -> Call:
        return Call(self.contract.address, self.contract.encode(function, *args), 400_000, action, subject, accepts)

    def quote(self, position: str, max_repay: int) -> Quote | None:
        """See `Lending.quote`."""
        try:
            repaid, taken, _ = self.contract.read(self._chain, "previewSeize", self._numbers[position], max_repay)
        except CallReverted:
            return None
        return Quote(repaid, taken)

    def on_event(self, event: DecodedEvent, protocol: str) -> Iterable[Notice]:
        """Add up the differences that events tell of."""
        args = event.args
        match event.name:
            case "Opened":
                owner = args["holder"]
                name = f"{owner}/{self._opened[owner]}"
                self._opened[owner] += 1
                self.names[args["positionId"]], self._numbers[name] = name, args["positionId"]
            case "Changed":
                name = self._move(args["positionId"], args["pledged"], args["owed"])
                yield Notice("position", protocol, name, {"capability": self.id})
            case "Seized":
                name = self._move(args["positionId"], -args["taken"], -args["repaid"] - args["lost"])
                self.lost += args["lost"]
                taken = {"liquidator": args["by"], "debt": args["repaid"], "collateral": args["taken"], "lot": ""}
                yield Notice("liquidation", protocol, name, {"capability": self.id, **taken})

    def _move(self, number: int, pledged: int, owed: int) -> str:
        name = self.names[number]
        before = self.book.get(name)
        if before is not None:
            pledged, owed = pledged + before.collateral, owed + before.normalized_debt
        self.book.update(name, Address(name.partition("/")[0]), pledged, owed)
        return name

    def sample(self, price: float, debt_price: float) -> Sample:
        """Positions and totals at reference prices [usd]."""
        positions = list(self.book)
        value = np.array([each.collateral for each in positions], dtype=float) / WAD * price
        debt = np.array([each.normalized_debt for each in positions], dtype=float) / WAD * debt_price
        ratio = np.divide(value, debt, out=np.full_like(value, np.inf), where=debt > 0)
        totals = {
            "debt_usd": float(debt.sum()),
            "collateral_usd": float(value.sum()),
            "shortfall_usd": float(np.maximum(debt - value, 0).sum()),
            "bad_debt_usd": from_wad(self.lost) * debt_price,
        }
        if (debt > 0).any():
            totals["collateral_ratio_min"] = float(ratio.min())
        return Sample(
            [each.id for each in positions],
            [each.owner for each in positions],
            value - debt,
            (self.liquidation_ratio - 1) * debt,
            ratio / self.liquidation_ratio,
            [Measure(self.asset, name, total) for name, total in totals.items()],
        )


class Toy(Protocol):
    """ToyLender, which is also the token that it lends."""

    Settings: ClassVar[Any] = ToySettings
    settings: ToySettings

    def deploy(self, genesis: Genesis) -> None:
        """See `Protocol.deploy`."""
        if self.settings.collateral not in genesis.feeds:
            raise ConfigError(f"no oracle for {self.settings.collateral}", where=self.id)
        self.lending = ToyLending(self, genesis)
        genesis.tokens[self.settings.dollar] = self.lending.contract

    def capabilities(self) -> Sequence[Capability]:
        """See `Protocol.capabilities`."""
        return [self.lending]

    def events(self) -> Mapping[Address, Abi]:
        """See `Protocol.events`."""
        return {self.lending.contract.address: self.lending.contract.abi}

    def on_event(self, event: DecodedEvent, now: int) -> Iterable[Notice]:
        """See `Protocol.on_event`."""
        return self.lending.on_event(event, self.id)

    def parameters(self) -> Mapping[str, Any]:
        """See `Protocol.parameters`."""
        return self.settings.model_dump(mode="json")

    def sample(self, now: int, price: Callable[[str], float]) -> Sample:
        """See `Protocol.sample`."""
        return self.lending.sample(price(self.settings.collateral), price(self.settings.dollar))
