"""Our collateralised debt contracts: CdpEngine, Dollar, and an auction house where a collateral sells by auction."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from math import isclose
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from simulator.chain.abi import Abi, DecodedEvent
from simulator.chain.artifacts import load_artifact
from simulator.chain.base import CallReverted
from simulator.chain.types import ZERO_ADDRESS, Address
from simulator.errors import ConfigError
from simulator.protocols.base import Call, Capability, Lending, Measure, Notice, Protocol, Quote, Sample
from simulator.protocols.cdp_auctions import FLASH_FAILS, DutchHouse, EnglishHouse, House, deploy_flash
from simulator.protocols.feeds import FEED_REFUSES
from simulator.protocols.genesis import Genesis
from simulator.protocols.positions import Position, PositionBook
from simulator.settings import MINUTES, RATIO, SECONDS, SHARE, TOKENS, USD, Settings
from simulator.units import RAY, WAD, annual_rate, from_wad, per_second_ray, to_wad


class EnglishSettings(Settings):
    """An ascending auction with a reverse phase."""

    lot_size: float = Field(50.0, gt=0, description="most collateral in one auction", json_schema_extra=TOKENS)
    minimum_raise: float = Field(0.03, ge=0, le=1, description="least raise of a bid", json_schema_extra=SHARE)
    bid_minutes: float = Field(10.0, gt=0, description="time a bid must stand to win", json_schema_extra=MINUTES)
    auction_minutes: float = Field(
        360.0, gt=0, description="time after which no bid is taken", json_schema_extra=MINUTES
    )


class DutchSettings(Settings):
    """A descending auction."""

    lot_size: float = Field(
        0.0, ge=0, description="most collateral in one auction; 0: no limit", json_schema_extra=TOKENS
    )
    start_buffer: float = Field(1.1, ge=1, description="first price over the feed's", json_schema_extra=RATIO)
    step: float = Field(0.99, gt=0, lt=1, description="factor on the price at each step", json_schema_extra=RATIO)
    step_seconds: int = Field(90, ge=1, description="time between steps", json_schema_extra=SECONDS)
    max_drop: float = Field(
        0.55, gt=0, lt=1, description="fall from the first price at which a reset is due", json_schema_extra=SHARE
    )
    reset_minutes: float = Field(120.0, gt=0, description="age at which a reset is due", json_schema_extra=MINUTES)
    keeper_tip: float = Field(0.0, ge=0, description="paid for starting or resetting", json_schema_extra=USD)
    keeper_share: float = Field(0.0, ge=0, le=0.2, description="of the debt, paid likewise", json_schema_extra=SHARE)
    debt_cap: float = Field(1e9, gt=0, description="most debt at auction at once", json_schema_extra=USD)


class CollateralSettings(Settings):
    """One collateral and how positions in it are liquidated."""

    liquidation: Literal["fixed", "english", "dutch"] = Field("fixed", description="how seized collateral is sold")
    minimum_ratio: float = Field(
        1.5, gt=1, description="collateral over debt that an action must leave", json_schema_extra=RATIO
    )
    liquidation_ratio: float = Field(
        1.5, gt=1, description="collateral over debt below which a position is liquidated", json_schema_extra=RATIO
    )
    liquidation_bonus: float = Field(
        0.1,
        ge=0,
        le=1,
        description="liquidator's bonus, or the penalty that an auction raises",
        json_schema_extra=SHARE,
    )
    close_factor: float = Field(
        0.5, gt=0, le=1, description="most of the debt that one liquidation repays (fixed)", json_schema_extra=SHARE
    )
    protocol_fee: float = Field(
        0.0, ge=0, le=1, description="the protocol's share of the bonus (fixed)", json_schema_extra=SHARE
    )
    stability_fee: float = Field(0.0, ge=0, le=1, description="interest a year", json_schema_extra=SHARE)
    debt_ceiling: float = Field(1e9, ge=0, description="most debt of all positions", json_schema_extra=USD)
    debt_floor: float = Field(100.0, ge=0, description="least debt of a position that has any", json_schema_extra=USD)
    liquidate_when_stale: bool = Field(
        False, description="liquidations take the newest price however old, where a guard calls it stale"
    )
    english: EnglishSettings = Field(default_factory=EnglishSettings, description="used when liquidation is english")
    dutch: DutchSettings = Field(default_factory=DutchSettings, description="used when liquidation is dutch")

    @property
    def lot_size(self) -> float:
        """Most collateral in one auction, 0 without auctions or limit."""
        return {"fixed": 0.0, "english": self.english.lot_size, "dutch": self.dutch.lot_size}[self.liquidation]


class CdpSettings(Settings):
    """The whole protocol."""

    dollar: str = Field("DOLLAR", description="market symbol of the stablecoin that is owed")
    collateral: dict[str, CollateralSettings] = Field(
        default_factory=dict, description="by the market symbol of the collateral"
    )


_NOT_MINE = {
    "PositionHealthy": "a rival was first, or the price recovered",
    **FEED_REFUSES,
    "DebtCapReached": "too much debt is at auction",
    "NothingToRepay": "a rival was first",
    "DustRemainder": "the position or the means shrank while it waited",
    "InsufficientBalance": "the debt token ran short while it waited",
}
_RACED = {
    "Undercollateralised": "the price moved while it waited",
    "DebtBelowFloor": "a liquidation came first",
    "DebtCeilingExceeded": "others drew first",
    "InsufficientCollateral": "a liquidation came first",
    "InsufficientBalance": "the debt grew while it waited",
    **FEED_REFUSES,
    "NothingToRepay": "a liquidation came first",
}


_CALLEES = (
    "Dollar",
    "CollateralToken",
    "PushFeed",
    "GuardedFeed",
    "DelayedFeed",
    "TwapFeed",
    "SequencerGuard",
    "EnglishAuction",
    "DutchAuction",
)


class CdpCollateral(Lending):
    """Positions in one collateral of a CdpEngine."""

    def __init__(self, protocol: "Cdp", asset: str, settings: CollateralSettings, genesis: Genesis) -> None:
        self.id = f"{protocol.id}/{asset}"
        self.asset, self.debt_asset = asset, protocol.settings.dollar
        self.settings = settings
        self.engine = protocol.engine
        self.symbol = symbol(asset)
        self._token = genesis.token(asset)
        self.token = self._token.address
        self.debt_token = protocol.dollar.address
        self.spender = self.engine.address
        self.minimum_ratio = settings.minimum_ratio
        self.liquidation_ratio = settings.liquidation_ratio
        self.debt_floor, self.debt_ceiling = settings.debt_floor, settings.debt_ceiling
        self.close_factor, self.liquidation_bonus = settings.close_factor, settings.liquidation_bonus
        self.immediate = settings.liquidation == "fixed"
        self.book = PositionBook()
        self.oracle = genesis.feeds[asset].oracle
        self.recorded_bad_debt = 0  # [wad]
        self.house: House | None = None
        self._chain = genesis.chain
        self._growth = 1 + per_second_ray(settings.stability_fee) / RAY  # a second
        self._index, self._accrued = RAY, genesis.now
        self._index_at = (-1, 0.0)  # the latest answer of `index` and its time: it is asked for twice a block

    def index(self, now: int) -> float:
        """See `Lending.index`."""
        if self._index_at[0] != now:
            self._index_at = (now, self._index / RAY * self._growth ** (now - self._accrued))
        return self._index_at[1]

    def open(self, owner: Address, collateral: int, debt: int) -> Call:
        """See `Lending.open`."""
        return self._adjust(owner, collateral, debt, "open")

    def adjust(self, position: str, collateral_delta: int, debt_delta: int) -> Call:
        """See `Lending.adjust`."""
        kind = "repay" if debt_delta < 0 else "top-up" if collateral_delta > 0 and not debt_delta else "adjust"
        return self._adjust(owner_of(position), collateral_delta, debt_delta, kind)

    def _adjust(self, owner: Address, collateral_delta: int, debt_delta: int, action: str) -> Call:
        data = self.engine.encode("adjust", self.symbol, owner, collateral_delta, debt_delta)
        return Call(self.engine.address, data, 400_000, action, self.position_id(owner), _RACED)

    def liquidate(self, position: str, max_repay: int) -> Call:
        """See `Lending.liquidate`."""
        data = self.engine.encode("liquidate", self.symbol, owner_of(position), max_repay, b"")
        return Call(self.engine.address, data, 700_000, "liquidate", position, _NOT_MINE)

    def quote(self, position: str, max_repay: int) -> Quote | None:
        """See `Lending.quote`."""
        try:
            repay, seized, fee = self.engine.read(
                self._chain, "previewLiquidation", self.symbol, owner_of(position), max_repay
            )
        except CallReverted:
            return None
        return Quote(repay, seized - fee)

    def holdings(self, owner: Address) -> tuple[int, int] | None:
        """See `Lending.holdings`."""
        collateral, _ = self.engine.read(self._chain, "positions", self.symbol, owner)
        return collateral, self.engine.read(self._chain, "debtOf", self.symbol, owner)

    def deploy_flash(self, genesis: Genesis, owner: Address) -> Address | None:
        """See `Lending.deploy_flash`."""
        return deploy_flash(genesis, self.asset, self.debt_asset, owner)

    def flash_liquidate(self, borrower: Address, position: str, max_repay: int, min_profit: int) -> Call:
        """See `Lending.flash_liquidate`."""
        arguments = (self.engine.address, self.symbol, owner_of(position), max_repay, min_profit)
        data = load_artifact("FlashLiquidator").abi.functions["liquidate"].encode(*arguments)
        return Call(borrower, data, 1_200_000, "liquidate", position, _NOT_MINE | FLASH_FAILS)

    def tokens_held(self) -> int:
        """Collateral tokens of the engine [wad]."""
        return int(self._token.read(self._chain, "balanceOf", self.engine.address))

    def position_id(self, owner: Address) -> str:
        """Its name in tables and notices."""
        return f"{self.id}/{owner}"

    # -------------------------------------------------------- events of the engine

    def on_engine_event(self, event: DecodedEvent, now: int, protocol: str) -> Iterable[Notice]:
        """Mirror what the engine says of this collateral."""
        args = event.args
        match event.name:
            case "IndexAccrued":
                self._index, self._accrued = args["index"], now
                self._index_at = (-1, 0.0)
            case "PositionAdjusted":
                position = self._keep(args)
                yield Notice("position", protocol, position.id, {"capability": self.id})
            case "PositionLiquidated":
                position = self._keep(args)
                taken = {
                    "capability": self.id,
                    "liquidator": args["liquidator"],
                    "debt": args["debt"],
                    "collateral": args["seized"] - args["fee"],
                    "lot": self.house.lot_id(args["auctionId"]) if self.house else "",
                }
                yield Notice("liquidation", protocol, position.id, taken)
            case "BadDebtRecorded":
                self.recorded_bad_debt += args["amount"]

    def _keep(self, args: Mapping[str, Any]) -> Position:
        owner = args["owner"]
        return self.book.update(self.position_id(owner), owner, args["collateral"], args["normalizedDebt"])

    # ------------------------------------------------------------------ samples

    def sample(self, now: int, price: float, debt_price: float) -> Sample:
        """Positions and totals at reference prices [usd]."""
        open_positions = list(self.book)
        collateral = np.array([p.collateral for p in open_positions], dtype=float) / WAD * price
        debt = np.array([p.normalized_debt for p in open_positions], dtype=float) / WAD * self.index(now) * debt_price
        with np.errstate(divide="ignore", invalid="ignore"):
            health = np.where(debt > 0, collateral / (debt * self.liquidation_ratio), np.inf)
        lots = self.house.lots.values() if self.house else ()
        at_auction = sum(from_wad(lot.debt) for lot in lots) * debt_price
        in_lots = sum(from_wad(lot.amount) for lot in lots) * price
        lot_shortfall = sum(max(0.0, from_wad(lot.debt) * debt_price - from_wad(lot.amount) * price) for lot in lots)
        totals = {
            "debt_usd": float(debt.sum()) + at_auction,
            "collateral_usd": float(collateral.sum()) + in_lots,
            "shortfall_usd": float(np.maximum(debt - collateral, 0).sum()) + lot_shortfall,
            "auction_debt_usd": at_auction,
        }
        if (debt > 0).any():
            totals["collateral_ratio_min"] = float((collateral[debt > 0] / debt[debt > 0]).min())
        return Sample(
            [p.id for p in open_positions],
            [p.owner for p in open_positions],
            collateral - debt,
            (self.liquidation_ratio - 1) * debt,
            health,
            [Measure(self.asset, name, value) for name, value in totals.items()],
        )


def _of_chain(config: Sequence[Any]) -> dict[str, float | bool]:
    """The engine's configuration of a collateral as settings have it."""
    *_, minimum, liquidation, bonus, close, fee, interest, ceiling, floor, _, when_stale = config
    wads = {
        "minimum_ratio": minimum,
        "liquidation_ratio": liquidation,
        "liquidation_bonus": bonus,
        "close_factor": close,
        "protocol_fee": fee,
        "debt_ceiling": ceiling,
        "debt_floor": floor,
    }
    others = {"stability_fee": annual_rate(interest), "liquidate_when_stale": when_stale}
    return {name: from_wad(value) for name, value in wads.items()} | others


