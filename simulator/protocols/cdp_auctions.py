"""The two auction houses of the debt contracts, seen as `Auction` capabilities."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from simulator.chain.abi import DecodedEvent
from simulator.chain.artifacts import load_artifact
from simulator.chain.base import CallReverted
from simulator.chain.types import Address
from simulator.protocols.base import Auction, Call, Lot, Notice
from simulator.protocols.feeds import FEED_REFUSES
from simulator.protocols.genesis import Contract, Genesis
from simulator.units import from_wad, to_wad

if TYPE_CHECKING:
    from simulator.protocols.cdp import Cdp, DutchSettings, EnglishSettings

_LOST = {
    "NoAuction": "it was settled first",
    "AuctionEnded": "it ended while this waited",
    "AuctionRunning": "somebody bid or restarted first",
    "InsufficientBalance": "the debt token ran short while it waited",
}
_OUTBID = _LOST | {
    "BidTooLow": "a rival bid more first",
    "BidTooHigh": "a rival bid changed the phase",
    "LotTooLarge": "a rival asks for less",
    "LotNotWhole": "a rival bid changed the phase",
    "LotTooSmall": "a rival asks for less",
    "HasBid": "a rival bid first",
    "NoBid": "it was restarted first",
}
_TAKEN = _LOST | {
    "NothingToTake": "a rival took it all",
    "DustRemainder": "a rival took a part",
    "TooExpensive": "a reset came first",
    "NeedsReset": "the price ran out while it waited",
    "NoResetNeeded": "somebody reset first",
}


FLASH_FAILS = {
    "Unprofitable": "the pool moved",
    "Slippage": "the pool moved",
    "FlashLimitExceeded": "more than the lender lends",
    "NoLiquidity": "the pool is empty",
}


class House(Auction):
    """What both houses share: lots mirrored from events."""

    contract: Contract
    minimum_raise = 0.0

    def __init__(self, protocol: "Cdp", asset: str, kind: str, genesis: Genesis, *arguments: Any) -> None:
        from simulator.protocols.cdp import symbol

        self.market = f"{protocol.id}/{asset}"  # the Lending capability it sells for
        self.id = f"{self.market}/auction"
        self.protocol = protocol.id
        self.asset, self.debt_asset = asset, protocol.settings.dollar
        self.debt_token = protocol.dollar.address
        self.lots: dict[str, Lot] = {}
        self._chain = genesis.chain
        token, dollar = genesis.token(asset), protocol.dollar
        libraries = [protocol.engine.abi, dollar.abi, token.abi]
        there = protocol.houses.get(asset)
        if there is not None:
            self.contract = genesis.at(kind, there, libraries)
        else:
            places = (protocol.engine.address, symbol(asset), token.address, dollar.address)
            self.contract = genesis.deploy(kind, *places, *arguments, libraries=libraries)
        self.spender = self.contract.address

    def newest(self) -> Lot | None:
        """See `Auction.newest`."""
        number = int(self.contract.read(self._chain, "auctionCount"))
        owner, amount, to_raise, debt, *rest = self.contract.read(self._chain, "auctions", number)
        if not debt:
            return None
        position = f"{self.market}/{Address(owner)}"
        return Lot(self.lot_id(number), number, position, amount, debt, to_raise, 0, end=rest[-1])

    def read_terms(self, genesis: Genesis) -> None:
        """Of a house that is there already: what it needs to know of its own terms."""
        del genesis

    def on_event(self, event: DecodedEvent, now: int) -> Iterable[Notice]:
        """Mirror a lot and say what became of it."""
        number = event.args.get("auctionId")
        if number is None:
            return
        id = self.lot_id(number)
        if event.name == "AuctionStarted":
            args = event.args
            self.lots[id] = Lot(
                id, number, f"{self.market}/{args['owner']}", args["lot"], args["debt"], args["debtToRaise"], now
            )
            self._started(self.lots[id], now)
            yield Notice("lot_opened", self.protocol, id, {"capability": self.id})
        elif event.name == "AuctionSettled":
            lot = self.lots.pop(id)
            result = {
                "capability": self.id,
                "asset": self.asset,
                "winner": event.args["winner"],
                "amount": event.args["lot"],
                "paid": event.args["paid"],
                "debt": lot.debt,
                "position": lot.position,
            }
            yield Notice("lot_closed", self.protocol, id, result)
        elif id in self.lots:
            self._changed(self.lots[id], event, now)
            yield Notice("lot_changed", self.protocol, id, {"capability": self.id})

    def lot_id(self, number: int) -> str:
        """A lot's name in tables and notices."""
        return f"{self.market}/lot-{number}"

    @abstractmethod
    def _started(self, lot: Lot, now: int) -> None:
        """Fill in what an opened lot does not say of itself."""

    @abstractmethod
    def _changed(self, lot: Lot, event: DecodedEvent, now: int) -> None:
        """Mirror any other event of a lot."""

    def _call(self, lot: Lot, function: str, action: str, gas: int, accepts: dict[str, str], *arguments: Any) -> Call:
        data = self.contract.encode(function, lot.number, *arguments)
        return Call(self.contract.address, data, gas, action, lot.id, accepts)


