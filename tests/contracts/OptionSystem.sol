// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Dollar} from "../../contracts/cdp/Dollar.sol";
import {IOptionMarket} from "../../contracts/interfaces/IOptionMarket.sol";
import {IExpiryPrice} from "../../contracts/interfaces/IExpiryPrice.sol";
import {IPerpMarket} from "../../contracts/interfaces/IPerpMarket.sol";
import {IVolSurface} from "../../contracts/interfaces/IVolSurface.sol";
import {Svi} from "../../contracts/math/Svi.sol";
import {ExpiryPrice} from "../../contracts/options/ExpiryPrice.sol";
import {OptionId} from "../../contracts/options/OptionId.sol";
import {OptionMarket} from "../../contracts/options/OptionMarket.sol";
import {VolSurface} from "../../contracts/options/VolSurface.sol";
import {GuardedFeed} from "../../contracts/oracle/GuardedFeed.sol";
import {PushFeed} from "../../contracts/oracle/PushFeed.sol";
import {PerpPool} from "../../contracts/perps/PerpPool.sol";
import {CollateralToken} from "../../contracts/tokens/CollateralToken.sol";
import {Case} from "./Case.sol";

/// @dev A cheatcode that asks for an error, whatever its numbers.
interface PartialVm {
    function expectPartialRevert(bytes4 selector) external;
}

