// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IAggregatorV3} from "../../contracts/interfaces/IAggregatorV3.sol";
import {IPrice} from "../../contracts/interfaces/IPrice.sol";
import {Bounded} from "../../contracts/math/Bounded.sol";
import {FeedSwitch} from "../../contracts/oracle/FeedSwitch.sol";
import {GuardedFeed} from "../../contracts/oracle/GuardedFeed.sol";
import {PushFeed} from "../../contracts/oracle/PushFeed.sol";
import {SequencerGuard} from "../../contracts/oracle/SequencerGuard.sol";
import {UptimeFeed} from "../../contracts/oracle/UptimeFeed.sol";
import {Case} from "./Case.sol";

contract SequencerGuardTest is Case {
    uint256 private constant BEGIN = 1_000_000;
    PushFeed private source;
    UptimeFeed private uptime;
    SequencerGuard private feed;

    function setUp() public {
        vm.warp(BEGIN);
        source = new PushFeed(address(this), address(this), 8, "ETH / USD");
        source.report(200e8);
        uptime = new UptimeFeed(address(this), BEGIN - 1 days);
        feed = new SequencerGuard(new GuardedFeed(source, 2 hours, 0, 0, 0), uptime, 1 hours);
    }

    function expectDown(uint256 since) private {
        vm.expectRevert(abi.encodeWithSelector(IPrice.SequencerDown.selector, since, 1 hours));
        feed.price();
        vm.expectRevert(abi.encodeWithSelector(IPrice.SequencerDown.selector, since, 1 hours));
        feed.lastPrice();
    }

    function test_23_no_price_while_it_is_down_and_for_the_grace_after() public {
        (uint256 wad,) = feed.price();
        equal(wad, 200e18, "up");
        uptime.report(true, block.timestamp);
        expectDown(BEGIN);
        vm.warp(BEGIN + 2 hours);
        expectDown(BEGIN);
        uptime.report(false, block.timestamp);
        expectDown(BEGIN + 2 hours);
        source.report(150e8);
        vm.warp(BEGIN + 3 hours);
        expectDown(BEGIN + 2 hours);
        vm.warp(BEGIN + 3 hours + 1);
        (wad,) = feed.price();
        equal(wad, 150e18, "after the grace");
    }

    function test_23_a_report_that_changes_nothing_does_not_begin_the_grace_anew() public {
        uptime.report(false, block.timestamp);
        (uint256 wad,) = feed.price();
        equal(wad, 200e18, "still up");
        uptime.report(true, block.timestamp);
        vm.warp(BEGIN + 60);
        uptime.report(true, block.timestamp);
        expectDown(BEGIN);
        uptime.report(false, block.timestamp);
        vm.warp(BEGIN + 90);
        uptime.report(false, block.timestamp);
        expectDown(BEGIN + 60);
    }

    function test_23_a_feed_that_knows_nothing_yet_counts_as_down() public {
        feed = new SequencerGuard(source, new UptimeFeed(address(this), 0), 1 hours);
        expectDown(0);
    }

    function test_24_an_old_price_is_forgiven_the_rest_is_not() public {
        vm.warp(BEGIN + 2 hours + 1);
        vm.expectRevert(abi.encodeWithSelector(IPrice.StalePrice.selector, 7_201, 7_200));
        feed.price();
        (uint256 wad, uint256 updatedAt) = feed.lastPrice();
        equal(wad, 200e18, "price");
        equal(updatedAt, BEGIN, "time");
    }

    function testFuzz_23_a_price_means_up_for_longer_than_the_grace(uint16[8] memory waits, uint8 reports) public {
        (bool down, uint256 since) = (false, BEGIN - 1 days);
        for (uint256 i; i < 8; ++i) {
            vm.warp(block.timestamp + waits[i] % 2 hours);
            bool next = (reports >> i) & 1 == 1;
            uptime.report(next, block.timestamp);
            if (next != down) (down, since) = (next, block.timestamp);
            source.report(200e8);
            vm.warp(block.timestamp + waits[i] / 16);
            bool answers;
            try feed.price() returns (uint256, uint256) {
                answers = true;
            } catch {}
            check(answers == (!down && block.timestamp - since > 1 hours), "answers");
        }
    }

    /// @dev As on a rollup: nothing is executed while it is down, then both reports at once, before everything else.
    function test_23_a_fall_that_is_told_after_the_return_begins_the_grace() public {
        vm.warp(BEGIN + 5 hours);
        uptime.report(true, BEGIN + 1 hours);
        uptime.report(false, BEGIN + 4 hours + 30 minutes);
        source.report(100e8);
        expectDown(BEGIN + 4 hours + 30 minutes);
        vm.warp(BEGIN + 5 hours + 30 minutes + 1);
        (uint256 wad,) = feed.price();
        equal(wad, 100e18, "after the grace");
    }

    function test_a_change_of_status_is_in_the_past_and_in_order() public {
        vm.expectRevert(abi.encodeWithSelector(UptimeFeed.NotPast.selector, BEGIN + 1));
        uptime.report(true, BEGIN + 1);
        vm.expectRevert(abi.encodeWithSelector(UptimeFeed.NotInOrder.selector, BEGIN - 2 days, BEGIN - 1 days));
        uptime.report(true, BEGIN - 2 days);
    }

    function test_the_uptime_feed_has_chainlinks_shape() public {
        uptime.report(true, block.timestamp);
        vm.warp(BEGIN + 30);
        uptime.report(true, block.timestamp);
        (uint80 round, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answered) = uptime.latestRoundData();
        equal(round, 3, "round");
        equal(uint256(answer), 1, "answer");
        equal(startedAt, BEGIN, "since");
        equal(updatedAt, BEGIN + 30, "reported");
        equal(answered, round, "answered");
        vm.expectRevert(abi.encodeWithSelector(UptimeFeed.NoRound.selector, 2));
        uptime.getRoundData(2);
        vm.expectRevert(abi.encodeWithSelector(UptimeFeed.NotPast.selector, BEGIN + 31));
        new UptimeFeed(address(this), BEGIN + 31);
    }

    function test_only_the_reporter_reports_and_only_owners_set() public {
        vm.startPrank(address(7));
        vm.expectRevert(abi.encodeWithSelector(UptimeFeed.NotReporter.selector, address(7)));
        uptime.report(true, block.timestamp);
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        uptime.setReporter(address(7));
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        feed.setGrace(0);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 8 days, 0, 7 days));
        feed.setGrace(8 days);
        feed.setGrace(0);
        uptime.setReporter(address(7));
        vm.prank(address(7));
        uptime.report(true, block.timestamp);
        vm.expectRevert(abi.encodeWithSelector(IPrice.SequencerDown.selector, BEGIN, 0));
        feed.price();
    }
}

contract FeedSwitchTest is Case {
    PushFeed private first;
    PushFeed private second;
    FeedSwitch private feed;

    function setUp() public {
        vm.warp(1_000_000);
        first = new PushFeed(address(this), address(this), 8, "");
        second = new PushFeed(address(this), address(this), 8, "");
        first.report(200e8);
        feed = new FeedSwitch(first);
    }

    function test_it_answers_what_its_source_does() public {
        (uint256 wad, uint256 updatedAt) = feed.price();
        equal(wad, 200e18, "price");
        equal(updatedAt, 1_000_000, "time");
        second.report(100e8);
        feed.setSource(second);
        (wad,) = feed.price();
        equal(wad, 100e18, "after the switch");
        (wad,) = feed.lastPrice();
        equal(wad, 100e18, "24: last price");
    }

    function test_a_source_without_a_price_is_refused() public {
        vm.expectRevert(abi.encodeWithSelector(IPrice.InvalidAnswer.selector, int256(0)));
        feed.setSource(second);
        vm.expectRevert(abi.encodeWithSelector(IPrice.InvalidAnswer.selector, int256(0)));
        new FeedSwitch(second);
    }

    function test_only_the_owner_switches() public {
        vm.prank(address(7));
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        feed.setSource(first);
    }
}
