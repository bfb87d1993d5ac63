"""An audit of Aave V3: a silent oracle breaks a rule that holds while it reports."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from npm_parts import aave  # noqa: F401

pytestmark = pytest.mark.usefixtures("aave")
RULE = """
[[rule]]
id = "BAD-DEBT"
require = "max(bad_debt_ratio) <= 0.01%"
level = "error"
why = "Nobody covers it."
"""
CALLED = """
name = "storm.toml"
set."borrowers.ratio" = 1.6
set."borrowers.ratio_sigma" = 0.2
set."market.ETH.impact.depth_usd" = 8_000_000
"""
AAVE = f"""
[audit]
seeds = 1
max_seeds = 1
seed = 7
[[audit.scenarios]]
id = "in-time"
{CALLED}
[[audit.scenarios]]
id = "silent"
{CALLED}
set."oracle.ETH.outages" = [[1.9, 2.4]]
{RULE}
"""


def test_it_is_audited_under_an_oracle_fault(tmp_path):
    (tmp_path / "storm.toml").write_text(Path(__file__).with_name("aave.toml").read_text())
    (tmp_path / "risk.toml").write_text(AAVE)
    command = [sys.executable, "-m", "simulator.cli", "audit", "risk.toml", "--out", "result", "--jobs", "1"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300, check=False)
    assert done.returncode == 1, done.stderr
    document = json.loads((tmp_path / "result" / "audit.json").read_text())
    assert {each["scenario"]: each["verdict"] for each in document["rules"]} == {"in-time": "pass", "silent": "fail"}
    assert (tmp_path / "result" / "report.html").is_file()
