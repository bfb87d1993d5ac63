"""Where two chains differ, told so that a person can act on it.

Used wherever outcomes must be equal on every backend: block by block for what was executed, and account by account for
what it left. Only the first difference is told; what follows it is mostly its consequence.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from simulator.chain.abi import Abi, Revert
from simulator.chain.base import CallReverted, Chain
from simulator.chain.types import Address, Bundle, BundleReceipt, Filled, Log, Outcome, Receipt, Skipped, Transaction

_SHOWN_BYTES = 64  # of data that nobody can decode

Sides = tuple[str, str]
_SIDES = ("first", "second")


class Decoder:
    """Names for accounts, and ABIs for calls, reverts and events. Contracts may be added while a run goes on."""

    def __init__(
        self, contracts: Mapping[Address, tuple[str, Abi]] | None = None, names: Mapping[Address, str] | None = None
    ) -> None:
        self._names: dict[str, str] = {}
        self._abis: dict[str, Abi] = {}
        self._errors = Abi([])
        for address, name in (names or {}).items():
            self.add(address, name)
        for address, (name, abi) in (contracts or {}).items():
            self.add(address, name, abi)

    def add(self, address: Address, name: str, abi: Abi | None = None) -> None:
        """Know an account by a name and, if it is a contract, by its ABI."""
        self._names[address] = name
        if abi is not None:
            self._abis[address] = abi
            self._errors = self._errors.merged(abi)

    def name(self, address: str) -> str:
        """An account's name, else its address."""
        return self._names.get(address, address)

    def transaction(self, tx: Transaction) -> str:
        """The call in one line: contract, function and arguments, then who sent it under which terms."""
        terms = f"value {tx.value}, gas {tx.gas}, max fee {tx.max_fee}, max tip {tx.max_tip}"
        return f"{self.call(tx.to, tx.data)} from {self.name(tx.sender)} with nonce {tx.nonce}, {terms}"

    def call(self, to: Address | None, data: bytes) -> str:
        """What is called with which arguments; the bare bytes where no ABI fits."""
        if to is None:
            return f"creation with {_shortened(data)}"
        abi = self._abis.get(to)
        function = next((f for f in abi.functions.values() if f.selector == data[:4]), None) if abi else None
        if function is None:
            return f"{self.name(to)} called with {_shortened(data)}"
        try:
            arguments = ", ".join(self._value(value) for value in function.decode_input(data))
        except Exception:  # calldata can be malformed in more ways than eth_abi has errors for
            return f"{self.name(to)}.{function.name} called with malformed {_shortened(data)}"
        return f"{self.name(to)}.{function.name}({arguments})"

    def revert(self, output: bytes) -> str:
        """The reason in revert data, by the custom errors of every known contract."""
        try:
            return str(self._errors.decode_revert(output))
        except Exception:  # as above: any bytes can stand behind a known selector
            return str(Revert("malformed", (_shortened(output),)))

    def log(self, log: Log) -> str:
        """An event with its arguments; the bare words where no ABI fits."""
        abi = self._abis.get(log.address)
        try:
            event = abi.decode_log(log) if abi else None
        except Exception:
            event = None
        if event is None:
            topics = " ".join(topic.hex() for topic in log.topics)
            return f"{self.name(log.address)} log [{topics}] {_shortened(log.data)}"
        arguments = ", ".join(f"{name}={self._value(value)}" for name, value in event.args.items())
        return f"{self.name(log.address)} {event.name}({arguments})"

    def _value(self, value: Any) -> str:
        if isinstance(value, str):
            return self.name(value)
        if isinstance(value, bytes):
            text = value.rstrip(b"\0")
            return text.decode() if text.isalnum() else _shortened(value)
        if isinstance(value, tuple):
            return f"({', '.join(map(self._value, value))})"
        return str(value)


def _shortened(data: bytes) -> str:
    shown = f"0x{data[:_SHOWN_BYTES].hex()}"
    return shown if len(data) <= _SHOWN_BYTES else f"{shown}... ({len(data)} bytes)"


# ------------------------------------------------------------------------ outcomes


