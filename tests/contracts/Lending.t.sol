// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ILendingPool} from "../../contracts/interfaces/ILendingPool.sol";
import {IPrice} from "../../contracts/interfaces/IPrice.sol";
import {LendingPool} from "../../contracts/lending/LendingPool.sol";
import {Bounded} from "../../contracts/math/Bounded.sol";
import {GuardedFeed} from "../../contracts/oracle/GuardedFeed.sol";
import {BadToken} from "./Attacks.t.sol";
import {LendingSystem} from "./LendingSystem.sol";

contract LendingTest is LendingSystem {
    function setUp() public {
        deploySystem();
        deployLending(100_000e18);
        giveDollars(bob, 50_000e18);
        vm.startPrank(bob);
        dollar.approve(address(lending), type(uint256).max);
        tokenOf[GOLD].approve(address(lending), type(uint256).max);
        vm.stopPrank();
    }

    function test_41_a_token_that_takes_a_fee_is_refused() public {
        BadToken bad = new BadToken();
        LendingPool odd = new LendingPool(address(bad), address(tokenOf[GOLD]), feedOf[GOLD], terms(), curve());
        bad.mint(bob, 100e18);
        bad.behave(BadToken.Manner.TakesFee, address(0), "");
        vm.startPrank(bob);
        bad.approve(address(odd), type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(ILendingPool.TransferShort.selector, 99e18, 100e18));
        odd.deposit(100e18, bob);
        vm.stopPrank();
    }

    // ------------------------------------------------------------------ rates

    function test_the_rate_rises_gently_to_the_kink_and_steeply_beyond() public {
        equal(lending.borrowRate(), 0.02e18, "nothing lent");
        borrow(alice, 100e18, 40_000e18);
        equal(lending.borrowRate(), 0.06e18, "half way to the kink");
        equal(lending.supplyRate(), 0.06e18 * 4 / 10 * 9 / 10, "lenders get their share of it");
        borrow(alice, 100e18, 40_000e18);
        equal(lending.borrowRate(), 0.1e18, "at the kink");
        borrow(alice, 100e18, 20_000e18);
        equal(lending.borrowRate(), 1.1e18, "all lent out");
        equal(lending.utilisation(), 1e18, "utilisation");
    }

    /// @dev 80,000 at 10 % for a year: 8,000, of which a tenth is reserved.
    function test_interest_goes_to_lenders_less_the_reserve() public {
        borrow(alice, 100e18, 80_000e18);
        skip(365 days);
        near(lending.debtOf(alice), 88_000e18, 1e9, "debt");
        near(lending.reserves(), 800e18, 1e9, "reserves");
        near(lending.totalAssets(), 107_200e18, 1e9, "lenders");
        uint256 index = lending.accrue();
        near(index, 1.1e27, 1, "index");
        near(lending.totalAssets(), 107_200e18, 1e9, "the same when accrued");
    }

    /// @dev The time until now goes by the utilisation and the terms that there were.
    function test_neither_a_deposit_nor_new_terms_change_the_past() public {
        borrow(alice, 100e18, 80_000e18);
        vm.warp(block.timestamp + 30 days);
        (uint256 debt, uint256 kept) = (lending.totalDebt(), lending.reserves());
        check(kept != 0, "reserves");
        near(lending.utilisation(), debt * 1e18 / (lending.cash() + debt - kept), 1, "reserves are not the lenders'");
        vm.prank(bob);
        lending.deposit(50_000e18, bob);
        equal(lending.totalDebt(), debt, "by a deposit");
        vm.warp(block.timestamp + 30 days);
        (debt, kept) = (lending.totalDebt(), lending.reserves());
        ILendingPool.Terms memory t = terms();
        t.reserveFactor = 0.5e18;
        lending.setTerms(t);
        equal(lending.reserves(), kept, "by new terms");
        equal(lending.totalDebt(), debt, "by new terms, the debt");
    }

    function testFuzz_the_index_never_falls_and_a_view_is_what_accruing_gives(uint32[4] memory waits) public {
        borrow(alice, 100e18, 90_000e18);
        uint256 index = lending.accrue();
        for (uint256 i; i < 4; ++i) {
            skip(waits[i] % 90 days);
            (uint256 debt, uint256 assets, uint256 kept) =
                (lending.debtOf(alice), lending.totalAssets(), lending.reserves());
            uint256 next = lending.accrue();
            check(next >= index, "fell");
            equal(lending.debtOf(alice), debt, "debt");
            equal(lending.totalAssets(), assets, "assets");
            equal(lending.reserves(), kept, "reserves");
            index = next;
        }
    }

    // ----------------------------------------------------------------- frozen

    function test_42_withdrawals_are_frozen_when_all_is_lent_out_until_somebody_repays() public {
        borrow(alice, 150e18, 100_000e18);
        equal(lending.maxWithdraw(lender), 0, "most");
        equal(lending.maxRedeem(lender), 0, "most shares");
        vm.startPrank(lender);
        vm.expectRevert(abi.encodeWithSelector(ILendingPool.InsufficientCash.selector, 1, 0));
        lending.withdraw(1, lender, lender);
        uint256 all = lending.balanceOf(lender);
        uint256 worth = lending.previewRedeem(all);
        vm.expectRevert(abi.encodeWithSelector(ILendingPool.InsufficientCash.selector, worth, 0));
        lending.redeem(all, lender, lender);
        vm.stopPrank();
        vm.prank(bob);
        lending.adjust(alice, 0, -10_000e18);
        equal(lending.maxWithdraw(lender), 10_000e18, "what came back");
        vm.prank(lender);
        lending.withdraw(10_000e18, lender, lender);
        equal(lending.cash(), 0, "frozen again");
    }

    function test_42_nobody_borrows_more_than_there_is() public {
        tokenOf[GOLD].mint(alice, 200e6);
        vm.startPrank(alice);
        tokenOf[GOLD].approve(address(lending), type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(ILendingPool.InsufficientCash.selector, 100_001e18, 100_000e18));
        lending.adjust(alice, 200e18, 100_001e18);
        vm.stopPrank();
    }

    function testFuzz_42_the_most_that_can_go_goes_and_no_more(uint256 lentOut, uint32 wait) public {
        borrow(alice, 200e18, within(lentOut, 100e18, 100_000e18));
        skip(wait % 365 days);
        uint256 most = lending.maxWithdraw(lender);
        uint256 shares = lending.maxRedeem(lender);
        check(most <= lending.cash(), "more than cash");
        vm.startPrank(lender);
        if (shares != 0 && lending.previewRedeem(shares) != 0) {
            uint256 time = block.timestamp;
            lending.redeem(shares, lender, lender);
            near(lending.cash(), lending.totalAssets() > most ? 0 : lending.cash(), 2, "nothing left behind");
            equal(block.timestamp, time, "at once");
        }
        vm.stopPrank();
    }

    // ------------------------------------------------------------------ loans

    function test_a_loan_leaves_at_most_its_loan_to_value() public {
        tokenOf[GOLD].mint(alice, 10e6);
        vm.startPrank(alice);
        tokenOf[GOLD].approve(address(lending), type(uint256).max);
        lending.adjust(alice, 10e18, 10_500e18);
        uint256 over = 0.7e18 + 1;
        vm.expectRevert(abi.encodeWithSelector(ILendingPool.Undercollateralised.selector, over, 0.7e18));
        lending.adjust(alice, 0, 1);
        vm.stopPrank();
    }

    function test_only_the_owner_borrows_and_takes() public {
        borrow(alice, 10e18, 1_000e18);
        vm.startPrank(bob);
        vm.expectRevert(abi.encodeWithSelector(ILendingPool.NotOwner.selector, alice, bob));
        lending.adjust(alice, 0, 1);
        vm.expectRevert(abi.encodeWithSelector(ILendingPool.NotOwner.selector, alice, bob));
        lending.adjust(alice, -1e18, 0);
        lending.adjust(alice, 0, type(int256).min);
        vm.stopPrank();
        equal(lending.debtOf(alice), 0, "anyone repays");
    }

    function test_a_loan_is_topped_up_and_repaid_while_the_feed_is_down() public {
        GuardedFeed guarded = new GuardedFeed(feedOf[GOLD], 1 hours, 0, 0, 0);
        lending = new LendingPool(address(dollar), address(tokenOf[GOLD]), guarded, terms(), curve());
        vm.startPrank(bob);
        dollar.approve(address(lending), type(uint256).max);
        lending.deposit(20_000e18, bob);
        vm.stopPrank();
        borrow(alice, 10e18, 1_000e18);
        skip(2 hours);
        tokenOf[GOLD].mint(alice, 1e6);
        vm.startPrank(alice);
        lending.adjust(alice, 1e18, -100e18);
        vm.expectRevert(abi.encodeWithSelector(IPrice.StalePrice.selector, 2 hours, 1 hours));
        lending.adjust(alice, 0, 1e18);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(IPrice.StalePrice.selector, 2 hours, 1 hours));
        lending.liquidate(alice, 1e18);
    }

    function test_dust_and_nothing_are_refused() public {
        borrow(alice, 10e18, 150e18);
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(ILendingPool.DebtBelowFloor.selector, 50e18, 100e18));
        lending.adjust(alice, 0, -100e18);
        vm.expectRevert(abi.encodeWithSelector(ILendingPool.NothingMoved.selector));
        lending.adjust(alice, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(ILendingPool.NothingMoved.selector));
        lending.deposit(0, alice);
        vm.expectRevert(abi.encodeWithSelector(ILendingPool.InsufficientCollateral.selector, 11e18, 10e18));
        lending.adjust(alice, -11e18, 0);
        vm.stopPrank();
    }

    // ------------------------------------------------------------ liquidations

    /// @dev 10 GOLD at 1,300 against 10,000: 76.9 %. Half the debt and a tenth on top: 5,500 / 1,300 = 4.230769 GOLD.
    function test_a_liquidation_takes_the_debt_repaid_and_the_bonus() public {
        borrow(alice, 10e18, 10_000e18);
        vm.expectRevert(
            abi.encodeWithSelector(ILendingPool.LoanHealthy.selector, lending.loanToValueOf(alice), 0.75e18)
        );
        lending.liquidate(alice, 1e18);
        setPrice(GOLD, 1_300);
        (uint256 repay, uint256 seized) = lending.previewLiquidation(alice, type(uint256).max);
        vm.prank(bob);
        (uint256 repaid, uint256 taken) = lending.liquidate(alice, type(uint256).max);
        equal(repaid, 5_000e18, "half");
        equal(taken, 4.230769e18, "whole units");
        equal(repaid, repay, "preview of the debt");
        equal(taken, seized, "preview of the collateral");
        equal(tokenOf[GOLD].balanceOf(bob), 4_230_769, "received");
    }

    function testFuzz_a_liquidation_never_worsens_a_covered_loan(uint256 price, uint256 part) public {
        borrow(alice, 10e18, 10_500e18);
        price = within(price, 1_160, 1_399); // covers debt and bonus down to 1,155
        setPrice(GOLD, price);
        uint256 before = lending.loanToValueOf(alice);
        vm.prank(bob);
        try lending.liquidate(alice, within(part, 1e6, 20_000e18)) {
            check(lending.loanToValueOf(alice) <= before, "worse");
        } catch (bytes memory reason) {
            check(bytes4(reason) == ILendingPool.DebtBelowFloor.selector, "another error");
        }
    }

    /// @dev At 500 the collateral of 10 GOLD is worth 5,000 and pays 5,000 / 1.1; reserves pay before the lenders.
    function test_43_a_debt_without_collateral_falls_on_reserves_then_on_every_share() public {
        borrow(alice, 10e18, 10_000e18);
        borrow(carol, 200e18, 70_000e18);
        skip(365 days);
        setPrice(GOLD, 500);
        uint256 assets = lending.totalAssets();
        uint256 kept = lending.reserves();
        uint256 debt = lending.debtOf(alice);
        vm.prank(bob);
        (uint256 repaid, uint256 seized) = lending.liquidate(alice, type(uint256).max);
        equal(seized, 10e18, "all of it");
        equal(lending.debtOf(alice), 0, "nobody owes it");
        equal(lending.reserves(), 0, "the first loss");
        near(assets - lending.totalAssets(), debt - repaid - kept, 1e3, "the rest is the lenders'");
    }

    // ------------------------------------------------------------------ shares

    function testFuzz_37_a_round_trip_never_profits(uint256 assets, uint256 lentOut, uint32 wait, bool byMint) public {
        borrow(alice, 200e18, within(lentOut, 100e18, 90_000e18));
        skip(wait % 365 days);
        lending.accrue();
        assets = within(assets, 1e6, 50_000e18);
        uint256 before = dollar.balanceOf(bob);
        vm.startPrank(bob);
        uint256 shares = lending.previewDeposit(assets);
        if (byMint) lending.mint(shares, bob);
        else lending.deposit(assets, bob);
        equal(lending.balanceOf(bob), shares, "as previewed");
        if (byMint) lending.withdraw(lending.maxWithdraw(bob), bob, bob);
        else lending.redeem(shares, bob, bob);
        vm.stopPrank();
        check(dollar.balanceOf(bob) <= before, "profit");
        check(before - dollar.balanceOf(bob) <= 2, "more than rounding");
    }

    function test_38_a_gift_changes_no_share() public {
        uint256 assets = lending.totalAssets();
        vm.prank(bob);
        dollar.transfer(address(lending), 10_000e18);
        equal(lending.totalAssets(), assets, "assets");
        equal(lending.cash(), 100_000e18, "cash");
    }

    function test_setters_are_the_owners_and_bounded() public {
        ILendingPool.Terms memory t = terms();
        t.liquidationThreshold = 0.92e18; // 1 / 1.1 is less: a liquidation could not pay its bonus
        vm.expectRevert(
            abi.encodeWithSelector(Bounded.OutOfBounds.selector, 0.92e18, 1, uint256(1e36) / uint256(1.1e18))
        );
        lending.setTerms(t);
        ILendingPool.RateCurve memory c = curve();
        c.kink = 1e18;
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 1e18, 1, 1e18 - 1));
        lending.setRateCurve(c);
        vm.startPrank(bob);
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        lending.setTerms(terms());
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        lending.setRateCurve(curve());
        vm.stopPrank();
    }
}

