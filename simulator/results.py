"""Run a scenario from beginning to end and keep what came of it."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pandas as pd
import pyarrow as pa

from simulator.chain.backends import Announce, check_chain, open_chain
from simulator.chain.base import Chain
from simulator.chain.fork import Fork, find_fork
from simulator.chain.types import Address
from simulator.collector import seldom_collecting
from simulator.digest import Digest
from simulator.errors import ChainError, WavetankError
from simulator.manifest import Status, build_manifest
from simulator.metrics import METRICS, compute
from simulator.observer import Observer
from simulator.record import Recorder
from simulator.runfolder import RunFolder
from simulator.scenario import Scenario, import_user_code
from simulator.tables import SCHEMAS, Tables
from simulator.world import World

if TYPE_CHECKING:
    from simulator.capsule.make import Recording

T = TypeVar("T")
Progress = Callable[[int, int], None]

_INTERRUPTED: Final = 130
_PARTIAL: Final = 3


@dataclass
class RunResult:
    """What a run left: its manifest, its tables, its folder if it has one."""

    manifest: dict[str, Any]
    exit_code: int
    folder: Path | None
    fault: WavetankError | None = None  # what ended a partial run
    _tables: Tables | None = field(default=None, repr=False)

    @property
    def metrics(self) -> dict[str, Any]:
        """Every registered metric, None where it does not apply."""
        return self.manifest["metrics"]  # type: ignore[no-any-return]

    @property
    def digest(self) -> str:
        """The hash of everything done on chain."""
        return self.manifest["digest"]  # type: ignore[no-any-return]

    def read(self, name: str, columns: Sequence[str] | None = None, where: Any = None) -> pa.Table:
        """Columns of a table as they were recorded, of the rows for which `where` holds. See `Tables.read`."""
        return self._source.read(name, columns, where)

    @property
    def _source(self) -> Tables:
        return self._tables or Tables(self.folder or Path())

    @cached_property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Every table by name."""
        return {name: self._source.frame(name) for name in SCHEMAS}

    def __getattr__(self, name: str) -> pd.DataFrame:
        """Each table as an attribute, as in `result.prices`."""
        if name in SCHEMAS:
            return self.tables[name]
        raise AttributeError(name)

    def summary(self) -> list[list[tuple[str, Any, str]]]:
        """Groups of (label, value, unit) for a terminal; what does not apply is left out."""
        manifest = self.manifest
        chain = manifest["chain"]
        head = [
            ("status", manifest["status"], ""),
            ("seed", manifest["seed"], ""),
            ("chain", f"{chain['name']}, {chain['gas']} gas" if chain["gas"] else chain["name"], ""),
            ("digest", manifest["digest"], ""),
            ("wall time", round(sum(manifest["wall_seconds"].values()), 2), "s"),
        ]
        figures = [
            (name, value, METRICS[name].unit) for name, value in manifest["metrics"].items() if value is not None
        ]
        return [head, figures]


def run_scenario(
    scenario: Scenario,
    *,
    seed: int | None = None,
    chain: str = "revm",
    gas: str | None = None,
    out: Path | None = None,
    progress: Progress | None = None,
    announce: Announce | None = None,
    recording: "Recording | None" = None,
) -> RunResult:
    """Run a scenario, into the folder `out` or in memory, on `revm`, `anvil` or the node at a URL.

    `gas` is a mode of revm, exact by default. `announce` is told before the run what a node cannot do. `recording`
    keeps what a capsule of the run needs.

    A fault during the run (an agent that raises, the chain gone, Ctrl-C) ends it as a partial one that keeps what it
    has; a fault in set-up raises and leaves nothing.
    """
    check_chain(chain, gas)
    root = scenario.world.seed if seed is None else seed
    scenario = import_user_code(scenario)
    settings = scenario.chain.fork
    fork = find_fork(settings.url, settings.block) if settings is not None else None
    opened = _open_chain(scenario, chain, gas, announce or _say_nothing, fork)
    with closing(recording.taped(opened) if recording is not None else opened) as used:
        folder = RunFolder(out) if out is not None else None
        try:
            return Run(scenario, root, used, folder, fork).go(partial(_live, progress, recording))
        except BaseException:
            if folder is not None:
                folder.discard()
            raise


