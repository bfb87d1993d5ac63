// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title Variance swaps, settled on the realised variance of a feed's rounds.
///
/// @notice A swap is agreed between two accounts at a strike variance. Long gets, of every unit of vega notional,
/// (realised - strike variance) / (2 x strike volatility), at most `cap` strike variances of realised variance; both post
/// the most they can lose, so there is nothing to liquidate and nobody to default.
///
/// @notice Realised variance is the sum of squared logarithms between samples, a year's worth. A sample is the last round
/// at or before each of `samples` evenly spaced times after `start`, so how often a reporter writes does not matter. A time
/// whose round is older than `maxAge` has no sample: the move over the gap counts once, when the feed is back.
interface IVarianceSwap {
    struct Swap {
        address long;
        address short;
        uint256 start; // [unix s] of the first sample
        uint256 end; // [unix s] of the last one
        uint256 samples; // intervals between
        uint256 strike; // [wad per year] variance
        uint256 notional; // [money wad] for 1.00 of volatility
        uint256 sampled; // intervals that are counted
        uint256 lastPrice; // [wad] of the last sample, 0 = none yet
        uint256 sum; // [wad] of squared logarithms
    }

    event SwapOffered(uint256 indexed id, address indexed maker, bool makerIsLong);
    event SwapTaken(uint256 indexed id, address indexed taker);
    event SwapCancelled(uint256 indexed id);
    event SwapSampled(uint256 indexed id, uint256 place, uint256 price, uint256 sum, bool stale);

    /// @param realised [wad per year]
    /// @param toLong [money wad] of both collaterals
    event SwapSettled(uint256 indexed id, uint256 realised, uint256 toLong, uint256 toShort);

    error NoSwap(uint256 id);
    error AlreadyTaken(uint256 id);
    error Started(uint256 start, uint256 time);
    error NotMaker(address caller, address maker);

    /// @param due [unix s]
    error SampleNotDue(uint256 due, uint256 time);

    /// @param due [unix s]
    /// @param updatedAt [unix s] of the round given
    error WrongRound(uint256 roundId, uint256 updatedAt, uint256 due);
    error NotSampled(uint256 sampled, uint256 samples);
    error AlreadySampled(uint256 id);
    error TransferShort(uint256 received, uint256 expected);

    /// @notice Offers a swap and posts the maker's collateral.
    /// @param start [unix s] in the future
    /// @param samples intervals of `interval` seconds
    /// @param strike [wad per year] variance
    /// @param notional [money wad] for 1.00 of volatility
    function offer(bool makerIsLong, uint256 start, uint256 samples, uint256 strike, uint256 notional)
        external
        returns (uint256 id);

    /// @notice Takes the other side and posts its collateral, before the start.
    function take(uint256 id) external;

    /// @notice Takes back an offer that nobody took.
    function cancel(uint256 id) external;

    /// @notice Counts the next sample. Anybody may.
    /// @param roundId the last round at or before the time that is due
    function sample(uint256 id, uint80 roundId) external;

    /// @notice Pays both sides once every sample is counted. Anybody may.
    /// @return toLong [money wad]
    /// @return toShort [money wad]
    function settle(uint256 id) external returns (uint256 toLong, uint256 toShort);

    /// @notice What `settle` would pay if the intervals that are left moved as those before.
    function previewSettle(uint256 id) external view returns (uint256 toLong, uint256 toShort);

    /// @notice What `settle` would pay if squared logarithms of all intervals that are left added up to `moves`.
    /// @param moves [wad]
    function previewAt(uint256 id, uint256 moves) external view returns (uint256 toLong, uint256 toShort);

    /// @return whether it was settled
    function isSettled(uint256 id) external view returns (bool);

    /// @notice What a settled swap paid.
    /// @return toLong [money wad]
    /// @return toShort [money wad]
    function outcomeOf(uint256 id) external view returns (uint256 toLong, uint256 toShort);

    /// @return [wad per year] of what is sampled
    function realisedOf(uint256 id) external view returns (uint256);

    /// @return ofLong [money wad] the most that long can lose
    /// @return ofShort [money wad] the most that short can lose
    function collateralOf(uint256 strike, uint256 notional) external view returns (uint256 ofLong, uint256 ofShort);
    function swapOf(uint256 id) external view returns (Swap memory);
}
