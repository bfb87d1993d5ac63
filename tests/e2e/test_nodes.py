"""Scenarios on nodes: ours to start and stop, or anybody's behind a URL; and what is said when one fails."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nodes import hardhat, need_anvil, plain_anvil, post, without

from simulator import load, run
from simulator.chain.accounts import account
from simulator.chain.anvil import AnvilChain, AnvilProcess, find_anvil
from simulator.chain.remote import RemoteChain
from simulator.chain.types import BlockEnv, Receipt, Transaction
from simulator.errors import ChainError

pytestmark = pytest.mark.anvil
SMALL = {"world.hours": 0.5}
SET = ["--set", "world.hours=0.5"]


@pytest.fixture(autouse=True)
def anvil() -> None:
    need_anvil()


def wavetank(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simulator.cli", *words]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, timeout=180, check=False, env=os.environ | environment
    )


def anvils(mark: str) -> set[str]:
    """The anvils that run with a mark in their environment, which they have of the command that started them."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if words[0].endswith(b"anvil") and f"MARK={mark}".encode() in (entry / "environ").read_bytes():
                found.add(entry.name)
        except OSError:  # it ended meanwhile
            continue
    return found


# ------------------------------------------------------------------------------- the same on every node


@pytest.mark.parametrize("scenario", ["calm", "flash-crash"])
def test_signed_transactions_on_hardhats_node_give_the_digest_of_the_embedded_chain(scenario):
    with hardhat() as url:
        there = run(load(scenario, **SMALL), seed=7, chain=url)
    assert there.digest == run(load(scenario, **SMALL), seed=7).digest
    assert there.metrics["unexpected_reverts"] == 0


def test_signed_transactions_on_somebody_elses_anvil_give_the_digest_of_the_embedded_chain():
    told: list[str] = []
    with plain_anvil() as node:
        there = run(load("flash-crash", **SMALL), seed=7, chain=node.url, announce=told.append)
    assert there.digest == run(load("flash-crash", **SMALL), seed=7).digest
    assert told == []


def test_what_a_node_cannot_do_is_said_before_the_run():
    told: list[str] = []
    cannot = (
        "anvil_setCoinbase",
        "hardhat_setCoinbase",
        "anvil_setBalance",
        "hardhat_setBalance",
        "eth_getBlockReceipts",
    )
    with plain_anvil("--balance", "100000000") as node, without(node.url, *cannot) as url:
        there = run(load("calm", **SMALL), seed=7, chain=url, announce=told.append)
    assert there.manifest["status"] == "complete"
    assert len(told) == 2
    assert "cannot set the coinbase" in told[0]
    assert "cannot set ether" in told[1]
    here = run(load("calm", **SMALL), seed=7)
    assert there.metrics["transactions"] == here.metrics["transactions"]
    assert there.transactions["status"].equals(here.transactions["status"])


def test_a_node_that_keeps_its_own_clock_is_said_to_differ():
    told: list[str] = []
    with plain_anvil() as node, without(node.url, "evm_setNextBlockTimestamp") as url:
        chain = RemoteChain(url, told.append)
        (outcome,) = chain.execute(BlockEnv(1, 1_700_000_000, 0, 30_000_000), [transfer(chain, 0)])
        chain.close()
    assert isinstance(outcome, Receipt)
    assert any("cannot set time" in line for line in told)


# --------------------------------------------------------------------------------------- full blocks


def transfer(chain: AnvilChain | RemoteChain, sender: int, nonce: int = 0) -> Transaction:
    who = account(7, f"sender-{sender}")
    if nonce == 0:
        chain.open_account(who, 10**20)
    return Transaction(who.address, nonce, who.address, b"", 1, 21_000, 10**9, 10**9)


