from typing import Any

import brownie
import pytest
from brownie.test import given, strategy
from hypothesis import seed, settings
from steps import dollars, give_dollars, near, said

from scripts.deploy import System
from simulator.units import WAD

LIMIT = 2**256 - 1


@pytest.fixture(scope="module")
def trader(system: System, owner: Any, bob: Any) -> Any:
    """Bob with both tokens; the pool holds 5,000 ETH and 1,000,000 Dollar."""
    system.tokens["ETH"].mint(bob, 1_000 * WAD, {"from": owner})
    give_dollars(system, bob, 100_000)
    system.tokens["ETH"].approve(system.pool, LIMIT, {"from": bob})
    system.dollar.approve(system.pool, LIMIT, {"from": bob})
    return bob


def test_a_swap_gives_what_the_preview_said_and_keeps_its_fee(system: System, trader: Any) -> None:
    pool, token = system.pool, system.tokens["ETH"]
    expected = pool.previewSwap(token, 10 * WAD)
    assert near(expected, 1_000_000 * 9.97 / 5_009.97 * WAD, 1e-12)
    before = system.dollar.balanceOf(trader)
    tx = pool.swap(token, 10 * WAD, expected, trader, {"from": trader})
    assert tx.events["Swap"]["amountOut"] == expected
    assert system.dollar.balanceOf(trader) - before == expected
    assert tuple(pool.reserves()) == (5_010 * WAD, dollars(1_000_000) - expected)


def test_a_swap_that_gives_too_little_is_refused(system: System, trader: Any) -> None:
    out = system.pool.previewSwap(system.dollar, dollars(2_000))
    with brownie.reverts(said("Slippage", out, out + 1)):
        system.pool.swap(system.dollar, dollars(2_000), out + 1, trader, {"from": trader})


def test_only_its_own_tokens_are_traded(system: System, trader: Any) -> None:
    gold = system.tokens["GOLD"]
    with brownie.reverts(said("NotPoolToken", gold)):
        system.pool.swap(gold, 1, 0, trader, {"from": trader})


def test_a_gift_moves_no_price(system: System, trader: Any) -> None:
    quoted = system.pool.previewSwap(system.dollar, dollars(1_000))
    system.dollar.transfer(system.pool, dollars(50_000), {"from": trader})
    assert system.pool.previewSwap(system.dollar, dollars(1_000)) == quoted


def test_liquidity_added_can_be_taken_out_again_but_for_a_unit(system: System, trader: Any) -> None:
    shares = system.pool.addLiquidity(100 * WAD, dollars(20_000), trader, {"from": trader}).return_value[0]
    amounts = system.pool.removeLiquidity(shares, trader, {"from": trader}).return_value
    assert 0 <= 100 * WAD - amounts[0] <= 1
    assert 0 <= dollars(20_000) - amounts[1] <= 200


@given(amount=strategy("uint256", min_value=1, max_value=500 * WAD))
@settings(max_examples=15)
@seed(7)
def test_no_trade_there_and_back_pays(system: System, trader: Any, amount: int) -> None:
    token, pool = system.tokens["ETH"], system.pool
    product = pool.reserves()[0] * pool.reserves()[1]
    got = pool.swap(token, amount, 0, trader, {"from": trader}).return_value
    assert pool.reserves()[0] * pool.reserves()[1] >= product
    if got:
        assert pool.previewSwap(system.dollar, got) <= amount
