// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC3156FlashBorrower} from "./IERC3156FlashBorrower.sol";

/// @title Who lends within one transaction.
/// @dev Source: ERC-3156.
interface IERC3156FlashLender {
    /// @return amount the most that can be borrowed, 0 where the token is not lent
    function maxFlashLoan(address token) external view returns (uint256 amount);

    /// @return fee for `amount`. Reverts where the token is not lent.
    function flashFee(address token, uint256 amount) external view returns (uint256 fee);

    /// @notice Lends `amount` and takes amount plus fee back through the receiver's allowance.
    function flashLoan(IERC3156FlashBorrower receiver, address token, uint256 amount, bytes calldata data)
        external
        returns (bool done);
}
