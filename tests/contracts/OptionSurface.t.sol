// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IPrice} from "../../contracts/interfaces/IPrice.sol";
import {IVolSurface} from "../../contracts/interfaces/IVolSurface.sol";
import {BlackScholes} from "../../contracts/math/BlackScholes.sol";
import {Bounded} from "../../contracts/math/Bounded.sol";
import {Svi} from "../../contracts/math/Svi.sol";
import {OptionId} from "../../contracts/options/OptionId.sol";
import {OptionSystem} from "./OptionSystem.sol";

contract OptionSurfaceTest is OptionSystem {
    uint256 private constant FIRST = 1e18; // the surface's own volatility

    function setUp() public {
        deployOptions();
    }

    function _one(int64 a, uint64 b, int64 rho, uint64 sigma, uint64 time) private pure returns (Svi.Slice[] memory s) {
        s = new Svi.Slice[](1);
        s[0] = Svi.Slice(a, b, rho, 0, sigma, time);
    }

    // ----------------------------------------------------------------- report

    function test_only_reporters_report() public {
        Svi.Slice[] memory slices = _one(0.36e18, 0, 0, 1e17, 365 days);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IVolSurface.NotReporter.selector, alice));
        surface.report(slices, 0, 0);
    }

    function test_a_volatility_pushed_past_a_bound_is_refused() public {
        vm.expectRevert(
            abi.encodeWithSelector(IVolSurface.VolatilityOutOfBounds.selector, 3_016_620_625_799_671_217, 0.1e18, 3e18)
        );
        surface.report(_one(9.1e18, 0, 0, 1e17, 365 days), 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IVolSurface.VolatilityOutOfBounds.selector, 0.09e18, 0.1e18, 3e18));
        surface.report(_one(0.0081e18, 0, 0, 1e17, 365 days), 0, 0);
    }

    function test_wings_never_leave_the_bounds() public {
        reportSmile();
        check(surface.volatilityOf(PRICE / 1_000_000, START + 1 hours) <= 3e18, "above");
        check(surface.volatilityOf(PRICE * 1_000_000, START + 1 hours) <= 3e18, "above");
    }

    function test_a_smile_with_a_butterfly_is_refused() public {
        expectError(IVolSurface.ButterflyArbitrage.selector);
        surface.report(_one(0.001e18, 0.9e18, -0.9e18, 0.01e18, 30 days), 0, 0);
    }

    function test_total_variance_may_not_fall_with_time() public {
        Svi.Slice[] memory slices = new Svi.Slice[](2);
        slices[0] = Svi.Slice(0.05e18, 0, 0, 0, 1e17, 30 days);
        slices[1] = Svi.Slice(0.04e18, 0, 0, 0, 1e17, 60 days);
        expectError(IVolSurface.CalendarArbitrage.selector);
        surface.report(slices, 0, 0);
    }

    function test_slices_are_in_order_and_in_their_domain() public {
        Svi.Slice[] memory slices = new Svi.Slice[](2);
        slices[0] = slices[1] = Svi.Slice(0.05e18, 0, 0, 0, 1e17, 30 days);
        vm.expectRevert(abi.encodeWithSelector(IVolSurface.InvalidSlice.selector, 1));
        surface.report(slices, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IVolSurface.InvalidSlice.selector, 0));
        surface.report(_one(0.05e18, 0, 1e18, 1e17, 30 days), 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IVolSurface.InvalidSlice.selector, 0));
        surface.report(_one(0.05e18, 0, 0, 0, 30 days), 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IVolSurface.InvalidSlice.selector, 0));
        surface.report(_one(0.05e18, 0, 0, 1e17, 0), 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IVolSurface.InvalidSlice.selector, 0));
        surface.report(_one(0.05e18, 1.5e18, 0.5e18, 1e17, 30 days), 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IVolSurface.WrongSliceCount.selector, 9, 8));
        surface.report(new Svi.Slice[](9), 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IVolSurface.WrongSliceCount.selector, 0, 8));
        surface.report(new Svi.Slice[](0), 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IVolSurface.RateOutOfBounds.selector, -0.6e18, 0.5e18));
        surface.report(_one(0.36e18, 0, 0, 1e17, 365 days), 0, -0.6e18);
    }

    function test_a_stale_surface_has_no_prices() public {
        skip(20 minutes);
        surface.pricesOf(PRICE, MONTH, FIRST);
        skip(1);
        vm.expectRevert(abi.encodeWithSelector(IVolSurface.StaleSurface.selector, 1201, 1200));
        surface.pricesOf(PRICE, MONTH, FIRST);
    }

    function test_a_stale_index_has_no_prices() public {
        skip(1 hours + 1);
        reportFlat(0.6e18);
        vm.expectRevert(abi.encodeWithSelector(IPrice.StalePrice.selector, 3601, 3600));
        surface.pricesOf(PRICE, MONTH, FIRST);
    }

    function test_a_jump_of_volatility_halts_trading_for_a_while() public {
        reportFlat(0.9e18);
        surface.requireOpen();
        reportFlat(1.36e18);
        vm.expectRevert(abi.encodeWithSelector(IVolSurface.VolatilityHalted.selector, 0.9e18, 1.36e18, START + 1 hours));
        surface.requireOpen();
        skip(1 hours);
        surface.requireOpen();
    }

    function test_only_the_owner_sets_rules_within_bounds() public {
        IVolSurface.Rules memory rules = surfaceRules();
        rules.minVolatility = 4e18;
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 4e18, 0.01e18, 3e18));
        surface.setRules(rules);
        vm.prank(alice);
        expectError(bytes4(keccak256("Unauthorized()")));
        surface.setReporter(alice, true);
    }

    // ----------------------------------------------------------------- prices

    function testFuzz_prices_are_those_of_black_scholes_at_the_smile(uint256 strike, uint256 time) public {
        reportSmile();
        strike = within(strike, PRICE / 4, PRICE * 4);
        time = within(time, 1, 365 days);
        BlackScholes.Terms memory t = surface.termsOf(strike, block.timestamp + time, WAD);
        (uint256 c, uint256 p) = surface.pricesOf(strike, block.timestamp + time, WAD);
        (uint256 expectedCall, uint256 expectedPut) = BlackScholes.prices(t);
        check(c == expectedCall && p == expectedPut, "prices");
        equal(t.volatility, surface.volatilityOf(strike, block.timestamp + time), "volatility");
        check(t.spot == PRICE && t.time == time && t.rate == 0.04e18 && t.carry == 0.01e18, "terms");
    }

    function testFuzz_47_quotes_keep_parity_and_bounds(uint256 strike, uint256 time, uint256 factor) public {
        reportSmile();
        strike = within(strike, PRICE / 5, PRICE * 5);
        time = within(time, 1 hours, 365 days);
        uint256 expiry = block.timestamp + time;
        (uint256 c, uint256 p) = surface.pricesOf(strike, expiry, within(factor, 0.5e18, 2e18));
        uint256 forward = PRICE * uint256(BlackScholes.discount(0.01e18, time)) / WAD;
        uint256 worth = strike * uint256(BlackScholes.discount(0.04e18, time)) / WAD;
        equal(c + worth, p + forward, "47: parity");
        check(c <= forward && p <= worth, "47: upper bound");
    }

    function testFuzz_47_quotes_are_convex_in_the_strike(uint256 strike, uint256 step, uint256 time) public {
        reportSmile();
        step = within(step, PRICE / 200, PRICE / 10);
        strike = within(strike, PRICE / 2, PRICE * 2);
        uint256 expiry = block.timestamp + within(time, 1 days, 90 days);
        (uint256 low,) = surface.pricesOf(strike - step, expiry, WAD);
        (uint256 middle,) = surface.pricesOf(strike, expiry, WAD);
        (uint256 high,) = surface.pricesOf(strike + step, expiry, WAD);
        check(low + high + 1e6 >= 2 * middle, "47: a butterfly costs nothing");
        check(low + 1e6 >= middle && middle + 1e6 >= high, "47: a spread costs nothing");
    }

    function test_an_expired_series_has_no_price() public {
        vm.expectRevert(abi.encodeWithSelector(IVolSurface.SeriesExpired.selector, START, START));
        surface.pricesOf(PRICE, START, WAD);
    }

    // ----------------------------------------------------------------- shocks

    function _book() private view returns (uint256[] memory ids, int256[] memory sizes) {
        (ids, sizes) = (new uint256[](4), new int256[](4));
        (ids[0], sizes[0]) = (OptionId.pack(START + 7 days, PRICE * 9 / 10, OptionId.PUT), -3e18);
        (ids[1], sizes[1]) = (call, 2e18);
        (ids[2], sizes[2]) = (put, -1e18);
        (ids[3], sizes[3]) = (OptionId.pack(MONTH, PRICE * 2, OptionId.CALL), 5e18);
    }

    function test_without_a_shock_a_book_is_worth_its_prices() public {
        reportSmile();
        (uint256[] memory ids, int256[] memory sizes) = _book();
        int256 expected;
        for (uint256 i; i < 4; ++i) {
            (uint256 expiry, uint256 strike, uint256 kind) = OptionId.unpack(ids[i]);
            (uint256 c, uint256 p) = surface.pricesOf(strike, expiry, WAD);
            expected += sizes[i] * int256(kind == OptionId.CALL ? c : p) / 1e18;
        }
        int256 got = surface.shockedValues(ids, sizes, new IVolSurface.Shock[](1))[0];
        check(got - expected < 1e6 && expected - got < 1e6, "worth");
    }

    function test_a_shock_of_spot_is_a_price_at_the_shocked_spot_and_the_strikes_own_volatility() public {
        (uint256[] memory ids, int256[] memory sizes) = (new uint256[](1), new int256[](1));
        (ids[0], sizes[0]) = (put, 1e18);
        IVolSurface.Shock[] memory shocks = new IVolSurface.Shock[](2);
        shocks[0].spot = -0.2e18;
        shocks[1].volatility = 0.5e18;
        int256[] memory got = surface.shockedValues(ids, sizes, shocks);
        BlackScholes.Terms memory t = surface.termsOf(PRICE, MONTH, WAD);
        t.spot = PRICE * 8 / 10;
        (, uint256 expected) = BlackScholes.prices(t);
        near(uint256(got[0]), expected, 1e6, "spot");
        (t.spot, t.volatility) = (PRICE, t.volatility * 3 / 2); // 30 days: the shock is not scaled
        (, expected) = BlackScholes.prices(t);
        near(uint256(got[1]), expected, 1e6, "volatility");
    }

    function test_a_shock_of_volatility_is_larger_for_a_shorter_time() public {
        (uint256[] memory ids, int256[] memory sizes) = (new uint256[](1), new int256[](1));
        (ids[0], sizes[0]) = (OptionId.pack(START + 3 days, PRICE, OptionId.PUT), 1e18);
        IVolSurface.Shock[] memory shocks = new IVolSurface.Shock[](1);
        shocks[0].volatility = 0.5e18;
        int256 got = surface.shockedValues(ids, sizes, shocks)[0];
        BlackScholes.Terms memory t = surface.termsOf(PRICE, START + 3 days, WAD);
        t.volatility = t.volatility * 1_997_631_157_484_440_000 / 1e18; // 1 + .5 x 10^.3
        (, uint256 expected) = BlackScholes.prices(t);
        near(uint256(got), expected, 1e6, "scaled");
    }

    function test_only_calls_and_puts_are_shocked_here() public {
        (uint256[] memory ids, int256[] memory sizes) = (new uint256[](1), new int256[](1));
        ids[0] = OptionId.pack(MONTH, PRICE, 2);
        vm.expectRevert(abi.encodeWithSelector(OptionId.InvalidId.selector, ids[0]));
        surface.shockedValues(ids, sizes, new IVolSurface.Shock[](1));
    }

    /// @dev 40 legs on 20 strikes and expiries under 23 shocks.
    function test_a_large_book_is_priced_for_four_million_gas() public {
        reportSmile();
        (uint256[] memory ids, int256[] memory sizes) = (new uint256[](40), new int256[](40));
        for (uint256 i; i < 40; ++i) {
            uint256 expiry = START + (1 + i / 10) * 14 days;
            ids[i] = OptionId.pack(expiry, PRICE * (8 + i / 2 % 5) / 10, i % 2);
            sizes[i] = i % 3 == 0 ? -int256(1e18) : int256(1e18);
        }
        IVolSurface.Shock[] memory shocks = new IVolSurface.Shock[](23);
        for (uint256 j; j < 23; ++j) {
            shocks[j] = IVolSurface.Shock(int256(j) * 0.02e18 - 0.22e18, int256(j % 3) * 0.3e18 - 0.3e18);
        }
        uint256 used = gasleft();
        int256[] memory values = surface.shockedValues(ids, sizes, shocks);
        used -= gasleft();
        check(values.length == 23 && values[0] != values[22], "values");
        check(used <= 4_000_000, string.concat("gas: ", vm.toString(used)));
    }
}
