// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title The price at which an expiry settles, locked once.
/// @notice It is the last round of a feed at or before expiry. Where that round is older than `maxAge` the oracle stalled,
/// and these rules hold, in this order:
///
///     the first round after expiry settles, if it came within `grace`
///     else the owner names the price within `ownerTime`, no further than `bound` from the last round
///     else the last round settles, however old
interface IExpiryPrice {
    struct Rules {
        uint256 maxAge; // [s] of the last round at expiry
        uint256 grace; // [s] after expiry
        uint256 ownerTime; // [s] after grace
        uint256 bound; // [wad] relative
    }

    event ExpiryPriceLocked(uint256 indexed expiry, uint256 price, uint256 roundId, address by);
    event RulesSet(Rules rules);

    error NotExpired(uint256 expiry, uint256 time);
    error PriceLocked(uint256 expiry, uint256 price);
    error PriceNotLocked(uint256 expiry);

    /// @param roundId that was given
    /// @param updatedAt [unix s] of it
    error WrongRound(uint256 roundId, uint256 updatedAt, uint256 expiry);

    /// @param age [s] of the last round at expiry
    /// @param until [unix s] when this rule ends
    error OracleStalled(uint256 age, uint256 maxAge, uint256 until);

    /// @param until [unix s] when the owner's time begins, or ends
    error NotOwnersTime(uint256 time, uint256 until);

    /// @notice Locks the price of an expiry. Anybody may.
    /// @param expiry [unix s]
    /// @param roundId the last round at or before expiry
    /// @return price [wad]
    function lock(uint256 expiry, uint80 roundId) external returns (uint256 price);

    /// @notice What `lock` would do.
    /// @return price [wad]
    function previewLock(uint256 expiry, uint80 roundId) external view returns (uint256 price);

    /// @return price [wad] that was locked, or a revert
    function priceAt(uint256 expiry) external view returns (uint256 price);

    /// @return whether a price was locked
    function isLocked(uint256 expiry) external view returns (bool);
}
