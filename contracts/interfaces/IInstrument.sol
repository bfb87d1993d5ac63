// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IVolSurface} from "./IVolSurface.sol";

/// @title What a clearinghouse and its risk models have to know of an instrument.
/// @notice An instrument adapts one venue. It holds the clearinghouse's net position there, pulls money that the venue
/// needs out of the clearinghouse and sends back what the venue pays. A position of an account is a size of a series; what
/// it cost went into the account's cash, so that cash and values together are equity. Only the clearinghouse calls the
/// hooks that change anything.
interface IInstrument {
    error NotClearinghouse(address caller);
    error UnknownSeries(uint256 id);

    /// @notice Trades at the venue.
    /// @param owner of the account
    /// @param sizeDelta [size wad]
    /// @param limit [wad] the worst price
    /// @return cash [money wad] to the account, negative where it pays
    function onTrade(address owner, uint256 id, int256 sizeDelta, uint256 limit) external returns (int256 cash);

    /// @notice What `onTrade` would bring, but for the rounding of the venue's price.
    function previewTrade(uint256 id, int256 sizeDelta) external view returns (int256 cash);

    /// @notice What a position is worth at its end. Reverts before that.
    /// @return cash [money wad] to the account, negative where it pays
    function settle(uint256 id, int256 size) external returns (int256 cash);

    /// @notice Hands over what the venue owed and did not pay since the last time.
    /// @return amount [money wad] that the clearinghouse's funds have to bear
    function takeMissing() external returns (uint256 amount);

    /// @return [money ray] that one unit of size has paid since the start
    function carryOf(uint256 id) external view returns (int256);

    /// @return [money wad] of positions, at the mark
    function valueOf(uint256[] calldata ids, int256[] calldata sizes) external view returns (int256);

    /// @param ids in ascending order
    /// @return values [money wad] of all positions together, one for each shock
    function shockedValues(uint256[] calldata ids, int256[] calldata sizes, IVolSurface.Shock[] calldata shocks)
        external
        view
        returns (int256[] memory values);

    /// @return [money wad] that positions need, each for itself
    function standardMargin(uint256[] calldata ids, int256[] calldata sizes, bool initial)
        external
        view
        returns (uint256);

    /// @return [money wad] of the underlying that positions which may lose more than they are worth are on
    function exposureOf(uint256[] calldata ids, int256[] calldata sizes) external view returns (uint256);
}
