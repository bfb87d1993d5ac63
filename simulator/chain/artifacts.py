"""Compiled contracts: ours from the package, a user's from the folder of another tool."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from simulator.chain.abi import Abi, keccak256
from simulator.chain.types import Address
from simulator.errors import ConfigError
from simulator.paths import artifact_folder

_ADDRESS_BYTES = 20
# Where a linker puts a library's address: "__$" and a hash, or the library's name, filled up to forty characters.
_PLACEHOLDER = re.compile(r"__(?:\$[0-9a-f]{34}\$|[A-Za-z$_][A-Za-z0-9$_./:]{35})__|__[A-Za-z$_][A-Za-z0-9$_./:]{37}")


@dataclass(frozen=True)
class Artifact:
    """One compiled contract."""

    name: str
    abi: Abi
    bytecode: bytes  # creation code without constructor arguments; empty for an interface
    source_hash: str  # of the Solidity source, or of the creation code where the tool does not say
    path: Path | None = None  # of its JSON file, which has the ABI
    links: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # library -> where its address is missing

    def creation_code(self, *args: Any) -> bytes:
        """Creation code with the arguments of the constructor. Raises ConfigError where it or a library lacks."""
        if not self.bytecode:
            raise ConfigError(
                f"{self.name} has no bytecode",
                where=str(self.path or ""),
                mend="deploy a contract, not an interface, library stub or abstract one",
            )
        if self.links:
            libraries = ", ".join(self.links)
            raise ConfigError(
                f"{self.name} is not linked to {libraries}", where=str(self.path or ""), mend="link it first"
            )
        return self.bytecode + self.abi.encode_constructor(*args)

    def linked(self, libraries: Mapping[str, Address]) -> "Artifact":
        """With the addresses of `libraries`, by the names that `links` has, where they were missing."""
        code = bytearray(self.bytecode)
        for name in self.links.keys() & libraries.keys():
            for at in self.links[name]:
                code[at : at + _ADDRESS_BYTES] = bytes.fromhex(libraries[name][2:])
        rest = {name: places for name, places in self.links.items() if name not in libraries}
        return replace(self, bytecode=bytes(code), links=rest)


_instead: list[Path] = []


@contextmanager
def artifacts_from(folder: Path) -> Iterator[None]:
    """Let a folder's contracts stand in for ours of the same names while a `with` block lasts."""
    _instead.append(folder)
    try:
        yield
    finally:
        _instead.pop()


def load_artifact(name: str) -> Artifact:
    """A contract that ships with Wavetank, by its name."""
    for folder in reversed(_instead):
        if (folder / f"{name}.json").is_file():
            return _read_once(folder / f"{name}.json")
    return _read_once(artifact_folder() / f"{name}.json")


@cache
def _read_once(path: Path) -> Artifact:
    return read_artifact(path)


def read_artifact(path: Path) -> Artifact:
    """A contract from our, Foundry's, Hardhat's or Brownie's JSON form. Raises ConfigError."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        text, references = _code_of(data)
        links = _links(text, references)
        code = _without_addresses(text, links)
        return Artifact(
            name=data.get("contractName") or data.get("contract") or path.stem.partition(".")[0],
            abi=Abi(data["abi"]),
            bytecode=code,
            source_hash=data.get("sourceHash") or keccak256(code).hex(),
            path=path.resolve(),
            links=links,
        )
    except FileNotFoundError:
        raise ConfigError("no such artifact", where=str(path), mend="compile the contracts first") from None
    except (AttributeError, KeyError, TypeError, ValueError) as fault:
        raise ConfigError(
            f"not a contract artifact: {fault}", where=str(path), mend="compile the contracts again"
        ) from fault


def _code_of(data: Any) -> tuple[str, Any]:
    """Creation code as hexadecimal text, and where libraries are to be linked as the tool says it."""
    bytecode = data.get("bytecode") or ""
    if isinstance(bytecode, dict):
        return (bytecode.get("object") or "").removeprefix("0x"), bytecode.get("linkReferences") or {}
    return bytecode.removeprefix("0x"), data.get("linkReferences") or {}


def _links(text: str, references: Any) -> dict[str, tuple[int, ...]]:
    """Libraries by the name that finds them, with the bytes where their address goes."""
    links = dict(_named(references))
    known = {at for places in links.values() for at in places}
    for match in _PLACEHOLDER.finditer(text):
        if match.start() // 2 not in known:
            name = match.group().strip("_") or match.group()
            links[name] = (*links.get(name, ()), match.start() // 2)
    return links


def _named(references: Any) -> Iterator[tuple[str, tuple[int, ...]]]:
    for source, libraries in references.items():
        for name, places in libraries.items():
            yield f"{source}:{name}", tuple(place["start"] for place in places)


def _without_addresses(text: str, links: Mapping[str, tuple[int, ...]]) -> bytes:
    """The code with zeros where addresses are to come, so that its hash does not depend on them."""
    parts, end = [], 0
    for at in sorted(at for places in links.values() for at in places):
        parts += [text[end : 2 * at], "00" * _ADDRESS_BYTES]
        end = 2 * (at + _ADDRESS_BYTES)
    return bytes.fromhex("".join([*parts, text[end:]]))