/// @dev One market of options on an asset at 2,000 Dollars, its surface, its settlement prices and its pool.
abstract contract OptionSystem is Case {
    uint256 internal constant START = 1_700_000_000;
    uint256 internal constant PRICE = 2_000e18; // [wad]
    uint256 internal constant POOL = 5_000_000e18; // [Dollar wad]
    uint256 internal constant MONTH = START + 30 days;
    uint256 internal constant ANY = type(uint256).max;

    address internal alice = address(0xA11CE);
    address internal bob = address(0xB0B);
    address internal carol = address(0xCA401);
    address internal keeper = address(0xEE9E6);
    address internal depositor = address(0xDE90);

    Dollar internal dollar;
    CollateralToken internal base;
    PushFeed internal feed;
    VolSurface internal surface;
    ExpiryPrice internal expiries;
    OptionMarket internal market;
    PerpPool internal pool;
    uint256 internal call; // at the money, a month
    uint256 internal put;

    function deployOptions() internal {
        vm.warp(START);
        dollar = new Dollar();
        dollar.grantRoles(address(this), dollar.MINTER());
        base = new CollateralToken("Asset", "ASSET", 18);
        feed = new PushFeed(address(this), address(this), 8, "ETH / USD");
        setPrice(PRICE);
        surface = new VolSurface(address(this), address(this), new GuardedFeed(feed, 1 hours, 0, 0, 0), surfaceRules());
        reportFlat(0.6e18);
        expiries = new ExpiryPrice(address(this), feed, expiryRules());
        market = new OptionMarket(
            address(this), address(dollar), address(base), surface, expiries, quoteRules(), marginRules(), limitRules()
        );
        pool = new PerpPool(IPerpMarket(address(market)), 0, 1 days);
        market.setPool(address(pool));
        give(depositor, POOL);
        vm.startPrank(depositor);
        dollar.approve(address(pool), ANY);
        pool.deposit(POOL, depositor);
        vm.stopPrank();
        call = market.list(MONTH, PRICE, OptionId.CALL);
        put = market.list(MONTH, PRICE, OptionId.PUT);
    }

    function expectError(bytes4 selector) internal {
        PartialVm(address(vm)).expectPartialRevert(selector);
    }

    // ------------------------------------------------------------- parameters

    function surfaceRules() internal pure returns (IVolSurface.Rules memory) {
        return IVolSurface.Rules(20 minutes, 0.1e18, 3e18, 0.5e18, 1 hours, 0.5e18);
    }

    function expiryRules() internal pure returns (IExpiryPrice.Rules memory) {
        return IExpiryPrice.Rules(1 hours, 6 hours, 1 days, 0.2e18);
    }

    function quoteRules() internal pure returns (IOptionMarket.QuoteConfig memory) {
        return IOptionMarket.QuoteConfig(0.02e18, 2_000e18, 0.5e18, 0.0003e18, 0.125e18, 0.2e18);
    }

    function marginRules() internal pure returns (IOptionMarket.MarginConfig memory) {
        return IOptionMarket.MarginConfig(0.15e18, 0.1e18, 0.075e18, 0.01e18, 0.5e18);
    }

    function limitRules() internal pure returns (IOptionMarket.LimitConfig memory) {
        return IOptionMarket.LimitConfig(0.01e18, 0.5e18, 10 minutes, 400 days, 0.005e18);
    }

    // ---------------------------------------------------------------- actions

    function setPrice(uint256 wad) internal {
        feed.report(int256(wad / 1e10));
    }

    /// @dev A flat surface of one slice: w = a at a year, nearly level.
    function reportFlat(uint256 volatility) internal {
        Svi.Slice[] memory slices = new Svi.Slice[](1);
        slices[0] = Svi.Slice(int64(int256(volatility * volatility / 1e18)), 0, 0, 0, 1e17, 365 days);
        surface.report(slices, 0, 0);
    }

    /// @dev A smile that leans to low strikes, at two times.
    function reportSmile() internal {
        Svi.Slice[] memory slices = new Svi.Slice[](2);
        slices[0] = Svi.Slice(0.003e18, 0.03e18, -0.4e18, 0.01e18, 0.1e18, 7 days);
        slices[1] = Svi.Slice(0.03e18, 0.08e18, -0.35e18, 0.02e18, 0.15e18, 60 days);
        surface.report(slices, 0.04e18, 0.01e18);
    }

    /// @dev To a time, with price and surface reported anew.
    function goTo(uint256 time, uint256 price) internal {
        vm.warp(time);
        setPrice(price);
        reportFlat(0.6e18);
    }

    function skip(uint256 elapsed) internal {
        vm.warp(block.timestamp + elapsed);
    }

    function give(address who, uint256 amount) internal {
        dollar.mint(who, amount);
    }

    function fundAccount(address who, uint256 amount) internal {
        give(who, amount);
        vm.startPrank(who);
        dollar.approve(address(market), ANY);
        market.deposit(who, amount);
        vm.stopPrank();
    }

    function seedFund(uint256 amount) internal {
        give(address(this), amount);
        dollar.approve(address(market), ANY);
        market.donate(amount);
    }

    function buy(address who, uint256 id, uint256 size) internal returns (uint256) {
        vm.prank(who);
        return market.trade(id, int256(size), ANY, 0, 0);
    }

    function sell(address who, uint256 id, uint256 size, uint256 collateral) internal returns (uint256) {
        vm.prank(who);
        return market.trade(id, -int256(size), 0, int256(collateral), 0);
    }

    /// @dev Locks the expiry at the price of now and freezes its series.
    function expire(uint256 price) internal {
        vm.warp(MONTH);
        setPrice(price);
        expiries.lock(MONTH, feed.latestRound());
        market.freeze(MONTH);
    }

    function settle(address who, uint256 id) internal returns (int256) {
        vm.prank(keeper);
        return market.settle(who, id);
    }

    // ------------------------------------------------------------------ views

    function sizeOf(address who, uint256 id) internal view returns (int256) {
        return market.positionOf(who, id).size;
    }

    function collateralOf(address who, uint256 id) internal view returns (uint256) {
        return market.positionOf(who, id).collateral;
    }

    function same(int256 got, int256 expected, string memory what) internal pure {
        if (got < 0 && expected < 0) equal(uint256(-got), uint256(-expected), what);
        else if (got < 0 || expected < 0) revert(string.concat(what, ": another sign"));
        else equal(uint256(got), uint256(expected), what);
    }
}
