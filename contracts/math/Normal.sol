// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";

/// @title The standard normal distribution.
/// @notice The tail is exp(-z²/2) R(z) for z >= 0. R is smooth and falls from a half to 0.045, so one rational function
/// of degree 7 over 8 serves every z: its coefficients minimise the largest error of the product from 0 to 8.9, which is
/// 9.3e-20. What is left is the rounding of the exponential, a unit or two of the last digit.
library Normal {
    /// @dev [wad] 1 / sqrt(2 pi)
    int256 private constant PEAK = 0.398942280401432678e18;
    /// @dev [wad] from where on less than a third of a unit is left
    int256 private constant END_OF_TAIL = 8.9e18;
    int256 private constant END_OF_DENSITY = 9.2e18;

    /// @param x [wad]
    /// @return [wad] the density at x
    function pdf(int256 x) internal pure returns (int256) {
        unchecked {
            if (x < -END_OF_DENSITY || x > END_OF_DENSITY) return 0;
            return PEAK * FixedPointMathLib.expWad(-(x * x) / 2e18) / 1e18;
        }
    }

    /// @param x [wad]
    /// @return p [wad] the probability of less than x
    function cdf(int256 x) internal pure returns (int256 p) {
        unchecked {
            int256 z = x < 0 ? -x : x;
            if (z < END_OF_TAIL && z >= 0) {
                p = FixedPointMathLib.expWad(-(z * z) / 2e18);
                z = (z << 78) / 3814697265625; // from 1e18 to 2^96
                p = p * _numerator(z) / _denominator(z);
            }
            if (x > 0) p = 1e18 - p;
        }
    }

    /// @dev [2^96] Horner's scheme, of z [2^96].
    function _numerator(int256 z) private pure returns (int256 n) {
        unchecked {
            n = ((31607363048659191107482685385 * z) >> 96) + 766557062211450716794060155201;
            n = ((n * z) >> 96) + 8635837847991131863761257829742;
            n = ((n * z) >> 96) + 58386601804658169395672455693430;
            n = ((n * z) >> 96) + 256152824496051845733363613551983;
            n = ((n * z) >> 96) + 735233710140574758949300047093489;
            n = ((n * z) >> 96) + 1298555355035415879207900513818342;
            n = ((n * z) >> 96) + 1157277732797911267517042115783981;
        }
    }

    /// @dev [2^96]
    function _denominator(int256 z) private pure returns (int256 n) {
        unchecked {
            n = z + 1921460901969039789900072549846;
            n = ((n * z) >> 96) + 21726377978624895582444163690295;
            n = ((n * z) >> 96) + 148269863947784065572852977657185;
            n = ((n * z) >> 96) + 663629504680812252608058311111468;
            n = ((n * z) >> 96) + 1984896530731216203897259770562049;
            n = ((n * z) >> 96) + 3858875999384281605493676747967577;
            n = ((n * z) >> 96) + 4443858781191626027075191232070036;
            n = ((n * z) >> 96) + 2314555465595822535488111734652963;
        }
    }
}
