// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Dollar} from "../../contracts/cdp/Dollar.sol";
import {IVarianceSwap} from "../../contracts/interfaces/IVarianceSwap.sol";
import {Bounded} from "../../contracts/math/Bounded.sol";
import {VarianceSwap} from "../../contracts/options/VarianceSwap.sol";
import {PushFeed} from "../../contracts/oracle/PushFeed.sol";
import {Case} from "./Case.sol";

contract VarianceSwapTest is Case {
    uint256 private constant START = 1_700_000_000;
    uint256 private constant STRIKE = 0.36e18; // 60 % of volatility
    uint256 private constant NOTIONAL = 120_000e18;

    address private alice = address(0xA11CE);
    address private bob = address(0xB0B);
    Dollar private dollar;
    PushFeed private feed;
    VarianceSwap private swaps;

    function setUp() public {
        vm.warp(START);
        dollar = new Dollar();
        dollar.grantRoles(address(this), dollar.MINTER());
        feed = new PushFeed(address(this), address(this), 8, "ETH / USD");
        feed.report(2_000e8);
        swaps = new VarianceSwap(address(dollar), feed, 1 days, 1 hours, 2.5e18);
        _give(alice);
        _give(bob);
    }

    function _give(address who) private {
        dollar.mint(who, 1_000_000e18);
        vm.prank(who);
        dollar.approve(address(swaps), type(uint256).max);
    }

    function _agree(uint256 samples) private returns (uint256 id) {
        vm.prank(alice);
        id = swaps.offer(true, START + 1 days, samples, STRIKE, NOTIONAL);
        vm.prank(bob);
        swaps.take(id);
    }

    function _sampleAt(uint256 id, uint256 time, uint256 price) private {
        vm.warp(time);
        feed.report(int256(price / 1e10));
        swaps.sample(id, feed.latestRound());
    }

    /// @dev Ten moves of five per cent each: .0488² a day is 17.38 variance points of a year.
    function test_it_settles_on_the_realised_variance() public {
        uint256 id = _agree(10);
        uint256 price = 2_000e18;
        for (uint256 i; i <= 10; ++i) {
            _sampleAt(id, START + (1 + i) * 1 days, price);
            price = i % 2 == 0 ? price * 105 / 100 : price * 100 / 105;
        }
        uint256 realised = swaps.realisedOf(id);
        near(realised, 0.868875243e18, 1e10, "365 x ln(1.05)^2, less the feed's eight places");
        (uint256 ofLong, uint256 ofShort) = swaps.collateralOf(STRIKE, NOTIONAL);
        equal(ofLong, 36_000e18, "long can lose all of the strike");
        equal(ofShort, 54_000e18, "short one and a half of it");
        uint256 gain = (realised - STRIKE) * NOTIONAL / 1.2e18;
        (uint256 previewLong, uint256 previewShort) = swaps.previewSettle(id);
        (uint256 toLong, uint256 toShort) = swaps.settle(id);
        check(toLong == previewLong && toShort == previewShort, "54: preview");
        near(toLong, ofLong + gain, 2, "54: long");
        equal(toLong + toShort, ofLong + ofShort, "54: conserved");
        equal(dollar.balanceOf(address(swaps)), 0, "54: nothing stays");
    }

    function testFuzz_54_both_sides_get_what_both_posted(uint256[4] memory moves) public {
        uint256 id = _agree(4);
        uint256 price = 2_000e18;
        _sampleAt(id, START + 1 days, price);
        for (uint256 i; i < 4; ++i) {
            price = within(moves[i], price / 3 + 1e18, price * 3);
            _sampleAt(id, START + (2 + i) * 1 days, price);
        }
        (uint256 ofLong, uint256 ofShort) = swaps.collateralOf(STRIKE, NOTIONAL);
        (uint256 toLong, uint256 toShort) = swaps.settle(id);
        equal(toLong + toShort, ofLong + ofShort, "54: conserved");
        equal(dollar.balanceOf(address(swaps)), 0, "54: nothing stays");
    }

    function test_how_often_a_reporter_writes_does_not_matter() public {
        uint256 id = _agree(1);
        _sampleAt(id, START + 1 days, 2_000e18);
        for (uint256 i = 1; i < 24; ++i) {
            vm.warp(START + 1 days + i * 1 hours);
            feed.report(i % 2 == 0 ? int256(2_000e8) : int256(3_000e8));
        }
        _sampleAt(id, START + 2 days, 2_000e18);
        equal(swaps.realisedOf(id), 0, "no move from sample to sample");
    }

    function test_a_gap_of_the_feed_counts_once_when_it_is_back() public {
        uint256 id = _agree(3);
        _sampleAt(id, START + 1 days, 2_000e18);
        vm.warp(START + 2 days + 10);
        uint80 old = feed.latestRound();
        swaps.sample(id, old); // a day old: no sample
        equal(swaps.realisedOf(id), 0, "nothing yet");
        _sampleAt(id, START + 3 days, 2_200e18);
        uint256 move = 95_310_179_804_324_860;
        near(swaps.swapOf(id).sum, move * move / 1e18, 1e3, "once");
    }

    function test_only_the_last_round_at_a_sample_counts() public {
        uint256 id = _agree(1);
        vm.warp(START + 1 days - 10);
        feed.report(2_500e8);
        vm.warp(START + 1 days);
        feed.report(2_000e8);
        vm.warp(START + 1 days + 10);
        feed.report(9_000e8);
        uint80 last = feed.latestRound();
        vm.expectRevert(
            abi.encodeWithSelector(IVarianceSwap.WrongRound.selector, last, START + 1 days + 10, START + 1 days)
        );
        swaps.sample(id, last);
        vm.expectRevert(
            abi.encodeWithSelector(IVarianceSwap.WrongRound.selector, last - 2, START + 1 days - 10, START + 1 days)
        );
        swaps.sample(id, last - 2);
        swaps.sample(id, last - 1);
        equal(swaps.swapOf(id).lastPrice, 2_000e18, "sample");
    }

    function test_samples_are_due_in_order_and_all_of_them_are_needed() public {
        uint256 id = _agree(1);
        uint80 round = feed.latestRound();
        vm.expectRevert(abi.encodeWithSelector(IVarianceSwap.SampleNotDue.selector, START + 1 days, START));
        swaps.sample(id, round);
        vm.expectRevert(abi.encodeWithSelector(IVarianceSwap.NotSampled.selector, 0, 1));
        swaps.settle(id);
        _sampleAt(id, START + 1 days, 2_000e18);
        _sampleAt(id, START + 2 days, 2_000e18);
        round = feed.latestRound();
        vm.expectRevert(abi.encodeWithSelector(IVarianceSwap.AlreadySampled.selector, id));
        swaps.sample(id, round);
        swaps.settle(id);
        vm.expectRevert(abi.encodeWithSelector(IVarianceSwap.NoSwap.selector, id));
        swaps.settle(id);
    }

    function test_an_offer_is_taken_before_its_start_or_taken_back() public {
        vm.startPrank(alice);
        uint256 id = swaps.offer(false, START + 1 days, 5, STRIKE, NOTIONAL);
        vm.stopPrank();
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IVarianceSwap.NotMaker.selector, bob, alice));
        swaps.cancel(id);
        vm.warp(START + 1 days);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IVarianceSwap.Started.selector, START + 1 days, START + 1 days));
        swaps.take(id);
        vm.prank(alice);
        swaps.cancel(id);
        equal(dollar.balanceOf(alice), 1_000_000e18, "whole");
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IVarianceSwap.Started.selector, START, START + 1 days));
        swaps.offer(true, START, 5, STRIKE, NOTIONAL);
    }

    function test_a_swap_is_taken_once_and_not_cancelled_then() public {
        uint256 id = _agree(5);
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(IVarianceSwap.AlreadyTaken.selector, id));
        swaps.take(id);
        vm.expectRevert(abi.encodeWithSelector(IVarianceSwap.AlreadyTaken.selector, id));
        swaps.cancel(id);
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 0, 1, 1_000));
        swaps.offer(true, START + 1 days, 0, STRIKE, NOTIONAL);
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 0, 1e15, 1e33));
        swaps.offer(true, START + 1 days, 5, STRIKE, 0);
        vm.stopPrank();
    }
}
