// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IHedgedVault} from "../../contracts/interfaces/IHedgedVault.sol";
import {Bounded} from "../../contracts/math/Bounded.sol";
import {HedgedVault} from "../../contracts/vault/HedgedVault.sol";
import {VaultSettings} from "../../contracts/vault/VaultSettings.sol";
import {TestStrategy} from "./TestStrategy.sol";
import {VaultSystem} from "./VaultSystem.sol";

/// @dev What ERC-4626 promises, after gains and losses, with fees on, in 18 and in 6 decimals.
contract VaultStandardTest is VaultSystem {
    function prepare(uint256 seed) private {
        deployVault(seed % 2 == 0 ? 18 : 6);
        IHedgedVault.Limits memory l = limitsOfTest();
        l.entryFee = (seed >> 8) % 4 == 0 ? 0 : (seed >> 16) % 0.01e18;
        l.exitFee = (seed >> 24) % 4 == 0 ? 0 : (seed >> 32) % 0.01e18;
        vault.setLimits(l);
        IHedgedVault.Fees memory f = feesOfTest();
        (f.management, f.performance) = ((seed >> 64) % 0.05e18, (seed >> 72) % 0.3e18);
        vault.setFees(f);
        deposit(alice, within(seed >> 80, 1e6, 50_000e18));
        putToWork();
        if ((seed >> 140) % 2 == 0) strategy.gain(within(seed >> 144, 0, 10_000e18));
        else strategy.lose(token.balanceOf(address(strategy)) * ((seed >> 144) % 90) / 100);
        skip((seed >> 200) % 365 days);
    }

    function testFuzz_37_a_round_trip_never_profits(uint256 seed, uint256 amount, uint256 way) public {
        prepare(seed);
        uint256 before = token.balanceOf(bob);
        amount = within(amount, 1, 50_000e18);
        uint256 shares = vault.previewDeposit(amount);
        if (shares == 0) return;
        vm.startPrank(bob);
        if (way % 2 == 0) vault.deposit(amount, bob);
        else vault.mint(shares, bob);
        if (vault.previewRedeem(vault.balanceOf(bob)) != 0) {
            if ((way >> 8) % 2 == 0) vault.redeem(vault.maxRedeem(bob), bob, bob);
            else vault.withdraw(vault.maxWithdraw(bob), bob, bob);
        }
        vm.stopPrank();
        check(token.balanceOf(bob) <= before, "profit");
    }

    function testFuzz_37_a_preview_is_what_happens(uint256 seed, uint256 amount, uint256 way) public {
        prepare(seed);
        amount = within(amount, 1e6, 50_000e18);
        vm.startPrank(bob);
        if (vault.previewDeposit(amount) == 0) return;
        uint256 shares = vault.previewDeposit(amount);
        if (way % 2 == 0) equal(vault.deposit(amount, bob), shares, "deposit");
        uint256 assets = vault.previewMint(shares);
        if (way % 2 == 1) equal(vault.mint(shares, bob), assets, "mint");
        equal(vault.balanceOf(bob), shares, "received");
        assets = vault.previewRedeem(shares / 2);
        if (assets != 0) equal(vault.redeem(shares / 2, bob, bob), assets, "redeem");
        assets = vault.maxWithdraw(bob) / 2;
        if (assets != 0) {
            shares = vault.previewWithdraw(assets);
            equal(vault.withdraw(assets, bob, bob), shares, "withdraw");
        }
        vm.stopPrank();
    }

    function testFuzz_37_every_rounding_goes_against_the_caller(uint256 seed, uint256 amount) public {
        prepare(seed);
        amount = within(amount, 1, 1e30);
        check(vault.previewDeposit(amount) <= vault.convertToShares(amount), "deposit");
        check(vault.previewRedeem(amount) <= vault.convertToAssets(amount), "redeem");
        check(vault.previewMint(amount) >= vault.convertToAssets(amount), "mint");
        check(vault.previewWithdraw(amount) >= vault.convertToShares(amount), "withdraw");
        check(vault.convertToAssets(vault.convertToShares(amount)) <= amount, "there and back");
        check(vault.previewRedeem(vault.previewDeposit(amount)) <= amount, "in and out");
        check(vault.previewMint(vault.previewWithdraw(amount)) >= amount, "out and in");
    }

    function testFuzz_37_the_most_goes_through_and_one_more_does_not(uint256 seed, uint256 way) public {
        prepare(seed);
        give(bob, 1_000_000e18);
        uint256 most = vault.maxDeposit(bob);
        if (most == 0) return;
        vm.startPrank(bob);
        if (way % 4 == 0) {
            vm.expectRevert(abi.encodeWithSelector(IHedgedVault.DepositRefused.selector, most + 1, most));
            vault.deposit(most + 1, bob);
            vault.deposit(most, bob);
        } else if (way % 4 == 1) {
            most = vault.maxMint(bob);
            vm.expectRevert(abi.encodeWithSelector(IHedgedVault.DepositRefused.selector, most + 1, most));
            vault.mint(most + 1, bob);
            vault.mint(most, bob);
        } else {
            vault.deposit(within(way >> 8, most / 2, most), bob);
            most = way % 4 == 2 ? vault.maxWithdraw(bob) : vault.maxRedeem(bob);
            vm.expectRevert(abi.encodeWithSelector(IHedgedVault.WithdrawalRefused.selector, most + 1, most));
            if (way % 4 == 2) vault.withdraw(most + 1, bob, bob);
            else vault.redeem(most + 1, bob, bob);
            if (way % 4 == 2) vault.withdraw(most, bob, bob);
            else vault.redeem(most, bob, bob);
        }
        vm.stopPrank();
    }

    function testFuzz_37_nothing_that_others_do_lowers_the_price_of_a_share(uint256 seed, uint256[4] memory acts)
        public
    {
        prepare(seed);
        vault.payFees();
        for (uint256 i; i < 4; ++i) {
            uint256 price = vault.sharePrice();
            uint256 amount = acts[i] >> 16;
            vm.startPrank(bob);
            if (acts[i] % 3 == 0) {
                amount = within(amount, 1, 10_000e18);
                if (vault.previewDeposit(amount) != 0) vault.deposit(amount, bob);
            } else if (acts[i] % 3 == 1) {
                uint256 most = vault.maxWithdraw(bob);
                if (most != 0) vault.withdraw(within(amount, 1, most), bob, bob);
            } else {
                uint256 shares = vault.balanceOf(bob);
                if (vault.previewRedeem(shares) != 0) vault.requestRedeem(shares, bob, bob);
                vault.settle(10);
            }
            vm.stopPrank();
            check(vault.sharePrice() >= price, "fell");
        }
    }

    function test_an_allowance_is_needed_to_take_from_somebody_else() public {
        deployVault(18);
        deposit(alice, 100e18);
        vm.startPrank(bob);
        vm.expectRevert(bytes4(keccak256("InsufficientAllowance()")));
        vault.redeem(1e18, bob, alice);
        vm.expectRevert(bytes4(keccak256("InsufficientAllowance()")));
        vault.requestRedeem(1e18, bob, alice);
        vm.stopPrank();
        vm.prank(alice);
        vault.approve(bob, 1e24);
        vm.prank(bob);
        vault.redeem(1e24, bob, alice);
        equal(token.balanceOf(bob), 100_000e18 + 1e18, "taken within it");
    }
}

