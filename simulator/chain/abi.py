"""Calldata, return data, events and custom errors, by a contract's ABI.

Functions of static words are encoded from a template (selector and one 32-byte word an argument), which is ten times as
fast as a general encoder; anything dynamic goes through eth_abi.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from eth_abi import abi as eth_abi
from eth_hash.auto import keccak

from simulator.chain.types import Address, Log

Word = Callable[[Any], bytes]


def keccak256(data: bytes) -> bytes:
    """Ethereum's hash."""
    return keccak(data)


def _unsigned(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _signed(value: int) -> bytes:
    return value.to_bytes(32, "big", signed=True)


def _address(value: str) -> bytes:
    return b"\0\0\0\0\0\0\0\0\0\0\0\0" + bytes.fromhex(value[2:])


def _fixed_bytes(value: bytes) -> bytes:
    return value.ljust(32, b"\0")


def _read_unsigned(word: bytes) -> int:
    return int.from_bytes(word, "big")


def _read_signed(word: bytes) -> int:
    return int.from_bytes(word, "big", signed=True)


def _read_address(word: bytes) -> Address:
    return Address(word[12:])


def _read_bool(word: bytes) -> bool:
    return word[31] == 1


def _word_writer(kind: str) -> Word | None:
    if kind.startswith("uint") and "[" not in kind:
        return _unsigned
    if kind.startswith("int") and "[" not in kind:
        return _signed
    if kind == "address":
        return _address
    if kind == "bool":
        return _unsigned
    return _fixed_bytes if kind == "bytes32" else None


def _word_reader(kind: str) -> Callable[[bytes], Any] | None:
    if kind.startswith("uint") and "[" not in kind:
        return _read_unsigned
    if kind.startswith("int") and "[" not in kind:
        return _read_signed
    if kind == "address":
        return _read_address
    if kind == "bool":
        return _read_bool
    return bytes if kind == "bytes32" else None


def canonical_type(parameter: Mapping[str, Any]) -> str:
    """The type as it stands in a signature: tuples written out."""
    kind: str = parameter["type"]
    if kind.startswith("tuple"):
        inner = ",".join(canonical_type(part) for part in parameter["components"])
        return f"({inner}){kind[5:]}"
    return kind


class Codec:
    """Values of a list of types to bytes and back."""

    def __init__(self, parameters: Sequence[Mapping[str, Any]]) -> None:
        self.types = [canonical_type(parameter) for parameter in parameters]
        writers = [_word_writer(kind) for kind in self.types]
        readers = [_word_reader(kind) for kind in self.types]
        self._writers = None if None in writers else [writer for writer in writers if writer]
        self._size = 32 * len(self.types)
        # Where each value stands and what reads it, None where one of them is dynamic.
        self.words = None if None in readers else [(32 * i, reader) for i, reader in enumerate(readers) if reader]

    def encode(self, *values: Any) -> bytes:
        """ABI encoding. Raises TypeError on a wrong count, OverflowError on a value out of range."""
        if len(values) != len(self.types):
            raise TypeError(f"takes {len(self.types)} values ({', '.join(self.types)}), got {len(values)}")
        if self._writers is None:
            return bytes(eth_abi.encode(self.types, values))
        return b"".join([write(value) for write, value in zip(self._writers, values, strict=True)])

    def decode(self, data: bytes) -> tuple[Any, ...]:
        """The values; ValueError where the data is too short."""
        if self.words is None:
            decoded = eth_abi.decode(self.types, data)
            return tuple(Address(v) if t == "address" else v for t, v in zip(self.types, decoded, strict=True))
        if len(data) < self._size:
            raise ValueError(f"{len(data)} bytes are too few for {self.types}")
        return tuple([read(data[at : at + 32]) for at, read in self.words])


class Function:
    """One function of a contract."""

    def __init__(self, entry: Mapping[str, Any]) -> None:
        self.name: str = entry["name"]
        self._inputs = Codec(entry["inputs"])
        self._outputs = Codec(entry.get("outputs", []))
        self.signature = f"{self.name}({','.join(self._inputs.types)})"
        self.selector = keccak256(self.signature.encode())[:4]

    def encode(self, *args: Any) -> bytes:
        """Calldata."""
        return self.selector + self._inputs.encode(*args)

    def decode_input(self, data: bytes) -> tuple[Any, ...]:
        """The arguments in calldata, selector included; ValueError (or eth_abi's error) where it is not well formed."""
        return self._inputs.decode(data[4:])

    def decode(self, output: bytes) -> Any:
        """What the function returned: nothing, one value, or a tuple of several."""
        values = self._outputs.decode(output)
        return values[0] if len(values) == 1 else values or None


class DecodedEvent:
    """An event with its arguments by name, which are decoded when first asked for."""

    __slots__ = ("_args", "_kind", "log", "name")

    def __init__(self, kind: "Event", log: Log) -> None:
        self.name = kind.name
        self.log = log
        self._kind = kind
        self._args: dict[str, Any] | None = None

    @property
    def address(self) -> Address:
        """The contract."""
        return self.log.address

    @property
    def args(self) -> dict[str, Any]:
        """By name. Raises ValueError where the data is too short."""
        if self._args is None:
            self._args = self._kind.decode(self.log)
        return self._args


class Event:
    """One event of a contract."""

    def __init__(self, entry: Mapping[str, Any]) -> None:
        self.name: str = entry["name"]
        inputs = entry["inputs"]
        types = ",".join(canonical_type(parameter) for parameter in inputs)
        self.topic = keccak256(f"{self.name}({types})".encode())
        indexed = [p for p in inputs if p["indexed"]]
        plain = [p for p in inputs if not p["indexed"]]
        # A dynamic indexed value is kept as its hash. The first topic is the event's own.
        self._from_topics = [
            (p["name"], i, _word_reader(canonical_type(p)) or bytes) for i, p in enumerate(indexed, start=1)
        ]
        self._plain = [p["name"] for p in plain]
        self._data = Codec(plain)
        # One pass over words of a fixed place: an event is decoded for every report and every act.
        words = self._data.words
        self._from_words = (
            None if words is None else [(name, *word) for name, word in zip(self._plain, words, strict=True)]
        )

    def decode(self, log: Log) -> dict[str, Any]:
        """The arguments by name. Raises ValueError where the data is too short."""
        _, topics, data = log
        args = {name: read(topics[i]) for name, i, read in self._from_topics}
        if self._from_words is None:
            args.update(zip(self._plain, self._data.decode(data), strict=True))
        elif len(data) < 32 * len(self._from_words):
            raise ValueError(f"{len(data)} bytes are too few for {self.name}")
        else:
            for name, at, read in self._from_words:
                args[name] = read(data[at : at + 32])
        return args


class Revert(NamedTuple):
    """Why a call failed: a custom error's name and values, or the EVM's own reason."""

    name: str
    values: tuple[Any, ...] = ()

    @property
    def reason(self) -> str:
        """What tables say and senders accept: the error's name, or `Error: text` of a plain `require`."""
        return f"Error: {self.values[0]}" if self.name == "Error" else self.name

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.values))})"


