"""What befell accounts of clearinghouses: from below maintenance margin to taken, in protocol-neutral rows.

Margins are looked at by the prices of the feeds, for what a book needs only the chain can say. A book that is taken
counts as a liquidation of all that it was on.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from simulator.chain.types import Receipt
from simulator.liquidations import NeutralEvent
from simulator.protocols.base import Notice
from simulator.protocols.margin_capability import Margin
from simulator.units import from_wad


class MarginLog:
    """Follows every clearinghouse of a world."""

    FOLLOWED = frozenset(["unsafe", "book_auction", "book_auction_ended", "book_taken", "waterfall"])

    def __init__(self, houses: Iterable[Margin], market: Any) -> None:
        self._houses = {house.id: house for house in houses}
        self._market = market
        self.filled = 0  # so far
        self._unsafe_since: dict[str, int] = {}  # account -> block
        self._ended: dict[str, int] = {}  # the same of those whose auction has ended: taken, as follows, or safe
        self._gas_usd: defaultdict[str, float] = defaultdict(float)  # by account, of the auction and its taker

    def spent(self, receipt: Receipt, subject: str, ether_usd: float) -> None:
        """Book the gas of a transaction that acted on an account."""
        if subject in self._unsafe_since:
            self._gas_usd[subject] += receipt.gas_used * receipt.effective_price * 1e-18 * ether_usd

    def on_notice(self, notice: Notice, block: int) -> list[NeutralEvent]:
        """The neutral rows of a book that was taken and of a loss that nobody paid, none for anything else."""
        house, account = self._houses.get(notice.args.get("capability", "")), notice.subject
        if house is None:
            return []
        usd = self._market.price(house.margin_asset)
        if notice.kind == "book_taken":
            return [self._taken(notice, block, usd)]
        if notice.kind == "waterfall":
            lost = {"loss_usd": from_wad(notice.args["amount"]) * usd}
            return [NeutralEvent("socialised", account, lost)] if notice.args["step"] == "recorded" else []
        if notice.kind == "book_auction_ended":
            self._ended[account] = self._unsafe_since.pop(account, block)
        else:
            self._unsafe_since.setdefault(account, block)
            self._ended.pop(account, None)
        return []

    def _taken(self, notice: Notice, block: int, usd: float) -> NeutralEvent:
        self.filled += 1
        args = notice.args
        gained = from_wad(args["equity"] - args["paid"] + args["received"]) * usd
        filled = {
            "book": True,
            "debt_usd": args["notional"],
            "collateral_usd": args["notional"],
            "profit_usd": gained - self._gas_usd.pop(notice.subject, 0.0),
            "unsafe_block": self._ended.pop(notice.subject, block),
            "fill_block": block,
        }
        return NeutralEvent("liquidation", notice.subject, filled)

    def unfilled(self) -> list[NeutralEvent]:
        """Rows for what is unsafe still; for the end of a run."""
        nothing = {"book": True, "debt_usd": 0.0, "collateral_usd": 0.0, "profit_usd": 0.0, "fill_block": None}
        unsafe = {id for house in self._houses.values() for id in [*house.unsafe(), *house.auctions()]}
        return [
            NeutralEvent("liquidation", account, {**nothing, "unsafe_block": since})
            for account, since in self._unsafe_since.items()
            if account in unsafe
        ]
