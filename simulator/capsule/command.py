"""`wavetank replay`: the same run again, from its transactions alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from simulator.capsule.content import Capsule
from simulator.capsule.failing import breaks, run_rule
from simulator.capsule.file import VERSION, load
from simulator.capsule.replay import Progress, Replay, replay
from simulator.terminal import columns, figure

DIFFERENT: Final = 1


@dataclass(frozen=True)
class Replayed:
    """What `wavetank replay` says."""

    path: Path
    capsule: Capsule
    found: Replay

    @property
    def exit_code(self) -> int:
        """0; 1 where the replay differs."""
        return DIFFERENT if self.difference is not None else 0

    @property
    def difference(self) -> str | None:
        """The first transaction that came out otherwise, in one line."""
        different = {name: value for name, value in self.found.metrics.items() if value != self.capsule.metrics[name]}
        if self.found.difference is None and different:
            name, value = next(iter(different.items()))
            return f"{name} is {figure(value)}, and was {figure(self.capsule.metrics[name])}"
        return self.found.difference

    @property
    def document(self) -> dict[str, Any]:
        """What `--json` prints."""
        capsule, found = self.capsule, self.found
        return {
            "capsule": str(self.path),
            "version": VERSION,
            "bytes": self.path.stat().st_size,
            "title": capsule.title,
            "source": capsule.source,
            "seed": capsule.seed,
            "chain": dict(capsule.chain),
            "rule": capsule.rule,
            "digest": {"expected": capsule.digest, "found": found.digest},
            "equal": self.difference is None,
            "difference": self.difference,
            "blocks": found.blocks,
            "transactions": found.transactions,
            "metrics": {"recorded": dict(capsule.metrics), "replayed": dict(found.metrics)},
            "versions": dict(capsule.versions),
        }

    def lines(self) -> Iterator[str]:
        """For a terminal."""
        capsule, found = self.capsule, self.found
        gas = f", {capsule.chain['gas']} gas" if capsule.chain["gas"] else ""
        yield capsule.title
        yield ""
        yield from columns(
            [
                ("seed", figure(capsule.seed)),
                ("recorded on", f"{capsule.chain['name']}{gas}, wavetank {capsule.versions.get('wavetank', '-')}"),
                *([("rule", f"{capsule.rule}, which the recorded run {_standing(capsule)}")] if capsule.rule else []),
                ("blocks", f"{figure(found.blocks)}, {figure(capsule.setup)} of them set-up"),
                ("transactions", figure(found.transactions)),
                ("digest expected", capsule.digest),
                ("digest found", found.digest),
            ]
        )
        yield ""
        yield from columns([("metric", "recorded", "replayed"), *self._rows()])
        yield ""
        yield f"different: {self.difference}" if self.difference else "equal: the replay is the recorded run"

    def _rows(self) -> Iterator[tuple[str, str, str]]:
        """Those of the rule first. What needs the market is of the recorded run alone."""
        first = run_rule(self.capsule.rule).metrics if self.capsule.rule else ()
        metrics = self.capsule.metrics
        for name in (*first, *(name for name in metrics if name not in first)):
            if metrics.get(name) is not None:
                again = figure(self.found.metrics[name]) if name in self.found.metrics else ""
                yield name, figure(metrics[name]), again


def _standing(capsule: Capsule) -> str:
    assert capsule.rule is not None
    return "breaks" if breaks(run_rule(capsule.rule), capsule.metrics) else "keeps"


def run_replay(path: Path, progress: Progress | None = None) -> Replayed:
    """Read a capsule and replay it. Raises ConfigError for a file that is none."""
    capsule = load(path)
    return Replayed(path, capsule, replay(capsule, progress=progress))
