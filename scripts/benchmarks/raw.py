"""The engine below our chain, called as directly as Python can: the yardstick of a machine's speed."""

from typing import Any, Final

import pyrevm

from benchmarks import vaults
from benchmarks.timing import Act, seconds
from simulator.chain.revm import RevmChain
from simulator.chain.types import Transaction

# CDP calls a second of `RawEngine.rate` on the machine that the README quotes, while it does nothing else: two cores of
# an AMD EPYC at 2.6 GHz, Python 3.11. Bounds in seconds hold there; elsewhere the rate measured over this one scales.
REFERENCE_RATE: Final = 40_000

_BLOCK_SIZE = 50
_Calls = list[tuple[Any, list[tuple[Any, ...]]]]


class RawEngine:
    """pyrevm's EVM over a state that our chain has set up, and blocks of calls with ready calldata."""

    def __init__(self, mix: vaults.Mix) -> None:
        assert isinstance(mix.chain, RevmChain)
        self._mix = mix
        # Its own interface offers the engine to nobody: only here is there something to compare it with.
        self._evm: Any = mix.chain._evm
        self._start: Any = self._evm.snapshot()

    def round(self, blocks: int, size: int = _BLOCK_SIZE) -> Act:
        """What makes some blocks of calls. Each round begins at the same state, so that no journal grows for ever."""
        self._evm.revert(self._start)
        self._start = self._evm.snapshot()
        self._mix.rewind()
        calls: _Calls = []
        for env, transactions in self._mix.blocks(blocks, size):
            header = pyrevm.BlockEnv(number=env.number, timestamp=env.timestamp)
            calls.append((header, [arguments(tx) for tx in transactions]))
        return lambda: self._replay(calls)

    def _replay(self, calls: _Calls) -> None:
        evm = self._evm
        for header, block in calls:
            evm.set_block_env(header)
            for each in block:
                evm.message_call(*each)

    def rate(self, calls: int) -> float:
        """Calls a second."""
        blocks = calls // _BLOCK_SIZE
        return blocks * _BLOCK_SIZE / seconds(self.round(blocks))


def arguments(tx: Transaction) -> tuple[Any, ...]:
    """A transaction as `EVM.message_call` takes it."""
    return tx.sender, tx.to, tx.data, tx.value, tx.gas, tx.max_fee


def new_engine() -> RawEngine:
    """Over the vaults of the month, warmed up."""
    scenario = vaults.load(vaults.MONTH, {"world.hours": 0})
    engine = RawEngine(vaults.Mix(vaults.unrecorded(scenario, vaults.new_chain(scenario, "fast"))))
    engine.rate(5_000)
    return engine
