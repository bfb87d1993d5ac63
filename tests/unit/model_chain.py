"""A slow chain without bytecode: the rules by which a block takes, passes over or drops what it is offered.

What a transaction would do when it runs (gas it uses, whether it reverts) is a function given by the test.
"""

from collections.abc import Callable, Sequence

from simulator.chain.types import (
    Address,
    BlockEnv,
    Bundle,
    BundleReceipt,
    Candidate,
    Filled,
    Outcome,
    Receipt,
    Skipped,
    Transaction,
    Virtual,
)

Behaviour = Callable[[Transaction], tuple[int, bool]]  # gas used, success
PLAIN_TRANSFER = 21_000


class ModelChain:
    """Balances, nonces, and nothing else."""

    def __init__(self, balances: dict[Address, int], nonces: dict[Address, int], behaviour: Behaviour) -> None:
        self.balances, self.nonces, self.behaviour = dict(balances), dict(nonces), behaviour

    def copy(self) -> "ModelChain":
        return ModelChain(self.balances, self.nonces, self.behaviour)

    def execute(self, env: BlockEnv, candidates: Sequence[Candidate]) -> list[Outcome]:
        gas_left = env.gas_limit
        outcomes: list[Outcome] = []
        for candidate in candidates:
            outcome = self.attempt(candidate, env.base_fee, gas_left)
            gas_left -= gas_of(outcome)
            outcomes.append(outcome)
        return outcomes

    def attempt(self, candidate: Candidate, base_fee: int, gas_left: int) -> Outcome:
        if isinstance(candidate, Virtual):
            return Filled(candidate, min(candidate.gas, gas_left))
        if isinstance(candidate, Bundle):
            return self._attempt_bundle(candidate, base_fee, gas_left)
        return self._attempt_transaction(candidate, base_fee, gas_left)

    def _attempt_transaction(self, tx: Transaction, base_fee: int, gas_left: int) -> Receipt | Skipped:
        if tx.nonce < self.nonces[tx.sender]:
            return Skipped(tx, "nonce too low", True)
        if tx.nonce > self.nonces[tx.sender]:
            return Skipped(tx, "nonce gap", False)
        if tx.gas > gas_left:
            return Skipped(tx, "gas limit does not fit", False)
        if tx.max_fee < base_fee:
            return Skipped(tx, "fee cap below base fee", False)
        if tx.gas < PLAIN_TRANSFER:
            return Skipped(tx, "intrinsic gas too low", True)
        if self.balances[tx.sender] < tx.gas * tx.max_fee + tx.value:
            return Skipped(tx, "insufficient funds", True)
        gas_used, success = self.behaviour(tx)
        price = base_fee + min(tx.max_tip, tx.max_fee - base_fee)
        self.balances[tx.sender] -= gas_used * price
        self.nonces[tx.sender] += 1
        if success:
            self.balances[tx.sender] -= tx.value
            assert tx.to is not None
            self.balances[tx.to] += tx.value
        return Receipt(tx, success, gas_used, price, b"", ())

    def _attempt_bundle(self, bundle: Bundle, base_fee: int, gas_left: int) -> BundleReceipt | Skipped:
        before = dict(self.balances), dict(self.nonces)
        receipts = []
        for tx in bundle.transactions:
            outcome = self._attempt_transaction(tx, base_fee, gas_left)
            if isinstance(outcome, Skipped) or not outcome.status:
                self.balances, self.nonces = before
                return Skipped(bundle, outcome.reason if isinstance(outcome, Skipped) else "bundle reverted", True)
            gas_left -= outcome.gas_used
            receipts.append(outcome)
        return BundleReceipt(bundle, tuple(receipts))


def gas_of(outcome: Outcome) -> int:
    """Room in the block that an outcome took."""
    if isinstance(outcome, BundleReceipt):
        return sum(receipt.gas_used for receipt in outcome.receipts)
    return 0 if isinstance(outcome, Skipped) else outcome.gas_used
