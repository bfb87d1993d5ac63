// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title The bounds that every settable parameter has.
abstract contract Bounded {
    /// @param value that was refused
    /// @param min smallest value accepted, same unit
    /// @param max largest value accepted, same unit
    error OutOfBounds(uint256 value, uint256 min, uint256 max);

    function _requireWithin(uint256 value, uint256 min, uint256 max) internal pure {
        if (value < min || value > max) revert OutOfBounds(value, min, max);
    }
}
