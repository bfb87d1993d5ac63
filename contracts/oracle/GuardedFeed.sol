// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {Ownable} from "solady/src/auth/Ownable.sol";
import {IAggregatorV3} from "../interfaces/IAggregatorV3.sol";
import {IPrice} from "../interfaces/IPrice.sol";
import {Bounded} from "../math/Bounded.sol";

/// @title A consumer's view of a feed that refuses answers it should not act on.
/// @notice Four guards, each switched off by 0: age, lower bound, upper bound, and the jump from the round before.
///
/// The jump guard compares the newest round with the one before it. A lone wick is therefore refused twice: when it
/// comes and when it goes. A real move past the limit is believed once a second round confirms it.
contract GuardedFeed is IPrice, Ownable, Bounded {
    using FixedPointMathLib for uint256;

    uint256 private constant WAD = 1e18;
    uint256 private constant LONGEST_AGE = 30 days;
    uint256 private constant LARGEST_JUMP = 1e18; // [wad]
    uint256 private constant HIGHEST_PRICE = type(uint96).max; // [wad]

    IAggregatorV3 public immutable source;
    uint256 private immutable toWad; // [wad per unit of an answer]

    uint64 public maxAge; // [s], 0 = any
    uint64 public maxJump; // [wad] of the previous answer, 0 = any
    uint96 public minPrice; // [wad]
    uint96 public maxPrice; // [wad], 0 = none

    event MaxAgeSet(uint256 maxAge);
    event PriceBoundsSet(uint256 minPrice, uint256 maxPrice);
    event MaxJumpSet(uint256 maxJump);

    /// @param source_ the feed that is guarded
    /// @param maxAge_ [s], 30 days at most
    /// @param minPrice_ [wad]
    /// @param maxPrice_ [wad]
    /// @param maxJump_ [wad] of the previous answer, 1 at most
    constructor(IAggregatorV3 source_, uint256 maxAge_, uint256 minPrice_, uint256 maxPrice_, uint256 maxJump_) {
        _initializeOwner(msg.sender);
        uint256 decimals = source_.decimals();
        _requireWithin(decimals, 0, 18);
        source = source_;
        toWad = 10 ** (18 - decimals);
        _setMaxAge(maxAge_);
        _setPriceBounds(minPrice_, maxPrice_);
        _setMaxJump(maxJump_);
    }

    /// @inheritdoc IPrice
    function price() external view override returns (uint256 wad, uint256 updatedAt) {
        uint80 roundId;
        int256 answer;
        (roundId, answer,, updatedAt,) = source.latestRoundData();
        _requireFresh(updatedAt);
        wad = _judged(roundId, answer);
    }

    /// @inheritdoc IPrice
    function lastPrice() external view override returns (uint256 wad, uint256 updatedAt) {
        uint80 roundId;
        int256 answer;
        (roundId, answer,, updatedAt,) = source.latestRoundData();
        wad = _judged(roundId, answer);
    }

    function setMaxAge(uint256 value) external onlyOwner {
        _setMaxAge(value);
    }

    function setPriceBounds(uint256 min, uint256 max) external onlyOwner {
        _setPriceBounds(min, max);
    }

    function setMaxJump(uint256 value) external onlyOwner {
        _setMaxJump(value);
    }

    /// @dev Every guard but that of age.
    function _judged(uint80 roundId, int256 answer) private view returns (uint256 wad) {
        wad = _priceOf(answer);
        if (wad < minPrice || (maxPrice != 0 && wad > maxPrice)) revert PriceOutOfBounds(wad, minPrice, maxPrice);
        if (maxJump != 0 && roundId > 1) _requireNoJump(roundId, wad);
    }

    function _requireFresh(uint256 updatedAt) private view {
        uint256 age = block.timestamp.zeroFloorSub(updatedAt);
        if (maxAge != 0 && age > maxAge) revert StalePrice(age, maxAge);
    }

    function _requireNoJump(uint80 roundId, uint256 wad) private view {
        (, int256 answer,,,) = source.getRoundData(roundId - 1);
        uint256 previous = _priceOf(answer);
        if (wad.dist(previous).fullMulDivUp(WAD, previous) > maxJump) revert PriceJump(previous, wad, maxJump);
    }

    function _priceOf(int256 answer) private view returns (uint256 wad) {
        if (answer <= 0 || uint256(answer) > type(uint128).max) revert InvalidAnswer(answer);
        return uint256(answer) * toWad;
    }

    function _setMaxAge(uint256 value) private {
        _requireWithin(value, 0, LONGEST_AGE);
        maxAge = uint64(value);
        emit MaxAgeSet(value);
    }

    function _setPriceBounds(uint256 min, uint256 max) private {
        _requireWithin(max, 0, HIGHEST_PRICE);
        _requireWithin(min, 0, max == 0 ? HIGHEST_PRICE : max);
        (minPrice, maxPrice) = (uint96(min), uint96(max));
        emit PriceBoundsSet(min, max);
    }

    function _setMaxJump(uint256 value) private {
        _requireWithin(value, 0, LARGEST_JUMP);
        maxJump = uint64(value);
        emit MaxJumpSet(value);
    }
}
