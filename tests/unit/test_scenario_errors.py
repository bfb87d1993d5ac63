"""What is wrong with a scenario is said in one line: file, key, value, rule, mend."""

import pytest
from scenario_samples import STORM, toys, write

from simulator.registry import PROCESSES
from simulator.scenario import check_scenario

LISTED = "(`wavetank list parameters` prints every key and its bounds)"


@pytest.fixture(autouse=True)
def _toys():
    with toys():
        yield


@pytest.fixture
def lines(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def check(text: str) -> list[str]:
        write(tmp_path, "x.toml", "schema = 1\n" + text)
        return [str(error) for error in check_scenario("x.toml")]

    return check


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[world]\nhuors = 2", "world.huors: unknown key (the nearest that exists is `world.hours`)"),
        ("wrold = 2", "wrold: unknown key (the nearest that exists is `world`)"),
        ("[world]\nhours = -1", "world.hours = -1: must be >= 0 (hours: length of the run [h])"),
        ('[world]\nhours = "2"', 'world.hours = "2": must be a number (hours: length of the run [h])'),
        ("[world]\nhours = true", "world.hours = true: must be a number (hours: length of the run [h])"),
        ("[world]\nhours = nan", "world.hours = nan: must be finite (hours: length of the run [h])"),
        ("world = 3", f"world = 3: must be a table {LISTED}"),
        ("title = 3", f"title = 3: must be text {LISTED}"),
        (
            "[world]\nseed = 1.5",
            "world.seed = 1.5: must be a whole number (seed: root of every random stream; --seed replaces it)",
        ),
        (
            "[world]\nstart = 2020-03-12T00:00:00",
            'world.start = "2020-03-12T00:00:00": must have a time zone, as in 2020-03-12T00:00:00Z '
            "(start: time of the first block [utc])",
        ),
        (
            "[market.ETH]\nprice = 1",
            "market.ETH.process: is missing (choose one of {})".format(", ".join(f'"{n}"' for n in PROCESSES.names())),
        ),
        (
            '[market.ETH]\nprocess = "gmb"',
            'market.ETH.process = "gmb": unknown process "gmb" (the nearest that exists is "gbm")',
        ),
        (
            '[market.ETH]\nprocess = "constant"\nprice = 1\nprocesss = "x"',
            "market.ETH.processs: unknown key (the nearest that exists is `market.ETH.process`)",
        ),
        ("[oracle.ETH]", "oracle.ETH: there is no market.ETH for it to report (add [market.ETH])"),
        (
            "[chain.demand.backlog]",
            'chain.demand.backlog.asset = "ETH": there is no market.ETH to follow (add [market.ETH])',
        ),
        (
            '[chain.demand.backlog]\nasset = "ETX"\n[market.ETH]\nprocess = "constant"\nprice = 1',
            'chain.demand.backlog.asset = "ETX": there is no market.ETX to follow (the nearest that exists is '
            "`market.ETH`)",
        ),
        (
            '[crabs]\nagent = "crap"',
            'crabs.agent = "crap": unknown agent "crap" (the nearest that exists is "crab")',
        ),
        (
            '[crabs]\nagent = "crab"\nhabit = "clam"',
            'crabs.habit = "clam": must be "calm" or "panic" (habit: what it does in a storm)',
        ),
        (
            '[crabs]\nagent = "crab"\nagnet = 1',
            "crabs.agnet: unknown key (the nearest that exists is `crabs.agent`)",
        ),
        (
            '[crabs]\nagent = "crab"\nlegs = [{ size = 1 }]',
            "crabs.legs[0].id: is missing (id: its name)",
        ),
        (
            '[crabs]\nagent = "crab"\nlegs = [{ id = "a" }, { id = "b", size = -1 }]',
            "crabs.legs[1].size = -1: must be >= 0 (size: how much [usd])",
        ),
        (
            '[vault]\nprotocol = "bank"\n[vault.collateral.ETH]\nliquidation_rato = 1.5',
            "vault.collateral.ETH.liquidation_rato: unknown key "
            "(the nearest that exists is `vault.collateral.ETH.liquidation_ratio`)",
        ),
        (
            '[crabs]\nagent = "crab"\nlegs = [{ id = "a" }, { id = "a" }]',
            'crabs.legs[1].id = "a": is taken by another of the list (give each its own id)',
        ),
        (
            "[crbas]\ncount = 1",
            "crbas: unknown table: neither a section nor a protocol nor an agent "
            '(give it protocol = "..." or agent = "..."; the nearest that exists is `chain`)',
        ),
        (
            '[crabs]\nagent = "crab"\nprotocol = "bank"',
            "crabs: is both a protocol and an agent (make two tables of it)",
        ),
        ("[crabs]\nagent = 3", f"crabs.agent = 3: must be text {LISTED}"),
        (
            '[market.ETH]\nprocess = "replay"',
            f"market.ETH: must have either knots or csv {LISTED}",
        ),
        (
            '[crabs]\nagent = "./gone.py:Crab"',
            'crabs.agent = "./gone.py:Crab": no file gone.py (the path is relative to the scenario\'s folder)',
        ),
        (
            '[crabs]\nagent = "no.such.module:Crab"',
            'crabs.agent = "no.such.module:Crab": no module no.such.module '
            "(install its package, or name a file: ./file.py:Class)",
        ),
        (
            '[market.ETH]\nprocess = "constant"\nprice = 1\n[oracle.ETH]\noutages = [[5, 2]]',
            "oracle.ETH.outages = [[5, 2]]: [5, 2] must be [from, to] with 0 <= from <= to "
            "(outages: spans [from, to] in which the reporter is silent: stalls in short form [h])",
        ),
    ],
)
def test_each_fault_has_its_line(lines, text, line):
    assert lines(text) == [f"x.toml: {line}"]


