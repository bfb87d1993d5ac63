// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ConstantProductPool} from "../../contracts/amm/ConstantProductPool.sol";
import {IHedgedVault} from "../../contracts/interfaces/IHedgedVault.sol";
import {IOptionMarket} from "../../contracts/interfaces/IOptionMarket.sol";
import {IOverlay} from "../../contracts/interfaces/IOverlay.sol";
import {OptionId} from "../../contracts/options/OptionId.sol";
import {HedgedVault} from "../../contracts/vault/HedgedVault.sol";
import {Overlay} from "../../contracts/vault/Overlay.sol";
import {OverlayPlan} from "../../contracts/vault/OverlayPlan.sol";
import {OptionSystem} from "./OptionSystem.sol";
import {VaultSettingsOfTests} from "./VaultSystem.sol";

/// @dev A vault of Dollars with an overlay, a deep venue for spot, and a month's series from 60 % to 160 % of the price.
abstract contract OverlaySystem is OptionSystem, VaultSettingsOfTests {
    uint256 internal constant TENOR = 30 days;

    ConstantProductPool internal venue;
    HedgedVault internal vault;
    Overlay internal overlay;
    OverlayPlan internal plans;
    uint256 internal expiry = MONTH;

    function deployMarkets() internal {
        deployOptions();
        market.delist(call);
        market.delist(put);
        listMonth(PRICE);
        venue = new ConstantProductPool(address(base), address(dollar), 0.0003e18);
        base.mint(address(this), 1_000_000e18);
        give(address(this), 2_000_000_000e18);
        base.approve(address(venue), ANY);
        dollar.approve(address(venue), ANY);
        bool first = venue.token0() == address(base);
        venue.addLiquidity(
            first ? 1_000_000e18 : 2_000_000_000e18, first ? 2_000_000_000e18 : 1_000_000e18, address(this)
        );
        plans = new OverlayPlan(market);
    }

    function deployOverlay(IOverlay.Leg[] memory legs) internal {
        deployOverlay(legs, shapeOfTest(), rollsOfTest());
    }

    function deployOverlay(IOverlay.Leg[] memory legs, IOverlay.Shape memory shape, IOverlay.Rolls memory rolls)
        internal
    {
        vault = newVault(address(dollar));
        IHedgedVault.Triggers memory t = triggersOfTest();
        (t.band, t.marginFloor, t.idleBand) = (1e18, 1.2e18, 0.001e18);
        vault.setTriggers(t);
        IHedgedVault.Limits memory l = limitsOfTest();
        l.depositCap = 1e30;
        vault.setLimits(l);
        overlay = new Overlay(address(vault), address(dollar), plans, venue, 0.01e18, legs, shape, rolls);
        vault.setStrategy(overlay);
    }

    /// @dev One of spot for each unit, 1 % in reserve, twice the initial margin, delta anything from nothing to all.
    function shapeOfTest() internal pure returns (IOverlay.Shape memory s) {
        (s.spot, s.reserve, s.cover, s.growth, s.targetDelta) = (1e18, 0.01e18, 2e18, 0.02e18, 0.5e18);
    }

    function rollsOfTest() internal pure returns (IOverlay.Rolls memory r) {
        (r.tenorRoom, r.placeRoom) = (0.1e18, 0.03e18);
    }

    function wideRolls() internal pure returns (IOverlay.Rolls memory r) {
        r = rollsOfTest();
        r.placeRoom = 0.2e18;
    }

    function leg(bool isPut, uint256 place, int256 weight) internal pure returns (IOverlay.Leg memory) {
        return IOverlay.Leg(isPut, IOverlay.Strike.Moneyness, IOverlay.Size.Weight, place, TENOR, weight);
    }

    function one(IOverlay.Leg memory a) internal pure returns (IOverlay.Leg[] memory legs) {
        legs = new IOverlay.Leg[](1);
        legs[0] = a;
    }

    function two(IOverlay.Leg memory a, IOverlay.Leg memory b) internal pure returns (IOverlay.Leg[] memory legs) {
        legs = new IOverlay.Leg[](2);
        (legs[0], legs[1]) = (a, b);
    }

    function protectivePut() internal pure returns (IOverlay.Leg[] memory) {
        return one(leg(true, 0.9e18, 1e18));
    }

    function coveredCall() internal pure returns (IOverlay.Leg[] memory) {
        return one(leg(false, 1.1e18, -1e18));
    }

    function zeroCostCollar() internal pure returns (IOverlay.Leg[] memory legs) {
        legs = two(leg(true, 0.9e18, 1e18), leg(false, 1.02e18, -1e18));
        (legs[1].strike, legs[1].size) = (IOverlay.Strike.Cost, IOverlay.Size.Premium);
    }

    // ---------------------------------------------------------------- actions

    /// @dev Calls and puts of the next expiry at 60 % to 160 % of a price, every 5 %.
    function listMonth(uint256 price) internal {
        for (uint256 i = 12; i <= 32; ++i) {
            uint256 strike = price * i / 20;
            market.list(expiry, strike, i < 20 ? OptionId.PUT : OptionId.CALL);
            if (i == 20) market.list(expiry, strike, OptionId.PUT);
        }
    }

    function enter(address who, uint256 amount) internal {
        give(who, amount);
        vm.startPrank(who);
        dollar.approve(address(vault), ANY);
        vault.deposit(amount, who);
        vm.stopPrank();
        skip(20 minutes);
        goTo(block.timestamp, priceNow());
        rebalance("");
    }

    function leave(address who, uint256 assets) internal {
        vm.prank(who);
        vault.withdraw(assets, who, who);
    }

    function rebalance(bytes memory data) internal returns (IHedgedVault.Rebalanced memory) {
        vm.prank(keeper);
        return vault.rebalance(data);
    }

    /// @dev The feed moves, the venue follows, and the surface is reported.
    function moveTo(uint256 time, uint256 price) internal {
        goTo(time, price);
        (uint256 r0, uint256 r1) = venue.reserves();
        (uint256 held, uint256 dollars) = venue.token0() == address(base) ? (r0, r1) : (r1, r0);
        uint256 wanted = sqrt(held * dollars / price * 1e18);
        if (wanted > held) {
            base.mint(address(this), wanted - held);
            venue.swap(address(base), wanted - held, 0, address(this));
        } else if (wanted < held) {
            uint256 needed = dollars * (held - wanted) / wanted;
            give(address(this), needed);
            venue.swap(address(dollar), needed, 0, address(this));
        }
    }

    /// @dev To the expiry at a price: locked, frozen, and the next month listed around it.
    function reachExpiry(uint256 price) internal {
        moveTo(expiry, price);
        expiries.lock(expiry, feed.latestRound());
        market.freeze(expiry);
        expiry += TENOR;
        listMonth(price);
    }

    function sqrt(uint256 x) internal pure returns (uint256 y) {
        y = x;
        for (uint256 z = x / 2 + 1; z < y;) {
            (y, z) = (z, (x / z + z) / 2);
        }
    }

    // ------------------------------------------------------------------ views

    function priceNow() internal view returns (uint256 price) {
        (price,) = plans.priceNow();
    }

    function idOf(uint256 i) internal view returns (uint256) {
        (uint256[] memory ids,) = overlay.held();
        return ids[i];
    }

    function strikeOf(uint256 i) internal view returns (uint256) {
        return uint128(idOf(i) >> 8);
    }

    function legSize(uint256 i) internal view returns (int256) {
        (, int256[] memory sizes) = overlay.held();
        return sizes[i];
    }

    function spotHeld() internal view returns (uint256 spot) {
        spot = base.balanceOf(address(overlay)) + market.baseOf(address(overlay));
        (uint256[] memory ids,) = overlay.held();
        for (uint256 i; i < ids.length; ++i) {
            spot += market.positionOf(address(overlay), ids[i]).base;
        }
    }

    function requireDue(IHedgedVault.Reason expected) internal view {
        (bool due, IHedgedVault.Reason reason) = vault.rebalanceDue();
        equal(uint256(reason), uint256(expected), "reason");
        check(due == (expected != IHedgedVault.Reason.None), "due");
    }
}
