// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOptionMarket} from "../../contracts/interfaces/IOptionMarket.sol";
import {BlackScholes} from "../../contracts/math/BlackScholes.sol";
import {DownAndOutPut} from "../../contracts/options/DownAndOutPut.sol";
import {OptionGovernance} from "../../contracts/options/OptionGovernance.sol";
import {OptionId} from "../../contracts/options/OptionId.sol";
import {OptionSystem} from "./OptionSystem.sol";

contract OptionBarrierTest is OptionSystem {
    uint256 private constant KIND = 2;

    DownAndOutPut private kind;
    uint256 private id;

    function setUp() public {
        deployOptions();
        fundAccount(alice, 100_000e18);
        fundAccount(bob, 100_000e18);
        kind = new DownAndOutPut(feed, 0.7e18, 1 hours);
        market.setKind(KIND, kind);
        id = market.list(MONTH, PRICE, KIND);
        kind.watch(id);
    }

    /// @dev By arithmetic of fifty digits: S 100, K 100, H 90, r .1, q 0, sd .25, a year.
    function test_the_price_is_the_closed_form() public {
        DownAndOutPut at90 = new DownAndOutPut(feed, 0.9e18, 0);
        BlackScholes.Terms memory t = BlackScholes.Terms(100e18, 100e18, 0.25e18, 365 days, 0.1e18, 0);
        near(at90.value(OptionId.pack(MONTH, 100e18, KIND), t), EXPECTED, 1e5, "price");
    }

    uint256 private constant EXPECTED = 74_974_033_926_062_809; // also the integral of the density that the mirror leaves

    function testFuzz_47_it_is_worth_no_more_than_the_plain_put_and_nothing_at_the_barrier(uint256 spot, uint256 time)
        public
        view
    {
        BlackScholes.Terms memory t;
        (t.strike, t.volatility, t.time, t.rate) = (PRICE, 0.6e18, within(time, 1, 365 days), 0.03e18);
        t.spot = within(spot, PRICE / 2, PRICE * 3);
        uint256 value = kind.value(id, t);
        (, uint256 plain) = BlackScholes.prices(t);
        check(value <= plain, "47: above the plain put");
        check(t.spot > PRICE * 7 / 10 || value == 0, "47: alive below the barrier");
        t.spot = PRICE * 7 / 10 + 1e8;
        check(kind.value(id, t) < 1e15, "47: a step at the barrier");
    }

    function test_a_low_barrier_leaves_the_plain_put() public {
        DownAndOutPut low = new DownAndOutPut(feed, 0.01e18, 0);
        BlackScholes.Terms memory t = BlackScholes.Terms(PRICE, PRICE, 0.6e18, 30 days, 0.05e18, 0.02e18);
        (, uint256 plain) = BlackScholes.prices(t);
        near(low.value(id, t), plain, 1e5, "plain");
    }

    function test_it_is_cheaper_than_the_plain_put_and_trades_like_it() public {
        (uint256 price,, uint256 required) = market.previewTrade(alice, id, 1e18, 0);
        (uint256 plain,,) = market.previewTrade(alice, put, 1e18, 0);
        check(price < plain && required == 0, "cheaper");
        equal(buy(alice, id, 1e18), price, "53: preview");
        uint256 sold = sell(alice, id, 1e18, 0);
        check(sold < price, "spread");
    }

    function test_a_round_at_the_barrier_kills_it() public {
        buy(alice, id, 1e18);
        skip(1 days);
        setPrice(1_400e18);
        uint80 round = feed.latestRound();
        setPrice(1_500e18);
        reportFlat(0.6e18);
        check(market.markOf(id) > 0, "nobody has shown it yet");
        vm.expectRevert(abi.encodeWithSelector(DownAndOutPut.AboveBarrier.selector, int256(1_500e8), 1_400e18));
        kind.knockOut(id, round + 1);
        kind.knockOut(id, round);
        equal(market.markOf(id), 0, "dead");
        expire(1_500e18);
        same(settle(alice, id), 0, "pays nothing");
    }

    function test_rounds_before_it_was_watched_or_after_expiry_do_not_count() public {
        uint256 other = market.list(MONTH, PRICE * 3 / 2, KIND);
        skip(1);
        setPrice(1_000e18);
        uint80 round = feed.latestRound();
        vm.expectRevert(abi.encodeWithSelector(DownAndOutPut.RoundNotCounted.selector, START + 1, 0, MONTH));
        kind.knockOut(other, round);
        skip(1);
        kind.watch(other);
        expectError(DownAndOutPut.RoundNotCounted.selector);
        kind.knockOut(other, round);
        vm.expectRevert(abi.encodeWithSelector(DownAndOutPut.AlreadyWatched.selector, other, START + 2));
        kind.watch(other);
        vm.warp(MONTH + 1);
        setPrice(1_000e18);
        round = feed.latestRound();
        expectError(DownAndOutPut.RoundNotCounted.selector);
        kind.knockOut(id, round);
    }

    function test_its_payoff_waits_for_reports_while_plain_options_settle() public {
        buy(alice, id, 1e18);
        buy(bob, put, 1e18);
        expire(1_500e18);
        same(settle(bob, put), 500e18, "plain");
        vm.expectRevert(abi.encodeWithSelector(IOptionMarket.NotFrozen.selector, id));
        market.settle(alice, id);
        skip(1 hours);
        market.freeze(MONTH);
        same(settle(alice, id), 500e18, "lived");
    }

    function test_a_writer_needs_at_most_what_it_can_pay() public {
        for (uint256 volatility = 0.89e18; volatility < 3e18; volatility = volatility * 3 / 2) {
            reportFlat(volatility);
        }
        uint256 most = kind.mostPaid(id);
        equal(most, 600e18, "strike less barrier");
        check(market.requiredOf(alice, id, true) == 0, "nobody wrote");
        skip(1 hours);
        setPrice(1_410e18);
        reportFlat(2.9e18);
        (,, uint256 required) = market.previewTrade(alice, id, -1e18, 0);
        check(required <= most, "capped");
    }

    function test_a_kind_is_set_once() public {
        vm.expectRevert(abi.encodeWithSelector(OptionGovernance.KindKnown.selector, KIND));
        market.setKind(KIND, kind);
    }
}
