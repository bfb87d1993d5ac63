// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "solady/src/auth/Ownable.sol";
import {Bounded} from "../math/Bounded.sol";
import {IStrategy} from "../interfaces/IStrategy.sol";
import {VaultQueue} from "./VaultQueue.sol";

/// @title The owner's part of a vault: its strategy, once, and its parameters, each within bounds.
abstract contract VaultSettings is VaultQueue, Ownable, Bounded {
    uint256 private constant HIGHEST_CAP = type(uint112).max; // [asset units]
    uint256 private constant HIGHEST_TRANSFER_FEE = 0.05e18; // [wad]
    uint256 private constant LONGEST_DELAY = 30 days;
    uint256 private constant HIGHEST_GROWTH = 1e18; // [wad a day]
    uint256 private constant HIGHEST_MANAGEMENT_FEE = 0.1e18; // [wad a year]
    uint256 private constant HIGHEST_PERFORMANCE_FEE = 0.5e18; // [wad]
    uint256 private constant HIGHEST_BAND = 1e18; // [wad]
    uint256 private constant SMALLEST_BAND = 1e9; // [wad] rounding is no drift
    uint256 private constant LONGEST_INTERVAL = 365 days;
    uint256 private constant HIGHEST_MARGIN = 100e18; // [wad]
    uint256 private constant LONGEST_COOLDOWN = 7 days;
    uint256 private constant HIGHEST_SLIPPAGE = 0.2e18; // [wad]
    uint256 private constant HIGHEST_BUFFER = 0.9e18; // [wad]
    uint256 private constant HIGHEST_TIP = type(uint96).max; // [asset units]

    Triggers private triggers_;
    Execution private execution_;

    error NoRecipient();

    function triggers() public view returns (Triggers memory) {
        return triggers_;
    }

    function execution() public view returns (Execution memory) {
        return execution_;
    }

    /// @notice Only once: a vault that should do something else is another vault.
    function setStrategy(IStrategy value) external onlyOwner {
        if (address(strategy) != address(0)) revert StrategyExists(address(strategy));
        if (value.vault() != address(this) || value.asset() != asset()) revert StrategyMismatch(address(value));
        strategy = value;
        emit StrategySet(address(value));
    }

    function setLimits(Limits calldata value) external onlyOwner {
        _setLimits(value);
    }

    function setFees(Fees calldata value) external onlyOwner {
        _setFees(value);
    }

    function setTriggers(Triggers calldata value) external onlyOwner {
        _setTriggers(value);
    }

    function setExecution(Execution calldata value) external onlyOwner {
        _setExecution(value);
    }

    /// @notice Believes what the strategy says now, where its rise is known to be real.
    function acceptSharePrice() external onlyOwner {
        _acceptPrice();
    }

    function _setLimits(Limits memory value) internal {
        _requireWithin(value.depositCap, 0, HIGHEST_CAP);
        _requireWithin(value.entryFee, 0, HIGHEST_TRANSFER_FEE);
        _requireWithin(value.exitFee, 0, HIGHEST_TRANSFER_FEE);
        _requireWithin(value.withdrawalDelay, 0, LONGEST_DELAY);
        _requireWithin(value.maxGrowth, 0, HIGHEST_GROWTH);
        _requireWithin(value.maxDrop, 0, HIGHEST_GROWTH);
        _storeLimits(value);
    }

    function _setFees(Fees memory value) internal {
        _requireWithin(value.management, 0, HIGHEST_MANAGEMENT_FEE);
        _requireWithin(value.performance, 0, HIGHEST_PERFORMANCE_FEE);
        if (value.recipient == address(0)) revert NoRecipient();
        _storeFees(value);
    }

    function _setTriggers(Triggers memory value) internal {
        _requireWithin(value.band, SMALLEST_BAND, HIGHEST_BAND);
        _requireWithin(value.priceMove, 0, HIGHEST_BAND);
        _requireWithin(value.interval, 0, LONGEST_INTERVAL);
        _requireWithin(value.marginFloor, 0, HIGHEST_MARGIN);
        if (value.marginCeiling != 0) _requireWithin(value.marginCeiling, value.marginFloor, HIGHEST_MARGIN);
        _requireWithin(value.idleBand, 0, WAD);
        triggers_ = value;
        emit TriggersSet(value);
    }

    function _setExecution(Execution memory value) internal {
        _requireWithin(value.cooldown, 0, LONGEST_COOLDOWN);
        _requireWithin(value.maxSlippage, 0, HIGHEST_SLIPPAGE);
        _requireWithin(value.maxTrade, 0, HIGHEST_BAND);
        _requireWithin(value.buffer, 0, HIGHEST_BUFFER);
        _requireWithin(value.tip, 0, HIGHEST_TIP);
        execution_ = value;
        emit ExecutionSet(value);
    }
}
