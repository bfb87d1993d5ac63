// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IBackstop} from "../../contracts/interfaces/IBackstop.sol";
import {IPerpMarket} from "../../contracts/interfaces/IPerpMarket.sol";
import {Bounded} from "../../contracts/math/Bounded.sol";
import {Backstop} from "../../contracts/perps/Backstop.sol";
import {Guarded} from "../../contracts/perps/Guarded.sol";
import {PerpMarket} from "../../contracts/perps/PerpMarket.sol";
import {PerpPool} from "../../contracts/perps/PerpPool.sol";
import {CollateralToken} from "../../contracts/tokens/CollateralToken.sol";
import {BadToken} from "./Attacks.t.sol";
import {PerpSystem} from "./PerpSystem.sol";

/// @dev What an attacker tries, and what it is worth.
abstract contract PerpAttackCases is PerpSystem {
    /// @dev [margin wad] of both pockets.
    function wealth(address who) internal view returns (int256) {
        return int256(held(who)) + cashOf(who);
    }

    // ------------------------------------------------------- oracle latency

    /// @dev Knows that the next report is 1 % higher: buys before, sells after it.
    function frontRun() internal returns (int256 gain) {
        deposit(alice, 100_000);
        gain = -wealth(alice);
        trade(alice, 500_000);
        skip(12);
        setPrice(2_020);
        if (sizeOf(alice) == 0) market.executeOrder(alice);
        closeAll(alice);
        skip(12);
        setPrice(2_020);
        if (sizeOf(alice) != 0) market.executeOrder(alice);
        gain += wealth(alice);
    }

    function test_an_order_that_fills_at_once_can_run_ahead_of_the_feed() public {
        check(frontRun() > int256(money(4_000)), "the danger is real: 5,000 less fees");
    }

    function test_a_delayed_order_gains_nothing_by_knowing_the_next_price() public {
        market.setOrders(orderRules(12));
        check(frontRun() < 0, "it pays the fees");
    }

    function test_a_price_limit_saves_a_delayed_order_from_a_worse_price() public {
        market.setOrders(orderRules(12));
        deposit(alice, 100_000);
        vm.prank(alice);
        market.trade(sizeFor(500_000), 2_010e18);
        skip(12);
        setPrice(2_020);
        expectError(IPerpMarket.PriceLimit.selector);
        market.executeOrder(alice);
        setPrice(2_005);
        market.executeOrder(alice);
        same(sizeOf(alice), sizeFor(500_000), "filled when it came back");
    }

    // ------------------------------------------------------ self-liquidation

    /// @dev One person's account is liquidated by the same person's keeper, whatever the price does.
    function testFuzz_liquidating_oneself_never_draws_on_the_fund_for_the_fee(uint256 price, uint256 notional) public {
        seedFund(50_000);
        deposit(alice, 10_000);
        trade(alice, int256(within(notional, 20_000, 95_000)));
        setPrice(within(price, 1_700, 1_999));
        int256 exit = market.exitEquityOf(alice);
        uint256 fund = backstop.fund();
        if (market.equityOf(alice) >= int256(market.marginOf(alice, false))) return;
        liquidate(alice);
        int256 left = market.exitEquityOf(alice) + int256(held(keeper));
        check(left <= (exit > 0 ? exit : int256(0)) + 2, "keeper and account have more than the account had");
        check(exit <= 0 || backstop.fund() >= fund, "the fund paid a fee");
        check(exit > 0 || held(keeper) == 0, "a bankrupt account paid a fee");
    }

    // ------------------------------------------------------- paired accounts

    /// @dev One person is long and short. A gap leaves the loser's account with less than nothing; who pays?
    function paired(uint256 newPrice, bool inTime) internal returns (int256 gain) {
        deposit(alice, 100_000);
        deposit(bob, 100_000);
        gain = -wealth(alice) - wealth(bob);
        trade(alice, 940_000);
        trade(bob, -940_000);
        if (inTime) {
            setPrice(1_880); // past maintenance margin, and somebody sees it
            liquidate(alice);
        }
        setPrice(newPrice);
        try market.liquidate(alice) {} catch {}
        address[] memory list = new address[](1);
        list[0] = bob;
        if (backstop.deleverageRequired()) backstop.deleverage(true, list);
        if (sizeOf(bob) != 0) closeAll(bob);
        if (sizeOf(alice) != 0) closeAll(alice);
        gain += wealth(alice) + wealth(bob);
    }

    function test_paired_accounts_lose_when_liquidations_are_in_time() public {
        seedFund(50_000);
        uint256 fund = backstop.fund();
        check(paired(1_880, true) < 0, "fees and the liquidation");
        check(backstop.fund() >= fund, "the fund gained");
    }

    function test_paired_accounts_shift_nothing_past_the_fund_because_the_winner_gives_it_back() public {
        int256 gain = paired(1_700, false); // no fund to take from
        check(gain < 0, "the deficit came out of the other account's profit");
        check(backstop.shortfall() <= 2, "nothing is left to others");
        check(market.poolCapital() >= int256(money(POOL)), "the pool lost nothing");
    }

    function test_paired_accounts_take_at_most_what_is_in_the_fund() public {
        seedFund(10_000);
        int256 gain = paired(1_700, false);
        check(gain <= int256(money(10_000)), "measured: a gap past the bankruptcy price can cost the fund, not more");
        check(market.poolCapital() >= int256(money(POOL)), "the pool lost nothing");
        requireBooksBalance();
    }

    /// @dev As `paired`, but the winner is closed and gone in the moment of the gap, before anybody liquidates the loser.
    function firstOut(uint256 delay) internal returns (int256 gain) {
        deposit(alice, 100_000);
        deposit(bob, 100_000);
        gain = -wealth(alice) - wealth(bob);
        trade(alice, 940_000);
        trade(bob, -940_000);
        market.setOrders(orderRules(delay));
        setPrice(1_700);
        closeAll(bob);
        if (delay != 0) {
            liquidate(alice); // whoever wants the fee has seen the price too
            skip(delay);
            setPrice(1_700);
            deleverageBob();
        }
        withdraw(bob, market.withdrawable(bob));
        if (delay == 0) liquidate(alice);
        gain += wealth(alice) + wealth(bob);
    }

    function deleverageBob() private {
        address[] memory list = new address[](1);
        list[0] = bob;
        backstop.deleverage(true, list);
    }

    function test_paired_accounts_that_leave_within_the_block_take_the_gap_past_bankruptcy() public {
        int256 gain = firstOut(0);
        uint256 short = backstop.shortfall();
        check(gain > int256(money(30_000)), "measured: the danger is real where trades fill at once");
        check(gain <= int256(short), "no more than what the loser could not pay");
        backstop.socialise();
        check(market.poolCapital() >= int256(money(POOL)) - int256(short), "and that the pool has to pay");
        requireBooksBalance();
    }

    function test_paired_accounts_gain_nothing_where_orders_are_delayed() public {
        check(firstOut(12) < 0, "liquidation and deleveraging come before the winner is out");
        check(backstop.shortfall() <= 2, "nothing is left to others");
        check(market.poolCapital() >= int256(money(POOL)), "the pool lost nothing");
    }

    // --------------------------------------------------------------- funding

    /// @dev There for the charge alone: in a second before the end of an interval, out a second after it.
    function sniped(uint256 interval) internal returns (int256 gain) {
        IPerpMarket.FundingConfig memory f = premiumFunding();
        (f.interest, f.clamp, f.interval) = (0.002e18, 0.01e18, interval); // 60 bp a day, premium aside
        market.setFunding(f);
        deposit(bob, 100_000);
        deposit(alice, 100_000);
        gain = -wealth(alice);
        skip(interval - 1);
        setPrice(PRICE);
        trade(alice, -500_000);
        skip(1);
        setPrice(PRICE);
        closeAll(alice);
        gain += wealth(alice);
    }

    function test_catching_one_charge_does_not_pay_its_fees_where_intervals_are_short() public {
        check(sniped(1 hours) < -int256(money(300)), "500 of fees for an hour's funding of 125 less its own premium");
    }

    function test_catching_one_charge_gains_that_charge_less_fees_and_no_more() public {
        int256 gain = sniped(1 days);
        check(gain > 0, "measured: a charge of 60 bp is worth catching at 5 bp each way");
        check(gain <= int256(money(500_000 * 60 / 10_000 - 400)), "no more than the charge less fees");
        requireBooksBalance();
    }

    // ------------------------------------------------------------------ mark

    /// @dev Pushes the mark with a trade of the largest skew, liquidates at it, and goes back.
    function test_pushing_the_mark_to_liquidate_others_costs_more_than_it_moves() public {
        deposit(alice, 1_000_000);
        deposit(bob, 5_000_000);
        trade(alice, -9_000_000);
        setPrice(2_110); // equity 5.4 %: one more per cent of premium would do it
        int256 before = wealth(bob);
        trade(bob, 19_000_000);
        bool pushed = market.equityOf(alice) < int256(market.marginOf(alice, false));
        check(!pushed || market.premium() <= 0.01e18, "no further than the cap on skew lets it");
        closeAll(bob);
        check(wealth(bob) < before - int256(money(15_000)), "at 5 bp each way of 19 millions");
    }
}

