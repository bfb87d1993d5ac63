// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IPrice} from "./IPrice.sol";

/// @title A market of one perpetual future, with a pool of depositors as everybody's counterparty.
///
/// @notice Units. Money is the margin token's, as a wad; an amount that moves is truncated towards zero to whole units
/// of the token. Prices are Dollars per asset as wads in both kinds of market. Rates are wads.
///
///     kind      margin and profit in   size [wad] counts     worth of one unit of size, in margin
///     linear    Dollar                 asset                 price
///     inverse   asset                  Dollar                -1 / price
///
/// In both a positive size gains when the price rises. Profit is size times the change of that worth.
///
/// @notice The premium is skew / skewScale, where skew is the sum of all sizes. A trade fills at the mean of the
/// premium before and after it, so no sequence of trades at one index price gains. In an inverse market the premium is
/// taken off 1 / price, which is the same for small premiums and keeps fills additive.
///
/// @notice The solvency rule: a trade that only reduces a position must leave equity at or above maintenance margin, any
/// other one at or above initial margin. Losses fall in one order: the account's margin, the insurance fund,
/// auto-deleveraging, and what is left on the pool's depositors (IBackstop).
interface IPerpMarket {
    struct Order {
        int256 sizeDelta; // [wad] 0 = no order is pending
        uint256 limitPrice; // [wad] the worst price accepted
        uint256 submittedAt; // [unix s] only a price observed later fills it
        uint256 executableAt; // [unix s]
        uint256 expiresAt; // [unix s] later it can only be cancelled
    }

    struct MarginConfig {
        uint256 initialRatio; // [wad] of notional that a trade or withdrawal must leave
        uint256 maintenanceRatio; // [wad] of notional below which the account is liquidated, < initialRatio
        uint256 liquidationFee; // [wad] of the notional closed, from the account's margin
        uint256 liquidatorShare; // [wad] of that fee, the rest is the insurance fund's
        uint256 wholeBelow; // [margin wad] notional below which a position is liquidated whole
    }

    struct FeeConfig {
        uint256 tradeFee; // [wad] of the notional traded
        uint256 fundShare; // [wad] of that fee, the rest is the pool's
    }

    struct LimitConfig {
        uint256 skewScale; // [size wad] skew at which the premium would be 1
        uint256 maxOpenInterest; // [size wad] of each side, at most half of skewScale
        uint256 maxSkew; // [size wad] net, either way
        uint256 capitalRatio; // [wad] pool capital bound by one of net notional
    }

    struct OrderConfig {
        uint256 delay; // [s] 0 = trades fill at once
        uint256 lifetime; // [s] after the delay
        uint256 tip; // [margin wad] from the account to whoever executes
    }

    enum FundingMode {
        Premium, // (P + clamp(r - P, -clamp, clamp)) each period, P the mean premium of the interval
        Velocity // the rate itself moves by premium times maxVelocity
    }

    struct FundingConfig {
        FundingMode mode;
        uint256 maxRate; // [wad per day] bound of the rate, either way
        uint256 period; // [s] that `interest`, `clamp` and the premium are rates for
        uint256 interval; // [s] between charges
        int256 interest; // [wad per period] r
        uint256 clamp; // [wad per period]
        uint256 maxVelocity; // [wad per day per day] at a premium of 1 or more
    }

    // ----------------------------------------------------------------- events

    /// @param amount [margin wad]
    event Deposited(address indexed account, address indexed payer, uint256 amount);

    /// @param amount [margin wad]
    event Withdrawn(address indexed account, address indexed to, uint256 amount);

    /// @notice What the books say of an account, after every change.
    /// @param size [size wad]
    /// @param margin [margin wad] cash, without profit that is not settled
    /// @param entryValue [margin wad] size times its worth at entry
    /// @param entryFunding [margin ray per size] funding index up to which it has paid
    event PositionChanged(address indexed account, int256 size, int256 margin, int256 entryValue, int256 entryFunding);