/// @dev Gifts, lies, and people who come and go at the right moment.
contract VaultAttackTest is VaultSystem {
    function setUp() public {
        deployVault(18);
    }

    function test_a_deposit_of_zero_moves_nothing_and_is_refused() public {
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.NothingMoved.selector));
        vault.deposit(0, alice);
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.NothingMoved.selector));
        vault.mint(0, alice);
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.NothingMoved.selector));
        vault.withdraw(0, alice, alice);
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.NothingMoved.selector));
        vault.redeem(0, alice, alice);
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.NothingMoved.selector));
        vault.requestRedeem(0, alice, alice);
        vm.stopPrank();
    }

    function test_nobody_deposits_past_the_cap() public {
        IHedgedVault.Limits memory l = limitsOfTest();
        l.depositCap = 1_000e18;
        vault.setLimits(l);
        deposit(alice, 900e18);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.DepositRefused.selector, 101e18, 100e18));
        vault.deposit(101e18, bob);
        deposit(bob, 100e18);
        equal(vault.maxDeposit(bob), 0, "full");
    }

    function test_38_a_gift_to_the_vault_belongs_to_nobody() public {
        deposit(alice, 100e18);
        uint256 price = vault.sharePrice();
        vm.prank(bob);
        token.transfer(address(vault), 1_000e18);
        equal(vault.sharePrice(), price, "price");
        equal(redeemAll(alice), 100e18, "out");
    }

    /// @dev The gift goes to the strategy, where it counts, and growth is not capped. Whoever was in first with however
    /// little, who comes in after it loses no more than a millionth of the gift, and the giver half of it.
    function testFuzz_38_inflating_the_first_share_costs_the_giver_and_nobody_else(
        uint256 first,
        uint256 gift,
        uint256 second
    ) public {
        first = within(first, 1, 1e6);
        gift = within(gift, 1e6, 50_000e18);
        second = within(second, 1e6, 100_000e18);
        uint256 before = token.balanceOf(bob);
        deposit(bob, first);
        vm.prank(bob);
        token.transfer(address(strategy), gift);
        if (vault.previewDeposit(second) == 0) return; // refused, so nothing is lost
        deposit(alice, second);
        uint256 worth = vault.previewRedeem(vault.balanceOf(alice));
        check(worth + gift / 1e6 + 2 >= second, "the second lost");
        redeemAll(bob);
        check(token.balanceOf(bob) <= before, "the giver got back more");
        worth = vault.previewRedeem(vault.balanceOf(alice));
        check(worth + gift / 1e6 + 2 >= second, "the second lost when the first left");
    }

    function testFuzz_38_no_giver_gets_back_more_than_given(uint256 own, uint256 others, uint256 gift) public {
        deposit(alice, within(others, 1e18, 50_000e18));
        deposit(bob, within(own, 1e18, 50_000e18));
        putToWork();
        gift = within(gift, 1, 50_000e18);
        give(bob, gift);
        uint256 before = token.balanceOf(bob) + vault.previewRedeem(vault.balanceOf(bob));
        uint256 hers = vault.previewRedeem(vault.balanceOf(alice));
        vm.prank(bob);
        token.transfer(address(strategy), gift);
        redeemAll(bob);
        check(token.balanceOf(bob) <= before, "more than given");
        check(vault.previewRedeem(vault.balanceOf(alice)) >= hers, "somebody lost by a gift");
    }

    // -------------------------------------------------------------------- lies

    function limitGrowth() private {
        IHedgedVault.Limits memory l = limitsOfTest();
        (l.maxGrowth, l.maxDrop) = (0.01e18, 0.02e18);
        vault.setLimits(l);
    }

    function test_44_a_value_that_is_a_lie_counts_at_the_growth_that_is_allowed() public {
        limitGrowth();
        deposit(alice, 1_000e18);
        deposit(bob, 1_000e18);
        putToWork();
        uint256 price = vault.sharePrice();
        strategy.setLie(1_000e18); // says half as much again
        check(vault.isCapped(), "not seen");
        near(vault.sharePrice(), price, price / 1e4, "next to no time has passed since the day's price");
        equal(vault.maxDeposit(bob), 0, "nobody comes in at it");
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.DepositRefused.selector, 1e18, 0));
        vault.deposit(1e18, alice);
        uint256 got = redeemAll(bob);
        near(got, 1_000e18, 0.1e18, "nobody leaves with what is not there");
        skip(12 hours);
        near(vault.sharePrice(), price * 1005 / 1000, price / 1e4, "half a day at 1 % a day");
        strategy.setLie(0);
        check(vault.previewRedeem(vault.balanceOf(alice)) + 0.1e18 >= 1_000e18, "those who stay lost nothing");
    }

    function test_44_the_owner_accepts_a_rise_that_is_real() public {
        limitGrowth();
        deposit(alice, 1_000e18);
        putToWork();
        strategy.gain(500e18);
        check(vault.isCapped(), "capped");
        vault.acceptSharePrice();
        check(!vault.isCapped(), "still capped");
        near(vault.totalAssets(), 1_500e18, 10, "all of it counts");
        vm.prank(bob);
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        vault.acceptSharePrice();
    }

    /// @dev A strategy that plays poor lets nobody in cheaply: the drop closes the door for the day.
    function test_44_a_value_that_drops_and_comes_back_lets_nobody_in_between() public {
        limitGrowth();
        deposit(alice, 1_000e18);
        putToWork();
        strategy.setLie(-500e18);
        equal(vault.maxDeposit(bob), 0, "closed");
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.DepositRefused.selector, 100e18, 0));
        vault.deposit(100e18, bob);
        strategy.setLie(0);
        near(vault.previewRedeem(vault.balanceOf(alice)), 1_000e18, 10, "back");
    }

    function test_44_a_strategy_that_frees_less_than_it_says_is_seen_by_the_tokens() public {
        deposit(alice, 1_000e18);
        putToWork();
        strategy.lose(600e18);
        strategy.setLie(600e18);
        uint256 most = vault.maxWithdraw(alice);
        equal(most, 400e18, "what it can free");
        vm.prank(alice);
        vault.withdraw(most, alice, alice);
        equal(token.balanceOf(address(vault)), 0, "it was all there was");
    }

    /// @dev A strategy overstates its turnover to hide a loss: the bound is never more than that part of everything.
    function test_40_a_loss_hidden_behind_a_turnover_that_never_was_is_bounded() public {
        deposit(alice, 1_000e18);
        putToWork();
        skip(1 hours);
        strategy.setDelta(500e18);
        strategy.setClaimedTrade(1e30);
        strategy.setCost(0.03e18); // 15 of 500, and 1 % of 1,000 is 10
        vm.prank(keeper);
        try vault.rebalance("") {
            check(false, "it went through");
        } catch (bytes memory reason) {
            check(bytes4(reason) == IHedgedVault.Slippage.selector, "another error");
        }
    }

    // ---------------------------------------------------------- coming and going

    /// @dev Fees of half a percent each way: a jump that the vault shows later than the world is not worth catching up to
    /// the exit fee. Of his entry fee a newcomer who is large gets most back.
    function testFuzz_in_before_a_gain_and_out_after_it_does_not_pay_up_to_the_exit_fee(uint256 jump, uint256 stake)
        public
    {
        IHedgedVault.Limits memory l = limitsOfTest();
        (l.entryFee, l.exitFee) = (0.005e18, 0.005e18);
        vault.setLimits(l);
        deposit(alice, 10_000e18);
        putToWork();
        uint256 before = token.balanceOf(bob);
        stake = within(stake, 1e18, 90_000e18);
        deposit(bob, stake);
        // up to 0.49 % of all there is, of which the newcomer's part is his stake in it
        strategy.gain((10_000e18 + stake) * within(jump, 0, 49) / 10_000);
        redeemAll(bob);
        check(token.balanceOf(bob) <= before, "it paid");
        check(vault.previewRedeem(vault.balanceOf(alice)) + 51e18 >= 10_000e18, "she only has her own fee to pay");
    }

    /// @dev A loss is known before it is booked. At once goes only what is liquid; who hands shares in bears the loss.
    function test_39_out_before_a_loss_is_only_what_is_liquid() public {
        deposit(alice, 1_000e18);
        deposit(bob, 1_000e18);
        putToWork();
        strategy.setFrozen(1_900e18);
        vm.prank(bob);
        vault.withdraw(100e18, bob, bob);
        uint256 left = vault.balanceOf(bob);
        vm.prank(bob);
        vault.requestRedeem(left, bob, bob);
        strategy.lose(950e18); // half of what is left
        strategy.setFrozen(0);
        skip(1 hours);
        rebalance();
        vault.settle(10);
        near(vault.claim(bob), 450e18, 1e6, "half of 900");
        near(vault.previewRedeem(vault.balanceOf(alice)), 500e18, 1e6, "as much for those who stayed");
    }

    function test_39_who_leaves_pays_for_it_where_the_exit_fee_covers_the_slippage() public {
        IHedgedVault.Limits memory l = limitsOfTest();
        l.exitFee = 0.011e18;
        vault.setLimits(l);
        deposit(alice, 1_000e18);
        deposit(bob, 1_000e18);
        putToWork();
        strategy.setCost(0.01e18);
        uint256 price = vault.sharePrice();
        vm.startPrank(bob);
        vault.withdraw(vault.maxWithdraw(bob), bob, bob);
        vm.stopPrank();
        check(vault.sharePrice() >= price, "those who stay paid");
        strategy.setCost(0.011e18); // more than may be lost
        vm.prank(alice);
        try vault.withdraw(100e18, alice, alice) {
            check(false, "unwound at any price");
        } catch (bytes memory reason) {
            check(bytes4(reason) == IHedgedVault.Slippage.selector, "another error");
        }
    }
}

