"""A bound that is known beforehand is found: no liquidation threshold above 1 / (1 + i) is free of bad debt.

Price steps are far below a step of the grid, liquidators instant and without costs. Our own engine refuses thresholds
beyond the bound, so it is planted in a contract that does not, a user's lender; with ours the refusal is met.
"""

from pathlib import Path

import pandas as pd
import pytest

from simulator.errors import SetupError
from simulator.metrics import METRICS
from simulator.results import run_scenario
from simulator.scenario import load_scenario
from simulator.stress.answer import answer
from simulator.stress.efficiency import choose_efficiency
from simulator.stress.require import parse_rule

OURS = Path(__file__).with_name("planted.toml")
THEIRS = Path(__file__).parents[1] / "plugins" / "toy.toml"
RULE = "max(bad_debt_ratio) <= 0.1%"
STILL = {  # the same weather and the same liquidators for the lender that is not ours
    "world.hours": 4,
    "chain.fee_mode": "legacy",
    "chain.demand.gas_price_gwei": 0.0,
    "chain.demand.load": 0.0,
    "market.BTC.knots": [[0, 50_000.0], [4, 25_000.0]],
    "market.BTC.bridge_volatility": 0.0,
    "market.BTC.impact.depth_usd": 1e15,
    "market.TOYUSD.process": "constant",
    "market.TOYUSD.price": 1.0,
    "market.TOYUSD.impact.depth_usd": 1e15,
    "oracle.BTC.deviation": 0.0005,
    "oracle.BTC.latency_seconds": 0,
    "oracle.BTC.delay_seconds": 0,
    "oracle.BTC.gas": {"rule": "fixed", "gwei": 0.0},
    **dict.fromkeys(("pool", "arbitrageurs", "traders", "bots", "housekeeper"), False),
    "borrowers.count": 20,
    "borrowers.ratio": 1.9,
    "borrowers.collateral_sigma": 0.0,
    "borrowers.habits": {"top_up": 0.0, "repay": 0.0, "panic": 0.0, "lever": 0.0},
    "liquidators.count": 1,
    "liquidators.capital_usd": 400_000,
    "liquidators.cash_usd": 1e9,
    "liquidators.discount": 0.0,
    "liquidators.discount_spread": 0.0,
    "liquidators.thinking_seconds": 0.0,
    "liquidators.min_profit_usd": 0.0,
    "liquidators.gas": {"rule": "fixed", "gwei": 0.0},
}


def swept(scenario, key, values, seeds, **changes):
    """The answer over one key, each value run at some seeds."""
    points = [(number, {key: value}) for number, value in enumerate(values)]
    rows = [
        {"point": number, "seed": seed, "weight": 1.0, **outcome(scenario, {**changes, **point}, seed)}
        for number, point in points
        for seed in seeds
    ]
    found = choose_efficiency(None if "ratio" in key else f"param({key})", [key])
    return answer(pd.DataFrame(rows), points, [parse_rule(RULE)], efficiency=found)


def outcome(scenario, changes, seed):
    try:
        result = run_scenario(load_scenario(str(scenario), changes), seed=seed, gas="fast")
    except SetupError as error:
        return {"status": "failed", "fault": str(error), **dict.fromkeys(METRICS, float("nan"))}
    assert result.exit_code == 0
    assert result.metrics["liquidations"] >= 20
    return {"status": "complete", "fault": "", **result.metrics}


@pytest.mark.slow
@pytest.mark.parametrize("discount", [0.05, 0.13])
def test_the_largest_threshold_without_bad_debt_is_one_over_one_and_the_discount(discount):
    step, bound = 0.01, 1 / (1 + discount)
    first = round(bound - 3.5 * step, 2)
    levels = [round(first + n * step, 4) for n in range(7)]
    found = swept(THEIRS, "lender.seize_ltv", levels, (7, 8), **STILL, **{"lender.discount": discount})
    threshold = found.recommendation.chosen.changes["lender.seize_ltv"]
    assert bound - step <= threshold <= bound
    assert levels[0] < threshold < levels[-1]
    (kept,) = found.recommendation.kept
    assert kept.cost == pytest.approx(levels[-1] - threshold)
    assert kept.edges[0].way == "up"
    assert (kept.edges[0].steps, kept.edges[0].value) == (1, pytest.approx(threshold + step))
    losses = [point.verdicts[0].estimate.value for point in found.points]
    assert losses == sorted(losses)
    (crossing,) = found.crossings
    assert bound - step <= crossing.value <= bound + step


def test_our_engine_refuses_thresholds_beyond_the_bound_and_has_no_bad_debt_up_to_it():
    key, levels = "cdp.collateral.ETH.liquidation_ratio", [1.10, 1.12, 1.14, 1.16, 1.18]
    found = swept(OURS, key, levels, (7,))
    assert [point.failed for point in found.points] == [1, 1, 0, 0, 0]
    assert [point.qualifies for point in found.points] == [False, False, True, True, True]
    assert found.recommendation.chosen.changes == {key: 1.14}
