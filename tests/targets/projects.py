"""Small projects of the three tools, made by the tests around Lender.sol."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TOOLS = ROOT / "scripts" / "toolchain"

_FOUNDRY = """
[profile.default]
src = "src"
out = "out"
cache_path = "cache"
libs = []
solc = "{solc}"
offline = true
evm_version = "cancun"
optimizer = true
"""


def need(*parts: Path) -> None:
    """A part that is not installed: a skip that names it; in CI that is a failure."""
    for part in parts:
        if not part.exists():
            what = f"{part.name} is missing (run `npm install --prefix scripts/toolchain`)"
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(what)
    if shutil.which("node") is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("node is missing (install Node.js 20)")


def source(**changes: str) -> str:
    """Lender.sol with some of its constants changed."""
    text = (HERE / "Lender.sol").read_text()
    for name, value in changes.items():
        text, count = re.subn(rf"(constant {name} = )[0-9.e]+;", rf"\g<1>{value};", text)
        assert count == 1, name
    return text


def foundry(folder: Path, text: str) -> Path:
    """A Foundry project's out/."""
    forge = TOOLS / "node_modules" / ".bin" / "forge"
    need(forge, TOOLS / "node_modules" / "solc")
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "src" / "Lender.sol").write_text(text)
    (folder / "foundry.toml").write_text(_FOUNDRY.format(solc=TOOLS / "solc"))
    _run([str(forge), "build", "--root", str(folder)], folder)
    return folder / "out"


def hardhat(folder: Path, text: str) -> Path:
    """A Hardhat project's artifacts/, written from the compiler's output in the form that Hardhat gives it."""
    artifacts = folder / "artifacts"
    place = artifacts / "contracts" / "Lender.sol"
    place.mkdir(parents=True)
    for name, contract in _compiled(text).items():
        code = contract["evm"]["bytecode"]
        data = {
            "_format": "hh-sol-artifact-1",
            "contractName": name,
            "sourceName": "contracts/Lender.sol",
            "abi": contract["abi"],
            "bytecode": f"0x{code['object']}",
            "deployedBytecode": "0x",
            "linkReferences": {f"contracts/{name}": each for name, each in code["linkReferences"].items()},
            "deployedLinkReferences": {},
        }
        (place / f"{name}.json").write_text(json.dumps(data, indent=2))
        (place / f"{name}.dbg.json").write_text('{"_format": "hh-sol-dbg-1", "buildInfo": "../../build-info/1.json"}')
    (artifacts / "build-info").mkdir()
    (artifacts / "build-info" / "1.json").write_text("{}")
    return artifacts


def brownie(folder: Path, text: str) -> Path:
    """A Brownie project's build/, written from the compiler's output in the form that Brownie gives it."""
    output = _compiled(text)
    build = folder / "build"
    for name, contract in output.items():
        code = contract["evm"]["bytecode"]
        place = build / "contracts" / f"{name}.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        data = {
            "abi": contract["abi"],
            "bytecode": _named(code["object"], code["linkReferences"]),
            "contractName": name,
            "sourcePath": "contracts/Lender.sol",
            "type": "contract",
        }
        place.write_text(json.dumps(data))
    return build


def _named(code: str, references: Any) -> str:
    """Brownie writes a library's name into the place of its address."""
    for libraries in references.values():
        for name, places in libraries.items():
            for place in places:
                at = 2 * place["start"]
                code = code[:at] + f"__{name[:36]:_<36}__" + code[at + 40 :]
    return code


def _compiled(text: str) -> dict[str, Any]:
    need(TOOLS / "node_modules" / "solc")
    settings = {
        "evmVersion": "cancun",
        "optimizer": {"enabled": True},
        "outputSelection": {"*": {"*": ["abi", "evm.bytecode"]}},
    }
    request = {"language": "Solidity", "sources": {"Lender.sol": {"content": text}}, "settings": settings}
    done = subprocess.run(
        [str(TOOLS / "solc"), "--standard-json"], input=json.dumps(request), capture_output=True, text=True, check=True
    )
    contracts: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])["contracts"]["Lender.sol"]
    return contracts


def _run(words: list[str], folder: Path, **environment: str) -> None:
    done = subprocess.run(
        words, cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def wavetank(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command."""
    command = [sys.executable, "-m", "simulator.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300, check=False)
