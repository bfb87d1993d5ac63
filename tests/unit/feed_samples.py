"""A market, its feed and nothing else, as data of a scenario, and what came of it on chain."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from simulator.results import RunResult, run_scenario
from simulator.scenario.build import build
from simulator.scenario.files import Source
from simulator.scenario.models import Scenario

STEP = 60  # [s] between blocks
Faults = Sequence[Mapping[str, Any]]


def fault(kind: str, start: float = 0.0, end: float | None = None, **keys: Any) -> dict[str, Any]:
    """A fault from one hour to another."""
    span = {"from": start} if end is None else {"from": start, "to": end}
    return {"kind": kind, **span, **keys}


def feed(market: Mapping[str, Any], faults: Faults = (), *, hours: float = 6.0, **changes: Any) -> Scenario:
    """A feed with a heartbeat of ten minutes and a deviation of 1 %; of `changes`, `chain` is of the chain."""
    named = [{"id": f"{number}", **each} for number, each in enumerate(faults)]
    chain = {"block_seconds": STEP, **changes.pop("chain", {})}
    data = {
        "world": {"hours": hours, "sample_minutes": 60.0},
        "chain": chain,
        "market": {"ETH": dict(market)},
        "oracle": {"ETH": {"heartbeat_seconds": 600, "deviation": 0.01, "faults": named, **changes}},
    }
    scenario, problems = build("feed", (Source(Path("feed.toml"), data),), data, {})
    if scenario is None:
        raise problems[0].error("feed.toml")
    return scenario


class Report(NamedTuple):
    """A report in a block. Times are seconds since the start."""

    sent: int
    block: int
    answer: int  # with eight decimals


class Seen:
    """A run of a feed: what its consumers saw at each block, and the reports."""

    def __init__(self, scenario: Scenario, seed: int = 7) -> None:
        self.result: RunResult = run_scenario(scenario, seed=seed, gas="fast")
        self.metrics = self.result.metrics
        start = int(scenario.world.start.timestamp())
        prices = self.result.prices
        rows = {"oracle": prices["oracle"], "market": prices["market"], "since": prices["oracle_time"] - start}
        self.rows = pd.DataFrame({name: column.to_numpy(float) for name, column in rows.items()})
        self.rows.index = (prices["time"] - start).astype(int)
        blocks = self.result.blocks.set_index("block")["time"] - start
        events = self.result.events
        answers = events[events["name"] == "AnswerUpdated"].set_index(["block", "index"])["args"].to_dict()
        sent = self.result.transactions
        sent = sent[(sent["action"] == "report") & (sent["status"] == "included")]
        self.reports = [
            Report(int(submitted) - start, int(blocks[block]), int(json.loads(answers[block, index])["current"]))
            for submitted, block, index in zip(sent["submitted"], sent["block"], sent["index"], strict=True)
        ]

    def between(self, start: float, end: float) -> pd.DataFrame:
        """What consumers saw at blocks from one hour to another."""
        return self.rows.loc[round(start * 3600) : round(end * 3600)]
