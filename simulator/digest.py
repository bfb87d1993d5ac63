"""One number for all that happened on the chain: equal digests are equal runs, on any backend.

Version 1 is the SHA-256 of the records below, one after the other, integers big-endian and of fixed width.

    start        "wavetank", version u8
    block        "B", number u64, timestamp u64, base fee u256, gas used u64 (background demand included),
                 transactions u32
    transaction  "T", sender 20 bytes, nonce u64, has recipient u8, recipient 20, value u256, SHA-256 of the input,
                 status u8, gas used u64, effective price u256, has created u8, created address 20, logs u32
    log          address 20, topics u8, data length u64, each topic 32, data
    end          "E", accounts u64; each in order of address: address 20, balance u256, nonce u64

A block is followed by its transactions (those of a bundle in order), a transaction by its logs. An absent address is
20 zero bytes. Nothing else is in it: no hash of a transaction, block or state, and nothing that was not included.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from struct import Struct

from simulator.chain.types import Address, BlockEnv, BundleReceipt, Log, Outcome, Receipt

VERSION = 1

_BLOCK = Struct(">cQQ32sQI").pack
_TRANSACTION = Struct(">c20sQ?20s32s32s?Q32s?20sI").pack
_LOG = Struct(">20sBQ").pack
_END = Struct(">cQ").pack
_ACCOUNT = Struct(">20s32sQ").pack
_NOBODY = bytes(20)
_ZERO = bytes(32)


@lru_cache(maxsize=1 << 16)
def _raw(address: str) -> bytes:
    return bytes.fromhex(address[2:])


@lru_cache(maxsize=1 << 12)
def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


class Digest:
    """Fed block by block; `hexdigest` once it has been given the accounts at the end."""

    def __init__(self, version: int = VERSION) -> None:
        if version != VERSION:
            raise ValueError(f"digest version {version} is unknown: this program writes {VERSION}")
        self.version = version
        self._hash = sha256(b"wavetank" + bytes([version]))
        self._finished = False

    def block(self, env: BlockEnv, gas_used: int, outcomes: Sequence[Outcome]) -> None:
        """Add a block. `gas_used` includes background demand; outcomes that are not in the block are left out."""
        self._open()
        receipts = list(included(outcomes))
        parts = [_BLOCK(b"B", env.number, env.timestamp, _word(env.base_fee), gas_used, len(receipts))]
        for receipt in receipts:
            _add_transaction(parts, receipt)
        self._hash.update(b"".join(parts))

    def finish(self, accounts: Iterable[tuple[Address, int, int]]) -> None:
        """Add what accounts hold at the end: (address, balance [wei], nonce), each once, in any order."""
        self._open()
        entries = list(accounts)
        held = {_raw(address): (wei, nonce) for address, wei, nonce in entries}
        if len(held) != len(entries):
            raise ValueError("an account is given twice")
        self._hash.update(_END(b"E", len(held)))
        for raw in sorted(held):
            wei, nonce = held[raw]
            self._hash.update(_ACCOUNT(raw, wei.to_bytes(32, "big"), nonce))
        self._finished = True

    def hexdigest(self) -> str:
        """The digest, 64 hex digits. Raises ValueError before `finish`."""
        if not self._finished:
            raise ValueError("the digest has no end yet: call finish first")
        return self._hash.hexdigest()

    def _open(self) -> None:
        if self._finished:
            raise ValueError("the digest is finished")


def receipt_hash(receipt: Receipt) -> bytes:
    """SHA-256 of all that the digest takes of one transaction: two of a place differ where the digests part."""
    parts: list[bytes] = []
    _add_transaction(parts, receipt)
    return sha256(b"".join(parts)).digest()


def included(outcomes: Iterable[Outcome]) -> Iterator[Receipt]:
    """The transactions that are in a block, those of bundles too, in order."""
    for outcome in outcomes:
        if type(outcome) is Receipt:
            yield outcome
        elif type(outcome) is BundleReceipt:
            yield from outcome.receipts


def _add_transaction(parts: list[bytes], receipt: Receipt) -> None:
    tx = receipt.transaction
    to, created, logs = tx.to, receipt.created, receipt.logs
    parts.append(
        _TRANSACTION(
            b"T",
            _raw(tx.sender),
            tx.nonce,
            to is not None,
            _NOBODY if to is None else _raw(to),
            _word(tx.value) if tx.value else _ZERO,
            sha256(tx.data).digest(),
            receipt.status,
            receipt.gas_used,
            _word(receipt.effective_price),
            created is not None,
            _NOBODY if created is None else _raw(created),
            len(logs),
        )
    )
    for log in logs:
        _add_log(parts, log)


def _add_log(parts: list[bytes], log: Log) -> None:
    topics = b"".join(log.topics)
    if len(topics) != 32 * len(log.topics):
        raise ValueError(f"a topic of {log.address} is not 32 bytes long")
    parts += (_LOG(_raw(log.address), len(log.topics), len(log.data)), topics, log.data)
