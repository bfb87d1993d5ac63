// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "solady/src/auth/Ownable.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {IOptionKind} from "../interfaces/IOptionKind.sol";
import {OptionId} from "./OptionId.sol";
import {OptionLedger} from "./OptionLedger.sol";

/// @title The owner's part of an option market: what is listed, parameters within bounds, and the switches for an outage.
abstract contract OptionGovernance is OptionLedger, Ownable {
    using FixedPointMathLib for uint256;
    using SafeTransferLib for address;

    uint256 private constant LARGEST_AMOUNT = 1e36; // [wad]
    uint256 private constant LONGEST_TIME = 5 * 365 days; // [s]

    bool public override paused;
    bool public override withdrawalsPaused;
    mapping(address account => bool) public isLister;

    error NotLister(address caller);
    error KindKnown(uint256 kind);

    constructor(address owner_) {
        _initializeOwner(owner_);
        isLister[owner_] = true;
    }

    /// @notice Names the pool, once and for all.
    function setPool(address pool_) external onlyOwner {
        if (pool != address(0)) revert PoolKnown();
        pool = pool_;
    }

    // ---------------------------------------------------------------- listing

    /// @notice Opens a series. Only listers.
    /// @param expiry [unix s] after the cutoff, no further than the longest time
    /// @param strike [wad] from a tenth of the index price to ten times it
    /// @param kind CALL, PUT, or one that was set
    function list(uint256 expiry, uint256 strike, uint256 kind) external returns (uint256 id) {
        if (!isLister[msg.sender]) revert NotLister(msg.sender);
        id = OptionId.pack(expiry, strike, kind);
        if (seriesById[id].listed) revert AlreadyListed(id);
        if (ids.length >= MOST_SERIES) revert TooManySeries(ids.length + 1, MOST_SERIES);
        if (kind > OptionId.PUT && address(kindOf[kind]) == address(0)) revert UnknownKind(kind);
        uint256 spot = surface.spot();
        _requireWithin(expiry, block.timestamp + limits.cutoff + 1, block.timestamp + limits.longestTime);
        _requireWithin(strike, spot / 10, spot * 10);
        seriesById[id].listed = true;
        seriesById[id].reserve = spot.max(strike).fullMulDivUp(limits.capitalRatio, WAD);
        ids.push(id);
        emit SeriesListed(id, expiry, strike, kind);
    }

    /// @notice Closes a series that nobody holds.
    function delist(uint256 id) external onlyOwner {
        if (!seriesById[id].listed) revert NotListed(id);
        _requireUnheld(id);
        _drop(id);
    }

    function _requireUnheld(uint256 id) private view {
        (uint256 longs, uint256 shorts) = (seriesById[id].longs, seriesById[id].shorts);
        if (longs != 0 || shorts != 0) revert SeriesOpen(longs, shorts);
    }

    function _drop(uint256 id) internal {
        uint256 last = ids.length - 1;
        for (uint256 i; i < last; ++i) {
            if (ids[i] == id) ids[i] = ids[last];
        }
        ids.pop();
        delete seriesById[id];
        emit SeriesDelisted(id);
    }

    function setLister(address account, bool allowed) external onlyOwner {
        isLister[account] = allowed;
    }

    /// @notice Adds a kind of option, once and for all.
    /// @param kind above PUT
    function setKind(uint256 kind, IOptionKind implementation) external onlyOwner {
        _requireWithin(kind, OptionId.PUT + 1, type(uint8).max);
        if (address(kindOf[kind]) != address(0)) revert KindKnown(kind);
        kindOf[kind] = implementation;
        emit KindSet(kind, address(implementation));
    }

    // ------------------------------------------------------------- parameters

    /// @param q.volatilitySpread [wad] 0.5 at most, and maxShift with it 0.9
    /// @param q.depth [size wad]
    /// @param q.maxShift [wad]
    /// @param q.tradeFee [wad] 0.1 at most
    /// @param q.feeCap [wad] 1 at most
    /// @param q.fundShare [wad] 1 at most
    function setQuotes(QuoteConfig calldata q) external onlyOwner {
        _setQuotes(q);
    }

    /// @param m.initialRatio [wad] 1 at most
    /// @param m.minimumRatio [wad] initialRatio at most
    /// @param m.maintenanceRatio [wad] minimumRatio at most
    /// @param m.liquidationFee [wad] maintenanceRatio at most
    /// @param m.liquidatorShare [wad] 1 at most
    function setMargin(MarginConfig calldata m) external onlyOwner {
        _setMargin(m);
    }

    /// @param l.minSize [size wad] above 0
    /// @param l.capitalRatio [wad] 10 at most
    /// @param l.cutoff [s] a day at most
    /// @param l.longestTime [s] five years at most
    /// @param l.baseDiscount [wad] 0.1 at most
    function setLimits(LimitConfig calldata l) external onlyOwner {
        _setLimits(l);
    }

    /// @notice Lets an account write on its word.
    /// @param credit [margin wad] that its money may fall below zero
    function setGuarantor(address account, bool known, uint128 credit) external onlyOwner {
        guaranteeOf[account] = Guarantee(known, known ? credit : 0);
        emit GuarantorSet(account, credit);
    }

    /// @param trading whether trades are refused
    /// @param withdrawals whether withdrawals of accounts and of the pool are refused
    function setPause(bool trading, bool withdrawals) external onlyOwner {
        (paused, withdrawalsPaused) = (trading, withdrawals);
        emit PauseSet(trading, withdrawals);
    }

    /// @notice Pays out of the fund. Nothing while longs are owed.
    /// @param amount [margin wad]
    function withdrawFund(address to, uint256 amount) external onlyOwner {
        amount -= amount % marginUnit;
        uint256 free = owedTotal == 0 ? fund : 0;
        if (amount > free) revert FundTooSmall(amount, free);
        _fromFund(amount);
        marginToken.safeTransfer(to, amount / marginUnit);
    }

    function _setQuotes(QuoteConfig memory q) internal {
        _requireWithin(q.volatilitySpread, 0, 0.5e18);
        _requireWithin(q.maxShift, 0, 0.9e18 - q.volatilitySpread);
        _requireWithin(q.depth, 1, LARGEST_AMOUNT);
        _requireWithin(q.tradeFee, 0, 0.1e18);
        _requireWithin(q.feeCap, 0, WAD);
        _requireWithin(q.fundShare, 0, WAD);
        quotes = q;
        emit ParametersSet("quote");
    }

    function _setMargin(MarginConfig memory m) internal {
        _requireWithin(m.initialRatio, 0, WAD);
        _requireWithin(m.minimumRatio, 0, m.initialRatio);
        _requireWithin(m.maintenanceRatio, 0, m.minimumRatio);
        _requireWithin(m.liquidationFee, 0, m.maintenanceRatio);
        _requireWithin(m.liquidatorShare, 0, WAD);
        marginRules = m;
        emit ParametersSet("margin");
    }

    function _setLimits(LimitConfig memory l) internal {
        _requireWithin(l.minSize, 1, LARGEST_AMOUNT);
        _requireWithin(l.capitalRatio, 0, 10e18);
        _requireWithin(l.cutoff, 1, 1 days);
        _requireWithin(l.longestTime, l.cutoff, LONGEST_TIME);
        _requireWithin(l.baseDiscount, 0, 0.1e18);
        limits = l;
        emit ParametersSet("limit");
    }
}
