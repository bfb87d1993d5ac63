from typing import Any

import brownie
import pytest
from brownie import chain
from steps import BTC, dollars, give_dollars, open_position, said, set_price

from scripts.deploy import System
from simulator.units import WAD


@pytest.fixture(scope="module")
def auction(system: System, alice: Any, bob: Any, carol: Any) -> Any:
    """4 BTC carry 20,000; at 7,000 one lot of 2 BTC is sold for half of it: 11,300 are to be raised."""
    open_position(system, "BTC", alice, 4, 20_000)
    for bidder in (bob, carol):
        give_dollars(system, bidder, 50_000)
        system.dollar.approve(system.houses["BTC"], 2**256 - 1, {"from": bidder})
    set_price(system, "BTC", 7_000)
    tx = system.engine.liquidate(BTC, alice, 0, b"", {"from": bob})
    assert tx.events["AuctionStarted"]["lot"] == 2 * WAD
    assert tx.events["AuctionStarted"]["debtToRaise"] == dollars(11_300)
    return system.houses["BTC"]


def test_a_liquidation_moves_one_lot_and_its_debt(system: System, auction: Any, alice: Any) -> None:
    assert tuple(system.engine.positions(BTC, alice)) == (2 * WAD, dollars(10_000))
    assert system.engine.totals(BTC)[4] == dollars(10_000)
    assert system.tokens["BTC"].balanceOf(auction) == 2 * 10**8


def test_a_bid_improves_on_the_last_by_three_percent_and_repays_it(
    system: System, auction: Any, bob: Any, carol: Any
) -> None:
    auction.bid(1, 2 * WAD, dollars(5_000), {"from": bob})
    assert tuple(auction.previewBid(1)) == (2 * WAD, dollars(5_150))
    with brownie.reverts(said("BidTooLow", dollars(5_149), dollars(5_150))):
        auction.bid(1, 2 * WAD, dollars(5_149), {"from": carol})
    tx = auction.bid(1, 2 * WAD, dollars(5_150), {"from": carol})
    assert tx.events["BidPlaced"]["expiry"] == tx.timestamp + 600
    assert system.dollar.balanceOf(bob) == dollars(50_000)
    assert system.dollar.balanceOf(auction) == dollars(5_150)


def test_the_reverse_phase_gives_back_what_nobody_needs(
    system: System, auction: Any, alice: Any, bob: Any, carol: Any
) -> None:
    auction.bid(1, 2 * WAD, dollars(11_300), {"from": bob})
    auction.bid(1, int(1.7 * WAD), dollars(11_300), {"from": carol})
    with brownie.reverts(revert_pattern=r"AuctionRunning: \d+"):
        auction.settle(1, {"from": bob})
    chain.sleep(600)
    tx = auction.settle(1, {"from": bob})
    assert tx.events["AuctionSettled"]["winner"] == carol
    assert tx.events["AuctionSettled"]["returned"] == int(0.3 * WAD)
    assert tx.events["SurplusBooked"]["amount"] == dollars(1_300)
    assert system.tokens["BTC"].balanceOf(carol) == 1.7e8
    assert system.tokens["BTC"].balanceOf(alice) == 0.3e8
    assert system.engine.totals(BTC)[4] == 0


def test_a_lone_bid_of_almost_nothing_leaves_the_debt_uncovered(system: System, auction: Any, bob: Any) -> None:
    auction.bid(1, 2 * WAD, 1, {"from": bob})
    chain.sleep(600)
    tx = auction.settle(1, {"from": bob})
    assert tx.events["BadDebtRecorded"]["amount"] == dollars(10_000) - 1
    assert system.tokens["BTC"].balanceOf(bob) == 2 * 10**8


def test_an_auction_without_a_bid_is_restarted(auction: Any, bob: Any) -> None:
    chain.sleep(6 * 3_600)
    with brownie.reverts(said("NoBid", 1)):
        auction.settle(1, {"from": bob})
    tx = auction.restart(1, {"from": bob})
    assert tx.events["AuctionRestarted"]["end"] == tx.timestamp + 6 * 3_600
    auction.bid(1, 2 * WAD, dollars(5_000), {"from": bob})
