// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {Ownable} from "solady/src/auth/Ownable.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {ConstantProductPool} from "../amm/ConstantProductPool.sol";

/// @title What a liquidator asks of a pool of Aave V3.
interface IAavePool {
    /// @param amount of `asset` that the receiver gets, and has back with a premium when its callback returns
    function flashLoanSimple(address receiver, address asset, uint256 amount, bytes calldata data, uint16 code) external;

    /// @param most of the debt that is repaid; the pool may take less
    /// @param asReceipt whether the collateral is paid out as its receipt
    function liquidationCall(address collateral, address debt, address user, uint256 most, bool asReceipt) external;
}

/// @title A liquidator of Aave V3 without capital.
/// @notice In one transaction it borrows what it repays from the market itself, sells the collateral to a pool, pays
/// back and sends what is left to its owner. If less than the owner's minimum is left, nothing has happened.
contract AaveFlashLiquidator is Ownable {
    using SafeTransferLib for address;

    IAavePool public immutable market;
    ConstantProductPool public immutable pool;
    address public immutable collateral;
    address public immutable debt;
    address public immutable debtReceipt; // the token whose balances are what accounts owe

    /// @param profit [debt wad] that there was
    /// @param min [debt wad]
    error Unprofitable(int256 profit, uint256 min);
    error NotLender(address caller, address initiator);

    constructor(
        IAavePool market_,
        ConstantProductPool pool_,
        address collateral_,
        address debt_,
        address debtReceipt_
    ) {
        _initializeOwner(msg.sender);
        (market, pool) = (market_, pool_);
        (collateral, debt, debtReceipt) = (collateral_, debt_, debtReceipt_);
        collateral_.safeApprove(address(pool_), type(uint256).max);
        debt_.safeApprove(address(market_), type(uint256).max);
    }

    /// @notice Liquidates an account and sells what that brings. Anybody may call; the profit is the owner's.
    /// @param maxRepay [debt wad] most of the debt that is repaid
    /// @param minProfit [debt wad] least that must be left
    /// @return profit [debt wad]
    function liquidate(address user, uint256 maxRepay, uint256 minProfit) external returns (uint256 profit) {
        uint256 amount = FixedPointMathLib.min(maxRepay, debtReceipt.balanceOf(user));
        market.flashLoanSimple(address(this), debt, amount, abi.encode(user, minProfit), 0);
        profit = debt.balanceOf(address(this));
        debt.safeTransfer(owner(), profit);
    }

    /// @notice The market's callback: `amount` is here and has to be, with `premium`, when this returns.
    function executeOperation(address, uint256 amount, uint256 premium, address initiator, bytes calldata data)
        external
        returns (bool)
    {
        if (msg.sender != address(market) || initiator != address(this)) {
            revert NotLender(msg.sender, initiator);
        }
        (address user, uint256 minProfit) = abi.decode(data, (address, uint256));
        market.liquidationCall(collateral, debt, user, amount, false);
        pool.swap(collateral, collateral.balanceOf(address(this)), 0, address(this));
        int256 profit = int256(debt.balanceOf(address(this))) - int256(amount + premium);
        if (profit < int256(minProfit)) revert Unprofitable(profit, minProfit);
        return true;
    }
}
