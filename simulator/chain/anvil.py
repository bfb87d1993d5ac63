"""anvil: the real local devnet, one process that we start and stop.

The senders are impersonated, so nothing is signed. Blocks are mined on demand, in the order of arrival; their time,
number and base fee are ours.
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from simulator.chain.fork import Fork
from simulator.chain.node import NodeChain
from simulator.chain.rpc import Call, IpcConnection, RpcFault, ask, ask_all
from simulator.chain.types import ZERO_ADDRESS, Address, BlockEnv, Receipt, Transaction
from simulator.errors import ChainError
from simulator.paths import toolchain_folder

_PATIENCE: Final = 20.0  # [s] for a start
_GRACE: Final = 5.0  # [s] for a stop
_HARDFORK: Final = "cancun"
# History is what makes it slow down with the length of the chain.
_FLAT: Final = ("--prune-history", "--transaction-block-keeper", "8")
_RULES: Final = ("--order", "fifo", "--no-mining", "--disable-pool-balance-checks")
_ALONE: Final = (*_FLAT, "--auto-impersonate", "--accounts", "0", "--disable-default-create2-deployer")


def find_anvil() -> Path:
    """The binary: what WAVETANK_ANVIL names, else npm's, else the one on PATH. Raises ChainError."""
    named = os.environ.get("WAVETANK_ANVIL")
    if named:
        if not os.access(named, os.X_OK) or Path(named).is_dir():
            raise ChainError("not a program that can be run", where=f"WAVETANK_ANVIL={named}", mend="name the binary")
        return Path(named)
    # The program below .bin is a wrapper: stopping it leaves anvil behind.
    for found in sorted(toolchain_folder().glob("node_modules/@foundry-rs/anvil-*/bin/anvil*")):
        if os.access(found, os.X_OK):
            return found
    found_on_path = shutil.which("anvil")
    if found_on_path is None:
        raise ChainError(
            "anvil is not installed",
            where="--chain anvil",
            mend="run `npm install --prefix scripts/toolchain`, or set WAVETANK_ANVIL to the binary",
        )
    return Path(found_on_path)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class AnvilProcess:
    """A running anvil, reached through `ipc` and `url`. It ends with `stop`, and with this process at the latest."""

    def __init__(self, flags: Sequence[str] = (), *, port: int | None = None) -> None:
        binary = find_anvil()
        self._folder = Path(tempfile.mkdtemp(prefix="wavetank-anvil-"))
        self.ipc = self._folder / "ipc"
        self.port = free_port() if port is None else port
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = self._folder / "log"
        words = [str(binary), "--port", str(self.port), "--ipc", str(self.ipc), "--hardfork", _HARDFORK, *flags]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C is for us to handle
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509  it makes one system call
            )
        self._await_start()

    def _await_start(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                IpcConnection(self.ipc, "anvil").close()
                with socket.create_connection(("127.0.0.1", self.port), 1):
                    return
            except OSError:
                pass
            if self._process.poll() is not None:
                said = self.last_words()
                self.stop()
                raise ChainError(f"anvil did not start: {said}", where=f"port {self.port}")
            if time.monotonic() > deadline:
                self.stop()
                raise ChainError(f"anvil did not start in {_PATIENCE:.0f} s", where=f"port {self.port}")
            time.sleep(0.005)

    def last_words(self) -> str:
        """The last line that it printed."""
        lines = [line.strip() for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1] if lines else "it said nothing"

    def stop(self) -> None:
        """End it and remove its files; again does nothing."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _end_with_parent() -> None:
    """In the child: no orphan is left even if we are killed."""
    death_signal = 1  # PR_SET_PDEATHSIG of prctl(2)
    _libc.prctl(death_signal, signal.SIGTERM)


_libc = ctypes.CDLL(None)


class AnvilChain(NodeChain):
    """A chain on an anvil of its own."""

    name = "anvil"

    def __init__(
        self,
        *,
        chain_id: int = 31337,
        gas_limit: int = 30_000_000,
        coinbase: Address = ZERO_ADDRESS,
        port: int | None = None,
        flags: Sequence[str] = _ALONE,
        fork: Fork | None = None,
    ) -> None:
        constants = ["--chain-id", str(chain_id), "--gas-limit", str(gas_limit)]
        origin = _fork_flags(fork) if fork else ["--timestamp", "1"]  # before any storm
        self.process = AnvilProcess([*constants, *origin, *_RULES, *flags], port=port)
        super().__init__(IpcConnection(self.process.ipc, f"anvil on port {self.process.port}"), gas_limit=gas_limit)
        self._coinbase = coinbase
        ask(self._connection, "anvil_setCoinbase", coinbase)

    def __enter__(self) -> "AnvilChain":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """See `Chain.close`."""
        super().close()
        self.process.stop()

    def fund(self, address: Address, wei: int) -> None:
        """See `Chain.fund`."""
        ask(self._connection, "anvil_setBalance", address, hex(wei))
        self._affords[address] = wei

    def _send(self, env: BlockEnv, transactions: Sequence[Transaction]) -> list[str | None]:
        header: list[Call] = [
            ("evm_setNextBlockTimestamp", env.timestamp),
            ("anvil_setNextBlockBaseFeePerGas", hex(env.base_fee)),  # first: a lower fee cap would be refused
        ]
        return ask_all(self._connection, [*header, *map(self._sending, transactions)])[len(header) :]

    def _sending(self, tx: Transaction) -> Call:
        return ("eth_sendTransaction", self._request(tx))  # of an impersonated sender

    def _request(self, tx: Transaction) -> Mapping[str, Any]:
        """A transaction as JSON-RPC writes it."""
        return _fields(tx)

    def _found(self, env: BlockEnv, hashes: Sequence[str]) -> list[dict[str, Any]] | None:
        found: list[dict[str, Any]] | None = ask(self._connection, "eth_getBlockReceipts", hex(env.number))
        return found

    def _rehearse(self, env: BlockEnv, transactions: Sequence[Transaction]) -> list[Receipt] | None:
        overrides = {
            "number": hex(env.number),
            "time": hex(env.timestamp),
            "baseFeePerGas": hex(env.base_fee),
            "feeRecipient": self._coinbase,
            # Who comes after the block is full was guessed to be in it.
            "gasLimit": hex(max(env.gas_limit, sum(tx.gas for tx in transactions))),
        }
        calls = [self._request(tx) for tx in transactions]
        request = {"blockStateCalls": [{"blockOverrides": overrides, "calls": calls}], "validation": True}
        (answer,) = self._connection.batch([("eth_simulateV1", request, "latest")])
        if isinstance(answer, RpcFault):  # somebody cannot pay, which mining passes over and this does not
            return None
        return [
            Receipt(tx, found["status"] == "0x1", int(found["gasUsed"], 16), 0, b"", ())
            for tx, found in zip(transactions, answer[0]["calls"], strict=True)
        ]

    def _forget(self, hashes: Sequence[str]) -> None:
        ask(self._connection, "anvil_dropAllTransactions")

    def _revert_outputs(self, hashes: Sequence[str]) -> list[bytes]:
        # With a pruned history the usual traces are not there; this one reads what the block kept.
        found = ask_all(self._connection, [("ots_getTransactionError", name) for name in hashes])
        return [bytes.fromhex(output[2:]) for output in found]


def _fork_flags(fork: Fork) -> list[str]:
    at = ["--fork-url", fork.url, "--fork-block-number", str(fork.number)]
    return [*at, "--no-storage-caching", "--no-rate-limit", "--retries", "2"]


def _fields(tx: Transaction) -> dict[str, str]:
    """A transaction as JSON-RPC writes it."""
    fields = {
        "from": tx.sender,
        "nonce": hex(tx.nonce),
        "value": hex(tx.value),
        "gas": hex(tx.gas),
        "maxFeePerGas": hex(tx.max_fee),
        "maxPriorityFeePerGas": hex(tx.max_tip),
        "input": "0x" + tx.data.hex(),
    }
    if tx.to is not None:
        fields["to"] = tx.to
    return fields
