"""The tables of a run: what their columns are, and how to read them back from a folder or from memory.

Prices and values in dollars are floats. Chain integers are decimals of 38 digits, never floats. Null is "does not
apply": no index for a transaction that is in no block, no oracle price while the feed reverts, no health without debt.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from simulator.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

TEXT = pa.dictionary(pa.int32(), pa.string())
INTEGER = pa.decimal128(38, 0)

SCHEMAS: Mapping[str, pa.Schema] = {
    "blocks": pa.schema(
        [
            ("block", pa.int64()),
            ("time", pa.int64()),  # [unix s]
            ("base_fee", INTEGER),  # [wei per gas], 0 in legacy mode
            ("gas_used", pa.int64()),  # by the transactions of the transactions table and of set-up
            ("gas_virtual", pa.int64()),  # by the rest of Ethereum
            ("gas_limit", pa.int64()),
            ("transactions", pa.int32()),
            ("price_floor_gwei", pa.float64()),  # the cheapest gas that got in; null while there was room
        ]
    ),
    "transactions": pa.schema(
        [
            ("block", pa.int64()),
            ("index", pa.int32()),  # null if it is not in the block
            ("agent", TEXT),
            ("account", TEXT),
            ("sender", TEXT),
            ("nonce", pa.int64()),
            ("to", TEXT),  # null creates a contract
            ("value", INTEGER),  # [wei]
            ("action", TEXT),
            ("gas_limit", pa.int64()),
            ("gas_used", pa.int64()),  # null if it is not in the block
            ("effective_price", INTEGER),  # [wei per gas], null if it is not in the block
            ("status", TEXT),  # included, reverted, dropped, refused, replaced, expired or pending
            ("reason", TEXT),  # the error of a revert, or why it is not in the block
            ("unexpected", pa.bool_()),  # a revert that its sender did not allow for
            ("submitted", pa.int64()),  # [unix s]
            ("created", TEXT),  # address of the contract it created
        ]
    ),
    "events": pa.schema(
        [
            ("block", pa.int64()),
            ("index", pa.int32()),  # of the transaction; null for a neutral event, which no contract emitted
            ("log", pa.int32()),  # position in the transaction's logs; null likewise
            ("protocol", TEXT),
            ("name", TEXT),
            ("subject", TEXT),
            ("args", pa.string()),  # JSON with sorted keys; integers as decimal text, bytes as 0x and hex
        ]
    ),
    "prices": pa.schema(
        [
            ("block", pa.int64()),
            ("time", pa.int64()),  # [unix s]
            ("asset", TEXT),
            ("exogenous", pa.float64()),  # [usd] without the impact of agents
            ("market", pa.float64()),  # [usd] the reference price
            ("oracle", pa.float64()),  # [usd] what the protocol would use; null if it reverts or there is none
            ("oracle_time", pa.int64()),  # [unix s] when that answer was observed
            ("pool", pa.float64()),  # [usd] on chain
        ]
    ),
    "positions": pa.schema(
        [
            ("block", pa.int64()),
            ("protocol", TEXT),
            ("position", TEXT),
            ("owner", TEXT),
            ("equity_usd", pa.float64()),  # assets less debt at the reference price
            ("required_usd", pa.float64()),  # the equity below which it is unsafe
            ("health", pa.float64()),  # 1 is the edge of unsafe; null if nothing is owed
        ]
    ),
    "measures": pa.schema(
        [
            ("block", pa.int64()),
            ("protocol", TEXT),
            ("subject", TEXT),
            ("name", TEXT),
            ("value", pa.float64()),
        ]
    ),
}


class Tables:
    """The six tables of one run, read a few columns at a time."""

    def __init__(self, source: Path | Mapping[str, pa.Table]) -> None:
        self._source = source

    def read(self, name: str, columns: Sequence[str] | None = None, where: pc.Expression | None = None) -> pa.Table:
        """The rows of a table for which `where` holds, in the order they were recorded; all columns unless said.

        Raises `ConfigError` when the file is missing or broken.
        """
        wanted = list(columns) if columns is not None else SCHEMAS[name].names
        if isinstance(self._source, Path):
            return _read_file(self._source / f"{name}.parquet", wanted, where)
        table = self._source[name]
        return (table if where is None else table.filter(where)).select(wanted)

    def count(self, name: str, where: pc.Expression | None = None) -> int:
        """How many rows of a table there are for which `where` holds. Raises as `read`."""
        return int(self.read(name, SCHEMAS[name].names[:1], where).num_rows)

    def frame(self, name: str) -> "pd.DataFrame":
        """A whole table for pandas: text as categories, integers nullable, chain integers as `Decimal`."""
        import pandas as pd

        nullable = {pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype(), pa.bool_(): pd.BooleanDtype()}
        frame: pd.DataFrame = self.read(name).to_pandas(types_mapper=nullable.get)
        return frame


def _read_file(path: Path, columns: list[str], where: pc.Expression | None) -> pa.Table:
    try:
        return pq.read_table(path, columns=columns, filters=where)
    except (OSError, pa.ArrowException) as error:
        what = f"cannot be read: {str(error).splitlines()[0]}" if path.exists() else "is missing"
        raise ConfigError(f"{path.name} {what}", where=str(path.parent), mend="run the scenario again") from error


def field(name: str) -> Any:
    """A column, for the conditions of `Tables.read`."""
    return ds.field(name)
