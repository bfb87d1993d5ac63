// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IPrice} from "../../contracts/interfaces/IPrice.sol";
import {Bounded} from "../../contracts/math/Bounded.sol";
import {DelayedFeed} from "../../contracts/oracle/DelayedFeed.sol";
import {GuardedFeed} from "../../contracts/oracle/GuardedFeed.sol";
import {PushFeed} from "../../contracts/oracle/PushFeed.sol";
import {Case} from "./Case.sol";

contract PushFeedTest is Case {
    PushFeed private feed;

    function setUp() public {
        vm.warp(1_000_000);
        feed = new PushFeed(address(this), address(this), 8, "ETH / USD");
    }

    function test_answer_is_scaled_to_wad_and_dated() public {
        feed.report(194.6e8);
        (uint256 wad, uint256 updatedAt) = feed.price();
        equal(wad, 194.6e18, "price");
        equal(updatedAt, 1_000_000, "time");
    }

    function test_rounds_count_from_one_and_are_kept() public {
        feed.report(1e8);
        vm.warp(1_000_030);
        feed.report(2e8);
        (uint80 newest, int256 answer,, uint256 updatedAt,) = feed.latestRoundData();
        (, int256 first,, uint256 firstAt,) = feed.getRoundData(1);
        equal(newest, 2, "round");
        equal(uint256(answer), 2e8, "answer");
        equal(updatedAt, 1_000_030, "time");
        equal(uint256(first), 1e8, "first answer");
        equal(firstAt, 1_000_000, "first time");
    }

    function test_without_a_round_nothing_is_answered() public {
        vm.expectRevert(abi.encodeWithSelector(IPrice.InvalidAnswer.selector, int256(0)));
        feed.price();
        vm.expectRevert(abi.encodeWithSelector(PushFeed.NoRound.selector, 0));
        feed.latestRoundData();
    }

    function test_zero_and_negative_answers_are_recorded_but_are_no_price() public {
        feed.report(0);
        vm.expectRevert(abi.encodeWithSelector(IPrice.InvalidAnswer.selector, int256(0)));
        feed.price();
        feed.report(-37);
        vm.expectRevert(abi.encodeWithSelector(IPrice.InvalidAnswer.selector, int256(-37)));
        feed.price();
    }

    function test_only_reporters_report_and_only_the_owner_names_them() public {
        address stranger = address(7);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(PushFeed.NotReporter.selector, stranger));
        feed.report(1e8);
        vm.prank(stranger);
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        feed.setReporter(stranger, true);
        feed.setReporter(stranger, true);
        vm.prank(stranger);
        feed.report(1e8);
        feed.setReporter(stranger, false);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(PushFeed.NotReporter.selector, stranger));
        feed.report(1e8);
    }

    function test_an_answer_too_large_to_store_is_refused() public {
        int256 huge = int256(type(int192).max) + 1;
        vm.expectRevert(abi.encodeWithSelector(IPrice.InvalidAnswer.selector, huge));
        feed.report(huge);
    }

    function test_more_than_18_decimals_are_refused() public {
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 19, 0, 18));
        new PushFeed(address(this), address(this), 19, "");
    }
}

