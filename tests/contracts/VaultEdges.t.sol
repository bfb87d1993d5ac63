// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IHedgedVault} from "../../contracts/interfaces/IHedgedVault.sol";
import {BadToken} from "./Attacks.t.sol";
import {TestStrategy} from "./TestStrategy.sol";
import {VaultSystem} from "./VaultSystem.sol";

/// @dev What happens at the edges: tips out of what others wait for, lines drawn at a price that is none.
contract VaultEdgeTest is VaultSystem {
    function setUp() public {
        deployVault(18);
        deposit(alice, 1_000e18);
        putToWork();
        skip(1 hours);
    }

    function tip(uint256 amount) private {
        IHedgedVault.Execution memory e = executionOfTest();
        e.tip = amount;
        vault.setExecution(e);
    }

    /// @dev The tip is no part of what those who wait are freed: else each tip makes the next rebalance due.
    function test_39_a_keeper_is_tipped_once_for_those_who_wait() public {
        tip(0.5e18);
        vm.prank(alice);
        vault.requestRedeem(100e24, alice, alice);
        uint256 rounds;
        for (; rounds < 10; ++rounds) {
            skip(10 minutes);
            (bool due,) = vault.rebalanceDue();
            if (!due) break;
            rebalance();
            vault.settle(10);
        }
        equal(rounds, 1, "rebalanced once");
        equal(vault.queuedShares(), 0, "all are settled");
        equal(token.balanceOf(keeper), 0.5e18, "one tip");
    }

    /// @dev Handing in dust again and again is not worth a tip each time.
    function test_39_dust_in_the_queue_earns_no_tip() public {
        tip(0.5e18);
        for (uint256 i; i < 5; ++i) {
            vm.prank(alice);
            vault.requestRedeem(1e10, alice, alice);
            skip(10 minutes);
            (bool due,) = vault.rebalanceDue();
            check(!due, "due for dust");
        }
        strategy.setDelta(500e18); // with whatever else is due it is freed
        rebalance();
        check(vault.settle(10) > 0, "settled");
        equal(vault.queuedShares(), 0, "all of it");
    }

    /// @dev Without a price a share seems to be worth nothing. That is no price to count its growth from.
    function test_44_no_line_is_drawn_at_a_value_that_cannot_be_relied_on() public {
        IHedgedVault.Limits memory l = limitsOfTest();
        l.maxGrowth = 0.1e18;
        vault.setLimits(l);
        deposit(bob, 1_000e18);
        skip(2 days);
        uint256 worth = vault.previewRedeem(vault.balanceOf(bob));
        strategy.setLive(false);
        strategy.setLie(-1_000e18);
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.NotLive.selector));
        vault.payFees();
        vm.prank(alice);
        vault.requestRedeem(1e18, alice, alice); // anybody may
        strategy.setLive(true);
        strategy.setLie(0);
        skip(1);
        check(!vault.isCapped(), "44: held down");
        near(vault.previewRedeem(vault.balanceOf(bob)), worth, 10, "44: as before");
    }

    /// @dev No fee on a gain that only a stale price shows, and none is lost for the time without a price.
    function test_fees_wait_until_the_value_can_be_relied_on() public {
        IHedgedVault.Fees memory f = feesOfTest();
        (f.management, f.performance) = (0.02e18, 0.2e18);
        vault.setFees(f);
        skip(73 days);
        strategy.setLive(false);
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.NotLive.selector));
        vault.setFees(feesOfTest());
        strategy.setLie(500e18);
        vm.prank(alice);
        vault.requestRedeem(1e24, alice, alice);
        strategy.setLie(0);
        strategy.setLive(true);
        near(vault.feesOwed(), 4e18, 1e6, "2 % a year of 1,000 for a fifth of it");
    }
}

