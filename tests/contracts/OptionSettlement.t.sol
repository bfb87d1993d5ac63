// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IExpiryPrice} from "../../contracts/interfaces/IExpiryPrice.sol";
import {IOptionMarket} from "../../contracts/interfaces/IOptionMarket.sol";
import {IPrice} from "../../contracts/interfaces/IPrice.sol";
import {Bounded} from "../../contracts/math/Bounded.sol";
import {OptionId} from "../../contracts/options/OptionId.sol";
import {OptionSystem} from "./OptionSystem.sol";

contract OptionSettlementTest is OptionSystem {
    function setUp() public {
        deployOptions();
        fundAccount(alice, 100_000e18);
        fundAccount(bob, 100_000e18);
    }

    // ------------------------------------------------------------------- lock

    function test_the_last_round_at_expiry_settles() public {
        vm.warp(MONTH - 1 minutes);
        setPrice(1_900e18);
        uint80 round = feed.latestRound();
        vm.warp(MONTH + 1);
        setPrice(1_500e18);
        vm.expectRevert(abi.encodeWithSelector(IExpiryPrice.WrongRound.selector, round + 1, MONTH + 1, MONTH));
        expiries.lock(MONTH, round + 1);
        equal(expiries.previewLock(MONTH, round), 1_900e18, "preview");
        equal(expiries.lock(MONTH, round), 1_900e18, "price");
        equal(expiries.priceAt(MONTH), 1_900e18, "locked");
    }

    function test_an_older_round_is_refused() public {
        vm.warp(MONTH - 2 minutes);
        setPrice(2_100e18);
        uint80 round = feed.latestRound();
        vm.warp(MONTH - 1 minutes);
        setPrice(1_900e18);
        vm.warp(MONTH);
        vm.expectRevert(abi.encodeWithSelector(IExpiryPrice.WrongRound.selector, round, MONTH - 1 minutes, MONTH));
        expiries.lock(MONTH, round);
    }

    function test_52_a_price_is_locked_once_and_never_moves() public {
        vm.warp(MONTH);
        setPrice(1_900e18);
        expiries.lock(MONTH, feed.latestRound());
        skip(30 days);
        setPrice(5_000e18);
        uint80 newest = feed.latestRound();
        vm.expectRevert(abi.encodeWithSelector(IExpiryPrice.PriceLocked.selector, MONTH, 1_900e18));
        expiries.lock(MONTH, newest);
        vm.expectRevert(abi.encodeWithSelector(IExpiryPrice.PriceLocked.selector, MONTH, 1_900e18));
        expiries.lockByOwner(MONTH, newest, 1_900e18);
        equal(expiries.priceAt(MONTH), 1_900e18, "52: moved");
    }

    function testFuzz_52_whoever_locks_when_locks_the_same(uint256 gap, uint256 wait, uint256 price) public {
        vm.warp(MONTH - within(gap, 0, 1 hours));
        price = within(price, 1e18, 100_000e18) / 1e10 * 1e10;
        setPrice(price);
        uint80 round = feed.latestRound();
        vm.warp(MONTH + within(wait, 0, 30 days));
        if (block.timestamp > MONTH) setPrice(price * 2);
        vm.prank(address(uint160(wait)));
        equal(expiries.lock(MONTH, round), price, "52: price");
    }

    function test_nothing_is_locked_before_expiry() public {
        vm.warp(MONTH - 1);
        uint80 round = feed.latestRound();
        vm.expectRevert(abi.encodeWithSelector(IExpiryPrice.NotExpired.selector, MONTH, MONTH - 1));
        expiries.lock(MONTH, round);
        vm.expectRevert(abi.encodeWithSelector(IExpiryPrice.PriceNotLocked.selector, MONTH));
        market.freeze(MONTH);
    }

    function test_an_oracle_stalled_at_expiry_settles_at_its_next_round_within_grace() public {
        uint80 round = feed.latestRound();
        vm.warp(MONTH + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IExpiryPrice.OracleStalled.selector, 30 days, 1 hours, MONTH + 6 hours + 1 days)
        );
        expiries.lock(MONTH, round);
        vm.warp(MONTH + 6 hours);
        setPrice(1_700e18);
        vm.warp(MONTH + 7 hours);
        setPrice(3_000e18);
        equal(expiries.lock(MONTH, round), 1_700e18, "next");
    }

    function test_the_owner_names_the_price_of_a_stalled_oracle_in_their_time_and_bound() public {
        uint80 round = feed.latestRound();
        vm.warp(MONTH + 6 hours);
        vm.expectRevert(abi.encodeWithSelector(IExpiryPrice.NotOwnersTime.selector, MONTH + 6 hours, MONTH + 6 hours));
        expiries.lockByOwner(MONTH, round, PRICE);
        vm.warp(MONTH + 6 hours + 1);
        setPrice(1_000e18); // too late to count
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 1_599e18, 1_600e18, 2_400e18));
        expiries.lockByOwner(MONTH, round, 1_599e18);
        vm.prank(alice);
        expectError(bytes4(keccak256("Unauthorized()")));
        expiries.lockByOwner(MONTH, round, 1_600e18);
        expiries.lockByOwner(MONTH, round, 1_600e18);
        equal(expiries.priceAt(MONTH), 1_600e18, "named");
    }

    function test_the_owner_names_no_price_where_the_feed_has_one() public {
        vm.warp(MONTH);
        setPrice(PRICE);
        uint80 round = feed.latestRound();
        vm.warp(MONTH + 7 hours);
        expectError(IExpiryPrice.NotOwnersTime.selector);
        expiries.lockByOwner(MONTH, round, PRICE);
    }

    function test_after_the_owners_time_the_last_round_settles_however_old() public {
        uint80 round = feed.latestRound();
        vm.warp(MONTH + 6 hours + 1 days + 1);
        expectError(IExpiryPrice.NotOwnersTime.selector);
        expiries.lockByOwner(MONTH, round, PRICE);
        equal(expiries.lock(MONTH, round), PRICE, "last");
    }

    function test_a_round_that_is_no_price_settles_nothing() public {
        vm.warp(MONTH);
        feed.report(0);
        uint80 round = feed.latestRound();
        vm.expectRevert(abi.encodeWithSelector(IPrice.InvalidAnswer.selector, int256(0)));
        expiries.lock(MONTH, round);
    }

    // ----------------------------------------------------------------- settle

    function test_what_is_not_frozen_is_not_settled() public {
        buy(alice, call, 1e18);
        vm.warp(MONTH);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.NotFrozen.selector, call));
        market.settle(alice, call);
    }

    function test_a_long_is_paid_its_exercise_and_a_short_pays_it() public {
        buy(alice, call, 3e18);
        sell(bob, call, 2e18, 4_000e18);
        expire(2_500e18);
        (int256 due,,) = market.previewSettle(alice, call);
        same(settle(alice, call), due, "53: preview");
        same(due, 1_500e18, "long");
        (due,,) = market.previewSettle(bob, call);
        same(due, -1_000e18, "short");
        int256 before = market.cashOf(bob);
        settle(bob, call);
        same(market.cashOf(bob) - before, 3_000e18, "collateral less what it pays");
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.NotFrozen.selector, call));
        market.settle(alice, call); // the series is gone
    }

    function test_nobody_settles_twice() public {
        buy(alice, call, 3e18);
        buy(bob, call, 3e18);
        expire(2_500e18);
        settle(alice, call);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.NoPosition.selector, alice, call));
        market.settle(alice, call);
    }

    function test_settled_series_make_room_for_new_ones() public {
        buy(alice, call, 1e18);
        buy(bob, put, 1e18);
        expire(PRICE);
        settle(alice, call);
        settle(bob, put);
        equal(market.series().length, 0, "series");
        equal(market.owedTotal(), 0, "owed");
        equal(market.shortsUnsettled(), 0, "shorts");
        equal(market.totalReserve(), 0, "reserve");
        same(market.inventoryOf(call), 0, "inventory");
    }

    /// @dev From here on the pool may sell more than it can bear.
    function _bindNothing() private {
        market.setLimits(IOptionMarket.LimitConfig(0.01e18, 0, 10 minutes, 400 days, 0));
        market.delist(call);
        market.list(MONTH, PRICE, OptionId.CALL);
    }

    /// @dev A writer falls short by 6,000: the fund has 1,000, the pool bears 5,000, and the long is paid in full.
    function test_50_a_gap_at_expiry_falls_on_collateral_then_fund_then_pool() public {
        (,, uint256 required) = market.previewTrade(bob, put, -10e18, 0);
        sell(bob, put, 10e18, required);
        buy(alice, put, 10e18);
        uint256 collateral = collateralOf(bob, put);
        expire(1_000e18);
        seedFund(1_000e18 - market.fund());
        int256 cash = market.poolCash();
        settle(bob, put);
        equal(market.fund(), 0, "50: fund");
        same(market.poolCash() - cash, int256(collateral + 1_000e18), "50: pool gets");
        same(settle(alice, put), 10_000e18, "50: long");
        same(market.poolCash() - cash, int256(collateral + 1_000e18) - 10_000e18, "50: pool bears");
    }

    /// @dev The pool has 1,000 left when 100,000 are owed.
    function test_50_when_the_pool_is_empty_longs_lose_the_same_share_after_everybody_has_paid() public {
        _bindNothing();
        uint256 shares = pool.balanceOf(depositor);
        vm.startPrank(depositor);
        pool.redeem(shares * 9_998 / 10_000, depositor, depositor);
        vm.stopPrank();
        buy(alice, call, 30e18);
        buy(bob, call, 20e18);
        fundAccount(carol, 10_000e18);
        sell(carol, call, 1e18, 5_000e18);
        expire(4_000e18);
        seedFund(500e18);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.SettleShortsFirst.selector, 1e18));
        market.settle(alice, call);
        settle(carol, call);
        uint256 held = uint256(market.poolCash()) + market.fund();
        check(held < 100_000e18, "a shortfall");
        equal(market.shortfall(), 100_000e18 - held, "50: shortfall");
        uint256 ofAlice = uint256(settle(alice, call));
        uint256 ofBob = uint256(settle(bob, call));
        near(ofAlice, held * 3 / 5, 1, "50: the same share");
        near(ofBob, held * 2 / 5, 1, "50: the same share");
        check(ofAlice + ofBob <= held, "50: more than there was");
        near(market.unpaidTotal(), 100_000e18 - held, 2, "50: recorded");
    }

    /// @dev Else who sells first gets all, out of others' money, and who holds to the end gets nothing.
    function test_50_a_pool_that_cannot_pay_buys_nothing_back() public {
        (,, uint256 required) = market.previewTrade(bob, put, -90e18, 0);
        sell(bob, put, 90e18, required);
        buy(alice, put, 90e18);
        uint256 free = pool.maxWithdraw(depositor);
        vm.prank(depositor);
        pool.withdraw(free, depositor, depositor);
        setPrice(1_300e18);
        reportFlat(0.6e18);
        market.liquidate(bob, put); // closing one now sets more free than it costs
        uint256 most = uint256(market.poolCash()) * 1e18 / market.markOf(put);
        check(most < 80e18, "it could pay");
        expectError(IOptionMarket.InsufficientLiquidity.selector);
        sell(alice, put, most * 11 / 10, 0);
        sell(alice, put, most / 2, 0); // what it can pay it does
        check(market.poolCash() >= 0, "50: others' money");
    }

    function test_base_is_sold_before_longs_lose() public {
        _bindNothing();
        base.mint(bob, 40e18);
        vm.startPrank(bob);
        base.approve(address(market), ANY);
        market.trade(call, -40e18, 0, 0, 40e18);
        vm.stopPrank();
        buy(alice, call, 40e18);
        uint256 free = pool.maxRedeem(depositor);
        vm.prank(depositor);
        pool.redeem(free, depositor, depositor);
        expire(4_000e18);
        settle(bob, call);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.SellBaseFirst.selector, 20e18));
        market.settle(alice, call);
        give(carol, 80_000e18);
        fundAccount(carol, 80_000e18);
        vm.prank(carol);
        market.buyBase(20e18, ANY);
        same(settle(alice, call), 80_000e18, "paid in full");
    }

    function test_the_fund_is_not_withdrawn_while_longs_are_owed() public {
        seedFund(1_000e18);
        buy(alice, call, 1e18);
        expire(2_500e18);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.FundTooSmall.selector, 1e18, 0));
        market.withdrawFund(address(this), 1e18);
        settle(alice, call);
        market.withdrawFund(address(this), 1e18);
    }

    function test_the_pool_is_worth_its_cash_less_what_its_options_pay() public {
        buy(alice, call, 10e18);
        int256 before = market.poolCapital();
        check(before > int256(POOL), "it earned the spread");
        expire(2_500e18);
        same(market.poolCapital(), market.poolCash() - 5_000e18, "frozen");
        settle(alice, call);
        same(market.poolCapital(), market.poolCash(), "settled");
    }

    /// @dev Who knows of the loss and leaves before settlement takes no more than the share of what is left.
    function test_a_depositor_leaves_no_loss_to_others_by_going_first() public {
        give(carol, POOL);
        vm.startPrank(carol);
        dollar.approve(address(pool), ANY);
        pool.deposit(POOL, carol);
        vm.stopPrank();
        buy(alice, call, 500e18);
        expire(4_000e18);
        uint256 shares = pool.balanceOf(carol);
        vm.prank(carol);
        uint256 got = pool.redeem(shares, carol, carol);
        settle(alice, call);
        near(got, pool.totalAssets(), 1e6, "the same for both");
    }
}
