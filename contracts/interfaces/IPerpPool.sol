// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title The depositors of a perp market, who hold the opposite of everybody's net position.
/// @notice An ERC-4626 vault whose assets are the market's pool capital. Leaving takes two steps: shares are queued with
/// `requestRedeem`, and after `delay` as many of them as the free capital pays for can be redeemed. The price of a
/// share is that of the moment of redemption, so queued shares carry the risk until then.
interface IPerpPool {
    /// @param readyAt [unix s]
    event RedeemRequested(address indexed owner, uint256 shares, uint256 readyAt);
    event RequestCancelled(address indexed owner, uint256 shares);
    event DelaySet(uint256 delay);

    /// @notice Queues the caller's shares, more than are queued already; the delay starts again for all of them.
    /// @param shares [share wad]
    function requestRedeem(uint256 shares) external;

    /// @notice Takes the caller's shares out of the queue.
    function cancelRedeem() external;

    /// @return shares [share wad] queued
    /// @return readyAt [unix s]
    function requestOf(address owner) external view returns (uint256 shares, uint256 readyAt);

    /// @return seconds_ [s] between request and redemption
    function delay() external view returns (uint256 seconds_);
}
