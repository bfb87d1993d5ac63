// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ICdpEngine} from "./ICdpEngine.sol";

/// @title What the engine knows of an auction, and what every auction tells the world.
interface IAuction {
    /// @param lot [collateral wad]
    /// @param debtToRaise [Dollar wad] the debt plus the bonus
    /// @param debt [Dollar wad]
    event AuctionStarted(
        uint256 indexed auctionId,
        bytes32 indexed id,
        address indexed owner,
        uint256 lot,
        uint256 debtToRaise,
        uint256 debt
    );

    /// @param lot [collateral wad] sold in all
    /// @param paid [Dollar wad] in all
    /// @param returned [collateral wad] to the position's owner
    event AuctionSettled(
        uint256 indexed auctionId, address indexed winner, uint256 lot, uint256 paid, uint256 returned
    );

    /// @param end [unix s]
    event AuctionRestarted(uint256 indexed auctionId, uint256 end);

    error NotEngine(address caller);
    error NoAuction(uint256 auctionId);

    /// @param end [unix s]
    error AuctionEnded(uint256 end);

    /// @param end [unix s]
    error AuctionRunning(uint256 end);

    /// @notice Starts an auction. The engine has sent the lot before. Only the engine may call it.
    /// @param owner of the position, who gets back what is not sold
    /// @param lot [collateral wad]
    /// @param debtToRaise [Dollar wad]
    /// @param debt [Dollar wad]
    /// @param keeper who called `liquidate`
    /// @return auctionId from 1 upwards
    function start(address owner, uint256 lot, uint256 debtToRaise, uint256 debt, address keeper)
        external
        returns (uint256 auctionId);

    /// @return contractAddress it serves
    function engine() external view returns (ICdpEngine contractAddress);

    /// @return id of the collateral it sells
    function collateralId() external view returns (bytes32 id);

    /// @return contractAddress of what it sells
    function token() external view returns (address contractAddress);

    /// @return number of auctions started so far, also the newest id
    function auctionCount() external view returns (uint256 number);
}
