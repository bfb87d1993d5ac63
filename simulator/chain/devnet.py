"""An anvil that others join: wallets, front ends and scripts send to it while a scenario runs on it.

What they sent is read out of the node's pool before each block, so that it competes with what agents sent, and is put
back at its place in the block as the bytes it came in, under the hash that a wallet waits for. Between blocks what
still waits stands in the node's pool, where wallets look for it. The node keeps its history, because front ends ask for
logs from the beginning.

Nothing holds the others off while a block is built. A transaction that comes in just then is in a block in which it
was not to be: that block is rolled back and mined again without it, and it takes part in the next.
"""

import errno
import socket
from collections.abc import Container, Mapping, Sequence
from typing import Any, Final, NamedTuple

from simulator.chain.accounts import Account
from simulator.chain.anvil import AnvilChain
from simulator.chain.rpc import Call, ask, ask_all
from simulator.chain.types import ZERO_ADDRESS, Address, BlockEnv, Transaction
from simulator.errors import ChainError

DEFAULT_PORT: Final = 8545
MNEMONIC: Final = "test test test test test test test test test test test junk"  # as every local devnet has it
WALLETS: Final = 10
_TYPES: Final = ("0x0", "0x1", "0x2")
_SENT: Final = ("from", "nonce", "to", "value", "gas", "input", "accessList")  # whatever the type


class Foreign(NamedTuple):
    """A transaction that somebody else sent."""

    transaction: Transaction
    hash: str
    sending: Call  # what gives it to the node again, under the same hash
    access: Sequence[Any]  # its access list, as it came

    @property
    def is_known(self) -> bool:
        """Whether it is of a kind that the scenario's blocks can hold: blobs and delegations are not."""
        return bool(self.sending)


