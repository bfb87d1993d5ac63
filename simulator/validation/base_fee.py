"""The base fee of blocks against EIP-1559, to the wei."""

from fractions import Fraction
from math import floor
from typing import Final, NamedTuple

import numpy as np

from simulator.mempool import Eip1559
from simulator.validation.law import Measured, law

BLOCKS: Final = 1000
_SEED: Final = 1559
_MOST_FEE: Final = 10**15  # [wei per gas] a million gwei
_LIMITS: Final = (2, 60_000_000)


class Filling(NamedTuple):
    """A block as its successor sees it."""

    base_fee: int  # [wei per gas]
    gas_limit: int
    gas_used: int


def following(parent: Filling) -> int:
    """The base fee that the specification demands behind a block.

    Read as proportions: away from the target (half the limit, rounded down) the fee moves by an eighth of itself times
    the relative excess, whole wei towards zero, and upwards by one wei at the least.
    """
    target = parent.gas_limit // 2
    excess = Fraction(parent.gas_used - target, target)
    if excess == 0:
        return parent.base_fee
    move = floor(parent.base_fee * abs(excess) / 8)
    return parent.base_fee + max(move, 1) if excess > 0 else parent.base_fee - move


def random_fillings(count: int, seed: int) -> list[Filling]:
    """Blocks of every size and fee: half of a full or empty kind or just beside the target, the rest anywhere."""
    random = np.random.default_rng(seed)
    blocks = []
    for _ in range(count):
        limit = int(random.integers(*_LIMITS, endpoint=True))
        fee = int(random.integers(0, _MOST_FEE, endpoint=True)) >> int(random.integers(0, 50))
        target = limit // 2
        edges = [0, 1, target - 1, target, target + 1, limit - 1, limit]
        anywhere = int(random.integers(0, limit, endpoint=True))
        used = int(random.choice(edges)) if random.random() < 0.5 else anywhere
        blocks.append(Filling(fee, limit, min(max(used, 0), limit)))
    return blocks


def differences(blocks: list[Filling]) -> int:
    """How many of these blocks the simulator's fee market follows with another base fee than the specification."""
    wrong = 0
    for block in blocks:
        market = Eip1559(block.base_fee, block.gas_limit)
        market.advance(block.gas_used)
        wrong += market.base_fee != following(block)
    return wrong


@law("base-fee", "EIP-1559, Specification")
def base_fee() -> Measured:
    """Of 1,000 random block fillings, how many are followed by another base fee than the specification's [count]."""
    return Measured(0.0, float(differences(random_fillings(BLOCKS, _SEED))), 0.0)
