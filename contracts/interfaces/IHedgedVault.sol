// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title An ERC-4626 vault whose strategy hedges what it holds and is rebalanced by anybody when that is due.
///
/// @notice Amounts are in the smallest unit of the asset. Delta is relative to the vault's net assets where an error,
/// a band or a setting speaks of it. A share is worth what the strategy says at the mid, less fees owed, but its price
/// rises no faster than `maxGrowth`: a strategy that lies, or a gift, counts slowly; a loss counts at once.
///
/// @notice Leaving. What is liquid can be withdrawn at once. For the rest, shares are handed in by `requestRedeem` and
/// stay at risk until `settle` finds assets for them, first come, first served, at the price of that moment.
interface IHedgedVault {
    /// @dev Why a rebalance is due, the most urgent first.
    enum Reason {
        None,
        Margin, // the leveraged leg is too near to its liquidation
        Withdrawals, // shares wait for assets, more than a tip is worth
        Delta, // delta is outside its band
        Excess, // the leveraged leg is far too safe: money lies in it that could work
        Price, // the price moved since the last rebalance
        Time, // the last rebalance was long ago
        Idle // too much lies idle
    }

    /// @dev Where a rebalance takes a delta outside its band.
    enum RebalanceTo {
        Target,
        Edge
    }

    struct Limits {
        uint256 depositCap; // [asset units] of net assets that deposits may reach
        uint256 entryFee; // [wad] of a deposit, left to those who are in
        uint256 exitFee; // [wad] of a withdrawal, left to those who stay
        uint256 withdrawalDelay; // [s] that a request waits at least
        uint256 maxGrowth; // [wad a day] by which a share may rise, 0 = any
        uint256 maxDrop; // [wad] below the day's price at which nobody comes in, 0 = any
    }

    struct Fees {
        uint256 management; // [wad a year] of net assets
        uint256 performance; // [wad] of what a share rises above its highest price so far
        address recipient;
    }

    struct Triggers {
        uint256 band; // [wad of net assets] of |delta - target|
        uint256 priceMove; // [wad] since the last rebalance, 0 = never
        uint256 interval; // [s] since the last rebalance, 0 = never
        uint256 marginFloor; // [wad] margin ratio below which it is due, 0 = never
        uint256 marginCeiling; // [wad] margin ratio above which it is due, 0 = never
        uint256 idleBand; // [wad of net assets] above the buffer, 1 = never
    }

    struct Execution {
        RebalanceTo rebalanceTo;
        uint256 cooldown; // [s] between two rebalances; protecting the margin does not wait, for no tip
        uint256 maxSlippage; // [wad] of what is traded that may be lost against the mid
        uint256 maxTrade; // [wad of net assets] by which one rebalance moves delta, 0 = any
        uint256 buffer; // [wad of net assets] kept idle
        uint256 tip; // [asset units] for the keeper, a thousandth of net assets at most; none where too much margin stays
    }

    /// @dev What a rebalance did.
    struct Rebalanced {
        Reason reason;
        int256 deltaBefore; // [asset units] from the target
        int256 deltaAfter; // [asset units] from the target
        uint256 valueBefore; // [asset units] gross, at the mid
        uint256 valueAfter; // [asset units] gross, at the mid, the tip not yet paid
        uint256 traded; // [asset units] turnover
        uint256 tip; // [asset units] paid to the keeper
    }

    // ----------------------------------------------------------------- events

    event StrategySet(address strategy);
    event LimitsSet(Limits limits);
    event FeesSet(Fees fees);
    event TriggersSet(Triggers triggers);
    event ExecutionSet(Execution execution);

    event RebalanceDone(address indexed keeper, Rebalanced outcome);

    /// @param id number of the request, from 1 upwards
    event RedeemRequested(uint256 indexed id, address indexed owner, address indexed receiver, uint256 shares);

    /// @param shares burned, all of the request or a part
    /// @param assets [asset units] that the receiver can claim
    event RedeemSettled(uint256 indexed id, address indexed receiver, uint256 shares, uint256 assets);
    event Claimed(address indexed receiver, uint256 assets);

    /// @param management [asset units]
    /// @param performance [asset units]
    event FeesAccrued(uint256 management, uint256 performance);
    event FeesPaid(address indexed recipient, uint256 assets);

