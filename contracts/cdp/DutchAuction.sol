// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeCastLib} from "solady/src/utils/SafeCastLib.sol";
import {ICdpEngine} from "../interfaces/ICdpEngine.sol";
import {IDutchAuction} from "../interfaces/IDutchAuction.sol";
import {ITaker} from "../interfaces/ITaker.sol";
import {Auction} from "./Auction.sol";
import {Dollar} from "./Dollar.sol";

/// @title Descending auction of seized collateral. See IDutchAuction.
/// @notice Every take pays at once and clears debt first; what is raised beyond the debt is surplus. When the lot is
/// gone the debt left is recorded as bad debt, when nothing is left to raise the lot left goes back to the owner.
contract DutchAuction is IDutchAuction, Auction {
    using FixedPointMathLib for uint256;
    using SafeCastLib for uint256;

    struct Sale {
        address owner;
        uint64 startedAt; // [unix s] of the present price curve
        uint128 lot; // [collateral wad] left
        uint128 wholeLot; // [collateral wad]
        uint128 debtToRaise; // [Dollar wad] left
        uint128 debt; // [Dollar wad] left
        uint128 topPrice; // [wad]
        uint128 paid; // [Dollar wad] so far
    }

    mapping(uint256 auctionId => Sale) private sales;

    uint128 public debtCap; // [Dollar wad] at auction at once
    uint128 public keeperTip; // [Dollar wad]
    uint64 public keeperShare; // [wad] of debtToRaise
    uint64 public startBuffer; // [wad] of the feed's price
    uint64 public step; // [wad] the price is multiplied by
    uint32 public stepSeconds; // [s]
    uint64 public maxDrop; // [wad] of the top price
    uint32 public resetSeconds; // [s]

    /// @param startBuffer_ [wad] of the feed's price, 0.5 to 10
    /// @param step_ [wad] below 1
    /// @param stepSeconds_ [s] at least 1
    /// @param maxDrop_ [wad] of the top price, below 1
    /// @param resetSeconds_ [s] at least 1
    /// @param keeperTip_ [Dollar wad]
    /// @param keeperShare_ [wad] of debtToRaise, 0.1 at most
    /// @param debtCap_ [Dollar wad] at auction at once
    constructor(
        ICdpEngine engine_,
        bytes32 id,
        address token_,
        Dollar dollar_,
        uint256 startBuffer_,
        uint256 step_,
        uint256 stepSeconds_,
        uint256 maxDrop_,
        uint256 resetSeconds_,
        uint256 keeperTip_,
        uint256 keeperShare_,
        uint256 debtCap_
    ) Auction(engine_, id, token_, dollar_) {
        _setCurve(startBuffer_, step_, stepSeconds_);
        _setReset(maxDrop_, resetSeconds_);
        _setKeeper(keeperTip_, keeperShare_);
        _setDebtCap(debtCap_);
    }

    // ---------------------------------------------------------------- actions

    /// @dev The engine's books hold this debt already when the cap is checked.
    function start(address owner_, uint256 lot, uint256 debtToRaise, uint256 debt, address keeper)
        external
        override
        onlyEngine
        returns (uint256 auctionId)
    {
        (,,,, uint256 atAuction) = engine.totals(collateralId);
        if (atAuction > debtCap) revert DebtCapReached(atAuction, debtCap);
        auctionId = ++auctionCount;
        Sale storage s = sales[auctionId];
        s.owner = owner_;
        (s.lot, s.wholeLot) = (lot.toUint128(), lot.toUint128());
        (s.debtToRaise, s.debt) = (debtToRaise.toUint128(), debt.toUint128());
        emit AuctionStarted(auctionId, collateralId, owner_, lot, debtToRaise, debt);
        _setTopPrice(auctionId, s);
        _payKeeper(s, keeper);
    }

    /// @inheritdoc IDutchAuction
    function take(uint256 auctionId, uint256 amount, uint256 maxPrice, address to, bytes calldata data)
        external
        override
        nonReentrant
        returns (uint256 sold, uint256 paid)
    {
        Sale storage s = _known(auctionId);
        uint256 price = _requirePrice(s);
        if (price > maxPrice) revert TooExpensive(price, maxPrice);
        (sold, paid) = _planTake(s, amount, price);
        uint256 cleared = _record(s, sold, paid);
        emit Taken(auctionId, msg.sender, sold, paid, price, s.lot, s.debtToRaise);

        _send(to, sold);
        if (data.length != 0) ITaker(msg.sender).onTake(auctionId, sold, paid, data);
        engine.clearAuctionDebt(collateralId, msg.sender, paid, cleared);
        if (s.lot == 0 || s.debtToRaise == 0) _finish(auctionId, s);
    }

    /// @inheritdoc IDutchAuction
    function reset(uint256 auctionId) external override nonReentrant {
        Sale storage s = _known(auctionId);
        (, bool due) = _priceNow(s);
        if (!due) revert NoResetNeeded();
        _setTopPrice(auctionId, s);
        emit AuctionRestarted(auctionId, block.timestamp + resetSeconds);
        _payKeeper(s, msg.sender);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IDutchAuction
    function previewTake(uint256 auctionId, uint256 amount) external view override returns (uint256, uint256) {
        Sale storage s = _known(auctionId);
        return _planTake(s, amount, _requirePrice(s));
    }

    /// @inheritdoc IDutchAuction
    function priceOf(uint256 auctionId) external view override returns (uint256, bool) {
        return _priceNow(_known(auctionId));
    }

    /// @inheritdoc IDutchAuction
    function auctions(uint256 auctionId)
        external
        view
        override
        returns (address, uint256, uint256, uint256, uint256, uint256, uint256)
    {
        Sale storage s = sales[auctionId];
        return (s.owner, s.lot, s.debtToRaise, s.debt, s.topPrice, s.startedAt, s.paid);
    }

    // ------------------------------------------------------------- governance

    /// @notice Acts on running auctions at once; takers are protected by their maxPrice.
    function setCurve(uint256 startBuffer_, uint256 step_, uint256 stepSeconds_) external onlyOwner {
        _setCurve(startBuffer_, step_, stepSeconds_);
    }

    function setReset(uint256 maxDrop_, uint256 resetSeconds_) external onlyOwner {
        _setReset(maxDrop_, resetSeconds_);
    }

    function setKeeper(uint256 tip, uint256 share) external onlyOwner {
        _setKeeper(tip, share);
    }

    function setDebtCap(uint256 cap) external onlyOwner {
        _setDebtCap(cap);
    }

    // ------------------------------------------------------------------ price

    function _priceNow(Sale storage s) private view returns (uint256 price, bool needsReset) {
        (uint256 top, uint256 elapsed) = (s.topPrice, block.timestamp - s.startedAt);
        price = top.fullMulDivUp(uint256(step).rpow(elapsed / stepSeconds, WAD), WAD);
        needsReset = elapsed > resetSeconds || price < top.fullMulDiv(WAD - maxDrop, WAD);
    }

    function _requirePrice(Sale storage s) private view returns (uint256 price) {
        bool needsReset;
        (price, needsReset) = _priceNow(s);
        if (needsReset) revert NeedsReset();
    }

    function _setTopPrice(uint256 auctionId, Sale storage s) private {
        uint256 top = engine.liquidationPriceOf(collateralId).fullMulDivUp(startBuffer, WAD);
        (s.topPrice, s.startedAt) = (top.toUint128(), uint64(block.timestamp));
        emit PriceSet(auctionId, top, block.timestamp);
    }

    function _payKeeper(Sale storage s, address keeper) private {
        uint256 raise = s.debtToRaise;
        uint256 reward = (keeperTip + raise.fullMulDiv(keeperShare, WAD)).min(raise.zeroFloorSub(s.debt));
        if (reward != 0) engine.payKeeper(collateralId, keeper, reward);
    }

    // ------------------------------------------------------------------- take

    /// @dev What the rest can raise at this price, by its debt or by its lot, may not be dust: a purchase is cut down
    /// to leave the debt floor, and where that is not possible all must be bought.
    function _planTake(Sale storage s, uint256 amount, uint256 price)
        private
        view
        returns (uint256 sold, uint256 paid)
    {
        (uint256 lot, uint256 raise) = (s.lot, s.debtToRaise);
        sold = amount.min(lot);
        sold -= sold % unit;
        paid = sold.fullMulDivUp(price, WAD);
        if (paid >= raise) return (_unitsFor(raise, price).min(sold), raise);
        if (sold == lot) return (sold, paid);
        if (sold == 0) revert NothingToTake();
        uint256 floor = engine.collaterals(collateralId).debtFloor;
        uint256 good = raise.min(lot.fullMulDiv(price, WAD));
        uint256 left = good.zeroFloorSub(paid);
        if (left < floor) {
            sold = _unitsFor(good.zeroFloorSub(floor), price);
            if (sold == 0) revert DustRemainder(left, floor);
            paid = sold.fullMulDivUp(price, WAD);
        }
    }

    /// @dev [collateral wad] that `amount` of Dollar buys, in whole token units, rounded down.
    function _unitsFor(uint256 amount, uint256 price) private view returns (uint256 wad) {
        wad = amount.fullMulDiv(WAD, price);
        wad -= wad % unit;
    }

    /// @return cleared [Dollar wad] of debt; all that is left of it once the lot is gone
    function _record(Sale storage s, uint256 sold, uint256 paid) private returns (uint256 cleared) {
        (uint256 lot, uint256 debt) = (s.lot - sold, s.debt);
        cleared = lot == 0 ? debt : paid.min(debt);
        (s.lot, s.debt) = (uint128(lot), uint128(debt - cleared));
        s.debtToRaise -= uint128(paid);
        s.paid += uint128(paid);
    }

    function _finish(uint256 auctionId, Sale storage s) private {
        (address owner_, uint256 lot, uint256 sold, uint256 paid) = (s.owner, s.lot, s.wholeLot - s.lot, s.paid);
        delete sales[auctionId];
        emit AuctionSettled(auctionId, msg.sender, sold, paid, lot);
        _send(owner_, lot);
    }

    function _known(uint256 auctionId) private view returns (Sale storage s) {
        s = sales[auctionId];
        if (s.wholeLot == 0) revert NoAuction(auctionId);
    }

    // ----------------------------------------------------------------- bounds

    function _setCurve(uint256 startBuffer_, uint256 step_, uint256 stepSeconds_) private {
        _requireWithin(startBuffer_, 0.5e18, 10e18);
        _requireWithin(step_, 0.01e18, WAD - 1);
        _requireWithin(stepSeconds_, 1, 1 days);
        (startBuffer, step, stepSeconds) = (uint64(startBuffer_), uint64(step_), uint32(stepSeconds_));
        emit CurveSet(startBuffer_, step_, stepSeconds_);
    }

    function _setReset(uint256 maxDrop_, uint256 resetSeconds_) private {
        _requireWithin(maxDrop_, 0.01e18, WAD - 1);
        _requireWithin(resetSeconds_, 1, 7 days);
        (maxDrop, resetSeconds) = (uint64(maxDrop_), uint32(resetSeconds_));
        emit ResetSet(maxDrop_, resetSeconds_);
    }

    function _setKeeper(uint256 tip, uint256 share) private {
        _requireWithin(tip, 0, 1e24);
        _requireWithin(share, 0, 0.1e18);
        (keeperTip, keeperShare) = (uint128(tip), uint64(share));
        emit KeeperSet(tip, share);
    }

    function _setDebtCap(uint256 cap) private {
        _requireWithin(cap, 0, 1e36);
        debtCap = uint128(cap);
        emit DebtCapSet(cap);
    }
}
