"""Accounts by name: the same keys on every backend."""

from typing import NamedTuple

from coincurve import PrivateKey

from simulator.chain.abi import keccak256
from simulator.chain.types import Address


class Account(NamedTuple):
    """A key pair with the name it was derived from."""

    name: str
    address: Address
    key: bytes


def account(seed: int, name: str) -> Account:
    """The account of `name` under a scenario's seed: its key is keccak(seed, name)."""
    key = keccak256(seed.to_bytes(32, "big") + name.encode())
    public = PrivateKey(key).public_key.format(compressed=False)[1:]
    return Account(name, Address(keccak256(public)[12:]), key)


def created_address(sender: Address, nonce: int) -> Address:
    """The address of a contract that `sender` creates with `nonce`: keccak of their RLP list."""
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    item = number if nonce and nonce < 0x80 else bytes([0x80 + len(number)]) + number
    payload = b"\x94" + sender.raw + item
    return Address(keccak256(bytes([0xC0 + len(payload)]) + payload)[12:])
