// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IHedgedVault} from "../../contracts/interfaces/IHedgedVault.sol";
import {HedgedVault} from "../../contracts/vault/HedgedVault.sol";
import {VaultSystem} from "./VaultSystem.sol";

/// @dev When a rebalance is due, where it goes, what it may cost. 1,000 of net assets, all at work.
contract VaultRebalanceTest is VaultSystem {
    function setUp() public {
        deployVault(18);
        deposit(alice, 1_000e18);
        putToWork();
        skip(1 hours);
    }

    function triggers(IHedgedVault.Triggers memory t) private {
        vault.setTriggers(t);
    }

    function requireDue(IHedgedVault.Reason expected) private view {
        (bool due, IHedgedVault.Reason reason) = vault.rebalanceDue();
        equal(uint256(reason), uint256(expected), "reason");
        check(due == (expected != IHedgedVault.Reason.None), "due");
    }

    function requireSlippage(uint256 got, uint256 min) private {
        vm.prank(keeper);
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.Slippage.selector, got, min));
        vault.rebalance("");
    }

    // -------------------------------------------------------------------- due

    function test_it_is_not_due_inside_the_band() public {
        strategy.setDelta(10e18);
        requireDue(IHedgedVault.Reason.None);
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.RebalanceNotDue.selector, int256(0.01e18), 0.01e18));
        vault.rebalance("");
        strategy.setDelta(-10e18 - 1e4);
        requireDue(IHedgedVault.Reason.Delta);
    }

    function test_the_band_is_around_the_target() public {
        strategy.setTarget(0.5e18);
        strategy.setDelta(505e18);
        requireDue(IHedgedVault.Reason.None);
        strategy.setDelta(511e18);
        equal(uint256(vault.relativeDelta()), 0.011e18, "relative");
        IHedgedVault.Rebalanced memory r = rebalance();
        equal(uint256(r.deltaBefore), 11e18, "from the target");
        check(strategy.delta() == 500e18, "at the target");
    }

    function test_it_is_due_by_a_price_move_either_way() public {
        IHedgedVault.Triggers memory t = triggersOfTest();
        t.priceMove = 0.05e18;
        triggers(t);
        strategy.setPrice(1.0499e18);
        requireDue(IHedgedVault.Reason.None);
        strategy.setPrice(1.05e18);
        requireDue(IHedgedVault.Reason.Price);
        strategy.setPrice(0.95e18);
        requireDue(IHedgedVault.Reason.Price);
        rebalance();
        skip(1 hours);
        requireDue(IHedgedVault.Reason.None); // counted from there
    }

    function test_it_is_due_by_time() public {
        IHedgedVault.Triggers memory t = triggersOfTest();
        t.interval = 2 hours;
        triggers(t);
        requireDue(IHedgedVault.Reason.None);
        skip(1 hours);
        requireDue(IHedgedVault.Reason.Time);
        rebalance();
        skip(2 hours - 1);
        requireDue(IHedgedVault.Reason.None);
        skip(1);
        requireDue(IHedgedVault.Reason.Time);
    }

    function test_it_is_due_by_the_margin_ratio_and_that_does_not_wait() public {
        IHedgedVault.Triggers memory t = triggersOfTest();
        (t.marginFloor, t.marginCeiling) = (1.5e18, 3e18);
        triggers(t);
        strategy.setMargin(1.5e18);
        requireDue(IHedgedVault.Reason.None);
        strategy.setMargin(1.5e18 - 1);
        requireDue(IHedgedVault.Reason.Margin);
        rebalance();
        requireDue(IHedgedVault.Reason.None);
        strategy.setMargin(1.4e18);
        requireDue(IHedgedVault.Reason.Margin); // within the cooldown
        rebalance();
        strategy.setMargin(3e18 + 1); // too safe, which can wait
        (bool due, IHedgedVault.Reason reason) = vault.rebalanceDue();
        check(!due && reason == IHedgedVault.Reason.Excess, "it waits for the cooldown");
        skip(10 minutes);
        requireDue(IHedgedVault.Reason.Excess);
    }

    function test_it_is_due_by_what_lies_idle() public {
        IHedgedVault.Triggers memory t = triggersOfTest();
        t.idleBand = 0.1e18;
        triggers(t);
        deposit(bob, 100e18);
        requireDue(IHedgedVault.Reason.None);
        deposit(bob, 20e18);
        requireDue(IHedgedVault.Reason.Idle);
        rebalance();
        equal(vault.idle(), 0, "put to work");
        equal(token.balanceOf(address(strategy)), 1_120e18, "all of it");
    }

    function test_the_buffer_stays_idle() public {
        IHedgedVault.Execution memory e = executionOfTest();
        e.buffer = 0.1e18;
        vault.setExecution(e);
        IHedgedVault.Triggers memory t = triggersOfTest();
        t.idleBand = 0;
        triggers(t);
        deposit(bob, 1_000e18);
        rebalance();
        equal(vault.idle(), 200e18, "a tenth of 2,000");
    }

    function test_it_is_not_due_while_the_market_is_paused_or_its_price_stale() public {
        strategy.setDelta(100e18);
        strategy.setLive(false);
        requireDue(IHedgedVault.Reason.None);
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.NotLive.selector));
        vault.rebalance("");
    }

    // --------------------------------------------------------- keepers and spam

    function test_it_waits_for_the_cooldown() public {
        strategy.setDelta(100e18);
        rebalance();
        uint256 until = block.timestamp + 10 minutes;
        strategy.setDelta(100e18);
        (bool due, IHedgedVault.Reason reason) = vault.rebalanceDue();
        check(!due && reason == IHedgedVault.Reason.Delta, "it will be");
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.Cooldown.selector, until));
        vault.rebalance("");
        vm.warp(until);
        rebalance();
    }

    function test_a_keeper_gets_a_tip_for_what_was_due_and_nothing_for_spam() public {
        IHedgedVault.Execution memory e = executionOfTest();
        e.tip = 0.5e18;
        vault.setExecution(e);
        deposit(alice, 10e18);
        strategy.setDelta(100e18);
        IHedgedVault.Rebalanced memory r = rebalance();
        equal(r.tip, 0.5e18, "told");
        equal(token.balanceOf(keeper), 0.5e18, "paid");
        for (uint256 i; i < 10; ++i) {
            vm.prank(keeper);
            try vault.rebalance("") {
                check(false, "spam went through");
            } catch {}
        }
        equal(token.balanceOf(keeper), 0.5e18, "no more");
    }

    function test_a_tip_is_a_thousandth_of_net_assets_at_most() public {
        IHedgedVault.Execution memory e = executionOfTest();
        e.tip = 100e18;
        vault.setExecution(e);
        deposit(alice, 10e18);
        strategy.setDelta(100e18);
        rebalance();
        equal(token.balanceOf(keeper), 1.01e18, "a thousandth of 1,010");
    }

    // ------------------------------------------------------------------- where

    function test_40_it_goes_to_the_target_or_to_the_edge() public {
        strategy.setDelta(30e18);
        rebalance();
        check(strategy.delta() == 0, "target");
        IHedgedVault.Execution memory e = executionOfTest();
        e.rebalanceTo = IHedgedVault.RebalanceTo.Edge;
        vault.setExecution(e);
        skip(1 hours);
        strategy.setDelta(-30e18);
        rebalance();
        // 10 less the hundredth that the trade may cost
        near(uint256(-strategy.delta()), 9.9e18, 1e14, "edge");
        skip(1 hours);
        strategy.setDelta(30e18);
        rebalance();
        near(uint256(strategy.delta()), 9.9e18, 1e14, "the other edge");
    }

    function testFuzz_40_delta_is_inside_the_band_afterwards(int128 delta, uint256 band, uint256 cost, bool edge)
        public
    {
        IHedgedVault.Triggers memory t = triggersOfTest();
        t.band = within(band, 1e9, 0.5e18);
        triggers(t);
        IHedgedVault.Execution memory e = executionOfTest();
        if (edge) e.rebalanceTo = IHedgedVault.RebalanceTo.Edge;
        vault.setExecution(e);
        strategy.setDelta(delta % 1_000e18);
        strategy.setCost(within(cost, 0, 0.01e18));
        (bool due,) = vault.rebalanceDue();
        if (!due) return;
        uint256 before = vault.totalAssets();
        IHedgedVault.Rebalanced memory r = rebalance();
        int256 after_ = vault.relativeDelta();
        check(after_ <= int256(t.band) && after_ >= -int256(t.band), "outside");
        check(before - vault.totalAssets() <= r.traded / 100 + 100, "lost more than the bound");
        if (!edge && r.valueAfter == r.valueBefore) check(after_ > -1e9 && after_ < 1e9, "a residual at no cost");
    }

    function test_40_a_strategy_that_does_not_move_is_refused() public {
        strategy.setDelta(30e18);
        strategy.setStubborn(true);
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.DeltaOutsideBand.selector, int256(0.03e18), 0.01e18));
        vault.rebalance("");
    }

    function test_40_slices_bring_delta_nearer_one_by_one() public {
        IHedgedVault.Execution memory e = executionOfTest();
        e.maxTrade = 0.2e18;
        vault.setExecution(e);
        strategy.setDelta(500e18);
        rebalance();
        near(uint256(strategy.delta()), 300e18, 1e6, "one slice");
        skip(1 hours);
        rebalance();
        near(uint256(strategy.delta()), 100e18, 1e6, "two");
        skip(1 hours);
        rebalance();
        check(strategy.delta() == 0, "the rest");
        strategy.setDelta(500e18);
        strategy.setStubborn(true);
        skip(1 hours);
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.DeltaOutsideBand.selector, int256(0.5e18), 0.01e18));
        vault.rebalance("");
    }

    function test_40_to_save_the_margin_comes_before_delta() public {
        IHedgedVault.Triggers memory t = triggersOfTest();
        t.marginFloor = 1.5e18;
        triggers(t);
        strategy.setDelta(30e18);
        strategy.setMargin(1.2e18);
        strategy.setStubborn(true);
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.DeltaOutsideBand.selector, int256(0.03e18), 0.01e18));
        vault.rebalance(""); // neither delta nor margin moved
    }

    // -------------------------------------------------------------------- cost

    function test_40_a_loss_past_the_bound_is_refused_with_both_numbers() public {
        strategy.setDelta(100e18);
        strategy.setCost(0.02e18); // 2 of the 100 traded, where 1 may be lost
        requireSlippage(998e18, 999e18 - 100);
        strategy.setCost(0.01e18);
        IHedgedVault.Rebalanced memory r = rebalance();
        equal(r.valueBefore - r.valueAfter, 1e18, "as much as may be");
    }

    function test_a_preview_is_what_happens_and_leaves_no_trace() public {
        strategy.setDelta(100e18);
        strategy.setCost(0.005e18);
        IHedgedVault.Rebalanced memory seen = vault.previewRebalance("");
        check(strategy.delta() == 100e18, "it left a trace");
        IHedgedVault.Rebalanced memory r = rebalance();
        equal(uint256(keccak256(abi.encode(seen))), uint256(keccak256(abi.encode(r))), "another outcome");
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.Cooldown.selector, block.timestamp + 10 minutes));
        this.previewAgain();
        vm.expectRevert(abi.encodeWithSelector(HedgedVault.NotSelf.selector, address(this)));
        vault.rebalanceAndRevert(address(this), "");
    }

    function previewAgain() external {
        strategy.setDelta(100e18);
        vault.previewRebalance("");
    }
}

