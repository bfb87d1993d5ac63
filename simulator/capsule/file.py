"""A capsule as a file: one line that says what follows and proves it, then a zip of JSON and Parquet.

    wavetank capsule VERSION BYTES SHA256        ASCII, ended by a line feed; bytes and hash are of what follows
    capsule.json                                 everything but the tables; of it `tables` counts their rows
    accounts.parquet                             every address once, and what it holds at the end where the digest says
    openings.parquet                             accounts made known or funded, each before a block
    blocks.parquet                               headers, the virtual gas, how many transactions
    transactions.parquet                         in order, with what became of each
    prices.parquet                               exogenous and market price paths as integers

`tail -n +2 FILE > x.zip` gives the zip. Nothing in it is code. Integers of 256 bits are 32 bytes, big-endian.
"""

import io
import json
import os
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from simulator.capsule.content import MARK_BYTES, Capsule, Expected, Held, Page
from simulator.capsule.tape import Funding, Opening
from simulator.chain.accounts import account
from simulator.chain.types import Address, BlockEnv, Bundle, Transaction
from simulator.digest import VERSION as DIGEST_VERSION
from simulator.errors import ConfigError
from simulator.tables import INTEGER, TEXT

VERSION: Final = 1
_MAGIC: Final = b"wavetank capsule "
_HEAD = re.compile(rb"wavetank capsule (\d{1,9}) (\d{1,15}) ([0-9a-f]{64})\n")
_LONGEST_HEAD: Final = 128
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # of every member, so that equal capsules are equal bytes

