"""The contracts' own tests, run by forge, and the artifacts that ship against the sources they come from."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from simulator.chain.opcodes import unsupported_opcodes
from simulator.paths import artifact_folder

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ROOT / "scripts" / "toolchain" / "node_modules"
FORGE = LIBRARIES / ".bin" / "forge"
COMPILE = [sys.executable, str(ROOT / "scripts" / "compile.py")]

# One worker runs forge once, where tests run in parallel with --dist loadgroup.
pytestmark = [pytest.mark.forge, pytest.mark.xdist_group("forge")]


def missing_part() -> str:
    """The first part of the toolchain that is not there, or nothing."""
    if shutil.which("node") is None:
        return "node is missing (install Node.js 20)"
    for part, path in {"forge": FORGE, "solc": LIBRARIES / "solc", "solady": LIBRARIES / "solady"}.items():
        if not path.exists():
            return f"{part} is missing (run `npm install` in scripts/toolchain)"
    return ""


@pytest.fixture(scope="module", autouse=True)
def toolchain() -> None:
    """Skip where a part is missing; in CI that is a failure."""
    if missing := missing_part():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)


def run(*command: str, timeout: int = 900, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=timeout, check=False
    )


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where forge compiles to: a folder of our own, so that nothing stale and nobody else is in it."""
    return tmp_path_factory.mktemp("forge")


def forge_test(build: Path, **environment: str) -> dict[str, Any]:
    """Test name to result, of every test that forge ran."""
    environment |= {"FOUNDRY_OUT": str(build / "out"), "FOUNDRY_CACHE_PATH": str(build / "cache")}
    done = run(str(FORGE), "test", "--json", **environment)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert lines, done.stderr
    suites = json.loads(lines[-1])
    return {
        f"{suite}::{name}": result
        for suite, outcome in suites.items()
        for name, result in outcome["test_results"].items()
    }


def failed(results: dict[str, Any]) -> dict[str, str]:
    return {name: result["reason"] for name, result in results.items() if result["status"] != "Success"}


@pytest.fixture(scope="module")
def forge_results(build: Path) -> dict[str, Any]:
    """With a quarter of the random runs, which take most of the time."""
    return forge_test(build, FOUNDRY_FUZZ_RUNS="50", FOUNDRY_INVARIANT_RUNS="8")


def test_every_forge_test_passes(forge_results: dict[str, Any]) -> None:
    assert failed(forge_results) == {}


@pytest.mark.slow
def test_every_forge_test_passes_with_all_its_random_runs(build: Path) -> None:
    assert failed(forge_test(build)) == {}


def test_forge_saw_every_test_that_is_written(forge_results: dict[str, Any]) -> None:
    sources = [path.read_text() for path in (ROOT / "tests" / "contracts").glob("*.t.sol")]
    written = {name for text in sources for name in re.findall(r"function ((?:test|invariant_)\w*)\(", text)}
    assert {name.partition("::")[2].partition("(")[0] for name in forge_results} == written != set()


SENTENCES = (ROOT / "contracts" / "INVARIANTS.md").read_text()
INVARIANTS = [int(number) for number in re.findall(r"^(\d+)\. ", SENTENCES, re.MULTILINE)]


def test_invariants_are_numbered_without_a_gap() -> None:
    assert list(range(1, len(INVARIANTS) + 1)) == INVARIANTS


@pytest.mark.parametrize("number", INVARIANTS)
def test_each_numbered_invariant_has_a_property_named_after_it(forge_results: dict[str, Any], number: int) -> None:
    numbers = [name.partition("::")[2].partition("(")[0].split("_") for name in forge_results]
    assert any(str(number) in words for words in numbers)


def test_solidity_is_formatted() -> None:
    done = run(str(FORGE), "fmt", "--check")
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_artifacts_are_what_the_sources_compile_to() -> None:
    done = run(*COMPILE, "--check")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("forge_results")
def test_what_forge_tested_is_what_ships(build: Path) -> None:
    compared = 0
    for path in sorted(artifact_folder().glob("*.json")):
        artifact = json.loads(path.read_text())
        tested = build / "out" / Path(artifact["source"]).name / path.name
        assert json.loads(tested.read_text())["bytecode"]["object"] == artifact["bytecode"], path.name
        compared += artifact["bytecode"] != "0x"
    assert compared >= 10


@pytest.mark.slow
def test_a_changed_artifact_is_named_and_fails_the_check(tmp_path: Path) -> None:
    copy = copy_of_the_build(tmp_path)
    changed = copy / "simulator" / "artifacts" / "PushFeed.json"
    changed.write_text(changed.read_text().replace("0x60", "0x61", 1))
    (copy / "simulator" / "artifacts" / "Gone.json").write_text("{}")
    (copy / "simulator" / "artifacts" / "Dollar.json").unlink()
    done = run(sys.executable, str(copy / "scripts" / "compile.py"), "--check")
    named = [line.split()[0] for line in done.stderr.splitlines() if "differs" in line]
    assert done.returncode == 1
    assert named == [f"simulator/artifacts/{name}.json" for name in ("Dollar", "Gone", "PushFeed")]


def test_a_missing_compiler_is_one_line_that_says_how_to_mend_it(tmp_path: Path) -> None:
    copy = copy_of_the_build(tmp_path)
    without_node = run(sys.executable, str(copy / "scripts" / "compile.py"), PATH="")
    (copy / "scripts" / "toolchain" / "node_modules").unlink()
    without_solc = run(sys.executable, str(copy / "scripts" / "compile.py"))
    for done in (without_node, without_solc):
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert "npm install" in done.stderr


def copy_of_the_build(folder: Path) -> Path:
    """What compile.py needs, in a folder that may be spoilt."""
    (folder / "scripts" / "toolchain").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "compile.py", folder / "scripts")
    shutil.copy(ROOT / "scripts" / "toolchain" / "solc", folder / "scripts" / "toolchain")
    (folder / "scripts" / "toolchain" / "node_modules").symlink_to(LIBRARIES)
    shutil.copytree(ROOT / "contracts", folder / "contracts")
    shutil.copytree(artifact_folder(), folder / "simulator" / "artifacts")
    return folder


def test_no_contract_reads_what_the_embedded_chain_cannot_set() -> None:
    codes = {path.stem: json.loads(path.read_text())["deployedBytecode"] for path in artifact_folder().glob("*.json")}
    reading = {name: unsupported_opcodes(bytes.fromhex(code[2:])) for name, code in codes.items()}
    assert {name: opcodes for name, opcodes in reading.items() if opcodes} == {}
