// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IExpiryPrice} from "./IExpiryPrice.sol";
import {IOptionKind} from "./IOptionKind.sol";
import {IVolSurface} from "./IVolSurface.sol";

/// @title A market of European, cash-settled options, with a pool of depositors as everybody's counterparty.
///
/// @notice Units. Sizes are options as wads, each on one unit of the underlying. Money is the margin token's, as a wad;
/// amounts that enter or leave are truncated to whole units of the token. Base is the underlying's token, as a wad.
///
/// @notice Quotes. The surface gives the volatility of a strike. A shift, net options sold of that strike over `depth`,
/// moves it, and the spread is added for buyers and taken off for sellers; a trade fills at the shift after it. So
/// calls and puts of a strike keep parity in each quote, and no sequence of trades at one surface gains: what it costs is
/// at least the area under a rising curve.
///
/// @notice Writing. A short position has its own collateral: money, and for calls base, a unit of which covers a call. What
/// is not covered needs margin: initial to write, maintenance to stay. Who posts the most that can be lost is never
/// liquidated. A guarantor writes on its word, up to a credit.
///
/// @notice Losses fall in one order: the collateral of the position, the insurance fund, the pool's depositors, and then
/// those who are owed, each by the same share.
interface IOptionMarket {
    struct QuoteConfig {
        uint256 volatilitySpread; // [wad] relative, each way
        uint256 depth; // [size wad] net options of a strike that would double its volatility
        uint256 maxShift; // [wad] relative, each way
        uint256 tradeFee; // [wad] of the index price, for each option
        uint256 feeCap; // [wad] of the option's price, for each option
        uint256 fundShare; // [wad] of the fee, the rest is the pool's
    }

    struct MarginConfig {
        uint256 initialRatio; // [wad] of the index price, less what the option is out of the money
        uint256 minimumRatio; // [wad] of the index price, at least
        uint256 maintenanceRatio; // [wad] of the index price
        uint256 liquidationFee; // [wad] of the index price, for each option
        uint256 liquidatorShare; // [wad] of that fee, the rest is the fund's
    }

    struct LimitConfig {
        uint256 minSize; // [size wad] of a trade that does not close
        uint256 capitalRatio; // [wad] of the larger of strike and price at listing, bound for each option the pool sold
        uint256 cutoff; // [s] before expiry in which nothing is traded
        uint256 longestTime; // [s] to expiry of a new series
        uint256 baseDiscount; // [wad] off the index price, for whoever buys the pool's base
    }

    struct Position {
        int256 size; // [size wad]
        uint256 collateral; // [margin wad]
        uint256 base; // [base wad]
    }

    struct Series {
        bool listed;
        bool frozen; // its payoff is known
        uint256 longs; // [size wad]
        uint256 shorts; // [size wad]
        uint256 reserve; // [margin wad] bound for each option that the pool sold
        uint256 payoff; // [wad] for each option
        uint256 owed; // [margin wad] to longs that are not settled
    }

    // ----------------------------------------------------------------- events

    event Deposited(address indexed account, address indexed payer, uint256 amount);
    event Withdrawn(address indexed account, address indexed to, uint256 amount);
    event SeriesListed(uint256 indexed id, uint256 expiry, uint256 strike, uint256 kind);
    event SeriesDelisted(uint256 indexed id);

    /// @param price [wad] for each option, without the fee
    /// @param fee [margin wad]
    /// @param volatility [wad] factor of the surface's volatility that it was filled at
    event OptionTraded(
        address indexed account, uint256 indexed id, int256 sizeDelta, uint256 price, uint256 fee, uint256 volatility
    );
    event PositionChanged(address indexed account, uint256 indexed id, int256 size, uint256 collateral, uint256 base);

    /// @param cost [margin wad] of buying back
    /// @param deficit [margin wad] that the collateral did not cover
    event PositionLiquidated(
        address indexed account,
        uint256 indexed id,
        address indexed liquidator,
        uint256 size,
        uint256 cost,
        uint256 deficit
    );

