"""The file of a devnet: everything that was put there comes back, and nothing else is taken for one."""

import json
from dataclasses import replace

import pytest

from simulator.deployment import Deployment, Holder, Placed, read_deployment
from simulator.errors import ConfigError

FOUND = Deployment(
    version=1,
    scenario="calm",
    seed=7,
    chain_id=31337,
    url="http://127.0.0.1:8545",
    block=11,
    time=1_700_000_000,
    contracts=(Placed("cdp/CdpEngine", "CdpEngine", "0x" + "1" * 40, "/artifacts/CdpEngine.json"),),
    tokens={"ETH": "0x" + "2" * 40},
    feeds={"ETH": "0x" + "3" * 40},
    accounts=(Holder("deployer", "0x" + "4" * 40, "0x" + "5" * 64),),
    wallets=(Holder("wallet-0", "0x" + "6" * 40, "0x" + "7" * 64),),
)


def test_what_is_written_is_read_and_nothing_stays_beside_it(tmp_path):
    path = tmp_path / "deep" / "d.json"
    FOUND.write(path)
    assert read_deployment(path) == FOUND
    assert json.loads(path.read_text()) == json.loads(json.dumps(FOUND.as_dict()))
    assert list(path.parent.iterdir()) == [path]


def test_a_contract_is_found_by_its_key_and_the_others_are_named(tmp_path):
    assert FOUND.contract("cdp/CdpEngine") == FOUND.contracts[0]
    with pytest.raises(ConfigError, match=r"no contract cdp/Dollar .*cdp/CdpEngine"):
        FOUND.contract("cdp/Dollar")


def test_only_its_own_file_is_withdrawn(tmp_path):
    path = tmp_path / "d.json"
    FOUND.withdraw(path)  # which is not there
    another = replace(FOUND, url="http://127.0.0.1:8546")
    another.write(path)
    FOUND.withdraw(path)
    assert read_deployment(path) == another
    another.withdraw(path)
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{}", "is no deployment"),
        ("[]", "is no deployment"),
        ("no json", "is no deployment"),
        ('{"version": 99}', "version 99 is not known"),
        ('{"version": 1, "scenario": "calm"}', "is no deployment"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_line(tmp_path, text, complaint):
    path = tmp_path / "d.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=complaint) as caught:
        read_deployment(path)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_deployment(tmp_path / "none.json")


def test_everything_to_join_is_in_the_lines_for_a_terminal(tmp_path):
    text = "\n".join(FOUND.lines("Calm", 12, 60, tmp_path / "d.json"))
    for word in (FOUND.url, "31337", "of 12 s, one every 0.2 s", "/artifacts", str(tmp_path / "d.json")):
        assert word in text
    for placed in FOUND.contracts:
        assert placed.address in text
    for holder in FOUND.wallets:
        assert holder.key in text
