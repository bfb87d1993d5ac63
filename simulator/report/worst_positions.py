"""The positions that came closest to, or went furthest beyond, being worth less than they owe."""

from dataclasses import dataclass

import numpy as np

from simulator.report.charts.ratios import ratio_scale
from simulator.report.run_tables import Ints, RunTables, floats, integers, texts
from simulator.report.wording import short, usd, utc

ROWS = 10


@dataclass(frozen=True)
class PositionRow:
    """A position at its worst recorded moment."""

    protocol: str
    position: str
    owner: str  # empty where the position is named after it
    ratio: str
    time: str
    equity: str
    underwater: bool  # worth less than it owes


def worst_positions(run: RunTables) -> list[PositionRow]:
    """The ten positions with debt whose health fell lowest, each at that moment, lowest first."""
    table = run.read("positions", ["block", "protocol", "position", "owner", "equity_usd", "required_usd", "health"])
    health, equity = floats(table, "health"), floats(table, "equity_usd")
    candidates = np.flatnonzero(np.isfinite(health) & (floats(table, "required_usd") > 0))
    rows = _lowest_of_each(table, candidates, health)
    protocols, positions, owners = (texts(table.take(rows), name) for name in ("protocol", "position", "owner"))
    times = run.time_of(integers(table, "block")[rows])
    return [
        PositionRow(
            protocol=protocols[place],
            position=short(positions[place]),
            owner="" if owners[place] in positions[place] else short(owners[place]),
            ratio=ratio_scale(run, protocols[place]).show(float(health[row])),
            time=utc(int(times[place])),
            equity=usd(float(equity[row])),
            underwater=bool(equity[row] < 0),
        )
        for place, row in enumerate(rows)
    ]


def _lowest_of_each(table: object, candidates: Ints, health: np.ndarray) -> Ints:
    """The row of the lowest health of each of the worst positions; the earliest where it is met twice."""
    codes = _codes(table, "protocol") * (1 << 32) + _codes(table, "position")
    ordered = candidates[np.argsort(health[candidates], kind="stable")]
    _, first = np.unique(codes[ordered], return_index=True)
    return np.asarray(ordered[np.sort(first)[:ROWS]], dtype=np.int64)


def _codes(table: object, column: str) -> Ints:
    encoded = table[column].combine_chunks()  # type: ignore[index]
    encoded = encoded if hasattr(encoded, "indices") else encoded.dictionary_encode()
    return np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
