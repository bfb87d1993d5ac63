"""What others send to a devnet's node is mined where the scenario's block puts it, whenever it comes in."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from eth_account import Account as Signer
from nodes import need_anvil

from simulator.chain.accounts import Account
from simulator.chain.anvil import free_port
from simulator.chain.devnet import Devnet, Foreign
from simulator.chain.gate import Advice
from simulator.chain.rpc import IpcConnection, ask
from simulator.chain.types import Address, BlockEnv, Bundle, Receipt, Transaction, Virtual
from simulator.devnet import wallets

pytestmark = pytest.mark.anvil
GWEI = 10**9
LIMIT = 1_000_000
AGENT = Account("agent", Address("0x" + "11" * 20), b"")
KEYS = [holder.key for holder in wallets()]
ADDRESSES = [Address(holder.address) for holder in wallets()]


class Node:
    """A devnet, and a wallet's own way to it."""

    def __init__(self) -> None:
        need_anvil()
        self.chain = Devnet(chain_id=31337, gas_limit=LIMIT, port=free_port())
        self.chain.open_account(AGENT, 10**20)
        self.door = IpcConnection(self.chain.process.ipc, "wallet")
        self.number, self.sent = 0, 0

    def ask(self, *call: Any) -> Any:
        return ask(self.door, *call)

    def sign(self, wallet: int = 0, nonce: int = 0, fee: int = 10 * GWEI, **fields: Any) -> str:
        terms = {"to": Signer.from_key(KEYS[9]).address, "value": 5, "gas": 60_000, "nonce": nonce, "chainId": 31337}
        prices = {} if "gasPrice" in fields else {"maxFeePerGas": fee, "maxPriorityFeePerGas": GWEI}
        return "0x" + Signer.sign_transaction(terms | prices | fields, KEYS[wallet]).raw_transaction.hex()

    def send(self, *words: Any, **fields: Any) -> str:
        return str(self.ask("eth_sendRawTransaction", self.sign(*words, **fields)))

    def ours(self) -> Transaction:
        self.sent += 1
        return Transaction(AGENT.address, self.sent - 1, ADDRESSES[8], b"", 1, 30_000, 10 * GWEI, GWEI)

    def env(self) -> BlockEnv:
        return BlockEnv(self.number + 1, 1_000 + 12 * self.number, GWEI, LIMIT)

    def block(self, *candidates: Any) -> list[Any]:
        outcomes = self.chain.execute(self.env(), candidates)
        self.number += 1
        return outcomes

    def mined(self) -> list[str]:
        return list(self.ask("eth_getBlockByNumber", "latest", False)["transactions"])

    def admitted(self) -> list[Foreign]:
        found = self.chain.newcomers()
        for foreign in found:
            self.chain.keep(foreign)
        return found


@pytest.fixture
def node() -> Iterator[Node]:
    found = Node()
    yield found
    found.door.close()
    found.chain.close()


def statuses(outcomes: list[Any]) -> list[bool]:
    return [isinstance(outcome, Receipt) and outcome.status for outcome in outcomes]


SENDINGS: dict[str, Callable[[Node], str]] = {
    "signed": lambda node: node.send(),
    "legacy": lambda node: node.send(gasPrice=7 * GWEI),
    "access list": lambda node: node.send(accessList=[{"address": AGENT.address, "storageKeys": ["0x" + "00" * 32]}]),
    "unlocked": lambda node: node.ask("eth_sendTransaction", unsigned(ADDRESSES[0])),
    "impersonated": lambda node: impersonate(node, "0x" + "22" * 20),
}


def unsigned(sender: str) -> dict[str, str]:
    return {"from": sender, "to": ADDRESSES[8], "value": "0x1", "gas": hex(60_000), "gasPrice": hex(3 * GWEI)}


def impersonate(node: Node, sender: str) -> str:
    node.ask("anvil_setBalance", sender, hex(10**20))
    node.ask("anvil_impersonateAccount", sender)
    name = node.ask("eth_sendTransaction", unsigned(sender))
    node.ask("anvil_stopImpersonatingAccount", sender)
    return str(name)


@pytest.mark.parametrize("kind", SENDINGS)
@pytest.mark.parametrize("rehearsed", [False, True])
def test_however_it_was_sent_it_is_mined_in_its_place_under_its_hash(node, kind, rehearsed):
    name = SENDINGS[kind](node)
    (foreign,) = node.admitted()
    assert foreign.hash == name
    # Where there is no certain room the block is tried by simulation first, whose gas must be that of the real one.
    crowd = [Virtual(gas=LIMIT - 85_000, tip=3 * GWEI)] if rehearsed else []
    last = node.ours()._replace(nonce=1, gas=40_000)  # there is room for it unless an access list was paid for
    outcomes = node.block(*crowd, node.ours()._replace(nonce=0), foreign.transaction, last)
    assert statuses(outcomes)[len(crowd) :] == [True, True, not (rehearsed and kind == "access list")]
    assert node.mined()[1] == name
    assert outcomes[-2].gas_used == int(node.ask("eth_getTransactionReceipt", name)["gasUsed"], 16)


def test_what_waits_stands_in_the_nodes_pool_and_is_new_only_once(node):
    name = node.send(fee=2 * GWEI)
    (foreign,) = node.admitted()
    node.block(node.ours())
    node.chain.show([foreign.transaction], Advice(50 * GWEI))
    assert node.ask("eth_getTransactionByHash", name)["hash"] == name
    assert node.ask("eth_getTransactionCount", ADDRESSES[0], "pending") == "0x1"
    assert node.ask("eth_getBlockByNumber", "pending", False)["baseFeePerGas"] == hex(50 * GWEI)
    assert node.chain.newcomers() == []
    assert statuses(node.block(node.ours())) == [True]
    assert len(node.mined()) == 1  # it stood in the pool for others to see, not to be mined
    assert statuses(node.block(foreign.transaction)) == [True]
    assert node.mined() == [name]
    node.chain.show([], Advice(GWEI))
    assert node.chain.newcomers() == []


def test_a_block_that_is_taken_back_leaves_a_foreign_transaction_as_it_was(node):
    name = node.send()
    (foreign,) = node.admitted()
    tx = foreign.transaction
    mark = node.chain.snapshot()
    assert statuses(node.chain.execute(node.env(), [tx])) == [True]
    node.chain.revert(mark)
    node.block(Bundle((tx, node.ours())))
    assert node.mined()[0] == name
    assert node.chain.newcomers() == []


def test_a_blob_is_turned_away_and_never_mined(node):
    node.send()
    plain = node.chain._connection.batch

    def batch(calls: Any) -> Any:  # a real one takes seconds to sign
        answers = plain(calls)
        return json.loads(json.dumps(answers).replace('"type": "0x2"', '"type": "0x3"'))

    node.chain._connection.batch = batch
    (foreign,) = node.chain.newcomers()
    node.chain._connection.batch = plain
    assert not foreign.is_known
    assert statuses(node.block(node.ours())) == [True]
    assert len(node.mined()) == 1
    assert node.chain.newcomers() == []