def test_a_block_of_a_thousand_from_three_hundred_senders_loses_and_refuses_none():
    with AnvilChain(gas_limit=30_000_000) as chain:
        for number in range(1, 6):
            env = BlockEnv(number, 1_700_000_000 + 12 * number, 7, 30_000_000)
            before = {place: chain.nonce(account(7, f"sender-{place}").address) for place in range(300)}
            transactions = [transfer(chain, place % 300, before[place % 300] + place // 300) for place in range(1_000)]
            outcomes = chain.execute(env, transactions)
            assert [outcome.transaction for outcome in outcomes if isinstance(outcome, Receipt)] == transactions
            assert all(outcome.status for outcome in outcomes if isinstance(outcome, Receipt))


# ------------------------------------------------------------------------------------ what can go wrong


def test_a_missing_anvil_is_one_line_that_says_how_to_get_it(tmp_path):
    done = wavetank("run", "calm", *SET, "--chain", "anvil", cwd=tmp_path, WAVETANK_ANVIL="/nowhere/anvil")
    assert done.returncode == 3
    assert done.stderr == "error: WAVETANK_ANVIL=/nowhere/anvil: not a program that can be run (name the binary)\n"
    assert not any(tmp_path.iterdir())


def test_without_any_anvil_npm_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("WAVETANK_ANVIL", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("simulator.chain.anvil.toolchain_folder", lambda: tmp_path)
    with pytest.raises(ChainError, match="npm install --prefix scripts/toolchain"):
        find_anvil()


def test_a_taken_port_is_one_line():
    with plain_anvil() as node, pytest.raises(ChainError, match=f"port {node.port}: anvil did not start: .*in use"):
        AnvilChain(port=node.port)


def test_a_url_that_nobody_answers_is_one_line(tmp_path):
    done = wavetank("run", "calm", *SET, "--chain", "http://127.0.0.1:9", cwd=tmp_path)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: http://127.0.0.1:9: the node is gone: ")
    assert "Connection refused" in done.stderr
    assert not any(tmp_path.iterdir())


def test_a_node_of_another_chain_is_one_line(tmp_path):
    with plain_anvil("--chain-id", "5") as node:
        done = wavetank("run", "calm", *SET, "--chain", node.url, cwd=tmp_path)
    assert done.returncode == 3
    assert done.stderr == f"error: {node.url}: the node's chain id is 5, the scenario's 31337 (set chain.id = 5)\n"


@pytest.mark.parametrize("method", ["evm_setAutomine", "evm_snapshot"])
def test_a_node_without_a_needed_method_is_one_line(tmp_path, method):
    with plain_anvil() as node, without(node.url, method) as url:
        done = wavetank("run", "calm", *SET, "--chain", url, cwd=tmp_path)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert f"the node refused {method}: " in done.stderr
    assert "use a node that has it" in done.stderr


def test_a_node_whose_clock_is_ahead_of_the_storm_is_one_line(tmp_path):
    with plain_anvil("--timestamp", "1900000000") as node:
        done = wavetank("run", "calm", *SET, "--chain", node.url, cwd=tmp_path)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "the node's clock is at 1900000000" in done.stderr


def test_a_node_that_somebody_else_mines_on_is_one_line():
    with plain_anvil() as node:
        chain = RemoteChain(node.url, print)
        chain.execute(BlockEnv(1, 1_700_000_000, 0, 30_000_000), [transfer(chain, 0)])
        post(node.url, {"jsonrpc": "2.0", "id": 1, "method": "evm_mine", "params": []})
        with pytest.raises(ChainError, match="the node is at block 3, not 2"):
            chain.execute(BlockEnv(2, 1_700_000_012, 0, 30_000_000), [transfer(chain, 0, 1)])


@pytest.mark.parametrize("kind", ["anvil", "url"])
def test_a_node_that_dies_in_a_run_leaves_a_partial_one(monkeypatch, tmp_path, kind):
    made: list[AnvilProcess] = []
    start = AnvilProcess.__init__
    monkeypatch.setattr(AnvilProcess, "__init__", lambda self, *a, **k: (made.append(self), start(self, *a, **k))[1])
    blocks = 0
    execute = RemoteChain.execute

    def dying(self, env, candidates):
        nonlocal blocks
        blocks += 1
        if blocks == 90:
            made[-1]._process.kill()
            made[-1]._process.wait()
        return execute(self, env, candidates)

    monkeypatch.setattr("simulator.chain.node.NodeChain.execute", dying)
    if kind == "anvil":
        result = run(load("calm", **SMALL), seed=7, chain="anvil", out=tmp_path / "out")
    else:
        with plain_anvil() as node:
            result = run(load("calm", **SMALL), seed=7, chain=node.url, out=tmp_path / "out")
    assert result.exit_code == 3
    assert result.manifest["status"] == "partial"
    assert str(result.fault).count("\n") == 0
    assert "the node is gone" in str(result.fault)
    assert json.loads((tmp_path / "out/manifest.json").read_text())["fault"]["what"].startswith("the node is gone")
    assert 0 < result.metrics["blocks"] < 150
    assert len(result.blocks) == result.metrics["blocks"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_anvil_outlives_its_run(tmp_path, how):
    mark = str(tmp_path)
    words = ["run", "calm", "--chain", "anvil", "--set", "world.hours=500", "--out", "out", "--json"]
    command = [sys.executable, "-m", "simulator.cli", *words]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"MARK": mark},
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("out.partial-*/transactions.parquet")) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(3)
    assert anvils(mark)
    process.send_signal(how)
    output, errors = process.communicate(timeout=60)
    if how == signal.SIGINT:
        assert process.returncode == 130, errors
        assert json.loads(output)["status"] == "partial"
    time.sleep(0.5)
    assert not anvils(mark)


def test_no_anvil_is_left_where_the_set_up_fails(tmp_path):
    words = ["run", "calm", "--chain", "anvil", "--set", "cdp.collateral.ETH.debt_ceiling=1"]
    done = wavetank(*words, cwd=tmp_path, MARK=str(tmp_path))
    assert done.returncode == 2
    assert "DebtCeilingExceeded(" in done.stderr
    assert not anvils(str(tmp_path))
