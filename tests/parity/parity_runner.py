"""Two chains under the same random blocks: what differs first, and what the blocks have reached."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from parity_calls import Calls
from parity_makers import INSIDE, readers, writers
from parity_system import COINBASE, KINDS, Instance, System
from random_blocks import Block, Blocks, receipts_of

from simulator.chain.base import Chain
from simulator.chain.compare import first_difference, first_state_difference, first_view_difference
from simulator.chain.types import Address, Log, Outcome, Receipt, Skipped, Transaction

_STATE_EVERY = 5  # blocks between looks at the state
_REHEARSALS = 0.04  # of blocks are run and taken back
_PLAIN_SLOTS = 8
_LOOKED_AT = 60  # contracts, the system's own first


@dataclass
class Coverage:
    """What random blocks have reached."""

    transactions: int = 0  # drawn, alone or in a bundle
    succeeded: Counter[tuple[str, str]] = field(default_factory=Counter)
    reverted: Counter[tuple[str, str]] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    fates: Counter[str] = field(default_factory=Counter)
    logs: Counter[str] = field(default_factory=Counter)

    def missing(self) -> list[tuple[str, str]]:
        """State-changing functions that never succeeded."""
        pairs = [(kind, name) for kind in KINDS for name in writers(kind)]
        return [pair for pair in pairs if not self.succeeded[pair] and not self._inside(pair)]

    def _inside(self, pair: tuple[str, str]) -> int:
        """How often it was reached from inside another call."""
        sign = INSIDE.get(pair, "")
        return self.logs[sign] if isinstance(sign, str) else self.succeeded[sign]

    @property
    def share(self) -> float:
        """Of included transactions, those that succeeded."""
        return self.fates["succeeded"] / max(1, self.fates["succeeded"] + self.fates["reverted"])

    def add(self, other: "Coverage") -> None:
        """Take another run's together with this one."""
        self.transactions += other.transactions
        for name in ("succeeded", "reverted", "errors", "fates", "logs"):
            getattr(self, name).update(getattr(other, name))

    def note(self, outcomes: list[Outcome], system: System) -> None:
        """Count a block."""
        kinds = {instance.address: instance for instance in system.instances}
        for outcome in outcomes:
            if isinstance(outcome, Skipped):
                self.fates[outcome.reason] += 1
            for receipt in receipts_of(outcome):
                self.fates["succeeded" if receipt.status else "reverted"] += 1
                self._note_receipt(receipt, kinds, system)

    def _note_receipt(self, receipt: Receipt, kinds: dict[Address, Instance], system: System) -> None:
        data, called = receipt.transaction.data, kinds.get(receipt.transaction.to or Address(bytes(20)))
        if called is not None:
            for function in called.abi.functions.values():
                if function.selector == data[:4]:
                    count = self.succeeded if receipt.status else self.reverted
                    count[called.kind, function.name] += 1
                    break
        if not receipt.status:
            reason = system.decoder.revert(receipt.output).partition("(")
            self.errors[reason[0] if reason[0] not in ("Panic", "Error") else "".join(reason)] += 1
        for log in receipt.logs:
            self._note_log(log, kinds)

    def _note_log(self, log: Log, kinds: dict[Address, Instance]) -> None:
        """Count an event of the system's own: its name, with each contract that it is indexed by, and with all."""
        instance = kinds.get(log.address)
        if instance is None or not instance.main:
            return
        event = instance.abi.events.get(log.topics[0]) if log.topics else None
        self.logs[event.name if event else "other"] += 1
        if event is None:
            return
        named = [kind for kind in (kinds.get(Address(topic[12:])) for topic in log.topics[1:]) if kind]
        for each in named:
            self.logs[f"{event.name}:{each.kind}"] += 1
        if len(named) > 1:
            self.logs[":".join((event.name, *(each.kind for each in named)))] += 1


def _named(chain: Chain) -> str:
    return f"{chain.name} {chain.gas_mode or ''}".rstrip()


class Parity:
    """Random blocks on two chains; `run` gives the first difference."""

    def __init__(self, a: Chain, b: Chain, seed: int, *, legacy: bool, watch: Callable[[Block], None] | None = None):
        self.sides = (_named(a), _named(b))
        self.seed, self.legacy = seed, legacy
        self.coverage = Coverage()
        self._a, self._b = a, b
        self._watch = watch
        self.system, self._other = System(a, seed), System(b, seed)
        self.blocks = Blocks(self.system, seed, legacy=legacy)
        self._random = Random(seed)  # for what is done beside the blocks
        self._views = Calls(self.system, self._random)

    def run(self, transactions: int) -> str | None:
        """Blocks until so many transactions were drawn; the first difference in words, None where there is none."""
        difference = self._genesis_difference()
        while difference is None and self.coverage.transactions < transactions:
            rehearsed = self._random.random() < _REHEARSALS
            difference = self._rehearsal() if rehearsed else self._block()
        return difference or self._state_difference()

    def _genesis_difference(self) -> str | None:
        pairs = zip(self.system.genesis_blocks, self._other.genesis_blocks, strict=True)
        for (env, a), (_, b) in pairs:
            if told := first_difference(a, b, self.system.decoder, self.sides):
                return f"set-up block {env.number}: {told}"
        return self._state_difference()

    def _rehearsal(self) -> str | None:
        """A block that is taken back."""
        system, chains = self.system, (self._a, self._b)
        before = (system.number, system.time)
        marks = [chain.snapshot() for chain in chains]
        block = self.blocks.draw()
        a, b = (chain.execute(block.env, block.candidates) for chain in chains)
        told = first_difference(a, b, system.decoder, self.sides)
        for chain, mark in zip(chains, marks, strict=True):
            chain.revert(mark)
        system.number, system.time = before
        told = told or self._state_difference()
        return told and f"rehearsal of {self._where(block)}: {told}"

    def _block(self) -> str | None:
        block = self.blocks.draw()
        if self._watch:
            self._watch(block)
        self.coverage.transactions += sum(
            1 if isinstance(c, Transaction) else len(getattr(c, "transactions", ())) for c in block.candidates
        )
        a = self._a.execute(block.env, block.candidates)
        b = self._b.execute(block.env, block.candidates)
        self.blocks.learn(a)
        self.coverage.note(a, self.system)
        told = first_difference(a, b, self.system.decoder, self.sides)
        if told is None and block.env.number % _STATE_EVERY == 0:
            told = self._state_difference()
        return told and f"{self._where(block)}: {told}"

    def _where(self, block: Block) -> str:
        env, mode = block.env, "legacy" if self.legacy else "EIP-1559"
        return f"seed {self.seed} ({mode}), block {env.number} at {env.timestamp}, base fee {env.base_fee}"

    def _state_difference(self) -> str | None:
        accounts = dict.fromkeys([COINBASE, *self.blocks.involved()])
        slots = [(i.address, n) for i in self.system.instances[:_LOOKED_AT] for n in range(_PLAIN_SLOTS)]
        slots += [(p, n) for p in self.system.programs[-30:] for n in (*range(8), 2**256 - 1)]
        told = first_state_difference(self._a, self._b, accounts, slots, self.system.decoder, self.sides)
        if told is None:
            views = [self._views.view(kind, name) for kind in KINDS for name in readers(kind)]
            told = first_view_difference(self._a, self._b, views, self.system.decoder, self.sides)
        return told and f"state after block {self.system.number}: {told}"
