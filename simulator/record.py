"""What happened in a run, row by row, into its tables.

Rows wait as tuples and become Arrow columns a row group at a time, so that a row costs about a microsecond and memory
stays flat however long the run is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from json.encoder import encode_basestring_ascii
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from simulator.chain.types import Address
from simulator.errors import WavetankError
from simulator.tables import INTEGER, SCHEMAS, TEXT, Tables

GROUP_ROWS = 4096  # 2 million transactions with an event each: 33 MB above the start at most, 52 with twice this
_DECIMAL_BOUND = 10**38


class Recorder:
    """Writes the six tables as Parquet files into `folder`, or keeps them in memory when that is None.

    Amounts are Python integers in the chain's own units, times are unix seconds. A float that is not finite becomes
    null. Raises `WavetankError` when the folder cannot be written to.
    """

    def __init__(self, folder: Path | None = None, *, group_rows: int = GROUP_ROWS) -> None:
        self._folder = folder
        self._group_rows = group_rows
        self._buffers = {name: _Buffer(name, schema, folder) for name, schema in SCHEMAS.items()}
        self._blocks = self._buffers["blocks"]
        self._transactions = self._buffers["transactions"]
        self._events = self._buffers["events"]
        self._prices = self._buffers["prices"]
        self._positions = self._buffers["positions"]
        self._measures = self._buffers["measures"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def add_block(
        self,
        block: int,
        time: int,
        base_fee: int,
        gas_used: int,
        gas_virtual: int,
        gas_limit: int,
        transactions: int,
        price_floor_gwei: float | None,
    ) -> None:
        """One block, also one without transactions. `gas_used` does not include `gas_virtual`."""
        rows = self._blocks.rows
        rows.append((block, time, base_fee, gas_used, gas_virtual, gas_limit, transactions, price_floor_gwei))
        if len(rows) >= self._group_rows:
            self._blocks.flush()

    def add_transaction(
        self,
        block: int,
        index: int | None,
        agent: str,
        account: str,
        sender: str,
        nonce: int,
        to: str | None,
        value: int,
        action: str,
        gas_limit: int,
        gas_used: int | None,
        effective_price: int | None,
        status: str,
        reason: str | None,
        unexpected: bool,
        submitted: int,
        created: str | None = None,
    ) -> None:
        """One transaction of an agent, when it is known what became of it."""
        rows = self._transactions.rows
        rows.append(
            (
                block,
                index,
                agent,
                account,
                sender,
                nonce,
                to,
                value,
                action,
                gas_limit,
                gas_used,
                effective_price,
                status,
                reason or None,
                unexpected,
                submitted,
                created,
            )
        )
        if len(rows) >= self._group_rows:
            self._transactions.flush()

    def add_event(
        self,
        block: int,
        index: int | None,
        log: int | None,
        protocol: str,
        name: str,
        subject: str,
        args: Mapping[str, Any],
    ) -> None:
        """One event: a contract's own, or with `index` None a neutral one of the simulator."""
        rows = self._events.rows
        rows.append((block, index, log, protocol, name, subject, args_json(args)))
        if len(rows) >= self._group_rows:
            self._events.flush()

    def add_price(
        self,
        block: int,
        time: int,
        asset: str,
        exogenous: float,
        market: float,
        oracle: float | None = None,
        oracle_time: int | None = None,
        pool: float | None = None,
    ) -> None:
        """The prices of one asset [usd] after a block."""
        rows = self._prices.rows
        rows.append((block, time, asset, exogenous, market, oracle, oracle_time, pool))
        if len(rows) >= self._group_rows:
            self._prices.flush()

    def add_position(
        self,
        block: int,
        protocol: str,
        position: str,
        owner: str,
        equity_usd: float,
        required_usd: float,
        health: float | None,
    ) -> None:
        """One position of a sample."""
        rows = self._positions.rows
        rows.append((block, protocol, position, owner, equity_usd, required_usd, health))
        if len(rows) >= self._group_rows:
            self._positions.flush()

    def add_positions_array(
        self,
        block: int,
        protocol: str,
        positions: Sequence[str],
        owners: Sequence[str],
        equity_usd: NDArray[np.float64],
        required_usd: NDArray[np.float64],
        health: NDArray[np.float64],
    ) -> None:
        """All positions of a sample, in sequences of one length. Raises ValueError where lengths differ."""
        numbers = (equity_usd.tolist(), required_usd.tolist(), health.tolist())
        if len({len(positions), len(owners), *map(len, numbers)}) != 1:
            raise ValueError("positions, owners, equity_usd, required_usd and health differ in length")
        rows = self._positions.rows
        rows.extend(zip(repeat(block), repeat(protocol), positions, owners, *numbers, strict=False))
        if len(rows) >= self._group_rows:
            self._positions.flush()

    def add_measure(self, block: int, protocol: str, subject: str, name: str, value: float) -> None:
        """One number of a protocol, about `subject` or, if that is empty, about all of it."""
        rows = self._measures.rows
        rows.append((block, protocol, subject, name, value))
        if len(rows) >= self._group_rows:
            self._measures.flush()

    def close(self) -> dict[str, Path]:
        """Write what still waits and finish the files; a second call does nothing. Gives the files by table."""
        for buffer in self._buffers.values():
            buffer.close()
        return {name: self._folder / f"{name}.parquet" for name in SCHEMAS} if self._folder else {}

    def tables(self) -> Tables:
        """What was recorded, for reading. Closes the recorder."""
        self.close()
        if self._folder:
            return Tables(self._folder)
        return Tables({name: buffer.kept() for name, buffer in self._buffers.items()})