def first_difference(a: Sequence[Outcome], b: Sequence[Outcome], decode: Decoder, sides: Sides = _SIDES) -> str | None:
    """The first difference between the outcomes of one block on two chains, in a few lines; None where there is none.

    What a successful transaction returned is left out: a node does not keep it.
    """
    for number, (one, other) in enumerate(zip_longest(a, b)):
        if one is None or other is None:
            return f"{sides[0]} has {len(a)} outcomes, {sides[1]} has {len(b)}"
        for (part, facts), (_, other_facts) in zip_longest(_parts(one), _parts(other), fillvalue=(None, {})):
            what = _differing(facts, other_facts)
            if what is not None:
                head = f"candidate {number} of {len(a)} differs in {what}"
                told = [head, f"  {_describe(part or one.candidate, decode)}"]  # type: ignore[union-attr]
                told += [
                    f"  {side}: {_tell(fact, decode)}" for side, fact in zip(sides, (facts, other_facts), strict=True)
                ]
                return "\n".join(told)
    return None


_Facts = dict[str, Any]


def _parts(outcome: Outcome) -> Iterator[tuple[Transaction | None, _Facts]]:
    """What must be equal, by name and in order of telling; a bundle's receipts come after itself."""
    match outcome:
        case Receipt():
            yield outcome.transaction, _receipt_facts(outcome)
        case BundleReceipt():
            yield None, {"outcome": "bundle included", "candidate": outcome.candidate, "count": len(outcome.receipts)}
            for receipt in outcome.receipts:
                yield receipt.transaction, _receipt_facts(receipt)
        case Skipped():
            facts = {"candidate": outcome.candidate, "reason": outcome.reason, "dropped": outcome.dropped}
            yield None, {"outcome": "skipped", **facts}
        case Filled():
            yield None, {"outcome": "filled", "candidate": outcome.candidate, "gas used": outcome.gas_used}


def _receipt_facts(receipt: Receipt) -> _Facts:
    return {
        "outcome": "included",
        "candidate": receipt.transaction,
        "status": bool(receipt.status),
        "gas used": receipt.gas_used,
        "effective price": receipt.effective_price,
        "created": receipt.created,
        "revert data": None if receipt.status else receipt.output,
        "logs": receipt.logs,
    }


def _differing(a: _Facts, b: _Facts) -> str | None:
    return next((name for name in a | b if a.get(name) != b.get(name)), None)


def _describe(candidate: Any, decode: Decoder) -> str:
    if isinstance(candidate, Transaction):
        return decode.transaction(candidate)
    if isinstance(candidate, Bundle):
        return " | ".join(decode.transaction(tx) for tx in candidate.transactions)
    return str(candidate)


def _tell(facts: _Facts, decode: Decoder) -> str:
    if not facts:
        return "nothing"
    told = []
    for name, value in facts.items():
        if name == "logs":
            told += [f"\n    {decode.log(log)}" for log in value]
        elif name == "revert data":
            told += [] if value is None else [f", {decode.revert(value)} ({_shortened(value)})"]
        elif name != "candidate":
            told.append(f", {name} {value}" if told else str(value))
    return "".join(told)


# --------------------------------------------------------------------------- state


def first_state_difference(
    a: Chain,
    b: Chain,
    accounts: Iterable[Address],
    slots: Iterable[tuple[Address, int]] = (),
    decode: Decoder | None = None,
    sides: Sides = _SIDES,
) -> str | None:
    """The first account whose ether, nonce or code differs, or the first slot whose word does."""
    decode = decode or Decoder()
    for address in accounts:
        for what, read in (("balance", "balance"), ("nonce", "nonce"), ("code", "code")):
            one, other = getattr(a, read)(address), getattr(b, read)(address)
            if one != other:
                one, other = (_shortened(v) if isinstance(v, bytes) else v for v in (one, other))
                return f"{what} of {decode.name(address)}: {sides[0]} {one}, {sides[1]} {other}"
    for address, slot in slots:
        one, other = a.storage(address, slot), b.storage(address, slot)
        if one != other:
            return f"slot {slot:#x} of {decode.name(address)}: {sides[0]} {one:#x}, {sides[1]} {other:#x}"
    return None


def first_view_difference(
    a: Chain, b: Chain, calls: Iterable[tuple[Address, bytes]], decode: Decoder, sides: Sides = _SIDES
) -> str | None:
    """The first call of a view that the chains answer differently, revert data included."""
    for to, data in calls:
        one, other = _answer(a, to, data), _answer(b, to, data)
        if one != other:
            told = "".join(
                f"\n  {side}: {_shortened(output) if done else decode.revert(output)}"
                for side, (done, output) in zip(sides, (one, other), strict=True)
            )
            return f"the view {decode.call(to, data)}{told}"
    return None


def _answer(chain: Chain, to: Address, data: bytes) -> tuple[bool, bytes]:
    try:
        return True, chain.call(to, data)
    except CallReverted as fault:
        return False, fault.output
