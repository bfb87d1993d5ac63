// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ConstantProductPool} from "../../contracts/amm/ConstantProductPool.sol";
import {ICdpEngine} from "../../contracts/interfaces/ICdpEngine.sol";
import {IPrice} from "../../contracts/interfaces/IPrice.sol";
import {Bounded} from "../../contracts/math/Bounded.sol";
import {PushFeed} from "../../contracts/oracle/PushFeed.sol";
import {GuardedFeed} from "../../contracts/oracle/GuardedFeed.sol";
import {TwapFeed} from "../../contracts/oracle/TwapFeed.sol";
import {CollateralToken} from "../../contracts/tokens/CollateralToken.sol";
import {CdpSystem} from "./CdpSystem.sol";
import {Case} from "./Case.sol";

/// @dev A pool without a fee, so that a trade can be undone, and what is done to it.
abstract contract PoolCase is Case {
    uint256 internal constant BEGIN = 1_000_000;
    uint256 internal constant WINDOW = 1_800;
    uint256 internal constant SPACING = 300;
    IPrice internal constant ONE_DOLLAR = IPrice(address(0));

    CollateralToken internal eth;
    CollateralToken internal usd;
    ConstantProductPool internal pool;
    TwapFeed internal feed;

    /// @dev 100 whole tokens at 200, seen over half an hour in six steps.
    function setUpPool(uint8 baseDecimals, uint8 quoteDecimals, bool baseFirst) internal {
        vm.warp(BEGIN);
        eth = new CollateralToken("Ether", "ETH", baseDecimals);
        usd = new CollateralToken("Dollar", "USD", quoteDecimals);
        (address first, address second) = (address(eth), address(usd));
        pool = baseFirst ? new ConstantProductPool(first, second, 0) : new ConstantProductPool(second, first, 0);
        eth.approve(address(pool), type(uint256).max);
        usd.approve(address(pool), type(uint256).max);
        feed = new TwapFeed(pool, address(eth), ONE_DOLLAR, WINDOW, 7, 1 hours);
    }

    function fill() internal {
        (uint256 base, uint256 quote) = (100 * 10 ** uint256(eth.decimals()), 20_000 * 10 ** uint256(usd.decimals()));
        eth.mint(address(this), base);
        usd.mint(address(this), quote);
        bool first = pool.token0() == address(eth);
        pool.addLiquidity(first ? base : quote, first ? quote : base, address(this));
    }

    function buy(uint256 dollars) internal returns (uint256 out) {
        usd.mint(address(this), dollars);
        return pool.swap(address(usd), dollars, 0, address(this));
    }

    function sell(uint256 amount) internal returns (uint256 out) {
        eth.mint(address(this), amount);
        return pool.swap(address(eth), amount, 0, address(this));
    }

    function poked(uint256 times) internal {
        for (uint256 i; i < times; ++i) {
            vm.warp(block.timestamp + SPACING);
            feed.poke();
        }
    }

    /// @dev [wad] what the pool trades at now
    function spot() internal view returns (uint256) {
        (uint256 r0, uint256 r1) = pool.reserves();
        (uint256 base, uint256 quote) = pool.token0() == address(eth) ? (r0, r1) : (r1, r0);
        return quote * 10 ** (18 + eth.decimals() - usd.decimals()) / base;
    }

    function meanNow() internal view returns (uint256 wad) {
        (wad,) = feed.price();
    }
}

