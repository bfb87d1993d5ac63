"""Jumps drawn for the losses that a rule is about: pilot runs before a sweep, and what they showed, kept with it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.errors import ConfigError
from simulator.stress.estimate import AS_OBSERVED
from simulator.stress.importance import Pilot, tilt_for
from simulator.stress.plan import Plan, digest_of
from simulator.stress.require import Rule
from simulator.stress.store import PLAN

_NAME = "drawn"  # in the plan of a sweep


@dataclass(frozen=True)
class Drawn:
    """How the jumps of a sweep are drawn, and of which question that is the answer."""

    rule: str
    question: str  # a hash of all that the pilot runs depend on
    changes: Mapping[str, float]  # keys of the scenario

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the plan and in the answer."""
        return {"rule": self.rule, "question": self.question, "changes": dict(self.changes)}


def drawn_for(plan: Plan, rules: Sequence[Rule], *, jobs: int | None, out: Path, tell: Callable[[str], None]) -> Drawn:
    """How to draw jumps for the first rule about a probability, from pilot runs on local workers.

    A sweep that is resumed has it in its folder. Raises ConfigError where no rule is about one, and as `tilt_for`.
    """
    pilots = plan.settings.importance
    rule = next((each for each in rules if not each.is_parameter and each.aggregate not in AS_OBSERVED), None)
    if rule is None:
        raise ConfigError(
            "no constraint is about rare losses", where="--importance", mend="require a rule of pNN, esNN, mean or rate"
        )
    identity = {key: value for key, value in plan.identity().items() if key not in ("seeds", "until", "points")}
    question = digest_of({**identity, "rule": str(rule), "pilots": pilots})
    kept = _kept(out)
    if kept is not None and kept.question == question:
        return kept
    Pilot.of(plan.scenario)  # a scenario without jumps is refused before anything is said
    tell(f"pilot runs, up to five times {pilots:,}, to see which jumps decide {rule}")
    workers = -1 if jobs is None else jobs
    changes = tilt_for(plan.scenario, rule, gas=plan.gas, runs=pilots, seed=plan.seed, jobs=workers)
    return Drawn(str(rule), question, changes)


def _kept(out: Path) -> Drawn | None:
    """What the sweep in a folder was drawn by."""
    try:
        found = json.loads((out / PLAN).read_text(encoding="utf-8")).get(_NAME)
    except (OSError, ValueError):
        return None
    return Drawn(**found) if found else None
