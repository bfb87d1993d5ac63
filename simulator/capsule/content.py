"""What a capsule holds: one run, without the simulation that made it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from simulator.capsule.tape import Funding, Opening
from simulator.chain.types import Address, BlockEnv, Bundle, Transaction

MARK_BYTES = 4  # of a transaction's hash: enough to find where two replays part, while the digest says that they do


class Expected(NamedTuple):
    """What became of a transaction, and whose it was."""

    status: bool
    gas_used: int
    mark: bytes  # the beginning of its `receipt_hash`
    agent: str  # empty in the set-up
    action: str


class Page(NamedTuple):
    """A block as it is replayed: what was in it, in order, and the gas of the rest of Ethereum.

    What waited outside is left out, so that nothing but the block's own transactions decides who is in it.
    """

    env: BlockEnv
    candidates: Sequence[Transaction | Bundle]
    gas_virtual: int
    expected: Sequence[Expected]  # by transaction, those of bundles in order

    @property
    def transactions(self) -> Iterator[Transaction]:
        """Its transactions, those of bundles too."""
        for candidate in self.candidates:
            if type(candidate) is Bundle:
                yield from candidate.transactions
            else:
                yield candidate  # type: ignore[misc]


class Held(NamedTuple):
    """An account at the end."""

    address: Address
    wei: int
    nonce: int


@dataclass(frozen=True)
class Capsule:
    """A run that is replayed from transactions alone. `simulator.capsule.file` reads and writes it."""

    scenario: Mapping[str, Any]  # resolved, as in the manifest
    source: str  # of the scenario: a shipped name, or a path as seen from where the capsule was made
    seed: int
    chain: Mapping[str, Any]  # name, gas mode or None, and the constants id, gas_limit and coinbase
    fork: Mapping[str, Any] | None  # url and block of the state it starts from
    digest: str
    digest_version: int
    rule: str | None  # what the run breaks
    metrics: Mapping[str, float | int | None]
    versions: Mapping[str, str]
    user_code: Mapping[str, str]  # by place, the hash of what was imported then and is not in a replay
    setup: int  # how many of the pages are set-up
    steps: Sequence[Opening | Funding | Page]
    held: Sequence[Held]
    prices: pa.Table  # columns time [unix s], asset, exogenous and market [wad of a usd]

    @property
    def pages(self) -> Iterator[Page]:
        """The blocks among the steps."""
        return (step for step in self.steps if type(step) is Page)

    @property
    def transactions(self) -> int:
        """How many there are, those of set-up too."""
        return sum(len(page.expected) for page in self.pages)

    @property
    def title(self) -> str:
        """The scenario's."""
        return str(self.scenario.get("title", self.scenario.get("name", "")))
