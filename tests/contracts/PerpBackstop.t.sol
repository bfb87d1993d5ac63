// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IBackstop} from "../../contracts/interfaces/IBackstop.sol";
import {IPerpMarket} from "../../contracts/interfaces/IPerpMarket.sol";
import {PerpSystem} from "./PerpSystem.sol";

/// @dev Liquidation, and who pays when it comes too late.
abstract contract PerpBackstopCases is PerpSystem {
    // -------------------------------------------------------------- liquidate

    function test_a_healthy_account_cannot_be_liquidated() public {
        deposit(alice, 100_000);
        trade(alice, 900_000);
        bytes memory healthy = abi.encodeWithSelector(
            IPerpMarket.AccountHealthy.selector, market.equityOf(alice), market.marginOf(alice, false)
        );
        vm.expectRevert(healthy);
        market.liquidate(alice);
        vm.expectRevert(abi.encodeWithSelector(IPerpMarket.NoPosition.selector, bob));
        market.liquidate(bob);
    }

    function testFuzz_a_partial_liquidation_leads_back_to_initial_margin(uint256 price, bool long) public {
        deposit(alice, 100_000);
        trade(alice, long ? int256(900_000) : -int256(900_000));
        setPrice(long ? within(price, 1_800, 1_880) : within(price, 2_110, 2_190));
        int256 size = sizeOf(alice);
        if (market.equityOf(alice) >= int256(market.marginOf(alice, false))) return;
        if (market.equityOf(alice) < int256(market.notionalOf(alice) / 50)) return; // then all is closed
        (int256 planned, uint256 fee) = market.previewLiquidation(alice);
        vm.prank(keeper);
        int256 closed = market.liquidate(alice);
        same(closed, planned, "35: preview");
        check(size - closed == sizeOf(alice) && sizeOf(alice) != 0, "a part");
        int256 equity = market.equityOf(alice);
        int256 required = int256(market.marginOf(alice, true));
        check(equity >= required, "back at initial margin");
        check(equity - required <= int256(money(500)), "above it by no more than the premium of closing");
        near(held(keeper) + backstop.fund(), fee + market.marginUnit(), fee / 100 + money(91), "the fee is shared");
        requireBooksBalance();
    }

    function test_a_small_position_is_liquidated_whole() public {
        deposit(alice, 95);
        trade(alice, 900);
        setPrice(1_880);
        liquidate(alice);
        same(sizeOf(alice), 0, "whole");
        check(cashOf(alice) > 0, "something is left");
    }

    function test_an_account_without_equity_is_closed_whole_and_pays_no_fee() public {
        bankruptLong(0);
        same(sizeOf(alice), 0, "closed");
        same(cashOf(alice), 0, "nothing is left");
        equal(held(keeper), 0, "nothing to pay a fee from");
    }

    // ------------------------------------------------------------------- fund

    /// @dev Alice goes bankrupt long, Bob and Carol have the profit. Deficit: about 41,000 Dollars.
    function bankruptLong(uint256 fundDollars) internal returns (uint256 deficit) {
        market.setFees(IPerpMarket.FeeConfig(0, 0));
        if (fundDollars != 0) seedFund(fundDollars);
        deposit(alice, 100_000);
        deposit(bob, 100_000);
        deposit(carol, 300_000);
        trade(alice, 940_000);
        trade(bob, -470_000);
        trade(carol, -470_000);
        setPrice(1_700);
        deficit = uint256(-market.exitEquityOf(alice));
        liquidate(alice);
        requireBooksBalance();
    }

    function test_29_the_fund_pays_before_anybody_else() public {
        uint256 deficit = bankruptLong(100_000);
        near(backstop.fund(), money(100_000) - deficit, 2, "29: the fund paid it");
        equal(market.shortfall(), 0, "no shortfall");
        vm.expectRevert(
            abi.encodeWithSelector(IBackstop.DeleverageNotRequired.selector, int256(backstop.fund()), int256(0))
        );
        deleverage(true, bob);
        vm.expectRevert(IBackstop.NoShortfall.selector);
        backstop.socialise();
    }

    function test_29_what_the_fund_cannot_pay_is_recorded() public {
        uint256 deficit = bankruptLong(10_000);
        equal(backstop.fund(), 0, "29: exhausted");
        near(backstop.shortfall(), deficit - money(10_000), 2, "29: recorded");
        (uint256 size, uint256 amount, uint256 since) = backstop.bankruptcy(true);
        equal(size, uint256(sizeFor(940_000)), "size");
        equal(amount, backstop.shortfall(), "amount");
        equal(since, START, "since");
    }

    function test_33_profit_stays_and_principal_may_leave_while_the_fund_is_short() public {
        bankruptLong(0);
        closeAll(bob);
        uint256 short = market.shortfall();
        check(cashOf(bob) > int256(money(160_000)), "a profit");
        equal(market.withdrawable(bob), money(100_000), "33: principal");
        equal(pool.maxRedeem(depositor), 0, "33: the pool's depositors wait");
        equal(pool.maxDeposit(depositor), 0, "33: and nobody comes in");
        uint256 more = money(100_000) + market.marginUnit();
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IPerpMarket.WithdrawalsPaused.selector, short));
        market.withdraw(more, bob);
        withdraw(bob, money(100_000));
        equal(market.withdrawable(bob), 0, "33: no more");
        seedFund(100_000);
        equal(market.shortfall(), 0, "repaid");
        withdraw(bob, market.withdrawable(bob));
        check(held(bob) > money(160_000), "33: profit leaves again");
        requireBooksBalance();
    }

    // -------------------------------------------------------------- deleverage

    function test_31_winners_are_closed_at_the_bankrupts_own_price() public {
        uint256 deficit = bankruptLong(0);
        int256 size = sizeOf(bob);
        int256 exit = market.exitEquityOf(bob);
        (uint256 closed, uint256 covered) = deleverage(true, bob);
        equal(closed, uint256(-size), "31: all of Bob's");
        same(sizeOf(bob), 0, "closed");
        near(covered, deficit / 2, 2, "31: half of the size, half of the loss");
        close(cashOf(bob), exit - int256(covered), 2, "Bob has what is left");
        check(cashOf(bob) >= int256(money(100_000)), "31: never below his entry");
        deleverage(true, carol);
        same(sizeOf(carol), 0, "Carol too");
        equal(backstop.shortfall(), 0, "31: all is covered");
        check(!backstop.deleverageRequired(), "over");
        requireBooksBalance();
    }

    function test_31_the_list_must_be_in_order_of_profit_and_leverage() public {
        bankruptLong(0);
        check(backstop.scoreOf(bob) > backstop.scoreOf(carol), "Bob has more leverage");
        address[] memory list = new address[](2);
        (list[0], list[1]) = (carol, bob);
        bytes memory disorder =
            abi.encodeWithSelector(IBackstop.OutOfOrder.selector, bob, backstop.scoreOf(bob), backstop.scoreOf(carol));
        vm.expectRevert(disorder);
        backstop.deleverage(true, list);
        (list[0], list[1]) = (bob, carol);
        backstop.deleverage(true, list);
        equal(backstop.shortfall(), 0, "covered");
    }

    function test_31_only_profitable_accounts_of_the_other_side_are_deleveraged() public {
        deposit(keeper, 100_000);
        bankruptLong(0);
        vm.startPrank(keeper);
        market.trade(-sizeFor(1_000), 0); // short, and at a loss from the first moment
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(IBackstop.NotProfitable.selector, keeper));
        deleverage(true, keeper);
        vm.expectRevert(abi.encodeWithSelector(IBackstop.WrongSide.selector, alice));
        deleverage(true, alice);
        vm.expectRevert(IBackstop.NoShortfall.selector);
        deleverage(false, bob);
        address[] memory many = new address[](33);
        vm.expectRevert(abi.encodeWithSelector(IBackstop.TooManyAccounts.selector, 33, 32));
        backstop.deleverage(true, many);
    }

    function test_32_deleveraging_stops_at_its_floor_to_the_unit() public {
        backstop.setRule(IBackstop.Rule.Ranked, money(30_000), money(25_000), 1 hours);
        bankruptLong(0);
        address[] memory list = new address[](2);
        (list[0], list[1]) = (bob, carol);
        backstop.deleverage(true, list);
        check(backstop.shortfall() >= money(25_000), "32: past the floor");
        near(backstop.shortfall(), money(25_000), money(1), "32: at the floor");
        check(sizeOf(carol) != 0, "Carol keeps hers");
        int256 net = -int256(backstop.shortfall());
        vm.expectRevert(abi.encodeWithSelector(IBackstop.DeleverageNotRequired.selector, net, -int256(money(30_000))));
        deleverage(true, carol);
        requireBooksBalance();
    }

    function test_32_a_shortfall_below_the_trigger_deleverages_nobody() public {
        backstop.setRule(IBackstop.Rule.Ranked, money(100_000), 0, 1 hours);
        bankruptLong(0);
        int256 net = -int256(backstop.shortfall());
        vm.expectRevert(abi.encodeWithSelector(IBackstop.DeleverageNotRequired.selector, net, -int256(money(100_000))));
        deleverage(true, bob);
    }

    function test_31_pro_rata_takes_the_same_share_of_everybody_once() public {
        backstop.setRule(IBackstop.Rule.ProRata, 0, 0, 1 hours);
        deposit(keeper, 1_000_000);
        vm.prank(keeper);
        market.trade(-sizeFor(940_000), 0); // as much again as Bob and Carol have
        bankruptLong(0);
        int256[3] memory sizes = [sizeOf(bob), sizeOf(carol), sizeOf(keeper)];
        deleverage(true, carol);
        vm.expectRevert(abi.encodeWithSelector(IBackstop.AlreadyDeleveraged.selector, carol, 1));
        deleverage(true, carol);
        deleverage(true, keeper);
        deleverage(true, bob);
        close(sizeOf(bob) * 2, sizes[0], 4, "half of Bob's");
        close(sizeOf(carol) * 2, sizes[1], 4, "half of Carol's");
        close(sizeOf(keeper) * 2, sizes[2], 4, "half of the keeper's");
        equal(backstop.shortfall(), 0, "31: covered");
    }

    // --------------------------------------------------------------- socialise

    function test_34_the_pool_pays_only_after_deleveraging_had_its_time() public {
        uint256 deficit = bankruptLong(0);
        vm.expectRevert(abi.encodeWithSelector(IBackstop.DeleverageFirst.selector, START + 1 hours));
        backstop.socialise();
        skip(1 hours);
        setPrice(1_700);
        int256 capital = market.poolCapital();
        uint256 taken = backstop.socialise();
        near(taken, deficit, 2, "34: all of it");
        close(market.poolCapital(), capital - int256(taken), 1, "34: by the pool");
        equal(market.shortfall(), 0, "34: nothing is left");
        requireBooksBalance();
    }

    function test_34_the_pool_pays_at_once_when_nobody_is_on_the_other_side() public {
        market.setFees(IPerpMarket.FeeConfig(0, 0));
        deposit(alice, 100_000);
        trade(alice, 940_000); // against the pool alone
        setPrice(1_700);
        liquidate(alice);
        check(backstop.shortfall() != 0, "short");
        backstop.socialise();
        equal(backstop.shortfall(), 0, "34: the pool's gain was worth less");
        check(market.poolCapital() > int256(money(POOL)), "it still gained");
        requireBooksBalance();
    }

    function test_a_pool_that_cannot_pay_is_bankrupt_like_an_account() public {
        vm.expectRevert(abi.encodeWithSelector(IPerpMarket.PoolSolvent.selector, market.poolCapital()));
        market.settlePool();
        deposit(alice, 3_000_000);
        trade(alice, 10_000_000);
        setPrice(8_000);
        if (inverse) {
            trade(alice, -9_000_000); // its size counts Dollars: the gain is bounded by the notional at entry
            check(market.poolCapital() > 0, "an inverse short of the pool's capital cannot lose it");
            return;
        }
        uint256 short = market.shortfall();
        check(short > money(19_000_000), "it owes three times its capital");
        equal(market.withdrawable(alice), money(3_000_000), "33: principal only");
        short -= backstop.fund();
        market.settlePool();
        same(market.poolCapital(), 0, "nothing is left of it");
        near(backstop.shortfall(), short, 2, "recorded");
        (, uint256 covered) = deleverage(false, alice);
        near(covered, short, money(1), "31: taken from the profit");
        check(cashOf(alice) > int256(money(3_000_000)), "31: and only from it");
        requireBooksBalance();
    }

    function test_the_owner_takes_from_the_fund_no_more_than_there_is() public {
        seedFund(1_000);
        uint256 fund = backstop.fund();
        uint256 more = fund + market.marginUnit();
        vm.expectRevert(abi.encodeWithSelector(IBackstop.FundTooSmall.selector, more, fund));
        backstop.withdrawFund(carol, more);
        backstop.withdrawFund(carol, fund);
        equal(held(carol), fund, "paid");
        requireBooksBalance();
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IBackstop.NotMarket.selector, alice));
        backstop.credit(1);
    }
}

contract LinearBackstopTest is PerpBackstopCases {
    function setUp() public {
        deployPerps(false);
    }
}

contract InverseBackstopTest is PerpBackstopCases {
    function setUp() public {
        deployPerps(true);
    }
}
