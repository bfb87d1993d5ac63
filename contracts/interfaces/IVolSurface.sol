// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {BlackScholes} from "../math/BlackScholes.sol";
import {Svi} from "../math/Svi.sol";
import {IPrice} from "./IPrice.sol";

/// @title A surface of implied volatility that reporters keep, and what options are worth by it.
/// @notice A report replaces all slices at once. It is refused where its numbers are out of bounds or admit arbitrage at
/// the moneyness that is looked at. A move larger than the breaker's is believed but halts those who ask `requireOpen`
/// for a while. A surface older than its age has no prices.
interface IVolSurface {
    struct Rules {
        uint256 maxAge; // [s] of a report
        uint256 minVolatility; // [wad per sqrt year]
        uint256 maxVolatility; // [wad per sqrt year]
        uint256 maxMove; // [wad] relative, of a volatility at the money from one report to the next; 0 = any
        uint256 cooldown; // [s] of a halt
        uint256 maxRate; // [wad per year] of rate and carry, either way
    }

    /// @dev What a book is tried with. The shock of volatility is that of 30 days; at another time to expiry it is times
    /// (30 days / time)^0.3, a time below one day counting as one.
    struct Shock {
        int256 spot; // [wad] relative, above -1
        int256 volatility; // [wad] relative
    }

    event SurfaceReported(address indexed reporter, uint256 slices, int256 rate, int256 carry);

    /// @param time [s] to expiry of the slice whose volatility moved
    /// @param previous [wad per sqrt year] at the money
    /// @param volatility [wad per sqrt year] at the money
    /// @param until [unix s]
    event SurfaceHalted(uint256 time, uint256 previous, uint256 volatility, uint256 until);
    event RulesSet(Rules rules);
    event ReporterSet(address indexed account, bool allowed);
    event SpotFeedSet(address feed);

    /// @param age [s] since the report
    /// @param maxAge [s]
    error StaleSurface(uint256 age, uint256 maxAge);

    /// @param volatility [wad per sqrt year]
    error VolatilityOutOfBounds(uint256 volatility, uint256 min, uint256 max);

    /// @param previous [wad per sqrt year]
    /// @param volatility [wad per sqrt year] that it went to
    /// @param until [unix s]
    error VolatilityHalted(uint256 previous, uint256 volatility, uint256 until);

    error NotReporter(address caller);
    error WrongSliceCount(uint256 count, uint256 most);

    /// @param place of the slice, from 0
    error InvalidSlice(uint256 place);

    /// @param place of the later slice
    /// @param k [wad] where its total variance is lower than that of the one before
    error CalendarArbitrage(uint256 place, int256 k, uint256 near, uint256 far);

    /// @param place of the slice
    /// @param k [wad]
    /// @param density [wad] below zero
    error ButterflyArbitrage(uint256 place, int256 k, int256 density);
    error RateOutOfBounds(int256 rate, uint256 max);

    /// @param expiry [unix s]
    error SeriesExpired(uint256 expiry, uint256 time);

    // ---------------------------------------------------------------- actions

    /// @notice Replaces the surface. Only reporters.
    /// @param slices in order of time, eight at most
    /// @param rate [wad per year]
    /// @param carry [wad per year] yield of the underlying
    function report(Svi.Slice[] calldata slices, int256 rate, int256 carry) external;

    // ------------------------------------------------------------------ views

    /// @notice Reverts with VolatilityHalted while a halt lasts.
    function requireOpen() external view;

    /// @notice The index price that prices go by.
    function spotFeed() external view returns (IPrice);

    /// @return [wad]
    function spot() external view returns (uint256);

    /// @return [wad per sqrt year] within the bounds
    function volatilityOf(uint256 strike, uint256 expiry) external view returns (uint256);

    /// @notice What prices are computed from.
    /// @param strike [wad]
    /// @param expiry [unix s]
    /// @param factor [wad] of the surface's volatility
    function termsOf(uint256 strike, uint256 expiry, uint256 factor) external view returns (BlackScholes.Terms memory);

    /// @notice Prices of call and put.
    /// @return call [wad]
    /// @return put [wad]
    function pricesOf(uint256 strike, uint256 expiry, uint256 factor) external view returns (uint256 call, uint256 put);

    /// @return ofCall sensitivities of the call
    /// @return ofPut sensitivities of the put
    function greeksOf(uint256 strike, uint256 expiry)
        external
        view
        returns (BlackScholes.Greeks memory ofCall, BlackScholes.Greeks memory ofPut);

    /// @notice What a book of calls and puts is worth under each shock.
    /// @param ids of series in ascending order (OptionId), none expired
    /// @param sizes [wad] of options, negative for those written
    /// @return values [wad] one for each shock
    function shockedValues(uint256[] calldata ids, int256[] calldata sizes, Shock[] calldata shocks)
        external
        view
        returns (int256[] memory values);
}
