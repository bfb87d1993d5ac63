// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ICdpEngine} from "../../contracts/interfaces/ICdpEngine.sol";
import {IPrice} from "../../contracts/interfaces/IPrice.sol";
import {GuardedFeed} from "../../contracts/oracle/GuardedFeed.sol";
import {CdpSystem} from "./CdpSystem.sol";

contract FixedSpreadTest is CdpSystem {
    function setUp() public {
        deploySystem();
        engine.setStabilityFee(ETH, 0); // round numbers; the fuzz tests switch it on again
        engine.setFeeRecipient(address(0xFEE));
        open(ETH, alice, 10e18, 1250e18);
        giveDollars(bob, 5000e18);
    }

    function liquidate(uint256 maxRepay) private returns (uint256 repaid, uint256 seized) {
        vm.prank(bob);
        return engine.liquidate(ETH, alice, maxRepay, "");
    }

    /// @dev The only reasons to refuse the liquidation of an unsafe position by somebody with Dollars.
    function requireDust(bytes memory reason) private pure {
        bytes4 fault = bytes4(reason);
        check(fault == ICdpEngine.DustRemainder.selector || fault == ICdpEngine.NothingToRepay.selector, "refused");
    }

    function test_a_healthy_position_is_left_alone() public {
        setPrice(ETH, 188); // 1,880 over 1,250 is 1.504
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.PositionHealthy.selector, 1.504e18, 1.5e18));
        liquidate(1e18);
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.PositionHealthy.selector, 1.504e18, 1.5e18));
        engine.previewLiquidation(ETH, alice, 1e18);
    }

    function test_a_position_exactly_at_the_liquidation_ratio_is_healthy() public {
        feedOf[ETH].report(187.5e8); // 1,875 over 1,250
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.PositionHealthy.selector, 1.5e18, 1.5e18));
        liquidate(1e18);
    }

    function test_a_position_without_debt_is_healthy_at_any_price() public {
        open(ETH, carol, 1e18, 0);
        setPrice(ETH, 1);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.PositionHealthy.selector, type(uint256).max, 1.5e18));
        engine.liquidate(ETH, carol, 1e18, "");
    }

    /// @dev At 180 half of 1,250 buys 625 * 1.1 / 180 = 3.8194... ETH, of which a fifth of the tenth is the fee.
    function test_half_the_debt_buys_its_worth_and_the_bonus() public {
        setPrice(ETH, 180);
        (uint256 repaid, uint256 seized) = liquidate(type(uint256).max);
        equal(repaid, 625e18, "repaid");
        equal(seized, 3819444444444444444, "seized");
        equal(tokenOf[ETH].balanceOf(address(0xFEE)), 69444444444444444, "fee");
        equal(tokenOf[ETH].balanceOf(bob), seized - 69444444444444444, "received");
        equal(dollar.balanceOf(bob), 5000e18 - 625e18, "paid");
        equal(collateralOf(ETH, alice), 10e18 - seized, "left");
        equal(engine.debtOf(ETH, alice), 625e18, "owed");
        requireSupplyExplained();
    }

    /// @dev At 120 collateral of 1,200 cannot pay 1,250: all of it goes for 1,200 / 1.1, the rest is bad debt.
    function test_6_when_all_collateral_is_gone_the_debt_left_is_bad_debt() public {
        setPrice(ETH, 120);
        (uint256 repaid, uint256 seized) = liquidate(type(uint256).max);
        equal(repaid, 1090909090909090909091, "repaid, rounded up");
        equal(seized, 10e18, "seized");
        equal(engine.badDebt(), 1250e18 - repaid, "bad debt");
        equal(normalizedDebtOf(ETH, alice), 0, "no debt without collateral");
        requireSupplyExplained();
    }

    /// @dev 3.8194... less 625 / 180 = 3.4722...2 rounded up: the liquidator gets at least what was repaid is worth.
    function test_a_fee_of_the_whole_bonus_is_rounded_down() public {
        engine.setSpread(ETH, 0.5e18, 1e18);
        setPrice(ETH, 180);
        (, uint256 seized) = liquidate(type(uint256).max);
        equal(tokenOf[ETH].balanceOf(address(0xFEE)), 347222222222222221, "fee");
        equal(tokenOf[ETH].balanceOf(bob), seized - 347222222222222221, "received");
    }

    function test_a_liquidation_is_told_to_the_world() public {
        setPrice(ETH, 180);
        vm.expectEmit();
        emit ICdpEngine.PositionLiquidated(
            ETH, alice, bob, 625e18, 3819444444444444444, 69444444444444444, 6180555555555555556, 625e18, 0
        );
        liquidate(type(uint256).max);
    }

    function test_the_whole_debt_may_be_repaid_where_the_rest_would_be_dust() public {
        open(ETH, carol, 1e18, 125e18); // half would leave 62.5, under the floor of 100
        setPrice(ETH, 180);
        vm.prank(bob);
        (uint256 repaid,) = engine.liquidate(ETH, carol, type(uint256).max, "");
        equal(repaid, 125e18, "repaid");
        equal(normalizedDebtOf(ETH, carol), 0, "debt");
        check(collateralOf(ETH, carol) != 0, "what was not needed stays hers");
    }

    function test_a_part_that_would_leave_dust_is_refused() public {
        open(ETH, carol, 1e18, 125e18);
        setPrice(ETH, 180);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.DustRemainder.selector, 75e18, 100e18));
        engine.liquidate(ETH, carol, 50e18, "");
    }

    /// @dev At 120, repaying all but a little of what buys everything would leave one wei of collateral and 160 of debt.
    function test_one_wei_of_collateral_cannot_be_left_behind() public {
        setPrice(ETH, 120);
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.DustRemainder.selector, 120, 100e18));
        liquidate(1090909090909090909082);
    }

    function test_one_wei_of_collateral_left_by_a_crash_can_be_cleared_by_anyone() public {
        open(ETH, carol, 1e18, 100e18);
        engine.setStabilityFee(ETH, FIVE_PERCENT);
        skip(30 days);
        feedOf[ETH].report(1); // 0.00000001 dollar
        vm.prank(bob);
        (uint256 repaid, uint256 seized) = engine.liquidate(ETH, carol, type(uint256).max, "");
        equal(seized, 1e18, "all of it");
        equal(repaid, 9090909091, "for next to nothing");
        check(engine.badDebt() > 100e18, "recorded");
        requireSupplyExplained();
    }

    function test_nothing_is_not_an_amount_to_repay() public {
        setPrice(ETH, 180);
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.NothingToRepay.selector));
        liquidate(0);
    }

    function test_a_liquidator_needs_the_dollars() public {
        setPrice(ETH, 180);
        vm.prank(carol);
        vm.expectRevert(bytes4(keccak256("InsufficientBalance()")));
        engine.liquidate(ETH, alice, 1e18, "");
    }

    function test_a_stale_feed_stops_liquidation_with_its_own_error() public {
        setPrice(ETH, 100);
        engine.setFeed(ETH, address(new GuardedFeed(feedOf[ETH], 1 hours, 0, 0, 0)));
        skip(2 hours);
        vm.expectRevert(abi.encodeWithSelector(IPrice.StalePrice.selector, 7200, 3600));
        liquidate(1e18);
    }

    function test_repeated_liquidation_ends_in_health_or_in_nothing() public {
        setPrice(ETH, 130); // 1.04 to begin with: beyond help
        for (uint256 i; i < 20 && engine.ratioOf(ETH, alice) < 1.5e18; ++i) {
            liquidate(200e18 + i);
        }
        check(engine.ratioOf(ETH, alice) >= 1.5e18, "still unsafe");
        requireSupplyExplained();
    }

    /// @dev Any fee, time, price and part: while collateral covers debt plus bonus, collateral per debt does not fall.
    function testFuzz_5_liquidation_never_worsens_health(uint256 price, uint256 part, uint32 wait, uint256 factor)
        public
    {
        engine.setStabilityFee(ETH, FIVE_PERCENT);
        engine.setSpread(ETH, within(factor, 0.01e18, 1e18), 0.2e18);
        skip(wait % (365 days));
        engine.accrue(ETH);
        feedOf[ETH].report(int256(within(price, 137.5e8, 187e8)));
        uint256 before = engine.ratioOf(ETH, alice);
        vm.assume(before >= 1.1e18 && before < 1.5e18);
        (uint256 c0, uint256 n0) = engine.positions(ETH, alice);
        vm.prank(bob);
        try engine.liquidate(ETH, alice, within(part, 1, 1400e18), "") {}
        catch (bytes memory reason) {
            requireDust(reason);
            return;
        }
        (uint256 c1, uint256 n1) = engine.positions(ETH, alice);
        check(c1 * n0 >= c0 * n1, "health fell");
        check(engine.badDebt() == 0, "bad debt though covered");
        requireSupplyExplained();
    }

    function testFuzz_6_no_collateral_no_debt_at_any_price(uint256 price, uint256 part, uint32 wait) public {
        engine.setStabilityFee(ETH, FIVE_PERCENT);
        skip(wait % (365 days));
        feedOf[ETH].report(int256(within(price, 1, 187e8)));
        vm.prank(bob);
        try engine.liquidate(ETH, alice, within(part, 1, 5000e18), "") returns (uint256 repaid, uint256) {
            check(repaid != 0, "nothing is free");
        } catch (bytes memory reason) {
            requireDust(reason);
        }
        (uint256 collateral, uint256 normalized) = engine.positions(ETH, alice);
        check(collateral != 0 || normalized == 0, "debt without collateral");
        requireSupplyExplained();
    }

    /// @dev With all the Dollars it takes, an unsafe position can always be liquidated: no dust rule is in the way.
    function testFuzz_an_unsafe_position_can_always_be_liquidated(uint256 price, uint256 debt, uint256 factor) public {
        engine.setSpread(ETH, within(factor, 0.01e18, 1e18), 0.2e18);
        open(ETH, carol, 10e18, within(debt, 100e18, 1250e18));
        feedOf[ETH].report(int256(within(price, 1, 187e8)));
        vm.assume(engine.ratioOf(ETH, carol) < 1.5e18);
        vm.prank(bob);
        engine.liquidate(ETH, carol, type(uint256).max, "");
    }

    function testFuzz_10_preview_of_a_liquidation_is_what_happens(uint256 price, uint256 part, uint32 wait) public {
        engine.setStabilityFee(ETH, FIVE_PERCENT);
        skip(wait % (365 days));
        feedOf[ETH].report(int256(within(price, 10e8, 250e8)));
        part = within(part, 0, 2000e18);
        try engine.previewLiquidation(ETH, alice, part) returns (uint256 repay, uint256 seized, uint256 fee) {
            (uint256 repaid, uint256 gone) = liquidate(part);
            equal(repaid, repay, "repaid");
            equal(gone, seized, "seized");
            equal(tokenOf[ETH].balanceOf(address(0xFEE)), fee, "fee");
        } catch (bytes memory reason) {
            vm.expectRevert(reason);
            liquidate(part);
        }
    }

    /// @dev 1 BTC at 7,000 over 5,000: half of it buys 2,500 * 1.13 / 7,000 = 0.4035714 BTC, of which a fifth of
    /// 0.4035714 - 0.3571429 is the fee.
    function test_2_collateral_of_8_decimals_is_seized_in_whole_units() public {
        engine.setAuction(BTC, address(0), 0);
        open(BTC, carol, 1e18, 5_000e18);
        setPrice(BTC, 7_000);
        vm.prank(bob);
        (, uint256 seized) = engine.liquidate(BTC, carol, type(uint256).max, "");
        equal(seized, 0.40357142e18, "seized");
        equal(heldBy(BTC, address(0xFEE)), 0.00928571e18, "fee");
        equal(heldBy(BTC, bob), 0.39428571e18, "received");
        equal(collateralOf(BTC, carol), heldBy(BTC, address(engine)), "left");
    }

    function testFuzz_2_liquidations_of_6_decimals_leave_what_is_recorded(uint256 price, uint256 part, uint256 size)
        public
    {
        engine.setAuction(GOLD, address(0), 0);
        size = within(size, 0.11e18, 4e18) / 1e12 * 1e12;
        open(GOLD, carol, size, size * 9375 / 10);
        setPrice(GOLD, within(price, 1, 1406));
        (uint256 c0, uint256 n0) = engine.positions(GOLD, carol);
        bool covered = engine.ratioOf(GOLD, carol) >= 1.13e18;
        vm.prank(bob);
        try engine.liquidate(GOLD, carol, within(part, 1, 5_000e18), "") {}
        catch (bytes memory reason) {
            requireDust(reason);
            return;
        }
        (uint256 c1, uint256 n1) = engine.positions(GOLD, carol);
        equal(heldBy(GOLD, address(engine)), c1, "held");
        equal(heldBy(GOLD, bob) + heldBy(GOLD, address(0xFEE)), c0 - c1, "seized");
        check(!covered || c1 * n0 >= c0 * n1, "health fell");
        requireSupplyExplained();
    }

    function test_settling_cancels_surplus_against_bad_debt() public {
        engine.setStabilityFee(ETH, FIVE_PERCENT);
        skip(365 days);
        engine.accrue(ETH);
        (uint256 earned, uint256 supply) = (engine.surplus(), dollar.totalSupply());
        setPrice(ETH, 100);
        liquidate(type(uint256).max);
        uint256 lost = engine.badDebt();
        equal(engine.settleBadDebt(10e18), 10e18, "a part");
        engine.settleBadDebt(type(uint256).max);
        check(engine.surplusExact() == 0 || engine.badDebtExact() == 0, "both left");
        near(engine.badDebt() + earned, lost + engine.surplus(), 2, "the difference stays");
        check(dollar.totalSupply() < supply, "only the liquidator's Dollars were burned");
        requireSupplyExplained();
    }
}
