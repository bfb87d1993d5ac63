"""A made-up stress test with everything in it that its page shows."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simulator.metrics import METRICS
from simulator.scenario import load_scenario
from simulator.stress.answer import answer
from simulator.stress.caps import caps_of
from simulator.stress.efficiency import choose_efficiency
from simulator.stress.page import write_page
from simulator.stress.require import parse_rule
from simulator.stress.worst import replay_command

RATIO, BONUS = "cdp.collateral.ETH.liquidation_ratio", "cdp.collateral.ETH.liquidation_bonus"
RULES = ("p90(bad_debt_ratio) <= 3.5%", "mean(liquidator_profit_usd) >= 1500 usd", f"param({BONUS}) <= 0.2")
GRID = [{RATIO: ratio, BONUS: bonus} for ratio in (1.2, 1.3, 1.4, 1.5, 1.6) for bonus in (0.05, 0.1, 0.15, 0.2)]
ENDS = ("value", "low", "high")
LINE = [{RATIO: ratio} for ratio in (1.2, 1.3, 1.4, 1.5, 1.6)]


def losses(changes: dict[str, Any], runs: int) -> np.ndarray:
    """Heavy-tailed, less at a higher ratio, the same drawn numbers at every point."""
    rng = np.random.default_rng(7)
    drawn = rng.pareto(3, runs) * 0.03
    return np.maximum(0.0, drawn - 0.05 * (changes[RATIO] - 1.2) + 0.02 * changes.get(BONUS, 0.1))


def made_up(points: list[dict[str, Any]], runs: int, failing: int = 0) -> pd.DataFrame:
    rows = []
    for number, changes in enumerate(points):
        for seed, loss in enumerate(losses(changes, runs), start=7):
            failed = number == 0 and seed < 7 + failing
            figures = {
                **dict.fromkeys(METRICS, np.nan),
                "bad_debt_ratio": loss,
                "liquidator_profit_usd": 20_000 * changes.get(BONUS, 0.1) + 100 * (seed % 7),
                "cascade_amplification": 1 + changes.get(BONUS, 0.1) * loss,
                "blocks": 7200.0,
            }
            if failed:
                figures = dict.fromkeys(METRICS, np.nan)
            head = {"point": number, "seed": seed, "weight": 1.0, "status": "failed" if failed else "complete"}
            rows.append({**head, "fault": "agent bots-0: LookupError: lost <my> way" if failed else "",
                         "digest": f"{seed:064x}", **changes, **figures})  # fmt: skip
    return pd.DataFrame(rows)


DRAWN = {
    "rule": RULES[0],
    "changes": {"market.ETH.jump_rate_factor": 12.5, "market.ETH.jump_mean_shift": -0.081234},
}


def write_stress(
    folder: Path,
    points: list[dict[str, Any]] = GRID,
    rules: tuple[str, ...] = RULES,
    *,
    runs: int = 120,
    failing: int = 3,
    sensitive: bool = True,
) -> Path:
    """The page of a made-up sweep."""
    folder.mkdir(parents=True)
    results = made_up(points, runs, failing)
    scenario = load_scenario("calm")
    found = answer(
        results,
        list(enumerate(points)),
        [parse_rule(rule) for rule in rules],
        efficiency=choose_efficiency(None, list(points[0])),
        resolved=scenario.resolved,
    )
    manifest = {
        "scenario": dict(scenario.resolved), "seed": 7, "require": list(rules), "runs_total": len(results),
        "runs_failed": failing, "status": "partial" if failing else "complete", **found.as_dict(),
        "drawn": DRAWN if failing else None,
        "caps": {name: cap.as_dict() for name, cap in caps_of(scenario).items()},
    }  # fmt: skip
    indices = [
        {"key": key, "first": dict(zip(ENDS, first, strict=True)), "total": dict(zip(ENDS, total, strict=True))}
        for key, first, total in ((RATIO, (0.7, 0.6, 0.8), (0.8, 0.7, 0.9)), (BONUS, (0.1, 0, 0.2), (0.25, 0.1, 0.4)))
    ]
    sensitivity = [{"output": "bad_debt_ratio", "indices": indices}] if sensitive and len(points[0]) > 1 else []
    return write_page(
        manifest, results, found, folder, lambda changes, seed: replay_command(scenario, changes, seed), sensitivity
    )
