"""A vault with options over its spot in a storm: mirror and chain agree, it rolls after expiries, the floor holds."""

import json

import pytest
from option_ground import world_of
from option_storms import GROUND

from simulator import run
from simulator.chain.base import CallReverted
from simulator.errors import ConfigError
from simulator.protocols.base import Vault
from simulator.protocols.vault_book import Prices
from simulator.scenario import load_scenario
from simulator.units import from_wad

BASIS = GROUND.partition("[crowd]")[0].replace('"put", "barrier"', '"put"').replace("barrier = {", "# barrier = {")
BASIS = BASIS.replace(
    "moneyness = [0.9, 1.0, 1.1]", "moneyness = [0.85, 0.9, 0.95, 1.0, 1.05, 1.1]\nrelist_move = 0.03"
)
BASIS = BASIS.replace("tenors_hours = [1.0, 24.0]", "tenors_hours = [1.0]").replace(
    "surface = { min_volatility = 0.05 }", "surface = { min_volatility = 0.05, max_move = 2.0 }"
)

VAULT = """
[pool]
protocol = "pool"
quote = "USDC"
liquidity_usd = 50_000_000
fee = 0.0005

[options]
protocol = "options"
"""

PEOPLE = """
[vault]
protocol = "vault"
strategy = "overlay"
quote = "USDC"
deposit_usd = 200_000
triggers = { band = 1.0, margin_floor = 1.2, idle_band = 0.02 }
execution = { max_slippage = 0.03, cooldown_minutes = 1.0 }

[vault.overlay]
tenor_room = 0.9
place_room = 0.2

[vault.overlay.legs]
put = { place = 0.95, tenor_days = 0.0417 }
call = { kind = "call", side = "write", strike = "cost", size = "premium", place = 1.01, tenor_days = 0.0417 }

[depositors]
agent = "depositor"
count = 8
assets_usd = 10_000

[hedgers]
agent = "hedge-keeper"
profit_usd = -1000

[arbitrageurs]
agent = "arbitrageur"
inventory_usd = 3_000_000
"""
COLLAR = BASIS.replace('[options]\nprotocol = "options"\n', VAULT) + PEOPLE


def storm(folder, text=COLLAR):
    path = folder / "overlay.toml"
    path.write_text(text)
    return load_scenario(path)


def test_the_mirror_says_what_the_contract_says_and_the_floor_holds(tmp_path):
    world = world_of(storm(tmp_path))
    (vault,) = world.capabilities(Vault)
    plug_in = vault._protocol
    looked, floors = 0, set()
    for step in range(1, world.steps, 9):
        world.run_to(step)
        book, seen = plug_in.book, Prices(*(oracle.price for oracle in plug_in._oracles))
        if not book.current or not vault.strategy.read(world.chain, "isLive"):
            continue
        looked += 1
        nav, deviation, _, margin = book.at(seen, world.now)
        assert nav == pytest.approx(from_wad(vault.read("totalAssets")), rel=1e-3)
        assert deviation == pytest.approx(from_wad(vault.read("relativeDelta")), abs=2e-2)
        assert margin in (0.0, float("inf"))  # what it writes is covered: due, or nothing to liquidate
        floor = from_wad(vault.strategy.read(world.chain, "floor"))
        assert book.holdings.floor == pytest.approx(floor, rel=1e-6)
        assert nav >= floor * 0.999
        floors.add(round(floor))
        due, reason = vault.read("rebalanceDue")
        if due and reason != 2:
            assert vault.may_be_due()
    assert looked > 60
    assert len(floors) >= 4  # one for each expiry at least


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return run(storm(tmp_path_factory.mktemp("collar")))


def test_it_is_rolled_after_each_expiry_and_loses_less_than_the_price(result):
    rolls = [json.loads(args) for args in result.events.loc[result.events["name"] == "Rolled", "args"]]
    assert len(rolls) >= 3  # the first one was in the set-up
    assert all(float(args["floor"]) <= float(args["value"]) for args in rolls)
    values = result.measures.groupby("name", observed=True)["value"]
    assert values.get_group("nav_per_share").min() > 0.85  # the price falls by a third
    assert values.get_group("hedge_profit_per_share").max() > 0.05


def test_keepers_of_the_vault_hear_of_a_settlement_that_they_had_to_wait_for(result):
    assert result.metrics["rebalances"] == 3
    assert result.metrics["rebalance_delay_seconds_max"] < 100  # by a look each minute it would be two minutes and more


def test_the_same_seed_gives_the_same_digest(tmp_path, result):
    assert run(storm(tmp_path)).digest == result.digest


@pytest.mark.parametrize(
    ("before", "after", "error"),
    [
        ('strategy = "overlay"', 'strategy = "overlay"\noptions = "none"', r"options = 'none', but no such table"),
        ("put = { place = 0.95,", 'put = { place = 0.95, strike = "cost",', 'strike = "cost" is for legs'),
        ('side = "write", strike = "cost", size = "premium"', 'side = "write", size = "vega"', "legs that are bought"),
        ("tenor_room = 0.9", "ahead_hours = 2.0", "must be < the shortest tenor"),
        ("tenor_room = 0.9", "cover = 0.5", "must be >= 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named(tmp_path, before, after, error):
    assert before in COLLAR
    with pytest.raises(ConfigError, match=error):
        run(storm(tmp_path, COLLAR.replace(before, after)))


def test_a_strategy_that_is_not_live_says_so_and_does_not_revert(tmp_path):
    heartbeat = "heartbeat_seconds = 300"
    world = world_of(storm(tmp_path, COLLAR.replace(heartbeat, f"{heartbeat}\noutages = [[0.2, 1.0]]")))
    (vault,) = world.capabilities(Vault)
    world.run_to(200)
    assert not vault.strategy.read(world.chain, "isLive")
    for view in ("totalValue", "exposure", "marginRatio", "liquidity", "floor", "rollDue"):
        vault.strategy.read(world.chain, view)
    with pytest.raises(CallReverted):
        vault.read("previewRebalance", b"")
