"""The fixtures that a protocol's own tests get, in a pytest of its own that finds them by the entry point."""

import os
import tomllib
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
REPO = Path(__file__).resolve().parents[2]
HEAVY = ("numpy", "pandas", "pyarrow", "scipy", "pydantic", "simpy", "pyrevm", "web3", "plotly", "typer")


@pytest.fixture
def protocol(pytester, monkeypatch):
    """An empty project beside an installed Wavetank."""
    entries = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    metadata = pytester.mkdir("site") / "wavetank_of_tests-0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: wavetank-of-tests\nVersion: 0\n")
    lines = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in found.items()) for group, found in entries.items()]
    (metadata / "entry_points.txt").write_text("".join(lines))
    monkeypatch.setenv("PYTHONPATH", f"{metadata.parent}{os.pathsep}{REPO}")
    pytester.makeini("[pytest]\naddopts = -p no:pytest-brownie -p no:cacheprovider -p no:xdist")
    return pytester


def test_nothing_of_wavetank_is_imported_before_a_fixture_is_asked_for(protocol):
    protocol.makepyfile(test_of_theirs="def test_of_theirs():\n    pass\n")
    protocol.makepyfile(
        collect=f"""
        import sys
        import pytest
        code = pytest.main(["--collect-only", "-q", "test_of_theirs.py"])
        loaded = sorted(name for name in sys.modules if name.split(".")[0] in {(*HEAVY, "simulator")!r})
        print("code", int(code), "loaded", loaded)
        """
    )
    done = protocol.runpython("collect.py")
    done.stdout.fnmatch_lines(["code 0 loaded ['simulator', 'simulator.pytest_plugin']"])


def test_its_fixtures_are_listed_with_what_they_are(protocol):
    done = protocol.runpytest_subprocess("--fixtures", "-q")
    done.stdout.fnmatch_lines_random(["world *", "chain *", "assert_rules *"])


def test_a_world_is_run_and_judged_and_a_chain_is_fresh(protocol):
    protocol.makepyfile(
        """
        import pytest
        from simulator.chain.types import Address
        from simulator.errors import ConfigError

        def test_a_run_has_metrics_and_the_seed_that_was_asked_for(world, assert_rules):
            result = world("calm", 3, hours=0.25, changes={"oracle.ETH.delay_seconds": 60})
            assert result.manifest["seed"] == 3
            assert result.manifest["scenario"]["world"]["hours"] == 0.25
            assert result.manifest["scenario"]["oracle"]["ETH"]["delay_seconds"] == 60
            assert_rules(result, "max(bad_debt_ratio) <= 0.5%", "param(oracle.ETH.delay_seconds) <= 60")

        def test_runs_of_two_scenarios_are_not_pooled(world, assert_rules):
            runs = [world("calm", 1, hours=0.25), world("calm", 1, hours=0.5)]
            with pytest.raises(AssertionError) as raised:
                assert_rules(runs, "max(blocks) <= 100")
            assert str(raised.value).count("Fail: ") == 1
            assert "world.hours=0.5" in str(raised.value)

        def test_a_seed_counts_once(world, assert_rules):
            run = world("calm", 1, hours=0.25)
            with pytest.raises(AssertionError, match="1 runs with data are too few"):
                assert_rules([run] * 30, "p90(bad_debt_ratio) <= 1%")

        def test_what_is_no_rule_and_what_judges_nothing_is_no_pass(world, assert_rules):
            run = world("calm", 1, hours=0.25)
            with pytest.raises(ConfigError, match="bad_debt_ratio"):
                assert_rules(run, "max(bad_dept_ratio) <= 1%")
            with pytest.raises(AssertionError, match="0 rules"):
                assert_rules(run)
            with pytest.raises(AssertionError, match="0 runs"):
                assert_rules([], "max(blocks) <= 1")

        def test_a_world_that_cannot_be_is_an_error(world):
            with pytest.raises(ConfigError, match="world.hours"):
                world("calm", hours=-1)

        @pytest.mark.parametrize("turn", [1, 2])
        def test_nobody_has_anything_on_a_chain(chain, turn):
            address = Address("0x" + "11" * 20)
            assert chain.name == "revm"
            assert chain.balance(address) == 0
            chain.fund(address, 7)
        """
    )
    done = protocol.runpytest_subprocess("-q")
    done.assert_outcomes(passed=7)


def test_a_rule_that_is_broken_is_told_with_its_figures_and_the_command_that_shows_it(protocol):
    protocol.makepyfile(
        """
        def test_gate(world, assert_rules):
            runs = [world("calm", seed, hours=0.25) for seed in (1, 2)]
            assert_rules(runs, "max(blocks) <= 3", "max(bad_debt_ratio) <= 1%", "p99(bad_debt_ratio) <= 0.5%")
        """
    )
    done = protocol.runpytest_subprocess("-q")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(
        [
            "*Fail: max(blocks) <= 3 in calm. Estimate *, 95 % bound *, limit <= 3, 2 runs. *",
            "*wavetank run calm --seed * --set world.hours=0.25*",
            "*Inconclusive: p99(bad_debt_ratio) <= 0.5% in calm. *299 would do*",
        ]
    )
    done.stdout.no_fnmatch_line("*max(bad_debt_ratio) <= 1% in calm*")
    done.stdout.no_fnmatch_line("*pytest_plugin.py:*AssertionError")