class _Buffer:
    """The rows of one table that are not written yet, and where they go."""

    def __init__(self, name: str, schema: pa.Schema, folder: Path | None) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self._name, self._schema, self._folder = name, schema, folder
        self._groups: list[pa.RecordBatch] = []
        self._writer: pq.ParquetWriter | None = None
        if folder is not None:
            try:
                self._writer = pq.ParquetWriter(folder / f"{name}.parquet", schema, compression="zstd")
            except OSError as error:
                raise self._unwritable(error) from error

    def flush(self) -> None:
        """Turn the waiting rows into one row group."""
        if not self.rows:
            return
        columns = zip(*self.rows, strict=True)
        arrays = [_array(self._name, field, column) for field, column in zip(self._schema, columns, strict=True)]
        group = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        self.rows.clear()
        if self._folder is None:
            self._groups.append(group)
        elif self._writer is None:
            raise WavetankError(f"{self._name}.parquet is closed", where=str(self._folder))
        else:
            try:
                self._writer.write_batch(group)
            except OSError as error:
                raise self._unwritable(error) from error

    def close(self) -> None:
        """Flush, and write the file's end."""
        self.flush()
        if self._writer is not None:
            writer, self._writer = self._writer, None
            try:
                writer.close()
            except OSError as error:
                raise self._unwritable(error) from error

    def kept(self) -> pa.Table:
        """The table, if it is kept in memory."""
        return pa.Table.from_batches(self._groups, schema=self._schema).unify_dictionaries()

    def _unwritable(self, error: OSError) -> WavetankError:
        return WavetankError(
            f"{self._name}.parquet cannot be written: {error.strerror or error}",
            where=str(self._folder),
            mend="free the disk, or choose another folder with --out",
        )


def _array(table: str, field: pa.Field, values: Sequence[Any]) -> pa.Array:
    if field.type == TEXT:
        return pa.array(values, type=pa.string()).dictionary_encode()
    if field.type == INTEGER:
        return decimals(values, f"{table}.{field.name}")
    if field.type == pa.float64():
        floats = np.array(values, dtype=np.float64)  # None is NaN
        return pa.array(floats, mask=~np.isfinite(floats))
    return pa.array(values, type=field.type)


def decimals(values: Sequence[int | None], column: str = "value") -> pa.Array:
    """Integers as decimal128(38, 0), without making a `Decimal` of each.

    A decimal128 is a little-endian two's complement of 16 bytes, so 64-bit integers only need their sign spread over
    the upper half. Raises ValueError naming `column` for more than 38 digits.
    """
    validity = None
    nulls = values.count(None)
    whole = values
    if nulls:
        validity = pa.array([value is not None for value in values]).buffers()[1]
        whole = [value or 0 for value in values]
    try:
        low = np.array(whole, dtype=np.int64)
        data = pa.py_buffer(np.column_stack((low, low >> 63)))
    except OverflowError:
        data = pa.py_buffer(_wide(whole, column))
    return pa.Array.from_buffers(INTEGER, len(values), [validity, data], nulls)


def _wide(values: Iterable[Any], column: str) -> bytes:
    for value in values:
        if not -_DECIMAL_BOUND < value < _DECIMAL_BOUND:
            raise ValueError(f"{column} = {value}: more than 38 digits")
    return b"".join([int(value).to_bytes(16, "little", signed=True) for value in values])


_KEYS: dict[tuple[str, ...], list[tuple[str, str]]] = {}


def args_json(args: Mapping[str, Any]) -> str:
    """The arguments of an event as JSON with sorted keys; integers as decimal text, bytes as 0x and hex.

    Floats that are not finite become null. An event's keys are sorted once, which halves its time.
    """
    names = tuple(args)
    keys = _KEYS.get(names)
    if keys is None:
        keys = [(name, f"{encode_basestring_ascii(name)}:") for name in sorted(names)]
        if len(_KEYS) < 4096:
            _KEYS[names] = keys
    parts = []
    for name, key in keys:
        value = args[name]
        parts.append(f'{key}"{value}"' if type(value) is int else key + _value_json(value))
    return "{" + ",".join(parts) + "}"


def _float_json(value: float) -> str:
    # Infinity less itself is NaN, which equals nothing.
    return float.__repr__(value) if value - value == 0 else "null"


def _sequence_json(values: Iterable[Any]) -> str:
    return "[" + ",".join([_value_json(value) for value in values]) + "]"


_ENCODERS: dict[type, Callable[[Any], str]] = {
    int: lambda value: f'"{value}"',
    bool: lambda value: "true" if value else "false",
    str: encode_basestring_ascii,
    Address: encode_basestring_ascii,
    bytes: lambda value: f'"0x{value.hex()}"',
    float: _float_json,
    type(None): lambda _: "null",
    dict: args_json,
    list: _sequence_json,
    tuple: _sequence_json,
}


def _value_json(value: Any) -> str:
    encoder = _ENCODERS.get(type(value))
    if encoder is None:
        if not isinstance(value, np.generic):
            raise TypeError(f"{value!r} of an event has no JSON form")
        return _value_json(value.item())
    return encoder(value)
