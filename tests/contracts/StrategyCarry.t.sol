// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IHedgedVault} from "../../contracts/interfaces/IHedgedVault.sol";
import {IStrategy} from "../../contracts/interfaces/IStrategy.sol";
import {PushFeed} from "../../contracts/oracle/PushFeed.sol";
import {RateFeed} from "../../contracts/oracle/RateFeed.sol";
import {CdpCarry} from "../../contracts/vault/CdpCarry.sol";
import {HedgedVault} from "../../contracts/vault/HedgedVault.sol";
import {LendingSystem} from "./LendingSystem.sol";
import {VaultSettingsOfTests} from "./VaultSystem.sol";

/// @dev Carry on ETH at 200: locked at a ratio of 2, the Dollars lent against GOLD. The spot pool is deep and its fee
/// is 0.3 %. A rebalance is due below a ratio of 1.8 and above 2.3; liquidation is at 1.5, the minimum 1.6.
abstract contract CarrySystem is LendingSystem, VaultSettingsOfTests {
    HedgedVault internal vault;
    CdpCarry internal carry;
    address internal keeper = address(0x6EE9E6);

    function deployCarry(uint256 loopShare) internal {
        deploySystem();
        engine.setStabilityFee(ETH, 0);
        engine.setDebtLimits(ETH, 1e30, 100e18);
        deployPool(ETH, 100_000e18, 20_000_000e18);
        deployLending(50_000e18);
        vault = newVault(address(tokenOf[ETH]));
        carry = new CdpCarry(address(vault), engine, ETH, dollar, lending, pool, 0.005e18, 2e18, loopShare);
        vault.setStrategy(carry);
        IHedgedVault.Triggers memory t = triggersOfTest();
        (t.marginFloor, t.marginCeiling, t.idleBand) = (1.8e18, 2.3e18, 0);
        vault.setTriggers(t);
        tokenOf[ETH].mint(alice, 1_000e18);
        vm.prank(alice);
        tokenOf[ETH].approve(address(vault), type(uint256).max);
    }

    function enter(uint256 amount) internal {
        vm.prank(alice);
        vault.deposit(amount, alice);
        skip(1 hours);
        rebalance();
    }

    function rebalance() internal returns (IHedgedVault.Rebalanced memory) {
        vm.prank(keeper);
        return vault.rebalance("");
    }

    /// @dev The pool follows the feed, as arbitrageurs would have it.
    function movePrice(uint256 price) internal {
        setPrice(ETH, price);
        (uint256 r0, uint256 r1) = pool.reserves();
        (uint256 eth, uint256 dollars) = pool.token0() == address(dollar) ? (r1, r0) : (r0, r1);
        address arbitrageur = address(0xA4B);
        for (uint256 i; i < 3; ++i) {
            (r0, r1) = pool.reserves();
            (eth, dollars) = pool.token0() == address(dollar) ? (r1, r0) : (r0, r1);
            uint256 wanted = sqrt(eth * dollars / price); // ETH in the pool at that price
            vm.startPrank(arbitrageur);
            tokenOf[ETH].approve(address(pool), type(uint256).max);
            dollar.approve(address(pool), type(uint256).max);
            vm.stopPrank();
            if (wanted > eth + 1e12) {
                tokenOf[ETH].mint(arbitrageur, wanted - eth);
                vm.prank(arbitrageur);
                pool.swap(address(tokenOf[ETH]), wanted - eth, 0, arbitrageur);
            } else if (wanted + 1e12 < eth) {
                uint256 needed = dollars * (eth - wanted) / wanted;
                giveDollars(arbitrageur, needed + 1_000e18);
                vm.prank(arbitrageur);
                pool.swap(address(dollar), needed, 0, arbitrageur);
            }
        }
    }

    function sqrt(uint256 x) internal pure returns (uint256 y) {
        y = x;
        for (uint256 z = x / 2 + 1; z < y;) {
            (y, z) = (z, (x / z + z) / 2);
        }
    }
}