contract GuardedFeedTest is Case {
    PushFeed private source;
    GuardedFeed private feed;

    function setUp() public {
        vm.warp(1_000_000);
        source = new PushFeed(address(this), address(this), 8, "ETH / USD");
        feed = new GuardedFeed(source, 1 hours, 10e18, 10_000e18, 0.5e18);
        source.report(200e8);
    }

    function test_19_an_answer_is_stale_after_max_age() public {
        vm.warp(1_000_000 + 1 hours);
        (uint256 wad,) = feed.price();
        equal(wad, 200e18, "price");
        vm.warp(1_000_001 + 1 hours);
        vm.expectRevert(abi.encodeWithSelector(IPrice.StalePrice.selector, 3601, 3600));
        feed.price();
    }

    function test_19_zero_and_negative_answers_are_refused() public {
        source.report(0);
        vm.expectRevert(abi.encodeWithSelector(IPrice.InvalidAnswer.selector, int256(0)));
        feed.price();
        source.report(-1);
        vm.expectRevert(abi.encodeWithSelector(IPrice.InvalidAnswer.selector, int256(-1)));
        feed.price();
    }

    function test_19_a_wick_is_refused_when_it_comes_and_when_it_goes() public {
        source.report(20e8);
        vm.expectRevert(abi.encodeWithSelector(IPrice.PriceJump.selector, 200e18, 20e18, 0.5e18));
        feed.price();
        source.report(200e8);
        vm.expectRevert(abi.encodeWithSelector(IPrice.PriceJump.selector, 20e18, 200e18, 0.5e18));
        feed.price();
        source.report(200e8);
        (uint256 wad,) = feed.price();
        equal(wad, 200e18, "price");
    }

    function test_19_no_wick_hides_behind_an_invalid_round() public {
        source.report(0);
        source.report(20e8);
        vm.expectRevert(abi.encodeWithSelector(IPrice.InvalidAnswer.selector, int256(0)));
        feed.price();
    }

    function test_a_jump_that_a_second_round_confirms_is_believed() public {
        source.report(90e8);
        source.report(90e8);
        (uint256 wad,) = feed.price();
        equal(wad, 90e18, "price");
    }

    function test_19_prices_out_of_bounds_are_refused() public {
        feed.setMaxJump(0);
        source.report(9.99e8);
        vm.expectRevert(abi.encodeWithSelector(IPrice.PriceOutOfBounds.selector, 9.99e18, 10e18, 10_000e18));
        feed.price();
        source.report(10_001e8);
        vm.expectRevert(abi.encodeWithSelector(IPrice.PriceOutOfBounds.selector, 10_001e18, 10e18, 10_000e18));
        feed.price();
    }

    function test_zero_switches_every_guard_off() public {
        GuardedFeed open = new GuardedFeed(source, 0, 0, 0, 0);
        source.report(1);
        vm.warp(9_000_000);
        (uint256 wad, uint256 updatedAt) = open.price();
        equal(wad, 1e10, "price");
        equal(updatedAt, 1_000_000, "time");
    }

    /// @dev Whatever is reported, an answer that gets through satisfies every guard.
    function testFuzz_19_what_gets_through_satisfies_every_guard(int64 before, int64 answer, uint16 age) public {
        source.report(before);
        source.report(answer);
        vm.warp(block.timestamp + age);
        try feed.price() returns (uint256 wad, uint256 updatedAt) {
            equal(wad, uint256(int256(answer)) * 1e10, "price");
            check(block.timestamp - updatedAt <= 1 hours, "age");
            check(wad >= 10e18 && wad <= 10_000e18, "bounds");
            uint256 previous = uint256(int256(before)) * 1e10;
            check(before > 0 && wad <= previous * 3 / 2 && wad >= previous / 2, "jump");
        } catch {}
    }

    function test_setters_are_the_owners_and_bounded() public {
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 31 days, 0, 30 days));
        feed.setMaxAge(31 days);
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 2e18, 0, 1e18));
        feed.setMaxJump(2e18);
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 6e18, 0, 5e18));
        feed.setPriceBounds(6e18, 5e18);
        vm.prank(address(7));
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        feed.setMaxAge(1);
    }
}

contract DelayedFeedTest is Case {
    PushFeed private source;
    GuardedFeed private guarded;
    DelayedFeed private feed;

    function setUp() public {
        vm.warp(1_000_000);
        source = new PushFeed(address(this), address(this), 8, "ETH / USD");
        guarded = new GuardedFeed(source, 2 hours, 0, 0, 0);
        source.report(200e8);
        feed = new DelayedFeed(guarded, 1 hours);
    }

    function test_20_a_price_counts_one_delay_after_it_was_queued() public {
        vm.warp(1_003_600);
        source.report(150e8);
        feed.poke();
        (uint256 wad,) = feed.price();
        equal(wad, 200e18, "before its delay");
        (uint256 next, uint256 queuedAt) = feed.queued();
        equal(next, 150e18, "queued");
        equal(queuedAt, 1_003_600, "queued at");
        vm.warp(1_007_200);
        feed.poke();
        uint256 updatedAt;
        (wad, updatedAt) = feed.price();
        equal(wad, 150e18, "after its delay");
        equal(updatedAt, 1_003_600, "dated when it was queued");
    }

    function test_20_poke_works_once_in_a_delay() public {
        equal(feed.nextPokeAt(), 1_003_600, "next");
        vm.warp(1_003_599);
        vm.expectRevert(abi.encodeWithSelector(DelayedFeed.NotYet.selector, 1_003_600));
        feed.poke();
        vm.warp(1_003_600);
        feed.poke();
        vm.expectRevert(abi.encodeWithSelector(DelayedFeed.NotYet.selector, 1_007_200));
        feed.poke();
    }

    function test_a_source_without_a_price_leaves_the_one_in_force() public {
        vm.warp(1_000_001 + 2 hours);
        vm.expectRevert(abi.encodeWithSelector(IPrice.StalePrice.selector, 7201, 7200));
        feed.poke();
        (uint256 wad, uint256 updatedAt) = feed.price();
        equal(wad, 200e18, "price");
        equal(updatedAt, 1_000_000, "time");
    }

    function test_it_cannot_be_made_without_a_price() public {
        PushFeed empty = new PushFeed(address(this), address(this), 8, "");
        vm.expectRevert(abi.encodeWithSelector(IPrice.InvalidAnswer.selector, int256(0)));
        new DelayedFeed(empty, 1 hours);
    }

    /// @dev The price in force was reported at least one delay ago, whatever the times of reports and pokes.
    function testFuzz_20_the_price_in_force_is_at_least_one_delay_old(uint16[8] memory waits) public {
        for (uint256 i; i < waits.length; ++i) {
            vm.warp(block.timestamp + waits[i] % 5400);
            source.report(int256(block.timestamp) * 1e8);
            try feed.poke() {} catch {}
            (uint256 wad,) = feed.price();
            check(wad == 200e18 || block.timestamp >= wad / WAD + 1 hours, "too young");
        }
    }
}
