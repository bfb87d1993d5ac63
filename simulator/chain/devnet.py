"""An anvil that others join: wallets, front ends and scripts send to it while a scenario runs on it.

What they sent is read out of the node's pool before each block, so that it competes with what agents sent, and is put
back at its place in the block as the bytes it came in, under the hash that a wallet waits for. Between blocks what
still waits stands in the node's pool, where wallets look for it; while one is built they wait at the gate. The node
keeps its history, because front ends ask for logs from the beginning.
"""

from collections.abc import Container, Mapping, Sequence
from typing import Any, Final, NamedTuple

from simulator.chain.accounts import Account
from simulator.chain.anvil import AnvilChain
from simulator.chain.gate import Advice, Gate
from simulator.chain.rpc import Call, ask, ask_all
from simulator.chain.types import ZERO_ADDRESS, Address, Transaction

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

    From one block to the next: `newcomers`, `keep` for each that is to be mined one day, the block, `show`. From
    `show` to `newcomers` the others can ask and send; what they ask for otherwise is answered afterwards.
    """

    name = "devnet"

    def __init__(
        self, *, chain_id: int, gas_limit: int, coinbase: Address = ZERO_ADDRESS, port: int = DEFAULT_PORT
    ) -> None:
        wallets = ["--accounts", str(WALLETS), "--mnemonic", MNEMONIC]
        super().__init__(chain_id=chain_id, gas_limit=gas_limit, coinbase=coinbase, flags=wallets)
        self._foreign: dict[Transaction, Foreign] = {}  # what is not mined yet
        try:
            self.gate = Gate(port, self.process.url)
        except BaseException:
            super().close()
            raise

    def close(self) -> None:
        """See `Chain.close`."""
        self.gate.close()
        super().close()

    def open_account(self, account: Account, wei: int) -> None:
        """See `Chain.open_account`. Only ours are impersonated: what a wallet sends is signed."""
        ask(self._connection, "anvil_impersonateAccount", account.address)
        super().open_account(account, wei)

    # ------------------------------------------------------------ those who join

    def newcomers(self) -> list[Foreign]:
        """What others sent since the last block, in any order. The node's pool does not hold it afterwards."""
        self.gate.shut()
        content = ask(self._connection, "txpool_content")
        waiting = [tx for part in content.values() for queue in part.values() for tx in queue.values()]
        if not waiting:
            return []
        known = {foreign.hash for foreign in self._foreign.values()}
        fields = [tx for tx in waiting if tx["hash"] not in known]
        raw = ask_all(self._connection, [("eth_getRawTransactionByHash", tx["hash"]) for tx in fields])
        ask(self._connection, "anvil_dropAllTransactions")
        return [_foreign(*each) for each in zip(fields, raw, strict=True)]

    def keep(self, foreign: Foreign) -> None:
        """Let one of the newcomers be mined once it is among the candidates of a block."""
        self._foreign[foreign.transaction] = foreign
        if foreign.sending[0] == "eth_sendTransaction":
            ask(self._connection, "anvil_impersonateAccount", foreign.transaction.sender)

    def show(self, waiting: Container[Transaction], gas: Advice) -> None:
        """Put what still waits back into the node's pool and say what the next block costs, for wallets to see."""
        self._foreign = {tx: foreign for tx, foreign in self._foreign.items() if tx in waiting}
        sendings = [foreign.sending for foreign in self._foreign.values()]
        # One that the node does not want again waits all the same, unseen.
        self._connection.batch([("anvil_setNextBlockBaseFeePerGas", hex(gas.base_fee)), *sendings])
        self.gate.advice = gas
        self.gate.open()

    # -------------------------------------------------------------------- blocks

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