contract LinearPerpAttackTest is PerpAttackCases {
    function setUp() public {
        deployPerps(false);
    }
}

contract InversePerpAttackTest is PerpAttackCases {
    function setUp() public {
        deployPerps(true);
    }
}

/// @dev Margin in a token that misbehaves.
contract PerpBadTokenTest is PerpSystem {
    BadToken private bad;

    function setUp() public {
        deployPerps(false); // for the feed
        bad = new BadToken();
        token = bad;
        market = new PerpMarket(
            address(bad), address(feed), false, marginRules(), feeRules(), limitRules(), orderRules(0), noFunding()
        );
        pool = new PerpPool(market, 0, 1 days);
        backstop = new Backstop(market, IBackstop.Rule.Ranked, 0, 0, 1 hours);
        market.setSatellites(address(pool), address(backstop));
        bad.mint(alice, 1_000e18);
        vm.startPrank(alice);
        bad.approve(address(market), type(uint256).max);
        bad.approve(address(pool), type(uint256).max);
        market.deposit(alice, 100e18);
        vm.stopPrank();
    }

    function test_27_a_token_that_takes_a_fee_is_refused() public {
        bad.behave(BadToken.Manner.TakesFee, address(0), "");
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(IPerpMarket.TransferShort.selector, 99e18, 100e18));
        market.deposit(alice, 100e18);
        vm.expectRevert(abi.encodeWithSelector(bytes4(keccak256("TransferFromFailed()"))));
        pool.deposit(100e18, alice);
        vm.stopPrank();
    }

    function test_27_a_token_that_returns_false_is_refused() public {
        bad.behave(BadToken.Manner.ReturnsFalse, address(0), "");
        vm.startPrank(alice);
        vm.expectRevert(bytes4(keccak256("TransferFromFailed()")));
        market.deposit(alice, 100e18);
        vm.expectRevert(bytes4(keccak256("TransferFailed()")));
        market.withdraw(1e18, alice);
        vm.stopPrank();
    }

    function test_a_token_that_calls_back_cannot_enter_again() public {
        bytes[3] memory attempts = [
            abi.encodeCall(IPerpMarket.deposit, (alice, 0)),
            abi.encodeCall(IPerpMarket.withdraw, (0, alice)),
            abi.encodeCall(IPerpMarket.liquidate, (alice))
        ];
        for (uint256 i; i < 3; ++i) {
            bad.behave(BadToken.Manner.CallsBack, address(market), attempts[i]);
            vm.prank(alice);
            market.withdraw(1e18, alice);
            check(bad.met() == Guarded.Reentrancy.selector, "guard");
        }
    }

    function test_a_margin_token_has_6_to_18_decimals() public {
        for (uint8 decimals = 5; decimals <= 19; decimals += 14) {
            address odd = address(new CollateralToken("Odd", "ODD", decimals));
            IPerpMarket.MarginConfig memory m = marginRules();
            IPerpMarket.LimitConfig memory l = limitRules();
            vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, decimals, 6, 18));
            new PerpMarket(odd, address(feed), false, m, feeRules(), l, orderRules(0), noFunding());
        }
    }
}