_PANIC = {0x01: "assert", 0x11: "overflow", 0x12: "division by zero", 0x32: "array index", 0x41: "memory"}
_ERROR_STRING = keccak256(b"Error(string)")[:4]
_ERROR_PANIC = keccak256(b"Panic(uint256)")[:4]


class Abi:
    """Functions by name, events by topic, custom errors by selector."""

    def __init__(self, entries: Sequence[Mapping[str, Any]]) -> None:
        self.functions: dict[str, Function] = {}
        self.events: dict[bytes, Event] = {}
        self.errors: dict[bytes, tuple[str, Codec]] = {}
        self._constructor = Codec([])
        for entry in entries:
            self._add(entry)

    def _add(self, entry: Mapping[str, Any]) -> None:
        match entry["type"]:
            case "function":
                function = Function(entry)
                # Of overloads the first keeps the bare name; each is reachable by its signature.
                self.functions.setdefault(function.name, function)
                self.functions[function.signature] = function
            case "event":
                event = Event(entry)
                self.events[event.topic] = event
            case "error":
                codec = Codec(entry["inputs"])
                signature = f"{entry['name']}({','.join(codec.types)})"
                self.errors[keccak256(signature.encode())[:4]] = (entry["name"], codec)
            case "constructor":
                self._constructor = Codec(entry["inputs"])

    def encode_constructor(self, *args: Any) -> bytes:
        """The constructor's arguments."""
        return self._constructor.encode(*args)

    def decode_log(self, log: Log) -> DecodedEvent | None:
        """The event, or None where this contract does not declare it."""
        event = self.events.get(log.topics[0]) if log.topics else None
        return DecodedEvent(event, log) if event else None

    def decode_revert(self, output: bytes) -> Revert:
        """The reason in revert data; an unknown custom error is named by its selector."""
        selector, rest = output[:4], output[4:]
        if not output:
            return Revert("EmptyRevert")
        if selector == _ERROR_STRING:
            return Revert("Error", eth_abi.decode(["string"], rest))
        if selector == _ERROR_PANIC:
            code = int.from_bytes(rest, "big")
            return Revert("Panic", (_PANIC.get(code, hex(code)),))
        if selector in self.errors:
            name, codec = self.errors[selector]
            return Revert(name, codec.decode(rest))
        return Revert(f"0x{selector.hex()}")

    def merged(self, *others: "Abi") -> "Abi":
        """This ABI with the errors and events of contracts that it calls, for decoding what comes through."""
        union = Abi([])
        for abi in (*reversed(others), self):
            union.functions.update(abi.functions)
            union.events.update(abi.events)
            union.errors.update(abi.errors)
        union._constructor = self._constructor
        return union
