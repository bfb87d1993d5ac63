"""Small EVM programs: random ones that never read what a chain cannot give, and a wallet that calls for its owner.

A random program is a list of statements, each of which leaves the stack as it found it, with an end that may succeed,
revert or halt. What a statement learns (gas left, return codes, balances) goes into storage or a log, so that two
engines that disagree anywhere disagree in a receipt.
"""

from collections.abc import Callable, Sequence
from random import Random

from simulator.chain.abi import keccak256
from simulator.chain.opcodes import unsupported_opcodes
from simulator.chain.rules import LARGEST_INIT_CODE
from simulator.chain.types import Address

OPCODES = {
    "STOP": 0x00, "ADD": 0x01, "MUL": 0x02, "SUB": 0x03, "DIV": 0x04, "SDIV": 0x05, "MOD": 0x06, "SMOD": 0x07,
    "ADDMOD": 0x08, "MULMOD": 0x09, "EXP": 0x0A, "SIGNEXTEND": 0x0B, "LT": 0x10, "SGT": 0x13, "EQ": 0x14,
    "ISZERO": 0x15, "AND": 0x16, "NOT": 0x19, "BYTE": 0x1A, "SHL": 0x1B, "SHR": 0x1C, "SAR": 0x1D, "KECCAK256": 0x20,
    "ADDRESS": 0x30, "BALANCE": 0x31, "ORIGIN": 0x32, "CALLER": 0x33, "CALLVALUE": 0x34, "CALLDATALOAD": 0x35,
    "CALLDATASIZE": 0x36, "CALLDATACOPY": 0x37, "CODESIZE": 0x38, "CODECOPY": 0x39, "GASPRICE": 0x3A,
    "EXTCODESIZE": 0x3B, "EXTCODECOPY": 0x3C, "RETURNDATASIZE": 0x3D, "RETURNDATACOPY": 0x3E, "EXTCODEHASH": 0x3F,
    "COINBASE": 0x41, "TIMESTAMP": 0x42, "NUMBER": 0x43, "GASLIMIT": 0x45, "CHAINID": 0x46, "SELFBALANCE": 0x47,
    "BLOBHASH": 0x49, "BLOBBASEFEE": 0x4A,
    "POP": 0x50, "MLOAD": 0x51, "MSTORE": 0x52, "MSTORE8": 0x53, "SLOAD": 0x54, "SSTORE": 0x55, "JUMP": 0x56,
    "JUMPI": 0x57, "PC": 0x58, "MSIZE": 0x59, "GAS": 0x5A, "JUMPDEST": 0x5B, "TLOAD": 0x5C, "TSTORE": 0x5D,
    "MCOPY": 0x5E, "PUSH0": 0x5F, "DUP1": 0x80, "DUP2": 0x81, "DUP3": 0x82, "SWAP1": 0x90, "LOG0": 0xA0, "LOG1": 0xA1,
    "LOG2": 0xA2, "LOG4": 0xA4, "CREATE": 0xF0, "CALL": 0xF1, "CALLCODE": 0xF2, "RETURN": 0xF3, "DELEGATECALL": 0xF4,
    "CREATE2": 0xF5, "STATICCALL": 0xFA, "REVERT": 0xFD, "INVALID": 0xFE, "SELFDESTRUCT": 0xFF,
}  # fmt: skip

LARGEST_CODE = 24_576  # EIP-170
SLOTS = (*range(8), 2**256 - 1)  # that random programs write to


def push(value: int) -> bytes:
    """The shortest push of a number."""
    size = (value.bit_length() + 7) // 8
    return bytes([0x5F + size]) + value.to_bytes(size, "big")


def asm(*parts: str | int | bytes) -> bytes:
    """Opcode names (several in a string), numbers to push, and bytes as they are."""
    code = b""
    for part in parts:
        if isinstance(part, str):
            code += bytes(OPCODES[name] for name in part.split())
        else:
            code += part if isinstance(part, bytes) else push(part)
    return code


