"""Random streams: one root seed, and one generator for every consumer by its name.

A consumer's numbers depend on the seed and its own name alone, so adding an agent disturbs no other.
"""

import hashlib

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence


class Streams:
    """Generators by name below one root seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def generator(self, name: str) -> Generator:
        """A new generator for `name`; asked twice, it starts again from its first number."""
        digest = hashlib.sha256(name.encode()).digest()
        words = np.frombuffer(digest, dtype="<u4").tolist()
        return Generator(PCG64(SeedSequence(self.seed, spawn_key=tuple(words))))
