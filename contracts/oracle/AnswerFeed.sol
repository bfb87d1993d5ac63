// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IPrice} from "../interfaces/IPrice.sol";

/// @title A price for consumers that ask for nothing but the latest answer.
/// @notice Such consumers do not ask how old an answer is. Whether they get a stale one is settled here: either it
/// passes, as with a bare aggregator, or the source's own guard refuses it for them.
contract AnswerFeed {
    uint8 public constant decimals = 8;
    uint256 private constant WAD_TO_ANSWER = 1e10;

    IPrice public immutable source;
    bool public immutable refusesStale;

    /// @param source_ whose price is passed on
    /// @param refusesStale_ whether a stale price reverts
    constructor(IPrice source_, bool refusesStale_) {
        (source, refusesStale) = (source_, refusesStale_);
    }

    /// @notice The price of one whole unit of the asset, rounded down.
    /// @return answer in 10**-8 dollars
    function latestAnswer() external view returns (int256 answer) {
        (uint256 wad,) = refusesStale ? source.price() : source.lastPrice();
        answer = int256(wad / WAD_TO_ANSWER);
    }
}
