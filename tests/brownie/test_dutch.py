from typing import Any

import brownie
import pytest
from brownie import chain
from steps import GOLD, dollars, give_dollars, near, open_position, said, set_price

from scripts.deploy import System
from simulator.units import WAD


@pytest.fixture(scope="module")
def auction(system: System, alice: Any, bob: Any, carol: Any) -> Any:
    """20 GOLD carry 18,600; at 1,350 all is sold, from 1,620 downwards. Carol started it."""
    open_position(system, "GOLD", alice, 20, 18_600)
    give_dollars(system, bob, 50_000)
    set_price(system, "GOLD", 1_350)
    tx = system.engine.liquidate(GOLD, alice, 0, b"", {"from": carol})
    assert tx.events["AuctionStarted"]["lot"] == 20 * WAD
    assert tx.events["PriceSet"]["topPrice"] == 1_620 * WAD
    return system.houses["GOLD"]


def test_who_starts_it_is_paid_a_tip_and_a_share(system: System, auction: Any, carol: Any) -> None:
    assert near(system.dollar.balanceOf(carol), (20 + 18.6 * 1.13) * WAD)


def test_the_price_falls_by_a_percent_every_ninety_seconds(auction: Any) -> None:
    assert tuple(auction.priceOf(1)) == (1_620 * WAD, False)
    chain.sleep(945)
    chain.mine()
    assert near(auction.priceOf(1)[0], 1_620 * 0.99**10 * WAD, 1e-15)


def test_nobody_pays_more_than_they_said(auction: Any, bob: Any) -> None:
    with brownie.reverts(revert_pattern=rf"TooExpensive: \d+, {1_500 * WAD}"):
        auction.take(1, WAD, 1_500 * WAD, bob, b"", {"from": bob})


# 18,600 of debt and the penalty are 21,018 to raise, for which some of the lot need not be sold.
def test_takes_end_it_and_the_rest_is_the_owners(system: System, auction: Any, alice: Any, bob: Any) -> None:
    chain.sleep(900)
    first = auction.take(1, 5 * WAD, 1_620 * WAD, bob, b"", {"from": bob}).events["Taken"]
    assert first["sold"] == 5 * WAD
    assert first["paid"] == 5 * first["price"]
    tx = auction.take(1, 20 * WAD, 1_620 * WAD, bob, b"", {"from": bob})
    settled = tx.events["AuctionSettled"]
    assert tx.events["Taken"]["debtLeft"] == 0
    assert near(settled["paid"], dollars(21_018))
    assert settled["lot"] + settled["returned"] == 20 * WAD
    assert system.tokens["GOLD"].balanceOf(bob) * 10**12 == settled["lot"]
    assert system.tokens["GOLD"].balanceOf(alice) * 10**12 == settled["returned"] > 0
    assert system.engine.totals(GOLD)[4] == 0
    reward = (20 + 18.6 * 1.13) * WAD
    assert 0 < system.engine.badDebt() < reward * 1.000001, "the keeper's, beyond what seconds of interest paid for"
    system.engine.settleBadDebt(dollars(100), {"from": bob})
    assert system.engine.badDebt() == 0


def test_one_that_ran_its_course_is_reset_to_a_new_price(system: System, auction: Any, bob: Any) -> None:
    with brownie.reverts(said("NoResetNeeded")):
        auction.reset(1, {"from": bob})
    chain.sleep(7_300)
    chain.mine()
    with brownie.reverts(said("NeedsReset")):
        auction.take(1, WAD, 1_620 * WAD, bob, b"", {"from": bob})
    set_price(system, "GOLD", 1_000)
    tx = auction.reset(1, {"from": bob})
    assert tx.events["PriceSet"]["topPrice"] == 1_200 * WAD
    assert tx.events["KeeperPaid"]["keeper"] == bob


def test_no_more_debt_is_at_auction_than_the_cap(system: System, auction: Any, owner: Any, bob: Any) -> None:
    at_auction = system.engine.totals(GOLD)[4]
    set_price(system, "GOLD", 1_500)
    open_position(system, "GOLD", bob, 20, 18_600)
    auction.setDebtCap(at_auction, {"from": owner})
    set_price(system, "GOLD", 1_350)
    with brownie.reverts(revert_pattern=rf"DebtCapReached: \d+, {at_auction}"):
        system.engine.liquidate(GOLD, bob, 0, b"", {"from": owner})
