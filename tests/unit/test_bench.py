"""The benchmarks measure what they say: same work on both sides, bounds the right way round, one JSON object."""

import json
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

import bench  # noqa: E402
from benchmarks import margin, margin_book, month, overhead, paths, peer, peer_venv, soak, storms, timing, vaults  # noqa: E402
from benchmarks.raw import REFERENCE_RATE, RawEngine  # noqa: E402
from benchmarks.verdict import Limit, Verdict  # noqa: E402

from simulator.chain.types import Receipt  # noqa: E402
from simulator.errors import ConfigError  # noqa: E402

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
    names = ["overhead", "backends", "month", "soak", "black-thursday", "hedge", "margin", "paths", "scale", "peer"]
    assert capsys.readouterr().out.split() == names


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


def test_what_is_missing_is_one_line_and_no_verdict(monkeypatch, capsys):
    def measure(small):
        raise ConfigError("verbs cannot be installed", mend="it needs a wheel")

    monkeypatch.setattr(overhead, "measure", measure)
    assert bench.main(["overhead", "--json"]) == 2
    said = capsys.readouterr()
    assert said.err == "overhead: verbs cannot be installed (it needs a wheel)\n"
    assert not said.out


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


def test_the_book_that_is_checked_has_what_it_is_said_to_have():
    book = margin_book.MarginBook("fast")
    assert len(book.lab.read(book.house, "legsOf", book.account)) == margin_book.LEGS == 40
    assert len({series >> 8 for series in book.ids}) == 20
    assert len(set(margin_book.shocks())) == margin_book.SHOCKS == 23


def test_the_pricing_that_is_measured_is_the_one_that_margin_goes_by():
    book = margin_book.MarginBook("fast")
    equity, required = book.lab.read(book.house, "marginOf", book.account, False)
    *shocked, now = book.lab.read(book.surface, "shockedValues", book.ids, book.sizes, [*margin_book.shocks(), (0, 0)])
    assert equity == now + book.lab.read(book.house, "bookOf", book.account)[0]
    short = sum(-size for size in book.sizes if size < 0)
    assert required == now - min(shocked) + short * 2_000 // 100  # and a hundredth of what is written


def test_a_margin_check_costs_more_gas_than_its_pricing_and_both_keep_their_bounds():
    figures = margin.gas_figures()
    assert figures["pricing_gas"] <= margin.MOST_PRICING_GAS
    assert figures["pricing_gas"] < figures["check_gas"] <= margin.MOST_GAS


# ------------------------------------------------------------------------- the peer

SOME = {"vaults.count": 60, "liquidators.capital_usd": 300_000}  # as many as a block of the mix has owners
WILD = {
    "market.ETH.volatility": 8.0,
    "vaults.ratio": 1.6,
    "vaults.ratio_sigma": 0.02,
    "liquidators.capital_usd": 700_000,
}


@pytest.fixture(scope="module")
def verbs():
    """The other side; its environment is made here where CI has not made it."""
    with peer.Peer() as process:
        yield process


@pytest.mark.slow
def test_adjustments_in_verbs_end_in_the_state_that_ours_do(verbs):
    figures = peer.compare_mix(verbs, peer.month(0.0, **SOME), transactions=300, rounds=1)
    assert figures["fast_mix_over_verbs"] > 0
    assert figures["verbs_mix_us"] > 0


def test_months_with_each_kind_of_agents_in_verbs_end_in_the_state_that_ours_do(verbs):
    kinds = ("vectorised", "each", "each_remembering")
    figures = peer.compare_months(verbs, peer.month(6.0, **SOME | WILD), "month", kinds, rounds=1)
    assert figures["month_liquidations"] > 10  # several of them waiting for each other
    assert {f"exact_month_over_{kind}" for kind in kinds} <= figures.keys()


def test_the_state_tells_every_debt_every_collateral_and_every_balance(verbs):
    world = peer.load(verbs, peer.month(0.1, **SOME))
    asked = peer.views(world)
    chain, (_, engine, owners) = world.chain, peer.engine_of(world)
    before = peer.state(chain, asked)
    (env, (_, adjustment)), *_ = vaults.Mix(world).blocks(1, 2)
    chain.execute(env, [adjustment])
    changed = [view for view, one, two in zip(asked, before, peer.state(chain, asked), strict=True) if one != two]
    assert (engine.address, engine.encode("positions", b"ETH".ljust(32, b"\0"), owners[0])) in changed
    assert len(changed) == 3  # and the collateral of the owner and of the engine


def test_a_side_that_ends_elsewhere_is_noticed():
    class Other:
        def ask(self, do):
            return {"seconds": 1.0, "state": ["01"]}

    with pytest.raises(AssertionError, match="same state"):
        peer.race(Other(), {"do": "mix"}, lambda gas: (1.0, ["02"]), rounds=1)


def test_figures_of_the_peer_are_our_speed_over_theirs():
    found = {"fast": timing.Rounds([2.0], [1.0]), "exact": timing.Rounds([4.0], [1.0])}
    figures = peer.figures_of("mix", "verbs", found, 1_000_000)
    assert (figures["fast_mix_over_verbs"], figures["exact_mix_over_verbs"]) == (0.5, 0.25)
    assert (figures["fast_mix_us"], figures["exact_mix_us"], figures["verbs_mix_us"]) == (2.0, 4.0, 1.0)


def test_a_peer_that_dies_says_at_what(monkeypatch):
    monkeypatch.setattr(peer_venv, "python", lambda: sys.executable)
    monkeypatch.setattr(peer_venv, "SCRIPT", Path("/nowhere/peer.py"))
    with peer.Peer() as process, pytest.raises(RuntimeError, match="did not survive 'mix'"):
        process.ask("mix")


def test_an_environment_that_cannot_be_made_is_told_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"verbs==\S+ cannot be installed: \S") as fault:
        peer_venv.python(tmp_path / "file" / "venv")
    assert len(str(fault.value).splitlines()) == 1


def test_of_what_pip_says_the_error_is_told():
    said = "WARNING: an index is slow\nERROR: Could not find it\nERROR: No matching distribution\n[notice] a new pip\n"
    fault = peer_venv.subprocess.CalledProcessError(1, ["pip"], stderr=said)
    assert peer_venv._reason(fault) == "No matching distribution"
