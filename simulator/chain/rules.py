"""When a transaction may enter a block, whatever chain executes it."""

from typing import Final

from simulator.chain.types import Reason, Skipped, Transaction

LARGEST_INIT_CODE: Final = 49_152  # [bytes] of a creation (EIP-3860)
_DROPPED: Final[frozenset[Reason]] = frozenset(
    ("nonce too low", "insufficient funds", "intrinsic gas too low", "init code too large", "bundle reverted")
)


def intrinsic_gas(tx: Transaction) -> int:
    """What a transaction costs before it runs (EIP-2028; creation by EIP-2 and EIP-3860)."""
    zeros = tx.data.count(0)
    gas = 21_000 + 4 * zeros + 16 * (len(tx.data) - zeros)
    return gas if tx.to is not None else gas + 32_000 + 2 * ((len(tx.data) + 31) // 32)


def unfit(tx: Transaction) -> Reason | None:
    """Why a transaction can never be included, whatever the state."""
    if tx.gas < intrinsic_gas(tx):
        return "intrinsic gas too low"
    return "init code too large" if tx.to is None and len(tx.data) > LARGEST_INIT_CODE else None


def refusal(tx: Transaction, expected_nonce: int, gas_left: int, base_fee: int) -> Reason | None:
    """Why a transaction cannot be next in a block, its sender's funds aside; None where it can."""
    if tx.nonce != expected_nonce:
        return "nonce too low" if tx.nonce < expected_nonce else "nonce gap"
    if tx.gas > gas_left:
        return "gas limit does not fit"
    if tx.max_fee < base_fee:
        return "fee cap below base fee"
    # The cheap bound settles nearly every call; only a tight limit or a creation needs a closer look.
    return unfit(tx) if tx.to is None or tx.gas < 21_000 + 16 * len(tx.data) else None


def skipped(candidate: Transaction, reason: Reason) -> Skipped:
    """A candidate that is left out for a reason: for good, or until a later block."""
    return Skipped(candidate, reason, reason in _DROPPED)


def most_it_costs(tx: Transaction) -> int:
    """The ether [wei] that the sender must have (EIP-1559)."""
    return tx.gas * tx.max_fee + tx.value
