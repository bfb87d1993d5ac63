"""Compile ToyLender.sol as scripts/compile.py compiles ours; as a script, write the artifact beside it."""

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
ARTIFACT = FOLDER / "ToyLender.json"
SOURCE = "tests/plugins/ToyLender.sol"


def compiler() -> ModuleType:
    """The repository's compile script as a module."""
    spec = importlib.util.spec_from_file_location("wavetank_compile", ROOT / "scripts" / "compile.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def missing_part() -> str:
    """The first part of the toolchain that is not there, or nothing."""
    if shutil.which("node") is None:
        return "node is missing (install Node.js 20)"
    for part in ("solc", "solady"):
        if not (ROOT / "scripts" / "toolchain" / "node_modules" / part).is_dir():
            return f"{part} is missing (run `npm install` in scripts/toolchain)"
    return ""


def compile_toy() -> str:
    """The artifact's text. Raises AssertionError with the compiler's complaint."""
    scripts = compiler()
    sources = {SOURCE: (ROOT / SOURCE).read_text()}
    waiting = scripts.imports_of(SOURCE, sources[SOURCE])
    while waiting:
        name = waiting.pop()
        if name not in sources:
            sources[name] = scripts.read_source(name)
            waiting += scripts.imports_of(name, sources[name])
    output = scripts.run_solc(dict(sorted(sources.items())))
    faults = [each["formattedMessage"] for each in output.get("errors", ()) if _stops(each)]
    assert not faults, "\n".join(faults)
    return str(scripts.artifact_text("ToyLender", SOURCE, output["contracts"][SOURCE]["ToyLender"], sources))


def _stops(fault: dict[str, Any]) -> bool:
    """Errors do, and warnings about the toy's own source."""
    place = (fault.get("sourceLocation") or {}).get("file")
    return fault["severity"] == "error" or (fault["severity"] == "warning" and place == SOURCE)


if __name__ == "__main__":
    ARTIFACT.write_text(compile_toy())