_WORD = pa.binary(32)
_ADDRESS = pa.binary(20)
_PLACE = pa.int32()  # of an account in its table
_SCHEMAS: Mapping[str, pa.Schema] = {
    "accounts": pa.schema(
        [("address", _ADDRESS), ("wei", _WORD), ("nonce", pa.int64())]  # wei and nonce of those the digest ends with
    ),
    "openings": pa.schema(
        [("block", pa.int32()), ("account", _PLACE), ("name", pa.string()), ("wei", _WORD)]  # no name: funded only
    ),
    "blocks": pa.schema(
        [
            ("number", pa.int64()),
            ("timestamp", pa.int64()),
            ("base_fee", _WORD),
            ("gas_limit", pa.int64()),
            ("gas_virtual", pa.int64()),
            ("transactions", pa.int32()),
        ]
    ),
    "transactions": pa.schema(
        [
            ("bundle", pa.int32()),  # how many more of the same bundle follow; null for one that is in none
            ("sender", _PLACE),
            ("nonce", pa.int64()),
            ("to", _PLACE),  # null creates a contract
            ("data", pa.binary()),
            ("value", _WORD),
            ("gas", pa.int64()),
            ("max_fee", _WORD),
            ("max_tip", _WORD),
            ("status", pa.bool_()),
            ("gas_used", pa.int64()),
            ("mark", pa.binary(MARK_BYTES)),
            ("agent", TEXT),
            ("action", TEXT),
        ]
    ),
    "prices": pa.schema([("time", pa.int64()), ("asset", TEXT), ("exogenous", INTEGER), ("market", INTEGER)]),
}
_PLAIN: Final = (
    "scenario", "source", "seed", "chain", "fork", "digest", "digest_version", "rule", "metrics", "versions",
    "user_code", "setup",
)  # fmt: skip
# What zip, JSON, Arrow and we raise where the hash is right and whoever wrote it meant something else by it.
_NONSENSE: Final = (
    ArithmeticError, EOFError, LookupError, OSError, RuntimeError, TypeError, ValueError, pa.ArrowException,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
_CONSTANTS: Final = {"name", "gas", "id", "gas_limit", "coinbase"}


# ------------------------------------------------------------------------- writing


def save(capsule: Capsule, path: Path) -> None:
    """Write it beside its place and move it there. Raises ConfigError where that cannot be."""
    data = packed(capsule)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as fault:
        beside.unlink(missing_ok=True)
        what = f"the capsule cannot be written: {fault.strerror or fault}"
        raise ConfigError(what, where=str(path), mend="choose another place") from fault


def packed(capsule: Capsule) -> bytes:
    """The bytes of its file."""
    tables = _tables(capsule)
    about = {key: getattr(capsule, key) for key in _PLAIN}
    about["tables"] = {name: table.num_rows for name, table in tables.items()}
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        text = json.dumps(about, allow_nan=False)
        archive.writestr(zipfile.ZipInfo("capsule.json", _EPOCH), text, zipfile.ZIP_DEFLATED)
        for name, table in tables.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.parquet", _EPOCH), _parquet(table))
    content = body.getvalue()
    head = f"{VERSION} {len(content)} {sha256(content).hexdigest()}\n"
    return _MAGIC + head.encode() + content


def _parquet(table: pa.Table) -> bytes:
    out = pa.BufferOutputStream()
    texts = [column.name for column in table.schema if column.type == TEXT]
    pq.write_table(table, out, compression="zstd", compression_level=15, use_dictionary=texts, write_statistics=False)
    return bytes(out.getvalue())


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _tables(capsule: Capsule) -> dict[str, pa.Table]:
    places: dict[Address, int] = {}

    def place(address: Address) -> int:
        return places.setdefault(address, len(places))

    rows: dict[str, list[tuple[Any, ...]]] = {"openings": [], "blocks": [], "transactions": []}
    for held in capsule.held:
        place(held.address)
    for step in capsule.steps:
        if isinstance(step, Opening):
            opened = (len(rows["blocks"]), place(step.account.address), step.account.name, _word(step.wei))
            rows["openings"].append(opened)
        elif isinstance(step, Funding):
            rows["openings"].append((len(rows["blocks"]), place(step.address), None, _word(step.wei)))
        else:
            number, time, fee, limit = step.env
            rows["blocks"].append((number, time, _word(fee), limit, step.gas_virtual, len(step.expected)))
            for (left, tx), expected in zip(_in_bundles(step), step.expected, strict=True):
                to = None if tx.to is None else place(tx.to)
                fees = (_word(tx.max_fee), _word(tx.max_tip))
                call = (tx.nonce, to, tx.data, _word(tx.value), tx.gas)
                rows["transactions"].append((left, place(tx.sender), *call, *fees, *expected))
    ends = {held.address: (_word(held.wei), held.nonce) for held in capsule.held}
    rows["accounts"] = [(address.raw, *ends.get(address, (None, None))) for address in places]
    found = {name: _table(name, entries) for name, entries in rows.items()}
    return dict(sorted({**found, "prices": capsule.prices.cast(_SCHEMAS["prices"])}.items()))


def _in_bundles(page: Page) -> Iterator[tuple[int | None, Transaction]]:
    for candidate in page.candidates:
        if isinstance(candidate, Bundle):
            yield from zip(reversed(range(len(candidate.transactions))), candidate.transactions, strict=True)
        else:
            yield None, candidate


def _table(name: str, rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    schema = _SCHEMAS[name]
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [
        pa.array(column, pa.string()).dictionary_encode()
        if column_of.type == TEXT
        else pa.array(column, column_of.type)
        for column_of, column in zip(schema, columns, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


# ------------------------------------------------------------------------- reading


def load(path: Path) -> Capsule:
    """The capsule in a file. Raises ConfigError for a file that is none, of another version, cut off or damaged."""
    content = _checked(path)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            about = json.loads(archive.read("capsule.json"))
            tables = {name: _read(archive, name) for name in _SCHEMAS}
        return _capsule(about, tables)
    except _NONSENSE as fault:
        what = f"its content is not that of a capsule: {type(fault).__name__}: {' '.join(str(fault).split())}"
        raise ConfigError(what, where=str(path), mend="make the capsule again") from None


def _checked(path: Path) -> bytes:
    """What stands behind the first line, as it was written."""
    where = str(path)
    try:
        data = path.read_bytes()
    except OSError as fault:
        what = f"cannot be read: {fault.strerror or fault}"
        raise ConfigError(what, where=where, mend="name the file of a capsule") from None
    head = _HEAD.match(data[:_LONGEST_HEAD])
    if not data.startswith(_MAGIC) or (head is None and len(data) > _LONGEST_HEAD):
        raise ConfigError("is no capsule", where=where, mend="name a file that an audit or run --capsule wrote")
    if head is None:
        raise ConfigError("the capsule is cut off", where=where, mend="copy it again")
    version, size, digest = int(head[1]), int(head[2]), head[3].decode()
    if version != VERSION:
        raise _unknown(version, where)
    content = data[head.end() :]
    if len(content) < size:
        what = f"the capsule is cut off: {len(content):,} bytes of {size:,} are there"
        raise ConfigError(what, where=where, mend="copy it again")
    if len(content) > size or sha256(content).hexdigest() != digest:
        raise ConfigError("the capsule is damaged: its hash is another", where=where, mend="copy it again")
    return content


def _unknown(version: int, where: str) -> ConfigError:
    what = f"the capsule is of version {version}, and this program reads {VERSION}"
    if version > VERSION:
        return ConfigError(what, where=where, mend="pip install --upgrade wavetank")
    return ConfigError(what, where=where, mend="make it again: wavetank run SCENARIO --seed N --capsule FILE")


def _read(archive: zipfile.ZipFile, name: str) -> pa.Table:
    table = pq.read_table(pa.BufferReader(archive.read(f"{name}.parquet")))
    table.validate(full=True)
    return table.select(_SCHEMAS[name].names).cast(_SCHEMAS[name])


def _capsule(about: Mapping[str, Any], tables: Mapping[str, pa.Table]) -> Capsule:
    rows = {name: _rows(table) for name, table in tables.items() if name != "prices"}
    counts = {name: table.num_rows for name, table in tables.items()}
    if about["tables"] != counts:
        raise ValueError(f"tables of {counts} rows")
    if about["digest_version"] != DIGEST_VERSION:
        raise ValueError(f"digest version {about['digest_version']} is unknown")
    if set(about["chain"]) != _CONSTANTS:
        raise ValueError(f"a chain of {sorted(about['chain'])}")
    addresses = [Address(raw) for raw, _, _ in rows["accounts"]]
    held = [
        Held(address, int.from_bytes(wei, "big"), nonce)
        for address, (_, wei, nonce) in zip(addresses, rows["accounts"], strict=True)
        if wei is not None
    ]
    steps = list(_steps(about["seed"], addresses, rows))
    return Capsule(**{key: about[key] for key in _PLAIN}, steps=steps, held=held, prices=tables["prices"])


def _rows(table: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _steps(
    seed: int, addresses: Sequence[Address], rows: Mapping[str, Sequence[tuple[Any, ...]]]
) -> Iterator[Opening | Funding | Page]:
    openings, transactions = iter(rows["openings"]), iter(rows["transactions"])
    opening = next(openings, None)
    for place, block in enumerate([*rows["blocks"], None]):
        while opening is not None and opening[0] == place:
            yield _opening(seed, addresses, opening)
            opening = next(openings, None)
        if block is not None:
            yield _page(block, addresses, transactions)
    if opening is not None or next(transactions, None) is not None:
        raise ValueError("rows that belong to no block")


def _opening(seed: int, addresses: Sequence[Address], row: tuple[Any, ...]) -> Opening | Funding:
    _, place, name, wei = row
    if name is None:
        return Funding(addresses[place], int.from_bytes(wei, "big"))
    made = account(seed, name)
    if made.address != addresses[place]:
        raise ValueError(f"{name} of seed {seed} is not at {addresses[place]}")
    return Opening(made, int.from_bytes(wei, "big"))


def _page(block: tuple[Any, ...], addresses: Sequence[Address], rows: Iterator[tuple[Any, ...]]) -> Page:
    number, time, base_fee, limit, virtual, count = block
    candidates: list[Transaction | Bundle] = []
    expected: list[Expected] = []
    bundle: list[Transaction] = []
    for _ in range(count):
        left, sender, nonce, to, data, value, gas, max_fee, max_tip, *became = next(rows)
        tx = Transaction(
            addresses[sender],
            nonce,
            None if to is None else addresses[to],
            data,
            *(int.from_bytes(value, "big"), gas),
            *(int.from_bytes(max_fee, "big"), int.from_bytes(max_tip, "big")),
        )
        expected.append(Expected(*became))
        if left is None:
            candidates.append(tx)
            continue
        bundle.append(tx)
        if not left:
            candidates.append(Bundle(tuple(bundle)))
            bundle = []
    if bundle:
        raise ValueError(f"a bundle without its end in block {number}")
    return Page(BlockEnv(number, time, int.from_bytes(base_fee, "big"), limit), candidates, virtual, expected)
