// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IPerpMarket} from "../../contracts/interfaces/IPerpMarket.sol";
import {PerpPool} from "../../contracts/perps/PerpPool.sol";
import {PerpSystem} from "./PerpSystem.sol";

/// @dev The depositors' side: what a share is worth, and when it can leave.
abstract contract PerpPoolCases is PerpSystem {
    function leave(address who, uint256 shares) internal returns (uint256 amount) {
        vm.prank(who);
        amount = pool.redeem(shares, who, who);
        amount *= market.marginUnit();
    }

    function test_the_pool_wins_what_traders_lose() public {
        deposit(alice, 1_000_000);
        trade(alice, 5_000_000);
        int256 before = market.poolCapital();
        setPrice(1_900);
        int256 gain =
            inverse ? int256(5_000_000e18) / 1_900 - int256(5_000_000e18) / 2_000 : int256(5_000_000e18) / 2_000 * 100;
        close(market.poolCapital() - before, gain, money(700), "less the premium that shrank with the price");
    }

    function test_capital_that_the_net_position_binds_cannot_leave() public {
        deposit(alice, 2_000_000);
        trade(alice, 8_000_000);
        uint256 shares = pool.balanceOf(depositor);
        near(market.poolBound(), money(4_000_000), 1, "bound");
        uint256 most = pool.maxRedeem(depositor);
        near(most, shares * 6 / 10, shares / 500, "six tenths are free");
        vm.prank(depositor);
        vm.expectRevert(bytes4(keccak256("RedeemMoreThanMax()")));
        pool.redeem(most + 1, depositor, depositor);
        leave(depositor, most);
        check(market.poolCapital() >= int256(market.poolBound()), "the rest covers the position");
        closeAll(alice);
        leave(depositor, pool.balanceOf(depositor));
        equal(pool.totalSupply(), 0, "all out");
        requireBooksBalance();
    }

    function test_shares_wait_in_the_queue_and_a_place_in_it_expires() public {
        pool.setDelay(1 days, 2 days);
        uint256 shares = pool.balanceOf(depositor);
        equal(pool.maxRedeem(depositor), 0, "not without a request");
        vm.prank(depositor);
        pool.requestRedeem(shares);
        equal(pool.balanceOf(depositor), 0, "the queue holds them");
        skip(1 days - 1);
        equal(pool.maxRedeem(depositor), 0, "not yet");
        skip(1);
        near(pool.maxRedeem(depositor), shares, 1, "now");
        near(leave(depositor, shares / 2), money(POOL / 2), 2 * market.marginUnit(), "at the price of now");
        skip(2 days + 1);
        equal(pool.maxRedeem(depositor), 0, "too late");
        vm.prank(depositor);
        pool.cancelRedeem();
        equal(pool.balanceOf(depositor), shares - shares / 2, "back");
        vm.prank(depositor);
        vm.expectRevert(abi.encodeWithSelector(PerpPool.RequestTooLarge.selector, shares, shares - shares / 2));
        pool.requestRedeem(shares);
    }

    function test_nobody_enters_at_the_last_price_and_leaves_after_it_moved() public {
        pool.setDelay(1 hours, 1 hours);
        deposit(alice, 2_000_000);
        trade(alice, 8_000_000);
        provide(bob, 1_000_000); // knows that the price is about to fall
        setPrice(1_900);
        equal(pool.maxRedeem(bob), 0, "no share is ready");
        uint256 shares = pool.balanceOf(bob);
        vm.prank(bob);
        pool.requestRedeem(shares);
        setPrice(2_000);
        skip(1 hours);
        near(pool.convertToAssets(shares) * market.marginUnit(), money(1_000_000), money(1), "he bore the way back");
    }

    function testFuzz_36_a_round_trip_through_the_pool_never_profits(uint256 amount, uint256 price, bool long) public {
        deposit(alice, 3_000_000);
        trade(alice, long ? int256(4_000_000) : -int256(4_000_000));
        setPrice(within(price, 1_800, 2_200));
        (address other, uint256 worth) = (depositor, pool.convertToAssets(1e12));
        uint256 dollars = within(amount, 1, 5_000_000);
        uint256 shares = provide(bob, dollars);
        check(pool.convertToAssets(1e12) >= worth, "36: others lost by it");
        uint256 got = leave(bob, shares);
        check(got <= money(dollars), "36: profit");
        check(money(dollars) - got <= 3 * market.marginUnit(), "36: more than rounding was lost");
        check(pool.balanceOf(other) != 0, "others stay");
        requireBooksBalance();
    }

    function testFuzz_36_trades_at_one_price_do_not_move_a_share(uint256 size, bool long) public {
        market.setFees(IPerpMarket.FeeConfig(0, 0));
        deposit(alice, 3_000_000);
        deposit(bob, 3_000_000);
        trade(bob, 1_000_000);
        int256 capital = market.poolCapital();
        int256 delta = sizeFor(int256(within(size, 1, 8_000_000)));
        tradeSize(alice, long ? delta : -delta);
        close(market.poolCapital(), capital, 3, "36: a trade before a deposit changes its price");
    }

    function test_first_depositor_cannot_inflate_the_share() public {
        leave(depositor, pool.balanceOf(depositor));
        give(alice, market.marginUnit() * 2);
        vm.startPrank(alice);
        token.approve(address(pool), type(uint256).max);
        pool.deposit(1, alice);
        vm.stopPrank();
        give(address(market), money(1_000)); // a gift to the market is nobody's
        give(address(pool), money(1_000)); // nor does one to the pool count
        provide(bob, 1_000);
        uint256 back = leave(bob, pool.balanceOf(bob));
        near(back, money(1_000), market.marginUnit(), "Bob has what he brought");
    }
}

contract LinearPoolTest is PerpPoolCases {
    function setUp() public {
        deployPerps(false);
    }
}

contract InversePoolTest is PerpPoolCases {
    function setUp() public {
        deployPerps(true);
    }
}
