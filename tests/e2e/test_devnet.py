"""A devnet runs a storm at the clock's pace, and outsiders take part in it as on any chain."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from eth_account import Account as Signer
from nodes import need_anvil, plain_anvil
from web3 import HTTPProvider, Web3

from simulator.chain.anvil import free_port
from simulator.deployment import Deployment, read_deployment
from simulator.units import WAD

pytestmark = pytest.mark.anvil
BUSY = ["--set", "traders.trades_per_hour=600", "--set", "borrowers.count=60", "--set", "pool.liquidity_usd=200000"]
POOR = ["--set", "liquidators.capital_usd=20000"]


@pytest.fixture(autouse=True)
def anvil() -> None:
    need_anvil()


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "simulator.cli", "devnet", *words]


class Running:
    """A devnet in a process of its own."""

    def __init__(self, folder: Path, *words: str, scenario: str = "calm") -> None:
        self.folder = folder
        self.port = free_port()
        options = ["--port", str(self.port), "--out", "out", "--json", *words]
        self.process = subprocess.Popen(
            command(scenario, *options), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.printed = json.loads(self.process.stdout.readline())
        self.deployment: Deployment = read_deployment(folder / self.printed["file"])
        self.web3 = Web3(HTTPProvider(self.deployment.url))
        self.keys = {each.name: each.key for each in (*self.deployment.wallets, *self.deployment.accounts)}

    def contract(self, key: str) -> Any:
        placed = self.deployment.contract(key)
        abi = json.loads(Path(placed.abi).read_text())["abi"]
        return self.web3.eth.contract(self.web3.to_checksum_address(placed.address), abi=abi)

    def address(self, name: str) -> str:
        return Signer.from_key(self.keys[name]).address

    def send(self, name: str, call: Any = None, **fields: Any) -> str:
        """Sign with a key of the deployment file and send; the hash that a wallet would wait for."""
        terms = {
            "from": self.address(name),
            "nonce": self.web3.eth.get_transaction_count(self.address(name), "pending"),
            "gas": 500_000,
            "maxFeePerGas": 500 * 10**9,
            "maxPriorityFeePerGas": 100 * 10**9,
            "chainId": 31337,
        }
        full = call.build_transaction(terms | fields) if call is not None else terms | fields
        signed = Signer.sign_transaction({key: value for key, value in full.items() if key != "from"}, self.keys[name])
        return self.web3.eth.send_raw_transaction(signed.raw_transaction).hex()

    def receipt(self, name: str) -> Any:
        return self.web3.eth.wait_for_transaction_receipt(name, timeout=30, poll_latency=0.02)

    def end(self) -> tuple[int, dict[str, Any], str]:
        """Ctrl-C: exit code, manifest and what was said."""
        self.process.send_signal(signal.SIGINT)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, json.loads((self.folder / "out/manifest.json").read_text()), said

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.folder / "out" / f"{name}.parquet")


@contextmanager
def devnet(folder: Path, *words: str, scenario: str = "calm") -> Iterator[Running]:
    running = Running(folder, *words, scenario=scenario)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
            running.process.communicate()


def test_an_outsider_pays_borrows_and_is_in_the_tables(tmp_path):
    with devnet(tmp_path, "--speed", "60", "--set", "world.sample_minutes=0", *BUSY, *POOR) as net:
        assert net.printed["url"] == f"http://127.0.0.1:{net.port}"
        paid = net.receipt(net.send("wallet-0", to=net.address("wallet-1"), value=5, gas=21_000))
        assert paid["status"] == 1
        engine, token = net.contract("cdp/CdpEngine"), net.contract("token/ETH/CollateralToken")
        me = net.address("wallet-2")
        hashes = [
            net.send("exchange", token.functions.mint(me, 100 * WAD)),
            net.send("wallet-2", token.functions.approve(engine.address, 2**256 - 1)),
        ]
        assert [net.receipt(each)["status"] for each in hashes] == [1, 1]
        opened = net.send("wallet-2", engine.functions.adjust(b"ETH".ljust(32, b"\0"), me, 10 * WAD, 5_000 * WAD))
        mined = net.receipt(opened)
        assert (mined["status"], mined["transactionHash"].hex()) == (1, opened)
        refused = net.send("wallet-2", engine.functions.adjust(b"ETH".ljust(32, b"\0"), me, 0, 10**6 * WAD))
        assert net.receipt(refused)["status"] == 0
        assert engine.events.PositionAdjusted.get_logs(from_block=0)  # a front end's first question
        time.sleep(1.5)
        code, manifest, said = net.end()
    assert code == 130, said
    assert manifest["status"] == "partial"
    rows = net.table("transactions")
    outsiders = rows[rows["agent"] == "outsider"]
    assert {"transfer", "mint", "approve", "adjust"} <= set(outsiders["action"])
    assert set(outsiders["status"]) == {"included", "reverted"}
    assert not outsiders["unexpected"].any()
    assert len(rows[rows["agent"] != "outsider"]) > 0
    positions = net.table("positions")
    assert me.lower() in set(positions["owner"])


def test_an_outsider_liquidates_what_a_crash_made_unsafe(tmp_path):
    sets = ["liquidators.count=0", "flash-liquidators.count=0", "borrowers.count=60", "pool.liquidity_usd=200000"]
    words = [word for each in sets for word in ("--set", each)]
    with devnet(tmp_path, "--speed", "1200", *words, scenario="flash-crash") as net:
        engine, dollar = net.contract("cdp/CdpEngine"), net.contract("cdp/Dollar")
        market = b"ETH".ljust(32, b"\0")
        me = net.address("wallet-3")
        net.receipt(net.send("exchange", dollar.functions.transfer(me, 10_000 * WAD)))
        net.receipt(net.send("wallet-3", dollar.functions.approve(engine.address, 2**256 - 1)))
        owners = {
            net.web3.to_checksum_address(each.address) for each in net.deployment.accounts if "borrowers" in each.name
        }
        deadline = time.monotonic() + 40
        done = False
        while not done and time.monotonic() < deadline:
            for owner in sorted(owners):
                call = engine.functions.liquidate(market, owner, 100 * WAD, b"")
                try:
                    call.call({"from": me})
                except Exception:  # not unsafe yet
                    continue
                done = net.receipt(net.send("wallet-3", call, gas=700_000))["status"] == 1
                break
        code, manifest, said = net.end()
    assert done, said
    assert code == 130
    assert manifest["metrics"]["liquidations"] >= 1


def test_the_deployment_file_says_everything_and_its_abis_load(tmp_path):
    with devnet(tmp_path, "--speed", "60", *BUSY, *POOR) as net:
        found = net.deployment
        assert (found.scenario, found.chain_id, found.version) == ("calm", 31337, 1)
        assert set(found.tokens) >= {"ETH", "DOLLAR"}
        assert set(found.feeds) == {"ETH"}
        for placed in found.contracts:
            assert len(net.web3.eth.get_code(net.web3.to_checksum_address(placed.address))) > 100
            assert json.loads(Path(placed.abi).read_text())["abi"]
        for holder in (*found.wallets, *found.accounts):
            assert Signer.from_key(holder.key).address.lower() == holder.address
        assert net.web3.eth.get_balance(net.address("wallet-9")) > 10**18
        assert net.web3.eth.get_block("latest")["number"] >= found.block


def test_blocks_come_when_they_are_due(tmp_path):
    with devnet(tmp_path, "--speed", "24", *BUSY, *POOR) as net:  # one each half second
        first, began = net.web3.eth.block_number, time.monotonic()
        time.sleep(4)
        blocks, took = net.web3.eth.block_number - first, time.monotonic() - began
        two = [net.web3.eth.get_block(first + 1 + more)["timestamp"] for more in (0, 1)]
    assert abs(blocks - took / 0.5) <= 2
    assert two[1] - two[0] == 12


def test_a_node_that_dies_is_one_line_and_a_partial_run(tmp_path):
    with devnet(tmp_path, "--speed", "600", *BUSY, *POOR) as net:
        time.sleep(1)
        (node,) = nodes_of(net.process.pid)
        os.kill(node, signal.SIGKILL)
        _, said = net.process.communicate(timeout=60)
    assert net.process.returncode == 3
    assert sum(line.startswith("error: ") for line in said.splitlines()) == 1
    assert "the node is gone" in said
    assert json.loads((tmp_path / "out/manifest.json").read_text())["status"] == "partial"


def nodes_of(parent: int) -> list[int]:
    """The anvils that a process has started."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            program = (entry / "cmdline").read_bytes().split(b"\0")[0]
            born_of = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if program.endswith(b"anvil") and born_of == parent:
                found.append(int(entry.name))
    return found


