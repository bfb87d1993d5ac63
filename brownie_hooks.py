"""What Brownie has to know of this project and its configuration file cannot say.

Brownie imports this file whenever it loads the project, before it compiles and before it starts a node. What is set
here lasts as long as the process: nothing is written to the user's own settings in ~/.brownie.
"""

import os
import platform
import shutil
import socket
import sys
import warnings
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

from brownie._config import CONFIG

TOOLCHAIN = Path(__file__).resolve().parent / "scripts" / "toolchain"
LIBRARIES = TOOLCHAIN / "node_modules"
NETWORK = "development"
# Brownie 1.22.2 crashes where its configuration file has any of these.
NODE_SETTINGS = {
    "evm_version": "cancun",  # anvil's hardfork
    "chain_id": 31337,
    "accounts": 10,
    "base_fee": 0,
    "gas_limit": 30_000_000,
}
INSTALL = "run: npm install --prefix scripts/toolchain"
_PROCESSORS = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def prepare() -> None:
    """Let Brownie find npm's compiler and anvil."""
    warnings.filterwarnings("ignore", r"rpc\.\w+ should not be called directly", FutureWarning)  # its own calls
    use_compiler()
    anvil = find_anvil()
    if anvil is not None:
        use_anvil(anvil)
    elif wants_node(CONFIG.mode, CONFIG.argv["network"], sys.argv):
        give_up(f"anvil is missing ({INSTALL}, or name one in WAVETANK_ANVIL)")


def use_compiler() -> None:
    """Brownie looks for solc in this folder only, and would download it without."""
    missing = [name for name in ("solc", "solady") if not (LIBRARIES / name).is_dir()]
    if missing:
        give_up(f"{' and '.join(missing)} missing ({INSTALL})")
    os.environ.setdefault("SOLCX_BINARY_PATH", str(TOOLCHAIN / "brownie"))


def use_anvil(binary: Path) -> None:
    """Make it Brownie's development network, on a port of its own.

    Brownie starts what PATH finds first, knows a node by the beginning of its name, and attaches to any node that
    listens on the port already.
    """
    if not binary.name.startswith("anvil"):
        give_up(f"{binary} is not called anvil, by which Brownie knows it (rename it, or unset WAVETANK_ANVIL)")
    os.environ["PATH"] = f"{binary.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    CONFIG.networks[NETWORK] = {
        "id": NETWORK,
        "name": "Anvil",
        "cmd": binary.name,
        "host": "http://127.0.0.1",
        "cmd_settings": NODE_SETTINGS | {"port": free_port()},
    }


def find_anvil() -> Path | None:
    """`WAVETANK_ANVIL`, else npm's, else that on PATH.

    Never npm's .bin/anvil, which leaves the node behind when it is killed.
    """
    named = os.environ.get("WAVETANK_ANVIL")
    if named:
        return Path(named).resolve() if Path(named).is_file() else None
    processor = _PROCESSORS.get(platform.machine().lower(), "amd64")
    binary = LIBRARIES / "@foundry-rs" / f"anvil-{sys.platform}-{processor}" / "bin" / "anvil"
    if binary.is_file():
        return binary
    found = shutil.which("anvil")
    return Path(found) if found else None


def wants_node(command: str | None, network: str | None, arguments: Sequence[str]) -> bool:
    """Whether Brownie is about to start the development network. `brownie test` says which only in its arguments."""
    if command == "test":
        given = [value for flag, value in pairwise(arguments) if flag in {"--network", "-N"}]
        network = given[-1] if given else None
    return command in {"run", "test", "console"} and network in {None, NETWORK}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def give_up(reason: str) -> NoReturn:
    """One line and the exit code of a configuration that cannot work."""
    print(f"error: {reason}", file=sys.stderr)
    raise SystemExit(2)


prepare()
