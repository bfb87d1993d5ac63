// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "solady/src/auth/Ownable.sol";
import {IAggregatorV3} from "../interfaces/IAggregatorV3.sol";

/// @title Whether a rollup's sequencer is up, in the shape of Chainlink's uptime feeds.
/// @notice The answer is 0 while it is up and 1 while it is down. `startedAt` is when that began, and a report that
/// changes nothing leaves it. Only the newest round is kept.
contract UptimeFeed is IAggregatorV3, Ownable {
    uint8 public constant override decimals = 0;
    uint256 public constant override version = 1;
    string public constant override description = "Sequencer uptime";

    address public reporter;
    uint80 public latestRound; // number of the newest round
    bool public isDown;
    uint40 private startedAt; // [unix s] of the present status
    uint40 private updatedAt; // [unix s] of the newest report

    event StatusReported(bool isDown, uint256 since);
    event ReporterSet(address reporter);

    error NotReporter(address caller);
    error NoRound(uint256 roundId);
    error NotPast(uint256 time);
    error NotInOrder(uint256 time, uint256 last);

    /// @param reporter_ who reports
    /// @param upSince [unix s] it is up, and was since then
    constructor(address reporter_, uint256 upSince) {
        _initializeOwner(msg.sender);
        if (upSince > block.timestamp) revert NotPast(upSince);
        latestRound = 1;
        (startedAt, updatedAt) = (uint40(upSince), uint40(block.timestamp));
        _setReporter(reporter_);
    }

    /// @notice Adds a round. While a sequencer is down nothing is reported: its fall and its return arrive together.
    /// @param down whether it is down
    /// @param since [unix s] it is; without a change it does not count
    function report(bool down, uint256 since) external {
        if (msg.sender != reporter) revert NotReporter(msg.sender);
        if (down != isDown) {
            if (since > block.timestamp) revert NotPast(since);
            if (since < startedAt) revert NotInOrder(since, startedAt);
            (isDown, startedAt) = (down, uint40(since));
        }
        updatedAt = uint40(block.timestamp);
        ++latestRound;
        emit StatusReported(down, startedAt);
    }

    function setReporter(address account) external onlyOwner {
        _setReporter(account);
    }

    /// @inheritdoc IAggregatorV3
    function latestRoundData() external view override returns (uint80, int256, uint256, uint256, uint80) {
        return getRoundData(latestRound);
    }

    /// @inheritdoc IAggregatorV3
    function getRoundData(uint80 wanted) public view override returns (uint80, int256, uint256, uint256, uint80) {
        if (wanted != latestRound) revert NoRound(wanted);
        return (wanted, isDown ? int256(1) : int256(0), startedAt, updatedAt, wanted);
    }

    function _setReporter(address account) private {
        reporter = account;
        emit ReporterSet(account);
    }
}
