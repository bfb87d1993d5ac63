// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOptionMarket} from "../../contracts/interfaces/IOptionMarket.sol";
import {IVolSurface} from "../../contracts/interfaces/IVolSurface.sol";
import {Bounded} from "../../contracts/math/Bounded.sol";
import {OptionGovernance} from "../../contracts/options/OptionGovernance.sol";
import {OptionId} from "../../contracts/options/OptionId.sol";
import {OptionSystem} from "./OptionSystem.sol";

contract OptionMarketTest is OptionSystem {
    function setUp() public {
        deployOptions();
        fundAccount(alice, 100_000e18);
        fundAccount(bob, 100_000e18);
    }

    function _expectBooks() private view {
        uint256 claims = market.fund() + uint256(market.cashOf(alice) + market.cashOf(bob) + market.cashOf(keeper));
        claims += uint256(market.poolCash());
        claims += collateralOf(alice, call) + collateralOf(alice, put);
        claims += collateralOf(bob, call) + collateralOf(bob, put);
        equal(claims, dollar.balanceOf(address(market)), "49: books");
    }

    // ----------------------------------------------------------------- trades

    function test_a_buyer_pays_the_price_above_the_mark_and_a_writer_gets_less() public {
        uint256 mark = market.markOf(call);
        uint256 bought = buy(alice, call, 1e18);
        uint256 sold = sell(alice, call, 1e18, 0);
        check(bought > mark && sold < mark, "spread");
        same(sizeOf(alice, call), 0, "closed");
        check(market.cashOf(alice) < 100_000e18, "a round trip cost nothing");
        _expectBooks();
    }

    function testFuzz_53_a_preview_is_what_happens(uint256 size, bool buys, bool ofCall) public {
        (uint256 id, int256 delta) = (ofCall ? call : put, int256(within(size, 0.01e18, 50e18)));
        if (!buys) delta = -delta;
        (uint256 price, uint256 fee, uint256 required) = market.previewTrade(alice, id, delta, 0);
        int256 before = market.cashOf(alice);
        vm.prank(alice);
        uint256 got = market.trade(id, delta, buys ? ANY : 0, int256(required), 0);
        equal(got, price, "53: price");
        int256 paid = before - market.cashOf(alice) - int256(buys ? 0 : required);
        int256 gap = paid - int256(fee) - delta * int256(price) / 1e18;
        check(gap >= 0 && gap <= 1, "53: what was paid");
        equal(market.requiredOf(alice, id, !buys), required, "53: required");
    }

    function test_53_one_unit_of_collateral_less_than_previewed_is_refused() public {
        (,, uint256 required) = market.previewTrade(alice, put, -1e18, 0);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.InsufficientMargin.selector, required - 1, required));
        market.trade(put, -1e18, 0, int256(required) - 1, 0);
    }

    /// @dev Calls and puts of one strike, at one surface and price: whoever ends where they began has lost.
    function testFuzz_48_no_sequence_of_trades_at_one_surface_gains(uint256[6] memory sizes, uint256 sides) public {
        market.setQuotes(IOptionMarket.QuoteConfig(0, 2_000e18, 0.5e18, 0, 0, 0)); // no spread and no fee
        fundAccount(alice, 10_000_000e18);
        int256 before = market.cashOf(alice);
        for (uint256 i; i < 6; ++i) {
            int256 size = int256(within(sizes[i], 0.01e18, 30e18));
            uint256 id = sides >> (2 * i) & 1 == 0 ? call : put;
            if (sides >> (2 * i + 1) & 1 == 0) size = -size;
            int256 then_ = sizeOf(alice, id) + size;
            if (then_ < 0.01e18 && then_ > -0.01e18) continue;
            vm.prank(alice);
            market.trade(id, size, size > 0 ? ANY : 0, then_ < 0 && size < 0 ? int256(-then_) * 2_500 : int256(0), 0);
        }
        int256 left = sizeOf(alice, put);
        if (left != 0) _close(put, left);
        left = sizeOf(alice, call);
        if (left != 0) _close(call, left);
        check(market.cashOf(alice) <= before, "48: a sequence gained");
        check(market.poolCapital() >= int256(POOL), "48: the pool lost");
    }

    function _close(uint256 id, int256 size) private {
        vm.prank(alice);
        market.trade(id, -size, size < 0 ? ANY : 0, 0, 0);
    }

    function test_inventory_makes_a_strike_dearer_for_calls_and_puts_alike() public {
        (uint256 before,,) = market.previewTrade(bob, put, 1e18, 0);
        (uint256 beforeCall,,) = market.previewTrade(bob, call, 1e18, 0);
        buy(alice, call, 200e18);
        (uint256 later,,) = market.previewTrade(bob, put, 1e18, 0);
        (uint256 laterCall,,) = market.previewTrade(bob, call, 1e18, 0);
        check(later > before, "dearer");
        equal(later - before, laterCall - beforeCall, "parity of the quotes");
    }

    function test_a_limit_is_kept() public {
        (uint256 price,,) = market.previewTrade(alice, call, 1e18, 0);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.PriceLimit.selector, price, price - 1));
        market.trade(call, 1e18, price - 1, 0, 0);
        (price,,) = market.previewTrade(alice, call, -1e18, 0);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.PriceLimit.selector, price, price + 1));
        market.trade(call, -1e18, price + 1, 2_500e18, 0);
    }

    function test_nobody_pays_with_money_they_do_not_have() public {
        vm.prank(carol);
        expectError(IOptionMarket.InsufficientCash.selector);
        market.trade(call, 1e18, ANY, 0, 0);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.InsufficientCash.selector, 100_001e18, int256(100_000e18)));
        market.withdraw(100_001e18, alice);
    }

    // -------------------------------------------------------------- bad input

    function test_what_is_not_listed_is_not_traded() public {
        uint256 id = OptionId.pack(MONTH, PRICE + 1e18, OptionId.PUT);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.NotListed.selector, id));
        market.trade(id, 1e18, ANY, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.NotListed.selector, id));
        market.markOf(id);
    }

    function test_zero_and_dust_are_refused() public {
        vm.startPrank(alice);
        vm.expectRevert(IOptionMarket.NoTrade.selector);
        market.trade(call, 0, ANY, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.DustSize.selector, 0.009e18, 0.01e18));
        market.trade(call, 0.009e18, ANY, 0, 0);
        market.trade(call, 0.015e18, ANY, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.DustSize.selector, 0.005e18, 0.01e18));
        market.trade(call, -0.01e18, 0, 0, 0);
        market.trade(call, -0.015e18, 0, 0, 0);
        vm.stopPrank();
    }

    function test_trading_ends_before_expiry() public {
        goTo(MONTH - 10 minutes, PRICE);
        buy(alice, call, 1e18);
        goTo(MONTH - 10 minutes + 1, PRICE);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.TradingClosed.selector, MONTH, 10 minutes));
        market.trade(call, 1e18, ANY, 0, 0);
        goTo(MONTH, PRICE);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IVolSurface.SeriesExpired.selector, MONTH, MONTH));
        market.trade(call, 1e18, ANY, 0, 0);
    }

    function test_a_stale_surface_stops_trading() public {
        skip(20 minutes + 1);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IVolSurface.StaleSurface.selector, 1201, 1200));
        market.trade(call, 1e18, ANY, 0, 0);
    }

    function test_the_breaker_stops_trading_but_no_liquidation() public {
        (,, uint256 required) = market.previewTrade(alice, call, -10e18, 0);
        sell(alice, call, 10e18, required);
        reportFlat(2e18);
        vm.prank(bob);
        expectError(IVolSurface.VolatilityHalted.selector);
        market.trade(call, 1e18, ANY, 0, 0);
        vm.prank(keeper);
        market.liquidate(alice, call);
        same(sizeOf(alice, call), 0, "liquidated");
    }

    function test_a_strike_of_too_much_inventory_is_refused() public {
        give(alice, 10_000_000e18);
        vm.prank(alice);
        market.deposit(alice, 10_000_000e18);
        market.setLimits(IOptionMarket.LimitConfig(0.01e18, 0, 10 minutes, 400 days, 0));
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.InventoryExceeded.selector, 1_000e18 + 1, 1_000e18));
        market.trade(call, 1_000e18 + 1, ANY, 0, 0);
        buy(alice, call, 1_000e18);
        expectError(IOptionMarket.InventoryExceeded.selector);
        buy(alice, put, 1e18);
        sell(alice, call, 1e18, 0); // what takes it back goes through
    }

    function test_the_pool_sells_no_more_than_it_can_bear() public {
        give(alice, 10_000_000e18);
        vm.prank(alice);
        market.deposit(alice, 10_000_000e18);
        market.setQuotes(IOptionMarket.QuoteConfig(0.02e18, 100_000e18, 0.5e18, 0.0003e18, 0.125e18, 0.2e18));
        buy(alice, call, 5_000e18); // 1,000 Dollars each are bound
        expectError(IOptionMarket.InsufficientLiquidity.selector);
        buy(alice, put, 3_000e18);
        (int256 free, uint256 bound) = (int256(pool.maxWithdraw(depositor)), market.totalReserve());
        check(bound == 5_000_000e18 && free < int256(POOL), "bound capital stays");
    }

    function test_deep_in_the_money_is_worth_its_exercise_and_no_unit_less() public {
        uint256 id = market.list(START + 1 days, PRICE * 9, OptionId.PUT);
        equal(market.markOf(id), PRICE * 8, "put");
        id = market.list(START + 1 days, PRICE / 9, OptionId.CALL);
        equal(market.markOf(id), PRICE - PRICE / 9, "call");
    }

    function test_moments_before_expiry_prices_are_those_of_exercise() public {
        goTo(MONTH - 1, PRICE * 11 / 10);
        near(market.markOf(call), PRICE / 10, 1e6, "call");
        check(market.markOf(put) == 0, "put");
    }

    function test_the_number_of_series_is_bounded() public {
        for (uint256 i = 2; i < 64; ++i) {
            market.list(MONTH, PRICE + i * 1e18, OptionId.CALL);
        }
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.TooManySeries.selector, 65, 64));
        market.list(MONTH, PRICE + 100e18, OptionId.CALL);
        market.delist(call);
        market.list(MONTH, PRICE + 100e18, OptionId.CALL);
    }

    function test_series_are_listed_by_listers_once_and_within_bounds() public {
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(OptionGovernance.NotLister.selector, alice));
        market.list(MONTH, PRICE, OptionId.PUT);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.AlreadyListed.selector, put));
        market.list(MONTH, PRICE, OptionId.PUT);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.UnknownKind.selector, 2));
        market.list(MONTH, PRICE, 2);
        vm.expectRevert(
            abi.encodeWithSelector(Bounded.OutOfBounds.selector, START, START + 10 minutes + 1, START + 400 days)
        );
        market.list(START, PRICE, OptionId.PUT);
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 1, PRICE / 10, PRICE * 10));
        market.list(MONTH, 1, OptionId.PUT);
        buy(alice, put, 1e18);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.SeriesOpen.selector, 1e18, 0));
        market.delist(put);
    }

    // ---------------------------------------------------------------- writing

    function test_51_a_put_covered_by_its_strike_is_never_liquidated() public {
        sell(alice, put, 10e18, 20_000e18);
        goTo(MONTH - 1 hours, 1e18);
        expectError(IOptionMarket.PositionHealthy.selector);
        market.liquidate(alice, put);
        reportFlat(2.9e18);
        check(market.requiredOf(alice, put, false) <= 20_000e18, "the most that can be lost");
    }

    function _writeCovered(address who, uint256 size) private {
        base.mint(who, size);
        vm.startPrank(who);
        base.approve(address(market), ANY);
        market.trade(call, -int256(size), 0, 0, int256(size));
        vm.stopPrank();
    }

    function test_51_a_covered_call_is_never_liquidated_and_pays_in_base() public {
        _writeCovered(alice, 10e18);
        buy(bob, call, 10e18);
        goTo(MONTH - 1 hours, PRICE * 3);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.NoPosition.selector, alice, call));
        market.liquidate(alice, call);
        expire(PRICE * 2); // each pays 2,000 Dollars, half a unit of base
        settle(alice, call);
        equal(market.baseOf(alice), 5e18, "left");
        equal(market.poolBase(), 5e18, "paid");
        int256 before = market.cashOf(bob);
        settle(bob, call);
        same(market.cashOf(bob) - before, 20_000e18, "payoff");
        vm.prank(alice);
        market.withdrawBase(alice);
        equal(base.balanceOf(alice), 5e18, "taken");
        _expectBooks();
    }

    function test_the_pools_base_is_sold_at_the_index_less_the_discount() public {
        _writeCovered(alice, 10e18);
        expire(PRICE * 2);
        settle(alice, call);
        reportFlat(0.6e18);
        vm.startPrank(bob);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.PriceLimit.selector, 3_980e18, 3_979e18));
        market.buyBase(1e18, 3_979e18);
        equal(market.buyBase(100e18, 3_980e18), 5 * 3_980e18, "paid");
        vm.stopPrank();
        equal(base.balanceOf(bob), 5e18, "bought");
        equal(market.poolBase(), 0, "left");
    }

    function test_base_covers_calls_only() public {
        base.mint(alice, 1e18);
        vm.startPrank(alice);
        base.approve(address(market), ANY);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.UnknownKind.selector, 1));
        market.trade(put, -1e18, 0, 0, 1e18);
        vm.stopPrank();
    }

    function test_51_collateral_above_initial_margin_can_be_taken_back_and_no_more() public {
        sell(alice, put, 10e18, 20_000e18);
        uint256 required = market.requiredOf(alice, put, true);
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.InsufficientMargin.selector, required - 1, required));
        market.adjust(put, int256(required) - 1 - 20_000e18, 0);
        market.adjust(put, int256(required) - 20_000e18, 0);
        vm.stopPrank();
        equal(collateralOf(alice, put), required, "left");
        _expectBooks();
    }

    function test_closing_a_position_frees_its_collateral() public {
        sell(alice, put, 10e18, 20_000e18);
        buy(alice, put, 10e18);
        equal(collateralOf(alice, put), 0, "collateral");
        _expectBooks();
    }

    function test_margin_is_the_part_of_the_index_less_what_is_out_of_the_money() public {
        uint256 id = market.list(MONTH, PRICE * 9 / 10, OptionId.PUT); // 200 out of the money
        uint256 mark = market.markOf(id);
        (,, uint256 required) = market.previewTrade(alice, id, -1e18, 0);
        near(required, mark + 180e18, 2, "the least: a tenth of the strike");
        (,, required) = market.previewTrade(alice, put, -1e18, 0);
        near(required, market.markOf(put) + 300e18, 2, "at the money: 15 %");
        reportFlat(0.89e18);
        reportFlat(1.3e18);
        reportFlat(1.9e18);
        reportFlat(2.8e18);
        id = market.list(START + 400 days, PRICE, OptionId.PUT);
        (,, required) = market.previewTrade(alice, id, -1e18, 0);
        equal(required, PRICE, "at most what can be lost");
    }

    function test_a_guarantor_writes_on_its_word_up_to_its_credit() public {
        market.setGuarantor(carol, true, 1_000e18);
        sell(carol, put, 10e18, 0);
        equal(market.requiredOf(carol, put, true), 0, "required");
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.NoPosition.selector, carol, put));
        market.liquidate(carol, put);
        uint256 price = market.markOf(call);
        check(price > 100e18, "a call costs more than the credit for ten");
        expectError(IOptionMarket.InsufficientCash.selector);
        buy(carol, call, 20e18);
    }

    // -------------------------------------------------------------- liquidate

    function _exposed(uint256 size) private returns (uint256 required) {
        (,, required) = market.previewTrade(alice, put, -int256(size), 0);
        sell(alice, put, size, required);
    }

    function test_a_safe_position_is_left_alone() public {
        uint256 required = _exposed(10e18);
        uint256 maintenance = market.requiredOf(alice, put, false);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.PositionHealthy.selector, required, maintenance));
        market.liquidate(alice, put);
    }

    function test_50_a_liquidation_pays_out_of_collateral_first() public {
        _exposed(10e18);
        seedFund(10_000e18);
        setPrice(PRICE * 85 / 100);
        (uint256 size, uint256 cost, uint256 fee) = market.previewLiquidation(alice, put);
        (uint256 fund, int256 cash) = (market.fund(), market.poolCash());
        uint256 collateral = collateralOf(alice, put);
        int256 free = market.cashOf(alice);
        vm.prank(keeper);
        equal(market.liquidate(alice, put), cost, "53: cost");
        equal(size, 10e18, "size");
        same(market.poolCash() - cash, int256(cost), "50: pool");
        same(market.cashOf(keeper), int256(fee / 2), "reward");
        equal(market.fund() - fund, fee - fee / 2, "50: fund");
        same(market.cashOf(alice) - free, int256(collateral - cost - fee), "rest");
        _expectBooks();
    }

    function test_50_what_collateral_does_not_cover_the_fund_pays_then_the_pool() public {
        _exposed(10e18);
        uint256 collateral = collateralOf(alice, put);
        int256 free = market.cashOf(alice);
        setPrice(PRICE / 2); // overnight
        (, uint256 cost, uint256 fee) = market.previewLiquidation(alice, put);
        uint256 missing = cost - collateral;
        check(missing > 2_000e18 && fee == 0, "a gap");
        seedFund(2_000e18 - market.fund());
        int256 cash = market.poolCash();
        market.liquidate(alice, put);
        equal(market.fund(), 0, "50: fund");
        same(market.poolCash() - cash, int256(collateral + 2_000e18), "50: pool bears the rest");
        same(market.cashOf(alice), free, "isolated");
        _expectBooks();
    }

    function test_only_what_is_not_covered_is_bought_back() public {
        base.mint(alice, 4e18);
        vm.startPrank(alice);
        base.approve(address(market), ANY);
        (,, uint256 required) = market.previewTrade(alice, call, -10e18, 4e18);
        market.trade(call, -10e18, 0, int256(required), 4e18);
        vm.stopPrank();
        setPrice(PRICE * 13 / 10);
        market.liquidate(alice, call);
        same(sizeOf(alice, call), -4e18, "covered part stays");
        equal(market.positionOf(alice, call).base, 4e18, "base stays");
    }

    function test_51_a_withdrawal_between_shock_and_liquidation_takes_no_collateral() public {
        uint256 required = _exposed(10e18);
        setPrice(PRICE * 9 / 10);
        vm.prank(alice);
        expectError(IOptionMarket.InsufficientMargin.selector);
        market.adjust(put, -1e18, 0);
        equal(collateralOf(alice, put), required, "collateral");
    }

    function test_paired_accounts_gain_nothing_from_each_others_default() public {
        seedFund(5_000e18);
        uint256 fund = market.fund();
        (,, uint256 required) = market.previewTrade(alice, put, -10e18, 0);
        sell(alice, put, 10e18, required);
        buy(bob, put, 10e18);
        setPrice(PRICE * 85 / 100);
        market.liquidate(alice, put);
        sell(bob, put, 10e18, 0);
        check(market.cashOf(alice) + market.cashOf(bob) < 200_000e18, "paired");
        check(market.fund() >= fund, "the fund paid");
    }

    // ----------------------------------------------------------------- pauses

    function test_a_pause_stops_what_it_says() public {
        market.setPause(true, true);
        vm.startPrank(alice);
        vm.expectRevert(IOptionMarket.MarketPaused.selector);
        market.trade(call, 1e18, ANY, 0, 0);
        vm.expectRevert(IOptionMarket.MarketPaused.selector);
        market.withdraw(1e18, alice);
        vm.stopPrank();
        equal(pool.maxWithdraw(depositor), 0, "pool");
    }

    function test_only_the_pool_and_the_owner_do_what_is_theirs() public {
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.NotPool.selector, alice));
        market.poolWithdraw(alice, 1);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.NotPool.selector, alice));
        market.poolDeposit(alice, 1);
        expectError(bytes4(keccak256("Unauthorized()")));
        market.setGuarantor(alice, true, 1);
        expectError(bytes4(keccak256("Unauthorized()")));
        market.withdrawFund(alice, 1);
        vm.stopPrank();
        vm.expectRevert(IOptionMarket.PoolKnown.selector);
        market.setPool(alice);
    }

    function test_parameters_have_bounds() public {
        IOptionMarket.QuoteConfig memory q = quoteRules();
        q.maxShift = 0.89e18;
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 0.89e18, 0, 0.88e18));
        market.setQuotes(q);
        IOptionMarket.MarginConfig memory m = marginRules();
        m.maintenanceRatio = 0.11e18;
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 0.11e18, 0, 0.1e18));
        market.setMargin(m);
        IOptionMarket.LimitConfig memory l = limitRules();
        l.minSize = 0;
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 0, 1, 1e36));
        market.setLimits(l);
    }
}
