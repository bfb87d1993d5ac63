"""What goes wrong is said in one line, with the right exit code, and nothing is lost or half-written."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simulator import load, run
from simulator.errors import ConfigError, SetupError
from simulator.paths import scenario_folder

SMALL = ["--set", "world.hours=1"]


def wavetank(*words: str, cwd: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "simulator.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120, check=False)


def scenario(folder: Path, text: str) -> str:
    (folder / "mine.toml").write_text(f'schema = 1\nextends = "calm"\ntitle = "Mine"\nstory = "A test."\n{text}')
    return "mine.toml"


def test_a_refused_set_up_names_contract_and_reason_and_leaves_nothing(tmp_path):
    done = wavetank("run", "calm", "--set", "cdp.collateral.ETH.debt_ceiling=1", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "open reverted: DebtCeilingExceeded(" in done.stderr
    assert not any(tmp_path.rglob("*.parquet"))
    with pytest.raises(SetupError, match="DebtCeilingExceeded"):
        run(load("calm", **{"cdp.collateral.ETH.debt_ceiling": 1}))


BOT = """
from simulator.agents.base import Agent


class Bot(Agent):
    def life(self):
        yield self.desk.sleep(600)
        raise RuntimeError("no idea what to do")
"""


def test_an_agent_that_raises_ends_the_run_as_a_partial_one(tmp_path):
    (tmp_path / "bot.py").write_text(BOT)
    name = scenario(tmp_path, '[bots]\nagent = "./bot.py:Bot"\n')
    done = wavetank("run", name, *SMALL, "--out", "out", cwd=tmp_path)
    assert done.returncode == 3
    assert "error: agent bots: RuntimeError: no idea what to do (see bot.py:8)" in done.stderr
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert manifest["status"] == "partial"
    assert manifest["metrics"]["blocks"] == 50
    assert (tmp_path / "out/report.html").is_file()


WATCHER = """
from simulator.protocols.base import Protocol
from simulator.settings import Settings


class Watcher(Protocol):
    Settings = Settings

    def deploy(self, genesis):
        self.begin = None

    def capabilities(self):
        return []

    def events(self):
        return {}

    def on_event(self, event, now):
        return []

    def advance(self, now, price):
        self.begin = self.begin or now
        if now > self.begin + 600:
            raise RuntimeError("lost the thread")
        return []
"""


def test_a_protocol_that_raises_after_a_block_ends_the_run_as_a_partial_one(tmp_path):
    (tmp_path / "watcher.py").write_text(WATCHER)
    name = scenario(tmp_path, '[watch]\nprotocol = "./watcher.py:Watcher"\n')
    done = wavetank("run", name, *SMALL, "--out", "out", cwd=tmp_path)
    assert done.returncode == 3
    assert "error: protocol watch: RuntimeError: lost the thread (see watcher.py:24)" in done.stderr
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert manifest["status"] == "partial"
    assert manifest["metrics"]["blocks"] > 30


def test_an_interrupted_run_keeps_what_it_has_and_says_that_it_is_partial(tmp_path):
    command = [sys.executable, "-m", "simulator.cli", "run", "calm", "--out", "out", "--json"]
    command += ["--set", "world.hours=5000"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(600):
        if list(tmp_path.glob("out.partial-*/blocks.parquet")):
            break
        time.sleep(0.1)
    time.sleep(5)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert json.loads(output)["status"] == "partial"
    assert 0 < json.loads(output)["metrics"]["blocks"] < 1_500_000
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("2020-03-12T00:00:00Z,190\n2020-03-12T02:00:00Z,191\n2020-03-12T01:00:00Z,192", "is not after the one before"),
        ("2020-03-12T00:00:00Z,190\n2020-03-12T01:00:00Z,-5\n", "price = -5: must be > 0"),
        (
            "\n".join(f"2020-03-12T{h:02}:00:00Z,190" for h in (0, 1, 2, 3, 9)),
            "a gap of 6:00:00 where rows are 1:00:00 apart",
        ),
    ],
)
def test_a_csv_that_cannot_be_used_is_refused_with_its_line(tmp_path, rows, complaint):
    (tmp_path / "prices.csv").write_text("time_utc,price\n" + rows)
    name = scenario(
        tmp_path,
        '[world]\nstart = 2020-03-12T00:00:00Z\nhours = 2\n[market.ETH]\nprocess = "replay"\ncsv = "prices.csv"\n',
    )
    done = wavetank("run", name, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert complaint in done.stderr.replace(" (must", ": must")
    assert "prices.csv" in done.stderr


def test_a_folder_that_is_no_run_is_never_overwritten(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/precious.txt").write_text("mine")
    done = wavetank("run", "calm", *SMALL, "--out", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert (tmp_path / "out/precious.txt").read_text() == "mine"


def test_more_capital_than_was_drawn_is_refused_with_what_there_is():
    with pytest.raises(ConfigError, match=r"only .* DOLLAR are left"):
        run(load("calm", **{"liquidators.capital_usd": 1e9}))


def test_a_flash_mint_cannot_pay_an_ascending_auction():
    with pytest.raises(ConfigError, match="locked for their lifetime"):
        run(load("black-thursday", **{"opportunists.funding": "flash"}))


def test_every_shipped_scenario_is_sound():
    files = sorted(scenario_folder().glob("*.toml"))
    assert len(files) >= 4
    for file in files:
        load(str(file))


def test_who_brings_more_than_was_drawn_is_told_so(tmp_path):
    changes = ["borrowers.count=15", "pool.liquidity_usd=100000", "liquidators.capital_usd=0"]
    done = wavetank("run", "calm", *(part for change in changes for part in ("--set", change)), cwd=tmp_path)
    assert done.returncode == 2
    assert "set-up: handing out 200,000 DOLLAR reverted: InsufficientBalance() (borrowers draw less" in done.stderr
