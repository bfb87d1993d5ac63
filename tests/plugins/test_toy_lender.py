"""A lender unlike ours, written as a user would: every agent and metric takes it, and simulator/ has no word of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from compile_toy import ARTIFACT, ROOT, compile_toy, missing_part

from simulator import load, run
from simulator.chain.revm import RevmChain
from simulator.chain.types import Address
from simulator.digest import Digest
from simulator.errors import AgentError
from simulator.observer import Observer
from simulator.protocols.base import Lending
from simulator.results import RunResult
from simulator.scenario import import_user_code
from simulator.units import WAD
from simulator.world import World

TOY = str(Path(__file__).with_name("toy.toml"))
# An hour's delay, and a crash within it that leaves collateral behind debt.
CRASH = {
    "oracle.BTC.delay_seconds": 3600,
    "market.BTC.knots": [[0, 50_000], [1, 50_000], [1.5, 26_000], [6, 25_000]],
}
GROUPS = ["borrowers", "liquidators", "arbitrageurs", "traders", "housekeeper", "reporter", "bots"]


@pytest.fixture(scope="module")
def storm() -> RunResult:
    return run(load(TOY))


@pytest.fixture(scope="module")
def crash() -> RunResult:
    return run(load(TOY, **CRASH))


def seized(result: RunResult) -> list[dict]:
    """The arguments of the contract's own liquidation events."""
    events = result.events
    return [json.loads(args) for args in events[events["name"] == "Seized"]["args"]]


def measure(result: RunResult, name: str):
    """The lender's values of a measure by block."""
    rows = result.measures
    return rows[(rows["protocol"] == "lender") & (rows["name"] == name)].set_index("block")["value"]


# ------------------------------------------------------------------ agents


@pytest.mark.parametrize("group", GROUPS)
def test_every_kind_of_agent_acts(storm, group):
    rows = storm.transactions
    assert ((rows["agent"] == group) & (rows["status"] == "included")).any()


def test_liquidators_seize_through_the_plug_in(storm):
    rows = storm.transactions
    done = rows[(rows["action"] == "liquidate") & (rows["status"] == "included")]
    assert set(done["agent"]) == {"liquidators"}
    assert len(done) == len(seized(storm)) > 10


@pytest.mark.parametrize("weather", ["storm", "crash"])
def test_no_revert_is_unexpected(weather, request):
    result = request.getfixturevalue(weather)
    assert result.exit_code == 0
    assert result.metrics["reverts"] > 0
    assert result.metrics["unexpected_reverts"] == 0


def test_a_users_agent_opens_two_positions_and_closes_one(storm):
    rows = storm.transactions
    mine = rows[rows["account"] == "bots/0"]
    assert list(zip(mine["action"], mine["status"], strict=True)) == [
        ("open", "included"),
        ("open", "included"),
        ("adjust", "included"),
    ]
    last = storm.positions[storm.positions["block"] == storm.positions["block"].max()]
    assert sum(name == f"{mine['sender'].iloc[0]}/0" for name in last["position"]) == 0
    assert sum(name == f"{mine['sender'].iloc[0]}/1" for name in last["position"]) == 1


# ----------------------------------------------------------------- metrics


@pytest.mark.parametrize("weather", ["storm", "crash"])
@pytest.mark.parametrize(
    "name",
    [
        "bad_debt_usd",
        "bad_debt_ratio",
        "insolvent",
        "collateral_ratio_min",
        "margin_ratio_min",
        "health_factor_min",
        "health_factor_p01",
        "liquidations",
        "liquidated_debt_usd",
        "liquidation_delay_blocks_max",
        "profitable_liquidation_share",
        "liquidator_profit_usd",
        "oracle_lag_seconds_max",
        "oracle_gap_max",
        "cascade_amplification",
    ],
)
def test_every_metric_that_applies_has_a_value(weather, name, request):
    assert request.getfixturevalue(weather).metrics[name] is not None


def test_metrics_of_auctions_do_not_apply_where_there_are_none(storm):
    assert storm.metrics["zero_bid_share"] is None


def test_liquidations_are_those_of_the_contracts_own_events(storm):
    repaid = sum(int(each["repaid"]) for each in seized(storm)) / WAD
    assert storm.metrics["liquidations"] == len(seized(storm))
    # The peg stays within a few per cent of one dollar.
    assert storm.metrics["liquidated_debt_usd"] == pytest.approx(repaid, rel=0.05)


def test_the_gas_of_a_liquidation_is_in_its_profit(storm):
    dear = run(load(TOY, **{"market.ETH.price": 250_000}))
    assert dear.metrics["liquidator_profit_usd"] < storm.metrics["liquidator_profit_usd"]


def test_bad_debt_is_what_the_contract_lost_and_what_is_not_covered(storm, crash):
    lost = sum(int(each["lost"]) for each in seized(crash)) / WAD
    assert lost > 0
    assert measure(crash, "bad_debt_usd").iloc[-1] == pytest.approx(lost, rel=0.05)
    expected = measure(crash, "bad_debt_usd").iloc[-1] + measure(crash, "shortfall_usd").iloc[-1]
    assert crash.metrics["bad_debt_usd"] == pytest.approx(expected)
    assert (crash.metrics["insolvent"], storm.metrics["insolvent"]) == (1, 0)


