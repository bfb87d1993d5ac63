// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {Ownable} from "solady/src/auth/Ownable.sol";
import {IAggregatorV3} from "../interfaces/IAggregatorV3.sol";
import {IPrice} from "../interfaces/IPrice.sol";
import {Bounded} from "../math/Bounded.sol";

/// @title A price that is withheld while the sequencer of a rollup is down, and for a grace time after its restart.
/// @notice While it is down nobody but the quickest can act, and the first price after it is news to everybody: the
/// grace lets borrowers act before their positions are sold.
contract SequencerGuard is IPrice, Ownable, Bounded {
    using FixedPointMathLib for uint256;

    uint256 private constant LONGEST_GRACE = 7 days;
    int256 private constant UP = 0;

    IPrice public immutable source;
    IAggregatorV3 public immutable uptime; // answers 0 up, 1 down, since startedAt

    uint256 public grace; // [s]

    event GraceSet(uint256 grace);

    /// @param source_ where prices come from
    /// @param uptime_ in the shape of Chainlink's sequencer uptime feeds
    /// @param grace_ [s] a week at most
    constructor(IPrice source_, IAggregatorV3 uptime_, uint256 grace_) {
        _initializeOwner(msg.sender);
        (source, uptime) = (source_, uptime_);
        _setGrace(grace_);
    }

    function setGrace(uint256 value) external onlyOwner {
        _setGrace(value);
    }

    /// @inheritdoc IPrice
    function price() external view override returns (uint256 wad, uint256 updatedAt) {
        _requireUp();
        return source.price();
    }

    /// @inheritdoc IPrice
    /// @dev An old price may be forgiven, a sequencer that is down is not.
    function lastPrice() external view override returns (uint256 wad, uint256 updatedAt) {
        _requireUp();
        return source.lastPrice();
    }

    /// @dev A round that began at 0 says that its feed knows nothing yet.
    function _requireUp() private view {
        (, int256 answer, uint256 since,,) = uptime.latestRoundData();
        bool settled = since != 0 && block.timestamp.zeroFloorSub(since) > grace;
        if (answer != UP || !settled) revert SequencerDown(since, grace);
    }

    function _setGrace(uint256 value) private {
        _requireWithin(value, 0, LONGEST_GRACE);
        grace = value;
        emit GraceSet(value);
    }
}
