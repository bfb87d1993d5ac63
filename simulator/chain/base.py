"""The chain as the rest of the simulator sees it: a block goes in, outcomes come out."""

from collections.abc import Sequence
from typing import Protocol

from simulator.chain.accounts import Account
from simulator.chain.types import Address, BlockEnv, Candidate, Outcome


class CallReverted(Exception):
    """A view reverted; `output` is the revert data."""

    def __init__(self, output: bytes) -> None:
        self.output = output
        super().__init__(output.hex())


class Chain(Protocol):
    """What every backend offers. Outcomes are equal on all of them."""

    name: str
    gas_mode: str | None  # None where there is only the true one

    def execute(self, env: BlockEnv, candidates: Sequence[Candidate]) -> list[Outcome]:
        """Run one block: walk the ordered candidates and say what became of each, in the same order.

        A candidate is included, passed over (it may be tried again in a later block) or dropped. Room is what is left
        of the gas limit after the gas really used, so inclusion is decided while executing.
        """
        ...

    def call(self, to: Address, data: bytes, sender: Address = ...) -> bytes:
        """The output of a view under the latest block; nothing of it stays. Raises CallReverted."""
        ...

    def balance(self, address: Address) -> int:
        """Ether of an account [wei]."""
        ...

    def nonce(self, address: Address) -> int:
        """Number of transactions an account has sent."""
        ...

    def storage(self, address: Address, slot: int) -> int:
        """One storage word."""
        ...

    def code(self, address: Address) -> bytes:
        """Runtime code; empty for an account without."""
        ...

    def fund(self, address: Address, wei: int) -> None:
        """Set an account's ether."""
        ...

    def open_account(self, account: Account, wei: int) -> None:
        """Make an account of ours known, which sends transactions, and give it ether."""
        ...

    def snapshot(self) -> int:
        """Mark the state; marks are reverted in strict last-in-first-out order."""
        ...

    def revert(self, mark: int) -> None:
        """Back to the latest mark. Raises ChainError for any other."""
        ...

    def close(self) -> None:
        """Release what the backend holds."""
        ...
