from typing import Any

import brownie
import pytest
from steps import ETH, dollars, give_dollars, near, open_position, said, set_price

from scripts.deploy import System
from simulator.units import WAD


@pytest.fixture
def limit(system: System, alice: Any, bob: Any) -> None:
    """100 ETH at 200 carry 12,400, nearly the most they can; Bob has the means to liquidate."""
    open_position(system, "ETH", alice, 100, 12_400)
    give_dollars(system, bob, 20_000)


@pytest.mark.usefixtures("limit")
def test_a_healthy_position_is_left_alone(system: System, alice: Any, bob: Any) -> None:
    with brownie.reverts(revert_pattern=r"PositionHealthy: 1[56]\d{17}, 1500000000000000000"):
        system.engine.liquidate(ETH, alice, dollars(1_000), b"", {"from": bob})


# At 180 the ratio is 1.45. Half of 12,400 is repaid; 6,200 * 1.1 / 180 are seized; a fifth of the bonus is the fee.
@pytest.mark.usefixtures("limit")
def test_half_the_debt_is_repaid_for_collateral_with_a_bonus(system: System, owner: Any, alice: Any, bob: Any) -> None:
    set_price(system, "ETH", 180)
    token, before = system.tokens["ETH"], system.tokens["ETH"].balanceOf(owner)
    tx = system.engine.liquidate(ETH, alice, dollars(20_000), b"", {"from": bob})
    event = tx.events["PositionLiquidated"]
    assert event["liquidator"] == bob
    assert system.dollar.balanceOf(bob) == dollars(20_000) - event["debt"]
    assert near(event["debt"], dollars(6_200))
    assert near(event["seized"], 6_200 * 1.1 / 180 * WAD)
    assert near(event["fee"], 6_200 * 0.1 * 0.2 / 180 * WAD)
    assert token.balanceOf(bob) == event["seized"] - event["fee"]
    assert token.balanceOf(owner) - before == event["fee"]
    assert system.engine.ratioOf(ETH, alice) > 1.5 * WAD


# 100 ETH at 100 pay for 10,000 / 1.1 of the debt; the rest is owed by nobody.
@pytest.mark.usefixtures("limit")
def test_a_position_under_water_leaves_bad_debt(system: System, alice: Any, bob: Any) -> None:
    set_price(system, "ETH", 100)
    tx = system.engine.liquidate(ETH, alice, dollars(20_000), b"", {"from": bob})
    assert tx.events["PositionLiquidated"]["seized"] == 100 * WAD
    assert near(tx.events["PositionLiquidated"]["debt"], dollars(9_090.91))
    assert tuple(system.engine.positions(ETH, alice)) == (0, 0)
    assert near(system.engine.badDebt(), dollars(3_309.09), 1e-5)


@pytest.mark.usefixtures("limit")
def test_a_liquidator_without_dollars_fails(system: System, alice: Any, carol: Any) -> None:
    set_price(system, "ETH", 180)
    with brownie.reverts(said("InsufficientBalance")):
        system.engine.liquidate(ETH, alice, dollars(1_000), b"", {"from": carol})


@pytest.mark.usefixtures("limit")
def test_flash_minted_dollars_liquidate_and_the_profit_is_the_owners(system: System, owner: Any, alice: Any) -> None:
    set_price(system, "ETH", 180)
    before, supply = system.dollar.balanceOf(owner), system.dollar.totalSupply()
    tx = system.flash.liquidate(system.engine, ETH, alice, dollars(20_000), dollars(500), {"from": owner})
    lent = tx.events["FlashLoan"]
    assert lent["receiver"] == system.flash
    assert lent["amount"] == tx.events["PositionLiquidated"]["debt"]
    assert system.dollar.balanceOf(owner) - before == tx.return_value > dollars(500)
    assert system.dollar.totalSupply() == supply - lent["amount"]
    assert system.dollar.balanceOf(system.flash) == 0


@pytest.mark.usefixtures("limit")
def test_a_flash_liquidation_that_does_not_pay_is_undone(system: System, owner: Any, alice: Any) -> None:
    set_price(system, "ETH", 180)
    with brownie.reverts(revert_pattern=rf"Unprofitable: \d+, {dollars(50_000)}"):
        system.flash.liquidate(system.engine, ETH, alice, dollars(20_000), dollars(50_000), {"from": owner})
