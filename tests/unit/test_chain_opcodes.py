"""The scan for opcodes that the embedded chain cannot answer tells code from what solc appends to it."""

import pytest

from simulator.chain.opcodes import unsupported_opcodes

# Bytes that would read as BLOCKHASH, PREVRANDAO and BASEFEE, in the places where hash and version are.
TRAILERS = {
    "ipfs": b"\xa2\x64ipfs\x58\x22\x12\x20" + b"\x40\x44\x48\x40" * 8 + b"\x64solc\x43\x00\x08\x40\x00\x33",
    "bzzr1": b"\xa2\x65bzzr1\x58\x20" + b"\x40\x44\x48\x40" * 8 + b"\x64solc\x43\x00\x05\x11\x00\x32",
    "bzzr0": b"\xa1\x65bzzr0\x58\x20" + b"\x40\x44\x48\x40" * 8 + b"\x00\x29",
    "version": b"\xa1\x64solc\x43\x44\x48\x40\x00\x0a",
}
HARMLESS = bytes.fromhex("6001600055fe")  # ends as compiled code does


@pytest.mark.parametrize("trailer", TRAILERS)
def test_metadata_is_no_code(trailer):
    assert unsupported_opcodes(HARMLESS + TRAILERS[trailer]) == []
    assert unsupported_opcodes(HARMLESS + TRAILERS[trailer] + HARMLESS + TRAILERS[trailer]) == []


@pytest.mark.parametrize("trailer", TRAILERS)
@pytest.mark.parametrize(("opcode", "name"), [(0x40, "BLOCKHASH"), (0x44, "PREVRANDAO"), (0x48, "BASEFEE")])
def test_code_before_and_behind_it_is(trailer, opcode, name):
    reading = bytes([opcode]) + HARMLESS
    assert unsupported_opcodes(reading + TRAILERS[trailer]) == [name]
    assert unsupported_opcodes(HARMLESS + TRAILERS[trailer] + reading) == [name]


def test_pushed_data_is_no_code():
    assert unsupported_opcodes(bytes.fromhex("6240444800")) == []
    assert unsupported_opcodes(bytes.fromhex("614044") + b"\x48") == ["BASEFEE"]


def test_what_merely_looks_like_metadata_is_code():
    assert unsupported_opcodes(b"\xa2\x64ipfs" + b"\x40" * 60) == ["BLOCKHASH"]
