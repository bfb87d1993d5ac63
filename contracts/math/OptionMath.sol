// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {BlackScholes} from "./BlackScholes.sol";
import {Normal} from "./Normal.sol";
import {Svi} from "./Svi.sol";

/// @title The mathematics of options for who is not a contract: pure views, units as in the libraries.
contract OptionMath {
    /// @param x [wad]
    /// @return atX [wad] the density at x
    /// @return below [wad] the probability of less than x
    function normal(int256 x) external pure returns (int256 atX, int256 below) {
        return (Normal.pdf(x), Normal.cdf(x));
    }

    function prices(BlackScholes.Terms calldata t) external pure returns (uint256 call, uint256 put) {
        return BlackScholes.prices(t);
    }

    function greeks(BlackScholes.Terms calldata t)
        external
        pure
        returns (uint256 call, uint256 put, BlackScholes.Greeks memory ofCall, BlackScholes.Greeks memory ofPut)
    {
        return BlackScholes.greeks(t);
    }

    /// @param time [s]
    /// @param k [wad] ln(strike / forward)
    /// @return [wad] total variance
    function variance(Svi.Slice[] calldata slices, uint256 time, int256 k) external pure returns (uint256) {
        return Svi.varianceAt(slices, time, k);
    }

    /// @return [wad] Durrleman's function
    function density(Svi.Slice calldata slice, int256 k) external pure returns (int256) {
        return Svi.density(slice, k);
    }
}
