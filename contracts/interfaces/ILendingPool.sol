// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title A pool whose depositors lend to borrowers against one collateral.
///
/// @notice Depositors hold ERC-4626 shares. Borrowers pay a rate that rises with utilisation, gently up to the kink and
/// steeply beyond it. What is lent out cannot be withdrawn: with no cash in the pool withdrawals are frozen until
/// somebody repays, deposits or is liquidated.
///
/// @notice Units. Amounts of the asset are in its smallest unit, collateral is a wad that is truncated to whole units of
/// its token, prices and ratios are wads, indices rays. The asset counts as one dollar a unit of 18 decimals.
interface ILendingPool {
    /// @dev The terms of every loan.
    struct Terms {
        uint256 maxLoanToValue; // [wad] debt over collateral value that an action must leave at most
        uint256 liquidationThreshold; // [wad] debt over collateral value above which a loan can be liquidated
        uint256 liquidationBonus; // [wad] of the debt repaid, in collateral, for the liquidator
        uint256 closeFactor; // [wad] share of the debt that one liquidation repays at most
        uint256 reserveFactor; // [wad] share of the interest kept as the first loss
        uint256 debtFloor; // [asset wad] least debt of a loan
    }

    /// @dev A borrow rate of `base` at no utilisation, `base + low` at the kink, `base + low + high` at all lent out.
    struct RateCurve {
        uint256 base; // [wad a year]
        uint256 low; // [wad a year]
        uint256 high; // [wad a year]
        uint256 kink; // [wad] utilisation
    }

    // ----------------------------------------------------------------- events

    event TermsSet(Terms terms);
    event RateCurveSet(RateCurve curve);

    /// @param collateralDelta [wad] after truncation to token units
    /// @param debtDelta [asset wad] lent, or repaid when negative
    /// @param collateral [wad] of the loan now
    /// @param normalizedDebt [wad] of the loan now
    event LoanAdjusted(
        address indexed owner, int256 collateralDelta, int256 debtDelta, uint256 collateral, uint256 normalizedDebt
    );

    /// @param index [ray]
    /// @param interest [asset wad] that all borrowers together now owe more, rounded down
    event InterestAccrued(uint256 index, uint256 interest);

    /// @param repaid [asset wad]
    /// @param seized [wad] of collateral
    event LoanLiquidated(address indexed owner, address indexed liquidator, uint256 repaid, uint256 seized);

    /// @param fromReserves [asset wad] of a debt without collateral that reserves covered
    /// @param fromLenders [asset wad] that every share lost its part of
    event LossSocialised(address indexed owner, uint256 fromReserves, uint256 fromLenders);

    // ----------------------------------------------------------------- errors

    /// @notice Nothing would move, or it would round to nothing.
    error NothingMoved();

    /// @param wanted [asset wad]
    /// @param cash [asset wad] that is not lent out
    error InsufficientCash(uint256 wanted, uint256 cash);

    /// @param loanToValue [wad]
    /// @param max [wad]
    error Undercollateralised(uint256 loanToValue, uint256 max);

    /// @param loanToValue [wad]
    /// @param threshold [wad] above which it could be liquidated
    error LoanHealthy(uint256 loanToValue, uint256 threshold);

    /// @param debt [asset wad]
    /// @param floor [asset wad]
    error DebtBelowFloor(uint256 debt, uint256 floor);

    /// @param amount [wad] asked for
    /// @param available [wad]
    error InsufficientCollateral(uint256 amount, uint256 available);

    error NotOwner(address owner, address caller);

    /// @param received [token units]
    /// @param expected [token units]
    error TransferShort(uint256 received, uint256 expected);

    // ---------------------------------------------------------------- actions

    /// @notice Adds to or takes from a loan. Anyone may add collateral or repay; only the owner takes or borrows.
    /// @param collateralDelta [wad]; int256.min takes all
    /// @param debtDelta [asset wad] borrowed, or repaid when negative; int256.min repays all
    function adjust(address owner, int256 collateralDelta, int256 debtDelta) external;

    /// @notice Repays part of an unsafe loan and takes collateral worth that and the bonus. What a loan without
    /// collateral still owes is lost: reserves pay first, then the shares of all lenders.
    /// @param maxRepay [asset wad]
    /// @return repaid [asset wad]
    /// @return seized [wad] of collateral
    function liquidate(address owner, uint256 maxRepay) external returns (uint256 repaid, uint256 seized);

    /// @notice What `liquidate` would do now, or the revert it would meet.
    /// @return repay [asset wad]
    /// @return seized [wad] of collateral
    function previewLiquidation(address owner, uint256 maxRepay) external view returns (uint256 repay, uint256 seized);

    /// @notice Brings the index up to now. Every action does this first.
    /// @return index [ray]
    function accrue() external returns (uint256 index);

    // ------------------------------------------------------------------ views

    /// @return amount [asset wad] not lent out, as the pool itself records it
    function cash() external view returns (uint256 amount);

    /// @return amount [asset wad] lent out, interest until now included, rounded down
    function totalDebt() external view returns (uint256 amount);

    /// @return amount [asset wad] of interest kept as the first loss
    function reserves() external view returns (uint256 amount);

    /// @return ratio [wad] debt over debt and cash less reserves, 1 at most
    function utilisation() external view returns (uint256 ratio);

    /// @return rate [wad a year] that borrowers pay now
    function borrowRate() external view returns (uint256 rate);

    /// @return rate [wad a year] that lenders earn now, rounded down
    function supplyRate() external view returns (uint256 rate);

    /// @return collateral [wad]
    /// @return normalizedDebt [wad] times the index is the debt
    function loans(address owner) external view returns (uint256 collateral, uint256 normalizedDebt);

    /// @return debt [asset wad] at the index of now, rounded up
    function debtOf(address owner) external view returns (uint256 debt);

    /// @return ratio [wad] debt over collateral value, rounded up; uint256.max for debt without collateral
    function loanToValueOf(address owner) external view returns (uint256 ratio);
}