def init_code(runtime: bytes) -> bytes:
    """Creation code that returns `runtime`."""
    for offset in range(8, 12):
        head = asm(len(runtime), "DUP1", offset, "PUSH0 CODECOPY PUSH0 RETURN")
        if len(head) == offset:
            return head + runtime
    raise AssertionError("no head fits")


def to_memory(data: bytes) -> bytes:
    """Code that writes `data` to memory from 0."""
    words = [data[at : at + 32].ljust(32, b"\0") for at in range(0, len(data), 32)]
    return b"".join(asm(b"\x7f" + word, 32 * number, "MSTORE") for number, word in enumerate(words))


# ------------------------------------------------------------------------- wallet

_PROOF = keccak256(b"ERC3156FlashBorrower.onFlashLoan")


def wallet() -> bytes:
    """Runtime that calls for anybody: 0xff, an address and calldata. Any other call it answers as a flash borrower."""
    answer = asm(b"\x7f" + _PROOF, "PUSH0 MSTORE", 32, "PUSH0 RETURN")
    head_size = 11
    head = asm("PUSH0 CALLDATALOAD", 248, "SHR", 0xFF, "EQ", head_size + len(answer), "JUMPI")
    assert len(head) == head_size
    forward = asm(
        "JUMPDEST", 21, "CALLDATASIZE SUB DUP1", 21, "PUSH0 CALLDATACOPY",
        "PUSH0 PUSH0 DUP3 PUSH0 CALLVALUE", 1, "CALLDATALOAD", 96, "SHR GAS CALL",
        "RETURNDATASIZE PUSH0 PUSH0 RETURNDATACOPY",
    )  # fmt: skip
    done = head_size + len(answer) + len(forward) + 6
    return head + answer + forward + asm(done, "JUMPI RETURNDATASIZE PUSH0 REVERT JUMPDEST RETURNDATASIZE PUSH0 RETURN")


def through_wallet(to: Address, data: bytes) -> bytes:
    """Calldata for a wallet that makes it call."""
    return b"\xff" + to.raw + data


def caller_back(data: bytes) -> bytes:
    """Runtime that calls whoever called it with `data`, and hands on what that reverted with."""
    return asm(
        to_memory(data),
        "PUSH0 PUSH0", len(data), "PUSH0 PUSH0 CALLER GAS CALL POP",
        "RETURNDATASIZE PUSH0 PUSH0 RETURNDATACOPY RETURNDATASIZE PUSH0 REVERT",
    )  # fmt: skip


# ---------------------------------------------------------------- random programs


