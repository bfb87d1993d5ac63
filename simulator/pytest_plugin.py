"""Fixtures for the tests of a protocol, found by pytest where Wavetank is installed.

    def test_half_an_hour_of_calm_leaves_no_bad_debt(world, assert_rules):
        runs = [world("calm", seed, hours=0.5) for seed in range(29)]
        assert_rules(runs, "p90(bad_debt_ratio) <= 0.5%", "max(unexpected_reverts) <= 0")

Nothing of Wavetank is imported before a test asks for a fixture: pytest loads this file in every project there is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import pandas as pd

    from simulator.audit.verdict import CaseRuns
    from simulator.chain.base import Chain
    from simulator.results import RunResult


@pytest.fixture
def world() -> "Callable[..., RunResult]":
    """A function that runs a scenario in memory, for an hour unless told otherwise. See `small_run`."""
    return small_run


@pytest.fixture
def chain() -> "Iterator[Chain]":
    """A chain in this process with nothing on it: revm, exact gas, the constants of a scenario."""
    from simulator.chain.revm import RevmChain

    opened = RevmChain()
    yield opened
    opened.close()


@pytest.fixture
def assert_rules() -> Callable[..., None]:
    """A function that judges runs by rules as an audit does. See `check_runs`."""
    return check_runs


def small_run(
    scenario: str = "calm",
    seed: int | None = None,
    *,
    hours: float | None = 1.0,
    changes: Mapping[str, Any] | None = None,
    **options: Any,
) -> "RunResult":
    """Run `hours` of a shipped scenario or of one in a file; None is the whole of it.

    `changes` are by dotted key, as in {"cdp.collateral.ETH.liquidation_ratio": 1.6}; `options` are those of
    `simulator.run`, such as `gas="fast"`. Raises ConfigError, and the fault of a run that did not come to its end.
    """
    from simulator.results import run_scenario
    from simulator.scenario import load_scenario

    short = {} if hours is None else {"world.hours": hours}
    result = run_scenario(load_scenario(scenario, {**short, **(changes or {})}), seed=seed, **options)
    if result.fault is not None:
        raise result.fault
    if result.exit_code:  # Ctrl-C, which a run takes for its end: the tests are to stop, too
        raise KeyboardInterrupt
    return result


def check_runs(runs: "RunResult | Iterable[RunResult]", *rules: str) -> None:
    """Raise AssertionError unless every rule passes, as "p99(bad_debt_ratio) <= 0.5%", for each scenario by itself.

    A rule passes by the worse of the 95 % bounds of its statistic: one that runs do not decide, or are too few for,
    does not. The message names rule, estimate, bound, limit and the command that makes the worst run again. Raises
    ConfigError for what is no rule.
    """
    __tracebackhide__ = True
    from simulator.results import RunResult

    listed = [runs] if isinstance(runs, RunResult) else list(runs)
    if not listed or not rules:
        raise AssertionError(f"nothing to judge: {len(listed)} runs, {len(rules)} rules")
    told = [line for rule in rules for line in _broken(listed, rule)]
    if told:
        raise AssertionError("\n".join(told))


def _broken(runs: "Sequence[RunResult]", text: str) -> list[str]:
    """What is to be said of a rule; nothing where it is kept."""
    import sys

    from simulator.audit.config import AuditRule
    from simulator.audit.verdict import judge_rule
    from simulator.audit.wording import sentence
    from simulator.stress.require import check_rules, parse_rule

    rule = parse_rule(text)
    check_rules([rule], sys.maxsize)
    told = []
    for case in _cases(runs):
        entry = judge_rule(AuditRule(text, rule, "error", "", 1, (case.name,)), case)
        if entry["verdict"] != "pass":
            told.append(sentence(entry) + (f"\n    {entry['replay']}" if entry["replay"] else ""))
    return told


def _cases(runs: "Sequence[RunResult]") -> "list[CaseRuns]":
    """The runs of each scenario, whatever was changed in it: runs of two are never pooled."""
    import json

    apart: dict[str, list[RunResult]] = {}
    for run in runs:
        apart.setdefault(json.dumps(run.manifest["scenario"], sort_keys=True, default=str), []).append(run)
    return [_case(same) for same in apart.values()]


def _case(runs: "Sequence[RunResult]") -> "CaseRuns":
    """The runs of one scenario; a seed counts once, for a second run of it says nothing new."""
    from simulator.audit.verdict import CaseRuns
    from simulator.report.rerun import rerun_command

    by_seed = {run.manifest["seed"]: run for run in runs}
    commands = {seed: rerun_command(run.manifest) for seed, run in by_seed.items()}
    settings = runs[0].manifest["scenario"]
    return CaseRuns(
        name=settings["name"],
        title=settings["title"],
        settings=settings,
        runs=_frame(list(by_seed.values())),
        missing=False,
        broken=None,
        command=commands.__getitem__,
    )


def _frame(runs: "Sequence[RunResult]") -> "pd.DataFrame":
    """The table of results that statistics are taken of."""
    import pandas as pd

    head = ("seed", "status")
    rows = [{name: run.manifest[name] for name in head} | {"weight": 1.0} | run.metrics for run in runs]
    return pd.DataFrame(rows).sort_values("seed", kind="stable")
