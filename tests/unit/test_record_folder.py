"""The folder of a run: whole or not there, and never in the place of something else."""

import json
import math

import pytest

from simulator.errors import ConfigError
from simulator.runfolder import RunFolder

MANIFEST = {"schema": 1, "scenario": {"title": "π"}, "digest": "ab", "seed": 3}


def run_at(out, **fields):
    folder = RunFolder(out)
    (folder.work / "blocks.parquet").write_bytes(b"rows")
    folder.write_manifest(MANIFEST | fields)
    return folder.finish()


def test_a_run_appears_at_its_place_only_when_finished(tmp_path):
    out = tmp_path / "runs" / "storm-1"
    folder = RunFolder(out)
    folder.write_manifest(MANIFEST)
    assert not out.exists()
    assert folder.work.parent == out.parent
    assert folder.finish() == out
    assert json.loads((out / "manifest.json").read_text(encoding="utf-8")) == MANIFEST
    assert [path.name for path in out.parent.iterdir()] == ["storm-1"]


def test_a_discarded_run_leaves_nothing(tmp_path):
    folder = RunFolder(tmp_path / "storm")
    folder.write_manifest(MANIFEST)
    folder.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_finished_run_is_not_discarded(tmp_path):
    folder = RunFolder(tmp_path / "storm")
    folder.write_manifest(MANIFEST)
    folder.finish()
    folder.discard()
    assert (tmp_path / "storm" / "manifest.json").is_file()


def test_an_earlier_run_is_replaced_whole(tmp_path):
    out = tmp_path / "storm"
    run_at(out)
    (out / "report.html").write_text("old", encoding="utf-8")
    run_at(out, seed=4)
    assert sorted(path.name for path in out.iterdir()) == ["blocks.parquet", "manifest.json"]
    assert json.loads((out / "manifest.json").read_text(encoding="utf-8"))["seed"] == 4
    assert [path.name for path in tmp_path.iterdir()] == ["storm"]


def test_an_earlier_run_stays_until_the_new_one_is_finished(tmp_path):
    out = run_at(tmp_path / "storm")
    RunFolder(out).discard()
    assert json.loads((out / "manifest.json").read_text(encoding="utf-8"))["seed"] == 3


@pytest.mark.parametrize("content", [None, "not json", "[]", '{"name": "a web page", "icons": []}'])
def test_a_folder_that_is_no_run_is_refused_and_untouched(tmp_path, content):
    out = tmp_path / "mine"
    out.mkdir()
    (out / "letter.txt").write_text("dear", encoding="utf-8")
    if content is not None:
        (out / "manifest.json").write_text(content, encoding="utf-8")
    before = sorted(path.name for path in out.iterdir())
    with pytest.raises(ConfigError, match=r"mine: this folder holds no run, so it is not overwritten .*--out"):
        RunFolder(out)
    assert sorted(path.name for path in out.iterdir()) == before
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_file_is_refused(tmp_path):
    (tmp_path / "storm").write_text("dear", encoding="utf-8")
    with pytest.raises(ConfigError, match="this is no folder"):
        RunFolder(tmp_path / "storm")


def test_a_place_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("dear", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be written"):
        RunFolder(tmp_path / "file" / "storm")


def test_what_appears_meanwhile_is_kept_and_so_is_the_run(tmp_path):
    folder = RunFolder(tmp_path / "storm")
    folder.write_manifest(MANIFEST)
    (tmp_path / "storm").mkdir()
    with pytest.raises(ConfigError, match=r"the run is in .*partial.*: move it by hand"):
        folder.finish()
    folder.discard()
    assert (folder.work / "manifest.json").is_file()
    assert list((tmp_path / "storm").iterdir()) == []


def test_a_link_to_a_run_is_followed(tmp_path):
    run_at(tmp_path / "storm")
    (tmp_path / "latest").symlink_to(tmp_path / "storm")
    assert run_at(tmp_path / "latest", seed=5) == tmp_path / "storm"
    assert (tmp_path / "latest").is_symlink()
    assert json.loads((tmp_path / "latest" / "manifest.json").read_text(encoding="utf-8"))["seed"] == 5


def test_two_runs_to_one_place_do_not_share_a_folder(tmp_path):
    first, second = RunFolder(tmp_path / "storm"), RunFolder(tmp_path / "storm")
    assert first.work != second.work


def test_a_run_without_a_manifest_cannot_be_finished(tmp_path):
    with pytest.raises(ValueError, match="manifest"):
        RunFolder(tmp_path / "storm").finish()


def test_a_manifest_is_strict_json_with_sorted_keys(tmp_path):
    folder = RunFolder(tmp_path / "storm")
    folder.write_manifest({"b": 1, "a": {"d": None, "c": "π"}})
    text = (folder.work / "manifest.json").read_text(encoding="utf-8")
    assert text == '{\n  "a": {\n    "c": "π",\n    "d": null\n  },\n  "b": 1\n}\n'
    with pytest.raises(ValueError, match="JSON"):
        folder.write_manifest({"a": math.nan})