/// @dev Shares that wait.
contract VaultQueueTest is VaultSystem {
    function setUp() public {
        deployVault(18);
        deposit(alice, 1_000e18);
        deposit(bob, 1_000e18);
        putToWork();
        strategy.setFrozen(2_000e18);
        skip(1 hours);
    }

    function request(address who, uint256 shares) private returns (uint256 id) {
        vm.prank(who);
        return vault.requestRedeem(shares, who, who);
    }

    function test_39_nothing_leaves_at_once_while_the_hedge_is_illiquid() public {
        equal(vault.maxWithdraw(alice), 0, "most");
        equal(vault.maxRedeem(alice), 0, "most shares");
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.WithdrawalRefused.selector, 1, 0));
        vault.withdraw(1, alice, alice);
    }

    function test_39_those_who_wait_come_first() public {
        equal(request(bob, 500e24), 1, "number");
        strategy.setFrozen(1_300e18); // 700 are liquid, of which 500 are spoken for
        equal(vault.maxWithdraw(alice), 200e18, "the rest");
        vm.prank(alice);
        vault.withdraw(200e18, alice, alice);
        (bool due, IHedgedVault.Reason reason) = vault.rebalanceDue();
        check(due && reason == IHedgedVault.Reason.Withdrawals, "due for them");
        rebalance();
        equal(vault.settle(10), 500e18, "set aside");
        equal(vault.claimable(bob), 500e18, "claimable");
        uint256 before = token.balanceOf(bob);
        equal(vault.claim(bob), 500e18, "claimed");
        equal(token.balanceOf(bob) - before, 500e18, "received");
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.NothingMoved.selector));
        vault.claim(bob);
    }

    function test_39_a_request_is_settled_in_parts_and_in_order() public {
        request(bob, 1_000e24);
        request(alice, 1_000e24);
        strategy.setFrozen(1_600e18);
        skip(1 hours);
        rebalance();
        vault.settle(10);
        equal(vault.claimable(bob), 400e18, "a part of the first");
        equal(vault.claimable(alice), 0, "nothing of the second");
        equal(vault.settledCount(), 0, "not done");
        strategy.setFrozen(0);
        skip(1 hours);
        rebalance();
        vault.settle(1);
        equal(vault.settledCount(), 1, "one at a time");
        vault.settle(10);
        equal(vault.claimable(bob) + vault.claimable(alice), 2_000e18, "all");
        equal(vault.totalSupply(), 0, "no share is left");
    }

    function test_39_a_request_waits_at_least_its_delay() public {
        IHedgedVault.Limits memory l = limitsOfTest();
        l.withdrawalDelay = 1 days;
        vault.setLimits(l);
        strategy.setFrozen(0);
        request(bob, 100e24);
        (bool due,) = vault.rebalanceDue();
        check(!due, "nothing is unwound before");
        skip(1 days - 1);
        equal(vault.settle(10), 0, "too early");
        skip(1);
        rebalance();
        equal(vault.settle(10), 100e18, "in time");
    }

    /// @dev The price is that of the settlement: shares that wait gain and lose like all others.
    function testFuzz_39_shares_that_wait_are_at_risk(uint256 loss) public {
        loss = within(loss, 0, 1_900e18);
        request(bob, 1_000e24);
        strategy.setFrozen(0);
        strategy.lose(loss);
        skip(1 hours);
        rebalance();
        vault.settle(10);
        near(vault.claimable(bob), (2_000e18 - loss) / 2, 1e6, "half of what is left");
        near(vault.previewRedeem(vault.balanceOf(alice)), (2_000e18 - loss) / 2, 1e6, "as those who stay");
    }

    /// @dev Dust in the queue holds up nobody: it reserves its own worth and no more.
    function test_39_dust_in_the_queue_blocks_nobody() public {
        for (uint256 i; i < 20; ++i) {
            request(bob, 1e6);
        }
        strategy.setFrozen(0);
        vm.startPrank(alice);
        uint256 most = vault.maxWithdraw(alice);
        near(most, 1_000e18, 100, "all of hers");
        vault.withdraw(most, alice, alice);
        vm.stopPrank();
    }

    function test_39_nothing_is_settled_while_the_value_cannot_be_relied_on() public {
        request(bob, 100e24);
        strategy.setLive(false);
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.NotLive.selector));
        vault.settle(10);
        equal(vault.maxDeposit(alice), 0, "in");
        equal(vault.maxMint(alice), 0, "in, shares");
        equal(vault.maxWithdraw(alice), 0, "out");
        equal(vault.maxRedeem(alice), 0, "out, shares");
        request(alice, 100e24); // may be handed in at any time
    }
}

