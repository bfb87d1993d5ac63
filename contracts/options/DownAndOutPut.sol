// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {IAggregatorV3} from "../interfaces/IAggregatorV3.sol";
import {IOptionKind} from "../interfaces/IOptionKind.sol";
import {BlackScholes} from "../math/BlackScholes.sol";
import {Bounded} from "../math/Bounded.sol";
import {Normal} from "../math/Normal.sol";
import {OptionId} from "./OptionId.sol";

/// @title A put that dies when a round of the feed is at or below its barrier, a fixed part of its strike.
/// @notice An example of how the option market is extended. Rounds count from when somebody first had the series watched
/// until its expiry, and anybody may show one; until `reportTime` after expiry the payoff of a living one is not certain.
/// @dev Priced as if watched without pause (Reiner and Rubinstein 1991): the plain put less the one that the barrier
/// brings to life, by the mirror image of spot in the barrier. Reliable while carry is small against variance.
contract DownAndOutPut is IOptionKind, Bounded {
    using FixedPointMathLib for *;

    int256 private constant ONE = 1e18;
    int256 private constant HIGHEST_EXPONENT = 40e18; // [wad]

    IAggregatorV3 public immutable feed;
    uint256 public immutable barrierRatio; // [wad] of the strike
    uint256 public immutable reportTime; // [s]
    uint256 private immutable toWad; // [wad per unit of an answer]

    mapping(uint256 id => uint256) public watchedSince; // [unix s] 0 = never
    mapping(uint256 id => bool) public isOut;

    event Watched(uint256 indexed id);
    event KnockedOut(uint256 indexed id, uint256 price, uint256 barrier, uint256 roundId);

    error AlreadyWatched(uint256 id, uint256 since);

    /// @param updatedAt [unix s] of the round
    /// @param since [unix s] from when rounds count, 0 = never
    error RoundNotCounted(uint256 updatedAt, uint256 since, uint256 expiry);
    error AboveBarrier(int256 answer, uint256 barrier);

    /// @dev What the formula is made of, all [wad].
    struct Mirror {
        int256 forward; // present value
        int256 strike; // present value
        int256 deviation;
        int256 drifted; // lambda times deviation
        int256 image; // (barrier / spot)^(2 lambda)
        int256 logBarrier; // ln(barrier / spot)
        int256 logStrike; // ln(barrier / strike)
    }

    /// @param feed_ whose rounds are watched
    /// @param barrierRatio_ [wad] from 0.01 to below 1
    /// @param reportTime_ [s] a day at most
    constructor(IAggregatorV3 feed_, uint256 barrierRatio_, uint256 reportTime_) {
        _requireWithin(barrierRatio_, 0.01e18, 1e18 - 1);
        _requireWithin(reportTime_, 0, 1 days);
        _requireWithin(feed_.decimals(), 0, 18);
        (feed, barrierRatio, reportTime) = (feed_, barrierRatio_, reportTime_);
        toWad = 10 ** (18 - feed_.decimals());
    }

    /// @notice Begins to count rounds of a series. Anybody may, once.
    function watch(uint256 id) external {
        if (watchedSince[id] != 0) revert AlreadyWatched(id, watchedSince[id]);
        watchedSince[id] = block.timestamp;
        emit Watched(id);
    }

    /// @notice Shows a round at or below the barrier. Anybody may.
    function knockOut(uint256 id, uint80 roundId) external {
        (uint256 expiry,,) = OptionId.unpack(id);
        (, int256 answer,, uint256 updatedAt,) = feed.getRoundData(roundId);
        uint256 since = watchedSince[id];
        if (since == 0 || updatedAt < since || updatedAt > expiry) revert RoundNotCounted(updatedAt, since, expiry);
        uint256 barrier = barrierOf(id);
        if (answer <= 0 || uint256(answer) * toWad > barrier) revert AboveBarrier(answer, barrier);
        isOut[id] = true;
        emit KnockedOut(id, uint256(answer) * toWad, barrier, roundId);
    }

    /// @return [wad]
    function barrierOf(uint256 id) public view returns (uint256) {
        (, uint256 strike,) = OptionId.unpack(id);
        return strike.fullMulDiv(barrierRatio, 1e18);
    }

    /// @inheritdoc IOptionKind
    function isCertain(uint256 id) external view override returns (bool) {
        (uint256 expiry,,) = OptionId.unpack(id);
        return isOut[id] || block.timestamp >= expiry + reportTime;
    }

    /// @inheritdoc IOptionKind
    function payoff(uint256 id, uint256 price) external view override returns (uint256) {
        (, uint256 strike,) = OptionId.unpack(id);
        return isOut[id] || price <= barrierOf(id) ? 0 : strike.zeroFloorSub(price);
    }

    /// @inheritdoc IOptionKind
    function mostPaid(uint256 id) external view override returns (uint256) {
        (, uint256 strike,) = OptionId.unpack(id);
        return strike - barrierOf(id);
    }

    /// @inheritdoc IOptionKind
    function value(uint256 id, BlackScholes.Terms calldata t) external view override returns (uint256) {
        uint256 barrier = barrierOf(id);
        if (isOut[id] || t.spot <= barrier) return 0;
        (, uint256 put) = BlackScholes.prices(t);
        int256 left = int256(put) - _broughtToLife(t, barrier);
        return uint256(left.clamp(0, int256(put)));
    }

    /// @dev [wad] The value of the put that begins to live at the barrier.
    function _broughtToLife(BlackScholes.Terms calldata t, uint256 barrier) private pure returns (int256) {
        Mirror memory m = _mirror(t, barrier);
        int256 atBarrier = (-m.logBarrier).sDivWad(m.deviation) + m.drifted;
        int256 toStrike = (m.logBarrier + m.logStrike).sDivWad(m.deviation) + m.drifted;
        int256 toBarrier = m.logBarrier.sDivWad(m.deviation) + m.drifted;
        int256 plain = m.strike * Normal.cdf(m.deviation - atBarrier) - m.forward * Normal.cdf(-atBarrier);
        int256 mirrored = m.forward * (Normal.cdf(toStrike) - Normal.cdf(toBarrier)) / ONE * m.image;
        // (barrier / spot)^(2 lambda - 2)
        int256 second = m.image * int256(t.spot) / int256(barrier) * int256(t.spot) / int256(barrier);
        int256 ofStrike =
            m.strike * (Normal.cdf(toStrike - m.deviation) - Normal.cdf(toBarrier - m.deviation)) / ONE * second;
        return (plain + mirrored - ofStrike) / ONE;
    }

    function _mirror(BlackScholes.Terms calldata t, uint256 barrier) private pure returns (Mirror memory m) {
        m.forward = int256(t.spot) * BlackScholes.discount(t.carry, t.time) / ONE;
        m.strike = int256(t.strike) * BlackScholes.discount(t.rate, t.time) / ONE;
        m.deviation = int256(BlackScholes.deviationOf(t.volatility, t.time) / 1e9).max(1);
        int256 variance = int256(t.volatility * t.volatility / 1e18).max(1);
        int256 lambda = (t.rate - t.carry).sDivWad(variance) + ONE / 2;
        m.drifted = lambda * m.deviation / ONE;
        m.logBarrier = BlackScholes.logRatio(barrier, t.spot);
        m.logStrike = BlackScholes.logRatio(barrier, t.strike);
        m.image = (2 * lambda * m.logBarrier / ONE).clamp(-HIGHEST_EXPONENT, HIGHEST_EXPONENT).expWad();
    }
}