class Devnet(AnvilChain):
    """A chain for agents and foreigners.

    From one block to the next: `newcomers`, `keep` for each that is to be mined one day, the block, `show`.
    """

    name = "devnet"

    def __init__(
        self, *, chain_id: int, gas_limit: int, coinbase: Address = ZERO_ADDRESS, port: int = DEFAULT_PORT
    ) -> None:
        refuse_taken(port)
        wallets = ["--accounts", str(WALLETS), "--mnemonic", MNEMONIC]
        super().__init__(chain_id=chain_id, gas_limit=gas_limit, coinbase=coinbase, port=port, flags=wallets)
        self._foreign: dict[Transaction, Foreign] = {}  # what is not mined yet
        self._late: list[Foreign] = []  # came in while a block was built
        self._sent: Sequence[Transaction] = ()

    def open_account(self, account: Account, wei: int) -> None:
        """See `Chain.open_account`. Only ours are impersonated: what a wallet sends is signed."""
        ask(self._connection, "anvil_impersonateAccount", account.address)
        super().open_account(account, wei)

    # ------------------------------------------------------------ those who join

    def newcomers(self) -> list[Foreign]:
        """What others sent since the last block, in any order. The node's pool does not hold it afterwards."""
        content = ask(self._connection, "txpool_content")
        waiting = [tx for part in content.values() for queue in part.values() for tx in queue.values()]
        known = {foreign.hash for foreign in self._foreign.values()}
        late, self._late = self._late, []
        found = {each.hash: each for each in (*late, *self._read([tx for tx in waiting if tx["hash"] not in known]))}
        self._forget([tx["hash"] for tx in waiting])
        return list(found.values())

    def keep(self, foreign: Foreign) -> None:
        """Let one of the newcomers be mined once it is among the candidates of a block."""
        self._foreign[foreign.transaction] = foreign
        if foreign.sending[0] == "eth_sendTransaction":
            ask(self._connection, "anvil_impersonateAccount", foreign.transaction.sender)

    def show(self, waiting: Container[Transaction], base_fee: int) -> None:
        """Put what still waits back into the node's pool and say what the next block costs, for wallets to see."""
        self._foreign = {tx: foreign for tx, foreign in self._foreign.items() if tx in waiting}
        sendings = [foreign.sending for foreign in self._foreign.values()]
        # One that the node does not take, as somebody has just sent another of its nonce, waits unseen.
        self._connection.batch([("anvil_setNextBlockBaseFeePerGas", hex(base_fee)), *sendings])

    def _read(self, fields: Sequence[dict[str, Any]]) -> list[Foreign]:
        """Transactions as the node shows them, with what sends them again."""
        raw = ask_all(self._connection, [("eth_getRawTransactionByHash", tx["hash"]) for tx in fields])
        # Without bytes it was replaced at this moment.
        return [_foreign(tx, bytes_) for tx, bytes_ in zip(fields, raw, strict=True) if bytes_ is not None]

    # -------------------------------------------------------------------- blocks

    def _send(self, env: BlockEnv, transactions: Sequence[Transaction]) -> list[str | None]:
        self._sent = transactions
        return super()._send(env, transactions)

    def _found(self, env: BlockEnv, hashes: Sequence[str]) -> list[dict[str, Any]] | None:
        ours = set(hashes)
        found = super()._found(env, hashes)
        while found and (strangers := [raw["transactionHash"] for raw in found if raw["transactionHash"] not in ours]):
            fields = ask_all(self._connection, [("eth_getTransactionByHash", name) for name in strangers])
            self._late += self._read(fields)
            ask(self._connection, "anvil_rollback", 1)
            self._forget(hashes)  # what the stranger has left no room for
            super()._send(env, self._sent)  # which have the same hashes again
            ask(self._connection, "evm_mine")
            found = super()._found(env, hashes)
        return found

    def _forget(self, hashes: Sequence[str]) -> None:
        # One by one: what has come in since they were read is not to be lost.
        ask_all(self._connection, [("anvil_dropTransaction", name) for name in hashes])

    def _sending(self, tx: Transaction) -> Call:
        foreign = self._foreign.get(tx)
        return super()._sending(tx) if foreign is None else foreign.sending

    def _request(self, tx: Transaction) -> Mapping[str, Any]:
        foreign = self._foreign.get(tx)
        request = super()._request(tx)
        return {**request, "accessList": foreign.access} if foreign is not None and foreign.access else request


def _foreign(fields: dict[str, Any], raw: str) -> Foreign:
    if fields["type"] not in _TYPES:
        sending: Call = ()
    elif int(fields["r"], 16) or int(fields["s"], 16):
        sending = ("eth_sendRawTransaction", raw)
    else:  # of an account that somebody impersonates, which has signed nothing
        prices = ("maxFeePerGas", "maxPriorityFeePerGas") if fields["type"] == "0x2" else ("gasPrice",)
        request = {name: fields[name] for name in (*_SENT, *prices) if fields.get(name) is not None}
        sending = ("eth_sendTransaction", request)
    return Foreign(_transaction(fields), fields["hash"], sending, fields.get("accessList") or ())


def refuse_taken(port: int) -> None:
    """Raise ChainError if somebody listens on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that was closed a moment ago is free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as fault:
            what = "is in use" if fault.errno == errno.EADDRINUSE else f"cannot be had: {fault.strerror}"
            raise ChainError(f"port {port} {what}", where="--port", mend="choose another with --port") from None


def _transaction(fields: dict[str, Any]) -> Transaction:
    """A transaction as a node shows it."""
    price = fields.get("gasPrice", "0x0")
    to = fields.get("to")
    return Transaction(
        Address(fields["from"]),
        int(fields["nonce"], 16),
        Address(to) if to else None,
        bytes.fromhex(fields["input"][2:]),
        int(fields["value"], 16),
        int(fields["gas"], 16),
        int(fields.get("maxFeePerGas") or price, 16),
        int(fields.get("maxPriorityFeePerGas") or price, 16),
    )
