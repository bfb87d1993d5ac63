// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {BlackScholes} from "../../contracts/math/BlackScholes.sol";
import {Case} from "./Case.sol";

contract OptionMathTest is Case {
    uint256 private constant STRIKE = 2_000e18;

    /// @dev Gas of both prices, of no more than the library itself.
    function _gasOf(BlackScholes.Terms memory t) private view returns (uint256 used) {
        used = gasleft();
        BlackScholes.prices(t);
        used -= gasleft();
    }

    function test_both_prices_cost_six_thousand_gas_at_most() public view {
        uint256[5] memory spots = [STRIKE / 5, STRIKE * 9 / 10, STRIKE, STRIKE * 6 / 5, STRIKE * 5];
        uint256[4] memory volatilities = [uint256(0.1e18), 0.4e18, 1e18, 3e18];
        uint256[4] memory times = [uint256(1 hours), 7 days, 90 days, 365 days];
        uint256 most;
        for (uint256 i; i < 80; ++i) {
            uint256 used = _gasOf(
                BlackScholes.Terms(spots[i % 5], STRIKE, volatilities[i / 5 % 4], times[i / 20], 0.05e18, 0.02e18)
            );
            if (used > most) most = used;
        }
        check(most <= 6_000, string.concat("gas: ", vm.toString(most)));
        check(most >= 3_000, "nothing was measured");
    }

    function testFuzz_both_prices_cost_six_thousand_gas_anywhere(
        uint256 spot,
        uint256 volatility,
        uint256 time,
        int256 rate,
        int256 carry
    ) public view {
        BlackScholes.Terms memory t = _terms(spot, volatility, time, rate, carry);
        check(_gasOf(t) <= 6_000, "gas");
    }

    function testFuzz_46_parity_holds_to_the_digit_and_bounds_hold(
        uint256 spot,
        uint256 volatility,
        uint256 time,
        int256 rate,
        int256 carry
    ) public pure {
        BlackScholes.Terms memory t = _terms(spot, volatility, time, rate, carry);
        (uint256 call, uint256 put) = BlackScholes.prices(t);
        uint256 forward = t.spot * uint256(BlackScholes.discount(t.carry, t.time)) / 1e18;
        uint256 strike = t.strike * uint256(BlackScholes.discount(t.rate, t.time)) / 1e18;
        check(call + strike == put + forward, "46: parity");
        check(call <= forward && put <= strike, "46: upper bound");
        check(call + strike >= forward && put + forward >= strike, "46: lower bound");
    }

    function testFuzz_46_prices_are_monotone_and_convex_in_the_strike(
        uint256 spot,
        uint256 volatility,
        uint256 time,
        uint256 step
    ) public pure {
        BlackScholes.Terms memory t = _terms(spot, volatility, time, 0.03e18, 0);
        step = within(step, 1e15, 100e18);
        uint256[3] memory calls;
        uint256[3] memory puts;
        for (uint256 i; i < 3; ++i) {
            t.strike = STRIKE - step + i * step;
            (calls[i], puts[i]) = BlackScholes.prices(t);
        }
        uint256 rounding = (t.spot + STRIKE) * 2e1 / 1e18; // of three prices
        check(calls[0] + rounding >= calls[1] && calls[1] + rounding >= calls[2], "46: calls fall with the strike");
        check(puts[0] <= puts[1] + rounding && puts[1] <= puts[2] + rounding, "46: puts rise with the strike");
        check(calls[0] + calls[2] + rounding >= 2 * calls[1], "46: calls are convex");
        check(puts[0] + puts[2] + rounding >= 2 * puts[1], "46: puts are convex");
    }

    function _terms(uint256 spot, uint256 volatility, uint256 time, int256 rate, int256 carry)
        private
        pure
        returns (BlackScholes.Terms memory)
    {
        return BlackScholes.Terms({
            spot: within(spot, STRIKE / 100, STRIKE * 100),
            strike: STRIKE,
            volatility: within(volatility, 0, 10e18),
            time: within(time, 0, 2 * 365 days),
            rate: int256(within(uint256(rate), 0, 2e18)) - 1e18,
            carry: int256(within(uint256(carry), 0, 2e18)) - 1e18
        });
    }
}
