"""One scenario and seed is one digest, whichever process runs it."""

import json
import multiprocessing
import os
import subprocess
import sys

import pytest

from simulator import load, run

CHANGES = {"world.hours": 3, "borrowers.count": 60, "pool.liquidity_usd": 300_000, "liquidators.capital_usd": 50_000}


def digest(seed: int = 5) -> str:
    return run(load("flash-crash", **CHANGES), seed=seed).digest


def in_a_process(hash_seed: str) -> dict:
    words = [sys.executable, "-m", "simulator.cli", "run", "flash-crash", "--seed", "5", "--json", "--out"]
    words += [f"{os.environ['RUN_PLACE']}/{hash_seed}"]
    words += [part for key, value in CHANGES.items() for part in ("--set", f"{key}={value}")]
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=100, check=True)
    return json.loads(done.stdout)


def test_hash_seeds_processes_and_tables_do_not_matter(tmp_path, monkeypatch):
    monkeypatch.setenv("RUN_PLACE", str(tmp_path))
    one, other = in_a_process("1"), in_a_process("4242")
    assert one["digest"] == other["digest"] == digest()
    assert one["metrics"] == other["metrics"]
    for table in ("blocks", "transactions", "events", "prices", "positions", "measures"):
        first, second = (tmp_path / name / f"{table}.parquet" for name in ("1", "4242"))
        assert first.read_bytes() == second.read_bytes(), table


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.parametrize("workers", [1, 2])
def test_workers_give_the_digest_of_their_parent(method, workers):
    with multiprocessing.get_context(method).Pool(workers) as pool:
        assert pool.map(digest, [5, 6, 5], chunksize=1) == [digest(5), digest(6), digest(5)]


def test_another_seed_is_another_run():
    assert digest(5) != digest(6)


def test_adding_an_agent_disturbs_no_other_stream():
    base = run(load("calm", **CHANGES), seed=5)
    more = run(load("calm", **CHANGES | {"traders.count": 11}), seed=5)
    for asset in ("ETH", "DOLLAR"):
        paths = [r.prices[r.prices["asset"] == asset]["exogenous"].tolist() for r in (base, more)]
        assert paths[0] == paths[1]
    openings = [
        set(r.positions[r.positions["block"] == r.positions["block"].min()]["equity_usd"]) for r in (base, more)
    ]
    assert openings[0] == openings[1]
