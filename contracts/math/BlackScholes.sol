// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {Normal} from "./Normal.sol";

/// @title Prices and sensitivities of European options by Black, Scholes and Merton.
/// @notice Everything follows from four numbers: what forward and strike are worth today, the logarithm of their ratio
/// and the standard deviation of the underlying's logarithm until expiry. The side out of the money is computed and the
/// other follows from parity, so that parity holds to the last digit and nothing cancels. Without time or volatility the
/// price is what exercising is worth; gamma and vega are then zero, also at the money.
library BlackScholes {
    uint256 internal constant YEAR = 365 days; // [s]
    uint256 private constant LARGEST_VALUE = 1e36; // [wad]
    uint256 private constant LARGEST_VOLATILITY = 100e18; // [wad]
    uint256 private constant LONGEST_TIME = 10 * YEAR; // [s]
    uint256 private constant HIGHEST_RATE = 3e18; // [wad]
    int256 private constant ONE = 1e18; // [wad]
    int256 private constant CERTAIN = 10e18; // [wad] deviations beyond which nothing is left

    /// @param value that was refused
    /// @param min smallest value accepted, same unit
    /// @param max largest value accepted, same unit
    error OutOfDomain(uint256 value, uint256 min, uint256 max);

    struct Terms {
        uint256 spot; // [wad] above 0, 1e18 units at most
        uint256 strike; // [wad] above 0, 1e18 units at most
        uint256 volatility; // [wad per sqrt year] 100 at most
        uint256 time; // [s] to expiry, ten years at most
        int256 rate; // [wad per year] continuously compounded, 3 at most either way
        int256 carry; // [wad per year] yield of the underlying, likewise
    }

    struct Greeks {
        int256 delta; // [wad] per unit of spot
        int256 gamma; // [wad] per unit of spot, squared
        int256 vega; // [wad] per 1.00 of volatility
        int256 theta; // [wad] per year that passes
        int256 rho; // [wad] per 1.00 of rate
    }

    /// @dev What prices are made of.
    struct State {
        int256 forward; // [wad] present value of the underlying at expiry
        int256 strike; // [wad] present value of the strike
        int256 deviation; // [ray] of the logarithm at expiry
        int256 d1; // [wad]
        int256 d2; // [wad]
        int256 n1; // [wad] cdf of d1
        int256 n2; // [wad] cdf of d2
    }

    /// @notice Both prices of a strike.
    /// @return call [wad]
    /// @return put [wad]
    function prices(Terms memory t) internal pure returns (uint256 call, uint256 put) {
        (State memory s,) = _stateOf(t);
        return _prices(s);
    }

    /// @notice Both prices with all sensitivities of both.
    /// @return call [wad]
    /// @return put [wad]
    function greeks(Terms memory t)
        internal
        pure
        returns (uint256 call, uint256 put, Greeks memory ofCall, Greeks memory ofPut)
    {
        (State memory s, int256 growth) = _stateOf(t);
        (call, put) = _prices(s);
        _shared(t, s, growth, ofCall);
        (ofPut.gamma, ofPut.vega, ofPut.theta) = (ofCall.gamma, ofCall.vega, ofCall.theta);
        _addSide(t, s, growth, ofCall, 0);
        _addSide(t, s, growth, ofPut, ONE);
    }

    /// @notice Both prices from values that the caller vouches for: positive, 1e49 at most.
    /// @param forward [wad] present value of the underlying at expiry
    /// @param strike [wad] present value of the strike
    /// @param logMoneyness [wad] ln(forward / strike)
    /// @param deviation [ray] standard deviation of the logarithm at expiry
    function pricesOf(int256 forward, int256 strike, int256 logMoneyness, int256 deviation)
        internal
        pure
        returns (uint256 call, uint256 put)
    {
        State memory s;
        (s.forward, s.strike, s.deviation) = (forward, strike, deviation);
        _place(s, logMoneyness);
        return _prices(s);
    }

    /// @notice The logarithm of a ratio of two positive numbers, the larger one divided by the smaller so that no digit
    /// is lost.
    /// @return [wad]
    function logRatio(uint256 a, uint256 b) internal pure returns (int256) {
        unchecked {
            if (a >= b) return FixedPointMathLib.lnWad(int256(a * 1e18 / b));
            return -FixedPointMathLib.lnWad(int256(b * 1e18 / a));
        }
    }

    /// @notice The standard deviation of the logarithm over a time.
    /// @param volatility [wad per sqrt year] 100 at most
    /// @param time [s] ten years at most
    /// @return [ray]
    function deviationOf(uint256 volatility, uint256 time) internal pure returns (uint256) {
        unchecked {
            return FixedPointMathLib.sqrt(volatility * volatility * time * 1e18 / YEAR);
        }
    }

    /// @notice exp(-rate x time).
    /// @param rate [wad per year]
    /// @param time [s]
    /// @return [wad]
    function discount(int256 rate, uint256 time) internal pure returns (int256) {
        unchecked {
            return rate == 0 ? ONE : FixedPointMathLib.expWad(-rate * int256(time) / int256(YEAR));
        }
    }

    // ---------------------------------------------------------------- private

    /// @return s the state
    /// @return growth [wad] exp(-carry x time)
    function _stateOf(Terms memory t) private pure returns (State memory s, int256 growth) {
        _requireDomain(t);
        unchecked {
            growth = discount(t.carry, t.time);
            s.forward = int256(t.spot) * growth / ONE;
            s.strike = int256(t.strike) * discount(t.rate, t.time) / ONE;
            s.deviation = int256(deviationOf(t.volatility, t.time));
            _place(s, logRatio(t.spot, t.strike) + (t.rate - t.carry) * int256(t.time) / int256(YEAR));
        }
    }

    /// @dev Within these no product overflows.
    function _requireDomain(Terms memory t) private pure {
        unchecked {
            if (t.spot - 1 >= LARGEST_VALUE) revert OutOfDomain(t.spot, 1, LARGEST_VALUE);
            if (t.strike - 1 >= LARGEST_VALUE) revert OutOfDomain(t.strike, 1, LARGEST_VALUE);
            if (t.volatility > LARGEST_VOLATILITY) revert OutOfDomain(t.volatility, 0, LARGEST_VOLATILITY);
            if (t.time > LONGEST_TIME) revert OutOfDomain(t.time, 0, LONGEST_TIME);
            _requireRate(t.rate);
            _requireRate(t.carry);
        }
    }

    /// @dev Of a rate its size is told.
    function _requireRate(int256 rate) private pure {
        uint256 size = FixedPointMathLib.abs(rate);
        if (size > HIGHEST_RATE) revert OutOfDomain(size, 0, HIGHEST_RATE);
    }

    /// @dev Where the strike lies in the distribution.
    function _place(State memory s, int256 logMoneyness) private pure {
        unchecked {
            if (s.deviation == 0) {
                if (logMoneyness != 0) s.d1 = s.d2 = logMoneyness > 0 ? CERTAIN : -CERTAIN;
            } else {
                s.d1 = logMoneyness * 1e27 / s.deviation + s.deviation / 2e9;
                s.d2 = s.d1 - s.deviation / 1e9;
            }
            (s.n1, s.n2) = (Normal.cdf(s.d1), Normal.cdf(s.d2));
        }
    }

    function _prices(State memory s) private pure returns (uint256 call, uint256 put) {
        unchecked {
            (int256 f, int256 k) = (s.forward, s.strike);
            int256 other;
            if (f <= k) {
                int256 c = (f * s.n1 - k * s.n2) / ONE;
                if (c < 0) c = 0;
                (call, other) = (uint256(c), c + k - f);
                put = uint256(other);
            } else {
                int256 p = (k * (ONE - s.n2) - f * (ONE - s.n1)) / ONE;
                if (p < 0) p = 0;
                (put, other) = (uint256(p), p + f - k);
                call = uint256(other);
            }
        }
    }

    /// @dev Gamma, vega and what time takes from both sides alike.
    function _shared(Terms memory t, State memory s, int256 growth, Greeks memory g) private pure {
        if (s.deviation == 0) return;
        unchecked {
            int256 density = Normal.pdf(s.d1);
            int256 spread = s.forward * density / ONE;
            int256 volatility = int256(t.volatility);
            g.gamma = growth * density * 1e9 / s.deviation * ONE / int256(t.spot);
            g.vega = spread * (s.deviation * 1e9 / volatility) / ONE;
            g.theta = -spread * (volatility * volatility * 1e9 / s.deviation) / 2e18;
        }
    }

    /// @dev What the sides do not share. `off` is nothing for a call and one for a put.
    function _addSide(Terms memory t, State memory s, int256 growth, Greeks memory g, int256 off) private pure {
        unchecked {
            (int256 n1, int256 n2) = (s.n1 - off, s.n2 - off);
            int256 paid = s.strike * n2 / ONE;
            g.delta = growth * n1 / ONE;
            g.rho = paid * int256(t.time) / int256(YEAR);
            g.theta += (t.carry * (s.forward * n1 / ONE) - t.rate * paid) / ONE;
        }
    }
}