    /// @param sizeDelta [size wad]
    /// @param price [wad] of the fill
    /// @param fee [margin wad]
    /// @param realised [margin wad] profit, before the fee
    event Traded(address indexed account, int256 sizeDelta, uint256 price, uint256 fee, int256 realised);

    /// @param amount [margin wad] paid by the account to the pool, received when negative
    event FundingPaid(address indexed account, int256 amount);

    /// @param fundingIndex [margin ray per size] paid since the start by one unit of size
    /// @param rate [wad per day]
    event FundingAccrued(int256 fundingIndex, int256 rate);

    /// @param indexPrice [wad]
    /// @param skew [size wad]
    event SkewChanged(uint256 indexPrice, int256 skew, uint256 longSize, uint256 shortSize);

    event OrderSubmitted(
        address indexed account, int256 sizeDelta, uint256 limitPrice, uint256 executableAt, uint256 expiresAt
    );
    event OrderExecuted(address indexed account, address indexed executor, uint256 tip);
    event OrderCancelled(address indexed account);

    /// @param sizeClosed [size wad] signed like the position was
    /// @param price [wad] of the fill
    /// @param toLiquidator [margin wad]
    /// @param toFund [margin wad]
    /// @param deficit [margin wad] that the account could not pay
    event Liquidated(
        address indexed account,
        address indexed liquidator,
        int256 sizeClosed,
        uint256 price,
        uint256 toLiquidator,
        uint256 toFund,
        uint256 deficit
    );

    /// @param sizeClosed [size wad] signed like the position was
    /// @param price [wad] of the fill, before the haircut
    /// @param haircut [margin wad] of profit given up
    event Deleveraged(address indexed account, int256 sizeClosed, uint256 price, uint256 haircut);

    /// @param amount [margin wad] positive in, negative out
    event PoolChanged(int256 amount, int256 poolCash);

    /// @param deficit [margin wad] by which traders' profit exceeded the pool's capital
    event PoolBankrupt(uint256 deficit);

    /// @notice A typed setter ran; read the values from the view of that name.
    /// @param what "margin", "fee", "limit", "order" or "funding"
    event ParametersSet(bytes32 indexed what);
    event PauseSet(bool trading, bool withdrawals, bool liquidations);
    event FeedSet(address feed);
    event SatellitesSet(address pool, address backstop);

    // ----------------------------------------------------------------- errors

    /// @param equity [margin wad]
    /// @param required [margin wad]
    error InsufficientMargin(int256 equity, uint256 required);

    /// @param price [wad] of the fill
    /// @param limit [wad]
    error PriceLimit(uint256 price, uint256 limit);

    /// @notice While the fund is short, or the pool cannot pay what traders have won, profit stays in the market.
    /// @param shortfall [margin wad]
    error WithdrawalsPaused(uint256 shortfall);

    /// @param equity [margin wad]
    /// @param required [margin wad] maintenance margin
    error AccountHealthy(int256 equity, uint256 required);

    /// @param amount [margin wad] asked for
    /// @param available [margin wad]
    error InsufficientCash(uint256 amount, uint256 available);

    /// @param openInterest [size wad] of the side after the trade
    /// @param max [size wad]
    error OpenInterestExceeded(uint256 openInterest, uint256 max);

    /// @param skew [size wad] after the trade, without sign
    /// @param max [size wad]
    error SkewExceeded(uint256 skew, uint256 max);

    /// @param capital [margin wad] of the pool
    /// @param bound [margin wad] that the net position needs after it
    error InsufficientLiquidity(int256 capital, uint256 bound);

    error MarketPaused();
    error NoTrade();
    error NoPosition(address account);
    error NoOrder(address account);
    error OrderPending(address account);

    /// @param time [unix s] now, or when the price was observed, whichever is too early
    /// @param needed [unix s]
    error OrderTooEarly(uint256 time, uint256 needed);

    /// @param expiresAt [unix s]
    error OrderExpired(uint256 expiresAt);