    /// @param price [ray of asset units per share] from which the growth of a share is counted anew
    event SharePriceAccepted(uint256 price);

    // ----------------------------------------------------------------- errors

    /// @param delta [wad of net assets] from the target
    /// @param band [wad of net assets]
    error RebalanceNotDue(int256 delta, uint256 band);

    /// @notice It would have left delta outside its band.
    /// @param delta [wad of net assets] from the target
    /// @param band [wad of net assets]
    error DeltaOutsideBand(int256 delta, uint256 band);

    /// @param got [asset units] of value afterwards
    /// @param min [asset units]
    error Slippage(uint256 got, uint256 min);

    /// @param until [unix s]
    error Cooldown(uint256 until);

    /// @param assets [asset units] or shares asked for
    /// @param max that can go in now: by the cap, and 0 while the value cannot be relied on or has just dropped
    error DepositRefused(uint256 assets, uint256 max);

    /// @param assets [asset units] or shares asked for
    /// @param max that can go out at once: by balance and liquidity, and 0 while the value cannot be relied on
    error WithdrawalRefused(uint256 assets, uint256 max);

    /// @param wanted [asset units]
    /// @param freed [asset units]
    error Illiquid(uint256 wanted, uint256 freed);

    /// @notice A token that takes a fee on the way is refused.
    /// @param received [asset units]
    /// @param expected [asset units]
    error TransferShort(uint256 received, uint256 expected);

    /// @notice Nothing would move, or it would round to nothing.
    error NothingMoved();
    error NotLive();
    error StrategyExists(address strategy);
    /// @dev The strategy serves another vault or asset.
    error StrategyMismatch(address strategy);

    // ------------------------------------------------------------ rebalancing

    /// @notice Brings delta, margin and idle assets where they belong and tips the caller. Reverts with
    /// RebalanceNotDue, Cooldown, Slippage, DeltaOutsideBand, NotLive, or what a market says.
    /// @param data for the strategy
    function rebalance(bytes calldata data) external returns (Rebalanced memory outcome);

    /// @notice What `rebalance` would do now, or the revert it would meet. It does it and takes it back, so it is no
    /// view: call it without a transaction.
    function previewRebalance(bytes calldata data) external returns (Rebalanced memory outcome);

    /// @return due whether `rebalance` may be called now
    /// @return reason why it is, or will be once the cooldown has passed
    function rebalanceDue() external view returns (bool due, Reason reason);

    /// @return delta [asset units]
    /// @return gamma [asset units]
    /// @return vega [asset units]
    function exposure() external view returns (int256 delta, int256 gamma, int256 vega);

    /// @return delta [wad of net assets] from the target
    function relativeDelta() external view returns (int256 delta);

    // ------------------------------------------------------------ withdrawals

    /// @notice Hands in shares for assets that are not liquid yet. They cannot be taken back.
    /// @param receiver who can claim the assets
    /// @param owner of the shares; others need an allowance
    /// @return id of the request, from 1 upwards
    function requestRedeem(uint256 shares, address receiver, address owner) external returns (uint256 id);

    /// @notice Turns waiting shares into claims, as far as idle assets reach, in their order. Anyone may call it.
    /// @param most requests looked at
    /// @return assets [asset units] set aside
    function settle(uint256 most) external returns (uint256 assets);

    /// @notice Sends what is set aside for `receiver`. Anyone may call it.
    /// @return assets [asset units]
    function claim(address receiver) external returns (uint256 assets);

    /// @return assets [asset units] set aside for `receiver`
    function claimable(address receiver) external view returns (uint256 assets);

    /// @return shares handed in and not yet settled
    function queuedShares() external view returns (uint256 shares);

    /// @return assets [asset units] that can leave at once, after those who wait
    function liquidAssets() external view returns (uint256 assets);

    // ------------------------------------------------------------------- fees

    /// @notice Sends fees to their recipient as far as idle assets reach. Anyone may call it, while the value can be
    /// relied on.
    /// @return assets [asset units]
    function payFees() external returns (uint256 assets);

    /// @return assets [asset units] owed to the recipient now
    function feesOwed() external view returns (uint256 assets);

    /// @return price [ray of asset units per share]
    function sharePrice() external view returns (uint256 price);

    /// @return capped whether the strategy's value counts at less than it says; nobody can come in then
    function isCapped() external view returns (bool capped);
}
