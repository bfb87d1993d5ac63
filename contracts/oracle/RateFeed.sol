// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {Ownable} from "solady/src/auth/Ownable.sol";
import {IAggregatorV3} from "../interfaces/IAggregatorV3.sol";
import {IPrice} from "../interfaces/IPrice.sol";
import {Bounded} from "../math/Bounded.sol";

/// @title The price of a token that earns: its underlying's price times an exchange rate.
/// @notice A rate grows slowly, so one that jumps is a fault or an attack. It counts at most as a snapshot of it grown
/// by `maxGrowth` a year, linearly, since the snapshot was taken. A rate that falls, as after a slashing, counts at
/// once, and may come back as far as the cap. What a market pays below the rate is not seen here.
contract RateFeed is IPrice, Ownable, Bounded {
    using FixedPointMathLib for uint256;

    uint256 private constant WAD = 1e18;
    uint256 private constant YEAR = 365 days;
    uint256 private constant LONGEST_AGE = 30 days;
    uint256 private constant HIGHEST_GROWTH = 1e18; // [wad a year]
    uint256 private constant HIGHEST_RATE = 1e27; // [wad]

    IPrice public immutable underlying;
    IAggregatorV3 public immutable rateSource; // underlying for one token
    uint256 private immutable toWad; // [wad per unit of an answer]

    uint96 public snapshotRate; // [wad]
    uint40 public snapshotAt; // [unix s]
    uint64 public maxGrowth; // [wad a year] of the snapshot
    uint40 public maxAge; // [s] of a rate, 0 = any

    event SnapshotSet(uint256 rate, uint256 time);
    event MaxGrowthSet(uint256 maxGrowth);
    event MaxAgeSet(uint256 maxAge);

    /// @dev The snapshot is the rate that the source reports now.
    /// @param underlying_ dollar price of what the rate is paid in
    /// @param rateSource_ the rate, 18 decimals at most
    /// @param maxGrowth_ [wad a year] 1 at most
    /// @param maxAge_ [s] of a rate, 30 days at most; 0 = any
    constructor(IPrice underlying_, IAggregatorV3 rateSource_, uint256 maxGrowth_, uint256 maxAge_) {
        _initializeOwner(msg.sender);
        uint256 decimals = rateSource_.decimals();
        _requireWithin(decimals, 0, 18);
        (underlying, rateSource, toWad) = (underlying_, rateSource_, 10 ** (18 - decimals));
        _setMaxGrowth(maxGrowth_);
        _setMaxAge(maxAge_);
        _setSnapshot(reportedRate());
    }

    /// @inheritdoc IPrice
    /// @dev `updatedAt` is of the older of both answers.
    function price() external view override returns (uint256 wad, uint256 updatedAt) {
        uint256 rate;
        (rate, updatedAt) = _reported();
        uint256 age = block.timestamp.zeroFloorSub(updatedAt);
        if (maxAge != 0 && age > maxAge) revert StalePrice(age, maxAge);
        (uint256 base, uint256 pricedAt) = underlying.price();
        return (base.fullMulDiv(rate.min(cap()), WAD), updatedAt.min(pricedAt));
    }

    /// @inheritdoc IPrice
    function lastPrice() external view override returns (uint256 wad, uint256 updatedAt) {
        uint256 rate;
        (rate, updatedAt) = _reported();
        (uint256 base, uint256 pricedAt) = underlying.lastPrice();
        return (base.fullMulDiv(rate.min(cap()), WAD), updatedAt.min(pricedAt));
    }

    /// @return wad [wad] the rate as its source reports it
    function reportedRate() public view returns (uint256 wad) {
        (wad,) = _reported();
    }

    /// @return wad [wad] the highest rate that counts now
    function cap() public view returns (uint256 wad) {
        uint256 growth = uint256(maxGrowth) * (block.timestamp - snapshotAt);
        return snapshotRate + uint256(snapshotRate).fullMulDiv(growth, WAD * YEAR);
    }

    /// @return binding whether the reported rate is above the cap, which then counts in its place
    function isCapped() external view returns (bool binding) {
        return reportedRate() > cap();
    }

    /// @notice Begins the cap anew, now.
    /// @param rate [wad] at most what is reported: room above it would be room for a jump
    function setSnapshot(uint256 rate) external onlyOwner {
        _setSnapshot(rate);
    }

    /// @notice Counts from the snapshot on, not from now.
    /// @param value [wad a year] 1 at most
    function setMaxGrowth(uint256 value) external onlyOwner {
        _setMaxGrowth(value);
    }

    /// @param value [s] 30 days at most, 0 = any
    function setMaxAge(uint256 value) external onlyOwner {
        _setMaxAge(value);
    }

    // --------------------------------------------------------------- internal

    function _reported() private view returns (uint256 wad, uint256 updatedAt) {
        int256 answer;
        (, answer,, updatedAt,) = rateSource.latestRoundData();
        if (answer <= 0 || uint256(answer) > HIGHEST_RATE / toWad) revert InvalidAnswer(answer);
        wad = uint256(answer) * toWad;
    }

    function _setSnapshot(uint256 rate) private {
        _requireWithin(rate, 1, reportedRate());
        (snapshotRate, snapshotAt) = (uint96(rate), uint40(block.timestamp));
        emit SnapshotSet(rate, block.timestamp);
    }

    function _setMaxGrowth(uint256 value) private {
        _requireWithin(value, 0, HIGHEST_GROWTH);
        maxGrowth = uint64(value);
        emit MaxGrowthSet(value);
    }

    function _setMaxAge(uint256 value) private {
        _requireWithin(value, 0, LONGEST_AGE);
        maxAge = uint40(value);
        emit MaxAgeSet(value);
    }
}