    /// @param expiresAt [unix s] before which an order binds: cancelling it would be a free option
    error OrderBinding(uint256 expiresAt);
    error NotPool(address caller);
    error NotBackstop(address caller);
    error PoolSolvent(int256 capital);

    /// @param received [token units]
    /// @param expected [token units]
    error TransferShort(uint256 received, uint256 expected);

    // ---------------------------------------------------------------- actions

    /// @notice Adds margin to anybody's account, from the caller. Works in a paused market and without a price.
    /// @param amount [margin wad]
    function deposit(address account, uint256 amount) external;

    /// @notice Takes margin from the caller's account. What a pending order needs stays.
    /// @param amount [margin wad] at most `withdrawable`
    function withdraw(uint256 amount, address to) external;

    /// @notice Trades for the caller: fills at once where the order delay is zero, and otherwise submits an order.
    /// @param sizeDelta [size wad] bought, or sold when negative
    /// @param limitPrice [wad] the most a buyer pays, the least a seller takes
    /// @return filled whether it filled now
    function trade(int256 sizeDelta, uint256 limitPrice) external returns (bool filled);

    /// @notice Queues the caller's order, also where the delay is zero. It must be one that could fill now, its limit aside:
    /// an order without margin would be an option on the next price. A liquidation or deleveraging removes it.
    function submitOrder(int256 sizeDelta, uint256 limitPrice) external;

    /// @notice Fills a pending order at a price observed after it was submitted. Anyone may call it, for the tip.
    function executeOrder(address account) external;

    /// @notice Removes an order that has expired. Anyone may call it.
    function cancelOrder(address account) external;

    /// @notice Closes as much of an account below maintenance margin as brings it back to initial margin; all of it
    /// where that would not do or the position is small. Anyone may call it, for a share of the fee.
    /// @return closed [size wad] signed like the position was
    function liquidate(address account) external returns (int256 closed);

    /// @notice Brings the funding index up to now. Every action that has a price does this first.
    function accrueFunding() external returns (int256 fundingIndex);

    /// @notice Where traders' profit exceeds the pool's capital, passes the difference to the backstop. Anyone.
    /// @return deficit [margin wad]
    function settlePool() external returns (uint256 deficit);

    // ------------------------------------------------- for the pool, the fund

    /// @notice Takes `amount` from `payer` into the pool's capital. Only the pool.
    function poolDeposit(address payer, uint256 amount) external;

    /// @notice Pays `amount` of the pool's capital to `to`. Only the pool.
    function poolWithdraw(address to, uint256 amount) external;

    /// @notice Takes tokens for the insurance fund, whose books the backstop keeps. Only the backstop.
    /// @return taken [margin wad]
    function fundDeposit(address payer, uint256 amount) external returns (uint256 taken);

    /// @notice Pays tokens of the insurance fund. Only the backstop.
    function fundWithdraw(address to, uint256 amount) external;

    /// @notice Closes part of a profitable position and takes `haircut` of its profit. Only the backstop.
    /// @param size [size wad] without sign
    /// @param haircut [margin wad] at most; never more than the profit of what is closed
    /// @return taken [margin wad]
    function deleverage(address account, uint256 size, uint256 haircut) external returns (uint256 taken);

    /// @notice Takes a loss from the pool's capital. Only the backstop.
    /// @param amount [margin wad] at most
    /// @return taken [margin wad]
    function chargePool(uint256 amount) external returns (uint256 taken);

    // ------------------------------------------------------------------ views

    /// @return token in which margin is held and profit is paid
    function marginToken() external view returns (address token);

    /// @return unit [wad] of the smallest amount of the margin token
    function marginUnit() external view returns (uint256 unit);

    /// @return feed of the index price
    function indexFeed() external view returns (IPrice feed);

    /// @return inverse whether margin is the asset and size counts Dollars
    function inverse() external view returns (bool);

    /// @return account that takes the other side
    function pool() external view returns (address account);

    /// @return account that keeps the insurance fund
    function backstop() external view returns (address account);

