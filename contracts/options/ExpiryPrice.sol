// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "solady/src/auth/Ownable.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {IAggregatorV3} from "../interfaces/IAggregatorV3.sol";
import {IExpiryPrice} from "../interfaces/IExpiryPrice.sol";
import {IPrice} from "../interfaces/IPrice.sol";
import {Bounded} from "../math/Bounded.sol";

/// @title Settlement prices out of the rounds of one feed.
contract ExpiryPrice is IExpiryPrice, Ownable, Bounded {
    using FixedPointMathLib for uint256;

    uint256 private constant WAD = 1e18;
    uint256 private constant LONGEST_WAIT = 7 days; // [s]

    IAggregatorV3 public immutable feed;
    uint256 private immutable toWad; // [wad per unit of an answer]

    Rules public rules;
    mapping(uint256 expiry => uint256) private locked; // [wad] 0 = not yet

    constructor(address owner_, IAggregatorV3 feed_, Rules memory rules_) {
        _initializeOwner(owner_);
        uint256 decimals = feed_.decimals();
        _requireWithin(decimals, 0, 18);
        (feed, toWad) = (feed_, 10 ** (18 - decimals));
        _setRules(rules_);
    }

    /// @inheritdoc IExpiryPrice
    function lock(uint256 expiry, uint80 roundId) external override returns (uint256 price) {
        price = previewLock(expiry, roundId);
        _lock(expiry, price, roundId);
    }

    /// @notice Names the price of an expiry that no rule has settled. Only the owner, in their time.
    /// @param price [wad] no further than the bound from the last round
    function lockByOwner(uint256 expiry, uint80 roundId, uint256 price) external onlyOwner {
        (uint256 last, uint256 age, uint256 next) = _roundsAt(expiry, roundId);
        uint256 begins = expiry + rules.grace;
        if (age <= rules.maxAge || next != 0 || block.timestamp <= begins) {
            revert NotOwnersTime(block.timestamp, begins);
        }
        if (block.timestamp > begins + rules.ownerTime) {
            revert NotOwnersTime(block.timestamp, begins + rules.ownerTime);
        }
        uint256 room = last.fullMulDiv(rules.bound, WAD);
        _requireWithin(price, last - room, last + room);
        _lock(expiry, price, roundId);
    }

    /// @inheritdoc IExpiryPrice
    function previewLock(uint256 expiry, uint80 roundId) public view override returns (uint256 price) {
        uint256 age;
        uint256 next;
        (price, age, next) = _roundsAt(expiry, roundId);
        if (age <= rules.maxAge) return price;
        if (next != 0) return next;
        uint256 until = expiry + rules.grace + rules.ownerTime;
        if (block.timestamp <= until) revert OracleStalled(age, rules.maxAge, until);
    }

    /// @inheritdoc IExpiryPrice
    function priceAt(uint256 expiry) external view override returns (uint256 price) {
        price = locked[expiry];
        if (price == 0) revert PriceNotLocked(expiry);
    }

    /// @inheritdoc IExpiryPrice
    function isLocked(uint256 expiry) external view override returns (bool) {
        return locked[expiry] != 0;
    }

    /// @param r.maxAge [s] a week at most
    /// @param r.grace [s] a week at most
    /// @param r.ownerTime [s] a week at most
    /// @param r.bound [wad] below 1
    function setRules(Rules calldata r) external onlyOwner {
        _setRules(r);
    }

    function _setRules(Rules memory r) private {
        _requireWithin(r.maxAge, 0, LONGEST_WAIT);
        _requireWithin(r.grace, 0, LONGEST_WAIT);
        _requireWithin(r.ownerTime, 0, LONGEST_WAIT);
        _requireWithin(r.bound, 0, WAD - 1);
        rules = r;
        emit RulesSet(r);
    }

    function _lock(uint256 expiry, uint256 price, uint256 roundId) private {
        locked[expiry] = price;
        emit ExpiryPriceLocked(expiry, price, roundId, msg.sender);
    }

    /// @dev The last round at or before expiry, and the first after it where that came within grace, else 0.
    /// @return last [wad]
    /// @return age [s] at expiry
    /// @return next [wad]
    function _roundsAt(uint256 expiry, uint80 roundId) private view returns (uint256 last, uint256 age, uint256 next) {
        if (block.timestamp < expiry) revert NotExpired(expiry, block.timestamp);
        if (locked[expiry] != 0) revert PriceLocked(expiry, locked[expiry]);
        (, int256 answer,, uint256 updatedAt,) = feed.getRoundData(roundId);
        if (updatedAt > expiry) revert WrongRound(roundId, updatedAt, expiry);
        (last, age) = (_priceOf(answer), expiry - updatedAt);
        (uint80 newest,,,,) = feed.latestRoundData();
        if (newest == roundId) return (last, age, 0);
        (, answer,, updatedAt,) = feed.getRoundData(roundId + 1);
        if (updatedAt <= expiry) revert WrongRound(roundId, updatedAt, expiry);
        if (updatedAt <= expiry + rules.grace) next = _priceOf(answer);
    }

    function _priceOf(int256 answer) private view returns (uint256) {
        if (answer <= 0 || uint256(answer) > type(uint96).max) revert IPrice.InvalidAnswer(answer);
        return uint256(answer) * toWad;
    }
}
