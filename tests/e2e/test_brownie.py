"""The checkout as a Brownie project, by the commands that people type."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
TOOLCHAIN = Path("scripts/toolchain")
LIBRARIES = REPO / TOOLCHAIN / "node_modules"
BROWNIE = os.environ.get("WAVETANK_BROWNIE") or shutil.which("brownie")
LEFT_OUT = (".git", ".venv*", "node_modules", "runs", "dist", "build", ".brownie", ".forge", "__pycache__", ".*_cache")
SMALL = ("world.hours=0.2", "traders.count=5")
# What earlier versions of Brownie left in the home folder: another node, on a port that is often taken.
OLD_NETWORKS = """\
live: []
development:
  - name: Ganache-CLI
    id: development
    cmd: ganache-cli
    host: http://127.0.0.1
    cmd_settings: {port: 8545, gas_limit: 12000000, accounts: 10, evm_version: istanbul, mnemonic: brownie}
"""

# One worker compiles once, where tests run in parallel with --dist loadgroup.
pytestmark = [pytest.mark.brownie, pytest.mark.xdist_group("brownie")]


def python() -> str:
    """The interpreter of Brownie's environment."""
    return str(Path(str(BROWNIE)).parent / "python")


def missing_part() -> str:
    """The first part that is not there, or nothing."""
    if not BROWNIE or not Path(BROWNIE).exists():
        return "brownie is missing (see Brownie in README.md, then name it in WAVETANK_BROWNIE)"
    imports = [python(), "-c", "import simulator.world"]
    if subprocess.run(imports, cwd=REPO, capture_output=True, check=False).returncode:
        return "Wavetank is missing beside Brownie (pip install '.[brownie]' in its environment)"
    if shutil.which("node") is None:
        return "node is missing (install Node.js 20)"
    for part in ("solc", "solady", "@foundry-rs/anvil"):
        if not (LIBRARIES / part).exists():
            return f"{part} is missing (run `npm install --prefix scripts/toolchain`)"
    return ""


@pytest.fixture(scope="module", autouse=True)
def parts() -> None:
    """Skip where a part is missing; in CI that is a failure."""
    if missing := missing_part():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder in which Brownie was used before."""
    place = tmp_path_factory.mktemp("home")
    (place / ".brownie").mkdir()
    (place / ".brownie" / "network-config.yaml").write_text(OLD_NETWORKS)
    return place


@pytest.fixture(scope="module")
def checkout(parts: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean copy. Brownie names the project by its folder, which has to begin with a letter."""
    place = tmp_path_factory.mktemp("copy") / "wavetank"
    shutil.copytree(REPO, place, ignore=shutil.ignore_patterns(*LEFT_OUT))
    (place / TOOLCHAIN / "node_modules").symlink_to(LIBRARIES.resolve())
    return place


