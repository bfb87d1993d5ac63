// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "solady/src/auth/Ownable.sol";
import {IAggregatorV3} from "../interfaces/IAggregatorV3.sol";
import {IPrice} from "../interfaces/IPrice.sol";
import {Bounded} from "../math/Bounded.sol";

/// @title A price feed that its reporters push answers to.
/// @notice It records whatever it is told, zero and negative answers too: judging an answer is the consumer's part.
/// Only `price()` refuses what cannot be a price.
contract PushFeed is IAggregatorV3, IPrice, Ownable, Bounded {
    struct Round {
        int192 answer; // [10**-decimals dollars]
        uint64 updatedAt; // [unix s]
    }

    uint256 public constant override version = 1;
    uint256 private constant MAX_DECIMALS = 18;

    uint8 public immutable override decimals;
    uint256 private immutable toWad; // [wad per unit of an answer]

    string public override description;
    uint80 public latestRound; // number of the newest round, 0 before the first
    mapping(uint80 roundId => Round) private rounds;
    mapping(address account => bool) public isReporter;

    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);
    event ReporterSet(address indexed account, bool allowed);

    error NotReporter(address caller);
    error NoRound(uint256 roundId);

    /// @param owner_ who names reporters
    /// @param reporter the first of them
    /// @param decimals_ places after the decimal point of an answer, 18 at most
    /// @param description_ such as "ETH / USD"
    constructor(address owner_, address reporter, uint8 decimals_, string memory description_) {
        _requireWithin(decimals_, 0, MAX_DECIMALS);
        _initializeOwner(owner_);
        decimals = decimals_;
        toWad = 10 ** (MAX_DECIMALS - decimals_);
        description = description_;
        _setReporter(reporter, true);
    }

    /// @notice Adds a round.
    /// @param answer [10**-decimals dollars]
    function report(int256 answer) external {
        if (!isReporter[msg.sender]) revert NotReporter(msg.sender);
        if (answer != int192(answer)) revert InvalidAnswer(answer);
        uint80 roundId = latestRound + 1;
        latestRound = roundId;
        rounds[roundId] = Round(int192(answer), uint64(block.timestamp));
        emit AnswerUpdated(answer, roundId, block.timestamp);
    }

    function setReporter(address account, bool allowed) external onlyOwner {
        _setReporter(account, allowed);
    }

    /// @inheritdoc IPrice
    function price() public view override returns (uint256 wad, uint256 updatedAt) {
        Round memory round = rounds[latestRound];
        if (round.answer <= 0) revert InvalidAnswer(round.answer);
        return (uint256(int256(round.answer)) * toWad, round.updatedAt);
    }

    /// @inheritdoc IPrice
    function lastPrice() external view override returns (uint256 wad, uint256 updatedAt) {
        return price();
    }

    /// @inheritdoc IAggregatorV3
    function latestRoundData() external view override returns (uint80, int256, uint256, uint256, uint80) {
        return getRoundData(latestRound);
    }

    /// @inheritdoc IAggregatorV3
    function getRoundData(uint80 wanted) public view override returns (uint80, int256, uint256, uint256, uint80) {
        Round memory round = rounds[wanted];
        if (round.updatedAt == 0) revert NoRound(wanted);
        return (wanted, round.answer, round.updatedAt, round.updatedAt, wanted);
    }

    function _setReporter(address account, bool allowed) private {
        isReporter[account] = allowed;
        emit ReporterSet(account, allowed);
    }
}
