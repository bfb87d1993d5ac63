"""What a transaction costs beyond the engine's own call: blocks through the chain against raw calls, both fast.

Adjustments of 1,000 vaults and an oracle report a block, in blocks of 50 as a busy chain has them. Rounds are long
enough to hold the chain's own compaction of memory; the raw calls have none.
"""

from functools import partial
from statistics import median
from typing import Any

from benchmarks import vaults
from benchmarks.raw import new_engine
from benchmarks.timing import Act, Rounds, alternate, spread
from benchmarks.verdict import Limit, Verdict
from simulator.chain.types import Receipt

BOUND = 1.25
_SIZE = 50
_OTHER_SIZES = (1, 300)  # printed, not bound


def measure(small: bool) -> Verdict:
    """Ratios by block size; the bound is on blocks of 50."""
    transactions, rounds = (6_000, 5) if small else (30_000, 11)
    scenario = vaults.load(vaults.MONTH, {"world.hours": 0, "chain.gas_limit": 200_000_000})
    mix, raw = vaults.Mix(vaults.unrecorded(scenario, vaults.new_chain(scenario, "fast"))), new_engine()
    check(mix)
    figures: dict[str, Any] = {}
    for size in (_SIZE, *_OTHER_SIZES):
        blocks = transactions // size
        chosen = rounds if size == _SIZE else 3
        found = alternate(chosen, partial(ours, mix, blocks, size), partial(raw.round, blocks, size))
        figures |= figures_of(found, size, transactions)
    return Verdict(figures, [Limit("ratio", "<=", BOUND)])


def figures_of(found: Rounds, size: int, transactions: int) -> dict[str, Any]:
    """Ratio and microseconds a transaction of both sides."""
    prefix = "" if size == _SIZE else f"blocks_of_{size}_"
    micro = [[1e6 * took / transactions for took in side] for side in found]
    return {
        **found.figures(prefix),
        f"{prefix}chain_us": round(median(micro[0]), 2),
        f"{prefix}raw_us": round(median(micro[1]), 2),
        f"{prefix}chain_us_spread": spread(micro[0], 2),
        f"{prefix}raw_us_spread": spread(micro[1], 2),
    }


def check(mix: vaults.Mix) -> None:
    """A warm-up in which every transaction must succeed. Raises AssertionError."""
    for env, transactions in mix.blocks(100, _SIZE):
        outcomes = mix.chain.execute(env, transactions)
        assert all(type(outcome) is Receipt and outcome.status for outcome in outcomes), outcomes


def ours(mix: vaults.Mix, blocks: int, size: int) -> Act:
    """What runs the next blocks through the chain."""
    execute, ready = mix.chain.execute, mix.blocks(blocks, size)

    def act() -> None:
        for env, transactions in ready:
            execute(env, transactions)

    return act