def test_many_outsiders_at_any_moment_are_all_mined_and_end_nothing(tmp_path):
    with devnet(tmp_path, "--speed", "600", *BUSY, *POOR) as net:
        sent: list[str] = []

        def busy(name: str) -> None:
            web3 = Web3(HTTPProvider(net.deployment.url))  # a session is no good to two threads
            for nonce in range(40):
                terms = {"to": net.address("wallet-9"), "value": 1, "gas": 21_000, "nonce": nonce, "chainId": 31337}
                fees = {"maxFeePerGas": 500 * 10**9, "maxPriorityFeePerGas": 10**9}
                raw = Signer.sign_transaction(terms | fees, net.keys[name]).raw_transaction
                sent.append(web3.eth.send_raw_transaction(raw).hex())
                time.sleep(0.013)

        threads = [threading.Thread(target=busy, args=(f"wallet-{number}",)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        mined = [net.receipt(name) for name in sent]
        code, _, said = net.end()
    assert len(sent) == 160
    assert {each["status"] for each in mined} == {1}
    assert code == 130, said
    rows = net.table("transactions")
    outsiders = rows[rows["agent"] == "outsider"]
    assert list(outsiders["status"]) == ["included"] * 160
    assert sorted(outsiders["block"]) == sorted(each["blockNumber"] for each in mined)


def test_what_waits_is_seen_and_can_be_replaced_by_ten_percent_more(tmp_path):
    with devnet(tmp_path, "--speed", "60", *BUSY, *POOR) as net:
        nonce = {"nonce": 0, "to": net.address("wallet-1"), "value": 1, "gas": 21_000}
        cheap = net.send("wallet-0", **nonce, maxFeePerGas=10**6, maxPriorityFeePerGas=10**5)
        time.sleep(0.7)
        assert net.web3.eth.get_transaction(cheap)["blockNumber"] is None
        assert net.web3.eth.get_transaction_count(net.address("wallet-0"), "pending") == 1
        barely = net.send("wallet-0", **nonce, maxFeePerGas=10**6 + 1, maxPriorityFeePerGas=10**5 + 1)
        time.sleep(0.5)
        dear = net.send("wallet-0", **nonce, maxFeePerGas=10**12, maxPriorityFeePerGas=10**10)
        assert net.receipt(dear)["status"] == 1
        _, _, said = net.end()
    assert f"refused transaction 0x{barely}" in said
    assert "10 % more" in said
    rows = net.table("transactions")
    statuses = rows[rows["agent"] == "outsider"].sort_values("block")["status"]
    assert list(statuses) == ["replaced", "included"]


def test_an_outsider_buys_from_the_pool_and_moves_it(tmp_path):
    with devnet(tmp_path, "--speed", "60", "--set", "arbitrageurs.count=0", "--set", "traders.count=0") as net:
        pool, dollar = net.contract("pool/ConstantProductPool"), net.contract("cdp/Dollar")
        me = net.address("wallet-4")
        before = pool.functions.reserves().call()
        net.receipt(net.send("exchange", dollar.functions.transfer(me, 1_000 * WAD)))
        net.receipt(net.send("wallet-4", dollar.functions.approve(pool.address, 2**256 - 1)))
        bought = net.receipt(net.send("wallet-4", pool.functions.swap(dollar.address, 1_000 * WAD, 0, me)))
        after = pool.functions.reserves().call()
        net.end()
    assert bought["status"] == 1
    assert sorted(after) != sorted(before)
    events = net.table("events")
    assert bought["blockNumber"] in set(events[events["protocol"] == "pool"]["block"])


def test_ctrl_c_pressed_twice_leaves_the_results_and_no_node(tmp_path):
    with devnet(tmp_path, "--speed", "600", *BUSY, *POOR) as net:
        (node,) = nodes_of(net.process.pid)
        assert (tmp_path / net.printed["file"]).is_file()
        time.sleep(1)
        net.process.send_signal(signal.SIGINT)
        time.sleep(0.1)
        code, manifest, said = net.end()
    assert (code, manifest["status"]) == (130, "partial"), said
    assert not Path(f"/proc/{node}").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]
    assert read_deployment(tmp_path / "out/deployment.json") == net.deployment


def test_the_readmes_script_joins_the_readmes_devnet(tmp_path):
    section = (Path(__file__).parents[2] / "README.md").read_text().split("## Devnet")[1]
    script = section.split("```python\n")[1].split("```")[0]
    words = ["black-thursday", "--speed", "60", "--port", str(free_port())]
    process = subprocess.Popen(command(*words), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"Black Thursday\n"
        ran = subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert ran.returncode == 0, ran.stderr
    count, rest = ran.stdout.split(maxsplit=1)
    assert rest == "adjustments so far\n"
    assert int(count) > 0


def test_without_anvil_it_is_one_line(tmp_path):
    done = subprocess.run(
        command("calm", "--json"),
        cwd=tmp_path,
        env=os.environ | {"WAVETANK_ANVIL": str(tmp_path / "none")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert "WAVETANK_ANVIL" in json.loads(done.stdout)["error"]["where"]
    assert not list(tmp_path.iterdir())


def test_on_a_terminal_everything_to_join_is_printed(tmp_path):
    words = ["--port", str(free_port()), "--speed", "100000", "--set", "world.hours=0.2"]
    done = subprocess.run(
        command("calm", *words), cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    found = read_deployment(tmp_path / "runs/devnet-calm-7/deployment.json")
    wanted = [found.url, "31337", *(each.address for each in found.contracts), *(each.key for each in found.wallets)]
    assert [text for text in wanted if text not in done.stdout] == []
    assert "keys everybody knows" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr


def test_a_taken_port_is_one_line(tmp_path):
    with plain_anvil() as node:
        done = subprocess.run(
            command("calm", "--port", str(node.port)),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert f"port {node.port} is in use (choose another with --port)" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "inf"])
def test_a_speed_that_is_none_is_refused(tmp_path, speed):
    done = subprocess.run(
        command("calm", "--speed", speed), cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "--speed" in done.stderr
