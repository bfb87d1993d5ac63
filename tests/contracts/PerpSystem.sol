// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC20} from "solady/src/tokens/ERC20.sol";
import {Dollar} from "../../contracts/cdp/Dollar.sol";
import {IBackstop} from "../../contracts/interfaces/IBackstop.sol";
import {IPerpMarket} from "../../contracts/interfaces/IPerpMarket.sol";
import {PushFeed} from "../../contracts/oracle/PushFeed.sol";
import {Backstop} from "../../contracts/perps/Backstop.sol";
import {PerpMarket} from "../../contracts/perps/PerpMarket.sol";
import {PerpPool} from "../../contracts/perps/PerpPool.sol";
import {CollateralToken} from "../../contracts/tokens/CollateralToken.sol";
import {Case} from "./Case.sol";

/// @dev A cheatcode that asks for an error, whatever its numbers.
interface PartialVm {
    function expectPartialRevert(bytes4 selector) external;
}

/// @dev One market with its pool and backstop, linear in Dollar or inverse in an asset of 8 decimals. Tests speak in
/// Dollars at the price of the start, 2,000: `money` and `sizeFor` turn them into what the market counts in.
abstract contract PerpSystem is Case {
    uint256 internal constant START = 1_700_000_000;
    uint256 internal constant PRICE = 2_000; // [dollars]
    int256 internal constant ANY = 0; // a price limit that is never met: see `limitOf`
    uint256 internal constant POOL = 10_000_000; // [dollars] deposited by `depositor`

    address internal alice = address(0xA11CE);
    address internal bob = address(0xB0B);
    address internal carol = address(0xCA401);
    address internal keeper = address(0xEE9E6);
    address internal depositor = address(0xDE90);

    bool internal inverse;
    ERC20 internal token;
    PushFeed internal feed;
    PerpMarket internal market;
    PerpPool internal pool;
    Backstop internal backstop;

    function deployPerps(bool inverse_) internal {
        vm.warp(START);
        inverse = inverse_;
        if (inverse_) {
            token = new CollateralToken("Asset", "ASSET", 8);
        } else {
            Dollar dollar = new Dollar();
            dollar.grantRoles(address(this), dollar.MINTER());
            token = dollar;
        }
        feed = new PushFeed(address(this), address(this), 8, "ETH / USD");
        setPrice(PRICE);
        market = new PerpMarket(
            address(token), address(feed), inverse_, marginRules(), feeRules(), limitRules(), orderRules(0), noFunding()
        );
        pool = new PerpPool(market, 0, 1 days);
        backstop = new Backstop(market, IBackstop.Rule.Ranked, 0, 0, 1 hours);
        market.setSatellites(address(pool), address(backstop));
        provide(depositor, POOL);
    }

    function expectError(bytes4 selector) internal {
        PartialVm(address(vm)).expectPartialRevert(selector);
    }

    // ------------------------------------------------------------- parameters

    function marginRules() internal view returns (IPerpMarket.MarginConfig memory) {
        return IPerpMarket.MarginConfig({
            initialRatio: 0.1e18,
            maintenanceRatio: 0.05e18,
            liquidationFee: 0.01e18,
            liquidatorShare: 0.5e18,
            wholeBelow: money(1_000)
        });
    }

    function feeRules() internal pure returns (IPerpMarket.FeeConfig memory) {
        return IPerpMarket.FeeConfig({tradeFee: 0.0005e18, fundShare: 0.2e18});
    }

    function limitRules() internal view returns (IPerpMarket.LimitConfig memory) {
        return IPerpMarket.LimitConfig({
            skewScale: uint256(sizeFor(2_000_000_000)),
            maxOpenInterest: uint256(sizeFor(20_000_000)),
            maxSkew: uint256(sizeFor(10_000_000)),
            capitalRatio: 0.5e18
        });
    }

    function orderRules(uint256 delay) internal pure returns (IPerpMarket.OrderConfig memory) {
        return IPerpMarket.OrderConfig({delay: delay, lifetime: 10 minutes, tip: 0});
    }

    function noFunding() internal pure returns (IPerpMarket.FundingConfig memory f) {
        (f.mode, f.period, f.interval) = (IPerpMarket.FundingMode.Premium, 8 hours, 1 hours);
    }

    function premiumFunding() internal pure returns (IPerpMarket.FundingConfig memory f) {
        f = noFunding();
        (f.maxRate, f.interest, f.clamp) = (0.1e18, 0.0001e18, 0.0005e18);
    }

    function velocityFunding() internal pure returns (IPerpMarket.FundingConfig memory f) {
        f = noFunding();
        (f.mode, f.maxRate, f.maxVelocity) = (IPerpMarket.FundingMode.Velocity, 0.2e18, 10e18);
    }

    // ---------------------------------------------------------------- amounts

    /// @dev [margin wad] for Dollars at the price of the start.
    function money(uint256 dollars) internal view returns (uint256) {
        return inverse ? dollars * WAD / PRICE : dollars * WAD;
    }

    /// @dev [size wad] with a notional of so many Dollars at the price of the start.
    function sizeFor(int256 dollars) internal view returns (int256) {
        return inverse ? dollars * 1e18 : dollars * 1e18 / int256(PRICE);
    }

    function limitOf(int256 sizeDelta) internal pure returns (uint256) {
        return sizeDelta > 0 ? type(uint256).max : 0;
    }

    // ---------------------------------------------------------------- actions

    function setPrice(uint256 dollars) internal {
        feed.report(int256(dollars * 1e8));
    }

    function skip(uint256 elapsed) internal {
        vm.warp(block.timestamp + elapsed);
    }

    function give(address who, uint256 amount) internal {
        if (inverse) CollateralToken(address(token)).mint(who, amount / market.marginUnit());
        else Dollar(address(token)).mint(who, amount);
    }

    function deposit(address who, uint256 dollars) internal {
        give(who, money(dollars));
        vm.startPrank(who);
        token.approve(address(market), type(uint256).max);
        market.deposit(who, money(dollars));
        vm.stopPrank();
    }

    function provide(address who, uint256 dollars) internal returns (uint256 shares) {
        give(who, money(dollars));
        vm.startPrank(who);
        token.approve(address(pool), type(uint256).max);
        shares = pool.deposit(money(dollars) / market.marginUnit(), who);
        vm.stopPrank();
    }

    function seedFund(uint256 dollars) internal {
        give(address(this), money(dollars));
        token.approve(address(market), type(uint256).max);
        backstop.donate(money(dollars));
    }

    /// @dev Trades a notional of so many Dollars at the price of the start.
    function trade(address who, int256 dollars) internal {
        tradeSize(who, sizeFor(dollars));
    }

    function tradeSize(address who, int256 size) internal {
        vm.prank(who);
        market.trade(size, limitOf(size));
    }

    function closeAll(address who) internal {
        tradeSize(who, -sizeOf(who));
    }

    function withdraw(address who, uint256 amount) internal {
        vm.prank(who);
        market.withdraw(amount, who);
    }

    function liquidate(address who) internal {
        vm.prank(keeper);
        market.liquidate(who);
    }

    function deleverage(bool long, address one) internal returns (uint256, uint256) {
        address[] memory list = new address[](1);
        list[0] = one;
        return backstop.deleverage(long, list);
    }

    // ------------------------------------------------------------------ views

    function sizeOf(address who) internal view returns (int256 size) {
        (size,,,,) = market.positionOf(who);
    }

    function cashOf(address who) internal view returns (int256 margin) {
        (, margin,,,) = market.positionOf(who);
    }

    function held(address who) internal view returns (uint256 wad) {
        return token.balanceOf(who) * market.marginUnit();
    }

    function same(int256 got, int256 expected, string memory what) internal pure {
        if (got < 0 && expected < 0) equal(uint256(-got), uint256(-expected), what);
        else if (got < 0 || expected < 0) revert(string.concat(what, ": another sign"));
        else equal(uint256(got), uint256(expected), what);
    }

    function close(int256 got, int256 expected, uint256 tolerance, string memory what) internal pure {
        int256 gap = got - expected;
        if (uint256(gap < 0 ? -gap : gap) > tolerance) same(got, expected, what);
    }

    /// @dev Invariant 27: cash and fund are tokens and recorded shortfall, to the last digit.
    function requireBooksBalance() internal view {
        int256 claims = market.totalMargin() + market.poolCash() + int256(backstop.fund());
        same(claims, int256(held(address(market)) + backstop.shortfall()), "27: books");
    }
}
