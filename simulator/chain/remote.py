"""Any other node: reached through web3, with transactions that we sign.

What a node must have: mining on demand and snapshots. What it may have (setting time, base fee, coinbase, ether, gas
limit) is tried at the start, and what is missing is said before the run, with what will differ.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, cast

from eth_account import Account as Signer
from requests import RequestException
from web3 import HTTPProvider
from web3.types import RPCEndpoint

from simulator.chain.accounts import Account
from simulator.chain.node import NodeChain
from simulator.chain.rpc import Call, Connection, RpcFault, answers, ask, ask_all, gone, refused
from simulator.chain.types import ZERO_ADDRESS, Address, BlockEnv, Transaction
from simulator.errors import ChainError

_PATIENCE: Final = 60  # [s] for an answer
_BATCH: Final = 30
_NEEDED: Final[tuple[Call, ...]] = (("evm_setAutomine", False), ("evm_snapshot",))
_RICH: Final = 10**24  # [wei] below which an unlocked account of the node is no source of ether


class Web3Connection:
    """A node behind a URL."""

    def __init__(self, url: str) -> None:
        self.where = url
        self._provider = HTTPProvider(url, request_kwargs={"timeout": _PATIENCE}, exception_retry_configuration=None)

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """See `Connection.batch`."""
        results: list[Any] = []
        for first in range(0, len(calls), _BATCH):
            requests = [(RPCEndpoint(call[0]), list(call[1:])) for call in calls[first : first + _BATCH]]
            try:
                replies = self._provider.make_batch_request(requests)
            except RequestException as fault:
                raise gone(self.where, _cause(fault)) from None
            except ValueError:
                raise ChainError("what answers is no node", where=self.where, mend="check the address") from None
            if not isinstance(replies, list):
                raise ChainError(f"the node takes no batches: {replies}", where=self.where)
            results += answers(cast(list[Any], replies))
        return results

    def close(self) -> None:
        """See `Connection.close`; web3 keeps and closes its sessions itself."""


def _cause(fault: BaseException) -> Exception:
    """The innermost reason, which names no library."""
    while True:
        inner = getattr(fault, "reason", None) or next((a for a in fault.args if isinstance(a, BaseException)), None)
        if not isinstance(inner, BaseException):
            return Exception(str(fault).rpartition(": ")[2] or type(fault).__name__)
        fault = inner


class RemoteChain(NodeChain):
    """A chain on somebody's node."""

    name = "node"

    def __init__(
        self,
        url: str,
        announce: Callable[[str], None],
        *,
        chain_id: int = 31337,
        gas_limit: int = 30_000_000,
        coinbase: Address = ZERO_ADDRESS,
        connection: Connection | None = None,
    ) -> None:
        super().__init__(connection or Web3Connection(url), gas_limit=gas_limit)
        self.name = url
        self._chain_id = chain_id
        self._keys: dict[Address, bytes] = {}
        self._check_chain_id()
        self._check_needed()
        self._node_name = str(ask(self._connection, "web3_clientVersion"))
        latest = ask(self._connection, "eth_getBlockByNumber", "latest", False)
        self._first = int(latest["number"], 16)
        self._clock = self._latest_time = int(latest["timestamp"], 16)  # where it stood at the start
        self._probe(latest, coinbase)
        for line in self._differences(latest, coinbase):
            announce(line)

    # ------------------------------------------------------------- what it can do

    def _check_chain_id(self) -> None:
        found = int(ask(self._connection, "eth_chainId"), 16)
        if found != self._chain_id:
            raise self._error(
                f"the node's chain id is {found}, the scenario's {self._chain_id}", f"set chain.id = {found}"
            )

    def _check_needed(self) -> None:
        mining = self._connection.batch([("anvil_getAutomine",), ("hardhat_getAutomine",)])
        self._mines_at_once = True in mining  # which is given back at the end
        for call in _NEEDED:
            (answer,) = self._connection.batch([call])
            if isinstance(answer, RpcFault):
                raise refused(self._connection, call[0], answer)

    def _first_that_works(self, *calls: Call) -> str:
        """The name of the first method that the node has, after a trial; empty where it has none."""
        for call in calls:
            (answer,) = self._connection.batch([call])
            if not isinstance(answer, RpcFault):
                return str(call[0])
        return ""

    def _probe(self, latest: dict[str, Any], coinbase: Address) -> None:
        """Try what nodes differ in. Each trial sets what is so already, or what the first block sets again."""
        base_fee = latest.get("baseFeePerGas", "0x0")
        fee_methods = ("anvil_setNextBlockBaseFeePerGas", "hardhat_setNextBlockBaseFeePerGas")
        coinbase_methods = ("anvil_setCoinbase", "hardhat_setCoinbase")
        ether_methods = ("anvil_setBalance", "hardhat_setBalance")
        self._set_base_fee = self._first_that_works(*((name, base_fee) for name in fee_methods))
        self._set_coinbase = self._first_that_works(*((name, coinbase) for name in coinbase_methods))
        self._set_balance = self._first_that_works(*((name, "0x" + "0" * 39 + "1", "0x0") for name in ether_methods))
        self._set_limit = self._first_that_works(("evm_setBlockGasLimit", hex(self._gas_limit)))
        self._set_time = self._first_that_works(("evm_setNextBlockTimestamp", self._clock + 1))
        self._block_receipts = self._first_that_works(("eth_getBlockReceipts", latest["number"]))
        self._drop_all = self._first_that_works(("anvil_dropAllTransactions",))
        nobody = "0x" + "0" * 64
        (trace,) = self._connection.batch([("debug_traceTransaction", nobody, _NO_TRACE)])
        self._traces = not (isinstance(trace, RpcFault) and trace.is_unknown_method)
        self._sponsor = "" if self._set_balance else self._find_sponsor()

    def _find_sponsor(self) -> str:
        """An unlocked account of the node that has ether to give."""
        for address in ask(self._connection, "eth_accounts"):
            if int(ask(self._connection, "eth_getBalance", address, "latest"), 16) >= _RICH:
                return str(address)
        raise self._error(
            "no account has ether to give, and ether cannot be set",
            f"give an unlocked account {_RICH // 10**18:,} ether, or use anvil or Hardhat",
        )

    def _differences(self, latest: dict[str, Any], coinbase: Address) -> list[str]:
        """What the run will not have in common with one on the embedded chain, a line each."""
        lines = []
        if not self._set_time:
            lines.append("cannot set time: interest, delays and stale prices follow its own clock; the digest differs")
        if not self._set_base_fee:
            lines.append(
                "cannot set the base fee: fees are its own, and transactions may be refused; the digest differs"
            )
        if not self._set_coinbase:
            lines.append(f"cannot set the coinbase: tips go to {latest['miner']}; the digest differs")
        if not self._set_balance:
            lines.append(f"cannot set ether: {self._sponsor} pays for our accounts, in blocks of its own")
        if not self._set_limit and int(latest["gasLimit"], 16) != self._gas_limit:
            lines.append(f"cannot set the gas limit: a block holds {int(latest['gasLimit'], 16):,}")
        if not self._traces:
            lines.append("has no debug_traceTransaction: reverts are counted as unexpected, without their reason")
        if self._first:
            lines.append(f"is at block {self._first:,}: contracts see block numbers that are so much higher")
        return [f"{self.name} ({self._node_name}) {line}" for line in lines]

    def close(self) -> None:
        """See `Chain.close`. The node is left as it was found, but for its chain."""
        with suppress(ChainError):
            ask(self._connection, "evm_setAutomine", self._mines_at_once)
        super().close()

    # ------------------------------------------------------------------- accounts

    def open_account(self, account: Account, wei: int) -> None:
        """See `Chain.open_account`. Its key signs what it sends."""
        self._keys[account.address] = account.key
        self.fund(account.address, wei)

    def fund(self, address: Address, wei: int) -> None:
        """See `Chain.fund`."""
        if self._set_balance:
            ask(self._connection, self._set_balance, address, hex(wei))
        else:
            self._give(address, wei - self.balance(address))
        self._affords[address] = wei

    def _give(self, address: Address, wei: int) -> None:
        if wei <= 0:
            return
        ask(self._connection, "eth_sendTransaction", {"from": self._sponsor, "to": address, "value": hex(wei)})
        if self._set_time:
            ask(self._connection, self._set_time, self._latest_time)  # no later: our next block is a second away
        ask(self._connection, "evm_mine")
        self._first += 1

    # --------------------------------------------------------------------- blocks

    def _send(self, env: BlockEnv, transactions: Sequence[Transaction]) -> list[str | None]:
        if self._set_time:
            if env.timestamp <= self._clock:
                raise self._error(
                    f"the node's clock is at {self._clock}, the block is to be at {env.timestamp}",
                    "start the node in the past (anvil --timestamp 1; Hardhat initialDate), or set world.start later",
                )
            ask(self._connection, self._set_time, env.timestamp)
            self._latest_time = env.timestamp
        if self._set_base_fee:
            ask(self._connection, self._set_base_fee, hex(env.base_fee))
        # One at a time: in a batch many nodes take them in any order.
        return [self._submit(tx) for tx in transactions]

    def _submit(self, tx: Transaction) -> str | None:
        (reply,) = self._connection.batch([("eth_sendRawTransaction", self._signed(tx))])
        if not isinstance(reply, RpcFault):
            return str(reply)
        if "funds" in reply.message.lower():
            return None
        raise refused(self._connection, f"transaction {tx.nonce} of {tx.sender}", reply)

    def _signed(self, tx: Transaction) -> str:
        fields = {
            "type": 2,
            "chainId": self._chain_id,
            "nonce": tx.nonce,
            "to": bytes.fromhex(tx.to[2:]) if tx.to is not None else b"",
            "value": tx.value,
            "data": tx.data,
            "gas": tx.gas,
            "maxFeePerGas": tx.max_fee,
            "maxPriorityFeePerGas": tx.max_tip,
        }
        key = self._keys.get(tx.sender)
        if key is None:
            raise self._error(f"nobody here has the key of {tx.sender}", "use --chain anvil, which needs no keys")
        return "0x" + bytes(Signer.sign_transaction(fields, key).raw_transaction).hex()

    def _found(self, env: BlockEnv, hashes: Sequence[str]) -> list[dict[str, Any]] | None:
        number = hex(env.number + self._first)
        block = ask(self._connection, "eth_getBlockByNumber", number, False)
        if block is None:
            return None
        if self._block_receipts:
            return list(ask(self._connection, "eth_getBlockReceipts", number))
        return ask_all(self._connection, [("eth_getTransactionReceipt", name) for name in block["transactions"]])

    def _forget(self, hashes: Sequence[str]) -> None:
        if self._drop_all:
            ask(self._connection, self._drop_all)
        else:
            self._connection.batch([("hardhat_dropTransaction", name) for name in hashes])

    def _revert_outputs(self, hashes: Sequence[str]) -> list[bytes]:
        if not self._traces:
            return [b""] * len(hashes)
        found = ask_all(self._connection, [("debug_traceTransaction", name, _NO_TRACE) for name in hashes])
        return [bytes.fromhex(trace["returnValue"].removeprefix("0x")) for trace in found]


# Only the returned value is wanted of a trace.
_NO_TRACE: Final = {"disableStorage": True, "disableMemory": True, "disableStack": True}
