"""A devnet's gate lets everything through, in its time, except what would make blocks."""

import asyncio
import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import ClientSession
from eth_hash.auto import keccak
from nodes import plain_anvil

from simulator.chain.anvil import AnvilProcess, free_port
from simulator.chain.gate import Advice, Gate
from simulator.errors import ChainError

pytestmark = pytest.mark.anvil
GWEI = 10**9
PRICES = [
    ("eth_gasPrice",),
    ("eth_maxPriorityFeePerGas",),
    ("eth_feeHistory", "0x1", "latest", [10, 90]),
    ("eth_feeHistory", "0x1", "latest"),
]
DEV = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"


@pytest.fixture(scope="module")
def node() -> Iterator[AnvilProcess]:
    with plain_anvil("--no-mining") as process:
        yield process


@pytest.fixture
def gate(node: AnvilProcess) -> Iterator[Gate]:
    found = Gate(free_port(), node.url)
    yield found
    found.close()


def request(method: str, *parameters: Any, number: int = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}


def post(gate: Gate, body: Any, **headers: str) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    asked = urllib.request.Request(gate.url, data, {"Content-Type": "application/json", **headers})
    with urllib.request.urlopen(asked, timeout=20) as answer:
        return json.load(answer)


def height(gate: Gate) -> int:
    return int(post(gate, request("eth_blockNumber"))["result"], 16)


class Asking(threading.Thread):
    """A request that may have to wait."""

    def __init__(self, gate: Gate, *call: Any) -> None:
        super().__init__()
        self.answer: Any = None
        self._asked = gate, request(*call)
        self.start()

    def run(self) -> None:
        self.answer = post(*self._asked)


def test_requests_and_batches_are_answered_as_by_the_node(gate):
    gate.open()
    assert post(gate, request("eth_chainId", number=9)) == {"jsonrpc": "2.0", "id": 9, "result": "0x7a69"}
    batch = post(gate, [request("eth_chainId", number=number) for number in (1, 2)])
    assert sorted(each["id"] for each in batch) == [1, 2]
    assert post(gate, b"no json")["error"]["code"] in (-32700, -32600)
    assert post(gate, request("eth_nonsense"))["error"]["code"] == -32601
    large = "0x" + "5a" * 700_000
    assert post(gate, request("web3_sha3", large))["result"] == "0x" + keccak(b"Z" * 700_000).hex()


def test_the_price_of_gas_is_the_scenarios_where_the_nodes_is_lower(gate):
    gate.open()
    asked = [request(*call, number=number) for number, call in enumerate(PRICES)]
    before = {each["id"]: each["result"] for each in post(gate, asked)}
    gate.advice = Advice(20 * GWEI, 50 * GWEI)
    raised = {each["id"]: each["result"] for each in post(gate, asked)}
    assert (raised[0], raised[1]) == (hex(70 * GWEI), hex(50 * GWEI))
    assert raised[2] == before[2] | {"reward": [[hex(50 * GWEI)] * 2 for _ in before[2]["reward"]]}
    assert raised[3] == before[3]
    assert post(gate, asked[0])["result"] == hex(70 * GWEI)
    gate.advice = Advice()
    assert {each["id"]: each["result"] for each in post(gate, asked)} == before


def test_pages_of_any_origin_may_ask(gate):
    gate.open()
    asked = urllib.request.Request(gate.url, method="OPTIONS", headers={"Origin": "http://dapp", "x": "y"})
    with urllib.request.urlopen(asked, timeout=20) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Access-Control-Allow-Headers"] == "*"


def test_while_it_is_shut_requests_wait_and_get_in_at_the_next_opening(gate):
    asking = [Asking(gate, "eth_chainId") for _ in range(5)]
    time.sleep(0.3)
    assert all(each.answer is None for each in asking)
    gate.open()
    gate.shut()  # at once: who has waited is inside by then, and is waited for
    for each in asking:
        each.join(10)
    assert [each.answer["result"] for each in asking] == ["0x7a69"] * 5
    late = Asking(gate, "eth_chainId")
    time.sleep(0.2)
    assert late.answer is None
    gate.open()
    late.join(10)
    assert late.answer["result"] == "0x7a69"


