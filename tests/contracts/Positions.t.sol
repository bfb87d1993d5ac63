// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ICdpEngine} from "../../contracts/interfaces/ICdpEngine.sol";
import {IPrice} from "../../contracts/interfaces/IPrice.sol";
import {Bounded} from "../../contracts/math/Bounded.sol";
import {GuardedFeed} from "../../contracts/oracle/GuardedFeed.sol";
import {CdpSystem} from "./CdpSystem.sol";

contract PositionsTest is CdpSystem {
    function setUp() public {
        deploySystem();
    }

    // ------------------------------------------------------------ open, close

    /// @dev 10 ETH at 200 are 2,000 dollars; at a ratio of 1.6 they carry 1,250.
    function test_4_a_position_is_opened_at_the_minimum_ratio_and_not_below() public {
        fund(ETH, alice, 10e18);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.Undercollateralised.selector, 1599999999999999999, 1.6e18));
        engine.adjust(ETH, alice, 10e18, 1250e18 + 1);
        vm.prank(alice);
        engine.adjust(ETH, alice, 10e18, 1250e18);
        equal(engine.ratioOf(ETH, alice), 1.6e18, "ratio");
        equal(engine.debtOf(ETH, alice), 1250e18, "debt");
        equal(dollar.balanceOf(alice), 1250e18, "drawn");
        equal(tokenOf[ETH].balanceOf(address(engine)), 10e18, "held");
    }

    function test_an_adjustment_is_told_to_the_world() public {
        open(ETH, alice, 10e18, 1000e18);
        fund(ETH, alice, 1e18);
        vm.expectEmit();
        emit ICdpEngine.PositionAdjusted(ETH, alice, 1e18, -100e18, 11e18, 900e18);
        vm.prank(alice);
        engine.adjust(ETH, alice, 1e18, -100e18);
    }

    function test_a_year_at_five_percent_makes_1250_owe_1312_and_a_half() public {
        open(ETH, alice, 10e18, 1250e18);
        skip(365 days);
        near(engine.debtOf(ETH, alice), 1312.5e18, 1e9, "debt");
        engine.accrue(ETH);
        near(engine.surplus(), 62.5e18, 1e9, "fees are surplus");
        requireSupplyExplained();
    }

    function test_closing_gives_back_all_collateral_for_all_debt() public {
        open(ETH, alice, 10e18, 1250e18);
        skip(365 days);
        giveDollars(bob, 100e18);
        vm.prank(bob);
        dollar.transfer(alice, 100e18);
        vm.prank(alice);
        engine.adjust(ETH, alice, ALL, ALL);
        (uint256 collateral, uint256 normalized) = engine.positions(ETH, alice);
        equal(collateral, 0, "collateral");
        equal(normalized, 0, "debt");
        equal(tokenOf[ETH].balanceOf(alice), 10e18, "tokens");
        near(dollar.balanceOf(alice), 37.5e18, 1e9, "dollars left");
        requireSupplyExplained();
    }

    function test_repaying_more_than_is_owed_repays_what_is_owed() public {
        open(ETH, alice, 10e18, 1000e18);
        vm.prank(alice);
        engine.adjust(ETH, alice, 0, -5000e18);
        equal(engine.debtOf(ETH, alice), 0, "debt");
        equal(dollar.balanceOf(alice), 0, "dollars");
    }

    function test_withdrawing_more_than_is_there_is_refused() public {
        open(ETH, alice, 10e18, 0);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.InsufficientCollateral.selector, 11e18, 10e18));
        engine.adjust(ETH, alice, -11e18, 0);
    }

    function test_an_unknown_collateral_is_refused() public {
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.UnknownCollateral.selector, bytes32("DOGE")));
        engine.adjust("DOGE", alice, 0, 0);
    }

    /// @dev A fraction of a token unit is ignored both ways: what moves in the books moves in tokens.
    function testFuzz_2_collateral_moves_in_whole_token_units(uint96 wanted, uint96 back) public {
        uint256 units = uint256(wanted) / 1e10;
        fund(BTC, alice, uint256(wanted));
        vm.startPrank(alice);
        engine.adjust(BTC, alice, int256(uint256(wanted)), 0);
        equal(collateralOf(BTC, alice), units * 1e10, "deposited");
        equal(tokenOf[BTC].balanceOf(address(engine)), units, "tokens held");
        vm.assume(back <= wanted && uint256(back) / 1e10 <= units);
        engine.adjust(BTC, alice, -int256(uint256(back)), 0);
        equal(collateralOf(BTC, alice), tokenOf[BTC].balanceOf(address(engine)) * 1e10, "held");
        vm.stopPrank();
    }

    // ----------------------------------------------------------------- limits

    function test_9_debt_is_nothing_or_at_least_the_floor() public {
        fund(ETH, alice, 10e18);
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.DebtBelowFloor.selector, 99e18, 100e18));
        engine.adjust(ETH, alice, 10e18, 99e18);
        engine.adjust(ETH, alice, 10e18, 150e18);
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.DebtBelowFloor.selector, 90e18, 100e18));
        engine.adjust(ETH, alice, 0, -60e18);
        engine.adjust(ETH, alice, 0, ALL);
        vm.stopPrank();
    }

    function test_a_floor_raised_over_a_position_stops_neither_top_up_nor_closing() public {
        open(ETH, alice, 10e18, 150e18);
        engine.setDebtLimits(ETH, 1_000_000e18, 500e18);
        fund(ETH, alice, 1e18);
        vm.startPrank(alice);
        engine.adjust(ETH, alice, 1e18, 0);
        engine.adjust(ETH, alice, ALL, ALL);
        vm.stopPrank();
        equal(tokenOf[ETH].balanceOf(alice), 11e18, "all back");
    }

    function test_the_ceiling_bounds_what_is_drawn_not_what_accrues() public {
        engine.setDebtLimits(ETH, 1000e18, 100e18);
        open(ETH, alice, 10e18, 1000e18);
        fund(ETH, bob, 10e18);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.DebtCeilingExceeded.selector, 1100e18, 1000e18));
        engine.adjust(ETH, bob, 10e18, 100e18);
        skip(365 days);
        check(engine.debtOf(ETH, alice) > 1000e18, "grew past the ceiling");
        vm.prank(alice);
        engine.adjust(ETH, alice, 0, -500e18);
    }

    // ------------------------------------------------------------ who may act

    function test_strangers_add_and_repay_but_neither_take_nor_draw() public {
        open(ETH, alice, 10e18, 500e18);
        giveDollars(bob, 200e18);
        fund(ETH, bob, 1e18);
        vm.startPrank(bob);
        engine.adjust(ETH, alice, 1e18, -100e18);
        equal(collateralOf(ETH, alice), 11e18, "added");
        equal(engine.debtOf(ETH, alice), 400e18, "repaid");
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.NotAuthorized.selector, alice, bob));
        engine.adjust(ETH, alice, -1e18, 0);
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.NotAuthorized.selector, alice, bob));
        engine.adjust(ETH, alice, 0, 1e18);
        vm.stopPrank();
    }

    function test_an_operator_acts_until_it_is_withdrawn() public {
        open(ETH, alice, 10e18, 500e18);
        vm.prank(alice);
        engine.setOperator(bob, true);
        vm.prank(bob);
        engine.adjust(ETH, alice, -1e18, 10e18);
        equal(dollar.balanceOf(bob), 10e18, "to the caller");
        vm.prank(alice);
        engine.setOperator(bob, false);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.NotAuthorized.selector, alice, bob));
        engine.adjust(ETH, alice, -1e18, 0);
    }

    // --------------------------------------------------------- solvency rule

    function test_4_an_unsafe_position_may_be_made_no_riskier_in_any_way() public {
        open(ETH, alice, 10e18, 1250e18);
        setPrice(ETH, 150); // 1,500 over 1,250: 1.2
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.Undercollateralised.selector, 1.188e18, 1.6e18));
        engine.adjust(ETH, alice, -0.1e18, 0);
        engine.adjust(ETH, alice, -1e18, -125e18); // a tenth of both: as risky as before
        equal(engine.ratioOf(ETH, alice), 1.2e18, "ratio");
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.Undercollateralised.selector, 1199999999999999998, 1.6e18));
        engine.adjust(ETH, alice, -1e18 - 10, -125e18);
        vm.stopPrank();
    }

    function test_4_a_dead_feed_stops_only_what_makes_a_position_riskier() public {
        open(ETH, alice, 10e18, 1000e18);
        fund(ETH, alice, 1e18);
        engine.setFeed(ETH, address(new GuardedFeed(feedOf[ETH], 1 hours, 0, 0, 0)));
        skip(2 hours);
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(IPrice.StalePrice.selector, 7200, 3600));
        engine.adjust(ETH, alice, 0, 1e18);
        vm.expectRevert(abi.encodeWithSelector(IPrice.StalePrice.selector, 7200, 3600));
        engine.adjust(ETH, alice, -1, 0);
        engine.adjust(ETH, alice, 1e18, -100e18);
        vm.stopPrank();
    }

    /// @dev For any position and any change that is accepted: ratio at or above the minimum, or not below before.
    function testFuzz_4_an_action_leaves_the_minimum_or_no_more_risk(
        uint256 debt,
        uint256 price,
        int256 collateralDelta,
        int256 debtDelta
    ) public {
        open(ETH, alice, 10e18, within(debt, 100e18, 1250e18));
        giveDollars(alice, 2000e18);
        fund(ETH, alice, 20e18);
        skip(100 days);
        setPrice(ETH, within(price, 20, 400));
        uint256 before = engine.ratioOf(ETH, alice);
        collateralDelta = int256(within(uint256(collateralDelta), 0, 20e18)) - 10e18;
        debtDelta = int256(within(uint256(debtDelta), 0, 2000e18)) - 1000e18;
        vm.prank(alice);
        try engine.adjust(ETH, alice, collateralDelta, debtDelta) {
            uint256 ratio = engine.ratioOf(ETH, alice);
            check(ratio >= 1.6e18 || ratio >= before, "riskier");
            check(normalizedDebtOf(ETH, alice) == 0 || collateralOf(ETH, alice) != 0, "debt without collateral");
        } catch {}
        requireSupplyExplained();
    }

    function testFuzz_10_preview_of_an_adjustment_is_what_happens(int256 collateralDelta, int256 debtDelta) public {
        open(ETH, alice, 10e18, 800e18);
        giveDollars(alice, 2000e18);
        fund(ETH, alice, 20e18);
        skip(30 days);
        collateralDelta = int256(within(uint256(collateralDelta), 0, 24e18)) - 12e18;
        debtDelta = int256(within(uint256(debtDelta), 0, 2000e18)) - 1000e18;
        try engine.previewAdjust(ETH, alice, collateralDelta, debtDelta, alice) returns (
            uint256 collateral, uint256 debt, uint256 ratio
        ) {
            vm.prank(alice);
            engine.adjust(ETH, alice, collateralDelta, debtDelta);
            equal(collateralOf(ETH, alice), collateral, "collateral");
            equal(engine.debtOf(ETH, alice), debt, "debt");
            equal(engine.ratioOf(ETH, alice), ratio, "ratio");
        } catch (bytes memory reason) {
            vm.expectRevert(reason);
            vm.prank(alice);
            engine.adjust(ETH, alice, collateralDelta, debtDelta);
        }
    }

    // --------------------------------------------------------------- rounding

    /// @dev Whatever is drawn and repaid in whatever pieces, nobody ends with more than they brought.
    function testFuzz_11_a_round_trip_never_profits(uint256 debt, uint256 piece, uint32 wait) public {
        debt = within(debt, 100e18, 1000e18);
        piece = within(piece, 1, debt);
        skip(wait % (3 * 365 days)); // an index with a full tail of digits
        open(ETH, alice, 10e18, debt);
        giveDollars(alice, 100e18);
        vm.startPrank(alice);
        if (debt - piece >= 101e18) engine.adjust(ETH, alice, 0, -int256(piece));
        engine.adjust(ETH, alice, ALL, ALL);
        vm.stopPrank();
        check(dollar.balanceOf(alice) <= 100e18, "dollars from nothing");
        near(dollar.balanceOf(alice), 100e18, 3, "more than rounding was lost");
        equal(tokenOf[ETH].balanceOf(alice), 10e18, "collateral");
        requireSupplyExplained();
    }

    // ------------------------------------------------------- years of silence

    function test_3_ten_years_at_the_highest_fee_without_accrual() public {
        engine.setStabilityFee(ETH, 21979553151239153027);
        open(ETH, alice, 10e18, 1000e18);
        skip(10 * 365 days);
        near(engine.accrue(ETH), 1024e27, 1e18, "2 ** 10");
        near(engine.debtOf(ETH, alice), 1_024_000e18, 1e12, "debt");
        requireSupplyExplained();
    }

    /// @dev (1 + f) ** 2 = 1 + 2f + f ** 2, and f ** 2 = 2.39...e9 ray is rounded up.
    function test_3_the_index_is_rounded_up() public {
        skip(1);
        engine.accrue(ETH);
        skip(1);
        equal(engine.accrue(ETH), RAY + 2 * FIVE_PERCENT + FIVE_PERCENT * FIVE_PERCENT / RAY + 1, "index");
    }

    function testFuzz_3_the_index_never_falls(uint256 fee, uint32 wait, uint32 again) public {
        engine.setStabilityFee(ETH, within(fee, 0, 21979553151239153027));
        skip(wait % (365 days));
        uint256 first = engine.accrue(ETH);
        check(first >= RAY, "below one");
        skip(again % (365 days));
        equal(engine.previewAccrue(ETH), engine.accrue(ETH), "preview");
        check(engine.previewAccrue(ETH) >= first, "fell");
    }

    function test_a_new_fee_does_not_reach_back() public {
        open(ETH, alice, 10e18, 1000e18);
        skip(365 days);
        engine.setStabilityFee(ETH, 0);
        skip(365 days);
        near(engine.debtOf(ETH, alice), 1050e18, 1e9, "one year at 5 %, one at nothing");
    }

    // ------------------------------------------------------------- governance

    function test_parameters_are_the_owners_and_bounded() public {
        vm.startPrank(bob);
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        engine.setRatios(ETH, 2e18, 2e18, 0);
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        engine.setFeed(ETH, address(1));
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 1.09e18, 1.1e18, 10e18));
        engine.setRatios(ETH, 2e18, 1.09e18, 0.1e18);
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 1.4e18, 1.5e18, 10e18));
        engine.setRatios(ETH, 1.4e18, 1.5e18, 0.1e18);
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 0, 0.01e18, 1e18));
        engine.setSpread(ETH, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.CollateralExists.selector, ETH));
        engine.addCollateral(ETH, configuration(ETH, address(0), 0.1e18, 0, 0));
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.AuctionMismatch.selector, address(english)));
        engine.setAuction(ETH, address(english), 0);
    }

    function test_the_configuration_reads_as_it_was_set() public view {
        ICdpEngine.CollateralConfig memory read = engine.collaterals(GOLD);
        bytes32 expected = keccak256(abi.encode(configuration(GOLD, address(dutch), 0.13e18, EIGHT_PERCENT, 50e18)));
        check(keccak256(abi.encode(read)) == expected, "configuration");
    }

    function test_a_feed_must_answer_when_it_is_set() public {
        GuardedFeed strict = new GuardedFeed(feedOf[ETH], 1 hours, 1_000e18, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IPrice.PriceOutOfBounds.selector, 200e18, 1_000e18, 0));
        engine.setFeed(ETH, address(strict));
    }

    /// @dev Readers of thousands of positions rely on it: positions are in slot 1, packed.
    function test_positions_lie_in_storage_where_readers_expect_them() public {
        open(ETH, alice, 10e18, 1250e18);
        bytes32 slot = keccak256(abi.encode(alice, keccak256(abi.encode(ETH, uint256(1)))));
        uint256 packed = uint256(vm.load(address(engine), slot));
        equal(uint128(packed), 10e18, "collateral in the low half");
        equal(packed >> 128, 1250e18, "normalized debt in the high half");
    }
}