/// @dev Borrowers, lenders, liquidators and prices at random.
contract LendingStorm is LendingSystem {
    address[3] private users = [address(0xA1), address(0xB2), address(0xC3)];
    uint256 public borrowed;
    uint256 public liquidated;
    uint256 public frozen;

    constructor() {
        deploySystem();
        deployLending(50_000e18);
        for (uint256 i; i < 3; ++i) {
            giveDollars(users[i], 2_000_000e18);
            tokenOf[GOLD].mint(users[i], 1e12);
            vm.startPrank(users[i]);
            dollar.approve(address(lending), type(uint256).max);
            tokenOf[GOLD].approve(address(lending), type(uint256).max);
            vm.stopPrank();
        }
    }

    function lend(uint256 who, uint256 amount) external {
        vm.prank(users[who % 3]);
        lending.deposit(within(amount, 1e18, 20_000e18), users[who % 3]);
    }

    function leave(uint256 who, uint256 amount) external {
        address user = users[who % 3];
        uint256 most = lending.maxWithdraw(user);
        if (most == 0) {
            if (lending.balanceOf(user) != 0) ++frozen;
            return;
        }
        vm.prank(user);
        lending.withdraw(within(amount, 1, most), user, user);
    }

    function adjust(uint256 who, uint256 collateral, uint256 debt) external {
        address user = users[who % 3];
        int256 change = int256(within(debt, 0, 60_000e18)) - 20_000e18;
        int256 added = int256(within(collateral, 0, 40e18)) - 15e18;
        if (debt % 4 == 0 && lending.cash() != 0) (added, change) = (400e18, int256(lending.cash()));
        vm.prank(user);
        try lending.adjust(user, added, change) {
            ++borrowed;
        } catch (bytes memory reason) {
            bytes4 fault = bytes4(reason);
            check(
                fault == ILendingPool.Undercollateralised.selector || fault == ILendingPool.InsufficientCash.selector
                    || fault == ILendingPool.InsufficientCollateral.selector
                    || fault == ILendingPool.DebtBelowFloor.selector,
                "an unexpected error"
            );
        }
    }

    function liquidate(uint256 who, uint256 whom, uint256 part) external {
        vm.prank(users[who % 3]);
        try lending.liquidate(users[whom % 3], within(part, 1e18, 50_000e18)) {
            ++liquidated;
        } catch (bytes memory reason) {
            bytes4 fault = bytes4(reason);
            check(
                fault == ILendingPool.LoanHealthy.selector || fault == ILendingPool.DebtBelowFloor.selector,
                "an unexpected error"
            );
        }
    }

    function pass(uint256 elapsed, uint256 price) external {
        skip(within(elapsed, 1, 30 days));
        setPrice(GOLD, within(price, 500, 2_000));
    }

    function requireBooks() external view {
        equal(dollar.balanceOf(address(lending)), lending.cash(), "41: cash is what is held");
        (uint256 debts, uint256 collaterals) = (0, 0);
        for (uint256 i; i < 3; ++i) {
            (uint256 collateral,) = lending.loans(users[i]);
            debts += lending.debtOf(users[i]);
            collaterals += collateral;
            check(collateral != 0 || lending.debtOf(users[i]) == 0, "41: debt without collateral");
        }
        equal(heldBy(GOLD, address(lending)), collaterals, "41: collateral");
        check(debts >= lending.totalDebt() && debts - lending.totalDebt() <= 4, "41: loans add up");
    }
}

contract LendingInvariantsTest is LendingSystem {
    LendingStorm private storm;

    function setUp() public {
        storm = new LendingStorm();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(storm);
    }

    function invariant_41_the_books_of_the_lending_pool_are_what_it_holds() public view {
        storm.requireBooks();
    }

    function test_the_storm_reaches_every_action() public {
        for (uint256 i; i < 2000; ++i) {
            uint256 seed = uint256(keccak256(abi.encode(i)));
            (uint256 a, uint256 b, uint256 c) = (seed >> 8, seed >> 80, seed >> 160);
            if (seed % 6 == 0) storm.lend(a, b);
            else if (seed % 6 == 1) storm.leave(a, b);
            else if (seed % 6 <= 3) storm.adjust(a, b, c);
            else if (seed % 6 == 4) storm.liquidate(a, b, c);
            else storm.pass(b, c);
            storm.requireBooks();
        }
        check(storm.borrowed() > 3, "nobody borrowed");
        check(storm.liquidated() > 3, "nobody was liquidated");
        check(storm.frozen() > 3, "never frozen");
    }
}