class EnglishHouse(House):
    """Ascending bids, then bids for less and less of the lot."""

    ascending = True

    def __init__(self, protocol: "Cdp", asset: str, settings: "EnglishSettings", genesis: Genesis) -> None:
        self.minimum_raise = settings.minimum_raise
        self.reset_seconds = self._lifetime = round(settings.auction_minutes * 60)
        super().__init__(
            protocol,
            asset,
            "EnglishAuction",
            genesis,
            to_wad(settings.minimum_raise),
            round(settings.bid_minutes * 60),
            self._lifetime,
        )

    def read_terms(self, genesis: Genesis) -> None:
        """See `House.read_terms`."""
        self.minimum_raise = from_wad(genesis.ask(self.contract, "minimumRaise"))
        self.reset_seconds = self._lifetime = genesis.ask(self.contract, "auctionSeconds")

    def _started(self, lot: Lot, now: int) -> None:
        lot.end = now + self._lifetime

    def _changed(self, lot: Lot, event: DecodedEvent, now: int) -> None:
        if event.name == "BidPlaced":
            args = event.args
            lot.amount, lot.bid, lot.bidder = args["lot"], args["amount"], args["bidder"]
            lot.bid_expiry = args["expiry"]
        elif event.name == "AuctionRestarted":
            lot.end = event.args["end"]

    def bid(self, lot: Lot, amount: int, pay: int) -> Call:
        """See `Auction.bid`."""
        return self._call(lot, "bid", "bid", 250_000, _OUTBID, amount, pay)

    def settle(self, lot: Lot) -> Call:
        """See `Auction.settle`."""
        return self._call(lot, "settle", "settle", 300_000, _OUTBID)

    def restart(self, lot: Lot) -> Call:
        """See `Auction.restart`."""
        return self._call(lot, "restart", "restart", 150_000, _OUTBID)

    def price(self, lot: Lot) -> float | None:
        """See `Auction.price`; an ascending lot costs what is bid."""
        return from_wad(lot.bid) / from_wad(lot.amount)

    def take(self, lot: Lot, amount: int, max_price: int, to: Address) -> Call:
        """Not the way of this house. Raises TypeError."""
        raise TypeError("an ascending auction takes bids")


class DutchHouse(House):
    """A falling price; the first to take pays it."""

    ascending = False

    def __init__(self, protocol: "Cdp", asset: str, settings: "DutchSettings", genesis: Genesis) -> None:
        self.reset_seconds = settings.reset_minutes * 60
        super().__init__(
            protocol,
            asset,
            "DutchAuction",
            genesis,
            to_wad(settings.start_buffer),
            to_wad(settings.step),
            settings.step_seconds,
            to_wad(settings.max_drop),
            round(settings.reset_minutes * 60),
            to_wad(settings.keeper_tip),
            to_wad(settings.keeper_share),
            to_wad(settings.debt_cap),
        )

    def _started(self, lot: Lot, now: int) -> None:
        pass

    def _changed(self, lot: Lot, event: DecodedEvent, now: int) -> None:
        if event.name == "Taken":
            lot.amount = event.args["lotLeft"]
            lot.to_raise = event.args["debtLeft"]
            lot.paid += event.args["paid"]

    def bid(self, lot: Lot, amount: int, pay: int) -> Call:
        """Not the way of this house. Raises TypeError."""
        raise TypeError("a descending auction is taken from, not bid in")

    def settle(self, lot: Lot) -> Call:
        """Not the way of this house. Raises TypeError."""
        raise TypeError("a descending auction settles as it is taken")

    def restart(self, lot: Lot) -> Call:
        """See `Auction.restart`."""
        return self._call(lot, "reset", "reset", 250_000, _TAKEN | FEED_REFUSES)

    def price(self, lot: Lot) -> float | None:
        """See `Auction.price`."""
        try:
            price, needs_reset = self.contract.read(self._chain, "priceOf", lot.number)
        except CallReverted:
            return None
        return None if needs_reset else from_wad(price)

    def take(self, lot: Lot, amount: int, max_price: int, to: Address) -> Call:
        """See `Auction.take`."""
        return self._call(lot, "take", "take", 450_000, _TAKEN, amount, max_price, to, b"")

    def deploy_flash(self, genesis: Genesis, owner: Address) -> Address | None:
        """See `Auction.deploy_flash`."""
        return deploy_flash(genesis, self.asset, self.debt_asset, owner)

    def flash_take(self, borrower: Address, lot: Lot, amount: int, max_price: int, min_profit: int) -> Call:
        """See `Auction.flash_take`."""
        arguments = (self.contract.address, lot.number, amount, max_price, min_profit)
        data = load_artifact("FlashLiquidator").abi.functions["take"].encode(*arguments)
        return Call(borrower, data, 1_200_000, "take", lot.id, _TAKEN | FLASH_FAILS)


def deploy_flash(genesis: Genesis, asset: str, debt_asset: str, owner: Address) -> Address | None:
    """A FlashLiquidator that sells on the pool of the two assets, None where there is no such pool."""
    pool = genesis.pools.get((asset, debt_asset))
    if pool is None:
        return None
    contract = genesis.deploy("FlashLiquidator", genesis.token(debt_asset).address, pool.address)
    genesis.call(contract, "transferOwnership", owner)
    return contract.address
