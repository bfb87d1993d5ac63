// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title The name of a series: its expiry, strike and kind in one number, so that series in order of their numbers are in
/// order of expiry, then strike, and calls stand beside puts.
library OptionId {
    uint256 internal constant CALL = 0;
    uint256 internal constant PUT = 1;

    error InvalidId(uint256 id);

    /// @param expiry [unix s]
    /// @param strike [wad]
    /// @param kind CALL, PUT, or the number of an extension
    function pack(uint256 expiry, uint256 strike, uint256 kind) internal pure returns (uint256 id) {
        id = expiry << 136 | strike << 8 | kind;
        (uint256 e, uint256 s, uint256 k) = unpack(id);
        if (e != expiry || s != strike || k != kind) revert InvalidId(id);
    }

    /// @return expiry [unix s]
    /// @return strike [wad]
    /// @return kind CALL, PUT, or the number of an extension
    function unpack(uint256 id) internal pure returns (uint256 expiry, uint256 strike, uint256 kind) {
        return (uint64(id >> 136), uint128(id >> 8), uint8(id));
    }
}
