// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";

/// @title Smiles of implied volatility as raw SVI, and the surface that several of them span.
/// @notice Total variance is volatility squared times time in years, at k = ln(strike / forward):
///
///     w(k) = a + b (rho (k - m) + sqrt((k - m)² + sigma²))
///
/// Between two times to expiry it is interpolated at constant k, which admits no calendar arbitrage where the slices do
/// not. Before the first slice its smile keeps its shape in standard deviations, beyond the last its volatility stays.
/// @dev Sources: Gatheral 2004; Gatheral and Jacquier 2014; Durrleman's function for butterflies.
library Svi {
    int256 private constant ONE = 1e18;

    struct Slice {
        int64 a; // [wad]
        uint64 b; // [wad]
        int64 rho; // [wad] between -1 and 1
        int64 m; // [wad]
        uint64 sigma; // [wad] above 0
        uint64 time; // [s] to expiry, above 0
    }

    /// @notice The total variance of one slice.
    /// @param k [wad] ln(strike / forward)
    /// @return [wad] nothing where the formula goes below
    function variance(Slice memory s, int256 k) internal pure returns (uint256) {
        unchecked {
            (int256 x, int256 root) = _root(s, k);
            int256 w = s.a + int256(uint256(s.b)) * (s.rho * x / ONE + root) / ONE;
            return w > 0 ? uint256(w) : 0;
        }
    }

    /// @notice The total variance at a time to expiry.
    /// @param slices in order of time, one at least
    /// @param time [s] to expiry
    /// @param k [wad] ln(strike / forward)
    /// @return [wad]
    function varianceAt(Slice[] memory slices, uint256 time, int256 k) internal pure returns (uint256) {
        unchecked {
            uint256 first = slices[0].time;
            if (time <= first) {
                if (time == 0) return 0;
                uint256 stretch = FixedPointMathLib.sqrt(first * 1e36 / time);
                return variance(slices[0], k * int256(stretch) / ONE) * time / first;
            }
            uint256 far = 1;
            while (far < slices.length && slices[far].time < time) ++far;
            Slice memory near = slices[far - 1];
            uint256 w = variance(near, k);
            if (far == slices.length) return w * time / near.time;
            uint256 span = slices[far].time - near.time;
            return (w * (slices[far].time - time) + variance(slices[far], k) * (time - near.time)) / span;
        }
    }

    /// @notice Durrleman's function: below zero there is a butterfly that costs nothing and pays.
    /// @return [wad]
    function density(Slice memory s, int256 k) internal pure returns (int256) {
        int256 w = int256(variance(s, k));
        if (w == 0) return -ONE;
        (int256 x, int256 root) = _root(s, k);
        int256 b = int256(uint256(s.b));
        int256 slope = b * (s.rho + x * ONE / root) / ONE;
        int256 width = int256(uint256(s.sigma)) * ONE / root;
        int256 curvature = b * width / root * width / ONE;
        int256 lean = ONE - k * slope / (2 * w);
        int256 steep = slope * slope / ONE * (ONE * ONE / w + ONE / 4) / ONE / 4;
        return lean * lean / ONE - steep + curvature / 2;
    }

    /// @notice How steeply the steeper wing rises. Above 2 there is arbitrage in it (Lee 2004).
    /// @return [wad]
    function steepestWing(Slice memory s) internal pure returns (uint256) {
        return uint256(s.b) * (1e18 + FixedPointMathLib.abs(s.rho)) / 1e18;
    }

    /// @dev k - m and the root of its square and sigma's.
    function _root(Slice memory s, int256 k) private pure returns (int256 x, int256 root) {
        unchecked {
            x = k - s.m;
            int256 sigma = int256(uint256(s.sigma));
            root = int256(FixedPointMathLib.sqrt(uint256(x * x + sigma * sigma)));
        }
    }
}
