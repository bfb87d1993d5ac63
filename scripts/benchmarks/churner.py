"""The agent of the soak benchmark: it adjusts its vault in every block."""

from benchmarks.vaults import CYCLE
from simulator.agents.base import Life
from simulator.agents.borrower import Borrower

_BLOCK_SECONDS = 12


class Churner(Borrower):
    """Withdraws, draws, repays and adds a little, for ever."""

    def life(self) -> Life:
        """One transaction a block; it does not wait for what becomes of it."""
        desk, lending, position = self.desk, self._lending, self._position
        while True:
            for collateral, debt in CYCLE:
                desk.post(lending.adjust(position, collateral, debt))
                yield desk.sleep(_BLOCK_SECONDS)
