"""Compile contracts/ with the solc of scripts/toolchain into simulator/artifacts.

    python scripts/compile.py            write one JSON for each contract
    python scripts/compile.py --check    recompile and compare; exit 1 naming what differs

The bytes are a function of the sources and the compiler alone: no metadata hash, no path, no time.
"""

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "contracts"
ARTIFACTS = ROOT / "simulator" / "artifacts"
TOOLCHAIN = ROOT / "scripts" / "toolchain"
LIBRARIES = TOOLCHAIN / "node_modules"

SETTINGS: dict[str, Any] = {
    "evmVersion": "cancun",
    "optimizer": {"enabled": True, "runs": 10_000},
    "viaIR": False,
    "metadata": {"bytecodeHash": "none", "appendCBOR": False},
}
OUTPUTS = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]
SIZE_LIMIT = 24_576  # [bytes] of deployed code, EIP-170
_IMPORT = re.compile(r'^import\s[^;]*?"([^"]+)"', re.MULTILINE)


class CompileError(Exception):
    """One line for a person."""


def main() -> int:
    """Exit code: 0 done or equal, 1 the artifacts differ, 2 nothing could be compiled."""
    parser = argparse.ArgumentParser(description="Compile contracts/ into simulator/artifacts.")
    parser.add_argument("--check", action="store_true", help="recompile and compare, write nothing")
    options = parser.parse_args()
    try:
        artifacts = {f"{name}.json": text for name, text in compile_all().items()}
    except CompileError as fault:
        print(f"compile.py: {fault}", file=sys.stderr)
        return 2
    return check(artifacts) if options.check else write(artifacts)


def write(artifacts: dict[str, str]) -> int:
    """Write the artifacts and remove those whose contract is gone."""
    ARTIFACTS.mkdir(exist_ok=True)
    for stale in {path.name for path in ARTIFACTS.glob("*.json")} - artifacts.keys():
        (ARTIFACTS / stale).unlink()
    for name, text in artifacts.items():
        (ARTIFACTS / name).write_text(text)
    print(f"{len(artifacts)} artifacts in {ARTIFACTS.relative_to(ROOT)}")
    return 0


def check(artifacts: dict[str, str]) -> int:
    """Compare with what is on disk and name each file that is missing, stale or different."""
    found = {path.name: path.read_text() for path in ARTIFACTS.glob("*.json")}
    different = sorted(name for name in found.keys() | artifacts.keys() if found.get(name) != artifacts.get(name))
    for name in different:
        print(f"{(ARTIFACTS / name).relative_to(ROOT)} differs from its source", file=sys.stderr)
    if different:
        print("run: python scripts/compile.py", file=sys.stderr)
    return 1 if different else 0


def compile_all() -> dict[str, str]:
    """Contract name to artifact text, for every contract and interface under contracts/."""
    sources = read_sources()
    output = run_solc(sources)
    faults = [fault["formattedMessage"] for fault in output.get("errors", []) if is_ours(fault)]
    if faults:
        raise CompileError("\n".join(faults))
    artifacts: dict[str, str] = {}
    for source, contracts in sorted(output["contracts"].items()):
        if not source.startswith("contracts/"):
            continue
        for name, contract in contracts.items():
            if is_base(source, contract):
                continue
            if name in artifacts:
                raise CompileError(f"{source}: a second contract is called {name}")
            artifacts[name] = artifact_text(name, source, contract, sources)
    return artifacts


def is_ours(fault: dict[str, Any]) -> bool:
    """Whether a message stops the build: every error, and warnings about our own sources."""
    place = (fault.get("sourceLocation") or {}).get("file", "")
    ours = str(place).startswith("contracts/")
    return bool(fault["severity"] == "error" or (fault["severity"] == "warning" and ours))


def is_base(source: str, contract: dict[str, Any]) -> bool:
    """Whether nobody deploys it: an abstract contract, or a library that lives in its users' code."""
    called = any(entry["type"] in ("function", "constructor") for entry in contract["abi"])
    deployed = bool(contract["evm"]["bytecode"]["object"]) and called
    return not deployed and not source.startswith("contracts/interfaces/")


