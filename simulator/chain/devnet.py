"""An anvil that others join: wallets, front ends and scripts send to it while a scenario runs on it.

What they sent is read out of the node's pool before each block, so that it competes with what agents sent, and is put
back at its place in the block as the bytes it came in, under the hash that a wallet waits for. The node keeps its
history, because front ends ask for logs from the beginning.
"""

from collections.abc import Sequence
from typing import Any, Final

from simulator.chain.accounts import Account
from simulator.chain.anvil import AnvilChain
from simulator.chain.rpc import Call, ask, ask_all
from simulator.chain.types import (
    ZERO_ADDRESS,
    Address,
    BlockEnv,
    Candidate,
    Outcome,
    Receipt,
    Skipped,
    Transaction,
)

DEFAULT_PORT: Final = 8545
MNEMONIC: Final = "test test test test test test test test test test test junk"  # as every local devnet has it
WALLETS: Final = 10
_TYPES: Final = ("0x0", "0x1", "0x2")  # blobs and delegations are left in the pool


class Devnet(AnvilChain):
    """A chain for agents and foreigners."""

    name = "devnet"

    def __init__(
        self, *, chain_id: int, gas_limit: int, coinbase: Address = ZERO_ADDRESS, port: int = DEFAULT_PORT
    ) -> None:
        wallets = ["--accounts", str(WALLETS), "--mnemonic", MNEMONIC]
        super().__init__(chain_id=chain_id, gas_limit=gas_limit, coinbase=coinbase, port=port, flags=wallets)
        self._foreign: dict[Transaction, str] = {}  # as bytes in hex, what is not mined yet

    def open_account(self, account: Account, wei: int) -> None:
        """See `Chain.open_account`. Only ours are impersonated: what a wallet sends is signed."""
        ask(self._connection, "anvil_impersonateAccount", account.address)
        super().open_account(account, wei)

    def newcomers(self) -> list[Transaction]:
        """What others sent since the last block, in any order. The node's pool is empty afterwards."""
        content = ask(self._connection, "txpool_content")
        fields = [tx for part in content.values() for queue in part.values() for tx in queue.values()]
        fields = [tx for tx in fields if tx["type"] in _TYPES]
        if not fields:
            return []
        raw = ask_all(self._connection, [("eth_getRawTransactionByHash", tx["hash"]) for tx in fields])
        ask(self._connection, "anvil_dropAllTransactions")
        found = [_transaction(tx) for tx in fields]
        self._foreign.update(zip(found, raw, strict=True))
        return found

    def forget(self, tx: Transaction) -> None:
        """Let go of a foreign transaction that will never be mined."""
        self._foreign.pop(tx, None)

    def execute(self, env: BlockEnv, candidates: Sequence[Candidate]) -> list[Outcome]:
        """See `Chain.execute`."""
        outcomes = super().execute(env, candidates)
        for outcome in outcomes if self._foreign else ():
            if isinstance(outcome, Receipt):
                self.forget(outcome.transaction)
            elif isinstance(outcome, Skipped) and outcome.dropped and isinstance(outcome.candidate, Transaction):
                self.forget(outcome.candidate)
        return outcomes

    def _sending(self, tx: Transaction) -> Call:
        raw = self._foreign.get(tx)
        return super()._sending(tx) if raw is None else ("eth_sendRawTransaction", raw)


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
