"""A vault in a storm: keepers hold it to its band, a carry to its ratio; what nobody rebalances drifts."""

import shutil
from pathlib import Path

import pytest

from simulator import load, run
from simulator.errors import ConfigError

PLUGINS = Path(__file__).resolve().parents[1] / "plugins"

CARRY = """
schema = 1
extends = "calm"
title = "Carry"
story = "Ether falls by a quarter in three hours; what was drawn on it is lent."
traders = false

[world]
hours = 5
sample_minutes = 10

[market.ETH]
process = "replay"
knots = [[0, 2550.0], [1, 2550.0], [4, 1900.0], [5, 1950.0]]
bridge_volatility = 0.4

[vault]
protocol = "vault"
triggers = { band = 0.02, margin_floor = 2.0, margin_ceiling = 2.6 }
carry = { ratio = 2.2 }

[hedgers]
agent = "hedge-keeper"
count = 2
gas = { rule = "market", multiple = 1.2 }
"""

NEUTRAL = (
    CARRY.replace('title = "Carry"', 'title = "Basis"')
    .replace(
        "[vault]", '[perps]\nprotocol = "./perp_venue.py:Venue"\n\n[vault]\nstrategy = "neutral"\ndeposit_usd = 10_000'
    )
    .replace("margin_floor = 2.0, margin_ceiling = 2.6", "margin_floor = 0.15, margin_ceiling = 0.4")
    .replace("carry = { ratio = 2.2 }\n", "")
)


def storm(folder, text, **changes):
    shutil.copy(PLUGINS / "perp_venue.py", folder)
    (folder / "vault.toml").write_text(text)
    return load(str(folder / "vault.toml"), changes) if changes else load(str(folder / "vault.toml"))


def measured(result, name):
    rows = result.measures
    return rows[(rows["protocol"] == "vault") & (rows["name"] == name)]["value"].astype(float)


@pytest.fixture(scope="module")
def carry(tmp_path_factory):
    return run(storm(tmp_path_factory.mktemp("carry"), CARRY))


@pytest.fixture(scope="module")
def neutral(tmp_path_factory):
    return run(storm(tmp_path_factory.mktemp("neutral"), NEUTRAL))


def rebalances(result):
    events = result.events
    return events[events["name"] == "RebalanceDone"]


def test_keepers_hold_a_carry_to_its_ratio_through_a_fall(carry):
    assert carry.manifest["status"] == "complete"
    assert carry.metrics["unexpected_reverts"] == 0
    assert len(rebalances(carry)) >= 2
    assert measured(carry, "margin_ratio").min() > 1.9
    nav = measured(carry, "nav_usd")
    assert nav.iloc[-1] / nav.iloc[0] == pytest.approx(1950 / 2550, abs=0.02)  # it holds ether
    assert measured(carry, "share_price").iloc[-1] == pytest.approx(1, abs=0.002)  # counted in ether


def test_a_basis_trade_does_not_follow_the_price(neutral):
    assert neutral.manifest["status"] == "complete"
    assert neutral.metrics["unexpected_reverts"] == 0
    assert len(rebalances(neutral)) >= 1
    nav = measured(neutral, "nav_usd")
    assert nav.min() > 0.98 * nav.iloc[0]
    assert measured(neutral, "delta").abs().max() < 0.02


def test_without_keepers_the_ratio_falls_as_the_price_does(tmp_path):
    result = run(
        storm(tmp_path, CARRY.replace('agent = "hedge-keeper"\ncount = 2', 'agent = "hedge-keeper"\ncount = 0'))
    )
    assert len(rebalances(result)) == 0
    assert measured(result, "margin_ratio").min() == pytest.approx(2.2 * 1900 / 2550, abs=0.06)


def test_keepers_who_are_paid_nothing_wait_until_their_patience_ends(tmp_path):
    unpaid = CARRY.replace("[vault]\n", "[vault]\nexecution = { tip_usd = 0.0 }\n")
    result = run(storm(tmp_path, unpaid.replace("count = 2", "count = 2\npatience_looks = 1000000")))
    assert len(rebalances(result)) == 0


def test_what_a_vault_lacks_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"engine = 'none', but no such table deployed a CdpEngine"):
        run(storm(tmp_path, CARRY.replace("[vault]\n", '[vault]\nengine = "none"\n')))
    with pytest.raises(ConfigError, match="deposit_usd asks for"):
        run(storm(tmp_path, NEUTRAL.replace("deposit_usd = 10_000", "deposit_usd = 1e9")))
    with pytest.raises(ConfigError, match="no pool of ETH and DOLLAR"):
        run(
            storm(
                tmp_path,
                CARRY.replace("[vault]\n", "[vault]\n", 1).replace(
                    "traders = false", "traders = false\npool = false\narbitrageurs = false"
                ),
            )
        )


def test_the_same_seed_gives_the_same_digest(tmp_path, carry):
    assert run(storm(tmp_path, CARRY)).digest == carry.digest
