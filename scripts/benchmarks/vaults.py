"""The vaults that benchmarks work on, and an endless mix of small adjustments of them with an oracle report a block."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from simulator.chain.base import Chain
from simulator.chain.revm import RevmChain
from simulator.chain.types import Address, BlockEnv, Transaction
from simulator.observer import Observer
from simulator.protocols.base import Call, Lending, Oracle
from simulator.scenario import Scenario, import_user_code, load_scenario
from simulator.units import GWEI, WAD
from simulator.world import World

MONTH: Final = Path(__file__).with_name("month.toml")

# Withdraw, draw, repay, add: four steps after which a vault is as it was, too small to make one unsafe.
_COLLATERAL, _DEBT = WAD // 10_000, WAD // 100
CYCLE: Final = ((-_COLLATERAL, 0), (0, _DEBT), (0, -_DEBT), (_COLLATERAL, 0))

Block = tuple[BlockEnv, list[Transaction]]

_REPORTER = "reporter/ETH"
_BLOCK_SECONDS = 12


def load(path: Path, changes: Mapping[str, Any]) -> Scenario:
    """A benchmark's own scenario with dotted keys changed."""
    return import_user_code(load_scenario(path, changes))


def new_chain(scenario: Scenario, gas: str) -> RevmChain:
    """An empty chain as a run has it."""
    settings = scenario.chain
    return RevmChain(gas, chain_id=settings.id, gas_limit=settings.gas_limit, coinbase=Address(settings.coinbase))


def unrecorded(scenario: Scenario, chain: Chain) -> World:
    """A world at its start that records nothing."""
    return World(scenario, scenario.world.seed, chain, Observer(None, None))


class Mix:
    """Blocks of adjustments, each vault in turn, with an oracle report first in each block."""

    def __init__(self, world: World) -> None:
        self.chain = world.chain
        (self._lending,) = world.capabilities(Lending)
        (self._oracle,) = world.capabilities(Oracle)
        self._owners = [position.owner for position in self._lending.book]
        self._reporter = world.genesis.account(_REPORTER).address
        self._nonces = {owner: self.chain.nonce(owner) for owner in (*self._owners, self._reporter)}
        self._price = world.market.price("ETH")
        self._gas_limit = world.scenario.chain.gas_limit
        self._number, self._time = world.number, world.now
        self._turn = 0

    def blocks(self, count: int, size: int) -> list[Block]:
        """The next blocks, of `size` transactions each."""
        return [self._block(size) for _ in range(count)]

    def rewind(self) -> None:
        """Begin every vault's cycle anew, for a state that was taken back to where it began."""
        self._turn = 0

    def take_back(self, transactions: Sequence[Transaction]) -> None:
        """Forget transactions that were drawn last and did not happen; they were one block."""
        self._number -= 1
        self._time -= _BLOCK_SECONDS
        self._turn -= len(transactions) - 1
        for tx in transactions:
            self._nonces[tx.sender] -= 1

    def _block(self, size: int) -> Block:
        self._number += 1
        self._time += _BLOCK_SECONDS
        env = BlockEnv(self._number, self._time, GWEI, self._gas_limit)
        # Another answer each time, as a feed has, but no other risk.
        report = self._oracle.report(self._price * (1 + self._number % 7 * 1e-6))
        return env, [self._sign(self._reporter, report), *(self._adjustment() for _ in range(size - 1))]

    def _adjustment(self) -> Transaction:
        visit, which = divmod(self._turn, len(self._owners))
        self._turn += 1
        owner = self._owners[which]
        return self._sign(owner, self._lending.adjust(f"ETH/{owner}", *CYCLE[visit % len(CYCLE)]))

    def _sign(self, sender: Address, call: Call) -> Transaction:
        nonce = self._nonces[sender]
        self._nonces[sender] = nonce + 1
        return Transaction(sender, nonce, call.to, call.data, 0, call.gas, 2 * GWEI, GWEI)