contract VaultFeesTest is VaultSystem {
    function setUp() public {
        deployVault(18);
    }

    function charge(uint256 management, uint256 performance) private {
        IHedgedVault.Fees memory f = feesOfTest();
        (f.management, f.performance) = (management, performance);
        vault.setFees(f);
    }

    function test_the_management_fee_is_a_share_of_net_assets_a_year() public {
        charge(0.02e18, 0);
        deposit(alice, 1_000e18);
        skip(365 days);
        equal(vault.feesOwed(), 20e18, "owed");
        equal(vault.totalAssets(), 980e18, "taken off already");
        equal(vault.payFees(), 20e18, "paid");
        equal(token.balanceOf(recipient), 20e18, "received");
    }

    function test_the_performance_fee_is_due_on_a_new_height_only() public {
        charge(0, 0.2e18);
        deposit(alice, 1_000e18);
        putToWork();
        strategy.gain(100e18);
        near(vault.feesOwed(), 20e18, 10, "a fifth of the gain");
        vault.settle(0); // books it
        strategy.lose(100e18);
        near(vault.totalAssets(), 980e18, 10, "a loss");
        strategy.gain(100e18);
        near(vault.feesOwed(), 20e18, 10, "no second fee on the way back");
        strategy.gain(10e18);
        near(vault.feesOwed(), 22e18, 10, "a fifth of the rest");
    }

    function test_what_an_exit_fee_leaves_is_no_performance_and_not_capped() public {
        IHedgedVault.Limits memory l = limitsOfTest();
        (l.entryFee, l.exitFee, l.maxGrowth) = (0.01e18, 0.01e18, 0.0001e18);
        vault.setLimits(l);
        charge(0, 0.2e18);
        deposit(alice, 10e18);
        deposit(bob, 10_000e18);
        check(!vault.isCapped(), "capped by an entry fee");
        redeemAll(bob);
        check(!vault.isCapped(), "capped by an exit fee");
        near(vault.feesOwed(), 0, 1e3, "performance");
        check(vault.previewRedeem(vault.balanceOf(alice)) > 100e18, "she has the fees of who came and went");
    }

    function testFuzz_fees_come_out_the_same_however_often_they_are_booked(uint8 often, uint32 time) public {
        charge(0.05e18, 0);
        deposit(alice, 1_000e18);
        uint256 rounds = uint256(often) % 20 + 1;
        for (uint256 i; i < rounds; ++i) {
            skip(uint256(time) % 180 days / rounds);
            vault.settle(0);
        }
        uint256 simple = uint256(1_000e18) * 0.05e18 * (uint256(time) % 180 days / rounds * rounds) / 365 days / 1e18;
        check(vault.feesOwed() <= simple, "more than simple");
        near(vault.feesOwed(), simple, simple / 30 + 1, "on what is left only");
    }

    function test_what_the_last_one_leaves_goes_with_the_fees() public {
        IHedgedVault.Limits memory l = limitsOfTest();
        l.exitFee = 0.01e18;
        vault.setLimits(l);
        deposit(alice, 1_000e18);
        redeemAll(alice);
        equal(vault.totalSupply(), 0, "nobody");
        equal(vault.feesOwed(), 10e18, "owed");
        equal(vault.totalAssets(), 0, "no share owns it");
        deposit(bob, 100e18);
        near(vault.previewRedeem(vault.balanceOf(bob)), 99e18, 1e6, "but for his own fee");
    }
}

