// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ICdpEngine} from "../../contracts/interfaces/ICdpEngine.sol";
import {IPrice} from "../../contracts/interfaces/IPrice.sol";
import {Bounded} from "../../contracts/math/Bounded.sol";
import {GuardedFeed} from "../../contracts/oracle/GuardedFeed.sol";
import {PushFeed} from "../../contracts/oracle/PushFeed.sol";
import {RateFeed} from "../../contracts/oracle/RateFeed.sol";
import {CdpSystem} from "./CdpSystem.sol";
import {Case} from "./Case.sol";

contract RateFeedTest is Case {
    PushFeed private price;
    PushFeed private rate;
    RateFeed private feed;

    function setUp() public {
        vm.warp(1_000_000);
        price = new PushFeed(address(this), address(this), 8, "ETH / USD");
        rate = new PushFeed(address(this), address(this), 18, "LST / ETH");
        price.report(200e8);
        rate.report(1.1e18);
        feed = new RateFeed(new GuardedFeed(price, 2 hours, 0, 0, 0), rate, 0.1e18, 1 days);
    }

    function worth() private view returns (uint256 wad) {
        (wad,) = feed.price();
    }

    function refresh(int256 answer) private {
        price.report(200e8);
        rate.report(answer);
    }

    function test_the_price_is_the_underlyings_times_the_rate() public {
        equal(worth(), 220e18, "price");
        vm.warp(1_000_060);
        price.report(100e8);
        (uint256 wad, uint256 updatedAt) = feed.price();
        equal(wad, 110e18, "price");
        equal(updatedAt, 1_000_000, "as old as the rate");
        vm.warp(1_000_120);
        rate.report(1.1e18);
        (, updatedAt) = feed.price();
        equal(updatedAt, 1_000_060, "as old as the price");
    }

    function test_22_the_cap_is_the_snapshot_grown_by_its_years() public {
        equal(feed.cap(), 1.1e18, "at once");
        vm.warp(block.timestamp + 73 days);
        equal(feed.cap(), 1.122e18, "a fifth of a year at a tenth a year");
        refresh(1.121e18);
        check(!feed.isCapped(), "capped below");
        equal(worth(), 224.2e18, "price below");
        refresh(1.123e18);
        check(feed.isCapped(), "not capped above");
        equal(worth(), 224.4e18, "price at the cap");
        equal(feed.reportedRate(), 1.123e18, "reported");
        vm.warp(block.timestamp + 292 days);
        equal(feed.cap(), 1.21e18, "linear to the year's end");
    }

    /// @dev An exchange rate jumps: tenfold, by a bug or a donation. It counts at the cap.
    function test_22_a_rate_that_jumps_counts_at_the_cap() public {
        refresh(11e18);
        equal(worth(), 220e18, "price");
        check(feed.isCapped(), "not shown");
    }

    function test_22_a_rate_that_falls_counts_at_once() public {
        refresh(0.9e18);
        equal(worth(), 180e18, "price");
        refresh(1.05e18);
        equal(worth(), 210e18, "and comes back");
    }

    function test_a_stale_rate_is_refused() public {
        vm.warp(1_000_000 + 1 days);
        price.report(200e8);
        equal(worth(), 220e18, "as old as it may be");
        vm.warp(1_000_001 + 1 days);
        vm.expectRevert(abi.encodeWithSelector(IPrice.StalePrice.selector, 86_401, 86_400));
        feed.price();
        (uint256 wad,) = feed.lastPrice();
        equal(wad, 220e18, "24: its age is forgiven");
    }

    function test_a_stale_underlying_is_refused() public {
        vm.warp(1_000_001 + 2 hours);
        vm.expectRevert(abi.encodeWithSelector(IPrice.StalePrice.selector, 7_201, 7_200));
        feed.price();
        (uint256 wad,) = feed.lastPrice();
        equal(wad, 220e18, "24: its age is forgiven");
    }

    function test_a_rate_that_cannot_be_is_refused() public {
        int256[3] memory answers = [int256(0), -1, 1e27 + 1];
        for (uint256 i; i < 3; ++i) {
            rate.report(answers[i]);
            vm.expectRevert(abi.encodeWithSelector(IPrice.InvalidAnswer.selector, answers[i]));
            feed.price();
            vm.expectRevert(abi.encodeWithSelector(IPrice.InvalidAnswer.selector, answers[i]));
            feed.lastPrice();
        }
    }

    function test_a_rate_of_fewer_decimals() public {
        PushFeed coarse = new PushFeed(address(this), address(this), 8, "LST / ETH");
        coarse.report(1.1e8);
        RateFeed other = new RateFeed(price, coarse, 0, 0);
        (uint256 wad,) = other.price();
        equal(wad, 220e18, "price");
    }

    /// @dev Whatever is reported whenever: never above underlying times cap, never above what is reported, and equal to
    /// the lesser of both.
    function testFuzz_22_the_lesser_of_rate_and_cap_counts(uint64[6] memory rates, uint24[6] memory waits) public {
        for (uint256 i; i < 6; ++i) {
            vm.warp(block.timestamp + waits[i]);
            refresh(int256(uint256(rates[i])) + 1);
            uint256 reported = uint256(rates[i]) + 1;
            uint256 elapsed = block.timestamp - 1_000_000;
            uint256 cap = 1.1e18 + 1.1e18 * elapsed * 0.1e18 / (365 days * WAD);
            equal(feed.cap(), cap, "cap");
            equal(worth(), (reported < cap ? reported : cap) * 200, "price");
            check(feed.isCapped() == (reported > cap), "shown");
        }
    }

    function test_22_a_snapshot_leaves_no_room_for_a_jump() public {
        vm.warp(block.timestamp + 365 days);
        refresh(1.15e18);
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 1.15e18 + 1, 1, 1.15e18));
        feed.setSnapshot(1.15e18 + 1);
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 0, 1, 1.15e18));
        feed.setSnapshot(0);
        feed.setSnapshot(1.15e18);
        equal(feed.cap(), 1.15e18, "cap");
        equal(feed.snapshotAt(), block.timestamp, "time");
    }

    function test_setters_are_the_owners_and_bounded() public {
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 1e18 + 1, 0, 1e18));
        feed.setMaxGrowth(1e18 + 1);
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 31 days, 0, 30 days));
        feed.setMaxAge(31 days);
        feed.setMaxGrowth(0.2e18);
        vm.warp(block.timestamp + 365 days);
        equal(feed.cap(), 1.32e18, "from the snapshot on");
        vm.startPrank(address(7));
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        feed.setMaxGrowth(1);
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        feed.setMaxAge(1);
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        feed.setSnapshot(1);
        vm.stopPrank();
    }
}

/// @dev The attack of the list: the exchange rate jumps, and somebody mints against it.
contract RateAttackTest is CdpSystem {
    function test_22_a_jump_of_the_rate_mints_nothing() public {
        deploySystem();
        PushFeed rate = new PushFeed(address(this), address(this), 18, "LST / ETH");
        rate.report(1e18);
        RateFeed feed = new RateFeed(feedOf[ETH], rate, 0.05e18, 0);
        engine.setFeed(ETH, address(feed));
        open(ETH, alice, 10e18, 1_250e18); // at the minimum ratio
        rate.report(100e18);
        vm.prank(alice);
        try engine.adjust(ETH, alice, 0, 1e18) {
            check(false, "it minted");
        } catch (bytes memory reason) {
            check(bytes4(reason) == ICdpEngine.Undercollateralised.selector, "another error");
        }
        equal(engine.priceOf(ETH), 200e18, "price");
        rate.report(0.9e18); // a slashing
        check(engine.ratioOf(ETH, alice) < 1.5e18, "it counts at once");
        engine.previewLiquidation(ETH, alice, 100e18);
    }
}
