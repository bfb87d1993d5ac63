"""What rebalances cost: slippage against the mid when their keeper decided, fees, and gas.

Rows of the measures table, subject the vault's id, one of each name for a rebalance, in dollars:

    rebalance_slippage_usd  value lost against the reference price at which its keeper decided, fees of markets among it
    rebalance_gas_usd       of its transaction
    rebalance_cost_usd      both; the tip only passes from the vault to its keeper
"""

from collections.abc import Iterable, Iterator

from simulator.chain.types import Receipt
from simulator.market import Market
from simulator.protocols.base import Notice, Vault


class RebalanceLog:
    """Follows every vault of a world."""

    def __init__(self, vaults: Iterable[Vault], market: Market) -> None:
        self._vaults = {vault.id: vault for vault in vaults}
        self._market = market
        self._prices: dict[str, list[float]] = {vault.hedged: [] for vault in self._vaults.values()}  # by step
        self._times: list[int] = []  # [unix s] of the steps
        self._decided = 0  # [unix s] when the latest rebalance was sent
        self._gas_usd = 0.0  # that it paid

    def advance(self, now: int) -> None:
        """Remember the reference prices of a step."""
        if self._vaults:
            self._times.append(now)
            for asset, prices in self._prices.items():
                prices.append(self._market.price(asset))

    def spent(self, receipt: Receipt, subject: str, submitted: int, ether_usd: float) -> None:
        """A transaction about `subject`, sent at `submitted` [unix s], whose notices come next."""
        if subject in self._vaults:
            self._decided = submitted
            self._gas_usd = receipt.gas_used * receipt.effective_price * 1e-18 * ether_usd

    def rows(self, notice: Notice) -> Iterator[tuple[str, str, float]]:
        """The rows of a rebalance."""
        vault, args = self._vaults[notice.args["capability"]], notice.args
        usd = self._market.price(vault.asset)
        # The vault counts its loss against the mid at the fill; the decision was made at another.
        decided = self._price_at(vault.hedged, self._decided)
        drift = 1 - decided / args["mid"] if decided else 0.0
        slippage = (args["lost"] + args["moved"] * drift) * usd
        yield vault.id, "rebalance_slippage_usd", slippage
        yield vault.id, "rebalance_gas_usd", self._gas_usd
        yield vault.id, "rebalance_cost_usd", slippage + self._gas_usd
        self._decided, self._gas_usd = 0, 0.0

    def _price_at(self, asset: str, time: int) -> float:
        """The price at the last step that was not after `time` [usd], 0 where there is none."""
        prices = self._prices[asset]
        step = next((step for step in reversed(range(len(prices))) if self._times[step] <= time), None)
        return 0.0 if step is None else prices[step]