    /// @param fromFund [margin wad]
    /// @param fromPool [margin wad]
    event LossAbsorbed(address indexed account, uint256 indexed id, uint256 fromFund, uint256 fromPool);
    event SeriesFrozen(uint256 indexed id, uint256 price, uint256 payoff, uint256 owed);

    /// @param amount [margin wad] paid to the account, negative where it paid
    /// @param base [base wad] paid by the account
    /// @param unpaid [margin wad] that it was owed and nobody had
    event PositionSettled(
        address indexed account, uint256 indexed id, int256 size, int256 amount, uint256 base, uint256 unpaid
    );
    event FundChanged(int256 change, uint256 fund);
    event PoolChanged(int256 change, int256 poolCash);
    event BaseSold(address indexed buyer, uint256 amount, uint256 paid);
    event ParametersSet(bytes32 what);
    event GuarantorSet(address indexed account, uint256 credit);
    event KindSet(uint256 indexed kind, address implementation);
    event PauseSet(bool trading, bool withdrawals);

    // ----------------------------------------------------------------- errors

    error MarketPaused();
    error NotListed(uint256 id);
    error AlreadyListed(uint256 id);
    error SeriesOpen(uint256 longs, uint256 shorts);
    error TooManySeries(uint256 count, uint256 most);
    error UnknownKind(uint256 kind);
    error TradingClosed(uint256 expiry, uint256 cutoff);
    error NoTrade();
    error DustSize(uint256 size, uint256 min);
    error PriceLimit(uint256 price, uint256 limit);

    /// @param net [size wad] options of the strike that the pool would have sold, negative for bought
    error InventoryExceeded(int256 net, uint256 max);
    error InsufficientCash(uint256 amount, int256 available);

    /// @param collateral [margin wad]
    /// @param required [margin wad]
    error InsufficientMargin(uint256 collateral, uint256 required);

    /// @param capital [margin wad]
    /// @param bound [margin wad]
    error InsufficientLiquidity(int256 capital, uint256 bound);
    error PositionHealthy(uint256 collateral, uint256 required);
    error NoPosition(address account, uint256 id);
    error NotFrozen(uint256 id);

    /// @param shorts [size wad] of frozen series that have not paid yet
    error SettleShortsFirst(uint256 shorts);

    /// @param base [base wad] that the pool has to sell before anybody loses
    error SellBaseFirst(uint256 base);
    error NotGuarantor(address caller, address guarantor);
    error NotPool(address caller);
    error PoolKnown();
    error TransferShort(uint256 received, uint256 expected);
    error FundTooSmall(uint256 amount, uint256 fund);

    // ---------------------------------------------------------------- actions

    /// @notice Adds money to an account.
    /// @param amount [margin wad]
    function deposit(address account, uint256 amount) external;

    /// @notice Takes money out of the caller's account.
    /// @param amount [margin wad]
    function withdraw(uint256 amount, address to) external;

    /// @notice Buys or writes against the pool.
    /// @param sizeDelta [size wad] negative to sell
    /// @param limitPrice [wad] the worst price for each option, without the fee
    /// @param collateralDelta [margin wad] from the account's money to the position's collateral, or back
    /// @param baseDelta [base wad] from the caller's wallet to the position, or back
    /// @return price [wad] for each option, without the fee
    function trade(uint256 id, int256 sizeDelta, uint256 limitPrice, int256 collateralDelta, int256 baseDelta)
        external
        returns (uint256 price);

    /// @notice What `trade` would fill at, and the collateral that the position would need.
    /// @return price [wad] for each option, without the fee
    /// @return fee [margin wad]
    /// @return required [margin wad] of collateral after it, base counted
    function previewTrade(address account, uint256 id, int256 sizeDelta, int256 baseDelta)
        external
        view
        returns (uint256 price, uint256 fee, uint256 required);

