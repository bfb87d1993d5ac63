"""What was done to a chain, in order, and doing it again.

A chain's state follows from four things: accounts that were opened, ether that was set, blocks, and nothing else. So a
list of these is a run without its market, its agents and whoever wrote them.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol, TypeVar

from simulator.chain.accounts import Account
from simulator.chain.base import Chain
from simulator.chain.types import ZERO_ADDRESS, Address, BlockEnv, Candidate, Outcome


class Opening(NamedTuple):
    """An account of ours was made known and given ether."""

    account: Account
    wei: int


class Funding(NamedTuple):
    """An account's ether was set."""

    address: Address
    wei: int


class Block(NamedTuple):
    """A block was executed."""

    env: BlockEnv
    candidates: Sequence[Candidate]
    outcomes: Sequence[Outcome]


Step = Opening | Funding | Block


class Tape:
    """A chain that keeps what was done to it. What was taken back is not kept."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.name, self.gas_mode = chain.name, chain.gas_mode
        self.steps: list[Step] = []
        self._marks: list[int] = []  # of each open snapshot, how many steps there were

    @property
    def blocks(self) -> Iterator[Block]:
        """The blocks among the steps."""
        return (step for step in self.steps if type(step) is Block)

    def execute(self, env: BlockEnv, candidates: Sequence[Candidate]) -> list[Outcome]:
        """See `Chain.execute`."""
        outcomes = self.chain.execute(env, candidates)
        self.steps.append(Block(env, candidates, outcomes))
        return outcomes

    def open_account(self, account: Account, wei: int) -> None:
        """See `Chain.open_account`."""
        self.chain.open_account(account, wei)
        self.steps.append(Opening(account, wei))

    def fund(self, address: Address, wei: int) -> None:
        """See `Chain.fund`."""
        self.chain.fund(address, wei)
        self.steps.append(Funding(address, wei))

    def snapshot(self) -> int:
        """See `Chain.snapshot`."""
        self._marks.append(len(self.steps))
        return self.chain.snapshot()

    def revert(self, mark: int) -> None:
        """See `Chain.revert`."""
        self.chain.revert(mark)
        del self.steps[self._marks.pop() :]

    def call(self, to: Address, data: bytes, sender: Address = ZERO_ADDRESS) -> bytes:
        """See `Chain.call`."""
        return self.chain.call(to, data, sender)

    def balance(self, address: Address) -> int:
        """See `Chain.balance`."""
        return self.chain.balance(address)

    def nonce(self, address: Address) -> int:
        """See `Chain.nonce`."""
        return self.chain.nonce(address)

    def storage(self, address: Address, slot: int) -> int:
        """See `Chain.storage`."""
        return self.chain.storage(address, slot)

    def code(self, address: Address) -> bytes:
        """See `Chain.code`."""
        return self.chain.code(address)

    def close(self) -> None:
        """See `Chain.close`."""
        self.chain.close()


class Playable(Protocol):
    """What has a block to execute."""

    @property
    def env(self) -> BlockEnv:
        """Its header."""
        ...

    @property
    def candidates(self) -> Sequence[Candidate]:
        """Its ordered candidates."""
        ...


PlayableT = TypeVar("PlayableT", bound=Playable)


def play(chain: Chain, steps: Iterable[Opening | Funding | PlayableT]) -> Iterator[tuple[PlayableT, list[Outcome]]]:
    """Do it all to another chain; each block with what came of it there."""
    for step in steps:
        if isinstance(step, Opening):
            chain.open_account(step.account, step.wei)
        elif isinstance(step, Funding):
            chain.fund(step.address, step.wei)
        else:
            yield step, chain.execute(step.env, step.candidates)
