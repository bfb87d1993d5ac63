// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IHedgedVault} from "../../contracts/interfaces/IHedgedVault.sol";
import {IPerpMarket} from "../../contracts/interfaces/IPerpMarket.sol";
import {IPrice} from "../../contracts/interfaces/IPrice.sol";
import {IStrategy} from "../../contracts/interfaces/IStrategy.sol";
import {PushFeed} from "../../contracts/oracle/PushFeed.sol";
import {RateFeed} from "../../contracts/oracle/RateFeed.sol";
import {PerpMarket} from "../../contracts/perps/PerpMarket.sol";
import {DeltaNeutral} from "../../contracts/vault/DeltaNeutral.sol";
import {PerpHedge} from "../../contracts/vault/PerpHedge.sol";
import {HedgeSystem} from "./HedgeSystem.sol";

/// @dev No fees, a pool that is next to infinitely deep, and a market whose premium is one in 10^15 a unit.
contract DeltaNeutralAtNoCostTest is HedgeSystem {
    function setUp() public {
        deployMarkets(0, 1e30);
        market.setLimits(IPerpMarket.LimitConfig(1e33, 1e23, 1e23, 0.1e18));
        deployDeltaNeutral();
    }

    /// @dev spot = .95 V / 1.25 = 76 %, margin 19 %, reserve 5 %.
    function test_it_divides_itself_as_its_shape_says() public {
        enter(alice, 100_000e18);
        near(spot(), 38e18, 1e12, "76,000 of spot");
        near(short(), 38e18, 1e12, "sold as much");
        near(uint256(market.equityOf(address(hedge))), 19_000e18, 1e12, "margin");
        near(dollar.balanceOf(address(hedge)), 5_000e18, 1e12, "reserve");
        near(hedge.marginRatio(), 0.25e18, 1e9, "margin ratio");
        near(vault.totalAssets(), 100_000e18, 1e14, "nothing lost");
    }

    function testFuzz_40_the_residual_is_below_a_billionth_of_net_assets(uint256 amount, uint256[4] memory prices)
        public
    {
        enter(alice, within(amount, 1e18, 1_000_000e18));
        check(drift() < 1e9, "at first");
        uint256 price = 2_000e18;
        for (uint256 i; i < 4; ++i) {
            price = price * within(prices[i], 90, 111) / 100;
            movePrice(price);
            pass(20 minutes);
            (bool due,) = vault.rebalanceDue();
            if (due) rebalance("");
            check(drift() < 1e9, "residual");
            near(vault.totalAssets(), vault.previewRedeem(vault.balanceOf(alice)), 1e3, "hers");
        }
    }

    function testFuzz_a_hedged_vault_does_not_follow_the_price(uint256 price) public {
        enter(alice, 100_000e18);
        feed.report(int256(within(price, 1_700e8, 2_400e8)));
        near(vault.totalAssets(), 100_000e18, 1e13, "assets");
    }
}

