"""What goes into a block and what comes out of it.

Plain tuples and slotted classes: one of each is made for every transaction, so their cost is the simulator's.
"""

from typing import Any, Final, Literal, NamedTuple


class Address(str):
    """A 20-byte account address, canonical from birth: 0x and 40 lower-case hex digits."""

    __slots__ = ()

    def __new__(cls, value: str | bytes) -> "Address":
        """From text of any case or 20 raw bytes. Raises ValueError."""
        text = "0x" + value.hex() if isinstance(value, bytes) else value.lower()
        if len(text) != 42 or not text.startswith("0x") or not set(text[2:]) <= _HEX:
            raise ValueError(f"{value!r} is not a 20-byte address")
        return str.__new__(cls, text)

    @property
    def raw(self) -> bytes:
        """The 20 bytes."""
        return bytes.fromhex(self[2:])


_HEX: Final = frozenset("0123456789abcdef")
ZERO_ADDRESS: Final = Address("0x" + "00" * 20)


class BlockEnv(NamedTuple):
    """The header a block is executed under."""

    number: int
    timestamp: int  # [s] since 1970
    base_fee: int  # [wei per gas], 0 in legacy mode
    gas_limit: int


class Transaction(NamedTuple):
    """A transaction as its sender signed it. In legacy mode both fees are the gas price."""

    sender: Address
    nonce: int
    to: Address | None  # None creates a contract
    data: bytes
    value: int  # [wei]
    gas: int  # the limit
    max_fee: int  # [wei per gas]
    max_tip: int  # [wei per gas]

    def effective_tip(self, base_fee: int) -> int:
        """What the block's builder earns per gas (EIP-1559); negative when the fee cap is below the base fee."""
        return min(self.max_tip, self.max_fee - base_fee)


class Virtual(NamedTuple):
    """Gas of the rest of Ethereum: room that is taken at a tip, without a transaction.

    It stands for many small transactions, so what fits of it is used when not all of it does.
    """

    gas: int
    tip: int  # [wei per gas]


class Bundle(NamedTuple):
    """Transactions that run in order without another between them, all or none."""

    transactions: tuple[Transaction, ...]


Candidate = Transaction | Virtual | Bundle


class Log(NamedTuple):
    """An event as the chain keeps it."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes


class Receipt:
    """An included transaction. `logs` are read from the engine's result when first asked for."""

    __slots__ = ("_logs", "created", "effective_price", "gas_used", "output", "status", "transaction")

    def __init__(
        self,
        transaction: Transaction,
        status: bool,
        gas_used: int,
        effective_price: int,
        output: bytes,
        logs: Any,  # decoded ones, or what has the engine's
        created: Address | None = None,
    ) -> None:
        self.transaction = transaction
        self.status = status
        self.gas_used = gas_used
        self.effective_price = effective_price  # [wei per gas]
        self.output = output  # returned data, or the revert data where status is False
        self._logs = logs
        self.created = created

    @property
    def logs(self) -> tuple[Log, ...]:
        """The events in order; none of a reverted transaction."""
        if type(self._logs) is not tuple:
            self._logs = _decode_logs(self._logs.logs)
        return self._logs


def _decode_logs(engine_logs: list[Any]) -> tuple[Log, ...]:
    return tuple([_decode_log(log) for log in engine_logs])


def _decode_log(log: Any) -> Log:
    topics, data = log.data
    text = log.address
    return Log(_emitters.get(text) or _emitters.setdefault(text, Address(text)), tuple(topics), data)


_emitters: dict[str, Address] = {}  # contracts are few, and checking an address costs a microsecond


Reason = Literal[
    "gas limit does not fit",  # passed over: stays in the pool
    "nonce gap",  # passed over: an earlier one of the sender is missing or was passed over
    "fee cap below base fee",  # passed over: waits for a cheaper block
    "nonce too low",  # dropped: the nonce was used
    "insufficient funds",  # dropped: the sender cannot pay value and gas
    "intrinsic gas too low",  # dropped: the limit does not cover the transaction itself
    "init code too large",  # dropped: no creation may carry so much
    "bundle reverted",  # dropped: one of the bundle failed, so none of it happened
]


class Skipped(NamedTuple):
    """A candidate that is not in the block; `dropped` ones never will be."""

    candidate: Transaction | Bundle
    reason: Reason
    dropped: bool


class Filled(NamedTuple):
    """How much of a virtual candidate's gas the block took."""

    candidate: Virtual
    gas_used: int


class BundleReceipt(NamedTuple):
    """An included bundle: the receipts of its transactions in order."""

    candidate: Bundle
    receipts: tuple[Receipt, ...]


Outcome = Receipt | Skipped | Filled | BundleReceipt
