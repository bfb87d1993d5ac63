// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "solady/src/auth/Ownable.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {IPrice} from "../interfaces/IPrice.sol";
import {PerpLedger} from "./PerpLedger.sol";

/// @title The owner's part of a perp market: its parameters, each within bounds, and the switches for an outage.
/// @notice A change acts on open positions at once; funding until now is charged by the old rule.
abstract contract PerpGovernance is PerpLedger, Ownable {
    uint256 private constant HIGHEST_FEE = 0.1e18; // [wad]
    uint256 private constant LARGEST_SIZE = 1e33; // [size wad]
    uint256 private constant LARGEST_AMOUNT = 1e36; // [margin wad]
    uint256 private constant LONGEST_WAIT = 7 days; // [s]
    uint256 private constant HIGHEST_RATE = 10e18; // [wad per day]
    uint256 private constant HIGHEST_VELOCITY = 100e18; // [wad per day per day]

    bool public override paused;
    bool public override withdrawalsPaused;
    bool public override liquidationsPaused;

    error SatellitesKnown();

    constructor(address feed) {
        _initializeOwner(msg.sender);
        _setFeed(feed);
    }

    /// @notice Names the pool and the backstop, once and for all.
    function setSatellites(address pool_, address backstop_) external onlyOwner {
        if (pool != address(0)) revert SatellitesKnown();
        (pool, backstop) = (pool_, backstop_);
        emit SatellitesSet(pool_, backstop_);
    }

    /// @notice Funding until now goes by the new feed's price, so that a dead feed can be exchanged.
    /// @param feed an IPrice that has a price now
    function setFeed(address feed) external onlyOwner {
        _setFeed(feed);
        _accrue();
    }

    /// @param m.initialRatio [wad] above maintenanceRatio, 1 at most
    /// @param m.maintenanceRatio [wad] above liquidationFee
    /// @param m.liquidationFee [wad] 0.1 at most
    /// @param m.liquidatorShare [wad] 1 at most
    function setMargin(MarginConfig calldata m) external onlyOwner {
        _setMargin(m);
    }

    /// @param f.tradeFee [wad] 0.1 at most
    /// @param f.fundShare [wad] 1 at most
    function setFees(FeeConfig calldata f) external onlyOwner {
        _setFees(f);
    }

    /// @param l.skewScale [size wad] at least twice the open interest of either side, so that prices stay positive
    /// @param l.maxOpenInterest [size wad] half of skewScale at most
    /// @param l.maxSkew [size wad] maxOpenInterest at most
    /// @param l.capitalRatio [wad] 10 at most
    function setLimits(LimitConfig calldata l) external onlyOwner {
        _accrueForOwner();
        _setLimits(l);
    }

    /// @param o.delay [s] a week at most
    /// @param o.lifetime [s] a week at most
    /// @param o.tip [margin wad]
    function setOrders(OrderConfig calldata o) external onlyOwner {
        _setOrders(o);
    }

    /// @param f.maxRate [wad per day] 10 at most
    /// @param f.period [s] a minute to a week
    /// @param f.interval [s] a second to a week
    /// @param f.interest [wad per period] 0.1 at most, either way
    /// @param f.clamp [wad per period] 1 at most
    /// @param f.maxVelocity [wad per day per day] 100 at most
    function setFunding(FundingConfig calldata f) external onlyOwner {
        _accrueForOwner();
        _setFunding(f);
    }

    /// @param trading whether trades and orders are refused
    /// @param withdrawals whether withdrawals of accounts and of the pool are refused
    /// @param liquidations whether liquidations are refused
    function setPause(bool trading, bool withdrawals, bool liquidations) external onlyOwner {
        (paused, withdrawalsPaused, liquidationsPaused) = (trading, withdrawals, liquidations);
        emit PauseSet(trading, withdrawals, liquidations);
    }

    /// @dev By the newest price, however old: parameters can be mended while the feed is stale.
    function _accrueForOwner() private {
        (uint256 price,) = indexFeed.lastPrice();
        _requirePrice(price);
        _accrueAt(_worth(price));
    }

    function _setFeed(address feed) internal {
        indexFeed = IPrice(feed);
        _index();
        emit FeedSet(feed);
    }

    function _setMargin(MarginConfig memory m) internal {
        _requireWithin(m.liquidationFee, 0, HIGHEST_FEE);
        _requireWithin(m.maintenanceRatio, m.liquidationFee + 1, WAD);
        _requireWithin(m.initialRatio, m.maintenanceRatio + 1, WAD);
        _requireWithin(m.liquidatorShare, 0, WAD);
        _requireWithin(m.wholeBelow, 0, LARGEST_AMOUNT);
        marginRules = m;
        emit ParametersSet("margin");
    }

    function _setFees(FeeConfig memory f) internal {
        _requireWithin(f.tradeFee, 0, HIGHEST_FEE);
        _requireWithin(f.fundShare, 0, WAD);
        fees = f;
        emit ParametersSet("fee");
    }

    function _setLimits(LimitConfig memory l) internal {
        uint256 larger = FixedPointMathLib.max(longSize, shortSize);
        _requireWithin(l.skewScale, FixedPointMathLib.max(2 * larger, 1), 2 * LARGEST_SIZE);
        _requireWithin(l.maxOpenInterest, 0, l.skewScale / 2);
        _requireWithin(l.maxSkew, 0, l.maxOpenInterest);
        _requireWithin(l.capitalRatio, 0, 10e18);
        limits = l;
        emit ParametersSet("limit");
    }

    function _setOrders(OrderConfig memory o) internal {
        _requireWithin(o.delay, 0, LONGEST_WAIT);
        _requireWithin(o.lifetime, 1, LONGEST_WAIT);
        _requireWithin(o.tip, 0, LARGEST_AMOUNT);
        orderRules = o;
        emit ParametersSet("order");
    }

    /// @dev A change begins a new interval; what had passed of the one under way is charged to nobody.
    function _setFunding(FundingConfig memory f) internal {
        _requireWithin(f.maxRate, 0, HIGHEST_RATE);
        _requireWithin(f.period, 1 minutes, LONGEST_WAIT);
        _requireWithin(f.interval, 1, LONGEST_WAIT);
        _requireWithin(FixedPointMathLib.abs(f.interest), 0, 0.1e18);
        _requireWithin(f.clamp, 0, WAD);
        _requireWithin(f.maxVelocity, 0, HIGHEST_VELOCITY);
        fundingRules = f;
        (funding.intervalStart, funding.premiumTime) = (uint64(block.timestamp), 0);
        int256 most = int256(f.maxRate) * 1 days;
        funding.dayRate = int128(FixedPointMathLib.clamp(int256(funding.dayRate), -most, most));
        emit ParametersSet("funding");
    }
}
