// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IAuction} from "./IAuction.sol";

/// @title A descending auction: whoever comes first takes as much as they want at the price of the moment.
/// @notice The price starts at startBuffer times the feed's and is multiplied by `step` every stepSeconds. Below
/// topPrice * (1 - maxDrop), or after resetSeconds, nothing is sold until somebody resets it to a new top price. Dollar
/// is burned from the taker, without an allowance, like in a liquidation at a fixed spread.
///
/// Who starts or resets an auction earns keeperTip + keeperShare * debtToRaise, but never more than the bonus the
/// auction is to raise, so that nobody profits by being liquidated for the tip.
interface IDutchAuction is IAuction {
    /// @param topPrice [wad]
    /// @param time [unix s]
    event PriceSet(uint256 indexed auctionId, uint256 topPrice, uint256 time);

    /// @param sold [collateral wad]
    /// @param paid [Dollar wad]
    /// @param price [wad]
    /// @param lotLeft [collateral wad]
    /// @param debtLeft [Dollar wad] still to raise
    event Taken(
        uint256 indexed auctionId,
        address indexed taker,
        uint256 sold,
        uint256 paid,
        uint256 price,
        uint256 lotLeft,
        uint256 debtLeft
    );
    event CurveSet(uint256 startBuffer, uint256 step, uint256 stepSeconds);
    event ResetSet(uint256 maxDrop, uint256 resetSeconds);
    event KeeperSet(uint256 tip, uint256 share);
    event DebtCapSet(uint256 debtCap);

    /// @param price [wad]
    /// @param max [wad]
    error TooExpensive(uint256 price, uint256 max);

    /// @notice The price has run its course: call `reset`.
    error NeedsReset();

    /// @notice The price has not yet run its course.
    error NoResetNeeded();

    /// @param debt [Dollar wad] that would be at auction
    /// @param cap [Dollar wad]
    error DebtCapReached(uint256 debt, uint256 cap);

    /// @notice A part cannot be bought, because what is left could raise less than the debt floor: take all.
    /// @param left [Dollar wad]
    /// @param floor [Dollar wad]
    error DustRemainder(uint256 left, uint256 floor);

    /// @notice Too small an amount for one unit of the token.
    error NothingToTake();

    /// @notice Buys up to `amount` at the price of now. Less is sold where all debt is raised before, or where the rest
    /// would be dust: see `previewTake`. With `data` the collateral is sent to `to` first, then the caller's `onTake` is
    /// called, then Dollar is burned from the caller.
    /// @param amount [collateral wad]
    /// @param maxPrice [wad]
    /// @return sold [collateral wad]
    /// @return paid [Dollar wad]
    function take(uint256 auctionId, uint256 amount, uint256 maxPrice, address to, bytes calldata data)
        external
        returns (uint256 sold, uint256 paid);

    /// @notice What `take` would sell now, or the revert it would meet.
    /// @return sold [collateral wad]
    /// @return paid [Dollar wad]
    function previewTake(uint256 auctionId, uint256 amount) external view returns (uint256 sold, uint256 paid);

    /// @notice Starts the price again from the feed's. Anyone may call it once it is due; it pays like a start.
    function reset(uint256 auctionId) external;

    /// @return price [wad] of now, rounded up
    /// @return needsReset whether it has run its course
    function priceOf(uint256 auctionId) external view returns (uint256 price, bool needsReset);

    /// @return owner of the position
    /// @return lot [collateral wad] left
    /// @return debtToRaise [Dollar wad] left
    /// @return debt [Dollar wad] left
    /// @return topPrice [wad]
    /// @return startedAt [unix s] of the present price curve
    /// @return paid [Dollar wad] so far
    function auctions(uint256 auctionId)
        external
        view
        returns (
            address owner,
            uint256 lot,
            uint256 debtToRaise,
            uint256 debt,
            uint256 topPrice,
            uint256 startedAt,
            uint256 paid
        );
}
