// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IAuction} from "./IAuction.sol";

/// @title An ascending auction with a reverse phase.
/// @notice First bidders offer more and more Dollar for the whole lot, up to debtToRaise. From then on they offer to
/// take less and less of the lot for debtToRaise; the rest goes back to the position's owner. A bid must improve on the
/// last by minimumRaise. An auction ends when a bid has stood for bidSeconds, or after auctionSeconds.
///
/// Bids are paid at once, through an allowance to this contract; the bidder before is repaid from the new bid.
interface IEnglishAuction is IAuction {
    /// @param lot [collateral wad] that the bidder would take
    /// @param amount [Dollar wad]
    /// @param expiry [unix s] when the bid wins, unless it is beaten
    event BidPlaced(uint256 indexed auctionId, address indexed bidder, uint256 lot, uint256 amount, uint256 expiry);
    event BiddingSet(uint256 minimumRaise, uint256 bidSeconds, uint256 auctionSeconds);

    /// @param bid [Dollar wad]
    /// @param minimum [Dollar wad]
    error BidTooLow(uint256 bid, uint256 minimum);

    /// @param bid [Dollar wad]
    /// @param maximum [Dollar wad]
    error BidTooHigh(uint256 bid, uint256 maximum);

    /// @param lot [collateral wad]
    /// @param maximum [collateral wad]
    error LotTooLarge(uint256 lot, uint256 maximum);

    /// @notice A bidder must take something. In a preview: nobody can take less than the last bidder.
    /// @param lot [collateral wad]
    /// @param minimum [collateral wad] one unit of the token
    error LotTooSmall(uint256 lot, uint256 minimum);

    /// @notice While the debt is not covered bids are for the whole lot.
    /// @param lot [collateral wad]
    /// @param whole [collateral wad]
    error LotNotWhole(uint256 lot, uint256 whole);

    /// @notice The auction ended without a bid: restart it.
    error NoBid(uint256 auctionId);

    /// @notice The auction has a bid, which will win: there is nothing to restart.
    error HasBid(uint256 auctionId);

    /// @notice Bids. Before debtToRaise is reached `lot` is the whole lot and `amount` at least the last bid raised by
    /// minimumRaise, or debtToRaise. After it `amount` is debtToRaise and `lot` at most the last lot divided by
    /// 1 + minimumRaise; it is truncated to whole token units.
    /// @param lot [collateral wad]
    /// @param amount [Dollar wad]
    function bid(uint256 auctionId, uint256 lot, uint256 amount) external;

    /// @notice The least that the next bid must offer. Reverts where no bid can be placed.
    /// @return lot [collateral wad] to take, at most
    /// @return amount [Dollar wad] to pay, at least
    function previewBid(uint256 auctionId) external view returns (uint256 lot, uint256 amount);

    /// @notice Ends an auction whose last bid has won: hands out the lot and clears the debt. Anyone may call it.
    function settle(uint256 auctionId) external;

    /// @notice Gives an auction that nobody bid in another auctionSeconds. Anyone may call it.
    function restart(uint256 auctionId) external;

    /// @return owner of the position
    /// @return lot [collateral wad] that the last bidder would take; the whole lot before the reverse phase
    /// @return debtToRaise [Dollar wad]
    /// @return debt [Dollar wad]
    /// @return bidder 0 before the first bid
    /// @return amount [Dollar wad] of the last bid
    /// @return bidExpiry [unix s] when the last bid wins, 0 before the first
    /// @return end [unix s]
    function auctions(uint256 auctionId)
        external
        view
        returns (
            address owner,
            uint256 lot,
            uint256 debtToRaise,
            uint256 debt,
            address bidder,
            uint256 amount,
            uint256 bidExpiry,
            uint256 end
        );
}
