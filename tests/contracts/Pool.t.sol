// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ConstantProductPool} from "../../contracts/amm/ConstantProductPool.sol";
import {Bounded} from "../../contracts/math/Bounded.sol";
import {CollateralToken} from "../../contracts/tokens/CollateralToken.sol";
import {Case} from "./Case.sol";

contract PoolTest is Case {
    CollateralToken private eth;
    CollateralToken private usd;
    ConstantProductPool private pool;
    address private alice = address(0xA11CE);
    address private bob = address(0xB0B);

    function setUp() public {
        vm.warp(1_000_000);
        eth = new CollateralToken("Ether", "ETH", 18);
        usd = new CollateralToken("Dollar", "USD", 6);
        pool = new ConstantProductPool(address(eth), address(usd), 0.003e18);
        for (uint256 i; i < 2; ++i) {
            address who = i == 0 ? alice : bob;
            eth.mint(who, 1_000e18);
            usd.mint(who, 1_000_000e6);
            vm.startPrank(who);
            eth.approve(address(pool), type(uint256).max);
            usd.approve(address(pool), type(uint256).max);
            vm.stopPrank();
        }
    }

    function add(address who, uint256 amount0, uint256 amount1) private returns (uint256 shares) {
        vm.prank(who);
        (shares,,) = pool.addLiquidity(amount0, amount1, who);
    }

    function swap(address who, address tokenIn, uint256 amount) private returns (uint256 out) {
        vm.prank(who);
        return pool.swap(tokenIn, amount, 0, who);
    }

    function product() private view returns (uint256) {
        (uint256 r0, uint256 r1) = pool.reserves();
        return r0 * r1;
    }

    /// @dev sqrt(100e18 * 20,000e6) = 1.414...e15 shares, of which 1,000 are locked.
    function test_the_first_deposit_makes_the_root_of_the_product_less_what_is_locked() public {
        equal(add(alice, 100e18, 20_000e6), 1414213562373095 - 1000, "shares");
        equal(pool.balanceOf(address(0xdead)), 1000, "locked");
    }

    /// @dev 1 ETH into 100 : 20,000 gives 20,000 * .997 / (100 + .997) = 197.431606...
    function test_a_swap_follows_the_product_after_the_fee() public {
        add(alice, 100e18, 20_000e6);
        equal(pool.previewSwap(address(eth), 1e18), 197_431_606, "preview");
        equal(swap(bob, address(eth), 1e18), 197_431_606, "out");
        (uint256 r0, uint256 r1) = pool.reserves();
        equal(r0, 101e18, "in");
        equal(r1, 20_000e6 - 197_431_606, "left");
    }

    function test_a_later_deposit_is_taken_in_proportion() public {
        uint256 first = add(alice, 100e18, 20_000e6);
        vm.prank(bob);
        (uint256 shares, uint256 used0, uint256 used1) = pool.addLiquidity(50e18, 50_000e6, bob);
        near(shares, (first + 1000) / 2, 1, "half as many shares");
        near(used0, 50e18, 1e6, "token0");
        near(used1, 10_000e6, 1, "token1, the rest stays");
    }

    function testFuzz_16_what_a_deposit_takes_covers_its_shares(uint256 amount0, uint256 amount1) public {
        add(alice, 100e18, 20_000e6);
        uint256 supply = pool.totalSupply();
        (amount0, amount1) = (within(amount0, 1e12, 500e18), within(amount1, 1e3, 100_000e6));
        (uint256 shares, uint256 used0, uint256 used1) = pool.previewAddLiquidity(amount0, amount1);
        check(used0 <= amount0 && used1 <= amount1, "more than offered");
        check(
            used0 * supply >= shares * 100e18 && used1 * supply >= shares * 20_000e6, "less than the shares are worth"
        );
    }

    function test_slippage_is_refused_with_both_numbers() public {
        add(alice, 100e18, 20_000e6);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(ConstantProductPool.Slippage.selector, 197_431_606, 198e6));
        pool.swap(address(eth), 1e18, 198e6, bob);
    }

    function test_an_empty_pool_and_strange_tokens_are_refused() public {
        vm.expectRevert(abi.encodeWithSelector(ConstantProductPool.NoLiquidity.selector));
        pool.previewSwap(address(eth), 1e18);
        vm.expectRevert(abi.encodeWithSelector(ConstantProductPool.NotPoolToken.selector, address(1)));
        pool.previewSwap(address(1), 1e18);
        vm.expectRevert(abi.encodeWithSelector(ConstantProductPool.SameToken.selector, address(eth)));
        new ConstantProductPool(address(eth), address(eth), 0);
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 0.2e18, 0, 0.1e18));
        new ConstantProductPool(address(eth), address(usd), 0.2e18);
    }

    // ------------------------------------------------------------- invariants

    function testFuzz_14_the_product_never_falls_in_a_trade(uint256 amount, bool first) public {
        add(alice, 100e18, 20_000e6);
        uint256 before = product();
        swap(bob, first ? address(eth) : address(usd), within(amount, 0, first ? 1_000e18 : 1_000_000e6));
        check(product() >= before, "fell");
    }

    function testFuzz_14_a_share_never_loses_by_what_others_do(uint256[5] memory seeds) public {
        uint256 shares = add(alice, 100e18, 20_000e6);
        uint256 start = product();
        uint256 supply = pool.totalSupply();
        for (uint256 i; i < 5; ++i) {
            uint256 amount = seeds[i] >> 8;
            if (seeds[i] % 4 == 0) swap(bob, address(eth), within(amount, 0, 100e18));
            else if (seeds[i] % 4 == 1) swap(bob, address(usd), within(amount, 0, 20_000e6));
            else if (seeds[i] % 4 == 2) add(bob, within(amount, 1e15, 50e18), within(amount, 1e6, 20_000e6));
            else removeAll(bob);
            // k per share squared, cross-multiplied; equal at the start
            check(root(product()) * supply >= root(start) * pool.totalSupply() - supply, "share lost value");
        }
        equal(pool.balanceOf(alice), shares, "shares");
    }

    function test_16_a_round_trip_of_trades_costs_the_fees() public {
        add(alice, 100e18, 20_000e6);
        uint256 before = eth.balanceOf(bob);
        uint256 out = swap(bob, address(eth), 10e18);
        swap(bob, address(usd), out);
        check(before - eth.balanceOf(bob) > 0.05e18, "two fees of .3 % on 10");
    }

    function testFuzz_16_no_round_trip_profits(uint256 amount, uint256 amount0, uint256 amount1) public {
        add(alice, 100e18, 20_000e6);
        (uint256 before0, uint256 before1) = (eth.balanceOf(bob), usd.balanceOf(bob));
        add(bob, within(amount0, 1e15, 500e18), within(amount1, 1e6, 100_000e6));
        removeAll(bob);
        check(eth.balanceOf(bob) <= before0 && usd.balanceOf(bob) <= before1, "profit by adding and removing");
        uint256 out = swap(bob, address(eth), within(amount, 0, 400e18));
        swap(bob, address(usd), out);
        check(eth.balanceOf(bob) <= before0 && usd.balanceOf(bob) <= before1, "profit by trading");
    }

    function testFuzz_15_balances_cover_reserves_and_gifts_move_nothing(uint256 gift, uint256 amount) public {
        uint256 shares = add(alice, 100e18, 20_000e6);
        uint256 quote = pool.previewSwap(address(eth), 1e18);
        vm.prank(bob);
        usd.transfer(address(pool), within(gift, 1, 1_000_000e6));
        equal(pool.previewSwap(address(eth), 1e18), quote, "price");
        (, uint256 worth) = pool.previewRemoveLiquidity(shares);
        check(worth <= 20_000e6, "share");
        swap(bob, address(eth), within(amount, 0, 100e18));
        (uint256 r0, uint256 r1) = pool.reserves();
        check(eth.balanceOf(address(pool)) >= r0 && usd.balanceOf(address(pool)) >= r1, "not covered");
    }

    /// @dev The first depositor makes one share dear by a gift and waits for a victim: the gift is lost.
    function test_the_first_depositor_cannot_inflate_a_share() public {
        uint256 shares = add(alice, 1e6, 1e6);
        vm.startPrank(alice);
        eth.transfer(address(pool), 500e18);
        usd.transfer(address(pool), 500_000e6);
        vm.stopPrank();
        uint256 got = add(bob, 10e18, 10e6);
        check(got != 0, "the victim got nothing");
        (uint256 back0, uint256 back1) = pool.previewRemoveLiquidity(got);
        vm.prank(bob);
        (uint256 out0, uint256 out1) = pool.removeLiquidity(got, bob);
        equal(out0, back0, "token0");
        near(usd.balanceOf(bob), 1_000_000e6, 1, "token1 back");
        near(eth.balanceOf(bob), 1_000e18, 1, "token0 back");
        check(back1 == out1, "preview");
        (uint256 hers,) = pool.previewRemoveLiquidity(shares);
        check(hers <= 1e6, "the gift did not come back");
    }

    function test_a_first_deposit_too_small_to_lock_is_refused() public {
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(ConstantProductPool.NoLiquidity.selector));
        pool.addLiquidity(1000, 1000, alice);
    }

    // ------------------------------------------------------ cumulative prices

    function test_17_cumulative_prices_are_price_times_seconds() public {
        add(alice, 100e18, 20_000e6);
        vm.warp(1_000_100);
        (uint256 c0, uint256 c1, uint256 time) = pool.observe();
        equal(c0, 200e6 * 1e18 / 1e18 * 100, "USD units per ETH unit, wad, times 100 s");
        equal(c1, 100e18 * 1e18 / 20_000e6 * 100, "the other way");
        equal(time, 1_000_100, "time");
        equal(pool.priceCumulative0(), c0, "view 0");
        equal(pool.priceCumulative1(), c1, "view 1");
    }

    /// @dev A push that stands for one block of 13 s moves the mean of an hour by 13 / 3600 of its size.
    function test_17_a_push_of_one_block_hardly_moves_the_mean() public {
        add(alice, 100e18, 20_000e6);
        (uint256 start,,) = pool.observe();
        vm.warp(1_000_000 + 3587);
        uint256 out = swap(bob, address(eth), 100e18); // the price falls to about a quarter
        vm.warp(1_000_000 + 3600);
        swap(bob, address(usd), out);
        (uint256 end,,) = pool.observe();
        uint256 mean = (end - start) / 3600;
        check(mean > 199e6 && mean < 200e6, "mean");
    }

    function testFuzz_17_cumulative_prices_never_fall(uint32 wait, uint256 amount) public {
        add(alice, 100e18, 20_000e6);
        skipAnd(wait % 1e6, amount);
        (uint256 a0, uint256 a1,) = pool.observe();
        skipAnd(wait % 1e5, amount >> 7);
        (uint256 b0, uint256 b1,) = pool.observe();
        check(b0 >= a0 && b1 >= a1, "fell");
    }

    function skipAnd(uint256 elapsed, uint256 amount) private {
        vm.warp(block.timestamp + elapsed);
        swap(bob, address(eth), within(amount, 0, 100e18));
    }

    function removeAll(address who) private {
        uint256 shares = pool.balanceOf(who);
        vm.prank(who);
        pool.removeLiquidity(shares, who);
    }

    function root(uint256 x) private pure returns (uint256 z) {
        z = x;
        for (uint256 y = x / 2 + 1; y < z; y = (x / y + y) / 2) {
            z = y;
        }
    }
}
