// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title The shape of a Chainlink price feed.
/// @dev Source: Chainlink's AggregatorV3Interface, whose names and order of return values are kept.
interface IAggregatorV3 {
    /// @return places after the decimal point of every answer
    function decimals() external view returns (uint8 places);

    /// @return text such as "ETH / USD"
    function description() external view returns (string memory text);

    /// @return number of the feed's implementation
    function version() external view returns (uint256 number);

    /// @notice The newest round. Reverts when there is none.
    /// @return roundId from 1 upwards
    /// @return answer in 10**-decimals dollars
    /// @return startedAt [unix s]
    /// @return updatedAt [unix s]
    /// @return answeredInRound equal to roundId
    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);

    /// @notice One round by its number. Reverts when it does not exist.
    /// @param wanted from 1 upwards
    function getRoundData(uint80 wanted)
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
}
