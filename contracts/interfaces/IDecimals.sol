// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title The part of a token that says how it counts.
interface IDecimals {
    /// @return places after the decimal point of one token
    function decimals() external view returns (uint8 places);
}