contract TwapFeedTest is PoolCase {
    function setUp() public {
        setUpPool(18, 6, true);
    }

    function test_21_there_is_no_price_before_the_window_is_covered() public {
        fill();
        vm.expectRevert(abi.encodeWithSelector(TwapFeed.WindowNotCovered.selector, 0, WINDOW));
        feed.price();
        feed.poke();
        poked(5);
        vm.expectRevert(abi.encodeWithSelector(TwapFeed.WindowNotCovered.selector, 5 * SPACING, WINDOW));
        feed.price();
        vm.expectRevert(abi.encodeWithSelector(TwapFeed.WindowNotCovered.selector, 5 * SPACING, WINDOW));
        feed.lastPrice();
        poked(1);
        (uint256 wad, uint256 updatedAt) = feed.price();
        equal(wad, 200e18, "price");
        equal(updatedAt, BEGIN + WINDOW, "time");
    }

    function test_an_empty_pool_is_not_observed() public {
        vm.expectRevert(TwapFeed.EmptyPool.selector);
        feed.poke();
        vm.expectRevert(abi.encodeWithSelector(TwapFeed.WindowNotCovered.selector, 0, WINDOW));
        feed.price();
        equal(feed.count(), 0, "observations");
    }

    function test_poke_works_once_in_a_spacing() public {
        fill();
        feed.poke();
        equal(feed.nextPokeAt(), BEGIN + SPACING, "next");
        vm.warp(BEGIN + SPACING - 1);
        vm.expectRevert(abi.encodeWithSelector(TwapFeed.NotYet.selector, BEGIN + SPACING));
        feed.poke();
    }

    /// @dev After a step the mean walks from the old price to the new one in a straight line, a window long.
    function test_after_a_step_the_mean_lags_by_the_share_of_the_window_that_is_old() public {
        fill();
        feed.poke();
        poked(6);
        uint256 before = spot();
        buy(20_000e6); // four times the price
        uint256 then_ = spot();
        for (uint256 i = 1; i <= 8; ++i) {
            poked(1);
            uint256 share = (i < 6 ? i : 6) * WAD / 6;
            near(meanNow(), before + (then_ - before) * share / WAD, 1e10, "mean");
        }
    }

    /// @dev Where pokes do not fall on the window's beginning, its integral is taken from the line between two of them.
    function test_between_two_observations_the_window_begins_on_their_line() public {
        fill();
        feed.poke(); // at 0
        vm.warp(BEGIN + 600);
        buy(20_000e6); // 200 until 600, 800 from then on
        vm.warp(BEGIN + 1_000);
        feed.poke();
        vm.warp(BEGIN + 2_300);
        feed.poke();
        // From 500 on. The line from 0 to 1,000 has the mean 440 all along; 1,300 seconds at 800 follow.
        near(meanNow(), (500 * 440e18 + 1_300 * 800e18) / WINDOW, 1e10, "mean");
    }

    function test_21_a_push_within_one_block_moves_nothing() public {
        fill();
        feed.poke();
        poked(5);
        vm.warp(block.timestamp + SPACING);
        uint256 bought = buy(1_000_000e6);
        feed.poke();
        equal(meanNow(), 200e18, "mean");
        sell(bought);
        poked(1);
        near(meanNow(), 200e18, 1e10, "mean");
    }

    /// @dev A tenfold price for a block of 12 seconds: 9 * 12 / 1800 = 6 %, and the push is poked at the worst moment.
    function test_21_a_push_of_one_block_moves_the_mean_by_its_share_of_the_window() public {
        fill();
        feed.poke();
        poked(5);
        vm.warp(block.timestamp + SPACING - 12);
        uint256 bought = buy(43_245.553203e6);
        near(spot(), 2_000e18, 1e14, "pushed");
        vm.warp(block.timestamp + 12);
        sell(bought);
        feed.poke();
        near(meanNow(), 212e18, 1e14, "mean");
    }

    /// @dev Whoever pokes whenever: one push, however long, weighs at most its seconds over the window.
    function testFuzz_21_no_second_counts_more_than_its_share(
        uint16[12] memory waits,
        uint8 at,
        uint16 held,
        uint32 size
    ) public {
        fill();
        uint256 most = 200e18;
        for (uint256 i; i < waits.length; ++i) {
            if (i == at % 12) {
                uint256 bought = buy(uint256(size) * 10 + 1e6);
                uint256 pushed = spot();
                uint256 seconds_ = held % WINDOW;
                vm.warp(block.timestamp + seconds_);
                most += (pushed - 200e18) * seconds_ / WINDOW + 1e12;
                sell(bought);
            }
            vm.warp(block.timestamp + waits[i] % 900);
            try feed.poke() {} catch {}
            try feed.price() returns (uint256 wad, uint256) {
                check(wad + 1e12 >= 200e18, "below every price");
                check(wad <= most, "more than its share");
            } catch {}
        }
    }

    /// @dev Against a history kept whole: the ring keeps what a window needs, however often it has gone round.
    function testFuzz_21_the_ring_gives_what_the_whole_history_would(uint16[40] memory waits, uint32[40] memory trades)
        public
    {
        fill();
        uint256[] memory times = new uint256[](41);
        uint256[] memory integrals = new uint256[](41);
        uint256 known;
        for (uint256 i; i < 40; ++i) {
            vm.warp(block.timestamp + SPACING + waits[i] % (i % 9 == 8 ? 4_000 : 300));
            if (trades[i] % 3 == 0) sell(uint256(trades[i]) * 1e9 + 1);
            else buy(uint256(trades[i]) + 1);
            (times[known], integrals[known]) = (block.timestamp, pool.priceCumulative0());
            (bool covered, uint256 expected) = _whole(times, integrals, known++);
            uint256 before = _lastMean();
            feed.poke();
            equal(_lastMean(), covered ? expected : before, "mean");
            (uint256 time, uint256 integral) = feed.observation(known - 1);
            equal(time, times[known - 1], "time");
            equal(integral, integrals[known - 1], "integral");
        }
        equal(feed.count(), 40, "observations");
    }

    function _whole(uint256[] memory times, uint256[] memory integrals, uint256 newest)
        private
        pure
        returns (bool covered, uint256 mean)
    {
        uint256 start = times[newest] - WINDOW;
        for (uint256 i = newest; i > 0; --i) {
            if (times[i - 1] > start) continue;
            if (start - times[i - 1] > WINDOW) return (false, 0);
            uint256 slope = (integrals[i] - integrals[i - 1]) * (start - times[i - 1]) / (times[i] - times[i - 1]);
            return (true, (integrals[newest] - integrals[i - 1] - slope) * 1e18 / (WINDOW * 1e6));
        }
    }

    function _lastMean() private view returns (uint256) {
        try feed.lastPrice() returns (uint256 wad, uint256) {
            return wad;
        } catch {
            return 0;
        }
    }

    /// @dev [wad] Nobody pokes: the mean ages, then is refused, and only a covered window brings the next one.
    function test_when_nobody_pokes_the_mean_turns_stale_and_comes_back_with_a_covered_window() public {
        fill();
        feed.poke();
        poked(6);
        uint256 adopted = block.timestamp;
        vm.warp(adopted + 1 hours);
        equal(meanNow(), 200e18, "as old as it may be");
        buy(20_000e6);
        vm.warp(adopted + 1 hours + 1);
        vm.expectRevert(abi.encodeWithSelector(IPrice.StalePrice.selector, 3601, 3600));
        feed.price();
        feed.poke(); // its window begins half an hour and a second after the last observation
        vm.expectRevert(abi.encodeWithSelector(IPrice.StalePrice.selector, 3601, 3600));
        feed.price();
        (uint256 last, uint256 at) = feed.lastPrice();
        equal(last, 200e18, "24: the last one stays");
        equal(at, adopted, "time");
        poked(6);
        near(meanNow(), 800e18, 1e10, "mean of the new window alone");
    }

    function test_a_lost_poke_or_two_cost_nothing() public {
        fill();
        feed.poke();
        poked(6);
        vm.warp(block.timestamp + WINDOW);
        buy(20_000e6);
        feed.poke();
        equal(meanNow(), 200e18, "the window before the trade");
    }

    function test_the_seconds_of_the_record_pass_2106() public {
        vm.warp(2 ** 32 - 1_000);
        fill();
        feed.poke();
        poked(3);
        buy(20_000e6); // at 900: a hundred seconds before the seconds of the pool's record begin anew
        poked(3);
        check(block.timestamp > 2 ** 32, "not yet");
        near(meanNow(), 500e18, 1e10, "half of it at 200, half at 800");
        poked(3);
        near(meanNow(), 800e18, 1e10, "all of it at 800");
    }

    function test_other_decimals_and_the_other_side() public {
        uint8[2][4] memory decimals = [[18, 18], [8, 6], [6, 8], [6, 18]];
        for (uint256 i; i < 8; ++i) {
            setUpPool(decimals[i / 2][0], decimals[i / 2][1], i % 2 == 0);
            fill();
            feed.poke();
            poked(6);
            near(meanNow(), 200e18, 1e12, "mean");
        }
    }

    function test_the_quote_is_worth_what_its_feed_says() public {
        PushFeed source = new PushFeed(address(this), address(this), 8, "USD / USD");
        GuardedFeed quote = new GuardedFeed(source, 2 hours, 0, 0, 0);
        source.report(0.88e8);
        feed = new TwapFeed(pool, address(eth), quote, WINDOW, 7, 0);
        fill();
        feed.poke();
        poked(6);
        (uint256 wad, uint256 updatedAt) = feed.price();
        equal(wad, 176e18, "price");
        equal(updatedAt, BEGIN, "as old as the quote's");
        vm.warp(BEGIN + 2 hours + 1);
        vm.expectRevert(abi.encodeWithSelector(IPrice.StalePrice.selector, 7201, 7200));
        feed.price();
        (wad,) = feed.lastPrice();
        equal(wad, 176e18, "24: the quote's age is forgiven too");
    }

    function test_what_cannot_be_is_refused() public {
        vm.expectRevert(abi.encodeWithSelector(TwapFeed.NotPoolToken.selector, address(7)));
        new TwapFeed(pool, address(7), ONE_DOLLAR, WINDOW, 7, 0);
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 59, 60, 7 days));
        new TwapFeed(pool, address(eth), ONE_DOLLAR, 59, 7, 0);
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 1, 2, 256));
        new TwapFeed(pool, address(eth), ONE_DOLLAR, WINDOW, 1, 0);
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 31 days, 0, 30 days));
        feed.setMaxAge(31 days);
        feed.setMaxAge(9);
        equal(feed.maxAge(), 9, "set");
        vm.prank(address(7));
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        feed.setMaxAge(1);
    }
}

