"""A scan for opcodes whose answers a backend cannot give truthfully."""

from simulator.errors import UnsupportedOpcode

_UNSUPPORTED = {0x40: "BLOCKHASH", 0x44: "PREVRANDAO", 0x48: "BASEFEE"}
_PUSH1, _PUSH32 = 0x60, 0x7F


def unsupported_opcodes(code: bytes) -> list[str]:
    """Names of the opcodes in runtime `code` that read the block hash, randomness or base fee.

    Bytes after the last reachable instruction (immutable data, metadata) are scanned too: code cannot be told from data
    there, so such a contract must be compiled without metadata.
    """
    found, at = set(), 0
    while at < len(code):
        opcode = code[at]
        if opcode in _UNSUPPORTED:
            found.add(_UNSUPPORTED[opcode])
        at += opcode - _PUSH1 + 2 if _PUSH1 <= opcode <= _PUSH32 else 1
    return sorted(found)


def refuse_unsupported(name: str, code: bytes) -> None:
    """Raise UnsupportedOpcode where `code` reads what the embedded chain cannot give."""
    found = unsupported_opcodes(code)
    if found:
        raise UnsupportedOpcode(
            f"reads {', '.join(found)}, which the embedded chain cannot set",
            where=name,
            mend="remove the read, or run with --gas fast, where it gives zero",
        )
