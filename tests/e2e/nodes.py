"""Nodes for tests: Hardhat's, an anvil as a user starts it, and one in front of which methods are missing."""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from simulator.chain.anvil import AnvilChain, AnvilProcess, find_anvil, free_port
from simulator.chain.types import Address
from simulator.errors import WavetankError
from simulator.scenario import Scenario

HARDHAT = Path(__file__).parents[2] / "scripts" / "toolchain" / "hardhat"


def missing(reason: str) -> None:
    """A part that is not installed: a skip that names it; in CI that is a failure."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)


def need_anvil() -> None:
    try:
        find_anvil()
    except WavetankError as fault:
        missing(str(fault))


@contextmanager
def plain_anvil(*flags: str) -> Iterator[AnvilProcess]:
    """An anvil that somebody else started, whose clock can still be set to the past."""
    need_anvil()
    clock = [] if "--timestamp" in flags else ["--timestamp", "1"]
    process = AnvilProcess([*clock, "--order", "fifo", *flags])
    try:
        yield process
    finally:
        process.stop()


@contextmanager
def node_of(scenario: Scenario) -> Iterator[AnvilChain]:
    """An anvil with the scenario's chain, and with its history: who forks it asks for its logs."""
    need_anvil()
    settings = scenario.chain
    node = AnvilChain(
        chain_id=settings.id,
        gas_limit=settings.gas_limit,
        coinbase=Address(settings.coinbase),
        flags=["--auto-impersonate", "--accounts", "0"],
    )
    try:
        yield node
    finally:
        node.close()


@contextmanager
def hardhat() -> Iterator[str]:
    """The URL of Hardhat's own node."""
    program = HARDHAT / "node_modules" / ".bin" / "hardhat"
    if not program.exists() or shutil.which("node") is None:
        missing("Hardhat is not installed: npm install --prefix scripts/toolchain/hardhat")
    port = free_port()
    words = [str(program), "--config", "hardhat.config.cjs", "node", "--hostname", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(
        words, cwd=HARDHAT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _await_answer(url, process)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _await_answer(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            post(url, {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []})
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"no node at {url}: exit code {process.poll()}")


def post(url: str, request: Any) -> Any:
    data = json.dumps(request).encode()
    found = urllib.request.Request(url, data, {"content-type": "application/json"})
    with urllib.request.urlopen(found, timeout=60) as answer:
        return json.loads(answer.read())


@contextmanager
def without(url: str, *methods: str) -> Iterator[str]:
    """A real node, behind a door that does not know some methods."""

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 20  # head and body in one packet: two would wait for each other

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            many = isinstance(request, list)
            answers = [self.answer(one) for one in (request if many else [request])]
            body = json.dumps(answers if many else answers[0]).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def answer(self, one: dict[str, Any]) -> Any:
            if one["method"] in methods:
                error = {"code": -32601, "message": f"the method {one['method']} does not exist"}
                return {"jsonrpc": "2.0", "id": one["id"], "error": error}
            return post(url, one)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
