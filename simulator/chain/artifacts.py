"""Compiled contracts: ours from the package, a user's from the folder of another tool."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from simulator.chain.abi import Abi, keccak256
from simulator.errors import ConfigError
from simulator.paths import artifact_folder


@dataclass(frozen=True)
class Artifact:
    """One compiled contract."""

    name: str
    abi: Abi
    bytecode: bytes  # creation code without constructor arguments; empty for an interface
    source_hash: str  # of the Solidity source, or of the creation code where the tool does not say
    path: Path | None = None  # of its JSON file, which has the ABI

    def creation_code(self, *args: Any) -> bytes:
        """Creation code with the constructor's arguments. Raises ConfigError where there is no bytecode."""
        if not self.bytecode:
            raise ConfigError(f"{self.name} has no bytecode", mend="deploy a contract, not an interface")
        return self.bytecode + self.abi.encode_constructor(*args)


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
        data = json.loads(path.read_text())
        bytecode = data.get("bytecode", "")
        code = bytecode["object"] if isinstance(bytecode, dict) else bytecode
        return Artifact(
            name=data.get("contractName") or data.get("contract") or path.stem,
            abi=Abi(data["abi"]),
            bytecode=bytes.fromhex(code.removeprefix("0x")),
            source_hash=data.get("sourceHash") or keccak256(bytes.fromhex(code.removeprefix("0x"))).hex(),
            path=path.resolve(),
        )
    except FileNotFoundError:
        raise ConfigError("no such artifact", where=str(path), mend="compile the contracts first") from None
    except (KeyError, TypeError, ValueError) as fault:
        raise ConfigError(f"not a contract artifact: {fault}", where=str(path)) from fault