class Shell:
    """Commands in the copy, with that home."""

    def __init__(self, checkout: Path, home: Path) -> None:
        self.checkout = checkout
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "SOLCX", "PYTHONPATH"))
        }
        self.environment = kept | {"HOME": str(home)}

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, cwd=self.checkout, env=self.environment | environment,
            capture_output=True, text=True, timeout=280, check=False,
        )  # fmt: skip

    def brownie(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run(str(BROWNIE), *words, **environment)


@pytest.fixture(scope="module")
def shell(checkout: Path, home: Path) -> Shell:
    return Shell(checkout, home)


@pytest.fixture(scope="module")
def first_compilation(shell: Shell) -> str:
    """What the first command of a newcomer prints."""
    done = shell.brownie("compile")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def compiled(first_compilation: str) -> None:
    """The copy with its contracts compiled."""


def test_contracts_are_compiled_by_the_compiler_from_npm_and_once(shell, first_compilation):
    assert "Solc version: 0.8.37" in first_compilation
    assert "EVM Version: Cancun" in first_compilation
    assert "Optimizer: Enabled  Runs: 10000" in first_compilation
    assert (shell.checkout / ".brownie/contracts/CdpEngine.json").is_file()
    again = shell.brownie("compile")
    assert again.returncode == 0
    assert "Compiling" not in again.stdout
    assert not (Path(shell.environment["HOME"]) / ".solcx").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("compiled")
def test_brownies_own_tests_pass(shell):
    done = shell.brownie("test")
    assert done.returncode == 0, done.stdout[-3000:]
    counts = dict(map(reversed, re.findall(r"(\d+) (\w+)", done.stdout.splitlines()[-2])))
    assert int(counts["passed"]) >= 40
    assert counts.keys() == {"passed"}


@pytest.mark.usefixtures("compiled")
def test_a_deployment_is_written_down(shell, tmp_path):
    done = shell.brownie("run", "deploy")
    assert done.returncode == 0, done.stdout[-3000:]
    written = json.loads((shell.checkout / ".brownie/deployments/31337.json").read_text())
    assert written["chain_id"] == 31337
    assert {"CdpEngine", "Dollar", "BTC/EnglishAuction", "ConstantProductPool"} <= written["contracts"].keys()
    for name, entry in written["contracts"].items():
        assert f"{name} " in done.stdout
        assert entry["address"] in done.stdout


@pytest.mark.usefixtures("compiled")
def test_a_scenario_runs_on_the_node_that_brownie_started(shell, tmp_path):
    place = tmp_path / "out"
    words = ("calm", "3", *SMALL, f"out={place}", "--network", "development")
    done = shell.brownie("run", "run_scenario", "main", *words)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert "Launching 'anvil " in done.stdout
    assert f"results in {place}" in done.stdout
    manifest = json.loads((place / "manifest.json").read_text())
    assert manifest["status"] == "complete"
    assert manifest["seed"] == 3
    assert manifest["chain"]["name"] != "revm"
    assert manifest["metrics"]["blocks"] == 60
    assert manifest["metrics"]["transactions"] > 0
    assert (place / "report.html").is_file()
    changes = [word for change in SMALL for word in ("--set", change)]
    here = shell.run(python(), "-m", "simulator.cli", "run", "calm", "--seed", "3", *changes, "--json")
    assert json.loads(here.stdout)["digest"] == manifest["digest"], "the embedded chain and Brownie's node agree"


@pytest.mark.slow
@pytest.mark.usefixtures("compiled")
def test_an_interrupted_run_keeps_what_it_has(shell, tmp_path):
    """Ctrl-C in a terminal reaches every process of the foreground, the node must not be among them."""
    words = (str(BROWNIE), "run", "run_scenario", "main", "calm", f"out={tmp_path / 'out'}")
    started = subprocess.Popen(
        words, cwd=shell.checkout, env=shell.environment, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 180
        while not any(tmp_path.rglob("*.parquet")) and time.monotonic() < deadline:  # they are begun with the set-up
            time.sleep(0.05)
        time.sleep(12)  # for the set-up of a busy machine; a day on a node takes longer by far
        os.killpg(started.pid, signal.SIGINT)
        _, errors = started.communicate(timeout=60)
    finally:
        started.kill()
    assert started.returncode == 130, errors
    assert json.loads((tmp_path / "out/manifest.json").read_text())["status"] == "partial"


@pytest.mark.slow
@pytest.mark.usefixtures("compiled")
def test_a_scenario_that_does_not_exist_is_one_line_and_a_usage_error(shell):
    done = shell.brownie("run", "run_scenario", "main", "no-such-storm", "--network", "development")
    assert done.returncode == 2
    assert [line for line in done.stderr.splitlines() if "no-such-storm" in line] == done.stderr.splitlines()


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("command", [("run", "deploy"), ("run", "deploy", "--network", "development"), ("test",)])
def test_a_missing_anvil_is_one_line_that_says_how_to_get_it(shell, command):
    done = shell.brownie(*command, WAVETANK_ANVIL="/nowhere/anvil")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "anvil is missing (run: npm install --prefix scripts/toolchain" in done.stderr


@pytest.mark.usefixtures("compiled")
def test_what_needs_no_node_works_without_one(shell):
    assert shell.brownie("compile", WAVETANK_ANVIL="/nowhere/anvil").returncode == 0


@pytest.mark.slow
@pytest.mark.usefixtures("compiled")
def test_a_users_own_networks_are_left_alone_and_no_node_stays_behind(shell, home):
    done = shell.brownie("run", "deploy")
    port = re.search(r"--port (\d+)", done.stdout).group(1)
    assert port != "8545"
    assert (home / ".brownie/network-config.yaml").read_text() == OLD_NETWORKS
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert f"--port {port}" not in running


@pytest.mark.slow
@pytest.mark.parametrize("interpreter", [sys.executable, "brownie's"])
def test_ordinary_tests_know_nothing_of_brownie(shell, interpreter):
    before = set(shell.checkout.iterdir())
    program = python() if interpreter == "brownie's" else interpreter
    done = shell.run(program, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--collect-only", "tests")
    assert "tests/unit/test_digest.py" in done.stdout, done.stdout
    assert "tests/brownie/" not in done.stdout
    assert "tests/e2e/test_brownie.py" in done.stdout
    assert set(shell.checkout.iterdir()) == before
