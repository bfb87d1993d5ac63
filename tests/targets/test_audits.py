"""An audit of contracts that are not ours, of a Foundry project before and after a risky change."""

import json
from pathlib import Path

import projects
import pytest
from projects import wavetank

pytestmark = [pytest.mark.forge, pytest.mark.xdist_group("targets")]
SMALL = """
set."world.hours" = 3
set."flash-liquidators" = false
set.pool = false
set.arbitrageurs = false
set.traders = false
set."borrowers.count" = 40
set."borrowers.ratio" = 1.7
set."borrowers.ratio_sigma" = 0.2
set."liquidators.capital_usd" = 400_000
set."market.ETH.knots" = [[0, 2550.0], [1.0, 2540.0], [2.0, 1300.0], [3, 1350.0]]
"""
RULE = """
[[rule]]
id = "BAD-DEBT"
require = "max(bad_debt_ratio) <= 0.5%"
level = "error"
why = "Nobody covers it."
"""
LENDER = f"""
[audit]
seeds = 2
max_seeds = 2
seed = 7
[[audit.scenarios]]
name = "flash-crash"
{SMALL}
[target]
artifacts = "out"
protocol = "./lender_plugin.py:LenderProtocol"
settings = {{ collateral = "ETH" }}
{RULE}
"""


def audited(folder: Path, text: str) -> tuple[int, dict]:
    """The exit code of `wavetank audit` and what it wrote."""
    (folder / "risk.toml").write_text(text)
    done = wavetank("audit", "risk.toml", "--out", "result", "--jobs", "1", "--json", cwd=folder)
    assert "Traceback" not in done.stderr, done.stderr
    assert (folder / "result" / "audit.json").is_file(), done.stderr
    return done.returncode, json.loads((folder / "result" / "audit.json").read_text())


def project(folder: Path, change: tuple[str, str] = ("", ""), **constants: str) -> Path:
    projects.foundry(folder, projects.source(**constants))
    plug_in = (projects.HERE / "lender_plugin.py").read_text()
    (folder / "lender_plugin.py").write_text(plug_in.replace(*change) if change[0] else plug_in)
    return folder


@pytest.mark.slow
def test_a_risky_change_of_a_foundry_project_fails_its_audit(tmp_path):
    verdicts = {}
    for name, constants in (("sound", {}), ("risky", {"LIQUIDATION": "1.02e18"})):
        code, document = audited(project(tmp_path / name, **constants), LENDER)
        verdicts[name] = (code, [(each["id"], each["verdict"]) for each in document["rules"]])
    assert verdicts == {"sound": (0, [("BAD-DEBT", "pass")]), "risky": (1, [("BAD-DEBT", "fail")])}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('deploy("Lender"', 'deploy("IFeed"'), "IFeed has no bytecode"),
        (('deploy("Lender"', 'deploy("Lander"'), "no contract Lander"),
        (("genesis.feeds[self.asset]", 'genesis.feeds["NONE"]'), "NONE"),
    ],
    ids=["no bytecode", "no such contract", "a plug-in that raises"],
)
def test_what_cannot_be_deployed_is_incomplete_with_its_outputs(tmp_path, change, said):
    code, document = audited(project(tmp_path, change), LENDER)
    assert code == 3
    assert document["verdict"] == "inconclusive"
    assert said in json.dumps(document)
