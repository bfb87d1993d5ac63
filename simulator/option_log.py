"""What befell writers of options and those they owed: liquidations from unsafe to bought back, and losses.

As in `simulator.liquidations` a position is watched at the reference price, and the rows are protocol-neutral.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from simulator.chain.types import Receipt
from simulator.liquidations import NeutralEvent
from simulator.protocols.base import Notice
from simulator.protocols.option_capability import Options
from simulator.units import from_wad

_MOVE = 0.0005  # of the reference price after which positions are looked at
_LOOK_SECONDS = 60  # and the time after which they are anyway


class OptionLog:
    """Follows every option market of a world."""

    FOLLOWED = frozenset(["option_liquidation", "waterfall", "option_trade", "option_settled", "surface"])

    def __init__(self, markets: Iterable[Options], market: Any) -> None:
        self._options = {options.id: options for options in markets}
        self._market = market
        self._unsafe_since: dict[str, int] = {}  # position -> block
        self._seen: dict[str, tuple[float, int]] = {}  # the price [usd] and the time [unix s] of the last look
        self._gas_usd: defaultdict[tuple[str, str], float] = defaultdict(float)  # by sender and position

    def advance(self, block: int, now: int) -> None:
        """Move to the reference prices of a block."""
        for id, options in self._options.items():
            price = self._market.price(options.asset)
            before, since = self._seen.get(id, (0.0, 0))
            if before and abs(price / before - 1) < _MOVE and now < since + _LOOK_SECONDS:
                continue
            self._seen[id] = price, now
            below = {options.position_name(*place) for place in options.unsafe(price)}
            for name in [name for name in self._unsafe_since if name.startswith(f"{id}/") and name not in below]:
                del self._unsafe_since[name]
            for name in sorted(below):
                self._unsafe_since.setdefault(name, block)

    def spent(self, receipt: Receipt, subject: str, ether_usd: float) -> None:
        """Book the gas of a transaction that acted on a position."""
        if self._options:
            cost = receipt.gas_used * receipt.effective_price * 1e-18 * ether_usd
            self._gas_usd[receipt.transaction.sender, subject] += cost

    def on_notice(self, notice: Notice, block: int) -> list[NeutralEvent]:
        """The neutral rows of what befell a position, none for anything else it follows."""
        options = self._options.get(notice.args.get("capability", ""))
        if options is None:
            return []
        self._seen.pop(options.id, None)
        usd = self._market.price(options.margin_asset)
        if notice.kind == "option_liquidation":
            return [self._liquidated(notice, block, usd)]
        if notice.kind == "waterfall" and notice.args["step"] != "fund":
            return [NeutralEvent("socialised", notice.subject, {"loss_usd": from_wad(notice.args["amount"]) * usd})]
        return []

    def _liquidated(self, notice: Notice, block: int, usd: float) -> NeutralEvent:
        args, position = notice.args, notice.subject
        worth = from_wad(args["cost"]) * usd
        gas = self._gas_usd.pop((args["liquidator"], position), 0.0)
        filled = {
            "option": True,
            "debt_usd": worth,
            "collateral_usd": from_wad(args["cost"] - args["deficit"]) * usd,
            "profit_usd": from_wad(args["reward"]) * usd - gas,
            "unsafe_block": self._unsafe_since.pop(position, block),
            "fill_block": block,
        }
        return NeutralEvent("liquidation", position, filled)

    def unfilled(self) -> list[NeutralEvent]:
        """Rows for what was unsafe and never bought back; for the end of a run."""
        nothing = {"option": True, "debt_usd": 0.0, "collateral_usd": 0.0, "profit_usd": 0.0, "fill_block": None}
        return [
            NeutralEvent("liquidation", position, {**nothing, "unsafe_block": since})
            for position, since in self._unsafe_since.items()
        ]
