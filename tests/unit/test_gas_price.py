"""What a watcher of blocks offers for gas."""

from random import Random

import pytest

from simulator.gas_price import GasPrice, GasRule
from simulator.units import GWEI

MARKET = GasRule(rule="market", multiple=2.0)


def test_a_fixed_price_is_what_it_says_in_every_weather():
    price = GasPrice(legacy=True)
    price.block(500 * GWEI, 0)
    assert price.offer(GasRule(rule="fixed", gwei=40.0)) == (40 * GWEI, 40 * GWEI)


def test_the_market_rule_follows_the_dearest_of_the_recent_full_blocks():
    price = GasPrice(legacy=True)
    for floor in (10, 50, 20):
        price.block(floor * GWEI, 0)
    assert price.offer(MARKET).max_tip == 100 * GWEI


def test_congestion_is_forgotten_after_six_blocks_with_room():
    price = GasPrice(legacy=True)
    price.block(50 * GWEI, 0)
    for _ in range(5):
        price.block(None, 0)
    assert price.going_tip == 50 * GWEI
    price.block(None, 0)
    assert price.going_tip == GWEI // 10


def test_the_cap_leaves_room_for_the_base_fee_to_double():
    price = GasPrice(legacy=False)
    price.block(3 * GWEI, 30 * GWEI)
    offer = price.offer(MARKET)
    assert offer.max_tip == 6 * GWEI
    assert offer.max_fee == 66 * GWEI


@pytest.mark.parametrize("legacy", [True, False])
def test_an_offer_that_was_asked_for_before_is_that_of_somebody_who_asks_anew(legacy):
    random = Random(7)
    rules = [MARKET, GasRule(rule="market", multiple=1.5), GasRule(rule="fixed", gwei=3.0)]
    price, seen = GasPrice(legacy=legacy), []
    for _ in range(200):
        seen.append((random.choice([None, None, 5, 40 * GWEI, 90 * GWEI]), random.choice([0, 7, 30 * GWEI])))
        price.block(*seen[-1])
        fresh = GasPrice(legacy=legacy)
        for block in seen:
            fresh.block(*block)
        assert [price.offer(rule) for rule in rules * 2] == [fresh.offer(rule) for rule in rules] * 2