    /// @notice Moves collateral of the caller's position.
    function adjust(uint256 id, int256 collateralDelta, int256 baseDelta) external;

    /// @notice Buys back what an unsafe position has written and not covered.
    /// @return cost [margin wad]
    function liquidate(address account, uint256 id) external returns (uint256 cost);

    /// @notice What `liquidate` would do.
    /// @return size [size wad] bought back
    /// @return cost [margin wad]
    /// @return fee [margin wad]
    function previewLiquidation(address account, uint256 id)
        external
        view
        returns (uint256 size, uint256 cost, uint256 fee);

    /// @notice Fixes the payoffs of every series of an expiry whose price is locked.
    function freeze(uint256 expiry) external;

    /// @notice Exercises a frozen position and pays out. Anybody may, but for a guarantor's, which is settled by itself.
    /// @return amount [margin wad] to the account, negative where it pays
    function settle(address account, uint256 id) external returns (int256 amount);

    /// @notice What `settle` would do.
    /// @return amount [margin wad] to the account, negative where it pays
    /// @return base [base wad] paid by the account
    /// @return unpaid [margin wad] that it is owed and nobody has, or owes and does not have
    function previewSettle(address account, uint256 id)
        external
        view
        returns (int256 amount, uint256 base, uint256 unpaid);

    /// @notice Buys base that the pool was paid with.
    /// @param amount [base wad]
    /// @return paid [margin wad]
    function buyBase(uint256 amount, uint256 maxPrice) external returns (uint256 paid);

    /// @notice Takes base that a settlement or a liquidation freed.
    /// @return amount [base wad]
    function withdrawBase(address to) external returns (uint256 amount);

    /// @notice Gives to the insurance fund.
    function donate(uint256 amount) external;

    // ------------------------------------------------------------------- pool

    /// @notice Money in and out of the pool. Only the pool.
    function poolDeposit(address payer, uint256 amount) external;
    function poolWithdraw(address to, uint256 amount) external;

    /// @return [margin wad] what the pool is worth at the surface
    function poolCapital() external view returns (int256);

    /// @return [margin wad] that the pool's depositors may take
    function poolFree() external view returns (uint256);

    /// @return [margin wad] that the pool is worth less than nothing, beyond the fund
    function shortfall() external view returns (uint256);

    // ------------------------------------------------------------------ views

    function marginToken() external view returns (address);

    /// @return [wad] of the smallest amount of the token
    function marginUnit() external view returns (uint256);
    function baseToken() external view returns (address);
    function surface() external view returns (IVolSurface);
    function expiryPrice() external view returns (IExpiryPrice);
    function kindOf(uint256 kind) external view returns (IOptionKind);
    function paused() external view returns (bool);
    function withdrawalsPaused() external view returns (bool);
    function limitConfig() external view returns (LimitConfig memory);

    /// @return [base wad] that `withdrawBase` would give
    function baseOf(address account) external view returns (uint256);

    /// @return [margin wad] below zero only for a guarantor
    function cashOf(address account) external view returns (int256);
    function positionOf(address account, uint256 id) external view returns (Position memory);
    function seriesOf(uint256 id) external view returns (Series memory);

    /// @return ids of the series listed
    function series() external view returns (uint256[] memory ids);

    /// @return [wad] what one option is worth by the surface, or pays once frozen
    function markOf(uint256 id) external view returns (uint256);

    /// @notice What one option written and not covered needs: its value and a part of the index price, at most what can be
    /// lost.
    /// @return [wad] for each option, rounded up
    function unitMargin(uint256 id, bool initial) external view returns (uint256);

    /// @return [margin wad] that a position needs
    function requiredOf(address account, uint256 id, bool initial) external view returns (uint256);

    /// @return [size wad] options of the strike that the pool sold, less those it bought
    function inventoryOf(uint256 id) external view returns (int256);
}