contract StrategyCarryTest is CarrySystem {
    function setUp() public {
        deployCarry(0);
        enter(100e18);
    }

    function ratio() private view returns (uint256) {
        return engine.ratioOf(ETH, address(carry));
    }

    function test_it_locks_all_draws_to_its_ratio_and_lends_what_it_drew() public view {
        equal(collateralOf(ETH, address(carry)), 100e18, "locked");
        equal(engine.debtOf(ETH, address(carry)), 10_000e18, "drawn");
        near(lending.maxWithdraw(address(carry)), 10_000e18, 2, "lent");
        near(carry.totalValue(), 100e18, 10, "value");
        (int256 delta,,) = vault.exposure();
        check(delta >= 0 && delta < 1e9, "delta in the asset");
    }

    /// @dev Value in the asset does not follow its price.
    function testFuzz_what_is_drawn_and_lent_leaves_no_delta(uint256 price) public {
        setPrice(ETH, within(price, 20, 2_000));
        near(carry.totalValue(), 100e18, 100, "value");
        near(vault.totalAssets(), 100e18, 100, "assets");
    }

    function test_carry_is_earned_in_the_asset() public {
        borrow(carol, 60e18, 48_000e18); // 80 % of 60,000, at the kink: 10 %, of which lenders get 7.2 %
        skip(365 days);
        feedOf[ETH].report(200e8);
        near(vault.totalAssets(), 103.6e18, 0.001e18, "7.2 % on half the collateral");
    }

    function test_what_carry_earned_becomes_collateral_at_the_next_rebalance() public {
        borrow(carol, 60e18, 48_000e18);
        skip(365 days);
        rebalance(); // its delta is negative by what was earned
        near(uint256(carry.marginRatio()), 2e18, 0.001e18, "ratio");
        check(collateralOf(ETH, address(carry)) > 103.5e18, "it was bought and locked");
        int256 delta = vault.relativeDelta();
        check(delta < 0.001e18 && delta > -0.001e18, "delta");
    }

    function test_a_fall_is_answered_with_what_was_lent() public {
        setPrice(ETH, 170); // 1.7
        (bool due, IHedgedVault.Reason reason) = vault.rebalanceDue();
        check(due && reason == IHedgedVault.Reason.Margin, "due at once");
        rebalance();
        near(ratio(), 2e18, 1e12, "back at its ratio");
        near(vault.totalAssets(), 100e18, 1e6, "nothing was sold, nothing lost");
    }

    function test_a_rise_puts_more_to_work() public {
        movePrice(240); // 2.4
        skip(1 hours);
        rebalance();
        near(ratio(), 2e18, 1e12, "ratio");
        equal(engine.debtOf(ETH, address(carry)), 12_000e18, "drawn");
    }

    /// @dev The keeper does nothing and the engine liquidates: the vault shows what is left.
    function test_a_liquidation_that_nobody_prevented_is_a_loss_of_its_bonus() public {
        setPrice(ETH, 149);
        giveDollars(bob, 20_000e18);
        vm.prank(bob);
        engine.liquidate(ETH, address(carry), type(uint256).max, "");
        // half the debt is repaid with a tenth on top: 500 / 149
        near(vault.totalAssets(), 100e18 - uint256(500e18) / 149, 1e6, "assets");
    }

    // ----------------------------------------------------------------- unwinding

    function testFuzz_it_unwinds_at_its_ratio_while_the_lending_pool_pays(uint256 part) public {
        part = within(part, 1e12, 49e18);
        equal(vault.maxWithdraw(alice), vault.previewRedeem(vault.balanceOf(alice)), "all is liquid");
        vm.prank(alice);
        vault.withdraw(part, alice, alice);
        near(ratio(), 2e18, 1e9, "ratio");
        near(vault.totalAssets(), 100e18 - part, 100, "assets");
    }

    function test_all_can_leave() public {
        uint256 all = vault.balanceOf(alice);
        vm.prank(alice);
        uint256 got = vault.redeem(all, alice, alice);
        near(got, 100e18, 10, "out");
        equal(engine.debtOf(ETH, address(carry)), 0, "debt");
        check(carry.totalValue() <= 10, "next to nothing is left");
    }

    /// @dev The lending pool is emptied: carry is stuck, withdrawals wait, and a fall is answered by selling.
    function test_39_a_frozen_lending_pool_makes_it_illiquid() public {
        borrow(carol, 120e18, 60_000e18);
        equal(vault.maxWithdraw(alice), 0, "nothing is liquid");
        uint256 shares = vault.balanceOf(alice) / 2;
        vm.prank(alice);
        vault.requestRedeem(shares, alice, alice);
        (bool due,) = vault.rebalanceDue();
        check(!due, "nothing can be done for who waits");
        vm.prank(carol);
        lending.adjust(carol, 0, -30_000e18);
        skip(1 hours);
        rebalance();
        near(vault.settle(1), 50e18, 0.001e18, "once somebody repays");
    }

    function test_a_fall_while_lending_is_frozen_is_answered_by_selling_collateral() public {
        borrow(carol, 120e18, 60_000e18);
        movePrice(155); // 1.55, below the minimum of 1.6
        uint256 before = vault.totalAssets();
        IHedgedVault.Rebalanced memory r = rebalance();
        check(r.reason == IHedgedVault.Reason.Margin, "reason");
        near(ratio(), 2e18, 0.02e18, "back at its ratio");
        check(r.deltaAfter < 0, "short by what is stuck");
        check(before - vault.totalAssets() <= r.traded / 100 + 100, "within the bound");
        engine.accrue(ETH);
    }

    // ------------------------------------------------------------------ attacks

    function test_only_the_vault_moves_it() public {
        vm.startPrank(bob);
        vm.expectRevert(abi.encodeWithSelector(IStrategy.NotVault.selector, bob));
        carry.unwind(1);
        vm.expectRevert(abi.encodeWithSelector(IStrategy.NotVault.selector, bob));
        carry.rebalance(0, "");
        vm.expectRevert(abi.encodeWithSelector(IStrategy.NotVault.selector, bob));
        carry.deploy(1);
        vm.expectRevert(abi.encodeWithSelector(CdpCarry.NotFlashLender.selector, bob, bob));
        carry.onFlashLoan(bob, address(dollar), 1, 0, abi.encode(true, 1));
        vm.stopPrank();
    }

    function test_a_flash_loan_of_somebody_else_cannot_move_it() public {
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(CdpCarry.NotFlashLender.selector, address(dollar), bob));
        dollar.flashLoan(carry, address(dollar), 1_000e18, abi.encode(true, 1e18));
    }

    function test_a_gift_of_collateral_or_repayment_counts_for_all() public {
        fund(ETH, bob, 10e18);
        vm.prank(bob);
        engine.adjust(ETH, address(carry), 10e18, 0);
        near(vault.totalAssets(), 110e18, 100, "assets");
        (bool due, IHedgedVault.Reason reason) = vault.rebalanceDue();
        check(!due || reason != IHedgedVault.Reason.Delta, "no delta of it");
    }
}

