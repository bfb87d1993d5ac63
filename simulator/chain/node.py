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
from simulator.chain.rpc import Connection, RpcFault, ask, ask_all, refused
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
        self._first = 0  # the node's block before our first

    # ---------------------------------------------------- what nodes differ in

    def _send(self, env: BlockEnv, transactions: Sequence[Transaction]) -> list[str | None]:
        """Say what the next block's header is and put transactions into the node's pool, in order.

        Gives their hashes; None for one that the node refuses because its sender cannot pay.
        """
        raise NotImplementedError

    def _found(self, env: BlockEnv, hashes: Sequence[str]) -> list[dict[str, Any]] | None:
        """The raw receipts of a block in order, None where the node has no such block."""
        raise NotImplementedError

    def _forget(self, hashes: Sequence[str]) -> None:
        """Take what was not mined out of the node's pool."""
        raise NotImplementedError

    def _revert_outputs(self, hashes: Sequence[str]) -> list[bytes]:
        """The revert data of mined transactions that failed."""
        raise NotImplementedError

    def _rehearse(self, env: BlockEnv, transactions: Sequence[Transaction]) -> list[Receipt] | None:
        """Status and gas of transactions as if they were mined; None where the node cannot tell.

        It spares a snapshot, which nodes keep for good.
        """
        return None

    def fund(self, address: Address, wei: int) -> None:
        """See `Chain.fund`."""
        raise NotImplementedError

    # ---------------------------------------------------------------- blocks

    def execute(self, env: BlockEnv, candidates: Sequence[Candidate]) -> list[Outcome]:
        """See `Chain.execute`."""
        inclusion = Inclusion(env, candidates, self._sender_nonce)
        while True:
            guess = inclusion.guess()
            certain = guess.certain and self._can_afford(guess.costs)
            if not certain:
                rehearsed = self._rehearse(env, guess.transactions)
                if rehearsed is not None and inclusion.judge(rehearsed) is None:
                    continue
                certain = rehearsed is not None
            mark = None if certain else self.snapshot()
            receipts = self._mine(env, guess.transactions)
            if certain and len(receipts) < len(guess.transactions):
                raise self._astray(env, f"has {len(receipts)} of {len(guess.transactions)} transactions")
            outcomes = inclusion.judge(receipts)
            if outcomes is not None:
                if mark is not None:
                    self._marks.pop()
                self._take_note(outcomes, guess.costs)
                return outcomes
            if mark is None:
                raise self._astray(env, "is not what its rehearsal was")
            self.revert(mark)

    def _error(self, what: str, mend: str = "") -> ChainError:
        return ChainError(what, where=self._connection.where, mend=mend)

    def _astray(self, env: BlockEnv, what: str) -> ChainError:
        """The error for a block that is not what we sent: somebody else's, most often."""
        latest = int(ask(self._connection, "eth_blockNumber"), 16) - self._first
        if latest != env.number:
            return self._error(f"the node is at block {latest}, not {env.number}", "use one that nobody else mines on")
        return self._error(f"block {env.number} {what}")

    def _can_afford(self, costs: dict[Address, int]) -> bool:
        """Whether every sender can pay for all that he sends, whatever else happens in the block."""
        unsure = [sender for sender, wei in costs.items() if self._affords.get(sender, 0) < wei]
        balances = ask_all(self._connection, [("eth_getBalance", sender, "latest") for sender in unsure])
        for sender, balance in zip(unsure, balances, strict=True):
            self._affords[sender] = int(balance, 16)
        return all(self._affords[sender] >= costs[sender] for sender in unsure)

    def _mine(self, env: BlockEnv, transactions: Sequence[Transaction]) -> list[Receipt]:
        """Mine a block of ours; the receipts of what the node included, which must be in our order."""
        sent = dict(zip(self._send(env, transactions), transactions, strict=True))
        sent.pop(None, None)
        hashes = [name for name in sent if name is not None]
        ask(self._connection, "evm_mine")
        found = self._found(env, hashes)
        if found is None:
            raise self._astray(env, "is not there")
        mined = [raw["transactionHash"] for raw in found]
        if len(mined) < len(hashes):
            known = set(mined)
            self._forget([name for name in hashes if name not in known])
        self._check_order(env, hashes, mined)
        failed = [raw["transactionHash"] for raw in found if raw["status"] == "0x0"]
        outputs = dict(zip(failed, self._revert_outputs(failed), strict=True))
        return [_receipt(sent[name], raw, outputs.get(name, b"")) for name, raw in zip(mined, found, strict=True)]

    def _check_order(self, env: BlockEnv, sent: Sequence[str], mined: Sequence[str]) -> None:
        order = {name: place for place, name in enumerate(sent)}
        places = [order.get(name) for name in mined]
        mend = "use a node of your own, with first-in-first-out order (anvil --order fifo)"
        if None in places:
            raise self._error(f"block {env.number} has a transaction that is not ours", mend)
        if places != sorted(places):  # type: ignore[type-var]
            raise self._error(f"block {env.number} has our transactions in another order", mend)

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
            raise self._error(f"the node lost snapshot {undo.node}")
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
        return int(ask(self._connection, "eth_getTransactionCount", address, "latest"), 16) if known is None else known

    def _sender_nonce(self, sender: Address) -> int:
        """The same, kept: what somebody sends goes through here, while a contract's nonce moves unseen."""
        nonce = self._nonces[sender] = self.nonce(sender)
        return nonce

    def storage(self, address: Address, slot: int) -> int:
        """See `Chain.storage`."""
        return int(ask(self._connection, "eth_getStorageAt", address, hex(slot), "latest"), 16)

    def code(self, address: Address) -> bytes:
        """See `Chain.code`."""
        return bytes.fromhex(ask(self._connection, "eth_getCode", address, "latest")[2:])

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
