// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ILendingPool} from "../../contracts/interfaces/ILendingPool.sol";
import {LendingPool} from "../../contracts/lending/LendingPool.sol";
import {PoolSystem} from "./CdpSystem.sol";

/// @dev A lending pool of Dollars against GOLD (6 decimals, 1,500 dollars) with a kink at 80 %.
///
///     loan to value 70 %, threshold 75 %, bonus 10 %, close factor 50 %, reserve factor 10 %, floor 100
///     2 % a year at no utilisation, 10 % at the kink, 110 % when all is lent out
abstract contract LendingSystem is PoolSystem {
    LendingPool internal lending;
    address internal lender = address(0x1E4D);

    function deployLending(uint256 dollars) internal {
        lending = new LendingPool(address(dollar), address(tokenOf[GOLD]), feedOf[GOLD], terms(), curve());
        if (dollars == 0) return;
        giveDollars(lender, dollars);
        vm.startPrank(lender);
        dollar.approve(address(lending), type(uint256).max);
        lending.deposit(dollars, lender);
        vm.stopPrank();
    }

    function terms() internal pure returns (ILendingPool.Terms memory) {
        return ILendingPool.Terms({
            maxLoanToValue: 0.7e18,
            liquidationThreshold: 0.75e18,
            liquidationBonus: 0.1e18,
            closeFactor: 0.5e18,
            reserveFactor: 0.1e18,
            debtFloor: 100e18
        });
    }

    function curve() internal pure returns (ILendingPool.RateCurve memory) {
        return ILendingPool.RateCurve({base: 0.02e18, low: 0.08e18, high: 1e18, kink: 0.8e18});
    }

    /// @dev Gives `who` the collateral and borrows on it.
    function borrow(address who, uint256 collateral, uint256 debt) internal {
        tokenOf[GOLD].mint(who, collateral / unitOf[GOLD]);
        vm.startPrank(who);
        tokenOf[GOLD].approve(address(lending), type(uint256).max);
        dollar.approve(address(lending), type(uint256).max);
        lending.adjust(who, int256(collateral), int256(debt));
        vm.stopPrank();
    }
}
