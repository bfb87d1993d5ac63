"""The suite itself: what shares a chain, a compiler or a browser must run in one worker."""

import subprocess
import sys

GROUP = """
import os

import pytest

pytestmark = pytest.mark.xdist_group("one")


@pytest.mark.parametrize("number", range(8))
def test_leaves_the_name_of_its_worker(number):
    open(os.environ["PYTEST_XDIST_WORKER"], "w").close()
"""


def test_tests_of_one_group_run_in_one_worker(tmp_path):
    (tmp_path / "test_group.py").write_text(GROUP)
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:pytest-brownie", "-n", "2", "--dist", "loadgroup"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert len(list(tmp_path.glob("gw*"))) == 1
