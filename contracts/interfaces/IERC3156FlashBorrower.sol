// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title Who borrows within one transaction.
/// @dev Source: ERC-3156.
interface IERC3156FlashBorrower {
    /// @param initiator who asked for the loan
    /// @param token that was lent
    /// @param amount lent
    /// @param fee owed on top
    /// @return proof keccak256("ERC3156FlashBorrower.onFlashLoan")
    function onFlashLoan(address initiator, address token, uint256 amount, uint256 fee, bytes calldata data)
        external
        returns (bytes32 proof);
}
