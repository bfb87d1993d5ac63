"""One Chromium and a few written reports for all tests of this folder."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from devtools import Page, browser, find_chromium
from synthetic_run import write_synthetic_run

from simulator.report import write_report


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = find_chromium()
    if program is None:
        missing = "Chromium is missing: install it (Debian: apt-get install chromium) to test the report in a browser"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with browser(program, tmp_path_factory.mktemp("chromium")) as address:
        yield address


@pytest.fixture
def page(chromium: str) -> Iterator[Page]:
    opened = Page(chromium)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run with everything in it."""
    return write_report(write_synthetic_run(tmp_path_factory.mktemp("runs") / "storm"))


@pytest.fixture(scope="session")
def cut_short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a partial run in gas mode fast."""
    folder = tmp_path_factory.mktemp("runs") / "cut-short"
    return write_report(write_synthetic_run(folder, blocks=831, status="partial", gas="fast"))


@pytest.fixture(scope="session")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run in which nothing was liquidated."""
    return write_report(write_synthetic_run(tmp_path_factory.mktemp("runs") / "quiet", blocks=200, quiet=True))


@pytest.fixture(scope="session")
def blockless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run without a block."""
    return write_report(write_synthetic_run(tmp_path_factory.mktemp("runs") / "blockless", blocks=0))