def symbol(asset: str) -> bytes:
    """A market symbol as the engine's id: ASCII, padded to 32 bytes."""
    return asset.encode("ascii").ljust(32, b"\0")


def owner_of(position: str) -> Address:
    """The owner in a position's name."""
    return Address(position.rpartition("/")[2])


class Cdp(Protocol):
    """CdpEngine with its collaterals."""

    Settings: ClassVar[Any] = CdpSettings
    settings: CdpSettings

    def __init__(self, id: str, settings: Any) -> None:
        super().__init__(id, settings)
        self.collaterals: dict[str, CdpCollateral] = {}
        self.houses: dict[str, Address] = {}  # by collateral, that are on the chain already

    def attach(self, genesis: Genesis) -> None:
        """See `Protocol.attach`. What its parameters are, the chain says; a setting that says else is an error."""
        self._chain = genesis.chain
        self.dollar = genesis.find("Dollar")
        genesis.tokens[self.settings.dollar] = self.dollar
        self.engine = genesis.find("CdpEngine", [load_artifact(name).abi for name in _CALLEES])
        if Address(genesis.ask(self.engine, "dollar")) != self.dollar.address:
            raise ConfigError(
                f"the engine at {self.engine.address} does not owe {self.dollar.address}",
                where="chain.fork",
                mend="attach the Dollar of this engine",
            )
        for asset, settings in self.settings.collateral.items():
            self._attach_collateral(genesis, asset, settings)

    def _attach_collateral(self, genesis: Genesis, asset: str, settings: CollateralSettings) -> None:
        config = genesis.ask(self.engine, "collaterals", symbol(asset))
        token, feed, auction = (Address(each) for each in config[:3])
        place = f"{self.id}.collateral.{asset}"
        if token == ZERO_ADDRESS:
            raise ConfigError("the engine on chain has no such collateral", where=place, mend="remove it")
        for what, there, ours in (
            ("token", token, genesis.token(asset).address),
            ("feed", feed, genesis.feeds[asset].consumer if asset in genesis.feeds else None),
        ):
            if there != ours:
                raise ConfigError(
                    f"its {what} on chain is {there}, attached is {ours}", where=place, mend=f"attach that {what}"
                )
        actual = settings.model_copy(update=_of_chain(config) | {"liquidation": self._kind(genesis, auction)})
        for name in settings.model_fields_set - {"english", "dutch"}:
            there, said = getattr(actual, name), getattr(settings, name)
            if there != said and not (isinstance(there, float) and isclose(there, said, rel_tol=1e-9)):
                raise ConfigError(
                    f"{name} = {said}, but {there} on chain", where=place, mend="leave it out: what is on chain holds"
                )
        self.houses[asset] = auction
        lending = CdpCollateral(self, asset, actual, genesis)
        if actual.liquidation == "english":
            lending.house = EnglishHouse(self, asset, actual.english, genesis)
        elif actual.liquidation == "dutch":
            lending.house = DutchHouse(self, asset, actual.dutch, genesis)
        if lending.house is not None:
            lending.house.read_terms(genesis)
        self.collaterals[asset] = lending

    def _kind(self, genesis: Genesis, auction: Address) -> Literal["fixed", "english", "dutch"]:
        """How a collateral is liquidated, by its auction house on chain."""
        if auction == ZERO_ADDRESS:
            return "fixed"
        if genesis.answers("EnglishAuction", auction, "minimumRaise"):
            return "english"
        if genesis.answers("DutchAuction", auction, "startBuffer"):
            return "dutch"
        raise ConfigError(f"what sells at auction at {auction} is not ours", where="chain.fork", mend="use a plug-in")

    def deploy(self, genesis: Genesis) -> None:
        """See `Protocol.deploy`."""
        self._chain = genesis.chain
        if self.settings.dollar in genesis.tokens:
            raise ConfigError(
                f"dollar = {self.settings.dollar!r} has a token already", where=self.id, mend="give it another symbol"
            )
        self.dollar = genesis.deploy("Dollar")
        genesis.tokens[self.settings.dollar] = self.dollar
        # Errors of the contracts it calls come through it.
        callees = [load_artifact(name).abi for name in _CALLEES]
        self.engine = genesis.deploy("CdpEngine", self.dollar.address, libraries=callees)
        minter = self.dollar.read(genesis.chain, "MINTER")
        genesis.call(self.dollar, "grantRoles", self.engine.address, minter)
        for asset, settings in self.settings.collateral.items():
            self._add_collateral(genesis, asset, settings)
        genesis.flush()

    def _add_collateral(self, genesis: Genesis, asset: str, settings: CollateralSettings) -> None:
        if settings.minimum_ratio < settings.liquidation_ratio:
            raise ConfigError(
                f"minimum_ratio = {settings.minimum_ratio:g} < liquidation_ratio = {settings.liquidation_ratio:g}",
                where=f"{self.id}.collateral.{asset}",
                mend="a position must not be liquidable as soon as it is opened",
            )
        if asset not in genesis.feeds:
            raise ConfigError(
                f"no oracle for {asset}", where=f"{self.id}.collateral.{asset}", mend=f"add [oracle.{asset}]"
            )
        lending = CdpCollateral(self, asset, settings, genesis)
        house_address = ZERO_ADDRESS
        if settings.liquidation == "english":
            lending.house = EnglishHouse(self, asset, settings.english, genesis)
        elif settings.liquidation == "dutch":
            lending.house = DutchHouse(self, asset, settings.dutch, genesis)
        if lending.house:
            house_address = lending.house.contract.address
        config = (
            genesis.token(asset).address,
            genesis.feeds[asset].consumer,
            house_address,
            to_wad(settings.minimum_ratio),
            to_wad(settings.liquidation_ratio),
            to_wad(settings.liquidation_bonus),
            to_wad(settings.close_factor),
            to_wad(settings.protocol_fee),
            per_second_ray(settings.stability_fee),
            to_wad(settings.debt_ceiling),
            to_wad(settings.debt_floor),
            to_wad(settings.lot_size),
            settings.liquidate_when_stale,
        )
        genesis.call(self.engine, "addCollateral", symbol(asset), config)
        self.collaterals[asset] = lending

    def capabilities(self) -> Sequence[Capability]:
        """See `Protocol.capabilities`."""
        houses = [lending.house for lending in self.collaterals.values() if lending.house]
        return [*self.collaterals.values(), *houses]

    def events(self) -> Mapping[Address, Abi]:
        """See `Protocol.events`."""
        contracts = [self.engine, *(c.house.contract for c in self.collaterals.values() if c.house)]
        return {contract.address: contract.abi for contract in contracts}

    def on_event(self, event: DecodedEvent, now: int) -> Iterable[Notice]:
        """See `Protocol.on_event`."""
        if event.address != self.engine.address:
            house = next(
                c.house for c in self.collaterals.values() if c.house and c.house.contract.address == event.address
            )
            return house.on_event(event, now)
        id = event.args.get("id")
        if id is None:
            return ()
        lending = self.collaterals.get(id.rstrip(b"\0").decode())
        return lending.on_engine_event(event, now, self.id) if lending else ()

    def books(self, price: Callable[[str], float]) -> Iterable[Measure]:
        """Supply against debts, bad debt and surplus; tokens held against the collateral of positions."""
        read = partial(self.engine.read, self._chain)
        worth = price(self.settings.dollar)
        owed = read("badDebtExact") - read("surplusExact")  # [wad * ray]
        for asset, lending in self.collaterals.items():
            collateral, normalized, index, _, at_auction = read("totals", lending.symbol)
            owed += normalized * index + at_auction * RAY
            held = lending.tokens_held()
            yield Measure(f"{asset}/collateral", "books_gap_usd", from_wad(max(0, collateral - held)) * price(asset))
        supply = self.dollar.read(self._chain, "totalSupply")
        yield Measure("supply", "books_gap_usd", from_wad(abs(supply - owed // RAY)) * worth)

    def sample(self, now: int, price: Callable[[str], float]) -> Sample:
        """See `Protocol.sample`."""
        debt_price = price(self.settings.dollar)
        parts = [c.sample(now, price(asset), debt_price) for asset, c in self.collaterals.items()]
        whole = Sample.of_all(parts)
        whole.measures += [
            Measure("", "bad_debt_usd", from_wad(self.engine.read(self._chain, "badDebt")) * debt_price),
            Measure("", "reserve_usd", from_wad(self.engine.read(self._chain, "surplus")) * debt_price),
            Measure("", "supply_usd", from_wad(self.dollar.read(self._chain, "totalSupply")) * debt_price),
        ]
        return whole