contract StrategyDeltaNeutralTest is HedgeSystem {
    function setUp() public {
        deployMarkets(0.0005e18, 100_000e18);
        deployDeltaNeutral();
        enter(alice, 100_000e18);
    }

    // ------------------------------------------------------------------ margin

    function test_setting_up_costs_no_more_than_its_fees() public view {
        check(vault.totalAssets() > 99_700e18, "0.3 % of 76 % and what the pool gives way");
        check(drift() < 1e9, "delta");
    }

    /// @dev +4 %: margin falls from 19,000 to 16,000 of 79,000. The reserve of 5,000 makes it good.
    function test_a_small_rise_is_topped_up_from_the_reserve() public {
        IHedgedVault.Triggers memory t = vault.triggers();
        t.marginFloor = 0.22e18;
        vault.setTriggers(t);
        movePrice(2_080e18);
        requireDue(IHedgedVault.Reason.Margin);
        uint256 before = spot();
        rebalance("");
        equal(spot(), before, "no spot was sold");
        near(hedge.marginRatio(), 0.25e18, 1e12, "margin");
        check(dollar.balanceOf(address(hedge)) < 2_000e18, "the reserve paid");
        check(drift() < 1e9, "delta");
    }

    /// @dev +10 %: 11,000 of 84,000 is 13 %; the reserve is not enough, so spot is sold and the short bought back.
    function test_a_large_rise_deleverages() public {
        movePrice(2_200e18);
        requireDue(IHedgedVault.Reason.Margin);
        uint256 before = spot();
        uint256 assets = vault.totalAssets();
        rebalance("");
        check(spot() < before * 95 / 100, "spot was sold");
        near(short(), spot(), 1e9, "the short followed");
        near(hedge.marginRatio(), 0.25e18, 0.001e18, "margin");
        check(dollar.balanceOf(address(hedge)) > 4_900e18, "the reserve is whole again");
        check(assets - vault.totalAssets() < assets / 1000, "cost");
    }

    function test_a_fall_brings_margin_back_into_spot() public {
        movePrice(1_700e18); // 44 %
        pass(20 minutes);
        requireDue(IHedgedVault.Reason.Excess);
        uint256 before = spot();
        rebalance("");
        check(spot() > before * 110 / 100, "spot was bought");
        near(hedge.marginRatio(), 0.25e18, 0.001e18, "margin");
        check(drift() < 1e9, "delta");
    }

    function testFuzz_40_the_band_and_the_loss_hold_over_any_path(uint256[6] memory prices, bool edge) public {
        if (edge) {
            IHedgedVault.Execution memory e = vault.execution();
            e.rebalanceTo = IHedgedVault.RebalanceTo.Edge;
            vault.setExecution(e);
        }
        uint256 price = 2_000e18;
        for (uint256 i; i < 6; ++i) {
            price = price * within(prices[i], 88, 112) / 100;
            movePrice(price);
            pass(20 minutes);
            (bool due,) = vault.rebalanceDue();
            if (!due) continue;
            IHedgedVault.Rebalanced memory r = rebalance("");
            check(drift() <= 0.01e18, "40: outside the band");
            check(r.valueBefore <= r.valueAfter + r.traded / 100 + 100, "40: lost more than the bound");
            check(hedge.marginRatio() > 0.2e18, "margin");
        }
        check(vault.totalAssets() > 95_000e18, "worn down");
    }

    // ------------------------------------------------------------------ funding

    /// @dev 1 bp per 8 hours on 76 % of 100,000: 10.95 % a year, simple, of the short.
    function test_it_earns_the_funding_that_longs_pay() public {
        IPerpMarket.FundingConfig memory f = noFunding();
        (f.maxRate, f.interest, f.clamp) = (0.1e18, 0.0001e18, 0.0005e18);
        market.setFunding(f);
        tradePerp(bob, int256(short())); // no skew, no premium
        uint256 before = vault.totalAssets();
        for (uint256 i; i < 30; ++i) {
            pass(1 days);
            market.accrueFunding();
        }
        uint256 expected = uint256(short()) * 2_000 * 9 / 1000; // 90 times 1 bp
        near(vault.totalAssets() - before, expected, expected / 50, "a month's carry");
    }

    // ---------------------------------------------------------------- liquidity

    function testFuzz_it_unwinds_in_proportion(uint256 part) public {
        part = within(part, 1e12, vault.maxWithdraw(alice));
        uint256 before = vault.totalAssets();
        vm.prank(alice);
        vault.withdraw(part, alice, alice);
        equal(dollar.balanceOf(alice), 900_000e18 + part, "received");
        check(before - part - vault.totalAssets() <= part / 100 + 100, "within the bound");
        check(drift() < 0.01e18 || vault.totalAssets() < 2_000e18, "delta");
    }

    function test_nearly_all_can_leave_at_once() public {
        check(vault.maxWithdraw(alice) > 98_500e18, "but for what closing may cost");
        vm.startPrank(alice);
        vault.redeem(vault.maxRedeem(alice), alice, alice);
        check(vault.maxRedeem(alice) > vault.balanceOf(alice) * 98 / 100, "and so on");
        vm.stopPrank();
    }

    function test_39_a_shallow_pool_makes_it_illiquid() public {
        pool.removeLiquidity(pool.balanceOf(address(this)) * 9999 / 10_000, address(this));
        uint256 most = vault.maxWithdraw(alice);
        check(most < 10_000e18, "what the reserve and the rest of the pool give");
        vm.startPrank(alice);
        vault.withdraw(most, alice, alice);
        vault.requestRedeem(vault.balanceOf(alice), alice, alice);
        vm.stopPrank();
        vault.settle(1);
        check(vault.queuedShares() != 0, "waits");
    }

    function test_39_a_paused_market_queues_withdrawals_and_stops_deposits() public {
        market.setPause(true, false, false);
        check(!hedge.isLive(), "live");
        equal(vault.maxWithdraw(alice), 0, "out");
        equal(vault.maxDeposit(bob), 0, "in");
        requireDue(IHedgedVault.Reason.None);
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.NotLive.selector));
        vault.rebalance("");
        vm.startPrank(alice);
        vault.requestRedeem(vault.balanceOf(alice), alice, alice);
        vm.stopPrank();
        market.setPause(false, false, false);
        pass(20 minutes);
        rebalance("");
        check(vault.settle(1) > 98_500e18, "as soon as it is open");
    }

    function test_39_a_stale_price_stops_all_but_requests() public {
        uint256 before = vault.totalAssets();
        vm.warp(block.timestamp + 2 hours);
        check(!hedge.isLive(), "live");
        near(vault.totalAssets(), before, 1e6, "valued at the last price");
        equal(vault.maxWithdraw(alice), 0, "out");
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.DepositRefused.selector, 1e18, 0));
        vault.deposit(1e18, bob);
        vm.prank(alice);
        vault.requestRedeem(1e24, alice, alice);
        vm.expectRevert(abi.encodeWithSelector(IHedgedVault.NotLive.selector));
        vault.settle(1);
    }

    /// @dev No depositor is left in the market: it takes no new short. What is hedged stays hedged.
    function test_an_empty_market_takes_no_more_and_the_vault_says_so() public {
        vm.startPrank(provider);
        counterparty.redeem(counterparty.maxRedeem(provider), provider, provider);
        vm.stopPrank();
        vm.prank(bob);
        vault.deposit(500_000e18, bob);
        pass(20 minutes);
        vm.prank(keeper);
        try vault.rebalance("") {
            check(false, "it sold to nobody");
        } catch (bytes memory reason) {
            check(bytes4(reason) == IPerpMarket.InsufficientLiquidity.selector, "another error");
        }
        check(drift() < 1e9, "nothing changed");
    }

    /// @dev Below its initial margin the market lets no margin go, below maintenance it lets nothing be closed: then what
    /// is liquid is the part in spot, or the reserve alone.
    function test_39_what_the_market_would_refuse_is_not_liquid() public {
        movePrice(2_440e18); // 3 %
        near(vault.maxWithdraw(alice), dollar.balanceOf(address(hedge)), 1e6, "what is at hand");
        movePrice(2_300e18); // 9 %
        uint256 most = vault.maxWithdraw(alice);
        check(most > 80_000e18 && most < 93_000e18, "spot and reserve");
        vm.prank(alice);
        vault.withdraw(most / 2, alice, alice);
    }

    function test_paused_withdrawals_of_the_market_leave_spot_and_reserve_liquid() public {
        market.setPause(false, true, false);
        uint256 most = vault.maxWithdraw(alice);
        check(most > 78_000e18 && most < 82_000e18, "without the margin");
    }

    // -------------------------------------------------------------- failures

    /// @dev The hedge is gone overnight, and the market takes no shorts: a keeper sells spot instead.
    function test_a_lost_hedge_is_restored_or_spot_is_sold() public {
        IPerpMarket.LimitConfig memory l = market.limitConfig();
        int256 half = int256(short()) / 2;
        vm.prank(address(hedge)); // as deleveraging would do
        market.trade(half, type(uint256).max);
        pass(20 minutes);
        requireDue(IHedgedVault.Reason.Delta);
        (l.maxSkew, l.maxOpenInterest) = (1e18, 1e18);
        market.setLimits(l);
        vm.prank(keeper);
        try vault.rebalance("") {
            check(false, "it sold past the limit");
        } catch (bytes memory reason) {
            check(bytes4(reason) == IPerpMarket.OpenInterestExceeded.selector, "another error");
        }
        uint256 before = spot();
        rebalance(abi.encode(1e18));
        near(spot(), before / 2, before / 100, "half the spot was sold");
        check(drift() <= 0.01e18, "delta");
    }

    function test_a_sandwiched_rebalance_is_refused() public {
        movePrice(2_200e18);
        eth.mint(bob, 20_000e18);
        vm.startPrank(bob);
        eth.approve(address(pool), type(uint256).max);
        pool.swap(address(eth), 20_000e18, 0, bob);
        vm.stopPrank();
        vm.prank(keeper);
        try vault.rebalance("") {
            check(false, "it sold at any price");
        } catch (bytes memory reason) {
            check(bytes4(reason) == IHedgedVault.Slippage.selector, "another error");
        }
    }

    /// @dev Whatever the size of the push that still goes through, the sandwich takes no more than the bound allows.
    function testFuzz_40_a_sandwich_takes_no_more_than_the_bound(uint256 push) public {
        movePrice(2_200e18);
        push = within(push, 1e18, 2_000e18);
        eth.mint(bob, push);
        uint256 before = vault.totalAssets();
        vm.startPrank(bob);
        eth.approve(address(pool), type(uint256).max);
        uint256 got = pool.swap(address(eth), push, 0, bob);
        vm.stopPrank();
        vm.prank(keeper);
        try vault.rebalance("") returns (IHedgedVault.Rebalanced memory r) {
            check(before - vault.totalAssets() <= r.traded / 100 + 100, "more than the bound");
        } catch (bytes memory reason) {
            check(bytes4(reason) == IHedgedVault.Slippage.selector, "another error");
        }
        vm.prank(bob);
        pool.swap(address(dollar), got, 0, bob);
    }

    /// @dev To have delta corrected in spot, where there is none to correct, is no way to be tipped for saving nothing.
    function test_a_keepers_route_does_not_stand_in_the_way_of_the_margin() public {
        movePrice(2_330e18);
        requireDue(IHedgedVault.Reason.Margin);
        rebalance(abi.encode(1e18));
        near(hedge.marginRatio(), 0.25e18, 0.002e18, "saved");
        check(drift() <= 0.01e18, "delta");
    }

    function test_a_keeper_who_leaves_too_much_margin_is_not_tipped() public {
        IHedgedVault.Execution memory e = vault.execution();
        (e.tip, e.buffer) = (10e18, 0.01e18);
        vault.setExecution(e);
        enter(bob, 5_000e18); // the buffer stays idle
        pass(20 minutes);
        movePrice(1_700e18);
        requireDue(IHedgedVault.Reason.Excess);
        uint256 before = dollar.balanceOf(keeper);
        pass(20 minutes);
        rebalance(abi.encode(1e18));
        requireExcess();
        equal(dollar.balanceOf(keeper), before, "nothing for nothing");
        pass(20 minutes);
        rebalance("");
        equal(dollar.balanceOf(keeper), before + 10e18, "but for what was due");
    }

    function requireExcess() private view {
        (, IHedgedVault.Reason reason) = vault.rebalanceDue();
        check(reason == IHedgedVault.Reason.Excess, "still too much");
    }

    /// @dev Who pushes the pool, leaves and goes back: those who stay lose the bound at most, nothing by its exit fee.
    function testFuzz_40_a_sandwiched_withdrawal_costs_no_more_than_the_bound(uint256 push, bool fee) public {
        IHedgedVault.Limits memory l = vault.limits();
        l.exitFee = fee ? 0.0101e18 : 0;
        vault.setLimits(l);
        enter(bob, 100_000e18);
        uint256 before = vault.previewRedeem(vault.balanceOf(alice));
        push = within(push, 1e18, 1_000e18);
        eth.mint(bob, push);
        vm.startPrank(bob);
        eth.approve(address(pool), type(uint256).max);
        uint256 got = pool.swap(address(eth), push, 0, bob);
        uint256 most = vault.maxWithdraw(bob) * 99 / 100; // a pushed pool makes less liquid
        if (most != 0) try vault.withdraw(most, bob, bob) {} catch {}
        pool.swap(address(dollar), got, 0, bob);
        vm.stopPrank();
        uint256 after_ = vault.previewRedeem(vault.balanceOf(alice));
        check(after_ + (fee ? 0 : most / 100) + 100 >= before, "those who stay paid more");
    }

    /// @dev The same with the short leg: somebody sells first, and the vault sells lower.
    function testFuzz_40_a_sandwich_of_the_short_takes_no_more_than_the_bound(uint256 size) public {
        vm.prank(alice);
        vault.deposit(100_000e18, alice);
        size = within(size, 1e18, 9_000e18);
        tradePerp(bob, -int256(size));
        pass(20 minutes);
        uint256 before = vault.totalAssets();
        vm.prank(keeper);
        try vault.rebalance("") returns (IHedgedVault.Rebalanced memory r) {
            check(before - vault.totalAssets() <= r.traded / 100 + 100, "more than the bound");
        } catch (bytes memory reason) {
            bytes4 e = bytes4(reason);
            check(e == IHedgedVault.Slippage.selector || e == IPerpMarket.InsufficientLiquidity.selector, "another");
        }
    }

    /// @dev The position is valued at the index: pushing the premium moves no share.
    function testFuzz_pushing_the_premium_moves_no_share(uint256 size, bool up) public {
        uint256 price = vault.sharePrice();
        size = within(size, 1e18, 1_000e18);
        tradePerp(bob, up ? int256(size) : -int256(size));
        equal(vault.sharePrice(), price, "moved");
    }

    function test_nobody_liquidated_it_for_what_the_vault_could_prevent() public {
        movePrice(2_330e18);
        requireDue(IHedgedVault.Reason.Margin);
        vm.prank(bob);
        try market.liquidate(address(hedge)) {
            check(false, "too early");
        } catch (bytes memory reason) {
            check(bytes4(reason) == IPerpMarket.AccountHealthy.selector, "another error");
        }
        rebalance("");
        near(hedge.marginRatio(), 0.25e18, 0.002e18, "saved");
    }

    function test_a_liquidation_shows_as_delta_and_is_repaired() public {
        movePrice(2_480e18);
        vm.prank(bob);
        market.liquidate(address(hedge));
        check(short() < spot(), "a part was closed");
        pass(20 minutes);
        (bool due,) = vault.rebalanceDue();
        check(due, "due");
        rebalance("");
        check(drift() <= 0.01e18, "delta");
        near(hedge.marginRatio(), 0.25e18, 0.002e18, "margin");
    }

    // -------------------------------------------------------------- delayed orders

    function test_an_order_that_waits_counts_in_delta_and_is_not_doubled() public {
        IPerpMarket.OrderConfig memory o = market.orderConfig();
        (o.delay, o.lifetime) = (60, 10 minutes);
        market.setOrders(o);
        vm.prank(bob);
        vault.deposit(50_000e18, bob);
        pass(20 minutes);
        rebalance("");
        check(market.orderOf(address(hedge)).sizeDelta < 0, "ordered");
        check(drift() <= 0.01e18, "as if it were filled");
        requireDue(IHedgedVault.Reason.None);
        pass(61);
        market.executeOrder(address(hedge));
        check(drift() <= 0.01e18, "filled");
        near(short(), spot(), spot() / 1e6, "hedged");
    }

    function test_an_order_that_expired_is_made_again() public {
        IPerpMarket.OrderConfig memory o = market.orderConfig();
        (o.delay, o.lifetime) = (60, 1 minutes);
        market.setOrders(o);
        vm.prank(bob);
        vault.deposit(50_000e18, bob);
        pass(20 minutes);
        rebalance("");
        pass(20 minutes); // nobody executed it
        uint256 first = market.orderOf(address(hedge)).submittedAt;
        requireDue(IHedgedVault.Reason.Delta);
        rebalance("");
        check(market.orderOf(address(hedge)).submittedAt > first, "a new one");
    }

    // -------------------------------------------------------------------- set-up

    function test_only_the_vault_moves_it() public {
        vm.startPrank(bob);
        vm.expectRevert(abi.encodeWithSelector(IStrategy.NotVault.selector, bob));
        hedge.unwind(1);
        vm.expectRevert(abi.encodeWithSelector(IStrategy.NotVault.selector, bob));
        hedge.rebalance(0, "");
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        hedge.setShape(shapeOfTest());
        vm.stopPrank();
    }

    function test_an_inverse_market_is_refused() public {
        PerpMarket inverse = new PerpMarket(
            address(eth),
            address(index),
            true,
            market.marginConfig(),
            market.feeConfig(),
            market.limitConfig(),
            market.orderConfig(),
            noFunding()
        );
        vm.expectRevert(abi.encodeWithSelector(PerpHedge.MarketMismatch.selector, address(inverse)));
        new DeltaNeutral(address(vault), address(dollar), address(eth), index, inverse, pool, 0.01e18, shapeOfTest());
    }

    function test_delayed_orders_correct_delta_also_while_somebody_waits() public {
        enter(alice, 100_000e18);
        IPerpMarket.OrderConfig memory o = market.orderConfig();
        (o.delay, o.lifetime) = (60, 1 minutes);
        market.setOrders(o);
        movePrice(2_300e18); // margin below its floor: spot is sold, and the order to close expires unfilled
        pass(20 minutes);
        rebalance("");
        pass(20 minutes);
        check(drift() > 0.02e18, "outside the band");
        uint256 shares = vault.balanceOf(alice) / 10;
        vm.prank(alice);
        vault.requestRedeem(shares, alice, alice);
        rebalance("");
        check(drift() <= 0.02e18, "inside the band, with the order that waits");
        check(vault.settle(1) != 0, "settled");
    }
}

/// @dev Spot that earns: the short grows with the exchange rate.
contract DeltaNeutralYieldTest is HedgeSystem {
    function test_yield_bearing_spot_earns_its_rate_and_stays_hedged() public {
        deployMarkets(0, 1e30);
        market.setLimits(IPerpMarket.LimitConfig(1e33, 1e23, 1e23, 0.1e18));
        PushFeed rate = new PushFeed(address(this), address(this), 18, "LST / ETH");
        rate.report(1e18);
        deployVault();
        IPrice spotFeed = new RateFeed(index, rate, 0.2e18, 0);
        hedge = new DeltaNeutral(
            address(vault), address(dollar), address(eth), spotFeed, market, pool, 0.01e18, shapeOfTest()
        );
        vault.setStrategy(hedge);
        enter(alice, 100_000e18);
        pass(182 days);
        rate.report(1.02e18);
        near(vault.totalAssets(), 101_520e18, 1e13, "2 % of 76 %");
        requireDue(IHedgedVault.Reason.Delta); // 1.5 % long
        rebalance("");
        near(short(), 38.76e18, 1e13, "2 % more is sold");
        check(drift() < 1e9, "delta");
    }
}
