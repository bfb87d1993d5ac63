"""An embedded chain with contracts of ours and nothing else on it, for the laws that are measured on bytecode."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from simulator.chain.abi import Abi
from simulator.chain.accounts import account
from simulator.chain.artifacts import load_artifact
from simulator.chain.revm import RevmChain
from simulator.chain.types import Address, BlockEnv, Outcome, Receipt, Transaction
from simulator.errors import ChainError
from simulator.protocols.genesis import Contract

_START = 1_600_000_000  # [unix s]
_CALL_GAS, _DEPLOY_GAS = 5_000_000, 8_000_000
_BLOCK_GAS = 10**9  # more calls than any law puts into a block
_MOST = 2**256 - 1


class Step(NamedTuple):
    """One call to be made."""

    sender: Address
    contract: Contract
    function: str
    args: tuple[Any, ...]


class Lab:
    """A chain without fees or competition, where every revert is an error. Gas reads low unless it is `exact`."""

    def __init__(self, gas: str = "fast") -> None:
        self.chain = RevmChain(gas, gas_limit=_BLOCK_GAS)
        self._number, self.now = 0, _START
        self._errors = Abi([])
        self.owner = self.person("owner")  # deploys, and owns what has an owner

    def person(self, name: str) -> Address:
        """The account of a name."""
        made = account(0, name)
        self.chain.open_account(made, 0)
        return made.address

    def deploy(self, name: str, *args: Any) -> Contract:
        """A contract of ours."""
        artifact = load_artifact(name)
        data = artifact.creation_code(*args)
        created = self._block([self._transaction(self.owner, None, data)], [f"{name} constructor"])[0].created
        assert created is not None
        self._errors = self._errors.merged(artifact.abi)
        return Contract(name, created, artifact.abi)

    def token(self, symbol: str, decimals: int = 18) -> Contract:
        """A token that `owner` may mint."""
        return self.deploy("CollateralToken", symbol, symbol, decimals)

    def do(self, sender: Address, contract: Contract, function: str, *args: Any) -> Any:
        """Call in a block of its own and give what the function returned. Raises ChainError where it reverts."""
        (output,) = self.do_all([Step(sender, contract, function, args)])
        return contract.abi.functions[function].decode(output)

    def do_all(self, steps: Sequence[Step]) -> list[bytes]:
        """Call in order, all in one block, and give what each returned. Raises ChainError for the first revert."""
        nonces: dict[Address, int] = {}
        transactions = []
        for sender, contract, function, args in steps:
            nonce = nonces.get(sender, self.chain.nonce(sender) if sender not in nonces else 0)
            nonces[sender] = nonce + 1
            transactions.append(self._transaction(sender, contract.address, contract.encode(function, *args), nonce))
        names = [f"{step.contract.name}.{step.function}" for step in steps]
        return [receipt.output for receipt in self._block(transactions, names)]

    def attempt(
        self, accepts: Collection[str], sender: Address, contract: Contract, function: str, *args: Any
    ) -> Receipt | str:
        """Call in a block of its own; the name of the error where it reverts with an accepted one.

        Raises ChainError for any other.
        """
        tx = self._transaction(sender, contract.address, contract.encode(function, *args))
        (outcome,) = self._execute([tx])
        if isinstance(outcome, Receipt) and not outcome.status:
            error = self._errors.decode_revert(outcome.output)
            if error.name in accepts:
                return error.name
        return _included(outcome, f"{contract.name}.{function}", self._errors)

    def endow(self, token: Contract, holder: Address, amount: int, *spenders: Contract) -> None:
        """Mint an amount [units] to somebody, who lets these contracts take any of it."""
        approvals = [Step(holder, token, "approve", (spender.address, _MOST)) for spender in spenders]
        self.do_all([Step(self.owner, token, "mint", (holder, amount)), *approvals])

    def read(self, contract: Contract, function: str, *args: Any) -> Any:
        """The answer of a view in the latest block."""
        return contract.read(self.chain, function, *args)

    def wait(self, seconds: int) -> None:
        """Let the next block be so much later."""
        self.now += seconds

    def _transaction(self, sender: Address, to: Address | None, data: bytes, nonce: int | None = None) -> Transaction:
        nonce = self.chain.nonce(sender) if nonce is None else nonce
        return Transaction(sender, nonce, to, data, 0, _CALL_GAS if to else _DEPLOY_GAS, 0, 0)

    def _block(self, transactions: Sequence[Transaction], names: Sequence[str]) -> list[Receipt]:
        outcomes = self._execute(transactions)
        return [_included(outcome, name, self._errors) for name, outcome in zip(names, outcomes, strict=True)]

    def _execute(self, transactions: Sequence[Transaction]) -> list[Outcome]:
        self._number += 1
        self.now += 1
        return self.chain.execute(BlockEnv(self._number, self.now, 0, _BLOCK_GAS), transactions)


def _included(outcome: Outcome, name: str, errors: Abi) -> Receipt:
    if not isinstance(outcome, Receipt):
        raise ChainError(f"{name} was not included: {getattr(outcome, 'reason', outcome)}")
    if not outcome.status:
        raise ChainError(f"{name} reverted: {errors.decode_revert(outcome.output)}")
    return outcome
