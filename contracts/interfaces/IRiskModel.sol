// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IClearinghouse} from "./IClearinghouse.sol";

/// @title How much margin an account of a clearinghouse needs.
interface IRiskModel {
    /// @param initial whether to trade and withdraw, or to stay
    /// @return equity [money wad]
    /// @return required [money wad]
    function margin(uint256 account, bool initial) external view returns (int256 equity, uint256 required);

    /// @notice The same of a book that may be nobody's.
    function marginOfBook(IClearinghouse.Book memory book, bool initial)
        external
        view
        returns (int256 equity, uint256 required);
}
