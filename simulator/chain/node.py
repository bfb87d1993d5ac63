"""A chain in another process: blocks that we order, mined by a node and checked against what was sent.

What differs between nodes is how a transaction reaches them (impersonated or signed) and which methods they have; a
subclass says so. State is the node's: only nonces and a lower bound of each sender's ether are kept here, which spares
a round trip for each transaction.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from simulator.chain.accounts import Account
from simulator.chain.base import CallReverted
from simulator.chain.inclusion import Inclusion
from simulator.chain.rpc import Call, Connection, RpcFault, ask, ask_all, refused
from simulator.chain.types import (
    ZERO_ADDRESS,
    Address,
    BlockEnv,
    BundleReceipt,
    Candidate,
    Log,
    Outcome,
    Receipt,
    Transaction,
)
from simulator.errors import ChainError

_REVERTED: Final = (3, -32000, -32003, -32603)  # codes under which nodes report a failed view


class _Mark(NamedTuple):
    """What a snapshot needs to come back."""

    node: str  # its number there
    nonces: dict[Address, int]
    affords: dict[Address, int]


class NodeChain:
    """The part that all nodes share; see `Chain` for what is public."""

    name = "node"
    gas_mode: str | None = None

    def __init__(self, connection: Connection, *, gas_limit: int) -> None:
        self._connection = connection
        self._gas_limit = gas_limit
        self._nonces: dict[Address, int] = {}
        self._affords: dict[Address, int] = {}  # at least so much ether [wei]
        self._marks: list[_Mark] = []

    # ---------------------------------------------------- what nodes differ in

    def _sending(self, tx: Transaction) -> Call:
        """The call that puts a transaction into the node's pool."""
        raise NotImplementedError

    def _header(self, env: BlockEnv) -> list[Call]:
        """The calls that set what the next block says."""
        raise NotImplementedError

    def _clear_pool(self) -> Call:
        """The call that forgets what was not mined."""
        raise NotImplementedError

    def _revert_output(self, transaction_hash: str) -> Call:
        """The call whose result holds the revert data of a mined transaction."""
        raise NotImplementedError

    def _revert_data(self, result: Any) -> bytes:
        """The revert data in that result."""
        raise NotImplementedError

    # ---------------------------------------------------------------- blocks

    def execute(self, env: BlockEnv, candidates: Sequence[Candidate]) -> list[Outcome]:
        """See `Chain.execute`."""
        inclusion = Inclusion(env, candidates, self.nonce)
        while True:
            guess = inclusion.guess()
            certain = guess.certain and self._can_afford(guess.costs)
            mark = None if certain else self.snapshot()
            outcomes = inclusion.judge(self._mine(env, guess.transactions))
            if outcomes is not None:
                if mark is not None:
                    self._marks.pop()
                self._take_note(outcomes, guess.costs)
                return outcomes
            if mark is None:
                raise ChainError(
                    f"block {env.number}: what was sent and what was mined differ", where=self._connection.where
                )
            self.revert(mark)

    def _can_afford(self, costs: dict[Address, int]) -> bool:
        """Whether every sender can pay for all that he sends, whatever else happens in the block."""
        unsure = [sender for sender, wei in costs.items() if self._affords.get(sender, 0) < wei]
        balances = ask_all(self._connection, [("eth_getBalance", sender, "latest") for sender in unsure])
        for sender, balance in zip(unsure, balances, strict=True):
            self._affords[sender] = int(balance, 16)
        return all(self._affords[sender] >= costs[sender] for sender in unsure)

    def _mine(self, env: BlockEnv, transactions: Sequence[Transaction]) -> list[Receipt]:
        """Mine a block of ours; the receipts of what the node included, which must be in our order."""
        calls = self._header(env)
        replies = self._connection.batch([*calls, *map(self._sending, transactions)])
        for call, reply in zip(calls, replies, strict=False):
            if isinstance(reply, RpcFault):
                raise refused(self._connection, call[0], reply)
        sent = {self._accepted(tx, reply): tx for tx, reply in zip(transactions, replies[len(calls) :], strict=True)}
        ask(self._connection, "evm_mine")
        block = hex(env.number)
        found = ask(self._connection, "eth_getBlockReceipts", block)
        if found is None:
            latest = int(ask(self._connection, "eth_blockNumber"), 16)
            raise ChainError(
                f"the node is at block {latest}, not {env.number}",
                where=self._connection.where,
                mend="use a node that nobody else mines on",
            )
        if len(found) < len(sent):
            ask(self._connection, *self._clear_pool())
        return self._receipts(env, found, sent)

    def _accepted(self, tx: Transaction, reply: Any) -> str:
        """The hash of a transaction in the node's pool."""
        if isinstance(reply, RpcFault):
            raise refused(self._connection, f"transaction {tx.nonce} of {tx.sender}", reply)
        return str(reply)

    def _receipts(self, env: BlockEnv, found: list[dict[str, Any]], sent: dict[str, Transaction]) -> list[Receipt]:
        order = {name: place for place, name in enumerate(sent)}
        last = -1
        for raw in found:
            place = order.get(raw["transactionHash"])
            if place is None or place < last:
                what = "a transaction that is not ours" if place is None else "our transactions in another order"
                raise ChainError(
                    f"block {env.number} has {what}",
                    where=self._connection.where,
                    mend="use a node of your own, with first-in-first-out order (anvil --order fifo)",
                )
            last = place
        failed = [raw["transactionHash"] for raw in found if raw["status"] == "0x0"]
        outputs = ask_all(self._connection, [self._revert_output(name) for name in failed])
        faults = dict(zip(failed, map(self._revert_data, outputs), strict=True))
        return [_receipt(sent[raw["transactionHash"]], raw, faults.get(raw["transactionHash"], b"")) for raw in found]

    def _take_note(self, outcomes: Sequence[Outcome], costs: dict[Address, int]) -> None:
        """Keep the senders' nonces and the bounds of their ether right."""
        for outcome in outcomes:
            if isinstance(outcome, Receipt):
                self._nonces[outcome.transaction.sender] = outcome.transaction.nonce + 1
            elif isinstance(outcome, BundleReceipt):
                for receipt in outcome.receipts:
                    self._nonces[receipt.transaction.sender] = receipt.transaction.nonce + 1
        for sender, wei in costs.items():
            self._affords[sender] = max(0, self._affords.get(sender, 0) - wei)

    # ----------------------------------------------------------------- marks

    def snapshot(self) -> int:
        """See `Chain.snapshot`."""
        node = ask(self._connection, "evm_snapshot")
        self._marks.append(_Mark(node, dict(self._nonces), dict(self._affords)))
        return len(self._marks)

    def revert(self, mark: int) -> None:
        """See `Chain.revert`."""
        if mark != len(self._marks) or not mark:
            raise ChainError(f"snapshot {mark} is not the latest, {len(self._marks)}", mend="revert last in, first out")
        undo = self._marks.pop()
        if not ask(self._connection, "evm_revert", undo.node):
            raise ChainError(f"the node lost snapshot {undo.node}", where=self._connection.where)
        self._nonces, self._affords = undo.nonces, undo.affords

    # ----------------------------------------------------------------- views

    def call(self, to: Address, data: bytes, sender: Address = ZERO_ADDRESS) -> bytes:
        """See `Chain.call`."""
        request = {"from": sender, "to": to, "input": "0x" + data.hex(), "gas": hex(self._gas_limit)}
        (answer,) = self._connection.batch([("eth_call", request, "latest")])
        if isinstance(answer, RpcFault):
            if answer.code not in _REVERTED:
                raise refused(self._connection, "eth_call", answer)
            raise CallReverted(answer.output)
        return bytes.fromhex(answer[2:])

    def balance(self, address: Address) -> int:
        """See `Chain.balance`."""
        return int(ask(self._connection, "eth_getBalance", address, "latest"), 16)

    def nonce(self, address: Address) -> int:
        """See `Chain.nonce`."""
        known = self._nonces.get(address)
        # Only senders' are kept: that of a contract moves with what it creates.
        return int(ask(self._connection, "eth_getTransactionCount", address, "latest"), 16) if known is None else known

    def storage(self, address: Address, slot: int) -> int:
        """See `Chain.storage`."""
        return int(ask(self._connection, "eth_getStorageAt", address, hex(slot), "latest"), 16)

    def code(self, address: Address) -> bytes:
        """See `Chain.code`."""
        return bytes.fromhex(ask(self._connection, "eth_getCode", address, "latest")[2:])

    def fund(self, address: Address, wei: int) -> None:
        """See `Chain.fund`."""
        ask(self._connection, "anvil_setBalance", address, hex(wei))
        self._affords[address] = wei

    def open_account(self, account: Account, wei: int) -> None:
        """See `Chain.open_account`."""
        self.fund(account.address, wei)

    def close(self) -> None:
        """See `Chain.close`."""
        self._connection.close()


def _receipt(tx: Transaction, raw: dict[str, Any], output: bytes) -> Receipt:
    status = raw["status"] == "0x1"
    created = Address(raw["contractAddress"]) if status and tx.to is None else None
    logs = tuple(
        Log(
            Address(log["address"]),
            tuple(bytes.fromhex(topic[2:]) for topic in log["topics"]),
            bytes.fromhex(log["data"][2:]),
        )
        for log in raw["logs"]
    )
    return Receipt(tx, status, int(raw["gasUsed"], 16), int(raw["effectiveGasPrice"], 16), output, logs, created)
