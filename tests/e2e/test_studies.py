"""Studies: many runs of one scenario answer a question, and say what they could not answer."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from simulator import run
from simulator.errors import ConfigError
from simulator.scenario import load_scenario as load
from simulator.study import bands, delay, effectiveness
from simulator.study.bands import BANDS
from simulator.study.catalogue import STUDIES, find_study
from simulator.study.conduct import conduct
from simulator.study.delay import DELAY
from simulator.study.effectiveness import EFFECTIVENESS_STUDY

SHORT = {"world.hours": 3, "borrowers.count": 40, "borrowers.collateral_usd": 1_000_000}


def short(name, **more):
    return load(name, {**SHORT, **more})


@pytest.fixture
def few_bands(monkeypatch):
    monkeypatch.setattr(bands, "_BANDS", (0.01, 0.04))
    monkeypatch.setattr(bands, "_HOURS", (1.0,))
    return replace(BANDS, seeds=1)


def studied(study, name, folder, seed=7, **changes):
    all_changes = {**SHORT, **changes}
    return conduct(study, name, load(name, all_changes), all_changes, seed=seed, gas="fast", out=folder)


def test_the_bands_of_a_whipsaw_make_a_frontier(few_bands, tmp_path):
    manifest, code, folder = studied(few_bands, "whipsaw", tmp_path / "study")
    assert code == 0
    assert manifest["status"] == "complete"
    series = ["to the target"] * 2 + ["to the edge"] * 2 + ["at fixed times"]
    assert [run["series"] for run in manifest["runs"]] == series
    narrow, wide = manifest["runs"][:2]
    assert narrow["tracking_error"] < wide["tracking_error"]
    assert narrow["cost_bp_a_year"] > wide["cost_bp_a_year"]
    page = (folder / "report.html").read_text()
    assert "Cost against tracking error" in page
    assert "band 4 %" in page


def test_a_point_of_a_study_is_the_run_of_its_settings(few_bands, tmp_path):
    manifest, _, folder = studied(few_bands, "whipsaw", tmp_path / "study")
    point = {"vault.execution.cooldown_minutes": 0.0, "vault.triggers.band": 0.04}
    alone = run(short("whipsaw", **point), seed=7, gas="fast")
    assert manifest["runs"][1]["digest"] == alone.digest
    assert manifest["runs"][1]["tracking_error"] == alone.metrics["tracking_error"]
    table = pd.read_parquet(folder / "runs.parquet")
    assert list(table["digest"]) == [run["digest"] for run in manifest["runs"]]


def test_a_study_gives_the_same_digest_again(few_bands, tmp_path):
    first, second = (studied(few_bands, "whipsaw", tmp_path / name)[0] for name in "ab")
    assert first["digest"] == second["digest"]
    assert first == second


def test_a_run_that_fails_is_counted_and_shown_and_never_averaged(monkeypatch, tmp_path):
    monkeypatch.setattr(bands, "_BANDS", (0.04,))
    monkeypatch.setattr(bands, "_HOURS", ())
    monkeypatch.setattr(bands, "_SERIES", {"to the target": "target", "to the edge": "nowhere"})
    manifest, code, folder = studied(replace(BANDS, seeds=1), "whipsaw", tmp_path / "study")
    assert code == 3
    assert (manifest["status"], manifest["runs_done"], manifest["runs_failed"]) == ("partial", 2, 1)
    assert "nowhere" in manifest["runs"][1]["fault"]
    assert "This study is partial" in (folder / "report.html").read_text()


def test_an_interrupted_study_keeps_the_runs_that_were_done(few_bands, tmp_path):
    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    changes = dict(SHORT)
    manifest, code, folder = conduct(
        few_bands, "whipsaw", load("whipsaw", changes), changes, seed=7, gas="fast", out=tmp_path / "s", progress=stop
    )
    assert code == 130
    assert (manifest["status"], manifest["runs_done"], manifest["runs_total"]) == ("partial", 2, 5)
    assert json.loads((folder / "manifest.json").read_text())["runs"] == manifest["runs"]


def test_keepers_who_are_paid_more_come_sooner(monkeypatch, tmp_path):
    monkeypatch.setattr(delay, "_KEEPERS", (1,))
    monkeypatch.setattr(delay, "_TIPS", (0.0, 80.0))
    manifest, code, _ = studied(replace(DELAY, seeds=2), "whipsaw", tmp_path / "study", **{"world.hours": 8})
    assert code == 0
    slow = sum(run["delay_seconds_median"] for run in manifest["runs"][:2])
    quick = sum(run["delay_seconds_median"] for run in manifest["runs"][2:])
    assert quick < slow


def test_the_effectiveness_of_a_strategy_is_told_for_each_of_its_scenarios(tmp_path, monkeypatch):
    monkeypatch.setattr(
        effectiveness, "_strategies", lambda scenario: {"carry"} if scenario.name == "carry-calm" else {}
    )
    manifest, code, folder = studied(replace(EFFECTIVENESS_STUDY, seeds=1), "whipsaw", tmp_path / "study")
    assert code == 0
    runs = [(run["series"], run["point"]) for run in manifest["runs"]]
    assert runs == [("storm", "whipsaw"), ("calm", "carry-calm")]
    assert manifest["runs"][0]["hedge_effectiveness"] is None  # carry has no hedge leg: no data is no effectiveness
    assert "No run had a hedge whose effectiveness could be told." in (folder / "report.html").read_text()


def test_what_cannot_be_studied_is_said_in_one_line(tmp_path):
    with pytest.raises(ConfigError, match=r'no study "band" .*"bands"'):
        find_study("band")
    with pytest.raises(ConfigError, match="there is no vault in it to study"):
        studied(BANDS, "calm", tmp_path / "study")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="not overwritten"):
        studied(BANDS, "whipsaw", tmp_path / "mine")
    assert set(STUDIES) == {"bands", "effectiveness", "delay"}