# ------------------------------------------------------------------ tables


def test_positions_and_measures_tell_the_same(storm):
    rows = storm.positions[storm.positions["protocol"] == "lender"]
    # At a loan-to-value of 0.7 the required equity is 3/7 of the debt.
    debt = rows["required_usd"].groupby(rows["block"]).sum() * 7 / 3
    equity = rows["equity_usd"].groupby(rows["block"]).sum()
    assert len(debt) == 6 * 6 + 1
    np.testing.assert_allclose(debt, measure(storm, "debt_usd"))
    np.testing.assert_allclose(debt + equity, measure(storm, "collateral_usd"))
    lowest = rows["health"].groupby(rows["block"]).min() / 0.7
    np.testing.assert_allclose(lowest, measure(storm, "collateral_ratio_min"))


def test_the_mirror_is_the_contract_to_the_last_digit():
    scenario = import_user_code(load(TOY, **CRASH))
    settings = scenario.chain
    chain = RevmChain("exact", chain_id=settings.id, gas_limit=settings.gas_limit, coinbase=Address(settings.coinbase))
    world = World(scenario, 11, chain, Observer(None, Digest()))
    world.run()
    (lending,) = world.capabilities(Lending)
    number = owed_in_all = 0
    for number, name in sorted(lending.names.items()):
        holder, pledged, owed = lending.contract.read(chain, "positions", number)
        mirrored = lending.book.get(name)
        assert (pledged, owed) == ((mirrored.collateral, mirrored.normalized_debt) if mirrored else (0, 0))
        assert name.startswith(holder)
        owed_in_all += owed
    assert number > 60  # the borrowers', and the bots' that followed
    lost = lending.contract.read(chain, "totalLost")
    assert lost == lending.lost > 0
    assert lending.contract.read(chain, "totalSupply") == owed_in_all + lost


# -------------------------------------------------------------- whole runs


def wavetank(*words: str, cwd: Path, hash_seed: str = "0") -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "simulator.cli", *words]
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=100, check=False)


def test_one_seed_is_one_digest_in_any_process_and_the_report_shows_the_lender(storm, tmp_path):
    done = wavetank("run", TOY, "--out", "out", "--json", cwd=tmp_path, hash_seed="4242")
    assert done.returncode == 0, done.stderr
    manifest = json.loads(done.stdout)
    assert manifest["digest"] == storm.digest
    assert manifest["metrics"] == storm.metrics
    assert set(manifest["user_code"]) == {"./toy.py:Toy", "./bot.py:Bot"}
    assert manifest["bytecode"]["ToyLender"] == json.loads(ARTIFACT.read_text())["sourceHash"]
    assert 'aria-labelledby="title-ratios-lender"' in (tmp_path / "out/report.html").read_text()


def test_another_seed_is_another_run(storm):
    assert run(load(TOY), seed=12).digest != storm.digest


def test_a_users_agent_that_raises_is_named_and_the_run_is_partial():
    result = run(load(TOY, **{"bots.agent": "./bot.py:Careless", "bots.minutes": 90}))
    assert result.exit_code == 3
    assert isinstance(result.fault, AgentError)
    assert "agent bots: LookupError: lost my way (see bot.py:" in str(result.fault)
    assert result.manifest["status"] == "partial"
    assert result.metrics["blocks"] == 90 * 60 / 12
    assert not result.positions.empty


def test_the_command_says_so_in_one_line_and_exits_with_3(tmp_path):
    done = wavetank("run", TOY, "--set", "bots.agent=./bot.py:Careless", "--out", "out", cwd=tmp_path)
    assert done.returncode == 3
    assert "error: agent bots: LookupError: lost my way (see bot.py:" in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads((tmp_path / "out/manifest.json").read_text())["status"] == "partial"
    assert (tmp_path / "out/report.html").is_file()


def test_what_a_users_contract_refuses_is_said_in_one_line(tmp_path):
    done = wavetank("run", TOY, "--set", "lender.seize_ltv=0.5", "--out", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert "error: set-up: ToyLender constructor reverted: TooMuchDebt(" in done.stderr
    assert not any(tmp_path.iterdir())


def test_a_misspelt_key_of_a_users_settings_names_the_nearest(tmp_path):
    done = wavetank("run", TOY, "--set", "lender.seize_lvt=0.5", "--out", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert "lender.seize_lvt: unknown key (the nearest that exists is `lender.seize_ltv`)" in done.stderr


# ---------------------------------------------------------------- the point


def test_the_simulator_has_no_word_of_the_toy():
    words = ["ToyLender", "TOYUSD", "previewSeize", "seize_ltv"]
    found = [
        (path.name, word)
        for path in sorted((ROOT / "simulator").rglob("*.py"))
        for word in words
        if word in path.read_text()
    ]
    assert found == []


@pytest.mark.forge
def test_the_artifact_is_what_its_source_compiles_to():
    if missing := missing_part():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    assert compile_toy() == ARTIFACT.read_text(), "run: python tests/plugins/compile_toy.py"
