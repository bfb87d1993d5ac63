"""Make a failing run small: fewer hours, fewer agents, whole tables less, for as long as its rule still breaks.

Delta debugging over the scenario (Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing Input, 2002): each
trial is a run with a few keys changed, the smallest first, and the best is whatever breaks the rule with the fewest
transactions. Transactions themselves are not taken out of the list: what most rules read needs the market and the
agents, and a run that a scenario makes can be looked at and changed further. No clock decides, so that the same capsule
gives the same smaller one.
"""

import json
import math
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from simulator.capsule.content import Capsule
from simulator.capsule.failing import breaks, run_rule
from simulator.capsule.make import Recording, write_capsule
from simulator.capsule.source import Rebuilt, rebuilt
from simulator.errors import ConfigError, WavetankError
from simulator.registry import UserCode
from simulator.results import one_interrupt_ignored, run_scenario
from simulator.scenario import Scenario, import_user_code, load_scenario
from simulator.scenario.problems import dotted, toml
from simulator.stress.require import Rule

_MOST_RUNS: Final = 300
_SHARES: Final = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 7 / 8)
_SECONDS: Final = 3600
INTERRUPTED: Final = 130

Tell = Callable[[str], None]
Changes = dict[str, Any]


@dataclass(frozen=True)
class Shrunk:
    """The smaller run."""

    scenario: Path
    capsule: Path
    command: str
    changes: Changes  # of the scenario that the capsule came with; a table that was taken away is false
    digest: str
    before: int  # transactions
    after: int
    runs: int
    interrupted: bool

    @property
    def exit_code(self) -> int:
        """0, or 130 where the search was cut short."""
        return INTERRUPTED if self.interrupted else 0

    @property
    def document(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "scenario": str(self.scenario),
            "capsule": str(self.capsule),
            "command": self.command,
            "changes": self.changes,
            "digest": self.digest,
            "transactions": {"before": self.before, "after": self.after},
            "runs": self.runs,
            "status": "partial" if self.interrupted else "complete",
        }

    def lines(self) -> Iterator[str]:
        """For a terminal."""
        yield f"{self.before:,} transactions before, {self.after:,} now, after {self.runs:,} runs"
        yield ""
        yield from (f"{key} = {toml(value)}" for key, value in self.changes.items())
        yield from ("", f"capsule in {self.capsule}", f"made by {self.command}")


def shrink(capsule: Capsule, path: Path, out: Path, tell: Tell, announce: Callable[[UserCode], None]) -> Shrunk:
    """Search, and write `NAME.small.toml` and `NAME.small.capsule` of the capsule at `path` into the folder `out`.

    The scenario is run, so a user's own code in it is announced and imported. Ctrl-C ends the search with the best so
    far. Raises ConfigError for a capsule that breaks no rule, WavetankError where its scenario does not break it here.
    """
    rule = _broken(capsule, path)
    stem = path.name.removesuffix(".capsule")
    file, small = out / f"{stem}.small.toml", out / f"{stem}.small.capsule"
    base = rebuilt(capsule, path.parent, file)
    import_user_code(base.scenario({}), announce)
    search = _Search(capsule, rule, base, tell)
    interrupted = False
    try:
        search.run()
    except KeyboardInterrupt:
        if search.best is None:
            raise
        interrupted = True
    assert search.best is not None
    with one_interrupt_ignored():
        base.write(file, search.best.changes)
        gas = capsule.chain["gas"]
        written = write_capsule(load_scenario(str(file)), capsule.seed, gas, capsule.rule, small)
    if written.digest != search.best.digest:
        raise WavetankError("the smaller scenario makes another run from its file", where=str(file))
    how = ["--seed", str(capsule.seed), *(["--gas", gas] if gas else []), "--capsule", str(small)]
    command = shlex.join(["wavetank", "run", str(file), *how])
    best, before = search.best, capsule.transactions
    return Shrunk(file, small, command, best.changes, best.digest, before, best.transactions, search.runs, interrupted)


