// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {IAggregatorV3} from "../interfaces/IAggregatorV3.sol";
import {IDecimals} from "../interfaces/IDecimals.sol";
import {IPrice} from "../interfaces/IPrice.sol";
import {IVarianceSwap} from "../interfaces/IVarianceSwap.sol";
import {BlackScholes} from "../math/BlackScholes.sol";
import {Bounded} from "../math/Bounded.sol";
import {Guarded} from "../perps/Guarded.sol";

/// @title Variance swaps on one feed.
contract VarianceSwap is IVarianceSwap, Bounded, Guarded {
    using FixedPointMathLib for *;
    using SafeTransferLib for address;

    uint256 private constant WAD = 1e18;
    uint256 private constant MOST_SAMPLES = 1_000;

    struct Outcome {
        bool known;
        uint256 toLong; // [money wad]
        uint256 toShort; // [money wad]
    }

    address public immutable moneyToken;
    uint256 public immutable moneyUnit; // [wad] of the smallest amount
    IAggregatorV3 public immutable feed;
    uint256 private immutable toWad; // [wad per unit of an answer]
    uint256 public immutable interval; // [s] between samples
    uint256 public immutable maxAge; // [s] of a round at its sample
    uint256 public immutable cap; // [wad] strike variances that realised variance counts at most

    uint256 public count; // of swaps ever offered
    mapping(uint256 id => Swap) private swaps;
    mapping(uint256 id => Outcome) private outcomes;

    /// @param interval_ [s] a minute to a week
    /// @param maxAge_ [s] interval_ at most
    /// @param cap_ [wad] above 1, 100 at most
    constructor(address token, IAggregatorV3 feed_, uint256 interval_, uint256 maxAge_, uint256 cap_) {
        uint256 decimals = IDecimals(token).decimals();
        _requireWithin(decimals, 6, 18);
        _requireWithin(feed_.decimals(), 0, 18);
        _requireWithin(interval_, 1 minutes, 7 days);
        _requireWithin(maxAge_, 0, interval_);
        _requireWithin(cap_, WAD + 1, 100e18);
        (moneyToken, moneyUnit) = (token, 10 ** (18 - decimals));
        (feed, toWad) = (feed_, 10 ** (18 - feed_.decimals()));
        (interval, maxAge, cap) = (interval_, maxAge_, cap_);
    }

    // ---------------------------------------------------------------- actions

    /// @inheritdoc IVarianceSwap
    function offer(bool makerIsLong, uint256 start, uint256 samples, uint256 strike, uint256 notional)
        external
        override
        guarded
        returns (uint256 id)
    {
        if (start <= block.timestamp) revert Started(start, block.timestamp);
        _requireWithin(start, 0, block.timestamp + 365 days);
        _requireWithin(samples, 1, MOST_SAMPLES);
        _requireWithin(strike, 1e12, 100e18);
        _requireWithin(notional, 1e15, 1e33);
        id = ++count;
        Swap storage s = swaps[id];
        if (makerIsLong) s.long = msg.sender;
        else s.short = msg.sender;
        (s.start, s.end, s.samples) = (start, start + samples * interval, samples);
        (s.strike, s.notional) = (strike, notional);
        _pull(_collateral(s, makerIsLong));
        emit SwapOffered(id, msg.sender, makerIsLong);
    }

    /// @inheritdoc IVarianceSwap
    function take(uint256 id) external override guarded {
        Swap storage s = _swap(id);
        if (s.long != address(0) && s.short != address(0)) revert AlreadyTaken(id);
        if (s.start <= block.timestamp) revert Started(s.start, block.timestamp);
        bool isLong = s.long == address(0);
        if (isLong) s.long = msg.sender;
        else s.short = msg.sender;
        _pull(_collateral(s, isLong));
        emit SwapTaken(id, msg.sender);
    }

    /// @inheritdoc IVarianceSwap
    function cancel(uint256 id) external override guarded {
        Swap storage s = _swap(id);
        if (s.long != address(0) && s.short != address(0)) revert AlreadyTaken(id);
        bool isLong = s.long != address(0);
        address maker = isLong ? s.long : s.short;
        if (maker != msg.sender) revert NotMaker(msg.sender, maker);
        uint256 amount = _collateral(s, isLong);
        delete swaps[id];
        _push(maker, amount);
        emit SwapCancelled(id);
    }

    /// @inheritdoc IVarianceSwap
    function sample(uint256 id, uint80 roundId) external override {
        Swap storage s = _swap(id);
        uint256 place = s.lastPrice == 0 ? 0 : s.sampled + 1;
        if (place > s.samples) revert AlreadySampled(id);
        uint256 due = s.start + place * interval;
        (uint256 price, uint256 age) = _roundAt(due, roundId);
        bool stale = age > maxAge;
        // The first sample is where counting begins, however old its round.
        if (place != 0) {
            s.sampled = place;
            if (!stale) s.sum += _square(s.lastPrice, price);
        }
        if (!stale || place == 0) s.lastPrice = price;
        emit SwapSampled(id, place, price, s.sum, stale);
    }

    /// @inheritdoc IVarianceSwap
    function settle(uint256 id) external override guarded returns (uint256 toLong, uint256 toShort) {
        Swap memory s = _swap(id);
        if (s.sampled != s.samples) revert NotSampled(s.sampled, s.samples);
        (toLong, toShort) = _payouts(s, _realised(s));
        delete swaps[id];
        outcomes[id] = Outcome(true, toLong, toShort);
        emit SwapSettled(id, _realised(s), toLong, toShort);
        _push(s.long, toLong);
        _push(s.short, toShort);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IVarianceSwap
    function previewSettle(uint256 id) external view override returns (uint256 toLong, uint256 toShort) {
        Swap memory s = _swap(id);
        return _payouts(s, _realised(s));
    }

    /// @inheritdoc IVarianceSwap
    function previewAt(uint256 id, uint256 moves) external view override returns (uint256 toLong, uint256 toShort) {
        Swap memory s = _swap(id);
        return _payouts(s, (s.sum + moves).fullMulDiv(BlackScholes.YEAR, s.samples * interval));
    }

    /// @inheritdoc IVarianceSwap
    function isSettled(uint256 id) external view override returns (bool) {
        return outcomes[id].known;
    }

    /// @inheritdoc IVarianceSwap
    function outcomeOf(uint256 id) external view override returns (uint256 toLong, uint256 toShort) {
        if (!outcomes[id].known) revert NoSwap(id);
        return (outcomes[id].toLong, outcomes[id].toShort);
    }

    /// @inheritdoc IVarianceSwap
    function realisedOf(uint256 id) external view override returns (uint256) {
        return _realised(_swap(id));
    }

    /// @inheritdoc IVarianceSwap
    function collateralOf(uint256 strike, uint256 notional)
        public
        view
        override
        returns (uint256 ofLong, uint256 ofShort)
    {
        ofLong = _roundUp(_worthUp(strike, strike, notional));
        ofShort = _roundUp(_worthUp(strike.fullMulDivUp(cap - WAD, WAD), strike, notional));
    }

    /// @inheritdoc IVarianceSwap
    function swapOf(uint256 id) external view override returns (Swap memory) {
        return _swap(id);
    }

    // ---------------------------------------------------------------- private

    function _swap(uint256 id) private view returns (Swap storage s) {
        s = swaps[id];
        if (s.samples == 0) revert NoSwap(id);
    }

    /// @dev [wad] The square of the logarithm of what a price moved by.
    function _square(uint256 from, uint256 to) private pure returns (uint256) {
        uint256 move = BlackScholes.logRatio(to, from).abs();
        return move * move / WAD;
    }

    /// @dev [wad per year]
    function _realised(Swap memory s) private view returns (uint256) {
        return s.sampled == 0 ? 0 : s.sum.fullMulDiv(BlackScholes.YEAR, s.sampled * interval);
    }

    /// @dev [money wad] of a difference of variances: of the notional, over twice the strike volatility.
    function _worthUp(uint256 variance, uint256 strike, uint256 notional) private pure returns (uint256) {
        return notional.fullMulDivUp(variance, 2 * (strike * WAD).sqrt());
    }

    function _collateral(Swap memory s, bool ofLong) private view returns (uint256) {
        (uint256 long, uint256 short) = collateralOf(s.strike, s.notional);
        return ofLong ? long : short;
    }

    /// @dev Both together get what both posted, to the unit.
    function _payouts(Swap memory s, uint256 realised) private view returns (uint256 toLong, uint256 toShort) {
        (uint256 ofLong, uint256 ofShort) = collateralOf(s.strike, s.notional);
        if (s.long == address(0)) return (0, ofShort);
        if (s.short == address(0)) return (ofLong, 0);
        uint256 counted = realised.min(s.strike.fullMulDiv(cap, WAD));
        uint256 moved = _worthUp(counted.dist(s.strike), s.strike, s.notional);
        moved -= moved % moneyUnit;
        if (counted > s.strike) {
            moved = moved.min(ofShort);
            return (ofLong + moved, ofShort - moved);
        }
        moved = moved.min(ofLong);
        return (ofLong - moved, ofShort + moved);
    }

    /// @dev The last round at or before a time.
    /// @return price [wad]
    /// @return age [s] then
    function _roundAt(uint256 due, uint80 roundId) private view returns (uint256 price, uint256 age) {
        if (block.timestamp < due) revert SampleNotDue(due, block.timestamp);
        (, int256 answer,, uint256 updatedAt,) = feed.getRoundData(roundId);
        if (updatedAt > due) revert WrongRound(roundId, updatedAt, due);
        if (answer <= 0 || uint256(answer) > type(uint96).max) revert IPrice.InvalidAnswer(answer);
        (uint80 newest,,,,) = feed.latestRoundData();
        if (newest != roundId) {
            (,,, uint256 next,) = feed.getRoundData(roundId + 1);
            if (next <= due) revert WrongRound(roundId, updatedAt, due);
        }
        return (uint256(answer) * toWad, due - updatedAt);
    }

    function _roundUp(uint256 amount) private view returns (uint256) {
        return amount.divUp(moneyUnit) * moneyUnit;
    }

    function _pull(uint256 amount) private {
        uint256 units = amount / moneyUnit;
        uint256 before = moneyToken.balanceOf(address(this));
        moneyToken.safeTransferFrom(msg.sender, address(this), units);
        uint256 received = moneyToken.balanceOf(address(this)) - before;
        if (received != units) revert TransferShort(received, units);
    }

    function _push(address to, uint256 amount) private {
        if (amount != 0) moneyToken.safeTransfer(to, amount / moneyUnit);
    }
}
