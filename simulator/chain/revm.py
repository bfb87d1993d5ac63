"""The embedded chain: pyrevm in this process.

State that counts as committed lives in pyrevm's database. In `exact` mode the journal above it is emptied after every
transaction (run, read what changed, revert, write the change to the database), which gives each transaction cold
access lists, original storage values and its own refunds, as on a node. In `fast` mode transactions run one upon the
other in the journal: slots stay warm, gas reads low, and a compaction now and then moves the journal to the database.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import pyrevm

from simulator.chain.abi import keccak256
from simulator.chain.accounts import Account
from simulator.chain.base import CallReverted
from simulator.chain.fork import Fork
from simulator.chain.journal import AccountState, call_changes, loaded_state
from simulator.chain.opcodes import refuse_unsupported
from simulator.chain.rules import most_it_costs, refusal, skipped
from simulator.chain.types import (
    ZERO_ADDRESS,
    Address,
    BlockEnv,
    Bundle,
    BundleReceipt,
    Candidate,
    Filled,
    Outcome,
    Reason,
    Receipt,
    Skipped,
    Transaction,
    Virtual,
)
from simulator.errors import ChainError, ConfigError

# When a fast-mode journal is compacted, in gas run since the last time. It prints 30 bytes a thousand gas, held twice
# while they are read. What is loaded costs the same to read and write back however long the journal is, so a larger
# world waits longer; no longer than to some 16 MB of text, beyond which fresh memory costs more than waiting gains.
_COMPACT_GAS = 100_000_000
_COMPACT_GAS_PER_ACCOUNT = 350_000
_COMPACT_GAS_MOST = 450_000_000
_COMPACT_GAS_PER_TRANSACTION = 50_000  # what even an empty one leaks, in the same unit
_AccountInfo: Any = pyrevm.AccountInfo  # its stub leaves the balance out
_CODE_PADDING = 33  # zero bytes that pyrevm's analysis puts behind a contract's code
_SCRATCH = Address("0x" + "5c" * 20)  # nobody's

_OUTPUT = re.compile(r"output: (?:Bytes\()?0x([0-9a-f]*)")


def revert_data(fault: RuntimeError) -> bytes:
    """The revert data in the text of pyrevm's error; empty where execution halted.

    Raises ChainError where the state of a fork could not be read: that is no revert.
    """
    if str(fault).startswith("Database("):
        raise fork_gone(fault)
    found = _OUTPUT.search(str(fault))
    return bytes.fromhex(found[1]) if found else b""


def fork_gone(fault: RuntimeError) -> ChainError:
    """The node that was forked does not answer any more."""
    del fault  # which is a screenful
    return ChainError(
        "the forked node is gone: its state cannot be read", where="chain.fork", mend="see whether it runs"
    )


class _Mark:
    """What a snapshot needs to come back: the engine does not undo writes to its database."""

    __slots__ = ("accounts", "checkpoint", "created", "env", "leaked_gas", "slots", "tips")

    def __init__(self, checkpoint: Any, tips: int, env: BlockEnv, leaked_gas: int) -> None:
        self.checkpoint, self.tips, self.env, self.leaked_gas = checkpoint, tips, env, leaked_gas
        self.accounts: dict[str, tuple[int, int, int | None]] = {}  # balance, engine's nonce, ours
        self.created: set[str] = set()
        self.slots: dict[tuple[str, int], int] = {}


class RevmChain:
    """A chain in process. `gas_mode` is `exact` or `fast`."""

    name = "revm"

    def __init__(
        self,
        gas_mode: str = "exact",
        *,
        chain_id: int = 31337,
        gas_limit: int = 30_000_000,
        coinbase: Address = ZERO_ADDRESS,
        fork: Fork | None = None,
    ) -> None:
        if gas_mode not in ("exact", "fast"):
            raise ConfigError(f"gas = {gas_mode!r}", mend="use exact or fast")
        self.gas_mode: str | None = gas_mode
        self._exact = gas_mode == "exact"
        self._coinbase = coinbase
        self._gas_limit = gas_limit
        origin: dict[str, Any] = {"fork_url": fork.url, "fork_block": str(fork.number)} if fork else {}
        self._evm: Any = pyrevm.EVM(
            env=pyrevm.Env(cfg=pyrevm.CfgEnv(chain_id=chain_id)), gas_limit=gas_limit, spec_id="Cancun", **origin
        )
        self._forked = fork is not None
        self._bare: set[str] = set()  # of a fork, accounts known to have no code
        self._set_env(BlockEnv(0, 0, 0, gas_limit))
        self._nonces: dict[str, int] = {}
        self._codes: dict[str, bytes] = {}
        self._hashes: dict[str, bytes] = {}  # of codes that the database holds analysed
        self._marks: list[_Mark] = []
        self._tips = 0  # [wei] earned by the coinbase, not yet written
        self._leaked_gas = 0
        self._compact_at = _COMPACT_GAS
        # Fast mode lives above this empty journal and comes back to it in a compaction.
        self._base = None if self._exact else self._evm.snapshot()
        self._run = self._run_exact if self._exact else self._run_fast

    # ---------------------------------------------------------------- blocks

    def execute(self, env: BlockEnv, candidates: Sequence[Candidate]) -> list[Outcome]:
        """See `Chain.execute`."""
        self._set_env(env)
        gas_left, base_fee = env.gas_limit, env.base_fee
        outcomes: list[Outcome] = []
        for candidate in candidates:
            kind = type(candidate)
            outcome: Outcome
            if kind is Transaction:
                outcome = self._attempt(candidate, base_fee, gas_left)  # type: ignore[arg-type]
                if type(outcome) is Receipt:
                    gas_left -= outcome.gas_used
            elif kind is Virtual:
                used = min(candidate.gas, gas_left)  # type: ignore[union-attr]
                gas_left -= used
                outcome = Filled(candidate, used)  # type: ignore[arg-type]
            else:
                outcome = self._attempt_bundle(candidate, base_fee, gas_left)  # type: ignore[arg-type]
                if type(outcome) is BundleReceipt:
                    gas_left -= sum(receipt.gas_used for receipt in outcome.receipts)
            outcomes.append(outcome)
        self._pay_coinbase()
        if self._leaked_gas > self._compact_at and not self._marks:
            self._compact()
        return outcomes

    def _set_env(self, env: BlockEnv) -> None:
        self._env = env
        self._evm.set_block_env(
            pyrevm.BlockEnv(
                number=env.number, timestamp=env.timestamp, coinbase=self._coinbase, gas_limit=self._gas_limit
            )
        )

    def _attempt(self, tx: Transaction, base_fee: int, gas_left: int) -> Receipt | Skipped:
        sender = tx.sender
        expected = self._nonces.get(sender)
        if expected is None:
            expected = self.nonce(sender)
        reason = refusal(tx, expected, gas_left, base_fee)
        if reason is not None:
            return skipped(tx, reason)
        balance = self.balance(sender) if self._exact else self._evm.get_balance(sender)
        if balance < most_it_costs(tx):
            return Skipped(tx, "insufficient funds", True)
        max_fee, max_tip = tx.max_fee, tx.max_tip
        tip = max_fee - base_fee
        price = base_fee + (max_tip if max_tip < tip else tip)
        receipt = self._run(tx, balance, price)
        self._tips += receipt.gas_used * (price - base_fee)
        return receipt

    def _attempt_bundle(self, bundle: Bundle, base_fee: int, gas_left: int) -> BundleReceipt | Skipped:
        mark = self.snapshot()
        receipts: list[Receipt] = []
        for tx in bundle.transactions:
            outcome = self._attempt(tx, base_fee, gas_left)
            if type(outcome) is not Receipt or not outcome.status:
                self.revert(mark)
                reason: Reason = outcome.reason if type(outcome) is Skipped else "bundle reverted"
                return Skipped(bundle, reason, True)
            gas_left -= outcome.gas_used
            receipts.append(outcome)
        self._release(mark)
        return BundleReceipt(bundle, tuple(receipts))

    # ---------------------------------------------------------- one transaction

    def _run_fast(self, tx: Transaction, balance: int, price: int) -> Receipt:
        evm = self._evm
        sender, nonce, to, data, value, gas, _, _ = tx
        if to is None:
            return self._create_fast(tx, price)
        if self._marks:
            self._note_account(sender)
        evm.reset_transient_storage()
        try:
            output = evm.message_call(sender, to, data, value, gas, price)
        except RuntimeError as fault:
            output = revert_data(fault)
        result = evm.result
        used: int = result.gas_used
        if price:
            # Only a transfer of value moves the sender's own ether while it runs.
            left = evm.get_balance(sender) if value or sender in self._codes else balance
            evm.set_balance(sender, left - used * price)
        self._leaked_gas += used + _COMPACT_GAS_PER_TRANSACTION
        self._nonces[sender] = nonce + 1
        return Receipt(tx, result.is_success, used, price, output, result)

    def _create_fast(self, tx: Transaction, price: int) -> Receipt:
        """A creation needs its state read whole, so it runs as in exact mode, above an empty journal."""
        if self._marks:
            raise ChainError("fast mode cannot create a contract inside a bundle or snapshot", mend="use exact gas")
        self._compact()
        self._evm.revert(self._base)
        receipt = self._run_exact(tx, self.balance(tx.sender), price)
        self._base = self._evm.snapshot()
        return receipt

    def _run_exact(self, tx: Transaction, balance: int, price: int) -> Receipt:
        evm, sender, to = self._evm, tx.sender, tx.to
        if self._marks:
            self._note_account(sender)
        # The engine moves neither nonce nor fee of a call: the sender is charged for the whole limit before it, as the
        # code that runs may look, and given back what was not used. A creation counts its nonce itself. The engine
        # also checks that the limit could be paid, so a sender who could not pay it twice is shown richer than he is.
        most = tx.gas * price
        shown = max(balance - most, most + tx.value)
        self._write_account(sender, shown, tx.nonce + (to is not None))
        evm.reset_transient_storage()
        before = evm.snapshot()
        created = None
        try:
            if to is None:
                created = Address(evm.deploy(sender, tx.data, tx.value, tx.gas))
                output = b""
            else:
                output = evm.message_call(sender, to, tx.data, tx.value, tx.gas, price)
        except RuntimeError as fault:
            output = revert_data(fault)
        result = evm.result
        status, used = result.is_success, result.gas_used
        if not status:
            evm.revert(before)
            created = None
        elif to is None:
            self._commit_creation(before)
        else:
            self._commit_call(before)
        moved = self._account(sender)[0] - shown  # by the value sent, and what the code sent back
        self._write_account(sender, balance + moved - used * price, tx.nonce + 1)
        self._nonces[sender] = tx.nonce + 1
        return Receipt(tx, status, used, price, output, result, created)

    def _commit_call(self, before: Any) -> None:
        evm = self._evm
        changes = call_changes(evm.journal_str)
        gone = changes.destroyed
        slots = [(address, key, evm.storage(address, key)) for address, key in changes.slots if address not in gone]
        accounts = [(a, evm.get_balance(a), evm.basic(a).nonce) for a in changes.accounts if a not in gone]
        codes = {a: evm.basic(a) for a in changes.created if a not in gone}
        evm.revert(before)
        self._forget(gone)
        self._keep_codes(codes)
        for address, balance, nonce in accounts:
            self._note_account(address)
            self._write_account(address, balance, nonce)
        for address, key, value in slots:
            self._write_slot(address, key, value)

    def _commit_creation(self, before: Any) -> None:
        evm = self._evm
        journal = evm.journal_str
        gone = call_changes(journal).destroyed
        accounts = [a for a in loaded_state(journal) if a.touched and a.address not in gone]
        codes = {a.address: evm.basic(a.address) for a in accounts if a.created}
        evm.revert(before)
        self._forget(gone)
        self._keep_codes(codes)
        self._write_accounts(accounts)

    def _forget(self, destroyed: Iterable[str]) -> None:
        """Leave nothing of contracts that went in the transaction that made them, nor of ether sent to them before."""
        for address in destroyed:
            self._note_account(address)
            self._write_account(address, 0, 0)

    def _compact(self) -> None:
        """Move the journal of fast mode to the database and forget it, so that memory stays flat."""
        evm = self._evm
        accounts = loaded_state(evm.journal_str)
        codes = {a.address: evm.basic(a.address) for a in accounts if a.created}
        evm.revert(self._base)
        self._keep_codes(codes)
        self._write_accounts(accounts)
        self._base = evm.snapshot()
        self._leaked_gas = 0
        # Senders and contracts, not what is loaded: views load too, and gas may not depend on who has looked.
        known = len(self._nonces) + len(self._codes)
        self._compact_at = min(_COMPACT_GAS_MOST, _COMPACT_GAS + _COMPACT_GAS_PER_ACCOUNT * known)

    def _write_accounts(self, accounts: list[AccountState]) -> None:
        for account in accounts:
            self._note_account(account.address)
            self._write_account(account.address, account.balance, account.nonce)
            for key, value in account.changed_slots:
                self._write_slot(account.address, key, value)

    def _engine_code(self, address: str) -> bytes:
        return bytes(self._evm.get_code(address) or b"")[:-_CODE_PADDING]

    def _fetch_code(self, address: str) -> bytes | None:
        """Of an account that the fork may have: what is written to the database must carry its code along."""
        if address in self._bare:
            return None
        before = self._evm.snapshot()
        code, digest = bytes(self._evm.get_code(address) or b""), bytes(self._evm.basic(address).code_hash)
        self._evm.revert(before)
        if code and keccak256(code) != digest:  # padded, once it was loaded
            code = code[:-_CODE_PADDING]
        if not code:
            self._bare.add(address)
            return None
        if self._exact:
            refuse_unsupported(address, code)
        self._codes[address] = code
        return code

    def _keep_codes(self, created: dict[str, Any]) -> None:
        """Take over the codes of contracts that were created, from the engine's own records of them.

        Those hold the code analysed. Given as bytes it would be analysed anew in each call, so a record passes through
        the database once, under no account's name, and from then on accounts name the code by its hash.
        """
        if not created:
            return
        codes = {address: bytes(info.code or b"")[:-_CODE_PADDING] for address, info in created.items()}
        if self._exact:
            for address, code in codes.items():
                refuse_unsupported(address, code)
        for address, code in codes.items():
            if code:
                self._evm.insert_account_info(_SCRATCH, created[address])
                self._hashes[address] = bytes(created[address].code_hash)
        self._evm.insert_account_info(_SCRATCH, _AccountInfo())
        self._codes.update(codes)
        if self._marks:
            self._marks[-1].created.update(codes)

    # ------------------------------------------------------- writing to the database

    def _write_account(self, address: str, balance: int, nonce: int) -> None:
        code = self._codes.get(address)
        if code is None and self._forked:
            code = self._fetch_code(address)
        fields = {"balance": balance, "nonce": nonce}
        if code and address in self._hashes:
            self._evm.insert_account_info(address, _AccountInfo(**fields, code_hash=self._hashes[address]))
            return
        info = _AccountInfo(**fields, code=code) if code else _AccountInfo(**fields)
        self._evm.insert_account_info(address, info)

    def _write_slot(self, address: str, key: int, value: int) -> None:
        if self._marks:
            self._marks[-1].slots.setdefault((address, key), self.storage(Address(address), key))
        self._put_slot(address, key, value)

    def _put_slot(self, address: str, key: int, value: int) -> None:
        evm = self._evm
        before = evm.snapshot()  # one a slot: a second insert under the same one would be lost
        evm.insert_account_storage(address, key, value)
        evm.revert(before)

    def _pay_coinbase(self) -> None:
        """Tips reach the coinbase at the end of a block; no contract of ours can look at it earlier."""
        if self._tips:
            self.fund(self._coinbase, self.balance(self._coinbase) + self._tips)
            self._tips = 0

    # -------------------------------------------------------------- marks

    def snapshot(self) -> int:
        """See `Chain.snapshot`."""
        # In fast mode nothing is moved to the database while a mark is open, so the engine's own checkpoint serves.
        checkpoint = None if self._exact else self._evm.snapshot()
        self._marks.append(_Mark(checkpoint, self._tips, self._env, self._leaked_gas))
        return len(self._marks)

    def revert(self, mark: int) -> None:
        """See `Chain.revert`."""
        if mark != len(self._marks) or not mark:
            raise ChainError(f"snapshot {mark} is not the latest, {len(self._marks)}", mend="revert last in, first out")
        undo = self._marks.pop()
        if undo.checkpoint is not None:
            self._evm.revert(undo.checkpoint)
        self._tips, self._leaked_gas = undo.tips, undo.leaked_gas
        if self._env != undo.env:
            self._set_env(undo.env)
        for address in undo.created:
            del self._codes[address]
            self._hashes.pop(address, None)
        for address, (balance, nonce, known_nonce) in undo.accounts.items():
            self._write_account(address, balance, nonce)
            if known_nonce is None:
                self._nonces.pop(address, None)
            else:
                self._nonces[address] = known_nonce
        for (address, key), value in undo.slots.items():
            self._put_slot(address, key, value)  # not noted: an outer mark would take what is undone for its own

    def _release(self, mark: int) -> None:
        """Keep what was done since the latest mark; an outer mark inherits what it would undo."""
        done = self._marks.pop()
        if len(self._marks) + 1 != mark:
            raise ChainError(f"snapshot {mark} is not the latest")
        if self._marks:
            outer = self._marks[-1]
            outer.accounts = done.accounts | outer.accounts
            outer.slots = done.slots | outer.slots
            outer.created |= done.created

    def _note_account(self, address: str) -> None:
        if self._marks and address not in self._marks[-1].accounts:
            balance, nonce = self._account(address)
            self._marks[-1].accounts[address] = (balance, nonce, self._nonces.get(address))

    # ------------------------------------------------------------------ views

    def call(self, to: Address, data: bytes, sender: Address = ZERO_ADDRESS) -> bytes:
        """See `Chain.call`."""
        evm = self._evm
        evm.reset_transient_storage()
        before = evm.snapshot()  # views leak and warm slots too
        try:
            # The block's limit bounds it: pyrevm's own default hangs on an endless loop.
            output: bytes = evm.message_call(sender, to, data, 0, self._gas_limit)
        except RuntimeError as fault:
            raise CallReverted(revert_data(fault)) from None
        finally:
            evm.revert(before)
        return output

    def balance(self, address: Address) -> int:
        """See `Chain.balance`."""
        return self._account(address)[0]

    def nonce(self, address: Address) -> int:
        """See `Chain.nonce`. Of a contract the engine alone knows it."""
        known = self._nonces.get(address)
        return self._account(address)[1] if known is None else known

    def storage(self, address: Address, slot: int) -> int:
        """See `Chain.storage`."""
        before = self._evm.snapshot()
        value: int = self._evm.storage(address, slot)
        self._evm.revert(before)
        return value

    def code(self, address: Address) -> bytes:
        """See `Chain.code`."""
        known = self._codes.get(address)
        if known is None and self._forked:
            known = self._fetch_code(address)
        if known is not None or self._exact:
            return known or b""
        before = self._evm.snapshot()
        code = self._engine_code(address)  # of a contract that a call has made since the last compaction
        self._evm.revert(before)
        return code

    def fund(self, address: Address, wei: int) -> None:
        """See `Chain.fund`."""
        self._note_account(address)
        if self._exact:
            self._write_account(address, wei, self._account(address)[1])
        else:
            self._evm.set_balance(address, wei)

    def open_account(self, account: Account, wei: int) -> None:
        """See `Chain.open_account`."""
        self.fund(account.address, wei)

    def close(self) -> None:
        """See `Chain.close`."""
        self._evm = None

    def _account(self, address: str) -> tuple[int, int]:
        """Ether and the engine's nonce; read inside a snapshot, as every reading leaves something warm."""
        before = self._evm.snapshot()
        try:
            info = self._evm.basic(address)
        except RuntimeError as fault:
            raise fork_gone(fault) from None
        self._evm.revert(before)
        return info.balance, info.nonce
