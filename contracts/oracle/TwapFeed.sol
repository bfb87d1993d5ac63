// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {Ownable} from "solady/src/auth/Ownable.sol";
import {ConstantProductPool} from "../amm/ConstantProductPool.sol";
import {IDecimals} from "../interfaces/IDecimals.sol";
import {IPrice} from "../interfaces/IPrice.sol";
import {Bounded} from "../math/Bounded.sol";

/// @title The mean price of a pool over a window.
/// @notice Anyone may call `poke`, once in a spacing. It records the pool's price integral and adopts the mean over the
/// window that ends there. Where the window began between two records, the integral of that moment lies on the line
/// between them: no second of the pool ever counts more than its share of the window, so a price that was pushed for
/// one block moves the mean by that block's share of it.
///
/// The mean trails the pool by half a window on average. Where nobody poked for too long there is no new mean until the
/// window is covered again; the last one stays, and is stale after `maxAge`.
contract TwapFeed is IPrice, Ownable, Bounded {
    using FixedPointMathLib for uint256;

    struct Observation {
        uint40 time; // [unix s]
        uint216 integral; // [wad quote units per base unit * s]
    }

    /// @dev One slot: what a consumer reads.
    struct Mean {
        uint128 price; // [wad quote per base, whole units]
        uint64 time; // [unix s] at which its window ended, 0 = there is none yet
        uint64 maxAge; // [s], 0 = any
    }

    uint256 private constant WAD = 1e18;
    uint256 private constant SHORTEST_WINDOW = 1 minutes;
    uint256 private constant LONGEST_WINDOW = 7 days;
    uint256 private constant MOST_OBSERVATIONS = 256;
    uint256 private constant LONGEST_AGE = 30 days;

    ConstantProductPool public immutable pool;
    IPrice public immutable quoteFeed; // of the token that the base is priced in; 0 = it is worth one dollar
    uint256 public immutable window; // [s]
    uint256 public immutable capacity; // observations kept
    uint256 public immutable spacing; // [s] between two of them at least, so that those kept cover the window
    bool private immutable baseFirst;
    uint256 private immutable baseUnit; // units in one whole base token
    uint256 private immutable quoteUnit; // units in one whole quote token

    Mean private mean;
    uint256 public count; // observations ever made
    mapping(uint256 place => Observation) private ring;

    event Observed(uint256 integral, uint256 time);
    event MeanUpdated(uint256 mean, uint256 time);
    event MaxAgeSet(uint256 maxAge);

    error NotYet(uint256 nextAt);
    error EmptyPool();
    error NotPoolToken(address token);

    /// @param covered [s] since the oldest observation
    /// @param window [s]
    error WindowNotCovered(uint256 covered, uint256 window);

    /// @param base the pool's token that is priced
    /// @param quoteFeed_ dollar price of the other one, 0 = one dollar
    /// @param window_ [s] a minute to a week
    /// @param capacity_ observations kept, 2 to 256: the more, the oftener the mean is renewed
    /// @param maxAge_ [s] after which a mean is stale, 30 days at most; 0 = never
    constructor(
        ConstantProductPool pool_,
        address base,
        IPrice quoteFeed_,
        uint256 window_,
        uint256 capacity_,
        uint256 maxAge_
    ) {
        _initializeOwner(msg.sender);
        _requireWithin(window_, SHORTEST_WINDOW, LONGEST_WINDOW);
        _requireWithin(capacity_, 2, MOST_OBSERVATIONS);
        (address token0, address token1) = (pool_.token0(), pool_.token1());
        if (base != token0 && base != token1) revert NotPoolToken(base);
        (pool, quoteFeed, window, capacity, baseFirst) = (pool_, quoteFeed_, window_, capacity_, base == token0);
        spacing = window_.divUp(capacity_ - 1);
        baseUnit = 10 ** uint256(IDecimals(base).decimals());
        quoteUnit = 10 ** uint256(IDecimals(base == token0 ? token1 : token0).decimals());
        _setMaxAge(maxAge_);
    }

    /// @notice Records the pool and, where the window is covered, adopts its mean. Reverts with NotYet before
    /// `nextPokeAt`, and with EmptyPool before the pool's first liquidity.
    function poke() external {
        if (block.timestamp < nextPokeAt()) revert NotYet(nextPokeAt());
        (uint256 reserve0, uint256 reserve1) = pool.reserves();
        if (reserve0 == 0 || reserve1 == 0) revert EmptyPool();
        uint256 integral = baseFirst ? pool.priceCumulative0() : pool.priceCumulative1();
        (bool covered, uint256 past) = _integralAt(block.timestamp - window, integral);
        if (covered) _adopt((integral - past).fullMulDiv(baseUnit, window * quoteUnit));
        ring[count % capacity] = Observation(uint40(block.timestamp), uint216(integral));
        ++count;
        emit Observed(integral, block.timestamp);
    }

    /// @param value [s] 30 days at most, 0 = any
    function setMaxAge(uint256 value) external onlyOwner {
        _setMaxAge(value);
    }

    /// @inheritdoc IPrice
    /// @dev `updatedAt` is the end of the mean's window, or the time of the quote's price where that is older.
    function price() external view override returns (uint256 wad, uint256 updatedAt) {
        Mean memory m = _mean();
        uint256 age = block.timestamp - m.time;
        if (m.maxAge != 0 && age > m.maxAge) revert StalePrice(age, m.maxAge);
        if (address(quoteFeed) == address(0)) return (m.price, m.time);
        (wad, updatedAt) = quoteFeed.price();
        return _inDollars(m, wad, updatedAt);
    }

    /// @inheritdoc IPrice
    function lastPrice() external view override returns (uint256 wad, uint256 updatedAt) {
        Mean memory m = _mean();
        if (address(quoteFeed) == address(0)) return (m.price, m.time);
        (wad, updatedAt) = quoteFeed.lastPrice();
        return _inDollars(m, wad, updatedAt);
    }

    /// @return time [unix s] the earliest time of the next poke
    function nextPokeAt() public view returns (uint256 time) {
        return count == 0 ? 0 : _observation(count - 1).time + spacing;
    }

    /// @return value [s] after which a mean is stale, 0 = never
    function maxAge() external view returns (uint256 value) {
        return mean.maxAge;
    }

    /// @notice What is known of the last `capacity` observations.
    /// @param number from 0 upwards, below `count`
    /// @return time [unix s]
    /// @return integral [wad quote units per base unit * s]
    function observation(uint256 number) external view returns (uint256 time, uint256 integral) {
        _requireWithin(number, count.zeroFloorSub(capacity), count.zeroFloorSub(1));
        Observation memory o = _observation(number);
        return (o.time, o.integral);
    }

    // --------------------------------------------------------------- internal

    /// @dev The pool's integral at a time before now, on the line between the observations around it. Not covered where
    /// no observation is as old, or where the last one before it is a whole window older: nobody had poked.
    function _integralAt(uint256 time, uint256 integralNow) private view returns (bool covered, uint256 integral) {
        (uint256 low, uint256 high) = (count.zeroFloorSub(capacity), count);
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (_observation(middle).time <= time) low = middle + 1;
            else high = middle;
        }
        if (low == count.zeroFloorSub(capacity)) return (false, 0);
        Observation memory before = _observation(low - 1);
        if (time - before.time > window) return (false, 0);
        (uint256 end, uint256 then_) = (block.timestamp, integralNow);
        if (low != count) (end, then_) = (_observation(low).time, _observation(low).integral);
        integral = before.integral + (then_ - before.integral) * (time - before.time) / (end - before.time);
        return (true, integral);
    }

    function _adopt(uint256 wad) private {
        if (wad == 0 || wad > type(uint128).max) revert InvalidAnswer(int256(wad));
        (mean.price, mean.time) = (uint128(wad), uint64(block.timestamp));
        emit MeanUpdated(wad, block.timestamp);
    }

    function _mean() private view returns (Mean memory m) {
        m = mean;
        if (m.time == 0) revert WindowNotCovered(count == 0 ? 0 : block.timestamp - _observation(0).time, window);
    }

    function _inDollars(Mean memory m, uint256 quote, uint256 quotedAt) private pure returns (uint256, uint256) {
        return (uint256(m.price).fullMulDiv(quote, WAD), quotedAt.min(m.time));
    }

    function _observation(uint256 number) private view returns (Observation memory) {
        return ring[number % capacity];
    }

    function _setMaxAge(uint256 value) private {
        _requireWithin(value, 0, LONGEST_AGE);
        mean.maxAge = uint64(value);
        emit MaxAgeSet(value);
    }
}
