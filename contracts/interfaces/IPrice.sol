// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title What every price source looks like to its consumer.
/// @notice A source that has no answer to give reverts with one of these errors; it never returns zero.
interface IPrice {
    /// @param age [s] since the answer was observed
    /// @param maxAge [s] the oldest answer accepted
    error StalePrice(uint256 age, uint256 maxAge);

    /// @param answer in the source's own unit; zero, negative or too large to be a price
    error InvalidAnswer(int256 answer);

    /// @param price [wad]
    /// @param min [wad]
    /// @param max [wad], 0 when there is no upper bound
    error PriceOutOfBounds(uint256 price, uint256 min, uint256 max);

    /// @param previous [wad] of the round before
    /// @param price [wad]
    /// @param max [wad] the largest relative move between two rounds
    error PriceJump(uint256 previous, uint256 price, uint256 max);

    /// @param since [unix s] when the sequencer went down, or came back
    /// @param grace [s] for which prices are withheld after it came back
    error SequencerDown(uint256 since, uint256 grace);

    /// @notice The price of one whole unit of the asset in dollars.
    /// @return wad [wad], greater than zero
    /// @return updatedAt [unix s] when this price was observed
    function price() external view returns (uint256 wad, uint256 updatedAt);

    /// @notice The newest price, however old: only StalePrice is forgiven, every other guard holds. Where `price`
    /// answers, this answers the same.
    /// @return wad [wad], greater than zero
    /// @return updatedAt [unix s] when this price was observed
    function lastPrice() external view returns (uint256 wad, uint256 updatedAt);
}
