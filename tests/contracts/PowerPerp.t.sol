// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Dollar} from "../../contracts/cdp/Dollar.sol";
import {IPowerPerp} from "../../contracts/interfaces/IPowerPerp.sol";
import {IPrice} from "../../contracts/interfaces/IPrice.sol";
import {Bounded} from "../../contracts/math/Bounded.sol";
import {PowerPerp} from "../../contracts/options/PowerPerp.sol";
import {PushFeed} from "../../contracts/oracle/PushFeed.sol";
import {Case} from "./Case.sol";

interface PartialVm {
    function expectPartialRevert(bytes4 selector) external;
}

contract PowerPerpTest is Case {
    uint256 private constant START = 1_700_000_000;
    uint256 private constant SCALE = 10_000e18; // 2,000² / 10,000 is 400 Dollars

    address private alice = address(0xA11CE);
    address private bob = address(0xB0B);
    Dollar private dollar;
    PushFeed private feed;
    PushFeed private mark;
    PowerPerp private perp;

    function setUp() public {
        vm.warp(START);
        dollar = new Dollar();
        dollar.grantRoles(address(this), dollar.MINTER());
        feed = new PushFeed(address(this), address(this), 8, "ETH / USD");
        mark = new PushFeed(address(this), address(this), 8, "SQUARED / USD");
        feed.report(2_000e8);
        mark.report(400e8);
        perp = new PowerPerp(address(this), address(dollar), feed, SCALE, _rules());
        perp.setMarkFeed(mark);
        for (uint256 i; i < 3; ++i) {
            address who = i == 0 ? alice : i == 1 ? bob : address(this);
            dollar.mint(who, 1_000_000e18);
            vm.prank(who);
            dollar.approve(address(perp), type(uint256).max);
        }
    }

    function _rules() private pure returns (IPowerPerp.Rules memory) {
        return IPowerPerp.Rules(1.5e18, 0.1e18, 0.5e18, 500e18, 17.5 days, 0.8e18, 1.4e18);
    }

    function _mint(address who, uint256 collateral, uint256 tokens) private {
        vm.prank(who);
        perp.adjust(int256(collateral), int256(tokens));
    }

    function _expect(bytes4 selector) private {
        PartialVm(address(vm)).expectPartialRevert(selector);
    }

    /// @dev Nobody but the two has a position, so all tokens are owed by them or by nobody.
    function _requireBooks() private view {
        (uint256 ofAlice, uint256 debtOfAlice) = perp.positionOf(alice);
        (uint256 ofBob, uint256 debtOfBob) = perp.positionOf(bob);
        equal(ofAlice + ofBob + perp.fund(), dollar.balanceOf(address(perp)), "55: money");
        equal(debtOfAlice + debtOfBob + perp.badDebt(), perp.totalSupply(), "55: tokens");
    }

    function test_a_token_is_worth_the_square_of_the_price() public {
        equal(perp.indexOf(), 400e18, "index");
        feed.report(4_000e8);
        equal(perp.indexOf(), 1_600e18, "four times at twice the price");
    }

    function test_funding_is_paid_in_kind_by_what_the_market_pays_over_the_index() public {
        mark.report(480e8); // 1.2 times the index
        vm.warp(START + 17.5 days);
        near(perp.previewAccrue(), RAY * 10 / 12, 1e12, "one period divides by the ratio");
        equal(perp.previewAccrue(), perp.accrue(), "preview");
        near(perp.indexOf(), 400e18 * uint256(10) / 12, 1e6, "what is owned is less too");
    }

    function test_the_mark_counts_within_bounds_and_not_at_all_where_there_is_none() public {
        mark.report(4_000e8);
        vm.warp(START + 17.5 days);
        near(perp.previewAccrue(), RAY * 10 / 14, 1e12, "at most 1.4");
        mark.report(0);
        equal(perp.previewAccrue(), RAY, "no mark");
        perp.setMarkFeed(IPrice(address(0)));
        vm.warp(START + 40 days);
        equal(perp.previewAccrue(), RAY, "no feed");
    }

    function test_below_its_index_longs_are_paid() public {
        mark.report(360e8);
        vm.warp(START + 17.5 days);
        near(perp.accrue(), RAY * 10 / 9, 1e12, "more is owed");
    }

    function test_minting_needs_the_ratio_and_no_dust() public {
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(IPowerPerp.Undercollateralised.selector, 1.4975e18, 1.5e18));
        perp.adjust(599e18, 1e18);
        perp.adjust(600e18, 1e18);
        vm.expectRevert(abi.encodeWithSelector(IPowerPerp.CollateralTooSmall.selector, 499e18, 500e18));
        perp.adjust(-101e18, -0.9e18);
        vm.expectRevert(abi.encodeWithSelector(IPowerPerp.InsufficientCollateral.selector, 601e18, 600e18));
        perp.adjust(-601e18, -1e18);
        perp.adjust(-600e18, -1e18);
        vm.stopPrank();
        equal(dollar.balanceOf(alice), 1_000_000e18, "a round trip costs nothing");
        _requireBooks();
    }

    function test_a_safe_position_is_left_alone() public {
        _mint(alice, 600e18, 1e18);
        vm.expectRevert(abi.encodeWithSelector(IPowerPerp.PositionHealthy.selector, 1.5e18, 1.5e18));
        perp.liquidate(alice, 1e18);
        vm.expectRevert(abi.encodeWithSelector(IPowerPerp.NoDebt.selector, bob));
        perp.liquidate(bob, 1e18);
    }

    function test_half_is_liquidated_for_its_value_and_a_bounty() public {
        _mint(alice, 6_000e18, 10e18);
        _mint(bob, 100_000e18, 10e18);
        feed.report(2_100e8); // 441 Dollars each, ratio 1.36
        (uint256 tokens, uint256 paid) = perp.previewLiquidation(alice, 10e18);
        vm.prank(bob);
        (uint256 burnt, uint256 got) = perp.liquidate(alice, 10e18);
        check(burnt == tokens && got == paid, "55: preview");
        equal(burnt, 5e18, "half");
        equal(got, 5 * 441e18 * uint256(11) / 10, "value and bounty");
        check(perp.ratioOf(alice) > 1.3606e18, "55: safer than before");
        _requireBooks();
    }

    function test_55_collateral_pays_first_then_the_fund_then_it_is_bad_debt() public {
        _mint(alice, 6_000e18, 10e18);
        _mint(bob, 100_000e18, 10e18);
        perp.donate(1_000e18);
        feed.report(3_000e8); // 900 each: 9,000 are owed, 6,000 are there
        vm.prank(bob);
        (uint256 tokens, uint256 paid) = perp.liquidate(alice, 10e18);
        near(paid, 7_000e18, 1e3, "55: collateral and fund");
        near(tokens, 7e18 * uint256(10) / 9, 1e3, "55: at index");
        near(perp.fund(), 0, 1e3, "55: the fund is spent");
        near(perp.badDebt(), 10e18 - tokens, 0, "55: recorded");
        _requireBooks();
        perp.donate(10_000e18);
        vm.prank(bob);
        perp.buyBadDebt(10e18);
        equal(perp.badDebt(), 0, "55: bought");
        _requireBooks();
    }

    function test_a_withdrawal_between_shock_and_liquidation_is_refused() public {
        _mint(alice, 6_000e18, 10e18);
        feed.report(2_100e8);
        vm.prank(alice);
        _expect(IPowerPerp.Undercollateralised.selector);
        perp.adjust(-1e18, 0);
    }

    function test_bad_debt_is_bought_with_what_the_fund_has() public {
        _mint(alice, 1_000e18, 1.5e18);
        vm.prank(alice);
        perp.transfer(address(this), 1.5e18);
        feed.report(4_000e8); // 1,600 each: 0.625 are paid for
        perp.liquidate(alice, 1.5e18);
        equal(perp.badDebt(), 0.875e18, "nobody owes it");
        feed.report(2_000e8);
        vm.expectRevert(abi.encodeWithSelector(IPowerPerp.InsufficientFund.selector, 350e18, 0));
        perp.buyBadDebt(1e18);
    }

    /// @dev What rounding leaves of collateral pays for no token, so nobody would ever come for the rest of the debt.
    function testFuzz_55_debt_is_recorded_as_bad_whatever_rounding_leaves(uint256 price, uint256 collateral) public {
        collateral = within(collateral, 600e18, 700e18);
        price = within(price, 4_000e8, 9_000e8);
        _mint(alice, collateral, 1e18);
        _mint(bob, 100_000e18, 1e18);
        feed.report(int256(price));
        vm.prank(bob);
        (uint256 tokens,) = perp.liquidate(alice, 1e18);
        (uint256 left, uint256 debt) = perp.positionOf(alice);
        check(debt == 0 && left < 1e6, "55: a debt that nobody can liquidate");
        equal(perp.badDebt(), 1e18 - tokens, "55: recorded");
        _requireBooks();
    }

    function testFuzz_55_books_hold_through_any_liquidation(
        uint256 price,
        uint256 collateral,
        uint256 fund,
        uint256 most
    ) public {
        collateral = within(collateral, 6_000e18, 9_000e18);
        _mint(alice, collateral, 10e18);
        _mint(bob, 500_000e18, 10e18);
        perp.donate(within(fund, 1, 3_000e18));
        feed.report(int256(within(price, 2_000e8, 6_000e8)));
        if (perp.ratioOf(alice) >= 1.5e18) return;
        (uint256 before, uint256 reserve) = (perp.ratioOf(alice), perp.fund());
        vm.prank(bob);
        (, uint256 paid) = perp.liquidate(alice, within(most, 1, 10e18));
        _requireBooks();
        (uint256 left, uint256 debt) = perp.positionOf(alice);
        check(reserve - perp.fund() + collateral - left == paid, "55: who paid");
        check(reserve == perp.fund() || left == 0, "55: fund before collateral");
        check(debt == 0 || before < 1.1e18 || perp.ratioOf(alice) + 1e6 >= before, "55: a liquidation made it worse");
    }

    function test_rules_have_bounds_and_an_owner() public {
        IPowerPerp.Rules memory rules = _rules();
        rules.minRatio = 1.1e18;
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 1.1e18, 1.1e18 + 1, 10e18));
        perp.setRules(rules);
        vm.prank(alice);
        _expect(bytes4(keccak256("Unauthorized()")));
        perp.setMarkFeed(IPrice(address(0)));
    }
}
