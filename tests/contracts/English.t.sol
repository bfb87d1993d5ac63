// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IAuction} from "../../contracts/interfaces/IAuction.sol";
import {ICdpEngine} from "../../contracts/interfaces/ICdpEngine.sol";
import {IEnglishAuction} from "../../contracts/interfaces/IEnglishAuction.sol";
import {CdpSystem} from "./CdpSystem.sol";

/// @dev 4 BTC at 8,000 carry 20,000; at 7,000 the ratio is 1.4. A lot is 2 BTC and 10,000 of debt, 11,300 to raise.
contract EnglishTest is CdpSystem {
    function setUp() public {
        deploySystem();
        open(BTC, alice, 4e18, 20_000e18);
        for (uint256 i; i < 2; ++i) {
            address bidder = i == 0 ? bob : carol;
            giveDollars(bidder, 50_000e18);
            vm.prank(bidder);
            dollar.approve(address(english), type(uint256).max);
        }
        setPrice(BTC, 7_000);
    }

    function begin() private {
        engine.liquidate(BTC, alice, 0, "");
    }

    function bid(address who, uint256 lot, uint256 amount) private {
        vm.prank(who);
        english.bid(1, lot, amount);
    }

    function test_liquidation_moves_one_lot_and_its_debt() public {
        (uint256 debt, uint256 lot) = engine.liquidate(BTC, alice, 0, "");
        equal(debt, 10_000e18, "debt");
        equal(lot, 2e18, "lot");
        equal(collateralOf(BTC, alice), 2e18, "collateral left");
        equal(engine.debtOf(BTC, alice), 10_000e18, "debt left");
        equal(debtAtAuction(BTC), 10_000e18, "at auction");
        equal(tokenOf[BTC].balanceOf(address(english)), 2e8, "lot held");
        (address owner, uint256 onSale, uint256 raise, uint256 owed,,,, uint256 end) = english.auctions(1);
        check(owner == alice, "owner");
        equal(onSale, 2e18, "on sale");
        equal(raise, 11_300e18, "to raise");
        equal(owed, 10_000e18, "owed");
        equal(end, block.timestamp + 6 hours, "end");
        requireSupplyExplained();
    }

    function test_a_lot_is_whole_token_units_and_what_is_to_be_raised_is_rounded_up() public {
        engine.setAuction(BTC, address(english), 2e18 + 1e10 - 1);
        setPrice(BTC, 8_000);
        open(BTC, carol, 4e18, 19_999e18 + 2);
        setPrice(BTC, 7_000);
        (uint256 debt, uint256 lot) = engine.liquidate(BTC, carol, 0, "");
        equal(lot, 2e18, "lot");
        equal(debt, 9_999.5e18 + 1, "half the debt");
        (,, uint256 raise,,,,,) = english.auctions(1);
        equal(raise, 11_299.435e18 + 2, "1.13 times, rounded up");
    }

    function test_a_raise_is_rounded_up() public {
        begin();
        bid(bob, 2e18, 101);
        (, uint256 amount) = english.previewBid(1);
        equal(amount, 105, "104.03");
    }

    function test_many_lots_empty_a_position_and_no_dust_stays_behind() public {
        setPrice(BTC, 8_000);
        open(BTC, carol, 5e18, 20_050e18);
        setPrice(BTC, 5_000);
        for (uint256 i; i < 3; ++i) {
            engine.liquidate(BTC, carol, 0, "");
        }
        (uint256 collateral, uint256 normalized) = engine.positions(BTC, carol);
        equal(collateral, 0, "collateral");
        equal(normalized, 0, "debt");
        (, uint256 lot,,,,,,) = english.auctions(3);
        equal(lot, 1e18, "the last lot is what was left");
        engine.setDebtLimits(BTC, 1e24, 6_000e18);
        engine.liquidate(BTC, alice, 0, "");
        engine.liquidate(BTC, alice, 0, "");
        equal(collateralOf(BTC, alice), 0, "empty");
    }

    /// @dev 4.01 BTC, lots of 2: after two lots 0.01 BTC and 50 of debt would stay, under the floor of 100.
    function test_a_last_lot_takes_the_dust_with_it() public {
        setPrice(BTC, 8_000);
        open(BTC, carol, 4.01e18, 20_050e18);
        setPrice(BTC, 7_000);
        engine.liquidate(BTC, carol, 0, "");
        (, uint256 lot) = engine.liquidate(BTC, carol, 0, "");
        equal(lot, 2.01e18, "with the dust");
        equal(normalizedDebtOf(BTC, carol), 0, "nothing left");
    }

    function test_bids_rise_by_the_minimum_raise_and_the_last_bidder_is_repaid() public {
        begin();
        bid(bob, 2e18, 5_000e18);
        (uint256 lot, uint256 amount) = english.previewBid(1);
        equal(lot, 2e18, "whole lot");
        equal(amount, 5_150e18, "three percent more");
        vm.prank(carol);
        vm.expectRevert(abi.encodeWithSelector(IEnglishAuction.BidTooLow.selector, 5_149e18, 5_150e18));
        english.bid(1, 2e18, 5_149e18);
        bid(carol, 2e18, 5_150e18);
        equal(dollar.balanceOf(bob), 50_000e18, "repaid");
        equal(dollar.balanceOf(carol), 50_000e18 - 5_150e18, "paid");
        equal(dollar.balanceOf(address(english)), 5_150e18, "held");
    }

    function test_bids_and_the_end_are_told_to_the_world() public {
        begin();
        vm.expectEmit();
        emit IEnglishAuction.BidPlaced(1, bob, 2e18, 4_000e18, START + 10 minutes);
        bid(bob, 2e18, 4_000e18);
        skip(10 minutes);
        vm.expectEmit();
        emit IAuction.AuctionSettled(1, bob, 2e18, 4_000e18, 0);
        vm.expectEmit();
        emit ICdpEngine.BadDebtRecorded(BTC, 6_000e18);
        english.settle(1);
    }

    function test_a_bidder_raising_the_own_bid_pays_the_difference() public {
        begin();
        bid(bob, 2e18, 5_000e18);
        bid(bob, 2e18, 6_000e18);
        equal(dollar.balanceOf(bob), 44_000e18, "paid");
        equal(dollar.balanceOf(address(english)), 6_000e18, "held");
    }

    function test_before_the_debt_is_covered_only_the_whole_lot_counts() public {
        begin();
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IEnglishAuction.LotNotWhole.selector, 1.9e18, 2e18));
        english.bid(1, 1.9e18, 5_000e18);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IEnglishAuction.BidTooHigh.selector, 11_301e18, 11_300e18));
        english.bid(1, 2e18, 11_301e18);
    }

    /// @dev The last step to debtToRaise may be smaller than the raise.
    function test_reverse_phase_gives_the_rest_of_the_lot_back() public {
        begin();
        bid(bob, 2e18, 11_200e18);
        bid(carol, 2e18, 11_300e18);
        (uint256 lot, uint256 amount) = english.previewBid(1);
        equal(lot, 1.94174757e18, "2 / 1.03 in units of 8 decimals");
        equal(amount, 11_300e18, "amount");
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IEnglishAuction.LotTooLarge.selector, 1.95e18, 1.94174757e18));
        english.bid(1, 1.95e18, 11_300e18);
        bid(bob, 1.7e18, 11_300e18);
        vm.expectRevert(abi.encodeWithSelector(IAuction.AuctionRunning.selector, block.timestamp + 10 minutes));
        english.settle(1);
        skip(10 minutes);
        english.settle(1);
        equal(tokenOf[BTC].balanceOf(bob), 1.7e8, "won");
        equal(tokenOf[BTC].balanceOf(alice), 0.3e8, "given back");
        equal(dollar.balanceOf(address(english)), 0, "burned");
        equal(engine.surplus(), 1_300e18, "raised over the debt");
        equal(debtAtAuction(BTC), 0, "cleared");
        requireSupplyExplained();
    }

    function test_a_bid_needs_the_dollars_and_the_allowance() public {
        begin();
        address stranger = address(0x57A);
        vm.prank(stranger);
        vm.expectRevert(bytes4(keccak256("InsufficientAllowance()")));
        english.bid(1, 2e18, 5_000e18);
        vm.startPrank(stranger);
        dollar.approve(address(english), type(uint256).max);
        vm.expectRevert(bytes4(keccak256("InsufficientBalance()")));
        english.bid(1, 2e18, 5_000e18);
        vm.stopPrank();
    }

    function test_a_bidder_takes_at_least_one_token_unit() public {
        begin();
        bid(bob, 2e18, 11_300e18);
        vm.prank(carol);
        vm.expectRevert(abi.encodeWithSelector(IEnglishAuction.LotTooSmall.selector, 0, 1e10));
        english.bid(1, 1e10 - 1, 11_300e18);
        bid(carol, 1e10, 11_300e18);
        vm.expectRevert(abi.encodeWithSelector(IEnglishAuction.LotTooSmall.selector, 0, 1e10));
        english.previewBid(1);
        skip(10 minutes);
        english.settle(1);
        equal(tokenOf[BTC].balanceOf(carol), 1, "won");
        equal(tokenOf[BTC].balanceOf(alice), 2e8 - 1, "given back");
    }

    /// @dev Nobody else comes: 2 BTC for one unit of a Dollar, and 10,000 of bad debt.
    function test_a_lone_bid_of_almost_nothing_wins_and_leaves_bad_debt() public {
        begin();
        bid(bob, 2e18, 1);
        skip(10 minutes);
        english.settle(1);
        equal(tokenOf[BTC].balanceOf(bob), 2e8, "won");
        equal(engine.badDebt(), 10_000e18 - 1, "bad debt");
        requireSupplyExplained();
    }

    function test_nobody_bids_and_it_is_restarted() public {
        begin();
        uint256 end = START + 6 hours;
        vm.expectRevert(abi.encodeWithSelector(IAuction.AuctionRunning.selector, end));
        english.restart(1);
        skip(6 hours);
        vm.expectRevert(abi.encodeWithSelector(IEnglishAuction.NoBid.selector, 1));
        english.settle(1);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IAuction.AuctionEnded.selector, end));
        english.bid(1, 2e18, 5_000e18);
        english.restart(1);
        bid(bob, 2e18, 5_000e18);
        vm.expectRevert(abi.encodeWithSelector(IEnglishAuction.HasBid.selector, 1));
        english.restart(1);
    }

    function test_a_bid_wins_at_the_end_of_the_auction_though_its_time_runs() public {
        begin();
        skip(6 hours - 1);
        bid(bob, 2e18, 5_000e18);
        skip(1);
        vm.prank(carol);
        vm.expectRevert(abi.encodeWithSelector(IAuction.AuctionEnded.selector, START + 6 hours));
        english.bid(1, 2e18, 6_000e18);
        english.settle(1);
        equal(tokenOf[BTC].balanceOf(bob), 2e8, "won");
    }

    function test_an_auction_is_settled_once() public {
        begin();
        bid(bob, 2e18, 5_000e18);
        skip(10 minutes);
        english.settle(1);
        vm.expectRevert(abi.encodeWithSelector(IAuction.NoAuction.selector, 1));
        english.settle(1);
        vm.expectRevert(abi.encodeWithSelector(IAuction.NoAuction.selector, 1));
        english.previewBid(1);
    }

    function test_new_parameters_leave_the_end_of_a_running_auction() public {
        begin();
        bid(bob, 2e18, 5_000e18);
        english.setBidding(0.1e18, 1 hours, 1 hours);
        (,,,,,, uint256 expiry, uint256 end) = english.auctions(1);
        equal(expiry, START + 10 minutes, "standing bid");
        equal(end, START + 6 hours, "end");
        bid(carol, 2e18, 5_500e18);
        (,,,,,, expiry,) = english.auctions(1);
        equal(expiry, START + 1 hours, "new bid");
    }

    function test_the_auction_cannot_be_exchanged_while_it_has_debt_to_clear() public {
        begin();
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.AuctionsRunning.selector, 10_000e18));
        engine.setAuction(BTC, address(0), 0);
        bid(bob, 2e18, 5_000e18);
        skip(10 minutes);
        english.settle(1);
        engine.setAuction(BTC, address(0), 0);
    }

    function test_only_the_engine_starts_and_only_the_auction_clears() public {
        vm.expectRevert(abi.encodeWithSelector(IAuction.NotEngine.selector, address(this)));
        english.start(alice, 1, 1, 1, bob);
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.NotAuction.selector, address(this)));
        engine.clearAuctionDebt(BTC, bob, 1, 1);
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.NotAuction.selector, address(this)));
        engine.payKeeper(BTC, bob, 1);
        vm.prank(address(0)); // a fixed spread has auction 0
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.NotAuction.selector, address(0)));
        engine.payKeeper(ETH, bob, 1);
    }

    /// @dev What previewBid asks for is accepted, one unit less is not, all the way through both phases.
    function testFuzz_10_preview_of_a_bid_is_the_least_accepted(uint256 first, uint8 rounds) public {
        begin();
        bid(bob, 2e18, within(first, 1, 11_300e18));
        for (uint256 i; i < rounds % 16; ++i) {
            address who = i % 2 == 0 ? carol : bob;
            (uint256 lot, uint256 amount) = english.previewBid(1);
            vm.prank(who);
            try english.bid(1, lot, amount - 1) {
                check(false, "one unit less was accepted");
            } catch {}
            bid(who, lot, amount);
            equal(dollar.balanceOf(address(english)), amount, "held is the standing bid");
        }
    }
}
