from typing import Any

import brownie
from brownie import chain
from steps import ALL, BTC, ETH, dollars, fund, give_dollars, near, open_position, said

from scripts.deploy import System
from simulator.units import WAD


def test_opening_moves_collateral_in_and_dollars_out(system: System, alice: Any) -> None:
    tx = open_position(system, "BTC", alice, 4, 15_000)
    event = tx.events["PositionAdjusted"]
    assert event["owner"] == alice
    assert event["collateral"] == 4 * WAD
    assert event["debtDelta"] == dollars(15_000)
    assert system.tokens["BTC"].balanceOf(system.engine) == 4 * 10**8
    assert system.dollar.balanceOf(alice) == dollars(15_000)
    assert system.engine.ratioOf(BTC, alice) == 4 * 8_000 * WAD // 15_000


# 4 BTC at 8,000 are worth 32,000, which at a ratio of 1.6 carries exactly 20,000.
def test_the_limit_can_be_drawn_to_the_last_unit(system: System, alice: Any) -> None:
    open_position(system, "BTC", alice, 4, 20_000)
    assert system.engine.ratioOf(BTC, alice) == 1.6 * WAD
    assert system.engine.debtOf(BTC, alice) == dollars(20_000)


def test_not_one_unit_beyond_the_limit_can_be_drawn(system: System, alice: Any) -> None:
    open_position(system, "BTC", alice, 4, 20_000)
    with brownie.reverts(said("Undercollateralised", int(1.6 * WAD) - 1, int(1.6 * WAD))):
        system.engine.adjust(BTC, alice, 0, 1, {"from": alice})
    with brownie.reverts(revert_pattern="Undercollateralised: .*"):
        system.engine.adjust(BTC, alice, -(10**10), 0, {"from": alice})


def test_a_debt_is_none_or_at_least_the_floor(system: System, alice: Any) -> None:
    amount = fund(system, "BTC", alice, 1)
    with brownie.reverts(said("DebtBelowFloor", dollars(99.99), dollars(100))):
        system.engine.adjust(BTC, alice, amount, dollars(99.99), {"from": alice})


def test_no_more_than_the_ceiling_is_lent_in_all(system: System, owner: Any, alice: Any, bob: Any) -> None:
    system.engine.setDebtLimits(BTC, dollars(15_000), dollars(100), {"from": owner})
    open_position(system, "BTC", alice, 4, 10_000)
    amount = fund(system, "BTC", bob, 4)
    with brownie.reverts(said("DebtCeilingExceeded", dollars(15_001), dollars(15_000))):
        system.engine.adjust(BTC, bob, amount, dollars(5_001), {"from": bob})


def test_a_preview_tells_what_happens(system: System, alice: Any) -> None:
    amount = fund(system, "BTC", alice, 4)
    preview = system.engine.previewAdjust(BTC, alice, amount, dollars(12_345), alice)
    system.engine.adjust(BTC, alice, amount, dollars(12_345), {"from": alice})
    assert preview == (
        system.engine.positions(BTC, alice)[0],
        system.engine.debtOf(BTC, alice),
        system.engine.ratioOf(BTC, alice),
    )


def test_only_the_owner_and_operators_take(system: System, alice: Any, bob: Any) -> None:
    open_position(system, "BTC", alice, 4, 10_000)
    refused = said("NotAuthorized", alice, bob)
    with brownie.reverts(refused):
        system.engine.adjust(BTC, alice, -WAD, 0, {"from": bob})
    with brownie.reverts(refused):
        system.engine.adjust(BTC, alice, 0, dollars(1), {"from": bob})
    system.engine.setOperator(bob, True, {"from": alice})
    system.engine.adjust(BTC, alice, 0, dollars(1), {"from": bob})
    assert system.dollar.balanceOf(bob) == dollars(1)


def test_anybody_may_repay_and_more_than_all_repays_all(system: System, alice: Any, bob: Any) -> None:
    open_position(system, "BTC", alice, 4, 10_000)
    give_dollars(system, bob, 11_000)
    system.engine.adjust(BTC, alice, 0, -dollars(11_000), {"from": bob})
    assert system.engine.debtOf(BTC, alice) == 0
    assert system.dollar.balanceOf(bob) == dollars(1_000)


def test_closing_gives_everything_back(system: System, alice: Any) -> None:
    open_position(system, "BTC", alice, 4, 10_000)
    system.engine.adjust(BTC, alice, ALL, ALL, {"from": alice})
    assert tuple(system.engine.positions(BTC, alice)) == (0, 0)
    assert system.tokens["BTC"].balanceOf(alice) == 4 * 10**8
    assert system.dollar.balanceOf(alice) == 0


def test_nobody_withdraws_more_than_there_is(system: System, alice: Any) -> None:
    open_position(system, "BTC", alice, 4, 0)
    with brownie.reverts(said("InsufficientCollateral", 5 * WAD, 4 * WAD)):
        system.engine.adjust(BTC, alice, -5 * WAD, 0, {"from": alice})


def test_interest_compounds_to_the_annual_rate_and_is_surplus(system: System, alice: Any) -> None:
    open_position(system, "ETH", alice, 1_000, 50_000)
    chain.sleep(365 * 24 * 3_600)
    system.engine.accrue(ETH, {"from": alice})
    assert near(system.engine.debtOf(ETH, alice), dollars(52_500))
    owed = system.engine.totals(ETH)
    total = owed[1] * owed[2] // 10**27
    assert near(system.engine.surplus(), total - system.dollar.totalSupply())
