// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title Who buys from a Dutch auction and sells before paying.
interface ITaker {
    /// @notice Called by the auction after the collateral was sent and before Dollar is burned.
    /// @param sold [collateral wad] that was sent
    /// @param paid [Dollar wad] that will be burned from this account
    function onTake(uint256 auctionId, uint256 sold, uint256 paid, bytes calldata data) external;
}
