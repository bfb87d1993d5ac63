"""What befell accounts of perpetual markets: liquidations from unsafe to closed, deleveraging, socialised loss.

As in `simulator.liquidations` an account is watched at the reference price, and the rows are protocol-neutral.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from simulator.chain.types import Receipt
from simulator.liquidations import NeutralEvent
from simulator.protocols.base import Notice, Perp
from simulator.protocols.perps_book import MarginWatch
from simulator.units import from_wad


class PerpLog:
    """Follows every perpetual market of a world."""

    FOLLOWED = frozenset(["perp_liquidation", "margin", "adl", "socialised"])  # the notices it wants

    def __init__(self, perps: Iterable[Perp], market: Any) -> None:
        self._perps = {perp.id: perp for perp in perps}
        self._market = market
        self.filled = 0  # so far
        self._watches: dict[str, MarginWatch] = {id: perp.watch() for id, perp in self._perps.items()}
        self._unsafe_since: dict[str, int] = {}  # account -> block
        self._changed: list[tuple[str, str]] = []  # market and account since the last block
        self._gas_usd: defaultdict[tuple[str, str], float] = defaultdict(float)  # by sender and account

    def advance(self, block: int, now: int) -> None:
        """Move to the reference prices of a block."""
        for id, watch in self._watches.items():
            perp = self._perps[id]
            frame = perp.frame(now, self._market.price(perp.asset))
            if frame is None:
                continue
            fallen, recovered = watch.advance(frame)
            for account in fallen:
                self._unsafe_since.setdefault(account, block)
            for account in recovered:
                self._unsafe_since.pop(account, None)
        for id, account in self._changed:
            if account not in self._watches[id]:
                self._unsafe_since.pop(account, None)
        self._changed.clear()

    def spent(self, receipt: Receipt, subject: str, ether_usd: float) -> None:
        """Book the gas of a transaction that acted on an account."""
        if self._perps:
            cost = receipt.gas_used * receipt.effective_price * 1e-18 * ether_usd
            self._gas_usd[receipt.transaction.sender, subject] += cost

    def on_notice(self, notice: Notice, block: int) -> list[NeutralEvent]:
        """The neutral rows of what befell an account or a pool, none for anything else it follows."""
        args = notice.args
        if notice.kind == "margin":
            self._changed.append((args["capability"], notice.subject))
            return []
        usd = self._market.price(self._perps[args["capability"]].margin_asset)
        if notice.kind == "perp_liquidation":
            return [self._liquidated(notice, block, usd)]
        if notice.kind == "socialised":
            return [NeutralEvent("socialised", notice.subject, {"loss_usd": from_wad(args["amount"]) * usd})]
        taken = {"notional_usd": from_wad(args["value"]) * usd, "haircut_usd": from_wad(args["haircut"]) * usd}
        return [NeutralEvent("deleveraged", notice.subject, taken)]

    def _liquidated(self, notice: Notice, block: int, usd: float) -> NeutralEvent:
        self.filled += 1
        args, account = notice.args, notice.subject
        worth = from_wad(args["value"]) * usd
        gas = self._gas_usd.pop((args["liquidator"], account), 0.0)
        filled = {
            "perpetual": True,
            "debt_usd": worth,
            "collateral_usd": worth,
            "profit_usd": from_wad(args["fee"]) * usd - gas,
            "unsafe_block": self._unsafe_since.get(account, block),
            "fill_block": block,
        }
        return NeutralEvent("liquidation", account, filled)

    def unfilled(self) -> list[NeutralEvent]:
        """Rows for what was unsafe and never closed; for the end of a run."""
        nothing = {"perpetual": True, "debt_usd": 0.0, "collateral_usd": 0.0, "profit_usd": 0.0, "fill_block": None}
        return [
            NeutralEvent("liquidation", account, {**nothing, "unsafe_block": since})
            for account, since in self._unsafe_since.items()
        ]
