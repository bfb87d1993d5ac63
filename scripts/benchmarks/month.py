"""What the world costs around the chain: a month of 1,000 vaults against the replay of the very same blocks.

1,000 vaults, 43,200 blocks a minute apart, an oracle report in each, a few liquidators. The replay runs the candidate
lists that the world's pool built, on a chain that another world has set up to the same state. Nothing is recorded.

The bound is on exact gas, the mode that runs use unless told otherwise. Fast is printed beside it: there a block of one
report replays in half the time, so that the same Python around it is a larger part.
"""

import gc
from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks import vaults
from benchmarks.timing import Act, alternate
from benchmarks.verdict import Limit, Verdict
from simulator.chain.revm import RevmChain
from simulator.chain.types import BlockEnv, Candidate, Outcome, Receipt
from simulator.scenario import Scenario
from simulator.world import World

BOUND = 1.5
_MODES = ("exact", "fast")

Blocks = list[tuple[BlockEnv, Sequence[Candidate]]]


def measure(small: bool) -> Verdict:
    """Ratios in both gas modes; the bound is on exact."""
    rounds = 3 if small else 5
    scenario = vaults.load(vaults.MONTH, {"world.hours": 72} if small else {})
    figures: dict[str, Any] = {}
    for gas in _MODES:
        figures |= {f"{gas}_{name}": value for name, value in compare(scenario, gas, rounds).items()}
    return Verdict(figures, [Limit("exact_ratio", "<=", BOUND)])


class Tape(RevmChain):
    """A chain that keeps the blocks it was given."""

    def __init__(self, *settings: Any, **more: Any) -> None:
        super().__init__(*settings, **more)
        self.blocks: Blocks = []
        self.receipts = 0

    def execute(self, env: BlockEnv, candidates: Sequence[Candidate]) -> list[Outcome]:
        """See `Chain.execute`."""
        outcomes = super().execute(env, candidates)
        self.blocks.append((env, candidates))
        self.receipts += sum(type(outcome) is Receipt for outcome in outcomes)
        return outcomes


def compare(scenario: Scenario, gas: str, rounds: int) -> dict[str, Any]:
    """World against replay in one gas mode."""
    tape = vaults.new_chain_of(Tape, scenario, gas)
    world = vaults.unrecorded(scenario, tape)
    tape.blocks, tape.receipts = [], 0  # set-up is on both sides
    world.run()
    check(world, replayed(scenario, gas, tape.blocks))
    gc.collect()
    gc.freeze()  # what is kept from here on is neither side's garbage
    found = alternate(
        rounds,
        lambda: vaults.unrecorded(scenario, vaults.new_chain(scenario, gas)).run,
        lambda: replay(vaults.unrecorded(scenario, vaults.new_chain(scenario, gas)), tape.blocks),
    )
    gc.unfreeze()
    return {
        **found.figures(""),
        "world_seconds": round(median(found.ours), 3),
        "replay_seconds": round(median(found.theirs), 3),
        "blocks": len(tape.blocks),
        "transactions": tape.receipts,
        "world_us_per_block": round(1e6 * median(found.ours) / len(tape.blocks), 2),
        "replay_us_per_block": round(1e6 * median(found.theirs) / len(tape.blocks), 2),
    }


def replay(world: World, blocks: Blocks) -> Act:
    """What runs the blocks on the chain that a world has set up."""
    execute = world.chain.execute

    def act() -> None:
        for env, candidates in blocks:
            execute(env, candidates)

    return act


def replayed(scenario: Scenario, gas: str, blocks: Blocks) -> World:
    """A world that did nothing, on a chain where everything was done by replay."""
    world = vaults.unrecorded(scenario, vaults.new_chain(scenario, gas))
    replay(world, blocks)()
    return world


def check(one: World, other: World) -> None:
    """Both chains must have come to the same balances and nonces. Raises AssertionError."""
    for account in one.genesis.accounts:
        address = account.address
        assert one.chain.balance(address) == other.chain.balance(address), account.name
        assert one.chain.nonce(address) == other.chain.nonce(address), account.name