def _live(progress: Progress | None, recording: "Recording | None", world: World) -> None:
    if recording is not None:
        recording.begins(world)
    world.run(progress)
    if recording is not None:
        recording.ends()


def _open_chain(scenario: Scenario, name: str, gas: str | None, announce: Announce, fork: Fork | None) -> Chain:
    settings = scenario.chain
    return open_chain(
        name,
        gas,
        announce,
        chain_id=settings.id,
        gas_limit=settings.gas_limit,
        coinbase=Address(settings.coinbase),
        **({"fork": fork} if fork else {}),
    )


def _say_nothing(_: str) -> None:
    """For callers who do not listen."""


@contextmanager
def one_interrupt_ignored() -> Iterator[None]:
    """Let a Ctrl-C pass, out of impatience or too late: it would lose what is being written. A second one counts."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, lambda *_: signal.signal(signal.SIGINT, former) and None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


class Run:
    """One run and the clock of its stages."""

    def __init__(
        self, scenario: Scenario, seed: int, chain: Chain, folder: RunFolder | None, fork: Fork | None = None
    ) -> None:
        self._scenario, self._seed, self._chain, self._folder = scenario, seed, chain, folder
        self._fork = fork
        self._recorder = Recorder(folder.work if folder else None)
        self._digest = Digest()
        self._seconds: dict[str, float] = {}

    def go(self, live: Callable[[World], None]) -> RunResult:
        """From set-up to the manifest; `live` takes the world from its start to its end."""
        world = self._timed("setup", self._build)
        with seldom_collecting():
            status, exit_code, fault = self._timed("run", lambda: self._live(world, live))
        with one_interrupt_ignored():
            self._timed("record", lambda: self._close(world, partial=fault is not None))
            tables = self._recorder.tables()
            metrics = self._timed("metrics", lambda: compute(tables))
            manifest = self._manifest(world, status, metrics)
            if fault is not None:
                manifest["fault"] = fault.as_dict()
            place = self._keep(manifest)
        return RunResult(manifest, exit_code, place, fault, tables if place is None else None)

    def _timed(self, stage: str, act: Callable[[], T]) -> T:
        began = time.perf_counter()
        result = act()
        self._seconds[stage] = round(time.perf_counter() - began, 6)
        return result

    def _build(self) -> World:
        return World(self._scenario, self._seed, self._chain, Observer(self._recorder, self._digest), self._fork)

    def _live(self, world: World, live: Callable[[World], None]) -> tuple[Status, int, WavetankError | None]:
        try:
            live(world)
        except KeyboardInterrupt:
            return "partial", _INTERRUPTED, None
        except WavetankError as fault:
            return "partial", _PARTIAL, fault
        return "complete", 0, None

    def _close(self, world: World, *, partial: bool) -> None:
        world.finish()
        try:
            world.seal()
        except ChainError:
            if not partial:
                raise
            world.observer.finish([])  # nobody can say any more what accounts hold
        self._recorder.close()

    def _manifest(self, world: World, status: Status, metrics: dict[str, Any]) -> dict[str, Any]:
        return build_manifest(
            scenario=self._resolved(),
            seed=self._seed,
            chain=world.chain.name,
            gas=world.chain.gas_mode,
            status=status,
            digest=self._digest.hexdigest(),
            metrics=metrics,
            bytecode=dict(sorted(world.genesis.bytecode.items())),
            wall_seconds=self._seconds,
            user_code={code.name: code.sha256 for code in self._scenario.user_code},
        )

    def _resolved(self) -> Mapping[str, Any]:
        """The scenario with the block that was forked, so that a rerun is the same."""
        resolved = self._scenario.resolved
        if self._fork is None:
            return resolved
        chain = resolved["chain"]
        return {**resolved, "chain": {**chain, "fork": {**chain["fork"], "block": self._fork.number}}}

    def _keep(self, manifest: dict[str, Any]) -> Path | None:
        if self._folder is None:
            return None
        self._folder.write_manifest(manifest)
        from simulator.report import write_report

        began = time.perf_counter()
        write_report(self._folder.work)
        manifest["wall_seconds"]["report"] = round(time.perf_counter() - began, 6)
        self._folder.write_manifest(manifest)
        return self._folder.finish()
