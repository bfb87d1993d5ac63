"""A prober tries everything it knows, and the run is as it would be without it."""

from pathlib import Path

import pytest

from simulator import load, run
from simulator.audit.defaults import PROBE_SCENARIOS as PROBES


@pytest.fixture(scope="module")
def results():
    return {name: run(load(name), seed=5) for name in PROBES}


def rows(result):
    measures = result.measures
    return measures[measures["protocol"].astype(str) == "prober"]


@pytest.mark.parametrize("name", PROBES)
def test_the_chain_is_as_without_a_prober(results, name):
    without = run(load(name, **{"prober.count": 0}), seed=5)
    probed = results[name]
    assert not rows(probed).empty
    assert rows(without).empty
    assert without.blocks.equals(probed.blocks)
    assert without.transactions.equals(probed.transactions)
    assert without.events.equals(probed.events)
    measures = probed.measures
    others = measures[measures["protocol"].astype(str) != "prober"].astype(str).reset_index(drop=True)
    assert without.measures.astype(str).equals(others)


def test_together_the_probes_try_every_attack(results):
    from simulator.metrics import METRICS

    known = {name for name, each in METRICS.items() if each.function.__module__.endswith(".probes")}
    assert known - {str(name) for result in results.values() for name in rows(result)["name"]} == set()


def test_limits_are_tried_where_they_are_declared(results):
    tried = {
        str(subject)
        for result in results.values()
        for subject in rows(result)[rows(result)["name"].astype(str) == "limits_passed"]["subject"]
    }
    assert {
        "cdp/ETH/minimum-ratio", "cdp/ETH/debt-floor", "cdp/ETH/debt-ceiling", "cdp/ETH/healthy", "cdp/ETH/bonus",
        "cdp/ETH/authority", "cdp/ETH/withdrawal", "perps/ETH/initial-margin", "perps/ETH/withdrawal",
        "perps/ETH/healthy", "perps/ETH/profit-while-short", "perps/ETH/pool-before-winners", "vault/USDC/deposit-cap",
        "vault/ETH/deposit-cap", "vault/loans/loan-to-value", "vault/loans/debt-floor", "vault/loans/withdrawal",
        "options/ETH/initial-margin/call", "options/ETH/initial-margin/put", "options/ETH/limit-price",
        "options/ETH/collateral", "options/ETH/withdrawal", "options/ETH/reporter", "options/ETH/lister",
        "options/ETH/butterfly", "options/ETH/calendar", "options/ETH/pool-bound", "options/ETH/cutoff",
        "options/ETH/healthy", "options/ETH/cover", "options/ETH/covered",
        "clearing/ETH/initial-margin", "clearing/ETH/withdrawal", "clearing/ETH/authority",
        "clearing/ETH/healthy",
    } <= tried  # fmt: skip


def test_sound_contracts_keep_every_metric_of_a_prober_at_nothing(results):
    for name, result in results.items():
        for metric in ("stale_answers_used", "limits_passed", "round_trip_gain", "books_gap_usd"):
            assert not result.metrics[metric], (name, metric)


def test_the_same_seed_finds_the_same(results):
    again = run(load("probe-hedge"), seed=5)
    assert again.digest == results["probe-hedge"].digest
    assert rows(again).astype(str).equals(rows(results["probe-hedge"]).astype(str))


def test_a_lender_of_a_users_own_is_probed_as_far_as_it_can_be(tmp_path):
    toy = Path(__file__).parents[1] / "plugins" / "toy.toml"
    file = tmp_path / "probed.toml"
    file.write_text(f'schema = 1\nextends = "{toy}"\n[prober]\nagent = "prober"\n')
    result = run(load(str(file)))
    assert result.manifest["status"] == "complete"
    assert {"limits_passed", "stale_hour_loss_usd"} <= set(rows(result)["name"].astype(str))
    assert result.metrics["limits_passed"] == 0
