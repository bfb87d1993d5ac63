"""How much happened on the chain, and what of it failed."""

from simulator.metrics.observations import Observations
from simulator.metrics.registry import metric
from simulator.tables import field

_WEI_PER_GWEI = 1e9


@metric(unit="count", worse=None)
def transactions(seen: Observations) -> int | None:
    """Transactions of agents that are in blocks, reverted ones included."""
    return seen.included if seen.blocks else None


@metric(unit="count", worse=None)
def blocks(seen: Observations) -> int | None:
    """Blocks of the run, empty ones included and missed slots left out."""
    return seen.blocks


@metric(unit="gas", worse=None)
def gas_used(seen: Observations) -> int | None:
    """Gas used by the transactions in blocks, without the background demand."""
    return int(seen.column("blocks", "gas_used").sum()) if seen.blocks else None


@metric(unit="gwei", worse="higher", source="EIP-1559")
def base_fee_gwei_max(seen: Observations) -> float | None:
    """Highest base fee of any block; null where blocks have none (legacy fee mode)."""
    fees = seen.column("blocks", "base_fee")
    return float(fees.max()) / _WEI_PER_GWEI if fees.any() else None


@metric(unit="count", worse="higher")
def reverts(seen: Observations) -> int | None:
    """Transactions in blocks that reverted and paid for their gas; null where no transaction was included."""
    return seen.tables.count("transactions", field("status") == "reverted") if seen.included else None


@metric(unit="count", worse="higher")
def unexpected_reverts(seen: Observations) -> int | None:
    """Reverts with an error that the sender did not allow for: faults to look at. Null as for reverts."""
    unexpected = (field("status") == "reverted") & field("unexpected")
    return seen.tables.count("transactions", unexpected) if seen.included else None