def test_all_faults_of_a_file_are_found_at_once(lines):
    found = lines('[world]\nhours = -1\nseed = -1\n[crabs]\nagent = "crab"\ncount = -1')
    assert [line.split(" = ")[0] for line in found] == [
        "x.toml: world.hours",
        "x.toml: world.seed",
        "x.toml: crabs.count",
    ]


def test_a_value_that_may_have_several_shapes_gives_one_line(lines):
    (line,) = lines('[chain.demand]\ngas_price_gwei = "x"')
    assert line.startswith('x.toml: chain.demand.gas_price_gwei = "x": must be a number or must be a list')


def test_a_fault_inside_one_of_several_shapes_is_placed_there(lines):
    (line,) = lines('[chain.demand]\ngas_price_gwei = [[0, 1], [1, "x"]]')
    assert line.startswith('x.toml: chain.demand.gas_price_gwei[1][1] = "x": must be a number')


def test_an_unknown_key_comes_before_the_key_that_is_missing_for_it(lines):
    unknown, missing = lines('[market.ETH]\nprocess = "constant"\nprise = 1')
    assert unknown == "x.toml: market.ETH.prise: unknown key (the nearest that exists is `market.ETH.price`)"
    assert missing.startswith("x.toml: market.ETH.price: is missing")


@pytest.mark.parametrize(
    ("rows", "place", "fault"),
    [
        ("", "", "no column time_utc"),
        ("time_utc,prise\n", "", "no column price"),
        ("time_utc,price\n2024-01-01T00:00Z,1\n2024-01-01T01:00Z,-1\n", "prices.csv:3: ", "price = -1"),
        ("time_utc,price\n2024-01-01T00:00Z,1\n2024-01-01T01:00Z,x\n", "prices.csv:3: ", "could not convert"),
        ("time_utc,price\n2024-01-01T01:00Z,1\n2024-01-01T00:00Z,1\n", "prices.csv:3: ", "time 2024-01-01T00:00Z"),
        (
            "time_utc,price\n" + "".join(f"2024-01-01T{hour:02}:00Z,1\n" for hour in (0, 1, 2, 3, 9)),
            "prices.csv:6: ",
            "a gap of 6:00:00",
        ),
    ],
)
def test_a_csv_that_cannot_be_used_names_file_line_and_key(tmp_path, lines, rows, place, fault):
    write(tmp_path, "prices.csv", rows)
    (line,) = lines('[market.ETH]\nprocess = "replay"\ncsv = "prices.csv"\n[world]\nhours = 1')
    assert line.startswith(f'x.toml: market.ETH.csv = "prices.csv": {place}{fault}')


def test_a_csv_that_is_not_there_is_named(lines):
    (line,) = lines('[market.ETH]\nprocess = "replay"\ncsv = "gone.csv"')
    assert line == ('x.toml: market.ETH.csv = "gone.csv": no such file (the path is relative to the scenario)')


def test_a_csv_that_is_no_text_is_one_line(tmp_path, lines):
    (tmp_path / "prices.csv").write_bytes(b"time_utc,price\n\xff\xfe\n")
    (line,) = lines('[market.ETH]\nprocess = "replay"\ncsv = "prices.csv"\n[world]\nhours = 1')
    assert line.startswith('x.toml: market.ETH.csv = "prices.csv": cannot be read')


def test_knots_that_begin_late_are_refused_before_the_run(lines):
    (line,) = lines('[market.ETH]\nprocess = "replay"\nknots = [[1, 100.0]]')
    assert line.startswith("x.toml: market.ETH.knots = [[1, 100.0]]: the first price is at hour 1")


def test_a_csv_of_an_extended_file_is_found_from_its_own_folder(tmp_path):
    write(tmp_path, "base/prices.csv", "time_utc,price\n2024-01-01T00:00Z,1\n2024-01-01T01:00Z,2\n")
    write(
        tmp_path, "base/s.toml", 'schema = 1\n[market.ETH]\nprocess = "replay"\ncsv = "prices.csv"\n[world]\nhours = 1'
    )
    assert check_scenario(write(tmp_path, "own/x.toml", 'schema = 1\nextends = "../base/s.toml"')) == []


def test_a_fault_of_an_extended_file_names_that_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "base.toml", "schema = 1\n[world]\nhours = -1")
    write(tmp_path, "x.toml", 'schema = 1\nextends = "./base.toml"\n[world]\nseed = -1')
    places = [error.where for error in check_scenario("x.toml")]
    assert places == ["base.toml", "x.toml"]


def test_a_sound_file_has_no_faults(tmp_path):
    assert check_scenario(write(tmp_path, "storm.toml", STORM)) == []


def test_a_long_value_is_cut_in_the_message(lines):
    (line,) = lines(f"[world]\nhours = {list(range(100))}")
    assert len(line) < 160
    assert "…" in line
