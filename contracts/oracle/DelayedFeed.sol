// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "solady/src/auth/Ownable.sol";
import {IPrice} from "../interfaces/IPrice.sol";
import {Bounded} from "../math/Bounded.sol";

/// @title A price that takes effect one delay after it was seen.
/// @notice Two places in a row: `poke` moves the queued price to the current one and queues the source's. Everybody
/// sees the next price a delay before it counts, and governance has that long to act on a false one. In a falling
/// market the price in force is up to two delays old.
contract DelayedFeed is IPrice, Ownable, Bounded {
    struct Quote {
        uint128 price; // [wad]
        uint64 time; // [unix s] when it was queued
    }

    uint256 private constant LONGEST_DELAY = 7 days;

    IPrice public immutable source;

    Quote private current;
    Quote private next;
    uint64 public delay; // [s]

    event PriceQueued(uint256 price, uint256 time);
    event PriceAdopted(uint256 price, uint256 time);
    event DelaySet(uint256 delay);

    error NotYet(uint256 nextAt);

    /// @dev Both places are filled from the source, which must have a price.
    /// @param source_ where prices come from
    /// @param delay_ [s], a week at most
    constructor(IPrice source_, uint256 delay_) {
        _initializeOwner(msg.sender);
        source = source_;
        _setDelay(delay_);
        _queue();
        _adopt();
    }

    /// @notice Adopts the queued price and queues the source's. Anyone may call it, once in a delay. Where the source
    /// has no price it reverts with the source's error and the price in force stays.
    function poke() external {
        if (block.timestamp < nextPokeAt()) revert NotYet(nextPokeAt());
        _adopt();
        _queue();
    }

    function setDelay(uint256 value) external onlyOwner {
        _setDelay(value);
    }

    /// @inheritdoc IPrice
    /// @dev `updatedAt` is the time at which the price in force was queued.
    function price() public view override returns (uint256 wad, uint256 updatedAt) {
        return (current.price, current.time);
    }

    /// @inheritdoc IPrice
    /// @dev The delay is a guard too: what is queued does not count.
    function lastPrice() external view override returns (uint256 wad, uint256 updatedAt) {
        return price();
    }

    /// @return wad [wad] the price that the next poke will adopt
    /// @return time [unix s] when it was queued
    function queued() external view returns (uint256 wad, uint256 time) {
        return (next.price, next.time);
    }

    /// @return time [unix s] the earliest time of the next poke
    function nextPokeAt() public view returns (uint256 time) {
        return uint256(next.time) + delay;
    }

    function _queue() private {
        (uint256 wad,) = source.price();
        if (wad == 0 || wad > type(uint128).max) revert InvalidAnswer(int256(wad));
        next = Quote(uint128(wad), uint64(block.timestamp));
        emit PriceQueued(wad, block.timestamp);
    }

    function _adopt() private {
        current = next;
        emit PriceAdopted(current.price, current.time);
    }

    function _setDelay(uint256 value) private {
        _requireWithin(value, 0, LONGEST_DELAY);
        delay = uint64(value);
        emit DelaySet(value);
    }
}