def test_once_it_is_shut_everything_that_was_let_in_has_happened(gate, node):
    """Whatever was sent is in the pool when `shut` is back, or comes only after the next `open`."""
    gate.open()
    stop = threading.Event()

    def send() -> None:
        while not stop.is_set():
            post(gate, request("eth_sendTransaction", {"from": DEV, "to": DEV, "gas": "0x5208"}))

    sender = threading.Thread(target=send)
    sender.start()
    behind = Gate(free_port(), node.url)  # a way past the gate, to look
    behind.open()
    try:
        for _ in range(40):
            time.sleep(0.004)
            gate.shut()
            first = post(behind, request("txpool_status"))["result"]
            time.sleep(0.004)
            assert post(behind, request("txpool_status"))["result"] == first
            gate.open()
    finally:
        stop.set()
        gate.open()
        sender.join()
        behind.close()
    assert int(first["pending"], 16) > 10


@pytest.mark.parametrize(
    "method", ["evm_mine", "anvil_mine", "hardhat_mine", "evm_revert", "anvil_dropAllTransactions"]
)
def test_what_makes_blocks_is_refused_by_name(gate, method):
    gate.open()
    before = height(gate)
    for body in (request(method), [request("eth_chainId"), request(method)]):
        answers = post(gate, body)
        for answer in answers if isinstance(answers, list) else [answers]:
            assert f"{method} is not for others" in answer["error"]["message"]
    assert height(gate) == before


def test_a_websocket_asks_waits_and_hears_of_blocks(gate, node):
    async def talk() -> None:
        async with ClientSession() as session, session.ws_connect(gate.url) as socket:
            await socket.send_json(request("eth_subscribe", "newHeads"))
            with pytest.raises(TimeoutError):
                await socket.receive_json(timeout=0.2)
            gate.open()

    async def hear() -> None:
        async with ClientSession() as session, session.ws_connect(gate.url) as socket:
            await socket.send_json(request("eth_subscribe", "newHeads"))
            assert (await socket.receive_json(timeout=5))["result"].startswith("0x")
            await socket.send_json(request("evm_mine", number=7))
            refused = await socket.receive_json(timeout=5)
            assert (refused["id"], refused["error"]["code"]) == (7, -32601)
            await session.post(node.url, json=request("evm_mine"))
            assert (await socket.receive_json(timeout=5))["method"] == "eth_subscription"
            await socket.send_json([request("eth_chainId", number=8), request("eth_gasPrice", number=9)])
            answers = {each["id"]: each["result"] for each in await socket.receive_json(timeout=5)}
            assert answers == {8: "0x7a69", 9: hex(70 * GWEI)}

    gate.advice = Advice(20 * GWEI, 50 * GWEI)
    asyncio.run(talk())
    asyncio.run(hear())
    began = time.monotonic()
    gate.shut()
    assert time.monotonic() - began < 1  # news is no answer, and an answer is counted once


def test_a_taken_port_is_named_with_what_to_do(gate, node):
    with pytest.raises(ChainError, match=rf"port {gate.url.rsplit(':')[-1]} is in use \(choose another with --port\)"):
        Gate(int(gate.url.rsplit(":")[-1]), node.url)


def test_it_closes_while_somebody_waits(node):
    gate = Gate(free_port(), node.url)

    def ask() -> None:
        with pytest.raises(OSError, match=r"."):
            post(gate, request("eth_chainId"))

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.2)
    began = time.monotonic()
    gate.close()
    asking.join(5)
    gate.close()
    assert time.monotonic() - began < 2
    assert not asking.is_alive()
