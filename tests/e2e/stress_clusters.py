"""A real Dask scheduler and a real Ray instance, with two workers each, started for tests and stopped after them."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

HERE = Path(__file__).parent
PATIENCE = 90


def environment():
    """Of processes that import this checkout and what is beside this file."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)])}


@contextmanager
def process(*words, folder):
    with (
        (folder / "cluster.log").open("ab") as log,
        subprocess.Popen([sys.executable, *words], env=environment(), cwd=folder, stdout=log, stderr=log) as started,
    ):
        try:
            yield started
        finally:
            started.terminate()
            try:
                started.wait(20)
            except subprocess.TimeoutExpired:
                started.kill()


@contextmanager
def dask_cluster(folder):
    """The address of its scheduler."""
    file = folder / "scheduler.json"
    scheduler = ("-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
                 "--dashboard-address", ":0", "--scheduler-file", str(file))  # fmt: skip
    worker = ("-m", "distributed.cli.dask_worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-dashboard",
              "--dashboard-address", ":0", "--local-directory", str(folder))  # fmt: skip
    with process(*scheduler, folder=folder):
        wait_until(file.is_file, folder)
        address = json.loads(file.read_text())["address"]
        with process(*worker, folder=folder), process(*worker, folder=folder):
            from distributed import Client

            with Client(address, set_as_default=False) as client:
                client.wait_for_workers(2, timeout=PATIENCE)
            yield address


@contextmanager
def ray_cluster(folder):
    """The address of its head. It lets in only who knows its word, whatever the user's own clusters do."""
    port = free_port()
    place = tempfile.mkdtemp(prefix="ray-")  # a socket's path is at most 107 characters long
    words = ("-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus=2", f"--port={port}",
             "--node-ip-address=127.0.0.1", "--include-dashboard=false", "--disable-usage-stats",
             "--object-store-memory=100000000", f"--temp-dir={place}")  # fmt: skip
    word = folder / "word"
    word.write_text(secrets.token_hex(16))
    try:
        with (
            mock.patch.dict(os.environ, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN_PATH=str(word)),
            process(*words, folder=folder),
        ):
            wait_until(lambda: b"Ray runtime started" in (folder / "cluster.log").read_bytes(), folder)
            yield f"127.0.0.1:{port}"
    finally:
        shutil.rmtree(place, ignore_errors=True)


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def wait_until(holds, folder):
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise AssertionError((folder / "cluster.log").read_text())
        time.sleep(0.1)
