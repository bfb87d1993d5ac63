// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "solady/src/auth/Ownable.sol";
import {IPrice} from "../interfaces/IPrice.sol";

/// @title A feed whose source its owner may exchange.
/// @notice For consumers that are there before their source is: a pool has no price until somebody has borrowed what
/// it trades.
contract FeedSwitch is IPrice, Ownable {
    IPrice public source;

    event SourceSet(address source);

    /// @param source_ the first source, which has a price now
    constructor(IPrice source_) {
        _initializeOwner(msg.sender);
        _setSource(source_);
    }

    /// @param value the next source, which has a price now
    function setSource(IPrice value) external onlyOwner {
        _setSource(value);
    }

    /// @inheritdoc IPrice
    function price() external view override returns (uint256 wad, uint256 updatedAt) {
        return source.price();
    }

    /// @inheritdoc IPrice
    function lastPrice() external view override returns (uint256 wad, uint256 updatedAt) {
        return source.lastPrice();
    }

    function _setSource(IPrice value) private {
        value.price();
        source = value;
        emit SourceSet(address(value));
    }
}
