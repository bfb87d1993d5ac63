// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeCastLib} from "solady/src/utils/SafeCastLib.sol";
import {IPerpMarket} from "../interfaces/IPerpMarket.sol";

/// @title What one unit of size has paid in funding since the start.
/// @notice The index price and the skew are taken to have stood still since the last update. That is so of the skew,
/// which moves only in updates; of the price it is the newest that there is. Nothing here loops over time: a gap of days
/// is one formula.
abstract contract PerpFunding {
    using FixedPointMathLib for *;
    using SafeCastLib for *;

    int256 private constant ONE_WAD = 1e18;
    int256 private constant ONE_DAY = 1 days;

    struct FundingState {
        int256 index; // [margin ray per size]
        uint256 updatedAt; // [unix s]
        uint256 intervalStart; // [unix s] of the interval that is not yet charged
        int256 premiumTime; // [wad * s] integral of the premium over that interval until updatedAt
        int256 dayRate; // [wad per day * s per day] of the velocity mode, so that seconds times velocity is exact
    }

    /// @dev How it is stored.
    struct PackedFunding {
        int128 index;
        uint64 updatedAt;
        uint64 intervalStart;
        int128 premiumTime;
        int128 dayRate;
    }

    function _loadFunding(PackedFunding storage p) internal view returns (FundingState memory s) {
        (s.index, s.updatedAt, s.intervalStart) = (p.index, p.updatedAt, p.intervalStart);
        (s.premiumTime, s.dayRate) = (p.premiumTime, p.dayRate);
    }

    function _saveFunding(PackedFunding storage p, FundingState memory s) internal {
        (p.index, p.updatedAt, p.intervalStart) = (s.index.toInt128(), uint64(s.updatedAt), uint64(s.intervalStart));
        (p.premiumTime, p.dayRate) = (s.premiumTime.toInt128(), s.dayRate.toInt128());
    }

    /// @notice The state brought up to now.
    /// @param premium [wad] since the last update
    /// @param worth [margin ray] of one unit of size at the index price, without sign
    function _nextFunding(FundingState memory s, IPerpMarket.FundingConfig memory cfg, int256 premium, uint256 worth)
        internal
        view
        returns (FundingState memory)
    {
        if (s.updatedAt == block.timestamp) return s;
        int256 twiceArea = cfg.mode == IPerpMarket.FundingMode.Velocity
            ? _ramp(s, cfg, premium)
            : _chargeIntervals(s, cfg, premium) * (2 * ONE_DAY);
        s.index += twiceArea * worth.toInt256() / (2 * ONE_DAY * ONE_DAY * ONE_WAD);
        s.updatedAt = block.timestamp;
        return s;
    }

    /// @notice The rate of this moment, of a state brought up to now.
    /// @return rate [wad per day]
    function _rateOf(FundingState memory s, IPerpMarket.FundingConfig memory cfg, int256 premium)
        internal
        pure
        returns (int256)
    {
        return cfg.mode == IPerpMarket.FundingMode.Velocity ? s.dayRate / ONE_DAY : _premiumRate(cfg, premium);
    }

    /// @dev [wad per day] (P + clamp(r - P, -c, c)) in a period, within the bound.
    function _premiumRate(IPerpMarket.FundingConfig memory cfg, int256 premium) private pure returns (int256) {
        int256 c = int256(cfg.clamp);
        int256 inPeriod = premium + (cfg.interest - premium).clamp(-c, c);
        int256 most = int256(cfg.maxRate);
        return (inPeriod * ONE_DAY / int256(cfg.period)).clamp(-most, most);
    }

    /// @dev [wad per day * s] The interval that was open goes by its mean premium, the whole ones after it by the
    /// premium of now, and what is left of time waits for its end.
    function _chargeIntervals(FundingState memory s, IPerpMarket.FundingConfig memory cfg, int256 premium)
        private
        view
        returns (int256 area)
    {
        uint256 end = s.intervalStart + cfg.interval;
        if (block.timestamp < end) {
            s.premiumTime += premium * int256(block.timestamp - s.updatedAt);
            return 0;
        }
        int256 length = int256(cfg.interval);
        int256 mean = (s.premiumTime + premium * int256(end - s.updatedAt)) / length;
        uint256 whole = (block.timestamp - end) / cfg.interval;
        area = _premiumRate(cfg, mean) * length + _premiumRate(cfg, premium) * length * int256(whole);
        s.intervalStart = end + whole * cfg.interval;
        s.premiumTime = premium * int256(block.timestamp - s.intervalStart);
    }

    /// @dev [wad per day * s per day * s], twice the area under a rate that rises or falls in a straight line and stops
    /// at its bound. With r the rate, b the bound, v the velocity and t the time, the area is r t + v t^2 / 2 before the
    /// bound is reached, else b t - (b - r)^2 / (2 v).
    function _ramp(FundingState memory s, IPerpMarket.FundingConfig memory cfg, int256 premium)
        private
        view
        returns (int256)
    {
        int256 t = int256(block.timestamp - s.updatedAt);
        int256 v = premium.clamp(-ONE_WAD, ONE_WAD) * int256(cfg.maxVelocity) / ONE_WAD;
        int256 r = s.dayRate;
        int256 b = int256(cfg.maxRate) * ONE_DAY;
        if (v < 0) b = -b;
        int256 reached = r + v * t;
        if (v == 0 || (v > 0 ? reached <= b : reached >= b)) {
            s.dayRate = reached;
            return 2 * r * t + v * t * t;
        }
        s.dayRate = b;
        return 2 * b * t - (b - r) * (b - r) / v;
    }
}