class Programs:
    """Random programs over accounts that they may look at and call."""

    def __init__(self, rng: Random, accounts: Callable[[], Sequence[Address]]) -> None:
        self._rng = rng
        self._accounts = accounts
        self._reads_price = True

    def runtime(self, depth: int = 2, longest: int = 12) -> bytes:
        """Runtime code that the opcode scan accepts."""
        while True:
            statements = [self._statement(depth) for _ in range(self._rng.randint(1, longest))]
            code = b"".join(statements) + self._end()
            if not unsupported_opcodes(code):
                return code

    def creation(self, depth: int = 2) -> bytes:
        """Creation code of every sort, for a transaction. The embedded chain gives it no GASPRICE, so that is out."""
        self._reads_price = False
        code = self._creation(depth)
        self._reads_price = True
        return code

    def _creation(self, depth: int) -> bytes:
        """What it returns may be good, empty, forbidden or too large, or nothing."""
        rng = self._rng
        runtime = self.runtime(depth - 1, 6) if depth else asm("STOP")
        return rng.choices(
            [
                init_code(runtime),
                asm(self._value(), rng.choice(SLOTS), "SSTORE") + self._shifted(runtime),
                b"",
                asm("PUSH0 PUSH0 RETURN"),
                asm(0xEF, "PUSH0 MSTORE8", 1, "PUSH0 RETURN"),
                asm(rng.choice((LARGEST_CODE, LARGEST_CODE + 1)), "PUSH0 RETURN"),
                asm("INVALID"),
                asm(self._value(), "PUSH0 MSTORE", 32, "PUSH0 REVERT"),
                asm(self._address(), "SELFDESTRUCT"),
                b"".join(self._statement(0) for _ in range(3)) + asm("STOP"),
            ],
            [12, 5, 1, 1, 1, 1, 1, 1, 2, 2],
        )[0]

    def _shifted(self, runtime: bytes) -> bytes:
        """Creation code that may stand behind other code: it carries `runtime` in pushes."""
        return to_memory(runtime) + asm(len(runtime), "PUSH0 RETURN")

    def _end(self) -> bytes:
        rng = self._rng
        ends = [
            asm("STOP"),
            asm("GAS PUSH0 MSTORE", 32, "PUSH0 RETURN"),
            asm(self._value(), "PUSH0 MSTORE", 32, "PUSH0 REVERT"),
            asm("INVALID"),
            asm(self._address(), "SELFDESTRUCT"),
            asm(self._value() % 1000, "JUMP"),
            asm("POP"),
            b"",
        ]
        return rng.choices(ends, [10, 5, 2, 1, 1, 1, 1, 5])[0]

    def _value(self) -> int:
        rng = self._rng
        return rng.choice((0, 0, 1, 2, 32, rng.getrandbits(16), rng.getrandbits(256), 2**255, 2**256 - 1))

    def _address(self) -> int:
        return int(self._rng.choice(self._accounts()), 16)

    def _operand(self) -> bytes:
        """Code that pushes one word."""
        rng = self._rng
        simple = ("GAS", "CALLER", "ORIGIN", "ADDRESS", "CALLVALUE", "CALLDATASIZE", "TIMESTAMP", "NUMBER")
        simple += ("GASPRICE",) if self._reads_price else ()
        others = (
            "SELFBALANCE",
            "CHAINID",
            "GASLIMIT",
            "COINBASE",
            "MSIZE",
            "PC",
            "RETURNDATASIZE",
            "CODESIZE",
            "BLOBBASEFEE",
        )
        return rng.choices(
            [
                asm(self._value()),
                asm(rng.choice((*simple, *others))),
                asm(rng.choice((0, 4, 32, 1000)), "CALLDATALOAD"),
                asm(rng.choice(SLOTS), "SLOAD"),
                asm(rng.choice(SLOTS), "TLOAD"),
                asm(self._address(), rng.choice(("BALANCE", "EXTCODESIZE", "EXTCODEHASH"))),
                asm(rng.choice((0, 1)), "BLOBHASH"),
            ],
            [6, 4, 2, 4, 3, 3, 0.3],
        )[0]

    def _statement(self, depth: int) -> bytes:
        rng = self._rng
        kinds = [self._store, self._transient, self._log, self._arithmetic, self._memory, self._keep_gas]
        weights = [8, 3, 2, 3, 2, 2]
        if depth:
            kinds += [self._call, self._create, self._loop]
            weights += [5, 3, 1]
        kind = rng.choices(kinds, weights)[0]
        return kind(depth)

    def _store(self, depth: int) -> bytes:
        del depth
        return asm(self._operand(), self._rng.choice(SLOTS), "SSTORE")

    def _transient(self, depth: int) -> bytes:
        del depth
        slot = self._rng.choice(SLOTS)
        return asm(slot, "TLOAD", slot, "SSTORE", self._operand(), slot, "TSTORE")

    def _keep_gas(self, depth: int) -> bytes:
        del depth
        return asm("GAS", self._rng.choice(SLOTS), "SSTORE")

    def _log(self, depth: int) -> bytes:
        del depth
        rng, topics = self._rng, self._rng.choice((0, 1, 2, 4))
        words = b"".join(self._operand() for _ in range(topics))
        return asm("GAS PUSH0 MSTORE", words, rng.choice((0, 1, 32, 100)), rng.choice((0, 7)), f"LOG{topics}")

    def _arithmetic(self, depth: int) -> bytes:
        del depth
        rng = self._rng
        if rng.random() < 0.3:
            name = rng.choice(("ADDMOD", "MULMOD"))
            return asm(self._operand(), self._operand(), self._operand(), name, rng.choice(SLOTS), "SSTORE")
        names = (
            "ADD", "MUL", "SUB", "DIV", "SDIV", "MOD", "SMOD", "EXP", "SIGNEXTEND", "LT", "SGT", "EQ", "AND", "BYTE",
            "SHL", "SHR", "SAR",
        )  # fmt: skip
        return asm(self._operand(), self._operand(), rng.choice(names), "PUSH0 MSTORE")

    def _memory(self, depth: int) -> bytes:
        del depth
        rng = self._rng
        size, at = rng.choice((0, 1, 31, 32, 33, 200)), rng.choice((0, 1, 64, 5000))
        return rng.choices(
            [
                asm(size, at, "KECCAK256", rng.choice(SLOTS), "SSTORE"),
                asm(size, at, 0, "MCOPY"),
                asm(size, at, 0, "CALLDATACOPY"),
                asm(size, 0, at, "CODECOPY"),
                asm(size, 0, at, self._address(), "EXTCODECOPY"),
                asm(size, rng.choice((0, 0, 1)), 0, "RETURNDATACOPY"),  # past what was returned it halts
                asm(1, rng.choice((10_000, 100_000, 2**32, 2**64, 2**255)), "MSTORE8"),
            ],
            [4, 3, 2, 2, 3, 2, 1],
        )[0]

    def _call(self, depth: int) -> bytes:
        del depth
        rng = self._rng
        kind = rng.choices(["CALL", "STATICCALL", "DELEGATECALL", "CALLCODE"], [6, 2, 2, 1])[0]
        target = asm("ADDRESS") if rng.random() < 0.15 else asm(self._address())
        value = asm(rng.choice((0, 0, 0, 1, 1000, 10**30))) if kind in ("CALL", "CALLCODE") else b""
        gas = rng.choice([asm("GAS"), asm(rng.choice((0, 2300, 5000, 30_000, 100_000))), asm("GAS", 2, "SWAP1 DIV")])
        given, room = rng.choice((0, 4, 32, 100)), rng.choice((0, 32, 64))
        code = asm(room, 0, given, 0, value, target, gas, kind)
        return code + (asm("POP") if rng.random() < 0.5 else asm(rng.choice(SLOTS), "SSTORE"))

    def _create(self, depth: int) -> bytes:
        """Create a contract, at times by CREATE2 where one stands already, and look at it or call it."""
        rng = self._rng
        init = self._creation(depth - 1)
        size = rng.choice((LARGEST_INIT_CODE, LARGEST_INIT_CODE + 1)) if rng.random() < 0.03 else len(init)
        salt = asm(rng.randint(0, 2)) if rng.random() < 0.5 else b""
        made = asm(salt, size, 0, rng.choice((0, 0, 0, 1)), "CREATE2" if salt else "CREATE")
        slot = rng.choice(SLOTS)
        after = rng.choice(
            [
                asm(slot, "SSTORE"),
                asm("DUP1 EXTCODESIZE", slot, "SSTORE BALANCE", rng.choice(SLOTS), "SSTORE"),
                asm(slot, "SSTORE", 32, 0, 0, 0, 0, slot, "SLOAD GAS CALL POP"),
                asm("PUSH0 PUSH0 PUSH0 PUSH0 PUSH0", b"\x94", "GAS CALL POP"),  # SWAP5: the address above its zeros
            ]
        )
        return to_memory(init) + made + after

    def _loop(self, depth: int) -> bytes:
        """Call itself with what gas is left, so that the 64th part that is held back adds up."""
        del depth
        slot = self._rng.choice(SLOTS)
        return asm(0, 0, 0, 0, 0, "ADDRESS GAS CALL", slot, "SSTORE")
