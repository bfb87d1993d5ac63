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
from simulator.capsule.tape import Block, Tape, play
from simulator.digest import included
from simulator.scenario import Scenario
from simulator.world import World

BOUND = 1.5
_MODES = ("exact", "fast")


def measure(small: bool) -> Verdict:
    """Ratios in both gas modes; the bound is on exact."""
    rounds = 3 if small else 5
    scenario = vaults.load(vaults.MONTH, {"world.hours": 72} if small else {})
    figures: dict[str, Any] = {}
    for gas in _MODES:
        figures |= {f"{gas}_{name}": value for name, value in compare(scenario, gas, rounds).items()}
    return Verdict(figures, [Limit("exact_ratio", "<=", BOUND)])


def compare(scenario: Scenario, gas: str, rounds: int) -> dict[str, Any]:
    """World against replay in one gas mode."""
    tape = Tape(vaults.new_chain(scenario, gas))
    world = vaults.unrecorded(scenario, tape)
    tape.steps = []  # set-up is on both sides
    world.run()
    blocks = list(tape.blocks)
    check(world, replayed(scenario, gas, blocks))
    transactions = sum(1 for block in blocks for _ in included(block.outcomes))
    gc.collect()
    gc.freeze()  # what is kept from here on is neither side's garbage
    found = alternate(
        rounds,
        lambda: vaults.unrecorded(scenario, vaults.new_chain(scenario, gas)).run,
        lambda: replay(vaults.unrecorded(scenario, vaults.new_chain(scenario, gas)), blocks),
    )
    gc.unfreeze()
    return {
        **found.figures(""),
        "world_seconds": round(median(found.ours), 3),
        "replay_seconds": round(median(found.theirs), 3),
        "blocks": len(blocks),
        "transactions": transactions,
        "world_us_per_block": round(1e6 * median(found.ours) / len(blocks), 2),
        "replay_us_per_block": round(1e6 * median(found.theirs) / len(blocks), 2),
    }


def replay(world: World, blocks: Sequence[Block]) -> Act:
    """What runs the blocks on the chain that a world has set up."""

    def act() -> None:
        for _ in play(world.chain, blocks):
            pass

    return act


def replayed(scenario: Scenario, gas: str, blocks: Sequence[Block]) -> World:
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
