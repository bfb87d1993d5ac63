"""The benchmarks measure what they say: same work on both sides, bounds the right way round, one JSON object."""

import json
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

import bench  # noqa: E402
from benchmarks import month, overhead, paths, soak, storms, timing, vaults  # noqa: E402
from benchmarks.raw import REFERENCE_RATE, RawEngine  # noqa: E402
from benchmarks.verdict import Limit, Verdict  # noqa: E402

from simulator.chain.types import Receipt  # noqa: E402

FEW = {"vaults.count": 12, "world.hours": 0, "liquidators.capital_usd": 1_000}


def few_vaults(**changes):
    return vaults.load(vaults.MONTH, FEW | changes)


def mix_of(gas="fast"):
    scenario = few_vaults()
    return vaults.Mix(vaults.unrecorded(scenario, vaults.new_chain(scenario, gas)))


@pytest.fixture
def stub(monkeypatch):
    """Lets `bench.py overhead` find a given verdict without measuring."""

    def put(verdict):
        monkeypatch.setattr(overhead, "measure", lambda small: verdict)

    return put


# ------------------------------------------------------------------ the command


@pytest.mark.parametrize("words", [[], ["list"]])
def test_no_name_prints_the_names(words, capsys):
    assert bench.main(words) == 0
    assert capsys.readouterr().out.split() == [
        "overhead",
        "backends",
        "month",
        "soak",
        "black-thursday",
        "hedge",
        "paths",
        "scale",
    ]


def test_every_name_leads_to_a_module_that_measures():
    for module in bench.BENCHMARKS.values():
        assert callable(bench.importlib.import_module(module).measure)


def test_an_unknown_name_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as left:
        bench.main(["speed"])
    assert left.value.code == 2
    assert "speed" in capsys.readouterr().err


@pytest.mark.parametrize(("ratio", "code"), [(1.25, 0), (1.2501, 1)])
def test_the_exit_code_and_the_json_say_whether_the_bound_holds(stub, capsys, ratio, code):
    stub(Verdict({"ratio": ratio}, [Limit("ratio", "<=", 1.25)]))
    assert bench.main(["overhead", "--json"]) == code
    assert json.loads(capsys.readouterr().out) == {
        "name": "overhead",
        "figures": {"ratio": ratio},
        "bound": {"ratio": "<= 1.25"},
        "holds": code == 0,
    }


def test_the_text_puts_the_limit_beside_its_figure(stub, capsys):
    stub(Verdict({"speed": 0.5, "spread": [0.25, 1500.0], "count": 2_000_000}, [Limit("speed", ">=", 0.9)]))
    assert bench.main(["overhead"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "overhead: DOES NOT HOLD"
    assert lines[1].split() == ["speed", "0.5", "must", "be", ">=", "0.9"]
    assert lines[2].split() == ["spread", "0.25", "..", "1,500"]
    assert lines[3].split() == ["count", "2,000,000"]


def test_one_limit_that_fails_is_enough():
    limits = [Limit("a", "<=", 1), Limit("b", ">=", 1)]
    assert Verdict({"a": 1, "b": 1}, limits).holds
    assert not Verdict({"a": 1, "b": 0.9}, limits).holds
    assert not Verdict({"a": 1.1, "b": 1}, limits).holds


# ------------------------------------------------------------------- the timing


def test_sides_alternate_and_only_what_is_prepared_is_timed(monkeypatch):
    clock, order = [0.0], []
    monkeypatch.setattr(timing.time, "process_time", lambda: clock[0])

    def side(name, takes):
        def act():
            order.append(name)
            clock[0] += takes

        def prepare():
            clock[0] += 1000
            return act

        return prepare

    found = timing.alternate(3, side("ours", 3.0), side("theirs", 2.0))
    assert order == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert found.ratios == [1.5, 1.5, 1.5]
    assert found.figures("x_") == {"x_ratio": 1.5, "x_ratio_spread": [1.5, 1.5]}


# ---------------------------------------------------------------- both sides' work


@pytest.mark.parametrize("gas", ["exact", "fast"])
def test_the_mix_never_reverts_and_leaves_every_vault_as_it_was(gas):
    mix = mix_of(gas)
    lending = mix._lending

    def collateral():
        return [lending.engine.read(mix.chain, "positions", lending.symbol, owner)[0] for owner in mix._owners]

    before = collateral()
    for env, transactions in mix.blocks(12, 5):  # a report and four adjustments: 48, or four to a vault
        assert all(type(o) is Receipt and o.status for o in mix.chain.execute(env, transactions))
    assert collateral() == before


def test_raw_calls_do_what_the_chain_does():
    chain, raw = mix_of(), mix_of()
    engine = RawEngine(raw)
    for env, transactions in chain.blocks(3, 7):
        chain.chain.execute(env, transactions)
    engine.round(3, 7)()
    lending, owner = chain._lending, chain._owners[0]
    assert chain.chain._evm.result.gas_used == raw.chain._evm.result.gas_used
    assert lending.engine.read(chain.chain, "positions", lending.symbol, owner) == lending.engine.read(
        raw.chain, "positions", lending.symbol, owner
    )


def test_every_raw_round_begins_at_the_same_state():
    engine = RawEngine(mix_of())
    for _ in range(3):
        engine.round(3, 7)()  # ends in the middle of a cycle: going on from there would revert


@pytest.mark.parametrize("gas", ["exact", "fast"])
def test_the_month_and_its_replay_are_the_same_transactions(gas):
    figures = month.compare(few_vaults(**{"world.hours": 1}), gas, rounds=1)
    assert figures["blocks"] == 60
    assert figures["transactions"] >= 60  # a report in each


def test_a_replay_that_ends_elsewhere_is_noticed():
    scenario = few_vaults(**{"world.hours": 0.1})
    one = vaults.unrecorded(scenario, vaults.new_chain(scenario, "fast"))
    one.run()
    with pytest.raises(AssertionError, match="reporter"):
        month.check(one, month.replayed(scenario, "fast", []))


def test_the_soak_sends_what_it_says_and_reads_the_memory():
    figures = soak.soak("fast", 1_000)
    assert figures["transactions"] >= 1_000
    assert len(figures["tenths_per_second"]) == 10
    assert soak.resident_mb() > 10


def test_seconds_count_as_those_of_the_reference_machine():
    found = storms.figures_of("fast", [storms.Timed(1.0, 3.0, REFERENCE_RATE / 2)])
    assert (found["fast_seconds"], found["fast_seconds_here"]) == (2.0, 4.0)


def test_a_tenth_of_a_run_counts_ten_times_and_its_set_up_once():
    found = storms.figures_of("fast", [storms.Timed(1.0, 0.5, REFERENCE_RATE)], share=0.1)
    assert found["fast_seconds"] == 6.0


def test_every_process_and_both_copulas_have_a_figure_and_a_bound():
    from simulator.registry import PROCESSES

    names = {name.replace("-", "_") for name in PROCESSES.names()} | {"gaussian_copula", "t_copula"}
    assert {case.name for case in paths.cases()} == names


def test_a_million_steps_count_as_those_of_the_reference_machine():
    found = paths.figures_of("gbm", [(2.0, REFERENCE_RATE / 4)])
    assert (found["gbm_seconds"], found["gbm_seconds_here"]) == (0.5, 2.0)
