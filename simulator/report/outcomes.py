"""What became of the transactions: by agent, and why those that failed did."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulator.report.run_tables import RunTables

STATUSES = ("included", "reverted", "dropped", "refused", "replaced", "expired", "pending")
WEI_PER_ETHER = 1e18


@dataclass(frozen=True)
class AgentRow:
    """The transactions of one agent."""

    agent: str
    counts: dict[str, int]  # by status
    gas_used: int
    fees: float  # [ether]

    @property
    def total(self) -> int:
        """All of its transactions."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class FailureRow:
    """Transactions that failed alike."""

    outcome: str
    agent: str
    action: str
    reason: str
    unexpected: bool
    count: int


@dataclass(frozen=True)
class Outcomes:
    """The transactions of a run, counted."""

    agents: tuple[AgentRow, ...]
    statuses: tuple[str, ...]  # those that occur
    failures: tuple[FailureRow, ...]  # unexpected ones first, then the most frequent

    @property
    def unexpected(self) -> int:
        """How many reverts no agent allowed for."""
        return sum(row.count for row in self.failures if row.unexpected)


def count_outcomes(run: RunTables) -> Outcomes:
    """Count the transactions of a run."""
    columns = ["agent", "action", "status", "reason", "unexpected", "gas_used", "effective_price"]
    table = run.read("transactions", columns)
    table = table.set_column(0, "agent", _filled(table["agent"]))
    fees = np.nan_to_num(_float(table["gas_used"]) * _float(table["effective_price"])) / WEI_PER_ETHER
    table = table.append_column("fees", pa.array(fees))
    found = tuple(status for status in STATUSES if status in set(pc.unique(_filled(table["status"])).to_pylist()))
    return Outcomes(_by_agent(table), found, _failures(table))


def _filled(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(column.cast(pa.string()), "")


def _float(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)


def _by_agent(table: pa.Table) -> tuple[AgentRow, ...]:
    plain = table.set_column(table.schema.get_field_index("status"), "status", _filled(table["status"]))
    groups = plain.group_by(["agent", "status"]).aggregate([("gas_used", "sum"), ("fees", "sum"), ([], "count_all")])
    agents: dict[str, AgentRow] = {}
    for group in groups.to_pylist():
        row = agents.get(group["agent"]) or AgentRow(group["agent"], {}, 0, 0.0)
        agents[row.agent] = AgentRow(
            row.agent,
            {**row.counts, group["status"]: group["count_all"]},
            row.gas_used + (group["gas_used_sum"] or 0),
            row.fees + group["fees_sum"],
        )
    return tuple(sorted(agents.values(), key=lambda row: row.agent))


def _failures(table: pa.Table) -> tuple[FailureRow, ...]:
    keys = ["status", "agent", "action", "reason", "unexpected"]
    failed = table.select(keys)
    for place, key in enumerate(keys[:4]):
        failed = failed.set_column(place, key, _filled(failed[key]))
    groups = failed.filter(pc.is_in(failed["status"], pa.array(["reverted", "dropped", "refused"]))).group_by(keys)
    rows = [
        FailureRow(row["status"], row["agent"], row["action"], row["reason"], bool(row["unexpected"]), row["count_all"])
        for row in groups.aggregate([([], "count_all")]).to_pylist()
    ]
    return tuple(sorted(rows, key=lambda row: (not row.unexpected, -row.count, row.outcome, row.agent, row.reason)))