    /// @return indexPrice [wad], or the feed's error
    function indexPrice() external view returns (uint256);

    /// @return price [wad] index and premium; positions are valued at it
    function markPrice() external view returns (uint256 price);

    /// @return premium [wad] skew over skewScale
    function premium() external view returns (int256);

    /// @return rate [wad per day] that longs pay now, received when negative
    function fundingRate() external view returns (int256 rate);

    /// @notice The funding index that `accrueFunding` would set now.
    /// @return fundingIndex [margin ray per size]
    function previewFunding() external view returns (int256 fundingIndex);

    /// @notice What a trade would fill at and cost now, without the checks of `trade`.
    /// @return fillPrice [wad]
    /// @return fee [margin wad]
    function previewTrade(address account, int256 sizeDelta) external view returns (uint256 fillPrice, uint256 fee);

    /// @notice What a trade that fills now would leave, or the revert it would meet.
    /// @return equity [margin wad] afterwards, at the worse of mark and exit price
    /// @return required [margin wad] afterwards
    function previewTradeMargin(address account, int256 sizeDelta, uint256 limitPrice)
        external
        view
        returns (int256 equity, uint256 required);

    /// @notice What `liquidate` would close, or the revert it would meet.
    /// @return closed [size wad] signed like the position
    /// @return fee [margin wad] for liquidator and fund together
    function previewLiquidation(address account) external view returns (int256 closed, uint256 fee);

    /// @return size [size wad] long when positive
    /// @return margin [margin wad] cash before funding that is not settled
    /// @return entryValue [margin wad] size times its worth at entry
    /// @return fundingDue [margin wad] that the account owes now and has not settled, rounded up
    /// @return principal [margin wad] deposited less withdrawn, what it may take while the fund is short
    function positionOf(address account)
        external
        view
        returns (int256 size, int256 margin, int256 entryValue, int256 fundingDue, uint256 principal);

    /// @return equity [margin wad] cash, profit at the mark and funding until now
    function equityOf(address account) external view returns (int256 equity);

    /// @return equity [margin wad] that would be left after closing now, before the fee
    function exitEquityOf(address account) external view returns (int256 equity);

    /// @param initial whether initial or maintenance margin
    /// @return required [margin wad]
    function marginOf(address account, bool initial) external view returns (uint256 required);

    /// @return notional [margin wad] of the position at the mark, rounded up
    function notionalOf(address account) external view returns (uint256 notional);

    /// @return amount [margin wad] that `withdraw` would pay now; 0 where it would revert
    function withdrawable(address account) external view returns (uint256 amount);

    /// @return pending order, sizeDelta 0 when there is none
    function orderOf(address account) external view returns (Order memory pending);

    /// @return long [size wad]
    /// @return short [size wad] without sign
    function openInterest() external view returns (uint256 long, uint256 short);

    /// @return size [size wad] sum of all accounts', the pool holds the opposite
    function skew() external view returns (int256 size);

    /// @return capital [margin wad] of the pool if every trader closed now, which no trade at one index price changes
    function poolCapital() external view returns (int256 capital);

    /// @return amount [margin wad] of the pool's capital that the net position binds
    function poolBound() external view returns (uint256 amount);

    /// @return amount [margin wad] that the pool could pay out now
    function poolFree() external view returns (uint256 amount);

    /// @return amount [margin wad] of the shortfall recorded, and of a pool that cannot pay
    function shortfall() external view returns (uint256 amount);

    /// @return trading whether trades and orders are refused
    function paused() external view returns (bool trading);
    function withdrawalsPaused() external view returns (bool);
    function liquidationsPaused() external view returns (bool);
    function marginConfig() external view returns (MarginConfig memory);
    function feeConfig() external view returns (FeeConfig memory);
    function limitConfig() external view returns (LimitConfig memory);
    function orderConfig() external view returns (OrderConfig memory);
    function fundingConfig() external view returns (FundingConfig memory);
}
