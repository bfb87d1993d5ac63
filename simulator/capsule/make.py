"""Make a capsule of a run: record what is done to the chain, keep what a replay needs, and prove it by replaying."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from simulator.capsule.content import MARK_BYTES, Capsule, Expected, Held, Page
from simulator.capsule.failing import run_rule
from simulator.capsule.file import save
from simulator.capsule.tape import Block, Tape
from simulator.chain.base import Chain
from simulator.chain.types import Bundle, BundleReceipt, Filled, Receipt, Transaction
from simulator.digest import included, receipt_hash
from simulator.errors import WavetankError
from simulator.record import decimals
from simulator.scenario.files import display, shipped
from simulator.tables import field
from simulator.units import to_wad

if TYPE_CHECKING:
    from simulator.results import RunResult
    from simulator.scenario import Scenario
    from simulator.world import World

_Labels = Mapping[tuple[str, int], tuple[str, str]]  # agent and action by sender and nonce


def write_capsule(scenario: "Scenario", seed: int, gas: str | None, rule: str | None, path: Path) -> Capsule:
    """Run a scenario once more and write it to `path`, with the rule that it breaks.

    The capsule is replayed before it is written. Raises WavetankError where the run does not come to its end or its
    replay is another, ConfigError for a rule that no run can break and where the file cannot be written.
    """
    from simulator.results import run_scenario

    if rule is not None:
        run_rule(rule)
    recording = Recording()
    result = run_scenario(scenario, seed=seed, gas=gas, recording=recording)
    capsule = recording.capsule(result, rule)
    save(capsule, path)
    return capsule


class Recording:
    """What `run_scenario` tells of a run that is to become a capsule."""

    def __init__(self) -> None:
        self._tape: Tape | None = None
        self._world: World | None = None
        self._setup = 0
        self._held: list[Held] = []

    def taped(self, chain: Chain) -> Chain:
        """The chain to run on instead."""
        self._tape = Tape(chain)
        return self._tape

    def begins(self, world: "World") -> None:
        """The set-up is over."""
        assert self._tape is not None
        self._world = world
        self._setup = sum(1 for _ in self._tape.blocks)

    def ends(self) -> None:
        """The run is over, and its chain still there."""
        assert self._world is not None
        self._held = [Held(*each) for each in self._world.held()]

    @property
    def transactions(self) -> int:
        """How many were included so far, those of set-up too."""
        return sum(1 for block in self._blocks() for _ in included(block.outcomes))

    def capsule(self, result: "RunResult", rule: str | None = None) -> Capsule:
        """What was recorded, once it is replayed. Raises WavetankError for a partial run and a replay that differs."""
        from simulator.capsule.replay import replay

        if result.exit_code:
            raise WavetankError(
                "a partial run makes no capsule", mend=f"run it to its end: {result.fault or 'interrupted'}"
            )
        found = self._packed(result, rule)
        replayed = replay(found)
        if replayed.difference is not None:
            raise WavetankError(
                f"the run is not replayed from its transactions alone: {replayed.difference}",
                mend="let plug-ins change the chain through genesis and agents only",
            )
        return found

    def _blocks(self) -> Iterator[Block]:
        return self._tape.blocks if self._tape is not None else iter(())

    def _packed(self, result: "RunResult", rule: str | None) -> Capsule:
        world, manifest, tape = self._world, result.manifest, self._tape
        assert world is not None
        assert tape is not None
        labels = _labels(result)
        constants = world.scenario.chain
        return Capsule(
            scenario=manifest["scenario"],
            source=source_of(world.scenario),
            seed=manifest["seed"],
            chain={
                **manifest["chain"],
                "id": constants.id,
                "gas_limit": constants.gas_limit,
                "coinbase": constants.coinbase,
            },
            fork=manifest["scenario"]["chain"].get("fork"),
            digest=manifest["digest"],
            digest_version=manifest["digest_version"],
            rule=rule,
            metrics=manifest["metrics"],
            versions=manifest["versions"],
            user_code=manifest["user_code"],
            setup=self._setup,
            steps=[_page(step, labels) if isinstance(step, Block) else step for step in tape.steps],
            held=self._held,
            prices=_prices(result),
        )


def source_of(scenario: "Scenario") -> str:
    """The name of a shipped scenario, else its path as short as it can be."""
    return scenario.name if scenario.source in shipped().values() else display(scenario.source)


def _page(block: Block, labels: _Labels) -> Page:
    candidates: list[Transaction | Bundle] = []
    virtual = 0
    for outcome in block.outcomes:
        if isinstance(outcome, Receipt):
            candidates.append(outcome.transaction)
        elif isinstance(outcome, BundleReceipt):
            candidates.append(outcome.candidate)
        elif isinstance(outcome, Filled):
            virtual += outcome.gas_used
    return Page(block.env, candidates, virtual, [_expected(each, labels) for each in included(block.outcomes)])


def _expected(receipt: Receipt, labels: _Labels) -> Expected:
    tx = receipt.transaction
    agent, action = labels.get((tx.sender, tx.nonce), ("", ""))
    return Expected(receipt.status, receipt.gas_used, receipt_hash(receipt)[:MARK_BYTES], agent, action)


def _labels(result: "RunResult") -> _Labels:
    rows = result.read("transactions", ["sender", "nonce", "agent", "action"], field("index").is_valid())
    columns: list[list[Any]] = [rows[name].to_pylist() for name in ("sender", "nonce", "agent", "action")]
    return {(sender, nonce): (agent, action) for sender, nonce, agent, action in zip(*columns, strict=True)}


def _prices(result: "RunResult") -> pa.Table:
    rows = result.read("prices", ["time", "asset", "exogenous", "market"])
    for name in ("exogenous", "market"):
        wads = [None if price is None else to_wad(price) for price in rows[name].to_pylist()]
        rows = rows.set_column(rows.schema.get_field_index(name), name, decimals(wads, name))
    return rows