/// @dev People come and go, wait and are settled, give and lie in wait; the strategy gains, loses, freezes and drifts.
contract VaultStorm is VaultSystem {
    address[3] private users = [address(0xA1), address(0xB2), address(0xC3)];
    mapping(bytes32 action => uint256) public done;
    uint256 private paidOut; // [asset units] fees and tips

    constructor() {
        deployVault(18);
        IHedgedVault.Limits memory l = limitsOfTest();
        (l.entryFee, l.exitFee, l.maxGrowth) = (0.002e18, 0.006e18, 0.2e18);
        vault.setLimits(l);
        IHedgedVault.Fees memory f = feesOfTest();
        (f.management, f.performance) = (0.02e18, 0.1e18);
        vault.setFees(f);
        IHedgedVault.Triggers memory t = triggersOfTest();
        (t.idleBand, t.interval) = (0.05e18, 2 days);
        vault.setTriggers(t);
        IHedgedVault.Execution memory e = executionOfTest();
        (e.tip, e.buffer, e.maxSlippage) = (0.1e18, 0.02e18, 0.005e18);
        vault.setExecution(e);
        for (uint256 i; i < 3; ++i) {
            give(users[i], 300_000e18);
        }
    }

    function enter(uint256 who, uint256 amount) external {
        address user = users[who % 3];
        uint256 most = vault.maxDeposit(user);
        amount = within(amount, 1e12, 50_000e18);
        if (amount > most || amount > token.balanceOf(user) || vault.previewDeposit(amount) == 0) return;
        uint256 price = vault.sharePrice();
        vm.prank(user);
        vault.deposit(amount, user);
        check(vault.sharePrice() + 1 >= price || vault.totalSupply() == 0, "37: a share lost by a deposit");
        ++done["enter"];
    }

    function leave(uint256 who, uint256 amount) external {
        address user = users[who % 3];
        uint256 most = vault.maxWithdraw(user);
        if (most == 0) return;
        uint256 value = gross();
        amount = within(amount, 1, most);
        vm.prank(user);
        try vault.withdraw(amount, user, user) {
            check(value - amount - gross() <= amount / 200 + 100, "40: unwound at too great a loss");
            ++done["leave"];
        } catch (bytes memory why) {
            check(bytes4(why) == IHedgedVault.Slippage.selector, "an unexpected error");
        }
    }

    function wait(uint256 who, uint256 part) external {
        address user = users[who % 3];
        uint256 shares = within(part, 0, vault.balanceOf(user));
        if (vault.previewRedeem(shares) == 0) return;
        vm.prank(user);
        vault.requestRedeem(shares, user, user);
        ++done["wait"];
    }

    function settle(uint256 most) external {
        if (vault.settle(most % 4) != 0) ++done["settle"];
        for (uint256 i; i < 3; ++i) {
            if (vault.claimable(users[i]) != 0) vault.claim(users[i]);
        }
    }

    function drift(int256 delta, uint256 cost, uint256 frozen) external {
        uint256 held = token.balanceOf(address(strategy));
        strategy.setDelta(delta % (int256(held / 2) + 1));
        strategy.setCost(within(cost, 0, 0.007e18));
        strategy.setFrozen(frozen % 3 == 0 ? held : 0);
        if (cost % 5 == 0) strategy.lose(held / 50);
        else if (cost % 5 == 1) strategy.gain(held / 100);
        skip(within(cost >> 128, 1 minutes, 1 days));
    }

    function balance(bool preview) external {
        (bool due, IHedgedVault.Reason reason) = vault.rebalanceDue();
        if (preview && due) {
            try vault.previewRebalance("") {} catch {}
        }
        vm.prank(keeper);
        try vault.rebalance("") returns (IHedgedVault.Rebalanced memory r) {
            check(due && r.reason == reason, "it was not due");
            int256 delta = vault.relativeDelta();
            check(delta <= 0.01e18 && delta >= -0.01e18, "40: delta is outside the band");
            check(r.valueBefore <= r.valueAfter + r.traded / 200 + 100, "40: lost more than the bound");
            ++done["rebalance"];
        } catch (bytes memory why) {
            bytes4 fault = bytes4(why);
            check(!due || fault == IHedgedVault.Slippage.selector, "due and refused");
            if (fault == IHedgedVault.Slippage.selector) ++done["slippage"];
        }
    }

    function collect() external {
        vault.payFees();
        ++done["collect"];
    }

    function gross() private view returns (uint256) {
        return vault.idle() + strategy.totalValue();
    }

    function requireBooks() external view {
        uint256 claims;
        for (uint256 i; i < 3; ++i) {
            claims += vault.claimable(users[i]);
        }
        equal(token.balanceOf(address(vault)), vault.idle() + claims, "45: held is idle and set aside");
        equal(vault.balanceOf(address(vault)), vault.queuedShares(), "45: shares held are those that wait");
        check(vault.totalAssets() + vault.feesOwed() <= gross() + 1, "45: more is owned than there is");
        if (gross() >= 1e18) {
            check(vault.totalAssets() + vault.feesOwed() + 1 >= gross() || vault.isCapped(), "45: lost");
        }
    }
}

