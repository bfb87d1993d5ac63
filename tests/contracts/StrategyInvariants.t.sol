// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IHedgedVault} from "../../contracts/interfaces/IHedgedVault.sol";
import {IPerpMarket} from "../../contracts/interfaces/IPerpMarket.sol";
import {HedgeSystem} from "./HedgeSystem.sol";

/// @dev A vault in the basis trade on the real market, among traders, liquidators, price moves, funding and people who
/// come and go.
contract HedgeStorm is HedgeSystem {
    address[2] private traders = [address(0x77), address(0x78)];
    mapping(bytes32 action => uint256) public done;
    uint256 private price = 2_000e18;

    constructor() {
        deployMarkets(0.0005e18, 100_000e18);
        IPerpMarket.FundingConfig memory f = noFunding();
        (f.maxRate, f.interest, f.clamp) = (0.1e18, 0.0001e18, 0.0005e18);
        market.setFunding(f);
        deployDeltaNeutral();
        IHedgedVault.Limits memory l = vault.limits();
        l.exitFee = 0.01e18;
        vault.setLimits(l);
        IHedgedVault.Execution memory e = vault.execution();
        (e.tip, e.buffer) = (1e18, 0.01e18);
        vault.setExecution(e);
        for (uint256 i; i < 2; ++i) {
            fund(traders[i], 100_000_000e18);
            vm.prank(traders[i]);
            market.deposit(traders[i], 50_000_000e18);
        }
        vm.prank(alice);
        vault.deposit(50_000e18, alice);
    }

    function enter(uint256 who, uint256 amount) external {
        address user = who % 2 == 0 ? alice : bob;
        amount = within(amount, 1e18, 50_000e18);
        if (amount > vault.maxDeposit(user) || amount > dollar.balanceOf(user)) return;
        vm.prank(user);
        vault.deposit(amount, user);
        ++done["enter"];
    }

    function leave(uint256 who, uint256 amount) external {
        address user = who % 2 == 0 ? alice : bob;
        uint256 most = vault.maxWithdraw(user);
        if (most < 1e12) return;
        uint256 sharePrice = vault.sharePrice();
        uint256 supply = vault.totalSupply();
        amount = within(amount, 1e12, most);
        vm.prank(user);
        try vault.withdraw(amount, user, user) {
            ++done["leave"];
            // where hardly anybody stays the cost of the last position has nobody to share it
            bool few = vault.totalSupply() < supply / 5;
            check(few || vault.sharePrice() >= sharePrice * 999 / 1000, "39: those who stay paid");
        } catch (bytes memory why) {
            if (bytes4(why) != IHedgedVault.Slippage.selector) bubble(why);
        }
    }

    function wait(uint256 who, uint256 part) external {
        address user = who % 2 == 0 ? alice : bob;
        uint256 shares = within(part, 0, vault.balanceOf(user));
        if (vault.previewRedeem(shares) == 0) return;
        vm.prank(user);
        vault.requestRedeem(shares, user, user);
        vault.settle(5);
        ++done["wait"];
    }

    function move(uint256 factor, uint256 elapsed) external {
        vm.warp(block.timestamp + within(elapsed, 1 minutes, 8 hours));
        uint256 next = price * within(factor, 85, 122) / 100;
        price = next < 500e18 || next > 8_000e18 ? 2_000e18 : next;
        movePrice(price);
        market.accrueFunding();
        try market.liquidate(address(hedge)) {
            ++done["liquidated"];
        } catch {}
    }

    function trade(uint256 who, uint256 size) external {
        int256 change = int256(within(size, 0, 400e18)) - 200e18;
        vm.prank(traders[who % 2]);
        try market.trade(change, change > 0 ? type(uint256).max : 0) {
            ++done["trade"];
        } catch {}
    }

    function balance(uint256 route) external {
        (bool due, IHedgedVault.Reason reason) = vault.rebalanceDue();
        vm.prank(keeper);
        try vault.rebalance(route % 4 == 0 ? abi.encode(route % 1e18) : bytes("")) returns (
            IHedgedVault.Rebalanced memory r
        ) {
            check(due && r.reason == reason, "it was not due");
            bool saved = r.reason == IHedgedVault.Reason.Margin;
            check(drift() <= 0.01e18 || saved, "40: delta is outside the band");
            check(r.valueBefore <= r.valueAfter + r.traded / 100 + 100, "40: lost more than the bound");
            ++done["rebalance"];
        } catch (bytes memory why) {
            bytes4 fault = bytes4(why);
            bool market_ = fault == IPerpMarket.InsufficientMargin.selector
                || fault == IPerpMarket.InsufficientLiquidity.selector || fault == IHedgedVault.Slippage.selector
                || fault == IHedgedVault.DeltaOutsideBand.selector;
            if (due && !market_) bubble(why);
            if (due) ++done["refused"];
        }
    }

    /// @dev An unexpected error is shown as it is.
    function bubble(bytes memory why) private pure {
        assembly ("memory-safe") {
            revert(add(why, 32), mload(why))
        }
    }

    function requireBooks() external view {
        uint256 claims = vault.claimable(alice) + vault.claimable(bob);
        equal(dollar.balanceOf(address(vault)), vault.idle() + claims, "45: held is idle and set aside");
        check(vault.totalAssets() <= vault.idle() + hedge.totalValue(), "45: more is owned than there is");
        equal(vault.balanceOf(address(vault)), vault.queuedShares(), "45: shares held are those that wait");
    }
}

contract StrategyInvariantsTest is HedgeSystem {
    HedgeStorm private storm;

    function setUp() public {
        storm = new HedgeStorm();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(storm);
    }

    function invariant_39_40_45_hold_on_the_real_market() public view {
        storm.requireBooks();
    }

    function test_the_storm_reaches_every_action() public {
        for (uint256 i; i < 800; ++i) {
            uint256 seed = uint256(keccak256(abi.encode(i)));
            (uint256 a, uint256 b) = (seed >> 8, seed >> 130);
            uint256 kind = seed % 9;
            if (kind == 0) storm.enter(a, b);
            else if (kind == 1) storm.leave(a, b);
            else if (kind == 2) storm.wait(a, b);
            else if (kind <= 4) storm.move(a, b);
            else if (kind == 5) storm.trade(a, b);
            else storm.balance(a);
            storm.requireBooks();
        }
        check(storm.done("rebalance") > 10 * storm.done("refused"), "mostly refused");
        bytes32[6] memory actions = [bytes32("enter"), "leave", "wait", "trade", "rebalance", "liquidated"];
        for (uint256 i; i < 6; ++i) {
            check(storm.done(actions[i]) >= 2, string(abi.encodePacked("never reached: ", actions[i])));
        }
    }
}
