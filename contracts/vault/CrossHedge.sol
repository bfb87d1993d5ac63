// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {ConstantProductPool} from "../amm/ConstantProductPool.sol";
import {IPerpMarket} from "../interfaces/IPerpMarket.sol";
import {IPrice} from "../interfaces/IPrice.sol";
import {PerpHedge} from "./PerpHedge.sol";

/// @title Spot hedged in the perpetual of another asset, by the ratio of least variance.
/// @notice With a the return of spot and b that of the hedge, a - h b varies least at h = cov(a, b) / var(b). A keeper
/// sets h within bounds, or it is estimated here from rounds of both feeds: anybody calls `observe` once both have a
/// newer round and `interval` has passed. Each pair of returns counts 1/n until `window` of them are seen and 1/window
/// from then on, so older ones fade. The mean is taken as zero, as it is over short intervals.
contract CrossHedge is PerpHedge {
    using FixedPointMathLib for uint256;

    struct Estimate {
        uint256 minRatio; // [wad]
        uint256 maxRatio; // [wad]
        uint256 interval; // [s] between observations
        uint256 window; // observations
        uint256 fewest; // observations before the estimate counts
        bool onChain; // whether the estimate counts, or what the keeper set
    }

    uint256 private constant HIGHEST_RATIO = 5e18; // [wad]
    uint256 private constant LONGEST_INTERVAL = 30 days;
    uint256 private constant LONGEST_WINDOW = 100_000;
    int256 private constant HIGHEST_RETURN = 1e18; // [wad] a larger one counts as this

    Estimate private estimate_;
    address public keeper;
    uint256 public keeperRatio; // [wad]

    uint256 public observations;
    uint256 public observedAt; // [unix s]
    int256 public covariance; // [wad] of one observation's returns
    uint256 public variance; // [wad] of one observation's return of the hedge
    uint256 private spotBefore; // [wad] price
    uint256 private hedgeBefore; // [wad] price
    uint256 private spotRound; // [unix s]
    uint256 private hedgeRound; // [unix s]

    event EstimateSet(Estimate estimate);
    event KeeperSet(address keeper);
    event HedgeRatioSet(uint256 ratio);

    /// @param spotReturn [wad]
    /// @param hedgeReturn [wad]
    /// @param ratio [wad] estimated now, before bounds
    event Observed(int256 spotReturn, int256 hedgeReturn, uint256 ratio);

    error NotKeeper(address caller);

    /// @param until [unix s] or the round that must be newer
    error TooEarly(uint256 until);

    /// @param ratio [wad] the keeper's first
    constructor(
        address vault_,
        address dollar_,
        address spotToken_,
        IPrice spotFeed_,
        IPerpMarket market_,
        ConstantProductPool pool_,
        uint256 depthLoss_,
        Shape memory shape__,
        Estimate memory estimate__,
        uint256 ratio
    ) PerpHedge(vault_, dollar_, spotToken_, spotFeed_, market_, pool_, depthLoss_, shape__) {
        keeper = msg.sender;
        _setEstimate(estimate__);
        _setHedgeRatio(ratio);
    }

    /// @inheritdoc PerpHedge
    function hedgeRatio() public view override returns (uint256) {
        Estimate storage e = estimate_;
        if (e.onChain && observations >= e.fewest) return estimatedRatio().clamp(e.minRatio, e.maxRatio);
        return keeperRatio.clamp(e.minRatio, e.maxRatio);
    }

    /// @return ratio [wad] of least variance among what was observed, 0 where it is negative or nothing was
    function estimatedRatio() public view returns (uint256 ratio) {
        if (variance == 0 || covariance <= 0) return 0;
        return uint256(covariance).fullMulDiv(WAD, variance);
    }

    function estimate() external view returns (Estimate memory) {
        return estimate_;
    }

    /// @notice Takes one pair of returns from the newest rounds of both feeds. Anyone may call it.
    function observe() external {
        if (block.timestamp < observedAt + estimate_.interval) revert TooEarly(observedAt + estimate_.interval);
        (uint256 spot, uint256 spotAt) = spotFeed.price();
        (uint256 hedge, uint256 hedgeAt) = market.indexFeed().price();
        if (spotAt <= spotRound) revert TooEarly(spotRound);
        if (hedgeAt <= hedgeRound) revert TooEarly(hedgeRound);
        if (observedAt != 0) _count(_return(spotBefore, spot), _return(hedgeBefore, hedge));
        (spotBefore, hedgeBefore, spotRound, hedgeRound) = (spot, hedge, spotAt, hedgeAt);
        observedAt = block.timestamp;
    }

    /// @param ratio [wad] within the bounds
    function setHedgeRatio(uint256 ratio) external {
        if (msg.sender != keeper) revert NotKeeper(msg.sender);
        _setHedgeRatio(ratio);
    }

    function setKeeper(address value) external onlyOwner {
        keeper = value;
        emit KeeperSet(value);
    }

    function setEstimate(Estimate calldata value) external onlyOwner {
        _setEstimate(value);
    }

    function _count(int256 a, int256 b) private {
        int256 weight = int256((++observations).min(estimate_.window));
        covariance += (a * b / int256(WAD) - covariance) / weight;
        variance = uint256(int256(variance) + (b * b / int256(WAD) - int256(variance)) / weight);
        emit Observed(a, b, estimatedRatio());
    }

    function _return(uint256 before, uint256 now_) private pure returns (int256 change) {
        change = (int256(now_) - int256(before)) * int256(WAD) / int256(before);
        return change > HIGHEST_RETURN ? HIGHEST_RETURN : change;
    }

    function _setHedgeRatio(uint256 ratio) private {
        _requireWithin(ratio, estimate_.minRatio, estimate_.maxRatio);
        keeperRatio = ratio;
        emit HedgeRatioSet(ratio);
    }

    function _setEstimate(Estimate memory value) private {
        _requireWithin(value.maxRatio, 1, HIGHEST_RATIO);
        _requireWithin(value.minRatio, 0, value.maxRatio);
        _requireWithin(value.interval, 1, LONGEST_INTERVAL);
        _requireWithin(value.window, 2, LONGEST_WINDOW);
        _requireWithin(value.fewest, 1, value.window);
        estimate_ = value;
        emit EstimateSet(value);
    }
}