/// @dev Half of what is drawn buys more: debt is equity / (2 - 1/2), so 66.7 % of equity, and delta a third.
contract StrategyLoopTest is CarrySystem {
    function setUp() public {
        deployCarry(0.5e18);
        enter(100e18);
    }

    function test_a_loop_reaches_its_ratio_and_its_delta_in_one_step() public view {
        near(engine.ratioOf(ETH, address(carry)), 2e18, 0.01e18, "ratio");
        equal(uint256(carry.targetDelta()), uint256(0.5e36) / 1.5e18, "target");
        (int256 delta,,) = vault.exposure();
        near(uint256(delta), 33.3e18, 0.3e18, "delta");
        check(vault.totalAssets() > 99.85e18, "the pool's fee on a third");
    }

    /// @dev delta is what a price move does, measured.
    function testFuzz_delta_is_the_slope_of_value(uint256 move) public {
        (int256 delta,,) = vault.exposure();
        uint256 before = vault.totalAssets();
        uint256 price = within(move, 199_000, 201_000);
        feedOf[ETH].report(int256(price * 1e5));
        int256 gain = int256(vault.totalAssets()) - int256(before);
        int256 expected = delta * (int256(price) - 200_000) / int256(price); // in an asset worth more
        int256 off = gain - expected;
        check(off < 1e6 && off > -1e6, "slope");
    }

    function test_a_fall_below_the_minimum_is_unwound_by_selling() public {
        movePrice(155);
        check(engine.ratioOf(ETH, address(carry)) < 1.6e18, "below the minimum");
        rebalance();
        near(engine.ratioOf(ETH, address(carry)), 2e18, 0.02e18, "back at its ratio");
        int256 delta = vault.relativeDelta();
        check(delta < 0.01e18 && delta > -0.01e18, "delta at its target");
    }

    function testFuzz_it_unwinds_what_is_asked_at_its_ratio(uint256 part) public {
        part = within(part, 1e12, 40e18);
        uint256 before = vault.totalAssets();
        vm.prank(alice);
        vault.withdraw(part, alice, alice);
        near(engine.ratioOf(ETH, address(carry)), 2e18, 0.05e18, "ratio");
        check(before - part - vault.totalAssets() <= part / 100 + 100, "within the bound");
    }

    function test_all_of_a_loop_can_be_unwound() public {
        uint256 most = vault.maxRedeem(alice);
        check(most > vault.balanceOf(alice) * 995 / 1000, "nearly all is liquid");
        vm.prank(alice);
        vault.redeem(most, alice, alice);
        check(tokenOf[ETH].balanceOf(alice) > 999e18, "out");
        check(vault.maxRedeem(alice) + 1e25 >= vault.balanceOf(alice), "the rest follows");
    }

    function test_39_a_shallow_pool_makes_a_loop_illiquid() public {
        address depositor = address(0xDE9);
        uint256 most = pool.balanceOf(depositor) * 9999 / 10_000;
        vm.prank(depositor);
        pool.removeLiquidity(most, depositor); // 10 ETH are left, and 33 would have to be sold
        check(vault.maxWithdraw(alice) < 1e18, "liquid");
    }

    /// @dev A pool pushed before the rebalance gives a bad price; the bound refuses it.
    function test_a_sandwiched_loop_is_refused() public {
        movePrice(155);
        tokenOf[ETH].mint(bob, 5_000e18);
        vm.startPrank(bob);
        tokenOf[ETH].approve(address(pool), type(uint256).max);
        pool.swap(address(tokenOf[ETH]), 5_000e18, 0, bob);
        vm.stopPrank();
        vm.prank(keeper);
        try vault.rebalance("") {
            check(false, "it sold at any price");
        } catch (bytes memory reason) {
            check(bytes4(reason) == IHedgedVault.Slippage.selector, "another error");
        }
    }

    function test_a_flash_fee_is_paid_and_bounded() public {
        dollar.setFlashFee(0.001e18, address(0xFEE));
        movePrice(155);
        rebalance();
        check(dollar.balanceOf(address(0xFEE)) > 0, "paid");
        near(engine.ratioOf(ETH, address(carry)), 2e18, 0.02e18, "ratio");
    }
}

/// @dev Collateral that earns: its price is the underlying's times an exchange rate.
contract StrategyCarryYieldTest is CarrySystem {
    function test_a_yield_bearing_collateral_earns_beside_the_carry() public {
        deployCarry(0.5e18);
        PushFeed rate = new PushFeed(address(this), address(this), 18, "LST / ETH");
        rate.report(1e18);
        engine.setFeed(ETH, address(new RateFeed(feedOf[ETH], rate, 0.1e18, 0)));
        enter(100e18);
        uint256 before = vault.totalAssets();
        skip(365 days);
        rate.report(1.05e18);
        feedOf[ETH].report(200e8);
        near(carry.referencePrice(), 210e18, 1, "price");
        // a third more collateral than equity, at 5 %, counted in what earns it
        check(vault.totalAssets() > before, "the loop earned more than its asset");
        check(carry.isLive(), "live");
    }
}
