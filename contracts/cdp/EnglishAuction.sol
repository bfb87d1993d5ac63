// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeCastLib} from "solady/src/utils/SafeCastLib.sol";
import {ICdpEngine} from "../interfaces/ICdpEngine.sol";
import {IEnglishAuction} from "../interfaces/IEnglishAuction.sol";
import {Auction} from "./Auction.sol";
import {Dollar} from "./Dollar.sol";

/// @title Ascending, then reverse auction of seized collateral. See IEnglishAuction.
/// @notice Nothing here knows a price: if few bid, a lot goes for almost nothing, and what it did not raise is recorded
/// as bad debt.
contract EnglishAuction is IEnglishAuction, Auction {
    using FixedPointMathLib for uint256;
    using SafeCastLib for uint256;

    struct Sale {
        address owner;
        uint64 end; // [unix s]
        address bidder;
        uint64 bidExpiry; // [unix s], never after end
        uint128 wholeLot; // [collateral wad]
        uint128 lot; // [collateral wad] that the last bidder would take
        uint128 debtToRaise; // [Dollar wad]
        uint128 debt; // [Dollar wad]
        uint128 amount; // [Dollar wad] of the last bid
    }

    mapping(uint256 auctionId => Sale) private sales;

    uint64 public minimumRaise; // [wad] of the last bid
    uint64 public bidSeconds; // [s]
    uint64 public auctionSeconds; // [s]

    /// @param minimumRaise_ [wad] 0.5 at most
    /// @param bidSeconds_ [s] a week at most
    /// @param auctionSeconds_ [s] 30 days at most
    constructor(
        ICdpEngine engine_,
        bytes32 id,
        address token_,
        Dollar dollar_,
        uint256 minimumRaise_,
        uint256 bidSeconds_,
        uint256 auctionSeconds_
    ) Auction(engine_, id, token_, dollar_) {
        _setBidding(minimumRaise_, bidSeconds_, auctionSeconds_);
    }

    /// @notice New values count for bids and restarts from now on; the end of a running auction stays.
    function setBidding(uint256 minimumRaise_, uint256 bidSeconds_, uint256 auctionSeconds_) external onlyOwner {
        _setBidding(minimumRaise_, bidSeconds_, auctionSeconds_);
    }

    // ---------------------------------------------------------------- actions

    /// @dev The keeper who started it earns nothing here.
    function start(address owner_, uint256 lot, uint256 debtToRaise, uint256 debt, address)
        external
        override
        onlyEngine
        returns (uint256 auctionId)
    {
        auctionId = ++auctionCount;
        Sale storage s = sales[auctionId];
        (s.owner, s.end) = (owner_, uint64(block.timestamp + auctionSeconds));
        (s.wholeLot, s.lot) = (lot.toUint128(), lot.toUint128());
        (s.debtToRaise, s.debt) = (debtToRaise.toUint128(), debt.toUint128());
        emit AuctionStarted(auctionId, collateralId, owner_, lot, debtToRaise, debt);
    }

    /// @inheritdoc IEnglishAuction
    function bid(uint256 auctionId, uint256 lot, uint256 amount) external override nonReentrant {
        Sale storage s = _known(auctionId);
        _requireOpen(s);
        lot -= lot % unit;
        if (s.amount < s.debtToRaise) _requireRaised(s, lot, amount);
        else _requireReduced(s, lot, amount);

        (address last, uint256 lastAmount) = (s.bidder, s.amount);
        uint256 expiry = (block.timestamp + bidSeconds).min(s.end);
        (s.bidder, s.bidExpiry) = (msg.sender, uint64(expiry));
        (s.lot, s.amount) = (uint128(lot), uint128(amount));
        emit BidPlaced(auctionId, msg.sender, lot, amount, expiry);

        if (last == msg.sender) {
            dollar.transferFrom(msg.sender, address(this), amount - lastAmount);
            return;
        }
        if (lastAmount != 0) dollar.transferFrom(msg.sender, last, lastAmount);
        if (amount != lastAmount) dollar.transferFrom(msg.sender, address(this), amount - lastAmount);
    }

    /// @inheritdoc IEnglishAuction
    function settle(uint256 auctionId) external override nonReentrant {
        Sale memory s = _known(auctionId);
        uint256 end = s.bidder == address(0) ? s.end : s.bidExpiry;
        if (block.timestamp < end) revert AuctionRunning(end);
        if (s.bidder == address(0)) revert NoBid(auctionId);
        delete sales[auctionId];
        emit AuctionSettled(auctionId, s.bidder, s.lot, s.amount, s.wholeLot - s.lot);
        engine.clearAuctionDebt(collateralId, address(this), s.amount, s.debt);
        _send(s.bidder, s.lot);
        _send(s.owner, s.wholeLot - s.lot);
    }

    /// @inheritdoc IEnglishAuction
    function restart(uint256 auctionId) external override {
        Sale storage s = _known(auctionId);
        if (s.bidder != address(0)) revert HasBid(auctionId);
        if (block.timestamp < s.end) revert AuctionRunning(s.end);
        s.end = uint64(block.timestamp + auctionSeconds);
        emit AuctionRestarted(auctionId, s.end);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IEnglishAuction
    function previewBid(uint256 auctionId) external view override returns (uint256 lot, uint256 amount) {
        Sale storage s = _known(auctionId);
        _requireOpen(s);
        if (s.amount < s.debtToRaise) return (s.wholeLot, _minimumUp(s));
        lot = _maximumLotDown(s);
        if (lot == 0) revert LotTooSmall(lot, unit);
        return (lot, s.debtToRaise);
    }

    /// @inheritdoc IEnglishAuction
    function auctions(uint256 auctionId)
        external
        view
        override
        returns (address, uint256, uint256, uint256, address, uint256, uint256, uint256)
    {
        Sale storage s = sales[auctionId];
        return (s.owner, s.lot, s.debtToRaise, s.debt, s.bidder, s.amount, s.bidExpiry, s.end);
    }

    // --------------------------------------------------------------- internal

    function _known(uint256 auctionId) private view returns (Sale storage s) {
        s = sales[auctionId];
        if (s.end == 0) revert NoAuction(auctionId);
    }

    function _requireOpen(Sale storage s) private view {
        uint256 end = s.bidder == address(0) ? s.end : s.bidExpiry;
        if (block.timestamp >= end) revert AuctionEnded(end);
    }

    function _requireRaised(Sale storage s, uint256 lot, uint256 amount) private view {
        if (lot != s.wholeLot) revert LotNotWhole(lot, s.wholeLot);
        if (amount > s.debtToRaise) revert BidTooHigh(amount, s.debtToRaise);
        if (amount < _minimumUp(s)) revert BidTooLow(amount, _minimumUp(s));
    }

    function _requireReduced(Sale storage s, uint256 lot, uint256 amount) private view {
        if (amount > s.debtToRaise) revert BidTooHigh(amount, s.debtToRaise);
        if (amount < s.debtToRaise) revert BidTooLow(amount, s.debtToRaise);
        if (lot == 0) revert LotTooSmall(lot, unit);
        if (lot > _maximumLotDown(s)) revert LotTooLarge(lot, _maximumLotDown(s));
    }

    /// @dev Above the last bid even where minimumRaise is 0, at least one unit, and never above debtToRaise.
    function _minimumUp(Sale storage s) private view returns (uint256) {
        uint256 raised = uint256(s.amount).fullMulDivUp(WAD + minimumRaise, WAD);
        return raised.max(uint256(s.amount) + 1).min(s.debtToRaise);
    }

    /// @dev Below the last lot even where minimumRaise is 0; nothing once the last bidder would take one token unit.
    function _maximumLotDown(Sale storage s) private view returns (uint256 lot) {
        lot = uint256(s.lot).fullMulDiv(WAD, WAD + minimumRaise).min(uint256(s.lot).zeroFloorSub(unit));
        lot -= lot % unit;
    }

    function _setBidding(uint256 minimumRaise_, uint256 bidSeconds_, uint256 auctionSeconds_) private {
        _requireWithin(minimumRaise_, 0, 0.5e18);
        _requireWithin(bidSeconds_, 1, 7 days);
        _requireWithin(auctionSeconds_, 1, 30 days);
        minimumRaise = uint64(minimumRaise_);
        bidSeconds = uint64(bidSeconds_);
        auctionSeconds = uint64(auctionSeconds_);
        emit BiddingSet(minimumRaise_, bidSeconds_, auctionSeconds_);
    }
}