/// @dev Lines, fees and doors of a vault at their ends.
contract VaultLinesTest is VaultSystem {
    function setUp() public {
        deployVault(18);
    }

    function limit(uint256 growth, uint256 drop) private {
        IHedgedVault.Limits memory l = limitsOfTest();
        (l.maxGrowth, l.maxDrop) = (growth, drop);
        vault.setLimits(l);
    }

    function charge(uint256 management, uint256 performance) private {
        IHedgedVault.Fees memory f = feesOfTest();
        (f.management, f.performance) = (management, performance);
        vault.setFees(f);
    }

    function test_44_a_gain_that_does_not_count_pays_no_fee() public {
        limit(0.01e18, 0);
        charge(0, 0.5e18);
        deposit(alice, 1_000e18);
        putToWork();
        strategy.setLie(1_000e18);
        check(vault.isCapped(), "not seen");
        check(vault.feesOwed() <= 0.5e18, "a fee on a lie");
        vault.payFees();
        strategy.setLie(0);
        check(vault.totalAssets() >= 999e18, "those who are in paid for it");
    }

    function test_44_an_accepted_price_is_the_new_line_and_no_open_door() public {
        limit(0.01e18, 0);
        deposit(alice, 1_000e18);
        putToWork();
        strategy.gain(500e18);
        vault.acceptSharePrice();
        check(!vault.isCapped(), "believed");
        strategy.setLie(500e18);
        check(vault.isCapped(), "44: the next rise counts from there");
        near(vault.totalAssets(), 1_500e18, 0.1e18, "44: at once nothing");
    }

    /// @dev Who comes into an empty vault finds no line of those who left.
    function test_an_empty_vault_begins_anew() public {
        limit(0.5e18, 0.1e18);
        deposit(alice, 1_000e18);
        putToWork();
        skip(2 days);
        strategy.gain(900e18);
        vault.settle(0);
        redeemAll(alice);
        deposit(bob, 100e18);
        check(vault.maxDeposit(alice) != 0, "open");
        deposit(alice, 100e18);
        near(vault.previewRedeem(vault.balanceOf(bob)), 100e18, 1e6, "worth what it cost");
    }

    function test_nobody_comes_into_a_vault_that_lost_all() public {
        deposit(alice, 1_000e18);
        putToWork();
        strategy.lose(1_000e18);
        equal(vault.maxDeposit(bob), 0, "assets");
        equal(vault.maxMint(bob), 0, "shares");
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.DepositRefused.selector, 1e18, 0));
        vault.deposit(1e18, bob);
    }

    function test_fees_of_many_years_take_no_more_than_there_is() public {
        charge(0.1e18, 0.5e18);
        deposit(alice, 1_000e18);
        skip(11 * 365 days);
        equal(vault.totalAssets(), 0, "all of it");
        equal(vault.feesOwed(), 1_000e18, "and no more");
    }

    function test_39_idle_assets_do_not_shorten_the_delay_of_a_request() public {
        IHedgedVault.Limits memory l = limitsOfTest();
        l.withdrawalDelay = 1 days;
        vault.setLimits(l);
        deposit(alice, 1_000e18); // idle
        vm.prank(alice);
        vault.requestRedeem(100e24, alice, alice);
        equal(vault.settle(10), 0, "too early");
        skip(1 days - 1);
        equal(vault.settle(10), 0, "by a second");
        skip(1);
        equal(vault.settle(10), 100e18, "in time");
    }

    /// @dev Out and in again gives no more shares than before, each way out with each way in.
    function testFuzz_37_out_and_in_again_never_profits(uint256 own, uint256 others, uint256 part, uint256 way) public {
        IHedgedVault.Limits memory l = limitsOfTest();
        (l.entryFee, l.exitFee) = ((way >> 8) % 0.01e18, (way >> 16) % 3 == 0 ? 0 : (way >> 24) % 0.01e18);
        vault.setLimits(l);
        deposit(alice, within(others, 1e6, 50_000e18));
        deposit(bob, within(own, 1e6, 50_000e18));
        putToWork();
        strategy.gain(others % 1_000e18);
        uint256 before = vault.balanceOf(bob);
        uint256 most = vault.maxWithdraw(bob);
        if (most == 0) return;
        vm.startPrank(bob);
        uint256 got = within(part, 1, most);
        if (vault.previewRedeem(vault.previewWithdraw(got)) == 0) return;
        if (way % 2 == 0) vault.withdraw(got, bob, bob);
        else got = vault.redeem(vault.previewWithdraw(got), bob, bob);
        uint256 left = vault.balanceOf(bob);
        if (vault.previewDeposit(got) != 0 && vault.maxDeposit(bob) >= got) {
            if ((way >> 1) % 2 == 0) {
                vault.deposit(got, bob);
            } else {
                uint256 paid = vault.mint(before - left, bob);
                check(paid >= got, "37: as many shares for less");
                left = 0; // they are the same number
            }
        }
        vm.stopPrank();
        check(vault.balanceOf(bob) <= before, "37: more shares for the same");
    }
}

/// @dev A vault over a token that misbehaves.
contract VaultBadTokenTest is VaultSystem {
    BadToken private bad;

    function setUp() public {
        vm.warp(1_600_000_000);
        bad = new BadToken();
        vault = newVault(address(bad));
        strategy = new TestStrategy(address(vault), address(bad));
        vault.setStrategy(strategy);
        bad.mint(alice, 1_000e18);
        vm.prank(alice);
        bad.approve(address(vault), type(uint256).max);
        deposit(alice, 100e18);
    }

    function test_45_a_token_that_takes_a_fee_is_refused() public {
        bad.behave(BadToken.Manner.TakesFee, address(0), "");
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.TransferShort.selector, 99e18, 100e18));
        vault.deposit(100e18, alice);
    }

    function test_a_token_that_calls_back_cannot_enter_again() public {
        bytes[7] memory attempts = [
            abi.encodeCall(vault.deposit, (0, alice)),
            abi.encodeCall(vault.redeem, (0, alice, alice)),
            abi.encodeCall(vault.requestRedeem, (0, alice, alice)),
            abi.encodeCall(vault.settle, (1)),
            abi.encodeCall(vault.claim, (alice)),
            abi.encodeCall(vault.rebalance, ("")),
            abi.encodeCall(vault.payFees, ())
        ];
        for (uint256 i; i < attempts.length; ++i) {
            bad.behave(BadToken.Manner.CallsBack, address(vault), attempts[i]);
            vm.prank(alice);
            vault.withdraw(1e18, alice, alice);
            check(bad.met() == bytes4(keccak256("Reentrancy()")), "guard");
        }
    }
}
