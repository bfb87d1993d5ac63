// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IClearinghouse} from "../../contracts/interfaces/IClearinghouse.sol";
import {IInstrument} from "../../contracts/interfaces/IInstrument.sol";
import {IPrice} from "../../contracts/interfaces/IPrice.sol";
import {IRiskModel} from "../../contracts/interfaces/IRiskModel.sol";
import {IOptionMarket} from "../../contracts/interfaces/IOptionMarket.sol";
import {IVolSurface} from "../../contracts/interfaces/IVolSurface.sol";
import {SwapInstrument} from "../../contracts/margin/SwapInstrument.sol";
import {OptionId} from "../../contracts/options/OptionId.sol";
import {PushFeed} from "../../contracts/oracle/PushFeed.sol";
import {ClearingSystem} from "./ClearingSystem.sol";

/// @dev A cheatcode that makes an account's storage cold again.
interface CoolVm {
    function cool(address target) external;
}

contract ClearinghouseTest is ClearingSystem {
    uint256 private ofAlice;
    uint256 private ofBob;

    function setUp() public {
        deployClearing();
        ofAlice = open(alice, standard, 50_000e18);
        ofBob = open(bob, standard, 500_000e18);
    }

    /// @dev With every venue flat: what accounts and funds have is what is there, but for what is missing.
    function _requireBooks() private view {
        int256 claims = int256(house.houseFund() + house.membersFund());
        for (uint256 account = 1; account <= house.count(); ++account) {
            claims += cashAt(account);
        }
        same(claims, int256(dollar.balanceOf(address(house)) + house.shortfall()), "56: books");
    }

    // ------------------------------------------------------------- instruments

    function test_an_option_costs_the_account_what_the_market_takes() public {
        (uint256 price, uint256 fee,) = market.previewTrade(address(options), call, 10e18, 0);
        int256 cash = tradeAt(alice, ofAlice, address(options), call, 10e18);
        check(-cash - int256(price * 10 + fee) <= 1, "cost");
        same(cashAt(ofAlice), 50_000e18 + cash, "cash");
        same(market.cashOf(address(options)), 0, "nothing stays at the market");
        _requireBooks();
    }

    function test_equity_is_cash_and_values_at_the_mark() public {
        tradeAt(alice, ofAlice, address(options), call, 10e18);
        (int256 equity, uint256 required) = house.marginOf(ofAlice, true);
        near(uint256(equity), uint256(cashAt(ofAlice)) + 10 * market.markOf(call), 1e6, "equity");
        near(required, 10 * market.markOf(call), 10, "a held option has no loan value");
    }

    function test_accounts_net_at_the_market() public {
        tradeAt(alice, ofAlice, address(options), call, 10e18);
        tradeAt(bob, ofBob, address(options), call, -10e18);
        same(market.positionOf(address(options), call).size, 0, "net");
        _requireBooks();
    }

    function test_a_perpetual_gains_what_the_price_moves_less_costs() public {
        tradeAt(alice, ofAlice, address(perps), 0, 10e18);
        (int256 before,) = house.marginOf(ofAlice, true);
        check(before < 50_000e18 && before > 49_950e18, "fees");
        setPrice(2_100e18);
        reportFlat(0.6e18);
        (int256 equity,) = house.marginOf(ofAlice, true);
        near(uint256(equity - before), 1_000e18, 1e17, "gain");
        tradeAt(alice, ofAlice, address(perps), 0, -10e18);
        check(cashAt(ofAlice) > 50_950e18, "realised");
        same(perpMarket.exitEquityOf(address(perps)), 0, "nothing stays at the venue");
        _requireBooks();
    }

    function test_funding_is_paid_by_who_holds() public {
        tradeAt(bob, ofBob, address(perps), 0, 100e18);
        int256 carry = perps.carryOf(0);
        for (uint256 i; i < 12; ++i) {
            goTo(block.timestamp + 1 hours, PRICE);
        }
        int256 charged = perps.carryOf(0) - carry;
        check(charged > 0, "longs pay");
        int256 cash = cashAt(ofBob);
        int256 got = tradeAt(bob, ofBob, address(perps), 0, -100e18);
        int256 paid = cash + got - cashAt(ofBob);
        near(uint256(paid), uint256(100e18 * charged / 1e27), 1, "funding");
        _requireBooks();
    }

    function test_squared_tokens_are_minted_to_and_brought_by_owners() public {
        tradeAt(alice, ofAlice, address(powers), 0, -10e18);
        equal(power.balanceOf(alice), 10e18, "minted");
        (int256 equity, uint256 required) = house.marginOf(ofAlice, true);
        same(equity, 46_000e18, "owed at the index");
        equal(required, 2_000e18, "half of it");
        vm.startPrank(alice);
        power.transfer(bob, 10e18);
        vm.stopPrank();
        vm.prank(bob);
        power.approve(address(powers), ANY);
        tradeAt(bob, ofBob, address(powers), 0, 10e18);
        equal(power.totalSupply(), 0, "netted");
        _requireBooks();
    }

    function _offered(bool makerIsLong) private returns (uint256 id) {
        give(carol, 1_000_000e18);
        vm.startPrank(carol);
        dollar.approve(address(variances), ANY);
        id = variances.offer(makerIsLong, START + 1 days, 5, 0.36e18, 12_000e18);
        vm.stopPrank();
    }

    function test_a_variance_swap_is_worth_what_implied_variance_would_make_of_it() public {
        uint256 id = _offered(false);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(SwapInstrument.WrongSide.selector, -1e18));
        house.trade(ofAlice, address(swaps), id, -1e18, 0);
        same(tradeAt(alice, ofAlice, address(swaps), id, 1e18), -3_600e18, "what long can lose");
        (int256 equity,) = house.marginOf(ofAlice, true);
        near(uint256(equity), 50_000e18, 1e12, "implied is the strike");
        reportFlat(0.84e18);
        (equity,) = house.marginOf(ofAlice, true);
        near(uint256(equity), 53_456e18, 1e15, "(.84^2 - .6^2) x 12,000 / 1.2");
        (, uint256 required) = portfolio.margin(ofAlice, false);
        check(required > 3_000e18 && required <= 7_056e18, "at most what it is worth");
    }

    function test_moves_that_nobody_has_counted_yet_are_worth_implied_variance_after_the_end_too() public {
        tradeAt(alice, ofAlice, address(swaps), _offered(true), -1e18);
        goTo(START + 6 days - 1, PRICE);
        (int256 before,) = house.marginOf(ofAlice, true);
        goTo(START + 6 days, PRICE);
        (int256 equity,) = house.marginOf(ofAlice, true);
        near(uint256(equity), uint256(before), 1e15, "no short gains by what is not sampled");
    }

    function test_a_variance_swap_is_settled_whoever_settles_it() public {
        uint256 id = _offered(true);
        tradeAt(alice, ofAlice, address(swaps), id, -1e18);
        for (uint256 i; i < 6; ++i) {
            vm.warp(START + (1 + i) * 1 days);
            setPrice(PRICE);
            variances.sample(id, feed.latestRound());
        }
        variances.settle(id);
        same(house.settle(ofAlice, address(swaps), id), 9_000e18, "both collaterals");
        same(cashAt(ofAlice), 53_600e18, "won");
        _requireBooks();
    }

    function test_one_margin_serves_everything() public {
        pledge(alice, ofAlice, 10e18);
        tradeAt(alice, ofAlice, address(options), call, -5e18);
        tradeAt(alice, ofAlice, address(options), put, 5e18);
        tradeAt(alice, ofAlice, address(perps), 0, -5e18);
        tradeAt(alice, ofAlice, address(powers), 0, -2e18);
        equal(house.legsOf(ofAlice).length, 4, "legs");
        (int256 equity, uint256 required) = house.marginOf(ofAlice, true);
        check(equity > 60_000e18 && equity < 70_000e18, "equity");
        check(required > 2_000e18 + 1_500e18 && required < 10_000e18, "required");
    }

    function testFuzz_53_a_preview_of_a_trade_is_what_happens(uint256 seed) public {
        tradeAt(bob, ofBob, address(perps), 0, 3e18);
        tradeAt(bob, ofBob, address(options), call, 2e18);
        goTo(START + 2 hours, PRICE);
        (address instrument, uint256 id) = seed % 3 == 0 ? (address(perps), uint256(0)) : (address(options), call);
        if (seed % 3 == 1) id = put;
        int256 size = int256(within(seed >> 8, 0.01e18, 20e18));
        if (seed >> 4 & 1 == 0) size = -size;
        if (id == call && seed >> 5 & 3 == 0) size = -2e18; // closes
        (int256 cash, int256 equity, uint256 required) = house.previewTrade(ofBob, instrument, id, size);
        int256 got = tradeAt(bob, ofBob, instrument, id, size);
        check(got - cash <= 1e3 && cash - got <= 1e3, "53: cash");
        IClearinghouse.Leg[] memory legs = house.legsOf(ofBob);
        int256 then_;
        for (uint256 i; i < legs.length; ++i) {
            if (legs[i].instrument == instrument && legs[i].id == id) then_ = legs[i].size;
        }
        (int256 equityThen, uint256 requiredThen) = house.marginOf(ofBob, size < 0 || then_ > 0);
        // A trade of the perpetual moves its mark, by a part in fifty thousand here.
        int256 gap = equityThen - equity;
        check(gap <= 5e18 && gap >= -5e18, "53: equity");
        near(requiredThen, required, 1e18, "53: required");
    }

    // -------------------------------------------------------------- bad input

    function test_only_the_owner_acts_and_only_with_what_is_known() public {
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.NotOwner.selector, bob, alice));
        house.withdraw(ofAlice, 1e18, bob);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.NotOwner.selector, bob, alice));
        house.trade(ofAlice, address(options), call, 1e18, ANY);
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.UnknownInstrument.selector, bob));
        house.trade(ofAlice, bob, call, 1e18, ANY);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.UnknownModel.selector, bob));
        house.open(false, IRiskModel(bob));
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.UnknownAsset.selector, 1));
        house.depositAsset(ofAlice, 1, 1e18);
        vm.expectRevert(IClearinghouse.NoTrade.selector);
        house.trade(ofAlice, address(options), call, 0, ANY);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(IInstrument.NotClearinghouse.selector, address(this)));
        options.onTrade(alice, call, 1e18, ANY);
        vm.expectRevert(abi.encodeWithSelector(IInstrument.NotClearinghouse.selector, address(this)));
        options.settle(call, 1e18);
    }

    function test_a_change_of_risk_model_is_told_and_needs_the_new_ones_margin() public {
        vm.expectEmit();
        emit IClearinghouse.ModelSet(ofAlice, address(portfolio));
        vm.prank(alice);
        house.setModel(ofAlice, portfolio);
        tradeAt(alice, ofAlice, address(options), put, 100e18);
        tradeAt(alice, ofAlice, address(perps), 0, 100e18);
        vm.prank(alice);
        house.withdraw(ofAlice, 32_000e18, alice);
        vm.prank(alice);
        expectError(IClearinghouse.InsufficientMargin.selector);
        house.setModel(ofAlice, standard);
    }

    function test_an_unlisted_series_is_refused_by_its_market() public {
        uint256 id = OptionId.pack(MONTH, PRICE + 1e18, OptionId.PUT);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.NotListed.selector, id));
        house.trade(ofAlice, address(options), id, 1e18, ANY);
        id = OptionId.pack(MONTH, PRICE, 2);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IInstrument.UnknownSeries.selector, id));
        house.trade(ofAlice, address(options), id, 1e18, ANY);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IInstrument.UnknownSeries.selector, 1));
        house.trade(ofAlice, address(perps), 1, 1e18, ANY);
    }

    function test_too_many_legs_are_refused() public {
        for (uint256 i = 0; i < 48; ++i) {
            uint256 id = market.list(MONTH, PRICE + (i + 1) * 1e18, OptionId.CALL);
            tradeAt(bob, ofBob, address(options), id, 1e18);
        }
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.TooManyLegs.selector, 49, 48));
        house.trade(ofBob, address(options), call, 1e18, ANY);
    }

    function test_an_isolated_account_holds_one_instrument() public {
        vm.startPrank(alice);
        uint256 account = house.open(true, standard);
        house.withdraw(ofAlice, 10_000e18, alice);
        house.deposit(account, 10_000e18);
        house.trade(account, address(perps), 0, 1e18, ANY);
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.WrongInstrument.selector, address(options), address(perps))
        );
        house.trade(account, address(options), call, 1e18, ANY);
        vm.stopPrank();
    }

    function test_collateral_has_a_limit_and_stays_while_it_is_needed() public {
        base.mint(alice, 2_000_000e18);
        vm.startPrank(alice);
        base.approve(address(house), ANY);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.AssetLimit.selector, 1_000_001e18, 1_000_000e18));
        house.depositAsset(ofAlice, 0, 1_000_001e18);
        house.depositAsset(ofAlice, 0, 10e18);
        house.trade(ofAlice, address(options), put, -150e18, 0);
        expectError(IClearinghouse.InsufficientMargin.selector);
        house.trade(ofAlice, address(options), put, -100e18, 0);
        vm.stopPrank();
    }

    function test_57_no_withdrawal_leaves_less_than_initial_margin() public {
        tradeAt(alice, ofAlice, address(options), put, -50e18);
        uint256 room = uint256(roomOf(ofAlice));
        vm.startPrank(alice);
        expectError(IClearinghouse.InsufficientMargin.selector);
        house.withdraw(ofAlice, room + 1, alice);
        house.withdraw(ofAlice, room, alice);
        vm.stopPrank();
        same(roomOf(ofAlice), 0, "57: initial margin stays");
    }

    // ----------------------------------------------------------------- settle

    function test_56_options_are_settled_between_accounts_and_the_market() public {
        tradeAt(alice, ofAlice, address(options), call, 10e18);
        tradeAt(bob, ofBob, address(options), call, -4e18);
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.NotGuarantor.selector, address(this), address(options)));
        market.settle(address(options), call);
        expire(2_500e18);
        same(house.settle(ofAlice, address(options), call), 5_000e18, "long");
        same(house.settle(ofBob, address(options), call), -2_000e18, "short");
        equal(house.legsOf(ofAlice).length + house.legsOf(ofBob).length, 0, "legs");
        _requireBooks();
    }

    function test_between_expiry_and_lock_a_leg_counts_as_exercised() public {
        tradeAt(alice, ofAlice, address(options), call, 10e18);
        int256 cash = cashAt(ofAlice);
        vm.warp(MONTH);
        setPrice(2_300e18);
        (int256 equity,) = house.marginOf(ofAlice, true);
        same(equity, cash + 3_000e18, "at the index");
        expire(2_300e18);
        setPrice(5_000e18);
        (equity,) = house.marginOf(ofAlice, true);
        same(equity, cash + 3_000e18, "at the locked price");
    }

    // ---------------------------------------------------------------- auction

    function _failing(uint256 price) private {
        tradeAt(alice, ofAlice, address(options), put, -100e18);
        setPrice(price);
        reportFlat(0.6e18);
    }

    function test_a_safe_account_is_not_auctioned() public {
        tradeAt(alice, ofAlice, address(options), put, -100e18);
        expectError(IClearinghouse.AccountHealthy.selector);
        house.startAuction(ofAlice);
    }

    function test_57_an_account_in_auction_does_nothing() public {
        _failing(1_470e18);
        house.startAuction(ofAlice);
        vm.startPrank(alice);
        bytes memory error_ = abi.encodeWithSelector(IClearinghouse.InAuction.selector, ofAlice);
        vm.expectRevert(error_);
        house.withdraw(ofAlice, 1e18, alice);
        vm.expectRevert(error_);
        house.trade(ofAlice, address(options), put, 1e18, ANY);
        vm.expectRevert(error_);
        house.setModel(ofAlice, portfolio);
        vm.stopPrank();
        vm.expectRevert(error_);
        house.startAuction(ofAlice);
        expectError(IClearinghouse.InsufficientMargin.selector);
        house.endAuction(ofAlice);
        give(alice, 100_000e18);
        vm.prank(alice);
        house.deposit(ofAlice, 100_000e18);
        house.endAuction(ofAlice);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.NotInAuction.selector, ofAlice));
        house.endAuction(ofAlice);
    }

    function test_a_withdrawal_between_shock_and_liquidation_is_refused() public {
        _failing(1_470e18);
        vm.prank(alice);
        expectError(IClearinghouse.InsufficientMargin.selector);
        house.withdraw(ofAlice, 1e18, alice);
    }

    function test_the_whole_book_is_taken_for_a_falling_share_of_its_equity() public {
        pledge(alice, ofAlice, 1e18);
        _failing(1_470e18);
        house.startAuction(ofAlice);
        (int256 equity, uint256 first, uint256 received) = house.previewTake(ofAlice);
        check(equity > 0 && received == 0, "worth something");
        equal(first, uint256(equity) * 95 / 100, "start");
        skip(10 minutes);
        uint256 paid;
        (equity, paid,) = house.previewTake(ofAlice);
        near(paid, uint256(equity) * 95 * 5 / 600, 1e6, "ten minutes later");
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.TooExpensive.selector, paid, paid - 1));
        house.take(ofAlice, ofBob, paid - 1);
        vm.prank(bob);
        (uint256 got,) = house.take(ofAlice, ofBob, paid);
        equal(got, paid, "58: preview");
        same(cashAt(ofAlice), int256(paid - paid / 50), "the owner's");
        equal(house.houseFund(), paid / 50, "the fund's");
        equal(house.legsOf(ofAlice).length, 0, "legs");
        equal(house.amountOf(ofBob, 0), 1e18, "collateral");
        check(house.legsOf(ofBob)[0].size == -100e18, "position");
    }

    function test_nobody_takes_their_own_or_without_margin() public {
        _failing(1_470e18);
        house.startAuction(ofAlice);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.SameAccount.selector, ofAlice));
        house.take(ofAlice, ofAlice, ANY);
        uint256 poor = open(carol, standard, 100e18);
        vm.prank(carol);
        expectError(IClearinghouse.InsufficientMargin.selector);
        house.take(ofAlice, poor, ANY);
    }

    // -------------------------------------------------------------- waterfall

    function _join(address who, uint256 amount) private {
        give(who, amount);
        vm.startPrank(who);
        dollar.approve(address(house), ANY);
        house.join(amount);
        vm.stopPrank();
    }

    function _fund(uint256 amount) private {
        give(address(this), amount);
        dollar.approve(address(house), ANY);
        house.donate(amount);
    }

    function test_58_a_gap_falls_on_equity_then_house_then_members_then_is_recorded() public {
        _fund(3_000e18);
        _join(carol, 6_000e18);
        _join(keeper, 2_000e18);
        _failing(1_000e18); // overnight
        (int256 equity,) = house.marginOf(ofAlice, false);
        check(equity < -11_000e18, "worse than all funds");
        house.startAuction(ofAlice);
        vm.prank(bob);
        (uint256 paid, uint256 received) = house.take(ofAlice, ofBob, 0);
        check(paid == 0 && received == uint256(-equity), "58: what is missing");
        equal(house.houseFund(), 0, "58: house");
        equal(house.membersFund(), 0, "58: members");
        equal(house.shortfall(), received - 11_000e18, "58: to the wei");
        same(cashAt(ofAlice), 0, "58: nothing is owed twice");
        vm.prank(bob);
        expectError(IClearinghouse.WithdrawalsPaused.selector);
        house.withdraw(ofBob, 500_001e18, bob);
        uint256 short = house.shortfall();
        _fund(short + 5e18);
        equal(house.shortfall(), 0, "58: repaid first");
        equal(house.houseFund(), 5e18, "58: then the house");
    }

    function test_58_members_lose_the_same_share() public {
        _fund(3_000e18);
        _join(carol, 60_000e18);
        _join(keeper, 20_000e18);
        _failing(1_000e18);
        house.startAuction(ofAlice);
        vm.prank(bob);
        (, uint256 received) = house.take(ofAlice, ofBob, 0);
        uint256 loss = received - 3_000e18;
        (uint256 shares,) = house.memberOf(carol);
        vm.startPrank(carol);
        house.announceQuit();
        skip(1 days);
        uint256 ofCarol = house.quit(shares);
        vm.stopPrank();
        near(ofCarol, 60_000e18 - loss * 3 / 4, 1e6, "58: three quarters");
        near(house.membersFund(), 20_000e18 - loss / 4, 1e6, "58: one quarter");
    }

    function test_an_account_worth_nothing_is_taken_for_a_rising_reward() public {
        _fund(100_000e18);
        _failing(1_200e18);
        house.startAuction(ofAlice);
        (int256 equity, uint256 required) = house.marginOf(ofAlice, false);
        skip(15 minutes);
        (, uint256 paid, uint256 received) = house.previewTake(ofAlice);
        equal(paid, 0, "paid");
        (equity, required) = house.marginOf(ofAlice, false);
        near(received, uint256(-equity) + required / 8, 1e6, "a quarter of half the requirement");
    }

    function test_a_member_does_not_leave_before_its_time_or_while_an_auction_runs() public {
        _join(carol, 6_000e18);
        (uint256 shares,) = house.memberOf(carol);
        vm.startPrank(carol);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.NotReady.selector, 0));
        house.quit(shares);
        house.announceQuit();
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.NotReady.selector, START + 1 days));
        house.quit(shares);
        vm.stopPrank();
        goTo(START + 1 days, PRICE);
        _failing(1_470e18);
        house.startAuction(ofAlice);
        vm.prank(carol);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.AuctionsOpen.selector, 1));
        house.quit(shares);
    }

    function _pair() private returns (uint256 other) {
        _fund(100_000e18);
        other = open(alice, standard, 50_000e18);
        tradeAt(alice, other, address(options), put, 100e18);
    }

    function test_paired_accounts_gain_nothing_while_margin_covers_the_move() public {
        uint256 other = _pair();
        _failing(1_470e18);
        house.startAuction(ofAlice);
        skip(15 minutes);
        uint256 fund = house.houseFund();
        vm.prank(alice);
        house.take(ofAlice, other, ANY);
        check(house.houseFund() >= fund, "the fund paid");
        check(cashAt(other) + cashAt(ofAlice) < 100_000e18, "paired");
    }

    /// @dev A gap past margin is the one thing that pays them: the fund loses exactly that, and not a unit of reward.
    function test_paired_accounts_gain_at_most_what_a_gap_leaves_uncovered() public {
        uint256 other = _pair();
        _failing(1_000e18);
        house.startAuction(ofAlice);
        (int256 equity,) = house.marginOf(ofAlice, false);
        uint256 fund = house.houseFund();
        vm.prank(alice);
        house.take(ofAlice, other, 0);
        equal(fund - house.houseFund(), uint256(-equity), "more than the gap");
        check(cashAt(other) + cashAt(ofAlice) < 100_000e18 - equity, "paired");
    }

    // -------------------------------------------------------------- portfolio

    function test_59_a_hedged_book_needs_at_most_the_standard_requirement() public {
        pledge(alice, ofAlice, 10e18);
        tradeAt(alice, ofAlice, address(options), put, 10e18); // protective put
        (, uint256 byStandard) = standard.margin(ofAlice, true);
        (, uint256 byPortfolio) = portfolio.margin(ofAlice, true);
        check(byPortfolio <= byStandard, "59: protective put");
        uint256 above = market.list(MONTH, PRICE * 11 / 10, OptionId.CALL);
        tradeAt(alice, ofAlice, address(options), above, -10e18); // collar
        (, byStandard) = standard.margin(ofAlice, true);
        (, byPortfolio) = portfolio.margin(ofAlice, true);
        check(byPortfolio <= byStandard / 2, "59: collar");
        tradeAt(bob, ofBob, address(options), put, -10e18);
        tradeAt(bob, ofBob, address(perps), 0, -10e18);
        tradeAt(bob, ofBob, address(options), call, 10e18); // all of it is nothing
        (, byStandard) = standard.margin(ofBob, true);
        (, byPortfolio) = portfolio.margin(ofBob, true);
        check(byPortfolio < byStandard / 5, "59: a conversion");
    }

    function testFuzz_59_a_paid_for_long_option_never_takes_more_than_its_premium(uint256 seed) public {
        uint256 account = open(carol, portfolio, 5_000_000e18);
        int256[3] memory sizes;
        for (uint256 i; i < 3; ++i) {
            sizes[i] = int256(uint256(keccak256(abi.encode(seed, i))) % 80e18) - 40e18;
            if (sizes[i] < 1e18 && sizes[i] > -1e18) sizes[i] = 1e18;
        }
        tradeAt(carol, account, address(options), call, sizes[0]);
        tradeAt(carol, account, address(options), put, sizes[1]);
        tradeAt(carol, account, address(perps), 0, sizes[2]);
        uint256 strike = within(seed, PRICE / 2, PRICE * 2);
        uint256 id = market.list(MONTH, strike == PRICE ? PRICE + 1e18 : strike, seed % 2);
        for (uint256 i; i < 2; ++i) {
            IRiskModel model = i == 0 ? IRiskModel(address(portfolio)) : IRiskModel(address(standard));
            vm.prank(carol);
            house.setModel(account, model);
            int256 room = roomOf(account);
            int256 cash = tradeAt(carol, account, address(options), id, int256(within(seed >> 8, 1e18, 50e18)));
            check(roomOf(account) + 1e6 >= room + cash, "59: more than the premium");
        }
    }

    function test_the_worst_shock_is_what_is_required() public {
        uint256 account = open(carol, portfolio, 100_000e18);
        tradeAt(carol, account, address(perps), 0, 10e18);
        (, uint256 required) = portfolio.margin(account, false);
        near(required, 10 * 2_000e18 * uint256(31) / 100, 1e18, "30 % down, 1 % contingency");
        (, required) = portfolio.margin(account, true);
        near(required, 10 * 2_000e18 * uint256(385) / 1000, 1e18, "shocks times 1.25");
    }

    function test_a_depeg_and_a_doubtful_oracle_add_to_what_is_required() public {
        uint256 account = open(carol, portfolio, 100_000e18);
        tradeAt(carol, account, address(perps), 0, 10e18);
        (, uint256 calm) = portfolio.margin(account, false);
        PushFeed money = new PushFeed(address(this), address(this), 8, "Dollar / USD");
        PushFeed confidence = new PushFeed(address(this), address(this), 8, "confidence");
        money.report(0.99e8);
        confidence.report(0.55e8);
        portfolio.setAddOns(addOns(), money, confidence);
        (, uint256 required) = portfolio.margin(account, false);
        equal(required, calm, "at the thresholds");
        money.report(0.97e8);
        (, required) = portfolio.margin(account, false);
        near(required - calm, 20_000e18 * uint256(8) / 100, 1e17, "two cents times four");
        confidence.report(0.45e8);
        (, required) = portfolio.margin(account, false);
        near(required - calm, 20_000e18 * uint256(18) / 100, 1e17, "and ten points");
    }

    /// @dev 40 legs on 20 strikes and expiries under 23 shocks and none, cold.
    function test_a_portfolio_margin_check_of_forty_legs_costs_nine_million_gas() public {
        uint256 account = open(carol, portfolio, 5_000_000e18);
        reportSmile();
        for (uint256 i; i < 40; ++i) {
            uint256 expiry = START + (1 + i / 10) * 14 days;
            uint256 id = market.list(expiry, PRICE * (8 + i / 2 % 5) / 10, i % 2);
            tradeAt(carol, account, address(options), id, i % 3 == 0 ? -int256(2e18) : int256(1e18));
        }
        address[8] memory touched = [
            address(house),
            address(portfolio),
            address(options),
            address(market),
            address(surface),
            address(feed),
            address(surface.spotFeed()),
            address(base)
        ];
        for (uint256 i; i < 8; ++i) {
            CoolVm(address(vm)).cool(touched[i]);
        }
        uint256 used = gasleft();
        house.marginOf(account, true);
        used -= gasleft();
        check(used <= 9_000_000, string.concat("gas: ", vm.toString(used)));
    }

    function test_stale_prices_stop_what_needs_margin() public {
        tradeAt(alice, ofAlice, address(options), put, -10e18);
        skip(2 hours);
        vm.prank(alice);
        expectError(IVolSurface.StaleSurface.selector);
        house.withdraw(ofAlice, 1e18, alice);
        reportFlat(0.6e18);
        expectError(IPrice.StalePrice.selector);
        house.startAuction(ofAlice);
    }
}
