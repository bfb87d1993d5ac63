// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ICdpEngine} from "../../contracts/interfaces/ICdpEngine.sol";
import {IPrice} from "../../contracts/interfaces/IPrice.sol";
import {GuardedFeed} from "../../contracts/oracle/GuardedFeed.sol";
import {CdpSystem} from "./CdpSystem.sol";

/// @dev Every collateral reads a guarded feed; ETH sells at a spread, BTC and GOLD at auction.
contract StaleLiquidationTest is CdpSystem {
    mapping(bytes32 id => GuardedFeed) private guardOf;
    bytes32[3] private ids = [ETH, BTC, GOLD];

    function setUp() public {
        deploySystem();
        for (uint256 i; i < 3; ++i) {
            guardOf[ids[i]] = new GuardedFeed(feedOf[ids[i]], 1 hours, 0, 0, 0.6e18);
            engine.setFeed(ids[i], address(guardOf[ids[i]]));
        }
        giveDollars(bob, 100_000e18);
        open(ETH, alice, 10e18, 1_000e18);
        open(BTC, alice, 1e18, 4_000e18);
        open(GOLD, alice, 1e18, 800e18);
        for (uint256 i; i < 3; ++i) {
            open(ids[i], carol, 10e18, 200e18);
        }
    }

    /// @dev Everybody is unsafe, and then nobody reports.
    function fallAndFallSilent() private {
        setPrice(ETH, 140);
        setPrice(BTC, 5_000);
        setPrice(GOLD, 1_000);
        skip(2 hours);
    }

    function expectStale() private {
        vm.expectRevert(abi.encodeWithSelector(IPrice.StalePrice.selector, 7_200, 3_600));
    }

    function test_25_without_the_flag_a_stale_price_freezes_liquidation() public {
        fallAndFallSilent();
        for (uint256 i; i < 3; ++i) {
            expectStale();
            vm.prank(bob);
            engine.liquidate(ids[i], alice, 500e18, "");
            expectStale();
            engine.previewLiquidation(ids[i], alice, 500e18);
            expectStale();
            engine.liquidationPriceOf(ids[i]);
        }
    }

    function test_25_with_the_flag_liquidation_takes_the_newest_price_and_nothing_else_does() public {
        fallAndFallSilent();
        for (uint256 i; i < 3; ++i) {
            bytes32 id = ids[i];
            engine.setLiquidateWhenStale(id, true);
            check(engine.collaterals(id).liquidateWhenStale, "not set");
            (uint256 repay, uint256 seized,) = engine.previewLiquidation(id, alice, 500e18);
            vm.prank(bob);
            (uint256 repaid, uint256 taken) = engine.liquidate(id, alice, 500e18, "");
            equal(repaid, repay, "10: repaid");
            equal(taken, seized, "10: seized");
            expectStale();
            engine.priceOf(id);
            expectStale();
            engine.ratioOf(id, carol);
        }
        expectStale();
        vm.prank(alice);
        engine.adjust(ETH, alice, 0, 1e18);
        expectStale();
        vm.prank(alice);
        engine.adjust(ETH, alice, -1e18, 0);
        expectStale();
        engine.previewAdjust(ETH, alice, 0, 1e18, alice);
    }

    function test_25_a_lot_starts_and_starts_again_at_the_newest_price() public {
        fallAndFallSilent();
        engine.setLiquidateWhenStale(GOLD, true);
        engine.liquidate(GOLD, alice, 0, "");
        (uint256 price,) = dutch.priceOf(1);
        equal(price, 1_200e18, "top price");
        skip(3 hours);
        dutch.reset(1);
        (price,) = dutch.priceOf(1);
        equal(price, 1_200e18, "top price again");
    }

    function test_25_every_other_guard_still_holds() public {
        setPrice(ETH, 50); // a wick: three quarters at once
        skip(2 hours);
        engine.setLiquidateWhenStale(BTC, true);
        vm.expectRevert(abi.encodeWithSelector(IPrice.PriceJump.selector, 200e18, 50e18, 0.6e18));
        engine.setLiquidateWhenStale(ETH, true);
        setPrice(ETH, 140);
        setPrice(ETH, 140);
        engine.setLiquidateWhenStale(ETH, true);
        setPrice(ETH, 20);
        vm.expectRevert(abi.encodeWithSelector(IPrice.PriceJump.selector, 140e18, 20e18, 0.6e18));
        engine.previewLiquidation(ETH, alice, 500e18);
    }

    function test_the_flag_is_the_owners_and_can_be_taken_back_while_the_price_is_stale() public {
        vm.prank(alice);
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        engine.setLiquidateWhenStale(ETH, true);
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.UnknownCollateral.selector, bytes32("NONE")));
        engine.setLiquidateWhenStale("NONE", true);
        fallAndFallSilent();
        engine.setLiquidateWhenStale(ETH, true);
        engine.setLiquidateWhenStale(ETH, false);
        check(!engine.collaterals(ETH).liquidateWhenStale, "still set");
        expectStale();
        engine.previewLiquidation(ETH, alice, 500e18);
    }

    /// @dev While a feed answers, the flag changes nothing.
    function testFuzz_24_25_with_a_fresh_price_the_flag_makes_no_difference(uint256 price, uint256 most) public {
        price = within(price, 81, 200);
        setPrice(ETH, price);
        most = within(most, 1e18, 2_000e18);
        (bool without, bytes memory answer) = preview(most);
        engine.setLiquidateWhenStale(ETH, true);
        (bool with, bytes memory other) = preview(most);
        check(without == with, "one reverts");
        check(keccak256(answer) == keccak256(other), "another answer");
        equal(engine.liquidationPriceOf(ETH), engine.priceOf(ETH), "price");
    }

    function preview(uint256 most) private view returns (bool done, bytes memory answer) {
        return address(engine).staticcall(abi.encodeCall(ICdpEngine.previewLiquidation, (ETH, alice, most)));
    }

    /// @dev Whatever is reported and however old it is: a last price is the price, or the price would be too old.
    function testFuzz_24_only_age_is_forgiven(int64 before, int64 answer, uint16 age) public {
        feedOf[ETH].report(before);
        feedOf[ETH].report(answer);
        skip(age);
        (bool fresh, bytes memory price) = address(guardOf[ETH]).staticcall(abi.encodeCall(IPrice.price, ()));
        (bool known, bytes memory last) = address(guardOf[ETH]).staticcall(abi.encodeCall(IPrice.lastPrice, ()));
        if (age <= 1 hours) {
            check(fresh == known, "one reverts");
            check(keccak256(price) == keccak256(last), "another answer");
        } else {
            check(!fresh, "too old");
        }
    }
}
