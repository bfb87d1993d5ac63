"""Our hedged vault as agents see it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from simulator.chain.base import CallReverted
from simulator.chain.types import Address
from simulator.protocols.base import Call, Vault
from simulator.protocols.feeds import FEED_REFUSES
from simulator.protocols.genesis import Contract, Genesis
from simulator.protocols.vault_book import SHARE_OF_ASSET
from simulator.units import from_wad, to_wad

if TYPE_CHECKING:
    from simulator.protocols.vault import VaultProtocol

REASONS = (None, "margin", "withdrawals", "delta", "excess", "price", "time", "idle")  # as in IHedgedVault.Reason

_SETTLED_AT_ONCE = 20

_MOVED = {
    "DepositRefused": "others filled it first, or its value cannot be relied on",
    "WithdrawalRefused": "others left first, or its value cannot be relied on",
    "Slippage": "the market moved while it waited",
    "Illiquid": "the market moved while it waited",
    "NothingMoved": "somebody was first",
    "NotLive": "a market is closed or a price stale",
    "InsufficientBalance": "it was spent meanwhile",
    "TransferFromFailed": "it was spent meanwhile",
    **FEED_REFUSES,
}
_REBALANCE_FAILS = {
    "RebalanceNotDue": "a rival was first, or it is no longer due",
    "Cooldown": "a rival was first",
    "Slippage": "it would have cost too much",
    "DeltaOutsideBand": "the market took too little",
    "NotLive": "a market is closed or a price stale",
    "InsufficientMargin": "the market asks for more margin",
    "InsufficientLiquidity": "the market's pool is too small",
    "OpenInterestExceeded": "the market is full",
    "SkewExceeded": "the market is full on this side",
    "OrderPending": "an order waits",
    "DebtCeilingExceeded": "others drew first",
    "Undercollateralised": "the price moved while it waited",
    "NoSeries": "nothing near enough to what a leg wants is listed",
    "TradingClosed": "a series is about to expire",
    "InventoryExceeded": "the market takes no more of a strike",
    "SettleShortsFirst": "those who wrote have not paid yet",
    "SellBaseFirst": "the market's pool has base to sell first",
    "NotListed": "a series was closed meanwhile",
    **FEED_REFUSES,
}
_OBSERVE_FAILS = {"TooEarly": "somebody was first, or a feed has nothing newer"} | FEED_REFUSES
_GAS, _OVERLAY_GAS = 1, 4  # times what a call of the simplest strategy takes
_ROUTES = tuple(to_wad(share / 4).to_bytes(32, "big") for share in range(5))  # quarters of the trade in spot


class HedgedVault(Vault):
    """The vault as agents see it."""

    share_unit = SHARE_OF_ASSET

    def __init__(self, protocol: "VaultProtocol", contract: Contract, strategy: Contract, genesis: Genesis) -> None:
        settings = protocol.settings
        carry = settings.strategy == "carry"
        self.asset = settings.base if carry else settings.quote
        self.hedged = settings.base if carry else protocol.hedge_asset
        self.id = f"{protocol.id}/{self.asset}"
        self.contract, self.strategy = contract, strategy
        self.token = self.spender = contract.address
        self.holder = strategy.address
        self.tip = settings.execution.tip_usd / genesis.price(self.asset)
        self.max_slippage, self.deposit_cap = settings.execution.max_slippage, settings.deposit_cap
        self.withdrawal_seconds = settings.withdrawal_minutes * 60
        self.observed_every = settings.cross.interval_minutes * 60 if settings.strategy == "cross" else 0.0
        self._gas = _OVERLAY_GAS if settings.strategy == "overlay" else _GAS
        self._protocol = protocol
        self._chain = genesis.chain

    def _call(self, function: str, *args: Any, gas: int, accepts: Mapping[str, str] = _MOVED) -> Call:
        data = self.contract.encode(function, *args)
        return Call(self.contract.address, data, gas, f"vault-{function}", self.id, accepts)

    def read(self, function: str, *args: Any) -> Any:
        """The answer of a view. Raises CallReverted."""
        return self.contract.read(self._chain, function, *args)

    def deposit(self, owner: Address, assets: int) -> Call:
        """See `Vault.deposit`."""
        return self._call("deposit", assets, owner, gas=600_000 * self._gas)

    def withdraw(self, owner: Address, assets: int) -> Call:
        """See `Vault.withdraw`."""
        return self._call("withdraw", assets, owner, owner, gas=1_500_000 * self._gas)

    def request(self, owner: Address, shares: int) -> Call:
        """See `Vault.request`."""
        return self._call("requestRedeem", shares, owner, owner, gas=600_000 * self._gas)

    def settle(self) -> Call:
        """See `Vault.settle`."""
        return self._call("settle", _SETTLED_AT_ONCE, gas=2_500_000 * self._gas)

    def claim(self, owner: Address) -> Call:
        """See `Vault.claim`."""
        return self._call("claim", owner, gas=150_000)

    def rebalance(self, data: bytes = b"") -> Call:
        """See `Vault.rebalance`."""
        return self._call("rebalance", data, gas=2_500_000 * self._gas, accepts=_REBALANCE_FAILS)

    def due(self) -> str | None:
        """See `Vault.due`."""
        due, reason = self.read("rebalanceDue")
        return REASONS[reason] if due else None

    def exposure(self) -> tuple[float, float, float]:
        """See `Vault.exposure`."""
        delta, gamma, vega = self.read("exposure")
        return from_wad(delta), from_wad(gamma), from_wad(vega)

    def nav(self) -> float:
        """See `Vault.nav`."""
        return from_wad(self.read("totalAssets"))

    def drift(self) -> float:
        """See `Vault.drift`."""
        return from_wad(self.read("relativeDelta"))

    def share_price(self) -> float:
        """See `Vault.share_price`. Mirrored, at the prices that the contracts use."""
        return self._protocol.share_price()

    def value_of(self, shares: int) -> int | None:
        """See `Vault.value_of`."""
        try:
            return int(self.read("convertToAssets", shares))
        except CallReverted:
            return None

    def queue(self) -> float:
        """See `Vault.queue`. Mirrored."""
        shares = self._protocol.book.shares
        return shares.queued / shares.supply if shares.supply else 0.0

    def shares_of(self, owner: Address) -> int:
        """See `Vault.shares_of`."""
        return int(self.read("balanceOf", owner))

    def liquid(self, owner: Address) -> int:
        """See `Vault.liquid`."""
        return int(self.read("maxWithdraw", owner))

    def claimable(self, owner: Address) -> int:
        """See `Vault.claimable`."""
        return int(self.read("claimable", owner))

    def waiting(self) -> int:
        """See `Vault.waiting`."""
        return int(self.read("queuedShares"))

    def can_settle(self) -> bool:
        """See `Vault.can_settle`."""
        try:
            return bool(self.read("settle", _SETTLED_AT_ONCE))
        except CallReverted:
            return False

    def may_be_due(self) -> bool:
        """See `Vault.may_be_due`. Whether those who wait can be served only the chain knows."""
        return self._protocol.alarmed or self._protocol.book.shares.queued > 0

    def route(self) -> bytes:
        """See `Vault.route`: the share of a correction of delta that is made in spot."""
        settings = self._protocol.settings
        if settings.execution.style != "routed" or settings.strategy in ("carry", "overlay"):
            return b""
        if abs(self.drift()) <= settings.triggers.band:
            return b""
        costs = {data: cost for data in _ROUTES if (cost := self._cost(data)) is not None}
        return min(costs, key=lambda data: costs[data], default=b"")

    def _cost(self, data: bytes) -> int | None:
        """Value that a rebalance would lose now [asset wad], None where it would revert."""
        try:
            outcome = self.read("previewRebalance", data)
        except CallReverted:
            return None
        return int(outcome[3]) - int(outcome[4])

    def observe(self) -> Call | None:
        """See `Vault.observe`."""
        if not self.observed_every:
            return None
        data = self.strategy.encode("observe")
        return Call(self.strategy.address, data, 250_000, "vault-observe", self.id, _OBSERVE_FAILS)
