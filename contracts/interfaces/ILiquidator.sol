// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title Who buys collateral at a fixed spread and sells it before paying.
interface ILiquidator {
    /// @notice Called by the engine after the collateral was sent and before Dollar is burned.
    /// @param repaid [Dollar wad] that will be burned from this account
    /// @param received [collateral wad] that this account was sent
    function onLiquidation(bytes32 id, address owner, uint256 repaid, uint256 received, bytes calldata data) external;
}
