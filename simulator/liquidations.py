"""From unsafe to filled: when each position could have been liquidated, when it was, and what that earned.

Watches positions at the reference price, which is the truth that a feed follows, and writes protocol-neutral rows for
each fill and each settled lot.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from simulator.chain.types import Receipt
from simulator.protocols.base import Lending, Lot, Notice
from simulator.protocols.positions import SafetyWatch
from simulator.units import from_wad

FOLLOWED = frozenset(["liquidation", "lot_closed", "position"])  # the notices it wants


class NeutralEvent(NamedTuple):
    """One row for the events table."""

    name: str
    subject: str
    args: Mapping[str, Any]


class _Seized(NamedTuple):
    lending: Lending
    position: str
    since: int  # block


class LiquidationLog:
    """Follows every lending market of a world."""

    def __init__(self, lendings: Iterable[Lending], market: Any) -> None:
        self._lendings = {lending.id: lending for lending in lendings}
        self._market = market
        self.filled = 0  # so far, lots that were sold at auction among them
        self._watches: dict[str, SafetyWatch] = {
            id: lending.book.watch(lending.liquidation_ratio) for id, lending in self._lendings.items()
        }
        self._levels = dict.fromkeys(self._lendings, float("inf"))
        self._unsafe_since: dict[tuple[str, str], int] = {}  # (lending, position) -> block
        self._seized: dict[tuple[str, str], _Seized] = {}  # by protocol and lot
        self._gas_usd: defaultdict[tuple[str, str], float] = defaultdict(float)  # by account and subject

    def adopt(self, protocol: str, lot: Lot, block: int) -> None:
        """Follow a lot that is open already, as a fork may have some."""
        lending = next((each for id, each in self._lendings.items() if lot.position.startswith(f"{id}/")), None)
        if lending is not None:
            self._seized[protocol, lot.id] = _Seized(lending, lot.position, block)

    def advance(self, block: int, now: int) -> None:
        """Move to the reference prices of a block."""
        price = self._market.price
        for id, watch in self._watches.items():
            lending = self._lendings[id]
            level = self._levels[id] = price(lending.asset) / (price(lending.debt_asset) * lending.index(now))
            fallen, recovered = watch.advance(level)
            for position in fallen:
                self._unsafe_since.setdefault((id, position), block)
            for position in recovered:
                self._unsafe_since.pop((id, position), None)

    def spent(self, receipt: Receipt, subject: str, ether_usd: float) -> None:
        """Book the gas of a transaction that acted on a position or lot."""
        cost = receipt.gas_used * receipt.effective_price * 1e-18 * ether_usd
        self._gas_usd[receipt.transaction.sender, subject] += cost

    def on_notice(self, notice: Notice, block: int) -> list[NeutralEvent]:
        """The neutral rows of a liquidation or a settled lot, none for anything else it follows."""
        rows: list[NeutralEvent] = []
        if notice.kind == "lot_closed":
            return self._settled(notice, block)
        if notice.kind == "liquidation":
            rows = self._liquidated(notice, block)
        if notice.kind in ("liquidation", "position"):
            self._forget_if_safe(notice.args["capability"], notice.subject)
        return rows

    def _forget_if_safe(self, id: str, position: str) -> None:
        lending = self._lendings[id]
        now = lending.book.get(position)
        if now is None or lending.liquidation_ratio * now.critical <= self._levels[id]:
            self._unsafe_since.pop((id, position), None)

    def _liquidated(self, notice: Notice, block: int) -> list[NeutralEvent]:
        args = notice.args
        lending = self._lendings[args["capability"]]
        since = self._unsafe_since.get((lending.id, notice.subject), block)
        seized = _Seized(lending, notice.subject, since)
        if args["lot"]:
            self._seized[notice.protocol, args["lot"]] = seized
            return []
        gas = self._gas_usd.pop((args["liquidator"], notice.subject), 0.0)
        return [
            NeutralEvent(
                "liquidation", notice.subject, self._fill(seized, args["debt"], args["collateral"], gas, block)
            )
        ]

    def _settled(self, notice: Notice, block: int) -> list[NeutralEvent]:
        args = notice.args
        seized = self._seized.pop((notice.protocol, notice.subject), None)
        if seized is None:
            return []
        gas = self._gas_usd.pop((args["winner"], notice.subject), 0.0)
        fill = self._fill(seized, args["paid"], args["amount"], gas, block)
        # Against the whole lot: what a reverse phase gives back to the owner was not sold for nothing.
        settled = {"paid_usd": fill["debt_usd"], "collateral_usd": fill["collateral_usd"], "position": seized.position}
        return [
            NeutralEvent("liquidation", seized.position, {**fill, "lot": notice.subject}),
            NeutralEvent("auction_settled", notice.subject, settled),
        ]

    def _fill(self, seized: _Seized, paid: int, collateral: int, gas_usd: float, block: int) -> dict[str, Any]:
        self.filled += 1
        lending, market, amount = seized.lending, self._market, from_wad(collateral)
        debt_usd = from_wad(paid) * market.price(lending.debt_asset)
        return {
            "debt_usd": debt_usd,
            "collateral_usd": amount * market.price(lending.asset),
            "profit_usd": float(market.quote_sell(lending.asset, amount)) - debt_usd - gas_usd,
            "unsafe_block": seized.since,
            "fill_block": block,
        }

    def unfilled(self) -> list[NeutralEvent]:
        """Rows for what was unsafe, or at auction, and never filled; for the end of a run."""
        waiting = [(position, since) for (_, position), since in self._unsafe_since.items()]
        waiting += [(seized.position, seized.since) for seized in self._seized.values()]
        nothing = {"debt_usd": 0.0, "collateral_usd": 0.0, "profit_usd": 0.0, "fill_block": None}
        return [
            NeutralEvent("liquidation", position, {**nothing, "unsafe_block": since}) for position, since in waiting
        ]
