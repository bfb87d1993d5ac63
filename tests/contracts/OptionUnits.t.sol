// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOptionMarket} from "../../contracts/interfaces/IOptionMarket.sol";
import {IPerpMarket} from "../../contracts/interfaces/IPerpMarket.sol";
import {OptionId} from "../../contracts/options/OptionId.sol";
import {OptionMarket} from "../../contracts/options/OptionMarket.sol";
import {PerpPool} from "../../contracts/perps/PerpPool.sol";
import {CollateralToken} from "../../contracts/tokens/CollateralToken.sol";
import {OptionSystem} from "./OptionSystem.sol";

/// @dev Keeps a hundredth of what is transferred.
contract TaxedToken is CollateralToken {
    constructor() CollateralToken("Taxed", "TAX", 18) {}

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        super.transferFrom(from, to, amount - amount / 100);
        return true;
    }
}

/// @dev The market with money of six decimals and base of eight.
contract OptionUnitsTest is OptionSystem {
    CollateralToken private money;
    CollateralToken private coin;

    function setUp() public {
        deployOptions();
        money = new CollateralToken("Money", "MONEY", 6);
        coin = new CollateralToken("Coin", "COIN", 8);
        market = new OptionMarket(
            address(this), address(money), address(coin), surface, expiries, quoteRules(), marginRules(), limitRules()
        );
        pool = new PerpPool(IPerpMarket(address(market)), 0, 1 days);
        market.setPool(address(pool));
        money.mint(depositor, 5_000_000e6);
        vm.startPrank(depositor);
        money.approve(address(pool), ANY);
        pool.deposit(5_000_000e6, depositor);
        vm.stopPrank();
        market.list(MONTH, PRICE, OptionId.CALL);
        market.list(MONTH, PRICE, OptionId.PUT);
        _pay(alice);
        _pay(bob);
    }

    function _pay(address who) private {
        money.mint(who, 100_000e6);
        coin.mint(who, 100e8);
        vm.startPrank(who);
        money.approve(address(market), ANY);
        coin.approve(address(market), ANY);
        market.deposit(who, 100_000e18 + 123); // what is no whole unit is left
        vm.stopPrank();
    }

    function _requireBooks() private view {
        int256 claims = market.cashOf(alice) + market.cashOf(bob) + market.cashOf(keeper) + market.poolCash();
        claims += int256(market.fund() + collateralOf(alice, call) + collateralOf(bob, call));
        same(claims, int256(money.balanceOf(address(market)) * 1e12), "49: money");
        uint256 bases = market.poolBase() + market.baseOf(alice) + market.positionOf(alice, call).base;
        equal(bases, coin.balanceOf(address(market)) * 1e10, "49: base");
    }

    function test_49_books_hold_with_six_and_eight_decimals() public {
        same(market.cashOf(alice), 100_000e18, "whole units");
        vm.prank(alice);
        market.trade(call, -3e18, 0, 0, 3e18 + 999);
        equal(market.positionOf(alice, call).base, 3e18, "whole units of base");
        buy(bob, call, 2.34567890123e18);
        _requireBooks();
        expire(2_345.6789e18);
        settle(alice, call);
        _requireBooks();
        settle(bob, call);
        _requireBooks();
        check(market.poolBase() % 1e10 == 0 && market.baseOf(alice) % 1e10 == 0, "units of base");
        int256 cash = market.cashOf(bob);
        vm.prank(bob);
        market.withdraw(uint256(cash), bob);
        check(market.cashOf(bob) < 1e12, "dust stays");
        vm.prank(alice);
        market.withdrawBase(alice);
        _requireBooks();
    }

    function test_a_token_that_takes_a_fee_is_refused() public {
        TaxedToken taxed = new TaxedToken();
        market = new OptionMarket(
            address(this), address(taxed), address(coin), surface, expiries, quoteRules(), marginRules(), limitRules()
        );
        taxed.mint(alice, 100e18);
        vm.startPrank(alice);
        taxed.approve(address(market), ANY);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.TransferShort.selector, 99e18, 100e18));
        market.deposit(alice, 100e18);
        vm.stopPrank();
    }

    function test_the_pool_is_closed_while_an_expired_series_is_not_frozen() public {
        buy(alice, call, 1e18);
        check(pool.maxDeposit(alice) != 0 && pool.maxWithdraw(depositor) != 0, "open");
        goTo(MONTH, PRICE * 3 / 2);
        equal(pool.maxDeposit(alice), 0, "deposits");
        equal(pool.maxRedeem(depositor), 0, "redemptions");
        expiries.lock(MONTH, feed.latestRound());
        market.freeze(MONTH);
        check(pool.maxDeposit(alice) != 0 && pool.maxWithdraw(depositor) != 0, "open again");
    }
}
