// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {IDecimals} from "../interfaces/IDecimals.sol";
import {IInstrument} from "../interfaces/IInstrument.sol";

/// @title What adapters of venues share: whom they obey and how they move money.
abstract contract InstrumentBase is IInstrument {
    using FixedPointMathLib for *;
    using SafeTransferLib for address;

    uint256 internal constant WAD = 1e18;
    int256 internal constant ONE = 1e18;

    address public immutable clearinghouse;
    address public immutable moneyToken;
    uint256 internal immutable moneyUnit; // [wad] of the smallest amount

    /// @param venue that draws on this contract
    constructor(address clearinghouse_, address token, address venue) {
        (clearinghouse, moneyToken) = (clearinghouse_, token);
        moneyUnit = 10 ** (18 - IDecimals(token).decimals());
        token.safeApprove(venue, type(uint256).max);
    }

    modifier onlyClearinghouse() {
        if (msg.sender != clearinghouse) revert NotClearinghouse(msg.sender);
        _;
    }

    /// @dev Money for the venue, in whole units.
    /// @return pulled [money wad]
    function _pullUp(uint256 amount) internal returns (uint256 pulled) {
        uint256 units = amount.divUp(moneyUnit);
        pulled = units * moneyUnit;
        moneyToken.safeTransferFrom(clearinghouse, address(this), units);
    }

    /// @dev All that lies here.
    function _giveBack() internal {
        uint256 units = moneyToken.balanceOf(address(this));
        if (units != 0) moneyToken.safeTransfer(clearinghouse, units);
    }

    /// @dev [money wad] rounded against the account that holds the size.
    function _timesDown(int256 size, uint256 price) internal pure returns (int256) {
        return
            size > 0 ? int256(uint256(size).fullMulDiv(price, WAD)) : -int256(uint256(-size).fullMulDivUp(price, WAD));
    }
}