/// @dev The attack of the list: push the pool for one block, mint against the pushed price, walk away.
contract TwapAttackTest is CdpSystem {
    function test_21_a_push_of_one_block_costs_more_than_it_mints() public {
        deploySystem();
        ConstantProductPool pool = new ConstantProductPool(address(tokenOf[ETH]), address(dollar), 0.003e18);
        giveDollars(address(this), 1_000_000e18);
        tokenOf[ETH].mint(address(this), 1_000e18);
        tokenOf[ETH].approve(address(pool), type(uint256).max);
        dollar.approve(address(pool), type(uint256).max);
        pool.addLiquidity(1_000e18, 200_000e18, address(this));
        TwapFeed feed = new TwapFeed(pool, address(tokenOf[ETH]), IPrice(address(0)), 30 minutes, 7, 1 hours);
        feed.poke();
        for (uint256 i; i < 6; ++i) {
            skip(300);
            feed.poke();
        }
        engine.setFeed(ETH, address(feed));

        uint256 held = dollar.balanceOf(address(this));
        skip(288);
        uint256 bought = pool.swap(address(dollar), 100_000e18, 0, address(this)); // to 2.25 times the price
        skip(12);
        feed.poke();
        pool.swap(address(tokenOf[ETH]), bought, 0, address(this));
        uint256 cost = held - dollar.balanceOf(address(this));

        uint256 pushed = engine.priceOf(ETH);
        check(pushed > 200e18 && pushed < 202e18, "the mean barely moves");
        uint256 collateral = 100e18;
        uint256 most = collateral * pushed / 1.6e18 - 1;
        fund(ETH, alice, collateral);
        vm.prank(alice);
        engine.adjust(ETH, alice, int256(collateral), int256(most));
        uint256 honest = collateral * 200e18 / 1.6e18;
        check(most - honest < cost, "it minted more than it cost");
        check(most < collateral * 200, "walking away would pay");
    }
}
