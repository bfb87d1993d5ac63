"""A scan for opcodes whose answers a backend cannot give truthfully."""

import re

from simulator.errors import UnsupportedOpcode

_UNSUPPORTED = {0x40: "BLOCKHASH", 0x44: "PREVRANDAO", 0x48: "BASEFEE"}
_PUSH1, _PUSH32 = 0x60, 0x7F
# What solc appends to code, also to that of contracts inside: a CBOR map of source hash and version, and its size.
_METADATA = re.compile(
    rb"\xa2\x64ipfs\x58\x22.{34}\x64solc\x43.{3}\x00\x33"
    rb"|\xa2\x65bzzr[01]\x58\x20.{32}\x64solc\x43.{3}\x00\x32"
    rb"|\xa1\x65bzzr[01]\x58\x20.{32}\x00\x29"
    rb"|\xa1\x64solc\x43.{3}\x00\x0a",
    re.DOTALL,
)


def unsupported_opcodes(code: bytes) -> list[str]:
    """Names of the opcodes in runtime `code` that read the block hash, randomness or base fee.

    solc's metadata is left out. Other bytes after the last reachable instruction (immutable data, strings) are scanned
    too: code cannot be told from data there.
    """
    code = _METADATA.sub(lambda match: bytes(len(match.group())), code)
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
