"""The shipped storms tell their stories, on the real contracts."""

from functools import cache

import pytest

from simulator import load, run

SEED = 7


@cache
def storm(name: str, *changes: tuple[str, object]):
    return run(load(name, **dict(changes)), seed=SEED)


def black_thursday(*changes: tuple[str, object]):
    return storm("black-thursday", *changes)


SHORT_DELAY = ("oracle.ETH.delay_seconds", 120)
ADAPTIVE = (("keepers.gas.rule", "market"), ("keepers.gas.multiple", 1.3))
DUTCH = ("cdp.collateral.ETH.liquidation", "dutch")


@pytest.mark.parametrize("name", ["black-thursday", "calm", "flash-crash", "oracle-stall"])
def test_no_revert_is_unexpected(name):
    result = storm(name)
    assert result.manifest["status"] == "complete"
    assert result.metrics["transactions"] > 500
    assert result.metrics["unexpected_reverts"] == 0


def test_black_thursday_is_8308_blocks_over_its_prices():
    result = black_thursday()
    assert result.metrics["blocks"] == 8308
    ether = result.prices[result.prices["asset"] == "ETH"]["exogenous"]
    assert ether.iloc[0] == 194.61
    assert ether.min() == pytest.approx(86.0, rel=0.02)


def test_black_thursday_settles_auctions_for_almost_nothing_while_keepers_are_priced_out():
    result = black_thursday()
    assert result.metrics["zero_bid_share"] > 0.2
    assert result.metrics["bad_debt_ratio"] > 0.02
    sent = result.transactions
    bids = sent[(sent["action"] == "bid") & (sent["status"] == "included")].merge(result.blocks, on="block")
    floors = bids.groupby("agent", observed=True)["price_floor_gwei"]
    # What got the opportunists in was dearer than all that the keepers ever offer.
    offer = load("black-thursday").agents["keepers"].settings.gas.gwei
    assert floors.max()["opportunists"] > 1.5 * offer > offer >= floors.max()["keepers"]


@pytest.mark.parametrize("changes", [(SHORT_DELAY, *ADAPTIVE), (DUTCH,)], ids=["adaptive keepers", "dutch auction"])
def test_the_same_storm_leaves_nearly_nothing_with_better_keepers_or_auctions(changes):
    result = black_thursday(*changes)
    assert result.metrics["liquidations"] > 100
    assert result.metrics["zero_bid_share"] < 0.01
    assert result.metrics["bad_debt_ratio"] < 0.01 < black_thursday().metrics["bad_debt_ratio"]


def test_nothing_goes_wrong_in_the_calm():
    metrics = storm("calm").metrics
    assert metrics["liquidations"] == 0
    assert metrics["bad_debt_usd"] == 0
    assert metrics["insolvent"] == 0
    assert metrics["cascade_amplification"] == pytest.approx(1.0, abs=0.05)
    assert metrics["oracle_lag_seconds_max"] <= 3600 + 2 * 12 + 1


def test_a_flash_crash_liquidates_and_what_is_sold_deepens_it():
    metrics = storm("flash-crash").metrics
    assert metrics["liquidations"] > 20
    assert metrics["cascade_amplification"] > 1


def test_a_stalled_oracle_freezes_liquidations_until_it_is_back():
    result = storm("oracle-stall")
    prices = result.prices[result.prices["asset"] == "ETH"]
    frozen = prices[prices["oracle"].isna()]
    hours = (frozen["time"] - prices["time"].iloc[0]) / 3600
    assert hours.between(3.0, 5.1).all()
    assert len(frozen) * 12 / 3600 == pytest.approx(hours.max() - hours.min(), rel=0.1)
    sent = result.transactions
    sold = sent[(sent["action"] == "liquidate") & (sent["status"] == "included")]
    assert not set(sold["block"]) & set(frozen["block"])
    assert result.metrics["oracle_gap_max"] > 0.1


def test_with_impact_off_the_market_is_its_exogenous_path_to_the_last_bit():
    changes = {"market.ETH.impact": False, "market.DOLLAR.impact": False, "world.hours": 4}
    prices = run(load("flash-crash", **changes), seed=3).prices
    assert (prices["market"] == prices["exogenous"]).all()
    assert prices["market"].nunique() > 100


def test_fast_gas_reads_lower_and_says_so():
    changes = {"world.hours": 2}
    exact, fast = (run(load("calm", **changes), gas=gas) for gas in ("exact", "fast"))
    assert fast.manifest["chain"] == {"name": "revm", "gas": "fast"}
    assert fast.metrics["gas_used"] < exact.metrics["gas_used"]
    assert fast.metrics["transactions"] == pytest.approx(exact.metrics["transactions"], rel=0.05)


def test_sizes_of_zero_are_legal():
    empty = run(
        load(
            "calm",
            **{"world.hours": 0, "borrowers.count": 0, "pool.liquidity_usd": 0, "traders.count": 0}
            | {f"{group}.count": 0 for group in ("liquidators", "flash-liquidators", "arbitrageurs")},
        )
    )
    assert empty.manifest["status"] == "complete"
    assert empty.metrics["blocks"] == 0
