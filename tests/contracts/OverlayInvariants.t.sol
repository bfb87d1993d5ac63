// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IHedgedVault} from "../../contracts/interfaces/IHedgedVault.sol";
import {IOverlay} from "../../contracts/interfaces/IOverlay.sol";
import {OverlaySystem} from "./OverlaySystem.sol";

/// @dev A vault with a collar among price moves, people who come and go, others who settle for it, and expiries.
contract OverlayStorm is OverlaySystem {
    mapping(bytes32 action => uint256) public done;
    uint256 private price = PRICE;

    constructor() {
        deployMarkets();
        IOverlay.Rolls memory r = rollsOfTest();
        r.placeRoom = 0.2e18;
        deployOverlay(zeroCostCollar(), shapeOfTest(), r);
        enter(alice, 100_000e18);
    }

    function come(uint256 who, uint256 amount) external {
        amount = within(amount, 1_000e18, 50_000e18);
        address user = who % 2 == 0 ? alice : bob;
        report();
        if (vault.maxDeposit(user) < amount || vault.totalAssets() > 1_000_000e18) return;
        (uint256 before, bool small) = (floorAtWork(), isSmall());
        enterWithout(user, amount);
        skip(11 minutes);
        report();
        if (!tryRebalance()) return;
        check(small || floorOfShare() >= before * 99 / 100, "60: who came lowered the floor");
        ++done["come"];
    }

    function go(uint256 who, uint256 amount) external {
        address user = who % 2 == 0 ? alice : bob;
        report();
        uint256 most = vault.maxWithdraw(user);
        if (most < 1_000e18) return;
        amount = within(amount, 100e18, most * 9 / 10);
        (uint256 before, bool small) = (floorOfShare(), isSmall());
        vm.prank(user);
        try vault.withdraw(amount, user, user) {
            check(small || isSmall() || floorOfShare() >= before * 98 / 100, "60: who went lowered the floor");
            ++done["go"];
        } catch (bytes memory why) {
            if (bytes4(why) != IHedgedVault.Slippage.selector) bubble(why);
            ++done["refused"];
        }
    }

    function move(uint256 factor, uint256 elapsed) external {
        uint256 until = block.timestamp + within(elapsed, 10 minutes, 5 days);
        step(factor);
        if (until >= expiry - 11 minutes) return endMonth(elapsed);
        moveTo(until, price);
        tryRebalance();
        ++done["move"];
    }

    function endMonth(uint256 settler) private {
        report();
        uint256 floor = overlay.floor() + vault.idle();
        uint256 unpaid = market.unpaidTotal();
        reachExpiry(price);
        if (settler % 3 == 0) {
            (uint256[] memory ids, int256[] memory sizes) = overlay.held();
            for (uint256 i; i < ids.length; ++i) {
                if (sizes[i] != 0) market.settle(address(overlay), ids[i]);
            }
        }
        unpaid = market.unpaidTotal() - unpaid;
        check(vault.totalAssets() + unpaid + 1e6 >= floor, "61: fell through the floor");
        skip(11 minutes);
        report();
        check(tryRebalance(), "not rolled");
        ++done["expire"];
    }

    function step(uint256 factor) private {
        uint256 next = price * within(factor, 90, 111) / 100;
        price = next < 1_000e18 || next > 5_000e18 ? PRICE : next;
    }

    function report() private {
        moveTo(block.timestamp, price);
    }

    function enterWithout(address who, uint256 amount) private {
        give(who, amount);
        vm.startPrank(who);
        dollar.approve(address(vault), ANY);
        vault.deposit(amount, who);
        vm.stopPrank();
    }

    function tryRebalance() private returns (bool) {
        (bool due,) = vault.rebalanceDue();
        if (!due) return false;
        IHedgedVault.Rebalanced memory r = rebalance("");
        check(r.valueBefore <= r.valueAfter + r.traded / 100 + 100, "40: lost more than the bound");
        return true;
    }

    /// @dev Where a put that is too small to be traded is a part of the whole that one sees.
    function isSmall() private view returns (bool) {
        return vault.totalAssets() < 10_000e18;
    }

    /// @dev [ray] The same with what waits put to work as the rest is, for who comes may be the one that makes this due.
    function floorAtWork() private view returns (uint256) {
        uint256 money = dollar.balanceOf(address(overlay));
        int256 cash = market.cashOf(address(overlay));
        if (cash > 0) money += uint256(cash);
        (uint256 floor, uint256 value) = (overlay.floor(), overlay.totalValue());
        if (value <= money || floor <= money) return 0;
        uint256 working = (floor - money) * vault.totalAssets() / (value - money) * RAY / vault.totalSupply();
        uint256 now_ = floorOfShare();
        return working < now_ ? working : now_;
    }

    /// @dev [ray] What each share is left with at the worst price.
    function floorOfShare() private view returns (uint256) {
        return (overlay.floor() + vault.idle()) * RAY / vault.totalSupply();
    }

    function bubble(bytes memory why) private pure {
        assembly ("memory-safe") {
            revert(add(why, 32), mload(why))
        }
    }

    function requireBooks() external view {
        (uint256[] memory ids, int256[] memory sizes) = overlay.held();
        uint256 spot = spotHeld();
        check(sizes[1] <= 0 && uint256(-sizes[1]) <= spot + 1, "calls beyond spot");
        equal(market.positionOf(address(overlay), ids[1]).collateral, 0, "calls are covered");
        check(
            sizes[0] >= 0 && uint256(sizes[0]) + 0.02e18 >= spot * 98 / 100 || ids[0] >> 136 <= block.timestamp, "puts"
        );
        check(market.cashOf(address(overlay)) < 1e9 || ids[0] >> 136 <= block.timestamp, "money lies about");
    }
}

contract OverlayInvariantsTest is OverlaySystem {
    OverlayStorm private storm;

    function setUp() public {
        storm = new OverlayStorm();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(storm);
    }

    /// forge-config: default.invariant.runs = 8
    /// forge-config: default.invariant.depth = 60
    /// forge-config: default.invariant.shrink-run-limit = 100
    function invariant_60_61_the_floor_holds() public view {
        storm.requireBooks();
    }

    function test_the_storm_reaches_every_action() public {
        for (uint256 i; i < 150; ++i) {
            uint256 seed = uint256(keccak256(abi.encode(i)));
            (uint256 a, uint256 b, uint256 kind) = (seed >> 8, seed >> 130, seed % 6);
            if (kind == 0) storm.come(a, b);
            else if (kind == 1) storm.go(a, b);
            else storm.move(a, b);
            storm.requireBooks();
        }
        bytes32[4] memory actions = [bytes32("come"), "go", "move", "expire"];
        for (uint256 i; i < 4; ++i) {
            check(storm.done(actions[i]) >= 3, string(abi.encodePacked("never reached: ", actions[i])));
        }
        check(storm.done("go") > 3 * storm.done("refused"), "mostly refused");
    }
}