def _broken(capsule: Capsule, path: Path) -> Rule:
    if capsule.rule is None:
        raise ConfigError("the capsule has no rule that could still break", where=str(path), mend="take an audit's")
    rule = run_rule(capsule.rule)
    if not breaks(rule, capsule.metrics):
        what = f"the run keeps {capsule.rule}, so there is no failure to keep"
        raise ConfigError(what, where=str(path), mend="take the capsule of a run that breaks its rule")
    return rule


@dataclass(frozen=True)
class _Trial:
    """A run that breaks the rule."""

    changes: Changes
    transactions: int
    digest: str


@dataclass
class _Search:
    capsule: Capsule
    rule: Rule
    base: Rebuilt
    tell: Tell
    best: _Trial | None = None
    runs: int = 0
    _tried: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Until nothing more can be taken away."""
        if not self._attempt({}):
            raise WavetankError(
                f"a new run of the scenario keeps {self.rule} here",
                mend="use the versions of the capsule: numbers differ between processors and versions of numpy",
            )
        self._say()
        before = None
        while before != self.best and self.runs < _MOST_RUNS:
            before = self.best
            self._fewer_hours()
            for table in self._tables():
                self._keep_first([{dotted((table,)): False}])
            for table in self._tables():
                self._fewer(table)

    def _now(self) -> Scenario:
        assert self.best is not None
        return import_user_code(self.base.scenario(self.best.changes))

    def _tables(self) -> list[str]:
        """Agents, then protocols, that are still there."""
        now = self._now()
        return [*now.agents, *now.protocols]

    def _fewer_hours(self) -> None:
        now = self._now()
        block_hours = now.chain.block_seconds / _SECONDS
        blocks = round(now.world.hours / block_hours)
        self._keep_first({"world.hours": round(fewer * block_hours, 9)} for fewer in _fewer_than(blocks))

    def _fewer(self, table: str) -> None:
        now = self._now()
        count = getattr(table in now.agents and now.agents[table].settings, "count", 0)
        self._keep_first({f"{dotted((table,))}.count": fewer} for fewer in _fewer_than(count))

    def _keep_first(self, further: Iterable[Changes]) -> None:
        """Keep the first of some changes on top of the best that leaves a smaller run which breaks the rule."""
        assert self.best is not None
        for changes in further:
            if self.runs < _MOST_RUNS and self._attempt({**self.best.changes, **changes}):
                self._say(changes)
                return

    def _attempt(self, changes: Changes) -> bool:
        """Whether it breaks the rule with fewer transactions than all before."""
        changes = _pruned(changes)
        key = json.dumps(changes, sort_keys=True)
        if key in self._tried:
            return False
        self._tried.add(key)
        found = self._trial(changes)
        if found is None or (self.best is not None and found.transactions >= self.best.transactions):
            return False
        self.best = found
        return True

    def _trial(self, changes: Changes) -> _Trial | None:
        recording = Recording()
        self.runs += 1
        try:
            scenario = self.base.scenario(changes)
            gas = self.capsule.chain["gas"]
            result = run_scenario(scenario, seed=self.capsule.seed, gas=gas, recording=recording)
        except WavetankError:
            if not changes:
                raise
            return None  # what was taken away is needed: no run, and so no smaller failure
        if result.exit_code == INTERRUPTED:
            raise KeyboardInterrupt
        if result.exit_code or not breaks(self.rule, result.metrics):
            return None
        return _Trial(changes, recording.transactions, result.digest)

    def _say(self, changes: Mapping[str, Any] | None = None) -> None:
        assert self.best is not None
        what = ", ".join(f"{key} = {toml(value)}" for key, value in (changes or {}).items()) or "as it was"
        self.tell(f"run {self.runs:,}: {self.best.transactions:,} transactions, {what}")


def _fewer_than(count: int) -> Iterator[int]:
    """Smaller whole numbers, from the smallest; none is a table that is taken away."""
    yield from dict.fromkeys(fewer for share in (0, *_SHARES) if (fewer := max(1, math.ceil(count * share))) < count)


def _pruned(changes: Changes) -> Changes:
    """Without the keys of tables that are taken away."""
    gone = [key for key, value in changes.items() if value is False]
    return {key: v for key, v in changes.items() if not any(key.startswith(f"{table}.") for table in gone)}