contract VaultSetupTest is VaultSystem {
    function setUp() public {
        deployVault(18);
    }

    function test_a_strategy_is_set_once_and_must_serve_this_vault() public {
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.StrategyExists.selector, address(strategy)));
        vault.setStrategy(strategy);
        HedgedVault other = newVault(address(token));
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.StrategyMismatch.selector, address(strategy)));
        other.setStrategy(strategy);
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.NotLive.selector));
        other.rebalance("");
    }

    function test_settings_are_the_owners_and_bounded() public {
        IHedgedVault.Limits memory l = limitsOfTest();
        l.exitFee = 0.06e18;
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 0.06e18, 0, 0.05e18));
        vault.setLimits(l);
        IHedgedVault.Fees memory f = feesOfTest();
        f.performance = 0.51e18;
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 0.51e18, 0, 0.5e18));
        vault.setFees(f);
        (f.performance, f.recipient) = (0, address(0));
        vm.expectRevert(abi.encodeWithSelector(VaultSettings.NoRecipient.selector));
        vault.setFees(f);
        IHedgedVault.Triggers memory t = triggersOfTest();
        t.band = 0;
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 0, 1e9, 1e18));
        vault.setTriggers(t);
        IHedgedVault.Execution memory e = executionOfTest();
        e.maxSlippage = 0.21e18;
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 0.21e18, 0, 0.2e18));
        vault.setExecution(e);
        vm.startPrank(bob);
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        vault.setLimits(limitsOfTest());
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        vault.setFees(feesOfTest());
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        vault.setTriggers(triggersOfTest());
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        vault.setExecution(executionOfTest());
        vm.stopPrank();
    }
}
