"""Laws of the validation page: how they are judged, and that those which take seconds hold."""

import json
import math

import numpy as np
import pytest

from simulator.cli import main
from simulator.errors import ConfigError
from simulator.registry import PROCESSES
from simulator.validation.catalogue import all_laws, chosen
from simulator.validation.dependence import joint_tail
from simulator.validation.law import LAWS, Finding, Law, Measured, NoData, add_law, by_mean, judge
from simulator.validation.market_data import market_data
from simulator.validation.measure import exit_code

OURS = {f"simulator.validation.{name}" for name in ("calls", "moments", "dependence")}
QUICK = [law for law in chosen([]) if law.measure.__module__ in OURS and law.name != "heston-call"]


@pytest.mark.parametrize("law", QUICK, ids=lambda law: law.name)
def test_a_law_of_paths_holds(law):
    finding = judge(law)
    assert finding.verdict == "holds", finding.result


@pytest.mark.slow
def test_the_heston_call_has_the_price_of_the_characteristic_function():
    (law,) = chosen(["heston-call"])
    assert judge(law).verdict == "holds"


def test_every_law_says_what_it_claims_and_who_says_so():
    for law in all_laws().values():
        assert law.statement.endswith(".")
        assert law.source
        assert law.name == law.name.lower().replace("_", "-").replace(" ", "-")


def law_of(measure) -> Law:
    return Law("sample", "A sample.", "nobody", measure)


@pytest.mark.parametrize(
    ("measured", "verdict"), [(1.0, "holds"), (1.1, "holds"), (1.2, "fails"), (math.nan, "fails"), (math.inf, "fails")]
)
def test_a_law_holds_within_its_tolerance_and_never_on_what_is_no_number(measured, verdict):
    finding = judge(law_of(lambda: Measured(1.0, measured, 0.1 + 1e-12)))
    assert finding.verdict == verdict
    assert json.loads(json.dumps(finding.as_dict(), allow_nan=False))["verdict"] == verdict


def test_a_law_without_data_has_no_data_and_is_no_pass(monkeypatch, tmp_path):
    monkeypatch.setenv("WAVETANK_DATA", str(tmp_path))

    def measure():
        market_data("prices.csv")
        raise AssertionError

    finding = judge(law_of(measure))
    assert finding.verdict == "no_data"
    assert "prices.csv" in finding.note
    assert finding.as_dict()["measured"] is None


def test_the_folder_of_market_data_is_where_the_variable_says(monkeypatch, tmp_path):
    monkeypatch.setenv("WAVETANK_DATA", str(tmp_path))
    (tmp_path / "prices.csv").write_text("")
    assert market_data("prices.csv") == tmp_path / "prices.csv"
    monkeypatch.delenv("WAVETANK_DATA")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("simulator.validation.market_data.PACKAGE", tmp_path / "checkout" / "simulator")
    with pytest.raises(NoData, match="WAVETANK_DATA"):
        market_data("prices.csv")


def test_no_data_comes_before_a_failure_and_a_failure_before_none():
    holds, fails, none = (Finding(law_of(None), verdict, None) for verdict in ("holds", "fails", "no_data"))
    assert exit_code([holds, fails, none]) == 3
    assert exit_code([holds, fails]) == 1
    assert exit_code([holds]) == 0


def test_a_mean_of_too_few_samples_fails_rather_than_pass_on_its_width():
    samples = np.random.default_rng(1).normal(10, 5, 100)
    assert by_mean(10.0, samples, 1.0).holds
    assert by_mean(10.0, samples, 0.05).tolerance == 0.5  # instead of the 1.5 of three standard errors


def test_a_name_is_taken_once():
    name = next(iter(all_laws()))
    with pytest.raises(ValueError, match="taken"):
        add_law(name, "Again.", "nobody", lambda: Measured(0, 0, 0))
    assert LAWS[name].statement != "Again."


def test_families_and_names_choose_laws_in_the_order_of_the_page():
    assert [law.name for law in chosen(["heston-call", "merton-call"])] == [
        "merton-call/90",
        "merton-call/100",
        "merton-call/110",
        "heston-call",
    ]
    with pytest.raises(ConfigError, match="no law momets") as raised:
        chosen(["momets"])
    assert "`moments`" in raised.value.mend


def test_the_command_prints_the_laws_and_answers_with_its_code(capsys, tmp_path):
    page = tmp_path / "page.html"
    assert main(["validate", "moments/constant", "moments/replay", "--json", "--out", str(page)]) == 0
    laws = json.loads(capsys.readouterr().out)["laws"]
    assert [set(law) for law in laws] == 2 * [{"law", "source", "expected", "measured", "tolerance", "verdict"}]
    assert main(["validate", "moments/constant", "--out", str(page)]) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["moments/constant", "3", "3", "0", "holds"]
    assert main(["validate", "momets"]) == 2


def test_joint_extremes_of_a_t_are_those_of_independence_only_without_dependence():
    # Perfect dependence shares all, opposition none; with 1e6 degrees of freedom and no correlation it is the product.
    assert joint_tail(0.999999, 3, 0.01) == pytest.approx(1, abs=0.01)
    assert joint_tail(-0.999, 3, 0.01) == pytest.approx(0, abs=1e-3)
    assert joint_tail(0.0, 1e6, 0.01) == pytest.approx(0.01, rel=1e-3)


def test_every_process_has_a_law_of_its_name():
    assert {f"moments/{name}" for name in PROCESSES.names()} <= set(all_laws())
