// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IPerpMarket} from "../../contracts/interfaces/IPerpMarket.sol";
import {IPrice} from "../../contracts/interfaces/IPrice.sol";
import {Bounded} from "../../contracts/math/Bounded.sol";
import {GuardedFeed} from "../../contracts/oracle/GuardedFeed.sol";
import {IAggregatorV3} from "../../contracts/interfaces/IAggregatorV3.sol";
import {PerpSystem} from "./PerpSystem.sol";

/// @dev What holds in both kinds of market.
abstract contract PerpMarketCases is PerpSystem {
    // ------------------------------------------------------------------ fills

    function test_a_trade_fills_at_the_mean_of_the_premium_before_and_after_it() public {
        deposit(alice, 1_000_000);
        int256 size = sizeFor(4_000_000); // premium 0 before, 0.2 % after, 0.1 % on the mean
        (uint256 price, uint256 fee) = market.previewTrade(alice, size);
        near(price, inverse ? uint256(2_000e18) * 1000 / 999 : 2_002e18, 1, "fill");
        near(fee, inverse ? 0.999e18 : 2_002e18, 1, "fee of 5 bp");
        trade(alice, 4_000_000);
        near(market.markPrice(), inverse ? uint256(2_000e18) * 1000 / 998 : 2_004e18, 1, "mark");
        same(market.premium(), 0.002e18, "premium");
    }

    function test_long_gains_when_the_price_rises_and_short_when_it_falls() public {
        deposit(alice, 100_000);
        deposit(bob, 100_000);
        trade(alice, 100_000);
        trade(bob, -100_000);
        (int256 long, int256 short) = (market.equityOf(alice), market.equityOf(bob));
        setPrice(2_100);
        int256 gain = inverse ? int256(100_000e18) / 2_000 - int256(100_000e18) / 2_100 : int256(5_000e18);
        close(market.equityOf(alice), long + gain, 2, "long up");
        close(market.equityOf(bob), short - gain, 2, "short down");
    }

    function testFuzz_26_no_round_trip_at_one_price_gains(uint256 first, uint256 second, uint256 third, bool up)
        public
    {
        market.setFees(IPerpMarket.FeeConfig(0, 0)); // the fee would hide a loss of the pool
        deposit(alice, 3_000_000);
        deposit(bob, 3_000_000);
        trade(bob, up ? int256(1_000_000) : -int256(1_000_000));
        (int256 before, int256 capital) = (cashOf(alice), market.poolCapital());
        int256[3] memory sizes = [_someSize(first), _someSize(second), _someSize(third)];
        for (uint256 i; i < 3; ++i) {
            if (sizes[i] != 0) tradeSize(alice, sizes[i]);
            check(market.poolCapital() >= capital, "26: a trade took from the pool");
        }
        if (sizeOf(alice) != 0) closeAll(alice);
        check(cashOf(alice) <= before, "26: it gained");
        check(before - cashOf(alice) <= 8, "26: more than rounding was lost");
        requireBooksBalance();
    }

    function _someSize(uint256 seed) private view returns (int256) {
        return sizeFor(int256(within(seed, 0, 5_000_000)) - 2_500_000) + int256(seed % 1000);
    }

    function testFuzz_35_a_preview_is_what_a_trade_does(uint256 held_, uint256 traded, uint256 price) public {
        deposit(alice, 500_000);
        int256 first = _someSize(held_);
        if (first != 0) tradeSize(alice, first);
        setPrice(within(price, 1_900, 2_100));
        int256 size = _someSize(traded);
        if (size == 0) return;
        (, uint256 fee) = market.previewTrade(alice, size);
        try market.previewTradeMargin(alice, size, limitOf(size)) returns (int256 equity, uint256 required) {
            int256 capital = market.poolCapital();
            tradeSize(alice, size);
            check(equity >= int256(required), "35: enough");
            int256 after_ = market.equityOf(alice);
            int256 exit = market.exitEquityOf(alice);
            close(equity, equity > exit ? after_ : (exit < after_ ? exit : after_), 3, "35: equity");
            int256 kept = int256(fee) - int256(fee * 0.2e18 / 1e18);
            close(market.poolCapital(), capital + kept, 4, "35: the fee");
        } catch (bytes memory reason) {
            vm.prank(alice);
            vm.expectRevert(reason);
            market.trade(size, limitOf(size));
        }
    }

    function test_a_price_limit_binds_buyers_and_sellers() public {
        deposit(alice, 1_000_000);
        (uint256 dear,) = market.previewTrade(alice, sizeFor(1_000_000));
        (uint256 cheap,) = market.previewTrade(alice, -sizeFor(1_000_000));
        check(dear > 2_000e18 && cheap < 2_000e18, "both sides pay the premium");
        vm.startPrank(alice);
        int256 size = sizeFor(1_000_000);
        vm.expectRevert(abi.encodeWithSelector(IPerpMarket.PriceLimit.selector, dear, dear - 1));
        market.trade(size, dear - 1);
        vm.expectRevert(abi.encodeWithSelector(IPerpMarket.PriceLimit.selector, cheap, cheap + 1));
        market.trade(-size, cheap + 1);
        market.trade(size, dear);
        vm.expectRevert(IPerpMarket.NoTrade.selector);
        market.trade(0, 0);
        vm.stopPrank();
    }

    // ----------------------------------------------------------------- margin

    function test_a_trade_must_leave_initial_margin_at_the_worse_of_mark_and_exit() public {
        deposit(alice, 10_000);
        int256 size = sizeFor(101_000);
        vm.prank(alice);
        expectError(IPerpMarket.InsufficientMargin.selector);
        market.trade(size, type(uint256).max);
        trade(alice, 99_000);
        check(market.equityOf(alice) >= int256(market.marginOf(alice, true)), "enough");
    }

    /// @dev A trade of 10 % of the skew scale pushes the mark by 10 %: half of that would be profit on paper.
    function test_an_account_cannot_take_out_what_its_own_trade_added_to_the_mark() public {
        IPerpMarket.LimitConfig memory l = limitRules();
        (l.skewScale, l.maxOpenInterest) = (uint256(sizeFor(20_000_000)), uint256(sizeFor(10_000_000)));
        l.maxSkew = l.maxOpenInterest;
        market.setLimits(l);
        deposit(alice, 1_000_000);
        int256 before = cashOf(alice);
        trade(alice, 2_000_000);
        check(market.equityOf(alice) > before + int256(money(50_000)), "profit on paper");
        check(market.exitEquityOf(alice) < before, "none in truth");
        uint256 free = market.withdrawable(alice);
        check(int256(free) <= market.exitEquityOf(alice) - int256(market.marginOf(alice, true)), "none to take");
        withdraw(alice, free);
        closeAll(alice);
        check(held(alice) + uint256(cashOf(alice)) <= uint256(before), "no gain");
    }

    function testFuzz_30_a_withdrawal_leaves_initial_margin(uint256 notional, uint256 price, bool long) public {
        deposit(alice, 100_000);
        int256 dollars = int256(within(notional, 10_000, 700_000));
        trade(alice, long ? dollars : -dollars);
        setPrice(within(price, 1_950, 2_050));
        uint256 free = market.withdrawable(alice);
        uint256 unit = market.marginUnit();
        vm.prank(alice);
        expectError(IPerpMarket.InsufficientMargin.selector);
        market.withdraw(free + unit, alice);
        if (free == 0) return;
        withdraw(alice, free);
        int256 equity = market.equityOf(alice);
        int256 exit = market.exitEquityOf(alice);
        check((exit < equity ? exit : equity) >= int256(market.marginOf(alice, true)), "30: below initial margin");
        equal(held(alice), free, "what was paid");
        requireBooksBalance();
    }

    function test_a_reduction_is_allowed_below_initial_margin_but_not_below_maintenance() public {
        deposit(alice, 100_000);
        trade(alice, 900_000);
        setPrice(1_920); // 4 % down: equity is about 7 % of notional
        trade(alice, -100_000);
        int256 more = sizeFor(1_000);
        vm.prank(alice);
        expectError(IPerpMarket.InsufficientMargin.selector);
        market.trade(more, type(uint256).max);
        setPrice(1_850);
        int256 less = -sizeFor(1_000);
        vm.prank(alice);
        expectError(IPerpMarket.InsufficientMargin.selector);
        market.trade(less, 0);
    }

    function test_cash_can_be_taken_without_a_price_when_there_is_no_position() public {
        deposit(alice, 1_000);
        feed.report(0);
        withdraw(alice, money(400));
        equal(market.withdrawable(alice), money(600), "withdrawable");
        setPrice(PRICE);
        uint256 amount = money(700);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IPerpMarket.InsufficientCash.selector, amount, money(600)));
        market.withdraw(amount, alice);
    }

    // ----------------------------------------------------------------- limits

    function test_open_interest_skew_and_capital_bound_what_can_be_opened() public {
        deposit(alice, 5_000_000);
        deposit(bob, 5_000_000);
        int256 size = sizeFor(10_000_001);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IPerpMarket.SkewExceeded.selector, size, sizeFor(10_000_000)));
        market.trade(size, type(uint256).max);
        trade(alice, 10_000_000);
        trade(bob, -10_000_000);
        trade(alice, 10_000_000);
        size = sizeFor(1);
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(IPerpMarket.OpenInterestExceeded.selector, sizeFor(20_000_001), sizeFor(20_000_000))
        );
        market.trade(size, type(uint256).max);
        closeAll(alice); // never refused: it brings the skew from 10 to -10 millions
    }

    function test_an_empty_market_refuses_trades() public {
        uint256 shares = pool.balanceOf(depositor);
        vm.prank(depositor);
        pool.redeem(shares, depositor, depositor);
        deposit(alice, 1_000);
        int256 size = sizeFor(100);
        vm.prank(alice);
        expectError(IPerpMarket.InsufficientLiquidity.selector);
        market.trade(size, type(uint256).max);
    }

    function test_a_paused_market_takes_deposits_and_nothing_else() public {
        deposit(alice, 1_000);
        trade(alice, 5_000);
        market.setPause(true, true, true);
        deposit(alice, 1_000);
        vm.startPrank(alice);
        vm.expectRevert(IPerpMarket.MarketPaused.selector);
        market.trade(1e18, type(uint256).max);
        vm.expectRevert(IPerpMarket.MarketPaused.selector);
        market.submitOrder(1e18, type(uint256).max);
        vm.expectRevert(IPerpMarket.MarketPaused.selector);
        market.withdraw(1, alice);
        vm.expectRevert(IPerpMarket.MarketPaused.selector);
        market.liquidate(alice);
        vm.stopPrank();
        equal(market.withdrawable(alice), 0, "withdrawable");
        equal(pool.maxRedeem(depositor), 0, "pool");
        market.setPause(false, false, false);
        closeAll(alice);
    }

    function test_a_stale_feed_freezes_what_needs_a_price() public {
        GuardedFeed guarded = new GuardedFeed(IAggregatorV3(address(feed)), 1 hours, 1, 1e28, 0);
        market.setFeed(address(guarded));
        deposit(alice, 1_000);
        trade(alice, 5_000);
        skip(2 hours);
        bytes memory stale = abi.encodeWithSelector(IPrice.StalePrice.selector, 2 hours, 1 hours);
        int256 size = sizeFor(1);
        vm.startPrank(alice);
        vm.expectRevert(stale);
        market.trade(size, type(uint256).max);
        vm.expectRevert(stale);
        market.withdraw(1e18, alice);
        vm.expectRevert(stale);
        market.liquidate(alice);
        vm.stopPrank();
        equal(pool.maxDeposit(alice), 0, "pool in");
        equal(pool.maxRedeem(depositor), 0, "pool out");
        deposit(alice, 1_000);
        market.setFunding(premiumFunding()); // the owner can still mend parameters
    }

    // ----------------------------------------------------------------- orders

    function test_an_order_fills_only_after_its_delay_and_at_a_price_observed_later() public {
        market.setOrders(orderRules(1 minutes));
        deposit(alice, 100_000);
        trade(alice, 100_000);
        same(sizeOf(alice), 0, "only queued");
        vm.expectRevert(
            abi.encodeWithSelector(IPerpMarket.OrderTooEarly.selector, block.timestamp, block.timestamp + 1 minutes)
        );
        market.executeOrder(alice);
        skip(2 minutes);
        vm.expectRevert(abi.encodeWithSelector(IPerpMarket.OrderTooEarly.selector, START, START + 1));
        market.executeOrder(alice);
        setPrice(2_020);
        market.executeOrder(alice);
        same(sizeOf(alice), sizeFor(100_000), "filled");
        vm.expectRevert(abi.encodeWithSelector(IPerpMarket.NoOrder.selector, alice));
        market.executeOrder(alice);
    }

    function test_an_order_binds_until_it_expires_and_then_anyone_clears_it() public {
        IPerpMarket.OrderConfig memory o = orderRules(1 minutes);
        o.tip = money(2);
        market.setOrders(o);
        deposit(alice, 100_000);
        trade(alice, 100_000);
        int256 size = sizeFor(1);
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(IPerpMarket.OrderPending.selector, alice));
        market.trade(size, 0);
        vm.expectRevert(abi.encodeWithSelector(IPerpMarket.OrderBinding.selector, START + 11 minutes));
        market.cancelOrder(alice);
        vm.stopPrank();
        skip(11 minutes + 1);
        setPrice(2_000);
        vm.expectRevert(abi.encodeWithSelector(IPerpMarket.OrderExpired.selector, START + 11 minutes));
        market.executeOrder(alice);
        market.cancelOrder(alice);
        trade(alice, 50_000);
        skip(1 minutes);
        setPrice(2_000);
        vm.prank(keeper);
        market.executeOrder(alice);
        equal(held(keeper), money(2), "tip");
        requireBooksBalance();
    }

    // ------------------------------------------------------------- parameters

    function test_parameters_stay_within_their_bounds() public {
        IPerpMarket.MarginConfig memory m = marginRules();
        m.initialRatio = m.maintenanceRatio;
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 0.05e18, 0.05e18 + 1, 1e18));
        market.setMargin(m);
        m = marginRules();
        m.liquidationFee = m.maintenanceRatio;
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 0.05e18, 0.05e18 + 1, 1e18));
        market.setMargin(m);
        deposit(alice, 1_000_000);
        trade(alice, 1_000_000);
        IPerpMarket.LimitConfig memory l = limitRules();
        l.skewScale = uint256(sizeFor(1_999_999));
        expectError(Bounded.OutOfBounds.selector);
        market.setLimits(l);
        vm.startPrank(alice);
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        market.setPause(true, true, true);
        vm.expectRevert(abi.encodeWithSelector(IPerpMarket.NotPool.selector, alice));
        market.poolWithdraw(alice, 1);
        vm.expectRevert(abi.encodeWithSelector(IPerpMarket.NotBackstop.selector, alice));
        market.chargePool(1);
        vm.stopPrank();
    }
}

contract LinearPerpTest is PerpMarketCases {
    function setUp() public {
        deployPerps(false);
    }
}

contract InversePerpTest is PerpMarketCases {
    function setUp() public {
        deployPerps(true);
    }

    /// @dev Short as many Dollars as the margin is worth: equity in Dollars stands still while the asset halves.
    function test_a_short_of_the_margins_worth_is_a_synthetic_dollar() public {
        deposit(alice, 100_000);
        trade(alice, -99_900);
        uint256[4] memory prices = [uint256(1_900), 2_200, 1_500, 1_000];
        int256 before = market.equityOf(alice) * 2_000;
        for (uint256 i; i < 4; ++i) {
            setPrice(prices[i]);
            close(market.equityOf(alice) * int256(prices[i]), before, 60e18, "worth in Dollars");
        }
    }
}