def artifact_text(name: str, source: str, contract: dict[str, Any], sources: dict[str, str]) -> str:
    """One artifact as JSON. Raises CompileError where the code is too long to be deployed."""
    deployed = contract["evm"]["deployedBytecode"]["object"]
    if len(deployed) // 2 > SIZE_LIMIT:
        raise CompileError(f"{source}: {name} has {len(deployed) // 2} bytes of code, the limit is {SIZE_LIMIT}")
    artifact = {
        "contract": name,
        "source": source,
        "abi": contract["abi"],
        "bytecode": "0x" + contract["evm"]["bytecode"]["object"],
        "deployedBytecode": "0x" + deployed,
        "compiler": {"version": solc_version(), "settings": SETTINGS},
        "sourceHash": source_hash(source, sources),
    }
    return json.dumps(artifact, sort_keys=True, indent=1) + "\n"


def read_sources() -> dict[str, str]:
    """Every file under contracts/ and, through their imports, what they use of the libraries."""
    sources: dict[str, str] = {}
    waiting = [path.relative_to(ROOT).as_posix() for path in sorted(SOURCES.rglob("*.sol"))]
    while waiting:
        name = waiting.pop()
        if name not in sources:
            sources[name] = read_source(name)
            waiting += imports_of(name, sources[name])
    return dict(sorted(sources.items()))


def read_source(name: str) -> str:
    """The text of one source by its import name."""
    path = ROOT / name if name.startswith("contracts/") else LIBRARIES / name
    if not path.is_file():
        raise CompileError(f"{name} is missing (run `npm install` in scripts/toolchain)")
    return path.read_text()


def imports_of(name: str, text: str) -> list[str]:
    """Import names in `text`, relative ones resolved against `name`."""
    folder = Path(name).parent
    return [normalise(folder / found) if found.startswith(".") else found for found in _IMPORT.findall(text)]


def normalise(path: Path) -> str:
    """A path without `.` and `..`, as the compiler names it."""
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def source_hash(source: str, sources: dict[str, str]) -> str:
    """SHA-256 over a source and all it imports, each with its name, in order of names."""
    closure: set[str] = set()
    waiting = [source]
    while waiting:
        name = waiting.pop()
        if name not in closure:
            closure.add(name)
            waiting += imports_of(name, sources[name])
    parts = "".join(f"{name}\n{len(sources[name])}\n{sources[name]}" for name in sorted(closure))
    return "sha256:" + hashlib.sha256(parts.encode()).hexdigest()


def solc_version() -> str:
    """The version of the installed compiler."""
    return str(json.loads((LIBRARIES / "solc" / "package.json").read_text())["version"])


def run_solc(sources: dict[str, str]) -> dict[str, Any]:
    """The compiler's answer to a standard-JSON request, exchanged through files."""
    node = shutil.which("node")
    if node is None:
        raise CompileError("node is missing (install Node.js 20, then run `npm install` in scripts/toolchain)")
    if not (LIBRARIES / "solc").is_dir():
        raise CompileError("solc is missing (run `npm install` in scripts/toolchain)")
    request = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in sources.items()},
        "settings": SETTINGS | {"outputSelection": {"*": {"*": OUTPUTS}}},
    }
    with tempfile.TemporaryDirectory() as folder:
        question, answer = Path(folder, "question.json"), Path(folder, "answer.json")
        question.write_text(json.dumps(request))
        with question.open() as stdin, answer.open("w") as stdout:
            done = subprocess.run(
                [node, str(TOOLCHAIN / "solc"), "--standard-json"],
                stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False,
            )  # fmt: skip
        if done.returncode:
            raise CompileError(f"solc failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
        return dict(json.loads(answer.read_text()))


if __name__ == "__main__":
    sys.exit(main())
