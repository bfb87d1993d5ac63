"""A vault in a storm: keepers hold it to its band, a carry to its ratio; what nobody rebalances drifts."""

import pytest
from vault_storms import CARRY, NEUTRAL, events, measured, storm

from simulator import run
from simulator.errors import ConfigError


@pytest.fixture(scope="module")
def carry(tmp_path_factory):
    return run(storm(tmp_path_factory.mktemp("carry"), CARRY))


@pytest.fixture(scope="module")
def neutral(tmp_path_factory):
    return run(storm(tmp_path_factory.mktemp("neutral"), NEUTRAL))


def test_keepers_hold_a_carry_to_its_ratio_through_a_fall(carry):
    assert carry.manifest["status"] == "complete"
    assert carry.metrics["unexpected_reverts"] == 0
    assert len(events(carry, "RebalanceDone")) >= 2
    assert measured(carry, "margin_ratio").min() > 1.9
    nav = measured(carry, "nav_usd")
    assert nav.iloc[-1] / nav.iloc[0] == pytest.approx(1950 / 2550, abs=0.02)  # it holds ether
    assert measured(carry, "share_price").iloc[-1] == pytest.approx(1, abs=0.002)  # counted in ether


def test_a_basis_trade_does_not_follow_the_price(neutral):
    assert neutral.manifest["status"] == "complete"
    assert neutral.metrics["unexpected_reverts"] == 0
    assert len(events(neutral, "RebalanceDone")) >= 1
    nav = measured(neutral, "nav_usd")
    assert nav.min() > 0.98 * nav.iloc[0]
    assert measured(neutral, "delta").abs().max() < 0.02


def test_without_keepers_the_ratio_falls_as_the_price_does(tmp_path):
    result = run(
        storm(tmp_path, CARRY.replace('agent = "hedge-keeper"\ncount = 2', 'agent = "hedge-keeper"\ncount = 0'))
    )
    assert len(events(result, "RebalanceDone")) == 0
    assert measured(result, "margin_ratio").min() == pytest.approx(2.2 * 1900 / 2550, abs=0.06)


def test_keepers_who_are_paid_nothing_wait_until_their_patience_ends(tmp_path):
    unpaid = CARRY.replace("[vault]\n", "[vault]\nexecution = { tip_usd = 0.0 }\n")
    result = run(storm(tmp_path, unpaid.replace("count = 2", "count = 2\npatience_looks = 1000000")))
    assert len(events(result, "RebalanceDone")) == 0


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


def test_a_basis_trade_can_be_kept_in_a_stablecoin_that_nobody_draws(tmp_path):
    usdc = """[market.USDC]
process = "constant"
price = 1.0

[oracle.USDC]
heartbeat_seconds = 86_400

[usdc-pool]
protocol = "pool"
quote = "USDC"
liquidity_usd = 90_000_000

[perps]
margin_asset = "USDC"
"""
    text = NEUTRAL.replace("[perps]\n", usdc).replace("liquidity_usd = 1_000_000", "liquidity_usd = 50_000_000")
    text = text.replace("deposit_usd = 10_000", 'quote = "USDC"\ndeposit_usd = 1_000_000')  # more than was drawn
    result = run(storm(tmp_path, text))
    assert result.metrics["unexpected_reverts"] == 0
    assert result.metrics["rebalances"] >= 1
    assert result.metrics["hedge_effectiveness"] > 0.99
    assert set(result.measures["subject"]) >= {"vault/USDC"}


def test_collateral_that_bears_yield_is_carried_too(tmp_path):
    staked = """[market.STETH]
process = "yield-bearing"
of = "ETH"
growth = 0.04

[oracle.STETH]
source = "rate"
underlying = "ETH"
heartbeat_seconds = 86_400

[cdp.collateral.STETH]
liquidation = "fixed"
minimum_ratio = 1.5
liquidation_ratio = 1.45

[lst]
protocol = "pool"
base = "STETH"
liquidity_usd = 1_000_000

[borrowers]
market = "cdp/ETH"

[liquidators]
market = "cdp/ETH"

[flash-liquidators]
market = "cdp/ETH"

[vault]
base = "STETH"
"""
    result = run(storm(tmp_path, CARRY.replace("[vault]\n", staked)))
    assert result.metrics["unexpected_reverts"] == 0
    assert len(events(result, "RebalanceDone")) >= 2
    assert measured(result, "margin_ratio").min() > 1.85