contract VaultInvariantsTest is VaultSystem {
    VaultStorm private storm;

    function setUp() public {
        storm = new VaultStorm();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(storm);
    }

    function invariant_45_what_is_held_is_idle_or_set_aside_and_all_is_owned() public view {
        storm.requireBooks();
    }

    function invariant_37_40_hold_around_every_action() public view {
        check(address(storm) != address(0), "the storm checks them itself and reverts");
    }

    function test_the_storm_reaches_every_action() public {
        for (uint256 i; i < 1500; ++i) {
            uint256 seed = uint256(keccak256(abi.encode(i)));
            (uint256 a, uint256 b, uint256 c) = (seed >> 8, seed >> 80, seed >> 160);
            uint256 kind = seed % 9;
            if (kind <= 1) storm.enter(a, b);
            else if (kind == 2) storm.leave(a, b);
            else if (kind == 3) storm.wait(a, b);
            else if (kind == 4) storm.settle(a);
            else if (kind == 5) storm.drift(int256(seed), b, c);
            else if (kind <= 7) storm.balance(a % 2 == 0);
            else storm.collect();
            storm.requireBooks();
        }
        bytes32[7] memory actions = [bytes32("enter"), "leave", "wait", "settle", "rebalance", "slippage", "collect"];
        for (uint256 i; i < 7; ++i) {
            check(storm.done(actions[i]) >= 3, string(abi.encodePacked("never reached: ", actions[i])));
        }
    }
}
